"""A delivery as it is landed: manifest, number, hashes, and one clear sentence for what can't be."""

import gzip
import hashlib
import json
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from jobs.core.contracts import CodeList, Feed, load_codes, load_contracts
from jobs.core.errors import UserError
from jobs.core.settings import ROOT
from jobs.intake.manifest import parse_manifest
from jobs.land import LandReport, land

PRODUCED = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
HOSTS = "# A list\n0.0.0.0 example.com\n0.0.0.0 www.example.com\n"
OUTCOMES = (
    "record_id,op,recorded_at,listing_id,recipient_id,outcome,acted_at\n1,upsert,2026-11-22,L1,bank,closed,2026-11-22\n"
)


@pytest.fixture(scope="module")
def contracts() -> dict[str, Feed]:
    return load_contracts(ROOT / "schemas")


@pytest.fixture(scope="module")
def codes() -> dict[str, CodeList]:
    return load_codes(ROOT / "schemas")


class Desk:
    """Lands files of a test below its own folder, and keeps what was said."""

    def __init__(self, folder: Path, contracts: dict[str, Feed], codes: dict[str, CodeList]) -> None:
        self.folder, self.contracts, self.codes = folder, contracts, codes
        self.said: list[str] = []

    def file(self, name: str, content: str | bytes) -> Path:
        path = self.folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def land(self, feed: str, *files: Path, **options: Any) -> LandReport:
        given: dict[str, Any] = {"business_date": date(2026, 11, 22), "produced_at": PRODUCED, **options}
        landing = self.folder / "landing"
        return land(
            feed,
            files,
            landing=landing,
            contracts=self.contracts,
            codes=self.codes,
            say=self.said.append,
            **given,
        )


@pytest.fixture
def desk(tmp_path: Path, contracts: dict[str, Feed], codes: dict[str, CodeList]) -> Desk:
    return Desk(tmp_path, contracts, codes)


def manifest_of(report: LandReport) -> Any:
    return parse_manifest((report.path / "manifest.json").read_bytes())


def test_the_manifest_says_what_was_landed(desk: Desk) -> None:
    report = desk.land("internet/scamblocklist_hosts", desk.file("hosts.txt", HOSTS))
    manifest = manifest_of(report)
    (part,) = manifest.files
    data = (report.path / part.name).read_bytes()

    assert (manifest.agency, manifest.feed, manifest.mode, manifest.rows) == (
        "internet",
        "scamblocklist_hosts",
        "snapshot",
        2,
    )
    assert (manifest.business_date, manifest.produced_at) == (date(2026, 11, 22), PRODUCED)
    assert (part.sha256, part.bytes) == (hashlib.sha256(data).hexdigest(), len(data))
    assert report.manifest_sha256 == hashlib.sha256((report.path / "manifest.json").read_bytes()).hexdigest()
    assert report.path.relative_to(desk.folder / "landing") == Path(
        "internet/scamblocklist_hosts/2026-11-22/scamblocklist_hosts-000001"
    )


def test_rows_without_a_date_are_dated_by_when_the_file_was_produced(desk: Desk) -> None:
    report = desk.land("internet/scamblocklist_hosts", desk.file("hosts.txt", HOSTS))
    with gzip.open(report.path / "part-0001.jsonl.gz", "rt") as lines:
        assert {json.loads(line)["recorded_at"] for line in lines} == {"2026-11-22T10:00:00+00:00"}


def test_the_next_delivery_continues_the_number_and_names_the_manifest_before(desk: Desk) -> None:
    hosts = desk.file("hosts.txt", HOSTS)
    first = desk.land("internet/scamblocklist_hosts", hosts)
    second = desk.land("internet/scamblocklist_hosts", hosts, business_date=date(2026, 11, 23))
    other = desk.land("internet/scamblocklist_adguard", desk.file("list.txt", "! A list\n||example.com^\n"))

    assert (first.sequence, second.sequence, other.sequence) == (1, 2, 1)
    assert manifest_of(first).previous_sha256 is None
    assert manifest_of(second).previous_sha256 == first.manifest_sha256


def test_the_same_file_lands_as_the_same_bytes(desk: Desk, tmp_path: Path, contracts: Any, codes: Any) -> None:
    (tmp_path / "other").mkdir()
    there = Desk(tmp_path / "other", contracts, codes)
    reports = [each.land("internet/scamblocklist_hosts", each.file("hosts.txt", HOSTS)) for each in (desk, there)]
    assert reports[0].manifest_sha256 == reports[1].manifest_sha256


def test_several_files_are_one_delivery_with_a_part_each(desk: Desk) -> None:
    packs = [
        desk.file(
            f"{name}.yaml",
            f"title: {name}\nlastmod: 2019-07-18\ncurrency: ETH\nlabel: example.com\n"
            f"tags:\n- address: '0x{digit * 40}'\n",
        )
        for name, digit in (("first", "1"), ("second", "2"))
    ]
    report = desk.land("finance/graphsense_tagpacks", *packs)
    assert [(part.name, part.rows) for part in manifest_of(report).files] == [
        ("part-0001.jsonl.gz", 1),
        ("part-0002.jsonl.gz", 1),
    ]
    assert (report.rows_read, report.rows_written) == (2, 2)


