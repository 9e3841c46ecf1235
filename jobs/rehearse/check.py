"""A night's facts against what a case expects: only what it names, and only identifiers of that case."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from itertools import combinations
from typing import Any, Protocol

from jobs.core.errors import UserError
from jobs.core.night import SHANGHAI
from jobs.identifiers.keys import node_id_py
from jobs.rehearse.book import Key
from jobs.rehearse.facts import LISTINGS, QUARANTINE, Facts, Rows
from jobs.rehearse.model import (
    Case,
    Expect,
    Listed,
    Quarantined,
    Refused,
    Release,
    Released,
    Reviewed,
    Scored,
    Shared,
    Subject,
    parse_time,
)
from jobs.rehearse.values import TYPES

PROTECTED = "protected_identifier"
_UNNAMED = re.compile(r"\d{4}-\d\d-\d\d\.\d+\.(\d+)")
"""The record_id of a record that the case gives none: night, delivery and place in it (plan.Part)."""
Row = Mapping[str, Any]
Differences = Iterator[str]


class Names(Protocol):
    """What is asked of a case's book."""

    name: str
    keys: set[Key]

    def key(self, identifier: str) -> Key: ...


class Check:
    """One case at the end of one of its nights. `since`: its night before, None for the first.

    What happened in a night between, which only other cases have, would have happened tonight had this case been alone.
    """

    def __init__(self, facts: Facts, book: Names, key: bytes, since: date | None = None) -> None:
        self._facts = facts
        self._book = book
        self._key = key
        self._since = since

    def differences(self, expect: Expect) -> list[str]:
        """One sentence for each expectation that does not hold."""
        checks: dict[str, Callable[[Any], Differences]] = {
            "listed": self._listed, "not_listed": self._not_listed, "leads": self._leads, "not_leads": self._not_leads,
            "released": self._released, "score": self._score, "same_party": self._same_party,
            "different_party": self._different_party, "same_ring": self._same_ring, "shared": self._shared,
            "not_shared": self._not_shared, "contested": self._contested, "ambiguous": self._ambiguous,
            "protected": self._protected, "for_review": self._for_review, "not_for_review": self._not_for_review,
            "quarantined": self._quarantined, "not_quarantined": self._not_quarantined, "resolved": self._resolved,
            "refused": self._refused, "release": self._release,
        }  # fmt: skip
        found = []
        for kind in type(expect).model_fields:
            if kind == "events":
                found += list(self._events(expect.events))
                continue
            for item in getattr(expect, kind):
                try:
                    found += list(checks[kind](item))
                except UserError as error:
                    found.append(f"{kind}: {error}")
        return [f"night {self._facts.on}: {sentence}" for sentence in found]

    def unforeseen(self, case: Case) -> list[str]:
        """One sentence for each record of the case that was set aside since its night before and that it does not know of: what the record
        tells has not happened, so that what is not listed is so for the wrong reason."""
        found: dict[str, None] = {}
        for row in self._facts.rows(QUARANTINE):
            whose, _, record_id = (row["record_id"] or "").partition(":")
            if whose != case.case or not self._is_news(row["night_on"]):
                continue
            if not case.foresees(self._facts.on, row["feed"], record_id, row["element"]):
                what = _record(Quarantined(feed=row["feed"], record_id=record_id, element=row["element"]))
                why = f"{', '.join(row['reasons'])} in {', '.join(row['columns'])}"
                found[
                    f"night {self._facts.on}: {what} is in quarantine ({why}), which no expectation of the case names"
                ] = None
        return list(found)

    # Identifiers and their nodes

    def _node(self, subject: Subject) -> int:
        key = self._book.key(subject.identifier)
        return node_id_py(self._key, key.type, key.value)

    def _is_phone(self, subject: Subject) -> bool:
        return self._book.key(subject.identifier).type == "phone"

    def _tenures(self, subject: Subject) -> Rows:
        """Tenures of a phone that the subject means."""
        phone = self._node(subject)
        rows = [row for row in self._facts.rows("graph.tenures") if row["phone_id"] == phone]
        return [row for row in rows if _is_meant(row["tenure_from"], subject)]

    def _nodes(self, subject: Subject) -> set[int]:
        """Every node that the subject means. Raises UserError for a tenure that there is none of."""
        if not self._is_phone(subject):
            return {self._node(subject)}
        found = {row["node_id"] for row in self._tenures(subject)}
        if not found and not subject.is_any_tenure:
            raise UserError(f"expected a tenure of {_who(subject)}, found none that starts then")
        return found

    def _tonight(self, subject: Subject) -> set[int]:
        """The node of an identifier, the tenure that holds the end of this night of a phone."""
        if not self._is_phone(subject) or not subject.is_any_tenure:
            return self._nodes(subject)
        instant = self._facts.instant
        alive = [
            row for row in self._tenures(subject)
            if (row["tenure_from"] is None or row["tenure_from"] < instant) and (row["tenure_to"] is None or instant <= row["tenure_to"])
        ]  # fmt: skip
        alive.sort(key=lambda row: (row["tenure_from"] is not None, row["tenure_from"] or instant, row["node_id"]))
        return {row["node_id"] for row in alive[-1:]}

    def _with_number(self, subject: Subject) -> set[int]:
        """The nodes meant, and of a phone without a tenure the number itself: rows about it may name either."""
        return self._nodes(subject) | ({self._node(subject)} if subject.is_any_tenure else set())

    # Listings

    def _listings(self, subject: Subject) -> Rows:
        node = self._node(subject)
        rows = self._facts.rows(LISTINGS)
        if self._is_phone(subject):
            return [row for row in rows if row["phone_id"] == node and _is_meant(row["tenure_from"], subject)]
        return [row for row in rows if row["node_id"] == node]

    def _active(self, subject: Subject) -> Rows:
        return [row for row in self._listings(subject) if row["status"] == "active"]

    def listing_of(self, identifier: str) -> Row | None:
        """Its active listing; without one the newest that has left, since an answer may come late."""
        rows = self._listings(Subject(identifier=identifier))
        return max(
            rows,
            key=lambda row: (row["status"] == "active", row["listed_on"], row["listing_id"]),
            default=None,
        )

    def _listed(self, item: Listed) -> Differences:
        active = self._active(item)
        if not any(_fits(row, item) for row in active):
            wanted = [item.measure or "", f"reason {item.reason}" if item.reason else "", f"due on {item.due_on}" if item.due_on else "",
                      f"citing {item.cites}" if item.cites else ""]  # fmt: skip
            found = "; ".join(_listing(row) for row in active) or _no_listing(self._listings(item))
            yield f"expected {_who(item)} listed ({', '.join(part for part in wanted if part) or 'by any measure'}), found {found}"

    def _not_listed(self, subject: Subject) -> Differences:
        if active := self._active(subject):
            yield f"expected {_who(subject)} not listed, found {'; '.join(_listing(row) for row in active)}"

    def _released(self, item: Released) -> Differences:
        left = [
            row for row in self._listings(item) if row["status"] == "released" and self._is_news(row["released_on"])
        ]
        if not any(item.reason in (None, row["release_reason"]) for row in left):
            why = f" ({item.reason})" if item.reason else ""
            reasons = ", ".join(sorted({str(row["release_reason"]) for row in left}))
            found = (
                f"released for {reasons}"
                if left
                else "; ".join(_listing(row) for row in self._active(item)) or _no_listing([])
            )
            yield f"expected {_who(item)} released{why}, found {found}"

    def _is_news(self, on: date | None) -> bool:
        """Whether that night is this one, or lies between this one and the case's night before."""
        return on is not None and on <= self._facts.on and (self._since is None or on > self._since)

    def _events(self, expected: int | None) -> Differences:
        if expected is None:
            return
        nodes = {node_id_py(self._key, key.type, key.value) for key in self._book.keys}
        mine = {row["listing_id"] for row in self._facts.rows(LISTINGS) if {row["node_id"], row["phone_id"]} & nodes}
        events = [
            row
            for row in self._facts.rows("blacklist.events")
            if row["listing_id"] in mine and self._is_news(row["night_on"])
        ]
        if len(events) != expected:
            kinds = ", ".join(sorted(row["event"] for row in events))
            yield f"expected {expected} listing events, found {len(events)}{f' ({kinds})' if kinds else ''}"

    def _release(self, item: Release) -> Differences:
        ids = self._facts.snapshots.get(item.recipient)
        if ids is None and item.contains:
            yield f"expected a release for {item.recipient}, found none"
        if ids is None:
            return
        for subject in item.contains:
            if not any(row["listing_id"] in ids for row in self._active(subject)):
                yield f"expected {_who(subject)} in the release for {item.recipient}, found it missing there"
        for subject in item.lacks:
            if any(row["listing_id"] in ids for row in self._listings(subject)):
                yield f"expected {_who(subject)} not in the release for {item.recipient}, found it there"

    # Scores and leads

    def _score(self, item: Scored) -> Differences:
        nodes = self._nodes(item)
        score = max((row["score"] for row in self._facts.rows("graph.scores") if row["node_id"] in nodes), default=0.0)
        if abs(score - item.is_) >= 5e-7:
            yield f"expected {_who(item)} to score {item.is_:g}, found {score:g}"

    def _leads(self, subject: Subject) -> Differences:
        if not self._has_row("blacklist.leads", self._nodes(subject)):
            yield f"expected {_who(subject)} as a lead, found none"

    def _not_leads(self, subject: Subject) -> Differences:
        if self._has_row("blacklist.leads", self._nodes(subject)):
            yield f"expected {_who(subject)} not to be a lead, found that it is"

    def _has_row(self, table: str, nodes: set[int]) -> bool:
        return any(row["node_id"] in nodes for row in self._facts.rows(table))

    # Parties and what joins them

    def _party(self, subject: Subject) -> Row | None:
        nodes = self._tonight(subject)
        return next((row for row in self._facts.rows("graph.parties") if row["node_id"] in nodes), None)

    def _parties(self, group: Iterable[Subject]) -> tuple[list[tuple[Subject, int]], list[str]]:
        """(identifier, its party) of each, and a sentence for each that has none."""
        found, missing = [], []
        for subject in group:
            row = self._party(subject)
            if row is None:
                missing.append(f"expected {_who(subject)} to have a party, found none")
            else:
                found.append((subject, row["party_id"]))
        return found, missing

    def _same_party(self, group: tuple[Subject, ...]) -> Differences:
        found, missing = self._parties(group)
        yield from missing
        for other, party in found[1:]:
            if party != found[0][1]:
                yield f"expected {_who(found[0][0])} and {_who(other)} to be one party, found two"

    def _different_party(self, group: tuple[Subject, ...]) -> Differences:
        found, missing = self._parties(group)
        yield from missing
        for (one, party), (other, second) in combinations(found, 2):
            if party == second:
                yield f"expected {_who(one)} and {_who(other)} to be two parties, found one"

    def _same_ring(self, group: tuple[Subject, ...]) -> Differences:
        found, missing = self._parties(group)
        yield from missing
        rings = [
            {row["ring_id"] for row in self._facts.rows("graph.rings") if row["party_id"] == party}
            for _, party in found
        ]
        if not missing and not set.intersection(*rings):
            yield f"expected {', '.join(_who(subject) for subject in group)} in one ring, found none that holds them all"

    def _ambiguous(self, subject: Subject) -> Differences:
        row = self._party(subject)
        if row is None or row["kind"] != "ambiguous":
            yield f"expected the party of {_who(subject)} to be ambiguous, found {row['kind'] if row else 'no party'}"

    def _contested(self, subject: Subject) -> Differences:
        if not self._has_row("graph.contested", self._with_number(subject)):
            yield f"expected {_who(subject)} contested, found that it is not"

    def _marks(self, item: Shared) -> bool:
        nodes = self._with_number(item)
        rows = self._facts.rows("graph.shared_identifiers")
        return any(row["node_id"] in nodes and row["is_shared"] and item.kind in (None, row["kind"]) for row in rows)

    def _shared(self, item: Shared) -> Differences:
        if not self._marks(item):
            yield f"expected {_who(item)} shared{_by(item.kind)}, found that it is not"

    def _not_shared(self, item: Shared) -> Differences:
        if self._marks(item):
            yield f"expected {_who(item)} not shared{_by(item.kind)}, found that it is"

    # Rows for a human

    def _reviews(self, subject: Subject) -> list[str]:
        nodes = self._with_number(subject)
        rows = self._facts.rows("blacklist.for_review")
        return sorted({row["reason"] for row in rows if row["node_id"] in nodes and row["status"] == "open"})

    def _protected(self, subject: Subject) -> Differences:
        reasons = self._reviews(subject)
        if PROTECTED not in reasons:
            yield f"expected a row for a human on the protected {_who(subject)}, found {', '.join(reasons) or 'none'}"
        if self._active(subject):
            yield f"expected the protected {_who(subject)} never to be listed, found it listed"

    def _for_review(self, item: Reviewed) -> Differences:
        reasons = self._reviews(item)
        if not reasons or item.reason not in (None, *reasons):
            yield f"expected a row for a human on {_who(item)}{_by(item.reason)}, found {', '.join(reasons) or 'none'}"

    def _not_for_review(self, item: Reviewed) -> Differences:
        reasons = self._reviews(item)
        if item.reason in reasons or (item.reason is None and reasons):
            yield f"expected no row for a human on {_who(item)}{_by(item.reason)}, found {', '.join(reasons)}"

    # Deliveries and quarantine

    def _quarantine(self, item: Quarantined, status: str) -> Rows:
        mine = f"{self._book.name}:"
        return [
            row for row in self._facts.rows(QUARANTINE)
            if row["status"] == status and (row["record_id"] or "").startswith(mine)
            and item.names(row["feed"], row["record_id"].removeprefix(mine), row["element"])
        ]  # fmt: skip

    def _quarantined(self, item: Quarantined) -> Differences:
        rows = self._quarantine(item, "open")
        if item.record_id is None:  # a record without an id can't say whose it is
            rows += [r for r in self._facts.rows(QUARANTINE) if r["feed"] == item.feed and r["record_id"] is None]
        wanted = set(item.reasons)
        whole = {reason for row in rows for reason in row["reasons"]}
        fits = any(set(row["reasons"]) == wanted for row in rows) or whole == wanted
        if not rows or (wanted and not fits):
            why = f" ({', '.join(sorted(wanted))})" if wanted else ""
            yield f"expected {_record(item)} in quarantine{why}, found {', '.join(sorted(whole)) or 'it is not'}"

    def _not_quarantined(self, item: Quarantined) -> Differences:
        rows = self._quarantine(item, "open")
        whole = {reason for row in rows for reason in row["reasons"]}
        if rows and (not item.reasons or set(item.reasons) & whole):
            yield f"expected {_record(item)} not in quarantine, found {', '.join(sorted(whole))}"

    def _resolved(self, item: Quarantined) -> Differences:
        if not self._quarantine(item, "resolved"):
            still = ": it is still open" if self._quarantine(item, "open") else ": it never was in quarantine"
            yield f"expected {_record(item)} resolved, found that it is not{still}"

    def _refused(self, item: Refused) -> Differences:
        rows = [
            row for row in self._facts.rows("ops.deliveries")
            if f"{row['agency']}/{row['feed']}" in (item.feed, f"{item.feed}_unknown") and self._is_news(row["night_on"])
            and row["delivery_id"].partition("-")[2] == self._book.name
        ]  # fmt: skip
        reasons = sorted({row["reason"] for row in rows if row["status"] == "refused"})
        if not reasons or item.reason not in (None, *reasons):
            found = ", ".join(reasons) or (
                ", ".join(sorted({row["status"] for row in rows})) or "no delivery of its own"
            )
            yield f"expected a delivery of {item.feed} refused{_by(item.reason)}, found {found}"


