"""Connected components in memory."""

from __future__ import annotations

import random

import networkx
import polars as pl

from jobs.graph.components import label_components


def groups(pairs: list[tuple[int, int]]) -> set[frozenset[int]]:
    frame = label_components(
        pl.Series([a for a, _ in pairs], dtype=pl.Int64), pl.Series([b for _, b in pairs], dtype=pl.Int64)
    )
    found: dict[int, set[int]] = {}
    for row in frame.to_dicts():
        found.setdefault(row["component"], set()).add(row["node_id"])
    assert sum(len(members) for members in found.values()) == frame.height
    return {frozenset(members) for members in found.values()}


def test_what_a_chain_of_pairs_joins_is_one_group() -> None:
    assert groups([(1, 2), (3, 2), (-9, 8), (8, 8), (5, 5)]) == {
        frozenset({1, 2, 3}),
        frozenset({-9, 8}),
        frozenset({5}),
    }


def test_a_pair_said_very_often_is_one_pair() -> None:
    assert groups([(1, 2)] * 256 + [(2, 3)]) == {frozenset({1, 2, 3})}


def test_ids_use_all_64_bits() -> None:
    low, high = -(2**63), 2**63 - 1
    assert groups([(low, high), (high, 0)]) == {frozenset({low, 0, high})}


def test_no_pairs_make_no_groups() -> None:
    assert groups([]) == set()
    none = pl.Series([], dtype=pl.Int64)
    assert label_components(none, none).schema == {"node_id": pl.Int64, "component": pl.Int64}


def test_groups_are_those_of_another_library_in_any_order() -> None:
    dice = random.Random(7)
    for size in (10, 100, 1000):
        pairs = [(dice.randrange(size), dice.randrange(size)) for _ in range(size // 2)]
        expected = {frozenset(c) for c in networkx.connected_components(networkx.Graph(pairs))}
        assert groups(pairs) == expected
        assert groups([(b, a) for a, b in dice.sample(pairs, len(pairs))]) == expected
