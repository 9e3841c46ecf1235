"""What the oracle speaks of: identifiers and tenures as values, moments, deliveries, and the tables of one night."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

SHANGHAI = ZoneInfo("Asia/Shanghai")
UTC = ZoneInfo("UTC")
DAY = timedelta(days=1)

DOCUMENTS = ("national_id", "uscc", "passport", "other_document")
ACCOUNTS = ("bank_account", "bank_card", "payment_account", "internet_account")
OFFENDING = ("offender", "payee", "site")
SPARING = ("victim", "impersonated")
MEASURES = ("verify", "restrict", "suspend", "close")


class Identifier(NamedTuple):
    """Equal to the plain tuple `(type, value)`. A case is `("case", case_id)`."""

    type: str
    value: str


class Tenure(NamedTuple):
    """Equal to the plain tuple `(phone value, tenure_from or None)`."""

    phone: str
    tenure_from: datetime | None


Node = Identifier | Tenure
Moment = tuple[datetime, bool]  # with True it stands for the whole day that begins there
Interval = tuple[datetime | None, datetime | None]  # half-open; None is open
Lineage = tuple[Any, ...]  # ("case", case_id), ("list", name, node) or (agency, claim, node)
NodeId = Callable[[Node], int]


def as_identifier(value: Any) -> Identifier | None:
    """A label's value as the caller gives it, `(type, value)` or None."""
    return None if value is None else Identifier(*value)


def as_moment(value: Any) -> Moment:
    """A moment column as the caller gives it: `(datetime, is_day)`, or a datetime alone."""
    return (value, False) if isinstance(value, datetime) else (value[0], bool(value[1]))


def type_of(node: Node) -> str:
    return "phone" if isinstance(node, Tenure) else node.type


def midnight(on: date) -> datetime:
    """00:00 of a business date ("a business date is a date in Asia/Shanghai", times in UTC)."""
    return datetime(on.year, on.month, on.day, tzinfo=SHANGHAI).astimezone(UTC)


def tonight(on: date) -> datetime:
    """0007: "the last moment of the business date in Asia/Shanghai"."""
    return midnight(on + DAY) - timedelta(microseconds=1)


def last_of(moment: Moment) -> datetime:
    """The last instant that a moment may mean: itself, or the end of its day."""
    return moment[0] + DAY - timedelta(microseconds=1) if moment[1] else moment[0]


def holds(interval: Interval, at: datetime) -> bool:
    """ "intervals are half-open"."""
    start, end = interval
    return (start is None or start <= at) and (end is None or at < end)


def overlap(a: Interval, b: Interval) -> Interval | None:
    """The time that both hold, if there is any."""
    starts = [one for one in (a[0], b[0]) if one is not None]
    ends = [one for one in (a[1], b[1]) if one is not None]
    start, end = max(starts, default=None), min(ends, default=None)
    return None if start is not None and end is not None and start >= end else (start, end)


def touches(interval: Interval, moment: Moment) -> bool:
    """ "A moment that a feed gives as a date stands for that whole day"."""
    if not moment[1]:
        return holds(interval, moment[0])
    return overlap(interval, (moment[0], moment[0] + DAY)) is not None


def earliest(*ends: datetime | None) -> datetime | None:
    """The least of some ends, of which None is open."""
    return min((end for end in ends if end is not None), default=None)


TOPICS = {"person": "person", "control": "control", "subscription_fraud": "subscription", "site": "site"}


def lineage_text(lineage: Lineage, node_id: NodeId) -> str:
    """A lineage by the product's name."""
    agency, *rest = lineage
    if agency == "case":
        return f"case:{rest[0]}"
    if agency == "list":
        return f"public:{rest[0]}:{node_id(rest[1])}"
    what, node = rest
    if what in TOPICS:
        return f"{agency}:{TOPICS[what]}:{node_id(node)}"
    if what.startswith(("line_", "transfer_")):
        topic, indicator = what.split("_", 1)
        return f"{agency}:{topic}:{indicator}:{node_id(node)}"
    return f"public:{agency}/{what}:{node_id(node)}"


