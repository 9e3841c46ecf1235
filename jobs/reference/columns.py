"""Columns of a contract as rows of a table, those inside a list too."""

from __future__ import annotations

from collections.abc import Iterable

from jobs.core.contracts import Column
from jobs.reference.markdown import code, codes, table, text

HEADER = ("column", "type", "required", "privacy", "meaning")


def render_columns(columns: Iterable[Column]) -> list[str]:
    """A table with one row per column; `list[].column` is a column of a list's elements."""
    return table(HEADER, (row for column in columns for row in _rows(column, "")))


def _rows(column: Column, before: str) -> list[tuple[str, ...]]:
    name = f"{before}{column.name}"
    rows = [
        (
            code(name),
            _type(column),
            "yes" if column.required else "",
            "personal" if column.classification == "personal" else "",
            _meaning(column),
        )
    ]
    inner = column.items.schema_ if column.items else ()
    return rows + [row for each in inner for row in _rows(each, f"{name}[].")]


def _type(column: Column) -> str:
    if column.codes is not None:
        return f"code: [{column.codes}](codes.md#{column.codes})"
    return column.logicalType + (f" ({column.unit})" if column.unit else "")


def _meaning(column: Column) -> str:
    examples = f" Example: {codes(column.examples)}" if column.examples else ""
    return text(column.description) + ("." + examples if examples else "")
