"""Stage `identifiers`: one row per identifier, without its value: type, first seen, and whether it may ever be listed."""

from __future__ import annotations

import polars as pl

from jobs.core.contracts import PATTERN, Feed
from jobs.core.frames import stack
from jobs.core.night import Night, StageReport
from jobs.graph.sources import Sources
from jobs.identifiers.protect import Guarded, Protected, is_pattern, load_protected, mark_protected

OF_VAULT = ["node_id", "digest", "type", "value", "scope", "first_seen_on"]


def run(night: Night) -> StageReport:
    """graph.identifiers from the vault. Raises RuntimeError when two values share a node id: nothing may be built on that."""
    protected = load_protected(night.settings.schemas_dir / "policy" / "protected.yml", night.codes)
    guarded, notes = _read_guards(night)
    made = list_identifiers(night.lake.frame("vault.identifiers", OF_VAULT), protected, guarded)
    night.lake.replace("graph.identifiers", made)
    if n_protected := made.height - made["protected_reason"].null_count():
        notes.append(f"protected: {n_protected:,} identifiers")
    return StageReport(rows_in=made.height, rows_out=made.height, notes=notes)


def list_identifiers(vault: pl.DataFrame, protected: Protected, guarded: Guarded) -> pl.DataFrame:
    """One row per node id of the vault, as graph.identifiers has it.

    Raises RuntimeError when two digests share a node id.
    """
    text = pl.col("digest", "type", "value", "scope").min()
    known = vault.group_by("node_id").agg(pl.col("first_seen_on").min(), text, _most=pl.col("digest").max())
    if not known.filter(pl.col("digest") != pl.col("_most")).is_empty():
        raise RuntimeError("two identifiers share one node id; no graph can be built on that")
    return mark_protected(known, protected, guarded).select(
        "node_id", "type", "scope", "first_seen_on", "protected_reason", "is_guarded"
    )


def _read_guards(night: Night) -> tuple[Guarded, list[str]]:
    """What stands of the guard lists, a few thousand rows, and a sentence for each list with a pattern that cannot be used."""
    lists = [feed for feed in night.contracts.values() if feed.guards and night.lake.has(f"silver.{feed.table}")]
    patterns: list[str] = []
    notes: list[str] = []
    for feed in lists:
        if feed.guards == "matching":
            given = (
                Sources.of(night).current(feed.id).drop_nulls(PATTERN).select("record_id", PATTERN).sort("record_id")
            )
            patterns += [text for _, text in given.rows() if is_pattern(text)]
            notes += _note_unusable(feed, [record for record, text in given.rows() if not is_pattern(text)])
    named = {reach: _named(night, [feed for feed in lists if feed.guards == reach]) for reach in ("itself", "below")}
    return Guarded(named["itself"], named["below"], tuple(sorted(set(patterns)))), notes


def _note_unusable(feed: Feed, records: list[str]) -> list[str]:
    if not records:
        return []
    more = f" and of {len(records) - 1:,} more" if len(records) > 1 else ""
    return [f"{feed.id}: no regular expression, so it protects nothing: {PATTERN} of record '{records[0]}'{more}"]


def _named(night: Night, lists: list[Feed]) -> pl.Series:
    """Node ids that these lists name."""
    frames = [
        Sources.of(night).current(feed.id).select(node_id=f"{label}_id") for feed in lists for label in feed.identifiers
    ]
    return stack([pl.DataFrame(schema={"node_id": pl.Int64}), *frames])["node_id"]
