"""Proposals and what people decided on them (listing.md, Proposals).

A decision rests on the lineages of the proposal that stood when it came: one made in an earlier night. It holds for its term while none of
them is withdrawn, unfounded, released or cleared; once lapsed it is not revived.
"""

from __future__ import annotations

from datetime import date

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.listing.tests import rank
from jobs.policy import Policy


def take_decisions(
    attached: DataFrame,
    before: DataFrame,
    proposals: DataFrame,
    standing: DataFrame,
    cleared: DataFrame,
    levels: dict[str, int],
    policy: Policy,
    on: date,
) -> tuple[DataFrame, DataFrame]:
    """(rows of blacklist.decisions, rows for a human).

    `attached`: review decisions that stand, with node_id and doubt; `before`: blacklist.decisions; `proposals`: node_id, lineages, opened_on of
    those open from the nights before: one made after the night that took a decision is not what it decided;
    `standing`: lineages of which a claim stands; `cleared`: node_id, lineage.
    """
    level = F.lit(0)
    for code, place in levels.items():
        level = F.when(F.col("authority_level") == code, F.lit(place)).otherwise(level)
    needed = F.lit(0)
    for decided, least in policy.measures.decision_from.items():
        needed = F.when(F.col("measure") == decided, F.lit(levels[least])).otherwise(needed)
    fresh = attached.join(before.select(F.col("decision_id").alias("record_id")), on="record_id", how="left_anti")
    open_ones = proposals.select(
        F.col("node_id").alias("_node"), F.col("lineages").alias("_lineages"), F.col("opened_on").alias("_opened")
    )
    stood = (F.col("node_id") == F.col("_node")) & (F.col("_opened") < F.col("night_on"))
    fresh = fresh.join(open_ones, on=stood, how="left")
    why = (
        F.when(F.col("doubt").isNotNull(), F.col("doubt"))
        .when(F.col("_node").isNull(), F.lit("no_proposal_stood"))
        .when(level < needed, F.lit("below_the_authority_it_needs"))
    )
    fresh = fresh.withColumn("_why", why)
    term = F.lit(0)
    for measure, days in policy.measures.terms.items():
        term = F.when(F.col("measure") == measure, F.lit(days)).otherwise(term)
    new = fresh.where("_why IS NULL").select(
        F.col("record_id").alias("decision_id"), "node_id", "measure", "decision_ref", "authority_level", F.col("_lineages").alias("lineages"),
        F.lit(on).alias("decided_on"), F.lit("in_force").alias("status"), F.date_add(F.lit(on), term).alias("expires_on"), "decided_at", "recorded_at",
    )  # fmt: skip
    human = fresh.where("_why IS NOT NULL").select(
        "node_id", F.lit("decision_attaches_to_nothing").alias("reason"),
        F.concat_ws(" ", F.lit("public_security/review_decisions"), "record_id").alias("source"), F.col("_why").alias("detail"),
    )  # fmt: skip
    kept = before.join(
        attached.select(F.col("record_id").alias("decision_id")).distinct(), on="decision_id", how="left_semi"
    )
    rows = kept.unionByName(new)
    newest = (
        rows.where("status = 'in_force'")
        .groupBy("node_id")
        .agg(F.max_by("decision_id", F.struct("decided_at", "recorded_at", "decision_id")).alias("_newest"))
    )
    lost = rows.select("decision_id", "node_id", F.explode("lineages").alias("lineage"))
    gone = lost.join(standing, on="lineage", how="left_anti").unionByName(
        lost.join(cleared, on=["node_id", "lineage"], how="left_semi")
    )
    rows = rows.join(newest, on="node_id", how="left").join(
        gone.select("decision_id").distinct().withColumn("_gone", F.lit(True)), on="decision_id", how="left"
    )
    status = (
        F.when(F.col("status") != "in_force", F.col("status"))
        .when(F.col("_gone"), F.lit("lapsed"))
        .when((F.col("measure") != "none") & (F.col("expires_on") <= F.lit(on)), F.lit("lapsed"))
        .when(F.col("decision_id") != F.col("_newest"), F.lit("replaced"))
        .otherwise(F.lit("in_force"))
    )
    return rows.withColumn("status", status).select(*before.columns), human


