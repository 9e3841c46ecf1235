"""From last night's listings and tonight's list to tonight's listings and events (listing.md, Due process).

A listing keeps its id as long as it stands; what is released stays as history.
"""

from __future__ import annotations

from datetime import date

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.listing.tests import ARTICLE_22, rank
from jobs.policy import Policy

PUBLISHED = (
    "type", "tenure_from", "issuer", "administrator", "measure", "test", "reasons", "reason_zh", "reason_en", "legal_basis", "deciding_body",
    "human_decision", "remedy_channel", "materials_required", "due_on", "expires_on", "outcome",
)  # fmt: skip


def with_answers(active: DataFrame, outcomes: DataFrame) -> DataFrame:
    """Active listings with `answer` (the newest valid outcome), and whether it frees (`is_freed`)."""
    valid = outcomes.where("is_valid").groupBy("listing_id").agg(
        F.max_by("outcome", F.struct("acted_at", "recorded_at", "outcome")).alias("answer"),
        F.max(F.col("outcome").isin("verified_clean", "rectified")).alias("_freed"),
    )  # fmt: skip
    rows = active.join(valid, on="listing_id", how="left")
    may_free = (F.col("measure") == "verify") | (F.col("test") == "verification_overdue")
    return rows.withColumn("is_freed", F.coalesce("_freed", F.lit(False)) & may_free).drop("_freed")


def drop_spent(tonight: DataFrame, released: DataFrame) -> DataFrame:
    """Without what a passed term has used up: the same or a lower measure on none but the lineages that such a listing stood on.

    `tonight`: candidates, several of a node, or one row per node that was climbed to.
    """
    spent = released.where("release_reason = 'term_ended'").select(
        "node_id", rank("measure").alias("_rank"), F.explode("lineages").alias("_lineage")
    )
    rows = tonight.withColumn("_place", rank("measure"))
    used = (
        rows.select("node_id", "_place")
        .join(spent, on="node_id", how="inner")
        .where("_rank >= _place")
        .groupBy("node_id", "_place")
        .agg(F.collect_set("_lineage").alias("_used"))
    )
    rows = rows.join(used, on=["node_id", "_place"], how="left")
    return rows.where(F.col("_used").isNull() | (F.size(F.array_except("lineages", "_used")) > 0)).drop(
        "_used", "_place"
    )


def end_listings(
    active: DataFrame, tonight: DataFrame, facts: DataFrame, lifted: DataFrame, hands: DataFrame, on: date
) -> DataFrame:
    """Active listings with `ends_as`: why each leaves tonight; null where it stays.

    `facts`: describe_nodes; `lifted`: node_id, appeal_on (the night that took the newest upheld appeal); `hands`: node_id of what another now uses.
    An undecided proposal is renewed, not ended, at its term.
    """
    still = tonight.select(
        "node_id", F.lit(True).alias("_still"), F.col("measure").alias("_tonight"), F.col("reasons").alias("_reasons")
    )
    state = facts.select("node_id", F.col("protected_reason").alias("_protected"), F.col("gone").alias("_gone"))
    rows = (
        active.join(still, on="node_id", how="left")
        .join(state, on="node_id", how="left")
        .join(lifted, on="node_id", how="left")
    )
    rows = rows.join(hands.select("node_id").distinct().withColumn("_hands", F.lit(True)), on="node_id", how="left")
    same_or_lower = rank("_tonight") <= rank("measure")
    renewed = (F.col("test") == "proposed_for_review") & F.array_contains("_reasons", "proposed_for_review")
    over = (
        (F.col("expires_on") <= F.lit(on))
        & (F.col("_tonight").isNull() | same_or_lower)
        & ~F.coalesce(renewed, F.lit(False))
    )
    why = (
        F.when(F.col("_protected").isNotNull(), F.lit("protected_identifier"))
        .when(F.col("appeal_on") > F.col("listed_on"), F.lit("appeal_upheld"))
        .when(F.col("answer") == "closed", F.lit("acted"))
        .when(F.col("is_freed"), F.lit("verified"))
        .when(F.col("_gone").isNotNull(), F.col("_gone"))
        .when(over, F.lit("term_ended"))
        .when(F.col("_still").isNull() & F.col("_hands"), F.lit("hands_changed"))
        .when(F.col("_still").isNull(), F.lit("support_ended"))
    )
    return rows.withColumn("ends_as", why).drop(
        "_still", "_tonight", "_reasons", "_protected", "_gone", "appeal_on", "_hands"
    )


