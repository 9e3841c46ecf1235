"""One lock per lake: a second process is told who holds it, and it goes with the process that held it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from jobs.core.errors import LakeBusy, UserError
from jobs.core.lock import lake_lock
from jobs.core.settings import ROOT

HOLD = """
import sys
from jobs.core.lock import lake_lock
with lake_lock(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def holder(lake: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the lake."""
    command = [sys.executable, "-c", HOLD, str(lake)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "held\n"
            yield process
        finally:
            process.kill()


def test_a_second_process_is_refused_with_the_first_ones_number(tmp_path: Path) -> None:
    with holder(tmp_path / "lake") as process, pytest.raises(LakeBusy) as caught, lake_lock(str(tmp_path / "lake")):
        pytest.fail("two processes hold one lake")
    assert f"another run (process {process.pid}) holds this lake" in str(caught.value)


def test_the_lock_goes_with_its_process_even_when_that_is_killed(tmp_path: Path) -> None:
    with holder(tmp_path / "lake") as process:
        process.kill()
        process.wait(timeout=10)
        with lake_lock(str(tmp_path / "lake")):
            assert (tmp_path / "lake" / ".lock").read_text(encoding="utf-8") == f"{os.getpid()}\n"


def test_the_lock_is_free_again_after_an_error_inside(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), lake_lock(str(tmp_path)):
        1 / 0  # noqa: B018
    with lake_lock(str(tmp_path)):
        assert (tmp_path / ".lock").exists()


def test_two_lakes_can_be_held_at_once(tmp_path: Path) -> None:
    with holder(tmp_path / "a"), lake_lock(str(tmp_path / "b")):
        assert (tmp_path / "b" / ".lock").exists()


def test_a_lake_of_an_object_store_makes_no_folder_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with lake_lock("s3://bucket/lake"):
        assert list(tmp_path.iterdir()) == []


def test_a_file_in_the_place_of_the_lake_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "lake").write_text("", encoding="utf-8")
    expected = r"the lake's folder can't be used \(File exists\); give another with --lake"
    with pytest.raises(UserError, match=expected), lake_lock(str(tmp_path / "lake")):
        pytest.fail("a file is no lake")


@pytest.mark.parametrize("command", [["night"], ["run", "intake"], ["run", "commit"]], ids=["night", "stage", "commit"])
def test_the_command_ends_with_75_on_a_busy_lake_so_that_a_scheduler_tries_again(
    tmp_path: Path, command: list[str]
) -> None:
    places = {name: str(tmp_path / name) for name in ("landing", "lake", "releases", "key_file")}
    (tmp_path / "landing").mkdir()
    environ = {**os.environ, **{f"ANTIFRAUD_{name.upper()}": place for name, place in places.items()}}
    with holder(tmp_path / "lake") as process:
        arguments = [sys.executable, "-m", "jobs.cli", *command, "--date", "2026-11-22"]
        done = subprocess.run(arguments, cwd=ROOT, env=environ, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 75
    assert done.stdout == ""
    assert done.stderr.splitlines() == [
        f"antifraud: {tmp_path}/lake: another run (process {process.pid}) holds this lake; wait for it to end and try again"
    ]
    assert not (tmp_path / "key_file").exists()
