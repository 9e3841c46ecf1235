"""Read one data file, whatever its format: its records as text, or only its count and columns.

Both go through the same splitting of records, so the number that intake compares with the manifest is the
number of bronze rows.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import IO

import pyarrow as pa

from jobs.bronze.csv_blocks import Blocks
from jobs.bronze.csv_records import read_csv, read_header
from jobs.bronze.jsonl_records import is_deep, read_jsonl, read_line, split_lines
from jobs.bronze.parquet_records import decoded, inspect_values, opened, read_parquet
from jobs.bronze.source import Broken, Limits, open_file, unpacked
from jobs.core.contracts import Feed

LIMITS = Limits()


@dataclass
class Inspection:
    """What a file holds: its records, the columns that were seen, and whether a record (not a `withdraw`)
    needed them all.
    """

    rows: int = 0
    columns: set[str] = field(default_factory=set)
    needs_columns: bool = True


def read_records(source: str | bytes, feed: Feed, limits: Limits = LIMITS) -> Iterator[pa.RecordBatch]:
    """Every record of the file at this path or address (or of these bytes), as `cells.record_schema` says.

    Raises Broken.
    """
    columns = list(feed.columns)
    with closing(_open(source)) as raw:
        if feed.format.type == "parquet":
            yield from read_parquet(raw, columns, limits)
        elif feed.format.type == "csv":
            yield from read_csv(unpacked(raw, limits), columns, feed.format.encoding, limits)
        else:
            yield from read_jsonl(unpacked(raw, limits), columns, feed.format.encoding, limits)


def inspect_records(source: str | bytes, feed: Feed, limits: Limits = LIMITS) -> Inspection:
    """Count the file's records and name its columns, reading all of it and keeping none. Raises Broken."""
    with closing(_open(source)) as raw:
        if feed.format.type == "parquet":
            return _inspect_parquet(raw, limits)
        if feed.format.type == "csv":
            blocks = Blocks(unpacked(raw, limits), limits)
            names = read_header(blocks, list(feed.columns), feed.format.encoding, limits)
            return Inspection(sum(block.rows for block in blocks), set(names))
        return _inspect_jsonl(unpacked(raw, limits), feed, limits)


def _open(source: str | bytes) -> IO[bytes]:
    return io.BytesIO(source) if isinstance(source, bytes) else open_file(source)


def _inspect_parquet(raw: IO[bytes], limits: Limits) -> Inspection:
    """Twice: with dictionaries, to see a long value before it is spread; then just as bronze does."""
    with opened(raw, limits, dictionaries=True) as (file, packed):
        found = Inspection(columns=set(file.schema_arrow.names))
        inspect_values(file, packed, limits)
    raw.seek(0)
    with opened(raw, limits) as (file, _):
        found.rows = sum(batch.num_rows for batch in decoded(file))
    return found


def _inspect_jsonl(chunks: Iterator[bytes], feed: Feed, limits: Limits) -> Inspection:
    """A delivery of nothing but `withdraw` needs no more columns than those have."""
    found = Inspection(needs_columns=False)
    for lines in split_lines(chunks, limits):
        found.rows += len(lines)
        if lines and not _keys_in_bulk(lines, feed.format.encoding, limits, found):
            _keys_one_by_one(lines, feed.format.encoding, limits, found)
        if len(found.columns) > limits.columns:
            raise Broken("too_large", f"has more than {limits.columns} columns")
    return found


def _keys_in_bulk(lines: list[bytes], encoding: str, limits: Limits, found: Inspection) -> bool:
    """False when the lines must be looked at one by one.

    By the standard library, which is as fast here as Arrow's JSON reader; that one dies (with the whole process)
    of a line that is only `null`, and of a deep one (Arrow 26).
    """
    if any(is_deep(line, limits) for line in lines):
        return False
    try:
        text = (b"[" + b",".join(lines) + b"]").decode(encoding)
        rows = json.loads(text, parse_int=str, parse_float=str)
    except (ValueError, RecursionError):
        return False
    if len(rows) != len(lines) or not all(isinstance(row, dict) for row in rows):
        return False
    found.columns.update(*rows)
    for line, row in zip(lines, rows, strict=True):
        if found.needs_columns:
            break
        found.needs_columns = row.get("op") != "withdraw" and read_line(line, encoding, limits).why is None
    return True


def _keys_one_by_one(lines: list[bytes], encoding: str, limits: Limits, found: Inspection) -> None:
    for line in lines:
        row = read_line(line, encoding, limits)
        found.columns.update(row.cells)
        found.needs_columns |= row.why is None and row.cells.get("op") != "withdraw"
