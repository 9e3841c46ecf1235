"""The one module that reads and writes tables.

A night sees every table at the version that the last committed night pinned, and what it has written itself. What a night that died
left behind is rolled back when a stage first touches the table: Delta's RESTORE makes a new version that equals the pinned one.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds
from delta.tables import DeltaTable
from deltalake import DeltaTable as DeltaRsTable
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.pandas.types import to_arrow_schema

from jobs.core.frames import empty, schema_of
from jobs.core.night import gather
from jobs.core.reading import read_table
from jobs.core.schema import TableSchema, conform

ABSENT = -1


class Lake:
    """Tables by name (`graph.edges`), each in `<root>/<layer>/<table>`."""

    def __init__(
        self, spark: SparkSession, root: str, tables: dict[str, TableSchema], pins: dict[str, int] | None = None
    ) -> None:
        self._spark = spark
        self._root = root.rstrip("/")
        self._tables = tables
        self._visible: dict[str, int] = dict(pins or {})
        self._ready: set[str] = set()
        self._guard = threading.Lock()

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
        version = self._visible.get(name, ABSENT)
        if not table.pinned:
            version = self._newest(name)
        if version == ABSENT:
            return self._spark.createDataFrame([], table.struct)
        frame = self._spark.read.format("delta").option("versionAsOf", version).load(self.path(name))
        return frame.select(*table.names)

    def frame(self, name: str, columns: Sequence[str] | None = None, night_on: date | None = None) -> pl.DataFrame:
        """The same rows as a Polars frame of this process, in the table's types, without a Spark job: the snapshot's files are read as they are.
        With `night_on` only that night's rows, and only the files that may hold them.

        For what the rules of graph and listing work on; it must fit in memory (docs/decisions/0008).
        """
        table = self._tables[name]
        schema = schema_of(table.ddl)
        wanted = {column: schema[column] for column in (columns or table.names)}
        version = self._visible.get(name, ABSENT) if table.pinned else self._newest(name)
        if version == ABSENT:
            return empty(wanted)
        wants = None if night_on is None else ds.field("night_on") == night_on
        return read_table(DeltaRsTable(self.path(name), version=version), wanted, wants)

    def count(self, name: str) -> int:
        """How many rows the table has, by its log alone."""
        version = self._visible.get(name, ABSENT) if self._tables[name].pinned else self._newest(name)
        if version == ABSENT:
            return 0
        files = DeltaRsTable(self.path(name), version=version).get_add_actions()
        return sum(pa.table(files)["num_records"].to_pylist())

    def has(self, name: str) -> bool:
        """Whether this night sees the table at all: what was never delivered need not be planned."""
        return self._visible.get(name, ABSENT) != ABSENT

    def append(self, name: str, frame: DataFrame | pl.DataFrame) -> None:
        """Add rows, in one commit; none when a Polars frame has no rows and the table is there."""
        if isinstance(frame, pl.DataFrame):
            if frame.is_empty() and self.has(name):
                return
            frame = self._hand_over(name, frame)
        self._write(name, frame, "append")

    def replace(self, name: str, frame: DataFrame | pl.DataFrame) -> None:
        """Put these rows in place of all that the table holds, in one commit; none when a Polars frame holds the same rows as the table."""
        if isinstance(frame, pl.DataFrame):
            key = list(self._tables[name].key)
            frame = frame.select(self._tables[name].names).sort(key)
            if self.has(name) and self.frame(name).sort(key).equals(frame):
                return
            frame = self._hand_over(name, frame)
        self._write(name, frame, "overwrite")

    def _hand_over(self, name: str, frame: pl.DataFrame) -> DataFrame:
        """A Polars frame of the table's columns as a Spark frame. Raises ValueError naming a column that is missing or of another type."""
        table = self._tables[name]
        schema = schema_of(table.ddl)
        wrong = [column for column, kind in schema.items() if frame.schema.get(column) != kind]
        extra = [column for column in frame.columns if column not in schema]
        if wrong or extra:
            found = ", ".join(f"{column} is {frame.schema.get(column)}, must be {schema[column]}" for column in wrong)
            raise ValueError(f"{name}: {found or 'types fit'}; not in the schema: {extra or 'none'}")
        if frame.is_empty():
            return self._spark.createDataFrame([], table.struct)
        rows = frame.select(table.names).to_arrow(compat_level=pl.CompatLevel.oldest())
        return self._spark.createDataFrame(rows.cast(to_arrow_schema(table.struct)), table.struct)

    def _write(self, name: str, frame: DataFrame, mode: str) -> None:
        table = self._tables[name]
        if table.pinned:
            self._roll_back(name)
        writer = gather(conform(frame, table)).write.format("delta").mode(mode)
        before = self._newest(name)
        if before == ABSENT:
            writer = writer.option("delta.logRetentionDuration", "interval 365 days")
            if table.statistics:
                writer = writer.option("delta.dataSkippingStatsColumns", ",".join(table.statistics))
            if table.partition_by:
                writer = writer.partitionBy(*table.partition_by)
        writer.save(self.path(name))
        after = self._newest(name)  # nothing appended, or nothing put in place of nothing, makes no new version
        if after < before or after == ABSENT:
            raise RuntimeError(f"{name}: the write left no version behind; nothing of this night is committed")
        with self._guard:
            self._visible[name] = after

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
            DeltaTable.forPath(self._spark, self.path(name)).delete()
        else:
            DeltaTable.forPath(self._spark, self.path(name)).restoreToVersion(pinned)

    def _newest(self, name: str) -> int:
        """The newest version's number, by the log alone; ABSENT when there is no table."""
        jvm = self._spark._jvm
        assert jvm is not None
        log = jvm.org.apache.spark.sql.delta.DeltaLog.forTable(self._spark._jsparkSession, self.path(name))
        return int(log.update(False, jvm.scala.Option.empty(), jvm.scala.Option.empty()).version())


def local_path(root: str) -> Path | None:
    """The lake's folder when it is on this machine's disk."""
    return None if "://" in root else Path(root)
