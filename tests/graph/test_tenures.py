"""Tenures of numbers and what attaches to them (graph.md, Nodes): one number per sentence, all in one frame."""

from __future__ import annotations

from typing import Any, NamedTuple

import polars as pl
import pytest

from jobs.graph.tenures import (
    attach_phone,
    collect_tenures,
    cut_subscriptions,
    implicit_tenures,
    join_tenures,
    number_carriers,
    tenure_rows,
    tenures_by_phone,
)
from tests.graph.rows import FOREVER, KEY, ORDER_DDL, build, read, tenure

DDL = (
    f"record_id string, {ORDER_DDL}, business_date date, phone_id bigint, holder_id bigint, holder_type string, imsi_id bigint, "
    "iccid_id bigint, carrier string, activated_at timestamp, deactivated_at timestamp, deactivation_reason string"
)
MOTHER, SON = 1001, 1002
GAP_DAYS = 30
Known = tuple[int, str, str, str | None]
"""holder, from, to, ended by fraud"""


def line(
    activated: str,
    deactivated: str | None = None,
    reason: str | None = None,
    *,
    holder: int = MOTHER,
    sim: int = 1,
    record: str = "r",
    recorded: str | None = None,
) -> dict[str, Any]:
    """One version of a subscription."""
    return {
        "record_id": record, "recorded_at": recorded or activated, "holder_id": holder, "holder_type": "national_id", "imsi_id": sim,
        "iccid_id": 100 + sim, "carrier": "cmcc", "activated_at": activated, "deactivated_at": deactivated, "deactivation_reason": reason,
    }  # fmt: skip


