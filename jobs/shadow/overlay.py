"""A night's lake in memory: what it reads is a committed night's, what it writes stays in this process."""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

import polars as pl

from jobs.core.frames import empty, schema_of
from jobs.core.schema import TableSchema


class Reader(Protocol):
    """What jobs.core.reading.PinnedLake can do: look."""

    def has(self, name: str) -> bool: ...

    def frame(self, name: str, columns: Sequence[str] | None = None) -> pl.DataFrame: ...


class Overlay:
    """What graph, signals and listing need of jobs.core.lake.Lake. It knows readers only, so it can't change a table.

    Tables of `remade` are seen as `before` left them until they are written here; all others as `last` left them.
    """

    def __init__(
        self, tables: Mapping[str, TableSchema], last: Reader, before: Reader | None, remade: Collection[str]
    ) -> None:
        self._tables = tables
        self._last = last
        self._before = before
        self._remade = frozenset(remade)
        self._written: dict[str, pl.DataFrame] = {}
        self._guard = threading.Lock()

    def has(self, name: str) -> bool:
        """Whether this night sees the table at all."""
        reader = self._reader(name)
        return name in self._written or (reader is not None and reader.has(name))

    def frame(self, name: str, columns: Sequence[str] | None = None) -> pl.DataFrame:
        """The table's rows as this night sees them."""
        if name in self._written:
            return self._written[name].select(columns or self._tables[name].names)
        reader = self._reader(name)
        if reader is not None:
            return reader.frame(name, columns)
        schema = schema_of(self._tables[name].ddl)
        return empty({column: schema[column] for column in columns or self._tables[name].names})

    def append(self, name: str, frame: pl.DataFrame) -> None:
        """Add rows, in memory."""
        self.replace(name, pl.concat([self.frame(name), frame.select(self._tables[name].names)]))

    def replace(self, name: str, frame: pl.DataFrame) -> None:
        """Put these rows in place of all, in memory. Raises ValueError for a table that this night does not make."""
        if name not in self._remade:
            raise ValueError(f"{name} is not remade in a shadow night")
        with self._guard:
            self._written[name] = frame.select(self._tables[name].names)

    def _reader(self, name: str) -> Reader | None:
        return self._before if name in self._remade else self._last
