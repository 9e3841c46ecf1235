"""Table schemas: `schemas/tables/*.yml` for what we make, contracts for what is delivered."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field
from pyspark.sql import DataFrame
from pyspark.sql.types import ArrayType, DataType, MapType, StructField, StructType

from jobs.core.contracts import SPARK_TYPES, Column, Feed, Identifier
from jobs.core.errors import UserError
from jobs.core.yamlfile import Strict, load_model


class TableColumn(Strict):
    """One column of a table; `type` is a Spark DDL type."""

    name: str
    type: str
    description: str
    classification: Literal["personal", "internal"] = "internal"


class TableSchema(Strict):
    """One table: what a row is, its key, its columns. `pinned: false` for logs that are read at their newest version."""

    id: str
    description: str
    key: tuple[str, ...] = ()
    columns: tuple[TableColumn, ...] = Field(min_length=1)
    partition_by: tuple[str, ...] = ()
    statistics: tuple[str, ...] = ()
    pinned: bool = True

    @property
    def ddl(self) -> str:
        return ", ".join(f"`{column.name}` {column.type}" for column in self.columns)

    @property
    def struct(self) -> StructType:
        struct = StructType.fromDDL(self.ddl)
        assert isinstance(struct, StructType)
        return struct

    @property
    def names(self) -> list[str]:
        return [column.name for column in self.columns]


def load_tables(schemas: Path, contracts: dict[str, Feed]) -> dict[str, TableSchema]:
    """Every table of the lake by id."""
    tables: dict[str, TableSchema] = {}
    for path in sorted((schemas / "tables").glob("*.yml")):
        table = load_model(path, TableSchema)
        if path.stem != table.id.replace(".", "__"):
            raise UserError(
                f"{path}:1: holds '{table.id}', so the file must be called {table.id.replace('.', '__')}.yml"
            )
        tables[table.id] = table
    for feed in contracts.values():
        for derived in (bronze_table(feed), silver_table(feed)):
            tables[derived.id] = derived
    return tables


def _columns(*rows: tuple[str, str, str]) -> tuple[TableColumn, ...]:
    return tuple(TableColumn(name=name, type=kind, description=text) for name, kind, text in rows)


_DELIVERY = (
    ("sequence", "BIGINT", "Number of the delivery in its feed"),
    ("delivery_id", "STRING", "The delivery that brought it"),
    ("file", "STRING", "File of that delivery"),
    ("line", "BIGINT", "Number of the record in that file, from 1"),
    ("business_date", "DATE", "Business date of the delivery"),
    ("night_on", "DATE", "The night that took it"),
)


def bronze_table(feed: Feed) -> TableSchema:
    """Every record as delivered: text, with the place it stood in."""
    head = _columns(
        *_DELIVERY,
        ("mode", "STRING", "delta or snapshot"),
        ("produced_at", "TIMESTAMP", "When the delivery was made"),
    )
    body = tuple(
        TableColumn(name=c.name, type="STRING", description=c.description, classification=_privacy(c))
        for c in feed.schema_
    )
    tail = (
        TableColumn(
            name="unknown",
            type="MAP<STRING,STRING>",
            description="Columns that the contract does not have",
            classification="personal",
        ),
        TableColumn(name="undecodable", type="STRING", description="Why the record could not be read at all"),
    )
    return TableSchema(
        id=f"bronze.{feed.table}", description=f"{feed.description} As delivered.", key=("sequence", "file", "line"),
        columns=head + body + tail, statistics=("delivery_id", "night_on"),
    )  # fmt: skip


def silver_table(feed: Feed) -> TableSchema:
    """Every good version of every record: typed, identifiers as keyed ids."""
    head = _columns(
        ("record_id", "STRING", "The agency's stable key"),
        ("op", "STRING", "upsert or withdraw"),
        ("recorded_at", "TIMESTAMP", "When the agency recorded this version"),
        *_DELIVERY,
        ("frees_only", "BOOLEAN", "Quarantined, but it frees somebody: not a version"),
    )
    values = _identifier_sources(feed.identifiers)
    body = [column for c in feed.schema_[3:] if c.name not in values for column in _silver_columns(c)]
    for label, identifier in feed.identifiers.items():
        body += _identifier_columns(label, identifier)
    return TableSchema(
        id=f"silver.{feed.table}", description=f"{feed.description} Every good version.",
        key=("record_id", "recorded_at", "sequence", "delivery_id", "file", "line"),
        columns=head + tuple(body), statistics=("delivery_id", "night_on"),
    )  # fmt: skip


def _privacy(column: Column) -> Literal["personal", "internal"]:
    return "personal" if column.classification == "personal" or column.items is not None else "internal"


def _silver_columns(column: Column) -> list[TableColumn]:
    if column.classification == "personal":
        return []
    if column.items is not None:
        values = _identifier_sources(column.items.identifiers)
        inner = [part for c in column.items.schema_ if c.name not in values for part in _silver_columns(c)]
        for label, identifier in column.items.identifiers.items():
            inner += _identifier_columns(label, identifier)
        unique = {part.name: part for part in inner}
        fields = ", ".join(f"{part.name}: {part.type}" for part in unique.values())
        return [TableColumn(name=column.name, type=f"ARRAY<STRUCT<{fields}>>", description=column.description)]
    found = [
        TableColumn(name=column.name, type=SPARK_TYPES[column.logicalType].upper(), description=column.description)
    ]
    if column.logicalType == "moment":
        found.append(
            TableColumn(
                name=f"{column.name}_is_day", type="BOOLEAN", description=f"{column.name} is known to the day only"
            )
        )
    return found


def _identifier_sources(identifiers: dict[str, Identifier]) -> set[str]:
    """Columns that silver holds as `<label>_type` and `<label>_id` instead."""
    return {
        name
        for identifier in identifiers.values()
        for name in (identifier.value, identifier.type_from)
        if name is not None
    }


def _identifier_columns(label: str, identifier: Identifier) -> list[TableColumn]:
    """`<label>_id`, before it `<label>_type` where types vary; what a url leads to."""
    found = []
    if identifier.type_from is not None:
        found.append(TableColumn(name=f"{label}_type", type="STRING", description=f"Type of the {label}"))
    found.append(TableColumn(name=f"{label}_id", type="BIGINT", description=f"Keyed id of the {label}"))
    if identifier.type in ("url", "domain") or (
        identifier.type_from is not None and label in ("identifier", "subject")
    ):
        prefix = "" if label == "url" else f"{label}_"
        found += _columns(
            (f"{prefix}host_type", "STRING", "domain or ip, of a url"),
            (f"{prefix}host_id", "BIGINT", "Keyed id of the url's host"),
            (f"{prefix}registrable_id", "BIGINT", "Keyed id of the registrable domain, where it is another one"),
        )
    return found


def conform(frame: DataFrame, table: TableSchema) -> DataFrame:
    """The frame with just the table's columns in its order and types. Raises ValueError naming what is missing or of another type."""
    have = {item.name: item for item in frame.schema.fields}
    missing = [name for name in table.names if name not in have]
    extra = [name for name in have if name not in set(table.names)]
    if missing or extra:
        raise ValueError(f"{table.id}: columns missing: {missing or 'none'}; not in the schema: {extra or 'none'}")
    for field in table.struct.fields:
        if _bare(have[field.name].dataType) != _bare(field.dataType):
            raise ValueError(
                f"{table.id}.{field.name}: is {have[field.name].dataType.simpleString()}, must be {field.dataType.simpleString()}"
            )
    return frame.select(*table.names)


def _bare(kind: DataType) -> DataType:
    """The type with every nullable flag set, so that only shapes are compared."""
    if isinstance(kind, ArrayType):
        return ArrayType(_bare(kind.elementType), True)
    if isinstance(kind, MapType):
        return MapType(_bare(kind.keyType), _bare(kind.valueType), True)
    if isinstance(kind, StructType):
        return StructType([StructField(field.name, _bare(field.dataType), True) for field in kind.fields])
    return kind
