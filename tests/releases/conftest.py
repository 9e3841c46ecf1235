"""Literal listings, and the rows that releases make of them."""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa
import pytest

from jobs.core.settings import ROOT
from jobs.releases.layout import Layout, load_layout
from jobs.releases.recipients import Recipient, load_recipients
from jobs.releases.rows import LISTING_COLUMNS, build_rows

KEY = bytes(range(32))
LISTING_SCHEMA = pa.schema(
    {
        **{name: pa.string() for name in LISTING_COLUMNS},
        "node_id": pa.int64(),
        "phone_id": pa.int64(),
        "tenure_from": pa.timestamp("us", "UTC"),
        "reasons": pa.list_(pa.string()),
        "listed_on": pa.date32(),
        "due_on": pa.date32(),
        "expires_on": pa.date32(),
    }
)
DEFAULTS = {
    "measure": "verify",
    "reasons": ["bound_to_fraud_phone"],
    "reason_zh": "该账户绑定的号码涉及诈骗案件",
    "reason_en": "The number bound to this account was used in a fraud",
    "legal_basis": "Article 18",
    "deciding_body": "Anti-fraud centre",
    "listed_on": date(2026, 10, 1),
    "due_on": date(2026, 10, 16),
    "expires_on": date(2026, 12, 30),
    "remedy_channel": "96110",
    "materials_required": "Identity document",
    "policy_version": "1.0.0",
}
# One listing of every way to an administrator: id, node, type, administrator, and the value behind it.
EXAMPLES: list[tuple[str, int, str, str | None, str]] = [
    ("L01", 1, "phone", "cmcc", "+8613800000001"),
    ("L02", 2, "phone", "cucc", "+8613000000002"),
    ("L03", 3, "imei", None, "490154203237518"),
    ("L04", 4, "bank_account", "icbc", "icbc:0200000000000004"),
    ("L05", 5, "bank_card", "icbc", "6222020000000000059"),
    ("L06", 6, "bank_account", "abc", "abc:0300000000000006"),
    ("L07", 7, "payment_account", "alipay", "alipay:PAY-7"),
    ("L08", 8, "internet_account", "wechat", "wechat:=cmd|' /c calc'!a0"),
    ("L09", 9, "internet_account", "qq", "qq:900000009"),
    ("L10", 10, "domain", "cnnic", "pay.example.invalid"),
    ("L11", 11, "url", "cnnic", "https://pay.example.invalid/a"),
    ("L12", 12, "national_id", "mps", "110101190001010009"),
    ("L13", 13, "crypto_wallet", "mps", "tron:TXINVENTED13"),
]
SIMS = [(1, "imsi", 101), (1, "iccid", 102), (2, "imsi", 201), (2, "iccid", 202)]
SIM_VALUES = [
    (101, "460000000000101"),
    (102, "89860000000000000102"),
    (201, "460010000000201"),
    (202, "89860100000000000202"),
]


@pytest.fixture(scope="session")
def layout() -> Layout:
    return load_layout(ROOT / "schemas")


@pytest.fixture(scope="session")
def recipients() -> dict[str, Recipient]:
    return load_recipients(ROOT / "schemas")


@pytest.fixture(scope="session")
def key() -> bytes:
    return KEY


@pytest.fixture
def listing() -> Callable[..., dict[str, Any]]:
    """A row of blacklist.listings from what the test cares about."""

    def make(listing_id: str, node_id: int, kind: str, administrator: str | None, **changes: Any) -> dict[str, Any]:
        issuer = None if kind in ("phone", "imei") else administrator
        phone = {"phone_id": node_id + 1000, "tenure_from": datetime(2025, 3, 1, tzinfo=UTC)} if kind == "phone" else {}
        head = {
            "listing_id": listing_id,
            "node_id": node_id,
            "type": kind,
            "administrator": administrator,
            "issuer": issuer,
        }
        return {**dict.fromkeys(LISTING_COLUMNS), **DEFAULTS, **head, **phone, **changes}

    return make


@pytest.fixture
def examples(listing: Callable[..., dict[str, Any]]) -> list[dict[str, Any]]:
    return [listing(*head) for *head, _ in EXAMPLES]


@pytest.fixture
def values() -> list[tuple[int, str]]:
    """(id of the identifier, value) of every example and sim."""
    return [(node + 1000 if kind == "phone" else node, value) for _, node, kind, _, value in EXAMPLES] + SIM_VALUES


@pytest.fixture
def to_rows(layout: Layout, values: list[tuple[int, str]]) -> Callable[..., Any]:
    """Listings as the rows that releases are cut from."""

    def build(
        listings: list[dict[str, Any]],
        protected: dict[int, str] | None = None,
        lost: Sequence[int] = (),
    ) -> Any:
        known = {node: value for node, value in values if node not in lost}
        table = pa.table(
            {
                "node_id": pa.array(list(known), pa.int64()),
                "value": pa.array(list(known.values()), pa.string()),
                "protected_reason": pa.array([(protected or {}).get(node) for node in known], pa.string()),
            }
        )
        sims = pa.table(
            {
                "node_id": pa.array([node for node, _, _ in SIMS], pa.int64()),
                "type": pa.array([kind for _, kind, _ in SIMS], pa.string()),
                "sim_id": pa.array([sim for _, _, sim in SIMS], pa.int64()),
            }
        )
        return build_rows(pa.Table.from_pylist(listings, schema=LISTING_SCHEMA), table, sims, layout)

    return build
