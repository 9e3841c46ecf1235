"""Runs a night, or one stage of it, over a lake: lock, pins, progress, and the one commit point."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jobs.core.contracts import load_codes, load_contracts
from jobs.core.errors import UserError
from jobs.core.frames import of_rows, schema_of
from jobs.core.lock import lake_lock
from jobs.core.night import Night, Progress, Stage, StageReport, file_digest
from jobs.core.settings import Settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from jobs.core.spark import LazySpark

Say = Callable[[str], None]


@dataclass(frozen=True)
class World:
    """What the runner needs to be told of the product: policy, recipients, stages, how releases are made visible, by stage what may begin
    while Spark starts (`prepare`), and whether a broken check holds releases: over a handful of invented records a share says nothing."""

    policy: Callable[[Path, str], Any]
    recipients: Callable[[Path], Any]
    stages: Callable[[], Sequence[Stage]]
    publish: Callable[[Settings, dict[str, int]], None]
    prepare: dict[str, Callable[[], None]] = field(default_factory=dict)
    checks_hold: bool = True


@dataclass(frozen=True)
class NightResult:
    """How a night ended."""

    on: date
    is_new: bool
    seconds: float
    notes: list[str] = field(default_factory=list)


def run_nights(
    settings: Settings, dates: Sequence[date], world: World, say: Say, spark: SparkSession | None = None
) -> list[NightResult]:
    """Each date's night in order, in one Spark application. A committed night is left as it is."""
    with _opened(settings, world, say, spark, list(world.prepare)) as bench:
        return [_run_night(bench, on) for on in dates]


def run_stage(
    settings: Settings, name: str, on: date, world: World, say: Say, spark: SparkSession | None = None
) -> StageReport:
    """One stage of one night, after those before it; `commit` ends the night. What Airflow's tasks call."""
    with _opened(settings, world, say, spark, [name]) as bench:
        return _run_stage(bench, name, on)


@dataclass
class _Bench:
    settings: Settings
    world: World
    say: Say
    spark: SparkSession | LazySpark
    common: dict[str, Any]
    tables: dict[str, Any]
    run_id: str
    nights: list[dict[str, Any]]  # those that are committed, oldest first

    @property
    def last(self) -> dict[str, Any] | None:
        return self.nights[-1] if self.nights else None

    def night(self, on: date, pins: dict[str, int]) -> Night:
        from jobs.core.lake import Lake

        lake = Lake(self.spark, self.settings.lake, self.tables, pins)
        return Night(spark=self.spark, lake=lake, settings=self.settings, on=on, say=self.say, **self.common)

    @property
    def pins(self) -> dict[str, int]:
        return dict(self.last["pins"]) if self.last else {}


@contextmanager
def _opened(
    settings: Settings, world: World, say: Say, spark: SparkSession | None, stages: Sequence[str]
) -> Iterator[_Bench]:
    schemas = settings.schemas_dir
    if not schemas.is_dir():
        raise UserError(
            f"{schemas}: the schemas folder is not there; set 'schemas' in antifraud.toml or ANTIFRAUD_SCHEMAS"
        )
    contracts = load_contracts(schemas)
    common: dict[str, Any] = {
        "contracts": contracts, "codes": load_codes(schemas), "policy": world.policy(schemas, settings.policy),
        "recipients": world.recipients(schemas), "checks_hold": world.checks_hold,
    }  # fmt: skip
    if "://" not in settings.landing and not Path(settings.landing).is_dir():
        raise UserError(
            f"{settings.landing}: the landing folder is not there; give --landing, or make it and let the agencies deliver"
        )
    with lake_lock(settings.lake):
        common["key"] = read_key(settings)  # under the lock: two first nights at once must not make two keys
        from jobs.core.lake import Lake
        from jobs.core.schema import load_tables
        from jobs.core.spark import LazySpark

        for name in stages:
            world.prepare.get(name, lambda: None)()
        session = spark or LazySpark(settings)
        tables = load_tables(schemas, contracts)
        lake = Lake(session, settings.lake, tables)
        nights = [_with_maps(row) for row in lake.frame("ops.nights").sort("night_on", "committed_at").to_dicts()]
        bench = _Bench(settings, world, say, session, common, tables, secrets.token_hex(6), nights)
        if bench.last:
            world.publish(settings, bench.last["releases"])
        yield bench


def _with_maps(row: dict[str, Any]) -> dict[str, Any]:
    """A row of ops.* with its maps, which a frame holds as lists of pairs, as dicts."""
    maps: dict[str, Any] = {
        name: {pair["key"]: pair["value"] for pair in row[name] or []}
        for name in ("pins", "versions", "releases")
        if name in row
    }
    return {**row, **maps}


def _must_follow(bench: _Bench, on: date) -> bool:
    """Whether this night is still to be run. Raises UserError for a date before the last committed night."""
    if bench.last is None or bench.last["night_on"] < on:
        return True
    if on in {night["night_on"] for night in bench.nights}:
        return False
    raise UserError(
        f"night {on} can't be run: night {bench.last['night_on']} is already committed on this lake. What is landed late is taken by the "
        "next night; give a later --date"
    )


