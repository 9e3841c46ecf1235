"""A committed night read without Spark: every table at the version that the night pinned. For people's commands, which only look."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError, TableNotFoundError

from jobs.core.errors import UserError
from jobs.core.frames import empty, from_arrow, schema_of
from jobs.core.night import SHANGHAI
from jobs.core.schema import TableSchema

NIGHTS = "ops.nights"


def read_table(
    table: DeltaTable, wanted: Mapping[str, pl.DataType], where: ds.Expression | None = None
) -> pl.DataFrame:
    """These columns of a table's snapshot, in these types; the files are read as they are, no Spark job runs."""
    frame = from_arrow(table.to_pyarrow_dataset().to_table(columns=list(wanted), filter=where))
    return frame.cast(pl.Schema(dict(wanted)))


def read_chunks(
    table: ds.Dataset, wanted: Mapping[str, pl.DataType], where: ds.Expression, rows: int
) -> Iterator[pl.DataFrame]:
    """The same, so many rows at a time: what is read is no more than a few row groups ahead of what is asked for."""
    held: list[pa.RecordBatch] = []
    for batch in table.to_batches(columns=list(wanted), filter=where, batch_readahead=4, fragment_readahead=1):
        held += [batch] if batch.num_rows else []
        if sum(one.num_rows for one in held) >= rows:
            yield _as_frame(held, wanted)
            held = []
    if held:
        yield _as_frame(held, wanted)


def _as_frame(batches: list[pa.RecordBatch], wanted: Mapping[str, pl.DataType]) -> pl.DataFrame:
    frame = from_arrow(pa.Table.from_batches(batches))
    return frame.cast(pl.Schema(dict(wanted))).rechunk()  # in one piece whatever is done with it is faster


class PinnedLake:
    """The lake as one committed night left it: the newest, or that of business date `on`.

    Raises UserError when there is no such night. A table that is not pinned (a log) is read at its newest version.
    """

    def __init__(self, root: str, tables: Mapping[str, TableSchema], on: date | None = None) -> None:
        self._root = root.rstrip("/")
        self._tables = tables
        night = self._find_night(on)
        self.on: date = night["night_on"]
        self.notes: list[str] = list(night["notes"] or [])
        self.policy_version: str = night["policy_version"]
        self.pins: dict[str, int] = dict(night["pins"])

    @property
    def instant(self) -> datetime:
        """The end of the business date in Asia/Shanghai: that night is the last moment before it."""
        following = self.on + timedelta(days=1)
        return datetime(following.year, following.month, following.day, tzinfo=SHANGHAI).astimezone(UTC)

    def has(self, name: str) -> bool:
        """Whether that night saw the table at all."""
        return name in self.pins

    def frame(self, name: str, columns: Sequence[str] | None = None) -> pl.DataFrame:
        """The table's rows as that night left them, in the table's types; none when it was never written."""
        table = self._tables[name]
        schema = schema_of(table.ddl)
        wanted = {column: schema[column] for column in (columns or table.names)}
        if table.pinned and name not in self.pins:
            return empty(wanted)
        return read_table(self._open(name, self.pins.get(name)), wanted)

    def _open(self, name: str, version: int | None) -> DeltaTable:
        path = f"{self._root}/{name.replace('.', '/')}"
        try:
            return DeltaTable(path, version=version)
        except DeltaError as error:
            which = "" if version is None else f" at version {version}, which the night pinned"
            raise UserError(f"{path}: can't be read{which} ({type(error).__name__}); is the lake whole?") from None

    def _find_night(self, on: date | None) -> dict[str, Any]:
        path = f"{self._root}/{NIGHTS.replace('.', '/')}"
        try:
            rows = DeltaTable(path).to_pyarrow_dataset().to_table().to_pylist()
        except TableNotFoundError:
            rows = []
        except DeltaError as error:
            raise UserError(f"{path}: can't be read ({type(error).__name__}); is the lake whole?") from None
        if not rows:
            raise UserError(f"{self._root}: no night is committed there; run 'antifraud night' first, or give --lake")
        newest: dict[str, Any] = max(rows, key=lambda row: (row["night_on"], row["committed_at"]))
        if on is None:
            return newest
        asked = [row for row in rows if row["night_on"] == on]
        if not asked:
            raise UserError(
                f"{self._root}: night {on} is not committed there; the newest is {newest['night_on']}, give one that is"
            )
        return max(asked, key=lambda row: row["committed_at"])
