"""What does the quality gate cost, beside the same checks as plain Great Expectations on the Spark frame of the same table?

    .venv/bin/python -m benchmarks.gate [--rows 1000000] [--repeats 3] [--ingest-seconds 20] [--out benchmarks/results/gate.json]

Both read the same Delta table of the mixed feed in silver, and both must come to the same verdicts. The product measures frames in memory and has
the numbers judged (docs/decisions/0009). Ends with exit code 1 when a goal is missed. The seconds of the ingest are those of
benchmarks/results/parse.json for as many rows, where none are given.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import polars as pl

from benchmarks import given, machine
from jobs.checks.gate import judge, read_answers, start_import
from jobs.checks.job import measure_feeds
from jobs.checks.suites import Rule, Suite, load_suites
from jobs.checks.verdicts import Verdict, give_verdicts
from jobs.core.frames import schema_of
from jobs.core.lake import Lake
from jobs.core.schema import TableSchema, load_tables, silver_table
from jobs.core.settings import ROOT, Settings
from jobs.core.spark import get_spark

MOST_OF_INGEST, LEAST_TIMES = 0.15, 5.0
PARSE_RESULTS = Path(__file__).parent / "results" / "parse.json"
WARM_ROWS = 20_000
QUARANTINED = 0.07
"""Of the rows delivered; at this share a warning of every feed is broken, so that the verdicts are not all alike."""
Answers = dict[str, bool]


def main() -> int:
    asked = _arguments()
    about = machine.describe()
    start_import()
    spark = get_spark(Settings(driver_memory="4g"))
    with tempfile.TemporaryDirectory(dir=asked.folder) as folder:
        ways = _ways(spark)
        _race(ways, Gate(Path(folder) / "warm", WARM_ROWS), 1)
        gate = Gate(Path(folder) / "lake", asked.rows)
        seconds, answers = _race(ways, gate, asked.repeats)
    ours, plain = (
        statistics.median(seconds["ours"]),
        min(statistics.median(seconds[name]) for name in ways if name != "ours"),
    )
    ingest = asked.ingest_seconds or _ingest_seconds(asked.rows)
    goals = _goals(ours, plain, ingest, answers)
    _print(asked.rows, seconds, answers, ingest, goals)
    if asked.out:
        found = {
            "machine": about, "load_after": [round(load, 2) for load in os.getloadavg()], "rows": asked.rows, "seconds": seconds,
            "verdicts": answers, "ingest_seconds": ingest, "goals": goals,
        }  # fmt: skip
        asked.out.parent.mkdir(parents=True, exist_ok=True)
        asked.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return 0 if all(goal["is_met"] is not False for goal in goals) else 1


def _arguments() -> argparse.Namespace:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--rows", type=int, default=1_000_000, help="rows of silver that the night wrote")
    arguments.add_argument("--repeats", type=int, default=3)
    arguments.add_argument("--ingest-seconds", type=float, help="what parsing as many rows takes on this machine")
    arguments.add_argument("--folder", type=Path, help="where files may be made")
    arguments.add_argument("--out", type=Path)
    return arguments.parse_args()


def _ingest_seconds(rows: int) -> float | None:
    """Of the product's parse of so many rows, as benchmarks/parse.py last found it."""
    if not PARSE_RESULTS.is_file():
        return None
    results = json.loads(PARSE_RESULTS.read_text(encoding="utf-8"))
    return next((run["median_seconds"] for run in results["growth_of_ours"] if run["rows"] == rows), None)


# What is checked


class Gate:
    """A lake with one night of the feed, and the feed's suite."""

    def __init__(self, root: Path, rows: int) -> None:
        contracts = {given.feed().id: given.feed()}
        tables = load_tables(ROOT / "schemas", contracts)
        self.rows, self.rows_in = rows, round(rows / (1 - QUARANTINED))
        self.silver = silver_table(given.feed())
        self.lake = Lake(_no_spark, str(root), tables)
        self.lake.append(self.silver.id, _silver_rows(self.silver, rows))
        self.lake.append("ops.deliveries", _deliveries(tables["ops.deliveries"], self.rows_in))
        self.lake.append("ops.accounting", _accounting(tables["ops.accounting"], rows, self.rows_in))
        self.suite = _suite(root.parent / f"{root.name}-expectations", tables)
        self.night: Any = SimpleNamespace(lake=self.lake, contracts=contracts, on=given.ON, instant=_midnight(1))


def _no_spark() -> Any:
    raise RuntimeError("the gate needs no Spark")


def _suite(folder: Path, tables: dict[str, TableSchema]) -> Suite:
    """The rules of every feed as the product has them, and the mixed feed's own."""
    (folder / "feeds").mkdir(parents=True)
    for path in (
        ROOT / "expectations" / "feeds" / "every_feed.yml",
        Path(__file__).parent / "expectations" / "telecom__mixed.yml",
    ):
        shutil.copy(path, folder / "feeds")
    return load_suites(folder, {given.feed().id: given.feed()}, tables, given.codes()).feeds[given.feed().id]


