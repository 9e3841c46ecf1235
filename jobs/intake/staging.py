"""The store of what was taken: `<lake>/staged/<sha256>`, named by content.

What was hashed is what is read later: the sender may change its files as it likes, and its file names never
reach Spark.
"""

from __future__ import annotations

import errno
import hashlib
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pyarrow.fs as pa_fs

from jobs.bronze.source import CHUNK, Broken
from jobs.core.errors import UserError

FOLDER = "staged"
INCOMING = ".incoming-"


@dataclass(frozen=True)
class Copy:
    """A copy that is not taken yet: where it lies, and what was hashed while it was made."""

    path: str
    sha256: str
    bytes: int


def staged_uri(lake: str, sha256: str) -> str:
    """Where the content with this hash lies, as any process on any machine of the cluster opens it."""
    return f"{lake.rstrip('/')}/{FOLDER}/{sha256}" if "://" in lake else str(Path(lake).resolve() / FOLDER / sha256)


class Staging:
    """The store of one lake.

    On this machine's disk a copy is made beside its place; for another store in a temporary folder.
    """

    def __init__(self, lake: str) -> None:
        self._remote = lake if "://" in lake else None
        self._spare = tempfile.TemporaryDirectory() if self._remote else None
        self._folder = Path(self._spare.name) if self._spare else Path(lake).resolve() / FOLDER
        self._folder.mkdir(parents=True, exist_ok=True)

    def sweep(self) -> None:
        """Remove what a night that died had begun to copy. Call it while the lake's lock is held."""
        for left in self._folder.glob(f"{INCOMING}*"):
            left.unlink(missing_ok=True)

    def copy(self, source: IO[bytes], limit: int) -> Copy:
        """Copy and hash in one pass.

        Raises Broken `too_large` past `limit` bytes, UserError when the disk is full.
        """
        descriptor, path = tempfile.mkstemp(prefix=INCOMING, dir=self._folder)
        try:
            with os.fdopen(descriptor, "wb") as out, _disk_full(self._folder):
                sha256, size = _pour(source, out, limit)
                out.flush()
                os.fsync(out.fileno())
        except BaseException:
            Path(path).unlink()
            raise
        return Copy(path, sha256, size)

    def take(self, copies: Sequence[Copy]) -> None:
        """Put the copies under their hashes, so that they outlive a power cut."""
        for copy in copies:
            if self._remote is None:
                Path(copy.path).replace(self._folder / copy.sha256)
            else:
                self._upload(self._remote, copy)
        if self._remote is None and copies:
            with _descriptor(self._folder) as folder:
                os.fsync(folder)

    def drop(self, copies: Sequence[Copy]) -> None:
        """Forget copies of a delivery that was refused."""
        for copy in copies:
            Path(copy.path).unlink(missing_ok=True)

    def _upload(self, lake: str, copy: Copy) -> None:
        system, path = pa_fs.FileSystem.from_uri(staged_uri(lake, copy.sha256))
        system.create_dir(path.rsplit("/", 1)[0], recursive=True)
        with Path(copy.path).open("rb") as source, system.open_output_stream(path) as out:
            while chunk := source.read(CHUNK):
                out.write(chunk)
        self.drop([copy])


def _pour(source: IO[bytes], out: IO[bytes], limit: int) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    while chunk := source.read(CHUNK):
        size += len(chunk)
        if size > limit:
            raise Broken("too_large", f"has more than {limit} bytes")
        digest.update(chunk)
        out.write(chunk)
    return digest.hexdigest(), size


@contextmanager
def _disk_full(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise UserError(
            f"{folder}: the disk is full; make room and run the night again, nothing of it was taken"
        ) from None


@contextmanager
def _descriptor(folder: Path) -> Iterator[int]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
