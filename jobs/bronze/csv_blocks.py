"""CSV in blocks that end where a record ends.

A block without a surprise (every quote where RFC 4180 puts it, line ends LF or CRLF, no NUL) is `regular`:
records can be counted and parsed in bulk. Any other block is read record by record, so that one broken
record costs only itself: after a record that can't be read, reading goes on with the next line.

The work is done on bytes: in UTF-8 and in GB18030 no byte of a longer character looks like a quote, a comma
or a line end.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from jobs.bronze.source import Broken, Limits

BLOCK = 1 << 20
BOM = b"\xef\xbb\xbf"
QUOTE, COMMA, LF, CR = 0x22, 0x2C, 0x0A, 0x0D


@dataclass(frozen=True)
class RawRecord:
    """One record's bytes and, unless it breaks the rules of CSV, its cells in Latin-1 (each character is one
    byte).
    """

    raw: bytes
    cells: list[str] | None


@dataclass(frozen=True)
class Block:
    """Whole records, one after the other. `rows` counts them; empty lines are none.

    `records` are theirs when the block isn't regular.
    """

    data: bytes
    rows: int
    records: list[RawRecord] | None = None


class Blocks:
    """The header's cells (Latin-1) and the blocks after it.

    Raises Broken `too_large` for a record past its limit.
    """

    def __init__(self, chunks: Iterator[bytes], limits: Limits) -> None:
        self._chunks = chunks
        self._limits = limits
        self._left = b""
        self._ended = False
        self.header = self._read_header()

    def __iter__(self) -> Iterator[Block]:
        while self._left or not self._ended:
            self._fill(BLOCK)
            block, used = self._cut()
            while not used and not self._ended:
                self._fill(len(self._left) + BLOCK)
                block, used = self._cut()
            self._left = self._left[used:]
            if block.rows:
                yield block

    def _fill(self, size: int) -> None:
        parts, have = [self._left], len(self._left)
        while have < size and not self._ended:
            chunk = next(self._chunks, None)
            if chunk is None:
                self._ended = True
            else:
                parts.append(chunk)
                have += len(chunk)
        self._left = b"".join(parts)

    def _read_header(self) -> list[str]:
        self._fill(self._limits.record_bytes + 1)
        self._left = self._left.removeprefix(BOM)
        for record, used in split_records(self._left, self._ended, self._limits):
            self._left = self._left[used:]
            if record.cells is None:
                raise Broken("unreadable", "has a header that is not CSV")
            return record.cells
        self._left = b""
        return []

    def _cut(self) -> tuple[Block, int]:
        """The longest run of whole records that what is at hand begins with, and how many bytes that is."""
        data, limit = self._left, self._limits.record_bytes
        used = regular_prefix(data, self._ended)
        if used == 0 and not self._ended and len(data) <= limit:
            return Block(b"", 0), 0
        if used is not None and (used or not data) and _lines_fit(data[:used], limit):
            return Block(data[:used], count_regular(data[:used])), used
        records, used = [], 0
        for record, used in split_records(data, self._ended, self._limits):  # noqa: B007
            records.append(record)
        if self._ended:
            used = len(data)
        return Block(data[:used], len(records), records), used


def regular_prefix(data: bytes, ended: bool) -> int | None:
    """Length of the whole records that `data` begins with when it is regular; None when it is not."""
    if b"\0" in data:
        return None
    if b"\r" in data and not _returns_in_place(data, ended):
        return None
    if b'"' not in data:
        return len(data) if ended else data.rfind(b"\n") + 1
    quotes = _positions(data, QUOTE)
    if not _quotes_in_place(data, quotes, ended):
        return None
    if ended:
        return len(data) if len(quotes) % 2 == 0 else None
    ends = _record_ends(data, quotes)
    return int(ends[-1]) + 1 if len(ends) else 0


def _returns_in_place(data: bytes, ended: bool) -> bool:
    """Every CR stands before an LF; the last may do so yet."""
    returns, pairs = data.count(b"\r"), data.count(b"\r\n")
    return returns == pairs or (data.endswith(b"\r") and returns == pairs + 1 and not ended)


def count_regular(data: bytes) -> int:
    """Records in a regular block: line ends outside quotes, without empty lines, and a last line that has no
    end.
    """
    has_quotes, has_returns = b'"' in data, b"\r" in data
    ends = _record_ends(data, _positions(data, QUOTE)) if has_quotes else _positions(data, LF)
    if not has_quotes and not has_returns:
        lines = len(ends) + (not data.endswith(b"\n") and bool(data))
        return lines - int((np.diff(ends) == 1).sum()) - data.startswith(b"\n")
    starts = np.concatenate([[0], ends + 1])
    stops = np.concatenate([ends, [len(data)]])
    lengths = stops - starts
    bytes_ = np.frombuffer(data + b"\n", np.uint8)
    empty = (lengths == 0) | ((lengths == 1) & (bytes_[starts] == CR))
    return int(len(lengths) - empty.sum())


def split_records(data: bytes, ended: bool, limits: Limits) -> Iterator[tuple[RawRecord, int]]:
    """Whole records of `data`, each with the offset at which it ends.

    A record that may go on after `data` is not given.
    """
    limit = limits.record_bytes
    csv.field_size_limit(max(limit, 131_072))
    start = 0
    while start < len(data):
        lines = _Lines(data, start, limit)
        try:
            cells: list[str] | None = next(csv.reader(lines, strict=True), [])
        except csv.Error:
            cells = None
        if lines.wants_more and not ended:
            if len(data) - start <= limit:
                return
            cells = None
        if lines.first_end - start > limit:
            raise Broken("too_large", f"has a record of more than {limit} bytes")
        end = lines.first_end if cells is None else lines.end
        if cells != []:
            yield RawRecord(data[start:end], cells), end
        start = end


class _Lines:
    """Lines from `start` on, as csv.reader asks for them, until a record's limit."""

    def __init__(self, data: bytes, start: int, limit: int) -> None:
        self._data = data
        self._start = start
        self._stop = start + limit
        self.end = start
        self.first_end = start
        self.wants_more = False

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        start = self.end
        if start >= len(self._data) or start > self._stop:
            self.wants_more = True
            raise StopIteration
        found = self._data.find(b"\n", start)
        self.wants_more = found < 0
        self.end = len(self._data) if found < 0 else found + 1
        if start == self._start:
            self.first_end = self.end
        return self._data[start : self.end].decode("latin-1")


