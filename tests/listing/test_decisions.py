"""Proposals, and what people decided on them."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from jobs.listing import decisions
from tests.signals.rows import LEVELS, POLICY, at, frame, table

ON, YESTERDAY = date(2026, 10, 16), date(2026, 10, 15)
ATTACHED = (
    "record_id string, subject_id bigint, node_id bigint, doubt string, measure string, decision_ref string, authority_level string, decided_at timestamp, "
    "recorded_at timestamp, night_on date"
)


def said(record: str, node: int, measure: str = "restrict", level: str | None = "city", **given: Any) -> dict[str, Any]:
    row = {
        "record_id": record,
        "node_id": node,
        "measure": measure,
        "authority_level": level,
        "decision_ref": f"ref {record}",
    }
    return row | {"decided_at": at("2026-10-16"), "recorded_at": at("2026-10-16"), "night_on": ON} | given


def taken(record: str, node: int, measure: str = "restrict", status: str = "in_force", **given: Any) -> dict[str, Any]:
    row = {
        "decision_id": record,
        "node_id": node,
        "measure": measure,
        "status": status,
        "lineages": ["a", "b"],
        "direct_lineages": ["a"],
        "authority_level": "city",
    }
    times = {
        "decided_on": date(2026, 10, 1),
        "expires_on": date(2027, 3, 30),
        "decided_at": at("2026-10-01"),
        "recorded_at": at("2026-10-01"),
    }
    return row | times | {"decision_ref": f"ref {record}"} | given


@pytest.fixture(scope="module")
def night() -> tuple[dict[str, Any], dict[str, Any]]:
    """record → decision; record → row for a human."""
    attached = [
        said("suspend-by-city", 1, "suspend"),
        said("suspend-by-county", 2, "suspend", "county"),
        said("restrict-by-county", 3, "restrict", "county"),
        said("without-level", 4, "restrict", None),
        said("none-by-county", 5, "none", "county"),
        said("no-proposal", 6),
        said("came-before-its-proposal", 7, night_on=date(2026, 10, 9)),
        said("in-doubt", 0, node_id=None, doubt="no_tenure_was_ever_listed"),
        said("newer", 11),
        *(said(name, node, recorded_at=at("2026-10-01")) for name, node in [
            ("older", 11), ("expired", 12), ("unsupported", 13), ("cleared", 14), ("lapsed-before", 15), ("goes-on", 16), ("moved", 19),
            ("no-more-of-itself", 20), ("frees", 23),
        ]),
        said("sent-again", 21), said("turned-round", 22, "none"), said("less", 23, "none"), said("more", 16, "suspend"), said("other-node", 25),
    ]  # fmt: skip
    before = [
        taken("older", 11),
        taken("expired", 12, expires_on=ON),
        taken("unsupported", 13, lineages=["a", "withdrawn"]),
        taken("cleared", 14),
        taken("lapsed-before", 15, status="lapsed"),
        taken("goes-on", 16),
        taken("record-withdrawn", 17),
        taken("moved", 18),
        taken("no-more-of-itself", 20),
        taken("sent-again", 21, status="lapsed", direct_lineages=["b"]),
        taken("turned-round", 22, "suspend"),
        taken("frees", 23),
        taken("other-node", 24),
    ]
    opened = [*((n, YESTERDAY) for n in (1, 2, 3, 4, 5, 11)), (7, date(2026, 10, 10))]
    proposals = [{"node_id": n, "lineages": ["a", "b"], "opened_on": on} for n, on in opened]
    named = "node_id bigint, lineage string"
    on_itself = [{"node_id": node, "lineage": "a"} for node in range(1, 30) if node != 20]
    grounds = decisions.Grounds(
        frame(named, [*on_itself, {"node_id": 0, "lineage": "b"}, {"node_id": 21, "lineage": "b"}]),
        frame(named, [{"node_id": 14, "lineage": "b"}, {"node_id": 16, "lineage": "c"}]),
    )
    told = frame(ATTACHED, attached)
    rows, human = decisions.take_decisions(
        told,
        decisions.follow_decisions(table("blacklist.decisions", before), told),
        frame("node_id bigint, lineages array<string>, opened_on date", proposals),
        grounds,
        LEVELS,
        POLICY,
        ON,
    )
    assert rows.columns == table("blacklist.decisions", []).columns
    taken_in, asked = rows.to_dicts(), human.to_dicts()
    assert len(taken_in) == len({row["decision_id"] for row in taken_in})
    return {row["decision_id"]: row for row in taken_in}, {row["source"].split()[-1]: row for row in asked}


def test_a_decision_rests_on_the_lineages_of_the_proposal_and_holds_for_its_term(
    night: tuple[dict[str, Any], Any],
) -> None:
    row = night[0]["suspend-by-city"]
    assert (row["lineages"], row["status"], row["decided_on"], row["expires_on"]) == (
        ["a", "b"],
        "in_force",
        ON,
        date(2027, 10, 16),
    )
    assert night[0]["restrict-by-county"]["expires_on"] == date(2027, 4, 14)
    assert night[0]["none-by-county"]["status"] == "in_force"


def test_a_decision_below_its_authority_or_without_a_proposal_is_a_row_for_a_human(
    night: tuple[Any, dict[str, Any]],
) -> None:
    assert {record: row["detail"] for record, row in night[1].items() if record != "came-before-its-proposal"} == {
        "suspend-by-county": "below_the_authority_it_needs",
        "without-level": "below_the_authority_it_needs",
        "no-proposal": "no_proposal_stood",
        "more": "no_proposal_stood",
        "other-node": "no_proposal_stood",
        "in-doubt": "no_tenure_was_ever_listed",
    }
    assert not set(night[0]) & set(night[1])


def test_a_decision_does_not_attach_to_a_proposal_that_was_made_after_it_came(
    night: tuple[dict[str, Any], dict[str, Any]],
) -> None:
    assert "came-before-its-proposal" not in night[0]
    assert night[1]["came-before-its-proposal"]["detail"] == "no_proposal_stood"


def test_a_decision_ends_with_its_term_its_lineages_a_newer_one_or_its_record(
    night: tuple[dict[str, Any], Any],
) -> None:
    status = {record: row["status"] for record, row in night[0].items()}
    old = ("older", "newer", "expired", "unsupported", "cleared", "lapsed-before", "goes-on")
    assert [status[record] for record in old] == [
        "replaced",
        "in_force",
        "lapsed",
        "lapsed",
        "lapsed",
        "lapsed",
        "in_force",
    ]
    assert "record-withdrawn" not in status


def test_a_decision_rests_on_what_was_said_of_the_node_itself_as_long_as_that_is_said(
    night: tuple[dict[str, Any], Any],
) -> None:
    assert night[0]["suspend-by-city"]["direct_lineages"] == ["a"]
    assert night[0]["no-more-of-itself"]["status"] == "lapsed"


def test_a_decision_moves_with_its_tenure(night: tuple[dict[str, Any], Any]) -> None:
    assert (night[0]["moved"]["node_id"], night[0]["moved"]["status"]) == (19, "in_force")


def test_a_decision_sent_again_says_nothing_new_and_another_measure_is_heard(night: tuple[dict[str, Any], Any]) -> None:
    again, turned = night[0]["sent-again"], night[0]["turned-round"]
    assert (again["status"], again["direct_lineages"], again["expires_on"]) == ("lapsed", ["b"], date(2027, 3, 30))
    assert (turned["measure"], turned["status"], turned["lineages"]) == ("none", "in_force", ["a", "b"])


def test_a_decision_for_less_than_the_one_in_force_needs_no_proposal(night: tuple[dict[str, Any], Any]) -> None:
    assert (night[0]["less"]["status"], night[0]["less"]["lineages"]) == ("in_force", ["a", "b"])
    assert night[0]["frees"]["status"] == "replaced"


def test_what_was_turned_down_is_named_by_lineage() -> None:
    down = decisions.turned_down(
        table("blacklist.decisions", [taken("none", 1, "none"), taken("restrict", 2)]),
        frame("node_id bigint, lineages array<string>", [{"node_id": 4, "lineages": ["y", "z"]}]),
    )
    assert set(down.rows()) == {(1, "a"), (1, "b"), (4, "y"), (4, "z")}


@pytest.fixture(scope="module")
def proposals() -> dict[int, Any]:
    """node → its proposal of tonight."""

    def proposal(
        node: int, opened: date = YESTERDAY, status: str = "open", measure: str = "restrict"
    ) -> dict[str, Any]:
        row = {
            "proposal_id": f"P{node}",
            "node_id": node,
            "measure": measure,
            "lineages": ["a", "b"],
            "opened_on": opened,
        }
        return row | {"due_on": date(2026, 10, 18), "status": status, "n_renewed": 0}

    before = [
        proposal(2), proposal(3), proposal(4), proposal(5), proposal(6), proposal(7, date(2026, 7, 18)), proposal(8, status="withdrawn"),
        proposal(9, measure="suspend"), proposal(13),
    ]  # fmt: skip
    passes = {
        1: "restrict",
        2: "suspend",
        3: "restrict",
        7: "restrict",
        9: "suspend",
        13: "restrict",
        10: "suspend",
        11: "suspend",
        12: "restrict",
    }
    passing = [
        {"node_id": n, "measure": m, "lineages": ["a", "b", "c"] if n == 11 else ["a", "b"]} for n, m in passes.items()
    ]
    decided = [
        taken("restricts", 3, decided_on=ON), taken("turns-down", 4, "none", decided_on=ON), taken("lower", 9, decided_on=ON), taken("lower-before", 10),
        taken("lower-before-new-lineage", 11), taken("lapsed", 12, status="lapsed"),
        taken("lapsed-at-once", 13, status="lapsed", decided_on=ON),
    ]  # fmt: skip
    down = [{"node_id": 5, "lineage": name} for name in ("a", "b")]
    rows = decisions.keep_proposals(
        table("blacklist.proposals", before),
        frame("node_id bigint, measure string, lineages array<string>", passing),
        table("blacklist.decisions", decided),
        frame("node_id bigint, lineage string", down),
        POLICY,
        ON,
    ).to_dicts()
    assert len(rows) == len({row["proposal_id"] for row in rows})
    return {row["node_id"]: row for row in rows if row["proposal_id"] != "P13"} | {
        -13: next(row for row in rows if row["proposal_id"] == "P13")
    }


def test_a_new_proposal_is_open_and_due_in_three_days(proposals: dict[int, Any]) -> None:
    row = proposals[1]
    assert (row["status"], row["opened_on"], row["due_on"], row["decided_on"], row["n_renewed"]) == (
        "open",
        ON,
        date(2026, 10, 19),
        None,
        0,
    )
    assert proposals[12]["status"] == "open"  # a lapsed decision is not revived
    assert (proposals[-13]["status"], proposals[-13]["decision_ref"]) == ("decided", "ref lapsed-at-once")
    assert (proposals[13]["status"], proposals[13]["opened_on"]) == ("open", ON)


def test_an_open_proposal_goes_on_under_its_name_and_is_renewed_and_counted_at_its_term(
    proposals: dict[int, Any],
) -> None:
    row = proposals[2]
    assert (row["proposal_id"], row["status"], row["measure"], row["opened_on"]) == ("P2", "open", "suspend", YESTERDAY)
    assert (proposals[7]["status"], proposals[7]["n_renewed"]) == ("open", 1)


def test_a_proposal_is_closed_by_a_decision_a_refusal_or_when_it_passes_no_more(proposals: dict[int, Any]) -> None:
    closed = {node: (proposals[node]["status"], proposals[node]["decision_ref"]) for node in (3, 4, 5, 6, 8)}
    assert closed == {
        3: ("decided", "ref restricts"), 4: ("turned_down", "ref turns-down"), 5: ("turned_down", None), 6: ("withdrawn", None), 8: ("withdrawn", None),
    }  # fmt: skip
    assert proposals[3]["decided_on"] == ON


def test_a_decision_for_less_than_was_proposed_decides_it_and_only_a_new_lineage_proposes_again(
    proposals: dict[int, Any],
) -> None:
    assert (proposals[9]["status"], proposals[9]["decision_ref"]) == ("decided", "ref lower")
    assert 10 not in proposals
    assert (proposals[11]["status"], proposals[11]["opened_on"]) == ("open", ON)
