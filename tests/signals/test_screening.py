"""Lineage, strength and life of signals, and what due process takes out of them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import polars as pl
import pytest

from jobs.core.frames import stack
from jobs.signals import screening
from tests.signals.rows import POLICY, TABLES, at, frame
from tests.signals.test_claims import CLAIM

INSTANT = at("2026-10-01T16:00")
CONTROLS = "finance/payment_controls"


def claim(record: str, node: int, kind: str, **given: Any) -> dict[str, Any]:
    """A claim of the finance agency on a payment control, unless said otherwise."""
    begins = given.get("begins_at", given.get("occurred_at", at("2026-09-20")))
    row = {
        "feed": CONTROLS,
        "agency": "finance",
        "record_id": record,
        "node_id": node,
        "kind": kind,
        "occurred_at": begins,
    }
    return row | {"occurred_is_day": False, "begins_at": begins} | given


@pytest.fixture(scope="module")
def joined() -> dict[str, str | None]:
    """record → the case that the control joined."""

    def ordered(record: str, account: int, when: str, is_day: bool = False, **given: Any) -> dict[str, Any]:
        return claim(record, account, "control_freeze", occurred_at=at(when), occurred_is_day=is_day, **given)

    def names(case: str, account: int, reported: str, is_day: bool = False) -> dict[str, Any]:
        return {"case_id": case, "account_id": account, "reported_at": at(reported), "reported_at_is_day": is_day}

    given = [
        ordered("three-days-before", 1, "2026-09-07T10:00"),
        ordered("earlier-still", 1, "2026-09-07T09:59"),
        ordered("thirty-days-after", 1, "2026-10-10T10:00"),
        ordered("later-still", 1, "2026-10-10T10:01"),
        ordered("day-of-three-days-before", 1, "2026-09-07", is_day=True),
        ordered("day-of-four-days-before", 1, "2026-09-06", is_day=True),
        ordered("in-the-last-day-of-a-day", 2, "2026-10-10T20:00"),
        ordered("nearest", 3, "2026-09-12"),
        ordered("tie", 4, "2026-09-12"),
        ordered("has-its-own", 1, "2026-09-10", case_id="C9"),
        ordered("other-account", 5, "2026-09-10"),
        claim("no-control", 1, "transfer_other", occurred_at=at("2026-09-10"), feed="finance/suspicious_transfers"),
    ]
    named = [
        names("C1", 1, "2026-09-10T10:00"),
        names("C2", 2, "2026-09-10", is_day=True),
        names("C3-far", 3, "2026-09-01"),
        names("C3-near", 3, "2026-09-13"),
        names("C4-b", 4, "2026-09-13"),
        names("C4-a", 4, "2026-09-11"),
    ]
    cases = frame("case_id string, account_id bigint, reported_at timestamp, reported_at_is_day boolean", named)
    rows = screening.join_cases(frame(CLAIM, given), cases, POLICY).to_dicts()
    assert len(rows) == len(given)
    return {row["record_id"]: row["joined_case"] for row in rows}


def test_a_control_joins_the_case_from_three_days_before_to_thirty_after_its_report(
    joined: dict[str, str | None],
) -> None:
    assert joined["three-days-before"] == "C1"
    assert joined["thirty-days-after"] == "C1"
    assert joined["earlier-still"] is None
    assert joined["later-still"] is None


def test_a_day_stands_for_the_whole_day_when_a_control_joins_a_case(joined: dict[str, str | None]) -> None:
    assert joined["day-of-three-days-before"] == "C1"
    assert joined["day-of-four-days-before"] is None
    assert joined["in-the-last-day-of-a-day"] == "C2"


def test_of_several_cases_the_control_joins_the_nearest_and_of_two_as_near_the_least(
    joined: dict[str, str | None],
) -> None:
    assert joined["nearest"] == "C3-near"
    assert joined["tie"] == "C4-a"


def test_only_controls_without_a_case_on_a_named_account_join_one(joined: dict[str, str | None]) -> None:
    assert [joined[record] for record in ("has-its-own", "other-account", "no-control")] == [None, None, None]


@pytest.fixture(scope="module")
def signals() -> dict[str, Any]:
    """record → its signal, with the expiry as text."""
    long_ago = at("2026-01-10")
    given = [
        claim("freeze-without-end", 1, "control_freeze"),
        claim("stop-without-end", 2, "control_stop_payment"),
        claim("freeze-with-late-end", 3, "control_freeze", own_end=at("2030-01-01")),
        claim("freeze-with-early-end", 4, "control_freeze", own_end=at("2026-09-25")),
        claim("stop-with-own-end-beyond-30-days", 5, "control_stop_payment", own_end=at("2026-12-31")),
        claim("convicted-until", 6, "person_convicted", agency="public_security", own_end=at("2026-12-31")),
        claim("suspect-lives-180-days", 7, "person_suspect", agency="public_security", begins_at=long_ago),
        claim("ends-tonight", 8, "control_freeze", own_end=INSTANT),
        claim("of-a-case", 9, "case_reported", case_id="C1", agency="public_security", role="offender"),
        claim("joined", 10, "control_freeze"),
        claim("line", 11, "line_complaints", agency="telecom", indicator="complaints"),
        claim("line-again", 11, "line_complaints", agency="telecom", indicator="complaints"),
        claim("line-other", 11, "line_sim_box", agency="telecom", indicator="sim_box"),
        claim("frozen-and", 12, "control_freeze"),
        claim("stopped", 12, "control_stop_payment"),
        claim("public-a", 13, "public:list/a:0", agency="internet", indicator="hagezi"),
        claim("public-b", 13, "public:list/b:0", agency="internet", indicator="hagezi"),
        {**claim("no-node", 0, "control_freeze"), "node_id": None},
    ]
    case = pl.when(pl.col("record_id") == "joined").then(pl.lit("C7"))
    lists = [
        {"kind": f"public:list/{x}:0", "strength": 0.4, "standard": "report", "lives_days": 90, "at_most_days": 90, "is_public": True}
        for x in "ab"
    ]  # fmt: skip
    worths = stack([screening.worth(POLICY, {}), frame(screening.WORTH, lists)])
    rows = screening.make_signals(frame(CLAIM, given).with_columns(joined_case=case), worths, INSTANT)
    assert set(TABLES["graph.signals"].names) <= set(rows.columns)
    rows = rows.with_columns(end=pl.col("expires_at").dt.to_string("%Y-%m-%d %H:%M:%S"))
    return {row["record_id"]: row for row in rows.to_dicts()}


def test_a_control_lives_until_its_own_end_at_most_a_year_and_else_for_its_days(signals: dict[str, Any]) -> None:
    ends = {record: signals[record]["end"][:10] for record in signals if "freeze" in record or "stop-" in record}
    assert ends == {
        "freeze-without-end": "2027-03-19",
        "stop-without-end": "2026-10-20",
        "freeze-with-late-end": "2027-09-20",
        "freeze-with-early-end": "2026-09-25",
        "stop-with-own-end-beyond-30-days": "2026-12-31",
    }


def test_an_end_that_is_passed_tonight_marks_the_signal_and_keeps_it(signals: dict[str, Any]) -> None:
    lives = {
        record: signals[record]["is_live"]
        for record in ("freeze-with-early-end", "suspect-lives-180-days", "ends-tonight")
    }
    assert lives == {"freeze-with-early-end": False, "suspect-lives-180-days": False, "ends-tonight": True}
    assert signals["suspect-lives-180-days"]["end"][:10] == "2026-07-09"
    assert signals["convicted-until"]["end"][:10] == "2026-12-31"


def test_the_case_named_or_joined_is_the_lineage(signals: dict[str, Any]) -> None:
    assert signals["of-a-case"]["lineage"] == "case:C1"
    assert (signals["joined"]["lineage"], signals["joined"]["case_id"]) == ("case:C7", "C7")


def test_without_a_case_agency_kind_with_indicator_and_node_are_the_lineage(signals: dict[str, Any]) -> None:
    lineage = {record: signals[record]["lineage"] for record in signals}
    assert lineage["line"] == lineage["line-again"] == "telecom:line:complaints:11"
    assert lineage["line-other"] == "telecom:line:sim_box:11"
    assert lineage["frozen-and"] == lineage["stopped"] == "finance:control:12"


def test_lists_of_one_ancestry_are_one_lineage_and_known_as_public(signals: dict[str, Any]) -> None:
    assert signals["public-a"]["lineage"] == signals["public-b"]["lineage"]
    assert signals["public-a"]["is_public"]
    assert not signals["line"]["is_public"]


def test_strength_and_standard_are_the_policys_and_what_names_no_node_is_no_signal(signals: dict[str, Any]) -> None:
    assert (signals["of-a-case"]["strength"], signals["of-a-case"]["standard"]) == (0.5, "report")
    assert (signals["convicted-until"]["strength"], signals["convicted-until"]["standard"]) == (0.9, "finding")
    assert "no-node" not in signals


def test_a_victims_party_is_spared_with_the_devices_that_are_mostly_its_own() -> None:
    def sighting(imsi: int, imei: int, days: int) -> dict[str, Any]:
        return {
            "imsi_id": imsi,
            "imei_id": imei,
            "first_seen": at("2026-09-01"),
            "last_seen": at(f"2026-09-{1 + days:02d}"),
        }

    # Party 1: document 1, tenure 10, SIMs 11 and 12. Party 2: SIM 21. Tenure 99 has no party.
    members = [(1, 1), (10, 1), (11, 1), (12, 1), (2, 2), (21, 2)]
    parties = frame("node_id bigint, party_id bigint", [{"node_id": n, "party_id": p} for n, p in members])
    roles = frame(
        "case_id string, node_id bigint", [{"case_id": "C1", "node_id": 10}, {"case_id": "C2", "node_id": 99}]
    )
    seen = [
        sighting(11, 501, 5), sighting(21, 501, 3),  # longer with the victim
        sighting(11, 502, 3), sighting(21, 502, 5),  # longer with the other
        sighting(11, 503, 4), sighting(21, 503, 4),  # as long with both: nobody's
        sighting(11, 504, 2), sighting(12, 504, 2), sighting(21, 504, 3),  # longer with both its SIMs together
        sighting(12, 505, 0),  # seen once, by nobody else
        sighting(21, 506, 9),  # never with the victim
        sighting(11, 507, 0) | {"last_seen": at("2026-09-01") + timedelta(microseconds=1)}, sighting(21, 507, 0),  # a moment longer with the victim
        sighting(11, 508, 4), sighting(21, 508, 3), sighting(21, 508, 2),  # the other's records tell of the same time twice
        sighting(11, 509, 3), sighting(21, 509, 2), sighting(21, 509, 4) | {"first_seen": at("2026-09-02")},  # longer with the other: four days in two records
    ]  # fmt: skip
    sightings = frame("imsi_id bigint, imei_id bigint, first_seen timestamp, last_seen timestamp", seen)
    found = screening.spared_nodes(roles, parties, sightings).to_dicts()
    assert {row["node_id"] for row in found if row["lineage"] == "case:C1"} == {1, 10, 11, 12, 501, 504, 505, 507, 508}
    assert {row["node_id"] for row in found if row["lineage"] == "case:C2"} == {99}
    assert len(found) == 10


def test_what_a_person_must_look_at_is_taken_out_and_kept_as_a_row_for_a_human() -> None:
    def signal(
        name: str,
        node: int,
        lineage: str = "case:C1",
        phone: int | None = None,
        live: bool = True,
        named: int | None = None,
    ) -> dict[str, Any]:
        return {
            "signal_id": name,
            "record_id": name,
            "feed": "f",
            "node_id": node,
            "lineage": lineage,
            "phone_id": phone,
            "named_id": named or node,
            "is_live": live,
        }

    given = [
        signal("plain", 1), signal("protected-domain", 2), signal("tenure-of-protected-number", 3, phone=30), signal("victim", 4),
        signal("victim-of-another-case", 4, "case:C2"), signal("spoofed", 5), signal("victims-sim", 6, phone=60, named=4), signal("expired-on-protected", 2, live=False),
    ]  # fmt: skip
    ddl = "signal_id string, record_id string, feed string, node_id bigint, lineage string, phone_id bigint, is_live boolean, named_id bigint"
    standing, human = screening.take_out(
        frame(ddl, given),
        frame("lineage string, node_id bigint", [{"lineage": "case:C1", "node_id": 4}]),
        frame(
            "node_id bigint, protected_reason string",
            [{"node_id": n, "protected_reason": "A bank"} for n in (2, 30)],
        ),
        frame("signal_id string", [{"signal_id": "spoofed"}]),
    )
    assert {row["signal_id"] for row in standing.to_dicts()} == {"plain", "victim-of-another-case"}
    assert {(row["node_id"], row["reason"], row["source"], row["detail"]) for row in human.to_dicts()} == {
        (2, "protected_identifier", "f protected-domain", "A bank"),
        (3, "protected_identifier", "f tenure-of-protected-number", "A bank"),
        (4, "victim_named_as_offender", "f victim", ""),
        (6, "victim_named_as_offender", "f victims-sim", ""),
        (5, "number_was_spoofed", "f spoofed", ""),
    }


def test_a_release_that_names_a_case_ends_the_controls_that_had_joined_it() -> None:
    def control(name: str, joined: str | None, ordered: str) -> dict[str, Any]:
        return {"feed": "f", "record_id": name, "node_id": 10, "joined_case": joined, "occurred_at": at(ordered)}

    claims = frame(
        "feed string, record_id string, node_id bigint, joined_case string, occurred_at timestamp",
        [control("before", "C1", "2026-09-01"), control("after", "C1", "2026-09-20"), control("other", "C2", "2026-09-01"), control("none", None, "2026-09-01")],
    )  # fmt: skip
    releases = frame(
        "account_id bigint, case_id string, released_by timestamp",
        [{"account_id": 10, "case_id": "C1", "released_by": at("2026-09-10")}],
    )
    assert set(screening.drop_released(claims, releases)["record_id"]) == {"after", "other", "none"}
