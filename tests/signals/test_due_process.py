"""What decisions and outcomes attach to, and what they free."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from jobs.core.settings import ROOT
from jobs.releases.recipients import load_recipients
from jobs.signals import due_process
from jobs.signals.moves import Moves
from tests.frames import read
from tests.signals.rows import at, frame, table


def phone(listing: str, node: int, number: int, party: int, start: str | None = "2026-01-01") -> dict[str, Any]:
    row = {"listing_id": listing, "node_id": node, "type": "phone", "phone_id": number, "party_id": party}
    return row | {"tenure_from": at(start) if start else None, "status": "active", "listed_on": date(2026, 1, 1)}


def test_a_decision_attaches_to_its_listing_or_to_the_only_tenure_ever_listed() -> None:
    listings = [
        phone("once", 1, 10, 100), phone("first", 2, 20, 200), phone("second", 3, 20, 201),
        phone("then", 6, 60, 600), phone("since", 7, 60, 601) | {"listed_on": date(2026, 5, 1)},
        {"listing_id": "account", "node_id": 5, "type": "bank_account", "status": "active"},
        phone("nobody's-and-gone", 8, 80, 8), phone("two-that-day-and-gone", 9, 90, 9),
        phone("withdrawn", 12, 120, 12),
    ]  # fmt: skip

    def decision(name: str, kind: str | None, subject: int | None, listing: str | None = None) -> dict[str, Any]:
        taken = {"heard_on": date(2026, 4, 1), "held_then": {30: 31, 80: 81, 10: 11, 90003: 31}.get(subject or 0)}
        return {"record_id": name, "subject_type": kind, "subject_id": subject, "listing_id": listing, **taken}

    given = [
        decision("only-tenure", "phone", 10),
        decision("two-tenures", "phone", 20),
        decision("two-tenures-with-listing", "phone", 20, "second"),
        decision("another-number's-listing", "phone", 10, "second"),
        decision("unknown-listing", "phone", 10, "nothing"),
        decision("never-listed", "phone", 30),
        decision("never-listed-two-that-day", "phone", 70),
        decision("another-was-listed-since", "phone", 60),
        decision("account", "bank_account", 5),
        decision("account-with-listing", "bank_account", 5, "account"),
        decision("unreadable", "phone", None),
        decision("gone", "phone", 80),
        decision("gone-with-listing", "phone", 80, "nobody's-and-gone"),
        decision("gone-two-that-day", "phone", 90),
        decision("withdrawn", "phone", 120),
        decision("sim-of-one-listed", "imsi", 90001),
        decision("sim-of-two-listed", "imsi", 90002),
        decision("sim-of-two-with-listing", "iccid", 90002, "second"),
        decision("sim-of-none-listed", "iccid", 90003),
        decision("sim-of-nobody", "imsi", 90004),
        decision("sim-of-another-listing", "imsi", 90001, "second"),
    ]
    attached = due_process.attach_decisions(
        frame(
            "record_id string, subject_type string, subject_id bigint, listing_id string, heard_on date, held_then bigint",
            given,
        ),
        table("blacklist.listings", listings),
        frame(
            "subject_id bigint, node_id bigint",
            [
                {"subject_id": sim, "node_id": node}
                for sim, node in ((90001, 1), (90002, 1), (90002, 3), (90003, 31), (90005, 3))
            ],
        ),
        frame("node_id bigint, now_id bigint", [{"node_id": 8}, {"node_id": 9}, {"node_id": 12, "now_id": 13}]),
    ).to_dicts()
    assert {row["record_id"]: (row["node_id"], row["doubt"]) for row in attached} == {
        "only-tenure": (1, None),
        "two-tenures": (None, "several_tenures_were_listed"),
        "two-tenures-with-listing": (3, None),
        "another-number's-listing": (None, "identifier_is_not_the_listings"),
        "unknown-listing": (1, None),
        "never-listed": (31, None),
        "never-listed-two-that-day": (None, "two_tenures_that_day"),
        "another-was-listed-since": (6, None),
        "account": (5, None),
        "account-with-listing": (5, None),
        "unreadable": (None, "identifier_unreadable"),
        "gone": (81, None),
        "gone-with-listing": (81, None),
        "gone-two-that-day": (9, None),
        "withdrawn": (13, None),
        "sim-of-one-listed": (1, None),
        "sim-of-two-listed": (None, "several_tenures_were_listed"),
        "sim-of-two-with-listing": (3, None),
        "sim-of-none-listed": (31, None),
        "sim-of-nobody": (90004, None),
        "sim-of-another-listing": (None, "identifier_is_not_the_listings"),
    }
    assert len(attached) == len(given)


def test_a_decision_said_again_is_of_whom_it_was_when_it_was_heard_first() -> None:
    def said(record: str, night: date, subject: int, listing: str | None = None) -> dict[str, Any]:
        return {"record_id": record, "listing_id": listing, "subject_id": subject, "night_on": night}

    march, april, may = date(2026, 3, 1), date(2026, 4, 1), date(2026, 5, 1)
    versions = [
        said("again", march, 10), said("again", may, 10), said("of another", march, 10), said("of another", may, 20),
        said("came late", may, 10), said("came late", april, 10), said("of another listing", april, 10, "first"),
        said("of another listing", may, 10, "second"),
    ]  # fmt: skip
    ddl = "record_id string, listing_id string, subject_id bigint, night_on date"
    heard = due_process.heard_first(frame(ddl, versions)).to_dicts()
    assert [row["heard_on"] for row in heard] == [march, march, march, may, april, april, april, may]


def test_an_appeal_that_attaches_to_nothing_takes_back_nothing_but_a_dismissal_does() -> None:
    def said(record: str, place: int, outcome: str, node: int | None, newest: bool = False) -> dict[str, Any]:
        order = {"recorded_at": at("2026-01-01"), "sequence": place, "delivery_id": "d", "file": "f", "line": 1}
        return {"record_id": record, "outcome": outcome, "node_id": node, "is_newest": newest, **order}

    versions = [
        said("moved", 1, "upheld", 1), said("moved", 2, "upheld", 2, newest=True),
        said("lost", 1, "upheld", 3), said("lost", 2, "upheld", 4), said("lost", 3, "upheld", None, newest=True),
        said("dismissed", 1, "upheld", 5), said("dismissed", 2, "dismissed", 5), said("dismissed", 3, "upheld", None, newest=True),
        said("taken back", 1, "upheld", 6), said("taken back", 2, "dismissed", 6, newest=True),
    ]  # fmt: skip
    ddl = (
        "record_id string, outcome string, node_id bigint, is_newest boolean, recorded_at timestamp, sequence bigint,"
        " delivery_id string, file string, line bigint"
    )
    kept = due_process.stand_by(frame(ddl, versions[::-1])).select("record_id", "node_id").rows()
    assert sorted(kept, key=str) == [("dismissed", None), ("lost", 4), ("lost", None), ("moved", 2)]


def test_a_case_is_known_since_its_first_record_whomever_that_names() -> None:
    signals = [
        {"lineage": "case:a", "own_lineage": "case:a", "first_known_at": at("2026-09-20")},
        {"lineage": "case:b", "own_lineage": "case:b", "first_known_at": at("2026-09-20")},
        {"lineage": "case:a", "own_lineage": "finance:control:1", "first_known_at": at("2026-09-01")},
        {"lineage": "finance:control:2", "own_lineage": "finance:control:2", "first_known_at": at("2026-09-21")},
    ]  # fmt: skip
    reports = [{"case_id": "a", "recorded_at": at("2026-09-10")}, {"case_id": "b", "recorded_at": at("2026-09-25")}]
    known = due_process.first_known(
        table("graph.signals", signals), frame("case_id string, recorded_at timestamp", reports)
    )
    assert {row["lineage"]: row["lineage_known_at"] for row in read(known)} == {
        "case:a": "2026-09-10",
        "case:b": "2026-09-20",
        "finance:control:1": "2026-09-01",
        "finance:control:2": "2026-09-21",
    }


@pytest.fixture(scope="module")
def outcomes() -> dict[str, Any]:
    """record → (valid, frees)."""
    recipients = load_recipients(ROOT / "schemas")
    bank = next(r for r in recipients.values() if r.kind == "bank")
    carriers = [r for r in recipients.values() if r.kind == "carrier"]
    assert len(carriers) > 1

    def listing(name: str, measure: str = "verify", **given: Any) -> dict[str, Any]:
        row = {"listing_id": name, "node_id": 1, "type": "bank_account", "administrator": bank.id, "measure": measure}
        return row | {"test": "bound_to_fraud_phone", "status": "active"} | given

    listings = [
        listing("bank"),
        listing("decided", "restrict", test="review_decision"),
        listing("overdue", "restrict", test="verification_overdue"),
        listing("found", "close", test="finding"),
        listing("device", type="imei", administrator=None),
        listing("nobody's", administrator=None),
    ]

    def outcome(
        record: str, of: str, who: str, agency: str = "finance", said: str = "verified_clean"
    ) -> dict[str, Any]:
        return {"record_id": record, "listing_id": of, "recipient_id": who, "agency": agency, "outcome": said}

    given = [
        outcome("clean", "bank", bank.id),
        outcome("rectified", "bank", bank.id, said="rectified"),
        outcome("restricted", "bank", bank.id, said="restricted"),
        outcome("through-another-agency", "bank", bank.id, "internet"),
        outcome("another-recipient", "bank", carriers[0].id, "telecom"),
        outcome("unknown-listing", "nothing", bank.id),
        outcome("unknown-recipient", "bank", "nobody"),
        outcome("overdue", "overdue", bank.id),
        outcome("decided", "decided", bank.id),
        outcome("found", "found", bank.id),
        outcome("device-first-carrier", "device", carriers[0].id, "telecom"),
        outcome("device-second-carrier", "device", carriers[1].id, "telecom"),
        outcome("device-bank", "device", bank.id),
        outcome("nobody's", "nobody's", carriers[0].id, "telecom"),
    ]
    ddl = (
        "agency string, record_id string, listing_id string, recipient_id string, outcome string, acted_at timestamp, "
        "acted_at_is_day boolean, recorded_at timestamp"
    )
    answered = due_process.read_outcomes(frame(ddl, given), table("blacklist.listings", listings), recipients)
    rows = answered.to_dicts()
    assert len(rows) == len(given)
    freed = {row["record_id"] for row in due_process.frees(answered).to_dicts()}
    return {row["record_id"]: (row["is_valid"], row["record_id"] in freed) for row in rows}


def test_an_outcome_counts_only_from_the_administrator_through_its_own_agencys_feed(outcomes: dict[str, Any]) -> None:
    invalid = {record for record, (is_valid, _) in outcomes.items() if not is_valid}
    assert invalid == {
        "through-another-agency", "another-recipient", "unknown-listing", "unknown-recipient", "device-bank", "nobody's",
    }  # fmt: skip


def test_every_carrier_answers_for_a_device(outcomes: dict[str, Any]) -> None:
    assert outcomes["device-first-carrier"] == outcomes["device-second-carrier"] == (True, True)


def test_a_clean_outcome_frees_a_verification_or_an_overdue_restriction_and_nothing_above(
    outcomes: dict[str, Any],
) -> None:
    freed = {record for record, (_, is_freed) in outcomes.items() if is_freed}
    assert freed == {"clean", "rectified", "overdue", "device-first-carrier", "device-second-carrier"}


def test_two_outcomes_on_one_listing_clear_once_by_the_later_moment() -> None:
    said = [
        {"node_id": 1, "lineages": ["L"], "listing_id": "one", "outcome": outcome, "acted_at": at(day), "is_valid": True, "measure": "verify"}
        for outcome, day in (("verified_clean", "2026-09-01"), ("rectified", "2026-09-05"))
    ]  # fmt: skip
    outcomes = frame(
        "node_id bigint, phone_id bigint, lineages array<string>, listing_id string, outcome string, acted_at timestamp, is_valid boolean, "
        "measure string, test string",
        said,
    )
    nobody = frame("node_id bigint, decision_ref string, decided_at timestamp, decided_at_is_day boolean", [])
    moves = Moves(*(frame("node_id bigint, now_id bigint, now_from timestamp", []) for _ in range(3)))
    rows = due_process.clear(nobody, outcomes, moves, date(2026, 9, 9)).to_dicts()
    assert [(row["node_id"], row["lineage"], row["ref"], row["cleared_at"]) for row in rows] == [
        (1, "L", "one", at("2026-09-05"))
    ]
