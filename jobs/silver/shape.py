"""From checked columns to the shape of silver, which `jobs.core.schema.silver_table` derives from the contract."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import polars as pl

from jobs.core.contracts import Feed, Identifier
from jobs.core.frames import empty, schema_of
from jobs.core.schema import silver_table
from jobs.silver.check import KINDS, Checked

FOUND = {"row": pl.Int64(), "node_id": pl.Int64(), "type": pl.String(), "value": pl.String()}
"""The identifiers that were read: the number of their row, and the value behind silver's id."""


def shaped(
    checked: Checked, schema: Mapping[str, pl.DataType], identifiers: Mapping[str, Identifier]
) -> dict[str, pl.Series]:
    """The columns of `schema` that come of what was checked; a part that an identifier does not have is null."""
    sources = _sources(checked, identifiers)
    rows = len(next(iter(checked.columns.values())))
    found = {}
    for name, kind in schema.items():
        column = sources.get(name, checked.columns.get(name))
        found[name] = pl.repeat(None, rows, dtype=kind, eager=True) if column is None else column.cast(kind).alias(name)
    return found


def silver_schema(feed: Feed) -> dict[str, pl.DataType]:
    """Every column of the feed's silver table."""
    return schema_of(silver_table(feed).ddl)


def element_schema(of: pl.DataType) -> dict[str, pl.DataType]:
    """The fields of an element of a column of silver that is a list."""
    assert isinstance(of, pl.List)
    assert isinstance(of.inner, pl.Struct)
    found = {}
    for field in of.inner.fields:
        assert isinstance(field.dtype, pl.DataType)
        found[field.name] = field.dtype
    return found


def found_identifiers(checked: Checked, good: pl.Series) -> pl.DataFrame:
    """FOUND: every identifier of the rows that are good."""
    frames = [empty(FOUND)]
    for identifier in checked.identifiers.values():
        for type_, value, node_id in KINDS:
            if value not in identifier:
                continue
            named = identifier[type_] if type_ else pl.repeat("domain", len(good), dtype=pl.String, eager=True)
            frame = pl.DataFrame({"node_id": identifier[node_id], "type": named, "value": identifier[value]})
            frame = frame.with_row_index("row").with_columns(pl.col("row").cast(pl.Int64))
            frames.append(frame.filter(good & identifier[value].is_not_null()))
    return pl.concat(frames)


def _sources(checked: Checked, identifiers: Iterable[str]) -> dict[str, pl.Series]:
    """Silver's identifier columns by name."""
    found: dict[str, pl.Series] = {}
    for label in identifiers:
        identifier = checked.identifiers[label]
        prefix = "" if label == "url" else f"{label}_"
        found |= {f"{label}_{part}": identifier[part] for part in ("type", "id")}
        for part in ("host_type", "host_id", "registrable_id"):
            if part in identifier:
                found[f"{prefix}{part}"] = identifier[part]
    return found
