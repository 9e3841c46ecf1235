"""Where finished files go: a local folder, or anything that pyarrow can open by a URI.

On a local disk a folder appears whole or not at all (written beside, synced, renamed) and a file is replaced
in one step. An object store has no rename of folders: there the file named `last` is written last, so that a
folder without it is unfinished, and the replacement of one file is as atomic as the store's PUT. A mounted
HDFS or NFS path counts as the local disk only if its rename is atomic and its fsync true.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

from pyarrow import fs

from jobs.core.errors import UserError

_STAGING = ".staging-"
_REPLACED = ".replaced-"


class Storage(Protocol):
    """Files by relative path, `/` between the parts."""

    def read(self, path: str) -> bytes | None:
        """The file's bytes; None when there is no such file."""

    def folders(self, path: str) -> list[str]:
        """Names of the folders below `path`, sorted, without what is unfinished; empty when `path` does not
        exist.
        """

    def put_folder(self, path: str, files: Mapping[str, bytes], last: str) -> None:
        """Make a folder with these files, in place of what has its name; `last` is written last."""

    def put_file(self, path: str, content: bytes) -> None:
        """Make or replace one file, atomically."""

    def remove_folder(self, path: str) -> None:
        """Take a folder away with all in it; nothing happens when it does not exist."""

    def sweep(self, path: str) -> None:
        """Take away what writers that died have left directly below `path`."""


def open_storage(uri: str) -> Storage:
    """The storage behind a path or URI. Raises UserError when pyarrow knows no such kind."""
    parts = urlsplit(uri)
    if "://" not in uri:
        return LocalStorage(Path(uri))
    if parts.scheme == "file":
        return LocalStorage(Path(unquote(parts.path)))
    try:
        system, root = fs.FileSystem.from_uri(uri)
    except (OSError, ValueError, NotImplementedError) as error:
        raise UserError(
            f"{parts.scheme}://…: this storage can't be opened ({error.__class__.__name__}); "
            "use a folder or a URI that pyarrow knows"
        ) from None
    return ArrowStorage(system, root)


def _inside(path: str) -> PurePosixPath:
    """The path, held to what lies below the root."""
    pure = PurePosixPath(path)
    if pure.is_absolute() or ".." in pure.parts:
        raise ValueError(f"'{path}' leads out of the storage")
    return pure


class LocalStorage:
    """A folder on this machine's disk."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def read(self, path: str) -> bytes | None:
        try:
            return (self._root / _inside(path)).read_bytes()
        except FileNotFoundError:
            return None

    def folders(self, path: str) -> list[str]:
        folder = self._root / _inside(path)
        if not folder.is_dir():
            return []
        return sorted(item.name for item in folder.iterdir() if item.is_dir() and not item.name.startswith("."))

    def put_folder(self, path: str, files: Mapping[str, bytes], last: str) -> None:
        target = self._root / _inside(path)
        _make_folders(target.parent)
        staging = target.parent / f"{_STAGING}{target.name}-{os.getpid()}"
        shutil.rmtree(staging, ignore_errors=True)
        staging.mkdir()
        try:
            for name in sorted(files, key=lambda name: (name == last, name)):
                _write_synced(staging / name, files[name])
            _sync_folder(staging)
            self.remove_folder(path)
            staging.rename(target)
        except BaseException:
            shutil.rmtree(staging, ignore_errors=True)
            raise
        _sync_folder(target.parent)

    def put_file(self, path: str, content: bytes) -> None:
        target = self._root / _inside(path)
        _make_folders(target.parent)
        beside = target.parent / f"{_STAGING}{target.name}-{os.getpid()}"
        try:
            _write_synced(beside, content)
            beside.replace(target)
        except BaseException:
            with suppress(OSError):
                beside.unlink()
            raise
        _sync_folder(target.parent)

    def remove_folder(self, path: str) -> None:
        target = self._root / _inside(path)
        if not target.exists():
            return
        aside = target.parent / f"{_REPLACED}{target.name}-{os.getpid()}"
        shutil.rmtree(aside, ignore_errors=True)
        target.rename(aside)  # so that no reader ever sees half of it
        shutil.rmtree(aside)

    def sweep(self, path: str) -> None:
        folder = self._root / _inside(path)
        if not folder.is_dir():
            return
        for item in folder.iterdir():
            if item.name.startswith((_STAGING, _REPLACED)):
                if item.is_dir():
                    shutil.rmtree(item)
                else:
                    item.unlink()


class ArrowStorage:
    """A root of any file system of pyarrow. A folder counts as there when its last file is."""

    def __init__(self, system: Any, root: str) -> None:
        self._system = system
        self._root = root.rstrip("/")

    def read(self, path: str) -> bytes | None:
        where = self._where(path)
        if self._system.get_file_info(where).type != fs.FileType.File:
            return None
        with self._system.open_input_stream(where) as stream:
            content: bytes = stream.read()
        return content

    def folders(self, path: str) -> list[str]:
        selector = fs.FileSelector(self._where(path), allow_not_found=True)
        found = self._system.get_file_info(selector)
        return sorted(item.base_name for item in found if item.type == fs.FileType.Directory)

    def put_folder(self, path: str, files: Mapping[str, bytes], last: str) -> None:
        self.remove_folder(path)
        self._system.create_dir(self._where(path), recursive=True)
        for name in sorted(files, key=lambda name: (name == last, name)):
            self.put_file(f"{path}/{name}", files[name])

    def put_file(self, path: str, content: bytes) -> None:
        where = self._where(path)
        self._system.create_dir(where.rpartition("/")[0], recursive=True)
        with self._system.open_output_stream(where) as stream:
            stream.write(content)

    def remove_folder(self, path: str) -> None:
        where = self._where(path)
        if self._system.get_file_info(where).type == fs.FileType.Directory:
            self._system.delete_dir(where)

    def sweep(self, path: str) -> None:
        """Nothing is staged here."""

    def _where(self, path: str) -> str:
        return f"{self._root}/{_inside(path)}"


def _write_synced(path: Path, content: bytes) -> None:
    with path.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _make_folders(folder: Path) -> None:
    """The folder and those above it, each new one's name synced too."""
    if folder.is_dir():
        return
    _make_folders(folder.parent)
    folder.mkdir(exist_ok=True)
    _sync_folder(folder.parent)
