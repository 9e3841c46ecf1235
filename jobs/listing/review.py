"""Rows for a human: each with a reason, an owner and a due date; open as long as their cause stands."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl

from jobs.core.frames import pick, short_digest
from jobs.policy import Policy


def keep_reviews(before: pl.DataFrame, tonight: pl.DataFrame, policy: Policy, on: date) -> pl.DataFrame:
    """Rows of blacklist.for_review. `tonight`: node_id, reason, source, detail, owner (null where the policy says whose such rows are)."""
    owners = policy.due_process.review_owner
    by_policy = pl.col("reason").replace_strict(owners, default=owners["default"], return_dtype=pl.String)
    node = pl.col("node_id").cast(pl.String).fill_null("-")
    named = tonight.with_columns(review_id=short_digest(tonight, pl.col("reason"), node, pl.col("source")))
    detail = pl.when(pl.col("detail") != "").then("detail")
    fresh = pick(named, "review_id", ["detail"]).select(
        "review_id", _node="node_id", _reason="reason", _owner="owner", _detail=pl.concat_str("source", detail, separator=": ", ignore_nulls=True)
    )  # fmt: skip
    rows = before.join(fresh, on="review_id", how="full", coalesce=True, validate="1:1")
    is_here, was_open = pl.col("_reason").is_not_null(), (pl.col("status") == "open").fill_null(False)
    rows = rows.with_columns(
        reason=pl.coalesce("_reason", "reason"),
        opened_on=pl.when(is_here & ~was_open).then(pl.lit(on)).otherwise("opened_on"),
        closed_on=pl.when(~is_here & was_open).then(pl.lit(on)).when(~is_here).then("closed_on"),
    )
    return rows.select(
        "review_id", pl.coalesce("_node", "node_id").alias("node_id"), "reason", pl.coalesce("_detail", "detail").alias("detail"),
        pl.when(is_here).then(pl.coalesce("_owner", by_policy)).otherwise("owner").alias("owner"), "opened_on", (pl.col("opened_on") + timedelta(days=policy.measures.human_due_days)).alias("due_on"),
        pl.when(is_here).then(pl.lit("open")).otherwise(pl.lit("closed")).alias("status"), "closed_on",
    )  # fmt: skip
