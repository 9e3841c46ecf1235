"""How far a claim reaches: each lineage is one small story on nodes of its own; all stories run in one search."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from jobs.signals.spread import Barriers, best_paths, score_nodes, spread, walkable
from tests.signals.rows import CITY, POLICY, at, frame

INSTANT = at("2026-11-01T16:00")
OCCURRED = "2026-09-01T12:00"
SUPPORT = "array<struct<feed:string,record_id:string,valid_from:timestamp,valid_to:timestamp>>"
SIGNAL = (
    "signal_id string, lineage string, standard string, agency string, is_public boolean, node_id bigint, strength double, "
    "occurred_at timestamp, occurred_is_day boolean, authority_level string, is_live boolean, first_known_at timestamp"
)
Reach = dict[str, dict[int, float]]


def edge(kind: str, start: int, end: int, *times: tuple[str | None, str | None]) -> dict[str, Any]:
    """An edge with one record per pair of times; open at both ends without any."""
    given = times or ((None, None),)
    support = [{"feed": "f", "record_id": f"r{n}", "valid_from": a, "valid_to": b} for n, (a, b) in enumerate(given)]
    return {"kind": kind, "from_id": start, "to_id": end, "support": support}


def transfer(payer: int, payee: int, moment: str, until: str | None = None) -> dict[str, Any]:
    return edge("transfer", payer, payee, (moment, until or moment))


def signal(lineage: str, node: int, **given: Any) -> dict[str, Any]:
    """A finding of a city, at noon on 1 September 2026, unless said otherwise."""
    row: dict[str, Any] = {
        "signal_id": f"{lineage}@{node}", "lineage": lineage, "standard": "finding", "agency": "public_security", "is_public": False,
        "node_id": node, "strength": 0.95, "occurred_at": at(OCCURRED), "occurred_is_day": False, "authority_level": "city", "is_live": True,
        "first_known_at": at("2026-09-10"),
    }  # fmt: skip
    return row | given


LATER = ("2026-10-01", None)
EDGES = [
    edge("holder", 101, 102), edge("sim", 102, 103), edge("holder", 101, 104), edge("bound_phone", 105, 104),
    edge("holder", 201, 202, ("2026-01-01", "2026-08-01")), edge("holder", 201, 203, ("2026-01-01", OCCURRED)),
    edge("holder", 301, 302, LATER), edge("holder", 311, 312, LATER), edge("bound_phone", 321, 322, LATER), edge("bound_phone", 331, 332, LATER),
    edge("device", 341, 342, LATER), edge("device", 351, 352, LATER), edge("login_device", 361, 362, LATER),
    edge("holder", 401, 402, ("2026-09-01T15:00", None)), edge("holder", 403, 402, ("2026-09-02", None)),
    edge("bound_phone", 501, 502, ("2026-01-01", "2026-09-05")), edge("sim", 502, 503, ("2026-09-06", None)), edge("sim", 502, 504, ("2026-09-04", None)),
    transfer(601, 602, "2026-09-01T14:00"), transfer(601, 604, "2026-09-01"), transfer(601, 605, "2026-08-30"), transfer(602, 606, "2026-09-01T13:00"),
    transfer(602, 607, "2026-09-02"), edge("bound_phone", 602, 608, ("2026-09-01T15:00", None)), edge("bound_phone", 602, 609, ("2026-01-01", None)),
    transfer(611, 612, "2026-09-01T14:00"), edge("holder", 621, 622, ("2026-01-01", "2026-09-01T13:00")), transfer(622, 623, "2026-09-01T14:00"),
    transfer(622, 624, "2026-09-01T12:30"), transfer(631, 632, "2026-09-01", "2026-09-02"), transfer(631, 633, "2026-09-02", "2026-09-03"),
    edge("device", 701, 702), edge("sim", 710, 711), edge("device", 711, 712), edge("device", 721, 722), edge("login_device", 731, 732),
    edge("device", 733, 732),
    edge("holder", 801, 802), edge("bound_phone", 802, 803), edge("holder", 901, 902), edge("bound_phone", 902, 903),
    edge("holder", 1001, 1002), edge("bound_phone", 1002, 1003), edge("holder", 1021, 1022), edge("holder", 1021, 1023),
    edge("part_of", 1101, 1102), edge("part_of", 1102, 1103), edge("part_of", 1103, 1104), edge("part_of", 1104, 1105),
    edge("holder", 1201, 1202), edge("login_ip", 1301, 1302), edge("involved", 1400, 1401), edge("involved", 1400, 1402),
    edge("holder", 1501, 1502, ("2026-01-01", "2026-03-01"), LATER), edge("holder", 1503, 1502, ("2026-01-01", "2026-03-01"), ("2026-04-01", None)),
    edge("holder", 1601, 1603), edge("holder", 1601, 1602), edge("bound_phone", 1602, 1604), edge("bound_phone", 1603, 1604),
    edge("holder", 1951, 1952, ("2026-01-01", "2026-03-01"), ("2026-04-01", None)),
    edge("holder", 1700, 1701), edge("device", 1901, 1902, ("2026-08-01", "2026-09-15"), ("2026-10-01", None), ("2026-10-20", "2026-10-25")),
]  # fmt: skip
DAY = {"occurred_at": at("2026-09-01"), "occurred_is_day": True}
REPORT = {"standard": "report", "authority_level": None}
SIGNALS = [
    signal("chain", 101), signal("ended", 201), signal("later holding", 301), signal("later holder", 312), signal("later account", 322),
    signal("later tenure", 331), signal("later device", 341), signal("later sim", 352), signal("later login", 361), signal("on a day", 402, **DAY),
    signal("overlap", 501), signal("payer", 601), signal("payee", 612), signal("account left", 621),
    signal("days", 631, occurred_at=at("2026-09-03"), occurred_is_day=True),
    signal("into shared", 701), signal("finding on shared", 712), signal("report on shared", 722, **REPORT), signal("through shared", 731),
    signal("protected", 801), signal("case:spared", 901), signal("not spared", 901), signal("cleared", 1001), signal("cleared start", 1003),
    signal("appealed", 1021), signal("long path", 1101), signal("expired", 1201, is_live=False), signal("weak", 1301, strength=0.24),
    signal("just enough", 1301, strength=0.25), signal("case:passed", 1401), signal("one record", 1502),
    signal("case:two ways", 1601, agency="finance"),
    signal("as strong", 1700, strength=0.5, **REPORT), signal("as strong", 1701, strength=0.4, **REPORT),
    signal("mixed", 1801, signal_id="m1", strength=0.6, standard="indicator", agency="finance"),
    signal("mixed", 1801, signal_id="m2", strength=0.3, agency="telecom", **REPORT),
    signal("tied", 1802, signal_id="t1", strength=0.5, agency="telecom", **REPORT),
    signal("tied", 1802, signal_id="t2", strength=0.5, agency="finance", **REPORT),
    signal("public only", 1803, is_public=True, **REPORT),
    signal("public beside an agency", 1804, signal_id="p1", is_public=True, **REPORT), signal("public beside an agency", 1804, signal_id="p2", **REPORT),
    signal("county", 101, authority_level="county"), signal("seen again", 1901),
    signal("two moments", 1952, signal_id="late"), signal("two moments", 1952, signal_id="past", occurred_at=at("2026-02-01")),
]  # fmt: skip
PARTIES = {101: 101, 102: 101, 103: 101, 104: 101, 105: 105, 203: 201, 201: 201, 301: 301, 302: 301}


@pytest.fixture(scope="module")
def influences() -> dict[tuple[str, int], Any]:
    """(lineage, node) → its influence row."""
    crowded = [{"node_id": node, "kind": "device", "is_shared": True} for node in (702, 712, 722, 732)]
    crowded.append({"node_id": 102, "kind": "sim", "is_shared": False})
    barriers = Barriers(
        protected=frame("node_id bigint", [{"node_id": 802}]),
        spared=frame("lineage string, node_id bigint", [{"lineage": "case:spared", "node_id": 902}]),
        cleared=frame(
            "lineage string, node_id bigint",
            [{"lineage": "cleared", "node_id": 1002}, {"lineage": "cleared start", "node_id": 1003}],
        ),
        cleared_until=frame(
            "node_id bigint, until timestamp",
            [{"node_id": 1022, "until": at("2026-09-15")}, {"node_id": 1023, "until": at("2026-09-05")}],
        ),
    )  # fmt: skip
    signals = frame(SIGNAL, SIGNALS)
    known = signals.group_by("lineage").agg(pl.col("first_known_at").min().alias("lineage_known_at"))
    edges = frame(f"kind string, from_id bigint, to_id bigint, support {SUPPORT}", EDGES)
    shared = frame("node_id bigint, kind string, is_shared boolean", crowded)
    ways = walkable(edges, shared, barriers.protected, POLICY)
    paths = spread(signals, ways, known, barriers, POLICY, CITY, INSTANT)
    parties = frame("node_id bigint, party_id bigint", [{"node_id": n, "party_id": p} for n, p in PARTIES.items()])
    cases = frame("lineage string", [{"lineage": "case:two ways"}])
    rows = best_paths(paths, parties, cases, POLICY).to_dicts()
    found = {(row["lineage"], row["node_id"]): row for row in rows}
    assert len(found) == len(rows)
    return found


@pytest.fixture(scope="module")
def reach(influences: dict[tuple[str, int], Any]) -> Reach:
    """lineage → node → influence."""
    found: Reach = {}
    for (lineage, node), row in influences.items():
        found.setdefault(lineage, {})[node] = row["influence"]
    return found


def test_influence_is_the_strength_times_the_weights_along_the_path(reach: Reach) -> None:
    assert reach["chain"] == pytest.approx({101: 0.95, 102: 0.76, 103: 0.722, 104: 0.76, 105: 0.608})


def test_an_edge_that_was_over_when_it_happened_is_not_walked_and_one_that_ended_then_is(reach: Reach) -> None:
    assert set(reach["ended"]) == {201, 203}


@pytest.mark.parametrize(
    ("story", "reached"),
    [
        ("later holding", {301, 302}),
        ("later account", {322, 321}),
        ("later device", {341, 342}),
        ("later holder", {312}),
        ("later tenure", {331}),
        ("later sim", {352}),
        ("later login", {361}),
    ],
    ids=["document-to-holding", "tenure-to-account", "sim-to-device", "holding-to-document", "account-to-tenure", "device-to-sim", "login-device"],
)  # fmt: skip
def test_what_began_later_is_walked_only_from_the_persons_side(reach: Reach, story: str, reached: set[int]) -> None:
    assert set(reach[story]) == reached


def test_what_began_within_the_day_is_not_later_when_only_the_day_is_known(reach: Reach) -> None:
    assert set(reach["on a day"]) == {402, 401}


def test_two_consecutive_edges_must_overlap_in_time(reach: Reach) -> None:
    assert set(reach["overlap"]) == {501, 502, 504}


def test_risk_runs_forward_along_transfers_with_a_days_grace_and_not_before_the_last_transfer(reach: Reach) -> None:
    assert reach["payer"] == pytest.approx({601: 0.95, 602: 0.285, 604: 0.285, 607: 0.0855, 609: 0.228})
    assert set(reach["payee"]) == {612}


def test_an_edge_before_a_transfer_must_hold_at_its_moment(reach: Reach) -> None:
    assert set(reach["account left"]) == {621, 622, 624}


def test_a_transfer_known_by_day_two_days_before_is_beyond_the_grace(reach: Reach) -> None:
    assert set(reach["days"]) == {631, 633}


def test_a_shared_node_is_not_reached_or_passed_and_only_a_finding_leaves_it_by_one_edge(reach: Reach) -> None:
    assert set(reach["into shared"]) == {701}
    assert set(reach["finding on shared"]) == {712, 711}
    assert set(reach["report on shared"]) == {722}


def test_a_node_shared_for_one_kind_is_reached_by_another_and_not_left_by_the_shared_one(reach: Reach) -> None:
    assert set(reach["through shared"]) == {731, 732}


def test_no_path_goes_through_the_protected_the_spared_or_the_cleared(reach: Reach) -> None:
    assert set(reach["protected"]) == {801}
    assert set(reach["case:spared"]) == {901}
    assert set(reach["cleared"]) == {1001}


def test_who_is_spared_of_one_lineage_is_reached_by_another(reach: Reach) -> None:
    assert set(reach["not spared"]) == {901, 902, 903}


def test_being_cleared_by_association_leaves_what_is_said_of_the_node_itself(reach: Reach) -> None:
    assert 1003 in reach["cleared start"]


def test_an_upheld_appeal_clears_of_what_was_known_by_then_and_not_of_what_came_later(reach: Reach) -> None:
    assert set(reach["appealed"]) == {1021, 1023}


def test_no_path_is_longer_than_three_edges(reach: Reach) -> None:
    assert set(reach["long path"]) == {1101, 1102, 1103, 1104}


def test_an_expired_signal_reaches_nothing_and_influence_under_the_least_is_dropped(reach: Reach) -> None:
    assert "expired" not in reach
    assert reach["weak"] == pytest.approx({1301: 0.24})
    assert reach["just enough"] == pytest.approx({1301: 0.25, 1302: 0.05})


def test_no_case_is_passed_through(reach: Reach) -> None:
    assert set(reach["case:passed"]) == {1401}


def test_times_are_judged_on_one_record_and_not_on_the_hull(reach: Reach) -> None:
    assert set(reach["one record"]) == {1502, 1503}


def test_of_two_paths_as_strong_the_one_with_the_smallest_nodes_is_kept(influences: dict[tuple[str, int], Any]) -> None:
    steps = [(step["kind"], step["from_id"], step["to_id"]) for step in influences["case:two ways", 1604]["path"]]
    assert steps == [("holder", 1601, 1602), ("bound_phone", 1602, 1604)]


def test_of_two_paths_as_strong_the_shorter_is_kept(influences: dict[tuple[str, int], Any]) -> None:
    kept = influences["as strong", 1701]
    assert (kept["n_edges"], kept["signal_id"], kept["influence"]) == (0, "as strong@1701", 0.4)


def test_a_lineage_counts_for_one_agency(influences: dict[tuple[str, int], Any]) -> None:
    assert influences["case:two ways", 1604]["agency"] == "public_security"  # a record of the case stands
    assert influences["mixed", 1801]["agency"] == "telecom"  # its report, although the indicator is stronger
    assert influences["mixed", 1801]["standard"] == "report"
    assert influences["tied", 1802]["agency"] == "finance"  # before telecom in the policy's order


def test_only_a_citys_finding_on_another_node_of_the_same_party_is_its_own(
    influences: dict[tuple[str, int], Any],
) -> None:
    own = {
        key: influences[key]["by_own_party_finding"]
        for key in [("chain", 101), ("chain", 102), ("chain", 105), ("county", 102)]
    }
    assert own == {("chain", 101): False, ("chain", 102): True, ("chain", 105): False, ("county", 102): False}


def test_the_last_edge_is_live_when_it_holds_tonight(influences: dict[tuple[str, int], Any]) -> None:
    live = {
        key: influences[key]["last_edge_live"]
        for key in [("chain", 101), ("chain", 102), ("ended", 203), ("payer", 602)]
    }
    assert live == {("chain", 101): True, ("chain", 102): True, ("ended", 203): False, ("payer", 602): False}


def test_the_last_edge_is_live_when_any_of_its_records_that_the_path_may_walk_holds_tonight(
    influences: dict[tuple[str, int], Any],
) -> None:
    assert influences["seen again", 1902]["last_edge_live"]


def test_the_last_edge_is_not_live_when_one_of_the_signals_that_reach_as_far_walks_only_records_that_are_over(
    influences: dict[tuple[str, int], Any],
) -> None:
    kept = influences["two moments", 1951]
    assert (kept["signal_id"], kept["last_edge_live"]) == ("past", False)


def test_a_lineage_is_public_only_when_no_agency_says_it(influences: dict[tuple[str, int], Any]) -> None:
    assert influences["public only", 1803]["is_public"]
    assert not influences["public beside an agency", 1804]["is_public"]


def test_a_score_is_one_minus_the_product_of_what_is_left_to_six_places() -> None:
    given = [
        (1, "a", 0.5, "finance"), (1, "b", 0.5, "telecom"), (2, "a", 0.95, "finance"), (2, "b", 0.722, "finance"), (2, "c", 0.05, "finance"),
        (3, "a", 0.123456789, "internet"),
    ]  # fmt: skip
    rows = [{"node_id": n, "lineage": lineage, "influence": i, "agency": a} for n, lineage, i, a in given]
    scored = score_nodes(frame("node_id bigint, lineage string, influence double, agency string", rows)).to_dicts()
    assert {row["node_id"]: (row["score"], row["lineages"], row["agencies"]) for row in scored} == {
        1: (0.75, ["a", "b"], ["finance", "telecom"]),
        2: (0.986795, ["a", "b", "c"], ["finance"]),
        3: (0.123457, ["a"], ["internet"]),
    }


def test_a_score_is_rounded_half_up_as_a_decimal_number() -> None:
    given = {1: (0.3, 0.3, 0.5), 2: (0.5, 0.7), 3: (0.5, 0.499999), 4: (0.95,), 5: (0.5, 0.51)}
    rows = [{"node_id": n, "lineage": str(i), "influence": x, "agency": "finance"} for n, xs in given.items() for i, x in enumerate(xs)]  # fmt: skip
    scored = score_nodes(frame("node_id bigint, lineage string, influence double, agency string", rows))
    assert dict(scored.select("node_id", "score").sort("node_id").iter_rows()) == {
        1: 0.755,
        2: 0.85,
        3: 0.75,
        4: 0.95,
        5: 0.755,
    }


def test_no_influence_is_no_score() -> None:
    assert score_nodes(frame("node_id bigint, lineage string, influence double, agency string", [])).is_empty()
