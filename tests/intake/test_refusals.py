"""Each reason for which a delivery is refused, by a delivery that has this fault and no other."""

import gzip
import json
import os
import zlib
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from jobs.bronze.source import Limits
from jobs.core.contracts import Feed
from jobs.intake.landing import printable
from tests.intake.world import (
    ABNORMAL,
    ACCOUNTS,
    APPEALS,
    CASES,
    DAY,
    SUBSCRIPTIONS,
    World,
    data_file,
    edit_manifest,
    records,
    replace_file,
    signer,
    verdicts,
)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def refusal(world: World) -> tuple[str | None, str]:
    """Reason and sentence of the one delivery, of which nothing is kept."""
    (answer,) = world.night()
    assert answer.status == "refused"
    assert answer.staged == []
    assert world.staged() == []
    return answer.reason, answer.detail or ""


def test_a_good_delivery_is_taken_whole_under_the_hash_of_its_bytes(world: World) -> None:
    folder = world.deliver(SUBSCRIPTIONS, records(SUBSCRIPTIONS, 3), records(SUBSCRIPTIONS, 2))
    (answer,) = world.night()
    assert (answer.status, answer.reason, answer.rows_in, answer.warnings) == ("taken", None, 5, [])
    assert [(file.name, file.rows) for file in answer.staged] == [
        ("part-0001.csv.gz", 3),
        ("part-0002.csv.gz", 2),
    ]
    for file in answer.staged:
        assert (world.root / "lake" / file.uri).read_bytes() == (folder / file.name).read_bytes()
    assert world.staged() == sorted(file.sha256 for file in answer.staged)


def test_a_folder_without_a_manifest_is_left_alone(world: World) -> None:
    (world.deliver() / "manifest.json").unlink()
    assert world.night() == []


def test_tomorrows_delivery_is_left_for_tomorrow(world: World) -> None:
    world.deliver(on=DAY.replace(day=23))
    assert world.night(DAY) == []
    assert verdicts(world.night(DAY.replace(day=23))) == [("d-1", "taken", None)]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[]",
        b"\xff\xfe{}",
        b'{"agency": "telecom"}',
        b'{"rows": NaN}',
        b'{"agency": "a", "agency": "b"}',
        b"[" * 100_000,
    ],
    ids=["empty", "cut", "list", "no_utf8", "keys_missing", "not_a_number", "key_twice", "deep"],
)
def test_a_manifest_that_cannot_be_read_is_unreadable(world: World, data: bytes) -> None:
    (world.deliver() / "manifest.json").write_bytes(data)
    assert refusal(world)[0] == "unreadable"


@pytest.mark.parametrize(
    "changes",
    [
        {"sequence": "1"},
        {"sequence": True},
        {"sequence": -1},
        {"sequence": 2**63},
        {"mode": "full"},
        {"produced_at": 5},
        {"produced_at": "2026-11-22T18:00:00"},
        {"produced_at": "0001-01-01T00:00:00+14:00"},
        {"files": None},
    ],
    ids=["text_number", "true", "negative", "huge", "mode", "no_text", "no_offset", "year_one", "no_files"],
)
def test_a_manifest_with_a_wrong_value_is_unreadable(world: World, changes: dict[str, object]) -> None:
    edit_manifest(world.deliver(), **changes)
    reason, detail = refusal(world)
    assert (reason, next(iter(changes)) in detail) == ("unreadable", True)


def test_a_file_that_the_manifest_names_twice_is_unreadable(world: World) -> None:
    folder = world.deliver()
    edit_manifest(folder, files=json.loads((folder / "manifest.json").read_bytes())["files"] * 2)
    assert refusal(world) == ("unreadable", "manifest.json: files: names a file twice")


@pytest.mark.parametrize("name", ["agency", "feed", "business_date", "delivery_id"])
def test_a_manifest_of_another_folder_is_a_wrong_path(world: World, name: str) -> None:
    edit_manifest(world.deliver(), **{name: "2026-11-21" if name == "business_date" else "other"})
    assert refusal(world) == ("path", f"manifest.json gives another {name} than the folder that it lies in")


