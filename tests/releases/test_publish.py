"""A version is the latest only when its night is committed; a crash leaves the last good one."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from jobs.core.errors import UserError
from jobs.core.settings import ROOT, Settings
from jobs.core.storage import LocalStorage
from jobs.releases.publish import publish_pending, read_latest, remove_unpublished, write_version

# A night's writing with SIGKILL in front of the n-th sync, rename or other step that orders what is on disk.
CHILD = """
import os, signal, sys
from pathlib import Path
left = int(sys.argv[2])
def deadly(real):
    def step(*args, **kwargs):
        global left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*args, **kwargs)
    return step
from tests_publish_world import files_of
from jobs.core.settings import Settings
from jobs.core.storage import LocalStorage
from jobs.releases.publish import publish_pending, write_version
for name in ("fsync", "rename", "replace", "mkdir", "rmdir"):
    setattr(os, name, deadly(getattr(os, name)))
storage = LocalStorage(Path(sys.argv[1]))
write_version(storage, "cmcc", 2, files_of(2))
publish_pending(Settings(releases=sys.argv[1]), {"cmcc": 2})
"""
WORLD = """
import hashlib, json
def files_of(version):
    rows = f"rows of version {version}".encode()
    manifest = {
        "recipient": "cmcc", "version": version, "business_date": f"2026-10-{version:02}",
        "created": "c", "expires": "e",
        "files": {"rows.csv": {"sha256": hashlib.sha256(rows).hexdigest(), "bytes": len(rows)}},
    }
    return {"rows.csv": rows, "manifest.json": json.dumps(manifest).encode()}
"""


def files_of(version: int) -> dict[str, bytes]:
    """A small version: one file and its manifest."""
    scope: dict[str, Any] = {}
    exec(WORLD, scope)
    made: dict[str, bytes] = scope["files_of"](version)
    return made


def tree(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def assert_latest_is_whole(root: Path) -> int:
    """What a recipient does first: latest.json, its manifest, its files."""
    pointer = json.loads((root / "cmcc" / "latest.json").read_bytes())
    manifest = (root / "cmcc" / pointer["manifest"]["path"]).read_bytes()
    assert hashlib.sha256(manifest).hexdigest() == pointer["manifest"]["sha256"]
    for name, item in json.loads(manifest)["files"].items():
        content = (root / "cmcc" / str(pointer["version"]) / name).read_bytes()
        assert hashlib.sha256(content).hexdigest() == item["sha256"]
    version: int = pointer["version"]
    return version


@pytest.fixture
def releases(tmp_path: Path) -> Path:
    """Releases whose version 1 is the latest."""
    root = tmp_path / "releases"
    write_version(LocalStorage(root), "cmcc", 1, files_of(1))
    publish_pending(Settings(releases=str(root)), {"cmcc": 1})
    return root


def test_a_version_that_was_written_is_not_yet_the_latest(releases: Path) -> None:
    write_version(LocalStorage(releases), "cmcc", 2, files_of(2))
    assert assert_latest_is_whole(releases) == 1


def test_the_switch_makes_it_the_latest_and_a_second_switch_changes_nothing(releases: Path) -> None:
    write_version(LocalStorage(releases), "cmcc", 2, files_of(2))
    publish_pending(Settings(releases=str(releases)), {"cmcc": 2})
    once = tree(releases)
    publish_pending(Settings(releases=str(releases)), {"cmcc": 2})
    assert (tree(releases), assert_latest_is_whole(releases)) == (once, 2)


def test_no_recipient_goes_back_to_an_older_version(releases: Path) -> None:
    write_version(LocalStorage(releases), "cmcc", 2, files_of(2))
    publish_pending(Settings(releases=str(releases)), {"cmcc": 2})
    publish_pending(Settings(releases=str(releases)), {"cmcc": 1})
    assert assert_latest_is_whole(releases) == 2


def test_a_committed_version_that_is_missing_is_named(releases: Path) -> None:
    with pytest.raises(UserError, match="release cmcc/2 was committed but its folder is not among the releases"):
        publish_pending(Settings(releases=str(releases)), {"cmcc": 2})
    assert assert_latest_is_whole(releases) == 1


def test_another_folder_for_releases_has_nothing_to_switch(tmp_path: Path) -> None:
    publish_pending(Settings(releases=str(tmp_path / "other")), {"cmcc": 7})
    assert not (tmp_path / "other").exists()


def test_a_latest_that_can_not_be_read_is_named(releases: Path) -> None:
    (releases / "cmcc" / "latest.json").write_text("{", encoding="utf-8")
    with pytest.raises(UserError, match=r"releases of cmcc: latest\.json can't be read"):
        read_latest(LocalStorage(releases), "cmcc")


def test_what_was_never_published_is_removed_and_what_was_stays(releases: Path) -> None:
    storage = LocalStorage(releases)
    good = tree(releases)
    write_version(storage, "cmcc", 2, files_of(2))
    (releases / "cmcc" / ".staging-3-1").mkdir()
    assert remove_unpublished(storage, "cmcc", 1) == [2]
    assert tree(releases) == good
    assert [path.name for path in sorted((releases / "cmcc").iterdir())] == ["1", "latest.json"]


def test_a_kill_before_any_step_leaves_a_whole_latest_and_the_next_run_ends_the_same(
    releases: Path, tmp_path: Path
) -> None:
    (tmp_path / "tests_publish_world.py").write_text(WORLD, encoding="utf-8")
    start = tree(releases)
    storage, settings = LocalStorage(releases), Settings(releases=str(releases))
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{tmp_path}"}
    ends: set[int] = set()
    expected: dict[str, bytes] = {}
    for step in range(100):
        command = [sys.executable, "-c", CHILD, str(releases), str(step)]
        ended = subprocess.run(command, env=environment, check=False, timeout=60, capture_output=True)
        assert ended.returncode in (0, -9), ended.stderr.decode()
        latest = assert_latest_is_whole(releases)
        ends.add(latest)
        remove_unpublished(storage, "cmcc", latest)
        if latest == 1:
            assert tree(releases) == start
            write_version(storage, "cmcc", 2, files_of(2))
            publish_pending(settings, {"cmcc": 2})
        expected = expected or tree(releases)
        assert tree(releases) == expected
        if ended.returncode == 0:
            break
        storage.remove_folder("cmcc/2")
        storage.put_file("cmcc/latest.json", start["cmcc/latest.json"])
    assert ended.returncode == 0
    assert step >= 8
    assert ends == {1, 2}
