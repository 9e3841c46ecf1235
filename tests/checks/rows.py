"""Literal rows of the tables that checks look at, and rules to look with."""

from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from jobs.checks.suites import Rule, Suite
from jobs.core.contracts import load_codes, load_contracts
from jobs.core.schema import load_tables
from jobs.core.settings import ROOT
from tests.frames import build, moment

SCHEMAS = ROOT / "schemas"
CONTRACTS, CODES = load_contracts(SCHEMAS), load_codes(SCHEMAS)
TABLES = load_tables(SCHEMAS, CONTRACTS)
FEED = CONTRACTS["public_security/case_reports"]  # latency one day
SILVER = TABLES["silver.public_security__case_reports"]
ON = date(2026, 10, 10)
INSTANT = moment("2026-10-10 16:00")  # the end of that business day in Asia/Shanghai


def deliveries(*rows: dict[str, Any]) -> pl.DataFrame:
    """Taken deltas of FEED, made the moment their night begins, unless a row says otherwise."""
    made = [
        {"agency": FEED.agency, "feed": FEED.name, "status": "taken", "mode": "delta", "sequence": index, "delivery_id": f"d{index}",
         "produced_at": row.get("night_on"), **row}
        for index, row in enumerate(rows, start=1)
    ]  # fmt: skip
    return build(TABLES["ops.deliveries"].ddl, made)


def accounting(*rows: dict[str, Any]) -> pl.DataFrame:
    return build(TABLES["ops.accounting"].ddl, [{"feed": FEED.id, "night_on": str(ON), **row} for row in rows])


def silver(rows: Iterable[dict[str, Any]]) -> pl.DataFrame:
    """Good upserts of FEED, a record each, unless a row says otherwise."""
    made = [
        {"record_id": f"r{index}", "op": "upsert", "recorded_at": "2026-10-10", "sequence": 1, "delivery_id": "d1", "file": "a", "line": index,
         "night_on": str(ON), "frees_only": False, **row}
        for index, row in enumerate(rows, start=1)
    ]  # fmt: skip
    return build(SILVER.ddl, made)


def rule(**changes: Any) -> Rule:
    """`n_rows` must be at least 1, or it fails."""
    given = {
        "id": "not_empty", "measure": "n_rows", "expectation": "expect_column_values_to_be_between", "kwargs": {"min_value": 1},
        "severity": "fail", "why": "Nothing may be empty without a reason.", **changes,
    }  # fmt: skip
    return Rule.model_validate(given)


def suite(*rules: Rule, subject: str = "graph.edges", **more: Any) -> Suite:
    return Suite(subject=subject, rules=rules, **more)


def write_suites(folder: Path, name: str = "", text: str = "") -> Path:
    """A folder of expectations: one rule for every feed, and a file of the test's own."""
    every = "subject: every feed\nholds: agency\nrules:\n" + YAML_RULE
    for path, content in {"feeds/every_feed.yml": every, **({name: text} if name else {})}.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(content, encoding="utf-8")
    return folder


YAML_RULE = """\
  - id: something_came
    measure: n_rows
    judged_from: {n_deliveries: 1}
    expectation: expect_column_values_to_be_between
    kwargs: {min_value: 1}
    severity: warn
    why: An export that broke sends nothing.
"""
