"""What the product's parse is held against: Spark that only copies the feed, DuckDB with the same rules, and a row UDF in plain Python.

Each reads the same file and writes below `out`; `tables` gives back what a peer made of it, for benchmarks/agree.py to judge.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import phonenumbers
import polars as pl
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from benchmarks import given
from benchmarks.agree import Tables, read_parquet
from benchmarks.duck import duckdb_rules
from jobs.core.contracts import BASE_COLUMNS, Identifier
from jobs.identifiers.keys import node_id_py
from jobs.identifiers.rare import normalise_py
from jobs.identifiers.text import clean_py

__all__ = ["bare", "duckdb_rules", "row_udf", "tables"]

FOUND = "type string, id bigint, platform string, reasons array<struct<reason:string,column:string>>"
Found = tuple[str | None, int | None, str | None, list[tuple[str, str]]]


def bare(spark: SparkSession, path: Path, out: Path) -> None:
    """Spark reads the file as text and writes it back as Delta, and does nothing with it."""
    _read_text(spark, path).write.format("delta").mode("overwrite").save(str(out))


def row_udf(spark: SparkSession, path: Path, out: Path) -> None:
    """A Python function per identifier, called row by row; phones by libphonenumber. What Spark does well is left to it: lists, times, the
    decision. One table: rows that are good have null reasons."""
    identifiers = given.feed().identifiers.items()
    found = {label: F.udf(_reader(one), FOUND, useArrow=False).asNondeterministic() for label, one in identifiers}
    is_said = ~F.col("op").eqNullSafe("withdraw")
    names = [name for name in given.feed().columns if name not in BASE_COLUMNS]
    text = _read_text(spark, path).select(*BASE_COLUMNS, *(F.when(is_said, F.col(name)).alias(name) for name in names))
    called = {f"_{label}": found[label](*(F.col(name) for name in _columns_of(one))) for label, one in identifiers}
    timed = {
        f"_{name}": _time(F.col(name))
        for name, column in given.feed().columns.items()
        if column.logicalType == "timestamp"
    }
    rows = text.withColumns(called | timed)
    rows = rows.withColumn(
        "_faults",
        F.concat(F.array_compact(F.array(*_faults())), *(F.col(f"_{label}.reasons") for label, _ in identifiers)),
    )
    _told(rows).write.format("delta").mode("overwrite").save(str(out))


def tables(name: str, out: Path) -> Tables:
    """What a peer that checks made of the file."""
    if name == "duckdb":
        return read_parquet(out)
    rows = pl.read_delta(str(out))
    is_good = pl.col("reasons").is_null()
    return rows.filter(is_good).select(given.GOOD), rows.filter(~is_good).select(given.BROKEN)


def _read_text(spark: SparkSession, path: Path) -> DataFrame:
    schema = ", ".join(f"{name} STRING" for name in given.feed().columns)
    return spark.read.csv(str(path), schema=schema, header=True, escape='"')


# The functions that are called row by row


def _columns_of(one: Identifier) -> list[str]:
    return [name for name in (one.value, one.type_from, one.scope) if name is not None]


def _reader(one: Identifier) -> Callable[..., Found]:
    if one.type == "phone":
        return _read_phone
    return _Reader(one)


class _Reader:
    """An identifier that is no phone; it travels to Spark's workers."""

    def __init__(self, one: Identifier) -> None:
        self._one, self._lists, self._kinds = one, given.lists(), set(given.codes()["doc_types"].codes)

    def __call__(self, text: str | None, other: str | None = None) -> Found:
        kind, platform = self._one.type, None
        if self._one.type_from is not None:
            kind = other if other in self._kinds else None
        if self._one.scope is not None:
            platform = self._lists.platforms.get((clean_py(other) or "").lower())
            if platform is None:
                is_blank = other is None or not other.strip(" ")
                return kind, None, None, [] if is_blank else [("unknown_code", self._one.scope)]
        if kind is None:
            return None, None, None, []
        type_, value, reasons = normalise_py(kind, text, platform, given.ON, self._lists)
        return type_, _id(type_, value), platform, [(reason, self._one.value) for reason in reasons]


def _read_phone(text: str | None) -> Found:
    """As most would write it. It takes no short numbers, which the product's rules do; the feed has none."""
    cleaned = clean_py(text)
    if cleaned is None:
        return "phone", None, None, []
    try:
        number = phonenumbers.parse(cleaned, "CN")
    except phonenumbers.NumberParseException:
        return "phone", None, None, [("phone_invalid", "msisdn")]
    if not phonenumbers.is_valid_number(number):
        return "phone", None, None, [("phone_invalid", "msisdn")]
    value = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return "phone", _id("phone", value), None, []


def _id(type_: str | None, value: str | None) -> int | None:
    return None if value is None else node_id_py(given.KEY, type_, value)


# What Spark does of it


def _time(text: Column) -> Column:
    midnight = F.when(text.rlike(f"^{given.DATE}$"), F.concat(text, F.lit("T00:00:00 Asia/Shanghai")))
    return F.coalesce(midnight, F.when(text.rlike(f"^{given.INSTANT}$"), text)).try_cast("timestamp")


def _faults() -> list[Column]:
    """What is missing, no code of its list, no time, or a time that cannot be."""
    said = ~F.col("op").eqNullSafe("withdraw")
    found = []
    for name, column in given.feed().columns.items():
        text, is_blank = F.col(name), F.coalesce(F.trim(F.col(name)) == "", F.lit(True))
        if column.required:
            found.append(_fault(is_blank if name in BASE_COLUMNS else is_blank & said, "missing_value", name))
        if column.codes:
            found.append(_fault(~is_blank & ~text.isin(list(given.codes()[column.codes].codes)), "unknown_code", name))
        if column.logicalType == "timestamp":
            found.append(_fault(~is_blank & F.col(f"_{name}").isNull(), "wrong_type", name))
    found.append(_fault(F.col("_recorded_at") > F.lit(given.LATEST), "recorded_in_future", "recorded_at"))
    backwards = F.col("_deactivated_at") < F.col("_activated_at")
    return found + [_fault(backwards, "ends_before_it_starts", name) for name in ("activated_at", "deactivated_at")]


def _fault(broken: Column, reason: str, column: str) -> Column:
    return F.when(broken, F.struct(F.lit(reason).alias("reason"), F.lit(column).alias("column")))


def _told(rows: DataFrame) -> DataFrame:
    is_good = F.size("_faults") == 0
    made: dict[str, Column] = {name: F.col(f"_{name}") for name in ("recorded_at", "activated_at", "deactivated_at")}
    made |= {f"{label}_id": F.col(f"_{label}.id") for label in given.feed().identifiers}
    made |= {"platform": F.col("_account.platform"), "holder_type": F.col("_holder.type")}
    named: dict[str, Any] = {"reasons": "reason", "columns": "column"}
    told = [
        F.when(~is_good, F.array_sort(F.array_distinct(F.col(f"_faults.{part}")))).alias(name)
        for name, part in named.items()
    ]
    return rows.select(*(made.get(name, F.col(name)).alias(name) for name in given.GOOD), *told)
