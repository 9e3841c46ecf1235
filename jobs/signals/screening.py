"""From claims to signals: strength and life by the policy, lineage, and what due process takes out (listing.md).

What is taken out because a person must look is a row for a human, never lost.
"""

from __future__ import annotations

from datetime import datetime
from functools import reduce

from pyspark.sql import Column, DataFrame, SparkSession, Window
from pyspark.sql import functions as F

from jobs.core.contracts import Feed
from jobs.core.night import settle
from jobs.graph.intervals import plus_days
from jobs.policy import Policy

CASE = "case:"


def worth(spark: SparkSession, policy: Policy, contracts: dict[str, Feed]) -> DataFrame:
    """One row per kind of claim: kind, strength, standard, lives_days, at_most_days, is_public."""
    rows: list[tuple[str, float, str, int, int | None, bool]]
    rows = [(kind, s.strength, s.standard, s.lives_days, s.at_most_days, False) for kind, s in policy.signals.items()]
    for feed in contracts.values():
        for number, signal in enumerate(feed.signals):
            rows.append(
                (
                    f"public:{feed.id}:{number}",
                    signal.strength,
                    signal.standard,
                    signal.lives_days,
                    signal.lives_days,
                    True,
                )
            )
    return spark.createDataFrame(
        rows, "kind string, strength double, standard string, lives_days int, at_most_days int, is_public boolean"
    )


def join_cases(claims: DataFrame, named: DataFrame, policy: Policy) -> DataFrame:
    """`joined_case`: the case that a payment control without one belongs to by its account and date.

    `named`: case_id, account_id, reported_at, reported_at_is_day: accounts that standing cases name in an offending role.
    """
    bounds = policy.lineage
    controls = claims.where(F.col("kind").startswith("control_") & F.col("case_id").isNull()).select(
        "record_id", "node_id", "occurred_at", "occurred_is_day"
    )
    earliest = plus_days(F.col("reported_at"), -bounds.control_joins_case_days_before)
    latest = plus_days(F.col("reported_at"), bounds.control_joins_case_days_after)
    # A moment known by day stands for the whole day, of the order as of the report.
    not_before = (F.col("occurred_at") >= earliest) | (
        F.col("occurred_is_day") & (plus_days(F.col("occurred_at"), 1) > earliest)
    )
    not_after = (F.col("occurred_at") <= latest) | (
        F.col("reported_at_is_day") & (F.col("occurred_at") < plus_days(latest, 1))
    )
    pairs = controls.join(named, on=F.col("node_id") == F.col("account_id"), how="inner").where(not_before & not_after)
    distance = F.abs(F.unix_seconds("occurred_at") - F.unix_seconds("reported_at"))
    nearest = pairs.groupBy("record_id").agg(
        F.min_by("case_id", F.struct(distance, F.col("case_id"))).alias("joined_case")
    )
    nearest = nearest.select("record_id", F.lit("finance/payment_controls").alias("feed"), "joined_case")
    return claims.join(nearest, on=["feed", "record_id"], how="left")


def make_signals(claims: DataFrame, worths: DataFrame, instant: datetime) -> DataFrame:
    """Signal rows (graph.signals and `phone_id`): every claim that stands, expired ones marked as not live."""
    rows = claims.where("node_id IS NOT NULL AND occurred_at IS NOT NULL").join(
        F.broadcast(worths), on="kind", how="inner"
    )
    own = F.least(F.col("own_end"), _days_after(F.col("occurred_at"), F.col("at_most_days")))
    is_control = F.col("kind").startswith("control_")
    life = _days_after(F.col("begins_at"), F.col("lives_days"))
    # A control lives until its own end, at most so long; everything else for its days, an own end only shortening that.
    expires = F.when(is_control & F.col("own_end").isNotNull(), own).otherwise(F.least(life, F.col("own_end")))
    case = F.coalesce("case_id", "joined_case")
    claimed_kind = F.when(F.col("is_public"), F.concat_ws(":", F.lit("public"), "indicator")).otherwise(
        F.concat_ws(":", "agency", F.regexp_extract("kind", "^([a-z]+)_", 1), "indicator")
    )
    lineage = F.when(case.isNotNull(), F.concat(F.lit(CASE), case)).otherwise(
        F.concat_ws(":", claimed_kind, F.col("node_id").cast("string"))
    )
    return rows.select(
        F.sha2(F.concat_ws("|", "feed", "record_id", F.coalesce(F.col("element").cast("string"), F.lit("")), "kind"), 256).substr(1, 32).alias("signal_id"),
        "node_id", "kind", "strength", "agency", lineage.alias("lineage"), "standard", "authority_level", "occurred_at", "occurred_is_day",
        "known_at", "first_known_at", expires.alias("expires_at"), case.alias("case_id"), "role",
        (expires >= F.lit(instant)).alias("is_live"), "is_public", "feed", "record_id", "phone_id",
    )  # fmt: skip


