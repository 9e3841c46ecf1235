"""What frees: appeals and outcomes, and what they clear an identifier of (listing.md, Due process).

Clearances are worked out anew each night from the decisions that stand and the listings of the nights before: nothing is remembered twice.
"""

from __future__ import annotations

from functools import reduce
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.graph.intervals import plus_days

FREED_BY_OUTCOME = ("verified_clean", "rectified")


def follow_tenures(listings: DataFrame, tenures: DataFrame) -> DataFrame:
    """Listings of a tenure whose start was corrected since move to the tenure of the same number and holder that starts nearest."""
    today = tenures.select("node_id").withColumn("_here", F.lit(True))
    rows = listings.join(today, on="node_id", how="left")
    lost = rows.where("type = 'phone' AND _here IS NULL").select("listing_id", "phone_id", "party_id", "tenure_from")
    other = tenures.select(
        F.col("phone_id").alias("_phone"),
        F.coalesce("holder_id", "node_id").alias("_party"),
        F.col("node_id").alias("_node"),
        F.col("tenure_from").alias("_start"),
    )
    far = F.abs(F.coalesce(F.unix_seconds("_start") - F.unix_seconds("tenure_from"), F.lit(2**40)))
    found = lost.join(
        other, on=(F.col("phone_id") == F.col("_phone")) & (F.col("party_id") == F.col("_party")), how="inner"
    )
    moved = found.groupBy("listing_id").agg(
        F.min_by(F.struct("_node", "_start"), F.struct(far, F.col("_node"))).alias("_to")
    )
    rows = rows.join(F.broadcast(moved), on="listing_id", how="left")
    return rows.withColumns(
        {
            "node_id": F.coalesce("_to._node", "node_id"),
            "tenure_from": F.when(F.col("_to").isNotNull(), F.col("_to._start")).otherwise(F.col("tenure_from")),
        }
    ).select(*listings.columns)


def end_of_moment(moment: str) -> Column:
    """The last instant of a moment; of a day its last microsecond."""
    last = plus_days(F.col(moment), 1) - F.expr("INTERVAL 0.000001 SECONDS")
    return F.when(F.col(f"{moment}_is_day"), last).otherwise(F.col(moment))


def attach_decisions(decisions: DataFrame, listings: DataFrame) -> DataFrame:
    """`decisions` with `node_id` and `doubt`: for a phone the tenure of `listing_id`, without it the only tenure of the number ever listed.

    `decisions`: listing_id, subject_type, subject_id, …; one row per decision out, `doubt` set where it attaches to nothing.
    """
    named = listings.select(
        F.col("listing_id").alias("_listing"),
        F.col("node_id").alias("_node"),
        F.coalesce("phone_id", "node_id").alias("_subject"),
    )
    ever = (
        listings.where("type = 'phone'")
        .groupBy(F.col("phone_id").alias("_phone"))
        .agg(F.count_distinct("node_id").alias("_n"), F.min("node_id").alias("_only"))
    )
    rows = decisions.join(F.broadcast(named), on=F.col("listing_id") == F.col("_listing"), how="left")
    rows = rows.join(F.broadcast(ever), on=F.col("subject_id") == F.col("_phone"), how="left")
    is_phone = F.col("subject_type") == "phone"
    by_listing = F.when(F.col("_subject") == F.col("subject_id"), F.col("_node"))
    by_number = F.when(is_phone & (F.col("_n") == 1), F.col("_only")).when(~is_phone, F.col("subject_id"))
    node = F.when(F.col("listing_id").isNotNull(), by_listing).otherwise(by_number)
    doubt = (
        F.when(F.col("subject_id").isNull(), F.lit("identifier_unreadable"))
        .when(node.isNull() & F.col("listing_id").isNotNull(), F.lit("identifier_is_not_the_listings"))
        .when(node.isNull() & (F.col("_n") > 1), F.lit("several_tenures_were_listed"))
        .when(node.isNull(), F.lit("no_tenure_was_ever_listed"))
    )
    return rows.withColumns({"node_id": node, "doubt": doubt}).drop(
        "_listing", "_node", "_subject", "_phone", "_n", "_only"
    )


