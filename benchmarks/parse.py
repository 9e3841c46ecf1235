"""How fast does the product parse, check and standardise a mixed feed, beside Spark that only copies it, DuckDB, and a row UDF?

    .venv/bin/python -m benchmarks.parse [--rows 5000000] [--sizes 100000,1000000,5000000,10000000] [--repeats 3] [--out benchmarks/results/parse.json]

Peers take turns on the same file, on warm engines; a peer that checks must first agree with a reading in plain Python, row by row. Goals are
judged by medians. Ends with exit code 1 when one is missed. On two quiet cores the whole takes about half an hour, most of it the row UDF.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks import agree, given, machine, ours, peers
from benchmarks.lanes import LANES, Lane, Run
from benchmarks.mixed import write_mixed

SAMPLE_ROWS = 50_000
"""The first run of each peer, which is not counted: it starts the engine, and its work is compared."""
LEAST_OF_BARE, LEAST_OF_DUCKDB, LEAST_OF_UDF = 0.6, 0.5, 10.0
MOST_SLOPE = 1.1
"""Of the logarithm of seconds over that of rows: 1 is linear, 1.1 is a quarter more per row at ten times the rows."""
MOST_GIB = 8.0
"""Of all processes together: a heap of 4 GiB, what the JVM takes beside it, and Python with the pages that its workers share counted for each."""
GIB = 2**30


class Goal(NamedTuple):
    what: str
    figure: float
    bound: str
    is_met: bool


def main() -> int:
    given_ = _arguments()
    about = machine.describe()
    with tempfile.TemporaryDirectory(dir=given_.folder) as folder, _lanes(given_.peers) as lanes:
        bench = Bench(Path(folder), lanes, given_.repeats)
        cold, agreed = bench.warm_up(given_.peers)
        runs = bench.race(given_.rows, [peer for peer in given_.peers if peer != "row_udf"])
        if "row_udf" in given_.peers:
            runs |= bench.race(min(given_.rows, given_.udf_rows), ["row_udf"])
        growth = bench.grow([size for size in given_.sizes if size != given_.rows]) if "ours" in given_.peers else {}
    if "ours" in runs:
        growth[given_.rows] = runs["ours"].runs
    goals = judge(runs, growth, agreed)
    _print(runs, cold, growth, goals)
    if given_.out:
        _write(given_.out, about, given_.repeats, runs, cold, growth, goals)
    return 0 if all(goal.is_met for goal in goals) else 1


def _arguments() -> argparse.Namespace:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--rows", type=int, default=5_000_000, help="rows of the file that all peers read")
    arguments.add_argument(
        "--sizes",
        type=_numbers,
        default=[100_000, 1_000_000, 5_000_000, 10_000_000],
        help="rows at which growth is measured",
    )
    arguments.add_argument(
        "--udf-rows",
        type=int,
        default=500_000,
        help="at most so many rows for the row UDF, whose rate does not depend on them",
    )
    arguments.add_argument("--repeats", type=int, default=3)
    arguments.add_argument("--peers", type=lambda text: text.split(","), default=list(LANES), help="run these alone")
    arguments.add_argument("--folder", type=Path, help="where files may be made: 5 GB for 10 million rows")
    arguments.add_argument("--out", type=Path)
    found = arguments.parse_args()
    if unknown := sorted(set(found.peers) - set(LANES)):
        arguments.error(f"--peers: there is no {', '.join(unknown)}; known are {', '.join(LANES)}")
    return found


def _numbers(text: str) -> list[int]:
    return [int(part.replace("_", "")) for part in text.split(",")]


@contextmanager
def _lanes(names: Sequence[str]) -> Iterator[dict[str, Lane]]:
    lanes = {lane: Lane() for lane in sorted({LANES[name] for name in names})}
    try:
        yield lanes
    finally:
        for lane in lanes.values():
            lane.close()


class Raced(NamedTuple):
    """Runs of one peer over files of so many rows."""

    rows: int
    runs: list[Run]

    @property
    def median(self) -> float:
        return statistics.median(run.seconds for run in self.runs)

    @property
    def best(self) -> float:
        return min(run.seconds for run in self.runs)

    @property
    def rate(self) -> float:
        return self.rows / self.median

    @property
    def peak_gib(self) -> float:
        return max(run.peak_bytes for run in self.runs) / GIB


class Bench:
    """Files in a folder, and the lanes that read them."""

    def __init__(self, folder: Path, lanes: dict[str, Lane], repeats: int) -> None:
        self._folder, self._lanes, self._repeats = folder, lanes, repeats

    def warm_up(self, names: Sequence[str]) -> tuple[dict[str, float], dict[str, list[str]]]:
        """Seconds of each peer's first run, and for those that check what they say otherwise than plain Python does. The product goes first,
        so that nobody waits long to read that it is not there."""
        sample = self._file(SAMPLE_ROWS)
        expected = agree.read_python(sample)
        cold, agreed = {}, {}
        for name in sorted(names, key=lambda name: name != "ours"):
            cold[name] = self._run(name, sample).seconds
            if name not in ("bare", "duckdb_no_ids", "stages"):
                made = ours.tables(self._out(name)) if name == "ours" else peers.tables(name, self._out(name))
                agreed[name] = agree.compare(made, expected)
        return cold, agreed

    def race(self, rows: int, names: Sequence[str]) -> dict[str, Raced]:
        """Each peer in turn, then each again; who begins changes."""
        path = self._file(rows)
        found: dict[str, list[Run]] = {name: [] for name in names}
        for turn in range(self._repeats):
            for name in [*names[turn % len(names) :], *names[: turn % len(names)]] if names else []:
                found[name].append(self._run(name, path))
                _say(name, rows, found[name][-1])
        path.unlink()
        return {name: Raced(rows, runs) for name, runs in found.items()}

    def grow(self, sizes: Sequence[int]) -> dict[int, list[Run]]:
        """The product alone, at every size."""
        return {size: self.race(size, ["ours"])["ours"].runs for size in sorted(sizes)}

    def _run(self, name: str, path: Path) -> Run:
        return self._lanes[LANES[name]].run(name, path, self._out(name))

    def _out(self, name: str) -> Path:
        return self._folder / name

    def _file(self, rows: int) -> Path:
        path = self._folder / f"mixed-{rows}.csv"
        write_mixed(path, rows, given.codes())
        return path


def _say(name: str, rows: int, run: Run) -> None:
    print(
        f"  {name}, {rows:,} rows: {run.seconds:.2f} s, {run.processor_seconds:.2f} on processors, {run.peak_bytes / GIB:.2f} GiB, load {os.getloadavg()[0]:.1f}",
        flush=True,
    )


def judge(runs: dict[str, Raced], growth: dict[int, list[Run]], agreed: dict[str, list[str]]) -> list[Goal]:
    """Every goal that can be judged of what ran."""
    goals = [
        Goal(f"{name} does the same work" if not told else f"{name}: {told[0]}", len(told), "0 differences", not told)
        for name, told in agreed.items()
    ]
    least = {"bare": LEAST_OF_BARE, "duckdb": LEAST_OF_DUCKDB, "row_udf": LEAST_OF_UDF}
    for name, bound in least.items():
        if name in runs and "ours" in runs:
            ratio = runs["ours"].rate / runs[name].rate
            goals.append(Goal(f"rate as a multiple of {name}", ratio, f"at least {bound:g}", ratio >= bound))
    if len(growth) > 1:
        grown = slope({rows: statistics.median(run.seconds for run in timed) for rows, timed in growth.items()})
        goals.append(
            Goal("growth of seconds with rows, log-log", grown, f"at most {MOST_SLOPE:g}", grown <= MOST_SLOPE)
        )
    if growth:
        peak = max(run.peak_bytes for timed in growth.values() for run in timed) / GIB
        goals.append(Goal("most memory at any size, GiB", peak, f"at most {MOST_GIB:g}", peak <= MOST_GIB))
    return goals


def slope(seconds: dict[int, float]) -> float:
    """Of the line through the logarithms."""
    rows = [math.log(size) for size in seconds]
    return statistics.linear_regression(rows, [math.log(value) for value in seconds.values()]).slope


def _print(runs: dict[str, Raced], cold: dict[str, float], growth: dict[int, list[Run]], goals: list[Goal]) -> None:
    print(f"\n{'peer':<14}{'rows':>12}{'median s':>10}{'best s':>10}{'rows/s':>12}{'GiB':>7}{'cold s':>8}")
    for name, raced in runs.items():
        print(
            f"{name:<14}{raced.rows:>12,}{raced.median:>10.2f}{raced.best:>10.2f}{raced.rate:>12,.0f}{raced.peak_gib:>7.2f}{cold[name]:>8.1f}"
        )
    for rows, timed in sorted(growth.items()):
        raced = Raced(rows, timed)
        print(
            f"{'ours':<14}{rows:>12,}{raced.median:>10.2f}{raced.best:>10.2f}{raced.rate:>12,.0f}{raced.peak_gib:>7.2f}"
        )
    print()
    for goal in goals:
        print(f"{'ok  ' if goal.is_met else 'FAIL'}  {goal.what}: {goal.figure:.3g} ({goal.bound})")


def _write(
    out: Path, about: dict[str, Any], repeats: int, runs: dict[str, Raced], cold: dict[str, float], growth: dict[int, list[Run]], goals: list[Goal]
) -> None:  # fmt: skip
    found = {
        "machine": about,
        "load_after": [round(load, 2) for load in os.getloadavg()],
        "repeats": repeats,
        "peers": {
            name: {**_figures(raced), "cold_seconds_of_sample": round(cold[name], 3)} for name, raced in runs.items()
        },
        "growth_of_ours": [_figures(Raced(rows, timed)) for rows, timed in sorted(growth.items())],
        "goals": [goal._asdict() for goal in goals],
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def _figures(raced: Raced) -> dict[str, Any]:
    return {
        "rows": raced.rows,
        "median_seconds": round(raced.median, 3),
        "best_seconds": round(raced.best, 3),
        "rows_per_second": round(raced.rate),
        "peak_gib": round(raced.peak_gib, 3),
        "seconds": [round(run.seconds, 3) for run in raced.runs],
        "processor_seconds": [round(run.processor_seconds, 2) for run in raced.runs],
    }


if __name__ == "__main__":
    sys.exit(main())
