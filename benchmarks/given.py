"""What every reader of the mixed feed is given: the contract, the code lists, the key and the day. One place, so that all do the same work."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import cache

from benchmarks.mixed import mixed_contract
from jobs.core.contracts import CodeList, Feed, load_codes
from jobs.core.settings import ROOT
from jobs.identifiers.rare import Lists, lists_of

ON = date(2026, 10, 1)
"""The business date: nobody is born after it."""
PRODUCED_AT = datetime(2026, 10, 1, 14, tzinfo=UTC)
LATEST = PRODUCED_AT + timedelta(hours=1)
"""A record that says it was recorded later is broken."""
KEY = bytes(range(32))
"""Of the benchmark alone."""
HMAC_KEY = KEY.hex().encode()
"""What an id's HMAC is made with, as jobs.identifiers.keys has it."""

DATE = "[1-9][0-9]{3}-[0-9]{2}-[0-9]{2}"
INSTANT = "[1-9][0-9]{3}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]{1,9})?(Z|[+-][0-9]{2}:[0-5][0-9])"
"""How a time may be written: a day, which begins in Shanghai, or ISO 8601 with seconds and an offset."""

GOOD = (
    "record_id", "op", "recorded_at", "carrier", "platform", "activated_at", "deactivated_at",
    "phone_id", "iccid_id", "imsi_id", "imei_id", "holder_type", "holder_id", "account_id",
)  # fmt: skip
"""Columns of a row that is good: no personal text."""
BROKEN = ("record_id", "recorded_at", "reasons", "columns")
"""Columns of a row that is not: why, and which columns broke a rule; both sorted, each once."""


@cache
def feed() -> Feed:
    return mixed_contract()


@cache
def codes() -> dict[str, CodeList]:
    return load_codes(ROOT / "schemas")


@cache
def lists() -> Lists:
    return lists_of(codes())
