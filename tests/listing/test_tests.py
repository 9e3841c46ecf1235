"""Who passes which test of the ladder."""

from __future__ import annotations

from typing import Any

import pytest

from jobs.listing import tests
from jobs.signals.due_process import first_known
from tests.frames import read
from tests.signals.rows import CITY, POLICY, at, frame, table

MOMENT = "2026-09-01"


def signal(node: int, lineage: str, **given: Any) -> dict[str, Any]:
    """A live finding of a city, unless said otherwise."""
    row = {
        "signal_id": f"{lineage}@{node}", "node_id": node, "lineage": lineage, "standard": "finding", "kind": "case_confirmed", "authority_level": "city",
        "occurred_at": at(MOMENT), "known_at": at("2026-09-10"), "first_known_at": at("2026-09-10"), "is_live": True, "is_public": False,
    }  # fmt: skip
    return row | given


NO_CASES = frame("case_id string, recorded_at timestamp", [])


def decision(node: int, *lineages: str, status: str = "in_force", measure: str = "restrict") -> dict[str, Any]:
    row = {"decision_id": f"d{node}", "node_id": node, "measure": measure, "lineages": list(lineages), "status": status}
    return row | {"authority_level": "city", "decision_ref": f"ref-{node}"}


def test_what_a_node_was_cleared_of_is_no_longer_said_of_it_and_what_came_later_is() -> None:
    signals = [
        signal(1, "known-before"),
        signal(1, "known-later", first_known_at=at("2026-09-20")),
        signal(2, "known-before", signal_id="repeated-later", first_known_at=at("2026-09-20")),
        signal(3, "expired", is_live=False),
        signal(4, "known-before"),
    ]
    until = [{"node_id": 1, "until": at("2026-09-15")}, {"node_id": 2, "until": at("2026-09-15")}]
    given = table("graph.signals", signals)
    left = tests.live_direct(given, frame("node_id bigint, until timestamp", until), first_known(given, NO_CASES))
    assert {(row["node_id"], row["lineage"]) for row in left.to_dicts()} == {(1, "known-later"), (4, "known-before")}


def test_a_finding_of_a_city_closes_and_one_of_a_lower_body_suspends() -> None:
    signals = [
        signal(1, "a", authority_level="province"),
        signal(2, "a", authority_level="county"),
        signal(3, "a", authority_level=None),
        signal(4, "b", authority_level="county", known_at=at("2026-09-20")),
        signal(4, "a"),
        signal(5, "a", standard="report"),
        *(signal(6, "a", authority_level=level) for level in ("province", "national", "city")),
    ]
    found = tests.found_directly(table("graph.signals", signals), CITY).to_dicts()
    assert {(row["node_id"], row["measure"], *row["lineages"], row["decided_by"]) for row in found} == {
        (1, "close", "a", "public_security province"),
        (2, "suspend", "a", "public_security county"),
        (3, "suspend", "a", "public_security"),
        (4, "close", "a", "public_security city"),
        (4, "suspend", "b", "public_security county"),
        (6, "close", "a", "public_security national"),
    }
    assert {(row["test"], row["reason"]) for row in found} == {("finding", "finding")}


def test_only_a_decision_in_force_gives_a_measure() -> None:
    rows = [
        decision(1, "a"),
        decision(2, "a", measure="none"),
        decision(3, "a", status="lapsed"),
        decision(4, "a", measure="suspend"),
    ]
    given = tests.decided(table("blacklist.decisions", rows)).to_dicts()
    assert {(row["node_id"], row["measure"], row["ref"]) for row in given} == {
        (1, "restrict", "ref-1"),
        (4, "suspend", "ref-4"),
    }


