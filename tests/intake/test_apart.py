"""What kills the process that reads a file refuses the file, and nothing else."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from jobs.bronze.records import Inspection, inspect_records
from jobs.bronze.source import Broken, Limits
from jobs.core.contracts import Feed
from jobs.intake import verify
from jobs.intake.apart import Apart, Died
from tests.intake.world import ABNORMAL, ACCOUNTS, World, records


@pytest.fixture
def apart() -> Iterator[Apart]:
    found = Apart()
    yield found
    found.close()


def test_it_gives_what_the_function_gives_and_stays_the_same_process(apart: Apart) -> None:
    there = apart(os.getpid)
    assert there != os.getpid()
    assert (apart(sorted, [2, 1]), apart(os.getpid)) == ([1, 2], there)


def test_it_raises_what_the_function_raises(apart: Apart) -> None:
    with pytest.raises(Broken, match=r"^is no file$") as caught:
        apart(_refuse, "unreadable", "is no file")
    assert caught.value.reason == "unreadable"


def _refuse(reason: str, detail: str) -> None:
    raise Broken(reason, detail)


def test_a_death_is_told_and_the_next_call_is_answered(apart: Apart) -> None:
    with pytest.raises(Died, match="signal 6"):
        apart(os.abort)
    with pytest.raises(Died, match="signal 9"):
        apart(_kill_itself)
    with pytest.raises(Died, match="exit code 3"):
        apart(os._exit, 3)
    assert apart(sum, [1, 2]) == 3


def _kill_itself() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_what_it_prints_does_not_reach_its_answers(apart: Apart) -> None:
    assert apart(print, "x" * 100_000) is None
    assert apart(sum, [1]) == 1


def test_a_file_that_kills_its_reader_is_refused_and_the_rest_of_the_night_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verify, "inspect_records", _die_of_parquet)
    world = World(tmp_path)
    world.deliver(ACCOUNTS, records(ACCOUNTS, 1))
    world.deliver(ABNORMAL, records(ABNORMAL, 1))
    answers = {answer.feed: answer for answer in world.night()}
    assert (answers["accounts"].status, answers["accounts"].reason) == ("refused", "unreadable")
    assert "ended the process that read it (signal 6)" in answers["accounts"].detail
    assert answers["abnormal_numbers"].status == "taken"


def _die_of_parquet(path: str, feed: Feed, limits: Limits) -> Inspection:
    if feed.format.type == "parquet":
        os.abort()
    return inspect_records(path, feed, limits)
