"""A contract's columns, checked a column at a time: typed values, identifiers in normal form, and every rule that a row breaks.

It serves records and, the same way, the elements of a nested list.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import polars as pl

from jobs.core.contracts import CodeList, Column, Identifier
from jobs.core.frames import where
from jobs.identifiers.hosts import host_of_url, registrable
from jobs.identifiers.keys import node_ids
from jobs.identifiers.normalise import RETYPED, Normals, normalise
from jobs.identifiers.rare import lists_of, spellings
from jobs.identifiers.text import clean_py
from jobs.silver.faults import Fault, any_of, no
from jobs.silver.types import either, is_blank, typed

SCOPES = {
    "bank_account": "institutions",
    "payment_account": "institutions",
    "bank_card": "institutions",
    "internet_account": "platforms",
}
"""The closed list that names the issuer, by identifier type; other types have none, or none that is
listed.
"""
KINDS = (("type", "value", "id"), ("host_type", "host", "host_id"), ("", "registrable", "registrable_id"))
"""What one identifier leads to: itself, a url's host, and the registrable domain. A type without a name is `domain`."""


class Part(NamedTuple):
    """One identifier of a contract, with the columns that it is read from and the types that it may have."""

    label: str
    value: Column
    types: tuple[str, ...]
    type: Column | None
    scope: Column | None
    required: bool

    @property
    def has_hosts(self) -> bool:
        return bool({"url", "domain"} & set(self.types))


@dataclass
class Checked:
    """Of so many rows: which texts are blank, typed columns by name (`<name>_is_day` beside a moment), each identifier by label (its `KINDS`, null where there is
    none), and what is broken.
    """

    blank: dict[str, pl.Series] = field(default_factory=dict)
    columns: dict[str, pl.Series] = field(default_factory=dict)
    identifiers: dict[str, dict[str, pl.Series]] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)


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
    texts: Mapping[str, pl.Series], columns: Sequence[Column], parts: Sequence[Part], codes: Mapping[str, CodeList], key: bytes,
    today: pl.Series, whole: pl.Series,
) -> Checked:  # fmt: skip
    """`texts`: each column's text by name, `today`: the business date of each row.

    Where `whole` is false the row was not read to its end, and what is missing breaks nothing.
    """
    found = Checked({one.name: is_blank(texts[one.name]) for one in columns if one.items is None})
    for column in columns:
        if column.items is None:
            _add_column(found, column, texts[column.name], codes, whole)
    for part in parts:
        _add_part(found, part, texts, codes, key, today, whole)
    return found


def _add_column(
    found: Checked, column: Column, text: pl.Series, codes: Mapping[str, CodeList], whole: pl.Series
) -> None:
    blank = found.blank[column.name]
    value, reason, day = typed(column, text, blank, codes)
    found.columns[column.name] = value
    if day is not None:
        found.columns[f"{column.name}_is_day"] = day
    if column.required:
        found.faults.append(Fault("missing_value", column.name, whole & blank))
    if column.logicalType != "string":
        found.faults.append(Fault(reason, column.name, ~blank & value.is_null()))


def _add_part(
    found: Checked, part: Part, texts: Mapping[str, pl.Series], codes: Mapping[str, CodeList], key: bytes, today: pl.Series, whole: pl.Series
) -> None:  # fmt: skip
    text = texts[part.value.name]
    testable = pl.repeat(True, len(text), dtype=pl.Boolean, eager=True)
    if part.type is not None:
        testable &= found.columns[part.type.name].is_not_null()
        blank, untyped = found.blank[part.value.name], found.blank[part.type.name]
        if not part.type.required:
            found.faults.append(Fault("missing_value", part.type.name, whole & untyped & ~blank))
        if not part.value.required:
            found.faults.append(Fault("missing_value", part.value.name, whole & blank & ~untyped))
    if part.scope is not None:
        unknown = _add_issuer(found, part, texts[part.scope.name], codes)
        found.faults.append(Fault("unknown_code", part.scope.name, unknown))
        testable &= ~unknown & (~found.blank[part.scope.name] if part.scope.required else True)
    normals = _normals(found, part, text, codes, today)
    broken = any_of(normals.broken.values(), len(text))
    if part.required:
        nothing = whole & testable & normals.value.is_null() & ~broken
        found.faults.append(Fault("missing_value", part.value.name, nothing & ~found.blank[part.value.name]))
    found.faults += [Fault(reason, part.value.name, testable & flags) for reason, flags in normals.broken.items()]
    found.identifiers[part.label] = _identifier(part, normals, key)


# Issuers


def _add_issuer(found: Checked, part: Part, text: pl.Series, codes: Mapping[str, CodeList]) -> pl.Series:
    """The issuer's column becomes its code, or null. Gives the rows whose issuer is not on its list; without a list it stands as given."""
    assert part.scope is not None
    name, unknown = part.scope.name, no(len(text))
    spelt = {spelling: (clean_py(spelling) or "").lower() for spelling in text.drop_nulls().unique()}
    for list_id in sorted({SCOPES[type_] for type_ in part.types if type_ in SCOPES}):
        mine = _is_of(found, part, [type_ for type_ in part.types if SCOPES.get(type_) == list_id], len(text))
        known = spellings(codes[list_id])
        code = text.replace_strict(
            list(spelt), [known.get(spelling) for spelling in spelt.values()], default=None, return_dtype=pl.String
        )
        found.columns[name] = either(mine, code, found.columns[name])
        unknown |= mine & ~found.blank[name] & code.is_null()
    return unknown


def _is_of(found: Checked, part: Part, types: list[str], rows: int) -> pl.Series:
    """Whether the row's type is one of these. When all that it may be are, it need not be readable."""
    if part.type is None or len(types) == len(part.types):
        return ~no(rows)
    return found.columns[part.type.name].is_in(types).fill_null(False)


# Identifiers


def _normals(found: Checked, part: Part, text: pl.Series, codes: Mapping[str, CodeList], today: pl.Series) -> Normals:
    """In normal form. Without a known issuer too: a card is one whatever its bank, and what can be read may free somebody."""
    type_ = part.types[0] if part.type is None else found.columns[part.type.name]
    scope = found.columns[part.scope.name] if part.scope else None
    return normalise(type_, text, scope, today, lists_of(codes), part.types)


def _identifier(part: Part, normals: Normals, key: bytes) -> dict[str, pl.Series]:
    type_, value = where(normals.value.is_not_null(), normals.type), normals.value
    is_sure = len(part.types) == 1 and part.types[0] not in RETYPED
    found = {"type": type_, "value": value, "id": _ids(key, part.types[0] if is_sure else type_, value)}
    if not part.has_hosts:
        return found
    host_type, host = host_of_url(where((type_ == "url").fill_null(False), value))
    domain = pl.select(pl.when(type_ == "domain").then(value).when(host_type == "domain").then(host)).to_series()
    below = registrable(domain)
    below = where((below != domain).fill_null(False), below)
    return {
        **found, "host_type": host_type, "host": host, "host_id": _ids(key, host_type, host), "registrable": below,
        "registrable_id": _ids(key, "domain", below),
    }  # fmt: skip


def _ids(key: bytes, type_: pl.Series | str, value: pl.Series) -> pl.Series:
    """The node id of each row that has a value."""
    if not value.has_nulls():
        return node_ids(key, type_, value)
    at = value.is_not_null().arg_true()
    found = pl.repeat(None, len(value), dtype=pl.Int64, eager=True)
    if len(at) == 0:
        return found
    return found.scatter(at, node_ids(key, type_ if isinstance(type_, str) else type_.gather(at), value.gather(at)))
