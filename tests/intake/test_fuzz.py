"""Whatever an agency lands: each delivery is taken whole or refused with a reason of the closed list, and nothing else
in the world changes.

The number of inputs is bounded and they are the same in every run.
"""

import gzip
import hashlib
import json
import os
import shutil
import socket
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.bronze.records import read_records
from jobs.bronze.source import Limits
from jobs.core.contracts import Feed, load_codes
from jobs.core.settings import ROOT
from jobs.intake.answers import Answer, notes_on
from jobs.intake.landing import discover
from jobs.intake.manifest import MANIFEST
from tests.bronze.test_fuzz import HOSTILE, Edit, edited, edits
from tests.intake.world import (
    ABNORMAL,
    ACCOUNTS,
    CASES,
    CONTRACTS,
    DAY,
    SUBSCRIPTIONS,
    World,
    data_file,
    edit_manifest,
    records,
    replace_file,
    scratch,
    signer,
    verdicts,
)

REASONS = set(load_codes(ROOT / "schemas")["refusal_reasons"].codes)
PERSONS = CONTRACTS["public_security/persons_of_interest"]
FEEDS = [ABNORMAL, SUBSCRIPTIONS, PERSONS, ACCOUNTS, CASES]
BOUNDED = settings(max_examples=40, deadline=None, derandomize=True, database=None)
VALUE = "13800138000"
"""Stands in every personal column, and must stand in no message."""


@contextmanager
def fresh_world() -> Iterator[World]:
    """A landing area and a lake of their own, for one input."""
    with scratch() as folder:
        yield World(folder / "world")


def deliver(world: World, feed: Feed, **more: Any) -> Path:
    personal = {
        column.name: VALUE for column in feed.schema_ if column.classification == "personal" and not column.items
    }
    return world.deliver(feed, records(feed, 4, **personal), **more)


def tree(folder: Path) -> dict[str, tuple[int, int, str]]:
    """Everything below: kind and mode, time of change, content or target."""
    found = {}
    for path in sorted(folder.rglob("*")):
        state = path.lstat()
        if path.is_symlink():
            content = str(path.readlink())
        else:
            content = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        found[str(path.relative_to(folder))] = (state.st_mode, state.st_mtime_ns if path.is_file() else 0, content)
    return found


def ask(world: World) -> list[Answer]:
    """What intake answers, every promise of its held."""
    around = world.root.parent
    world.landing.mkdir(exist_ok=True, parents=True)
    before = tree(around)
    deliveries = discover(str(world.landing), DAY).found
    answers = world.night()
    after = tree(around)

    staged = f"{world.root.name}/lake/staged/"
    written = {path for path in after if path not in before and after[path][2]}
    assert {path: seen for path, seen in after.items() if path in before} == before, "something was changed"
    assert all(path.startswith(staged) for path in written), "something was written elsewhere"
    assert [answer.path for answer in answers] == sorted(one.path for one in deliveries), "not each is answered once"
    taken = {file.sha256 for answer in answers for file in answer.staged}
    assert set(world.staged()) == taken, "a file is staged that no delivery counts"
    for answer in answers:
        check(answer, world)
    for text in (*notes_on(answers), *(text for answer in answers for text in (answer.detail or "", *answer.warnings))):
        assert text.isprintable() or not text
        assert VALUE not in text
    assert world.night() == [], "the same is answered twice"
    return answers


def check(answer: Answer, world: World) -> None:
    """Wholly taken, or wholly refused."""
    if answer.status == "refused":
        assert answer.reason in REASONS
        assert answer.detail
        assert (answer.staged, answer.rows_in) == ([], None)
        return
    assert (answer.status, answer.reason) == ("taken", None)
    feed, rows = CONTRACTS[answer.feed_id], 0
    for file in answer.staged:
        path = world.root / "lake" / file.uri
        assert hashlib.sha256(path.read_bytes()).hexdigest() == file.sha256 == path.name
        read = sum(batch.num_rows for batch in read_records(str(path), feed))
        assert read == file.rows
        rows += read
    assert answer.rows_in == rows


# Data


