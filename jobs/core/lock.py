"""One operating-system lock per lake.

Two processes that commit to one Delta table on a local disk can destroy it: a commit there is a check and a rename, guarded only inside
one JVM. The lock is held by the process that drives Spark and goes with it, however it dies.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from jobs.core.errors import LakeBusy, UserError


@contextmanager
def lake_lock(lake: str) -> Iterator[None]:
    """Hold the lake; raises LakeBusy naming who holds it. A lake that is not on this machine's disk is guarded by its storage."""
    if "://" in lake:
        yield
        return
    folder = Path(lake)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise UserError(
            f"{folder}: the lake's folder can't be used ({error.strerror}); give another with --lake"
        ) from None
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(descriptor, 32, 0).decode(errors="replace").strip() or "unknown"
            raise LakeBusy(
                f"{folder}: another run (process {holder}) holds this lake; wait for it to end and try again"
            ) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)
