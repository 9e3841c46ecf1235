"""A set of deliveries is taken once, whatever order, repetition, split into nights or death of a night it came through."""

import os
import shutil
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.intake.answers import Answer, Desk, Ledger
from jobs.intake.landing import discover
from jobs.intake.staging import INCOMING, Staging
from tests.intake.world import (
    ABNORMAL,
    ACCOUNTS,
    CASES,
    CONTRACTS,
    DAY,
    World,
    as_row,
    data_file,
    edit_manifest,
    records,
    replace_file,
    scratch,
    verdicts,
)

BOUNDED = settings(max_examples=40, deadline=None, derandomize=True, database=None)
FEEDS = [ABNORMAL, ACCOUNTS, CASES]

Sent = tuple[int, int, str]
"""One delivery: which feed, its number, and what it is: good, a repeat under another id, or damaged."""
sendings = st.lists(
    st.tuples(st.integers(0, 2), st.integers(1, 5), st.sampled_from(["good", "good", "again", "damaged"])),
    min_size=1,
    max_size=10,
    unique=True,
)


def write_all(root: Path, sent: list[Sent]) -> dict[Sent, Path]:
    """The folders of the deliveries, in a place where nobody looks yet."""
    source = World(root / "source")
    folders = {}
    for one in sent:
        feed, number, kind = FEEDS[one[0]], one[1], one[2]
        folder = source.deliver(feed, records(feed, number), sequence=number, delivery_id=f"{kind}-{number}")
        if kind == "damaged":
            data_file(folder).unlink()
        folders[one] = folder.relative_to(source.landing)
    return folders


def land(world: World, root: Path, folder: Path) -> None:
    shutil.copytree(root / "source" / "landing" / folder, world.landing / folder, dirs_exist_ok=True)


Fact = tuple[str, int, str | None, int | None, tuple[tuple[str, int], ...]]


def facts(rows: list[dict[str, Any]]) -> list[Fact]:
    """What the ledger says was taken: feed, number, mode, records, and the content of the files."""
    return sorted(
        (
            f"{row['agency']}/{row['feed']}",
            row["sequence"],
            row["mode"],
            row["rows_in"],
            tuple((file["sha256"], file["rows"]) for file in row["staged"]),
        )
        for row in rows
        if row["status"] == "taken"
    )


def wanted(sent: list[Sent]) -> set[tuple[str, int]]:
    return {(FEEDS[feed].id, number) for feed, number, kind in sent if kind != "damaged"}


@given(
    sent=sendings, order=st.randoms(use_true_random=False), nights=st.lists(st.integers(0, 3), min_size=10, max_size=10)
)
@BOUNDED
def test_any_order_repetition_and_split_into_nights_takes_the_same(
    sent: list[Sent], order: Any, nights: list[int]
) -> None:
    with scratch() as root:
        folders = write_all(root, sent)
        together, apart = World(root / "together"), World(root / "apart")
        for folder in folders.values():
            land(together, root, folder)
        together.night()
        apart.landing.mkdir(parents=True)

        shuffled = order.sample(sent, len(sent))
        for night in range(4):
            for one in [one for one, when in zip(shuffled, nights, strict=False) if when == night]:
                land(apart, root, folders[one])
            for _ in range(1 + night % 2):  # a night that is run again says nothing new
                apart.night(DAY + timedelta(days=night))

        assert facts(apart.ledger_rows) == facts(together.ledger_rows)
        assert {fact[:2] for fact in facts(apart.ledger_rows)} == wanted(sent)
        assert len(facts(apart.ledger_rows)) == len(wanted(sent)), "a number is taken twice"
        assert apart.staged() == together.staged()
        answered = [(row["path"], row["manifest_sha256"]) for row in apart.ledger_rows if row["status"] != "refused"]
        assert len(answered) == len(set(answered))
        statuses = {row["path"]: row["status"] for row in apart.ledger_rows}
        assert set(statuses) == {folder.as_posix() for folder in folders.values()}, "a delivery has no answer"


@given(first=st.permutations([1, 2, 3]), forks=st.sets(st.integers(1, 3)))
@BOUNDED
def test_of_a_fork_what_was_taken_first_stands_and_nothing_else_changes(first: list[int], forks: set[int]) -> None:
    with scratch() as root:
        world = World(root)
        for night, number in enumerate(first):
            world.deliver(ABNORMAL, records(ABNORMAL, number), sequence=number)
            world.night(DAY + timedelta(days=night))
        before = facts(world.ledger_rows)
        for number in forks:
            world.deliver(ABNORMAL, records(ABNORMAL, number + 5), sequence=number, delivery_id=f"fork-{number}")
        answers = world.night(DAY + timedelta(days=4))
        assert verdicts(answers) == [(f"fork-{number}", "refused", "fork") for number in sorted(forks)]
        assert facts(world.ledger_rows) == before
        assert world.night(DAY + timedelta(days=5)) == []


# A night that dies


def desk(world: World, on: date = DAY) -> Desk:
    """What a run of intake begins with: the ledger as it was committed."""
    staging = Staging(str(world.root / "lake"))
    staging.sweep()
    end = datetime(on.year, on.month, on.day, 16, tzinfo=UTC)
    return Desk(on, end, CONTRACTS, world.agencies, world.limits, staging, Ledger.of(world.ledger_rows))


def answer(world: World, on: date = DAY) -> list[Answer]:
    return desk(world, on).answer_all(discover(str(world.landing), on).found)


