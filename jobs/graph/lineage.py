"""What becomes of the ids of parties and rings, so that an old one can always be followed (graph.md, Stable ids)."""

from __future__ import annotations

from datetime import date

from pyspark.sql import DataFrame
from pyspark.sql import functions as F


def trace_ids(before: DataFrame, after: DataFrame, what: str, on: date) -> DataFrame:
    """Rows of graph.lineage. Both frames: (id, node_id), one row per member.

    NEW: an id that no member had before. SPLIT: a new id whose members stood under an id that still lives. MERGE: an id that is gone,
    whose members are now elsewhere (`into_id`: where the most of them are, the least id of several). RETIRE: an id whose members are gone.
    """
    old_ids, new_ids = before.select("id").distinct(), after.select("id").distinct()
    moved = before.select(F.col("id").alias("old"), "node_id").join(
        after.select(F.col("id").alias("new"), "node_id"), on="node_id", how="inner"
    )
    moved = moved.where("old <> new").groupBy("old", "new").agg(F.count("*").alias("n"))
    most = F.struct(F.col("n"), -F.col("new"))
    gone = old_ids.join(new_ids, on="id", how="left_anti").join(
        moved.groupBy(F.col("old").alias("id")).agg(F.max_by("new", most).alias("into_id")), on="id", how="left"
    )
    gone = gone.select(
        "id", F.when(F.col("into_id").isNull(), F.lit("RETIRE")).otherwise(F.lit("MERGE")).alias("event"), "into_id"
    )
    living = moved.join(new_ids.select(F.col("id").alias("old")), on="old", how="left_semi")
    came = new_ids.join(old_ids, on="id", how="left_anti").join(
        living.groupBy(F.col("new").alias("id")).agg(
            F.max_by("old", F.struct(F.col("n"), -F.col("old"))).alias("into_id")
        ),
        on="id",
        how="left",
    )
    came = came.select(
        "id", F.when(F.col("into_id").isNull(), F.lit("NEW")).otherwise(F.lit("SPLIT")).alias("event"), "into_id"
    )
    return gone.unionByName(came).select(
        F.lit(on).alias("night_on"), F.lit(what).alias("what"), "event", "id", "into_id"
    )
