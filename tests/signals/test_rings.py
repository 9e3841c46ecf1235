"""Rings: parties that stand together among the scored."""

from __future__ import annotations

from datetime import date

from jobs.signals.rings import find_rings
from tests.frames import build


def test_rings_join_scored_parties_by_free_edges_and_cases_and_never_one_party_alone() -> None:
    # node → party. 1-2 by an edge; 2-3 by case 900; 11-12 one party; 21-22 by a shared node; 31-32 where 32 scores too little.
    party = {1: 101, 2: 102, 3: 103, 11: 111, 12: 111, 21: 121, 22: 122, 23: 123, 31: 131, 32: 132}
    edges = [
        ("transfer", 1, 2),
        ("involved", 900, 2),
        ("involved", 900, 3),
        ("sim", 11, 12),
        ("device", 21, 23),
        ("device", 22, 23),
        ("sim", 31, 32),
    ]
    low = {32: 0.149}
    rings = find_rings(
        build("kind string, from_id bigint, to_id bigint", [{"kind": k, "from_id": a, "to_id": b} for k, a, b in edges]),
        build("node_id bigint, score double", [{"node_id": n, "score": low.get(n, 0.15)} for n in party]),
        build("node_id bigint, party_id bigint", [{"node_id": n, "party_id": p} for n, p in party.items()]),
        build("node_id bigint, kind string, is_shared boolean", [{"node_id": 23, "kind": "device", "is_shared": True}]),
        build(
            "node_id bigint, first_seen_on date",
            [{"node_id": 1, "first_seen_on": date(2026, 9, 2)}, {"node_id": 2, "first_seen_on": date(2026, 9, 1)}, {"node_id": 3, "first_seen_on": date(2026, 9, 1)}],
        ),
        0.15,
    )  # fmt: skip
    # The anchor is the member first seen, of two the least: node 2.
    assert sorted(rings.rows()) == [(2, 101, 3), (2, 102, 3), (2, 103, 3)]


def test_without_any_edge_there_is_no_ring() -> None:
    rings = find_rings(
        build("kind string, from_id bigint, to_id bigint", []),
        build("node_id bigint, score double", [{"node_id": 1, "score": 0.9}]),
        build("node_id bigint, party_id bigint", [{"node_id": 1, "party_id": 1}]),
        build("node_id bigint, kind string, is_shared boolean", []),
        build("node_id bigint, first_seen_on date", []),
        0.15,
    )
    assert (rings.columns, rings.rows()) == (["ring_id", "party_id", "n_parties"], [])
