"""Data contracts: what each feed delivers, loaded from `schemas/feeds`, `schemas/fields.yml` and `schemas/codes`.

The words are those of the Open Data Contract Standard v3 where they fit (docs/decisions/0002).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import polars as pl
from pydantic import Field, ValidationError, model_validator

from jobs.core.errors import UserError
from jobs.core.yamlfile import Loc, Strict, explain, fault, line_of, load_model, read_yaml

LogicalType = Literal["string", "integer", "decimal", "boolean", "code", "timestamp", "moment", "array"]
SPARK_TYPES: dict[str, str] = {
    "string": "string", "integer": "bigint", "decimal": "decimal(18,2)", "boolean": "boolean", "code": "string",
    "timestamp": "timestamp", "moment": "timestamp",
}  # fmt: skip
_PLAIN: dict[str, pl.DataType] = {
    "string": pl.String(), "integer": pl.Int64(), "decimal": pl.Decimal(18, 2), "boolean": pl.Boolean(), "code": pl.String(),
    "timestamp": pl.Datetime("us", "UTC"), "moment": pl.Datetime("us", "UTC"),
}  # fmt: skip
BASE_COLUMNS = ("record_id", "op", "recorded_at")
PATTERN = "e164_pattern"
"""The column of a guard list that is `matching`: regular expressions of phone numbers in normal form."""


class CodeList(Strict):
    """A closed vocabulary: code -> attributes (always a title). `aliases`: other spellings -> code.

    With `prefix_length` a value is known when its first characters are a code and it has `length` digits (GB/T 2260 regions).
    """

    id: str
    description: str
    codes: dict[str, dict[str, Any]]
    aliases: dict[str, str] = Field(default_factory=dict)
    prefix_length: int | None = None
    length: int | None = None

    @model_validator(mode="after")
    def _aliases_lead_somewhere(self) -> CodeList:
        for text, code in self.aliases.items():
            if code not in self.codes:
                raise fault(("aliases", text), f"leads to '{code}', which is not a code of this list")
        return self


class Identifier(Strict):
    """How an identifier is read from a record: its type (or the column that says it), its value, its issuer or platform."""

    type: str | None = None
    type_from: str | None = None
    value: str
    scope: str | None = None
    required: bool | None = None

    @model_validator(mode="after")
    def _one_type(self) -> Identifier:
        if (self.type is None) == (self.type_from is None):
            raise ValueError("give exactly one of 'type' and 'type_from'")
        return self


class Items(Strict):
    """The elements of an `array` column."""

    schema_: tuple[Column, ...] = Field(alias="schema")
    identifiers: dict[str, Identifier] = Field(default_factory=dict)


class Column(Strict):
    """One column of a feed."""

    name: str
    logicalType: LogicalType
    description: str
    required: bool = True
    classification: Literal["personal", "internal"] = "internal"
    codes: str | None = None
    examples: tuple[Any, ...] = ()
    unit: str | None = None
    items: Items | None = None

    @model_validator(mode="after")
    def _complete(self) -> Column:
        if (self.logicalType == "code") != (self.codes is not None):
            raise ValueError(f"column '{self.name}': 'codes' goes with logicalType code, and only with it")
        if (self.logicalType == "array") != (self.items is not None):
            raise ValueError(f"column '{self.name}': 'items' goes with logicalType array, and only with it")
        return self


class Format(Strict):
    """How the agency writes the files. Compressed or not, both are read."""

    type: Literal["csv", "jsonl", "parquet"]
    compression: Literal["gzip", "none"] = "none"
    encoding: Literal["utf-8", "gb18030"] = "utf-8"


class PublicSignal(Strict):
    """What one row of a public list claims, at most 180 days from the row's date (listing.md, Signals)."""

    identifier: str
    strength: float = Field(gt=0, le=1)
    standard: Literal["report", "indicator"]
    lives_days: int = Field(gt=0, le=180)
    from_: str = Field(alias="from")
    role: str = "site"
    lineage: str | None = None