def _lines_fit(data: bytes, limit: int) -> bool:
    if len(data) <= limit:
        return True
    ends = np.concatenate([[-1], _positions(data, LF), [len(data)]])
    return bool(np.diff(ends).max() <= limit)


def _positions(data: bytes, byte: int) -> npt.NDArray[np.int64]:
    return np.flatnonzero(np.frombuffer(data, np.uint8) == byte)


def _quotes_in_place(data: bytes, quotes: npt.NDArray[np.int64], ended: bool) -> bool:
    """Every quote opens a cell at its start, closes it at its end, or is doubled inside it."""
    padded = np.frombuffer(b"\n" + data + b"\n", np.uint8)
    before, after = padded[quotes[0::2]], padded[quotes[1::2] + 2]
    opens = (before == COMMA) | (before == LF) | (before == QUOTE)
    closes = (after == COMMA) | (after == LF) | (after == CR) | (after == QUOTE)
    if not ended and len(quotes) % 2 == 0 and quotes[-1] == len(data) - 1:
        closes = closes[:-1]  # what follows isn't here yet
    return bool(opens.all() and closes.all())


def _record_ends(data: bytes, quotes: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Positions of the line ends that no quotes enclose."""
    ends = _positions(data, LF)
    outside: npt.NDArray[np.int64] = ends[np.searchsorted(quotes, ends) % 2 == 0]
    return outside