def test_a_folder_whose_date_is_none_is_a_wrong_path(world: World) -> None:
    day = world.deliver().parent
    day.rename(day.with_name("last-week"))
    assert refusal(world)[0] == "path"


def test_an_unknown_feed_is_refused_whatever_it_holds(world: World) -> None:
    feed = world.deliver().parents[1]
    feed.rename(feed.with_name("horoscopes"))
    assert refusal(world) == ("unknown_feed", "there is no contract for a feed telecom/horoscopes")


def test_an_unknown_contract_version_is_refused(world: World) -> None:
    edit_manifest(world.deliver(), contract_version="9.0.0")
    assert refusal(world)[0] == "contract_version"


def test_a_snapshot_of_decisions_is_against_their_contract(world: World) -> None:
    world.deliver(APPEALS, mode="snapshot")
    reason, detail = refusal(world)
    assert reason == "contract_version"
    assert "mode snapshot" in detail


def test_once_a_key_is_registered_an_unsigned_delivery_is_refused(world: World) -> None:
    _, world.agencies["telecom"] = signer()
    world.deliver()
    assert refusal(world)[0] == "signature"


def test_a_signature_by_another_key_is_refused(world: World) -> None:
    _, world.agencies["telecom"] = signer()
    world.deliver(sign_with=signer()[0])
    assert refusal(world)[0] == "signature"


def test_a_manifest_changed_after_it_was_signed_is_refused(world: World) -> None:
    key, world.agencies["telecom"] = signer()
    edit_manifest(world.deliver(sign_with=key), sequence=2)
    assert refusal(world)[0] == "signature"


def test_a_delivery_signed_by_its_agency_is_taken(world: World) -> None:
    key, world.agencies["telecom"] = signer()
    world.deliver(sign_with=key)
    assert verdicts(world.night()) == [("d-1", "taken", None)]


@pytest.mark.parametrize(
    "name",
    [
        "../part-0001.csv",
        "/etc/hostname",
        "a/b.csv",
        "a\\b.csv",
        "..",
        ".",
        "",
        "a b.csv",
        "a\nb",
        "a\0b",
        "x" * 200,
        "manifest.json",
    ],
    ids=[
        "climbs",
        "absolute",
        "inside",
        "backslash",
        "parent",
        "self",
        "empty",
        "space",
        "newline",
        "nul",
        "long",
        "manifest",
    ],
)
def test_a_hostile_file_name_is_a_wrong_path(world: World, name: str) -> None:
    folder = world.deliver()
    (first,) = json.loads((folder / "manifest.json").read_bytes())["files"]
    edit_manifest(folder, files=[{**first, "name": name}])
    assert refusal(world)[0] == "path"


@pytest.mark.parametrize(
    "name", ["_x.csv", ".x.csv", "-x.csv", "号码.csv"], ids=["underscore", "dot", "dash", "chinese"]
)
def test_a_harmless_name_that_spark_would_skip_is_taken(world: World, name: str) -> None:
    folder = world.deliver()
    replace_file(folder, data_file(folder).read_bytes(), name=name)
    assert verdicts(world.night()) == [("d-1", "taken", None)]


def _symlink(file: Path) -> None:
    file.symlink_to(file.rename(file.with_suffix(".real")))


def _hardlink(file: Path) -> None:
    os.link(file, file.with_suffix(".second"))


def _pipe(file: Path) -> None:
    file.unlink()
    os.mkfifo(file)


def _folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


@pytest.mark.parametrize("make", [_symlink, _hardlink, _pipe, _folder], ids=["symlink", "hardlink", "pipe", "folder"])
@pytest.mark.parametrize("which", ["data", "manifest"])
def test_only_regular_files_are_opened(world: World, make: Callable[[Path], None], which: str) -> None:
    folder = world.deliver()
    make(data_file(folder) if which == "data" else folder / "manifest.json")
    assert refusal(world)[0] == "path"


