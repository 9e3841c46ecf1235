"""Half-open intervals of time as columns. Inside the graph an open end is a far moment, in tables it is null."""

from __future__ import annotations

from pyspark.sql import Column
from pyspark.sql import functions as F


def beginning() -> Column:
    """Before every moment: an interval that is open to the left."""
    return F.lit("0001-01-01 00:00:00").cast("timestamp")


def forever() -> Column:
    """After every moment: an interval that is open to the right."""
    return F.lit("9999-12-31 00:00:00").cast("timestamp")


def begins(column: Column) -> Column:
    """A start; open to the left when null."""
    return F.coalesce(column, beginning())


def ends(column: Column) -> Column:
    """An end, exclusive; open to the right when null."""
    return F.coalesce(column, forever())


def start_or_null(column: Column) -> Column:
    """A start as tables hold it."""
    return F.when(column > beginning(), column)


def end_or_null(column: Column) -> Column:
    """An end as tables hold it."""
    return F.when(column < forever(), column)


def plus_days(column: Column, days: int) -> Column:
    """So many days of 24 hours later; forever stays forever."""
    moved = column + F.expr(f"INTERVAL {int(days)} DAYS")
    return F.when(column >= forever(), forever()).when(column <= beginning(), beginning()).otherwise(moved)


def live_at(begin: Column, end: Column, instant: Column) -> Column:
    """Whether an interval holds tonight: `instant` is the end of the business day, tonight the last moment before it."""
    return (begin < instant) & (end >= instant)
