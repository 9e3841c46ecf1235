"""Times, numbers and blanks as agencies write them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.core.contracts import Column
from jobs.silver.types import Typed, is_blank, typed

SHANGHAI = ZoneInfo("Asia/Shanghai")


def read(kind: str, *texts: str | None) -> Typed:
    column = Column.model_validate({"name": "c", "logicalType": kind, "description": "x"})
    raw = pl.Series(texts, dtype=pl.String)
    return typed(column, raw, is_blank(raw), {})


def values(kind: str, *texts: str | None) -> list[object]:
    return read(kind, *texts).value.to_list()


MOMENTS = st.datetimes(datetime(1000, 1, 2), datetime(9999, 12, 30))  # noqa: DTZ001 - the offset is drawn apart
OFFSETS = st.integers(-18 * 60, 18 * 60)


@given(MOMENTS, OFFSETS, st.integers(0, 9))
def test_an_instant_is_what_python_reads(moment: datetime, offset: int, digits: int) -> None:
    whole, fraction = moment.replace(microsecond=0), f"{moment.microsecond:06d}000"[:digits]
    micros = int(fraction.ljust(6, "0")[:6])
    sign, (hours, minutes) = "-" if offset < 0 else "+", divmod(abs(offset), 60)
    text = f"{whole.isoformat()}{'.' if digits else ''}{fraction}{sign}{hours:02d}:{minutes:02d}"
    expected = whole.replace(tzinfo=UTC) - timedelta(minutes=offset) + timedelta(microseconds=micros)
    assert values("timestamp", text) == [expected]


@given(st.dates(date(1000, 1, 1)))
def test_a_date_is_its_midnight_in_shanghai(day: date) -> None:
    expected = datetime(day.year, day.month, day.day, tzinfo=SHANGHAI).astimezone(UTC)
    found = read("moment", day.isoformat())
    assert found.value.to_list() == [expected]
    assert found.is_day is not None
    assert found.is_day.to_list() == [True]


@pytest.mark.parametrize("text", [
    "2025-02-29", "2025-13-01", "2025-00-10", "2025-01-00", "0999-01-01", "25-01-01", "2025-1-1", "2025-01-01 ", "2025/01/01", "20250101",
    "2025-01-01T10:00:00", "2025-01-01T24:00:00Z", "2025-01-01T10:60:00Z", "2025-01-01T23:59:60Z", "2025-01-01t10:00:00Z",
    "2025-01-01T10:00:00z", "2025-01-01T10:00Z", "2025-01-01T10:00:00.Z", "2025-01-01T10:00:00.1234567890Z", "2025-01-01T10:00:00+0800",
    "2025-01-01T10:00:00+18:01", "2025-01-01T10:00:00+08:60", "2025-02-29T10:00:00Z", "1900-02-29T00:00:00Z", "yesterday", "1764547200",
    "２０２５-01-01", "2025-01-01T10:00:00Z\n",
])  # fmt: skip
def test_what_is_no_time_is_none_beside_what_is_one(text: str) -> None:
    good = datetime(2025, 1, 1, tzinfo=UTC)
    assert values("timestamp", "2025-01-01T00:00:00Z", text, None, "2025-01-01T08:00:00+08:00") == [
        good,
        None,
        None,
        good,
    ]


def test_a_leap_day_and_the_ends_of_a_day_are_times() -> None:
    found = values(
        "timestamp", "2024-02-29T23:59:59.9999999Z", "2000-02-29T00:00:00-00:00", "2025-01-01T00:00:00-18:00"
    )
    assert found == [
        datetime(2024, 2, 29, 23, 59, 59, 999999, tzinfo=UTC),
        datetime(2000, 2, 29, tzinfo=UTC),
        datetime(2025, 1, 1, 18, tzinfo=UTC),
    ]


def test_numbers_are_read_as_they_stand_or_not_at_all() -> None:
    assert values("integer", "12", "+12", "-3", "1.0", " 1", "9" * 19, "", None, "١") == [12, 12, -3, *[None] * 6]
    found = values("decimal", "1200.5", "+1", "-0.25", "1e3", "12345678901234567.00", "1.234", ".5", None)
    assert [None if one is None else str(one) for one in found] == ["1200.50", "1.00", "-0.25", *[None] * 5]
    assert values("boolean", "true", "false", "True", "1", None) == [True, False, None, None, None]


def test_blank_is_nothing_but_spaces() -> None:
    assert is_blank(pl.Series([None, "", "  ", "\t", "\u3000", " x"])).to_list() == [
        True,
        True,
        True,
        False,
        False,
        False,
    ]
