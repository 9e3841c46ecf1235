"""Half-open intervals of time as expressions. Inside the graph an open end is a far moment, in tables it is null."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl

from jobs.core.frames import UTC as TYPE

BEGINNING = datetime(1, 1, 1, tzinfo=UTC)
FOREVER = datetime(9999, 12, 31, tzinfo=UTC)


def beginning() -> pl.Expr:
    """Before every moment: an interval that is open to the left."""
    return pl.lit(BEGINNING, TYPE)


def forever() -> pl.Expr:
    """After every moment: an interval that is open to the right."""
    return pl.lit(FOREVER, TYPE)


def begins(column: pl.Expr) -> pl.Expr:
    """A start; open to the left when null."""
    return column.fill_null(beginning())


def ends(column: pl.Expr) -> pl.Expr:
    """An end, exclusive; open to the right when null."""
    return column.fill_null(forever())


def start_or_null(column: pl.Expr) -> pl.Expr:
    """A start as tables hold it."""
    return pl.when(column > beginning()).then(column)


def end_or_null(column: pl.Expr) -> pl.Expr:
    """An end as tables hold it."""
    return pl.when(column < forever()).then(column)


def plus_days(column: pl.Expr, days: int) -> pl.Expr:
    """So many days of 24 hours later; forever stays forever."""
    moved = column + pl.duration(days=days)
    return pl.when(column >= forever()).then(forever()).when(column <= beginning()).then(beginning()).otherwise(moved)


def live_at(begin: pl.Expr, end: pl.Expr, instant: pl.Expr) -> pl.Expr:
    """Whether an interval holds tonight: `instant` is the end of the business day, tonight the last moment before it."""
    return (begin < instant) & (end >= instant)


def seconds_between(one: str, other: str) -> pl.Expr:
    """Whole seconds between two moments, whichever comes first."""
    return (pl.col(one).dt.timestamp("us") // 1_000_000 - pl.col(other).dt.timestamp("us") // 1_000_000).abs()
