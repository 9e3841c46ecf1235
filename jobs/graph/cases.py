"""What cases say: which are unfounded, and what each involved identifier is a node of."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.core.contracts import CodeList
from jobs.graph.tenures import attach_phone
from jobs.silver.standing import VERSION_ORDER

OFFENDING = ("offender", "payee", "site")
SPARED = ("victim", "impersonated")


def level_rank(codes: CodeList, column: str = "authority_level") -> Column:
    """Rank of an authority level, growing; 0 where it is not known."""
    rank = F.lit(0)
    for code, attributes in codes.codes.items():
        rank = F.when(F.col(column) == code, F.lit(int(attributes["rank"]))).otherwise(rank)
    return rank


def unfounded_cases(versions: DataFrame, freeing: DataFrame, levels: CodeList) -> DataFrame:
    """Ids of the cases that the newest record of the highest level they ever had calls unfounded: one row per case_id.

    `versions`: all standing versions, past ones too; `freeing`: quarantined records that free. A freeing record whose level cannot be read
    counts as of the highest.
    """
    columns = ["case_id", "finding", "authority_level", *VERSION_ORDER, "record_id"]
    stated = versions.select(*columns, F.lit(False).alias("_freeing")).unionByName(
        freeing.select(*columns, F.lit(True).alias("_freeing"))
    )
    top = max(int(attributes["rank"]) for attributes in levels.codes.values())
    rank = F.when(F.col("_freeing") & F.col("authority_level").isNull(), F.lit(top)).otherwise(level_rank(levels))
    newest = (
        stated.where("case_id IS NOT NULL")
        .groupBy("case_id")
        .agg(F.max_by("finding", F.struct(rank, *VERSION_ORDER, "record_id")).alias("finding"))
    )
    return newest.where("finding = 'unfounded'").select("case_id")


def involvements(current: DataFrame, by_phone: DataFrame, key: bytes) -> DataFrame:
    """One row per element of `involved` of the current case records, with `node_id` (the tenure at `occurred_at` for a phone).

    imsi and iccid stay what they are; `is_unclear` marks a phone whose day two tenures touch (node_id is null).
    """
    rows = current.select(
        "record_id", "recorded_at", "business_date", "case_id", "finding", "authority_level", "occurred_at", "occurred_at_is_day",
        "reported_at", F.posexplode("involved").alias("element", "_item"),
    ).select("*", "_item.role", "_item.identifier_type", "_item.identifier_id", "_item.identifier_host_type", "_item.identifier_host_id",
             "_item.identifier_registrable_id").drop("_item")  # fmt: skip
    rows = rows.where("identifier_id IS NOT NULL AND role IS NOT NULL")
    rows = rows.withColumn("phone_id", F.when(F.col("identifier_type") == "phone", F.col("identifier_id")))
    rows = attach_phone(
        rows, by_phone, key, phone="phone_id", moment=F.col("occurred_at"), is_day=F.col("occurred_at_is_day")
    )
    node = F.when(F.col("identifier_type") == "phone", F.col("tenure_node")).otherwise(F.col("identifier_id"))
    return rows.withColumn("node_id", node).drop("tenure_node")