def _is_meant(tenure_from: datetime | None, subject: Subject) -> bool:
    if subject.is_any_tenure:
        return True
    if subject.tenure_from is None or tenure_from is None:
        return subject.tenure_from is None and tenure_from is None
    start = parse_time(subject.tenure_from)
    if not isinstance(start, datetime):
        start = datetime(start.year, start.month, start.day, tzinfo=SHANGHAI)
    return tenure_from == start.astimezone(UTC)


def _fits(row: Row, item: Listed) -> bool:
    texts = [row["human_decision"], row["reason_zh"], row["reason_en"], *(row["reasons"] or ())]
    return (
        item.measure in (None, row["measure"])
        and item.reason in (None, row["test"], *(row["reasons"] or ()))
        and item.due_on in (None, row["due_on"])
        and (item.cites is None or any(item.cites in text for text in texts if text))
    )


def _who(subject: Subject) -> str:
    """As the case writes it; what is not a label is masked."""
    has_label = any(f"@{type_}." in subject.identifier for type_ in TYPES)
    text = subject.identifier if has_label else mask(subject.identifier)
    if subject.is_any_tenure:
        return text
    return f"{text} (tenure from {subject.tenure_from or 'ever'})"


def mask(text: str) -> str:
    """`138****8000`: what stands in a message for a value; short codes of services stand as they are."""
    return text if len(text) < 8 else f"{text[:3]}****{text[-4:]}"


def _listing(row: Row) -> str:
    reasons = ", ".join(sorted({row["test"] or "", *(row["reasons"] or ())} - {""}))
    due = f", due on {row['due_on']}" if row["due_on"] else ""
    cites = f", citing {row['human_decision']}" if row["human_decision"] else ""
    return f"{row['measure']} for {reasons or 'no reason'}{due}{cites}"


def _no_listing(rows: Rows) -> str:
    left = sorted({f"released on {row['released_on']} for {row['release_reason']}" for row in rows})
    return f"it is not listed{f' ({left[-1]})' if left else ''}"


def _record(item: Quarantined) -> str:
    part = f", element {item.element}" if item.element is not None else ""
    unnamed = _UNNAMED.fullmatch(item.record_id or "")
    name = int(unnamed[1]) + 1 if unnamed else item.record_id
    return f"{f'record {name}' if name else 'a record'} of {item.feed}{part}"


def _by(what: str | None) -> str:
    return f" ({what})" if what else ""


def end_of(on: date) -> datetime:
    """The end of that business date: tonight is the last moment before it."""
    return datetime(on.year, on.month, on.day, tzinfo=SHANGHAI).astimezone(UTC) + timedelta(days=1)
