"""Literal rows as frames, for the tests of signals and of the listing."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.types import StructType

from jobs.core.contracts import load_codes, load_contracts
from jobs.core.schema import load_tables
from jobs.core.settings import ROOT
from jobs.policy import load_policy

POLICY = load_policy(ROOT / "schemas", "default")
CONTRACTS = load_contracts(ROOT / "schemas")
TABLES = load_tables(ROOT / "schemas", CONTRACTS)
LEVELS = {code: int(a["rank"]) for code, a in load_codes(ROOT / "schemas")["authority_levels"].codes.items()}
CITY = ["city", "province", "national"]


def at(text: str) -> datetime:
    """A moment in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def frame(spark: SparkSession, ddl: str, rows: Iterable[dict[str, Any]]) -> DataFrame:
    """The rows as a frame; what a row does not name is null, and a name that is no column fails."""
    schema = StructType.fromDDL(ddl)
    assert isinstance(schema, StructType)
    rows = list(rows)
    assert {name for row in rows for name in row} <= set(schema.names)
    return spark.createDataFrame([tuple(row.get(name) for name in schema.names) for row in rows], schema)


def table(spark: SparkSession, name: str, rows: Iterable[dict[str, Any]]) -> DataFrame:
    """The rows as a frame with the columns of a table of the lake."""
    return frame(spark, TABLES[name].ddl, rows)