class Feed(Strict):
    """One feed: the contract between the agency that delivers it and everything that reads it."""

    apiVersion: Literal["v3.1.0"]
    kind: Literal["DataContract"]
    id: str = Field(pattern=r"^[a-z_]+/[a-z][a-z0-9_]+$")
    version: str = Field(pattern=r"^\d+\.\d+\.\d+$")
    status: Literal["active", "retired"]
    description: str
    format: Format
    modes: tuple[Literal["delta", "snapshot"], ...]
    essential: bool = False
    schema_: tuple[Column, ...] = Field(alias="schema")
    identifiers: dict[str, Identifier] = Field(default_factory=dict)
    intervals: tuple[tuple[str, str], ...] = ()
    frees: str | None = None
    rules: dict[str, str] = Field(default_factory=dict)
    public: bool = False
    reader: str | None = None
    licence: str | None = None
    signals: tuple[PublicSignal, ...] = ()
    guards: Literal["itself", "below", "matching"] | None = None
    slaProperties: tuple[dict[str, Any], ...] = ()

    @property
    def agency(self) -> str:
        return self.id.split("/")[0]

    @property
    def name(self) -> str:
        return self.id.split("/")[1]

    @property
    def table(self) -> str:
        """The table's name below `bronze.` and `silver.`."""
        return self.id.replace("/", "__")

    @property
    def columns(self) -> dict[str, Column]:
        """Every column by name, those that each feed has first."""
        return {column.name: column for column in self.schema_}

    @model_validator(mode="after")
    def _names_exist(self) -> Feed:
        names = [column.name for column in self.schema_]
        if len(set(names)) != len(names):
            again = next(index for index, name in enumerate(names) if name in names[:index])
            raise fault(("schema", again), f"column '{names[again]}' is named twice")
        known = set(names)
        for label, identifier in self.identifiers.items():
            for column in (identifier.type_from, identifier.value, identifier.scope):
                if column is not None and column not in known:
                    raise fault(("identifiers", label), f"names column '{column}', which the schema does not have")
        for index, pair in enumerate(self.intervals):
            for column in pair:
                if column not in known:
                    raise fault(("intervals", index), f"names column '{column}', which the schema does not have")
        for index, signal in enumerate(self.signals):
            if signal.identifier not in self.identifiers:
                raise fault(
                    ("signals", index), f"names identifier '{signal.identifier}', which the contract does not have"
                )
            if signal.from_ not in known:
                raise fault(("signals", index), f"names column '{signal.from_}', which the schema does not have")
        return self

    @model_validator(mode="after")
    def _predicates_can_be_asked(self) -> Feed:
        predicates: dict[Loc, str] = {("rules", reason): text for reason, text in self.rules.items()}
        if self.frees is not None:
            predicates["frees",] = self.frees
        for at, text in predicates.items():
            try:
                asked = pl.sql_expr(text)
                if unknown := [name for name in asked.meta.root_names() if name not in self.columns]:
                    raise fault(at, f"names column '{unknown[0]}', which the schema does not have")
                answer = self._probe().select(asked).to_series()
            except pl.exceptions.PolarsError as error:
                raise fault(at, f"is not a predicate in SQL: {str(error).splitlines()[0]}") from None
            if answer.dtype != pl.Boolean:
                raise fault(at, "is not a predicate: it gives a value, not true or false")
        return self

    def _probe(self) -> pl.DataFrame:
        """A row of the plain columns in their types, to ask a predicate once."""
        kinds = {name: _PLAIN[one.logicalType] for name, one in self.columns.items() if one.items is None}
        return pl.DataFrame(
            {name: pl.Series(["x"] if kind == pl.String() else [None], dtype=kind) for name, kind in kinds.items()}
        )

    @model_validator(mode="after")
    def _guards_what_it_can(self) -> Feed:
        if (self.guards is not None) != (self.agency == "guard"):
            raise fault(("guards",), "a list of agency guard says what it guards, and no other feed does")
        types = {identifier.type for identifier in self.identifiers.values()}
        if self.guards == "itself" and (not types or None in types):
            raise fault(("guards",), "'itself' goes with identifiers that have a type")
        if self.guards == "below" and types != {"domain"}:
            raise fault(("guards",), "'below' goes with identifiers of type domain")
        column = self.columns.get(PATTERN)
        readable = column is not None and column.logicalType == "string" and column.classification != "personal"
        if self.guards == "matching" and (types or not readable):
            raise fault(
                ("guards",),
                f"'matching' goes with a column {PATTERN}, a string that is not personal, and no identifiers",
            )
        return self