@pytest.fixture(scope="module")
def moments() -> set[tuple[int, str, str]]:
    """(tenure, lineage, day) from which a tenure is fraud-involved."""
    signals = [
        signal(1, "finding", occurred_at=at("2026-08-01")),
        signal(2, "fraud-end", kind="subscription_fraud", standard="report", occurred_at=at("2026-08-02")),
        signal(3, "report", standard="report"),
        signal(4, "decided", standard="report", occurred_at=at("2026-08-04")),
        signal(4, "not-decided", standard="report", occurred_at=at("2026-08-03")),
        signal(5, "lapsed", standard="report"),
        signal(6, "turned-down", standard="report"),
        signal(7, "expired-but-decided", standard="report", occurred_at=at("2026-03-01"), is_live=False),
        signal(8, "expired-finding", is_live=False),
        signal(50, "on-an-account"),
    ]
    decisions = [
        decision(4, "decided", "elsewhere"), decision(5, "lapsed", status="lapsed"), decision(6, "turned-down", measure="none"),
        decision(7, "expired-but-decided"),
    ]  # fmt: skip
    tenures = [{"node_id": node, "phone_id": node * 10, "is_implicit": node == 2} for node in range(1, 9)]
    given = table("graph.signals", signals)
    nobody = frame("node_id bigint, until timestamp", [])
    direct = tests.live_direct(given, nobody, first_known(given, NO_CASES))
    found = tests.fraud_moments(direct, given, table("blacklist.decisions", decisions), table("graph.tenures", tenures))
    assert found.columns == ["tenure", "is_implicit", "lineage", "moment"]
    rows = read(found)
    assert {row["tenure"] for row in rows if row["is_implicit"]} == {2}
    return {(row["tenure"], row["lineage"], row["moment"]) for row in rows}


def test_a_tenure_is_involved_from_a_finding_an_end_for_fraud_or_what_a_decision_rests_on(
    moments: set[tuple[int, str, str]],
) -> None:
    assert {row for row in moments if row[0] < 7} == {
        (1, "finding", "2026-08-01"),
        (2, "fraud-end", "2026-08-02"),
        (4, "decided", "2026-08-04"),
    }


def test_a_decision_in_force_keeps_its_moment_when_the_signal_behind_it_expires(
    moments: set[tuple[int, str, str]],
) -> None:
    assert {row for row in moments if row[0] == 7} == {(7, "expired-but-decided", "2026-03-01")}


def test_an_expired_finding_involves_nobody_and_an_account_is_no_tenure(moments: set[tuple[int, str, str]]) -> None:
    assert not {row for row in moments if row[0] in (8, 50)}


@pytest.fixture(scope="module")
def bound() -> tuple[dict[int, Any], dict[int, Any]]:
    """node → candidate, node → row for a human. Tenure 1 is known, tenure 2 implicit, tenure 3 of the next holder of 1's number."""

    def binding(account: int, tenure: int, *times: tuple[str | None, str | None]) -> dict[str, Any]:
        support = [
            {"feed": "f", "record_id": f"r{n}", "valid_from": a, "valid_to": b} for n, (a, b) in enumerate(times)
        ]
        return {"kind": "bound_phone", "from_id": account, "to_id": tenure, "support": support}

    edges = [
        binding(10, 1, ("2026-01-01", None)),
        binding(11, 1, ("2026-01-01", "2026-09-15")),
        binding(12, 1, ("2026-01-01", "2026-08-31")),
        binding(13, 1, ("2026-09-20", None)),
        binding(14, 3, ("2026-09-20", None)),
        binding(15, 1, ("2026-01-01", "2026-03-01"), ("2026-10-01", None)),
        binding(16, 1, ("2010-01-01", None)),
        binding(20, 2, ("2024-09-02", None)),
        binding(21, 2, ("2024-08-31", None)),
        binding(22, 2, (None, None)),
        {**binding(30, 1, ("2026-01-01", None)), "kind": "holder"},
        *(binding(account, 1, ("2026-01-01", None)) for account in (40, 41, 42, 43, 44, 45, 46)),
        binding(41, 4, ("2026-01-01", None)),
    ]
    given = [(1, False, "case:a", MOMENT), (2, True, "case:i", MOMENT), (4, False, "case:b", "2026-10-01")]
    moments = [{"tenure": t, "is_implicit": i, "lineage": name, "moment": at(m)} for t, i, name, m in given]
    candidates, human = tests.bound_to_fraud(
        frame("tenure bigint, is_implicit boolean, lineage string, moment timestamp", moments),
        table("graph.edges", edges),
        frame("lineage string, node_id bigint", [{"lineage": "case:a", "node_id": 40}, {"lineage": "case:a", "node_id": 41}]),
        frame("node_id bigint, lineage string", [{"node_id": 42, "lineage": "case:a"}]),
        frame("node_id bigint, until timestamp",
            [{"node_id": 43, "until": at("2026-09-15")}, {"node_id": 44, "until": at("2026-09-05")}],
        ),
        frame("lineage string, lineage_known_at timestamp",
            [{"lineage": name, "lineage_known_at": at("2026-09-10")} for name in ("case:a", "case:i", "case:b")],
        ),
        frame("node_id bigint, tenure bigint, acted_at timestamp",
            [{"node_id": 45, "tenure": 1, "acted_at": at("2026-09-12")}, {"node_id": 46, "tenure": 3, "acted_at": at("2026-09-12")}],
        ),
        POLICY,
    )  # fmt: skip
    return {row["node_id"]: row for row in candidates.to_dicts()}, {row["node_id"]: row for row in human.to_dicts()}


