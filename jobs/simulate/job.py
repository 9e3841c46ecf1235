"""`antifraud simulate`: make a world, deliver its news night by night, write down the truth."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from jobs.core.contracts import CodeList, Feed
from jobs.core.errors import UserError
from jobs.simulate.bulk import bulk_feeds
from jobs.simulate.cases import make_cases
from jobs.simulate.clock import Clock
from jobs.simulate.deliver import Deliverer
from jobs.simulate.frame import rows
from jobs.simulate.knobs import Knobs
from jobs.simulate.population import build_population, name_everything
from jobs.simulate.records import schedule
from jobs.simulate.rings import build_rings
from jobs.simulate.streams import Streams
from jobs.simulate.truth import write_truth
from jobs.simulate.values import Vocabulary

LEAST_PEOPLE = 100


@dataclass(frozen=True)
class Truth:
    """What was made: sizes, and where the truth is."""

    landing: Path
    truth: Path
    people: int
    nights: int
    seed: int
    rings: int
    deliveries: int
    records: int
    accidents: tuple[str, ...]
    """Deliveries that something happened to, one sentence each."""
    tables: dict[str, int]
    """Rows of each truth table."""


def simulate(
    out: Path,
    people: int,
    nights: int,
    seed: int,
    start: date = date(2026, 10, 1),
    *,
    contracts: Mapping[str, Feed],
    codes: Mapping[str, CodeList],
    knobs: Knobs = Knobs(),  # noqa: B008 - frozen
    say: Callable[[str], None] = print,
) -> Truth:
    """Write `<out>/landing/…` and `<out>/truth/*.parquet`; same arguments, same bytes.

    Raises UserError when the folder holds an earlier world, or the sizes make no world.
    """
    if people < LEAST_PEOPLE or nights < 1 or seed < 0:
        raise UserError(f"simulate: give at least {LEAST_PEOPLE} people, one night and a seed that is not negative")
    landing, truth = out / "landing", out / "truth"
    for folder in (landing, truth):
        if folder.exists() and any(folder.iterdir()):
            raise UserError(f"{folder}: is not empty; choose another --out or remove it, since a world is written once")
    streams, clock = Streams(seed), Clock(start, nights)
    world = build_population(people, clock, Vocabulary(codes), knobs, streams)
    underworld = build_rings(world, knobs, streams)
    name_everything(world, knobs, streams)
    say(
        f"{people} people, {rows(world.lines)} subscriptions, {rows(world.finance)} accounts,"
        f" {len(underworld.rings)} rings"
    )
    docket = make_cases(world, underworld, dict(codes), knobs, streams)
    deliverer = Deliverer(landing, clock, knobs, streams)
    for bulk in bulk_feeds(world, knobs, streams):
        before = deliverer.records
        deliverer.bulk(contracts[bulk.feed], bulk)
        say(f"{bulk.feed}: {deliverer.records - before} records")
    records = schedule(docket.records, clock, knobs, streams)
    for feed_id in sorted({record.feed for record in records}):
        deliverer.small(contracts[feed_id], [record for record in records if record.feed == feed_id])
    tables = write_truth(truth, world, underworld, docket, knobs, streams)
    say(
        f"{deliverer.deliveries} deliveries with {deliverer.records} records,"
        f" {len(deliverer.accidents)} of them with an accident"
    )
    return Truth(
        landing,
        truth,
        people,
        nights,
        seed,
        len(underworld.rings),
        deliverer.deliveries,
        deliverer.records,
        tuple(deliverer.accidents),
        tables,
    )