@pytest.mark.parametrize("feed", FEEDS, ids=lambda feed: feed.id)
@given(data=st.binary(max_size=300), rows=st.integers(0, 3))
@BOUNDED
def test_random_bytes_as_a_data_file(feed: Feed, data: bytes, rows: int) -> None:
    with fresh_world() as world:
        replace_file(deliver(world, feed), data, rows=rows)
        ask(world)


@pytest.mark.parametrize("feed", FEEDS, ids=lambda feed: feed.id)
@given(changes=edits, is_packed=st.booleans(), rows=st.sampled_from([4, 4, 5]))
@BOUNDED
def test_broken_bytes_in_a_data_file_that_its_manifest_vouches_for(
    feed: Feed, changes: list[Edit], is_packed: bool, rows: int
) -> None:
    with fresh_world() as world:
        folder = deliver(world, feed)
        data = data_file(folder).read_bytes()
        is_packed = is_packed and not data.startswith(b"\x1f\x8b")
        data = edited(data, changes)
        replace_file(folder, gzip.compress(data, mtime=0) if is_packed else data, rows=rows)
        ask(world)


@given(changes=edits, feed=st.sampled_from(FEEDS))
@BOUNDED
def test_bytes_that_changed_under_way_are_refused(changes: list[Edit], feed: Feed) -> None:
    with fresh_world() as world:
        file = data_file(deliver(world, feed))
        whole = file.read_bytes()
        file.write_bytes(edited(whole, changes))
        (answer,) = ask(world)
        assert answer.reason == (None if file.read_bytes() == whole else "hash")


@pytest.mark.parametrize("tenth", range(10))
@pytest.mark.parametrize("feed", FEEDS, ids=lambda feed: feed.id)
def test_gzip_cut_at_any_tenth_is_refused_though_its_manifest_vouches_for_it(feed: Feed, tenth: int) -> None:
    with fresh_world() as world:
        folder = deliver(world, feed)
        data = data_file(folder).read_bytes()
        data = data if data.startswith(b"\x1f\x8b") else gzip.compress(data, mtime=0)
        replace_file(folder, data[: len(data) * tenth // 10])
        (answer,) = ask(world)
        nothing = {"csv": "column_missing", "jsonl": "row_count", "parquet": "unreadable"}[feed.format.type]
        assert answer.reason == ("unreadable" if tenth else nothing)


@pytest.mark.parametrize(
    "line", [b"null", b"null\nnull", b"[]", b"0", b"\xef\xbb\xbf", b"{}{}", b'{"a":1}null'], ids=ascii
)
def test_a_line_of_json_that_is_no_object_harms_nobody(line: bytes) -> None:
    """Arrow's JSON reader, which counted keys here, dies of `null`, and the whole night with it (Arrow 26)."""
    with fresh_world() as world:
        folder = deliver(world, CASES)
        good = data_file(folder).read_bytes()
        replace_file(folder, good + line + b"\n", rows=4 + len([one for one in line.split() if one != b"\xef\xbb\xbf"]))
        ask(world)


# Manifests


@given(data=st.binary(max_size=200))
@BOUNDED
def test_random_bytes_as_a_manifest(data: bytes) -> None:
    with fresh_world() as world:
        (deliver(world, ABNORMAL) / MANIFEST).write_bytes(data)
        assert [answer.reason for answer in ask(world)] == ["unreadable"]


@given(changes=edits)
@settings(BOUNDED, max_examples=120)
def test_broken_bytes_in_a_manifest(changes: list[Edit]) -> None:
    with fresh_world() as world:
        manifest = deliver(world, ABNORMAL) / MANIFEST
        manifest.write_bytes(edited(manifest.read_bytes(), changes))
        ask(world)


values = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8),
    st.sampled_from([
        2**63, -1, 10**40, 1e308, "\ud800", "\udc80", "a\0", "", "..", "/dev/zero", "../../../outside.csv", "_x", ".x", "a\nb", "x" * 300,
        "号" * 128, "0001-01-01", "9999-12-31", "1795341603", "2026-11-22T18:00:00", "2026-11-22T24:00:00Z", "2026-02-30", "NaN",
        "0" * 64, "F" * 64, [], {}, [None], [[]], {"name": "x"}, [{"name": None}], "delta\n", "infinity",
    ]),
)  # fmt: skip
PATHS = [
    *("agency", "feed", "contract_version", "delivery_id", "sequence", "previous_sha256", "business_date", "mode"),
    *("produced_at", "files", "remark", "files.name", "files.sha256", "files.bytes", "files.rows"),
]


