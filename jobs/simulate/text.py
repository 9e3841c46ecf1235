"""Columns of text built from numbers: fixed-width byte matrices in, Arrow string arrays out, no row in
Python.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from jobs.simulate.streams import Flags, Ints

Bytes = NDArray[np.uint8]
DAY = 86_400
_ZERO = np.uint8(ord("0"))


def digits(values: Ints, width: int) -> Bytes:
    """Each number as `width` decimal digits 0..9 (not yet text), leading zeros kept."""
    rest = values.astype(np.int64).copy()
    matrix = np.empty((len(rest), width), dtype=np.uint8)
    for column in range(width - 1, -1, -1):
        rest, matrix[:, column] = np.divmod(rest, 10)
    return matrix


def letters(values: Ints, width: int, alphabet: str) -> Bytes:
    """Each number as `width` characters (bytes) of an ASCII alphabet."""
    table = np.frombuffer(alphabet.encode(), dtype=np.uint8)
    rest = values.astype(np.int64).copy()
    matrix = np.empty((len(rest), width), dtype=np.uint8)
    for column in range(width - 1, -1, -1):
        rest, index = np.divmod(rest, len(alphabet))
        matrix[:, column] = table[index]
    return matrix


def ascii_digits(matrix: Bytes) -> Bytes:
    """Digits 0..9 as the bytes of their characters."""
    text: Bytes = matrix + _ZERO
    return text


def to_array(matrix: Bytes) -> pa.Array:
    """A byte matrix as a string array: every row one value of the same width."""
    rows, width = matrix.shape
    if rows * width >= 1 << 31:
        raise ValueError("a text column is too long for one Arrow array; render fewer rows at once")
    offsets = np.arange(rows + 1, dtype=np.int32) * np.int32(width)
    data = np.ascontiguousarray(matrix)
    return pa.Array.from_buffers(pa.utf8(), rows, [None, pa.py_buffer(offsets), pa.py_buffer(data)])


def luhn(matrix: Bytes) -> Bytes:
    """The Luhn check digit (ISO/IEC 7812-1) for each row of digits, as a column."""
    doubled = matrix[:, ::-1].astype(np.int16)
    doubled[:, 0::2] *= 2
    doubled[doubled > 9] -= 9
    check: Bytes = ((10 - doubled.sum(axis=1) % 10) % 10).astype(np.uint8)
    return check[:, None]


def with_luhn(matrix: Bytes) -> Bytes:
    """Rows of digits with their check digit put on."""
    return np.hstack([matrix, luhn(matrix)])


def join(*parts: pa.Array | pa.Scalar | str) -> pa.Array:
    """Strings put together row by row; a plain string goes into every row; null stays null."""
    scalars = [pa.scalar(part) if isinstance(part, str) else part for part in parts]
    return pc.binary_join_element_wise(*scalars, "")


def pick(words: Sequence[str | None], index: NDArray[np.integer]) -> pa.Array:
    """words[index] row by row; an index of -1 is null."""
    return pa.array(list(words), pa.utf8()).take(pa.array(index, pa.int32(), mask=index < 0))


def where(mask: Flags, yes: pa.Array, no: pa.Array) -> pa.Array:
    """Row by row `yes` where the mask is set, else `no`."""
    return pc.if_else(pa.array(mask), yes, no)


def blank(array: pa.Array, mask: Flags) -> pa.Array:
    """The array with nulls where the mask is set."""
    return pc.if_else(pa.array(mask), pa.scalar(None, array.type), array)


def nothing(rows: int) -> pa.Array:
    """A column of nulls."""
    return pa.nulls(rows, pa.utf8())


_DAYS_FROM = -25_000
_DAY_TEXT = np.frombuffer(
    "".join(np.datetime_as_string(np.arange(_DAYS_FROM, 25_000).astype("datetime64[D]"))).encode(),
    dtype=np.uint8,
).reshape(-1, 10)
_SECOND_TEXT = np.frombuffer(
    "".join(f"{s // 3600:02}:{s // 60 % 60:02}:{s % 60:02}" for s in range(DAY)).encode(), dtype=np.uint8
).reshape(-1, 8)
_SHANGHAI = 8 * 3600


def day_bytes(seconds: Ints) -> Bytes:
    """`2026-10-01` of each wall-clock time, as bytes."""
    matrix: Bytes = _DAY_TEXT[seconds // DAY - _DAYS_FROM]
    return matrix


def dates(seconds: Ints) -> pa.Array:
    """`2026-10-01` for each wall-clock time in Asia/Shanghai (seconds since 1970 as if UTC)."""
    return to_array(day_bytes(seconds))


def times(seconds: Ints, spelling: NDArray[np.integer] | None = None) -> pa.Array:
    """ISO 8601 with offset, for wall-clock times in Asia/Shanghai; negative is null.

    `spelling`: 0 `+08:00`, 1 the same moment in UTC with `Z`, 2 the bare date (the time of day must be
    00:00 to mean the same).
    """
    missing = seconds < 0
    safe = np.where(missing, 0, seconds)
    text = _stamp(safe, b"+08:00")
    if spelling is not None and spelling.any():
        text = where(spelling == 1, _stamp(safe - _SHANGHAI, b"Z"), text)
        text = where((spelling == 2) & (safe % DAY == 0), dates(safe), text)
    return blank(text, missing) if missing.any() else text


def _stamp(seconds: Ints, offset: bytes) -> pa.Array:
    rows = len(seconds)
    parts = [day_bytes(seconds), np.full((rows, 1), ord("T"), np.uint8), _SECOND_TEXT[seconds % DAY]]
    parts.append(np.tile(np.frombuffer(offset, dtype=np.uint8), (rows, 1)))
    return to_array(np.hstack(parts))
