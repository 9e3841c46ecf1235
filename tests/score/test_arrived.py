"""A binding to a fraud number counts once the three records that show it have come."""

from typing import Any

import pytest

from jobs.identifiers.keys import node_id_py
from jobs.score.arrived import find_arrived
from tests.score.world import KEY, account, edge, lake, should, signal, tenure, truth

PHONE = "+8613800000001"
PHONE_ID = node_id_py(KEY, "phone", PHONE)
LINE, NEXT = tenure(PHONE, "2020-01-01"), tenure(PHONE, "2022-01-01")
CARD = account("card")


def line(node: int, phone_id: int = PHONE_ID, is_implicit: bool = False) -> dict[str, Any]:
    return {"node_id": node, "phone_id": phone_id, "is_implicit": is_implicit}


def arrived(
    lines: list[dict[str, Any]],
    edges: list[dict[str, Any]],
    signals: list[dict[str, Any]],
    known_on: str = "2026-10-01",
) -> bool:
    known = truth(should_be_found=[should("card", phone=PHONE, tenure_from="2020-01-01", known_on=known_on)])
    found = find_arrived(known, lake(tenures=lines, edges=edges, signals=signals))
    assert set(found["node_id"]) <= {CARD}
    return found.height == 1


BINDING, STOPPED = edge("bound_phone", CARD, LINE), signal(LINE, kind="subscription_fraud", standard="report")


@pytest.mark.parametrize("claim", [signal(LINE), STOPPED], ids=["finding", "stopped for fraud"])
def test_subscription_binding_and_finding_have_come(claim: dict[str, Any]) -> None:
    assert arrived([line(LINE)], [BINDING], [claim])


@pytest.mark.parametrize(
    ("lines", "edges", "signals"),
    [
        ([line(LINE, is_implicit=True)], [BINDING], [signal(LINE)]),
        ([line(LINE)], [], [signal(LINE)]),
        ([line(LINE)], [edge("holder", CARD, LINE)], [signal(LINE)]),
        ([line(LINE)], [BINDING], []),
        ([line(LINE)], [BINDING], [signal(LINE, is_live=False)]),
        ([line(LINE)], [BINDING], [signal(LINE, standard="report", kind="case_reported")]),
        ([line(LINE, phone_id=7)], [BINDING], [signal(LINE)]),
    ],
    ids=["no subscription", "no binding", "another edge", "no claim", "claim expired", "only reported", "another number"],
)  # fmt: skip
def test_without_one_of_them_it_has_not_come(
    lines: list[dict[str, Any]], edges: list[dict[str, Any]], signals: list[dict[str, Any]]
) -> None:
    assert not arrived(lines, edges, signals)


def test_a_binding_attached_to_the_wrong_tenure_of_the_number_is_no_excuse() -> None:
    assert arrived([line(LINE), line(NEXT)], [edge("bound_phone", CARD, NEXT)], [signal(LINE)])


def test_what_the_truth_knows_later_has_not_come() -> None:
    assert not arrived([line(LINE)], [BINDING], [signal(LINE)], known_on="2026-10-04")
