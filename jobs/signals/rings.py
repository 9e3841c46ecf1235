"""Rings: parties that stand together over edges among the scored (graph.md, Rings)."""

from __future__ import annotations

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.core.night import settle
from jobs.graph.components import label_components


def find_rings(
    spark: SparkSession,
    edges: DataFrame,
    scores: DataFrame,
    parties: DataFrame,
    shared: DataFrame,
    first_seen: DataFrame,
    lead_bound: float,
) -> DataFrame:
    """Rows of graph.rings: components of parties over edges that stand and are not shared, among nodes at or above the lead bound."""
    high = scores.where(F.col("score") >= lead_bound).select("node_id")
    member = settle(high.join(parties.select("node_id", "party_id"), on="node_id", how="inner"))
    crowd = shared.where("is_shared").select("node_id", "kind")
    a = member.select(F.col("node_id").alias("from_id"), F.col("party_id").alias("a"))
    b = member.select(F.col("node_id").alias("to_id"), F.col("party_id").alias("b"))
    among = edges.select("kind", "from_id", "to_id").join(b, on="to_id", how="inner")
    free = among.join(
        crowd, on=(among["to_id"] == crowd["node_id"]) & (among["kind"] == crowd["kind"]), how="left_anti"
    ).join(crowd, on=(among["from_id"] == crowd["node_id"]) & (among["kind"] == crowd["kind"]), how="left_anti")
    direct = free.where("kind <> 'involved'").join(a, on="from_id", how="inner").select("a", "b")
    in_case = free.where("kind = 'involved'").select(F.col("from_id").alias("a"), "b")
    pairs = direct.unionByName(in_case).distinct().toArrow()
    labelled = label_components(pairs["a"].combine_chunks(), pairs["b"].combine_chunks())
    if labelled.num_rows == 0:
        return spark.createDataFrame([], "ring_id bigint, party_id bigint, n_parties bigint")
    grouped = spark.createDataFrame(labelled).withColumnRenamed("node_id", "party_id")
    members = member.join(grouped, on="party_id", how="inner").join(first_seen, on="node_id", how="left")
    rings = members.groupBy("component").agg(
        F.min_by("node_id", F.struct(F.coalesce("first_seen_on", F.lit("9999-12-31").cast("date")), F.col("node_id"))).alias("ring_id"),
        F.count_distinct("party_id").alias("n_parties"),
    ).where("n_parties > 1")  # fmt: skip
    return (
        members.select("component", "party_id")
        .distinct()
        .join(rings, on="component", how="inner")
        .select("ring_id", "party_id", "n_parties")
    )
