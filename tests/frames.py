"""Literal rows as Polars frames and back, for the tests of the rules that work on frames in memory. Times are written as days, and read back as days."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Any

import polars as pl

from jobs.core.frames import schema_of


def moment(text: str) -> datetime:
    """`2026-01-31` or `2026-01-31 12:30`, in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def build(ddl: str, rows: Iterable[dict[str, Any]]) -> pl.DataFrame:
    """One row per dict with the columns of a Spark DDL schema; what a dict leaves out is null, and a name that is no column fails."""
    schema = schema_of(ddl)
    given = list(rows)
    unknown = {name for row in given for name in row} - set(schema)
    assert not unknown, f"no such column: {sorted(unknown)}"
    full = [{name: _as_value(row.get(name), kind) for name, kind in schema.items()} for row in given]
    return pl.DataFrame(full, schema=schema, orient="row")


def _as_value(value: Any, kind: pl.DataType) -> Any:
    if isinstance(value, str) and isinstance(kind, pl.Datetime):
        return moment(value)
    if isinstance(value, str) and isinstance(kind, pl.Date):
        return date.fromisoformat(value)
    if isinstance(value, list) and isinstance(kind, pl.List):
        return [_as_value(item, kind.inner) for item in value]  # type: ignore[arg-type]
    if isinstance(value, dict) and isinstance(kind, pl.Struct):
        return {field.name: _as_value(value.get(field.name), field.dtype) for field in kind.fields}  # type: ignore[arg-type]
    return value


def read(frame: pl.DataFrame) -> list[dict[str, Any]]:
    """Every row, with times as `build` takes them: a day when it is midnight."""
    return [{name: _shown(value) for name, value in row.items()} for row in frame.to_dicts()]


def _shown(value: Any) -> Any:
    if isinstance(value, datetime):
        text = f"{value:%Y-%m-%d %H:%M}".rjust(16, "0")
        return text.removesuffix(" 00:00")
    if isinstance(value, list):
        return [_shown(item) for item in value]
    if isinstance(value, dict):
        return {name: _shown(item) for name, item in value.items()}
    return value
