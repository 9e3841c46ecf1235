"""Polars frames of the lake's tables: their types, empty ones, and the few idioms that every rule shares.

Null ordering is spelled out here once: in every order a null comes before all values, ascending and descending alike being reversed whole.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.compute

UTC = pl.Datetime("us", "UTC")
_PLAIN: dict[str, pl.DataType] = {
    "bigint": pl.Int64(), "int": pl.Int32(), "string": pl.String(), "double": pl.Float64(), "boolean": pl.Boolean(), "date": pl.Date(),
    "timestamp": UTC,
}  # fmt: skip
_TOKEN = re.compile(r"\s*([<>,:()]|`[^`]+`|\w+)")


def polars_type(ddl: str) -> pl.DataType:
    """The Polars type of a Spark DDL type. Raises ValueError for one that no table of the lake has."""
    tokens = [token.strip("`") for token in _TOKEN.findall(ddl)]
    found, rest = _read_type(tokens)
    if rest:
        raise ValueError(f"'{ddl}' is not a type")
    return found


def _read_type(tokens: list[str]) -> tuple[pl.DataType, list[str]]:
    head, rest = tokens[0].lower(), tokens[1:]
    if head == "decimal":
        return pl.Decimal(int(rest[1]), int(rest[3])), rest[5:]
    if head == "array":
        inner, rest = _read_type(rest[1:])
        return pl.List(inner), rest[1:]
    if head == "map":
        key, rest = _read_type(rest[1:])
        value, rest = _read_type(rest[1:])
        return pl.List(pl.Struct({"key": key, "value": value})), rest[1:]
    if head == "struct":
        fields: dict[str, pl.DataType] = {}
        rest = rest[1:]
        while True:
            name, rest = rest[0], rest[1:]
            if rest[0] == ":":
                rest = rest[1:]
            fields[name], rest = _read_type(rest)
            if rest.pop(0) == ">":
                return pl.Struct(fields), rest
    if head not in _PLAIN:
        raise ValueError(f"'{head}' is not a type of the lake")
    return _PLAIN[head], rest


def schema_of(ddl: str) -> dict[str, pl.DataType]:
    """Columns of a Spark DDL schema (`a bigint, b array<string>`) with their Polars types."""
    whole = polars_type(f"struct<{ddl}>")
    assert isinstance(whole, pl.Struct)
    return {field.name: _instance(field.dtype) for field in whole.fields}


def _instance(kind: object) -> pl.DataType:
    assert isinstance(kind, pl.DataType)
    return kind


def empty(schema: Mapping[str, pl.DataType]) -> pl.DataFrame:
    """No rows of these columns."""
    return pl.DataFrame(schema=dict(schema))


def of_rows(schema: Mapping[str, pl.DataType], rows: Iterable[Mapping[str, Any]]) -> pl.DataFrame:
    """Literal rows as a frame. A dict in a column of (key, value) pairs is a map; a tuple in a struct has its fields in order."""
    given = [{name: _as_value(row[name], kind) for name, kind in schema.items()} for row in rows]
    return pl.DataFrame(given, schema=dict(schema), orient="row")


def _as_value(value: Any, kind: object) -> Any:
    if isinstance(kind, pl.List) and isinstance(value, dict):
        return [{"key": key, "value": item} for key, item in sorted(value.items())]
    if isinstance(kind, pl.List) and value is not None:
        return [_as_value(item, kind.inner) for item in value]
    if isinstance(kind, pl.Struct) and isinstance(value, tuple):
        return {field.name: item for field, item in zip(kind.fields, value, strict=True)}
    return value


def from_arrow(data: pa.Table | pa.RecordBatch) -> pl.DataFrame:
    """Arrow's rows as a frame."""
    frame = pl.from_arrow(data)
    assert isinstance(frame, pl.DataFrame)
    return frame


def where(flags: pl.Series, values: pl.Series) -> pl.Series:
    """The values of these rows, null in the others."""
    return values if flags.all(ignore_nulls=False) else pl.select(pl.when(flags).then(values)).to_series()