Items.model_rebuild()


def load_codes(schemas: Path) -> dict[str, CodeList]:
    """Every closed vocabulary, by id."""
    lists = [load_model(path, CodeList) for path in sorted((schemas / "codes").glob("*.yml"))]
    return {codes.id: codes for codes in lists}


def load_contracts(schemas: Path) -> dict[str, Feed]:
    """Every feed's contract, by `agency/feed`. Raises UserError naming file and line for anything amiss."""
    fields = load_fields(schemas / "fields.yml")
    codes = load_codes(schemas)
    feeds: dict[str, Feed] = {}
    for path in sorted((schemas / "feeds").glob("*.yml")):
        feed = load_contract(path, fields)
        if path.stem != feed.table:
            raise UserError(f"{path}:1: holds '{feed.id}', so the file must be called {feed.table}.yml")
        _check_codes(path, ("schema",), feed.schema_, codes)
        feeds[feed.id] = feed
    if not feeds:
        raise UserError(f"{schemas / 'feeds'}: no contracts found; is this the schemas folder?")
    return feeds


def load_fields(path: Path) -> dict[str, dict[str, Any]]:
    """The columns that several feeds have, or that are personal: name -> what a contract takes over from here."""
    fields = read_yaml(path)
    if not isinstance(fields, dict):
        raise UserError(f"{path}:1: must be a mapping of columns to what is known of them")
    for name, field in fields.items():
        if not isinstance(field, dict):
            raise UserError(f"{path}:{line_of(path, (name,))}: {name}: must be a mapping of names to values")
        try:
            Column.model_validate(_with_fields(path, (name,), [{"name": name}], fields)[0])
        except ValidationError as error:
            raise UserError(explain(path, error, lambda loc, at=name: (at, *loc))) from None  # type: ignore[misc]
    return fields


def _check_codes(path: Path, at: Loc, columns: tuple[Column, ...], codes: dict[str, CodeList]) -> None:
    for index, column in enumerate(columns):
        here: Loc = (*at, index)
        if column.codes is not None and column.codes not in codes:
            raise UserError(
                f"{path}:{line_of(path, _in_file(here))}: column '{column.name}': there is no code list "
                f"'{column.codes}' in schemas/codes"
            )
        if column.items is not None:
            _check_codes(path, (*here, "items", "schema"), column.items.schema_, codes)


def _in_file(loc: Loc) -> Loc:
    """Where a place in the model stands in the contract's file, which does not name the columns that every feed has."""
    if len(loc) > 1 and loc[0] == "schema" and isinstance(loc[1], int):
        return ("schema", loc[1] - len(BASE_COLUMNS), *loc[2:]) if loc[1] >= len(BASE_COLUMNS) else ("schema",)
    return loc


def load_contract(path: Path, fields: dict[str, dict[str, Any]]) -> Feed:
    """One feed's contract, with what `load_fields` knows of its columns; its code lists are not looked at."""
    data = read_yaml(path)
    if not isinstance(data, dict):
        raise UserError(f"{path}:1: must be a mapping of names to values")
    base = [{"name": name} for name in BASE_COLUMNS]
    data = {**data, "schema": [
        *_with_fields(path, (), base, fields),
        *_with_fields(path, ("schema",), data.get("schema"), fields),
    ]}  # fmt: skip
    try:
        return Feed.model_validate(data)
    except ValidationError as error:
        raise UserError(explain(path, error, _in_file)) from None


def _with_fields(path: Path, at: Loc, columns: Any, fields: dict[str, dict[str, Any]]) -> list[Any]:
    if not isinstance(columns, list | None):
        raise UserError(f"{path}:{line_of(path, at)}: schema: must be a list of columns")
    full = []
    for index, column in enumerate(columns or []):
        if not isinstance(column, dict) or not isinstance(column.get("name"), str):
            raise UserError(f"{path}:{line_of(path, (*at, index))}: schema: each column is a mapping with a name")
        merged = {**fields.get(column["name"], {}), **column}
        if isinstance(merged.get("items"), dict):
            items = merged["items"]
            inside = (*at, index, "items", "schema")
            merged["items"] = {**items, "schema": _with_fields(path, inside, items.get("schema"), fields)}
        full.append(merged)
    return full