def test_an_account_whose_binding_had_not_ended_is_listed_even_if_it_moved_since(
    bound: tuple[dict[int, Any], Any],
) -> None:
    listed, _ = bound
    assert {10, 11, 13, 15, 16} <= set(listed)
    assert (listed[10]["measure"], listed[10]["test"], listed[10]["lineages"], listed[10]["tenures"]) == (
        "verify", "bound_to_fraud_phone", ["case:a"], [1],
    )  # fmt: skip


def test_a_binding_that_had_ended_before_and_the_next_holders_accounts_are_not_touched(
    bound: tuple[dict[int, Any], Any],
) -> None:
    assert not {12, 14, 30} & set(bound[0])


def test_on_an_implicit_tenure_only_bindings_of_the_last_two_years_count(bound: tuple[dict[int, Any], Any]) -> None:
    assert {20, 21, 22} & set(bound[0]) == {20}


def test_a_victims_account_is_a_row_for_a_human_and_another_case_lists_it_all_the_same(
    bound: tuple[dict[int, Any], Any],
) -> None:
    listed, human = bound
    assert {node: (row["reason"], row["source"]) for node, row in human.items()} == {
        40: ("victims_account_bound_to_fraud_phone", "case:a"),
        41: ("victims_account_bound_to_fraud_phone", "case:a"),
    }
    assert 40 not in listed
    assert (listed[41]["lineages"], listed[41]["tenures"]) == (["case:b"], [4])


def test_who_was_cleared_or_has_answered_on_this_tenure_is_not_asked_again(bound: tuple[dict[int, Any], Any]) -> None:
    assert {42, 43, 44, 45, 46} & set(bound[0]) == {44, 46}


def influence(node: int, lineage: str, strength: float, **given: Any) -> dict[str, Any]:
    row = {
        "node_id": node, "lineage": lineage, "influence": strength, "n_edges": 1, "agency": "public_security", "standard": "finding",
        "last_edge_live": True, "by_own_party_finding": True, "is_public": False,
    }  # fmt: skip
    return row | given


def test_what_the_found_hold_is_verified_unless_contested_ambiguous_too_weak_or_not_their_own() -> None:
    rows = [
        influence(1, "a", 0.76), influence(1, "b", 0.1, by_own_party_finding=False),
        influence(2, "a", 0.76, by_own_party_finding=False),
        influence(3, "a", 0.39), influence(4, "a", 0.76), influence(5, "a", 0.76), influence(6, "a", 0.76), influence(7, "a", 0.76),
        influence(8, "a", 0.76, last_edge_live=False),
        influence(9, "a", 0.5, last_edge_live=False), influence(9, "b", 0.6, by_own_party_finding=False),
    ]  # fmt: skip
    kinds = {4: "contested", 5: "ambiguous", 6: "unknown"}
    held = tests.held_by_the_found(
        table("graph.influences", rows),
        frame(
            "node_id bigint, score double",
            [{"node_id": n, "score": 0.39 if n == 3 else 0.76} for n in range(1, 10)],
        ),
        table(
            "graph.parties",
            [{"node_id": n, "party_id": 100 + n, "kind": kinds.get(n, "documented")} for n in range(1, 10)],
        ),
        frame("node_id bigint", [{"node_id": 7}]),
        table("graph.signals", []),
        table("graph.edges", []),
        table("graph.tenures", []),
        POLICY,
    ).to_dicts()
    assert {row["node_id"]: row["hands_changed"] for row in held} == {1: False, 6: False, 8: True, 9: True}
    first = next(row for row in held if row["node_id"] == 1)
    assert (first["measure"], first["test"], first["lineages"]) == ("verify", "same_holder", ["a", "b"])


