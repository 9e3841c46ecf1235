"""What the identifiers of one case stand for: labels, labels inside longer strings, and text written out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date
from typing import NamedTuple

from jobs.core.contracts import CodeList, Feed, Identifier
from jobs.core.errors import UserError
from jobs.identifiers.rare import Lists, host_name, lists_of, normalise_py, suffix_list
from jobs.rehearse.model import Case, Record
from jobs.rehearse.values import SCOPED, TYPES, Mint, Value

_LABEL = re.compile(rf"@({'|'.join(sorted(TYPES, key=len, reverse=True))})\.([A-Za-z0-9_]+)")
LIKE_A_LABEL = re.compile(r"@([a-z_]+)\.([A-Za-z0-9_]+)")
LATEST = date(2200, 1, 1)
"""Birth dates are checked by the pipeline; what is looked up here was written by the case."""


class Key(NamedTuple):
    """What a node id is made of, but for the tenure of a phone."""

    type: str
    value: str


class Book:
    """Labels, issuers and texts of one case."""

    def __init__(self, case: Case, contracts: Mapping[str, Feed], codes: Mapping[str, CodeList], mint: Mint) -> None:
        self.name = case.case
        self.keys: set[Key] = set()
        self._mint = mint
        self._lists: Lists = lists_of(codes)
        self._scopes: dict[str, str] = {}
        self._written: dict[str, set[tuple[str, str | None]]] = {}
        for record, identifiers in _identifier_places(case, contracts):
            for identifier in identifiers:
                self._learn_issuer(record, identifier)

    # Labels

    def label(self, text: str) -> Value | None:
        """The value of a text that is one label and nothing else. Raises UserError for a label of no known type."""
        match = _LABEL.fullmatch(text)
        if match is not None:
            return self._value(match)
        if like := LIKE_A_LABEL.fullmatch(text):
            known = ", ".join(TYPES)
            raise UserError(f"case '{self.name}': '{text}': '{like[1]}' is no identifier type; known are {known}")
        return None

    def labels_in(self, text: str) -> list[Value]:
        return [self._value(match) for match in _LABEL.finditer(text)]

    def own(self, type_: str, place: str, scope: str | None = None) -> Value:
        """A value that nothing else in any case has; the same for the same place."""
        value = self._mint.value(self.name, type_, f"/{place}", scope)
        self.note(type_, value.alone, value.scope)
        return value

    def written(self, text: str) -> str:
        """The text as it stands in a feed: labels replaced."""
        value = self.label(text)
        return value.alone if value else _LABEL.sub(lambda match: self._value(match).inside, text)

    def _value(self, match: re.Match[str]) -> Value:
        return self._mint.value(self.name, match[1], match[2], self._scopes.get(match[0]))

    def _learn_issuer(self, record: Record, identifier: Identifier) -> None:
        """An issuer that the case itself names with a label is that label's issuer throughout the case."""
        text, scope = record.get(identifier.value), record.get(identifier.scope or "")
        match = _LABEL.search(text) if isinstance(text, str) else None
        if match is None or not isinstance(scope, str) or match[1] not in SCOPED:
            return
        spellings = self._lists.platforms if match[1] == "internet_account" else self._lists.institutions
        if (code := spellings.get(scope.strip().lower())) is not None:
            self._scopes.setdefault(match[0], code)

    # What was written, and what it means

    def note(self, type_: str | None, text: str | None, scope: str | None) -> None:
        """A feed of this case names this: it is one of the case's identifiers, if it can be read."""
        if type_ is None or text is None:
            return
        self._written.setdefault(text, set()).add((type_, scope))
        if (key := self._key(type_, text, scope)) is not None:
            self.keys.add(key)
            self.keys.update(_hosts(key))

    def type_of(self, text: str) -> str | None:
        """The type of a text whose record doesn't say it: that of its label, else by its form."""
        value = self.label(text)
        return value.type if value else _guess(self.written(text), self._lists)

    def key(self, identifier: str) -> Key:
        """What an expectation means by `identifier`. Raises UserError when that can't be told."""
        value = self.label(identifier)
        if value is not None:
            found = self._key(value.type, value.alone, value.scope)
            if found is None:
                raise RuntimeError(f"case '{self.name}': the value of {identifier} is not valid")
            return found
        text = self.written(identifier)
        named = sorted(self._written.get(text, ()), key=str)
        if not named and (guess := _guess(text, self._lists)) is not None:
            named = [(guess, None)]
        keys = {self._key(type_, text, scope) for type_, scope in named} - {None}
        if not keys and ":" in text:
            keys = {self._scoped_key(text)} - {None}
        if len(keys) != 1:
            how = "is named with several types" if keys else "is not an identifier that can be read"
            raise UserError(f"case '{self.name}': '{identifier}' {how}; use a label such as @phone.P")
        return next(key for key in keys if key is not None)

    def _key(self, type_: str, text: str, scope: str | None) -> Key | None:
        effective, value, _ = normalise_py(type_, text, scope, LATEST, self._lists)
        return Key(effective, value) if effective is not None and value is not None else None

    def _scoped_key(self, text: str) -> Key | None:
        """`icbc:123456` or `wechat:abc`, as normal forms are written."""
        scope, _, number = text.partition(":")
        for type_ in ("internet_account", "bank_account", "payment_account"):
            is_payer = scope in self._mint.issuers.payers
            if type_ == "internet_account" or is_payer == (type_ == "payment_account"):
                key = self._key(type_, number, scope)
                if key is not None:
                    return key
        return None


def _identifier_places(case: Case, contracts: Mapping[str, Feed]) -> Iterable[tuple[Record, list[Identifier]]]:
    """Every record, and element of an array, with the identifiers that its contract sees in it."""
    for on in case.dates:
        for name, deliveries in case.nights[on].feeds.items():
            feed = contracts.get(name)
            if feed is None:
                continue
            for record in (record for delivery in deliveries for record in delivery.records):
                yield record, list(feed.identifiers.values())
                for column in feed.schema_:
                    for element in (record.get(column.name) or ()) if column.items is not None else ():
                        yield element, list(column.items.identifiers.values() if column.items else ())


def _hosts(key: Key) -> Iterable[Key]:
    """What a url or domain leads to: its host, and the registrable domain above it."""
    host = key.value
    if key.type == "url":
        host = re.sub(r"^[^:]+://(?:[^@/?]*@)?", "", key.value)
        host = re.split(r"[/?]", host)[0]
        host = host[1:].split("]")[0] if host.startswith("[") else host.split(":")[0]
        yield Key("domain" if host_name(host) else "ip", host)
    if key.type in ("url", "domain") and host_name(host):
        registrable = suffix_list().privatesuffix(host)
        if registrable and registrable != host:
            yield Key("domain", registrable)


def _guess(text: str, lists: Lists) -> str | None:
    """The type by the form alone: the first that takes it."""
    for type_ in (
        "url",
        "ip",
        "national_id",
        "uscc",
        "phone",
        "bank_card",
        "email",
        "domain",
        "imei",
        "iccid",
        "imsi",
    ):
        effective, value, _ = normalise_py(type_, text, None, LATEST, lists)
        if value is not None:
            return effective
    return next((t for t in ("passport", "crypto_wallet") if normalise_py(t, text, None, LATEST, lists)[1]), None)
