"""Words as Markdown: tables, code, and text that cannot break either."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any


def text(value: Any) -> str:
    """One line that may stand in a cell. Yes and no for booleans, items with commas, nothing for None."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(text(item) for item in value)
    return " ".join(str(value).split()).replace("|", r"\|").replace("<", "&lt;")


def code(value: Any) -> str:
    """In the type of code, as it is; nothing for None."""
    return "" if value is None else "`" + " ".join(str(value).split()).replace("|", r"\|") + "`"


def codes(values: Iterable[Any]) -> str:
    return ", ".join(code(value) for value in values)


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """The lines of a table, with an empty one after it; none at all when it has no row."""
    lines = [f"| {' | '.join(row)} |" for row in rows]
    if not lines:
        return []
    return [f"| {' | '.join(header)} |", f"|{' --- |' * len(header)}", *lines, ""]


def page(title: str, *blocks: Iterable[str]) -> str:
    """A whole page: heading, where it comes from, and the lines of its blocks."""
    head = [
        f"# {title}",
        "",
        "<!-- Generated from schemas/ by `antifraud docs`. Change the YAML, not this page. -->",
        "",
    ]
    lines = [*head, *(line for block in blocks for line in block)]
    return "\n".join(lines).rstrip("\n") + "\n"
