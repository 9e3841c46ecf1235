"""A contract's columns compiled to column expressions: typed values, identifiers in normal form, and
every rule that a row breaks.

It serves records and, the same way, the elements of a nested list. The text of column `c` comes in as
`raw__c`. What is added: `c` (and `c_is_day`), `id__<label>` (see IDENTIFIER), and to `_faults` (see
FAULTS) every rule that is broken.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from pyspark.sql import Column as Expr
from pyspark.sql import functions as F

from jobs.core.contracts import CodeList, Column, Identifier
from jobs.identifiers.hosts import host_of_url, registrable
from jobs.identifiers.keys import node_id
from jobs.identifiers.normalise import Spec, clean
from jobs.silver.normals import add_all_normals
from jobs.silver.steps import Steps
from jobs.silver.types import is_blank, typed

FAULTS = "array<struct<reason:string,column:string>>"
IDENTIFIER = (
    "struct<type:string,value:string,id:bigint,host_type:string,host:string,host_id:bigint,"
    "registrable:string,registrable_id:bigint>"
)
"""Null parts where there is no such identifier. Of a url: its host (a domain or ip) and the host's
registrable domain.
"""
SCOPES = {
    "bank_account": "institutions",
    "payment_account": "institutions",
    "bank_card": "institutions",
    "internet_account": "platforms",
}
"""The closed list that names the issuer, by identifier type; other types have none, or none that is
listed.
"""


class Part(NamedTuple):
    """One identifier of a contract, with the columns that it is read from and the types that it may have."""

    label: str
    value: Column
    types: tuple[str, ...]
    type: Column | None
    scope: Column | None
    required: bool

    @property
    def is_testable(self) -> Expr:
        """Whether type and issuer are known, so that what else is wrong is the identifier's own fault."""
        known = F.lit(True) if self.type is None else F.col(self.type.name).isNotNull()
        if self.scope is None:
            return known
        given = ~is_blank(raw(self.scope.name)) if self.scope.required else F.lit(True)
        return known & given & ~F.col(f"__{self.label}_unknown")

    def normal(self, part: str) -> Expr:
        return F.col(f"__{self.label}_normal_{part}")


def raw(name: str) -> Expr:
    return F.col(f"raw__{name}")


def fault(broken: Expr, reason: str, column: str | None) -> Expr:
    """What `broken` says, as a fault or null."""
    return F.when(broken, F.struct(F.lit(reason).alias("reason"), F.lit(column).cast("string").alias("column")))


def no_faults() -> Expr:
    return F.array().cast(FAULTS).alias("_faults")


def parts_of(
    columns: Sequence[Column], identifiers: Mapping[str, Identifier], codes: Mapping[str, CodeList]
) -> list[Part]:
    """The identifiers of a record or an element."""
    named = {column.name: column for column in columns}
    parts = []
    for label, identifier in identifiers.items():
        kind = named[identifier.type_from] if identifier.type_from else None
        types = (identifier.type,) if identifier.type else tuple(codes[str(kind.codes)].codes) if kind else ()
        value, scope = named[identifier.value], named[identifier.scope] if identifier.scope else None
        required = value.required if identifier.required is None else identifier.required
        parts.append(Part(label, value, tuple(str(type_) for type_ in types), kind, scope, required))
    return parts


def check_columns(
    columns: Sequence[Column], parts: Sequence[Part], codes: Mapping[str, CodeList], key: bytes, whole: Expr
) -> Steps:
    """What to add to a frame that has each column's text and `_faults`; one row in is one row out.

    Where `whole` is false the row was not read to its end, and what is missing breaks nothing.
    """
    plain = [column for column in columns if column.items is None]
    steps = Steps()
    _add_types(steps, plain, codes)
    _add_scopes(steps, parts, codes)
    add_all_normals(steps, [_spec(part) for part in parts], F.col("business_date"), codes)
    for part in parts:
        if {"url", "domain"} & set(part.types):
            _add_hosts(steps, part)
    faults = [each for column in plain for each in _column_faults(column, whole)]
    faults += [each for part in parts for each in _part_faults(part, whole)]
    own = [_own_faults(part) for part in parts]
    all_faults = F.concat(F.col("_faults"), F.array_compact(F.array(*faults)).cast(FAULTS), *own)
    ids = {f"id__{part.label}": _identifier(part, key) for part in parts}
    steps.withColumns({"_faults": all_faults, **ids})
    return steps.drop(*sorted(name for name in steps.names if name.startswith("__")))


def _add_types(steps: Steps, columns: Sequence[Column], codes: Mapping[str, CodeList]) -> None:
    added: dict[str, Expr] = {}
    for column in columns:
        value = typed(column, raw(column.name), codes)
        added[column.name] = value.value
        if value.is_day is not None:
            added[f"{column.name}_is_day"] = value.is_day
    steps.withColumns(added)


def _column_faults(column: Column, whole: Expr) -> list[Expr]:
    text = raw(column.name)
    faults = [fault(whole & is_blank(text), "missing_value", column.name)] if column.required else []
    if column.logicalType != "string":
        reason = "unknown_code" if column.codes else "wrong_type"
        faults.append(fault(~is_blank(text) & F.col(column.name).isNull(), reason, column.name))
    return faults


# Issuers


