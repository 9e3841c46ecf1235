"""Which versions of which records stand (feeds.md, A delivery and A record)."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from tests.oracle.model import Delivery

HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Version:
    """One version of one record. `key` is the order in which "the newest (recorded_at, sequence, delivery_id, file,
    line) wins".
    """

    feed: str
    record_id: str
    key: tuple[Any, ...]
    recorded_at: datetime
    delivery: Delivery = field(hash=False, compare=False)
    fields: dict[str, Any] = field(hash=False, compare=False)

    def __getitem__(self, name: str) -> Any:
        return self.fields.get(name)

    @property
    def is_withdrawal(self) -> bool:
        return self.fields.get("op", "upsert") == "withdraw"

    @property
    def frees_only(self) -> bool:
        return bool(self.fields.get("frees_only"))


class Bronze:
    """Every delivery that was taken. "A repeated delivery is a no-op"; "of a fork, what was taken first stands"."""

    def __init__(self) -> None:
        self.taken: dict[tuple[str, int], Delivery] = {}
        self._left: dict[str, dict[str, list[Version]]] = {}

    def take(self, delivery: Delivery) -> None:
        self._left.clear()
        self.taken.setdefault((delivery.feed, delivery.sequence), delivery)

    def deliveries(self, feed: str) -> list[Delivery]:
        return [one for (name, _), one in sorted(self.taken.items(), key=lambda item: item[0]) if name == feed]

    def feeds(self) -> set[str]:
        return {feed for feed, _ in self.taken}

    def versions(self, feed: str) -> dict[str, list[Version]]:
        """All versions by record, oldest first."""
        found: dict[str, list[Version]] = defaultdict(list)
        for delivery in self.deliveries(feed):
            for index, record in enumerate(delivery.records):
                recorded = record["recorded_at"]
                if recorded > delivery.produced_at + HOUR:  # "recorded_in_future counts as recorded at produced_at"
                    recorded = delivery.produced_at
                place = (str(record.get("file", "")), int(record.get("line", index)))
                key = (recorded, delivery.sequence, delivery.delivery_id, *place)
                found[record["record_id"]].append(Version(feed, record["record_id"], key, recorded, delivery, record))
        return {record_id: sorted(versions, key=lambda one: one.key) for record_id, versions in found.items()}

    def _stands(self, feed: str) -> dict[str, list[Version]]:
        """What withdrawals and the newest snapshot leave, quarantined versions that free included."""
        if feed not in self._left:
            self._left[feed] = self._find_standing(feed)
        return self._left[feed]

    def _find_standing(self, feed: str) -> dict[str, list[Version]]:
        snapshots = [one for one in self.deliveries(feed) if one.mode == "snapshot"]
        newest = max(snapshots, key=lambda one: one.sequence, default=None)  # "the newest snapshot alone decides"
        carried = set() if newest is None else {one["record_id"] for one in newest.records} | set(newest.present)
        left: dict[str, list[Version]] = {}
        for record_id, versions in self.versions(feed).items():
            for index, version in enumerate(versions):
                if version.is_withdrawal:  # "withdraw erases … and holds even when it arrives first"
                    left[record_id] = versions[index + 1 :]
            kept = [one for one in left.get(record_id, versions) if not one.is_withdrawal]
            if newest is not None and record_id not in carried:
                # "neither recorded after its produced_at nor delivered with a higher sequence, does not stand"; 0007:
                # versions that the snapshot does not stand behind were never true
                kept = [
                    one
                    for one in kept
                    if one.recorded_at > newest.produced_at or one.delivery.sequence > newest.sequence
                ]
            if kept:
                left[record_id] = kept
            else:
                left.pop(record_id, None)
        return left

    def standing(self, feed: str) -> dict[str, list[Version]]:
        """record_id -> its good standing versions, oldest first."""
        found = {
            record_id: [one for one in versions if not one.frees_only]
            for record_id, versions in self._stands(feed).items()
        }
        return {record_id: versions for record_id, versions in sorted(found.items()) if versions}

    def newest(self, feed: str) -> list[Version]:
        """The newest good version of each record that stands."""
        return [versions[-1] for versions in self.standing(feed).values()]

    def freeing(self, feed: str) -> list[Version]:
        """Quarantined versions that free somebody, not yet superseded by a newer good version of their record. 0007: one of them takes back
        nothing that an older one freed.
        """
        found: list[Version] = []
        for _, versions in sorted(self._stands(feed).items()):
            good = [index for index, one in enumerate(versions) if not one.frees_only]
            found += versions[good[-1] + 1 if good else 0 :]
        return found

    def newest_or_freeing(self, feed: str) -> list[Version]:
        """What decides about freeing: the newest good version of each record, and quarantined ones that free."""
        return [*self.newest(feed), *self.freeing(feed)]
