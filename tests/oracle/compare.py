"""Row by row: the product's tables against the oracle's state, both as rows over node ids; and differences that a person can read."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Any

import polars as pl

from jobs.graph.intervals import FOREVER
from tests.oracle.lake import MemoryLake
from tests.oracle.model import Delivery, Lineage, Listing, Node, Review, State, Step, Tenure, tonight
from tests.oracle.model import lineage_text as lineage_text_of
from tests.oracle.product import named_in, node_id

Rows = dict[Any, Any]
Views = dict[str, Rows]
LONG_AGO = datetime(1, 1, 1, tzinfo=FOREVER.tzinfo)
REASONS = {
    "spared_party_accused": "victim_named_as_offender", "number_was_displayed": "number_was_spoofed", "two_tenures_on_that_day": "two_tenures_that_day",
    "article_22_spared_party": "victims_account_bound_to_fraud_phone", "not_ours": "recipient_says_not_ours", "proposal": "proposal_to_decide",
    "outcome_of_another_recipient": "outcome_not_by_administrator",
    "outcome_of_no_listing": "outcome_not_by_administrator",
}  # fmt: skip
"""Why a person must look, by the oracle's names and the product's; those that are the same are not here."""
DECISIONS = {
    "names_nobody": "identifier_unreadable", "identifier_is_not_the_listings": "identifier_is_not_the_listings",
    "several_tenures_were_listed": "several_tenures_were_listed", "two_tenures_when_decided": "two_tenures_that_day",
    "decision_without_proposal": "rests_on_nothing", "decision_below_authority": "rests_on_nothing",
    "no_proposal_stood": "rests_on_nothing", "below_the_authority_it_needs": "rests_on_nothing",
}  # fmt: skip
"""Of a decision that decides nothing, why: the product's `detail`. Where it attaches to none it is of what it names; without the authority that it
needs, it may say so or, once the proposal is gone, that none stood."""
BY_RECORD = ("protected_identifier", "victim_named_as_offender", "number_was_spoofed", "two_tenures_that_day", "outcome_not_by_administrator", "outcome_contradicts_measure")  # fmt: skip
"""Rows of which both say by what record; the others are one for a node."""


def _merged(times: Iterable[tuple[datetime | None, datetime | None]]) -> frozenset[tuple[datetime, datetime]]:
    """Stretches that touch or overlap as one."""
    found: list[tuple[datetime, datetime]] = []
    for start, end in sorted((one[0] or LONG_AGO, one[1] or FOREVER) for one in times):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return frozenset(found)


def _supports(kind: str, records: Iterable[tuple[str, str, datetime | None, datetime | None]]) -> Any:
    by_record: dict[tuple[str, str], list[tuple[datetime | None, datetime | None]]] = {}
    for feed, record_id, start, end in records:
        by_record.setdefault((feed, record_id), []).append((start, end))
    if kind == "transfer":
        return frozenset((key, frozenset(times)) for key, times in by_record.items())
    return frozenset((key, _merged(times)) for key, times in by_record.items())


def lineage_text(lineage: Lineage) -> str:
    return lineage_text_of(lineage, node_id)


def _step(step: Step) -> tuple[str, int, int]:
    return step.kind, node_id(step.src), node_id(step.dst)


def of_oracle(state: State) -> Views:
    """What the oracle says the tables hold."""
    edges: Rows = {}
    for (kind, src, dst), edge in state.edges.items():
        support = [
            (
                one.feed,
                one.record_id,
                one.valid_from,
                one.valid_to + timedelta(days=1) if one.is_day and one.valid_to else one.valid_to,
            )
            for one in edge.support
        ]
        starts, ends_at = ([one[place] for one in support] for place in (2, 3))
        hull = (None if None in starts else min(starts), None if None in ends_at else max(ends_at))
        edges[(kind, node_id(src), node_id(dst))] = (
            _supports(kind, support), edge.live and kind != "transfer", hull,
        )  # fmt: skip
    ends = {end for _, *pair in edges for end in pair}
    tenures: Rows = {}
    for node, row in state.tenures.items():
        if not row.implicit or node_id(node) in ends:
            holders = tuple(sorted(node_id(one) for one in row.holders))
            tenures[node_id(node)] = (row.to, holders, row.implicit, row.fraud_ended_at, row.carrier)
    return {
        "tenures": tenures,
        "edges": edges,
        "shared": {(node_id(node), kind, side): n for (node, kind, side), (n, _, is_shared) in state.shared.items() if is_shared},
        "contested": {node_id(node): frozenset(map(node_id, documents)) for node, documents in state.contested.items()},
        "parties": {node_id(node): (node_id(party), kind) for node, (party, kind) in state.parties.items()},
        "signals": _several(
            ((node_id(one.node), one.kind, lineage_text(one.lineage), one.feed, one.record_id, one.role if one.case_id and one.kind.startswith("case") else None), (
                one.strength, one.standard, one.agency, one.occurred[0], one.occurred[1], one.expires_at, one.known_at, one.first_known_at,
                one.authority_level, one.case_id, one.live, one.is_public, lineage_text(one.own),
            ))
            for one in state.signals
        ),
        "spared": {(f"case:{case_id}", node_id(node)): True for case_id, nodes in state.spared.items() for node in nodes},
        "influences": {
            (node_id(node), lineage_text(lineage)): (
                one.influence, one.n_edges, tuple(map(_step, one.path)), one.standard, one.agency, one.by_own_party_finding,
                one.is_public, one.last_edge_live,
            )
            for (node, lineage), one in state.influences.items()
        },
        "scores": {node_id(node): score for node, score in state.scores.items()},
        "rings": {node_id(ring): (frozenset(map(node_id, parties)), len(parties)) for ring, parties in state.rings.items()},
        "lineage": {(one.what, one.event, node_id(one.of)): one.into and node_id(one.into) for one in state.lineage},
        "listings": {
            node_id(one.node): (
                one.measure, one.test, tuple(sorted(one.reasons)), frozenset(map(lineage_text, one.lineages)), frozenset(map(node_id, one.tenures)),
                one.listed_on, one.due_on, one.expires_on, one.administrator, one.issuer, one.legal_basis, one.outcome, one.score,
                one.party and node_id(one.party), one.ring and node_id(one.ring), one.agencies, one.deciding_body, frozenset(one.cites), _named(one, state.on),
            )
            for one in state.listings if one.status == "active"
        },
        "released": {
            (node_id(one.node), one.listed_on, one.released_on): (
                one.measure, one.release_reason, one.outcome if one.released_on == state.on else None, _named(one, state.on),
            )
            for one in state.listings if one.status == "released"
        },
        "leads": {node_id(node): tuple(sorted(reasons)) for node, reasons in state.leads.items()},
        "proposals": {
            node_id(one.node): (one.measure, frozenset(map(lineage_text, one.lineages)), one.opened_on)
            for one in state.proposals if one.status == "open"
        },
        "events": _counted((one.event, node_id(one.node), one.measure, one.reason) for one in state.events),
        "for_review": dict.fromkeys(map(_review_of_oracle, state.for_review), True),
    }  # fmt: skip


def of_product(lake: MemoryLake, on: date) -> Views:
    """What the product's tables hold."""

    def rows(name: str) -> list[dict[str, Any]]:
        return lake.frame(name).to_dicts()

    edges: Rows = {}
    for row in rows("graph.edges"):
        support = [(one["feed"], one["record_id"], one["valid_from"], one["valid_to"]) for one in row["support"]]
        edges[(row["kind"], row["from_id"], row["to_id"])] = (
            _supports(row["kind"], support),
            row["is_live"] and row["kind"] != "transfer",
            (row["valid_from"], row["valid_to"]),
        )
    ends = {end for _, *pair in edges for end in pair}
    active = [one for one in rows("blacklist.listings") if one["status"] == "active"]
    released = [one for one in rows("blacklist.listings") if one["status"] == "released"]
    return {
        "tenures": {
            one["node_id"]: (one["tenure_to"], () if one["holder_id"] is None else (one["holder_id"],), one["is_implicit"], _past(one["fraud_ended_at"], on), one["carrier"])
            for one in rows("graph.tenures") if not one["is_implicit"] or one["node_id"] in ends
        },
        "edges": edges,
        "shared": {(one["node_id"], one["kind"], one["side"]): one["n_live"] for one in rows("graph.shared_identifiers") if one["is_shared"]},
        "contested": {one["node_id"]: frozenset((one["holder_id"], one["other_holder_id"])) for one in rows("graph.contested")},
        "parties": {one["node_id"]: (one["party_id"], one["kind"]) for one in rows("graph.parties")},
        "signals": _several(
            ((one["node_id"], one["kind"].split(":")[1] if one["is_public"] else one["kind"], one["lineage"], one["feed"], one["record_id"], one["role"] if one["kind"].startswith("case") else None), (
                one["strength"], one["standard"], one["agency"], one["occurred_at"], one["occurred_is_day"], one["expires_at"], one["known_at"],
                one["first_known_at"], one["authority_level"], one["case_id"], one["is_live"], one["is_public"], one["own_lineage"],
            ))
            for one in rows("graph.signals")
        ),
        "spared": {(one["lineage"], one["node_id"]): True for one in rows("graph.spared")},
        "influences": {
            (one["node_id"], one["lineage"]): (
                one["influence"], one["n_edges"], tuple((step["kind"], step["from_id"], step["to_id"]) for step in one["path"]), one["standard"],
                one["agency"], one["by_own_party_finding"], one["is_public"], one["last_edge_live"],
            )
            for one in rows("graph.influences")
        },
        "scores": {one["node_id"]: one["score"] for one in rows("graph.scores")},
        "rings": _rings(lake),
        "lineage": {(one["what"], one["event"], one["id"]): one["into_id"] for one in rows("graph.lineage") if one["night_on"] == on},
        "listings": {
            one["node_id"]: (
                one["measure"], one["test"], tuple(sorted(one["reasons"])), frozenset(one["lineages"]), frozenset(one["tenures"]),
                one["listed_on"], one["due_on"], one["expires_on"], one["administrator"], one["issuer"], one["legal_basis"], one["outcome"],
                one["score"], one["party_id"], one["ring_id"], tuple(one["agencies"]), one["deciding_body"],
                frozenset((one["human_decision"] or "").split("; ")) - {""}, one["listing_id"] if one["listed_on"] < on else "new",
            )
            for one in active
        },
        "released": {
            (one["node_id"], one["listed_on"], one["released_on"]): (
                one["measure"], one["release_reason"], one["outcome"] if one["released_on"] == on else None, one["listing_id"],
            )
            for one in released
        },
        "leads": {one["node_id"]: tuple(sorted(one["reasons"])) for one in rows("blacklist.leads")},
        "proposals": {
            one["node_id"]: (one["measure"], frozenset(one["lineages"]), one["opened_on"])
            for one in rows("blacklist.proposals") if one["status"] == "open"
        },
        "events": _counted((one["event"], one["node_id"], one["measure"], one["reason"]) for one in rows("blacklist.events") if one["night_on"] == on),
        "for_review": {_review_of_product(one): True for one in rows("blacklist.for_review") if one["status"] == "open"},
    }  # fmt: skip


