"""Bronze to parsed rows, by a contract (spec/feeds.md, "A record").

A row that breaks its contract keeps every reason. What is good goes to silver; what is quarantined but
frees somebody goes there too, marked, with whatever of it can be read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta

import polars as pl

from jobs.core.contracts import BASE_COLUMNS, CodeList, Column, Feed
from jobs.core.frames import where
from jobs.silver.check import Checked, check_columns, parts_of
from jobs.silver.elements import Elements, read_elements
from jobs.silver.faults import FAULTS, Fault, any_of, no, told
from jobs.silver.shape import found_identifiers, shaped, silver_schema
from jobs.silver.types import either, is_blank

LATEST = timedelta(hours=1)
"""A record may be recorded this long after its delivery was made; clocks differ."""
DELIVERY = ("sequence", "delivery_id", "file", "line", "business_date", "night_on")
NEEDED = (*DELIVERY, "produced_at", "undecodable")
"""Columns of bronze that are read, beside the contract's own."""
ASIDE = {"row": pl.Int64(), "element": pl.Int32(), **FAULTS}


@dataclass(frozen=True)
class Parsed:
    """`rows`: one per record, in the order of bronze: silver's columns and `_is_good`. What is good and what is `frees_only` goes to silver; a
    row that is neither is for quarantine alone.

    `aside` (ASIDE): what is set aside and why, reasons and columns sorted and distinct: a record that is not good (`element` is null) and each
    element that is not. `row` is the number of a row of `rows`, from 0.
    """

    rows: pl.DataFrame
    aside: pl.DataFrame
    checked: Checked
    elements: Mapping[str, Elements]

    @property
    def found(self) -> pl.DataFrame:
        """FOUND: the identifiers that silver's ids stand for, none of a row that is not good."""
        good = self.rows["_is_good"]
        of_lists = [one.found.filter(good.gather(one.found["row"])) for one in self.elements.values()]
        return pl.concat([found_identifiers(self.checked, good), *of_lists])

    @property
    def taken(self) -> pl.DataFrame:
        """The rows of silver."""
        return self.rows.filter(pl.col("_is_good") | pl.col("frees_only")).drop("_is_good")


def parse_records(bronze: pl.DataFrame, feed: Feed, codes: Mapping[str, CodeList], key: bytes) -> Parsed:
    """What becomes of each row of bronze; `key` is that of the node ids."""
    rows = _Rows(bronze, feed, codes, key)
    faults = [*rows.checked.faults, *rows.faults()]
    good = ~any_of([fault.rows for fault in faults], bronze.height)
    recorded = rows.checked.columns["recorded_at"]
    frees = rows.holds(feed.frees) if feed.frees else no(bronze.height)
    frees &= ~good & rows.checked.columns["record_id"].is_not_null() & recorded.is_not_null()
    rows.checked.columns["recorded_at"] = either(rows.is_future, bronze["produced_at"], recorded)
    for name, elements in rows.elements.items():
        rows.checked.columns[name] = either(frees, elements.readable, elements.good)
    rows.checked.columns |= {name: bronze[name] for name in DELIVERY} | {"frees_only": frees}
    whole = told(faults, ~good).with_columns(element=pl.lit(None, pl.Int32)).select(list(ASIDE))
    return Parsed(
        pl.DataFrame({**shaped(rows.checked, silver_schema(feed), feed.identifiers), "_is_good": good}),
        pl.concat([whole, *(elements.broken for elements in rows.elements.values())]),
        rows.checked,
        rows.elements,
    )


class _Rows:
    """The rows of one feed, checked column by column: base columns first, since they decide what else is looked at."""

    def __init__(self, bronze: pl.DataFrame, feed: Feed, codes: Mapping[str, CodeList], key: bytes) -> None:
        base, own = feed.schema_[: len(BASE_COLUMNS)], feed.schema_[len(BASE_COLUMNS) :]
        self.feed, self.whole, today = feed, bronze["undecodable"].is_null(), bronze["business_date"]
        self.is_said = (bronze["op"] != "withdraw").fill_null(True)
        # A withdrawal needs only record_id and recorded_at: the rest of it is not looked at.
        self.texts = {one.name: bronze[one.name] for one in base} | {
            one.name: where(self.is_said, bronze[one.name]) for one in own
        }
        self.checked: Checked = check_columns(self.texts, base, [], codes, key, today, self.whole)
        parts = parts_of(own, feed.identifiers, codes)
        of_own = check_columns(self.texts, own, parts, codes, key, today, self.whole & self.is_said)
        self.checked.columns |= of_own.columns
        self.checked.identifiers, self.checked.faults = of_own.identifiers, self.checked.faults + of_own.faults
        self.arrays: list[Column] = [column for column in feed.schema_ if column.items is not None]
        self.elements: dict[str, Elements] = {
            column.name: read_elements(feed, column, self.texts[column.name], codes, key, today)
            for column in self.arrays
        }
        latest = bronze["produced_at"] + LATEST
        self.is_future = (self.checked.columns["recorded_at"] > latest).fill_null(False)

    def holds(self, predicate: str) -> pl.Series:
        """The rows for which a predicate of the contract holds; of what can't be told, not."""
        frame = pl.DataFrame(
            {name: values for name, values in self.checked.columns.items() if name in self.feed.columns}
        )
        return frame.select(pl.sql_expr(predicate).alias("it")).to_series().fill_null(False)

    def faults(self) -> Iterator[Fault]:
        """Rules that more than one column has a part in."""
        yield Fault("undecodable", None, ~self.whole)
        yield Fault("recorded_in_future", "recorded_at", self.is_future)
        for column in self.arrays:
            yield Fault("wrong_type", column.name, self.elements[column.name].no_list)
            if column.required:
                yield Fault("missing_value", column.name, self.is_said & self.whole & is_blank(self.texts[column.name]))
        for start, end in self.feed.intervals:
            backwards = self._is_backwards(start, end)
            yield from (Fault("ends_before_it_starts", name, backwards) for name in (start, end))
        for reason, predicate in self.feed.rules.items():
            broken = self.is_said & self.whole & self.holds(predicate)
            named: list[str | None] = [name for name in self.feed.columns if re.search(rf"\b{name}\b", predicate)]
            yield from (Fault(reason, name, broken) for name in named or [None])

    def _is_backwards(self, start: str, end: str) -> pl.Series:
        """An end that is given as a day, of a moment, is the end of that day."""
        columns = self.checked.columns
        ends = columns[end]
        if self.feed.columns[end].logicalType == "moment":
            ends = either(columns[f"{end}_is_day"], ends + timedelta(hours=24), ends)
        return (ends < columns[start]).fill_null(False)
