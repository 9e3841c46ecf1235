"""Which lakes, nights and deliveries play the cases, and with which numbers.

All cases share one lake. On each date, the records of one feed of all cases come in one delivery. A case that controls
its deliveries of a feed (mode, sequence, produced_at, faults, or several in a night) has deliveries of its own for it, in a
block of numbers of its own: its own numbers, moved.

A snapshot withdraws what it lacks, of other cases too, unless that came with a higher number. So the block of a case that
plays snapshots of a feed lies below everybody else's, and nothing of theirs is touched. Of two such cases the newer snapshot
would alone decide for both: the second one goes to a further lake of the same run, played after the first.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

from jobs.core.night import SHANGHAI
from jobs.rehearse.model import Case, Delivery, parse_time

PRODUCED = time(23, 0)
"""When deliveries are made, if the case does not say: after its records, which are recorded at noon."""


@dataclass(frozen=True)
class Part:
    """The records of one case in a delivery. `on` and `nth` tell records without a record_id apart."""

    case: str
    delivery: Delivery
    on: date
    nth: int


@dataclass(frozen=True)
class Planned:
    """One delivery as it will lie in the landing area."""

    feed: str
    on: date
    sequence: int
    delivery_id: str
    produced_at: datetime
    mode: str = "delta"
    faults: tuple[str, ...] = ()
    parts: tuple[Part, ...] = ()


@dataclass
class LakePlan:
    """The cases of one lake, and its nights in order."""

    cases: list[Case]
    nights: dict[date, list[Planned]] = field(default_factory=dict)

    def case_of(self, delivery: Planned) -> str | None:
        return delivery.parts[0].case if delivery.parts else None


@dataclass(frozen=True)
class _Own:
    """A delivery of a case that controls its feed, with the number that it has inside of the case."""

    part: Part
    at: date
    number: int


def plan_lakes(cases: Sequence[Case]) -> list[LakePlan]:
    """One lake, and a further one for each case whose snapshots would meet another's."""
    lakes: list[LakePlan] = []
    taken: list[set[str]] = []
    for case in cases:
        mine = _snapshot_feeds(case)
        where = next((index for index, feeds in enumerate(taken) if not feeds & mine), None)
        if where is None:
            lakes.append(LakePlan([]))
            taken.append(set())
            where = len(lakes) - 1
        lakes[where].cases.append(case)
        taken[where] |= mine
    for lake in lakes:
        _plan_nights(lake)
    return lakes


def _snapshot_feeds(case: Case) -> set[str]:
    return {feed for feed, _, delivery in _deliveries(case) if delivery.mode == "snapshot"}


def _deliveries(case: Case) -> Iterator[tuple[str, date, Delivery]]:
    for on in case.dates:
        for feed, deliveries in case.nights[on].feeds.items():
            for delivery in deliveries:
                yield feed, on, delivery


def _plan_nights(lake: LakePlan) -> None:
    lake.nights = {on: [] for on in sorted({on for case in lake.cases for on in case.nights})}
    feeds = sorted({feed for case in lake.cases for feed, _, _ in _deliveries(case)})
    for feed in feeds:
        _plan_feed(lake, feed)


def _plan_feed(lake: LakePlan, feed: str) -> None:
    controlled = [case for case in lake.cases if _controls(case, feed)]
    controlled.sort(key=lambda case: feed not in _snapshot_feeds(case))
    base = 0
    made = 0
    for case in controlled:
        own = _numbered(case, feed)
        low = min(item.number for item in own)
        for item in own:
            made += 1
            lake.nights[item.at].append(_planned_own(feed, item, base + 1 + item.number - low, made))
        base += max(item.number for item in own) - low + 1
    for on, planned in lake.nights.items():
        parts = [
            Part(case.case, delivery, on, 0)
            for case in lake.cases if case not in controlled and on in case.nights
            for delivery in case.nights[on].feeds.get(feed, ()) if delivery.records
        ]  # fmt: skip
        if parts:
            base, made = base + 1, made + 1
            planned.append(Planned(feed, on, base, f"d{made:05d}", _produced(None, on, made), parts=tuple(parts)))


def _controls(case: Case, feed: str) -> bool:
    nights = [night.feeds.get(feed, ()) for night in case.nights.values()]
    return any(len(some) > 1 or any(delivery.is_controlled for delivery in some) for some in nights)


def _numbered(case: Case, feed: str) -> list[_Own]:
    """The case's deliveries of this feed with its own numbers, in order. A number given again with the same records is the same
    delivery again; a fork without a delivery to contradict gets an empty one before it."""
    own: list[_Own] = []
    first: dict[int, Part] = {}
    count: dict[date, int] = defaultdict(int)
    for name, on, delivery in _deliveries(case):
        if name != feed:
            continue
        newest = max(first, default=None)
        number = delivery.sequence
        if number is None:
            is_fork = "fork" in delivery.faults
            number = (newest if is_fork else newest + 1) if newest is not None else 1
        if "fork" in delivery.faults and number not in first:
            first[number] = Part(case.case, Delivery(), on, count[on])
            own.append(_Own(first[number], on, number))
            count[on] += 1
        part = Part(case.case, delivery, on, count[on])
        count[on] += 1
        before = first.setdefault(number, part)
        is_again = (before.delivery.records, before.delivery.mode) == (delivery.records, delivery.mode)
        if is_again:
            part = Part(case.case, delivery, before.on, before.nth)
        own.append(_Own(part, on, number))
    return own


def _planned_own(feed: str, own: _Own, sequence: int, made: int) -> Planned:
    delivery = own.part.delivery
    return Planned(
        feed=feed, on=own.at, sequence=sequence, delivery_id=f"d{made:05d}-{own.part.case}", mode=delivery.mode,
        produced_at=_produced(delivery.produced_at, own.at, made), faults=delivery.faults, parts=(own.part,),
    )  # fmt: skip


def _produced(given: str | None, on: date, made: int) -> datetime:
    moment = parse_time(given) if given is not None else on
    if isinstance(moment, datetime):
        return moment
    return datetime.combine(moment, PRODUCED, SHANGHAI) + timedelta(seconds=made % 3000)