def _silver_rows(table: TableSchema, rows: int) -> pl.DataFrame:
    """Silver as a night writes it: one row in fifty withdraws its record."""
    draw = np.random.default_rng(1)
    number = pl.int_range(rows, eager=True)
    start = pl.Series(1_600_000_000 + draw.integers(0, 150_000_000, rows))
    is_said, has_ended = pl.Series(draw.random(rows) >= 0.02), pl.Series(draw.random(rows) < 1 / 3)
    ends = start + pl.Series(draw.integers(86_400, 78_000_000, rows))

    def said(values: pl.Series, when: pl.Series = is_said) -> pl.Series:
        return pl.select(pl.when(when).then(values)).to_series()

    def moments(seconds: pl.Series) -> pl.Series:
        return (seconds * 1_000_000).cast(pl.Datetime("us", "UTC"))

    def picked(codes: Sequence[str]) -> pl.Series:
        return said(pl.Series(codes).gather(pl.Series(draw.integers(0, len(codes), rows))))

    columns: dict[str, Any] = {
        "record_id": pl.select(pl.format("r{}", number.cast(pl.String).str.zfill(9))).to_series(),
        "op": pl.select(pl.when(is_said).then(pl.lit("upsert")).otherwise(pl.lit("withdraw"))).to_series(),
        "recorded_at": moments(start + 3600),
        "sequence": 9, "delivery_id": f"{given.ON:%Y%m%d}-1", "file": "part-0.csv", "line": number + 1,
        "business_date": given.ON, "night_on": given.ON, "frees_only": False,
        "carrier": picked(sorted(given.codes()["carriers"].codes)), "platform": picked(sorted(given.codes()["platforms"].codes)),
        "activated_at": said(moments(start)), "deactivated_at": said(moments(ends), is_said & has_ended),
        "holder_type": picked(["national_id"] * 47 + ["uscc", "passport", "passport"]),
    }  # fmt: skip
    for name in table.names:
        if name.endswith("_id") and name not in columns:
            columns[name] = said(pl.Series(draw.integers(-(2**63), 2**63 - 1, rows)))
    constants = {name: pl.lit(value) for name, value in columns.items() if not isinstance(value, pl.Series)}
    series = {name: value for name, value in columns.items() if isinstance(value, pl.Series)}
    return _as(table, pl.DataFrame(series).with_columns(**constants))


def _deliveries(table: TableSchema, rows_in: int) -> pl.DataFrame:
    """One a night: tonight's, and eight nights before it."""
    made = [
        {
            "night_on": given.ON - timedelta(days=back), "agency": given.feed().agency, "feed": given.feed().name, "delivery_id": f"d{9 - back}",
            "sequence": 9 - back, "mode": "delta", "produced_at": given.PRODUCED_AT - timedelta(days=back), "status": "taken", "rows_in": rows_in,
        }
        for back in range(9)
    ]  # fmt: skip
    return _as(table, pl.DataFrame(made))


def _accounting(table: TableSchema, rows: int, rows_in: int) -> pl.DataFrame:
    row = {
        "night_on": given.ON,
        "feed": given.feed().id,
        "delivery_id": "d9",
        "rows_in": rows_in,
        "kept": rows,
        "quarantined": rows_in - rows,
    }
    return _as(table, pl.DataFrame([row]))


def _as(table: TableSchema, frame: pl.DataFrame) -> pl.DataFrame:
    """The frame in the table's columns and types; what it does not have is null."""
    schema = schema_of(table.ddl)
    return (
        frame.with_columns(pl.lit(None).alias(name) for name in schema if name not in frame.columns)
        .select(list(schema))
        .cast(pl.Schema(schema))
    )


def _midnight(days: int) -> datetime:
    """In Shanghai, so many days after the business date began."""
    return datetime(given.ON.year, given.ON.month, given.ON.day, tzinfo=UTC) - timedelta(hours=8) + timedelta(days=days)


# The ways to check it


def _ways(spark: Any) -> dict[str, Callable[[Gate], Answers]]:
    return {
        "ours": by_aggregates,
        "plain": lambda gate: by_plain_expectations(spark, gate, is_cached=False),
        "plain_cached": lambda gate: by_plain_expectations(spark, gate, is_cached=True),
    }


def by_aggregates(gate: Gate) -> Answers:
    """The product's own stage, without writing down what it found: read, measure, judge."""
    measured = measure_feeds(gate.night, {given.feed().id: gate.suite})
    verdicts: list[Verdict] = give_verdicts(measured, judge)
    return {one.rule.id: one.is_ok for one in verdicts if one.is_ok is not None}


def by_plain_expectations(spark: Any, gate: Gate, is_cached: bool) -> Answers:
    """Each rule as the expectation that Great Expectations has for it, on the Spark frame of the whole table."""
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    plain = [{**one, "meta": {"rule": rule.id}} for rule in gate.suite.rules if (one := _plain(rule, gate)) is not None]
    suite = gx.ExpectationSuite(name="plain", expectations=plain)
    frame = spark.read.format("delta").load(gate.lake.path(gate.silver.id))
    frame = frame.cache() if is_cached else frame
    asset = context.data_sources.add_spark("silver", persist=False).add_dataframe_asset("tonight")
    batch = asset.add_batch_definition_whole_dataframe("all").get_batch(batch_parameters={"dataframe": frame})
    found = read_answers(batch.validate(suite, result_format="BOOLEAN_ONLY").results)
    frame.unpersist()
    return found


