"""Values as text, and text as cells of a CSV that is safe in a spreadsheet and comes back unchanged.

A cell that a spreadsheet could take for a formula gets an apostrophe in front, and so does one that begins
with an apostrophe: a cell with an apostrophe in front was protected, any other was not, and nothing is
ambiguous. Phones are the exception: an apostrophe would spoil every one of them for a reader that does not
know the rule, so in CSV E.164 loses its + instead and gets it back by its type.
"""

from __future__ import annotations

import csv
import gzip
import io
import re
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

SEPARATOR = "|"
# What spreadsheets start a formula with, in its full-width forms too, after the blanks that some of them
# drop; and our own mark.
_DANGER = "^(?:'|[ \u00a0\u3000\ufeff]*[=+\\-@＝＋－＠\t\r\n])"
_DANGER_PY = re.compile(_DANGER)
_E164 = r"^\+[0-9]{1,15}$"
_BARE = r"^[0-9]{1,15}$"


def protect_cell(text: str) -> str:
    """The text as a cell that no spreadsheet computes."""
    return f"'{text}" if _DANGER_PY.match(text) else text


def unprotect_cell(cell: str) -> str:
    """The text that `protect_cell` was given."""
    return cell[1:] if cell.startswith("'") else cell


def as_text(column: Any) -> Any:
    """A release's column as strings: dates and times in ISO 8601 (UTC, microseconds), lists joined by `|`.

    Raises ValueError when an element of a list holds the separator.
    """
    kind = column.type
    if pa.types.is_string(kind):
        return column
    if pa.types.is_date(kind):
        return pc.cast(column, pa.string())
    if pa.types.is_timestamp(kind):
        return pc.replace_substring(pc.cast(column, pa.string()), " ", "T", max_replacements=1)
    if pa.types.is_list(kind):
        if pc.any(pc.match_substring(pc.list_flatten(column), SEPARATOR)).as_py():
            raise ValueError(f"an element of a list holds '{SEPARATOR}', which separates elements in CSV")
        return pc.binary_join(column, SEPARATOR)
    raise ValueError(f"a release has no columns of type {kind}")


def from_text(column: Any, kind: Any) -> Any:
    """What `as_text` made into text, in its own type again."""
    if pa.types.is_list(kind):
        return pc.cast(pc.split_pattern(column, SEPARATOR), kind)
    return pc.cast(column, kind)


def write_csv(table: Any) -> bytes:
    """The table as gzipped CSV: UTF-8, header, `\\n`, empty for null. Same table, same bytes."""
    cells = {name: as_text(table[name]) for name in table.column_names}
    if "identifier" in cells:
        cells["identifier"] = _without_plus(cells["identifier"], cells["identifier_type"])
    for name, column in cells.items():
        dangerous = pc.match_substring_regex(column, _DANGER)
        cells[name] = pc.if_else(dangerous, pc.binary_join_element_wise("'", column, ""), column)
    plain = io.BytesIO()
    pacsv.write_csv(pa.table(cells), plain, pacsv.WriteOptions(include_header=False, quoting_style="needed"))
    head = ",".join(table.column_names) + "\n"
    return gzip.compress(head.encode() + plain.getvalue(), compresslevel=6, mtime=0)


def read_csv(content: bytes, schema: Any) -> Any:
    """A table of this schema from what `write_csv` wrote. Raises ValueError when the header is another."""
    rows = csv.reader(io.StringIO(gzip.decompress(content).decode("utf-8"), newline=""))
    head = next(rows, [])
    if head != schema.names:
        raise ValueError(f"columns are {head}, must be {schema.names}")
    columns: list[list[str | None]] = [[] for _ in head]
    for row in rows:
        if len(row) != len(head):
            raise ValueError(f"a row has {len(row)} cells, must have {len(head)}")
        for column, cell in zip(columns, row, strict=True):
            column.append(unprotect_cell(cell) if cell else None)
    texts = {name: pa.array(column, pa.string()) for name, column in zip(head, columns, strict=True)}
    if "identifier" in texts:
        texts["identifier"] = _with_plus(texts["identifier"], texts["identifier_type"])
    return pa.table({field.name: from_text(texts[field.name], field.type) for field in schema}, schema=schema)


def _without_plus(identifier: Any, identifier_type: Any) -> Any:
    is_phone = pc.equal(identifier_type, "phone")
    if pc.any(pc.and_(is_phone, pc.match_substring_regex(identifier, _BARE))).as_py():
        raise ValueError("a phone without its + is not in normal form and would not come back unchanged")
    bare = pc.and_(is_phone, pc.match_substring_regex(identifier, _E164))
    return pc.if_else(bare, pc.utf8_replace_slice(identifier, 0, 1, ""), identifier)


def _with_plus(identifier: Any, identifier_type: Any) -> Any:
    bare = pc.and_(pc.equal(identifier_type, "phone"), pc.match_substring_regex(identifier, _BARE))
    return pc.if_else(bare, pc.binary_join_element_wise("+", identifier, ""), identifier)
