"""Tenures of phone numbers, and the attachment of what names a phone at a moment (graph.md, Nodes)."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from jobs.graph.history import cut_versions
from jobs.graph.intervals import end_or_null, ends, plus_days
from jobs.identifiers.keys import node_id
from jobs.silver.standing import VERSION_ORDER


def tenure_id(key: bytes, phone_id: Column, tenure_from: Column) -> Column:
    """Node id of a tenure: (tenure, id of the number, start as text; absent when open to the left)."""
    return node_id(
        key, F.lit("tenure"), phone_id.cast("string"), F.date_format(tenure_from, "yyyy-MM-dd'T'HH:mm:ss.SSSSSS")
    )


def cut_subscriptions(versions: DataFrame) -> DataFrame:
    """One row per stretch of time in which a subscription record names one number, holder and SIM: `sub_from`, `sub_to`."""
    cut = cut_versions(
        versions,
        start=F.col("activated_at"),
        identity=["phone_id", "holder_id"],
        sim=["imsi_id", "iccid_id"],
        end=F.col("deactivated_at"),
    )
    # Another SIM at the same start is the same subscription: its end, and the reason of it, are what the newest version says.
    same = (
        Window.partitionBy("record_id", "phone_id", "holder_id", "activated_at")
        .orderBy(*VERSION_ORDER)
        .rowsBetween(Window.unboundedPreceding, Window.unboundedFollowing)
    )
    cut = cut.withColumns({name: F.last(name).over(same) for name in ("deactivated_at", "deactivation_reason")})
    to = F.least(ends(F.col("seg_to")), ends(F.col("deactivated_at")))
    ended_by_fraud = (F.col("deactivation_reason") == "fraud") & (F.col("deactivated_at") <= ends(F.col("seg_to")))
    return cut.select(
        "record_id", "business_date", "recorded_at", "phone_id", "holder_id", "holder_type", "imsi_id", "iccid_id", "carrier",
        F.col("seg_from").alias("sub_from"), to.alias("sub_to"),
        F.when(ended_by_fraud, F.col("deactivated_at")).alias("fraud_ended_at"),
    ).where(F.col("sub_from") < F.col("sub_to"))  # fmt: skip


def join_tenures(subscriptions: DataFrame, key: bytes, gap_days: int) -> DataFrame:
    """Subscriptions with their tenure (`tenure_node`, `tenure_from`): those of one number and document that overlap, or follow within the gap
    with nobody else's between, are one tenure."""
    by_holder = Window.partitionBy("phone_id", "holder_id").orderBy("sub_from", "sub_to", "record_id")
    earlier = by_holder.rowsBetween(Window.unboundedPreceding, -1)
    subs = subscriptions.withColumn("_reach", F.max("sub_to").over(earlier))
    others = subscriptions.groupBy("phone_id").agg(
        F.collect_list(F.struct("holder_id", "sub_from", "sub_to")).alias("_subs"),
        F.count_distinct("holder_id").alias("_holders"),
    )
    others = others.select("phone_id", F.when(F.col("_holders") > 1, F.col("_subs")).alias("_subs"))
    subs = subs.join(others, on="phone_id", how="left")
    between = F.exists(
        "_subs",
        lambda other: (
            (other["holder_id"] != F.col("holder_id"))
            & (other["sub_from"] < F.col("sub_from"))
            & (other["sub_to"] > F.col("_reach"))
        ),
    )
    follows = (F.col("sub_from") <= F.col("_reach")) | (
        (F.col("sub_from") <= plus_days(F.col("_reach"), gap_days)) & ~F.coalesce(between, F.lit(False))
    )
    subs = subs.withColumn("_new", F.when(F.col("_reach").isNotNull() & follows, 0).otherwise(1))
    subs = subs.withColumn("_group", F.sum("_new").over(by_holder))
    group = Window.partitionBy("phone_id", "holder_id", "_group")
    subs = subs.withColumn("tenure_from", F.min("sub_from").over(group)).withColumn(
        "tenure_node", tenure_id(key, F.col("phone_id"), F.col("tenure_from"))
    )
    return subs.drop("_reach", "_subs", "_new", "_group")


def collect_tenures(subs: DataFrame) -> DataFrame:
    """One row per known tenure, from `join_tenures`; ends are far moments, not nulls."""
    return subs.groupBy("tenure_node", "phone_id", "tenure_from").agg(
        F.max("sub_to").alias("tenure_to"),
        F.max_by("holder_id", F.struct("sub_from", "sub_to", "holder_id")).alias("holder_id"),
        F.max_by("holder_type", F.struct("sub_from", "sub_to", "holder_id")).alias("holder_type"),
        F.min("fraud_ended_at").alias("fraud_ended_at"),
        F.max_by("carrier", F.struct("sub_from", "recorded_at", "record_id")).alias("carrier"),
    )


