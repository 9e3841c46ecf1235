"""From the text that an agency wrote to a typed value, a column at a time. Nothing is mended, nothing raises."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from jobs.core.contracts import CodeList, Column
from jobs.core.frames import UTC, where
from jobs.identifiers.normalise import characters, is_day

INTEGER = r"^[+-]?[0-9]+$"
DECIMAL = r"^[+-]?[0-9]{1,16}(\.[0-9]{1,2})?$"
DATE = r"^[1-9][0-9]{3}-[0-9]{2}-[0-9]{2}$"
INSTANT = r"^[1-9][0-9]{3}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})$"
"""ISO 8601 with seconds and an offset; a fraction is kept to the microsecond. Years before 1000 are
taken for slips of the pen.
"""
FARTHEST = 18 * 3600
"""Seconds: no clock is farther from UTC (as java.time has it)."""


class Typed(NamedTuple):
    """`value` is null when the text is blank or broken; `is_day` goes with a moment; `reason` names
    what a broken text breaks.
    """

    value: pl.Series
    reason: str
    is_day: pl.Series | None = None


def is_blank(raw: pl.Series) -> pl.Series:
    """No text, or nothing but spaces: not a value."""
    blank = raw.is_null() | (raw == "").fill_null(True)
    begun = raw.str.starts_with(" ")
    return blank | raw.str.contains("^ *$").fill_null(True) if begun.any() else blank


def typed(column: Column, raw: pl.Series, blank: pl.Series, codes: Mapping[str, CodeList]) -> Typed:
    """The text `raw` of a contract's column, some of it `blank`, as its type (spec/feeds.md). Arrays are the matter of
    elements.py.
    """
    if column.codes is not None:
        return Typed(where(_is_known(raw, codes[column.codes]), raw), "unknown_code")
    if column.logicalType == "moment":
        is_date = raw.str.contains(DATE)
        value = _timestamp(raw)
        return Typed(value, "wrong_type", where(value.is_not_null(), is_date))
    if column.logicalType == "string":
        return Typed(where(~blank, raw), "wrong_type")
    return Typed(_READERS[column.logicalType](raw), "wrong_type")


def either(flags: pl.Series, values: pl.Series, others: pl.Series) -> pl.Series:
    """The values of these rows, and of the other rows those of `others`."""
    return pl.select(pl.when(flags).then(values).otherwise(others)).to_series() if flags.any() else others


def _is_known(raw: pl.Series, codes: CodeList) -> pl.Series:
    if codes.prefix_length is None:
        return raw.is_in(sorted(codes.codes))
    known = raw.str.slice(0, codes.prefix_length).is_in(sorted(codes.codes))
    return known & raw.str.contains(f"^[0-9]{{{codes.length}}}$")


def _integer(raw: pl.Series) -> pl.Series:
    return where(raw.str.contains(INTEGER), raw).cast(pl.Int64, strict=False)


def _decimal(raw: pl.Series) -> pl.Series:
    return where(raw.str.contains(DECIMAL), raw).str.strip_prefix("+").cast(pl.Decimal(18, 2), strict=False)


def _boolean(raw: pl.Series) -> pl.Series:
    return raw.replace_strict({"true": True, "false": False}, default=None, return_dtype=pl.Boolean)


def _timestamp(raw: pl.Series) -> pl.Series:
    """A date is 00:00 in Asia/Shanghai; a date or time that does not exist is null."""
    is_instant = raw.str.contains(INSTANT).fill_null(False)
    if is_instant.all():
        return _instants(raw)
    found = pl.repeat(None, len(raw), dtype=UTC, eager=True)
    for flags, read in ((is_instant, _instants), (raw.is_not_null() & ~is_instant, _midnights)):
        if flags.any():
            at = flags.arg_true()
            found = found.scatter(at, read(raw.gather(at)))
    return found


def _midnights(texts: pl.Series) -> pl.Series:
    """Of what may be dates."""
    day = where(texts.str.contains(DATE), texts).str.to_date("%Y-%m-%d", strict=False).cast(pl.Datetime("us"))
    return day.dt.replace_time_zone("Asia/Shanghai", ambiguous="earliest", non_existent="null").dt.convert_time_zone(
        "UTC"
    )


def _instants(texts: pl.Series) -> pl.Series:
    """Texts of the form INSTANT: read by the place of their digits."""
    digits = (characters(texts.str.slice(0, 19), 19) - ord("0")).astype(np.float32)
    year, month, day, hour, minute, second = (digits @ _PLACES).astype(np.int64).T
    ok = is_day(year, month, day) & (hour < 24) & (minute < 60) & (second < 60)
    seconds = _days(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second
    tails = texts.str.slice(19)
    moves = {tail: _moved(tail) for tail in tails.unique()}
    moved = tails.replace_strict(moves, return_dtype=pl.Int64)
    found = where(pl.Series(ok), pl.Series(seconds * 1_000_000)) + moved
    return found.cast(pl.Datetime("us")).dt.replace_time_zone("UTC")


def _places() -> npt.NDArray[np.float32]:
    """Year, month, day, hour, minute and second as sums over the 19 characters of `YYYY-MM-DDTHH:MM:SS`: what a digit at each place adds."""
    found = np.zeros((19, 6), np.float32)
    for part, (start, end) in enumerate(((0, 4), (5, 7), (8, 10), (11, 13), (14, 16), (17, 19))):
        for place in range(start, end):
            found[place, part] = 10 ** (end - 1 - place)
    return found


_PLACES = _places()


def _days(
    year: npt.NDArray[np.int64], month: npt.NDArray[np.int64], day: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Days since 1970-01-01 in the Gregorian calendar: years begin with March, so that the leap day is the last."""
    year = year - (month <= 2)
    of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    found: npt.NDArray[np.int64] = year * 365 + year // 4 - year // 100 + year // 400 + of_year - 719_468
    return found


_TAIL = re.compile(r"(?:\.([0-9]{1,9}))?(?:Z|([+-])([0-9]{2}):([0-9]{2}))\Z")


def _moved(tail: str) -> int | None:
    """Microseconds to add to the clock's time: its fraction, and back to UTC. None for an offset that is none."""
    match = _TAIL.match(tail)
    assert match is not None
    fraction, sign, hours, minutes = match.groups()
    offset = 0 if sign is None else int(hours) * 3_600 + int(minutes) * 60
    if offset > FARTHEST or (sign is not None and int(minutes) > 59):
        return None
    micros = int((fraction or "0").ljust(6, "0")[:6])
    return micros - (-offset if sign == "-" else offset) * 1_000_000


_READERS: dict[str, Callable[[pl.Series], pl.Series]] = {
    "integer": _integer,
    "decimal": _decimal,
    "boolean": _boolean,
    "timestamp": _timestamp,
}
