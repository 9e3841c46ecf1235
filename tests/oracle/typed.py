"""From the text that an agency wrote to the records of the oracle, in plain Python: what the stages bronze and silver give to the graph.

Written from feeds.md, identifiers.md and the contracts. Only the normal forms are the product's own (`normalise_py`): the column expressions
are held equal to it elsewhere.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from functools import cache, lru_cache
from typing import Any
from urllib.parse import urlsplit

import polars as pl

from jobs.core.contracts import BASE_COLUMNS, CodeList, Column, Feed
from jobs.core.contracts import Identifier as Named
from jobs.identifiers.rare import Lists, lists_of, normalise_py
from jobs.identifiers.text import clean_py
from tests.oracle.guard import SUFFIXES
from tests.oracle.model import UTC, Delivery, Identifier, Moment, last_of, midnight
from tests.oracle.product import codes
from tests.oracle.standing import HOUR

Texts = Mapping[str, str | None]
Record = dict[str, Any]
ISSUERS = {
    "bank_account": "institutions", "payment_account": "institutions", "bank_card": "institutions", "internet_account": "platforms",
}  # fmt: skip
DATE = re.compile(r"[1-9]\d{3}-\d\d-\d\d")
INSTANT = re.compile(r"[1-9]\d{3}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)")


@dataclass
class Read:
    """What could be read of a record or of an element of its list, and every rule that it breaks."""

    values: Record = field(default_factory=dict)
    reasons: set[str] = field(default_factory=set)


def type_delivery(feed: Feed, said: Delivery, rows: Sequence[Mapping[str, Any]]) -> Delivery:
    """The delivery with the records that its rows of bronze become; `present` names those that are set aside."""
    present = set()
    for row in rows:
        read = read_record(feed, row, said)
        record = _record(feed, row, read, said)
        if record is not None:
            said.records.append(record)
        elif read.values.get("record_id"):
            present.add(read.values["record_id"])
    said.present = frozenset(present)
    return said


def _record(feed: Feed, row: Mapping[str, Any], read: Read, said: Delivery) -> Record | None:
    """The record, if it is good or frees somebody all the same."""
    values = read.values
    if read.reasons:
        if not (feed.frees and values["record_id"] and values["recorded_at"] and holds_of(feed.frees, values)):
            return None
        values["frees_only"] = True
    recorded = values["recorded_at"]
    values["recorded_at"] = said.produced_at if _is_future(recorded, said) else recorded
    for column in feed.schema_:
        if column.items is not None and values.get(column.name) is not None:
            taken = [one for one in values[column.name] if _is_taken(one, column, bool(read.reasons))]
            values[column.name] = [one.values for one in taken]
    return {"file": row["file"], "line": row["line"], **values}


def _is_taken(element: Read, column: Column, frees_only: bool) -> bool:
    """ "An element that fails is quarantined alone"; what frees does so "for every identifier in it that can be read"."""
    assert column.items is not None
    if frees_only:
        return any(element.values.get(label) is not None for label in column.items.identifiers)
    return not element.reasons


def read_record(feed: Feed, texts: Mapping[str, Any], said: Delivery) -> Read:
    """One row of bronze against its contract. Of a withdrawal only record_id and recorded_at are looked at."""
    whole = texts.get("undecodable") is None
    is_said = texts.get("op") != "withdraw"
    base, own = feed.schema_[: len(BASE_COLUMNS)], feed.schema_[len(BASE_COLUMNS) :]
    read = read_columns(base, {}, texts, said.business_date, whole)
    given = texts if is_said else {}
    rest = read_columns(own, feed.identifiers, given, said.business_date, whole and is_said)
    read = Read(read.values | rest.values, read.reasons | rest.reasons)
    if not whole:
        read.reasons.add("undecodable")
    if _is_future(read.values["recorded_at"], said):
        read.reasons.add("recorded_in_future")
    for column in own:
        if column.items is not None:
            _read_list(read, column, given.get(column.name), said, column.required and whole and is_said)
    for start, end in feed.intervals:
        if _ends_before(read.values[start], read.values[end]):
            read.reasons.add("ends_before_it_starts")
    if whole and is_said:
        read.reasons |= {reason for reason, broken in feed.rules.items() if holds_of(broken, read.values)}
    if not is_said:
        read.values = {name: read.values[name] for name in BASE_COLUMNS}
    return read


def _is_future(recorded: datetime | None, said: Delivery) -> bool:
    return recorded is not None and recorded > said.produced_at + HOUR


def _ends_before(start: datetime | Moment | None, end: datetime | Moment | None) -> bool:
    if start is None or end is None:
        return False
    begins = start if isinstance(start, datetime) else start[0]
    return (end if isinstance(end, datetime) else last_of(end)) < begins


def _read_list(read: Read, column: Column, text: str | None, said: Delivery, required: bool) -> None:
    """Each element by itself; what is no object is read as nothing."""
    assert column.items is not None
    read.values[column.name] = None
    if is_blank(text):
        if required:
            read.reasons.add("missing_value")
        return
    try:
        elements = json.loads(text or "", parse_float=str, parse_int=str)
    except ValueError:
        elements = None
    if not isinstance(elements, list):
        read.reasons.add("wrong_type")
        return
    read.values[column.name] = [
        read_columns(column.items.schema_, column.items.identifiers, one, said.business_date, True)
        if isinstance(one, dict)
        else Read(reasons={"wrong_type"})
        for one in elements
    ]


def read_columns(
    columns: Sequence[Column], identifiers: Mapping[str, Named], texts: Texts, today: date, whole: bool
) -> Read:
    """The plain columns as their types, the identifiers under their labels. Where `whole` is false, what is missing breaks nothing."""
    read = Read()
    for column in columns:
        if column.items is None:
            _read_plain(read, column, texts.get(column.name), whole)
    named = {column.name: column for column in columns}
    for label, identifier in identifiers.items():
        _read_identifier(read, label, identifier, named, texts, today, whole)
    sources = {name for one in identifiers.values() for name in (one.value, one.type_from)}
    for name in sorted(name for name in sources if name):
        read.values.pop(name, None)  # the record has the identifier instead
    for label, found in [(label, read.values.pop(f"={label}")) for label in identifiers]:
        read.values |= _labelled(label, found)
    return read


def _read_plain(read: Read, column: Column, text: str | None, whole: bool) -> None:
    value = None if text is None else typed(column, text)
    read.values[column.name] = value
    if is_blank(text):
        if column.required and whole:
            read.reasons.add("missing_value")
    elif value is None:
        read.reasons.add("unknown_code" if column.codes else "wrong_type")


def is_blank(text: str | None) -> bool:
    return text is None or text.strip(" ") == ""


def typed(column: Column, text: str) -> Any:
    """None where the text is blank or is no value of the column's type."""
    if column.codes is not None:
        return text if _is_known(codes()[column.codes], text) else None
    kind = column.logicalType
    if kind in ("timestamp", "moment"):
        at = instant(text)
        return at if at is None or kind == "timestamp" else (at, DATE.fullmatch(text) is not None)
    if kind == "integer":
        return int(text) if re.fullmatch(r"[+-]?[0-9]+", text) and abs(int(text)) < 2**63 else None
    if kind == "decimal":
        return Decimal(text) if re.fullmatch(r"[+-]?[0-9]{1,16}(\.[0-9]{1,2})?", text) else None
    if kind == "boolean":
        return {"true": True, "false": False}.get(text)
    return None if is_blank(text) else text


