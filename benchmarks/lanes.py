"""Processes that stay, one for each engine, so that peers take turns on a warm engine and the memory of each is its own.

A lane that waits takes no processor time. Seconds are measured inside of the lane; memory from outside, over its whole tree of processes.
"""

from __future__ import annotations

import multiprocessing
import os
import shutil
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

import psutil

LANES = {
    "bare": "spark",
    "row_udf": "spark",
    "duckdb": "duckdb",
    "duckdb_no_ids": "duckdb",
    "ours": "ours",
    "stages": "ours",
}
"""Which process each peer runs in. The two that are Spark's share one session."""
HEAP = "4g"
SAMPLE_SECONDS = 0.05


class Run(NamedTuple):
    """One run of a peer: its seconds, those that its processes spent on processors (on a busy machine they tell more), and the most memory
    that these held at one time, in bytes (shared pages count for each)."""

    seconds: float
    processor_seconds: float
    peak_bytes: int


class Lane:
    """A process that runs peers, one at a time."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._here, there = context.Pipe()
        self._process = context.Process(target=_serve, args=(there,))
        self._process.start()
        there.close()  # only the lane holds that end, so that its death is noticed

    def run(self, peer: str, path: Path, out: Path) -> Run:
        """Runs the peer into an empty `out`. Raises SystemExit with what the peer said when it could not."""
        shutil.rmtree(out, ignore_errors=True)
        os.sync()
        with _Watch(int(self._process.pid or 0)) as watch:
            try:
                self._here.send((peer, str(path), str(out)))
                seconds, failure = self._here.recv()
            except (EOFError, OSError):
                seconds, failure = 0.0, "its process ended before the work did; did it run out of memory?"
        if failure:
            raise SystemExit(f"{peer}: {failure}")
        return Run(seconds, watch.processor_seconds, watch.peak_bytes)

    def close(self) -> None:
        """Ends the process, and the JVM that it may have started."""
        with suppress(OSError):
            self._here.send(None)
        self._process.join()


class _Watch:
    """What a tree of processes takes while the block runs: processor time, and the most memory at one time."""

    def __init__(self, pid: int) -> None:
        self.peak_bytes, self.processor_seconds = 0, 0.0
        self._root, self._is_over = psutil.Process(pid), threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> _Watch:
        self.processor_seconds = -_processor_seconds(self._root)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()
        self.processor_seconds += _processor_seconds(self._root)

    def _look(self) -> None:
        while not self._is_over.wait(SAMPLE_SECONDS) and self._root.is_running():
            self.peak_bytes = max(self.peak_bytes, _memory_of(self._root))


def _memory_of(root: psutil.Process) -> int:
    return sum(_of_each(root, lambda process: process.memory_info().rss))


def _processor_seconds(root: psutil.Process) -> float:
    """Of the processes that are there, and of their children that have ended."""
    return float(sum(_of_each(root, lambda process: sum(process.cpu_times()[:4]))))


def _of_each(root: psutil.Process, ask: Callable[[psutil.Process], Any]) -> Iterator[Any]:
    try:
        tree = [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return
    for process in tree:
        with suppress(psutil.NoSuchProcess):
            yield ask(process)


def _serve(pipe: Connection) -> None:
    while (asked := pipe.recv()) is not None:
        peer, path, out = asked
        try:
            started = time.perf_counter()
            _peers()[peer](Path(path), Path(out))
            pipe.send((time.perf_counter() - started, None))
        except SystemExit as stop:
            pipe.send((0.0, str(stop)))
        except Exception:
            pipe.send((0.0, traceback.format_exc()))


@cache
def _peers() -> dict[str, Callable[[Path, Path], None]]:
    from benchmarks import ours, peers

    return {
        "bare": lambda path, out: peers.bare(_spark(), path, out),
        "row_udf": lambda path, out: peers.row_udf(_spark(), path, out),
        "duckdb": peers.duckdb_rules,
        "duckdb_no_ids": lambda path, out: peers.duckdb_rules(path, out, ids=False),
        "ours": ours.ours,
        "stages": ours.stages,
    }


@cache
def _spark() -> Any:
    from jobs.core.settings import Settings
    from jobs.core.spark import get_spark

    return get_spark(Settings(driver_memory=HEAP))
