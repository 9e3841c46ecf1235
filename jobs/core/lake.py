"""The one module that reads and writes tables: Spark's frames by Spark, frames in memory by delta-rs, under the lake's one lock.

A night sees every table at the version that the last committed night pinned, and what it has written itself. What a night that died
left behind is rolled back when a stage first touches the table: Delta's RESTORE makes a new version that equals the pinned one.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from itertools import chain
from typing import Literal

import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds
from deltalake import CommitProperties, DeltaTable, Transaction, write_deltalake
from deltalake.exceptions import DeltaError, TableNotFoundError
from pyspark.sql import DataFrame, SparkSession

from jobs.core.errors import UserError
from jobs.core.frames import empty, fit, schema_of, to_arrow
from jobs.core.night import gather
from jobs.core.reading import read_chunks, read_table
from jobs.core.schema import TableSchema, conform

ABSENT = -1


class Lake:
    """Tables by name (`graph.edges`), each in `<root>/<layer>/<table>`."""

    def __init__(
        self,
        spark: SparkSession | Callable[[], SparkSession],
        root: str,
        tables: dict[str, TableSchema],
        pins: dict[str, int] | None = None,
    ) -> None:
        self._spark = spark
        self._root = root.rstrip("/")
        self._tables = tables
        self._visible: dict[str, int] = dict(pins or {})
        self._ready: set[str] = set()
        self._guard = threading.Lock()

    @property
    def _session(self) -> SparkSession:
        return self._spark() if callable(self._spark) else self._spark

    @property
    def versions(self) -> dict[str, int]:
        """The version of every pinned table that this night sees: what `ops.nights` pins when the night is committed."""
        return {
            name: version
            for name, version in sorted(self._visible.items())
            if version != ABSENT and self._tables[name].pinned
        }

    @property
    def schemas(self) -> dict[str, TableSchema]:
        """Every table that there may be, by name."""
        return dict(self._tables)

    def schema(self, name: str) -> TableSchema:
        return self._tables[name]

    def path(self, name: str) -> str:
        layer, table = name.split(".", 1)
        return f"{self._root}/{layer}/{table}"

    def read(self, name: str) -> DataFrame:
        """The table as this night sees it; an empty frame of its schema when it was never written."""
        table = self._tables[name]
        version = self._version(name)
        if version == ABSENT:
            return self._session.createDataFrame([], table.struct)
        frame = self._session.read.format("delta").option("versionAsOf", version).load(self.path(name))
        return frame.select(*table.names)

    def frame(self, name: str, columns: Sequence[str] | None = None, night_on: date | None = None) -> pl.DataFrame:
        """The same rows as a Polars frame of this process, in the table's types, without a Spark job: the snapshot's files are read as they are.
        With `night_on` only that night's rows, and only the files that may hold them.

        For what the rules of graph and listing work on; it must fit in memory (docs/decisions/0008).
        """
        table = self._tables[name]
        schema = schema_of(table.ddl)
        wanted = {column: schema[column] for column in (columns or table.names)}
        version = self._version(name)
        if version == ABSENT:
            return empty(wanted)
        wants = None if night_on is None else ds.field("night_on") == night_on
        return read_table(DeltaTable(self.path(name), version=version), wanted, wants)

    def count(self, name: str) -> int:
        """How many rows the table has, by its log alone."""
        version = self._version(name)
        if version == ABSENT:
            return 0
        files = DeltaTable(self.path(name), version=version).get_add_actions()
        return sum(pa.table(files)["num_records"].to_pylist())

    def has(self, name: str) -> bool:
        """Whether this night sees the table at all: what was never delivered need not be planned."""
        return self._visible.get(name, ABSENT) != ABSENT

    def append(self, name: str, frame: DataFrame | pl.DataFrame) -> None:
        """Add rows, in one commit; none when a Polars frame has no rows and the table is there."""
        if isinstance(frame, pl.DataFrame) and frame.is_empty() and self.has(name):
            return
        self._write(name, frame, "append")

    def append_all(self, name: str, frames: Iterable[pl.DataFrame], brings: Sequence[str] = ()) -> None:
        """Add the rows of these frames in one commit, a frame at a time: no more of them is held than is being written. None when there are no rows
        and the table is there.

        `brings`: what this commit brings, for Delta's log: application ids of transactions, whose number is the version that it makes.
        """
        rest = iter(frames)
        first = next((frame for frame in rest if not frame.is_empty() or not self.has(name)), None)
        if first is not None:
            self._write(name, chain([first], rest), "append", brings)

    def names_in_log(self, name: str, brings: Iterable[str]) -> list[str]:
        """Those that a commit to this table, as the night sees it, says it brought. A commit that was rolled back since says so too."""
        version = self._visible.get(name, ABSENT)
        if version == ABSENT:
            return []
        table = DeltaTable(self.path(name), version=version)
        return [one for one in brings if table.transaction_version(one) is not None]

    def chunks(self, name: str, columns: Sequence[str], night_on: date, rows: int) -> Iterator[pl.DataFrame]:
        """`frame` of one night, so many rows at a time, none of them empty."""
        table = self._tables[name]
        schema = schema_of(table.ddl)
        version = self._version(name)
        if version != ABSENT:
            found = DeltaTable(self.path(name), version=version).to_pyarrow_dataset()
            wanted = {column: schema[column] for column in columns}
            yield from read_chunks(found, wanted, ds.field("night_on") == night_on, rows)

    def replace(self, name: str, frame: DataFrame | pl.DataFrame) -> None:
        """Put these rows in place of all that the table holds, in one commit; none when a Polars frame holds the same rows as the table."""
        if isinstance(frame, pl.DataFrame):
            key = list(self._tables[name].key)
            frame = frame.select(self._tables[name].names).sort(key)
            if self.has(name) and self.frame(name).sort(key).equals(frame):
                return
        self._write(name, frame, "overwrite")

    def _write(
        self, name: str, frame: DataFrame | pl.DataFrame | Iterator[pl.DataFrame], mode: Literal["append", "overwrite"], brings: Sequence[str] = (),
    ) -> None:  # fmt: skip
        table = self._tables[name]
        if table.pinned:
            self._roll_back(name)
        before = self._newest(name)
        if isinstance(frame, pl.DataFrame):
            self._write_frames(name, iter([frame]), mode, is_new=before == ABSENT)
        elif isinstance(frame, Iterator):
            self._write_frames(
                name, frame, mode, is_new=before == ABSENT, brings=[Transaction(one, before + 1) for one in brings]
            )
        else:
            self._write_spark(name, frame, mode, is_new=before == ABSENT)
        after = self._newest(name)  # nothing appended, or nothing put in place of nothing, makes no new version
        if after < before or after == ABSENT:
            raise RuntimeError(f"{name}: the write left no version behind; nothing of this night is committed")
        with self._guard:
            self._visible[name] = after

    def _write_spark(self, name: str, frame: DataFrame, mode: str, *, is_new: bool) -> None:
        table = self._tables[name]
        writer = gather(conform(frame, table)).write.format("delta").mode(mode)
        if is_new:
            for key, value in _properties(table).items():
                writer = writer.option(key, value)
            if table.partition_by:
                writer = writer.partitionBy(*table.partition_by)
        writer.save(self.path(name))

    def _write_frames(
        self, name: str, frames: Iterator[pl.DataFrame], mode: Literal["append", "overwrite"], *, is_new: bool, brings: list[Transaction] | None = None,
    ) -> None:  # fmt: skip
        """By delta-rs, from this process: the same commit that costs Spark a second or two of jobs (docs/decisions/0008)."""
        table = self._tables[name]
        maps = [column.name for column in table.columns if column.type.upper().startswith("MAP<")]
        schema = schema_of(table.ddl)

        def batches() -> Iterator[pa.RecordBatch]:
            for frame in frames:
                fit(frame, name, schema)
                yield from to_arrow(frame.select(table.names), maps).to_batches()

        rows = pa.RecordBatchReader.from_batches(to_arrow(empty(schema), maps).schema, batches())
        write_deltalake(
            self.path(name), rows, mode=mode, partition_by=list(table.partition_by) or None,
            configuration=dict(_properties(table)) if is_new else None, commit_properties=CommitProperties(app_transactions=brings),
        )  # fmt: skip

    def _roll_back(self, name: str) -> None:
        """Before a table's first write in this night: undo what a night that died wrote after the pin."""
        with self._guard:
            if name in self._ready:
                return
            self._ready.add(name)
        pinned, newest = self._visible.get(name, ABSENT), self._newest(name)
        if newest == pinned:
            return
        if pinned == ABSENT:
            DeltaTable(self.path(name)).delete()
        else:
            DeltaTable(self.path(name)).restore(pinned)

    def _version(self, name: str) -> int:
        """The version that this night sees; of a log, the newest. ABSENT when there is none."""
        return self._visible.get(name, ABSENT) if self._tables[name].pinned else self._newest(name)

    def _newest(self, name: str) -> int:
        """The newest version's number, by the log alone; ABSENT when there is no table."""
        try:
            return DeltaTable(self.path(name)).version()
        except TableNotFoundError:
            return ABSENT
        except DeltaError as error:
            pinned = self._visible.get(name, ABSENT)
            newer = (
                f"with a higher number than {pinned} (which the last night pinned)"
                if pinned != ABSENT
                else "with the highest number"
            )
            raise UserError(
                f"{self.path(name)}: its newest version can't be read ({type(error).__name__}): a write was torn, as when a machine loses its power. "
                f"Move what its _delta_log holds {newer} away and run the night again: nothing that was acknowledged is in it"
            ) from None


def _properties(table: TableSchema) -> dict[str, str]:
    """Properties of a new table. No column has statistics but those that the schema names: a minimum of phone numbers is a phone number."""
    properties = {
        "delta.logRetentionDuration": "interval 365 days",
        "delta.enableDeletionVectors": "false",
        "delta.dataSkippingNumIndexedCols": "0",
    }
    if table.statistics:
        properties["delta.dataSkippingStatsColumns"] = ",".join(table.statistics)
    return properties