def _is_known(known: CodeList, text: str) -> bool:
    if known.prefix_length is None:
        return text in known.codes
    return text[: known.prefix_length] in known.codes and re.fullmatch(f"[0-9]{{{known.length}}}", text) is not None


@lru_cache(maxsize=100_000)
def instant(text: str) -> datetime | None:
    """ISO 8601 with an offset, kept to the microsecond; a date is 00:00 in Asia/Shanghai."""
    try:
        if DATE.fullmatch(text):
            return midnight(date.fromisoformat(text))
        if INSTANT.fullmatch(text):
            return datetime.fromisoformat(text).astimezone(UTC)
    except ValueError:
        pass
    return None


# Identifiers


@cache
def _lists() -> Lists:
    return lists_of(codes())


@lru_cache(maxsize=200_000)
def _normal(
    kind: str | None, text: str | None, issuer: str | None, today: date
) -> tuple[Identifier | None, tuple[str, ...]]:
    type_, value, reasons = normalise_py(kind, text, issuer, today, _lists())
    return (None if value is None or type_ is None else Identifier(type_, value)), reasons


@cache
def _spellings(list_id: str) -> dict[str, str]:
    known = codes()[list_id]
    return {alias.lower(): code for alias, code in known.aliases.items()} | {code.lower(): code for code in known.codes}