def _days_after(moment: Column, days: Column) -> Column:
    return F.when(days.isNotNull(), moment + F.make_dt_interval(days))


def spared_nodes(roles: DataFrame, parties: DataFrame, sightings: DataFrame) -> DataFrame:
    """(lineage, node_id): every identifier of a party that is a victim or impersonated in a case, and the devices that are mostly its own.

    `roles`: case_id, node_id in those roles. `sightings`: imsi_id, imei_id, first_seen, last_seen.
    """
    named = roles.select(F.concat(F.lit(CASE), "case_id").alias("lineage"), "node_id").distinct()
    party = (
        named.join(parties.select("node_id", "party_id"), on="node_id", how="inner")
        .select("lineage", "party_id")
        .distinct()
    )
    theirs = settle(
        party.join(parties.select("node_id", "party_id"), on="party_id", how="inner").select(
            "lineage", "party_id", "node_id"
        )
    )
    seen = sightings.select(
        "imsi_id", "imei_id", (F.unix_seconds("last_seen") - F.unix_seconds("first_seen")).alias("seconds")
    )
    touched = (
        seen.join(theirs.select(F.col("node_id").alias("imsi_id")).distinct(), on="imsi_id", how="left_semi")
        .select("imei_id")
        .distinct()
    )
    per_party = seen.join(touched, on="imei_id", how="left_semi").join(
        parties.select(F.col("node_id").alias("imsi_id"), F.col("party_id").alias("user")), on="imsi_id", how="inner"
    ).groupBy("imei_id", "user").agg(F.sum("seconds").alias("seconds"))  # fmt: skip
    rank = Window.partitionBy("imei_id").orderBy(F.col("seconds").desc())
    longest = per_party.withColumns({"_n": F.row_number().over(rank), "_next": F.lead("seconds").over(rank)})
    longest = longest.where("_n = 1 AND (_next IS NULL OR seconds > _next)")
    devices = (
        theirs.select("lineage", "party_id")
        .distinct()
        .join(longest, on=F.col("party_id") == F.col("user"), how="inner")
    )
    return theirs.select("lineage", "node_id").unionByName(named.select("lineage", "node_id")).unionByName(
        devices.select("lineage", F.col("imei_id").alias("node_id"))
    ).distinct()  # fmt: skip


def take_out(
    signals: DataFrame, spared: DataFrame, protected: DataFrame, spoofed: DataFrame
) -> tuple[DataFrame, DataFrame]:
    """(signals that stand, rows for a human). `protected`: node_id, protected_reason (of the number for a phone); `spoofed`: signal_id."""
    rows = signals.join(
        F.broadcast(protected.withColumnRenamed("node_id", "_p")),
        on=F.coalesce("phone_id", "node_id") == F.col("_p"),
        how="left",
    )
    rows = rows.join(spared.withColumn("_spared", F.lit(True)), on=["lineage", "node_id"], how="left")
    rows = rows.join(F.broadcast(spoofed.withColumn("_spoofed", F.lit(True))), on="signal_id", how="left")
    why = (
        F.when(F.col("protected_reason").isNotNull(), F.lit("protected_identifier"))
        .when(F.col("_spared"), F.lit("victim_named_as_offender"))
        .when(F.col("_spoofed"), F.lit("number_was_spoofed"))
    )
    rows = rows.withColumn("_why", why)
    standing = rows.where("_why IS NULL").select(*signals.columns)
    human = rows.where("_why IS NOT NULL AND is_live").select(
        "node_id", F.col("_why").alias("reason"), F.concat_ws(" ", "feed", "record_id").alias("source"),
        F.coalesce("protected_reason", F.lit("")).alias("detail"),
    )  # fmt: skip
    return standing, human


def union(frames: list[DataFrame]) -> DataFrame:
    """One frame of claims."""
    return reduce(DataFrame.unionByName, frames)