CASES: dict[str, tuple[list[dict[str, Any]], list[Known]]] = {
    "a subscription without an end is a tenure that is open": (
        [line("2026-01-01")],
        [(MOTHER, "2026-01-01", FOREVER, None)],
    ),
    "a number issued again to somebody else is another tenure": (
        [line("2026-01-01", "2026-02-01"), line("2026-06-01", holder=SON, record="s")],
        [(MOTHER, "2026-01-01", "2026-02-01", None), (SON, "2026-06-01", FOREVER, None)],
    ),
    "overlapping subscriptions of one document are one tenure to the last end": (
        [line("2026-01-01", "2026-05-01"), line("2026-02-01", "2026-03-01", record="s")],
        [(MOTHER, "2026-01-01", "2026-05-01", None)],
    ),
    "a port that follows at once is one tenure": (
        [line("2026-01-01", "2026-02-01", "ported"), line("2026-02-01", record="s")],
        [(MOTHER, "2026-01-01", FOREVER, None)],
    ),
    "a re-activation on the thirtieth day is one tenure": (
        [line("2026-01-01", "2026-02-01"), line("2026-03-03", record="s")],
        [(MOTHER, "2026-01-01", FOREVER, None)],
    ),
    "a re-activation after the thirtieth day is another tenure": (
        [line("2026-01-01", "2026-02-01"), line("2026-03-03 00:01", record="s")],
        [(MOTHER, "2026-01-01", "2026-02-01", None), (MOTHER, "2026-03-03 00:01", FOREVER, None)],
    ),
    "the thirty days count from the end of the last": (
        [
            line("2026-01-01", "2026-06-01"),
            line("2026-02-01", "2026-03-01", record="s"),
            line("2026-06-15", record="t"),
        ],
        [(MOTHER, "2026-01-01", FOREVER, None)],
    ),
    "somebody else's between splits": (
        [
            line("2026-01-01", "2026-02-01"),
            line("2026-02-05", "2026-02-10", holder=SON, record="s"),
            line("2026-02-15", record="t"),
        ],
        [
            (MOTHER, "2026-01-01", "2026-02-01", None),
            (SON, "2026-02-05", "2026-02-10", None),
            (MOTHER, "2026-02-15", FOREVER, None),
        ],
    ),
    "somebody else's that ended before the gap does not split": (
        [
            line("2026-01-01", "2026-02-01"),
            line("2026-01-10", "2026-02-01", holder=SON, record="s"),
            line("2026-02-15", record="t"),
        ],
        [(MOTHER, "2026-01-01", FOREVER, None), (SON, "2026-01-10", "2026-02-01", None)],
    ),
    "somebody else's that begins when the gap ends does not split": (
        [
            line("2026-01-01", "2026-02-01"),
            line("2026-02-15", holder=SON, record="s"),
            line("2026-02-15 00:00", record="t"),
        ],
        [(MOTHER, "2026-01-01", FOREVER, None), (SON, "2026-02-15", FOREVER, None)],
    ),
    "different documents that overlap are both kept": (
        [line("2026-01-01", "2026-03-01"), line("2026-02-01", holder=SON, record="s")],
        [(MOTHER, "2026-01-01", "2026-03-01", None), (SON, "2026-02-01", FOREVER, None)],
    ),
    "an end by fraud is of its tenure": (
        [line("2026-01-01", "2026-02-01", "fraud")],
        [(MOTHER, "2026-01-01", "2026-02-01", "2026-02-01")],
    ),
    "an end by another reason is not by fraud": (
        [line("2026-01-01", "2026-02-01", "unpaid")],
        [(MOTHER, "2026-01-01", "2026-02-01", None)],
    ),
    "an end by fraud inside a tenure still counts": (
        [line("2026-01-01", "2026-02-01", "fraud"), line("2026-02-10", record="s")],
        [(MOTHER, "2026-01-01", FOREVER, "2026-02-01")],
    ),
    "an end by fraud stays with the one who held the number": (
        [line("2026-01-01", "2026-02-01", "fraud"), line("2026-02-10", holder=SON, record="s")],
        [(MOTHER, "2026-01-01", "2026-02-01", "2026-02-01"), (SON, "2026-02-10", FOREVER, None)],
    ),
    "ends are those of the newest version": (
        [
            line("2026-01-01", "2026-02-01", "fraud"),
            line("2026-01-01", "2026-03-01", "customer", recorded="2026-03-02"),
        ],
        [(MOTHER, "2026-01-01", "2026-03-01", None)],
    ),
    "an end that the newest version takes back is none": (
        [line("2026-01-01", "2026-02-01", "fraud"), line("2026-01-01", recorded="2026-03-02")],
        [(MOTHER, "2026-01-01", FOREVER, None)],
    ),
    "an end by fraud that comes with another sim still counts": (
        [line("2026-01-01"), line("2026-01-01", "2026-02-01", "fraud", sim=2, recorded="2026-02-05")],
        [(MOTHER, "2026-01-01", "2026-02-01", "2026-02-01")],
    ),
    "an end by fraud that is taken back with another sim is none": (
        [line("2026-01-01", "2026-02-01", "fraud"), line("2026-01-01", sim=2, recorded="2026-02-05")],
        [(MOTHER, "2026-01-01", FOREVER, None)],
    ),
    "another holder with a later start ends the older tenure there": (
        [line("2026-01-01"), line("2026-04-01", holder=SON)],
        [(MOTHER, "2026-01-01", "2026-04-01", None), (SON, "2026-04-01", FOREVER, None)],
    ),
    "another holder with the same start was always the holder": (
        [line("2026-01-01"), line("2026-01-01", holder=SON, recorded="2026-04-01")],
        [(SON, "2026-01-01", FOREVER, None)],
    ),
    "another sim is the same tenure": (
        [line("2026-01-01"), line("2026-01-01", sim=2, recorded="2026-04-01")],
        [(MOTHER, "2026-01-01", FOREVER, None)],
    ),
    "two tenures with a gap have three implicit ones around them": (
        [line("2026-02-01", "2026-03-01"), line("2026-05-01", "2026-06-01", holder=SON, record="s")],
        [(MOTHER, "2026-02-01", "2026-03-01", None), (SON, "2026-05-01", "2026-06-01", None)],
    ),
    "two tenures that meet in the middle of a day": (
        [line("2026-02-01", "2026-03-01 12:00"), line("2026-03-01 12:00", holder=SON, record="s")],
        [(MOTHER, "2026-02-01", "2026-03-01 12:00", None), (SON, "2026-03-01 12:00", FOREVER, None)],
    ),
    "a tenure that begins in the middle of a day": (
        [line("2026-02-01 12:00")],
        [(MOTHER, "2026-02-01 12:00", FOREVER, None)],
    ),
}
NUMBER = {name: number for number, name in enumerate(CASES, start=1)}
NO_SUBSCRIPTION = 999

SIMS = {
    "another sim is the same tenure": [(1, "2026-01-01", "2026-04-01"), (2, "2026-04-01", FOREVER)],
    "an end by fraud that comes with another sim still counts": [(1, "2026-01-01", "2026-02-01")],
    "an end by fraud that is taken back with another sim is none": [
        (1, "2026-01-01", "2026-02-05"),
        (2, "2026-02-05", FOREVER),
    ],
}


class Subscribed(NamedTuple):
    subscriptions: list[dict[str, Any]]
    tenures: list[dict[str, Any]]
    known: pl.DataFrame


