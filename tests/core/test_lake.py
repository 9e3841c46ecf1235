"""Tables: seen at their pins, empty writes, what a night that died left behind, and nothing personal in Delta's log."""

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from jobs.core.errors import UserError
from jobs.core.frames import of_rows, schema_of
from jobs.core.lake import Lake
from jobs.core.schema import TableSchema, load_tables
from tests.core.world import TINY, write_schemas

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

ON = date(2026, 11, 22)
T = "graph.tiny"
CANARY = "13800138000"


class Shelf:
    """A lake in a folder, opened anew for each night."""

    def __init__(self, spark: "SparkSession", folder: Path, tiny: str = TINY) -> None:
        self.spark, self.root = spark, folder / "lake"
        self.tables: dict[str, TableSchema] = load_tables(write_schemas(folder, tiny=tiny), {})

    def lake(self, pins: dict[str, int] | None = None) -> Lake:
        return Lake(self.spark, str(self.root), self.tables, pins)

    def frame(self, *ids: int, text: str = "x") -> "DataFrame":
        return self.spark.createDataFrame([(i, text, ON) for i in ids], self.tables[T].struct).coalesce(1)

    def commits(self) -> list[str]:
        return sorted(path.name for path in (self.root / "graph" / "tiny" / "_delta_log").glob("*.json"))


def ids(lake: Lake) -> list[int]:
    return sorted(row["id"] for row in lake.read(T).collect())


@pytest.fixture
def shelf(spark: "SparkSession", tmp_path: Path) -> Shelf:
    return Shelf(spark, tmp_path)


def test_a_table_that_was_never_written_is_an_empty_frame_of_its_schema(shelf: Shelf) -> None:
    lake = shelf.lake()
    assert lake.read(T).schema == shelf.tables[T].struct
    assert ids(lake) == []
    assert lake.versions == {}
    assert not shelf.root.exists()


def test_a_night_sees_what_it_wrote_and_another_sees_only_what_is_pinned(shelf: Shelf) -> None:
    first = shelf.lake()
    first.append(T, shelf.frame(1))
    first.append(T, shelf.frame(2))
    assert (ids(first), first.versions) == ([1, 2], {T: 1})
    first.replace(T, shelf.frame(3))
    assert (ids(first), first.versions) == ([3], {T: 2})
    assert ids(shelf.lake()) == []
    assert ids(shelf.lake({T: 1})) == [1, 2]


def test_an_empty_first_write_makes_the_table_and_later_ones_no_version(shelf: Shelf) -> None:
    lake = shelf.lake()
    lake.append(T, shelf.frame())
    lake.append(T, shelf.frame())
    lake.replace(T, shelf.frame())
    assert (ids(lake), lake.versions) == ([], {T: 0})
    lake.append(T, shelf.frame(1))
    lake.append(T, shelf.frame())
    assert (ids(lake), lake.versions) == ([1], {T: 1})
    lake.replace(T, shelf.frame())
    assert (ids(lake), lake.versions) == ([], {T: 2})
    assert len(shelf.commits()) == 3


def test_what_a_night_that_died_wrote_is_undone_by_the_next_ones_first_write(shelf: Shelf) -> None:
    shelf.lake().append(T, shelf.frame(1))
    shelf.lake({T: 0}).append(T, shelf.frame(7))
    again = shelf.lake({T: 0})
    assert ids(again) == [1]
    again.append(T, shelf.frame())  # even when it has nothing to write
    assert ids(again) == [1]
    again.append(T, shelf.frame(2))  # and once only
    assert ids(shelf.lake(again.versions)) == [1, 2]


@pytest.mark.parametrize(
    ("how", "rows"), [("append", [1]), ("replace", [1]), ("append", [])], ids=["append", "replace", "nothing"]
)
def test_a_table_that_a_night_that_died_made_holds_only_what_the_next_one_writes(
    shelf: Shelf, how: str, rows: list[int]
) -> None:
    shelf.lake().append(T, shelf.frame(7, 8))
    again = shelf.lake()
    getattr(again, how)(T, shelf.frame(*rows))
    assert ids(shelf.lake(again.versions)) == rows


def test_an_unpinned_table_is_read_at_its_newest_and_never_undone(spark: "SparkSession", tmp_path: Path) -> None:
    shelf = Shelf(spark, tmp_path, TINY + "pinned: false\n")
    lake = shelf.lake()
    lake.append(T, shelf.frame(1))
    assert lake.versions == {}
    shelf.lake().append(T, shelf.frame(2))
    assert ids(lake) == [1, 2]
    assert ids(shelf.lake({T: 0})) == [1, 2]


def test_a_frame_that_does_not_fit_leaves_no_version_behind(shelf: Shelf) -> None:
    lake = shelf.lake()
    lake.append(T, shelf.frame(1))
    with pytest.raises(ValueError, match="columns missing"):
        lake.append(T, shelf.frame(2).drop("text"))
    assert (ids(lake), len(shelf.commits())) == ([1], 1)


def test_no_personal_value_stands_in_the_log_of_a_table(shelf: Shelf) -> None:
    lake = shelf.lake()
    lake.append(T, shelf.frame(1, 2, text=CANARY))
    lake.replace(T, shelf.frame(3, text=CANARY))
    shelf.lake({T: 0}).append(T, shelf.frame(4, text=CANARY))  # rolls back first
    log = shelf.root / "graph" / "tiny" / "_delta_log"
    everything = b"".join(path.read_bytes() for path in log.rglob("*") if path.is_file())
    assert len(shelf.commits()) == 4
    assert CANARY.encode() not in everything
    assert CANARY[:7].encode() not in everything
    assert b"2026-11-22" in everything  # statistics there are, of the column that the schema names


def test_a_table_is_partitioned_as_its_schema_says(spark: "SparkSession", tmp_path: Path) -> None:
    shelf = Shelf(spark, tmp_path, TINY.replace("statistics:", "partition_by:"))
    shelf.lake().append(T, shelf.frame(1))
    assert [path.name for path in (shelf.root / "graph" / "tiny").glob("night_on=*")] == ["night_on=2026-11-22"]


@pytest.mark.parametrize("torn", [b"\0" * 300, b'{"commitInfo":{"timesta'], ids=["zeros", "cut"])
def test_a_commit_that_was_torn_is_one_sentence_that_says_what_to_move(tmp_path: Path, torn: bytes) -> None:
    tables = load_tables(write_schemas(tmp_path, tiny=TINY), {})
    schema = schema_of(tables[T].ddl)
    rows = of_rows(schema, [dict.fromkeys(schema)])
    lake = Lake(_no_spark, str(tmp_path / "lake"), tables)
    lake.append(T, rows)
    log = tmp_path / "lake" / "graph" / "tiny" / "_delta_log"
    (log / "00000000000000000001.json").write_bytes(torn)
    with pytest.raises(
        UserError, match=r"with a higher number than 0 \(which the last night pinned\) away and run the night again"
    ):
        Lake(_no_spark, str(tmp_path / "lake"), tables, {T: 0}).append(T, rows)
    (log / "00000000000000000001.json").unlink()
    again = Lake(_no_spark, str(tmp_path / "lake"), tables, {T: 0})
    again.append(T, rows)
    assert again.frame(T).height == 2


def _no_spark() -> "SparkSession":
    raise AssertionError("this process needs no Spark")
