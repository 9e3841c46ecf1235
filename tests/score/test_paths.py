"""Distance from a claim, by edges alone."""

from typing import Any

import pytest

from jobs.score.paths import find_ways, reach
from tests.frames import build
from tests.score.world import LAKE_TABLES, edge

WEIGHTS = {"bound_phone": 0.8, "holder": 0.5, "transfer": 0.3}


def near(
    edges: list[dict[str, Any]], shared: dict[int, str] | None = None, **more: Any
) -> dict[int, tuple[int, float]]:
    """Nodes that claims of strength 1 on node 1 come near to: (edges, influence)."""
    marks = [{"node_id": node, "kind": kind, "side": "to", "is_shared": True} for node, kind in (shared or {}).items()]
    ways = find_ways(
        build(LAKE_TABLES["graph.edges"].ddl, edges), build(LAKE_TABLES["graph.shared_identifiers"].ddl, marks), WEIGHTS
    )
    origins = build("label string, node_id bigint, strength double", [{"label": "R", "node_id": 1, "strength": 1.0}])
    found = reach(origins, ways, 3, **more)
    return {row["node_id"]: (row["n_edges"], round(row["influence"], 3)) for row in found.to_dicts()}


def test_three_edges_and_no_more() -> None:
    chain = [edge("bound_phone", n, n + 1) for n in range(1, 6)]
    assert near(chain) == {1: (0, 1.0), 2: (1, 0.8), 3: (2, 0.64), 4: (3, 0.512)}


def test_the_fewest_edges_and_the_best_influence_need_not_be_of_one_path() -> None:
    edges = [edge("transfer", 1, 3), edge("bound_phone", 1, 2), edge("holder", 2, 3)]
    assert near(edges)[3] == (1, 0.4)


def test_a_transfer_is_walked_forward_only_and_a_case_not_at_all() -> None:
    assert set(near([edge("transfer", 1, 2), edge("transfer", 3, 1), edge("involved", 1, 4)])) == {1, 2}


@pytest.mark.parametrize(("through", "reached"), [(False, {1}), (True, {1, 2, 3})])
def test_a_shared_identifier_is_no_bridge_unless_asked(through: bool, reached: set[int]) -> None:
    edges = [edge("bound_phone", 1, 2), edge("bound_phone", 3, 2)]
    assert set(near(edges, {2: "bound_phone"}, through_shared=through)) == reached


def test_a_claim_on_a_shared_identifier_leaves_it_by_one_edge() -> None:
    edges = [edge("bound_phone", 2, 1), edge("holder", 3, 2)]
    assert set(near(edges, {1: "bound_phone"})) == {1, 2}


def test_what_is_shared_for_one_kind_is_a_bridge_for_another() -> None:
    assert set(near([edge("holder", 1, 2), edge("holder", 3, 2)], {2: "bound_phone"})) == {1, 2, 3}
