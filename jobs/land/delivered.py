"""Files that are in the contract's own format already: looked through and counted, landed byte for byte."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from jobs.bronze.records import inspect_records
from jobs.bronze.source import Broken
from jobs.core.contracts import BASE_COLUMNS, Feed
from jobs.core.errors import UserError

GZIP_MAGIC = b"\x1f\x8b"


@dataclass(frozen=True)
class Counted:
    """A readable file: how many records it has, and whether it is gzip."""

    path: Path
    rows: int
    gzipped: bool

    def name(self, number: int, feed: Feed) -> str:
        """What it is called in its delivery."""
        return f"part-{number:04d}.{feed.format.type}{'.gz' if self.gzipped else ''}"


def count_records(path: Path, feed: Feed) -> Counted:
    """Read the whole file as intake will.

    Raises UserError when it isn't what the contract says, or lacks a column that the contract needs.
    """
    with path.open("rb") as file:
        gzipped = file.read(2) == GZIP_MAGIC
    try:
        found = inspect_records(str(path), feed)
    except Broken as broken:
        raise UserError(
            f"{path}: {broken}. The contract of {feed.id} says {feed.format.type} in {feed.format.encoding}:"
            " give the file as the agency delivers it."
        ) from None
    required = {column.name for column in feed.schema_ if column.required}
    missing = (required if found.needs_columns else set(BASE_COLUMNS)) - found.columns
    if missing and (found.rows or feed.format.type != "jsonl"):
        raise UserError(
            f"{path}: has no column {', '.join(sorted(missing))}, which the contract of {feed.id} needs;"
            " add it and land again"
        )
    return Counted(path, found.rows, gzipped)