def read_outcomes(outcomes: DataFrame, listings: DataFrame, recipients: dict[str, Any], spark: Any) -> DataFrame:
    """One row per outcome with its listing: `is_valid` when it comes from who administers the listing, through its own agency's feed.

    `outcomes`: agency, record_id, listing_id, recipient_id, outcome, acted_at, acted_at_is_day, recorded_at.
    """
    speak = spark.createDataFrame(
        [(r.id, r.agency, r.kind) for r in recipients.values()] or [("", "", "")],
        "recipient_id string, _speaks string, _kind string",
    )
    of = listings.select(
        "listing_id", "node_id", "type", "phone_id", "administrator", "measure", "test", "lineages", "tenures", "reasons",
        F.col("status").alias("listing_status"),
    )  # fmt: skip
    rows = outcomes.join(F.broadcast(speak), on="recipient_id", how="left").join(of, on="listing_id", how="left")
    mine = (F.col("administrator") == F.col("recipient_id")) | (
        F.col("administrator").isNull() & (F.col("type") == "imei") & (F.col("_kind") == "carrier")
    )
    valid = F.col("node_id").isNotNull() & mine & (F.col("_speaks") == F.col("agency"))
    return rows.withColumn("is_valid", F.coalesce(valid, F.lit(False))).drop("_speaks", "_kind")


def frees(outcome: DataFrame) -> DataFrame:
    """The outcomes that release a `verify`, or a `restrict` that came by a deadline passed."""
    return outcome.where(
        F.col("is_valid") & F.col("outcome").isin(*FREED_BY_OUTCOME)
        & ((F.col("measure") == "verify") | (F.col("test") == "verification_overdue"))
    )  # fmt: skip


def clear(upheld: DataFrame, outcomes: DataFrame, on: Any) -> DataFrame:
    """Rows of blacklist.clearances. `upheld`: attached appeals."""
    no_id, no_time = F.lit(None).cast("bigint"), F.lit(None).cast("timestamp")
    by_appeal = upheld.where("node_id IS NOT NULL").select(
        "node_id", no_id.alias("phone_id"), no_time.alias("tenure_from"), no_id.alias("holder_id"), F.lit("*").alias("lineage"),
        F.lit("appeal").alias("by"), F.col("decision_ref").alias("ref"), F.lit("all").alias("scope"), end_of_moment("decided_at").alias("cleared_at"),
    )  # fmt: skip
    by_outcome = frees(outcomes).select(
        "node_id", "phone_id", no_time.alias("tenure_from"), no_id.alias("holder_id"), F.explode("lineages").alias("lineage"),
        F.lit("outcome").alias("by"), F.col("listing_id").alias("ref"), F.lit("association").alias("scope"), F.col("acted_at").alias("cleared_at"),
    )  # fmt: skip
    return by_appeal.unionByName(by_outcome).withColumn("night_on", F.lit(on)).distinct()


def doubts(upheld: DataFrame, outcomes: DataFrame) -> DataFrame:
    """Appeals that attach to nothing, and outcomes of somebody else."""
    lost = upheld.where("doubt IS NOT NULL").select(
        F.lit(None).cast("bigint").alias("node_id"), F.lit("decision_attaches_to_nothing").alias("reason"),
        F.concat_ws(" ", F.lit("public_security/appeal_decisions"), "record_id").alias("source"), F.col("doubt").alias("detail"),
    )  # fmt: skip
    foreign = outcomes.where("NOT is_valid").select(
        "node_id", F.lit("outcome_not_by_administrator").alias("reason"),
        F.concat(F.col("agency"), F.lit("/measure_outcomes "), F.col("record_id")).alias("source"), F.lit("").alias("detail"),
    )  # fmt: skip
    against = outcomes.where(
        F.col("is_valid") & F.col("outcome").isin(*FREED_BY_OUTCOME) & (F.col("measure") != "verify") & (F.col("test") != "verification_overdue")
    ).select(
        "node_id", F.lit("outcome_contradicts_measure").alias("reason"),
        F.concat(F.col("agency"), F.lit("/measure_outcomes "), F.col("record_id")).alias("source"), F.col("outcome").alias("detail"),
    )  # fmt: skip
    return reduce(DataFrame.unionByName, [lost, foreign, against])
