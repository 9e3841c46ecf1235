"""How far a node is from a claim, by edges alone: no times, no due process. It explains; the scores themselves are jobs/signals/spread.py's."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

WAYS = {"u": pl.Int64, "v": pl.Int64, "weight": pl.Float64, "into_shared": pl.Boolean, "from_shared": pl.Boolean}


def find_ways(edges: pl.DataFrame, shared: pl.DataFrame, weights: Mapping[str, float]) -> pl.DataFrame:
    """Edges in the directions in which they may be walked (a transfer forward only): u, v, weight, into_shared, from_shared: for that kind."""
    crowd = shared.filter("is_shared").select("kind", "node_id").unique().with_columns(crowded=pl.lit(True))
    of_kind = edges.filter(pl.col("kind").is_in(list(weights))).select("kind", "from_id", "to_id")
    both = []
    for u, v in (("from_id", "to_id"), ("to_id", "from_id")):
        rows = of_kind.select("kind", pl.col(u).alias("u"), pl.col(v).alias("v"))
        both.append(rows if u == "from_id" else rows.filter(pl.col("kind") != "transfer"))
    ways = pl.concat(both).with_columns(weight=pl.col("kind").replace_strict(dict(weights), return_dtype=pl.Float64))
    for end, name in (("v", "into_shared"), ("u", "from_shared")):
        mark = crowd.rename({"node_id": end, "crowded": name})
        ways = ways.join(mark, on=["kind", end], how="left", validate="m:1")
    return ways.select("u", "v", "weight", pl.col("into_shared", "from_shared").fill_null(False))


def reach(origins: pl.DataFrame, ways: pl.DataFrame, max_edges: int, *, through_shared: bool = False) -> pl.DataFrame:
    """One row per label and node within so many edges of an origin of that label: label, node_id, n_edges (the fewest), influence (the best).

    `origins`: label, node_id, strength. A shared identifier is not walked into, and out of only in a first step, which ends there; with
    `through_shared` it is a node like any other.
    """
    here = origins.select("label", "node_id", pl.col("strength").alias("influence"), pl.lit(False).alias("is_over"))
    layers = [_best(here, 0)]
    for n_edges in range(1, max_edges + 1):
        steps = here.filter(~pl.col("is_over")).join(ways, left_on="node_id", right_on="u", how="inner")
        if not through_shared:
            steps = steps.filter(~pl.col("into_shared") & (~pl.col("from_shared") | (n_edges == 1)))
        is_over = pl.lit(False) if through_shared else pl.col("from_shared")
        walked = steps.select(
            "label", pl.col("v").alias("node_id"), (pl.col("influence") * pl.col("weight")).alias("influence"), is_over.alias("is_over")
        )  # fmt: skip
        here = walked.group_by("label", "node_id", "is_over").agg(pl.col("influence").max())
        here = here.select("label", "node_id", "influence", "is_over")
        layers.append(_best(here, n_edges))
    whole = pl.concat(layers)
    return whole.group_by("label", "node_id").agg(pl.col("n_edges").min(), pl.col("influence").max())


def _best(layer: pl.DataFrame, n_edges: int) -> pl.DataFrame:
    best = layer.group_by("label", "node_id").agg(pl.col("influence").max())
    return best.select("label", "node_id", pl.lit(n_edges, pl.Int32).alias("n_edges"), "influence")