def _add_scopes(steps: Steps, parts: Sequence[Part], codes: Mapping[str, CodeList]) -> None:
    """The issuer's column holds its code, or null; `__<label>_unknown` says that it is not on its list.
    Without a list it stands as given.
    """
    for part in parts:
        if part.scope is None:
            continue
        name = part.scope.name
        spelling = F.lower(clean(raw(name)))
        is_listed, code = F.lit(False), F.lit(None).cast("string")
        for list_id in sorted({SCOPES[type_] for type_ in part.types if type_ in SCOPES}):
            is_of_list = _is_of(part, [type_ for type_ in part.types if SCOPES.get(type_) == list_id])
            is_listed, code = (
                is_listed | is_of_list,
                F.when(is_of_list, _code_of(spelling, codes[list_id])).otherwise(code),
            )
        steps.withColumns({"__code": code, "__is_listed": F.coalesce(is_listed, F.lit(False))})
        issuer = F.when(F.col("__is_listed"), F.col("__code")).otherwise(F.col(name))
        unknown = F.col("__is_listed") & ~is_blank(raw(name)) & F.col("__code").isNull()
        steps.withColumns({name: issuer, f"__{part.label}_unknown": unknown}).drop("__code", "__is_listed")


def _is_of(part: Part, types: list[str]) -> Expr:
    """Whether the row's type is one of these. When all that it may be are, it need not be readable."""
    if part.type is None or len(types) == len(part.types):
        return F.lit(True)
    return F.col(part.type.name).isin(types)


def _code_of(spelling: Expr, codes: CodeList) -> Expr:
    """The code that a spelling in lower case stands for, or null."""
    spellings = {alias.lower(): code for alias, code in codes.aliases.items()} | {
        code.lower(): code for code in codes.codes
    }
    table = F.str_to_map(F.lit("\n".join(f"{k}\t{v}" for k, v in sorted(spellings.items()))), F.lit("\n"), F.lit("\t"))
    return F.try_element_at(table, spelling)


# Identifiers


def _spec(part: Part) -> Spec:
    """What to normalise. Without a known issuer too: a card is one whatever its bank, and what can be
    read may free somebody.
    """
    scope = F.col(part.scope.name) if part.scope else None
    type_ = part.types[0] if part.type is None else F.col(part.type.name)
    return Spec(f"__{part.label}_normal", type_, raw(part.value.name), scope, part.types)


def _part_faults(part: Part, whole: Expr) -> list[Expr]:
    value = raw(part.value.name)
    nothing = ~is_blank(value) & part.normal("value").isNull() & (F.size(part.normal("reasons")) == 0)
    faults = [fault(whole & part.is_testable & nothing, "missing_value", part.value.name)] if part.required else []
    if part.scope is not None:
        faults.append(fault(F.col(f"__{part.label}_unknown"), "unknown_code", part.scope.name))
    if part.type is not None:
        kind = raw(part.type.name)
        if not part.type.required:
            faults.append(fault(whole & is_blank(kind) & ~is_blank(value), "missing_value", part.type.name))
        if not part.value.required:
            faults.append(fault(whole & is_blank(value) & ~is_blank(kind), "missing_value", part.value.name))
    return faults


def _own_faults(part: Part) -> Expr:
    found = F.when(part.is_testable, part.normal("reasons")).otherwise(F.array().cast("array<string>"))
    return F.transform(
        found, lambda reason: F.struct(reason.alias("reason"), F.lit(part.value.name).alias("column"))
    ).cast(FAULTS)


def _identifier(part: Part, key: bytes) -> Expr:
    """The identifier as IDENTIFIER; null when it has no value."""
    type_, value = part.normal("type"), part.normal("value")
    nothing = {
        "host_type": "string",
        "host": "string",
        "host_id": "bigint",
        "registrable": "string",
        "registrable_id": "bigint",
    }
    led_to = (
        _hosts(part, key)
        if {"url", "domain"} & set(part.types)
        else {name: F.lit(None).cast(kind) for name, kind in nothing.items()}
    )
    fields = {"type": type_, "value": value, "id": node_id(key, type_, value), **led_to}
    return F.when(value.isNotNull(), F.struct(*[field.alias(name) for name, field in fields.items()])).cast(IDENTIFIER)


def _add_hosts(steps: Steps, part: Part) -> None:
    """A url's host and its type; the registrable domain of that host, or of a domain, where it is
    another one.
    """
    type_, value = part.normal("type"), part.normal("value")
    host, domain = f"__{part.label}_host", f"__{part.label}_domain"
    found = host_of_url(F.when(type_ == "url", value))
    steps.withColumns({host: found.value, f"{host}_type": found.type})
    named = F.when(type_ == "domain", value).when(F.col(f"{host}_type") == "domain", F.col(host))
    steps.withColumns({domain: named})
    steps.withColumns({f"__{part.label}_registrable": F.nullif(registrable(F.col(domain)), F.col(domain))})


def _hosts(part: Part, key: bytes) -> dict[str, Expr]:
    host_type, host, registrable = (F.col(f"__{part.label}_{name}") for name in ("host_type", "host", "registrable"))
    return {
        "host_type": host_type,
        "host": host,
        "host_id": F.when(host.isNotNull(), node_id(key, host_type, host)),
        "registrable": registrable,
        "registrable_id": F.when(registrable.isNotNull(), node_id(key, F.lit("domain"), registrable)),
    }
