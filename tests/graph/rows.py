"""Literal rows for the tests of the graph: times are written as days, and read back as days."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import StructType, TimestampType

from jobs.identifiers.keys import node_id_py

KEY = b"a key for tests only"
FOREVER = "9999-12-31"
BEGINNING = "0001-01-01"
ORDER_DDL = "recorded_at timestamp, sequence bigint, delivery_id string, file string, line bigint"


def moment(text: str) -> datetime:
    """`2026-01-31` or `2026-01-31 12:30`, in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def build(spark: SparkSession, ddl: str, rows: list[dict[str, Any]]) -> DataFrame:
    """One row per dict; what a dict leaves out is null, and the place that a version stood in is that of a first delivery."""
    schema = StructType.fromDDL(ddl)
    times = {field.name for field in schema if isinstance(field.dataType, TimestampType)}
    usual = {"sequence": 1, "delivery_id": "d1", "file": "part-1"}
    full = [{"line": line, **usual, **row} for line, row in enumerate(rows, start=1)]
    return spark.createDataFrame(
        [
            tuple(moment(row[n]) if n in times and row.get(n) is not None else row.get(n) for n in schema.names)
            for row in full
        ],
        schema,
    )


def read(frame: DataFrame) -> list[dict[str, Any]]:
    """Every row, with times as `build` takes them: a day when it is midnight."""
    shown = [
        F.regexp_replace(F.date_format(f.name, "yyyy-MM-dd HH:mm"), " 00:00$", "").alias(f.name)
        if isinstance(f.dataType, TimestampType)
        else F.col(f.name)
        for f in frame.schema
    ]
    return [row.asDict(recursive=True) for row in frame.select(*shown).collect()]


def tenure(phone_id: int, since: str | None) -> int:
    """The node id of a tenure, as Python works it out."""
    return node_id_py(
        KEY, "tenure", str(phone_id), None if since is None else moment(since).strftime("%Y-%m-%dT%H:%M:%S.%f")
    )
