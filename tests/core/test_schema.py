"""Table schemas: those we write down, those that follow from a contract, and frames that do not fit."""

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from pyspark.sql import functions as F

from jobs.core.contracts import load_contracts
from jobs.core.errors import UserError
from jobs.core.schema import bronze_table, conform, load_tables, silver_table
from jobs.core.settings import ROOT
from tests.core.world import FEED, TINY, write_schemas

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

SCHEMAS = ROOT / "schemas"
CALL_BASE = ["record_id", "op", "recorded_at", "sequence", "delivery_id", "file", "line", "business_date", "night_on"]


def test_bronze_holds_every_column_as_text_and_marks_the_personal_ones(tmp_path: Path) -> None:
    table = bronze_table(load_contracts(write_schemas(tmp_path))["telecom/calls"])
    kinds = {column.name: (column.type, column.classification) for column in table.columns}
    assert kinds["msisdn"] == ("STRING", "personal")
    assert kinds["began_at"] == ("STRING", "internal")
    assert kinds["unknown"] == ("MAP<STRING,STRING>", "personal")
    assert kinds["line"] == ("BIGINT", "internal")


def test_silver_holds_ids_and_types_in_place_of_identifiers(tmp_path: Path) -> None:
    table = silver_table(load_contracts(write_schemas(tmp_path))["telecom/calls"])
    assert table.names == [*CALL_BASE, "frees_only", "carrier", "began_at", "ended_at", "phone_id"]
    assert {column.name: column.type for column in table.columns}["phone_id"] == "BIGINT"


def test_a_moment_has_beside_it_whether_it_is_a_day(tmp_path: Path) -> None:
    feed = FEED.replace("{name: ended_at, logicalType: timestamp", "{name: ended_at, logicalType: moment")
    names = silver_table(load_contracts(write_schemas(tmp_path, feed))["telecom/calls"]).names
    assert names[-3:] == ["ended_at", "ended_at_is_day", "phone_id"]


def test_no_table_of_the_product_partitions_by_or_keeps_statistics_of_a_personal_column() -> None:
    tables = load_tables(SCHEMAS, load_contracts(SCHEMAS)).values()
    assert len(tables) > 80
    for table in tables:
        personal = {column.name for column in table.columns if column.classification == "personal"}
        assert personal & {*table.statistics, *table.partition_by} == set(), table.id
        assert {*table.key, *table.statistics, *table.partition_by} <= set(table.names), table.id


def test_only_bronze_and_the_vault_hold_personal_columns() -> None:
    tables = load_tables(SCHEMAS, load_contracts(SCHEMAS)).values()
    personal = {table.id for table in tables for column in table.columns if column.classification == "personal"}
    assert {name.split(".")[0] for name in personal} <= {"bronze", "vault"}


@pytest.mark.parametrize(
    ("right", "wrong", "expected"),
    [
        ("id: graph.tiny", "id: graph.huge", ":1: holds 'graph.huge', so the file must be called graph__huge.yml"),
        ("type: DATE", "typ: DATE", ":7: columns.2.typ: is not a known key; did you mean 'type'?"),
        ("statistics:", "statistic:", ":8: statistic: is not a known key"),
    ],
    ids=["name", "column-key", "key"],
)
def test_a_table_with_a_mistake_is_refused_with_file_and_line(
    tmp_path: Path, right: str, wrong: str, expected: str
) -> None:
    schemas = write_schemas(tmp_path, tiny=TINY.replace(right, wrong))
    with pytest.raises(UserError) as caught:
        load_tables(schemas, {})
    assert str(caught.value) == f"{schemas}/tables/graph__tiny.yml{expected}"


def test_a_frame_is_put_into_the_order_of_its_table(tmp_path: Path, spark: "SparkSession") -> None:
    table = load_tables(write_schemas(tmp_path), {})["graph.tiny"]
    frame = spark.createDataFrame([(date(2026, 11, 22), "a", 1)], "night_on date, text string, id bigint")
    assert [tuple(row) for row in conform(frame, table).collect()] == [(1, "a", date(2026, 11, 22))]


def test_a_frame_that_does_not_fit_is_refused_with_the_columns_that_do_not(
    tmp_path: Path, spark: "SparkSession"
) -> None:
    table = load_tables(write_schemas(tmp_path), {})["graph.tiny"]
    good = spark.createDataFrame([], table.struct)
    with pytest.raises(ValueError, match=r"^graph.tiny: columns missing: \['text'\]; not in the schema: none$"):
        conform(good.drop("text"), table)
    with pytest.raises(ValueError, match=r"^graph.tiny: columns missing: none; not in the schema: \['more'\]$"):
        conform(good.withColumn("more", F.lit(1)), table)
    with pytest.raises(ValueError, match=r"^graph.tiny.id: is int, must be bigint$"):
        conform(good.withColumn("id", F.col("id").cast("int")), table)
