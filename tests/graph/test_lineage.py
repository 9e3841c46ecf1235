"""What becomes of ids (graph.md, Stable ids): one group of ids per sentence, all in one frame."""

from __future__ import annotations

from datetime import date

import pytest

from jobs.graph.lineage import trace_ids
from tests.frames import build, read

ON = date(2026, 6, 2)
Members = dict[int, list[int]]
CASES: dict[str, tuple[Members, Members, set[tuple[str, int, int | None]]]] = {
    # name: members by id before, and after; events (what, id, into)
    "the same members under the same id are no event": ({1: [1, 2]}, {1: [1, 2]}, set()),
    "a member more or less is no event": ({1: [1, 2]}, {1: [1, 3]}, set()),
    "an id of new members is new": ({}, {1: [1, 2]}, {("NEW", 1, None)}),
    "when groups merge the older id stays": ({1: [1, 2], 3: [3, 4]}, {1: [1, 2, 3, 4]}, {("MERGE", 3, 1)}),
    "when a group splits the part with the anchor keeps it": (
        {1: [1, 2, 3]},
        {1: [1], 2: [2, 3]},
        {("SPLIT", 2, 1)},
    ),
    "an id whose members are gone retires": ({1: [1, 2]}, {}, {("RETIRE", 1, None)}),
    "an id that is gone leads to where the most of its members are": (
        {1: [1, 2, 3], 4: [4], 5: [5]},
        {4: [4, 1], 5: [5, 2, 3]},
        {("MERGE", 1, 5)},
    ),
    "of several with as many members it leads to the least id": (
        {1: [1, 2], 4: [4], 5: [5]},
        {4: [4, 1], 5: [5, 2]},
        {("MERGE", 1, 4)},
    ),
    "a group that an older member joins goes on under its id": (
        {2: [2, 3]},
        {1: [1, 2, 3]},
        {("NEW", 1, None), ("MERGE", 2, 1)},
    ),
    "a group that loses its anchor goes on under another id": (
        {1: [1, 2, 3]},
        {2: [2, 3]},
        {("NEW", 2, None), ("MERGE", 1, 2)},
    ),
}
BASE = {name: 100 * number for number, name in enumerate(CASES, start=1)}
"""Keeps the ids and members of one case apart from those of another."""


@pytest.fixture(scope="module")
def events() -> dict[int, set[tuple[str, int, int | None]]]:
    def members(side: int) -> list[dict[str, int]]:
        return [
            {"id": BASE[name] + id_, "node_id": BASE[name] + node}
            for name, parts in CASES.items()
            for id_, nodes in (parts[0] if side == 0 else parts[1]).items()
            for node in nodes
        ]

    ddl = "id bigint, node_id bigint"
    rows = read(trace_ids(build(ddl, members(0)), build(ddl, members(1)), "party", ON))
    assert {(row["night_on"], row["what"]) for row in rows} == {(ON, "party")}
    found: dict[int, set[tuple[str, int, int | None]]] = {base: set() for base in BASE.values()}
    for row in rows:
        base = row["id"] // 100 * 100
        found[base].add((row["event"], row["id"] - base, None if row["into_id"] is None else row["into_id"] - base))
    assert sum(len(one) for one in found.values()) == len(rows)
    return found


@pytest.mark.parametrize("name", CASES)
def test_events(events: dict[int, set[tuple[str, int, int | None]]], name: str) -> None:
    assert events[BASE[name]] == CASES[name][2]