def test_a_binding_to_a_number_nobody_held_that_began_two_years_before_is_no_derived_control() -> None:
    def bound(account: int, tenure: int) -> dict[str, Any]:
        return influence(
            account, "a", 0.76, signal_id="s", path=[{"kind": "bound_phone", "from_id": account, "to_id": tenure}]
        )

    since = {1: ["2024-09-01"], 2: ["2024-09-02"], 3: ["2024-09-01"], 4: ["2020-01-01", "2026-01-01"]}
    held = tests.held_by_the_found(
        table("graph.influences", [bound(account, 30 if account == 3 else 20) for account in since]),
        frame("node_id bigint, score double", [{"node_id": account, "score": 0.76} for account in since]),
        table("graph.parties", [{"node_id": account, "party_id": 90, "kind": "documented"} for account in since]),
        frame("node_id bigint", []),
        table("graph.signals", [{"signal_id": "s", "node_id": 20, "lineage": "a", "occurred_at": at("2026-09-02")}]),
        table(
            "graph.edges",
            [
                {"kind": "bound_phone", "from_id": account, "to_id": 30 if account == 3 else 20, "support": [{"valid_from": at(one)} for one in starts]}
                for account, starts in since.items()
            ],
        ),
        table("graph.tenures", [{"node_id": 20, "is_implicit": True}, {"node_id": 30, "is_implicit": False}]),
        POLICY,
    )  # fmt: skip
    assert set(held["node_id"]) == {2, 3, 4}


def test_two_agencies_reports_with_one_direct_propose_and_public_lists_alone_never() -> None:
    def told(node: int, lineage: str, agency: str, n_edges: int = 0, **given: Any) -> dict[str, Any]:
        row = influence(
            node, lineage, 0.5, agency=agency, n_edges=n_edges, standard="report", by_own_party_finding=False
        )
        return row | given

    police, bank = "public_security", "finance"
    rows = [
        told(1, "a", police), told(1, "b", bank),
        told(2, "a", police), told(2, "b", bank),
        told(3, "a", police), told(3, "b", bank),
        told(4, "a", police), told(4, "b", police),
        told(5, "a", police),
        told(6, "a", police, 1), told(6, "b", bank, 1),
        told(7, "a", police, is_public=True), told(7, "b", bank, is_public=True),
        told(8, "a", police, is_public=True), told(8, "b", bank, 1),
        told(9, "a", police), told(9, "b", bank, standard="indicator"),
        told(10, "a", police), told(10, "b", bank),
        told(11, "a", police, 1), told(11, "b", bank, 1),
        told(12, "a", police, 1), told(12, "b", bank, 1),
    ]  # fmt: skip
    # What stands on the node itself: of 11 weaker than the path by which the same lineage reaches it; of 12 an indicator only.
    direct = [signal(row["node_id"], row["lineage"], standard=row["standard"]) for row in rows if row["n_edges"] == 0]
    direct += [signal(11, "a", standard="report"), signal(12, "a", standard="indicator")]
    scores = {2: 0.9, 3: 0.69} | dict.fromkeys((4, 5, 6, 7, 9, 10), 0.95)
    proposed = tests.find_proposals(
        table("graph.influences", rows),
        frame("node_id bigint, score double", [{"node_id": n, "score": scores.get(n, 0.7)} for n in range(1, 13)]),
        table("graph.signals", direct),
        frame("node_id bigint, lineage string", [{"node_id": 10, "lineage": "a"}]),
        POLICY,
    ).to_dicts()
    assert {row["node_id"]: (row["measure"], row["lineages"]) for row in proposed} == {
        1: ("restrict", ["a", "b"]),
        2: ("suspend", ["a", "b"]),
        8: ("restrict", ["a", "b"]),
        11: ("restrict", ["a", "b"]),
    }
