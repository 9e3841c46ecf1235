"""JSON Lines: its count, its keys, its records as text.

Numbers keep the text they were written with, nested values stay JSON text, a key given twice makes the
record undecodable.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa

from jobs.bronze.cells import Row, batch_of_rows, broken_text
from jobs.bronze.csv_blocks import BOM
from jobs.bronze.source import Broken, Limits

BATCH = 16_384
_TEXT_OR_BRACKET = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[\]{}]', re.DOTALL)


class Number(str):
    """A JSON number as it was written."""


class Doubled(ValueError):
    """An object gives a key twice."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Doubled
    return found


def _no_constant(text: str) -> Any:
    raise ValueError(text)


_STRICT = json.JSONDecoder(object_pairs_hook=_unique, parse_int=Number, parse_float=Number, parse_constant=_no_constant)
_PAIRS = json.JSONDecoder(
    object_pairs_hook=lambda pairs: pairs, parse_int=Number, parse_float=Number, parse_constant=_no_constant
)


def split_lines(chunks: Iterator[bytes], limits: Limits) -> Iterator[list[bytes]]:
    """The lines that hold something, in lists. Raises Broken `too_large` for a line past a record's limit."""
    left, first = b"", True
    for chunk in chunks:
        left += chunk
        if first and len(left) >= len(BOM):
            left, first = left.removeprefix(BOM), False
        *lines, left = left.split(b"\n")
        yield _kept(lines, limits)
        _kept([left], limits)
    yield _kept([left.removeprefix(BOM) if first else left], limits)


def _kept(lines: list[bytes], limits: Limits) -> list[bytes]:
    if lines and max(map(len, lines)) > limits.record_bytes:
        raise Broken("too_large", f"has a record of more than {limits.record_bytes} bytes")
    return [line for line in lines if line and not line.isspace()]


def read_jsonl(
    chunks: Iterator[bytes], columns: Sequence[str], encoding: str, limits: Limits
) -> Iterator[pa.RecordBatch]:
    """Batches of records, numbered from 1; lines that hold nothing are no records."""
    number = 1
    for lines in split_lines(chunks, limits):
        for start in range(0, len(lines), BATCH):
            rows = [read_line(line, encoding, limits) for line in lines[start : start + BATCH]]
            yield batch_of_rows(columns, rows, number, encoding)
            number += len(rows)


def is_deep(line: bytes, limits: Limits) -> bool:
    """Whether the line nests deeper than its limit; brackets inside of texts are none."""
    if line.count(b"[") + line.count(b"{") <= limits.depth:
        return False
    depth = 0
    for mark in _TEXT_OR_BRACKET.findall(line):
        depth += {b"[": 1, b"{": 1, b"]": -1, b"}": -1}.get(mark, 0)
        if depth > limits.depth:
            return True
    return False


def read_line(line: bytes, encoding: str, limits: Limits) -> Row:
    """One record. A cell that can't be kept is left out, and `why` says so."""
    if is_deep(line, limits):
        return Row(why=f"is nested deeper than {limits.depth}", raw=line)
    text = line.decode(encoding, "surrogateescape")
    try:
        value = _STRICT.decode(text)
    except Doubled:
        return _doubled(text, line)
    except (ValueError, RecursionError):
        return Row(why="is not JSON", raw=line)
    if not isinstance(value, dict):
        return Row(why="is not a JSON object", raw=line)
    return _row(value, text, line)


def _row(value: dict[str, Any], text: str, line: bytes) -> Row:
    row = Row({name: _text(cell) for name, cell in value.items()})
    if text.isascii() and "\\u" not in text and "\0" not in text:
        return row
    broken = []
    for name, cell in list(row.cells.items()):
        if broken_text(name):
            del row.cells[name]
            broken.append(f"{broken_text(name)} in a key")
        elif cell is not None and (why := broken_text(cell)):
            row.cells[name] = None
            broken.append(f"{why} in column {name[:60]!r}")
    if broken:
        row.why, row.raw = "has " + "; ".join(broken), line
    return row


def _doubled(text: str, line: bytes) -> Row:
    """What is said once in an object that says something twice; nested values are left out, the doubled key
    may be theirs.
    """
    try:
        pairs = _PAIRS.decode(text)
    except (ValueError, RecursionError):
        return Row(why="is not JSON", raw=line)
    times = Counter(pair[0] for pair in pairs if isinstance(pair, tuple))
    once = {pair[0]: pair[1] for pair in pairs if isinstance(pair, tuple) and times[pair[0]] == 1}
    row = _row({name: cell for name, cell in once.items() if not isinstance(cell, list)}, text, line)
    row.why, row.raw = "gives a key twice" if row.why is None else f"gives a key twice; {row.why}", line
    return row


def _text(value: Any) -> str | None:
    if isinstance(value, str):
        return str(value) or None
    if value is None:
        return None
    if value is True or value is False:
        return "true" if value else "false"
    return to_json(value)


def to_json(value: Any) -> str:
    """JSON text in which every number stands as it was written."""
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, dict):
        return (
            "{"
            + ",".join(f"{json.dumps(key, ensure_ascii=False)}:{to_json(item)}" for key, item in value.items())
            + "}"
        )
    if isinstance(value, list):
        return "[" + ",".join(map(to_json, value)) + "]"
    return json.dumps(value, ensure_ascii=False)
