"""Nights of all cases merged by date; numbers that keep each case's deliveries its own."""

from collections.abc import Callable
from datetime import date

from jobs.rehearse.plan import LakePlan, Planned, plan_lakes
from jobs.rehearse.play import Player

Build = Callable[..., dict[str, Player]]
EXPECT = "    expect: {events: 0}\n"


def _plan(prepared: Build, **nights: str) -> list[LakePlan]:
    return plan_lakes([player.case for player in prepared(**nights).values()])


def _night(on: str, *lines: str) -> str:
    return f"  {on}:\n" + "".join(f"    {line}\n" for line in lines) + EXPECT


def _of(lake: LakePlan, feed: str) -> list[Planned]:
    return [planned for night in lake.nights.values() for planned in night if planned.feed == feed]


SUB = "telecom/subscriptions: [{msisdn: '@phone.P'}]"


def test_nights_of_all_cases_are_merged_by_date(prepared: Build) -> None:
    (lake,) = _plan(
        prepared,
        one=_night("2026-10-04", SUB) + _night("2026-10-01", SUB),
        two=_night("2026-10-01", SUB) + _night("2026-10-02"),
    )
    assert list(lake.nights) == [date(2026, 10, 1), date(2026, 10, 2), date(2026, 10, 4)]
    first, later = _of(lake, "telecom/subscriptions")
    assert [part.case for part in first.parts] == ["one", "two"]
    assert (first.on, first.sequence, later.on, later.sequence) == (
        date(2026, 10, 1),
        1,
        date(2026, 10, 4),
        2,
    )
    assert lake.nights[date(2026, 10, 2)] == []


def test_a_snapshot_lies_below_what_other_cases_deliver(prepared: Build) -> None:
    snapshot = "telecom/subscriptions: {deliveries: [{mode: snapshot, records: []}]}"
    (lake,) = _plan(
        prepared,
        plain=_night("2026-10-01", SUB),
        snaps=_night("2026-10-01", SUB) + _night("2026-10-03", snapshot),
    )
    by_case = {
        (planned.on.day, lake.case_of(planned)): planned.sequence for planned in _of(lake, "telecom/subscriptions")
    }
    assert by_case == {(1, "snaps"): 1, (3, "snaps"): 2, (1, "plain"): 3}


def test_two_cases_with_snapshots_of_one_feed_do_not_share_a_lake(prepared: Build) -> None:
    snapshot = "telecom/subscriptions: {deliveries: [{mode: snapshot, records: []}]}"
    lakes = _plan(
        prepared,
        one=_night("2026-10-01", snapshot),
        two=_night("2026-10-02", snapshot),
        three=_night("2026-10-03", SUB),
    )
    assert [[case.case for case in lake.cases] for lake in lakes] == [["one", "three"], ["two"]]
    assert list(lakes[1].nights) == [date(2026, 10, 2)]


def test_numbers_of_a_case_keep_their_order_and_their_gaps(prepared: Build) -> None:
    own = "telecom/subscriptions: {deliveries: [{sequence: 41, records: []}, {sequence: 43, records: []}, {records: []}, {sequence: 42, records: []}]}"
    (lake,) = _plan(prepared, own=_night("2026-10-01", own), other=_night("2026-10-01", SUB))
    assert [planned.sequence for planned in _of(lake, "telecom/subscriptions")] == [1, 3, 4, 2, 5]


def test_the_same_number_with_the_same_records_is_the_same_delivery_again(prepared: Build) -> None:
    again = "telecom/subscriptions: {deliveries: [{sequence: 1, records: [{msisdn: '@phone.P'}]}]}"
    (lake,) = _plan(prepared, again=_night("2026-10-01", again) + _night("2026-10-02", again))
    first, second = _of(lake, "telecom/subscriptions")
    assert (first.sequence, first.parts) == (second.sequence, second.parts)
    assert (first.on, second.on) == (date(2026, 10, 1), date(2026, 10, 2))


def test_a_fork_contradicts_the_delivery_before_it(prepared: Build) -> None:
    fork = "telecom/subscriptions: {deliveries: [{faults: [fork], records: [{msisdn: '@phone.Q'}]}]}"
    (lake,) = _plan(prepared, fork=_night("2026-10-01", SUB) + _night("2026-10-02", fork))
    assert [planned.sequence for planned in _of(lake, "telecom/subscriptions")] == [1, 1]
    (lake,) = _plan(prepared, alone=_night("2026-10-02", fork))
    before, after = _of(lake, "telecom/subscriptions")
    assert (before.sequence, before.faults, before.parts[0].delivery.records) == (1, (), ())
    assert (after.sequence, after.faults) == (1, ("fork",))
    assert before.delivery_id < after.delivery_id
