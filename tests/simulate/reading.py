"""Read a simulated landing area back as plain records, without any of our own reading code."""

import csv
import gzip
import hashlib
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

SHANGHAI = timezone(timedelta(hours=8))


@dataclass(frozen=True)
class Read:
    """One delivery: its manifest and its folder."""

    folder: Path
    manifest: dict[str, Any]

    @property
    def feed(self) -> str:
        return f"{self.manifest['agency']}/{self.manifest['feed']}"

    @property
    def whole(self) -> bool:
        """Every file has the bytes that the manifest names."""
        return all(
            hashlib.sha256((self.folder / file["name"]).read_bytes()).hexdigest() == file["sha256"]
            for file in self.manifest["files"]
        )

    def records(self) -> Iterator[dict[str, Any]]:
        for file in self.manifest["files"]:
            yield from read_file(self.folder / file["name"], self.feed)


def deliveries(landing: Path) -> list[Read]:
    """Every delivery that has a manifest, in order of feed and sequence."""
    paths = sorted(landing.glob("*/*/*/*/manifest.json"))
    found = [Read(path.parent, json.loads(path.read_text(encoding="utf-8"))) for path in paths]
    return sorted(found, key=lambda read: (read.feed, read.manifest["sequence"], str(read.folder)))


def read_file(path: Path, feed: str) -> Iterator[dict[str, Any]]:
    """The records of one file; what cannot be read at all comes as {'unreadable': True}."""
    if path.suffix == ".parquet":
        yield from pq.read_table(path).to_pylist()
        return
    raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    encoding = "gb18030" if feed == "public_security/persons_of_interest" else "utf-8"
    content = raw.decode(encoding, errors="replace")
    if ".jsonl" in path.name:
        for line in content.splitlines():
            try:
                yield json.loads(line)
            except json.JSONDecodeError:
                yield {"unreadable": True}
        return
    for row in csv.DictReader(io.StringIO(content)):
        if row["record_id"] == "X-unreadable":
            yield {"unreadable": True}
        else:
            yield {name: value or None for name, value in row.items()}


def newest(landing: Path, feed: str, broken: dict[tuple[str, str], bool]) -> dict[str, dict[str, Any]]:
    """The newest good version per record; `broken` says of (record_id, recorded_at) that it is not good."""
    best: dict[str, tuple[datetime, dict[str, Any]]] = {}
    for read in deliveries(landing):
        if read.feed != feed or not read.whole:
            continue
        for record in read.records():
            if record.get("unreadable") or broken.get((record["record_id"], record["recorded_at"])):
                continue
            at = moment(record["recorded_at"])
            if record["record_id"] not in best or at >= best[record["record_id"]][0]:
                best[record["record_id"]] = (at, record)
    return {key: record for key, (_, record) in best.items() if record["op"] == "upsert"}


def moment(text: str) -> datetime:
    """ISO 8601 with offset; a bare date is 00:00 in Asia/Shanghai."""
    if len(text) == 10:
        day = date.fromisoformat(text)
        return datetime(day.year, day.month, day.day, tzinfo=SHANGHAI).astimezone(UTC)
    return datetime.fromisoformat(text).astimezone(UTC)


def tree_hash(folder: Path) -> str:
    """One digest over every path and every byte below a folder."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            digest.update(f"{path.relative_to(folder)}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()
