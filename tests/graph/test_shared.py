"""Shared identifiers: on above the bound, off below 80% of it (graph.md, Shared identifiers)."""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl
import pytest

from jobs.core.frames import schema_of
from jobs.core.settings import ROOT
from jobs.graph.shared import count_neighbours, mark_shared
from jobs.policy import load_policy
from tests.frames import build, read

POLICY = load_policy(ROOT / "schemas", "default").shared
TONIGHT, BEFORE = date(2026, 6, 2), date(2026, 5, 1)
BOUNDED = {
    # name: kind, side, type of the node, live neighbours, ended neighbours, was it shared before; is it tonight
    "a person's document at its bound is not shared": ("holder", "from", "national_id", 50, 0, False, False),
    "a person's document above its bound is": ("holder", "from", "national_id", 51, 0, False, True),
    "a passport has the same bound": ("holder", "from", "passport", 51, 0, False, True),
    "a company has another bound": ("holder", "from", "uscc", 200, 0, False, False),
    "a company above its bound is shared": ("holder", "from", "uscc", 201, 0, False, True),
    "a tenure at its bound is not shared": ("bound_phone", "to", "phone", 30, 0, False, False),
    "a tenure above its bound is": ("bound_phone", "to", "phone", 31, 0, False, True),
    "ended neighbours do not count": ("bound_phone", "to", "phone", 30, 40, False, False),
    "a shared one stays so at its bound": ("bound_phone", "to", "phone", 30, 0, True, True),
    "a shared one stays so at 80% of it": ("bound_phone", "to", "phone", 24, 0, True, True),
    "a shared one stops below 80% of it": ("bound_phone", "to", "phone", 23, 0, True, False),
    "a device above its bound is shared": ("device", "to", "imei", 21, 0, False, True),
    "a device above its bound of logins is shared": ("login_device", "to", "imei", 21, 0, False, True),
    "an address above its bound of logins is shared": ("login_ip", "to", "ip", 11, 0, False, True),
    "an address at its bound of sites is not shared": ("hosted_on", "to", "ip", 10, 0, False, False),
    "an address that was shared stays so with eight": ("hosted_on", "to", "ip", 8, 0, True, True),
    "a domain above its bound is shared": ("part_of", "to", "domain", 51, 0, False, True),
    "an address has no bound for what is part of it": ("part_of", "to", "ip", 60, 0, False, False),
    "a sim has no bound": ("sim", "to", "imsi", 60, 0, False, False),
    "an account has no bound by holder": ("holder", "to", "bank_card", 60, 0, False, False),
}
NODE = {name: number for number, name in enumerate(BOUNDED, start=1)}
NODES_DDL = "node_id bigint, type string"
EDGES_DDL = "kind string, from_id bigint, to_id bigint, is_live boolean"
BEFORE_DDL = "node_id bigint, kind string, side string, n_live bigint, bound bigint, is_shared boolean, since_on date"


def table(ddl: str, rows: list[tuple[Any, ...]]) -> pl.DataFrame:
    names = list(schema_of(ddl))
    return build(ddl, [dict(zip(names, row, strict=True)) for row in rows])


@pytest.fixture(scope="module")
def marked() -> dict[int, dict[str, object]]:
    edges, nodes, before = [], [], []
    for name, (kind, side, type_, n_live, n_ended, was, _) in BOUNDED.items():
        nodes.append((NODE[name], type_))
        for other in range(n_live + n_ended):
            ends = (NODE[name], -1000 * NODE[name] - other)
            edges.append((kind, *(ends if side == "from" else ends[::-1]), other < n_live))
        if was:
            before.append((NODE[name], kind, side, 99, 30, True, BEFORE))
    counted = count_neighbours(table(EDGES_DDL, edges), table(NODES_DDL, nodes), POLICY)
    rows = read(mark_shared(counted, table(BEFORE_DDL, before), TONIGHT, POLICY.off_below))
    assert len({row["node_id"] for row in rows}) == len(rows)
    return {row["node_id"]: row for row in rows}


@pytest.mark.parametrize("name", BOUNDED)
def test_bounds(marked: dict[int, dict[str, object]], name: str) -> None:
    kind, side, _, n_live, _, was, is_shared = BOUNDED[name]
    row = marked.get(NODE[name])
    assert (row is not None) is is_shared
    if row is not None:
        assert (row["kind"], row["side"], row["n_live"], row["is_shared"]) == (kind, side, n_live, True)
        assert row["since_on"] == (BEFORE if was else TONIGHT)


def test_the_kind_of_an_edge_alone_counts() -> None:
    """A device with 15 sims and 15 logins is shared for neither."""
    rows = [("device", 100 + n, 1, True) for n in range(15)] + [("login_device", 200 + n, 1, True) for n in range(15)]
    counted = count_neighbours(table(EDGES_DDL, rows), table(NODES_DDL, [(1, "imei")]), POLICY)
    assert counted.height == 2
    assert read(mark_shared(counted, table(BEFORE_DDL, []), TONIGHT, POLICY.off_below)) == []