def test_a_delivery_folder_that_is_a_link_is_a_wrong_path(world: World, tmp_path: Path) -> None:
    folder = world.deliver()
    folder.rename(tmp_path / "elsewhere")
    folder.symlink_to(tmp_path / "elsewhere")
    assert refusal(world)[0] == "path"


def test_a_missing_file_is_named(world: World) -> None:
    data_file(world.deliver()).unlink()
    assert refusal(world) == ("file_missing", "file part-0001.csv is not there")


def test_one_bad_file_of_many_refuses_them_all(world: World) -> None:
    folder = world.deliver(ABNORMAL, records(ABNORMAL, 2), records(ABNORMAL, 3))
    (folder / "part-0002.csv").unlink()
    assert refusal(world)[0] == "file_missing"


@pytest.mark.parametrize("tenth", range(10))
def test_a_file_cut_anywhere_has_a_wrong_hash(world: World, tenth: int) -> None:
    file = data_file(world.deliver(SUBSCRIPTIONS))
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) * tenth // 10])
    assert refusal(world)[0] == "hash"


def test_a_file_with_one_other_byte_has_a_wrong_hash(world: World) -> None:
    file = data_file(world.deliver())
    file.write_bytes(file.read_bytes().replace(b"-0", b"-9", 1))
    assert refusal(world) == ("hash", "file part-0001.csv does not have the SHA-256 that manifest.json says")


def test_a_file_past_its_size_is_too_large(world: World) -> None:
    world.limits = Limits(file_bytes=10)
    world.deliver()
    assert refusal(world)[0] == "too_large"


def test_a_line_without_end_is_too_large(world: World) -> None:
    header = ",".join(ABNORMAL.columns).encode()
    replace_file(world.deliver(), header + b"\n" + b"x" * (3 << 20), rows=1)
    assert refusal(world) == ("too_large", "file part-0001.csv has a record of more than 1048576 bytes")


def test_a_million_columns_are_too_large(world: World) -> None:
    header = ",".join([*ABNORMAL.columns, *(f"c{number}" for number in range(2_000))]).encode()
    replace_file(world.deliver(), header + b"\n", rows=0)
    assert refusal(world) == ("too_large", "file part-0001.csv has more than 1000 columns")


def test_a_gzip_bomb_is_stopped_long_before_it_is_unpacked(world: World) -> None:
    header = ",".join(SUBSCRIPTIONS.columns).encode() + b"\n"
    replace_file(world.deliver(SUBSCRIPTIONS), gzip.compress(header + b"\n" * (64 << 20), mtime=0), rows=0)
    assert refusal(world) == ("archive", "file part-0001.csv.gz unpacks to more than 100 times its size")


@pytest.mark.parametrize("feed", [ABNORMAL, SUBSCRIPTIONS, ACCOUNTS, CASES], ids=["csv", "gzip", "parquet", "jsonl"])
def test_a_bomb_of_zeros_is_an_archive_fault_before_it_is_a_long_line(world: World, feed: Feed) -> None:
    replace_file(world.deliver(feed), gzip.compress(bytes(64 << 20), mtime=0))
    assert refusal(world)[0] == "archive"


def test_what_unpacks_past_its_limit_is_an_archive_fault(world: World) -> None:
    world.limits = Limits(unpacked_bytes=100)
    world.deliver(SUBSCRIPTIONS)
    assert refusal(world)[0] == "archive"


def test_a_parquet_bomb_is_stopped_by_its_footer(world: World) -> None:
    world.limits = Limits(unpack_ratio=2, ratio_from=1_000)
    world.deliver(ACCOUNTS, pa.table({name: ["a" * 60_000 + name] * 4 for name in ACCOUNTS.columns}))
    assert refusal(world)[0] == "archive"


def test_a_huge_parquet_value_is_too_large(world: World) -> None:
    world.deliver(ACCOUNTS, records(ACCOUNTS, 2, account_no="9" * 70_000))
    assert refusal(world) == ("too_large", "file part-0001.parquet has a value of more than 65536 bytes")


