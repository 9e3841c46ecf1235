"""What the tables and releases say at the end of a night, as plain rows: all that check.py knows of the lake."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq

from jobs.rehearse.model import Expect

if TYPE_CHECKING:
    from jobs.core.reading import PinnedLake

Rows = list[dict[str, Any]]
LISTINGS, QUARANTINE = "blacklist.listings", "quarantine.records"
COLUMNS: dict[str, tuple[str, ...]] = {
    "graph.tenures": ("node_id", "phone_id", "tenure_from", "tenure_to"),
    "graph.parties": ("node_id", "party_id", "kind"),
    "graph.rings": ("ring_id", "party_id"),
    "graph.contested": ("node_id",),
    "graph.shared_identifiers": ("node_id", "kind", "is_shared"),
    "graph.scores": ("node_id", "score"),
    LISTINGS: (
        "listing_id", "node_id", "phone_id", "tenure_from", "administrator", "measure", "status", "test", "reasons",
        "reason_zh", "reason_en", "human_decision", "due_on", "listed_on", "released_on", "release_reason",
    ),
    "blacklist.leads": ("node_id",),
    "blacklist.events": ("night_on", "event", "listing_id"),
    "blacklist.for_review": ("node_id", "reason", "status"),
    QUARANTINE: ("feed", "record_id", "element", "reasons", "columns", "status", "night_on"),
    "ops.deliveries": ("night_on", "agency", "feed", "delivery_id", "status", "reason"),
}  # fmt: skip
"""Columns that are read of each table."""
_PARTIES = ("graph.tenures", "graph.parties")
NEEDED: dict[str, tuple[str, ...]] = {
    "listed": (), "not_listed": (), "released": (), "events": ("blacklist.events",), "release": (),
    "leads": ("graph.tenures", "blacklist.leads"), "not_leads": ("graph.tenures", "blacklist.leads"),
    "score": ("graph.tenures", "graph.scores"), "same_party": _PARTIES, "different_party": _PARTIES, "ambiguous": _PARTIES,
    "same_ring": (*_PARTIES, "graph.rings"), "contested": ("graph.tenures", "graph.contested"),
    "shared": ("graph.tenures", "graph.shared_identifiers"), "not_shared": ("graph.tenures", "graph.shared_identifiers"),
    "protected": ("graph.tenures", "blacklist.for_review"), "for_review": ("graph.tenures", "blacklist.for_review"),
    "not_for_review": ("graph.tenures", "blacklist.for_review"), "quarantined": (), "not_quarantined": (), "resolved": (), "refused": ("ops.deliveries",),
}  # fmt: skip
"""Tables that an expectation is held against, beside the listings and the quarantine."""


@dataclass(frozen=True)
class Facts:
    """One night's end. `snapshots`: listing ids of every recipient's latest release."""

    on: date
    instant: datetime
    tables: Mapping[str, Rows] = field(default_factory=dict)
    snapshots: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def rows(self, name: str) -> Rows:
        return self.tables[name]


def tables_needed(expects: Iterable[Expect]) -> set[str]:
    """What must be read to check these; the listings always, since the next night may ask for an id, and what no case expects in quarantine."""
    needed = {LISTINGS, QUARANTINE}
    for expect in expects:
        for kind, tables in NEEDED.items():
            value = getattr(expect, kind)
            if value not in ((), None):
                needed.update(tables)
    return needed


def read_facts(lake: PinnedLake, on: date, instant: datetime, names: Iterable[str], releases: Path | None) -> Facts:
    """The tables as the lake shows them, and the latest releases below `releases`. Times come in UTC, with their zone."""
    tables = {name: lake.frame(name, COLUMNS[name]).to_dicts() for name in sorted(names)}
    return Facts(on, instant, tables, read_snapshots(releases) if releases is not None else {})


def read_snapshots(releases: Path) -> dict[str, frozenset[str]]:
    """Recipient -> listing ids in the release that its latest.json names."""
    found = {}
    for latest in sorted(releases.glob("*/latest.json")):
        version = json.loads(latest.read_text(encoding="utf-8"))["version"]
        table = pq.read_table(latest.parent / str(version) / "snapshot.parquet", columns=["listing_id"])
        found[latest.parent.name] = frozenset(table["listing_id"].to_pylist())
    return found
