"""Rules that rows break, a rule at a time, and told by row."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from typing import NamedTuple

import polars as pl

from jobs.core.frames import collected, empty

FAULTS = {"reasons": pl.List(pl.String()), "columns": pl.List(pl.String())}


class Fault(NamedTuple):
    """A rule that these rows break, and the column that it is about, if it is about one."""

    reason: str
    column: str | None
    rows: pl.Series


def no(rows: int) -> pl.Series:
    """Of so many rows none."""
    return pl.repeat(False, rows, dtype=pl.Boolean, eager=True)


def any_of(flags: Iterable[pl.Series], rows: int) -> pl.Series:
    """The rows for which one of these holds."""
    return reduce(lambda one, other: one | other, flags, no(rows))


def told(faults: list[Fault], rows: pl.Series) -> pl.DataFrame:
    """`row` and FAULTS of each of these rows: the distinct reasons and columns of what it breaks, sorted."""
    each = [empty({"row": pl.Int64(), "reason": pl.String(), "column": pl.String()})]
    for fault in faults:
        at = fault.rows.arg_true().cast(pl.Int64).alias("row")
        each.append(pl.select(row=at, reason=pl.lit(fault.reason, pl.String), column=pl.lit(fault.column, pl.String)))
    by_row = pl.concat(each).group_by("row").agg(reasons=collected("reason"), columns=collected("column"))
    broken = pl.DataFrame({"row": rows.arg_true().cast(pl.Int64)})
    return broken.join(by_row, on="row", how="left", maintain_order="left", validate="1:1")