def _review_of_oracle(one: Review) -> tuple[str, str | None, int | None]:
    """Why, by what record, and of what node."""
    reason = REASONS.get(one.reason, one.reason)
    if one.reason in DECISIONS:
        return DECISIONS[one.reason], record_name(one.source), node_id(one.node) if one.node else None
    return reason, record_name(one.source) if reason in BY_RECORD else None, node_id(one.node) if one.node else None


def _review_of_product(row: dict[str, Any]) -> tuple[str, str | None, int | None]:
    source, _, detail = row["detail"].partition(": ")
    record = record_name(source.replace(" ", "#"))
    if row["reason"] == "decision_attaches_to_nothing":
        return DECISIONS.get(detail, detail), record, row["node_id"]
    return row["reason"], record if row["reason"] in BY_RECORD else None, row["node_id"]


def record_name(source: str) -> str:
    """A record that is named as `feed#record_id`, so that a row is known to be of its world."""
    return f"record:{source}"


def _named(listing: Listing, on: date) -> str | None:
    """By what id feeds may speak of it: one that the night which listed it gave, for life."""
    return listing.name if listing.listed_on < on else "new"


def _past(at: datetime | None, on: date) -> datetime | None:
    """An end that has come by that night; the table shows one to come, which drives nothing."""
    return at if at is not None and at <= tonight(on) else None


