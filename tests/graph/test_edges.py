"""Edges and the times of the records that support them (graph.md, Edges)."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from jobs.graph.edges import (
    build_edges,
    date_as_first_known,
    device_supports,
    involved_supports,
    join_stretches,
    login_supports,
    named_supports,
    sim_supports,
    site_supports,
    transfer_supports,
)
from jobs.identifiers.keys import node_id_py
from tests.graph.rows import BEGINNING, FOREVER, KEY, build, read

TONIGHT = pl.lit(datetime(2026, 6, 2, tzinfo=UTC), pl.Datetime("us", "UTC"))
"""The end of the business day 2026-06-01."""


def edges_of(frame: pl.DataFrame) -> set[tuple[Any, ...]]:
    return {(row["kind"], row["from_id"], row["to_id"], row["vf"], row["vt"]) for row in read(frame)}


DEVICES: dict[str, tuple[list[tuple[int, str, str]], dict[int, str]]] = {
    # name: sightings of sims in one device (sim, first, last); end by sim
    "a sim stays thirty days after it was last seen": ([(1, "2026-01-01", "2026-01-10")], {1: "2026-02-09"}),
    "the tail ends when another sim is first seen there": (
        [(1, "2026-01-01", "2026-01-10"), (2, "2026-01-15", "2026-03-01")],
        {1: "2026-01-15", 2: "2026-03-31"},
    ),
    "there is no tail when another sim was seen across the last sight": (
        [(1, "2026-01-01", "2026-01-10"), (2, "2026-01-05", "2026-03-01")],
        {1: "2026-01-10", 2: "2026-03-31"},
    ),
    "another sim that was not seen afterwards cuts nothing": (
        [(1, "2026-01-01", "2026-01-10"), (2, "2026-01-02", "2026-01-10")],
        {1: "2026-02-09", 2: "2026-02-09"},
    ),
    "another sim after the thirty days cuts nothing": (
        [(1, "2026-01-01", "2026-01-10"), (2, "2026-02-10", "2026-03-01")],
        {1: "2026-02-09", 2: "2026-03-31"},
    ),
    "the same sim seen again cuts nothing": (
        [(1, "2026-01-01", "2026-01-10"), (1, "2026-01-15", "2026-01-20")],
        {1: "2026-02-19"},
    ),
    "of several other sims the first counts": (
        [(1, "2026-01-01", "2026-01-10"), (2, "2026-01-25", "2026-01-26"), (3, "2026-01-20", "2026-01-22")],
        {1: "2026-01-20", 2: "2026-02-25", 3: "2026-01-25"},
    ),
}
DEVICE = {name: number for number, name in enumerate(DEVICES, start=500)}


@pytest.fixture(scope="module")
def tails() -> dict[int, dict[int, str]]:
    rows = [
        {"record_id": f"{name} {at}", "imei_id": DEVICE[name], "imsi_id": sim, "first_seen": first, "last_seen": last}
        for name, (sightings, _) in DEVICES.items()
        for at, (sim, first, last) in enumerate(sightings)
    ]
    ddl = "record_id string, business_date date, imei_id bigint, imsi_id bigint, first_seen timestamp, last_seen timestamp"
    found: dict[int, dict[int, str]] = {}
    for row in read(device_supports(build(ddl, rows), 30, "telecom/device_sightings")):
        ends = found.setdefault(row["to_id"], {})
        ends[row["from_id"]] = max(row["vt"], ends.get(row["from_id"], ""))
    return found


@pytest.mark.parametrize("name", DEVICES)
def test_devices(tails: dict[int, dict[int, str]], name: str) -> None:
    assert tails[DEVICE[name]] == DEVICES[name][1]


def test_tails_are_those_of_looking_at_every_two_sightings_of_a_device() -> None:
    dice = random.Random(7)
    start = datetime(2026, 1, 1, tzinfo=UTC)
    rows = []
    for number in range(2000):
        first = start + timedelta(days=dice.randrange(8))
        last = first + timedelta(days=dice.randrange(6))
        rows.append(
            {
                "record_id": str(number), "imei_id": dice.randrange(200), "imsi_id": dice.randrange(4), "first_seen": first,
                "last_seen": last,
            }
        )  # fmt: skip
    ddl = "record_id string, business_date date, imei_id bigint, imsi_id bigint, first_seen timestamp, last_seen timestamp"
    expected = {}
    for row in rows:
        here, last = [other for other in rows if other["imei_id"] == row["imei_id"]], row["last_seen"]
        after = [other for other in here if other["imsi_id"] != row["imsi_id"] and other["last_seen"] > last]
        ends = [max(other["first_seen"], last) for other in after]
        expected[row["record_id"]] = min([last + timedelta(days=3), *ends])
    found = device_supports(build(ddl, rows), 3, "telecom/device_sightings")
    assert dict(found.select("record_id", "vt").rows()) == expected


def test_a_holder_has_a_tenure_for_its_own_time_and_a_sim_for_the_subscriptions() -> None:
    subs = build(
        "record_id string, business_date date, tenure_node bigint, tenure_from timestamp, holder_id bigint, imsi_id bigint, "
        "iccid_id bigint, sub_from timestamp, sub_to timestamp",
        [
            {"tenure_node": 7, "tenure_from": "2026-01-01", "holder_id": 1, "imsi_id": 2, "iccid_id": 3, "sub_from": "2026-02-01", "sub_to": "2026-03-01"},
            {"tenure_node": 7, "tenure_from": "2026-01-01", "holder_id": 1, "sub_from": "2026-01-01", "sub_to": "2026-05-01"},
        ],
    )  # fmt: skip
    assert edges_of(sim_supports(subs, "telecom/subscriptions")) == {
        ("holder", 1, 7, "2026-01-01", "2026-05-01"),
        ("sim", 7, 2, "2026-02-01", "2026-03-01"),
        ("sim", 2, 3, "2026-02-01", "2026-03-01"),
    }


def test_of_two_documents_activated_at_one_instant_each_holds_the_tenure_for_its_own_time() -> None:
    subs = build(
        "record_id string, business_date date, tenure_node bigint, tenure_from timestamp, holder_id bigint, imsi_id bigint, "
        "iccid_id bigint, sub_from timestamp, sub_to timestamp",
        [
            {"tenure_node": 7, "tenure_from": "2026-01-01", "holder_id": 1, "sub_from": "2026-01-01", "sub_to": "2026-02-01"},
            {"tenure_node": 7, "tenure_from": "2026-01-01", "holder_id": 2, "sub_from": "2026-01-01", "sub_to": "2026-05-01"},
        ],
    )  # fmt: skip
    assert edges_of(sim_supports(subs, "telecom/subscriptions")) == {
        ("holder", 1, 7, "2026-01-01", "2026-02-01"),
        ("holder", 2, 7, "2026-01-01", "2026-05-01"),
    }


def test_logins_last_thirty_days_on_a_device_and_a_day_on_an_address() -> None:
    ddl = "record_id string, business_date date, account_id bigint, imei_id bigint, ip_id bigint, first_seen timestamp, last_seen timestamp"
    seen = {"first_seen": "2026-01-01", "last_seen": "2026-01-10"}
    rows = [
        {"account_id": 1, "imei_id": 2, "ip_id": 3, **seen},
        {"account_id": 4, "imei_id": 5, **seen},
        {"account_id": 6, "ip_id": 7, **seen},
    ]
    assert edges_of(login_supports(build(ddl, rows), 30, 1, "internet/account_logins")) == {
        ("login_device", 1, 2, "2026-01-01", "2026-02-09"),
        ("login_device", 4, 5, "2026-01-01", "2026-02-09"),
        ("login_ip", 1, 3, "2026-01-01", "2026-01-11"),
        ("login_ip", 6, 7, "2026-01-01", "2026-01-11"),
    }


def test_a_site_gives_its_operator_its_address_and_what_it_is_part_of() -> None:
    ddl = (
        "record_id string, business_date date, url_id bigint, host_id bigint, host_type string, registrable_id bigint, ip_id bigint, "
        "operator_id bigint, is_guarded boolean, first_seen timestamp, last_seen timestamp"
    )
    seen = {"first_seen": "2026-01-01", "last_seen": "2026-01-10"}
    rows = [
        {"url_id": 1, "host_id": 2, "host_type": "domain", "registrable_id": 3, "ip_id": 4, "operator_id": 5, **seen},
        {"url_id": 11, "host_id": 12, "host_type": "ip", "ip_id": 12, "operator_id": 15, **seen},
        {"url_id": 21, "host_id": 22, "host_type": "domain", "registrable_id": 23, "is_guarded": True, **seen},
        {"url_id": 31, "host_id": 32, "host_type": "domain", "registrable_id": 32, **seen},
        {"url_id": 42, "host_id": 42, "host_type": "domain", **seen},
    ]
    assert edges_of(site_supports(build(ddl, rows), 1, "internet/malicious_sites")) == {
        ("holder", 5, 2, "2026-01-01", "2026-01-11"),
        ("hosted_on", 2, 4, "2026-01-01", "2026-01-11"),
        ("part_of", 1, 2, BEGINNING, FOREVER),
        ("part_of", 2, 3, BEGINNING, FOREVER),
        ("part_of", 11, 12, BEGINNING, FOREVER),
        ("part_of", 21, 22, BEGINNING, FOREVER),
        ("part_of", 31, 32, BEGINNING, FOREVER),
    }


def test_a_case_joins_offenders_payees_and_sites_but_no_victims() -> None:
    ddl = (
        "record_id string, business_date date, case_id string, role string, identifier_type string, node_id bigint, "
        "identifier_host_type string, identifier_host_id bigint, identifier_registrable_id bigint, is_guarded boolean"
    )
    rows = [
        {"case_id": "C1", "role": role, "identifier_type": "phone", "node_id": node}
        for node, role in enumerate(("offender", "payee", "victim", "impersonated"), start=1)
    ]
    rows += [
        {"case_id": "C1", "role": "offender", "identifier_type": "phone"},
        {
            "case_id": "C2", "role": "site", "identifier_type": "url", "node_id": 11, "identifier_host_type": "domain",
            "identifier_host_id": 12, "identifier_registrable_id": 13,
        },
        {"case_id": "C2", "role": "site", "identifier_type": "domain", "node_id": 22, "identifier_registrable_id": 23},
    ]  # fmt: skip
    first, second = node_id_py(KEY, "case", "C1"), node_id_py(KEY, "case", "C2")
    named, feed = build(ddl, rows), "public_security/case_reports"
    assert edges_of(involved_supports(named, feed, KEY, ("offender", "payee", "site"))) == {
        ("involved", first, 1, BEGINNING, FOREVER),
        ("involved", first, 2, BEGINNING, FOREVER),
        ("involved", second, 11, BEGINNING, FOREVER),
        ("involved", second, 22, BEGINNING, FOREVER),
    }
    assert edges_of(named_supports(named, feed)) == {
        ("part_of", 11, 12, BEGINNING, FOREVER),
        ("part_of", 12, 13, BEGINNING, FOREVER),
        ("part_of", 22, 23, BEGINNING, FOREVER),
    }


def test_a_transfer_is_a_moment_or_a_day_and_never_to_oneself() -> None:
    ddl = (
        "record_id string, business_date date, payer_id bigint, payee_id bigint, transferred_at timestamp, "
        "transferred_at_is_day boolean"
    )
    rows = [
        {"payer_id": 1, "payee_id": 2, "transferred_at": "2026-01-01 09:30", "transferred_at_is_day": False},
        {"payer_id": 3, "payee_id": 4, "transferred_at": "2026-01-01", "transferred_at_is_day": True},
        {"payer_id": 5, "payee_id": 5, "transferred_at": "2026-01-01", "transferred_at_is_day": False},
        {"payer_id": 6, "transferred_at": "2026-01-01", "transferred_at_is_day": False},
    ]
    assert edges_of(transfer_supports(build(ddl, rows), "finance/suspicious_transfers")) == {
        ("transfer", 1, 2, "2026-01-01 09:30", "2026-01-01 09:30"),
        ("transfer", 3, 4, "2026-01-01", "2026-01-02"),
    }


SUPPORT_DDL = "kind string, from_id bigint, to_id bigint, feed string, record_id string, business_date date, vf timestamp, vt timestamp"
EDGES: dict[str, tuple[str, list[tuple[str, str, str]], tuple[str | None, str | None], bool, int]] = {
    # name: kind, support (record, from, to), hull, is it live, number of supporting times
    "a record that holds tonight makes it live": (
        "device", [("r", "2026-01-01", "2026-07-01")], ("2026-01-01", "2026-07-01"), True, 1,
    ),
    "open ends are null and live": ("part_of", [("r", BEGINNING, FOREVER)], (None, None), True, 1),
    "stretches of one record that touch are one": (
        "sim", [("r", "2026-01-01", "2026-02-01"), ("r", "2026-02-01", "2026-03-01")], ("2026-01-01", "2026-03-01"), False, 1,
    ),
    "a stretch inside another of the same record is part of it": (
        "sim",
        [("r", "2026-01-01", "2026-07-01"), ("r", "2026-02-01", "2026-03-01"), ("r", "2026-05-01", "2026-08-01")],
        ("2026-01-01", "2026-08-01"), True, 1,
    ),
    "stretches of one record with a gap are two": (
        "sim", [("r", "2026-01-01", "2026-02-01"), ("r", "2026-03-01", "2026-04-01")], ("2026-01-01", "2026-04-01"), False, 2,
    ),
    "stretches of two records are two": (
        "sim", [("r", "2026-01-01", "2026-02-01"), ("s", "2026-02-01", "2026-03-01")], ("2026-01-01", "2026-03-01"), False, 2,
    ),
    "tonight in the hull but in none of its records is not live": (
        "device", [("r", "2026-01-01", "2026-02-01"), ("s", "2026-07-01", "2026-08-01")], ("2026-01-01", "2026-08-01"), False, 2,
    ),
    "what begins tomorrow is not live tonight": (
        "device", [("r", "2026-06-02", "2026-07-01")], ("2026-06-02", "2026-07-01"), False, 1,
    ),
    "what ends with the business day is live tonight": (
        "device", [("r", "2026-01-01", "2026-06-02")], ("2026-01-01", "2026-06-02"), True, 1,
    ),
    "what ended during the business day is not": (
        "device", [("r", "2026-01-01", "2026-06-01 23:59")], ("2026-01-01", "2026-06-01 23:59"), False, 1,
    ),
    "transfers on one edge stay moments of their own": (
        "transfer", [("r", "2026-01-01", "2026-01-01"), ("s", "2026-01-01", "2026-01-01")], ("2026-01-01", "2026-01-01"), False, 2,
    ),
}  # fmt: skip
EDGE = {name: number for number, name in enumerate(EDGES, start=1)}


def support_rows() -> list[dict[str, Any]]:
    return [
        {
            "kind": kind, "from_id": EDGE[name], "to_id": -EDGE[name], "feed": "a/b", "record_id": record, "vf": vf, "vt": vt,
            "business_date": date(2026, 5, day),
        }
        for name, (kind, support, *_) in EDGES.items()
        for day, (record, vf, vt) in enumerate(support, start=7)
    ]  # fmt: skip


@pytest.fixture(scope="module")
def edges() -> dict[int, dict[str, Any]]:
    rows = read(build_edges(build(SUPPORT_DDL, support_rows()), TONIGHT))
    assert len(rows) == len(EDGES)
    return {row["from_id"]: row for row in rows}


@pytest.mark.parametrize("name", EDGES)
def test_edges(edges: dict[int, dict[str, Any]], name: str) -> None:
    kind, _, hull, is_live, times = EDGES[name]
    row = edges[EDGE[name]]
    assert (row["kind"], row["to_id"]) == (kind, -EDGE[name])
    assert (row["valid_from"], row["valid_to"]) == hull
    assert row["is_live"] is is_live
    assert len(row["support"]) == times
    assert row["first_known_on"] == date(2026, 5, 7)


def test_edges_do_not_depend_on_the_order_of_the_rows(edges: dict[int, dict[str, Any]]) -> None:
    again = read(build_edges(build(SUPPORT_DDL, support_rows()[::-1]), TONIGHT))
    assert {row["from_id"]: row for row in again} == edges


def test_joined_stretches_keep_their_record() -> None:
    rows = read(join_stretches(build(SUPPORT_DDL, support_rows()[2:4])))
    assert [(row["record_id"], row["vf"], row["vt"]) for row in rows] == [("r", "2026-01-01", "2026-03-01")]


def test_what_a_record_says_again_was_known_before() -> None:
    ddl = "record_id string, is_newest boolean, business_date date, imsi_id bigint, imei_id bigint"

    def said(record: str, day: int, imei: int, newest: bool = False) -> dict[str, Any]:
        return {
            "record_id": record,
            "is_newest": newest,
            "business_date": date(2026, 5, day),
            "imsi_id": 1,
            "imei_id": imei,
        }

    rows = [
        said("again", 7, 10), said("again", 9, 10, True),
        said("another device since", 7, 10), said("another device since", 8, 11), said("another device since", 9, 11, True),
        said("once", 9, 10, True),
    ]  # fmt: skip
    dated = date_as_first_known(build(ddl, rows), ("imsi_id", "imei_id")).filter("is_newest")
    assert {row["record_id"]: row["business_date"].day for row in dated.to_dicts()} == {
        "again": 7, "another device since": 8, "once": 9,
    }  # fmt: skip
