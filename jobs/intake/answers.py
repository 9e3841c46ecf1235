"""What intake answers to the deliveries that it found: taken, refused or repeated, one row each.

No Spark here.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Any, NamedTuple

from jobs.bronze.source import Broken, Limits
from jobs.core.contracts import Feed
from jobs.intake.agencies import Agency
from jobs.intake.landing import Found
from jobs.intake.manifest import MAX_SEQUENCE, BadManifest, Manifest, parse_manifest
from jobs.intake.numbers import Known, Numbers
from jobs.intake.staging import FOLDER, Staging
from jobs.intake.verify import check_files, check_manifest, read_manifest

THREADS = min(4, os.cpu_count() or 1)
CLOCK_TOLERANCE = timedelta(hours=1)


class StagedFile(NamedTuple):
    """One file as it was taken; `uri` is below the lake."""

    name: str
    sha256: str
    bytes: int
    rows: int
    uri: str


@dataclass(frozen=True)
class Answer:
    """One row of `ops.deliveries`, its fields in the table's order."""

    night_on: date
    agency: str
    feed: str
    delivery_id: str
    sequence: int | None
    business_date: date | None
    mode: str | None
    produced_at: datetime | None
    manifest_sha256: str | None
    status: str
    reason: str | None
    detail: str | None
    rows_in: int | None
    warnings: list[str]
    path: str
    staged: list[StagedFile]

    @property
    def feed_id(self) -> str:
        return f"{self.agency}/{self.feed}"

    @property
    def verdict(self) -> tuple[str, str | None, str | None]:
        return (self.status, self.reason, self.detail)


@dataclass
class Ledger:
    """What was answered in the nights before: the latest verdict per folder and manifest, and the numbers of
    each feed.
    """

    verdicts: dict[tuple[str, str | None], tuple[str, str | None, str | None]] = field(default_factory=dict)
    numbers: dict[str, Numbers] = field(default_factory=dict)

    @classmethod
    def of(cls, rows: Iterable[Mapping[str, Any]]) -> Ledger:
        """The ledger that these rows of `ops.deliveries` make, in whatever order they come."""
        ledger = cls()
        for row in sorted(rows, key=lambda row: (row["night_on"], row["path"])):
            ledger.verdicts[row["path"], row["manifest_sha256"]] = (
                row["status"],
                row["reason"],
                row["detail"],
            )
            numbers = ledger.of_feed(f"{row['agency']}/{row['feed']}")
            if row["status"] == "taken":
                content = (
                    row["mode"],
                    tuple(sorted((file["sha256"], file["rows"]) for file in row["staged"])),
                )
                numbers.add(Known(row["sequence"], row["delivery_id"], row["manifest_sha256"], content))
            elif row["status"] == "repeated":
                numbers.also(row["sequence"], row["manifest_sha256"])
        return ledger

    def of_feed(self, feed_id: str) -> Numbers:
        return self.numbers.setdefault(feed_id, Numbers())

    def is_settled(self, path: str, sha256: str | None) -> bool:
        """Whether this folder with this manifest was taken or repeated.

        A refused one is looked at again: it may have been mended.
        """
        return self.verdicts.get((path, sha256), ("", None, None))[0] in ("taken", "repeated")