@given(changes=st.dictionaries(st.sampled_from(PATHS), values, min_size=1, max_size=3))
@settings(BOUNDED, max_examples=250)
def test_any_value_at_any_place_of_a_manifest(changes: dict[str, Any]) -> None:
    with fresh_world() as world:
        (world.root / "outside.csv").parent.mkdir(exist_ok=True)
        manifest = deliver(world, ABNORMAL) / MANIFEST
        shutil.copy(data_file(manifest.parent), world.root / "outside.csv")
        said = json.loads(manifest.read_bytes())
        for path, value in changes.items():
            if path.startswith("files."):
                said["files"] = (
                    [{**(said["files"] or [{}])[0], path.removeprefix("files."): value}]
                    if isinstance(said["files"], list) and isinstance((said["files"] or [{}])[0], dict)
                    else value
                )
            else:
                said[path] = value
        manifest.write_text(json.dumps(said), encoding="utf-8")
        ask(world)


@pytest.mark.parametrize(
    "changes",
    [
        {"produced_at": "1795341603"},
        {"produced_at": "1795341603.5"},
        {"produced_at": "infinity"},
        {"business_date": "2026-11-22T00:00:00"},
        {"business_date": "1795305600"},
        {"business_date": "0001-01-01"},
        {"business_date": "9999-12-31"},
    ],
    ids=lambda changes: next(iter(changes.values())),
)
def test_a_time_that_is_not_written_as_one_is_unreadable(changes: dict[str, str]) -> None:
    with fresh_world() as world:
        edit_manifest(deliver(world, ABNORMAL), **changes)
        assert [answer.reason for answer in ask(world)] == ["unreadable"]


@pytest.mark.parametrize("day", ["0001-01-01", "1582-10-10", "9999-12-31", "2026-02-30", "２０２６-11-22"], ids=ascii)
def test_a_folder_of_a_day_that_never_was_is_a_wrong_path(day: str) -> None:
    """Nor does such a day come into a table: Parquet has two readings of those before 1582."""
    with fresh_world() as world:
        folder = deliver(world, ABNORMAL).parent
        folder.rename(folder.with_name(day))
        if day[:4].isascii():
            edit_manifest(folder.with_name(day) / "d-1", business_date=day)
        (answer,) = ask(world)
        assert answer.reason in ("path", "unreadable")
        assert answer.business_date is None


def test_a_manifest_nested_without_end_is_unreadable() -> None:
    with fresh_world() as world:
        manifest = deliver(world, ABNORMAL) / MANIFEST
        manifest.write_bytes(manifest.read_bytes().replace(b"{", b'{"remark": ' + b"[" * 400_000, 1))
        assert [answer.reason for answer in ask(world)] == ["unreadable"]


# Names and kinds of files


@pytest.mark.parametrize(
    "name",
    [
        "../outside.csv",
        "../../../../../../outside.csv",
        "{root}/outside.csv",
        "./part-0001.csv",
        "x/../part-0001.csv",
        "part-0001.csv/",
        "a\n",
        "\ud800",
    ],
    ids=ascii,
)
def test_a_name_that_leads_out_of_its_folder_is_not_followed_even_where_a_good_file_lies(name: str) -> None:
    with fresh_world() as world:
        folder = deliver(world, ABNORMAL)
        for above in [*folder.parents][:6]:
            shutil.copy(data_file(folder), above / "outside.csv")
        (first,) = json.loads((folder / MANIFEST).read_bytes())["files"]
        text = json.dumps(
            {**json.loads((folder / MANIFEST).read_bytes()), "files": [{**first, "name": name.format(root=world.root)}]}
        )
        (folder / MANIFEST).write_text(text, encoding="utf-8")
        assert [answer.reason for answer in ask(world)] == ["path"]


