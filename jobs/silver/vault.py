"""The values behind silver's ids, for the one table that holds them."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import polars as pl

from jobs.core.frames import empty, schema_of
from jobs.identifiers.keys import digests, node_ids
from jobs.silver.parse import Parsed

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

SCOPED = ("bank_account", "payment_account", "internet_account", "crypto_wallet")
"""Types whose normal form begins with an institution, platform or chain and a colon."""
SEEN = schema_of("node_id BIGINT, type STRING, value STRING, first_seen_on DATE")
"""An identifier and the business date of the earliest delivery that names it."""
_NAMES = ["node_id", "type", "value"]


def seen_values(parsed: Parsed) -> pl.DataFrame:
    """SEEN: the identifiers of good rows, url hosts and registrable domains among them, each once."""
    on = parsed.rows["business_date"].gather(parsed.found["row"]).alias("first_seen_on")
    return earliest(parsed.found.select(_NAMES).with_columns(on))


def earliest(seen: pl.DataFrame) -> pl.DataFrame:
    """Of rows of SEEN one for each identifier."""
    if seen["first_seen_on"].n_unique() < 2:
        return seen.unique(_NAMES)
    return seen.group_by(_NAMES).agg(pl.col("first_seen_on").min())


def vault_rows(seen: pl.DataFrame, vault: pl.DataFrame, key: bytes, on: date) -> pl.DataFrame:
    """Rows for `vault.identifiers`: identifiers that it does not know, or not under so early a business date.

    `seen` (SEEN) may name an identifier more than once; `vault`: its node_id, type, value, first_seen_on.
    """
    least = earliest(seen)
    known = vault.join(least, on=_NAMES, how="semi").group_by(_NAMES).agg(pl.col("first_seen_on").min().alias("_known"))
    rows = least.join(known, on=_NAMES, how="left", validate="1:1")
    rows = rows.filter(pl.col("_known").is_null() | (pl.col("_known") > pl.col("first_seen_on"))).sort(
        "node_id", "type"
    )
    return rows.select(
        "node_id", digests(key, rows["type"], rows["value"]).alias("digest"), "type", "value",
        pl.when(pl.col("type").is_in(SCOPED)).then(pl.col("value").str.split_exact(":", 1).struct.field("field_0")).alias("scope"),
        "first_seen_on", pl.lit(on).alias("night_on"),
    )  # fmt: skip


def is_key_of(vault: pl.DataFrame, key: bytes) -> bool:
    """Whether ids of these rows of the vault are made with this key: one row tells for all."""
    first = vault.head(1)
    return bool((node_ids(key, first["type"], first["value"]) == first["node_id"]).all())


def no_values() -> pl.DataFrame:
    """No rows of SEEN."""
    return empty(SEEN)


def vault_rows_by_spark(seen: DataFrame, vault: DataFrame, key: bytes, on: date) -> DataFrame:
    """The same of more identifiers than one process holds; both are Spark's frames."""
    from pyspark.sql import functions as F

    from jobs.identifiers.columns import digest

    least = seen.groupBy(*_NAMES).agg(F.min("first_seen_on").alias("first_seen_on")).alias("new")
    known = vault.select(*_NAMES, "first_seen_on").alias("known")
    same = [F.col(f"new.{name}") == F.col(f"known.{name}") for name in _NAMES]
    earlier = F.col("known.first_seen_on") <= F.col("new.first_seen_on")
    rows = least.join(known, on=[*same, earlier], how="left_anti")
    scope = F.when(F.col("type").isin(*SCOPED), F.substring_index("value", ":", 1)).alias("scope")
    return rows.select(
        "node_id", digest(key, F.col("type"), F.col("value")).alias("digest"), "type", "value", scope, "first_seen_on", F.lit(on).alias("night_on"),
    )  # fmt: skip
