"""From cells to a batch of records: what every format's reader ends in.

A record that can't be read whole keeps the cells that can (an agency's word that somebody is cleared must
count even when the name beside it is broken), says why in `undecodable`, and stands as a whole in
`unknown['_raw']`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

RAW = "_raw"
UNKNOWN = pa.map_(pa.string(), pa.string())


@dataclass
class Row:
    """One record that was read by itself: its cells by column, and, when it is not whole, why and what it
    looked like.
    """

    cells: dict[str, str | None] = field(default_factory=dict)
    why: str | None = None
    raw: bytes = b""


def record_schema(columns: Sequence[str]) -> pa.Schema:
    """One row is one record: its number in the file, the contract's columns as text, the others, and why it
    is undecodable.
    """
    texts = [pa.field(name, pa.string()) for name in columns]
    return pa.schema(
        [
            pa.field("line", pa.int64()),
            *texts,
            pa.field("unknown", UNKNOWN),
            pa.field("undecodable", pa.string()),
        ]
    )


def batch_of_columns(columns: Sequence[str], found: dict[str, pa.Array], first_line: int, rows: int) -> pa.RecordBatch:
    """A batch in which every record is whole; `found` holds the file's columns as text, known or not."""
    known = [found.get(name, pa.nulls(rows, pa.string())) for name in columns]
    others = {name: values.to_pylist() for name, values in found.items() if name not in set(columns)}
    unknown = pa.nulls(rows, UNKNOWN)
    if others:
        present = [_present({name: values[row] for name, values in others.items()}) for row in range(rows)]
        unknown = pa.array(present, UNKNOWN)
    lines = pa.array(np.arange(first_line, first_line + rows))
    arrays = [lines, *known, unknown, pa.nulls(rows, pa.string())]
    return pa.RecordBatch.from_arrays(arrays, schema=record_schema(columns))


def batch_of_rows(columns: Sequence[str], rows: Sequence[Row], first_line: int, encoding: str) -> pa.RecordBatch:
    """A batch of records that were read one by one."""
    names = set(columns)
    known = [pa.array([row.cells.get(name) for row in rows], pa.string()) for name in columns]
    unknown = []
    for row in rows:
        others = {name: text for name, text in row.cells.items() if name not in names}
        if row.why is not None:
            others[RAW] = row.raw.decode(encoding, "replace").replace("\0", "\ufffd").rstrip("\r\n")
        unknown.append(_present(others))
    lines = pa.array(range(first_line, first_line + len(rows)), pa.int64())
    why = pa.array([row.why for row in rows], pa.string())
    return pa.RecordBatch.from_arrays([lines, *known, pa.array(unknown, UNKNOWN), why], schema=record_schema(columns))


def _present(others: dict[str, str | None]) -> list[tuple[str, str]] | None:
    return [(name, text) for name, text in others.items() if text is not None] or None


def broken_text(text: str) -> str | None:
    """Why this text can't be kept (bytes that are no characters, NUL), or None."""
    if "\0" in text:
        return "a NUL byte"
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return "bytes that are no characters"
    return None
