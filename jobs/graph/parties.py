"""Parties: who stands behind identifiers (graph.md, Parties)."""

from __future__ import annotations

from pyspark.sql import DataFrame, SparkSession, Window
from pyspark.sql import functions as F

from jobs.core.night import settle
from jobs.graph.components import label_components
from jobs.graph.intervals import end_or_null


def find_contested(holdings: DataFrame) -> DataFrame:
    """(node_id, holder_id, other_holder_id, overlap_from, overlap_to, is_own): nodes whose newest holding another document's overlaps.

    `holdings`: from_id (document), to_id (node), vf, vt: one row per supporting stretch.
    """
    newest = F.max(F.struct("vf", "vt", "from_id")).over(Window.partitionBy("to_id"))
    several = F.size(F.collect_set("from_id").over(Window.partitionBy("to_id"))) > 1
    rows = holdings.withColumns({"_newest": newest, "_several": several}).where("_several")
    over_from, over_to = F.greatest("vf", F.col("_newest.vf")), F.least("vt", F.col("_newest.vt"))
    rows = rows.where((F.col("from_id") != F.col("_newest.from_id")) & (over_from < over_to))
    return rows.groupBy(F.col("to_id").alias("node_id")).agg(
        F.first("_newest.from_id").alias("holder_id"), F.min("from_id").alias("other_holder_id"),
        F.min(over_from).alias("overlap_from"), end_or_null(F.max(over_to)).alias("overlap_to"),
    )  # fmt: skip


def overlapping_tenures(tenures: DataFrame) -> DataFrame:
    """Rows of graph.contested for tenures of one number that overlap: both are kept, each with its own holder."""
    known = tenures.where("NOT is_implicit").select(
        "node_id",
        "phone_id",
        "holder_id",
        F.col("tenure_from").alias("_from"),
        F.coalesce("tenure_to", F.lit("9999-12-31").cast("timestamp")).alias("_to"),
    )
    several = known.withColumn("_n", F.count("*").over(Window.partitionBy("phone_id"))).where("_n > 1").drop("_n")
    other = several.select(
        "phone_id",
        F.col("node_id").alias("_node"),
        F.col("holder_id").alias("_holder"),
        F.col("_from").alias("_f"),
        F.col("_to").alias("_t"),
    )
    pairs = several.join(other, on="phone_id", how="inner").where(
        "node_id <> _node AND _from < _t AND _f < _to AND holder_id <> _holder"
    )
    return pairs.groupBy("node_id").agg(
        F.first("holder_id").alias("holder_id"), F.min("_holder").alias("other_holder_id"),
        F.min(F.greatest("_from", "_f")).alias("overlap_from"), end_or_null(F.max(F.least("_to", "_t"))).alias("overlap_to"),
    )  # fmt: skip


def newest_bindings(bound: DataFrame) -> DataFrame:
    """(account, tenure): the newest binding of each account: latest start, then latest end, ended ones too."""
    return bound.groupBy(F.col("from_id").alias("a")).agg(F.max_by("to_id", F.struct("vf", "vt", "to_id")).alias("b"))


def assign_parties(
    spark: SparkSession, *, nodes: DataFrame, holdings: DataFrame, contested: DataFrame, links: DataFrame
) -> DataFrame:
    """Rows of graph.parties. `nodes`: node_id, first_seen_on, is_document; `links`: a, b over `sim` and newest bindings, none shared."""
    newest = holdings.groupBy(F.col("to_id").alias("node_id")).agg(
        F.max_by("from_id", F.struct("vf", "vt", "from_id")).alias("party_id")
    )
    disputed = contested.select("node_id", F.lit(True).alias("_disputed"))
    documented = newest.join(disputed, on="node_id", how="left").select(
        "node_id",
        F.when(F.col("_disputed"), F.col("node_id")).otherwise(F.col("party_id")).alias("party_id"),
        F.when(F.col("_disputed"), F.lit("contested")).otherwise(F.lit("documented")).alias("kind"),
    )
    documents = nodes.where("is_document").select(
        "node_id", F.col("node_id").alias("party_id"), F.lit("documented").alias("kind")
    )
    known = settle(documented.join(documents, on="node_id", how="left_anti").unionByName(documents))
    parties = known.select(F.col("node_id").alias("_n"), F.col("party_id").alias("_p"))
    ends = links.join(parties, on=F.col("a") == F.col("_n"), how="left").withColumnRenamed("_p", "pa").drop("_n")
    ends = ends.join(parties, on=F.col("b") == F.col("_n"), how="left").withColumnRenamed("_p", "pb").drop("_n")
    ends = settle(ends.where("pa IS NULL OR pb IS NULL"))
    inside = ends.where("pa IS NULL AND pb IS NULL").select("a", "b").toArrow()
    labelled = label_components(inside["a"].combine_chunks(), inside["b"].combine_chunks())
    groups = (
        spark.createDataFrame(labelled)
        if labelled.num_rows
        else spark.createDataFrame([], "node_id bigint, component bigint")
    )
    loose = nodes.where("NOT is_document").join(known.select("node_id"), on="node_id", how="left_anti")
    loose = loose.join(groups, on="node_id", how="left")
    group = F.when(
        F.col("component").isNotNull(), F.struct(F.lit(0).alias("k"), F.col("component").alias("v"))
    ).otherwise(F.struct(F.lit(1).alias("k"), F.col("node_id").alias("v")))
    loose = settle(loose.select("node_id", "first_seen_on", group.alias("grp")))
    next_to = (
        ends.where("pa IS NULL AND pb IS NOT NULL")
        .select(F.col("a").alias("node_id"), F.col("pb").alias("p"))
        .unionByName(
            ends.where("pb IS NULL AND pa IS NOT NULL").select(F.col("b").alias("node_id"), F.col("pa").alias("p"))
        )
    )
    beside = (
        loose.select("node_id", "grp")
        .join(next_to, on="node_id", how="inner")
        .groupBy("grp")
        .agg(F.count_distinct("p").alias("_n_parties"), F.min("p").alias("_party"))
    )
    anchors = loose.groupBy("grp").agg(F.min_by("node_id", F.struct("first_seen_on", "node_id")).alias("_anchor"))
    grouped = loose.join(anchors, on="grp", how="inner").join(beside, on="grp", how="left")
    one, none = F.col("_n_parties") == 1, F.col("_n_parties").isNull()
    of_contested = disputed.select(F.col("node_id").alias("_party"), F.col("_disputed").alias("_c"))
    grouped = grouped.join(of_contested, on="_party", how="left")
    rest = grouped.select(
        "node_id",
        F.when(one, F.col("_party")).otherwise(F.col("_anchor")).alias("party_id"),
        F.when(one & F.col("_c"), F.lit("contested"))
        .when(one, F.lit("documented"))
        .when(none, F.lit("unknown"))
        .otherwise(F.lit("ambiguous"))
        .alias("kind"),
    )
    return known.unionByName(rest)