def _read_identifier(
    read: Read, label: str, one: Named, named: Mapping[str, Column], texts: Texts, today: date, whole: bool
) -> None:
    """The identifier as `=label`, until its sources are taken out."""
    text, kind = texts.get(one.value), one.type or read.values[str(one.type_from)]
    issuer, is_unknown = _issuer(one, kind, named, texts)
    if one.scope is not None:
        read.values[one.scope] = issuer
    found, reasons = _normal(kind, text, issuer, today)
    read.values[f"={label}"] = found
    if is_unknown:
        read.reasons.add("unknown_code")
    needs_issuer = one.scope is not None and named[one.scope].required and is_blank(texts.get(one.scope))
    value = named[one.value]
    if kind is not None and not needs_issuer and not is_unknown:
        read.reasons |= set(reasons)
        required = value.required if one.required is None else one.required
        if required and whole and not is_blank(text) and found is None and not reasons:
            read.reasons.add("missing_value")
    if one.type_from is not None and whole:
        lacks_type, lacks_value = is_blank(texts.get(one.type_from)), is_blank(text)
        may_lack = not named[one.type_from].required if lacks_type else not value.required
        if lacks_type != lacks_value and may_lack:  # what must not is said above
            read.reasons.add("missing_value")


def _issuer(one: Named, kind: str | None, named: Mapping[str, Column], texts: Texts) -> tuple[str | None, bool]:
    """The issuer's code (as it stands where its type has no list), and whether it is not on its closed list."""
    if one.scope is None:
        return None, False
    text = texts.get(one.scope)
    list_id = ISSUERS.get(kind) if kind else _only_list(str(named[str(one.type_from)].codes))
    if list_id is None:
        return (None if is_blank(text) else text), False
    code = _spellings(list_id).get((clean_py(text) or "").lower())
    return code, not is_blank(text) and code is None


@cache
def _only_list(types: str) -> str | None:
    """The closed list of issuers, if it is one for all types of a code list: then it need not be known which it is."""
    lists = {ISSUERS.get(kind) for kind in codes()[types].codes}
    return lists.pop() if len(lists) == 1 else None


def _labelled(label: str, found: Identifier | None) -> Iterator[tuple[str, Identifier | None]]:
    """The identifier; of a url its host, of a url or domain what somebody registered."""
    yield label, found
    if found is None or found.type not in ("url", "domain"):
        return
    host = found
    if found.type == "url":
        name = urlsplit(found.value).hostname or ""
        host = Identifier("ip" if ":" in name or re.fullmatch(r"[0-9.]+", name) else "domain", name)
        yield f"{label}_host", host
    if host.type == "domain":
        registrable = SUFFIXES.privatesuffix(host.value)
        if registrable not in (None, host.value):
            yield f"{label}_registrable", Identifier("domain", registrable)


# A contract's own predicates


def holds_of(predicate: str, values: Record) -> bool:
    """Whether a predicate of a contract is true of what was read."""
    names = sorted(name for name in values if re.search(rf"\b{name}\b", predicate))
    return _is_true(predicate, tuple((name, values[name]) for name in names))


@cache
def _is_true(predicate: str, values: tuple[tuple[str, Any], ...]) -> bool:
    row = pl.DataFrame({name: [value] for name, value in values}, {name: pl.String for name, _ in values})
    return row.select(pl.sql_expr(predicate)).item() is True
