"""What stands of each feed tonight: the one place where graph, signals and listing read silver."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from pyspark.sql import DataFrame

from jobs.core.night import Night
from jobs.silver.standing import (
    Snapshot,
    current,
    newest_snapshots,
    present_records,
    standing_freeing,
    standing_versions,
)


class Sources:
    """Standing versions per feed, worked out once a night."""

    def __init__(self, night: Night) -> None:
        self._night = night
        self._snapshots: dict[str, Snapshot] = newest_snapshots(night.lake.read("ops.deliveries"))
        self._memo: dict[str, DataFrame] = {}

    @classmethod
    def of(cls, night: Night) -> Sources:
        """The night's one instance: stages of one process share it."""
        if "sources" not in night.scratch:
            night.scratch["sources"] = cls(night)
        return cast(Sources, night.scratch["sources"])

    def versions(self, feed: str) -> DataFrame:
        """Every standing version of the feed's records, with `is_newest`."""
        return self._once(f"versions {feed}", lambda: standing_versions(*self._standing(feed)))

    def current(self, feed: str) -> DataFrame:
        """One row per record that stands: its newest version."""
        return current(self.versions(feed))

    def freeing(self, feed: str) -> DataFrame:
        """Quarantined records that free somebody all the same."""
        return standing_freeing(*self._standing(feed))

    def _standing(self, feed: str) -> tuple[DataFrame, Snapshot | None, DataFrame | None]:
        lake, contract = self._night.lake, self._night.contracts[feed]
        silver = lake.read(f"silver.{contract.table}")
        snapshot = self._snapshots.get(feed)
        if snapshot is None:
            return silver, None, None
        quarantined = lake.read("quarantine.records").where(f"feed = '{feed}'")
        return silver, snapshot, present_records(snapshot, silver, quarantined)

    def _once(self, name: str, make: Callable[[], DataFrame]) -> DataFrame:
        if name not in self._memo:
            self._memo[name] = make()
        return self._memo[name]