def test_what_was_dropped_is_said(desk: Desk) -> None:
    desk.land("internet/scamblocklist_hosts", desk.file("hosts.txt", HOSTS))
    assert desk.said[0].startswith("internet/scamblocklist_hosts: 3 rows read, 2 written to ")
    assert desk.said[1:] == ["  dropped comment: 1"]


# Files that are in the contract's format already


@pytest.mark.parametrize("packed", [False, True])
def test_a_file_in_the_contracts_format_is_landed_byte_for_byte(desk: Desk, packed: bool) -> None:
    content = gzip.compress(OUTCOMES.encode(), mtime=0) if packed else OUTCOMES.encode()
    report = desk.land("telecom/measure_outcomes", desk.file("outcomes", content))
    (part,) = manifest_of(report).files
    assert part.name == ("part-0001.csv.gz" if packed else "part-0001.csv")
    assert (report.path / part.name).read_bytes() == content
    assert (part.rows, report.rows_read, report.rows_written, report.mode) == (1, 1, 1, "delta")


def test_parquet_in_the_contracts_format_is_counted(desk: Desk, contracts: dict[str, Feed]) -> None:
    names = list(contracts["telecom/device_sightings"].columns)
    path = desk.folder / "sightings.parquet"
    pq.write_table(pa.table({name: ["a", "b", "c"] for name in names}), path)
    report = desk.land("telecom/device_sightings", path)
    assert (report.rows_written, (report.path / "part-0001.parquet").read_bytes()) == (3, path.read_bytes())


def test_a_file_without_a_column_that_the_contract_needs_is_refused(desk: Desk) -> None:
    path = desk.file("outcomes.csv", OUTCOMES.replace("recipient_id", "bank_id"))
    with pytest.raises(
        UserError, match=r"outcomes\.csv: has no column recipient_id, which the contract of telecom/measure"
    ):
        desk.land("telecom/measure_outcomes", path)


def test_a_file_in_another_format_is_refused_before_anything_is_written(desk: Desk) -> None:
    sound = desk.file("outcomes.csv", OUTCOMES)
    broken = desk.file("cut.csv.gz", gzip.compress(OUTCOMES.encode() * 100)[:-40])
    with pytest.raises(UserError, match=r"cut\.csv\.gz"):
        desk.land("telecom/measure_outcomes", sound, broken)
    assert not (desk.folder / "landing").exists()


# What can't be landed


def test_an_unknown_feed_is_named_with_the_nearest_one(desk: Desk) -> None:
    with pytest.raises(
        UserError,
        match="'internet/scamblocklist_host' is not a feed; did you mean internet/scamblocklist_hosts",
    ):
        desk.land("internet/scamblocklist_host", desk.file("hosts.txt", HOSTS))


@pytest.mark.parametrize(
    ("names", "message"), [(["absent.txt"], "there is no such file"), ([], "name at least one file")]
)
def test_no_file_is_a_user_error(desk: Desk, names: Sequence[str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        desk.land("internet/scamblocklist_hosts", *(desk.folder / name for name in names))


def test_a_mode_that_the_contract_does_not_have_is_refused(desk: Desk) -> None:
    path = desk.file("bank.json", '{"type": "hostname", "list": [".example.com"]}')
    with pytest.raises(UserError, match="guard/bank_websites: comes as snapshot, not as 'delta'"):
        desk.land("guard/bank_websites", path, mode="delta")


def test_a_time_of_production_without_an_offset_is_refused(desk: Desk) -> None:
    with pytest.raises(UserError, match="needs an offset"):
        desk.land("internet/scamblocklist_hosts", desk.file("h", HOSTS), produced_at=PRODUCED.replace(tzinfo=None))


def test_a_list_without_entries_is_refused_since_a_snapshot_of_it_would_withdraw_everything(
    desk: Desk,
) -> None:
    with pytest.raises(UserError, match="has no entries"):
        desk.land("internet/scamblocklist_hosts", desk.file("hosts.txt", "# A list\n"))
    assert not (desk.folder / "landing").exists()


def test_a_landing_area_whose_last_manifest_is_broken_is_not_continued(desk: Desk) -> None:
    hosts = desk.file("hosts.txt", HOSTS)
    first = desk.land("internet/scamblocklist_hosts", hosts)
    (first.path / "manifest.json").write_text("{", encoding="utf-8")
    with pytest.raises(UserError, match="the next number can't be known"):
        desk.land("internet/scamblocklist_hosts", hosts)


def test_two_deliveries_with_the_last_number_are_not_continued(desk: Desk) -> None:
    hosts = desk.file("hosts.txt", HOSTS)
    first = desk.land("internet/scamblocklist_hosts", hosts)
    fork = first.path.with_name("other")
    fork.mkdir()
    text = (first.path / "manifest.json").read_text(encoding="utf-8").replace("-000001", "-other")
    (fork / "manifest.json").write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match="two deliveries have the number 1"):
        desk.land("internet/scamblocklist_hosts", hosts)


def test_a_folder_without_a_manifest_is_no_delivery_and_is_written_over(desk: Desk) -> None:
    hosts = desk.file("hosts.txt", HOSTS)
    first = desk.land("internet/scamblocklist_hosts", hosts)
    (first.path / "manifest.json").unlink()
    again = desk.land("internet/scamblocklist_hosts", hosts)
    assert (again.sequence, again.path, again.manifest_sha256) == (1, first.path, first.manifest_sha256)
