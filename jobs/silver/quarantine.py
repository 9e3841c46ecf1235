"""What broke its contract: kept by name and reason, without a value, until the agency sends it again,
repaired.
"""

from __future__ import annotations

from datetime import date

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.silver.standing import version_order

PLACE = ("feed", "delivery_id", "file", "line")


def quarantine_rows(parsed: DataFrame, feed: str) -> DataFrame:
    """Rows of `quarantine.records`, all open: one per broken record, one per broken element of a list."""
    whole = F.when(
        ~F.col("_is_good"),
        F.struct(
            F.lit(None).cast("int").alias("element"),
            F.col("_reasons").alias("reasons"),
            F.col("_columns").alias("columns"),
        ),
    )
    faults = F.array_compact(F.concat(F.array(whole), F.col("_broken")))
    rows = parsed.where(~F.col("_is_good") | (F.size("_broken") > 0)).withColumn("_fault", F.explode(faults))
    return rows.select(
        F.lit(feed).alias("feed"),
        "record_id",
        "recorded_at",
        "sequence",
        "delivery_id",
        "file",
        "line",
        F.col("_fault.element").alias("element"),
        F.col("_fault.reasons").alias("reasons"),
        F.col("_fault.columns").alias("columns"),
        "business_date",
        "night_on",
        F.lit("open").alias("status"),
        F.lit(None).cast("date").alias("resolved_on"),
    )


def resolve(rows: DataFrame, good_versions: DataFrame, on: date) -> DataFrame:
    """The same rows, those resolved whose record has a newer good version; of an element, one in which
    no element is broken.

    `rows` hold the element rows of all `good_versions`. These are `feed`, `record_id` and the version
    order of every good version of the records in question, whichever night took it: a broken version
    that comes after the newer good one is resolved at once. Where a row's own recorded_at can't be
    read, a version with a higher sequence is newer.
    """
    elements = rows.where(F.col("element").isNotNull()).select(*PLACE).distinct().withColumn("_has_broken", F.lit(True))
    marked = good_versions.join(elements, on=list(PLACE), how="left")
    whole = F.col("_has_broken").isNull()
    newest = marked.groupBy("feed", "record_id").agg(
        F.max(version_order()).alias("_order"),
        F.max("sequence").alias("_sequence"),
        F.max(F.when(whole, version_order())).alias("_whole_order"),
        F.max(F.when(whole, F.col("sequence"))).alias("_whole_sequence"),
    )
    joined = rows.join(newest, on=["feed", "record_id"], how="left")
    is_element = F.col("element").isNotNull()
    order = F.when(is_element, F.col("_whole_order")).otherwise(F.col("_order"))
    sequence = F.when(is_element, F.col("_whole_sequence")).otherwise(F.col("_sequence"))
    newer = F.when(F.col("recorded_at").isNotNull(), order > version_order()).otherwise(sequence > F.col("sequence"))
    resolves = (F.col("status") == "open") & F.coalesce(newer, F.lit(False))
    return joined.withColumns(
        {
            "status": F.when(resolves, "resolved").otherwise(F.col("status")),
            "resolved_on": F.when(resolves, F.lit(on)).otherwise(F.col("resolved_on")),
        }
    ).select(*rows.columns)