def link_outside(file: Path, outside: Path) -> None:
    file.symlink_to(outside)


def link_hard(file: Path, outside: Path) -> None:
    os.link(outside, file)


def link_to_itself(file: Path, outside: Path) -> None:
    file.symlink_to(file.name)


def link_to_a_device(file: Path, outside: Path) -> None:
    file.symlink_to("/dev/zero")


def link_to_the_kernel(file: Path, outside: Path) -> None:
    file.symlink_to("/proc/self/environ")


def put_a_pipe(file: Path, outside: Path) -> None:
    os.mkfifo(file)


def put_a_socket(file: Path, outside: Path) -> None:
    with chdir(file.parent), socket.socket(socket.AF_UNIX) as made:  # a whole path may be too long for it
        made.bind(file.name)


@pytest.mark.parametrize(
    "make", [link_outside, link_hard, link_to_itself, link_to_a_device, link_to_the_kernel, put_a_pipe, put_a_socket],
    ids=lambda make: make.__name__,
)  # fmt: skip
@pytest.mark.parametrize("which", ["data", "manifest", "signature"])
def test_what_is_no_file_of_its_own_is_refused_and_not_waited_for(make: Any, which: str, tmp_path: Path) -> None:
    """Even where what it leads to is the right file."""
    key, agency = signer()
    with fresh_world() as world:
        world.agencies["telecom"] = agency
        folder = deliver(world, ABNORMAL, sign_with=key)
        file = {"data": data_file(folder), "manifest": folder / MANIFEST, "signature": folder / "manifest.sig"}[which]
        outside = file.rename(world.root / "outside")
        make(file, outside)
        assert [answer.reason for answer in ask(world)] == ["signature" if which == "signature" else "path"]


@pytest.mark.parametrize("level", ["delivery", "day", "feed", "agency"])
@pytest.mark.parametrize(
    "target", ["itself", "/", "nowhere", "x/" * 2_100], ids=["itself", "root", "nowhere", "too_long"]
)
def test_a_folder_that_is_a_link_anywhere_stops_no_other_delivery(level: str, target: str) -> None:
    with fresh_world() as world:
        folder = deliver(world, ABNORMAL)
        above = {"delivery": 0, "day": 1, "feed": 2, "agency": 3}[level]
        try:
            (folder.parents[above] / "itself").symlink_to(target)
        except OSError:  # this file system has no such long link
            return
        assert verdicts(ask(world)) == [("d-1", "taken", None)]


def test_a_folder_that_nobody_may_look_into_stops_no_other_delivery(monkeypatch: pytest.MonkeyPatch) -> None:
    """Or one that is taken away at this moment."""
    with fresh_world() as world:
        deliver(world, ABNORMAL)
        closed = deliver(world, ACCOUNTS).parent
        look = os.scandir

        def scandir(path: Any) -> Any:
            if path == closed:
                raise PermissionError(13, "Permission denied")
            return look(path)

        with monkeypatch.context() as patch:
            patch.setattr(os, "scandir", scandir)
            assert verdicts(world.night()) == [("d-1", "taken", None)]
            assert discover(str(world.landing), DAY).closed == [closed.name]


@given(
    name=st.one_of(
        st.text(min_size=1, max_size=20),
        st.sampled_from(["_x", "a\nb", "x" * 200, "号" * 60, "\udcff", "a b", "~", "$(x)", "-rf"]),
    )
)
@BOUNDED
def test_a_delivery_folder_of_any_name_is_answered(name: str) -> None:
    with fresh_world() as world:
        folder = deliver(world, ABNORMAL)
        try:
            folder = folder.rename(folder.with_name(name))
        except (OSError, ValueError):  # no file system has such a name
            return
        manifest = json.loads((folder / MANIFEST).read_bytes())
        (folder / MANIFEST).write_text(json.dumps({**manifest, "delivery_id": name}), encoding="utf-8")
        assert len(ask(world)) == (0 if name.startswith(".") else 1)


