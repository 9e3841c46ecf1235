"""docs/reference/tables.md: every table of the lake: our own, and bronze and silver of each feed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from jobs.core.contracts import Feed
from jobs.core.schema import TableColumn, TableSchema, bronze_table, silver_table
from jobs.reference.markdown import code, codes, page, table, text

INTRO = """\
Delta tables below the lake's folder, `<layer>/<table>`. Types are Spark's. Times are UTC, dates are of
Asia/Shanghai. A night's row in `ops.nights` names the versions that belong together: read those, not the
newest.
"""
HEADER = ("column", "type", "privacy", "meaning")


def render_tables(tables: Mapping[str, TableSchema], feeds: Mapping[str, Feed]) -> str:
    """The page: the tables of `schemas/tables` by name, then bronze and silver of each feed by name."""
    derived = {
        layer: [make(feeds[name]) for name in sorted(feeds)]
        for layer, make in (("bronze", bronze_table), ("silver", silver_table))
    }
    known = {one.id for each in derived.values() for one in each}
    ours = [tables[name] for name in sorted(tables) if name not in known]
    return page(
        "Tables",
        [*INTRO.splitlines(), ""],
        *(_section(one, one.columns) for one in ours),
        _layer("Bronze", "every record as it was delivered; all columns of a contract as text", derived["bronze"]),
        _layer("Silver", "every good version of every record, typed, identifiers as keyed ids", derived["silver"]),
    )


def _section(one: TableSchema, columns: Sequence[TableColumn], level: str = "##") -> list[str]:
    lines = [f"{level} {one.id}", "", text(one.description), ""]
    if one.key:
        lines += [
            f"Key: {codes(one.key)}." + ("" if one.pinned else " A log: read at its newest version."),
            "",
        ]
    return lines + _columns(columns)


def _layer(title: str, what: str, tables: Sequence[TableSchema]) -> list[str]:
    """What all of a layer have in common once, then what each has of its own."""
    if not tables:
        return []
    shared = [column for column in tables[0].columns if all(column in one.columns for one in tables)]
    lines = [
        f"## {title}: {what}",
        "",
        f"Key: {codes(tables[0].key)}. Every table of the layer has:",
        "",
        *_columns(shared),
    ]
    for one in tables:
        own = [column for column in one.columns if column not in shared]
        lines += [f"### {one.id}", "", text(one.description), "", *_columns(own)]
    return lines


def _columns(columns: Sequence[TableColumn]) -> list[str]:
    return table(HEADER, ((code(one.name), code(one.type), _privacy(one), text(one.description)) for one in columns))


def _privacy(column: TableColumn) -> str:
    return "personal" if column.classification == "personal" else ""
