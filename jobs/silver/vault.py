"""The values behind silver's ids, for the one table that holds them."""

from __future__ import annotations

from datetime import date

import polars as pl
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.identifiers.keys import digest, digest_py

SCOPED = ("bank_account", "payment_account", "internet_account", "crypto_wallet")
"""Types whose normal form begins with an institution, platform or chain and a colon."""


def collect_found(parsed: DataFrame) -> DataFrame:
    """One row per identifier of a good row, url hosts and registrable domains among them: `node_id,
    type, value, first_seen_on`.
    """
    found = parsed.where("_is_good").select("business_date", F.explode("_found").alias("_one"))
    return found.select("_one.node_id", "_one.type", "_one.value", F.col("business_date").alias("first_seen_on"))


def new_vault_rows(found: DataFrame, vault: DataFrame, key: bytes, on: date) -> DataFrame:
    """Rows for `vault.identifiers`: identifiers that it does not know, or not under so early a business
    date.
    """
    least = found.groupBy("node_id", "type", "value").agg(F.min("first_seen_on").alias("first_seen_on"))
    rows = least.withColumn("digest", digest(key, F.col("type"), F.col("value"))).alias("new")
    known = vault.select("node_id", "digest", "first_seen_on").alias("known")
    is_known = (
        (F.col("new.node_id") == F.col("known.node_id"))
        & (F.col("new.digest") == F.col("known.digest"))
        & (F.col("known.first_seen_on") <= F.col("new.first_seen_on"))
    )
    return rows.join(known, on=is_known, how="left_anti").select(
        "node_id",
        "digest",
        "type",
        "value",
        F.when(F.col("type").isin(*SCOPED), F.substring_index("value", ":", 1)).alias("scope"),
        "first_seen_on",
        F.lit(on).alias("night_on"),
    )


def found_values(parsed: pl.DataFrame) -> pl.DataFrame:
    """`collect_found` of rows that left Spark."""
    rows = (
        parsed.filter("_is_good").select(first_seen_on="business_date", one="_found").explode("one").drop_nulls("one")
    )
    return rows.select(*(pl.col("one").struct.field(name) for name in ("node_id", "type", "value")), "first_seen_on")


def new_values(found: pl.DataFrame, vault: pl.DataFrame, key: bytes, on: date) -> pl.DataFrame:
    """`new_vault_rows` of rows that left Spark. `vault`: node_id, type, value, first_seen_on."""
    names = ["node_id", "type", "value"]
    least = found.group_by(names).agg(pl.col("first_seen_on").min())
    known = vault.join(least, on=names, how="semi").group_by(names).agg(pl.col("first_seen_on").min().alias("_known"))
    rows = least.join(known, on=names, how="left", validate="1:1")
    rows = rows.filter(pl.col("_known").is_null() | (pl.col("_known") > pl.col("first_seen_on"))).sort(names)
    scoped = pl.col("type").is_in(SCOPED)
    return rows.select(
        "node_id",
        pl.Series("digest", [digest_py(key, *pair) for pair in rows.select("type", "value").rows()], pl.String),
        "type",
        "value",
        pl.when(scoped).then(pl.col("value").str.split_exact(":", 1).struct.field("field_0")).alias("scope"),
        "first_seen_on",
        pl.lit(on).alias("night_on"),
    )
