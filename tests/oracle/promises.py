"""What the product's own tables keep from night to night, whatever the oracle says: ids that can be followed, events that say what changed."""

from collections.abc import Iterator
from datetime import date
from functools import cache
from typing import Any

import polars as pl

from jobs.releases.layout import load_layout
from tests.oracle.lake import MemoryLake
from tests.oracle.product import SCHEMAS

ALSO_PUBLISHED = {"type", "issuer", "administrator", "test", "outcome"}  # they say who gets a row, and what of it


@cache
def released_columns() -> frozenset[str]:
    """Columns of a listing that a release shows."""
    return frozenset(column.name for column in load_layout(SCHEMAS).columns) | {"tenure_from"}


def broken_promises(before: pl.DataFrame, lake: MemoryLake, on: date) -> list[str]:
    """In words. `before`: blacklist.listings as the night found it."""
    return [*wrong_events(before, lake, on), *lost_ids(lake)]


def wrong_events(before: pl.DataFrame, lake: MemoryLake, on: date) -> Iterator[str]:
    """ "ADD, CHANGE, RELEASE per night; CHANGE when a published column changes"; a night that changes nothing writes none."""
    was, now = (
        {row["listing_id"]: row for row in frame.filter(status="active").iter_rows(named=True)}
        for frame in (before, lake.frame("blacklist.listings"))
    )
    told: dict[str, list[str]] = {}
    for row in lake.frame("blacklist.events", night_on=on).iter_rows(named=True):
        told.setdefault(row["listing_id"], []).append(row["event"])
    for one in sorted(was.keys() | now.keys() | told.keys()):
        events = told.get(one, [])
        may_be = _may_be(was.get(one), now.get(one))
        if events not in may_be:
            yield f"on {on} the events of listing {one} are {events}, and may be {may_be}"


def _may_be(was: dict[str, Any] | None, now: dict[str, Any] | None) -> list[list[str]]:
    if was is None or now is None:
        return [["ADD"]] if now else [["RELEASE"]] if was else [[]]
    changed = {name for name in was if was[name] != now[name]}
    if changed & released_columns():
        return [["CHANGE"]]
    return [[], ["CHANGE"]] if changed & ALSO_PUBLISHED else [[]]


def lost_ids(lake: MemoryLake) -> Iterator[str]:
    """ "an old id can always be followed to today's": from each id of a party or ring that was ever given graph.lineage leads to one that lives
    tonight, or to a RETIRE.
    """
    told = lake.frame("graph.lineage").sort("night_on").to_dicts()
    gone: dict[tuple[str, int], list[tuple[date, int | None]]] = {}
    for row in told:
        if row["event"] in ("MERGE", "RETIRE"):
            gone.setdefault((row["what"], row["id"]), []).append((row["night_on"], row["into_id"]))
    lives = {"party": set(lake.frame("graph.parties")["party_id"]), "ring": set(lake.frame("graph.rings")["ring_id"])}
    for row in told:
        if row["event"] not in ("NEW", "SPLIT"):
            continue
        what, one, since = row["what"], row["id"], row["night_on"]
        while went := next((step for step in gone.get((what, one), ()) if step[0] > since), None):
            since, into = went
            if into is None:
                break
            one = into
        else:
            if one not in lives[what]:
                yield f"the id {row['id']} of a {what}, given on {row['night_on']}, leads to {one}, which does not live"
