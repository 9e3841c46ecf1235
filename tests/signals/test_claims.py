"""Which records claim something, of which node, and from when."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from jobs.signals import claims
from tests.frames import read
from tests.signals.rows import at, frame

KNOWN = {"recorded_at": at("2026-09-20"), "first_known_at": at("2026-09-20")}
CLAIM = (
    "feed string, record_id string, element int, agency string, kind string, indicator string, node_id bigint, phone_id bigint, "
    "case_id string, role string, authority_level string, occurred_at timestamp, occurred_is_day boolean, known_at timestamp, "
    "first_known_at timestamp, begins_at timestamp, own_end timestamp, is_unclear boolean, named_id bigint"
)
CONTROL = (
    "record_id string, account_id bigint, case_id string, control string, ordered_at timestamp, ordered_at_is_day boolean, "
    "expires_at timestamp, authority_level string, recorded_at timestamp, first_known_at timestamp"
)
PERSON = (
    "record_id string, person_id bigint, status string, since timestamp, until timestamp, authority_level string, "
    "recorded_at timestamp, first_known_at timestamp"
)
INVOLVED = (
    "record_id string, element int, case_id string, role string, finding string, node_id bigint, phone_id bigint, authority_level string, "
    "occurred_at timestamp, occurred_at_is_day boolean, reported_at timestamp, is_unclear boolean, recorded_at timestamp, first_known_at timestamp"
)


def control(record: str, account: int, ordered: str, case: str | None = None, kind: str = "freeze") -> dict[str, Any]:
    return {
        "record_id": record,
        "account_id": account,
        "ordered_at": at(ordered),
        "case_id": case,
        "control": kind,
    } | KNOWN


@pytest.fixture(scope="module")
def controls() -> dict[str, Any]:
    """Claims of payment controls by record."""
    orders = [
        control("before-release", 1, "2026-09-01"),
        control("after-release", 1, "2026-09-03", kind="stop_payment"),
        control("of-released-case", 2, "2026-09-01", "C1"),
        control("of-other-case", 2, "2026-09-01", "C2"),
        control("of-no-case", 2, "2026-09-01"),
        control("at-the-same-moment", 3, "2026-09-01"),
        control("the-release", 4, "2026-09-01", kind="release"),
    ]
    releases = [
        {"account_id": 1, "released_by": at("2026-09-02")},
        {"account_id": 2, "case_id": "C1", "released_by": at("2026-09-02")},
        {"account_id": 3, "released_by": at("2026-09-01T00:00:00.000001")},
    ]
    lifted = frame("account_id bigint, case_id string, released_by timestamp", releases)
    rows = claims.control_claims(frame(CONTROL, orders), lifted).to_dicts()
    return {row["record_id"]: row for row in rows}


def test_a_release_ends_the_earlier_controls_on_the_account_and_no_later_one(controls: dict[str, Any]) -> None:
    assert "before-release" not in controls
    assert "at-the-same-moment" not in controls
    assert controls["after-release"]["kind"] == "control_stop_payment"


def test_a_release_that_names_a_case_ends_only_that_cases_controls(controls: dict[str, Any]) -> None:
    assert "of-released-case" not in controls
    assert {"of-other-case", "of-no-case"} <= set(controls)


def test_a_release_claims_nothing(controls: dict[str, Any]) -> None:
    assert "the-release" not in controls


@pytest.fixture(scope="module")
def persons() -> dict[str, Any]:
    """Claims of persons of interest by record."""

    def person(
        record: str, node: int, status: str, level: str = "city", recorded: str = "2026-09-20"
    ) -> dict[str, Any]:
        named = {"record_id": record, "person_id": node, "status": status, "authority_level": level}
        return named | {"since": at("2026-08-01"), "recorded_at": at(recorded), "first_known_at": at(recorded)}

    rows = [
        person("convicted", 1, "convicted"),
        person("city-trader", 2, "account_trading"),
        person("county-trader", 3, "account_trading", level="county"),
        person("cleared-itself", 4, "cleared"),
        person("before-clearing", 5, "suspect", recorded="2026-09-01"),
        person("after-clearing", 5, "charged", recorded="2026-09-10"),
        {**person("unreadable", 6, "suspect"), "person_id": None},
    ]
    cleared = frame("person_id bigint, cleared_at timestamp", [{"person_id": 5, "cleared_at": at("2026-09-05")}])
    city = pl.col("authority_level").is_in(["city", "province", "national"])
    return {row["record_id"]: row for row in claims.person_claims(frame(PERSON, rows), cleared, city).to_dicts()}


def test_trading_accounts_is_a_claim_of_its_own_kind_below_the_city(persons: dict[str, Any]) -> None:
    kinds = {record: persons[record]["kind"] for record in ("convicted", "city-trader", "county-trader")}
    assert kinds == {
        "convicted": "person_convicted",
        "city-trader": "person_account_trading",
        "county-trader": "person_account_trading_county",
    }


def test_clearing_a_person_ends_what_stood_by_then_and_not_what_is_recorded_later(persons: dict[str, Any]) -> None:
    assert set(persons) == {"convicted", "city-trader", "county-trader", "after-clearing"}


def test_a_confirmed_case_lives_from_its_first_confirmation_and_victims_are_not_claimed() -> None:
    def involved(record: str, role: str, finding: str) -> dict[str, Any]:
        return {
            "record_id": record, "element": 0, "case_id": "C1", "role": role, "finding": finding, "node_id": 1, "is_unclear": False,
            "occurred_at": at("2026-08-01"), "occurred_at_is_day": True, "reported_at": at("2026-08-02"), **KNOWN,
        }  # fmt: skip

    rows = [
        involved("confirmed", "offender", "confirmed"),
        involved("reported", "payee", "reported"),
        involved("victim", "victim", "confirmed"),
        involved("unfounded", "site", "unfounded"),
    ]
    first = frame("case_id string, confirmed_at timestamp", [{"case_id": "C1", "confirmed_at": at("2026-08-09")}])
    found = claims.case_claims(frame(INVOLVED, rows), first, ("offender", "payee", "site"))
    texts = read(found.select("record_id", "kind", "begins_at", "occurred_is_day"))
    assert {tuple(row.values()) for row in texts} == {
        ("confirmed", "case_confirmed", "2026-08-09", True),
        ("reported", "case_reported", "2026-08-02", True),
    }


def test_a_claim_on_a_sim_is_placed_on_the_one_tenure_that_it_served_then() -> None:
    def on_sim(record: str, sim: int, when: str, element: int | None = 0, is_day: bool = False) -> dict[str, Any]:
        named = {"feed": "f", "record_id": record, "element": element, "node_id": sim}
        return named | {"occurred_at": at(when), "occurred_is_day": is_day}

    def serves(sim: int, start: str, end: str, tenure: int) -> dict[str, Any]:
        return {"sim_id": sim, "vf": at(start), "vt": at(end), "tenure_node": tenure, "phone": tenure * 10}

    given = [
        on_sim("first-tenure", 1, "2026-02-01"),
        on_sim("second-tenure-no-element", 1, "2026-07-01", element=None),
        on_sim("at-the-hand-over", 1, "2026-06-01"),
        on_sim("nobody-then", 1, "2025-01-01"),
        on_sim("two-at-once", 2, "2026-02-01"),
        on_sim("day-it-began", 3, "2026-03-01", is_day=True),
        on_sim("hour-before-it-began", 3, "2026-03-01"),
        on_sim("not-a-sim", 9, "2026-02-01"),
    ]
    served = [
        serves(1, "2026-01-01", "2026-06-01", 11),
        serves(1, "2026-06-01", "9999-12-31", 12),
        serves(2, "2026-01-01", "9999-12-31", 21),
        serves(2, "2026-01-01", "9999-12-31", 22),
        serves(3, "2026-03-01T15:00", "9999-12-31", 31),
    ]
    times = frame("sim_id bigint, vf timestamp, vt timestamp, tenure_node bigint, phone bigint", served)
    placed = claims.place_sims(frame(CLAIM, given), times).to_dicts()
    assert {row["record_id"]: (row["node_id"], row["phone_id"]) for row in placed} == {
        "first-tenure": (11, 110),
        "second-tenure-no-element": (12, 120),
        "at-the-hand-over": (12, 120),
        "nobody-then": (1, None),
        "two-at-once": (2, None),
        "day-it-began": (31, 310),
        "hour-before-it-began": (3, None),
        "not-a-sim": (9, None),
    }
    assert len(placed) == len(given)


def test_who_is_spared_by_his_sim_is_spared_by_every_number_that_it_served_then() -> None:
    roles = frame(
        "case_id string, node_id bigint, occurred_at timestamp, occurred_at_is_day boolean",
        [{"case_id": "C1", "node_id": 7, "occurred_at": at("2026-09-10"), "occurred_at_is_day": True}],
    )
    served = frame(
        "sim_id bigint, vf timestamp, vt timestamp, tenure_node bigint, phone bigint",
        [
            {"sim_id": 7, "vf": at("2026-01-01"), "vt": at("2026-09-10T12:00"), "tenure_node": 1},
            {"sim_id": 7, "vf": at("2026-09-10T12:00"), "vt": at("2026-12-01"), "tenure_node": 2},
            {"sim_id": 7, "vf": at("2026-10-01"), "vt": at("2026-12-01"), "tenure_node": 3},
        ],
    )
    assert set(claims.tenures_served(roles, served).iter_rows()) == {("C1", 1), ("C1", 2)}