@given(sent=sendings, deaths=st.integers(1, 3))
@BOUNDED
def test_what_was_staged_by_a_night_that_died_before_its_row_is_taken_once_by_the_next(
    sent: list[Sent], deaths: int
) -> None:
    """The rows of `ops.deliveries` are the only thing that counts, and a night that dies has none."""
    with scratch() as root:
        folders = write_all(root, sent)
        world = World(root / "world")
        world.landing.mkdir(parents=True)
        for folder in folders.values():
            land(world, root, folder)
        lost = [answer(world) for _ in range(deaths)]
        answers = answer(world)
        world.ledger_rows += [as_row(one) for one in answers]
        assert all(one == answers for one in lost), "a death changed an answer"
        assert {fact[:2] for fact in facts(world.ledger_rows)} == wanted(sent)
        assert len(facts(world.ledger_rows)) == len(wanted(sent))
        assert set(world.staged()) == {file.sha256 for one in answers for file in one.staged}
        assert {one.status for one in answer(world)} <= {"repeated"}, "a damaged one of a number that now is taken"


class Killed(BaseException):
    """The process is gone: nothing catches it."""


@pytest.mark.parametrize("step", ["copy", "take"])
@pytest.mark.parametrize("at", [1, 2, 3, 4])
def test_a_night_killed_while_it_copies_leaves_nothing_that_counts(
    step: str, at: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(tmp_path)
    for number in (1, 2):
        world.deliver(ABNORMAL, records(ABNORMAL, number), records(ABNORMAL, number + 5), sequence=number)
    whole, calls = Path.replace if step == "take" else Staging.copy, 0

    def kill(self: Any, *given: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls < at:
            return whole(self, *given)
        if step == "copy":
            (self._folder / f"{INCOMING}half").write_bytes(b"half")
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(Path if step == "take" else Staging, "replace" if step == "take" else "copy", kill)
        with pytest.raises(Killed):
            answer(world)
    answers = answer(world)
    world.ledger_rows += [as_row(one) for one in answers]
    assert [(one.delivery_id, one.rows_in) for one in answers] == [("d-1", 7), ("d-2", 9)]
    assert set(world.staged()) == {file.sha256 for one in answers for file in one.staged}
    assert answer(world) == []


def test_a_delivery_changed_between_the_death_and_the_next_night_is_taken_as_it_then_is(tmp_path: Path) -> None:
    """What the dead night had staged lies there still, and no row names it."""
    world = World(tmp_path)
    folder = world.deliver()
    (lost,) = answer(world)
    world.deliver(ABNORMAL, records(ABNORMAL, 5))
    (taken,) = answer(world)
    assert (taken.rows_in, taken.staged == lost.staged) == (5, False)
    assert data_file(folder).stat().st_size == taken.staged[0].bytes


# What Spark's file source loses: it knows a file by its name and its time


def test_a_corrected_file_under_the_same_name_with_the_next_number_is_taken(tmp_path: Path) -> None:
    world = World(tmp_path)
    folder = world.deliver()
    world.night()
    replace_file(folder, data_file(folder).read_bytes().replace(b"msisdn-1", b"msisdn-9"))
    edit_manifest(folder, sequence=2)
    (corrected,) = world.night(DAY + timedelta(days=1))
    assert (corrected.status, corrected.sequence) == ("taken", 2)
    assert b"msisdn-9" in (tmp_path / "lake" / corrected.staged[0].uri).read_bytes()
    assert len(facts(world.ledger_rows)) == 2


def test_a_corrected_file_under_the_same_name_and_number_is_a_fork_and_never_silently_ignored(tmp_path: Path) -> None:
    world = World(tmp_path)
    folder = world.deliver()
    world.night()
    replace_file(folder, data_file(folder).read_bytes().replace(b"msisdn-1", b"msisdn-9"))
    assert verdicts(world.night(DAY + timedelta(days=1))) == [("d-1", "refused", "fork")]


def test_a_file_that_is_older_than_what_was_taken_is_taken_all_the_same(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.deliver(sequence=2)
    world.night()
    folder = world.deliver(sequence=1)
    for file in [*folder.iterdir(), folder]:
        os.utime(file, (0, 0))
    assert verdicts(world.night(DAY + timedelta(days=1))) == [("d-1", "taken", None)]


def test_the_ledger_is_the_same_in_whatever_order_its_rows_come_back(tmp_path: Path) -> None:
    world = World(tmp_path)
    for number in (1, 2, 4):
        world.deliver(ABNORMAL, records(ABNORMAL, number), sequence=number)
        world.night(DAY + timedelta(days=number))
    world.deliver(ABNORMAL, records(ABNORMAL, 2), sequence=2, delivery_id="again")
    world.deliver(ABNORMAL, records(ABNORMAL, 9), sequence=4, delivery_id="fork")
    world.night(DAY + timedelta(days=5))
    assert Ledger.of(world.ledger_rows) == Ledger.of(world.ledger_rows[::-1])


def test_two_feeds_with_the_same_bytes_share_one_staged_file_and_lose_none(tmp_path: Path) -> None:
    """The store is named by content: a refusal of the one must not take away what the other was taken with."""
    world = World(tmp_path)
    table: pa.Table = records(ABNORMAL, 3)
    world.deliver(ABNORMAL, table, sequence=1)
    world.deliver(ABNORMAL, table, sequence=2)
    edit_manifest(world.deliver(ABNORMAL, table, table, sequence=3), previous_sha256=None)
    broken = world.deliver(ABNORMAL, table, table, sequence=4)
    (broken / "part-0002.csv").unlink()
    assert [one.status for one in world.night()] == ["taken", "taken", "taken", "refused"]
    assert len(world.staged()) == 1
