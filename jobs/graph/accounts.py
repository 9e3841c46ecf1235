"""What account records say: bindings to tenures, holdings by documents, and whether the account lives (feeds.md, A record)."""

from __future__ import annotations

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from jobs.graph.history import cut_versions
from jobs.graph.intervals import ends
from jobs.silver.standing import VERSION_ORDER


def account_versions(versions: DataFrame, *, scope: str, opened: str, account_type: str | None = None) -> DataFrame:
    """`accounts` and `internet_accounts` in one shape; `account_type` is given where the feed has one type only."""
    kind = F.lit(account_type) if account_type is not None else F.col("account_type")
    return versions.select(
        "record_id", *VERSION_ORDER, "business_date", "is_newest", F.col(scope).alias("scope"), kind.alias("account_type"), "account_id",
        "holder_type", "holder_id", "phone_id", "bound_at", "unbound_at", F.col(opened).alias("opened_at"), "closed_at",
        F.coalesce("bound_at", F.col(opened)).alias("starts_at"),
    )  # fmt: skip


def cut_accounts(attached: DataFrame) -> DataFrame:
    """One row per stretch of time in which an account record names one tenure and holder; `attached` has `tenure_node` as of the start."""
    cut = cut_versions(
        attached,
        start=F.col("starts_at"),
        identity=["account_id", "holder_id", "tenure_node"],
        phone="tenure_node",
        end=F.col("unbound_at"),
    )
    whole = (
        Window.partitionBy("record_id")
        .orderBy(*VERSION_ORDER)
        .rowsBetween(Window.unboundedPreceding, Window.unboundedFollowing)
    )
    newest = {
        "record_closed_at": F.last("closed_at").over(whole),
        "record_opened_at": F.last("opened_at").over(whole),
    }
    return cut.withColumns(newest)


def bindings(cut: DataFrame) -> DataFrame:
    """One row per time in which a record binds an account to a tenure: account_id, account_type, scope, tenure_node, vf, vt."""
    to = F.least(ends(F.col("seg_to")), ends(F.col("unbound_at")), ends(F.col("record_closed_at")))
    return cut.where(F.col("tenure_node").isNotNull()).select(
        "record_id", "business_date", "account_id", "tenure_node", F.col("seg_from").alias("vf"), to.alias("vt")
    ).where("vf < vt")  # fmt: skip


def holdings(cut: DataFrame) -> DataFrame:
    """One row per time in which a record has a document hold an account: holder_id, account_id, vf, vt.

    A record of the account with another holder and a later start ends the holding there; the account's first holder has it since it was opened.
    """
    held = _with_starts(cut.where(F.col("holder_id").isNotNull()))
    by_account = held.groupBy("account_id").agg(
        F.count_distinct("holder_id").alias("_n"),
        F.collect_list(F.struct("holder_id", F.col("_start").alias("seg_from"))).alias("_all"),
    )
    by_account = by_account.select("account_id", F.when(F.col("_n") > 1, F.col("_all")).alias("_all"))
    held = held.join(by_account, on="account_id", how="left")
    mine, start = F.col("holder_id"), F.col("_start")
    later = F.array_min(
        F.transform(
            F.filter("_all", lambda o: (o["holder_id"] != mine) & (o["seg_from"] > start)), lambda o: o["seg_from"]
        )
    )
    earlier = F.exists("_all", lambda o: (o["holder_id"] != mine) & (o["seg_from"] < start))
    since = F.when(F.coalesce(earlier, F.lit(False)), F.col("seg_from")).otherwise(
        F.least(F.col("seg_from"), F.coalesce("record_opened_at", "seg_from"))
    )
    to = F.least(ends(F.col("seg_to")), ends(F.col("record_closed_at")), ends(later))
    return held.select(
        "record_id", "business_date", "holder_id", "account_id", since.alias("vf"), to.alias("vt")
    ).where("vf < vt")  # fmt: skip


def _with_starts(held: DataFrame) -> DataFrame:
    """`_start`: where a record begins to have a document hold its account. A phone that became empty starts no holding anew."""
    by_record = Window.partitionBy("record_id").orderBy("seg_from")
    goes_on = F.col("tenure_node").isNull() & (F.col("holder_id") == F.lag("holder_id").over(by_record))
    rows = held.withColumn("_began", F.when(~F.coalesce(goes_on, F.lit(False)), F.col("seg_from")))
    return rows.withColumn("_start", F.last("_began", ignorenulls=True).over(by_record)).drop("_began")


def account_states(versions: DataFrame) -> DataFrame:
    """One row per account: `closed_at` by its record with the newest start, and `state_recorded_at`, when that was recorded."""
    current = versions.where("is_newest")
    order = F.struct("starts_at", *VERSION_ORDER, "record_id")
    return current.groupBy("account_id").agg(
        F.max_by("closed_at", order).alias("closed_at"),
        F.max_by("recorded_at", order).alias("state_recorded_at"),
        F.max_by("scope", order).alias("scope"),
        F.max_by("account_type", order).alias("account_type"),
    )