@dataclass
class Delivery:
    """One delivery that was taken, with its good records.

    A record is a dict: record_id, op, recorded_at, `line` (and `file`), the feed's columns, and its identifiers under
    the labels of the contract. For a label L that is a url or domain, `L_host` is its host (an identifier) and
    `L_registrable` its registrable domain, where it is another one. `frees_only`: the record is in quarantine, but
    frees ("What frees a person takes effect"). `present` names the quarantined rows of a snapshot ("A quarantined row
    counts as present").
    """

    feed: str
    delivery_id: str
    sequence: int
    mode: str
    produced_at: datetime
    business_date: date
    records: list[dict[str, Any]]
    present: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Support:
    """One record behind an edge, with its own times. A transfer's is a moment: its start, and whether only its day is
    known.
    """

    feed: str
    record_id: str
    valid_from: datetime | None
    valid_to: datetime | None
    is_day: bool = False

    @property
    def interval(self) -> Interval:
        return (self.valid_from, self.valid_to)


@dataclass
class Edge:
    """One row of graph.edges."""

    kind: str
    src: Node
    dst: Node
    support: list[Support]
    first_known_on: date
    live: bool = False

    @property
    def hull(self) -> Interval:
        """ "the hull is only what the row shows"."""
        starts = [one.valid_from for one in self.support]
        ends = [one.valid_to for one in self.support]
        return (
            None if None in starts else min(one for one in starts if one is not None),
            None if None in ends else max(one for one in ends if one is not None),
        )


@dataclass
class TenureRow:
    """One tenure: its end, its holders (two only when two documents were activated at the same instant)."""

    node: Tenure
    to: datetime | None
    holders: tuple[Identifier, ...]
    implicit: bool
    fraud_ended_at: datetime | None = None
    carrier: str | None = None

    @property
    def interval(self) -> Interval:
        return (self.node.tenure_from, self.to)


@dataclass(frozen=True)
class Signal:
    """One row of graph.signals. An ended one (withdrawn, unfounded, released, cleared) is no row; an expired one is,
    not live.
    """

    node: Node
    kind: str
    strength: float
    standard: str
    agency: str
    lineage: Lineage
    occurred: Moment
    expires_at: datetime
    known_at: datetime
    first_known_at: datetime
    feed: str
    record_id: str
    authority_level: str | None = None
    case_id: str | None = None
    role: str | None = None
    is_public: bool = False
    live: bool = True
    own_lineage: Lineage | None = None  # of a control that joined its case by date

    @property
    def own(self) -> Lineage:
        """Its lineage by itself: "a control that had joined the case by its date then stands for itself"."""
        return self.own_lineage or self.lineage


class Step(NamedTuple):
    """One edge of a path as it was walked."""

    kind: str
    src: Node
    dst: Node


@dataclass
class Influence:
    """What one lineage does to one node, by its best path."""

    influence: float
    path: tuple[Step, ...]
    signal: Signal
    standard: str  # best standard of a signal of the lineage that reaches the node
    agency: str
    last_edge_live: bool
    by_own_party_finding: bool
    is_public: bool

    @property
    def n_edges(self) -> int:
        return len(self.path)


