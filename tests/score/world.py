"""A small world for the tests: its truth as simulate writes it, and what a night made of it, by name instead of by id."""

from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Any

import polars as pl

from jobs.core.contracts import load_contracts
from jobs.core.schema import load_tables
from jobs.core.settings import ROOT
from jobs.graph.tenures import tenure_ids
from jobs.identifiers.keys import node_ids
from jobs.policy import load_policy
from jobs.score.left import Lake
from jobs.score.truth import TABLES, Truth, know_truth
from tests.frames import build, moment

KEY = b"k" * 32
ON = date(2026, 10, 3)
INSTANT = datetime(2026, 10, 3, 16, tzinfo=UTC)
POLICY = load_policy(ROOT / "schemas", "default")
LAKE_TABLES = load_tables(ROOT / "schemas", load_contracts(ROOT / "schemas"))
DDL = {
    "people": "person string, identifier_type string, identifier string",
    "roles": "person string, role string, ring_id string, since timestamp",
    "control": "identifier_type string, identifier string, tenure_from timestamp, person string, from_at timestamp, to_at timestamp, ring_id string",
    "rings": "ring_id string, confirmed_at timestamp",
    "fraud_tenures": "identifier string, tenure_from timestamp, moment timestamp, known_on date",
    "should_be_found": "identifier_type string, identifier string, reason string, phone string, tenure_from timestamp, known_on date, person string, ring_id string",
}
Rows = Iterable[dict[str, Any]]


def account(name: str, kind: str = "bank_card") -> int:
    """Node id of an account, device or document."""
    return node_ids(KEY, kind, pl.Series([name]))[0]


def tenure(phone: str, since: str | None) -> int:
    """Node id of a tenure, as the graph makes it."""
    start = pl.Series([moment(since) if since else None], dtype=pl.Datetime("us", "UTC"))
    return tenure_ids(KEY, node_ids(KEY, "phone", pl.Series([phone])), start)[0]


def truth_tables(**tables: Rows) -> dict[str, pl.DataFrame]:
    assert set(tables) <= set(TABLES)
    return {name: build(DDL[name], tables.get(name, [])) for name in TABLES}


def truth(**tables: Rows) -> Truth:
    return know_truth(truth_tables(**tables), KEY, ON, INSTANT)


def card(name: str, person: str, **more: Any) -> dict[str, Any]:
    """A row of `control`: a bank card."""
    return {"identifier_type": "bank_card", "identifier": name, "person": person, "from_at": "2020-01-01", **more}


def person(name: str) -> dict[str, Any]:
    return {"person": name, "identifier_type": "national_id", "identifier": f"id of {name}"}


def should(name: str, reason: str = "bound_to_fraud_phone", **more: Any) -> dict[str, Any]:
    """A row of `should_be_found`: a bank card."""
    row = {"identifier_type": "bank_card", "identifier": name, "reason": reason, "known_on": "2026-10-01"}
    return row | more


def listing(node: int, measure: str = "verify", test: str = "bound_to_fraud_phone", **more: Any) -> dict[str, Any]:
    due = "2026-10-16" if measure == "verify" and test == "bound_to_fraud_phone" else None
    row = {
        "listing_id": f"L{node}",
        "node_id": node,
        "type": "bank_card",
        "measure": measure,
        "test": test,
        "status": "active",
        "due_on": due,
    }
    return row | more  # fmt: skip


def signal(node: int, **more: Any) -> dict[str, Any]:
    return {"node_id": node, "strength": 0.95, "standard": "finding", "is_live": True, **more}


def edge(kind: str, from_id: int, to_id: int, is_live: bool = True) -> dict[str, Any]:
    return {"kind": kind, "from_id": from_id, "to_id": to_id, "is_live": is_live}


def lake(**tables: Rows) -> Lake:
    """What a night left: edges, shared, tenures, scores, signals, identifiers, leads, listings. An account of an edge or listing is an identifier."""
    names = {
        "edges": "graph.edges", "shared": "graph.shared_identifiers", "tenures": "graph.tenures", "scores": "graph.scores", "signals": "graph.signals",
        "identifiers": "graph.identifiers", "leads": "blacklist.leads", "listings": "blacklist.listings",
    }  # fmt: skip
    assert set(tables) <= set(names)
    return Lake(**{name: build(LAKE_TABLES[table].ddl, tables.get(name, [])) for name, table in names.items()})
