"""A function run in a process beside this one: what kills that process (an abort of a native reader, the kernel for its memory) ends the look at
one file, not the night.
"""

from __future__ import annotations

import atexit
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import IO, Any, TypeVar

T = TypeVar("T")
_READY = b"ready\n"


class Died(Exception):
    """The process ended before it answered; `code` is its exit code, the negative of a signal's number."""

    def __init__(self, code: int) -> None:
        super().__init__(f"signal {-code}" if code < 0 else f"exit code {code}")
        self.code = code


class Apart:
    """One such process, started at the first call and again after it died. One call at a time."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._guard = threading.Lock()

    def __call__(self, function: Callable[..., T], *arguments: object) -> T:
        """What the function gives or raises; all of it goes through pickle. Raises Died."""
        with self._guard:
            process = self._process = self._process or _start()
            try:
                _send(process.stdin, (function, arguments))
                is_answer, found = _receive(process.stdout)
            except (EOFError, OSError, pickle.UnpicklingError):
                self._process = None
                raise Died(_end(process)) from None
        if is_answer:
            return found  # type: ignore[no-any-return]
        raise found

    def close(self) -> None:
        """End the process, if there is one."""
        with self._guard:
            process, self._process = self._process, None
        if process is not None:
            _end(process)


def serve() -> None:
    """The other side: answer until nobody asks. What the functions print goes to standard error."""
    answers, sys.stdout = sys.stdout.buffer, sys.stderr
    answers.write(_READY)
    answers.flush()
    with suppress(EOFError):
        while True:
            function, arguments = _receive(sys.stdin.buffer)
            try:
                answer = True, function(*arguments)
            except Exception as error:
                answer = False, error
            _send(answers, answer)


def _start() -> subprocess.Popen[bytes]:
    code = f"import sys; sys.path[:] = {sys.path!r}; from jobs.intake.apart import serve; serve()"
    process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    if process.stdout.readline() != _READY:
        raise RuntimeError(f"the process that reads deliveries did not start (exit code {process.wait()})")
    return process


def _end(process: subprocess.Popen[bytes]) -> int:
    """Its exit code, its own if it has ended already."""
    for stream in (process.stdin, process.stdout):
        with suppress(OSError):  # it does not take what is still on the way
            stream.close()  # type: ignore[union-attr]
    process.kill()
    return process.wait()


def _send(stream: IO[bytes] | None, message: object) -> None:
    assert stream is not None
    data = pickle.dumps(message)
    stream.write(len(data).to_bytes(8, "big") + data)
    stream.flush()


def _receive(stream: IO[bytes] | None) -> Any:
    assert stream is not None
    head = stream.read(8)
    data = stream.read(int.from_bytes(head, "big"))
    if len(head) < 8 or len(data) < int.from_bytes(head, "big"):
        raise EOFError
    return pickle.loads(data)


apart = Apart()
"""The one of this process."""
atexit.register(apart.close)
