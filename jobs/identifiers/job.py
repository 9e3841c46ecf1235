"""Stage `identifiers`: one row per identifier, without its value: type, first seen, and whether it may ever be listed."""

from __future__ import annotations

import polars as pl

from jobs.core.frames import stack
from jobs.core.night import Night, StageReport
from jobs.graph.sources import Sources
from jobs.identifiers.protect import Protected, load_protected, mark_protected

OF_VAULT = ["node_id", "digest", "type", "value", "scope", "first_seen_on"]


def run(night: Night) -> StageReport:
    """graph.identifiers from the vault. Raises RuntimeError when two values share a node id: nothing may be built on that."""
    protected = load_protected(night.settings.schemas_dir / "policy" / "protected.yml", night.codes)
    made = list_identifiers(night.lake.frame("vault.identifiers", OF_VAULT), protected, _guarded(night))
    night.lake.replace("graph.identifiers", made)
    n_protected = made.height - made["protected_reason"].null_count()
    notes = [f"protected: {n_protected:,} identifiers"] if n_protected else []
    return StageReport(rows_in=made.height, rows_out=made.height, notes=notes)


def list_identifiers(vault: pl.DataFrame, protected: Protected, guarded: pl.Series) -> pl.DataFrame:
    """One row per node id of the vault, as graph.identifiers has it. `guarded`: node ids that guard lists name.

    Raises RuntimeError when two digests share a node id.
    """
    text = pl.col("digest", "type", "value", "scope").min()
    known = vault.group_by("node_id").agg(pl.col("first_seen_on").min(), text, _most=pl.col("digest").max())
    if not known.filter(pl.col("digest") != pl.col("_most")).is_empty():
        raise RuntimeError("two identifiers share one node id; no graph can be built on that")
    return mark_protected(known, protected, guarded).select(
        "node_id", "type", "scope", "first_seen_on", "protected_reason", "is_guarded"
    )


def _guarded(night: Night) -> pl.Series:
    """Node ids of what the guard lists name: a few thousand."""
    frames = [
        Sources.of(night).current(feed.id).select(node_id=f"{label}_id")
        for feed in night.contracts.values()
        if feed.agency == "guard" and night.lake.has(f"silver.{feed.table}")
        for label, identifier in feed.identifiers.items()
        if identifier.type is not None
    ]
    return stack([pl.DataFrame(schema={"node_id": pl.Int64}), *frames])["node_id"]
