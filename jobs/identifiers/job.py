"""Stage `identifiers`: one row per identifier, without its value: type, first seen, and whether it may ever be listed."""

from __future__ import annotations

import polars as pl
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.core.frames import stack
from jobs.core.night import Night, StageReport
from jobs.graph.sources import Sources
from jobs.identifiers.protect import GUARD_LIST, PUBLIC_SUFFIX, load_protected, protected_reason


def run(night: Night) -> StageReport:
    """graph.identifiers from the vault. Raises RuntimeError when two values share a node id: nothing may be built on that."""
    vault = night.lake.read("vault.identifiers")
    known = vault.groupBy("node_id").agg(
        F.min("first_seen_on").alias("first_seen_on"),
        F.min("digest").alias("_least"),
        F.max("digest").alias("_most"),
        F.min("type").alias("type"),
        F.min("value").alias("value"),
        F.min("scope").alias("scope"),
    )
    protected = load_protected(night.settings.schemas_dir / "policy" / "protected.yml", night.codes)
    rows = known.join(F.broadcast(_guarded(night)), on="node_id", how="left")
    by_list = F.when(F.col("_guarded"), F.lit(GUARD_LIST))
    marked = rows.withColumn(
        "protected_reason", F.coalesce(protected_reason(F.col("type"), F.col("value"), protected), by_list)
    )
    is_guarded = F.coalesce(F.col("protected_reason").isin(GUARD_LIST, PUBLIC_SUFFIX) | F.col("_guarded"), F.lit(False))
    clash = F.col("_least") != F.col("_most")
    night.lake.replace(
        "graph.identifiers",
        marked.select(
            "node_id", F.when(clash, F.raise_error(F.lit("two identifiers share one node id; no graph can be built on that"))).otherwise(F.col("type")).alias("type"),
            "scope", "first_seen_on", "protected_reason", is_guarded.alias("is_guarded"),
        ),
    )  # fmt: skip
    made = night.lake.frame("graph.identifiers", ["protected_reason"])
    n_protected = made.height - made["protected_reason"].null_count()
    notes = [f"protected: {n_protected:,} identifiers"] if n_protected else []
    return StageReport(rows_in=made.height, rows_out=made.height, notes=notes)


def _guarded(night: Night) -> DataFrame:
    """(node_id, _guarded) of what the guard lists name: a few thousand."""
    frames = [
        Sources.of(night).current(feed.id).select(pl.col(f"{label}_id").alias("node_id"))
        for feed in night.contracts.values()
        if feed.agency == "guard" and night.lake.has(f"silver.{feed.table}")
        for label, identifier in feed.identifiers.items()
        if identifier.type is not None
    ]
    named = stack([pl.DataFrame(schema={"node_id": pl.Int64}), *frames]).drop_nulls().unique().sort("node_id")
    rows = named.with_columns(_guarded=True).to_arrow(compat_level=pl.CompatLevel.oldest())
    return night.spark.createDataFrame(rows, "node_id bigint, _guarded boolean")
