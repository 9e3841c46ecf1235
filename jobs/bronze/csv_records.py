"""CSV: its header, its count, its records as text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.csv as pa_csv

from jobs.bronze.cells import Row, batch_of_columns, batch_of_rows, broken_text
from jobs.bronze.csv_blocks import Block, Blocks, RawRecord, split_records
from jobs.bronze.source import Broken, Limits


def read_header(blocks: Blocks, columns: Sequence[str], encoding: str, limits: Limits) -> list[str]:
    """The columns' names as the file gives them.

    Raises Broken when they are no text, one stands twice, one is too long or there are too many. A name is said only when it
    is one of `columns`: the first line of a file without a header is a record, and a message holds no value of one.
    """
    try:
        names = [cell.encode("latin-1").decode(encoding).removeprefix("\ufeff") for cell in blocks.header]
    except UnicodeDecodeError:
        raise Broken("unreadable", f"has a header that is not {encoding} text") from None
    if any(broken_text(name) for name in names):
        raise Broken("unreadable", f"has a header that is not {encoding} text")
    if len(names) > limits.columns:
        raise Broken("too_large", f"has more than {limits.columns} columns")
    if any(len(name.encode()) > limits.name_bytes for name in names):
        raise Broken("too_large", f"has a column whose name has more than {limits.name_bytes} bytes")
    if doubled := sorted({name for name in names if names.count(name) > 1}):
        known = [name for name in doubled if name in columns]
        raise Broken("unreadable", f"names {f'column {known[0]!r}' if known else 'a column'} twice")
    return names


def read_csv(
    chunks: Iterator[bytes], columns: Sequence[str], encoding: str, limits: Limits
) -> Iterator[pa.RecordBatch]:
    """Batches of records, numbered from 1."""
    blocks = Blocks(chunks, limits)
    names = read_header(blocks, columns, encoding, limits)
    line = 1
    for block in blocks:
        found = _parse_regular(block, names, encoding)
        if found is None:
            rows = [_row(record, names, encoding) for record in _records(block, limits)]
            yield batch_of_rows(columns, rows, line, encoding)
        else:
            yield batch_of_columns(columns, found, line, block.rows)
        line += block.rows


def _records(block: Block, limits: Limits) -> list[RawRecord]:
    if block.records is not None:
        return block.records
    return [record for record, _ in split_records(block.data, True, limits)]


def _parse_regular(block: Block, names: list[str], encoding: str) -> dict[str, pa.Array] | None:
    """The block's columns, parsed in bulk; None when some record in it needs to be looked at by itself."""
    if block.records is not None:
        return None
    data = block.data
    if encoding != "utf-8" and not data.isascii():
        try:
            data = data.decode(encoding).encode()
        except UnicodeError:
            return None
    keys = [str(number) for number in range(len(names))]
    try:
        table = pa_csv.read_csv(
            pa.BufferReader(data),
            pa_csv.ReadOptions(column_names=keys, use_threads=False, block_size=len(data) + 1),
            pa_csv.ParseOptions(newlines_in_values=True),
            pa_csv.ConvertOptions(
                column_types=dict.fromkeys(keys, pa.string()), null_values=[""], strings_can_be_null=True
            ),
        )
    except pa.ArrowInvalid:
        return None
    if table.num_rows != block.rows:
        return None
    return {name: _one(table.column(number)) for number, name in enumerate(names)}


def _one(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks == 1 else pa.concat_arrays(column.chunks)


def _row(record: RawRecord, names: list[str], encoding: str) -> Row:
    if record.cells is None:
        return Row(why="is not CSV: a quote stands where none may", raw=record.raw)
    if len(record.cells) != len(names):
        return Row(why=f"has {len(record.cells)} cells where the header has {len(names)}", raw=record.raw)
    row, broken = Row(), []
    for name, cell in zip(names, record.cells, strict=True):
        text = cell.encode("latin-1").decode(encoding, "surrogateescape")
        why = None if text.isascii() and "\0" not in text else broken_text(text)
        row.cells[name] = None if why or not text else text
        if why:
            broken.append(f"{why} in column {name[:60]!r}")
    if broken:
        row.why, row.raw = "has " + "; ".join(broken), record.raw
    return row
