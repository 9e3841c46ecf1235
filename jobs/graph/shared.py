"""Shared identifiers: what too many parties use says nothing about any of them (graph.md, Shared identifiers)."""

from __future__ import annotations

from datetime import date

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.policy import Shared


def count_neighbours(edges: DataFrame, types: DataFrame, spark: SparkSession, policy: Shared) -> DataFrame:
    """One row per node on a bounded side of an edge kind: node_id, kind, side, n_live, bound, lead. `types`: node_id, type."""
    rows = [(b.kind, b.side, t, b.bound, b.lead) for b in policy.bounds for t in b.types]
    bounds = spark.createDataFrame(rows, "kind string, side string, type string, bound bigint, lead string")
    floor = min(b.bound for b in policy.bounds) * policy.off_below
    live = edges.where("is_live")
    sides = live.select("kind", F.lit("from").alias("side"), F.col("from_id").alias("node_id")).unionByName(
        live.select("kind", F.lit("to").alias("side"), F.col("to_id").alias("node_id"))
    )
    kinds = [b.kind for b in policy.bounds]
    counted = (
        sides.where(F.col("kind").isin(kinds)).groupBy("kind", "side", "node_id").agg(F.count("*").alias("n_live"))
    )
    busy = counted.where(F.col("n_live") >= floor).join(types, on="node_id", how="inner")
    return busy.join(F.broadcast(bounds), on=["kind", "side", "type"], how="inner").select(
        "node_id", "kind", "side", "n_live", "bound", "lead"
    )


def mark_shared(counted: DataFrame, before: DataFrame, on: date, off_below: float) -> DataFrame:
    """Rows of graph.shared_identifiers: on above the bound, off below that share of it. `before`: the table as of the night before."""
    known = before.select("node_id", "kind", "side", F.lit(True).alias("_was"), F.col("since_on").alias("_since"))
    rows = counted.join(known, on=["node_id", "kind", "side"], how="left")
    stays = F.coalesce("_was", F.lit(False)) & (F.col("n_live") >= F.col("bound") * F.lit(off_below))
    rows = rows.where((F.col("n_live") > F.col("bound")) | stays)
    return rows.select(
        "node_id", "kind", "side", "n_live", "bound", F.lit(True).alias("is_shared"),
        F.coalesce("_since", F.lit(on)).alias("since_on"),
    )  # fmt: skip
