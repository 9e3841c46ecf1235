"""Which cases are unfounded, and what an involved identifier is a node of (feeds.md, graph.md, listing.md)."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from jobs.core.contracts import load_codes
from jobs.core.settings import ROOT
from jobs.graph.cases import involvements, unfounded_cases
from jobs.graph.tenures import tenures_by_phone
from tests.graph.rows import KEY, ORDER_DDL, build, read, tenure

LEVELS = load_codes(ROOT / "schemas")["authority_levels"]
DDL = f"record_id string, {ORDER_DDL}, case_id string, finding string, authority_level string"
Said = tuple[str, str | None, str]

CASES: dict[str, tuple[list[Said], list[Said], bool]] = {
    # name: versions (finding, level, recorded), quarantined ones that free, is it unfounded
    "a reported case stands": ([("reported", "city", "2026-01-01")], [], False),
    "the newest word of its level counts": (
        [("confirmed", "city", "2026-01-01"), ("unfounded", "city", "2026-02-01")],
        [],
        True,
    ),
    "an older word that arrives later changes nothing": (
        [("unfounded", "city", "2026-02-01"), ("confirmed", "city", "2026-01-01")],
        [],
        True,
    ),
    "a lower level cannot take back": (
        [("confirmed", "province", "2026-01-01"), ("unfounded", "county", "2026-02-01")],
        [],
        False,
    ),
    "a lower level cannot bring back": (
        [("unfounded", "province", "2026-01-01"), ("confirmed", "county", "2026-02-01")],
        [],
        True,
    ),
    "a higher level overrules": (
        [("confirmed", "city", "2026-01-01"), ("unfounded", "national", "2026-02-01")],
        [],
        True,
    ),
    "a quarantined record frees": (
        [("confirmed", "city", "2026-01-01")],
        [("unfounded", "city", "2026-02-01")],
        True,
    ),
    "a quarantined record whose level cannot be read frees as the highest": (
        [("confirmed", "national", "2026-01-01")],
        [("unfounded", None, "2026-02-01")],
        True,
    ),
    "a quarantined record of a lower level does not free": (
        [("confirmed", "national", "2026-01-01")],
        [("unfounded", "city", "2026-02-01")],
        False,
    ),
    "a later confirmation of the same level brings it back": (
        [("confirmed", "city", "2026-03-01")],
        [("unfounded", "city", "2026-02-01")],
        False,
    ),
}


def said(frees: bool) -> list[dict[str, Any]]:
    return [
        {"record_id": name, "case_id": name, "finding": finding, "authority_level": level, "recorded_at": recorded}
        for name, parts in CASES.items()
        for finding, level, recorded in parts[1 if frees else 0]
    ]


@pytest.fixture(scope="module")
def unfounded() -> set[str]:
    rows = read(unfounded_cases(build(DDL, said(False)), build(DDL, said(True)), LEVELS))
    assert len({row["case_id"] for row in rows}) == len(rows)
    return {row["case_id"] for row in rows}


@pytest.mark.parametrize("name", CASES)
def test_findings(unfounded: set[str], name: str) -> None:
    assert (name in unfounded) is CASES[name][2]


PHONE, FREE_PHONE = 1, 2
INVOLVED = (
    "array<struct<role string, identifier_type string, identifier_id bigint, identifier_host_type string, "
    "identifier_host_id bigint, identifier_registrable_id bigint>>"
)


def element(role: str | None, kind: str, identifier: int | None) -> dict[str, Any]:
    """One element of `involved`."""
    return {"role": role, "identifier_type": kind, "identifier_id": identifier}


def test_an_involved_phone_is_its_tenure_at_that_time_and_all_else_is_itself() -> None:
    reports = build(
        "record_id string, recorded_at timestamp, business_date date, case_id string, finding string, authority_level string, "
        f"occurred_at timestamp, occurred_at_is_day boolean, reported_at timestamp, involved {INVOLVED}",
        [
            {"case_id": "moment", "occurred_at": "2026-03-01 13:00", "occurred_at_is_day": False, "involved": [
                element("offender", "phone", PHONE), element("offender", "phone", FREE_PHONE),
                element("payee", "bank_card", 77), element("offender", "imsi", 78),
                element("offender", "phone", None), element(None, "bank_card", 79),
            ]},
            {"case_id": "day", "occurred_at": "2026-03-01", "occurred_at_is_day": True, "involved": [
                element("offender", "phone", PHONE),
            ]},
            {"case_id": "nobody", "occurred_at": "2026-03-01", "occurred_at_is_day": True, "involved": []},
        ],
    )  # fmt: skip
    by_phone = build_known()
    rows = read(involvements(reports, by_phone, KEY))
    assert {(row["case_id"], row["element"]): (row["node_id"], row["is_unclear"]) for row in rows} == {
        ("moment", 0): (tenure(PHONE, "2026-03-01 12:00"), False),
        ("moment", 1): (tenure(FREE_PHONE, None), False),
        ("moment", 2): (77, False),
        ("moment", 3): (78, False),
        ("day", 0): (None, True),
    }


def build_known() -> pl.DataFrame:
    rows = [
        {"phone_id": PHONE, "tenure_from": since, "tenure_to": to, "tenure_node": tenure(PHONE, since)}
        for since, to in (("2026-01-01", "2026-03-01 12:00"), ("2026-03-01 12:00", "9999-12-31"))
    ]
    ddl = "phone_id bigint, tenure_from timestamp, tenure_to timestamp, tenure_node bigint"
    return tenures_by_phone(build(ddl, rows))
