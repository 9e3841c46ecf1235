"""Deliveries as they are written: the manifest last, the same bytes for the same input, in every format."""

import gzip
import hashlib
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from jobs.bronze.records import read_records
from jobs.core.contracts import Feed
from jobs.intake.delivery import write_delivery
from tests.intake.world import ABNORMAL, ACCOUNTS, CASES, CONTRACTS, DAY, SUBSCRIPTIONS, World, records

PERSONS = CONTRACTS["public_security/persons_of_interest"]
INVOLVED = pa.list_(pa.struct([("role", pa.string()), ("identifier", pa.string())]))


@pytest.mark.parametrize("feed", [ABNORMAL, SUBSCRIPTIONS, PERSONS, ACCOUNTS, CASES], ids=lambda feed: feed.id)
def test_the_same_input_gives_the_same_bytes_and_the_manifests_hash(tmp_path: Path, feed: Feed) -> None:
    one, two = World(tmp_path / "one"), World(tmp_path / "two")
    folders = [world.deliver(feed, records(feed, 3), records(feed, 1)) for world in (one, two)]
    bytes_of = [{path.name: path.read_bytes() for path in folder.iterdir()} for folder in folders]
    assert bytes_of[0] == bytes_of[1]
    assert len(bytes_of[0]) == 3


def test_what_is_returned_is_the_hash_that_the_next_manifest_names(tmp_path: Path) -> None:
    world = World(tmp_path)
    said = write_delivery(
        world.landing,
        ABNORMAL,
        [],
        business_date=DAY,
        sequence=1,
        delivery_id="d",
        produced_at=datetime.fromisoformat("2026-11-22T18:00:00+08:00"),
    )
    (answer,) = world.night()
    assert (
        answer.manifest_sha256
        == said
        == hashlib.sha256(next(world.landing.rglob("manifest.json")).read_bytes()).hexdigest()
    )


def test_a_time_without_offset_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="produced_at must have an offset"):
        World(tmp_path).deliver(produced_at=datetime(2026, 11, 22))  # noqa: DTZ001 - that is the fault


def test_a_delivery_that_is_written_again_is_not_there_while_it_is_written(tmp_path: Path) -> None:
    world = World(tmp_path)
    folder = world.deliver()
    with pytest.raises(pa.ArrowException):
        world.deliver(ABNORMAL, pa.table({"record_id": pa.array([b"\xff"])}))
    assert not (folder / "manifest.json").exists()
    assert world.night() == []


def test_csv_is_quoted_where_it_must_be_and_packed_as_agreed(tmp_path: Path) -> None:
    folder = World(tmp_path).deliver(SUBSCRIPTIONS, pa.table({"record_id": ["1", "2"], "carrier": ["a", None]}))
    assert gzip.decompress((folder / "part-0001.csv.gz").read_bytes()) == b"record_id,carrier\n1,a\n2,\n"
    folder = World(tmp_path).deliver(PERSONS, pa.table({"record_id": ["1"], "name": ['张"三\n']}))
    assert (folder / "part-0001.csv").read_bytes() == 'record_id,name\n"1","张""三\n"\n'.encode("gb18030")


def test_json_lines_have_every_key_and_nested_arrays(tmp_path: Path) -> None:
    involved = pa.array(
        [[{"role": "payee", "identifier": 'a"\\\t'}, {"role": None, "identifier": "号"}], [], None], INVOLVED
    )
    folder = World(tmp_path).deliver(CASES, pa.table({"record_id": ["1", None, "3"], "involved": involved}))
    lines = [json.loads(line) for line in (folder / "part-0001.jsonl").read_text(encoding="utf-8").splitlines()]
    assert lines == [
        {
            "record_id": "1",
            "involved": [{"role": "payee", "identifier": 'a"\\\t'}, {"role": None, "identifier": "号"}],
        },
        {"record_id": None, "involved": []},
        {"record_id": "3", "involved": None},
    ]


def test_parquet_holds_the_table(tmp_path: Path) -> None:
    table = records(ACCOUNTS, 3)
    assert pq.read_table(World(tmp_path).deliver(ACCOUNTS, table) / "part-0001.parquet").equals(table)


@pytest.mark.parametrize("feed", [ABNORMAL, SUBSCRIPTIONS, PERSONS, ACCOUNTS, CASES], ids=lambda feed: feed.id)
@pytest.mark.parametrize("text", ["a,b", '"', 'x"y', "line\nline", "\r\n", " ", "号𠀀", "\\", "=1+1"], ids=ascii)
def test_any_text_comes_back_from_every_format(tmp_path: Path, feed: Feed, text: str) -> None:
    folder = World(tmp_path).deliver(feed, records(feed, 70_000 if text == "号𠀀" else 2, record_id=text))
    (file,) = folder.glob("part-*")
    found: list[Any] = [row for batch in read_records(str(file), feed) for row in batch.column("record_id").to_pylist()]
    assert set(found) == {text}
    assert len(found) == (70_000 if text == "号𠀀" else 2)