def give_terms(tonight: DataFrame, staying: DataFrame, policy: Policy, on: date) -> DataFrame:
    """Tonight's list with its dates and ids: those of the listing that stays, or new ones.

    A term counts from the night in which the present measure was first given; a due date is given once, with the Article 22 rule.
    """
    kept = staying.select(
        "node_id", "listing_id", "listed_on", F.col("measure").alias("_measure"), F.col("measured_on").alias("_measured"),
        F.col("expires_on").alias("_expires"), F.col("due_on").alias("_due"), F.col("reasons").alias("_reasons"), "answer",
    )  # fmt: skip
    rows = tonight.join(kept, on="node_id", how="left")
    same = F.col("_measure").eqNullSafe(F.col("measure"))
    measured = F.when(same, F.col("_measured")).otherwise(F.lit(on))
    days = F.lit(0)
    for measure, term in policy.measures.terms.items():
        days = F.when(F.col("measure") == measure, F.lit(term)).otherwise(days)
    expires = F.when(same & (F.col("_expires") > F.lit(on)), F.col("_expires")).otherwise(F.date_add(F.lit(on), days))
    by_rule = F.array_contains("reasons", ARTICLE_22)
    had = F.coalesce(F.array_contains("_reasons", ARTICLE_22), F.lit(False))
    due = F.when(
        by_rule & F.col("answer").isNull(),
        F.when(had, F.col("_due")).otherwise(F.date_add(F.lit(on), policy.measures.article_22_due_days)),
    )
    new_id = F.sha2(F.concat_ws("|", F.lit("listing"), "node_id", F.lit(on.isoformat())), 256).substr(1, 32)
    return rows.withColumns(
        {
            "listing_id": F.coalesce("listing_id", new_id), "listed_on": F.coalesce("listed_on", F.lit(on)), "measured_on": measured,
            "expires_on": expires, "due_on": due, "outcome": F.col("answer"),
        }
    ).drop("_measure", "_measured", "_expires", "_due", "_reasons", "answer")  # fmt: skip


def find_events(before: DataFrame, after: DataFrame, on: date) -> DataFrame:
    """ADD, CHANGE and RELEASE of tonight. Both frames: listings; `before` the active ones of last night, `after` all that changed hands tonight."""
    was = before.select("listing_id", F.struct(*PUBLISHED).alias("_was"))
    rows = after.select(
        "listing_id", "node_id", "measure", "test", "status", "release_reason", F.struct(*PUBLISHED).alias("_is")
    ).join(was, on="listing_id", how="left")
    event = (
        F.when(F.col("_was").isNull(), F.lit("ADD"))
        .when(F.col("status") == "released", F.lit("RELEASE"))
        .when(~F.col("_was").eqNullSafe(F.col("_is")), F.lit("CHANGE"))
    )
    return (
        rows.withColumn("event", event)
        .where("event IS NOT NULL")
        .select(
            F.lit(on).alias("night_on"),
            "event",
            "listing_id",
            "node_id",
            "measure",
            F.coalesce("release_reason", "test").alias("reason"),
        )
    )


def administrator(by_type: dict[str, str], known: list[str]) -> Column:
    """Who administers a row with type and issuer: the carrier of a phone, the institution or platform of an account, one recipient for a
    type (`by_type`), every carrier (null) a device. `known`: ids of recipients."""
    fixed = (
        F.create_map(*(F.lit(part) for pair in sorted(by_type.items()) for part in pair)) if by_type else F.lit(None)
    )
    return F.when(F.col("type") == "imei", F.lit(None).cast("string")).otherwise(
        F.coalesce(F.element_at(fixed, F.col("type")), F.when(F.col("issuer").isin(known), F.col("issuer")))
    )
