"""Shared identifiers: what too many parties use says nothing about any of them (graph.md, Shared identifiers)."""

from __future__ import annotations

from datetime import date

import polars as pl

from jobs.core.frames import stack
from jobs.policy import Shared

_BOUNDS = {"kind": pl.String, "side": pl.String, "type": pl.String, "bound": pl.Int64, "lead": pl.String}


def count_neighbours(edges: pl.DataFrame, types: pl.DataFrame, policy: Shared) -> pl.DataFrame:
    """One row per node on a bounded side of an edge kind: node_id, kind, side, n_live, bound, lead. `types`: node_id, type."""
    rows = [(b.kind, b.side, t, b.bound, b.lead) for b in policy.bounds for t in b.types]
    bounds = pl.DataFrame(rows, schema=_BOUNDS, orient="row")
    floor = min(b.bound for b in policy.bounds) * policy.off_below
    live = edges.filter("is_live").join(bounds, on="kind", how="semi")
    sides = stack(
        live.select("kind", pl.lit(side).alias("side"), pl.col(end).alias("node_id"))
        for side, end in (("from", "from_id"), ("to", "to_id"))
    )
    counted = sides.group_by("kind", "side", "node_id").agg(n_live=pl.len().cast(pl.Int64))
    busy = counted.filter(pl.col("n_live") >= floor).join(types, on="node_id", how="inner", validate="m:1")
    return busy.join(bounds, on=["kind", "side", "type"], how="inner", validate="m:1").select(
        "node_id", "kind", "side", "n_live", "bound", "lead"
    )


def mark_shared(counted: pl.DataFrame, before: pl.DataFrame, on: date, off_below: float) -> pl.DataFrame:
    """Rows of graph.shared_identifiers: on above the bound, off below that share of it. `before`: the table as of the night before."""
    known = before.select("node_id", "kind", "side", pl.lit(True).alias("_was"), pl.col("since_on").alias("_since"))
    rows = counted.join(known, on=["node_id", "kind", "side"], how="left", validate="1:1")
    stays = pl.col("_was").fill_null(False) & (pl.col("n_live") >= pl.col("bound") * off_below)
    return rows.filter((pl.col("n_live") > pl.col("bound")) | stays).select(
        "node_id", "kind", "side", "n_live", "bound", pl.lit(True).alias("is_shared"),
        pl.col("_since").fill_null(pl.lit(on)).alias("since_on"),
    )  # fmt: skip
