"""The benchmark of the parse judges itself: a peer that did other work is found out, and a missed goal is one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from benchmarks.agree import Tables, compare, read_parquet, read_python, write_sample
from benchmarks.duck import duckdb_rules
from benchmarks.lanes import Run
from benchmarks.parse import Raced, judge, slope

ROWS = 2_000


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("mixed") / "sample.csv"
    write_sample(path, ROWS)
    return path


@pytest.fixture(scope="module")
def expected(sample: Path) -> Tables:
    return read_python(sample)


def test_duckdb_does_the_same_work_as_plain_python(sample: Path, expected: Tables, tmp_path: Path) -> None:
    duckdb_rules(sample, tmp_path)
    assert compare(read_parquet(tmp_path), expected) == []


def test_the_sample_has_every_reason_that_the_feed_can_break(expected: Tables) -> None:
    assert set(expected[1]["reasons"].explode()) == {
        "missing_value", "unknown_code", "wrong_type", "recorded_in_future", "ends_before_it_starts", "phone_invalid", "iccid_check", "imsi_format",
        "imei_check", "national_id_birth_date", "national_id_check", "national_id_region", "uscc_check", "document_format",
    }  # fmt: skip


Wrong = Callable[[pl.DataFrame, pl.DataFrame], Tables]
WRONG: dict[str, Wrong] = {
    "other ids": lambda good, broken: (good.with_columns(phone_id=pl.col("phone_id") + 1), broken),
    "a row less": lambda good, broken: (good.head(good.height - 1), broken),
    "other reasons": lambda good, broken: (good, broken.with_columns(reasons=pl.lit(["missing_value"]))),
    "a row twice": lambda good, broken: (good, pl.concat([broken, broken.head(1)])),
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_other_work_is_found_out(wrong: Wrong, expected: Tables) -> None:
    assert len(compare(wrong(*expected), expected)) == 1


def test_slope_of_seconds_that_grow_with_the_rows_is_one() -> None:
    assert slope({10: 1.0, 100: 10.0, 1000: 100.0}) == pytest.approx(1)
    assert slope({10: 1.0, 100: 100.0}) == pytest.approx(2)


def test_a_goal_is_missed_below_its_bound_and_met_at_it() -> None:
    met = {
        goal.what: goal.is_met
        for goal in judge({"ours": _raced(6.0), "bare": _raced(3.6), "duckdb": _raced(2.9)}, {}, {})
    }
    assert met == {"rate as a multiple of bare": True, "rate as a multiple of duckdb": False}


def test_a_peer_that_did_other_work_misses_a_goal() -> None:
    assert [goal.is_met for goal in judge({}, {}, {"duckdb": ["good: other rows"], "row_udf": []})] == [False, True]


def _raced(seconds: float) -> Raced:
    return Raced(100, [Run(seconds, seconds, 1)])
