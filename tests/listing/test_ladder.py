"""The highest measure per node, and what can still be acted on."""

from __future__ import annotations

from datetime import date
from typing import Any

from jobs.listing import ladder
from tests.signals.rows import POLICY, at, frame, table

INSTANT = at("2026-10-01T16:00")
CANDIDATE = "node_id bigint, measure string, test string, reason string, lineages array<string>, tenures array<bigint>, decided_by string, ref string"


def test_a_node_gets_the_highest_measure_with_its_test_and_every_reason_that_holds() -> None:
    def passes(node: int, measure: str, test: str, *lineages: str, **given: Any) -> dict[str, Any]:
        row = {
            "node_id": node,
            "measure": measure,
            "test": test,
            "reason": test,
            "lineages": list(lineages),
            "tenures": [],
        }
        return row | given

    rows = [
        passes(1, "verify", "bound_to_fraud_phone", "b", "a", tenures=[8, 7]),
        passes(1, "close", "finding", "a", decided_by="public_security city"),
        passes(1, "suspend", "review_decision", "c", ref="R1", decided_by="public_security county"),
        passes(2, "suspend", "finding", "a", decided_by="public_security county"),
        passes(2, "suspend", "review_decision", "b", ref="R2"),
        passes(3, "verify", "same_holder", "a"),
    ]
    climbed = {row["node_id"]: row for row in ladder.climb(frame(CANDIDATE, rows)).to_dicts()}
    one = climbed[1]
    assert (one["measure"], one["test"], one["decided_by"], one["refs"]) == (
        "close",
        "finding",
        "public_security city",
        "R1",
    )
    assert one["reasons"] == ["bound_to_fraud_phone", "finding", "review_decision"]
    assert (one["lineages"], one["tenures"]) == (["a", "b", "c"], [7, 8])
    assert (climbed[2]["measure"], climbed[2]["test"]) == ("suspend", "finding")
    assert (climbed[3]["measure"], climbed[3]["refs"]) == ("verify", "")


def test_only_what_lives_is_unprotected_and_has_a_basis_can_be_listed() -> None:
    def tenure(node: int, start: str | None, end: str | None, number: int = 500) -> dict[str, Any]:
        row = {"node_id": node, "phone_id": number, "is_implicit": False, "carrier": "cmcc"}
        return row | {"tenure_from": at(start) if start else None, "tenure_to": at(end) if end else None}

    tenures = [
        tenure(1, "2026-01-01", None),
        tenure(2, "2026-01-01", "2026-10-01T15:59"),
        tenure(3, "2026-01-01", "2026-10-01T16:00"),
        tenure(4, None, None),
        tenure(5, "2026-10-01T16:00", None),
        tenure(6, "2026-01-01", None, number=501),
    ]
    types = {10: "bank_account", 11: "bank_account", 12: "bank_account", 13: "bank_card", 20: "domain", 21: "imsi", 22: "email", 23: "imei",
             30: "national_id", 31: "uscc", 500: "phone", 501: "phone"}  # fmt: skip
    identifiers = [
        {"node_id": n, "type": t, "protected_reason": "A bank" if n in (20, 501) else None} for n, t in types.items()
    ]
    accounts = [
        {"node_id": 10, "scope": "icbc"}, {"node_id": 11, "scope": "icbc", "closed_at": at("2026-10-01T15:59")},
        {"node_id": 12, "scope": "icbc", "closed_at": at("2026-10-01T16:00")},
        {"node_id": 4, "closed_at": at("2026-10-01T15:59")},  # a number that its carrier says it closed
    ]  # fmt: skip
    wanted = [1, 2, 3, 4, 5, 6, 10, 11, 12, 13, 20, 21, 22, 23, 30, 31, 10]
    facts = ladder.describe_nodes(
        frame("node_id bigint", [{"node_id": n} for n in wanted]),
        frame("node_id bigint, type string, scope string, protected_reason string", identifiers),
        table("graph.tenures", tenures),
        frame("node_id bigint, closed_at timestamp, scope string", accounts),
        INSTANT,
    )
    rows = facts.to_dicts()
    assert len(rows) == len(set(wanted))
    known = {row["node_id"]: row for row in rows}
    assert {n: row["gone"] for n, row in known.items() if row["gone"]} == {
        2: "tenure_ended",
        4: "tenure_ended",
        5: "tenure_ended",
        11: "account_closed",
    }
    assert {n for n, row in known.items() if row["protected_reason"]} == {6, 20}
    assert [(known[n]["type"], known[n]["issuer"]) for n in (1, 10)] == [("phone", "cmcc"), ("bank_account", "icbc")]

    passed = [{"node_id": n, "test": "finding" if n != 31 else "same_holder"} for n in set(wanted)]
    listed = ladder.listable(frame("node_id bigint, test string", passed), facts, POLICY).to_dicts()
    assert {row["node_id"]: row["legal_basis"] for row in listed} == {
        1: "Article 11", 3: "Article 11", 10: "Article 18", 12: "Article 18", 13: "Article 18", 23: "Article 14", 30: "Article 31",
    }  # fmt: skip


def test_a_verification_past_its_due_date_without_an_answer_becomes_a_restriction() -> None:
    def tonight(node: int, measure: str = "verify", reason: str = "bound_to_fraud_phone") -> dict[str, Any]:
        return {"node_id": node, "measure": measure, "test": reason, "reasons": [reason]}

    def active(node: int, due: int, answer: str | None = None) -> dict[str, Any]:
        return {"node_id": node, "due_on": date(2026, 10, due), "answer": answer}

    rows = [
        tonight(1),
        tonight(2),
        tonight(3),
        tonight(4, reason="same_holder"),
        tonight(5),
        {**tonight(6, "close"), "test": "finding"},
        {**tonight(7, "restrict"), "test": "review_decision"},
    ]
    before = [active(1, 15), active(2, 16), active(3, 15, "restricted"), active(4, 15), active(6, 15), active(7, 15)]
    late = ladder.past_due(
        frame("node_id bigint, measure string, test string, reasons array<string>", rows),
        frame("node_id bigint, due_on date, answer string", before),
        date(2026, 10, 16),
    ).to_dicts()
    told = {row["node_id"]: (row["measure"], row["test"]) for row in late}
    verify = ("verify", "bound_to_fraud_phone")
    assert told == {
        1: ("restrict", "verification_overdue"),
        2: verify,
        3: verify,
        4: ("verify", "same_holder"),
        5: verify,
        6: ("close", "finding"),
        7: ("restrict", "review_decision"),
    }
    assert next(row["reasons"] for row in late if row["node_id"] == 1) == [
        "bound_to_fraud_phone",
        "verification_overdue",
    ]
