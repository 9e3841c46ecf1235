"""What lies in the landing area: folders that may be deliveries, and files in them opened so that nothing
leads elsewhere.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import IO

from jobs.bronze.source import Broken
from jobs.core.errors import UserError
from jobs.intake.manifest import EARLIEST, LATEST, MANIFEST

FILE_NAME = re.compile(r"[\w.-]{1,128}", re.UNICODE)
NAME_SHOWN = 120
_HALVES = re.compile("[\ud800-\udc7f\udd00-\udfff]")
"""Halves of characters that JSON can write and no file name has (the others stand for a name's broken bytes)."""
_LONG_NUMBER = re.compile(r"\d{7,}")


@dataclass(frozen=True)
class Found:
    """A folder with a manifest.

    The names are the folder's, fit to be printed; `business_date` is None when its name is no date.
    """

    agency: str
    feed: str
    business_date: date | None
    delivery_id: str
    path: str
    folder: Path

    @property
    def feed_id(self) -> str:
        return f"{self.agency}/{self.feed}"


@dataclass
class Discovery:
    """What was found, which folders have no manifest yet, which are links, that are not followed, and which can't be
    looked into.
    """

    found: list[Found] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)


def discover(landing: str, on: date) -> Discovery:
    """Every delivery folder of a business date up to `on`, in order of path.

    Raises UserError when there is no landing folder.
    """
    root = Path(landing)
    if "://" in landing or not root.is_dir() or not os.access(root, os.R_OK | os.X_OK):
        raise UserError(
            f"{landing}: the landing area must be a folder of this machine that can be read; give another with --landing"
        )
    seen = Discovery()
    for agency in _folders(root, seen, follow=True):
        for feed in _folders(agency, seen):
            for day in _folders(feed, seen):
                when = _as_date(day.name)
                if when is None or when <= on:
                    _look_into(day, when, (agency.name, feed.name), seen)
    return seen


def _look_into(day: Path, when: date | None, names: tuple[str, str], seen: Discovery) -> None:
    for folder in _folders(day, seen, follow=True):  # a linked delivery is refused when it is opened
        agency, feed, day_name, delivery = (printable(name) for name in (*names, day.name, folder.name))
        path = "/".join((agency, feed, day_name, delivery))
        if os.path.lexists(folder / MANIFEST):
            seen.found.append(Found(agency, feed, when, delivery, path, folder))
        else:
            seen.waiting.append(path)


def _folders(parent: Path, seen: Discovery, *, follow: bool = False) -> list[Path]:
    """Sub-folders in order of name; a link is one only where `follow` says so.

    An agency's own folder may be linked to where it lies.
    """
    folders = []
    try:
        entries = [entry for entry in os.scandir(parent) if not entry.name.startswith(".")]
    except OSError:  # its owner closed it, or took it away: that is no reason to stop the others
        seen.closed.append(printable(parent.name))
        return []
    for entry in entries:
        if entry.is_symlink() and not (follow and _leads_to_a_folder(entry)):
            seen.links.append(printable(entry.name))
        elif entry.is_dir():
            folders.append(Path(entry.path))
    return sorted(folders)


def _leads_to_a_folder(link: os.DirEntry[str]) -> bool:
    try:
        return link.is_dir()
    except OSError:  # it leads to itself, or its target is no name
        return False


def _as_date(name: str) -> date | None:
    try:
        when = date.fromisoformat(name) if re.fullmatch(r"\d{4}-\d{2}-\d{2}", name) else None
    except ValueError:
        return None
    return when if when and EARLIEST < when.year < LATEST else None


def printable(name: str) -> str:
    """A sender's name without control characters and broken bytes, not too long: what may stand in a row or
    on a screen.
    """
    text = _HALVES.sub(lambda half: ascii(half[0])[1:-1], name)
    text = os.fsencode(text).decode("utf-8", "backslashreplace")
    text = "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)
    return text if len(text) <= NAME_SHOWN else text[: NAME_SHOWN - 1] + "…"


def masked(name: str) -> str:
    """As `printable`, a long number in it as `138****8000`: a column may be called by a value of its record."""
    return _LONG_NUMBER.sub(lambda found: f"{found[0][:3]}****{found[0][-4:]}", printable(name))


def is_file_name(name: str) -> bool:
    """Whether a manifest may call a file this: letters, digits, dot, dash, underscore; no separator, so it
    stays in its folder.
    """
    return FILE_NAME.fullmatch(name) is not None and name.strip(".") != ""


@contextmanager
def opened(folder: Path, name: str) -> Iterator[IO[bytes]]:
    """The regular file `name` directly in `folder`.

    Raises Broken `file_missing`, or `path` for a link, a device and the like.
    """
    shown = printable(name)
    try:
        inside = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            descriptor = os.open(name, flags, dir_fd=inside)
        finally:
            os.close(inside)
    except FileNotFoundError:
        raise Broken("file_missing", f"file {shown} is not there") from None
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO, errno.ENOTDIR):
            raise Broken("path", f"file {shown} is a link or a device; only regular files are taken") from None
        raise Broken("unreadable", f"file {shown} can't be opened: {error.strerror}") from None
    state = os.fstat(descriptor)
    if not stat.S_ISREG(state.st_mode) or state.st_nlink > 1:
        os.close(descriptor)
        raise Broken("path", f"file {shown} is a link, a folder or a device; only regular files are taken")
    with os.fdopen(descriptor, "rb") as file:
        yield file