def test_gzip_that_is_cut_is_unreadable_though_its_hash_is_right(world: World) -> None:
    folder = world.deliver(SUBSCRIPTIONS)
    replace_file(folder, data_file(folder).read_bytes()[:-9])
    assert refusal(world) == ("unreadable", "file part-0001.csv.gz is cut: its gzip data ends too early")


def test_gzip_with_a_wrong_checksum_is_unreadable(world: World) -> None:
    folder = world.deliver(SUBSCRIPTIONS)
    data = bytearray(data_file(folder).read_bytes())
    data[-5] ^= 1
    replace_file(folder, bytes(data))
    assert refusal(world)[0] == "unreadable"


def test_gzip_with_something_behind_it_is_unreadable(world: World) -> None:
    folder = world.deliver(SUBSCRIPTIONS)
    replace_file(folder, data_file(folder).read_bytes() + b"behind")
    assert refusal(world)[0] == "unreadable"


@pytest.mark.parametrize("at", [-1, -6, -20, 4], ids=["magic", "length", "footer", "page"])
def test_corrupt_parquet_is_unreadable_and_harms_nothing_else(world: World, at: int) -> None:
    folder = world.deliver(ACCOUNTS)
    data = bytearray(data_file(folder).read_bytes())
    data[at] ^= 0xFF
    replace_file(folder, bytes(data))
    world.deliver(ABNORMAL)
    bad, good = world.night()
    assert (bad.status, good.status) == ("refused", "taken")
    assert bad.reason in ("unreadable", "column_missing", "row_count", "archive")


@pytest.mark.parametrize(
    "data",
    [b"", b"PAR1", b"no parquet at all", b"PAR1" + b"\xff" * 8 + b"PAR1"],
    ids=["empty", "magic", "text", "length"],
)
def test_what_is_no_parquet_is_unreadable(world: World, data: bytes) -> None:
    replace_file(world.deliver(ACCOUNTS), data, rows=0)
    assert refusal(world) == ("unreadable", "file part-0001.parquet is not Parquet, or its footer is damaged")


def test_a_header_that_is_no_text_is_unreadable(world: World) -> None:
    replace_file(world.deliver(), "record_id,op".encode("utf-16"), rows=0)
    assert refusal(world) == ("unreadable", "file part-0001.csv has a header that is not utf-8 text")


def test_a_header_that_names_a_column_twice_is_unreadable(world: World) -> None:
    header = ",".join([*ABNORMAL.columns, "msisdn"]).encode()
    replace_file(world.deliver(), header + b"\n", rows=0)
    assert refusal(world) == ("unreadable", "file part-0001.csv names column 'msisdn' twice")


@pytest.mark.parametrize("feed", [ABNORMAL, ACCOUNTS, CASES], ids=["csv", "parquet", "jsonl"])
def test_a_missing_required_column_refuses_the_delivery(world: World, feed: Feed) -> None:
    world.deliver(feed, records(feed, 2).drop_columns(["recorded_at"]))
    reason, detail = refusal(world)
    assert (reason, "recorded_at" in detail) == ("column_missing", True)


def test_a_renamed_column_is_a_missing_one(world: World) -> None:
    names = ["MSISDN" if name == "msisdn" else name for name in ABNORMAL.columns]
    world.deliver(ABNORMAL, records(ABNORMAL, 2).rename_columns(names))
    assert refusal(world)[0] == "column_missing"


def test_an_empty_csv_file_has_no_column(world: World) -> None:
    replace_file(world.deliver(), b"", rows=0)
    assert refusal(world)[0] == "column_missing"


@pytest.mark.parametrize("feed", [ABNORMAL, SUBSCRIPTIONS, ACCOUNTS, CASES], ids=["csv", "gzip", "parquet", "jsonl"])
@pytest.mark.parametrize("rows", [1, 3])
def test_another_number_of_records_than_the_manifest_says_is_refused(world: World, feed: Feed, rows: int) -> None:
    folder = world.deliver(feed)
    replace_file(folder, data_file(folder).read_bytes(), rows=rows)
    reason, detail = refusal(world)
    assert reason == "row_count"
    assert detail.endswith(f"has 2 records; manifest.json says {rows}")


