"""Folders appear whole, files are replaced in one step, and what a dead writer left is swept away."""

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pyarrow import fs

from jobs.core.errors import UserError
from jobs.core.storage import ArrowStorage, LocalStorage, Storage, open_storage

FILES = {"manifest.json": b"{}", "rows.csv": b"a\n1\n"}


@pytest.fixture(params=["local", "arrow"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    """Both kinds over one folder: this machine's disk, and a file system of pyarrow."""
    return LocalStorage(tmp_path) if request.param == "local" else ArrowStorage(fs.LocalFileSystem(), str(tmp_path))


@contextmanager
def small_disk(limit: int) -> Iterator[None]:
    """No file may grow beyond `limit` bytes: what a full disk does to a write."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_what_was_put_is_read(storage: Storage) -> None:
    storage.put_folder("cmcc/1", FILES, last="manifest.json")
    storage.put_file("cmcc/latest.json", b"1")
    assert {name: storage.read(f"cmcc/1/{name}") for name in FILES} == FILES
    assert storage.read("cmcc/latest.json") == b"1"
    assert storage.folders("cmcc") == ["1"]


def test_what_is_not_there_is_none_and_empty(storage: Storage) -> None:
    assert storage.read("cmcc/latest.json") is None
    assert storage.folders("cmcc") == []
    storage.remove_folder("cmcc/1")
    storage.sweep("cmcc")


def test_a_folder_takes_the_place_of_one_with_its_name_with_nothing_left_of_it(storage: Storage) -> None:
    storage.put_folder("cmcc/1", {**FILES, "old.csv": b"x"}, last="manifest.json")
    storage.put_folder("cmcc/1", FILES, last="manifest.json")
    assert storage.read("cmcc/1/old.csv") is None
    assert storage.folders("cmcc") == ["1"]


def test_a_file_is_replaced_and_a_folder_removed(storage: Storage) -> None:
    storage.put_file("cmcc/latest.json", b"1")
    storage.put_file("cmcc/latest.json", b"22")
    storage.put_folder("cmcc/2", FILES, last="manifest.json")
    storage.remove_folder("cmcc/2")
    assert (storage.read("cmcc/latest.json"), storage.folders("cmcc")) == (b"22", [])


@pytest.mark.parametrize("path", ["../x", "/etc/x", "a/../../x"])
def test_a_path_that_climbs_out_is_refused(storage: Storage, path: str) -> None:
    with pytest.raises(ValueError, match="leads out"):
        storage.put_file(path, b"x")


def test_a_disk_that_is_full_leaves_the_old_file_and_no_folder_and_nothing_beside_them(
    tmp_path: Path,
) -> None:
    storage = LocalStorage(tmp_path)
    storage.put_file("cmcc/latest.json", b"good")
    with small_disk(1000):
        with pytest.raises(OSError, match="too large"):
            storage.put_folder("cmcc/2", {**FILES, "big.csv": b"x" * 5000}, last="manifest.json")
        with pytest.raises(OSError, match="too large"):
            storage.put_file("cmcc/latest.json", b"y" * 5000)
    assert [item.name for item in (tmp_path / "cmcc").iterdir()] == ["latest.json"]
    assert storage.read("cmcc/latest.json") == b"good"


def test_what_a_dead_writer_left_is_no_folder_and_is_swept(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path)
    for name in (".staging-2-99", ".replaced-1-99"):
        (tmp_path / "cmcc" / name).mkdir(parents=True)
        (tmp_path / "cmcc" / name / "rows.csv").write_bytes(b"half")
    (tmp_path / "cmcc" / ".staging-latest.json-99").write_bytes(b"half")
    assert storage.folders("cmcc") == []
    storage.sweep("cmcc")
    assert list((tmp_path / "cmcc").iterdir()) == []


def test_every_file_and_its_folder_are_synced_before_the_name_appears(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[tuple[str, bool]] = []
    real = os.fsync

    def record(descriptor: int) -> None:
        real(descriptor)
        synced.append((Path(f"/proc/self/fd/{descriptor}").readlink().name, (tmp_path / "cmcc" / "2").exists()))

    monkeypatch.setattr(os, "fsync", record)
    LocalStorage(tmp_path).put_folder("cmcc/2", FILES, last="manifest.json")
    before = [name for name, is_visible in synced if not is_visible]
    assert before[-3:-1] == ["rows.csv", "manifest.json"]
    assert before[-1].startswith(".staging-2")
    assert [name for name, is_visible in synced if is_visible] == ["cmcc"]


def test_a_file_is_synced_before_it_takes_the_place_of_the_old_one_and_its_folder_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `latest.json`, which acknowledges a release."""
    storage = LocalStorage(tmp_path)
    storage.put_file("cmcc/latest.json", b"old")
    synced: list[tuple[str, bytes]] = []
    real = os.fsync

    def record(descriptor: int) -> None:
        real(descriptor)
        name = Path(f"/proc/self/fd/{descriptor}").readlink().name
        synced.append((name, (tmp_path / "cmcc" / "latest.json").read_bytes()))

    monkeypatch.setattr(os, "fsync", record)
    storage.put_file("cmcc/latest.json", b"new")
    (beside, before), (folder, after) = synced
    assert beside.startswith(".staging-latest.json")
    assert (before, folder, after) == (b"old", "cmcc", b"new")


def test_a_path_and_a_file_uri_are_one_folder(tmp_path: Path) -> None:
    open_storage(str(tmp_path)).put_file("a", b"1")
    assert open_storage(f"file://{tmp_path}").read("a") == b"1"


def test_a_kind_of_storage_that_nobody_knows_is_an_error_of_the_settings() -> None:
    with pytest.raises(UserError, match="can't be opened"):
        open_storage("nosuch://bucket/releases")
