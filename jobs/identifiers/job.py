"""Stage `identifiers`: one row per identifier, without its value: type, first seen, and whether it may ever be listed."""

from __future__ import annotations

from functools import reduce

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

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
    guarded = _guarded(night)
    rows = (
        known.join(F.broadcast(guarded), on="node_id", how="left")
        if guarded is not None
        else known.withColumn("_guarded", F.lit(False))
    )
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
    counted = (
        night.lake.read("graph.identifiers")
        .agg(F.count("*").alias("n"), F.count("protected_reason").alias("p"))
        .collect()[0]
    )
    return StageReport(
        rows_in=counted["n"],
        rows_out=counted["n"],
        notes=[f"protected: {counted['p']:,} identifiers"] if counted["p"] else [],
    )


def _guarded(night: Night) -> DataFrame | None:
    """(node_id, _guarded) of what the guard lists name; None when no contract is a guard list."""
    frames = []
    for feed in night.contracts.values():
        if feed.agency == "guard" and night.lake.has(f"silver.{feed.table}"):
            for label, identifier in feed.identifiers.items():
                if identifier.type is not None:
                    frames.append(Sources.of(night).current(feed.id).select(F.col(f"{label}_id").alias("node_id")))
    if not frames:
        return None
    return (
        reduce(DataFrame.unionByName, frames)
        .where("node_id IS NOT NULL")
        .distinct()
        .withColumn("_guarded", F.lit(True))
    )