def _run_night(bench: _Bench, on: date) -> NightResult:
    if not _must_follow(bench, on):
        bench.say(f"night {on}: already complete; nothing was changed")
        is_last = bench.last is not None and bench.last["night_on"] == on
        return NightResult(on, False, 0.0, list(bench.last["notes"] or []) if bench.last and is_last else [])
    bench.say(f"night {on}")
    night = bench.night(on, bench.pins)
    stages = bench.world.stages()
    progress = Progress(stages, bench.say)
    rows: list[dict[str, Any]] = []
    started = time.monotonic()
    try:
        for stage in stages:
            begun = progress.begin(stage)
            at = datetime.now(UTC)
            try:
                report = stage.run(night)
            except Exception:
                rows.append(
                    _run_row(bench, on, stage.name, "failed", StageReport(), time.monotonic() - begun, at, night)
                )
                raise
            seconds = time.monotonic() - begun
            progress.end(stage, report, seconds)
            rows.append(_run_row(bench, on, stage.name, "done", report, seconds, at, night))
    finally:
        _log(bench, rows)
    notes = [note for row in rows for note in row["notes"]]
    took = time.monotonic() - started
    _commit(bench, night, notes, took, night.scratch.get("releases", {}))
    return NightResult(on, True, time.monotonic() - started, notes)


def _commit(bench: _Bench, night: Night, notes: list[str], seconds: float, releases: dict[str, int]) -> None:
    row = {
        "night_on": night.on, "run_id": bench.run_id, "pins": night.lake.versions,
        "policy_version": f"{night.policy.id} {night.policy.version}",
        "contracts_digest": file_digest({name: feed.version for name, feed in night.contracts.items()}),
        "seconds": seconds, "notes": notes, "releases": releases, "committed_at": datetime.now(UTC),
    }  # fmt: skip
    _sync(bench.settings.lake)
    night.lake.append("ops.nights", of_rows(schema_of(bench.tables["ops.nights"].ddl), [row]))
    _sync(bench.settings.lake)
    bench.world.publish(bench.settings, releases)
    bench.nights.append(row)


def _sync(lake: str) -> None:
    """Delta does not sync what it commits on a local disk; what a night acknowledges must outlive a power cut."""
    if "://" not in lake and Path(lake).is_dir():
        os.sync()


def _run_row(
    bench: _Bench, on: date, stage: str, status: str, report: StageReport, seconds: float, at: datetime, night: Night
) -> dict[str, Any]:
    return {
        "run_id": bench.run_id, "night_on": on, "stage": stage, "status": status, "rows_in": report.rows_in,
        "rows_out": report.rows_out, "seconds": round(seconds, 3), "notes": report.notes, "versions": night.lake.versions,
        "releases": dict(night.scratch.get("releases", {})), "started_at": at,
    }  # fmt: skip


def _log(bench: _Bench, rows: list[dict[str, Any]]) -> None:
    if not rows:
        return
    from jobs.core.lake import Lake

    frame = of_rows(schema_of(bench.tables["ops.runs"].ddl), rows)
    Lake(bench.spark, bench.settings.lake, bench.tables).append("ops.runs", frame)


def _run_stage(bench: _Bench, name: str, on: date) -> StageReport:
    stages = {stage.name: stage for stage in bench.world.stages()}
    order = [*stages, "commit"]
    if name not in order:
        raise UserError(f"'{name}' is not a stage; stages are {', '.join(order)}")
    if not _must_follow(bench, on):
        bench.say(f"night {on}: already complete; nothing was changed")
        return StageReport()
    done = _done_before(bench, on, order, name)
    pins = dict(done[-1]["versions"]) if done else bench.pins
    night = bench.night(on, pins)
    if name == "commit":
        notes = [note for row in done for note in row["notes"]]
        _commit(bench, night, notes, sum(row["seconds"] for row in done), dict(done[-1]["releases"] or {}))
        bench.say(f"night {on}: committed")
        return StageReport(notes=notes)
    stage = stages[name]
    progress = Progress([stage], bench.say)
    begun, at = progress.begin(stage), datetime.now(UTC)
    try:
        report = stage.run(night)
    except Exception:
        _log(bench, [_run_row(bench, on, name, "failed", StageReport(), time.monotonic() - begun, at, night)])
        raise
    progress.end(stage, report, time.monotonic() - begun)
    _log(bench, [_run_row(bench, on, name, "done", report, time.monotonic() - begun, at, night)])
    return report


def _done_before(bench: _Bench, on: date, order: list[str], name: str) -> list[dict[str, Any]]:
    """The newest good run of each earlier stage of this night, each begun after the one before it. Raises UserError for a missing one."""
    from jobs.core.lake import Lake

    runs = Lake(bench.spark, bench.settings.lake, bench.tables).frame("ops.runs")
    rows = [_with_maps(row) for row in runs.to_dicts() if row["night_on"] == on and row["status"] == "done"]
    chain: list[dict[str, Any]] = []
    for stage in order[: order.index(name)]:
        after = chain[-1]["started_at"] if chain else (bench.last["committed_at"] if bench.last else None)
        fresh = [row for row in rows if row["stage"] == stage and (after is None or row["started_at"] >= after)]
        if not fresh:
            raise UserError(
                f"stage '{name}' of night {on} can't be run: stage '{stage}' has not been run before it; run it first"
            )
        chain.append(max(fresh, key=lambda row: row["started_at"]))
    return chain


def read_key(settings: Settings) -> bytes:
    """The key of the node ids: 32 bytes, made at first use, readable by its owner only, never inside the lake."""
    path = Path(settings.key_file)
    if "://" not in settings.lake and path.resolve().is_relative_to(Path(settings.lake).resolve()):
        raise UserError(f"{path}: the key must not lie in the lake; set 'key_file' to a place outside {settings.lake}")
    if not path.exists():
        if "://" not in settings.lake and (Path(settings.lake) / "ops").exists():
            raise UserError(
                f"{path}: the key of this lake's ids is not there; put it back from your backup, a new one would fit no id"
            )
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(32))
            file.flush()
            os.fsync(file.fileno())
    try:
        key = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: the key can't be read: {error.strerror}") from None
    if len(key) != 32:
        raise UserError(f"{path}: the key must be 32 bytes, it has {len(key)}")
    return key