def _several(items: Iterable[tuple[Any, Any]]) -> Rows:
    """Everything that is said under one key: a record may have ended with fraud twice."""
    found: dict[Any, set[Any]] = {}
    for key, value in items:
        found.setdefault(key, set()).add(value)
    return {key: frozenset(values) for key, values in found.items()}


def _counted(items: Iterable[Any]) -> Rows:
    found: Rows = {}
    for one in items:
        found[one] = found.get(one, 0) + 1
    return found


def _rings(lake: MemoryLake) -> Rows:
    members: dict[tuple[int, int], set[int]] = {}
    for row in lake.frame("graph.rings").to_dicts():
        members.setdefault((row["ring_id"], row["n_parties"]), set()).add(row["party_id"])
    return {ring: (frozenset(parties), n_parties) for (ring, n_parties), parties in members.items()}


Differences = dict[str, list[tuple[Any, Any, Any]]]


def differences(state: State, lake: MemoryLake, tables: Iterable[str]) -> Differences:
    """Per table (key, what the oracle says, what the product says); None where one has no such row."""
    return unequal(of_oracle(state), of_product(lake, state.on), tables)


def unequal(theirs: Views, ours: Views, tables: Iterable[str]) -> Differences:
    _level(theirs, ours)
    found = {}
    for table in tables:
        keys = list(dict.fromkeys([*theirs[table], *ours[table]]))
        rows = [(key, theirs[table].get(key), ours[table].get(key)) for key in keys]
        if wrong := [row for row in rows if row[1] != row[2]]:
            found[table] = wrong
    return found