def turned_down(decisions: DataFrame, proposals: DataFrame, verified: DataFrame) -> DataFrame:
    """(node_id, lineage) that no proposal may rest on: by a decision `none`, or a `verified_clean` on a proposal.

    `verified`: node_id, lineages of listings that stood as proposals and were verified.
    """
    by_person = decisions.where("measure = 'none'").select("node_id", F.explode("lineages").alias("lineage"))
    by_recipient = verified.select("node_id", F.explode("lineages").alias("lineage"))
    before = proposals.where("status = 'turned_down'").select("node_id", F.explode("lineages").alias("lineage"))
    return by_person.unionByName(by_recipient).unionByName(before).distinct()


def keep_proposals(
    before: DataFrame, passing: DataFrame, decisions: DataFrame, down: DataFrame, policy: Policy, on: date
) -> DataFrame:
    """Rows of blacklist.proposals: an open one goes on while it passes, is closed when decided or turned down, withdrawn when it passes no more.

    `passing`: node_id, measure, lineages of tonight. A decision in force of at least that measure, or on all of those lineages, leaves nothing
    to propose.
    """
    force = decisions.where("status = 'in_force' AND measure <> 'none'").select(
        "node_id", rank("measure").alias("_in_force"), F.col("lineages").alias("_decided")
    )
    is_new_evidence = F.size(F.array_except("lineages", "_decided")) > 0
    wanted = (
        passing.join(force, on="node_id", how="left")
        .where(F.col("_in_force").isNull() | ((rank("measure") > F.col("_in_force")) & is_new_evidence))
        .drop("_in_force", "_decided")
    )
    told = (
        decisions.where(F.col("decided_on") == F.lit(on))
        .groupBy("node_id")
        .agg(F.max("decision_ref").alias("_ref"), F.max(F.col("measure") == "none").alias("_none"))
    )
    refused = down.groupBy("node_id").agg(F.collect_set("lineage").alias("_refused"))
    tonight = wanted.select("node_id", F.col("measure").alias("_measure"), F.col("lineages").alias("_lineages"))
    was = (
        before.where("status = 'open'")
        .join(tonight, on="node_id", how="full")
        .join(told, on="node_id", how="left")
        .join(refused, on="node_id", how="left")
    )
    is_new = F.col("proposal_id").isNull()
    all_refused = F.size(F.array_except("lineages", F.coalesce("_refused", F.array().cast("array<string>")))) == 0
    status = (
        F.when(is_new, F.lit("open"))
        .when(F.col("_none"), F.lit("turned_down"))
        .when(F.col("_ref").isNotNull() & F.col("_measure").isNull(), F.lit("decided"))
        .when(F.col("_measure").isNotNull(), F.lit("open"))
        .when(all_refused, F.lit("turned_down"))
        .otherwise(F.lit("withdrawn"))
    )
    rows = was.withColumn("_status", status)
    closed = F.col("_status") != "open"
    term = policy.measures.terms["verify"]
    rows = rows.select(
        F.coalesce("proposal_id", F.sha2(F.concat_ws("|", F.lit("proposal"), "node_id", F.lit(on.isoformat())), 256).substr(1, 32)).alias("proposal_id"),
        "node_id", F.coalesce("_measure", "measure").alias("measure"), F.coalesce("_lineages", "lineages").alias("lineages"),
        F.coalesce("opened_on", F.lit(on)).alias("opened_on"), F.coalesce("due_on", F.date_add(F.lit(on), policy.measures.human_due_days)).alias("due_on"),
        F.col("_status").alias("status"), F.when(closed, F.lit(on)).alias("decided_on"), F.when(closed, F.col("_ref")).alias("decision_ref"),
        F.when(is_new, F.lit(0)).otherwise(F.floor(F.datediff(F.lit(on), F.col("opened_on")) / F.lit(term)).cast("int")).alias("n_renewed"),
    )  # fmt: skip
    return before.where("status <> 'open'").unionByName(rows)