def subscribe(rows: list[dict[str, Any]]) -> Subscribed:
    subs = join_tenures(cut_subscriptions(build(DDL, rows)), KEY, GAP_DAYS)
    known = collect_tenures(subs)
    return Subscribed(read(subs), read(known), known)


def all_rows() -> list[dict[str, Any]]:
    return [
        {"line": at, **row, "record_id": f"{NUMBER[name]} {row['record_id']}", "phone_id": NUMBER[name]}
        for name, (rows, _) in CASES.items()
        for at, row in enumerate(rows, start=1)
    ]


@pytest.fixture(scope="module")
def subscribed() -> Subscribed:
    return subscribe(all_rows())


def sorted_rows(rows: list[dict[str, Any]]) -> list[str]:
    return sorted(repr(sorted(row.items())) for row in rows)


@pytest.mark.parametrize("name", CASES)
def test_tenures(subscribed: Subscribed, name: str) -> None:
    found = [
        (row["holder_id"], row["tenure_from"], row["tenure_to"], row["fraud_ended_at"])
        for row in subscribed.tenures
        if row["phone_id"] == NUMBER[name]
    ]
    assert sorted(found, key=lambda one: (one[1], one[0])) == CASES[name][1]


@pytest.mark.parametrize("name", SIMS)
def test_a_sim_lasts_as_long_as_its_subscription_names_it(subscribed: Subscribed, name: str) -> None:
    rows = [row for row in subscribed.subscriptions if row["phone_id"] == NUMBER[name]]
    assert sorted((row["imsi_id"], row["sub_from"], row["sub_to"]) for row in rows) == SIMS[name]
    assert {row["iccid_id"] - row["imsi_id"] for row in rows} == {100}


def test_the_id_of_a_tenure_is_that_of_its_number_and_first_activation(subscribed: Subscribed) -> None:
    for name, since in (
        ("a port that follows at once is one tenure", "2026-01-01"),
        ("a subscription without an end is a tenure that is open", "2026-01-01"),
    ):
        number = NUMBER[name]
        rows = [row for row in subscribed.tenures if row["phone_id"] == number]
        assert [row["tenure_node"] for row in rows] == [tenure(number, since)]


def test_tenures_do_not_depend_on_the_order_of_the_rows(subscribed: Subscribed) -> None:
    again = subscribe(all_rows()[::-1])
    assert sorted_rows(again.tenures) == sorted_rows(subscribed.tenures)
    assert sorted_rows(again.subscriptions) == sorted_rows(subscribed.subscriptions)


GAPS = NUMBER["two tenures with a gap have three implicit ones around them"]
OVERLAP = NUMBER["different documents that overlap are both kept"]
MEET = NUMBER["two tenures that meet in the middle of a day"]
NOON = NUMBER["a tenure that begins in the middle of a day"]
REFERENCES: dict[str, tuple[int | None, str | None, bool | None, int | None, bool, tuple[str | None, str | None]]] = {
    # name: number, moment, is it a day; tenure, is it unclear, times of the implicit one
    "the moment of a start is in the tenure": (GAPS, "2026-02-01", False, tenure(GAPS, "2026-02-01"), False, (None, None)),
    "the moment of an end is not in the tenure": (
        GAPS, "2026-03-01", False, tenure(GAPS, "2026-03-01"), False, ("2026-03-01", "2026-05-01"),
    ),
    "before the first is an implicit tenure open to the left": (
        GAPS, "2026-01-15", False, tenure(GAPS, None), False, (None, "2026-02-01"),
    ),
    "between two is an implicit tenure since the end before": (
        GAPS, "2026-04-15", False, tenure(GAPS, "2026-03-01"), False, ("2026-03-01", "2026-05-01"),
    ),
    "after the last is an implicit tenure open to the right": (
        GAPS, "2026-07-15", False, tenure(GAPS, "2026-06-01"), False, ("2026-06-01", None),
    ),
    "a number without subscriptions has one tenure open at both ends": (
        NO_SUBSCRIPTION, "2026-07-15", False, tenure(NO_SUBSCRIPTION, None), False, (None, None),
    ),
    "of two overlapping the one activated last": (
        OVERLAP, "2026-02-15", False, tenure(OVERLAP, "2026-02-01"), False, (None, None),
    ),
    "before the overlap the first": (OVERLAP, "2026-01-15", False, tenure(OVERLAP, "2026-01-01"), False, (None, None)),
    "a day inside a tenure attaches to it": (GAPS, "2026-02-10", True, tenure(GAPS, "2026-02-01"), False, (None, None)),
    "a day that one tenure touches attaches to it": (
        NOON, "2026-02-01", True, tenure(NOON, "2026-02-01 12:00"), False, (None, None),
    ),
    "a moment of that day before it does not": (
        NOON, "2026-02-01 11:59", False, tenure(NOON, None), False, (None, "2026-02-01 12:00"),
    ),
    "a day that two tenures touch attaches to none": (MEET, "2026-03-01", True, None, True, (None, None)),
    "a moment of that day attaches to the one that holds it": (
        MEET, "2026-03-01 11:59", False, tenure(MEET, "2026-02-01"), False, (None, None),
    ),
    "a day that a tenure ends at the beginning of does not touch it": (
        GAPS, "2026-03-01", True, tenure(GAPS, "2026-03-01"), False, ("2026-03-01", "2026-05-01"),
    ),
    "a day that no tenure touches attaches to the implicit one": (
        GAPS, "2026-04-01", True, tenure(GAPS, "2026-03-01"), False, ("2026-03-01", "2026-05-01"),
    ),
    "whether it is a day may be unknown": (GAPS, "2026-02-10", None, tenure(GAPS, "2026-02-01"), False, (None, None)),
    "no phone attaches to nothing": (None, "2026-02-10", False, None, False, (None, None)),
    "no moment attaches to nothing": (GAPS, None, True, None, False, (None, None)),
}  # fmt: skip
IMPLICIT = {
    (GAPS, None, "2026-02-01"),
    (GAPS, "2026-03-01", "2026-05-01"),
    (GAPS, "2026-06-01", None),
    (NO_SUBSCRIPTION, None, None),
    (NOON, None, "2026-02-01 12:00"),
}


