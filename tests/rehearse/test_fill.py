"""Whole records from the fields that matter."""

from collections.abc import Callable
from datetime import date

import pytest

from jobs.core.contracts import Feed
from jobs.rehearse.fill import Filler, Listing
from jobs.rehearse.play import Player

ON = date(2026, 10, 1)
Build = Callable[..., dict[str, Player]]
NIGHTS = "  2026-10-01: {expect: {events: 0}}\n"


@pytest.fixture
def filler(prepared: Build) -> Filler:
    return prepared(story=NIGHTS)["story"].filler


def test_every_required_column_is_filled_and_every_optional_one_empty(
    filler: Filler, contracts: dict[str, Feed]
) -> None:
    for feed in (feed for feed in contracts.values() if not feed.public):
        full = filler.record(feed, {}, ON, "r1")
        assert list(full) == list(feed.columns)
        for name, column in feed.columns.items():
            assert (full[name] is not None) == column.required, f"{feed.id}.{name}"


def test_fillers_are_the_same_for_the_same_record_and_connect_nothing_else(
    filler: Filler, contracts: dict[str, Feed]
) -> None:
    feed = contracts["telecom/subscriptions"]
    one = filler.record(feed, {"msisdn": "@phone.P", "record_id": "sub"}, ON, "r1")
    later = filler.record(
        feed,
        {"msisdn": "@phone.P", "record_id": "sub", "deactivated_at": "2026-10-03"},
        date(2026, 10, 5),
        "r2",
    )
    other = filler.record(feed, {"msisdn": "@phone.P"}, ON, "r3")
    same = ("msisdn", "iccid", "imsi", "carrier", "holder_doc_type", "holder_doc_no", "activated_at")
    assert [one[name] for name in same] == [later[name] for name in same]
    assert one["msisdn"] == other["msisdn"]
    assert {one["imsi"], one["iccid"], one["holder_doc_no"]}.isdisjoint(
        {other["imsi"], other["iccid"], other["holder_doc_no"]}
    )


def test_a_sim_that_is_named_has_one_serial_number_in_every_record(filler: Filler, contracts: dict[str, Feed]) -> None:
    feed = contracts["telecom/subscriptions"]
    records = [filler.record(feed, {"msisdn": "@phone.P", "imsi": "@imsi.S"}, ON, name) for name in ("r1", "r2")]
    assert records[0]["iccid"] == records[1]["iccid"]


def test_type_and_issuer_go_with_the_label(filler: Filler, contracts: dict[str, Feed]) -> None:
    full = filler.record(
        contracts["finance/suspicious_transfers"],
        {"payer_account": "@payment_account.Y", "payee_account": "@bank_card.K"},
        ON,
        "r1",
    )
    payer, payee = filler.book.label("@payment_account.Y"), filler.book.label("@bank_card.K")
    assert payer is not None
    assert payee is not None
    assert (full["payer_kind"], full["payer_institution"], full["payer_account"]) == (
        "payment_account",
        payer.scope,
        payer.alone,
    )
    assert (full["payee_kind"], full["payee_institution"], full["payee_account"]) == (
        "bank_card",
        payee.scope,
        payee.alone,
    )


def test_the_document_type_goes_with_the_document(filler: Filler, contracts: dict[str, Feed]) -> None:
    full = filler.record(contracts["telecom/subscriptions"], {"holder_doc_no": "@passport.A"}, ON, "r1")
    assert full["holder_doc_type"] == "passport"
    full = filler.record(contracts["public_security/persons_of_interest"], {"doc_no": "@uscc.C"}, ON, "r1")
    assert full["doc_type"] == "uscc"


def test_what_the_case_names_wins_over_the_label(filler: Filler, contracts: dict[str, Feed]) -> None:
    full = filler.record(
        contracts["finance/accounts"],
        {"account_no": "@bank_account.B", "institution_id": "nosuch", "holder_doc_type": "passport"},
        ON,
        "r1",
    )
    assert full["institution_id"] == "nosuch"
    assert full["holder_doc_type"] == "passport"
    assert ":" in full["holder_doc_no"]


def test_null_stays_empty(filler: Filler, contracts: dict[str, Feed]) -> None:
    full = filler.record(contracts["telecom/subscriptions"], {"msisdn": None, "carrier": None}, ON, "r1")
    assert (full["msisdn"], full["carrier"]) == (None, None)