# Limits and messages


@pytest.mark.parametrize(
    "limits",
    [
        Limits(files=1),
        Limits(file_bytes=50),
        Limits(delivery_bytes=50),
        Limits(manifest_bytes=50),
        Limits(record_bytes=20),
        Limits(columns=3),
        Limits(name_bytes=3),
    ],
    ids=lambda limits: next(name for name, value in vars(limits).items() if value != getattr(Limits(), name)),
)
def test_past_every_limit_is_too_large(limits: Limits) -> None:
    with fresh_world() as world:
        world.limits = limits
        world.deliver(ABNORMAL, records(ABNORMAL, 2), records(ABNORMAL, 3))
        assert [answer.reason for answer in ask(world)] == ["too_large"]


def test_sizes_that_a_manifest_only_claims_are_too_large_before_anything_is_read() -> None:
    with fresh_world() as world:
        folder = deliver(world, ABNORMAL)
        (first,) = json.loads((folder / MANIFEST).read_bytes())["files"]
        edit_manifest(folder, files=[{**first, "name": f"{number}.csv", "bytes": 8 << 30} for number in range(5)])
        assert [answer.reason for answer in ask(world)] == ["too_large"]


@pytest.mark.parametrize("feed", [ABNORMAL, CASES], ids=lambda feed: feed.id)
def test_a_column_called_by_a_value_is_masked_in_the_warning(feed: Feed) -> None:
    with fresh_world() as world:
        world.deliver(feed, records(feed, 2, **{VALUE: "x"}))
        (answer,) = ask(world)
        assert answer.warnings == ["unknown column: 138****8000"]


@pytest.mark.parametrize("cells", [[VALUE, VALUE], ["", ""], ["张三", "张三"]], ids=["phones", "empty", "names"])
def test_a_file_without_its_header_shows_nothing_of_its_first_record(cells: list[str]) -> None:
    with fresh_world() as world:
        replace_file(deliver(world, ABNORMAL), (",".join(cells) + "\n").encode(), rows=0)
        (answer,) = ask(world)
        assert answer.detail == "file part-0001.csv names a column twice"


def test_what_is_put_into_files_is_hostile() -> None:
    """The list has what lenient readers stumble over."""
    assert {b"\0", b'"', b"\r", b"\xef\xbb\xbf", b"NaN", b"\\ud800"} <= set(HOSTILE)


# Signatures


@given(changes=edits, which=st.sampled_from([MANIFEST, "manifest.sig"]))
@BOUNDED
def test_once_a_key_is_registered_nothing_but_its_own_signature_of_this_manifest_is_taken(
    changes: list[Edit], which: str
) -> None:
    key, agency = signer()
    with fresh_world() as world:
        world.agencies["telecom"] = agency
        folder = deliver(world, ABNORMAL, sign_with=key)
        whole = (folder / which).read_bytes()
        (folder / which).write_bytes(edited(whole, changes))
        (answer,) = ask(world)
        if (folder / which).read_bytes() == whole:
            assert answer.status == "taken"
        else:
            assert answer.status == "refused"


def test_a_signed_delivery_does_not_pass_in_another_place() -> None:
    """Its bytes are all right, and so is its signature: its folder isn't."""
    key, agency = signer()
    with fresh_world() as world:
        world.agencies["telecom"] = agency
        folder = deliver(world, ABNORMAL, sign_with=key)
        shutil.copytree(folder, folder.with_name("d-2"))
        assert verdicts(ask(world)) == [("d-1", "taken", None), ("d-2", "refused", "path")]


def test_a_key_that_is_registered_later_asks_only_for_what_comes_later() -> None:
    with fresh_world() as world:
        deliver(world, ABNORMAL)
        assert verdicts(world.night()) == [("d-1", "taken", None)]
        key, world.agencies["telecom"] = signer()
        deliver(world, ABNORMAL, sequence=2)
        deliver(world, ABNORMAL, sequence=3, sign_with=key)
        assert verdicts(world.night()) == [("d-2", "refused", "signature"), ("d-3", "taken", None)]
