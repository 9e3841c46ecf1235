"""Deliveries as the agencies push them: one chain of sequence numbers per feed, now and then with an
accident.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa

from jobs.core.contracts import Feed
from jobs.intake.delivery import delivery_path, write_delivery, write_manifest
from jobs.simulate.bulk import Bulk
from jobs.simulate.clock import Clock
from jobs.simulate.frame import take
from jobs.simulate.knobs import Knobs
from jobs.simulate.records import Record, to_table
from jobs.simulate.streams import Streams

PART = 250_000
"""Rows of one data file: what is in memory as text at one time."""


class LazyParts(Sequence[pa.Table]):
    """Tables that are made when they are asked for, so that only one is in memory."""

    def __init__(self, makers: list[Callable[[], pa.Table]]) -> None:
        self.makers = makers

    def __len__(self) -> int:
        return len(self.makers)

    def __getitem__(self, index: int) -> pa.Table:  # type: ignore[override]
        return self.makers[index]()

    def __iter__(self) -> Iterator[pa.Table]:
        return (make() for make in self.makers)


@dataclass
class Chain:
    """The deliveries of one feed so far."""

    feed: Feed
    sequence: int = 0
    previous: str | None = None
    accidents: list[str] = field(default_factory=list)


@dataclass
class Deliverer:
    """Writes the deliveries of a world below `landing`."""

    landing: Path
    clock: Clock
    knobs: Knobs
    streams: Streams
    deliveries: int = 0
    records: int = 0
    accidents: list[str] = field(default_factory=list)

    def bulk(self, feed: Feed, bulk: Bulk) -> None:
        """Every night of a big feed."""
        chain, rng = Chain(feed), self.streams.of(f"deliver/{feed.id}")
        bounds = np.searchsorted(bulk.versions["night"], np.arange(self.clock.nights + 1))
        first_mode = "snapshot" if rng.random() < 0.5 else "delta"
        for night in range(self.clock.nights):
            low, high = int(bounds[night]), int(bounds[night + 1])
            makers: list[Callable[[], pa.Table]] = []
            extra = bool(rng.random() < self.knobs.unknown_column_rate)
            for start in range(low, max(high, low + 1), PART):
                index = np.arange(start, min(start + PART, high))
                makers.append(_maker(bulk, index, extra))
            self.records += high - low
            self._night(chain, night, makers, first_mode if night == 0 else "delta", rng)

    def small(self, feed: Feed, records: list[Record]) -> None:
        """Every night of a small feed; `records` are in order of night."""
        chain, rng = Chain(feed), self.streams.of(f"deliver/{feed.id}")
        for night in range(self.clock.nights):
            tonight = [record for record in records if record.night == night]
            mode = "delta"
            if night and "snapshot" in feed.modes and rng.random() < self.knobs.snapshot_rate:
                mode, tonight = "snapshot", standing(records, self.clock, night)
            extra = bool(rng.random() < self.knobs.unknown_column_rate)
            if not tonight and rng.random() < 0.5:
                continue
            self.records += len(tonight)
            table = _with_extra(to_table(feed, tonight), extra)
            self._night(chain, night, [partial(_same, table)], mode, rng)

    def _night(
        self,
        chain: Chain,
        night: int,
        makers: list[Callable[[], pa.Table]],
        mode: str,
        rng: np.random.Generator,
    ) -> None:
        accident = ""
        if night and rng.random() < self.knobs.broken_delivery_rate:
            accident = str(rng.choice(["hash", "no_manifest", "repeated", "gap"]))
        if accident == "gap" and night + 1 < self.clock.nights and mode == "delta":
            self._gap(chain, night, makers)
        else:
            folder = self._write(chain, night, makers, mode)
            if rng.random() < min(1.0, self.knobs.bad_record_rate * 25):
                chain.previous = _add_unreadable(folder, chain.feed, chain.previous)
            if accident == "hash":
                self._spoiled(chain, night, makers)
            elif accident == "no_manifest":
                self._unfinished(chain, night)
            elif accident == "repeated":
                self._repeated(chain, night)
            else:
                accident = ""
        if accident:
            self.accidents.append(f"{chain.feed.id} night {night}: {accident}")

    def _name(self, chain: Chain, sequence: int) -> str:
        return f"{chain.feed.agency[:3]}-{chain.feed.name.replace('_', '-')}-{sequence:05}"

    def _write(
        self,
        chain: Chain,
        night: int,
        makers: list[Callable[[], pa.Table]],
        mode: str,
        on: int | None = None,
        part: int = 0,
    ) -> Path:
        """One delivery of a night, landed under the date of night `on`."""
        chain.sequence += 1
        name, when = self._name(chain, chain.sequence), self.clock.day(night if on is None else on)
        chain.previous = write_delivery(
            self.landing, chain.feed, LazyParts(makers), business_date=when, sequence=chain.sequence,
            delivery_id=name,
            produced_at=self.clock.produced(night, part), mode=mode, previous_sha256=chain.previous,
        )  # fmt: skip
        self.deliveries += 1
        return delivery_path(self.landing, chain.feed, when, name)

    def _gap(self, chain: Chain, night: int, makers: list[Callable[[], pa.Table]]) -> None:
        """The night's records in two deliveries, of which the first comes a night late: a gap that is
        filled again.
        """
        whole = pa.concat_tables([make() for make in makers])
        half = whole.num_rows // 2
        self._write(chain, night, [lambda: whole.slice(0, half)], "delta", on=night + 1)
        self._write(chain, night, [lambda: whole.slice(half)], "delta", part=1)

    def _spoiled(self, chain: Chain, night: int, makers: list[Callable[[], pa.Table]]) -> None:
        """Another delivery with the same records, whose file was changed on the way: refused; its number
        stays a gap.
        """
        folder = self._write(chain, night, makers[:1], "delta", part=2)
        data = sorted(path for path in folder.iterdir() if path.name != "manifest.json")[0]
        content = bytearray(data.read_bytes())
        if content:
            content[len(content) // 2] ^= 1
        else:
            content += b" "
        data.write_bytes(bytes(content))

    def _unfinished(self, chain: Chain, night: int) -> None:
        """A folder whose manifest has not come yet."""
        when = self.clock.day(night)
        last = delivery_path(self.landing, chain.feed, when, self._name(chain, chain.sequence))
        folder = delivery_path(self.landing, chain.feed, when, self._name(chain, chain.sequence) + "-unfinished")
        shutil.copytree(last, folder, ignore=shutil.ignore_patterns("manifest.json"))

    def _repeated(self, chain: Chain, night: int) -> None:
        """The same delivery once more, under the next date."""
        name = self._name(chain, chain.sequence)
        last = delivery_path(self.landing, chain.feed, self.clock.day(night), name)
        again = delivery_path(self.landing, chain.feed, self.clock.day(min(night + 1, self.clock.nights - 1)), name)
        if again == last:
            again = last.with_name(name + "-again")
        shutil.copytree(last, again)


def _same(table: pa.Table) -> pa.Table:
    return table


def standing(records: list[Record], clock: Clock, night: int) -> list[Record]:
    """What the agency stands behind at the cut of a night: the newest version of every record, withdrawn
    ones left out.

    Records that come late with their delta are known to the agency already, so they stand too.
    """
    cut = clock.load + night * 86_400
    newest: dict[str, Record] = {}
    for record in sorted(records, key=lambda r: (r.at, r.night)):
        if record.at <= cut:
            newest[record.key] = record
    return [newest[key] for key in sorted(newest) if newest[key].op == "upsert"]


UNREADABLE = {
    "csv": b"X-unreadable,upsert,\xff\xfe\xff\n",
    "jsonl": b'{"record_id": "X-unreadable", "op": \n',
}
"""One more record that cannot be read at all: bytes of no encoding, an object that is cut off."""


def _add_unreadable(folder: Path, feed: Feed, sha256: str | None) -> str | None:
    """Put a record that cannot be read at the end of a plain delivery; the SHA-256 of its manifest as it
    then is.
    """
    if feed.format.compression != "none" or feed.format.type not in UNREADABLE:
        return sha256
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    about = manifest["files"][-1]
    data = (folder / about["name"]).read_bytes() + UNREADABLE[feed.format.type]
    (folder / about["name"]).write_bytes(data)
    about.update(sha256=hashlib.sha256(data).hexdigest(), bytes=len(data), rows=about["rows"] + 1)
    return write_manifest(folder, manifest)


def _maker(bulk: Bulk, index: np.ndarray[tuple[int], np.dtype[np.int64]], extra: bool) -> Callable[[], pa.Table]:
    return lambda: _with_extra(bulk.render(take(bulk.versions, index)), extra)


def _with_extra(table: pa.Table, extra: bool) -> pa.Table:
    """The table with a column that no contract has, when `extra`."""
    if not extra:
        return table
    return table.append_column("branch_remark", pa.array([f"r{i % 7}" for i in range(table.num_rows)], pa.utf8()))
