"""Land files as one delivery: read, write data files and manifest, continue the feed's sequence.

The only I/O of this stage.
"""

from __future__ import annotations

import hashlib
import shutil
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import pyarrow as pa

from jobs.core.contracts import CodeList, Column, Feed
from jobs.core.errors import UserError
from jobs.intake.delivery import delivery_path, write_delivery, write_manifest
from jobs.intake.manifest import MANIFEST, BadManifest, Manifest, parse_manifest
from jobs.land.delivered import count_records
from jobs.land.readers import READERS
from jobs.land.reading import Reading, Record, Source


@dataclass(frozen=True)
class LandReport:
    """What became of the files. Counts are by rule: rows read + rows added = rows written + rows dropped.

    `broken`: rows written with a cell too few or too many, none of it trusted, for quarantine.
    """

    feed: str
    path: Path
    sequence: int
    manifest_sha256: str
    mode: str
    rows_read: int
    rows_written: int
    mended: Counter[str]
    added: Counter[str]
    dropped: Counter[str]
    broken: int = 0


@dataclass(frozen=True)
class _Place:
    """Where the next delivery of a feed goes and which number it has."""

    landing: Path
    feed: Feed
    business_date: date
    produced_at: datetime
    mode: str
    sequence: int
    previous_sha256: str | None

    @property
    def delivery_id(self) -> str:
        return f"{self.feed.name}-{self.sequence:06d}"

    @property
    def path(self) -> Path:
        return delivery_path(self.landing, self.feed, self.business_date, self.delivery_id)


def land(
    feed_id: str,
    files: Sequence[Path],
    *,
    landing: Path,
    business_date: date,
    contracts: Mapping[str, Feed],
    codes: Mapping[str, CodeList],
    mode: str | None = None,
    produced_at: datetime | None = None,
    say: Callable[[str], None] = print,
) -> LandReport:
    """Turn `files`, as their publisher publishes them, into the next delivery of `feed_id` below `landing`.

    `mode` is the first that the contract names unless given; for a snapshot give every file of the feed at
    once. `produced_at` (with an offset; now unless given) is when the publisher's file was fetched, and dates
    the rows that have no date of their own. Raises UserError for an unknown feed or mode, a file that isn't
    there, and a file that isn't of the feed's layout.
    """
    feed = _known_feed(feed_id, contracts, codes)
    if produced_at is not None and produced_at.tzinfo is None:
        raise UserError(f"{feed_id}: the time of production needs an offset, as in 2026-11-22T18:00:00+08:00")
    for path in files:
        if not path.is_file():
            raise UserError(f"{path}: there is no such file; name the files to land for {feed_id}")
    if not files:
        raise UserError(f"{feed_id}: name at least one file to land")
    sequence, previous = _last_delivery(landing, feed)
    place = _Place(
        landing=landing,
        feed=feed,
        business_date=business_date,
        produced_at=produced_at or datetime.now(UTC).replace(microsecond=0),
        mode=_known_mode(feed, mode),
        sequence=sequence + 1,
        previous_sha256=previous,
    )
    report = _land_as_is(place, files) if feed.reader is None else _land_read(place, feed.reader, files)
    _tell(report, say)
    return report


def _known_feed(feed_id: str, contracts: Mapping[str, Feed], codes: Mapping[str, CodeList]) -> Feed:
    feed = contracts.get(feed_id)
    if feed is None:
        near = get_close_matches(feed_id, contracts, n=1)
        raise UserError(
            f"'{feed_id}' is not a feed{f'; did you mean {near[0]}?' if near else ''}"
            " (the feeds are the contracts in schemas/feeds)"
        )
    if feed.status == "retired":
        raise UserError(f"{feed_id}: its contract is retired, so nothing is landed for it any more")
    if feed.reader is not None and feed.reader not in READERS:
        raise UserError(
            f"{feed_id}: its contract names the reader '{feed.reader}'; known are {', '.join(sorted(READERS))}"
        )
    for column in feed.schema_:
        if column.codes is not None and column.codes not in codes:
            raise UserError(
                f"{feed_id}: column '{column.name}' needs the code list '{column.codes}',"
                " which schemas/codes does not have"
            )
    return feed


def _known_mode(feed: Feed, mode: str | None) -> str:
    if mode is None:
        return feed.modes[0]
    if mode not in feed.modes:
        raise UserError(f"{feed.id}: comes as {' or '.join(feed.modes)}, not as '{mode}'")
    return mode


def _last_delivery(landing: Path, feed: Feed) -> tuple[int, str | None]:
    """The highest sequence that the landing area holds for this feed and the hash of its manifest.

    (0, None) when there is none.
    """
    found: dict[int, set[str]] = {}
    for path in sorted((landing / feed.agency / feed.name).glob(f"*/*/{MANIFEST}")):
        manifest, digest = _read_manifest(path)
        found.setdefault(manifest.sequence, set()).add(digest)
    if not found:
        return 0, None
    last = max(found)
    if len(found[last]) > 1:
        raise UserError(
            f"{landing / feed.agency / feed.name}: two deliveries have the number {last}; take one away and land again"
        )
    return last, found[last].pop()


