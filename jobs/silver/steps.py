"""A frame that is only written down: the projections of a contract, built once per process and applied
to every night's rows.

Building a contract's expressions takes a second or two of calls into the JVM, however few the rows are.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable

from pyspark.sql import Column, DataFrame


class Steps:
    """Projections in order, each a dict of new columns or names to drop. It takes the part of a frame
    in functions that only add and drop.
    """

    def __init__(self) -> None:
        self._steps: list[dict[str, Column] | tuple[str, ...]] = []
        self.names: set[str] = set()

    def withColumns(self, columns: dict[str, Column]) -> Steps:
        self._steps.append(dict(columns))
        self.names |= set(columns)
        return self

    def withColumn(self, name: str, column: Column) -> Steps:
        return self.withColumns({name: column})

    def drop(self, *names: str) -> Steps:
        if names:
            self._steps.append(names)
            self.names -= set(names)
        return self

    def then(self, others: Steps) -> Steps:
        self._steps += others._steps
        self.names |= others.names
        return self

    def apply(self, frame: DataFrame) -> DataFrame:
        for step in self._steps:
            frame = frame.withColumns(step) if isinstance(step, dict) else frame.drop(*step)
        return frame


_BUILT: dict[Hashable, tuple[tuple[object, ...], Steps]] = {}


def built_once(name: Hashable, of: tuple[object, ...], build: Callable[[], Steps]) -> Steps:
    """What `build` gives, remembered under `name` for as long as it is built of the very same objects."""
    known = _BUILT.get(name)
    if known is None or len(known[0]) != len(of) or any(a is not b for a, b in zip(known[0], of, strict=True)):
        known = (of, build())
        _BUILT[name] = known
    return known[1]