def _plain(rule: Rule, gate: Gate) -> dict[str, Any] | None:
    """None for what no frame of silver can tell: how late a delivery is, and what was not delivered."""
    least, most = rule.kwargs.get("min_value"), rule.kwargs.get("max_value")
    rest = 1 - float(most or 0)
    if rule.measure in ("share_of_codes", "share_null"):
        return _plain_share(rule, least, most)
    by_measure: dict[str, Callable[[], dict[str, Any]]] = {
        "n_rows": lambda: _count(least, most),
        "share_quarantined": lambda: _count(max(1, math.ceil(rest * gate.rows_in)), None),
        "rows_ratio": lambda: _count(least and math.ceil(least * gate.rows), most and math.floor(most * gate.rows)),
        "share_withdrawn": lambda: _expect(
            "column_values_to_be_in_set", column="op", value_set=["upsert"], mostly=rest
        ),
        "share_repeated": lambda: _expect(
            "compound_columns_to_be_unique", column_list=["delivery_id", "record_id", "recorded_at"], mostly=rest
        ),
        "n_duplicate_keys": lambda: _expect("compound_columns_to_be_unique", column_list=list(gate.silver.key)),
    }
    make = by_measure.get(rule.measure)
    return make() if make else None


def _plain_share(rule: Rule, least: float | None, most: float | None) -> dict[str, Any]:
    """Of the rows that say what is; nulls are left out of sets by Great Expectations itself."""
    if rule.measure == "share_null":
        kind, mostly = ("null", least) if least is not None else ("not_be_null", 1 - float(most or 0))
        name = "column_values_to_be_null" if kind == "null" else "column_values_to_not_be_null"
        return _expect(name, column=rule.column, mostly=mostly, row_condition="op = 'upsert'", condition_parser="spark")
    name, mostly = ("to_be_in_set", least) if least is not None else ("to_not_be_in_set", 1 - float(most or 0))
    return _expect(f"column_values_{name}", column=rule.column, value_set=list(rule.codes), mostly=mostly)


def _count(least: float | None, most: float | None) -> dict[str, Any]:
    return _expect("table_row_count_to_be_between", min_value=least, max_value=most)


def _expect(what: str, **kwargs: Any) -> dict[str, Any]:
    return {"type": f"expect_{what}", "kwargs": {name: value for name, value in kwargs.items() if value is not None}}


# The race


def _race(
    ways: dict[str, Callable[[Gate], Answers]], gate: Gate, repeats: int
) -> tuple[dict[str, list[float]], dict[str, Answers]]:
    """Seconds of each way, in turn, and what it answered."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    answers: dict[str, Answers] = {}
    for _ in range(repeats):
        for name, check in ways.items():
            started = time.perf_counter()
            answers[name] = check(gate)
            seconds[name].append(round(time.perf_counter() - started, 3))
            print(f"  {name}, {gate.rows:,} rows: {seconds[name][-1]:.2f} s, load {os.getloadavg()[0]:.1f}", flush=True)
    return seconds, answers


def _goals(ours: float, plain: float, ingest: float | None, answers: dict[str, Answers]) -> list[dict[str, Any]]:
    differs = sorted(
        rule
        for way in answers.values()
        for rule in way
        if rule in answers["ours"] and way[rule] != answers["ours"][rule]
    )
    share = None if ingest is None else ours / ingest
    return [
        {"what": "rules on which the ways differ", "figure": len(differs), "bound": "0", "is_met": not differs},
        {"what": "times faster than plain expectations at their best", "figure": plain / ours, "bound": f"at least {LEAST_TIMES:g}", "is_met": plain / ours >= LEAST_TIMES},
        {"what": "share of ingest time", "figure": share, "bound": f"at most {MOST_OF_INGEST:g}", "is_met": None if share is None else share <= MOST_OF_INGEST},
    ]  # fmt: skip


def _print(
    rows: int,
    seconds: dict[str, list[float]],
    answers: dict[str, Answers],
    ingest: float | None,
    goals: list[dict[str, Any]],
) -> None:
    print(f"\n{'way':<14}{'rows':>12}{'median s':>10}{'best s':>10}{'rules':>7}{'broken':>8}")
    for name, timed in seconds.items():
        broken = sum(not is_ok for is_ok in answers[name].values())
        print(
            f"{name:<14}{rows:>12,}{statistics.median(timed):>10.2f}{min(timed):>10.2f}{len(answers[name]):>7}{broken:>8}"
        )
    print()
    words = {True: "ok  ", False: "FAIL", None: "?   "}
    for goal in goals:
        figure = "not known; give --ingest-seconds" if goal["figure"] is None else f"{goal['figure']:.3g}"
        print(f"{words[goal['is_met']]}  {goal['what']}: {figure} ({goal['bound']})")


if __name__ == "__main__":
    sys.exit(main())
