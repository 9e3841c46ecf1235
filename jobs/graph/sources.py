"""What stands of each feed tonight: the one place where graph, signals and listing read silver."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, cast

import polars as pl

from jobs.core.night import Night
from jobs.silver.standing import (
    Snapshot,
    current,
    newest_snapshots,
    present_records,
    standing_freeing,
    standing_versions,
)


class _Standing(NamedTuple):
    """Of one feed: what stands, the newest of it, and what frees somebody though it is quarantined."""

    versions: pl.DataFrame
    current: pl.DataFrame
    freeing: pl.DataFrame


class Sources:
    """Standing versions per feed, worked out once a night."""

    def __init__(self, night: Night) -> None:
        self._night = night
        self._snapshots: dict[str, Snapshot] = newest_snapshots(night.lake.frame("ops.deliveries"))
        self._memo: dict[str, _Standing] = {}

    @classmethod
    def of(cls, night: Night) -> Sources:
        """The night's one instance: stages of one process share it."""
        if "sources" not in night.scratch:
            night.scratch["sources"] = cls(night)
        return cast(Sources, night.scratch["sources"])

    def versions(self, feed: str) -> pl.DataFrame:
        """Every standing version of the feed's records, with `is_newest`."""
        return self._standing(feed).versions

    def current(self, feed: str) -> pl.DataFrame:
        """One row per record that stands: its newest version."""
        return self._standing(feed).current

    def freeing(self, feed: str) -> pl.DataFrame:
        """Quarantined records that free somebody all the same."""
        return self._standing(feed).freeing

    def heard(self, feed: str, columns: Sequence[str]) -> pl.DataFrame:
        """These columns of every good version that was ever taken, also of records that were withdrawn since."""
        silver = self._night.lake.frame(f"silver.{self._night.contracts[feed].table}", [*columns, "op", "frees_only"])
        return silver.filter((pl.col("op") == "upsert") & ~pl.col("frees_only")).select(columns)

    def _standing(self, feed: str) -> _Standing:
        if feed not in self._memo:
            silver = self._night.lake.frame(f"silver.{self._night.contracts[feed].table}")
            snapshot = self._snapshots.get(feed)
            present = None if snapshot is None else present_records(snapshot, silver, self._quarantined(feed))
            versions = standing_versions(silver, snapshot, present)
            self._memo[feed] = _Standing(versions, current(versions), standing_freeing(silver, snapshot, present))
        return self._memo[feed]

    def _quarantined(self, feed: str) -> pl.DataFrame:
        rows = self._night.lake.frame("quarantine.records", ["feed", "record_id", "sequence"])
        return rows.filter(pl.col("feed") == feed)
