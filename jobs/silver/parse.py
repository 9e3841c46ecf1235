"""Bronze to parsed rows: every contract compiled to one frame of column expressions (spec/feeds.md, "A
record").

A row that breaks its contract keeps every reason. What is good goes to silver; what is quarantined but
frees somebody goes there too, marked, with whatever of it can be read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from pyspark.sql import Column as Expr
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.core.contracts import BASE_COLUMNS, CodeList, Column, Feed
from jobs.core.schema import silver_table
from jobs.silver.check import FAULTS, check_columns, fault, no_faults, parts_of, raw
from jobs.silver.elements import BROKEN, add_elements, names_of, texts_of
from jobs.silver.shape import FOUND, found_identifiers, silver_columns
from jobs.silver.steps import Steps, built_once
from jobs.silver.types import is_blank

LATEST = "INTERVAL 1 HOUR"
"""A record may be recorded this long after its delivery was made; clocks differ."""
_DELIVERY = ("sequence", "delivery_id", "file", "line", "business_date", "night_on")


def parse_records(bronze: DataFrame, feed: Feed, codes: Mapping[str, CodeList], key: bytes) -> DataFrame:
    """One row per record: silver's columns, `_is_good`, `_reasons` and `_columns` (sorted, distinct;
    which columns broke a rule), `_broken` (BROKEN: elements that are set aside), `_found` (FOUND: the
    identifiers that silver's ids stand for; none of a row that is not good). `frees_only` rows are not
    good and go to silver; a row that is neither is for quarantine alone.
    """
    arrays = [column for column in feed.schema_ if column.items is not None]
    name = (bronze.sparkSession.sparkContext.applicationId, feed.id, None, key)
    steps = built_once(name, (feed, codes), lambda: _record_steps(feed, codes, key))
    frame = steps.apply(_raw_columns(bronze, feed))
    for column in arrays:
        frame = add_elements(frame, feed, column, codes, key)
    frame = frame.withColumn(
        "_faults", F.concat("_faults", F.array_compact(F.array(*_row_faults(feed, arrays))).cast(FAULTS))
    )
    return _decide(frame, feed, [column.name for column in arrays], list(feed.identifiers))


def _record_steps(feed: Feed, codes: Mapping[str, CodeList], key: bytes) -> Steps:
    base, own = feed.schema_[: len(BASE_COLUMNS)], feed.schema_[len(BASE_COLUMNS) :]
    parts = parts_of(own, feed.identifiers, codes)
    steps = check_columns(base, [], codes, key, _is_whole())
    return steps.then(check_columns(own, parts, codes, key, _is_said()))


def _row_faults(feed: Feed, arrays: list[Column]) -> list[Expr]:
    """Rules that more than one column has a part in."""
    faults = [
        fault(~_is_whole(), "undecodable", None),
        fault(_is_future(), "recorded_in_future", "recorded_at"),
    ]
    faults += [each for column in arrays for each in _array_faults(column)]
    faults += [each for pair in feed.intervals for each in _interval_faults(feed, *pair)]
    faults += [each for reason, broken in feed.rules.items() for each in _rule_faults(feed, reason, broken)]
    return faults


def _is_whole() -> Expr:
    """Of a record that could not be read to its end, what is missing says nothing."""
    return F.col("undecodable").isNull()


def _is_said() -> Expr:
    return _is_whole() & ~raw("op").eqNullSafe("withdraw")


def _raw_columns(bronze: DataFrame, feed: Feed) -> DataFrame:
    """Each column's text as `raw__<name>`. A withdrawal needs only record_id and recorded_at: the rest
    of it is not looked at.
    """
    is_said = ~F.col("op").eqNullSafe("withdraw")
    texts = [
        (F.col(f"`{name}`") if name in BASE_COLUMNS else F.when(is_said, F.col(f"`{name}`"))).alias(f"raw__{name}")
        for name in feed.columns
    ]
    return bronze.select(*_DELIVERY, "produced_at", "undecodable", no_faults(), *texts)


def _is_future() -> Expr:
    return F.coalesce(F.col("recorded_at") > F.col("produced_at") + F.expr(LATEST), F.lit(False))


def _array_faults(column: Column) -> list[Expr]:
    text = raw(column.name)
    faults = [fault(~is_blank(text) & texts_of(column).isNull(), "wrong_type", column.name)]
    return [*faults, fault(_is_said() & is_blank(text), "missing_value", column.name)] if column.required else faults


def _interval_faults(feed: Feed, start: str, end: str) -> list[Expr]:
    """An end that is given as a day, of a moment, is the end of that day."""
    ends = F.col(end)
    if feed.columns[end].logicalType == "moment":
        ends = F.when(F.col(f"{end}_is_day"), ends + F.expr("INTERVAL 24 HOURS")).otherwise(ends)
    return [fault(ends < F.col(start), "ends_before_it_starts", name) for name in (start, end)]


def _rule_faults(feed: Feed, reason: str, broken: str) -> list[Expr]:
    """The contract's own rule: a predicate that is true when it is broken."""
    named: list[str | None] = [name for name in feed.columns if re.search(rf"\b{name}\b", broken)]
    return [fault(_is_said() & F.expr(broken), reason, name) for name in named or [None]]


def _decide(frame: DataFrame, feed: Feed, arrays: list[str], labels: list[str]) -> DataFrame:
    """Good, freeing though it is not, or neither; then the shape of silver."""
    frees = F.expr(feed.frees) if feed.frees else F.lit(False)
    readable = F.col("record_id").isNotNull() & F.col("recorded_at").isNotNull()
    frame = frame.withColumns(
        {"_reasons": names_of(F.col("_faults"), "reason"), "_columns": names_of(F.col("_faults"), "column")}
    )
    frame = frame.withColumn("_is_good", F.size("_reasons") == 0)
    frame = frame.withColumn("frees_only", ~F.col("_is_good") & readable & F.coalesce(frees, F.lit(False)))
    frame = frame.withColumn("recorded_at", F.when(_is_future(), F.col("produced_at")).otherwise(F.col("recorded_at")))
    taken = {name: F.when(F.col("frees_only"), F.col(f"readable__{name}")).otherwise(F.col(name)) for name in arrays}
    frame = frame.withColumns(taken)
    broken = (
        F.concat(*[F.coalesce(f"broken__{name}", F.array().cast(BROKEN)) for name in arrays])
        if arrays
        else F.array().cast(BROKEN)
    )
    found = F.concat(
        found_identifiers(labels), *[F.coalesce(f"found__{name}", F.array().cast(FOUND)) for name in arrays]
    )
    base = silver_table(feed).names[: len(BASE_COLUMNS) + len(_DELIVERY) + 1]
    return frame.select(
        *base,
        *silver_columns(feed),
        "_is_good",
        "_reasons",
        "_columns",
        broken.alias("_broken"),
        F.when(F.col("_is_good"), found).otherwise(F.array().cast(FOUND)).alias("_found"),
    )
