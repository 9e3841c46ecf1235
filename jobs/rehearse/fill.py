"""Whole records from the few fields that a case names.

What a case does not name gets a plausible value that connects nothing: an own SIM, an own device, an own holder, derived
from the case, the feed, the record_id and the column, so the same for the same record_id. Optional columns stay empty, and
so does what the case says is null.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from jobs.core.contracts import CodeList, Column, Feed, Identifier
from jobs.graph.parties import DOCUMENTS
from jobs.rehearse.book import Book
from jobs.rehearse.model import LISTING_OF, Record
from jobs.rehearse.values import carrier_of

Filled = dict[str, Any]
"""Column -> text or None; an `array` column is a list of such."""
NOON = "T12:00:00+08:00"
USUAL = {
    "fraud_type": "other", "region_code": "440100", "amount_cny": "1000.00", "finding": "reported", "authority_level": "county",
    "name": "某人", "status": "suspect", "outcome": "dismissed", "measure": "none", "indicator": "high_frequency", "count": "10",
    "control": "stop_payment", "category": "other", "verified": "false", "role": "offender",
}  # fmt: skip
"""What stands in a required column that the case does not care about; a code list without it gives its first code."""
OLD = ("activated_at", "opened_at", "registered_at", "since")
"""Starts of what had been there for long: a year before the night, or as old as what the record does name."""


@dataclass(frozen=True)
class Listing:
    """What `listing_of` stands for."""

    listing_id: str
    administrator: str | None


@dataclass
class Filler:
    """Completes the records of one case."""

    book: Book
    codes: Mapping[str, CodeList]
    _kept: dict[tuple[str, str, str], str] = field(default_factory=dict)

    def record(self, feed: Feed, given: Record, on: date, default_id: str, listing: Listing | None = None) -> Filled:
        """The record as it stands in the feed. `listing`: what its `listing_of` stands for, None when there is none."""
        case = self.book.name
        full: Filled = {name: self._written(value) for name, value in given.items() if name != LISTING_OF}
        full.setdefault("record_id", default_id)
        if full["record_id"] is not None:
            full["record_id"] = f"{case}:{full['record_id']}"
        full.setdefault("op", "upsert")
        full.setdefault("recorded_at", f"{on}{NOON}")
        if LISTING_OF in given:
            self._name_listing(feed, full, str(given[LISTING_OF]), listing)
        place = f"{feed.id}/{full['record_id']}"
        self._identify(feed.identifiers, feed.columns, given, full, place, full["op"] != "withdraw")
        if full["op"] != "withdraw":
            for column in feed.schema_:
                if column.name not in full and column.required:
                    full[column.name] = self._usual(column, feed, full, on, place)
            if full.get("finding") == "confirmed" and "finding_ref" in feed.columns:
                full.setdefault("finding_ref", f"F-{case}")
        for column in feed.schema_:
            if column.items is not None and isinstance(full.get(column.name), list):
                full[column.name] = self._elements(column, given.get(column.name), full[column.name], place, on)
        if full.get("case_id"):
            full["case_id"] = f"{case}:{full['case_id']}"
        return {name: full.get(name) for name in feed.columns}

    def _written(self, value: Any) -> Any:
        """The value with labels replaced; elements of a list stay as they are until their turn."""
        return self.book.written(value) if isinstance(value, str) else value

    def _name_listing(self, feed: Feed, full: Filled, identifier: str, listing: Listing | None) -> None:
        if listing is not None:
            full["listing_id"] = listing.listing_id
            if "recipient_id" in feed.columns and listing.administrator is not None:
                full.setdefault("recipient_id", listing.administrator)
        for named in feed.identifiers.values():
            if named.type_from is not None and named.value not in full:
                value = self.book.label(identifier)
                full[named.value] = self.book.written(identifier)
                full.setdefault(named.type_from, value.type if value else self.book.type_of(identifier))
                if named.scope and value and value.scope:
                    full.setdefault(named.scope, value.scope)

    # Identifiers: type, issuer and number go together

    def _identify(
        self,
        identifiers: Mapping[str, Identifier],
        columns: Mapping[str, Column],
        given: Record,
        full: Filled,
        place: str,
        fills: bool,
    ) -> None:
        for identifier in identifiers.values():
            if identifier.value in full:
                self._follow(identifier, given.get(identifier.value), full, fills)
            elif fills and columns[identifier.value].required:
                self._invent(identifier, full, place)
            type_ = identifier.type or full.get(identifier.type_from or "")
            self.book.note(type_, full.get(identifier.value), full.get(identifier.scope or ""))

    def _follow(self, identifier: Identifier, text: Any, full: Filled, fills: bool) -> None:
        """Type and issuer of a number that the case names are those of its label, unless the case names them too."""
        if not isinstance(text, str) or not fills:
            return
        labels = self.book.labels_in(text)
        value = self.book.label(text) or (labels[0] if len(labels) == 1 else None)
        if identifier.type_from is not None and identifier.type_from not in full:
            full[identifier.type_from] = value.type if value else self._type_by_form(identifier, text)
        if identifier.scope is not None and identifier.scope not in full:
            kind = identifier.type or full.get(identifier.type_from or "")
            if value is not None:
                full[identifier.scope] = value.scope
            elif kind in ("bank_account", "bank_card", "payment_account", "internet_account"):
                # A number written out is at one institution throughout the case.
                full[identifier.scope] = self.book.own(kind, f"issuer of {text}").scope

    def _type_by_form(self, identifier: Identifier, text: str) -> str | None:
        is_document = (identifier.type_from or "").endswith("doc_type")
        found = self.book.type_of(text)
        if is_document:
            return found if found in DOCUMENTS else "national_id"
        if (identifier.type_from or "").endswith("_kind"):
            return found if found == "bank_card" else "bank_account"
        return found

    def _invent(self, identifier: Identifier, full: Filled, place: str) -> None:
        kind = identifier.type or full.get(identifier.type_from or "")
        if kind is None:
            kind = _usual_type(identifier)
        scope = full.get(identifier.scope or "")
        if (sim := full.get(_SAME_SIM.get(identifier.value, ""))) is not None:
            place = f"sim {sim}"
        value = self.book.own(kind if kind in _KINDS else "national_id", f"{place}/{identifier.value}", scope)
        full[identifier.value] = value.alone
        if identifier.type_from is not None:
            full.setdefault(identifier.type_from, value.type)
        if identifier.scope is not None and value.scope is not None:
            full.setdefault(identifier.scope, value.scope)

    def _elements(self, column: Column, given: Any, elements: list[Record], place: str, on: date) -> list[Filled]:
        items = column.items
        assert items is not None
        columns = {inner.name: inner for inner in items.schema_}
        done = []
        for index, element in enumerate(given if given is not None else elements):
            full: Filled = {name: self._written(value) for name, value in element.items()}
            self._identify(items.identifiers, columns, element, full, f"{place}/{column.name}/{index}", True)
            for inner in items.schema_:
                if inner.name not in full and inner.required:
                    full[inner.name] = self._code(inner)
            done.append({name: full.get(name) for name in columns})
        return done

    # Everything else

    def _usual(self, column: Column, feed: Feed, full: Filled, on: date, place: str) -> Any:
        if column.items is not None:
            return [{"role": "victim", "identifier_type": "phone"}] if column.name == "involved" else []
        if column.logicalType in ("timestamp", "moment"):
            key = (self.book.name, place, column.name)
            return self._kept.setdefault(key, _usual_day(column.name, feed, full, on).isoformat())
        if column.name == "carrier":
            return carrier_of(full.get("msisdn"))
        if column.name in ("case_id", "finding_ref", "decision_ref", "listing_id", "recipient_id"):
            return f"{column.name}-of-{full['record_id']}"
        return self._code(column)

    def _code(self, column: Column) -> str:
        usual = USUAL.get(column.name, "other")
        if column.codes is None:
            return usual
        codes = self.codes[column.codes]
        is_known = usual in codes.codes or codes.prefix_length is not None
        return usual if is_known else next(iter(codes.codes))


_KINDS = (*DOCUMENTS, "phone", "bank_account", "bank_card", "payment_account", "internet_account", "imei", "imsi", "iccid",
          "url", "domain", "ip", "email", "crypto_wallet")  # fmt: skip


_SAME_SIM = {"iccid": "imsi", "imsi": "iccid"}
"""A SIM that is named by one number has one other number, whichever record names it."""


def _usual_type(identifier: Identifier) -> str:
    if (identifier.type_from or "").endswith("doc_type"):
        return "national_id"
    return "bank_account" if (identifier.type_from or "").endswith("_kind") else "phone"


def _usual_day(name: str, feed: Feed, full: Filled, on: date) -> date:
    """A day that agrees with the days that the record does name."""
    given = {
        column: day
        for column in feed.columns
        if (day := _day(full.get(column))) is not None and column != "recorded_at"
    }
    one = timedelta(days=1)
    ends = [given[end] for start, end in feed.intervals if start == name and end in given]
    starts = [given[start] for start, end in feed.intervals if end == name and start in given]
    if name in OLD:
        named = [given[column] for column in ("bound_at", *OLD) if column in given and column != name]
        return min([*named, *(end - one for end in ends)], default=on - timedelta(days=365))
    if name == "occurred_at":
        return given["reported_at"] - one if "reported_at" in given else on - one
    if name == "reported_at":
        return max(given["occurred_at"], min(given["occurred_at"] + one, on)) if "occurred_at" in given else on
    if starts:
        return max(starts[0], min(starts[0] + one, on))
    if ends:
        return ends[0] - one
    return on


def _day(text: Any) -> date | None:
    try:
        return date.fromisoformat(text[:10]) if isinstance(text, str) else None
    except ValueError:
        return None
