"""The product's side of benchmarks/parse.py."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import polars as pl

from benchmarks import given
from benchmarks.agree import Tables
from jobs.bronze import job as bronze
from jobs.bronze.records import inspect_records, read_records
from jobs.core.frames import from_arrow, schema_of
from jobs.core.lake import Lake
from jobs.core.night import Night, in_order
from jobs.core.schema import bronze_table, load_tables
from jobs.core.settings import ROOT, Settings
from jobs.intake import job as intake
from jobs.silver import job as silver
from jobs.silver.parse import parse_records
from jobs.silver.quarantine import quarantine_rows

BROKEN = "quarantine.records"


def ours(path: Path, out: Path) -> None:
    """From the file to good rows and rows of quarantine in Delta tables: strict reading, every rule, normal forms, keyed ids."""
    lake, broken = _lake(out), []

    def parse(chunk: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
        parsed = parse_records(chunk, given.feed(), given.codes(), given.KEY)
        return parsed.taken, quarantine_rows(parsed, given.feed().id)

    def taken() -> Iterator[pl.DataFrame]:
        for good, bad in in_order(parse, _chunks(path)):
            broken.append(bad)
            yield good

    lake.append_all(f"silver.{given.feed().table}", taken())
    lake.append(BROKEN, pl.concat(broken).cast(pl.Schema(schema_of(lake.schema(BROKEN).ddl))))


def tables(out: Path) -> Tables:
    """What `ours` wrote, with the columns of `given.GOOD` and `given.BROKEN`."""
    good, broken = (
        pl.read_delta(f"{out}/silver/{given.feed().table}"),
        pl.read_delta(f"{out}/{BROKEN.replace('.', '/')}"),
    )
    return good.select(given.GOOD), broken.select(given.BROKEN)


def stages(path: Path, out: Path) -> None:
    """The same in a night's own stages, over a delivery of this file: intake (copy, hash, count), bronze, silver with vault and accounting."""
    feed, on, rows = given.feed(), given.ON, inspect_records(str(path), given.feed()).rows
    folder = out / "landing" / feed.agency / feed.name / on.isoformat() / "d-1"
    folder.mkdir(parents=True)
    shutil.copyfile(path, folder / path.name)
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    manifest = {
        "agency": feed.agency, "feed": feed.name, "contract_version": feed.version, "delivery_id": "d-1", "sequence": 1,
        "business_date": on.isoformat(), "mode": "delta", "produced_at": given.PRODUCED_AT.isoformat(),
        "files": [{"name": path.name, "sha256": sha256, "bytes": path.stat().st_size, "rows": rows}],
    }  # fmt: skip
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    lake, settings = _lake(out / "lake"), Settings(landing=str(out / "landing"), lake=str(out / "lake"))
    night = Night(_no_spark, lake, settings, on, {feed.id: feed}, given.codes(), None, None, given.KEY)
    reports = [stage.run(night) for stage in (intake, bronze, silver)]
    if {report.rows_in for report in reports} != {rows}:
        raise RuntimeError(
            f"{rows} rows were delivered, and the stages tell of {[report.rows_in for report in reports]}"
        )


def _chunks(path: Path) -> Iterator[pl.DataFrame]:
    """The file's records as bronze would hold them, so many at a time."""
    feed = given.feed()
    kinds = schema_of(bronze_table(feed).ddl)
    head = {
        "delivery_id": "d-1", "sequence": 1, "business_date": given.ON, "mode": "delta", "produced_at": given.PRODUCED_AT, "file": path.name,
        "night_on": given.ON,
    }  # fmt: skip
    held: list[pl.DataFrame] = []
    for batch in read_records(str(path), feed):
        held.append(from_arrow(batch))
        if sum(one.height for one in held) >= silver.CHUNK:
            yield pl.concat(held, rechunk=True).with_columns(
                **{name: pl.lit(value, kinds[name]) for name, value in head.items()}
            )
            held = []
    if held:
        yield pl.concat(held, rechunk=True).with_columns(
            **{name: pl.lit(value, kinds[name]) for name, value in head.items()}
        )


def _lake(out: Path) -> Lake:
    feed = given.feed()
    return Lake(_no_spark, str(out), load_tables(ROOT / "schemas", {feed.id: feed}))


def _no_spark() -> None:  # type: ignore[misc]
    raise RuntimeError("this side of the benchmark starts no Spark")