def stack(frames: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """One frame of several with the same columns, in the first one's order. Raises what Polars raises when they differ."""
    found = list(frames)
    names = found[0].columns
    return pl.concat([frame.select(names) for frame in found], how="vertical")


def pick(frame: pl.DataFrame, by: str | Sequence[str], order: Sequence[str | tuple[str, bool]]) -> pl.DataFrame:
    """The first row of each group in a total order. An item is a column, or (column, True) for largest first; a null is the least value."""
    keys = [by] if isinstance(by, str) else list(by)
    names = [item if isinstance(item, str) else item[0] for item in order]
    down = [False if isinstance(item, str) else item[1] for item in order]
    ordered = frame.sort(
        [*keys, *names], descending=[*([False] * len(keys)), *down], nulls_last=[*([False] * len(keys)), *down]
    )
    return ordered.unique(keys, keep="first", maintain_order=True)


def collected(column: str) -> pl.Expr:
    """In a `group_by(...).agg`: the distinct values that are not null, sorted: an array that comes out the same however the rows came."""
    return pl.col(column).drop_nulls().unique().sort()


def collected_lists(column: str) -> pl.Expr:
    """The same over a column of lists."""
    return pl.col(column).drop_nulls().list.explode().drop_nulls().unique().sort()


def short_digest(frame: pl.DataFrame, *parts: pl.Expr) -> pl.Series:
    """Per row the first 32 hexadecimal characters of SHA-256 over the parts joined by `|`: an id that is a function of what it names.

    A part that is null counts as empty.
    """
    text = frame.select(
        pl.concat_str([part.cast(pl.String).fill_null("") for part in parts], separator="|").alias("t")
    )["t"]
    return pl.Series([hashlib.sha256(row.encode()).hexdigest()[:32] for row in text], dtype=pl.String)


def fit(frame: pl.DataFrame, name: str, schema: Mapping[str, pl.DataType]) -> None:
    """Raises ValueError naming every column of the table that is missing or of another type, and every one too many."""
    missing = [column for column in schema if column not in frame.columns]
    wrong = [
        f"{column} is {frame.schema[column]}, must be {kind}"
        for column, kind in schema.items()
        if column in frame.columns and frame.schema[column] != kind
    ]
    extra = [column for column in frame.columns if column not in schema]
    if missing or wrong or extra:
        raise ValueError(
            f"{name}: columns missing: {missing or 'none'}; of another type: {wrong or 'none'}; not in the schema: {extra or 'none'}"
        )


def to_arrow(frame: pl.DataFrame, maps: Collection[str] = ()) -> pa.Table:
    """The frame as an Arrow table of the plain types (string, list) that Spark and others take, in one piece. `maps`: columns of (key, value)
    pairs that are maps outside."""
    table = frame.to_arrow(compat_level=pl.CompatLevel.oldest())
    table = table.cast(pa.schema([pa.field(field.name, _plain(field.type)) for field in table.schema])).combine_chunks()
    for name in maps:
        table = table.set_column(table.schema.get_field_index(name), name, _as_map(table[name].combine_chunks()))
    return table


def _as_map(pairs: pa.ListArray) -> pa.MapArray:
    entries = pairs.flatten()
    lengths = pa.compute.fill_null(pa.compute.list_value_length(pairs), 0)
    ends = pa.compute.cumulative_sum(lengths)
    offsets = pa.concat_arrays([pa.array([0], pa.int32()), ends.cast(pa.int32())])
    return pa.MapArray.from_arrays(offsets, entries.field("key"), entries.field("value"), mask=pairs.is_null())


def _plain(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_large_string(kind):
        return pa.string()
    if pa.types.is_large_list(kind):
        return pa.list_(_plain(kind.value_type))
    if pa.types.is_struct(kind):
        return pa.struct([pa.field(field.name, _plain(field.type)) for field in kind])
    return kind
