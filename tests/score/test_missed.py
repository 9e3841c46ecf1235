"""Guilty accounts that are not listed, each with its reason."""

import itertools
from typing import Any

import polars as pl
import pytest

from jobs.score.missed import explain_missed, find_guilty, within_three_edges
from jobs.score.truth import Truth
from tests.frames import read
from tests.score.world import POLICY, account, card, edge, lake, listing, person, should, signal, tenure, truth

PHONE = "+8613800000001"
LINE = tenure(PHONE, "2020-01-01")
CARD, OTHER, HUB = account("card"), account("other"), account("hub")


def ring(*, confirmed: str | None = "2026-09-01", cards: tuple[str, ...] = ("card",), **more: Any) -> Truth:
    """A ring of one line and some cards."""
    line = {
        "identifier_type": "phone",
        "identifier": PHONE,
        "tenure_from": "2020-01-01",
        "person": "boss",
        "from_at": "2020-01-01",
        "ring_id": "R1",
    }
    return truth(
        people=[person("boss")],
        roles=[{"person": "boss", "role": "organiser", "ring_id": "R1"}],
        control=[line, *(card(name, "boss", ring_id="R1") for name in cards), *more.pop("control", [])],
        rings=[{"ring_id": "R1", "confirmed_at": confirmed}],
        **more,
    )  # fmt: skip


def reasons(known: Truth, **night: Any) -> dict[int, str]:
    night.setdefault("identifiers", [{"node_id": CARD}])
    missed = explain_missed(find_guilty(known), lake(**night), known, POLICY)
    return dict(missed.select("node_id", "reason").iter_rows())


def test_a_listed_account_is_not_missed_and_a_released_one_is() -> None:
    assert reasons(ring(), listings=[listing(CARD)]) == {}
    released = listing(CARD, status="released", release_reason="support_ended")
    assert reasons(ring(), listings=[released]) == {CARD: "no_evidence"}


@pytest.mark.parametrize("answer", ["verified", "acted", "not_ours", "appeal_upheld"])
def test_what_a_recipient_or_an_appeal_answered_says_so(answer: str) -> None:
    assert reasons(ring(), listings=[listing(CARD, status="released", release_reason=answer)]) == {CARD: "answered"}


def test_a_lead_is_not_a_listing() -> None:
    assert reasons(ring(), leads=[{"node_id": CARD}]) == {CARD: "lead"}


def test_an_account_of_which_no_record_has_come() -> None:
    assert reasons(ring(), identifiers=[], signals=[signal(LINE)]) == {CARD: "not_delivered"}


@pytest.mark.parametrize(
    "claim", [[], [signal(LINE, is_live=False)], [signal(OTHER)]], ids=["none", "expired", "of another"]
)
def test_without_a_live_claim_on_what_the_ring_has_there_is_no_evidence(claim: list[dict[str, Any]]) -> None:
    assert reasons(ring(), signals=claim, edges=[edge("bound_phone", CARD, LINE)]) == {CARD: "no_evidence"}


def test_a_score_under_the_lead_bound_is_below_the_bound() -> None:
    night = {"signals": [signal(LINE, strength=0.15)], "edges": [edge("bound_phone", CARD, LINE)]}
    assert reasons(ring(), **night, scores=[{"node_id": CARD, "score": 0.12}]) == {CARD: "below_the_bound"}


def test_an_influence_that_is_dropped_is_below_the_bound() -> None:
    edges = [edge("bound_phone", OTHER, LINE), edge("login_ip", OTHER, HUB), edge("login_ip", CARD, HUB)]
    assert reasons(ring(), signals=[signal(LINE)], edges=edges) == {CARD: "below_the_bound"}


def test_a_short_and_strong_path_without_a_score_is_barred_by_times_or_due_process() -> None:
    assert reasons(ring(), signals=[signal(LINE)], edges=[edge("bound_phone", CARD, LINE)]) == {CARD: "barred"}


def test_a_path_through_a_shared_identifier_only() -> None:
    edges = [edge("device", LINE, HUB), edge("device", CARD, HUB)]
    shared = [{"node_id": HUB, "kind": "device", "side": "to", "is_shared": True}]
    assert reasons(ring(), signals=[signal(LINE)], edges=edges, shared=shared) == {CARD: "shared_identifier"}
    off = [{**shared[0], "is_shared": False}]
    assert reasons(ring(), signals=[signal(LINE)], edges=edges, shared=off) == {CARD: "barred"}


def test_four_edges_are_beyond() -> None:
    nodes = [LINE, 1, 2, 3, CARD]
    edges = [edge("holder", a, b) for a, b in itertools.pairwise(nodes)]
    assert reasons(ring(), signals=[signal(LINE)], edges=edges) == {CARD: "beyond_three_edges"}


def test_classes_of_guilty_accounts() -> None:
    known = ring(
        cards=("card",),
        control=[
            card("closed", "boss", ring_id="R1", to_at="2026-10-01"), card("unknown", "x", ring_id="R2"), card("loner's", "loner"), card("child's", "child"),
            card("boss's own", "boss"),
        ],
        should_be_found=[
            should("child's", phone=PHONE, tenure_from="2020-01-01"), should("unknown", phone=PHONE, tenure_from="2020-01-01", known_on="2026-10-04"),
        ],
    )  # fmt: skip
    known = Truth(**{**known.__dict__, "people": pl.concat([known.people, known.people.with_columns(person=pl.lit("loner"), ring_id=pl.lit(None, pl.String))])})  # fmt: skip
    found = {row["node_id"]: (row["class"], row["label"]) for row in read(find_guilty(known))}
    assert found == {
        CARD: ("ring", "R1"), account("unknown"): ("ring_unknown", "R2"), account("loner's"): ("alone", "loner"), account("child's"): ("bound", str(LINE)),
    }  # fmt: skip


def test_three_live_edges_from_a_finding_of_the_same_ring() -> None:
    known = ring(cards=("card", "other"))
    edges = [edge("bound_phone", CARD, LINE), edge("bound_phone", OTHER, LINE, is_live=False)]

    def near(claim: dict[str, Any], of: Truth = known) -> set[int]:
        night = lake(edges=edges, signals=[claim])
        return set(within_three_edges(find_guilty(of), night, of, POLICY)["node_id"])

    assert near(signal(LINE)) == {CARD}
    assert near(signal(LINE, standard="report")) == set()
    assert near(signal(LINE), ring(confirmed=None)) == set()
