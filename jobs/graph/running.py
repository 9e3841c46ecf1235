"""The greatest value so far, and the least still to come, within runs of rows.

`cum_max().over(...)` says the same but visits each run by itself, and most have one row; these pass once over the column: places of values
in their order, shifted so far apart by run that none reaches into another.
"""

from __future__ import annotations

import polars as pl


def greatest_so_far(value: pl.Series, run: pl.Series) -> pl.Series:
    """Per row the greatest value up to it in its run. `run`: number of the run, from 0, never falling. Nothing is null."""
    steps, base = _steps(value, run)
    return steps.gather((base + steps.search_sorted(value)).cum_max() - base)


def least_to_come(value: pl.Series, run: pl.Series) -> pl.Series:
    """Per row the least value from it on in its run. `run`: number of the run, from 0, never falling. Nothing is null."""
    steps, base = _steps(value, run)
    return steps.gather((base + steps.search_sorted(value)).cum_min(reverse=True) - base)


def _steps(value: pl.Series, run: pl.Series) -> tuple[pl.Series, pl.Series]:
    steps = value.unique().sort()
    return steps, run.cast(pl.Int64) * len(steps)
