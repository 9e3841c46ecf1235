"""Greatest so far and least to come, in runs of rows."""

from __future__ import annotations

import polars as pl

from jobs.graph.running import greatest_so_far, least_to_come

RUN = pl.Series([0, 0, 0, 1, 1, 2])
VALUE = pl.Series([5, 9, 7, 1, 3, 2])


def test_the_greatest_so_far_is_of_its_own_run() -> None:
    assert greatest_so_far(VALUE, RUN).to_list() == [5, 9, 9, 1, 3, 2]


def test_the_least_to_come_is_of_its_own_run() -> None:
    assert least_to_come(VALUE, RUN).to_list() == [5, 7, 7, 1, 3, 2]


def test_no_rows_have_no_values() -> None:
    assert greatest_so_far(VALUE.clear(), RUN.clear()).to_list() == []
    assert least_to_come(VALUE.clear(), RUN.clear()).to_list() == []
