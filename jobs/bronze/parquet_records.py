"""Parquet: its columns, its count, its records as canonical text.

A timestamp with a zone is the instant in ISO 8601 with `+00:00`, one without a zone has no offset, a date is
`YYYY-MM-DD`, a decimal is plain, a boolean is `true` or `false`, a list or struct is JSON text.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from typing import IO, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from jobs.bronze.cells import Row, batch_of_columns, batch_of_rows, broken_text
from jobs.bronze.source import GZIP_MAGIC, Broken, Limits, unpacked

BATCH = 16_384
BATCH_BYTES = 256 << 20
"""Text of that many records, at most: they are in memory together."""
FIXED_BYTES = BATCH_BYTES // BATCH
"""Values of a fixed length in one record: these are never a dictionary."""
UNREADABLE = (pa.ArrowException, OSError, ValueError, OverflowError, MemoryError)


@contextmanager
def opened(raw: IO[bytes], limits: Limits, *, dictionaries: bool = False) -> Iterator[tuple[pq.ParquetFile, int]]:
    """The file, its footer read and its limits checked, and its size; when all of it is gzip, unpacked to a temporary file
    first.

    With `dictionaries`, text comes as dictionaries, in nested columns too, so that one long value that stands in a
    million records is in memory once.
    """
    start = raw.read(len(GZIP_MAGIC))
    raw.seek(0)
    with tempfile.TemporaryFile() as plain:
        if start == GZIP_MAGIC:
            for chunk in unpacked(raw, limits):
                plain.write(chunk)
            plain.seek(0)
        source = plain if start == GZIP_MAGIC else raw
        try:
            file = _file(source, [])
            _check_footer(file, packed := source.seek(0, 2), limits)
            _check_names(file.schema_arrow.names, limits)
            file = _file(source, _texts(file)) if dictionaries else file
        except UNREADABLE:
            raise Broken("unreadable", "is not Parquet, or its footer is damaged") from None
        yield file, packed


def _leaves(file: pq.ParquetFile) -> list[pq.ColumnSchema]:
    return [file.schema.column(number) for number in range(len(file.schema))]


def _texts(file: pq.ParquetFile) -> list[str]:
    """Paths of the columns that hold text or bytes of any length (a decimal may be written as such, too)."""
    return [
        leaf.path
        for leaf in _leaves(file)
        if leaf.physical_type == "BYTE_ARRAY" and leaf.logical_type.type != "DECIMAL"
    ]


def _check_footer(file: pq.ParquetFile, packed: int, limits: Limits) -> None:
    """What the footer says of sizes; what it does not say, how often a value stands, `inspect_values` sees.

    Not `meta.row_group(n).column(n)`: on a damaged footer that ends the process (Arrow 26).
    """
    meta = file.metadata
    if meta.num_columns > limits.columns:
        raise Broken("too_large", f"has more than {limits.columns} columns")
    if meta.num_rows > limits.rows:
        raise Broken("too_large", f"has more than {limits.rows} records")
    if sum(leaf.length for leaf in _leaves(file) if leaf.physical_type == "FIXED_LEN_BYTE_ARRAY") > FIXED_BYTES:
        raise Broken("too_large", f"has fixed values of more than {FIXED_BYTES} bytes in a record")
    sizes = [meta.row_group(number).total_byte_size for number in range(meta.num_row_groups)]
    _check_size(sum(max(0, size) for size in sizes), packed, limits)
    _check_size(meta.num_rows, packed, limits)


def _check_size(size: int, packed: int, limits: Limits) -> None:
    """`size`: bytes, or things of which each is a byte at least."""
    if size > limits.unpacked_bytes or (size > limits.ratio_from and size > limits.unpack_ratio * packed):
        raise Broken(
            "archive",
            f"unpacks to more than {limits.unpacked_bytes} bytes or {limits.unpack_ratio} times its size",
        )


def _check_names(names: list[str], limits: Limits) -> None:
    if any(broken_text(name) for name in names):
        raise Broken("unreadable", "has a column whose name is no text")
    if any(len(name.encode()) > limits.name_bytes for name in names):
        raise Broken("too_large", f"has a column whose name has more than {limits.name_bytes} bytes")
    if doubled := sorted({name for name in names if names.count(name) > 1}):
        raise Broken("unreadable", f"names column {doubled[0][:60]!r} twice")


def _file(source: IO[bytes], texts: list[str]) -> pq.ParquetFile:
    return pq.ParquetFile(
        source, page_checksum_verification=True, arrow_extensions_enabled=False, read_dictionary=texts
    )


def decoded(file: pq.ParquetFile, size: int = BATCH) -> Iterator[pa.RecordBatch]:
    """The file's own batches. Raises Broken `unreadable` when a page is damaged."""
    rows = 0
    batches = file.iter_batches(batch_size=size, use_threads=False)
    while True:
        try:
            batch = next(batches, None)
        except UNREADABLE:
            raise Broken("unreadable", "is damaged: its Parquet data can't be decoded") from None
        if batch is None:
            break
        rows += batch.num_rows
        yield batch
    if rows != file.metadata.num_rows:
        raise Broken("unreadable", "holds another number of records than its footer says")