def test_a_withdrawal_names_only_its_record(filler: Filler, contracts: dict[str, Feed]) -> None:
    full = filler.record(contracts["finance/payment_controls"], {"record_id": "f", "op": "withdraw"}, ON, "r1")
    assert {name: value for name, value in full.items() if value is not None} == {
        "record_id": "story:f", "op": "withdraw", "recorded_at": "2026-10-01T12:00:00+08:00",
    }  # fmt: skip


def test_cases_share_neither_case_ids_nor_record_ids(prepared: Build, contracts: dict[str, Feed]) -> None:
    players = prepared(one=NIGHTS, two=NIGHTS)
    records = [
        player.filler.record(contracts["public_security/case_reports"], {"case_id": "C", "record_id": "c"}, ON, "r1")
        for player in players.values()
    ]
    assert [(record["case_id"], record["record_id"]) for record in records] == [
        ("one:C", "one:c"),
        ("two:C", "two:c"),
    ]


def test_a_confirmed_case_has_its_reference_and_a_reported_one_has_none(
    filler: Filler, contracts: dict[str, Feed]
) -> None:
    feed = contracts["public_security/case_reports"]
    assert filler.record(feed, {"finding": "confirmed"}, ON, "r1")["finding_ref"]
    assert filler.record(feed, {"finding": "reported"}, ON, "r1")["finding_ref"] is None
    assert filler.record(feed, {"finding": "confirmed", "finding_ref": None}, ON, "r1")["finding_ref"] is None


def test_an_element_of_involved_has_type_and_issuer_of_its_label(filler: Filler, contracts: dict[str, Feed]) -> None:
    given = {
        "involved": [
            {"role": "payee", "identifier": "@internet_account.W"},
            {"role": "offender", "identifier": "+86 @phone.P"},
        ]
    }
    account, phone = filler.record(contracts["public_security/case_reports"], given, ON, "r1")["involved"]
    label = filler.book.label("@internet_account.W")
    assert label is not None
    assert account == {
        "role": "payee",
        "identifier_type": "internet_account",
        "identifier": label.alone,
        "issuer": label.scope,
    }
    assert phone == {
        "role": "offender",
        "identifier_type": "phone",
        "identifier": "+86 " + filler.book.written("x@phone.P")[1:],
        "issuer": None,
    }


def test_an_answer_names_the_listing_and_who_administers_it(filler: Filler, contracts: dict[str, Feed]) -> None:
    given = {"listing_of": "@bank_account.B", "outcome": "closed"}
    full = filler.record(contracts["finance/measure_outcomes"], given, ON, "r1", Listing("L-1", "icbc"))
    assert (full["listing_id"], full["recipient_id"]) == ("L-1", "icbc")
    assert (
        filler.record(
            contracts["finance/measure_outcomes"],
            {**given, "recipient_id": "boc"},
            ON,
            "r1",
            Listing("L-1", "icbc"),
        )["recipient_id"]
        == "boc"
    )


def test_a_decision_on_a_listing_names_its_identifier_too(filler: Filler, contracts: dict[str, Feed]) -> None:
    full = filler.record(
        contracts["public_security/review_decisions"],
        {"listing_of": "@bank_account.B", "measure": "restrict"},
        ON,
        "r1",
        Listing("L-1", "icbc"),
    )
    label = filler.book.label("@bank_account.B")
    assert label is not None
    assert (full["listing_id"], full["identifier_type"], full["identifier"], full["issuer"]) == (
        "L-1",
        "bank_account",
        label.alone,
        label.scope,
    )


@pytest.mark.parametrize(
    ("feed", "given", "earlier", "later"),
    [
        ("finance/accounts", {"bound_at": "2025-02-01"}, "opened_at", "bound_at"),
        ("telecom/subscriptions", {"deactivated_at": "2024-05-01"}, "activated_at", "deactivated_at"),
        ("telecom/device_sightings", {"last_seen": "2026-09-01"}, "first_seen", "last_seen"),
        ("telecom/device_sightings", {"first_seen": "2026-10-01"}, "first_seen", "last_seen"),
        ("public_security/case_reports", {"reported_at": "2026-09-20"}, "occurred_at", "reported_at"),
        ("public_security/case_reports", {"occurred_at": "2026-10-01"}, "occurred_at", "reported_at"),
        ("public_security/persons_of_interest", {"until": "2020-01-01"}, "since", "until"),
    ],
)
def test_invented_days_agree_with_the_days_that_are_named(
    filler: Filler, contracts: dict[str, Feed], feed: str, given: dict[str, str], earlier: str, later: str
) -> None:
    full = filler.record(contracts[feed], given, ON, "r1")
    assert full[earlier] <= full[later]