def parts_of(views: Views, worlds: list[set[Any]]) -> list[Views]:
    """Rows by the world that they are of: by any node or case of it that their key or value names."""
    of_name = {name: number for number, names in enumerate(worlds) for name in names}
    found: list[Views] = [{table: {} for table in views} for _ in worlds]
    for table, rows in views.items():
        for key, value in rows.items():
            number = next((of_name[one] for one in _leaves((key, value)) if one in of_name), None)
            if number is not None:
                found[number][table][key] = value
    return found


def _leaves(value: Any) -> Iterable[Any]:
    if isinstance(value, tuple | frozenset):
        for one in value:
            yield from _leaves(one)
    elif isinstance(value, str) and ":" in value:
        yield value
        tail = value.rpartition(":")[2]
        if tail.lstrip("-").isdigit():
            yield int(tail)
    elif value is not None and not isinstance(value, bool):
        yield value


def _level(theirs: Views, ours: Views) -> None:
    """Takes out what the two tables show in different detail: of several holders or rival documents the product names one."""
    for table, place in (("tenures", 1), ("contested", None)):
        for key in theirs[table].keys() & ours[table].keys():
            more, fewer = theirs[table][key], ours[table][key]
            if place is None:
                if fewer <= more:
                    ours[table][key] = more
            elif set(fewer[place]) <= set(more[place]):
                ours[table][key] = (*fewer[:place], more[place], *fewer[place + 1 :])


class Names:
    """Readable names of node ids: of everything that a world's records and tenures name."""

    def __init__(self, deliveries: Iterable[Delivery], state: State) -> None:
        nodes: set[Node] = {one for delivery in deliveries for record in delivery.records for one in named_in(record)}
        nodes |= set(state.tenures) | {end for _, src, dst in state.edges for end in (src, dst)} | set(state.parties)
        nodes |= {one.node for one in state.listings}
        self.of: dict[int, str] = {node_id(node): self._name(node) for node in nodes}

    @staticmethod
    def _name(node: Node) -> str:
        if isinstance(node, Tenure):
            return f"tenure({node.phone}, {node.tenure_from.isoformat() if node.tenure_from else None})"
        return f"{node.type}({node.value})"

    def __call__(self, value: Any) -> str:
        if isinstance(value, bool):
            return str(value)
        if isinstance(value, int) and value in self.of:
            return self.of[value]
        if isinstance(value, datetime):
            return value.isoformat().replace("+00:00", "Z")
        if isinstance(value, date):
            return value.isoformat()
        if isinstance(value, str):
            head, _, tail = value.rpartition(":")
            return f"{head}:{self.of[int(tail)]}" if tail.lstrip("-").isdigit() and int(tail) in self.of else value
        if isinstance(value, frozenset | set):
            return "{" + ", ".join(sorted(map(self, value))) + "}"
        if isinstance(value, tuple | list):
            return "(" + ", ".join(map(self, value)) + ")"
        if isinstance(value, Mapping):
            return "{" + ", ".join(f"{name}: {self(one)}" for name, one in value.items() if one is not None) + "}"
        return str(value)


def told(found: Differences, nights: list[tuple[date, list[Delivery]]], state: State, most: int = 6) -> str:
    """The differences, and everything that the world delivered."""
    name = Names([one for _, taken in nights for one in taken], state)
    lines = [f"\non the night of {state.on} the two differ in {', '.join(found)}:"]
    for table, rows in found.items():
        for key, theirs, ours in rows[:most]:
            lines += [f"  {table} {name(key)}", f"      oracle:  {name(theirs)}", f"      product: {name(ours)}"]
    lines.append("the world:")
    for on, taken in nights:
        lines.append(f"  night {on}")
        for one in taken:
            lines.append(f"    {one.feed} #{one.sequence} {one.mode} business date {one.business_date}")
            for record in one.records:
                shown = {
                    key: value for key, value in record.items() if key not in ("file", "line") and value is not None
                }
                lines.append(f"      {name(_shown(shown))}")
    return "\n".join(lines)


def _shown(value: Any) -> Any:
    """A record with its identifiers as ids, for `Names`."""
    if isinstance(value, dict):
        return {key: _shown(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_shown(one) for one in value]
    return node_id(value) if type(value).__name__ == "Identifier" else value


def table_of(lake: MemoryLake, name: str) -> pl.DataFrame:
    """A table in the order of its key."""
    return lake.frame(name).sort(list(lake.schema(name).key))
