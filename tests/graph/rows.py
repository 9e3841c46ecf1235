"""Literal rows for the tests of the graph: times are written as days, and read back as days."""

from __future__ import annotations

from typing import Any

import polars as pl

from jobs.core.frames import schema_of
from jobs.identifiers.keys import node_id_py
from tests import frames
from tests.frames import moment, read

__all__ = ["BEGINNING", "FOREVER", "KEY", "ORDER_DDL", "build", "moment", "read", "tenure"]

KEY = b"a key for tests only"
FOREVER = "9999-12-31"
BEGINNING = "0001-01-01"
ORDER_DDL = "recorded_at timestamp, sequence bigint, delivery_id string, file string, line bigint"


def build(ddl: str, rows: list[dict[str, Any]]) -> pl.DataFrame:
    """One row per dict; what a dict leaves out is null, and the place that a version stood in is that of a first delivery."""
    columns = schema_of(ddl)
    usual = {"sequence": 1, "delivery_id": "d1", "file": "part-1"}
    placed = [{"line": line, **usual} for line in range(1, len(rows) + 1)]
    full = [
        {**{name: value for name, value in place.items() if name in columns}, **row}
        for place, row in zip(placed, rows, strict=True)
    ]
    return frames.build(ddl, full)


def tenure(phone_id: int, since: str | None) -> int:
    """The node id of a tenure, as Python works it out."""
    return node_id_py(
        KEY, "tenure", str(phone_id), None if since is None else moment(since).strftime("%Y-%m-%dT%H:%M:%S.%f")
    )
