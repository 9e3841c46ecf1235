"""The elements of a nested list: read one by one, so that one that fails is set aside alone and the rest of its record is taken."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

import polars as pl

from jobs.core.contracts import CodeList, Column, Feed
from jobs.silver.check import check_columns, parts_of
from jobs.silver.faults import Fault, any_of, told
from jobs.silver.shape import element_schema, found_identifiers, shaped, silver_schema
from jobs.silver.types import is_blank


class Elements(NamedTuple):
    """Of each row the lists `good` (elements without a fault) and `readable` (those with an identifier that can be read), null where the
    text is no list; `broken` (row, element and why: FAULTS) and `found` (FOUND: the good ones' identifiers); the rows with `no_list`.
    """

    good: pl.Series
    readable: pl.Series
    broken: pl.DataFrame
    found: pl.DataFrame
    no_list: pl.Series


def read_elements(
    feed: Feed, column: Column, text: pl.Series, codes: Mapping[str, CodeList], key: bytes, today: pl.Series
) -> Elements:
    """The lists of a contract's column, from their JSON text."""
    assert column.items is not None
    lists = [_list_of(one) for one in text]
    flat = [(row, number, one) for row, found in enumerate(lists) for number, one in enumerate(found or [])]
    place = pl.DataFrame(
        [(row, number) for row, number, _ in flat], schema={"row": pl.Int64, "element": pl.Int32}, orient="row"
    )
    objects = [_fields(one) for _, _, one in flat]
    names = [one.name for one in column.items.schema_]
    texts = {name: pl.Series([one.get(name) if one else None for one in objects], dtype=pl.String) for name in names}
    is_object = pl.Series([one is not None for one in objects], dtype=pl.Boolean)
    parts = parts_of(column.items.schema_, column.items.identifiers, codes)
    checked = check_columns(
        texts,
        column.items.schema_,
        parts,
        codes,
        key,
        today.gather(place["row"]),
        pl.repeat(True, len(flat), eager=True),
    )
    faults = [Fault(fault.reason, fault.column, fault.rows & is_object) for fault in checked.faults]
    faults.append(Fault("wrong_type", column.name, ~is_object))
    ok = ~any_of([fault.rows for fault in faults], len(flat))
    kind = silver_schema(feed)[column.name]
    schema = element_schema(kind)
    fields = pl.DataFrame(shaped(checked, schema, column.items.identifiers)).to_struct("record")
    record = place.with_columns(fields)
    readable = any_of([one["value"].is_not_null() for one in checked.identifiers.values()], len(flat))
    found = found_identifiers(checked, ok)
    is_list = pl.Series([one is not None for one in lists], dtype=pl.Boolean)
    return Elements(
        _gathered(record.filter(ok), is_list, kind), _gathered(record.filter(readable), is_list, kind),
        pl.concat([place.filter(~ok), told(faults, ~ok).drop("row")], how="horizontal"),
        found.with_columns(row=place["row"].gather(found["row"])), ~is_blank(text) & ~is_list,
    )  # fmt: skip


def _gathered(records: pl.DataFrame, is_list: pl.Series, kind: pl.DataType) -> pl.Series:
    """The records of each row in their order; an empty list where there are none, null where there is no list."""
    lists = records.group_by("row", maintain_order=True).agg(pl.col("record"))
    rows = pl.DataFrame({"row": pl.int_range(len(is_list), dtype=pl.Int64, eager=True), "_is_list": is_list})
    joined = rows.join(lists.cast({"record": kind}), on="row", how="left", maintain_order="left")
    none = pl.lit([], dtype=kind)
    return joined.select(pl.when("_is_list").then(pl.col("record").fill_null(none))).to_series()


def _list_of(text: str | None) -> list[Any] | None:
    """The elements; None when the text is no list of JSON. Numbers stay as they are written."""
    if text is None or not text.lstrip().startswith("["):
        return None
    try:
        found = json.loads(text, parse_int=str, parse_float=str, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, list) else None


def _no_constant(name: str) -> str:
    raise ValueError(f"{name} is not JSON")


def _fields(element: Any) -> dict[str, str | None] | None:
    """An object's fields as text; None when it is none, or holds what is no text."""
    if not isinstance(element, dict):
        return None
    found = {name: _text(value) for name, value in element.items()}
    try:
        json.dumps(list(found.values()), ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return None
    return found


def _text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value, ensure_ascii=False)
