"""Two nights' listings side by side: who enters, moves and leaves, counted and named by keyed ids."""

from __future__ import annotations

from typing import Any

from jobs.shadow.compare import COUNTED, Comparison, compare_listings, count_differences
from tests.signals.rows import table


def listing(node: int, measure: str = "verify", test: str = "same_holder", **given: Any) -> dict[str, Any]:
    row = {
        "listing_id": f"l{node}", "node_id": node, "type": "bank_account", "status": "active", "measure": measure, "test": test, "score": 0.5,
        "reasons": [test], "due_on": "2026-10-16", "expires_on": "2026-12-30", "legal_basis": "Article 18",
    }  # fmt: skip
    return row | given


def compared(live: list[dict[str, Any]], candidate: list[dict[str, Any]]) -> Comparison:
    return compare_listings(table("blacklist.listings", live), table("blacklist.listings", candidate))


def shown(found: Comparison, *columns: str) -> list[tuple[Any, ...]]:
    return found.rows.select("change", "node_id", *columns).rows()


def test_each_listing_enters_moves_leaves_or_stays_and_leaves_come_first() -> None:
    live = [listing(1), listing(2), listing(3)]
    candidate = [listing(1), listing(2, "restrict", "review_decision"), listing(4)]
    found = compared(live, candidate)
    assert shown(found, "live_measure", "measure", "live_test", "test") == [
        ("leave", 3, "verify", None, "same_holder", None),
        ("enter", 4, None, "verify", None, "same_holder"),
        ("move", 2, "verify", "restrict", "same_holder", "review_decision"),
    ]
    assert (found.n_stay, found.n_other_terms) == (1, 0)


def test_the_same_measure_by_another_test_is_a_move() -> None:
    found = compared([listing(1)], [listing(1, test="bound_to_fraud_phone")])
    assert shown(found, "why") == [("move", 1, "bound_to_fraud_phone")]
    assert found.by_measure.select("name", *COUNTED).rows() == [("verify", 1, 1, 0, 0, 0, 0)]
    assert found.by_test.select("name", *COUNTED).rows() == [
        ("bound_to_fraud_phone", 0, 1, 0, 0, 1, 0), ("same_holder", 1, 0, 0, 0, 0, 1),
    ]  # fmt: skip


def test_counts_by_measure_are_highest_first_and_balance() -> None:
    live = [listing(1, "close", "finding"), listing(2), listing(3)]
    candidate = [listing(1, "suspend", "finding"), listing(2), listing(4)]
    found = compared(live, candidate).by_measure
    assert found.rows() == [("close", 1, 0, 0, 0, 0, 1), ("suspend", 0, 1, 0, 0, 1, 0), ("verify", 2, 2, 1, 1, 0, 0)]
    for _, before, after, enter, leave, moves_in, moves_out in found.rows():
        assert after == before + enter - leave + moves_in - moves_out


def test_why_is_how_the_candidate_releases_it_or_that_it_would_not_have_listed_it() -> None:
    released = listing(1, status="released", release_reason="support_ended")
    found = compared([listing(1), listing(2)], [released])
    assert shown(found, "why") == [("leave", 1, "support_ended"), ("leave", 2, "not_listed")]


def test_why_somebody_enters_are_the_candidates_reasons() -> None:
    entered = listing(1, reasons=["same_holder", "proposed_for_review"])
    assert shown(compared([], [entered]), "why") == [("enter", 1, "same_holder, proposed_for_review")]


def test_what_both_have_released_is_no_change() -> None:
    gone = listing(1, status="released", release_reason="expired")
    found = compared([gone], [gone])
    assert found.rows.height == found.by_measure.height == found.n_stay == 0


def test_a_listing_that_another_rule_of_tenures_moves_to_another_node_stays_the_same_listing() -> None:
    found = compared([listing(1, listing_id="a")], [listing(2, listing_id="a")])
    assert (found.rows.height, found.n_stay) == (0, 1)


def test_a_listing_that_is_given_anew_on_the_same_node_is_not_counted_twice() -> None:
    found = compared([listing(1, listing_id="old")], [listing(1, "restrict", listing_id="new")])
    assert shown(found, "listing_id") == [("move", 1, "new")]


def test_other_terms_of_what_stays_are_counted() -> None:
    others = [listing(1, due_on=None), listing(2, legal_basis="Article 16"), listing(3, expires_on="2026-11-30")]
    found = compared([listing(1), listing(2), listing(3), listing(4)], [*others, listing(4)])
    assert (found.rows.height, found.n_stay, found.n_other_terms) == (0, 4, 3)


def test_the_order_of_the_rows_changes_nothing() -> None:
    live, candidate = [listing(n) for n in range(6)], [listing(n, "restrict") for n in range(3, 9)]
    assert compared(live, candidate).rows.equals(compared(live[::-1], candidate[::-1]).rows)


def test_what_was_committed_otherwise_is_counted_once_per_side() -> None:
    one = table("blacklist.listings", [listing(1), listing(2), listing(3, status="released")])
    other = table("blacklist.listings", [listing(1), listing(2, "restrict")])
    assert (count_differences(one, one), count_differences(one, other)) == (0, 2)
