"""A lake in memory: what the stages read and write, without Spark, and nothing that does not fit its schema."""

from collections.abc import Sequence
from datetime import date

import polars as pl

from jobs.core.frames import empty, schema_of
from jobs.core.schema import TableSchema


class MemoryLake:
    """Tables by name as Polars frames, with those methods of `jobs.core.lake.Lake` that graph, signals and listing use."""

    def __init__(self, tables: dict[str, TableSchema]) -> None:
        self._tables = tables
        self._types = {name: schema_of(table.ddl) for name, table in tables.items()}
        self._frames: dict[str, pl.DataFrame] = {}
        self._versions: dict[str, int] = {}

    @property
    def versions(self) -> dict[str, int]:
        return dict(sorted(self._versions.items()))

    @property
    def schemas(self) -> dict[str, TableSchema]:
        return dict(self._tables)

    def schema(self, name: str) -> TableSchema:
        return self._tables[name]

    def has(self, name: str) -> bool:
        return name in self._frames

    def frame(self, name: str, columns: Sequence[str] | None = None, night_on: date | None = None) -> pl.DataFrame:
        """The table, empty when it was never written. Its rows come in another order than they were written in: none is promised."""
        types = self._types[name]
        found = self._frames[name].reverse() if name in self._frames else empty(types)
        if night_on is not None:
            found = found.filter(pl.col("night_on") == night_on)
        return found.select(columns or list(types))

    def append(self, name: str, frame: pl.DataFrame) -> None:
        before = [self._frames[name]] if name in self._frames else []
        self._put(name, pl.concat([*before, self._checked(name, frame)]))

    def replace(self, name: str, frame: pl.DataFrame) -> None:
        self._put(name, self._checked(name, frame))

    def _checked(self, name: str, frame: pl.DataFrame) -> pl.DataFrame:
        """Names and types as the schema has them."""
        types = self._types[name]
        wrong = {column: frame.schema.get(column) for column, kind in types.items() if frame.schema.get(column) != kind}
        extra = set(frame.columns) - set(types)
        if wrong or extra:
            raise AssertionError(f"{name}: of another type or missing: {wrong}; not in the schema: {extra}")
        return frame.select(list(types))

    def _put(self, name: str, frame: pl.DataFrame) -> None:
        key = list(self._tables[name].key)
        if key and frame.select(key).is_duplicated().any():
            raise AssertionError(
                f"{name}: two rows of one key: {frame.filter(frame.select(key).is_duplicated()).to_dicts()}"
            )
        self._frames[name] = frame
        self._versions[name] = self._versions.get(name, -1) + 1
