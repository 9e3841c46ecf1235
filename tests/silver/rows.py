"""Literal bronze rows for the tests of silver, and invented identifiers that are valid."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import polars as pl

from jobs.core.contracts import Feed, load_codes, load_contracts
from jobs.core.frames import of_rows, schema_of
from jobs.core.schema import bronze_table
from jobs.core.settings import ROOT

FEEDS = load_contracts(ROOT / "schemas")
CODES = load_codes(ROOT / "schemas")
KEY = b"a key for tests only"
ON = date(2026, 10, 1)
MADE = datetime(2026, 10, 1, 10, 0, tzinfo=UTC)

NATIONAL_ID = "110101199001010015"
SUBSCRIPTION = {
    "msisdn": "13800000001",
    "iccid": "89860012345678901234",
    "imsi": "460001234567890",
    "carrier": "cmcc",
    "holder_doc_type": "national_id",
    "holder_doc_no": NATIONAL_ID,
    "activated_at": "2025-01-01",
}
ACCOUNT = {
    "account_kind": "bank_account",
    "institution_id": "ICBC",
    "account_no": "1234 5678",
    "holder_doc_type": "national_id",
    "holder_doc_no": NATIONAL_ID,
    "opened_at": "2025-01-01",
}
CASE = {
    "case_id": "C1",
    "fraud_type": "other",
    "occurred_at": "2026-09-01",
    "reported_at": "2026-09-02T08:00:00Z",
    "region_code": "440100",
    "amount_cny": "1200.50",
    "finding": "reported",
    "authority_level": "city",
    "involved": "[]",
}
SITE = {
    "url": "https://pay.example.com/",
    "category": "bank",
    "verified": "true",
    "first_seen": "2026-09-01",
    "last_seen": "2026-09-02",
}
LINE = {
    "msisdn": "13800000001",
    "indicator": "sim_box",
    "count": "12",
    "window_start": "2026-09-01",
    "window_end": "2026-09-02",
}
TRANSFER = {
    "payer_kind": "bank_account",
    "payer_institution": "icbc",
    "payer_account": "12345678",
    "payee_kind": "bank_account",
    "payee_institution": "abc",
    "payee_account": "87654321",
    "amount_cny": "10",
    "transferred_at": "2026-09-01",
    "indicator": "test_payment",
}
PERSON = {
    "doc_type": "national_id",
    "doc_no": NATIONAL_ID,
    "name": "甲",
    "status": "suspect",
    "since": "2026-09-01",
    "authority_level": "city",
    "finding_ref": "F-1",
}


def bronze(feed: Feed, rows: list[dict[str, Any]]) -> pl.DataFrame:
    """One bronze row per dict, in one file, line by line; what a dict leaves out of the place it stood
    in is that of a first delivery.
    """
    full = [
        {
            "sequence": 1,
            "delivery_id": "d1",
            "file": "part-1",
            "line": line,
            "business_date": ON,
            "night_on": ON,
            "mode": "delta",
            "produced_at": MADE,
            "op": "upsert",
            "recorded_at": "2026-10-01T12:00:00+08:00",
            **row,
        }
        for line, row in enumerate(rows, start=1)
    ]
    schema = schema_of(bronze_table(feed).ddl)
    return of_rows(schema, [{name: row.get(name) for name in schema} for row in full])
