"""A night: what a stage gets, what it reports, and how the whole is committed at one point."""

from __future__ import annotations

import hashlib
import json
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, TypeVar

from jobs.core.contracts import CodeList, Feed
from jobs.core.settings import Settings

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from jobs.core.lake import Lake

S = TypeVar("S")
T = TypeVar("T")
SHANGHAI = timezone(timedelta(hours=8), "Asia/Shanghai")  # no summer time since 1991


@dataclass(frozen=True)
class StageReport:
    """What a stage did: rows in and out, and sentences for the person who watches."""

    rows_in: int = 0
    rows_out: int = 0
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Stage:
    """One step of the night: its name, what it does in a line, what it reads and writes, and the function that does it."""

    name: str
    title: str
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    run: Callable[[Night], StageReport]


@dataclass
class Night:
    """One business date's run over the lake."""

    spark: SparkSession | Callable[[], SparkSession]
    lake: Lake
    settings: Settings
    on: date
    contracts: dict[str, Feed]
    codes: dict[str, CodeList]
    policy: Any
    recipients: Any
    key: bytes
    checks_hold: bool = True
    """Whether a broken check holds releases; if not, it is only told of."""
    say: Callable[[str], None] = lambda text: print(text, flush=True)
    after_commit: list[Callable[[], None]] = field(default_factory=list)
    scratch: dict[str, Any] = field(default_factory=dict)

    def session(self) -> SparkSession:
        """The Spark session, started now if it is not yet."""
        return self.spark() if callable(self.spark) else self.spark

    @property
    def instant(self) -> datetime:
        """The end of this business date in Asia/Shanghai: tonight is the last moment before it."""
        following = self.on + timedelta(days=1)
        return datetime(following.year, following.month, following.day, tzinfo=SHANGHAI).astimezone(UTC)


def settle(frame: DataFrame) -> DataFrame:
    """The frame worked out, and how it came about forgotten. A plan that is used twice is otherwise planned twice, and a plan built on that
    four times: planning, not data, is what a night of small tables spends its time on."""
    return gather(frame).localCheckpoint(eager=True)


def gather(frame: DataFrame) -> DataFrame:
    """The frame in no more partitions than a shuffle would make: a union of many small frames is else many small tasks, each time."""
    return frame.coalesce(int(frame.sparkSession.conf.get("spark.sql.shuffle.partitions") or 1))


def together(*steps: Callable[[], T]) -> list[T]:
    """Run independent steps at the same time; what each gave, in order. A commit or a plan is mostly waiting, so two cores do three."""
    with ThreadPoolExecutor(3) as pool:
        return [future.result() for future in [pool.submit(step) for step in steps]]


def in_order(step: Callable[[S], T], items: Iterable[S], ahead: int = 2) -> Iterator[T]:
    """What the step makes of each item, in order; so many of the next are worked on meanwhile."""
    waiting: deque[Future[T]] = deque()
    with ThreadPoolExecutor(ahead) as pool:
        for item in items:
            waiting.append(pool.submit(step, item))
            if len(waiting) > ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def file_digest(payload: Any) -> str:
    """A short name for a value that can be written as JSON."""
    return hashlib.sha256(json.dumps(payload, sort_keys=True, default=str).encode()).hexdigest()[:16]


class Progress:
    """One line per stage on standard error: name, rows, seconds. On a terminal the running stage shows before it ends."""

    def __init__(self, stages: Sequence[Stage], say: Callable[[str], None]) -> None:
        self._width = max(len(stage.name) for stage in stages)
        self._say = say

    def begin(self, stage: Stage) -> float:
        if sys.stderr.isatty():
            print(f"  {stage.name:<{self._width}}  … {stage.title}", end="\r", file=sys.stderr, flush=True)
        return time.monotonic()

    def end(self, stage: Stage, report: StageReport, seconds: float) -> None:
        self._say(
            f"  {stage.name:<{self._width}}  {report.rows_in:>9,} in  {report.rows_out:>9,} out  {seconds:6.1f} s  {stage.title}"
        )
        for note in report.notes:
            self._say(f"  {'':<{self._width}}    {note}")
