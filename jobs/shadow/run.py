"""`antifraud shadow`: the last committed night once more with the live policy and with a candidate, from the same state, in memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import polars as pl

from jobs.core.contracts import CodeList, Feed, load_codes, load_contracts
from jobs.core.errors import UserError
from jobs.core.night import Night
from jobs.core.reading import NIGHTS, PinnedLake
from jobs.core.runner import read_key
from jobs.core.schema import TableSchema, load_tables
from jobs.core.settings import Settings
from jobs.pipeline import STEPS
from jobs.policy import Policy, load_policy
from jobs.releases.recipients import load_recipients
from jobs.shadow.compare import Comparison, compare_listings, count_differences
from jobs.shadow.overlay import Overlay, Reader

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from jobs.core.lake import Lake

REMADE = ("graph", "signals", "listing")
REMADE_TABLES = frozenset(table for step in STEPS if step.name in (*REMADE, "releases") for table in step.writes)
"""What is seen as the night before left it: what is remade, and what the releases of that night told the next one."""


@dataclass(frozen=True)
class Shadow:
    """What came of it. `beside`: rows of what is not a listing, as (name, live, candidate)."""

    on: date
    live: str
    candidate: str
    comparison: Comparison
    beside: tuple[tuple[str, int, int], ...]
    n_unlike_committed: int
    """How many listings the live policy gives otherwise than the night committed them: policy, contracts or code have changed since."""
    committed_policy: str


@dataclass(frozen=True)
class Past:
    """The state from which both policies start: silver as of the last night, what listing remembers as of the night before it."""

    settings: Settings
    tables: dict[str, TableSchema]
    contracts: dict[str, Feed]
    codes: dict[str, CodeList]
    recipients: Any
    key: bytes
    on: date
    last: Reader
    before: Reader | None


def shadow(settings: Settings, policy: str, say: Callable[[str], None]) -> Shadow:
    """Run `policy` (a file, or a name in schemas/policy) beside the settings' own. Raises UserError for a bad policy, lake or key.

    Tables are opened to be read only, at the versions that committed nights pin: no lock is needed, and none is taken.
    """
    schemas = settings.schemas_dir
    candidate, live = load_policy(schemas, policy), load_policy(schemas, settings.policy)
    contracts = load_contracts(schemas)
    tables = load_tables(schemas, contracts)
    last = PinnedLake(settings.lake, tables)
    past = Past(
        settings, tables, contracts, load_codes(schemas), load_recipients(schemas), _read_key(settings), last.on, last,
        _night_before(settings.lake, tables, last),
    )  # fmt: skip
    scratch: dict[str, Any] = {}
    say(f"night {past.on} with the live policy, {live.id} {live.version}")
    ours = play_night(past, live, say, scratch)
    say(f"night {past.on} with the candidate, {candidate.id} {candidate.version}")
    theirs = play_night(past, candidate, say, {"sources": scratch["sources"]})
    listings = "blacklist.listings"
    return Shadow(
        on=past.on,
        live=f"{live.id} {live.version}",
        candidate=f"{candidate.id} {candidate.version}",
        comparison=compare_listings(ours.frame(listings), theirs.frame(listings)),
        beside=_beside(ours, theirs),
        n_unlike_committed=count_differences(ours.frame(listings), last.frame(listings)),
        committed_policy=last.policy_version,
    )


def play_night(past: Past, policy: Policy, say: Callable[[str], None], scratch: dict[str, Any]) -> Overlay:
    """Graph, signals and listing of the last night with this policy; all that they made, in memory.

    `scratch` may bring the `sources` of another such night: what stands of each feed, which no policy touches, is worked out once.
    """
    from jobs.graph.job import run as make_graph
    from jobs.listing.job import run as make_listing
    from jobs.signals.job import run as make_signals

    lake = Overlay(past.tables, past.last, past.before, REMADE_TABLES)
    night = Night(
        spark=cast("SparkSession", None), lake=cast("Lake", lake), settings=past.settings, on=past.on, contracts=past.contracts, codes=past.codes,
        policy=policy, recipients=past.recipients, key=past.key, say=say, scratch=scratch,
    )  # fmt: skip
    for stage in (make_graph, make_signals, make_listing):
        stage(night)
    return lake


def _night_before(lake: str, tables: dict[str, TableSchema], last: PinnedLake) -> PinnedLake | None:
    """The night committed before the last one; None when that was the first."""
    nights = last.frame(NIGHTS, ["night_on"]).filter(pl.col("night_on") < last.on)["night_on"]
    return PinnedLake(lake, tables, on=max(nights)) if nights.len() else None


def _read_key(settings: Settings) -> bytes:
    """The lake's key. Never makes one: raises UserError when it is not there."""
    if not Path(settings.key_file).exists():
        raise UserError(
            f"{settings.key_file}: the key of this lake's ids is not there; set 'key_file' or ANTIFRAUD_KEY_FILE to it"
        )
    return read_key(settings)


def _beside(ours: Overlay, theirs: Overlay) -> tuple[tuple[str, int, int], ...]:
    def n(lake: Overlay, table: str, *where: pl.Expr) -> int:
        return lake.frame(f"blacklist.{table}").filter(*where).height

    is_open = pl.col("status") == "open"
    return (
        ("leads", n(ours, "leads"), n(theirs, "leads")),
        ("proposals to decide", n(ours, "proposals", is_open), n(theirs, "proposals", is_open)),
        ("rows for a human", n(ours, "for_review", is_open), n(theirs, "for_review", is_open)),
    )
