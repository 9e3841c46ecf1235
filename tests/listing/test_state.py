"""What stays, leaves and enters, with which dates, and the events of a night."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from jobs.core.settings import ROOT
from jobs.listing import state
from jobs.releases.layout import load_layout
from tests.signals.rows import POLICY, TABLES, frame, table

ON = date(2026, 10, 16)
BEFORE, LATER = date(2026, 10, 1), date(2026, 12, 30)
LISTING = TABLES["blacklist.listings"].ddl
TONIGHT = "node_id bigint, measure string, lineages array<string>, reasons array<string>"


def listing(node: int, measure: str = "verify", **given: Any) -> dict[str, Any]:
    """An active listing since 1 October, unless said otherwise."""
    row = {
        "listing_id": f"L{node}", "node_id": node, "measure": measure, "test": "bound_to_fraud_phone", "reasons": ["bound_to_fraud_phone"],
        "lineages": ["a"], "status": "active", "listed_on": BEFORE, "measured_on": BEFORE, "due_on": ON, "expires_on": LATER,
    }  # fmt: skip
    return row | given


def still(
    node: int, measure: str = "verify", *lineages: str, reasons: tuple[str, ...] = ("bound_to_fraud_phone",)
) -> dict[str, Any]:
    return {"node_id": node, "measure": measure, "lineages": list(lineages or ("a",)), "reasons": list(reasons)}


def test_the_newest_valid_outcome_is_the_answer_and_a_clean_one_frees_what_may_be_freed() -> None:
    active = [
        listing(1),
        listing(2),
        listing(3, "close", test="finding"),
        listing(4, "restrict", test="verification_overdue"),
        listing(5),
    ]

    def said(node: int, outcome: str, day: int = 10, valid: bool = True) -> dict[str, Any]:
        when = f"2026-10-{day:02d} 00:00:00"
        return {"listing_id": f"L{node}", "outcome": outcome, "acted_at": when, "recorded_at": when, "is_valid": valid}

    outcomes = [
        said(1, "restricted", 9), said(1, "closed", 10), said(2, "verified_clean", valid=False), said(3, "verified_clean"), said(4, "rectified"),
    ]  # fmt: skip
    given = frame("listing_id string, outcome string, acted_at string, recorded_at string, is_valid boolean", outcomes)
    rows = state.with_answers(table("blacklist.listings", active), given).to_dicts()
    assert {row["node_id"]: (row["answer"], row["is_freed"]) for row in rows} == {
        1: ("closed", False), 2: (None, False), 3: ("verified_clean", False), 4: ("rectified", True), 5: (None, False),
    }  # fmt: skip


def test_what_a_term_used_up_is_not_listed_again_by_the_same_lineages_at_the_same_or_a_lower_measure() -> None:
    released = [
        {**listing(node, "restrict", lineages=["a", "b"]), "status": "released", "release_reason": "term_ended"}
        for node in range(1, 6)
    ]
    released.append({**listing(8), "status": "released", "release_reason": "term_ended"})
    released.append({**listing(6, "close"), "status": "released", "release_reason": "support_ended"})
    tonight = [
        still(1, "restrict", "a"), still(2, "verify", "a", "b"), still(3, "suspend", "a"), still(4, "verify", "a", "new"),
        still(5, "restrict", "a"), still(5, "verify", "new"), still(6), still(7), still(8, "restrict", "a"), still(8, "verify", "a"),
    ]  # fmt: skip
    left = state.drop_spent(frame(TONIGHT, tonight), table("blacklist.listings", released)).to_dicts()
    # What node 8 had by a lower measure does not stand against a higher one. Of node 5 the new lineage lists at its own measure: it does not bring back what the old one had.
    assert sorted((row["node_id"], row["measure"]) for row in left) == [
        (3, "suspend"), (4, "verify"), (5, "verify"), (6, "verify"), (7, "verify"), (8, "restrict"),
    ]  # fmt: skip


@pytest.fixture(scope="module")
def ended() -> dict[int, str | None]:
    """node → why its listing leaves tonight. Each reason above the next: node 2 has all of them, node 3 all but the first, and so on."""
    over = {"expires_on": ON}
    active = [
        listing(1),
        listing(2, answer="closed", is_freed=True, **over),
        listing(3, answer="closed", is_freed=True, **over),
        listing(4, answer="closed", is_freed=True, **over),
        listing(5, is_freed=True, **over),
        listing(6, **over),
        listing(7, **over),
        listing(8),
        listing(9),
        listing(10, listed_on=ON),
        listing(11, **over),
        listing(12, **over),
        listing(13, test="proposed_for_review", reasons=["proposed_for_review"], **over),
        listing(14, expires_on=date(2026, 10, 17)),
        listing(15, answer="restricted"),
    ]
    tonight = [
        still(1), still(2), still(3), still(6), still(10), still(11), still(12, "suspend"), still(13, reasons=("proposed_for_review",)), still(14), still(15),
    ]  # fmt: skip
    gone = {"gone": "account_closed"}
    facts = [{"node_id": 2, "protected_reason": "A bank", **gone}, *({"node_id": n, **gone} for n in (3, 4, 5, 6))]
    rows = state.end_listings(
        frame(f"{LISTING}, answer string, is_freed boolean", [{"is_freed": False, **row} for row in active]),
        frame(TONIGHT, tonight),
        frame("node_id bigint, protected_reason string, gone string", facts),
        frame("node_id bigint, appeal_on date", [{"node_id": n, "appeal_on": ON} for n in (2, 3, 10)]),
        frame("node_id bigint", [{"node_id": n} for n in (1, 2, 3, 4, 5, 6, 7, 8, 8)]),
        ON,
    ).to_dicts()
    assert len(rows) == len(active)
    return {row["node_id"]: row["ends_as"] for row in rows}


def test_a_listing_leaves_for_the_first_reason_that_holds(ended: dict[int, str | None]) -> None:
    assert [ended[node] for node in range(2, 10)] == [
        "protected_identifier", "appeal_upheld", "acted", "verified", "account_closed", "term_ended", "hands_changed", "support_ended",
    ]  # fmt: skip
    assert {*ended.values(), "tenure_ended"} == {None, *state.RELEASED_FOR}


def test_a_listing_stays_while_its_test_passes_and_whatever_it_was_answered_short_of_closing(
    ended: dict[int, str | None],
) -> None:
    assert (ended[1], ended[14], ended[15]) == (None, None, None)


def test_an_appeal_does_not_lift_what_was_listed_after_it(ended: dict[int, str | None]) -> None:
    assert ended[10] is None


def test_a_term_ends_a_listing_unless_a_higher_measure_or_an_undecided_proposal_goes_on(
    ended: dict[int, str | None],
) -> None:
    assert (ended[11], ended[12], ended[13]) == ("term_ended", None, None)


def test_a_term_counts_from_the_night_of_the_measure_and_a_due_date_is_given_once() -> None:
    tonight = [
        still(1), still(2), still(3, "restrict"), still(4), still(5, reasons=("same_holder",)), still(6), still(7, reasons=("proposed_for_review",)),
        still(8, "close", reasons=("bound_to_fraud_phone", "finding")),
    ]  # fmt: skip
    staying = [
        listing(2), listing(3), listing(4, answer="restricted"), listing(6, reasons=["same_holder"], due_on=None),
        listing(7, reasons=["proposed_for_review"], expires_on=ON, due_on=None), listing(8),
    ]  # fmt: skip
    given = frame(f"{LISTING}, answer string", staying)
    rows = {row["node_id"]: row for row in state.give_terms(frame(TONIGHT, tonight), given, POLICY, ON).to_dicts()}
    assert len(rows) == len(tonight)

    def dates(node: int) -> tuple[date | None, ...]:
        return tuple(rows[node][name] for name in ("listed_on", "measured_on", "expires_on", "due_on"))

    in_15, in_90, in_180 = date(2026, 10, 31), date(2027, 1, 14), date(2027, 4, 14)
    assert dates(1) == (ON, ON, in_90, in_15)
    assert dates(2) == (BEFORE, BEFORE, LATER, ON)
    assert dates(3) == (BEFORE, ON, in_180, ON)
    assert dates(4) == (BEFORE, BEFORE, LATER, None)
    assert dates(5) == (ON, ON, in_90, None)
    assert dates(6) == (BEFORE, BEFORE, LATER, in_15)
    assert dates(7) == (BEFORE, BEFORE, in_90, None)
    assert dates(8) == (BEFORE, ON, date(2028, 10, 15), None)
    assert [rows[node]["listing_id"] for node in (2, 3, 8)] == ["L2", "L3", "L8"]
    assert rows[4]["outcome"] == "restricted"
    new = {rows[node]["listing_id"] for node in (1, 5)}
    assert len(new) == 2
    assert {len(name) for name in new} == {32}


def test_a_night_writes_an_event_only_for_what_entered_left_or_changed_a_published_column() -> None:
    before = [listing(1), listing(2), listing(3), listing(4, score=0.5), listing(6, policy_version="default 1.0.0")]
    after = [
        listing(1),
        listing(2, measure="restrict", test="verification_overdue"),
        listing(3, status="released", release_reason="verified", released_on=ON),
        listing(4, score=0.6),
        listing(5),
        listing(6, policy_version="default 1.1.0"),
    ]
    events = state.find_events(table("blacklist.listings", before), table("blacklist.listings", after), ON).to_dicts()
    assert {(row["event"], row["listing_id"], row["measure"], row["reason"], row["night_on"]) for row in events} == {
        ("CHANGE", "L2", "restrict", "verification_overdue", ON),
        ("RELEASE", "L3", "verify", "verified", ON),
        ("ADD", "L5", "verify", "bound_to_fraud_phone", ON),
        ("CHANGE", "L6", "verify", "bound_to_fraud_phone", ON),
    }
    assert len(events) == 4


def test_what_a_release_shows_of_a_listing_is_published() -> None:
    shown = {column.name for column in load_layout(ROOT / "schemas").columns} & set(TABLES["blacklist.listings"].names)
    assert shown - {"listing_id", "listed_on"} <= set(state.PUBLISHED)  # these two never change