def _read_manifest(path: Path) -> tuple[Manifest, str]:
    data = path.read_bytes()
    try:
        return parse_manifest(data), hashlib.sha256(data).hexdigest()
    except BadManifest as error:
        raise UserError(
            f"{path}: {error}; the next number can't be known: repair it or take the delivery away"
        ) from None


def _land_read(place: _Place, reader: str, files: Sequence[Path]) -> LandReport:
    """Through the feed's reader: one part per file."""
    chosen = READERS[reader]
    readings = []
    for path in files:
        reading = Reading(chosen.rules)
        chosen.read(Source(str(path), path.read_bytes(), place.produced_at), reading)
        _check_sum(path, reading)
        if not reading.records:
            raise UserError(f"{path}: has no entries, and landing it would withdraw all that stands: get it again")
        readings.append(reading)
    digest = write_delivery(
        place.landing,
        place.feed,
        [_as_table(place.feed, reading.records) for reading in readings],
        business_date=place.business_date,
        sequence=place.sequence,
        delivery_id=place.delivery_id,
        produced_at=place.produced_at,
        mode=place.mode,
        previous_sha256=place.previous_sha256,
    )
    return LandReport(
        feed=place.feed.id,
        path=place.path,
        sequence=place.sequence,
        manifest_sha256=digest,
        mode=place.mode,
        rows_read=sum(reading.read for reading in readings),
        rows_written=sum(len(reading.records) for reading in readings),
        mended=sum((reading.mended for reading in readings), Counter()),
        added=sum((reading.added for reading in readings), Counter()),
        dropped=sum((reading.dropped for reading in readings), Counter()),
        broken=sum(reading.broken for reading in readings),
    )


def _check_sum(path: Path, reading: Reading) -> None:
    """A reader that loses a row is a fault of ours, and must not come to a delivery."""
    if reading.read + reading.added.total() != len(reading.records) + reading.dropped.total():
        raise AssertionError(
            f"{path}: {reading.read} rows read and {reading.added.total()} added,"
            f" but {len(reading.records)} written and {reading.dropped.total()} dropped"
        )


def _as_table(feed: Feed, records: Sequence[Record]) -> pa.Table:
    """Columns of the contract in its order, as strings.

    Then any other that a reader wrote (bronze keeps it as unknown).
    """
    names = list(feed.columns) + sorted({name for record in records for name in record} - set(feed.columns))
    arrays = {
        name: pa.array([_cell(record.get(name)) for record in records], _arrow_type(feed.columns.get(name)))
        for name in names
    }
    return pa.table(arrays)


def _cell(value: Any) -> Any:
    return None if value == "" else value


def _arrow_type(column: Column | None) -> pa.DataType:
    if column is None or column.items is None:
        return pa.string()
    return pa.list_(pa.struct([(inner.name, pa.string()) for inner in column.items.schema_]))


def _land_as_is(place: _Place, files: Sequence[Path]) -> LandReport:
    """Byte for byte: each file is read through first, so that nothing is written when one can't be."""
    counted = [count_records(path, place.feed) for path in files]
    place.path.mkdir(parents=True, exist_ok=True)
    entries = []
    for number, file in enumerate(counted, start=1):
        name = file.name(number, place.feed)
        shutil.copyfile(file.path, place.path / name)
        with (place.path / name).open("rb") as copy:
            digest = hashlib.file_digest(copy, "sha256").hexdigest()
        size = (place.path / name).stat().st_size
        entries.append({"name": name, "sha256": digest, "bytes": size, "rows": file.rows})
    manifest_sha256 = write_manifest(
        place.path,
        {
            "agency": place.feed.agency,
            "feed": place.feed.name,
            "contract_version": place.feed.version,
            "delivery_id": place.delivery_id,
            "sequence": place.sequence,
            "previous_sha256": place.previous_sha256,
            "business_date": place.business_date.isoformat(),
            "mode": place.mode,
            "produced_at": place.produced_at.isoformat(),
            "files": entries,
        },
    )
    rows = sum(file.rows for file in counted)
    return LandReport(
        feed=place.feed.id,
        path=place.path,
        sequence=place.sequence,
        manifest_sha256=manifest_sha256,
        mode=place.mode,
        rows_read=rows,
        rows_written=rows,
        mended=Counter(),
        added=Counter(),
        dropped=Counter(),
    )


def _tell(report: LandReport, say: Callable[[str], None]) -> None:
    """What a person wants to know, without any value from the files."""
    say(
        f"{report.feed}: {report.rows_read} rows read, {report.rows_written} written to {report.path}"
        f" ({report.mode}, number {report.sequence})"
    )
    for what, counts in (("mended", report.mended), ("added", report.added), ("dropped", report.dropped)):
        for rule, count in sorted(counts.items()):
            say(f"  {what} {rule}: {count}")
    if report.broken:
        say(
            f"  {report.broken} rows have another number of cells than the layout;"
            " they are written as they are, for quarantine"
        )