def inspect_values(file: pq.ParquetFile, packed: int, limits: Limits) -> None:
    """Looks at every text of a file opened with `dictionaries`, before bronze spreads them over their records.

    Raises Broken `too_large` for a value, or for records, past their limit; `archive` when the same text stands in so
    many records that the file unpacks past its limit.
    """
    size = 0
    for batch in decoded(file):
        try:
            spread = sum(_spread(column, limits) for column in batch.columns)
        except UNREADABLE:  # a record that names a text which is not there
            raise Broken("unreadable", "is damaged: its Parquet data can't be decoded") from None
        if spread > BATCH_BYTES:
            raise Broken("too_large", f"has {batch.num_rows} records of more than {BATCH_BYTES} bytes together")
        size += spread
        _check_size(size, packed, limits)


def _spread(column: pa.Array, limits: Limits) -> int:
    """Bytes of all texts in the column, each counted as often as it stands there; of other elements of lists their number."""
    if pa.types.is_dictionary(column.type):
        lengths = pc.binary_length(column.dictionary)
        if (pc.max(lengths).as_py() or 0) > limits.value_bytes:
            raise Broken("too_large", f"has a value of more than {limits.value_bytes} bytes")
        return int(pc.sum(lengths.take(column.indices).cast(pa.int64())).as_py() or 0)
    if pa.types.is_struct(column.type):
        return sum(_spread(part, limits) for part in column.flatten())
    if pa.types.is_map(column.type):
        return _spread(column.keys, limits) + _spread(column.items, limits)
    if not pa.types.is_nested(column.type):
        return 0
    elements = column.flatten()
    return len(elements) + _spread(elements, limits)


def read_parquet(raw: IO[bytes], columns: Sequence[str], limits: Limits) -> Iterator[pa.RecordBatch]:
    """Batches of records, numbered from 1."""
    line = 1
    with opened(raw, limits) as (file, _):
        for batch in decoded(file):
            yield _batch(batch, columns, line)
            line += batch.num_rows


def _batch(batch: pa.RecordBatch, columns: Sequence[str], line: int) -> pa.RecordBatch:
    texts = {name: _render_safely(batch.column(number)) for number, name in enumerate(batch.schema.names)}
    whole = {name: text for name, text in texts.items() if text is not None and not _holds_nul(text)}
    if len(whole) == len(texts):
        return batch_of_columns(columns, whole, line, batch.num_rows)
    return batch_of_rows(columns, _rows(batch, whole), line, "utf-8")


def render(column: pa.Array) -> pa.Array:
    """The column as text; an empty text is null."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        return render(column.dictionary_decode())
    if pa.types.is_timestamp(kind):
        text = _render_timestamps(column)
    elif pa.types.is_decimal(kind):
        text = pa.array([None if value is None else format(value, "f") for value in column.to_pylist()], pa.string())
    elif pa.types.is_nested(kind):
        text = pa.array([None if value is None else _json(value) for value in column.to_pylist()], pa.string())
    elif pa.types.is_date(kind):
        text = column.cast(pa.date32()).cast(pa.string())
    elif pa.types.is_fixed_size_binary(kind):
        text = column.cast(pa.binary()).cast(pa.string())
    else:
        text = column.cast(pa.string())
    text.validate(full=True)
    return pc.if_else(pc.equal(pc.binary_length(text), 0), pa.scalar(None, pa.string()), text)


def _render_timestamps(column: pa.Array) -> pa.Array:
    """Fractions of a second only as far as they are not zero."""
    naive = column.cast(pa.int64()).cast(pa.timestamp(column.type.unit))
    text = pc.strftime(naive, "%Y-%m-%dT%H:%M:%S")
    text = pc.replace_substring_regex(text, r"(\.\d*?)0+$", r"\1")
    text = pc.replace_substring_regex(text, r"\.$", "")
    return text if column.type.tz is None else pc.binary_join_element_wise(text, "+00:00", "")


def _render_safely(column: pa.Array) -> pa.Array | None:
    try:
        return render(column)
    except (pa.ArrowException, ValueError, OverflowError):
        return None


def _holds_nul(text: pa.Array) -> bool:
    return bool(pc.any(pc.match_substring(text, "\0")).as_py())


def _rows(batch: pa.RecordBatch, whole: dict[str, pa.Array]) -> list[Row]:
    """The records of a batch in which some cell is no text: one by one."""
    rows = [Row() for _ in range(batch.num_rows)]
    for number, name in enumerate(batch.schema.names):
        ready = whole[name].to_pylist() if name in whole else None
        for index, row in enumerate(rows):
            text, why = (ready[index], None) if ready is not None else _cell(batch.column(number).slice(index, 1))
            row.cells[name] = text
            if why is not None:
                row.why = f"{row.why or 'has '}{'; ' if row.why else ''}{why} in column {name[:60]!r}"
    for row in rows:
        if row.why is not None:
            row.raw = json.dumps(row.cells, ensure_ascii=False).encode()
    return rows


def _cell(column: pa.Array) -> tuple[str | None, str | None]:
    text = _render_safely(column)
    if text is None:
        return None, "a value that is no text"
    value = text[0].as_py()
    why = None if value is None else broken_text(value)
    return (None, why) if why else (value, None)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False, default=_leaf)


def _leaf(value: Any) -> str:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return format(value, "f")
    return value.decode("utf-8") if isinstance(value, bytes) else str(value)