def test_a_manifest_past_its_size_is_too_large(world: World) -> None:
    edit_manifest(world.deliver(), remark="x" * (1 << 20))
    assert refusal(world)[0] == "too_large"


@pytest.mark.parametrize("feed", [ABNORMAL, SUBSCRIPTIONS, ACCOUNTS, CASES], ids=["csv", "gzip", "parquet", "jsonl"])
def test_a_delivery_without_a_record_is_taken(world: World, feed: Feed) -> None:
    world.deliver(feed, records(feed, 0))
    (answer,) = world.night()
    assert (answer.status, answer.rows_in, answer.warnings) == ("taken", 0, [])


def test_a_delivery_without_a_file_is_taken(world: World) -> None:
    edit_manifest(world.deliver(), files=[])
    (answer,) = world.night()
    assert (answer.status, answer.rows_in, answer.staged) == ("taken", 0, [])


def test_a_missing_optional_column_is_no_fault(world: World) -> None:
    world.deliver(ABNORMAL, records(ABNORMAL, 2).drop_columns(["case_id", "displayed_number"]))
    assert verdicts(world.night()) == [("d-1", "taken", None)]


def test_nothing_but_withdrawals_in_json_lines_needs_no_other_column(world: World) -> None:
    withdrawn = records(CASES, 2, op="withdraw").select(["record_id", "op", "recorded_at"])
    world.deliver(CASES, withdrawn)
    assert verdicts(world.night()) == [("d-1", "taken", None)]


@pytest.mark.parametrize("feed", [ABNORMAL, ACCOUNTS, CASES], ids=["csv", "parquet", "jsonl"])
def test_an_unknown_column_is_a_warning(world: World, feed: Feed) -> None:
    world.deliver(feed, records(feed, 2, remark="new"))
    (answer,) = world.night()
    assert (answer.status, answer.warnings) == ("taken", ["unknown column: remark"])


def test_files_that_the_manifest_does_not_name_are_left_aside(world: World) -> None:
    (world.deliver() / "notes.txt").write_text("left by somebody", encoding="utf-8")
    (answer,) = world.night()
    assert (answer.status, answer.warnings) == (
        "taken",
        ["1 files in the folder are not in manifest.json; they were left aside"],
    )


def test_the_compression_that_is_found_counts_and_not_the_one_that_is_agreed(world: World) -> None:
    plain = world.deliver(SUBSCRIPTIONS)
    replace_file(plain, gzip.decompress(data_file(plain).read_bytes()), name="part.csv")
    for sequence, feed in enumerate((ABNORMAL, ACCOUNTS, CASES), start=2):
        packed = world.deliver(feed, sequence=sequence)
        replace_file(packed, gzip.compress(data_file(packed).read_bytes(), mtime=0))
    assert {status for _, status, _ in verdicts(world.night())} == {"taken"}


def test_gzip_in_several_members_is_one_file(world: World) -> None:
    folder = world.deliver(SUBSCRIPTIONS)
    text = gzip.decompress(data_file(folder).read_bytes())
    cut = text.index(b"\n") + 1
    replace_file(folder, gzip.compress(text[:cut], mtime=0) + gzip.compress(text[cut:], mtime=0))
    assert verdicts(world.night()) == [("d-1", "taken", None)]


def test_names_with_control_characters_can_be_printed() -> None:
    assert printable("a\nb\x1b[31m") == "a\\nb\\x1b[31m"
    assert printable("号码") == "号码"
    assert len(printable("x" * 500)) == 120


def test_raw_deflate_is_not_mistaken_for_gzip(world: World) -> None:
    folder = world.deliver(SUBSCRIPTIONS)
    replace_file(folder, zlib.compress(gzip.decompress(data_file(folder).read_bytes())))
    assert refusal(world)[0] in ("unreadable", "column_missing")
