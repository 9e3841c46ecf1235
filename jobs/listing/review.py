"""Rows for a human: each with a reason, an owner and a due date; open as long as their cause stands."""

from __future__ import annotations

from datetime import date

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.policy import Policy


def keep_reviews(before: DataFrame, tonight: DataFrame, policy: Policy, on: date) -> DataFrame:
    """Rows of blacklist.for_review. `tonight`: node_id, reason, source, detail."""
    owners = policy.due_process.review_owner
    owner = F.lit(owners["default"])
    for reason, who in owners.items():
        owner = F.when(F.col("reason") == reason, F.lit(who)).otherwise(owner)
    days = policy.measures.human_due_days
    named = tonight.withColumn(
        "review_id",
        F.sha2(
            F.concat_ws("|", "reason", F.coalesce(F.col("node_id").cast("string"), F.lit("-")), "source"), 256
        ).substr(1, 32),
    )
    fresh = named.dropDuplicates(["review_id"]).select(
        "review_id",
        F.col("node_id").alias("_node"),
        F.col("reason").alias("_reason"),
        F.concat_ws(": ", "source", F.when(F.col("detail") != "", F.col("detail"))).alias("_detail"),
    )
    rows = before.join(fresh, on="review_id", how="full")
    here = F.col("_reason").isNotNull()
    opened = (
        F.when(here & F.coalesce(F.col("status") == "open", F.lit(False)), F.col("opened_on"))
        .when(here, F.lit(on))
        .otherwise(F.col("opened_on"))
    )
    closed = F.when(~here & (F.col("status") == "open"), F.lit(on)).when(~here, F.col("closed_on"))
    rows = rows.withColumns({"_opened": opened, "_closed": closed, "reason": F.coalesce("_reason", "reason")})
    return rows.select(
        "review_id", F.coalesce("_node", "node_id").alias("node_id"), "reason", F.coalesce("_detail", "detail").alias("detail"),
        owner.alias("owner"), F.col("_opened").alias("opened_on"), F.date_add(F.col("_opened"), days).alias("due_on"),
        F.when(here, F.lit("open")).otherwise(F.lit("closed")).alias("status"), F.col("_closed").alias("closed_on"),
    )  # fmt: skip