@dataclass
class Listing:
    """One listing. `due_from`: the night that first carried it to be verified. `tenures`: by which the Article 22
    rule found it.
    """

    listing_id: str
    node: Node
    measure: str
    test: str
    reasons: tuple[str, ...]
    lineages: frozenset[Lineage]
    listed_on: date
    measured_on: date
    expires_on: date
    due_on: date | None = None
    status: str = "active"
    released_on: date | None = None
    release_reason: str | None = None
    outcome: str | None = None
    tenures: frozenset[Tenure] = frozenset()
    agencies: tuple[str, ...] = ()
    cites: tuple[str, ...] = ()
    administrator: str | None = None
    score: float = 0.0
    due_from: date | None = None
    holders: tuple[Identifier, ...] = ()  # of a tenure, to follow it when its start is corrected
    known_holders: tuple[Identifier, ...] = ()  # those that a subscription names
    name: str | None = None  # the id that the system under test gave it
    party: Node | None = None
    ring: Node | None = None
    issuer: str | None = None
    legal_basis: str = ""
    deciding_body: str = ""
    way: tuple[str, ...] = ()  # edge kinds of the path that explains it
    findings: frozenset[str] = frozenset()  # on a person or company: kinds of what was found
    told: tuple[Any, ...] = ()  # what was last published of it

    def published(self) -> tuple[Any, ...]:
        """ "CHANGE when a published column changes": what a release says of it, sentences by what they are made of."""
        start = self.node.tenure_from if isinstance(self.node, Tenure) else None
        sentence = (self.agencies, self.way, self.findings)
        return (
            start, self.measure, self.test, self.reasons, sentence, self.issuer, self.administrator, self.legal_basis, self.deciding_body,
            frozenset(self.cites), self.due_on, self.expires_on, self.outcome,
        )  # fmt: skip


@dataclass
class Proposal:
    node: Node
    measure: str
    lineages: frozenset[Lineage]
    opened_on: date
    due_on: date
    status: str = "open"  # open, decided, turned_down or withdrawn
    decided_on: date | None = None
    decision_ref: str | None = None
    n_renewed: int = 0


@dataclass(frozen=True)
class Clearance:
    """One node cleared: of `lineages`, or of every lineage known by `known_until`."""

    node: Node
    by: str  # appeal, outcome or proposal
    scope: str  # all, association or proposal
    ref: str
    lineages: frozenset[Lineage] | None
    known_until: datetime | None = None
    cleared_at: datetime | None = None


class Review(NamedTuple):
    """One row for a human. `node` is None when nothing can be named."""

    node: Node | None
    reason: str
    source: str


class Event(NamedTuple):
    event: str  # ADD, CHANGE or RELEASE
    node: Node
    measure: str
    reason: str


class Change(NamedTuple):
    """One row of graph.lineage of a night: what became of an id, and where its members are now."""

    what: str  # party or ring
    event: str  # NEW, MERGE, SPLIT or RETIRE
    of: Node
    into: Node | None


@dataclass
class State:
    """What the tables must hold after a night."""

    on: date
    tenures: dict[Tenure, TenureRow]
    edges: dict[tuple[str, Node, Node], Edge]
    shared: dict[tuple[Node, str, str], tuple[int, int, bool]]  # (n_live, bound, is_shared), those ever near the bound
    contested: dict[Node, set[Identifier]]  # all documents whose times overlap with the newest one's, it included
    parties: dict[Node, tuple[Node, str]]  # (the document or the anchor, kind)
    rings: dict[Node, frozenset[Node]]  # the anchor -> party keys
    lineage: set[Change]
    signals: list[Signal]
    spared: dict[str, set[Node]]  # case_id -> nodes
    influences: dict[tuple[Node, Lineage], Influence]
    scores: dict[Node, float]
    listings: list[Listing]
    leads: dict[Node, set[str]]
    proposals: list[Proposal]
    clearances: list[Clearance]
    for_review: set[Review]
    events: list[Event]
    protected: set[Node]

    def active(self, node: Node) -> Listing | None:
        return next((one for one in self.listings if one.node == node and one.status == "active"), None)

    def score(self, node: Node) -> float:
        return self.scores.get(node, 0.0)

    def party(self, node: Node) -> Node:
        return self.parties[node][0]


def by_repr(items: Iterable[Any]) -> list[Any]:
    """A total order over nodes or lineages of any kind, where the documents ask for none."""
    return sorted(items, key=repr)
