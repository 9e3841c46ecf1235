"""Numbers of deliveries: repeats, forks, gaps, the chain; and that the order of arrival changes nothing."""

import itertools
import shutil
from pathlib import Path

import pytest

from tests.intake.world import (
    ABNORMAL,
    ACCOUNTS,
    CASES,
    DAY,
    World,
    data_file,
    edit_manifest,
    records,
    verdicts,
)

NEXT = DAY.replace(day=23)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_a_delivery_that_was_taken_is_not_looked_at_again(world: World) -> None:
    folder = world.deliver()
    assert verdicts(world.night()) == [("d-1", "taken", None)]
    data_file(folder).write_bytes(b"changed after it was taken")
    assert world.night(NEXT) == []
    (name,) = world.staged()
    assert b"msisdn-1" in (world.root / "lake" / "staged" / name).read_bytes()


def test_the_same_content_under_the_same_number_is_a_repeat(world: World) -> None:
    world.deliver(sequence=7)
    world.deliver(sequence=7, delivery_id="again")
    answers = world.night()
    assert verdicts(answers) == [("again", "taken", None), ("d-7", "repeated", None)]
    assert answers[1].detail == "number 7 was taken before, as again"
    assert world.night(NEXT) == []


def test_a_repeat_in_a_later_night_is_answered_once(world: World) -> None:
    world.deliver(sequence=7)
    world.night()
    world.deliver(sequence=7, delivery_id="again", on=NEXT)
    assert verdicts(world.night(NEXT)) == [("again", "repeated", None)]
    assert world.night(NEXT.replace(day=24)) == []


def test_other_content_under_a_taken_number_is_a_fork_and_the_first_stands(world: World) -> None:
    world.deliver(sequence=7)
    world.night()
    world.deliver(ABNORMAL, records(ABNORMAL, 5), sequence=7, delivery_id="other", on=NEXT)
    (answer,) = world.night(NEXT)
    assert (answer.status, answer.reason) == ("refused", "fork")
    assert answer.detail == "number 7 was taken before, as d-7, with other content; what was taken first stands"
    assert len(world.staged()) == 1


def test_a_manifest_that_is_written_anew_with_other_content_is_a_fork(world: World) -> None:
    world.deliver()
    world.night()
    world.deliver(ABNORMAL, records(ABNORMAL, 5))
    assert verdicts(world.night(NEXT)) == [("d-1", "refused", "fork")]


def test_a_repeat_as_a_snapshot_is_a_fork(world: World) -> None:
    world.deliver()
    world.deliver(delivery_id="whole", mode="snapshot")
    assert verdicts(world.night()) == [("d-1", "taken", None), ("whole", "refused", "fork")]


def test_a_refused_number_may_come_again(world: World) -> None:
    data_file(world.deliver(sequence=3)).unlink()
    assert verdicts(world.night()) == [("d-3", "refused", "file_missing")]
    world.deliver(ABNORMAL, records(ABNORMAL, 5), sequence=3, delivery_id="mended", on=NEXT)
    assert verdicts(world.night(NEXT)) == [("mended", "taken", None)]


def test_a_refused_delivery_is_answered_again_only_when_the_answer_changed(world: World) -> None:
    file = data_file(world.deliver())
    kept = file.rename(file.with_suffix(".kept"))
    assert verdicts(world.night()) == [("d-1", "refused", "file_missing")]
    assert world.night(NEXT) == []
    kept.rename(file)
    assert verdicts(world.night(NEXT.replace(day=24))) == [("d-1", "taken", None)]


def test_a_gap_is_taken_and_reported_and_the_missing_number_may_still_come(world: World) -> None:
    world.deliver(sequence=1)
    world.deliver(sequence=5)
    first, second = world.night()
    assert (first.warnings, second.warnings) == ([], ["gap: numbers 2 to 4 are missing"])
    world.deliver(sequence=3, on=NEXT)
    (late,) = world.night(NEXT)
    assert (late.status, late.warnings) == ("taken", [])


def test_a_feed_may_begin_with_any_number(world: World) -> None:
    world.deliver(sequence=412)
    assert [answer.warnings for answer in world.night()] == [[]]


def test_numbers_of_a_night_are_taken_in_their_order_whatever_the_folders_are_called(world: World) -> None:
    world.deliver(sequence=2, delivery_id="a")
    world.deliver(sequence=1, delivery_id="b")
    assert [(answer.delivery_id, answer.warnings) for answer in world.night()] == [
        ("a", ["chain: previous_sha256 is not the manifest of number 1 that was taken"]),
        ("b", []),
    ]


def test_a_chain_that_holds_is_no_warning(world: World) -> None:
    world.deliver(sequence=1)
    (first,) = world.night()
    world.deliver(sequence=2, previous_sha256=first.manifest_sha256)
    assert [answer.warnings for answer in world.night()] == [[]]


def test_a_chain_may_go_on_from_a_repeat(world: World) -> None:
    world.deliver(sequence=1)
    world.deliver(sequence=1, delivery_id="e-1")
    _, repeated = world.night()
    world.deliver(sequence=2, previous_sha256=repeated.manifest_sha256, on=NEXT)
    assert [answer.warnings for answer in world.night(NEXT)] == [[]]


def test_a_chain_that_names_another_delivery_is_taken_with_a_warning(world: World) -> None:
    world.deliver(sequence=1)
    world.deliver(sequence=2, previous_sha256="0" * 64)
    answers = world.night()
    assert [answer.status for answer in answers] == ["taken", "taken"]
    assert answers[1].warnings == ["chain: previous_sha256 is not the manifest of number 1 that was taken"]


def test_a_delivery_id_that_comes_again_is_a_warning(world: World) -> None:
    world.deliver(sequence=1, delivery_id="same")
    world.deliver(sequence=3, delivery_id="same", on=NEXT)
    assert world.night(NEXT)[1].warnings[-1] == "delivery_id was used before, by number 1"


def test_a_clock_that_runs_ahead_is_a_warning(world: World) -> None:
    edit_manifest(world.deliver(), produced_at="2026-11-23T02:00:00+08:00")
    (answer,) = world.night()
    assert (answer.status, answer.warnings) == (
        "taken",
        ["clock: produced_at lies after the end of this night"],
    )


def test_feeds_do_not_share_their_numbers(world: World) -> None:
    for feed in (ABNORMAL, ACCOUNTS, CASES):
        world.deliver(feed, sequence=1)
    assert [(answer.status, answer.warnings) for answer in world.night()] == [("taken", [])] * 3


@pytest.mark.parametrize("order", list(itertools.permutations([1, 2, 3])), ids=lambda order: "-".join(map(str, order)))
def test_any_order_of_arrival_takes_the_same_deliveries(tmp_path: Path, order: tuple[int, ...]) -> None:
    source = World(tmp_path / "source")
    for number in (1, 2, 3):
        source.deliver(ABNORMAL, records(ABNORMAL, number), sequence=number)
    one_night = {(answer.path, answer.status, tuple(answer.staged)) for answer in source.night()}
    world, answers = World(tmp_path / "world"), []
    for night, number in enumerate(order):
        folder = next(source.landing.glob(f"*/*/*/d-{number}"))
        shutil.copytree(folder, world.landing / folder.relative_to(source.landing))
        answers += world.night(DAY.replace(day=22 + night))
    assert {(answer.path, answer.status, tuple(answer.staged)) for answer in answers} == one_night
    assert world.staged() == source.staged()
