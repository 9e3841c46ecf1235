"""From checked columns to the shape of silver, which `jobs.core.schema.silver_table` derives from the
contract.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pyspark.sql import Column as Expr
from pyspark.sql import functions as F
from pyspark.sql.types import ArrayType, StructType

from jobs.core.contracts import Column, Feed, Identifier
from jobs.core.schema import silver_table

FOUND = "array<struct<node_id:bigint,type:string,value:string>>"


def silver_columns(feed: Feed) -> list[Expr]:
    """Every column of the feed's silver table after the base columns, from what check.py and
    elements.py add.
    """
    names = silver_table(feed).names
    return _named(names[names.index("frees_only") + 1 :], feed.identifiers)


def silver_element(feed: Feed, column: Column) -> Expr:
    """One element of a nested list as silver holds it."""
    assert column.items is not None
    kind = silver_table(feed).struct[column.name].dataType
    assert isinstance(kind, ArrayType)
    assert isinstance(kind.elementType, StructType)
    return F.struct(*_named(kind.elementType.names, column.items.identifiers))


def found_identifiers(labels: Iterable[str]) -> Expr:
    """Every identifier that was read, as FOUND: the values behind silver's ids. Null entries are taken
    out.
    """
    found = [_found(F.col(f"id__{label}"), *names) for label in labels for names in _KINDS]
    return F.array_compact(F.array(*found)).cast(FOUND) if found else F.array().cast(FOUND)


_KINDS = (("type", "value", "id"), ("host_type", "host", "host_id"), ("", "registrable", "registrable_id"))


def _found(identifier: Expr, type_: str, value: str, node_id: str) -> Expr:
    named = identifier[type_] if type_ else F.lit("domain")
    whole = F.struct(identifier[node_id].alias("node_id"), named.alias("type"), identifier[value].alias("value"))
    return F.when(identifier[value].isNotNull(), whole)


def _named(names: Iterable[str], identifiers: Mapping[str, Identifier]) -> list[Expr]:
    sources = _sources(identifiers)
    return [sources.get(name, F.col(f"`{name}`")).alias(name) for name in names]


def _sources(identifiers: Mapping[str, Identifier]) -> dict[str, Expr]:
    """Silver's identifier columns by name."""
    found: dict[str, Expr] = {}
    for label in identifiers:
        identifier = F.col(f"id__{label}")
        prefix = "" if label == "url" else f"{label}_"
        found |= {f"{label}_{part}": identifier[part] for part in ("type", "id")}
        found |= {f"{prefix}{part}": identifier[part] for part in ("host_type", "host_id", "registrable_id")}
    return found
