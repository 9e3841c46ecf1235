"""The product's side of benchmarks/parse.py."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl

from benchmarks.mixed import mixed_contract
from jobs.bronze import job as bronze
from jobs.bronze.rows import batch_of_files, rows_of_files
from jobs.bronze.source import Limits
from jobs.core.contracts import load_codes
from jobs.core.frames import schema_of
from jobs.core.lake import Lake
from jobs.core.night import Night
from jobs.core.schema import bronze_table, load_tables
from jobs.core.settings import ROOT, Settings
from jobs.intake import job as intake
from jobs.silver import job as silver

ON, MADE = date(2026, 10, 1), datetime(2026, 10, 1, 10, tzinfo=UTC)
KEY = b"k" * 32
FEED = mixed_contract()
CODES = load_codes(ROOT / "schemas")


def parse(path: Path, out: Path, rows: int) -> None:
    """From the file to good rows and rows of quarantine in Delta tables: strict reading, every rule, normal forms, keyed ids."""
    lake = _lake(out)
    schema = schema_of(lake.schema("quarantine.records").ddl)
    broken: list[pl.DataFrame] = []

    def taken() -> Iterator[pl.DataFrame]:
        for one in silver.parse_chunks(_chunks(path, rows), FEED, CODES, KEY):
            broken.append(one.broken.cast(pl.Schema(schema)))
            yield one.taken

    lake.append_all(f"silver.{FEED.table}", taken())
    lake.append("quarantine.records", pl.concat(broken))


def _chunks(path: Path, rows: int) -> Iterator[pl.DataFrame]:
    """The file's records as bronze would hold them, so many at a time."""
    file = (FEED.id, 1, ON, "delta", MADE, path.name, ON, str(path), rows)
    schema = pl.Schema(schema_of(bronze_table(FEED).ddl))
    held: list[pl.DataFrame] = []
    for batch in rows_of_files(FEED, Limits())([batch_of_files([file])]):
        frame = pl.from_arrow(batch)
        assert isinstance(frame, pl.DataFrame)
        held.append(frame.select(list(schema)).cast(schema))
        if sum(one.height for one in held) >= silver.CHUNK:
            yield pl.concat(held)
            held = []
    if held:
        yield pl.concat(held)


def stages(path: Path, out: Path, rows: int) -> dict[str, float]:
    """The night's own stages over a delivery of this file: intake (hashing, counting, staging), bronze, silver with vault and accounting."""
    import time

    landing = out / "landing"
    folder = landing / FEED.agency / FEED.name / ON.isoformat() / "d-1"
    folder.mkdir(parents=True)
    shutil.copyfile(path, folder / path.name)
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    manifest = {
        "agency": FEED.agency, "feed": FEED.name, "contract_version": FEED.version, "delivery_id": "d-1", "sequence": 1,
        "business_date": ON.isoformat(), "mode": "delta", "produced_at": MADE.isoformat(),
        "files": [{"name": path.name, "sha256": sha256, "bytes": path.stat().st_size, "rows": rows}],
    }  # fmt: skip
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    lake = _lake(out / "lake")
    settings = Settings(landing=str(landing), lake=str(out / "lake"))
    night = Night(_no_spark, lake, settings, ON, {FEED.id: FEED}, CODES, None, None, KEY)
    seconds = {}
    for name, stage in (("intake", intake.run), ("bronze", bronze.run), ("silver", silver.run)):
        start = time.monotonic()
        report = stage(night)
        seconds[name] = time.monotonic() - start
    if report.rows_in != rows:
        raise RuntimeError(f"silver accounts for {report.rows_in} rows of {rows}")
    return seconds


def _lake(out: Path) -> Lake:
    shutil.rmtree(out, ignore_errors=True)
    return Lake(_no_spark, str(out), load_tables(ROOT / "schemas", {FEED.id: FEED}))


def _no_spark() -> None:  # type: ignore[misc]
    raise RuntimeError("this side of the benchmark starts no Spark")