@dataclass(frozen=True)
class Desk:
    """What answering needs: the night's date and end, the contracts, the agencies, the limits, the store and
    the ledger.
    """

    on: date
    instant: datetime
    contracts: Mapping[str, Feed]
    agencies: Mapping[str, Agency]
    limits: Limits
    staging: Staging
    ledger: Ledger

    def answer_all(self, found: Iterable[Found]) -> list[Answer]:
        """The new answers, in order of path.

        Feeds are read at the same time, a feed's deliveries in order of their numbers.
        """
        groups = [
            list(group)
            for _, group in groupby(sorted(found, key=lambda one: (one.feed_id, one.path)), key=lambda one: one.feed_id)
        ]
        for group in groups:
            self.ledger.of_feed(group[0].feed_id)
        with ThreadPoolExecutor(THREADS) as pool:
            answers = [answer for some in pool.map(self._answer_feed, groups) for answer in some]
        new = [one for one in answers if self.ledger.verdicts.get((one.path, one.manifest_sha256)) != one.verdict]
        return sorted(new, key=lambda one: one.path)

    def _answer_feed(self, group: list[Found]) -> list[Answer]:
        read = [
            (self._order(found, data), found, data) for found, data in ((one, self._manifest(one)) for one in group)
        ]
        ordered = sorted(read, key=lambda item: item[0])
        return [self._answer(found, data) for _, found, data in ordered if not self._settled(found, data)]

    def _manifest(self, found: Found) -> bytes | Broken:
        try:
            return read_manifest(found, self.limits)
        except Broken as error:
            return error

    def _order(self, found: Found, data: bytes | Broken) -> tuple[int, str]:
        manifest = _parsed(data)
        return (manifest.sequence if manifest else MAX_SEQUENCE, found.path)

    def _settled(self, found: Found, data: bytes | Broken) -> bool:
        return isinstance(data, bytes) and self.ledger.is_settled(found.path, hashlib.sha256(data).hexdigest())

    def _answer(self, found: Found, data: bytes | Broken) -> Answer:
        try:
            if isinstance(data, Broken):
                raise data
            return self._judge(found, data)
        except Broken as error:
            return self._row(found, data, "refused", reason=error.reason, detail=error.detail)

    def _judge(self, found: Found, data: bytes) -> Answer:
        feed = self.contracts.get(found.feed_id)
        manifest = check_manifest(data, found, feed, self.agencies.get(found.agency))
        assert feed is not None  # check_manifest refuses a feed that is not known
        numbers, sha256 = self.ledger.of_feed(found.feed_id), hashlib.sha256(data).hexdigest()
        if (before := numbers.same_number(manifest)) is not None:
            said = f"number {manifest.sequence} was taken before, as {before.delivery_id}"
            if before.content != manifest.content:
                raise Broken("fork", f"{said}, with other content; what was taken first stands")
            numbers.also(manifest.sequence, sha256)
            return self._row(found, data, "repeated", detail=said)
        checked = check_files(manifest, found, feed, self.staging, self.limits)
        self.staging.take(checked.copies)
        warnings = numbers.warnings(manifest) + self._clock(manifest) + checked.warnings
        numbers.add(Known(manifest.sequence, manifest.delivery_id, sha256, manifest.content))
        staged = [
            StagedFile(file.name, copy.sha256, copy.bytes, file.rows, f"{FOLDER}/{copy.sha256}")
            for file, copy in zip(manifest.files, checked.copies, strict=True)
        ]
        return self._row(found, data, "taken", rows_in=manifest.rows, warnings=warnings, staged=staged)

    def _clock(self, manifest: Manifest) -> list[str]:
        late = manifest.produced_at > self.instant + CLOCK_TOLERANCE
        return ["clock: produced_at lies after the end of this night"] if late else []

    def _row(self, found: Found, data: bytes | Broken, status: str, **more: Any) -> Answer:
        manifest = _parsed(data)
        values: dict[str, Any] = {
            "sequence": manifest.sequence if manifest else None,
            "mode": manifest.mode if manifest else None,
            "produced_at": manifest.produced_at if manifest else None,
            "manifest_sha256": hashlib.sha256(data).hexdigest() if isinstance(data, bytes) else None,
            "reason": None, "detail": None, "rows_in": None, "warnings": [], "staged": [],
        }  # fmt: skip
        place = {name: getattr(found, name) for name in ("agency", "feed", "delivery_id", "business_date", "path")}
        return Answer(night_on=self.on, status=status, **place, **{**values, **more})


def _parsed(data: bytes | Broken) -> Manifest | None:
    try:
        return parse_manifest(data) if isinstance(data, bytes) else None
    except BadManifest:
        return None


def notes_on(answers: Iterable[Answer]) -> list[str]:
    """Sentences for the person who watches: forks first, then refusals, then what was taken with a
    warning.
    """
    refused = [one for one in answers if one.status == "refused"]
    notes = [f"ALARM fork: {one.path}: {one.detail}" for one in refused if one.reason == "fork"]
    notes += [f"refused ({one.reason}): {one.path}: {one.detail}" for one in refused if one.reason != "fork"]
    notes += [f"repeated: {one.path}: {one.detail}" for one in answers if one.status == "repeated"]
    return notes + [f"warning: {one.path}: {text}" for one in answers for text in one.warnings]
