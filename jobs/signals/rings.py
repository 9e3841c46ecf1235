"""Rings: parties that stand together over edges among the scored (graph.md, Rings)."""

from __future__ import annotations

from datetime import date

import polars as pl

from jobs.core.frames import pick, stack
from jobs.graph.components import label_components

_NEVER = date(9999, 12, 31)


def find_rings(
    edges: pl.DataFrame,
    scores: pl.DataFrame,
    parties: pl.DataFrame,
    shared: pl.DataFrame,
    first_seen: pl.DataFrame,
    lead_bound: float,
) -> pl.DataFrame:
    """Rows of graph.rings: components of parties over edges that stand and are not shared, among nodes at or above the lead bound."""
    high = scores.filter(pl.col("score") >= lead_bound).select("node_id")
    member = high.join(parties.select("node_id", "party_id"), on="node_id", how="inner", validate="1:1")
    pairs = _pairs(edges, member, shared)
    grouped = label_components(pairs["a"], pairs["b"]).rename({"node_id": "party_id"})
    members = member.join(grouped, on="party_id", how="inner", validate="m:1").join(
        first_seen.select("node_id", "first_seen_on"), on="node_id", how="left", validate="1:1"
    )
    members = members.with_columns(pl.col("first_seen_on").fill_null(_NEVER))
    anchors = pick(members, "component", ["first_seen_on", "node_id"]).select("component", ring_id="node_id")
    sizes = members.group_by("component").agg(n_parties=pl.col("party_id").n_unique().cast(pl.Int64))
    rings = sizes.filter(pl.col("n_parties") > 1).join(anchors, on="component", how="inner", validate="1:1")
    return (
        members.select("component", "party_id")
        .unique()
        .join(rings, on="component", how="inner", validate="m:1")
        .select("ring_id", "party_id", "n_parties")
    )


def _pairs(edges: pl.DataFrame, member: pl.DataFrame, shared: pl.DataFrame) -> pl.DataFrame:
    """(a, b): parties that an edge joins, or a case and a party that it names; neither end shared for that kind of edge."""
    a, b = member.select(from_id="node_id", a="party_id"), member.select(to_id="node_id", b="party_id")
    crowd = shared.filter("is_shared")
    free = edges.select("kind", "from_id", "to_id").join(b, on="to_id", how="inner", validate="m:1")
    for end in ("to_id", "from_id"):
        free = free.join(crowd.select("kind", pl.col("node_id").alias(end)), on=["kind", end], how="anti")
    direct = free.filter(pl.col("kind") != "involved").join(a, on="from_id", how="inner", validate="m:1")
    in_case = free.filter(pl.col("kind") == "involved").select("b", a="from_id")
    return stack([direct.select("a", "b"), in_case]).unique()
