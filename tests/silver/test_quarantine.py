"""Rows of quarantine and what resolves them."""

from __future__ import annotations

import json
from datetime import date
from types import SimpleNamespace
from typing import Any

import polars as pl

from jobs.core.frames import schema_of
from jobs.core.schema import load_tables
from jobs.core.settings import ROOT
from jobs.silver.parse import parse_records
from jobs.silver.quarantine import quarantine_rows, resolve
from tests.frames import build
from tests.silver.rows import CASE, CODES, FEEDS, KEY, ON, bronze

TABLE = load_tables(ROOT / "schemas", FEEDS)["quarantine.records"]
FEED = "public_security/case_reports"
TONIGHT = date(2026, 10, 2)


def test_a_broken_record_and_each_broken_element_is_a_row_without_a_value() -> None:
    feed = FEEDS[FEED]
    bad = json.dumps([{"role": "payee", "identifier_type": "phone", "identifier": "13800000001"}, {"role": "x"}])
    rows = [
        {**CASE, "record_id": "good"},
        {**CASE, "record_id": "element", "involved": bad},
        {**CASE, "record_id": "both", "amount_cny": "x", "region_code": "000000", "involved": bad},
    ]
    found = quarantine_rows(parse_records(bronze(feed, rows), feed, CODES, KEY), FEED)
    found = [SimpleNamespace(**row) for row in found.cast(pl.Schema(schema_of(TABLE.ddl))).to_dicts()]
    shown = {(r.record_id, r.line, r.element, tuple(r.reasons), tuple(r.columns)) for r in found}
    element = (1, ("missing_value", "unknown_code"), ("identifier", "identifier_type", "role"))
    assert shown == {
        ("element", 2, *element),
        ("both", 3, None, ("unknown_code", "wrong_type"), ("amount_cny", "region_code")),
        ("both", 3, *element),
    }
    assert {(r.feed, r.status, r.resolved_on, r.night_on) for r in found} == {(FEED, "open", None, ON)}


DELIVERIES = ["repaired", "older", "untimed", "never", "nobody", "element-1", "still-1", "still-2", "ago", "g1"]
NUMBERS = {delivery: number for number, delivery in enumerate(DELIVERIES, start=1)}


def quarantined(
    record: str | None, day: int | None, delivery: str, element: int | None = None, **more: Any
) -> dict[str, Any]:
    return {
        "feed": FEED,
        "record_id": record,
        "recorded_at": None if day is None else f"2026-09-{day:02d}",
        "sequence": NUMBERS[delivery],
        "delivery_id": delivery,
        "file": "part-1",
        "line": 1,
        "element": element,
        "reasons": ["wrong_type"],
        "columns": ["amount_cny"],
        "business_date": ON,
        "night_on": ON,
        "status": "open",
        "resolved_on": None,
        **more,
    }


def test_a_newer_good_version_resolves_and_an_element_only_by_one_that_is_whole() -> None:
    rows = [
        quarantined("repaired", 1, "repaired"),
        quarantined("older-version-came", 5, "older"),
        quarantined("untimed", None, "untimed"),
        quarantined("never-again", 1, "never"),
        quarantined(None, None, "nobody"),
        quarantined("element", 1, "element-1", 0),
        quarantined("still-broken", 1, "still-1", 2),
        quarantined("still-broken", 2, "still-2", 0),
        quarantined("long-ago", 1, "ago", status="resolved", resolved_on=ON),
    ]
    good = [
        (FEED, "repaired", "2026-09-02", "g1", "part-1", 1),
        ("telecom/subscriptions", "never-again", "2026-09-02", "g1", "part-1", 1),
        (FEED, "older-version-came", "2026-09-04", "g1", "part-1", 2),
        (FEED, "untimed", "2026-09-01", "g1", "part-1", 3),
        (FEED, "element", "2026-09-01", "element-1", "part-1", 1),  # the version whose element broke
        (FEED, "element", "2026-09-02", "g1", "part-1", 4),
        (FEED, "still-broken", "2026-09-01", "still-1", "part-1", 1),
        (FEED, "still-broken", "2026-09-02", "still-2", "part-1", 1),
        (FEED, "long-ago", "2026-09-02", "g1", "part-1", 5),
    ]
    ddl = "feed string, record_id string, recorded_at timestamp, delivery_id string, file string, line bigint, sequence bigint"
    versions = [dict(zip(schema_of(ddl), (*row, NUMBERS[row[3]]), strict=True)) for row in good]
    resolved = resolve(build(TABLE.ddl, rows), build(ddl, versions), TONIGHT)
    found = {
        (r["record_id"], r["element"], r["delivery_id"]): (r["status"], r["resolved_on"]) for r in resolved.to_dicts()
    }
    is_open, is_resolved = ("open", None), ("resolved", TONIGHT)
    assert found == {
        ("repaired", None, "repaired"): is_resolved,
        ("older-version-came", None, "older"): is_open,
        ("untimed", None, "untimed"): is_resolved,
        ("never-again", None, "never"): is_open,
        (None, None, "nobody"): is_open,
        ("element", 0, "element-1"): is_resolved,
        ("still-broken", 2, "still-1"): is_open,
        ("still-broken", 0, "still-2"): is_open,
        ("long-ago", None, "ago"): ("resolved", ON),
    }
