"""What becomes of the ids of parties and rings, so that an old one can always be followed (graph.md, Stable ids)."""

from __future__ import annotations

from datetime import date

import polars as pl

from jobs.core.frames import pick, stack


def trace_ids(before: pl.DataFrame, after: pl.DataFrame, what: str, on: date) -> pl.DataFrame:
    """Rows of graph.lineage. Both frames: (id, node_id), one row per member.

    NEW: an id that no member had before. SPLIT: a new id whose members stood under an id that still lives. MERGE: an id that is gone,
    whose members are now elsewhere (`into_id`: where the most of them are, the least id of several). RETIRE: an id whose members are gone.
    """
    old_ids, new_ids = before.select("id").unique(), after.select("id").unique()
    moved = before.select("node_id", old="id").join(after.select("node_id", new="id"), on="node_id", how="inner")
    moved = moved.filter(pl.col("old") != pl.col("new")).group_by("old", "new").agg(n=pl.len())
    went = pick(moved, "old", [("n", True), "new"]).select(id="old", into_id="new")
    gone = old_ids.join(new_ids, on="id", how="anti").join(went, on="id", how="left", validate="1:1")
    living = moved.join(new_ids.select(old="id"), on="old", how="semi")
    whence = pick(living, "new", [("n", True), "old"]).select(id="new", into_id="old")
    came = new_ids.join(old_ids, on="id", how="anti").join(whence, on="id", how="left", validate="1:1")
    events = stack([_told(gone, "RETIRE", "MERGE"), _told(came, "NEW", "SPLIT")]).sort("id", "event")
    return events.select(pl.lit(on).alias("night_on"), pl.lit(what).alias("what"), "event", "id", "into_id")


def _told(ids: pl.DataFrame, alone: str, into: str) -> pl.DataFrame:
    """(id, event, into_id): one event where an id has no other that its members share, another where it has."""
    event = pl.when(pl.col("into_id").is_null()).then(pl.lit(alone)).otherwise(pl.lit(into))
    return ids.select("id", event.alias("event"), "into_id")
