"""What became of every delivered row: rows in = kept + superseded + quarantined (spec/feeds.md)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import reduce

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.silver.standing import VERSION_ORDER, version_order


@dataclass(frozen=True)
class Account:
    """One delivery: its rows by what became of them, and how many rows break each rule."""

    feed: str
    delivery_id: str
    kept: int
    superseded: int
    quarantined: int
    freeing: int
    reasons: dict[str, int] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        return self.kept + self.superseded + self.quarantined


def known_versions(silver: Mapping[str, DataFrame], outcomes: DataFrame) -> DataFrame:
    """`feed`, `record_id` and version order of every good version, from any night, of the records that
    tonight's rows (`outcomes`) name. `silver`: the table of each feed.
    """
    good = [
        table.where(~F.col("frees_only")).select(F.lit(feed).alias("feed"), "record_id", *VERSION_ORDER)
        for feed, table in silver.items()
    ]
    named = outcomes.where(F.col("record_id").isNotNull()).select("feed", "record_id").distinct()
    return reduce(DataFrame.unionByName, good).join(named, on=["feed", "record_id"], how="left_semi")


def outcome_rows(parsed: DataFrame, feed: str) -> DataFrame:
    """One row per delivered record with what tells its outcome, in a shape that all feeds share."""
    return parsed.select(
        F.lit(feed).alias("feed"),
        "record_id",
        *VERSION_ORDER,
        F.col("_is_good").alias("is_good"),
        "frees_only",
        F.array_union("_reasons", F.flatten(F.transform("_broken", lambda element: element["reasons"]))).alias(
            "reasons"
        ),
    )


def count_outcomes(outcomes: DataFrame, known: DataFrame) -> DataFrame:
    """One row per delivery and reason, and one with reason null that counts the delivery's rows.

    A good row is superseded when a newer version of its record is known, from this night or an earlier
    one.
    """
    newest = known.groupBy("feed", "record_id").agg(F.max(version_order()).alias("newest"))
    placed = outcomes.join(newest, on=["feed", "record_id"], how="left")
    is_good, is_newest = F.col("is_good"), version_order() == F.col("newest")
    each = placed.withColumn("reason", F.explode(F.concat(F.array(F.lit(None).cast("string")), F.col("reasons"))))
    return each.groupBy("feed", "delivery_id", "reason").agg(
        F.count_if(is_good & is_newest).alias("kept"),
        F.count_if(is_good & ~is_newest).alias("superseded"),
        F.count_if(~is_good).alias("quarantined"),
        F.count_if(F.col("frees_only")).alias("freeing"),
        F.count("*").alias("rows"),
    )


def accounts_of(counted: DataFrame) -> list[Account]:
    """The counts as values, by feed and delivery; one Spark query."""
    rows = counted.collect()
    reasons: dict[tuple[str, str], dict[str, int]] = {}
    for row in sorted((row for row in rows if row.reason is not None), key=lambda row: str(row.reason)):
        reasons.setdefault((row.feed, row.delivery_id), {})[row.reason] = row.rows
    whole = sorted((row for row in rows if row.reason is None), key=lambda row: (row.feed, row.delivery_id))
    return [
        Account(
            r.feed,
            r.delivery_id,
            r.kept,
            r.superseded,
            r.quarantined,
            r.freeing,
            reasons.get((r.feed, r.delivery_id), {}),
        )
        for r in whole
    ]


def assert_balanced(accounts: Iterable[Account], delivered: dict[tuple[str, str], int]) -> None:
    """Every row of every delivery is accounted for. Raises RuntimeError naming the first delivery that
    isn't: a fault of ours.
    """
    counted = {(account.feed, account.delivery_id): account.rows for account in accounts}
    for feed, delivery_id in sorted(delivered | counted):
        rows_in, found = delivered.get((feed, delivery_id), 0), counted.get((feed, delivery_id), 0)
        if rows_in != found:
            raise RuntimeError(
                f"{feed}: delivery {delivery_id} brought {rows_in} rows and {found} are accounted for; "
                f"nothing of this night is committed"
            )
