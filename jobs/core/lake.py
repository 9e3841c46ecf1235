"""The one module that reads and writes tables.

A night sees every table at the version that the last committed night pinned, and what it has written itself. What a night that died
left behind is rolled back when a stage first touches the table: Delta's RESTORE makes a new version that equals the pinned one.
"""

from __future__ import annotations

import threading
from pathlib import Path

from delta.tables import DeltaTable
from pyspark.sql import DataFrame, SparkSession

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

    def has(self, name: str) -> bool:
        """Whether this night sees the table at all: what was never delivered need not be planned."""
        return self._visible.get(name, ABSENT) != ABSENT

    def append(self, name: str, frame: DataFrame) -> None:
        """Add rows, in one commit."""
        self._write(name, frame, "append")

    def replace(self, name: str, frame: DataFrame) -> None:
        """Put these rows in place of all that the table holds, in one commit."""
        self._write(name, frame, "overwrite")

    def _write(self, name: str, frame: DataFrame, mode: str) -> None:
        table = self._tables[name]
        if table.pinned:
            self._roll_back(name)
        writer = conform(frame, table).write.format("delta").mode(mode)
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