def tenures_by_phone(tenures: DataFrame) -> DataFrame:
    """One row per number with its known tenures as an array `known`, for `attach_phone`."""
    return tenures.groupBy("phone_id").agg(
        F.sort_array(F.collect_list(F.struct("tenure_from", "tenure_to", "tenure_node"))).alias("known")
    )


def attach_phone(
    frame: DataFrame, by_phone: DataFrame, key: bytes, *, phone: str, moment: Column, is_day: Column | None = None
) -> DataFrame:
    """`frame` with `tenure_node` (the tenure that holds the moment; of two the one activated last; else the implicit one around it),
    `implicit_from`, `implicit_to` (of an implicit one), and `is_unclear` (a day that two tenures touch: attached to none).

    One row per row of `frame`; all null where the phone or the moment is.
    """
    joined = frame.join(
        by_phone.withColumnRenamed("phone_id", "_phone"), on=F.col(phone) == F.col("_phone"), how="left"
    )
    joined = joined.withColumns(
        {"_at": moment, "_known": F.coalesce("known", F.expr("array()").cast(by_phone.schema["known"].dataType))}
    )
    day = is_day if is_day is not None else F.lit(False)
    joined = joined.withColumn("_end", F.when(F.coalesce(day, F.lit(False)), plus_days(F.col("_at"), 1)))
    holding = F.filter(
        "_known",
        lambda t: F.when(
            F.col("_end").isNull(), (t["tenure_from"] <= F.col("_at")) & (F.col("_at") < t["tenure_to"])
        ).otherwise((t["tenure_from"] < F.col("_end")) & (F.col("_at") < t["tenure_to"])),
    )
    joined = joined.withColumn("_holding", holding)
    given = F.col(phone).isNotNull() & F.col("_at").isNotNull()
    unclear = given & F.col("_end").isNotNull() & (F.size("_holding") > 1)
    implicit = given & (F.size("_holding") == 0)
    before = F.array_max(
        F.transform(F.filter("_known", lambda t: t["tenure_to"] <= F.col("_at")), lambda t: t["tenure_to"])
    )
    after = F.array_min(
        F.transform(F.filter("_known", lambda t: t["tenure_from"] > F.col("_at")), lambda t: t["tenure_from"])
    )
    joined = joined.withColumns({"_before": F.when(implicit, before), "_after": F.when(implicit, after)})
    node = F.when(implicit, tenure_id(key, F.col(phone), F.col("_before"))).when(
        given & ~unclear, F.array_max("_holding")["tenure_node"]
    )
    return joined.withColumns(
        {
            "tenure_node": node,
            "is_unclear": unclear,
            "is_implicit": implicit,
            "implicit_from": F.col("_before"),
            "implicit_to": F.col("_after"),
        }
    ).drop("_phone", "known", "_known", "_at", "_end", "_holding", "_before", "_after")


def implicit_tenures(*references: tuple[DataFrame, str]) -> DataFrame:
    """One row per implicit tenure that something refers to; each reference is an attached frame and its phone column."""
    found: DataFrame | None = None
    for frame, phone in references:
        rows = frame.where("is_implicit").select(
            "tenure_node",
            F.col(phone).alias("phone_id"),
            F.col("implicit_from").alias("tenure_from"),
            F.col("implicit_to").alias("tenure_to"),
        )
        found = rows if found is None else found.unionByName(rows)
    assert found is not None
    return found.groupBy("tenure_node").agg(
        F.first("phone_id").alias("phone_id"),
        F.first("tenure_from").alias("tenure_from"),
        F.first("tenure_to").alias("tenure_to"),
    )


def tenure_rows(known: DataFrame, implicit: DataFrame) -> DataFrame:
    """Rows of graph.tenures."""
    no_text, no_time = F.lit(None).cast("string"), F.lit(None).cast("timestamp")
    first = known.select(
        F.col("tenure_node").alias("node_id"), "phone_id", "tenure_from", end_or_null(F.col("tenure_to")).alias("tenure_to"),
        "holder_id", "holder_type", F.lit(False).alias("is_implicit"), "fraud_ended_at", "carrier",
    )  # fmt: skip
    second = implicit.select(
        F.col("tenure_node").alias("node_id"), "phone_id", "tenure_from", "tenure_to", F.lit(None).cast("bigint").alias("holder_id"),
        no_text.alias("holder_type"), F.lit(True).alias("is_implicit"), no_time.alias("fraud_ended_at"), no_text.alias("carrier"),
    )  # fmt: skip
    return first.unionByName(second)
