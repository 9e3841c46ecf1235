"""Parties (graph.md, Parties, Stable ids): one small world per sentence, all in one frame.

In a world numbers below 10 are documents, the others identifiers.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, NamedTuple

import polars as pl
import pytest

from jobs.graph.parties import assign_parties, find_contested, newest_bindings, overlapping_tenures
from tests.frames import build, read
from tests.graph.rows import FOREVER

SPAN_DDL = "from_id bigint, to_id bigint, vf timestamp, vt timestamp"
Holding = tuple[int, int, str, str]


class World(NamedTuple):
    """`seen`: day of first sight by node; `parties`: party and kind by node; `crowded`: shared documents; `roles`: the party for roles, where
    it is another."""

    parties: dict[int, tuple[int, str]]
    holdings: tuple[Holding, ...] = ()
    links: tuple[tuple[int, int], ...] = ()
    seen: dict[int, int] = {}  # noqa: RUF012
    contested: tuple[tuple[int, int, int, str, str | None], ...] = ()
    crowded: tuple[int, ...] = ()
    roles: dict[int, int] = {}  # noqa: RUF012


JAN, FEB, MAR, APR = "2026-01-01", "2026-02-01", "2026-03-01", "2026-04-01"
DOCUMENTED, CONTESTED, UNKNOWN, AMBIGUOUS = "documented", "contested", "unknown", "ambiguous"
WORLDS: dict[str, World] = {
    "a document is a party of itself": World({1: (1, DOCUMENTED)}),
    "an identifier belongs to the party of its holder": World(
        {1: (1, DOCUMENTED), 11: (1, DOCUMENTED), 12: (1, DOCUMENTED)},
        ((1, 11, JAN, FOREVER), (1, 12, FEB, FOREVER)),
    ),
    "a holding that ended still says whose it was": World(
        {1: (1, DOCUMENTED), 11: (1, DOCUMENTED)},
        ((1, 11, JAN, FEB),),
    ),
    "an identifier belongs to its newest holder": World(
        {1: (1, DOCUMENTED), 2: (2, DOCUMENTED), 11: (2, DOCUMENTED)},
        ((1, 11, JAN, FEB), (2, 11, FEB, FOREVER)),
    ),
    "an identifier whose newest holding overlaps another document's is contested": World(
        {1: (1, DOCUMENTED), 2: (2, DOCUMENTED), 11: (11, CONTESTED)},
        ((1, 11, JAN, MAR), (2, 11, FEB, FOREVER)),
        contested=((11, 2, 1, FEB, MAR),),
    ),
    "an overlap without an end is open": World(
        {1: (1, DOCUMENTED), 2: (2, DOCUMENTED), 11: (11, CONTESTED)},
        ((1, 11, JAN, FOREVER), (2, 11, FEB, FOREVER)),
        contested=((11, 2, 1, FEB, None),),
    ),
    "a holding that goes on under a newer record of the same document is overlapped all the same": World(
        {1: (1, DOCUMENTED), 2: (2, DOCUMENTED), 11: (11, CONTESTED)},
        ((1, 11, JAN, FEB), (2, 11, JAN, FEB), (2, 11, FEB, FOREVER)),
        contested=((11, 2, 1, JAN, FEB),),
    ),
    "a shared document joins nothing: what it holds is a party each, and its own for roles": World(
        {1: (1, DOCUMENTED), 11: (11, UNKNOWN), 12: (12, UNKNOWN), 13: (12, UNKNOWN), 14: (14, AMBIGUOUS)},
        ((1, 11, JAN, FOREVER), (1, 12, JAN, FOREVER)),
        ((13, 12), (14, 11), (14, 12)),
        crowded=(1,),
        roles={11: 1, 12: 1, 13: 1, 14: 1},
    ),
    "a group next to somebody's and to a contested one is ambiguous": World(
        {1: (1, DOCUMENTED), 2: (2, DOCUMENTED), 11: (11, CONTESTED), 12: (1, DOCUMENTED), 13: (13, AMBIGUOUS)},
        ((1, 11, JAN, FOREVER), (2, 11, FEB, FOREVER), (1, 12, JAN, FOREVER)),
        ((13, 11), (13, 12)),
        contested=((11, 2, 1, FEB, None),),
    ),
    "an overlap of two older holdings contests nothing": World(
        {1: (1, DOCUMENTED), 2: (2, DOCUMENTED), 3: (3, DOCUMENTED), 11: (3, DOCUMENTED)},
        ((1, 11, JAN, MAR), (2, 11, FEB, MAR), (3, 11, APR, FOREVER)),
    ),
    "two holdings of the same document contest nothing": World(
        {1: (1, DOCUMENTED), 11: (1, DOCUMENTED)},
        ((1, 11, JAN, FOREVER), (1, 11, FEB, FOREVER)),
    ),
    "a son's phone bound to his mother's account merges nothing": World(
        {1: (1, DOCUMENTED), 2: (2, DOCUMENTED), 11: (1, DOCUMENTED), 12: (2, DOCUMENTED)},
        ((1, 11, JAN, FOREVER), (2, 12, JAN, FOREVER)),
        ((11, 12),),
    ),
    "an identifier without any link is a party alone": World({11: (11, UNKNOWN)}),
    "identifiers without a document are grouped by their links": World(
        {11: (11, UNKNOWN), 12: (11, UNKNOWN), 13: (11, UNKNOWN), 14: (14, UNKNOWN), 15: (14, UNKNOWN)},
        links=((11, 12), (13, 12), (14, 15)),
    ),
    "a group next to one documented party joins it": World(
        {1: (1, DOCUMENTED), 11: (1, DOCUMENTED), 12: (1, DOCUMENTED), 13: (1, DOCUMENTED)},
        ((1, 11, JAN, FOREVER),),
        ((11, 12), (12, 13)),
    ),
    "a group next to two identifiers of one party joins it": World(
        {1: (1, DOCUMENTED), 11: (1, DOCUMENTED), 12: (1, DOCUMENTED), 13: (1, DOCUMENTED)},
        ((1, 11, JAN, FOREVER), (1, 12, JAN, FOREVER)),
        ((11, 13), (13, 12)),
    ),
    "a group next to two documented parties is ambiguous": World(
        {
            1: (1, DOCUMENTED), 2: (2, DOCUMENTED), 11: (1, DOCUMENTED), 12: (2, DOCUMENTED), 13: (13, AMBIGUOUS),
            14: (13, AMBIGUOUS),
        },
        ((1, 11, JAN, FOREVER), (2, 12, JAN, FOREVER)),
        ((11, 13), (13, 14), (14, 12)),
    ),
    "the anchor is the member that was seen first": World(
        {11: (12, UNKNOWN), 12: (12, UNKNOWN), 13: (12, UNKNOWN)},
        links=((11, 12), (12, 13)),
        seen={11: 5, 12: 1, 13: 9},
    ),
    "of members seen on one day the anchor is the least": World(
        {11: (12, UNKNOWN), 12: (12, UNKNOWN), 13: (12, UNKNOWN)},
        links=((11, 13), (12, 13)),
        seen={11: 2, 12: 1, 13: 1},
    ),
    "a late member with a lesser number does not take over the id": World(
        {11: (13, UNKNOWN), 12: (13, UNKNOWN), 13: (13, UNKNOWN)},
        links=((12, 13), (11, 13)),
        seen={11: 30, 12: 2, 13: 1},
    ),
}  # fmt: skip
BASE = {name: 100 * number for number, name in enumerate(WORLDS, start=1)}
FIRST_DAY = date(2026, 1, 1)


class Found(NamedTuple):
    contested: list[dict[str, Any]]
    parties: list[dict[str, Any]]


def assign(*, turned: bool) -> Found:
    step = -1 if turned else 1
    held = [
        {"from_id": BASE[name] + a, "to_id": BASE[name] + b, "vf": vf, "vt": vt}
        for name, world in WORLDS.items()
        for a, b, vf, vt in world.holdings
    ]
    nodes = [
        {
            "node_id": BASE[name] + node,
            "first_seen_on": FIRST_DAY + timedelta(days=world.seen.get(node, 0)),
            "is_document": node < 10,
        }
        for name, world in WORLDS.items()
        for node in world.parties
    ]
    links = [(BASE[name] + a, BASE[name] + b) for name, world in WORLDS.items() for a, b in world.links]
    ends = ("b", "a") if turned else ("a", "b")
    holdings = build(SPAN_DDL, held[::step])
    contested = find_contested(holdings)
    parties = assign_parties(
        nodes=build("node_id bigint, first_seen_on date, is_document boolean", nodes[::step]),
        holdings=holdings,
        contested=contested,
        crowded=build(
            "node_id bigint", [{"node_id": BASE[name] + one} for name, world in WORLDS.items() for one in world.crowded]
        ),
        links=build("a bigint, b bigint", [dict(zip(ends, link, strict=True)) for link in links[::step]]),
    )
    return Found(by_node(contested), by_node(parties))


def by_node(frame: pl.DataFrame) -> list[dict[str, Any]]:
    return sorted(read(frame), key=lambda row: row["node_id"])


@pytest.fixture(scope="module")
def found() -> Found:
    return assign(turned=False)


@pytest.mark.parametrize("name", WORLDS)
def test_parties(found: Found, name: str) -> None:
    base, world = BASE[name], WORLDS[name]
    rows = [row for row in found.parties if row["node_id"] // 100 * 100 == base]
    assert len(rows) == len(world.parties)
    assert {r["node_id"] - base: (r["party_id"] - base, r["kind"]) for r in rows} == world.parties
    roles = {node: party for node, (party, _) in world.parties.items()} | world.roles
    assert {r["node_id"] - base: r["role_party_id"] - base for r in rows} == roles


@pytest.mark.parametrize("name", WORLDS)
def test_contested(found: Found, name: str) -> None:
    base = BASE[name]
    rows = [row for row in found.contested if row["node_id"] // 100 * 100 == base]
    assert [
        (
            row["node_id"] - base, row["holder_id"] - base, row["other_holder_id"] - base, row["overlap_from"], row["overlap_to"],
        )
        for row in rows
    ] == list(WORLDS[name].contested)  # fmt: skip


def test_parties_do_not_depend_on_the_order_of_the_rows(found: Found) -> None:
    assert assign(turned=True) == found


def test_the_newest_binding_is_the_latest_start_then_the_latest_end_ended_ones_too() -> None:
    rows = [
        (1, 11, JAN, FOREVER), (1, 12, FEB, MAR),
        (2, 21, JAN, FEB), (2, 22, JAN, MAR),
        (3, 31, JAN, FEB),
    ]  # fmt: skip
    bound = build(SPAN_DDL, [dict(zip(("from_id", "to_id", "vf", "vt"), row, strict=True)) for row in rows])
    assert set(newest_bindings(bound).select("a", "b").iter_rows()) == {(1, 12), (2, 22), (3, 31)}


def test_tenures_of_one_number_that_overlap_are_contested_and_both_kept() -> None:
    ddl = "node_id bigint, phone_id bigint, holder_id bigint, tenure_from timestamp, tenure_to timestamp, is_implicit boolean"
    rows = [
        {"node_id": 11, "phone_id": 1, "holder_id": 1001, "tenure_from": JAN, "tenure_to": MAR, "is_implicit": False},
        {"node_id": 12, "phone_id": 1, "holder_id": 1002, "tenure_from": FEB, "is_implicit": False},
        {"node_id": 21, "phone_id": 2, "holder_id": 1001, "tenure_from": JAN, "tenure_to": FEB, "is_implicit": False},
        {"node_id": 22, "phone_id": 2, "holder_id": 1002, "tenure_from": FEB, "is_implicit": False},
        {"node_id": 31, "phone_id": 3, "holder_id": 1001, "tenure_from": JAN, "is_implicit": False},
        {"node_id": 32, "phone_id": 3, "is_implicit": True},
    ]
    assert by_node(overlapping_tenures(build(ddl, rows))) == [
        {"node_id": 11, "holder_id": 1001, "other_holder_id": 1002, "overlap_from": FEB, "overlap_to": MAR},
        {"node_id": 12, "holder_id": 1002, "other_holder_id": 1001, "overlap_from": FEB, "overlap_to": MAR},
    ]