@pytest.fixture(scope="module")
def attached(subscribed: Subscribed) -> pl.DataFrame:
    rows = [
        {"record_id": name, "caller": number, "moment": moment, "is_day": is_day}
        for name, (number, moment, is_day, *_) in REFERENCES.items()
    ]
    references = build("record_id string, caller bigint, moment timestamp, is_day boolean", rows)
    by_phone = tenures_by_phone(subscribed.known)
    return attach_phone(references, by_phone, KEY, phone="caller", moment=pl.col("moment"), is_day=pl.col("is_day"))


@pytest.fixture(scope="module")
def references(attached: pl.DataFrame) -> dict[str, dict[str, Any]]:
    rows = read(attached)
    assert len(rows) == len(REFERENCES)
    return {row["record_id"]: row for row in rows}


@pytest.mark.parametrize("name", REFERENCES)
def test_references(references: dict[str, dict[str, Any]], name: str) -> None:
    _, _, _, node, unclear, around = REFERENCES[name]
    row = references[name]
    assert (row["tenure_node"], row["is_unclear"]) == (node, unclear)
    assert (row["implicit_from"], row["implicit_to"]) == around


def test_an_implicit_tenure_is_one_row_without_a_holder(subscribed: Subscribed, attached: pl.DataFrame) -> None:
    implicit_ones = implicit_tenures((attached, "caller"), (attached, "caller"))
    carriers = build("phone_id bigint, carrier string", [{"phone_id": GAPS, "carrier": "cucc"}])
    rows = read(tenure_rows(subscribed.known, implicit_ones, carriers))
    implicit = [row for row in rows if row["is_implicit"]]
    assert len(implicit) == len(IMPLICIT)
    assert {(row["phone_id"], row["tenure_from"], row["tenure_to"]) for row in implicit} == IMPLICIT
    assert {row["holder_id"] for row in implicit} == {None}
    assert {(row["phone_id"], row["carrier"]) for row in implicit} == {
        (GAPS, "cucc"),
        (NO_SUBSCRIPTION, None),
        (NOON, None),
    }
    known = [row for row in rows if not row["is_implicit"]]
    assert len(known) == len(subscribed.tenures)
    assert FOREVER not in {row["tenure_to"] for row in known}


def test_the_carrier_of_a_number_is_that_of_its_newest_subscription_whoever_held_it() -> None:
    said = [
        line("2026-01-01", "2026-02-01"),
        line("2026-03-01", "2026-04-01", holder=SON, record="s") | {"carrier": "cucc"},
        line("2026-02-15", "2026-02-20", record="t", recorded="2026-05-01"),
    ]
    versions = build(DDL, [row | {"phone_id": 1} for row in said])
    assert read(number_carriers(cut_subscriptions(versions))) == [{"phone_id": 1, "carrier": "cucc"}]
