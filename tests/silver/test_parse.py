"""Literal bronze rows and what becomes of each; many rows to a frame, since a frame is what costs."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from jobs.core.frames import fit, schema_of
from jobs.core.schema import silver_table
from jobs.identifiers.keys import node_id_py
from jobs.silver.parse import parse_records
from tests.silver.rows import (
    ACCOUNT,
    CASE,
    CODES,
    FEEDS,
    KEY,
    LINE,
    NATIONAL_ID,
    PERSON,
    SITE,
    SUBSCRIPTION,
    TRANSFER,
    bronze,
)

Rows = dict[str, dict[str, Any]]


def parse(feed_id: str, base: dict[str, Any], rows: dict[str, dict[str, Any]]) -> Rows:
    """Each row is `base` with changes, and is found again by its record_id. What comes out has silver's columns and types; with it, of each row,
    `_reasons` and `_columns` of what it breaks, `_broken` elements, and the identifiers `_found` in it.
    """
    feed = FEEDS[feed_id]
    parsed = parse_records(
        bronze(feed, [{"record_id": name, **base, **row} for name, row in rows.items()]), feed, CODES, KEY
    )
    fit(parsed.taken, feed_id, schema_of(silver_table(feed).ddl))
    assert parsed.rows["line"].to_list() == list(range(1, len(rows) + 1))
    found = parsed.rows.to_dicts()
    for row in found:
        row |= {"_reasons": [], "_columns": [], "_broken": [], "_found": []}
    for one in parsed.aside.to_dicts():
        row = found[one.pop("row")]
        if one["element"] is None:
            row |= {"_reasons": one["reasons"], "_columns": one["columns"]}
        else:
            row["_broken"].append(one)
    for one in parsed.found.to_dicts():
        found[one.pop("row")]["_found"].append(one)
    return dict(zip(rows, found, strict=True))


def faults(rows: Rows) -> dict[str, tuple[list[str], list[str]]]:
    """Of every row that is not good: its reasons and the columns that broke a rule."""
    return {name: (row["_reasons"], row["_columns"]) for name, row in rows.items() if not row["_is_good"]}


def phone(value: str) -> int:
    return node_id_py(KEY, "phone", value)


@pytest.fixture(scope="module")
def subscriptions() -> Rows:
    return parse(
        "telecom/subscriptions",
        SUBSCRIPTION,
        {
            "good": {"deactivated_at": "2026-01-01T10:00:00.5+08:00", "deactivation_reason": "customer"},
            "dirty": {"msisdn": "\uff0b86 138-0000-0001", "holder_doc_no": f" {NATIONAL_ID}\u200b"},
            "foreign": {"msisdn": "+44 7911 123456"},
            "two-faults": {"msisdn": "12", "holder_doc_no": "110101199002300014"},
            "backwards": {"deactivated_at": "2024-01-01"},
            "no-such-day": {"activated_at": "2025-02-29"},
            "no-offset": {"activated_at": "2025-01-01T10:00:00"},
            "carrier": {"carrier": "CMCC"},
            "empty": dict.fromkeys(SUBSCRIPTION),
            "invisible": {"msisdn": "\u200b"},
            "withdrawn": {**dict.fromkeys(SUBSCRIPTION), "op": "withdraw"},
            "withdrawn-nonsense": {"op": "withdraw", "msisdn": "12", "activated_at": "x"},
            "withdrawn-future": {"op": "withdraw", "recorded_at": "2026-10-01T19:00:01+08:00"},
            "withdrawn-nobody": {"op": "withdraw", "record_id": None},
            "future": {"recorded_at": "2026-10-01T19:00:01+08:00"},
            "nearly-future": {"recorded_at": "2026-10-01T19:00:00+08:00"},
            "no-op": {"op": None},
            "odd-op": {"op": "delete"},
            "no-time": {"recorded_at": None},
            "odd-time": {"recorded_at": "yesterday"},
            "garbled": {**dict.fromkeys(SUBSCRIPTION), "msisdn": "12", "undecodable": "not UTF-8"},
            "born-later": {"holder_doc_no": "110101202610020010"},
        },
    )


def test_every_reason_that_applies_is_named_with_its_columns(subscriptions: Rows) -> None:
    expected = {
        "two-faults": (["national_id_birth_date", "phone_invalid"], ["holder_doc_no", "msisdn"]),
        "backwards": (["ends_before_it_starts"], ["activated_at", "deactivated_at"]),
        "no-such-day": (["wrong_type"], ["activated_at"]),
        "no-offset": (["wrong_type"], ["activated_at"]),
        "carrier": (["unknown_code"], ["carrier"]),
        "empty": (["missing_value"], sorted(SUBSCRIPTION)),
        "invisible": (["missing_value"], ["msisdn"]),
        "withdrawn-future": (["recorded_in_future"], ["recorded_at"]),
        "withdrawn-nobody": (["missing_value"], ["record_id"]),
        "future": (["recorded_in_future"], ["recorded_at"]),
        "no-op": (["missing_value"], ["op"]),
        "odd-op": (["unknown_code"], ["op"]),
        "no-time": (["missing_value"], ["recorded_at"]),
        "odd-time": (["wrong_type"], ["recorded_at"]),
        "garbled": (["phone_invalid", "undecodable"], ["msisdn"]),
        "born-later": (["national_id_birth_date"], ["holder_doc_no"]),
    }
    assert faults(subscriptions) == expected


def test_a_good_row_is_typed_and_its_identifiers_are_keyed_ids(subscriptions: Rows) -> None:
    row = subscriptions["good"]
    assert row["phone_id"] == phone("+8613800000001")
    assert (row["holder_type"], row["holder_id"]) == (
        "national_id",
        node_id_py(KEY, "national_id", NATIONAL_ID),
    )
    assert row["activated_at"] == datetime(2024, 12, 31, 16, tzinfo=UTC)
    assert row["deactivated_at"] == datetime(2026, 1, 1, 2, 0, 0, 500000, tzinfo=UTC)
    assert row["recorded_at"] == datetime(2026, 10, 1, 4, tzinfo=UTC)
    assert not row["frees_only"]
    assert {(one["type"], one["value"]) for one in row["_found"]} == {
        ("phone", "+8613800000001"),
        ("iccid", "89860012345678901234"),
        ("imsi", "460001234567890"),
        ("national_id", NATIONAL_ID),
    }


def test_spellings_of_one_number_are_one_identifier_and_rare_ones_go_through_python(
    subscriptions: Rows,
) -> None:
    assert subscriptions["dirty"]["phone_id"] == subscriptions["good"]["phone_id"]
    assert subscriptions["dirty"]["holder_id"] == subscriptions["good"]["holder_id"]
    assert subscriptions["foreign"]["phone_id"] == phone("+447911123456")


def test_a_withdrawal_needs_only_its_key_and_time_and_says_nothing_else(subscriptions: Rows) -> None:
    for name in ("withdrawn", "withdrawn-nonsense"):
        row = subscriptions[name]
        assert row["_is_good"]
        assert {row[column] for column in ("phone_id", "holder_id", "activated_at", "carrier")} == {None}
        assert row["_found"] == []


def test_a_broken_row_gives_the_vault_nothing(subscriptions: Rows) -> None:
    assert subscriptions["two-faults"]["_found"] == []


def test_a_record_of_the_future_counts_as_recorded_when_its_delivery_was_made(subscriptions: Rows) -> None:
    assert subscriptions["future"]["recorded_at"] == datetime(2026, 10, 1, 10, tzinfo=UTC)
    assert subscriptions["nearly-future"]["recorded_at"] == datetime(2026, 10, 1, 11, tzinfo=UTC)


@pytest.fixture(scope="module")
def cases() -> Rows:
    def involved(*elements: object) -> dict[str, str]:
        return {"involved": json.dumps(elements)}

    good = {
        "role": "payee",
        "identifier_type": "bank_account",
        "identifier": "1234 5678",
        "issuer": "工商银行",
    }
    return parse(
        "public_security/case_reports",
        CASE,
        {
            "good": involved(
                good,
                {"role": "site", "identifier_type": "url", "identifier": "HTTP://Pay.Example.co.uk:80/x"},
                {"role": "site", "identifier_type": "url", "identifier": "http://192.0.2.7/"},
                {"role": "site", "identifier_type": "domain", "identifier": "example.co.uk"},
                {
                    "role": "payee",
                    "identifier_type": "bank_account",
                    "identifier": "6222021234567890128",
                    "issuer": "icbc",
                },
                {"role": "offender", "identifier_type": "phone", "identifier": 13800000001},
            ),
            "elements": involved(
                good,
                {**good, "role": "boss"},
                {**good, "issuer": "nosuch"},
                {"role": "payee", "identifier_type": "phone", "identifier": "12"},
                {},
                "x",
                None,
                {**good, "identifier_type": "fax"},
                {**good, "identifier": " "},
            ),
            "no-list": {"involved": '{"role": "payee"}'},
            "no-json": {"involved": "[{"},
            "no-value": {"involved": None},
            "empty-list": {"involved": "[]"},
            "no-reference": {"finding": "confirmed", **involved(good)},
            "decimals": {"amount_cny": "1.001", **involved(good)},
            "region": {"region_code": "990100", **involved(good)},
            "unfounded": {
                "finding": "unfounded",
                "amount_cny": "much",
                "recorded_at": "2027-01-01",
                **involved(
                    good,
                    {**good, "role": "boss"},
                    {"role": "payee", "identifier_type": "phone", "identifier": "12"},
                ),
            },
            "unfounded-unkeyed": {"record_id": None, "finding": "unfounded", **involved(good)},
            "unfounded-untimed": {"recorded_at": "x", "finding": "unfounded", **involved(good)},
            "withdrawn": {"op": "withdraw", "involved": "x"},
        },
    )


def test_an_element_that_fails_is_set_aside_alone_with_its_index(cases: Rows) -> None:
    row = cases["elements"]
    assert row["_is_good"]
    assert row["_broken"] == [
        {"element": 1, "reasons": ["unknown_code"], "columns": ["role"]},
        {"element": 2, "reasons": ["unknown_code"], "columns": ["issuer"]},
        {"element": 3, "reasons": ["phone_invalid"], "columns": ["identifier"]},
        {"element": 4, "reasons": ["missing_value"], "columns": ["identifier", "identifier_type", "role"]},
        {"element": 5, "reasons": ["wrong_type"], "columns": ["involved"]},
        {"element": 6, "reasons": ["wrong_type"], "columns": ["involved"]},
        {"element": 7, "reasons": ["unknown_code"], "columns": ["identifier_type"]},
        {"element": 8, "reasons": ["missing_value"], "columns": ["identifier"]},
    ]
    assert [(one["role"], one["identifier_type"]) for one in row["involved"]] == [("payee", "bank_account")]


def test_elements_are_typed_and_a_bank_goes_by_its_code(cases: Rows) -> None:
    account, url, address, domain, card, line = cases["good"]["involved"]
    assert account["issuer"] == "icbc"
    assert account["identifier_id"] == node_id_py(KEY, "bank_account", "icbc:12345678")
    assert url["identifier_id"] == node_id_py(KEY, "url", "http://pay.example.co.uk/x")
    assert (url["identifier_host_type"], url["identifier_host_id"]) == (
        "domain",
        node_id_py(KEY, "domain", "pay.example.co.uk"),
    )
    assert url["identifier_registrable_id"] == node_id_py(KEY, "domain", "example.co.uk") == domain["identifier_id"]
    assert (address["identifier_host_type"], address["identifier_registrable_id"]) == ("ip", None)
    assert (domain["identifier_host_id"], domain["identifier_registrable_id"]) == (None, None)
    assert (card["identifier_type"], card["identifier_id"]) == (
        "bank_card",
        node_id_py(KEY, "bank_card", "6222021234567890128"),
    )
    assert line["identifier_id"] == phone("+8613800000001")
    values = {(one["type"], one["value"]) for one in cases["good"]["_found"]}
    assert {("ip", "192.0.2.7"), ("domain", "example.co.uk"), ("domain", "pay.example.co.uk")} <= values


def test_a_case_breaks_its_contract_by_column_list_and_rule(cases: Rows) -> None:
    assert faults(cases) == {
        "no-list": (["wrong_type"], ["involved"]),
        "no-json": (["wrong_type"], ["involved"]),
        "no-value": (["missing_value"], ["involved"]),
        "no-reference": (["finding_ref_missing"], ["finding", "finding_ref"]),
        "decimals": (["wrong_type"], ["amount_cny"]),
        "region": (["unknown_code"], ["region_code"]),
        "unfounded": (["recorded_in_future", "wrong_type"], ["amount_cny", "recorded_at"]),
        "unfounded-unkeyed": (["missing_value"], ["record_id"]),
        "unfounded-untimed": (["wrong_type"], ["recorded_at"]),
    }
    assert cases["empty-list"]["involved"] == []
    assert cases["withdrawn"]["involved"] is None


def test_what_frees_takes_effect_for_every_identifier_that_can_be_read(cases: Rows) -> None:
    assert [name for name, row in cases.items() if row["frees_only"]] == ["unfounded"]
    row = cases["unfounded"]
    readable = node_id_py(KEY, "bank_account", "icbc:12345678")
    assert [(one["role"], one["identifier_id"]) for one in row["involved"]] == [
        ("payee", readable),
        (None, readable),
    ]
    assert row["recorded_at"] == datetime(2026, 10, 1, 10, tzinfo=UTC)
    assert [one["element"] for one in row["_broken"]] == [1, 2]
    assert row["_found"] == []


def test_a_moment_that_is_a_day_says_so(cases: Rows) -> None:
    row = cases["good"]
    assert (row["occurred_at_is_day"], row["reported_at_is_day"]) == (True, False)
    assert row["amount_cny"] == Decimal("1200.50")


@pytest.mark.parametrize(
    ("feed_id", "base", "rows", "expected"),
    [
        pytest.param(
            "finance/accounts",
            ACCOUNT,
            {
                "good": {},
                "alias": {"institution_id": "中国工商银行"},
                "bank": {"institution_id": "nosuch", "account_no": "!"},
                "kind": {"account_kind": "purse"},
                "card": {"account_kind": "bank_card", "account_no": "6222021234567890129"},
                "account": {"account_no": "!!!!!!"},
                "uscc": {"holder_doc_type": "uscc", "holder_doc_no": "91350100M000100Y4O"},
                "passport": {"holder_doc_type": "passport", "holder_doc_no": "E12345678"},
                "half-a-binding": {"bound_phone": "12", "bound_at": "2025-01-02", "unbound_at": "2025-01-01"},
            },
            {
                "bank": (["unknown_code"], ["institution_id"]),
                "kind": (["unknown_code"], ["account_kind"]),
                "card": (["bank_card_check"], ["account_no"]),
                "account": (["account_format"], ["account_no"]),
                "uscc": (["uscc_check"], ["holder_doc_no"]),
                "passport": (["document_format"], ["holder_doc_no"]),
                "half-a-binding": (
                    ["ends_before_it_starts", "phone_invalid"],
                    ["bound_at", "bound_phone", "unbound_at"],
                ),
            },
            id="accounts",
        ),
        pytest.param(
            "internet/internet_accounts",
            {"platform": "wechat", "account_id": "abc", "registered_at": "2025-01-01"},
            {
                "good": {"platform": "WeChat"},
                "unknown-platform": {"platform": "nosuch"},
                "type-without-number": {"holder_doc_type": "national_id"},
                "number-without-type": {"holder_doc_no": NATIONAL_ID},
                "wrong-holder": {"holder_doc_type": "national_id", "holder_doc_no": "770101199001010010"},
            },
            {
                "unknown-platform": (["unknown_code"], ["platform"]),
                "type-without-number": (["missing_value"], ["holder_doc_no"]),
                "number-without-type": (["missing_value"], ["holder_doc_type"]),
                "wrong-holder": (["national_id_check", "national_id_region"], ["holder_doc_no"]),
            },
            id="internet_accounts",
        ),
        pytest.param(
            "internet/malicious_sites",
            SITE,
            {
                "good": {"ip": "192.0.2.1", "operator_uscc": "91350100M000100Y43"},
                "bool": {"verified": "yes"},
                "url": {"url": "not a url"},
                "ip": {"ip": "192.0.2.256"},
            },
            {
                "bool": (["wrong_type"], ["verified"]),
                "url": (["url_format"], ["url"]),
                "ip": (["ip_format"], ["ip"]),
            },
            id="malicious_sites",
        ),
        pytest.param(
            "telecom/abnormal_numbers",
            LINE,
            {
                "good": {"count": "+12"},
                "fraction": {"count": "1.0"},
                "huge": {"count": "9" * 19},
                "word": {"count": "many"},
            },
            {name: (["wrong_type"], ["count"]) for name in ("fraction", "huge", "word")},
            id="abnormal_numbers",
        ),
        pytest.param(
            "telecom/device_sightings",
            {
                "imei": "490154203237518",
                "imsi": "460001234567890",
                "first_seen": "2026-01-01",
                "last_seen": "2026-02-01",
            },
            {"good": {}, "imei": {"imei": "490154203237519"}, "imsi": {"imsi": "46000"}},
            {"imei": (["imei_check"], ["imei"]), "imsi": (["imsi_format"], ["imsi"])},
            id="device_sightings",
        ),
        pytest.param(
            "finance/suspicious_transfers",
            TRANSFER,
            {
                "good": {},
                "payee": {"payee_institution": "nosuch"},
                "amount": {"amount_cny": "12345678901234567.00"},
                "e": {"amount_cny": "1e3"},
            },
            {
                "payee": (["unknown_code"], ["payee_institution"]),
                "amount": (["wrong_type"], ["amount_cny"]),
                "e": (["wrong_type"], ["amount_cny"]),
            },
            id="suspicious_transfers",
        ),
        pytest.param(
            "public_security/persons_of_interest",
            PERSON,
            {
                "good": {},
                "other": {"doc_type": "other_document", "doc_no": "ZZZ:1"},
                "status": {"status": "innocent"},
            },
            {"other": (["document_format"], ["doc_no"]), "status": (["unknown_code"], ["status"])},
            id="persons_of_interest",
        ),
    ],
)
def test_each_feed_names_what_its_rows_break(
    feed_id: str,
    base: dict[str, Any],
    rows: dict[str, dict[str, Any]],
    expected: dict[str, tuple[list[str], list[str]]],
) -> None:
    assert faults(parse(feed_id, base, rows)) == expected


def test_an_upheld_appeal_frees_what_can_be_read_of_it_only_with_its_reference() -> None:
    base = {
        "identifier_type": "phone",
        "identifier": "13800000001",
        "outcome": "upheld",
        "decided_at": "2026-10-01",
        "decision_ref": "D-1",
    }
    rows = parse(
        "public_security/appeal_decisions",
        base,
        {
            "good": {},
            "no-day": {"decided_at": "2026-13-01"},
            "no-number": {"identifier": "12", "listing_id": "L1"},
            "no-reference": {"decision_ref": None},
            "dismissed": {"outcome": "dismissed", "decided_at": "x"},
        },
    )
    assert {name for name, row in rows.items() if row["frees_only"]} == {"no-day", "no-number"}
    assert rows["no-day"]["subject_id"] == phone("+8613800000001")
    assert (rows["no-number"]["subject_id"], rows["no-number"]["listing_id"]) == (None, "L1")


def test_a_release_of_a_card_frees_it_though_its_bank_is_unknown() -> None:
    base = {
        "account_kind": "bank_card",
        "institution_id": "nosuch",
        "account_no": "6222021234567890128",
        "control": "release",
        "ordered_at": "2026-10-01",
        "authority_level": "city",
    }
    rows = parse("finance/payment_controls", base, {"release": {}, "freeze": {"control": "freeze"}})
    assert faults(rows) == {name: (["unknown_code"], ["institution_id"]) for name in ("release", "freeze")}
    assert [row["frees_only"] for row in rows.values()] == [True, False]
    assert rows["release"]["account_id"] == node_id_py(KEY, "bank_card", "6222021234567890128")


def test_the_same_rows_in_any_order_and_any_number_of_parts_come_out_the_same() -> None:
    feed = FEEDS["public_security/case_reports"]
    elements = [{"role": "payee", "identifier_type": "phone", "identifier": f"1380000000{n}"} for n in range(8)]
    rows = [{**CASE, "record_id": f"r{n}", "line": n, "involved": json.dumps(elements[n:])} for n in range(8)]
    there = parse_records(bronze(feed, rows), feed, CODES, KEY).rows
    back = [parse_records(bronze(feed, part), feed, CODES, KEY).rows for part in (rows[:4:-1], rows[4::-1])]
    assert there.equals(pl.concat(back).sort("line"))
