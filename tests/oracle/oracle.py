"""The oracle: plays nights and says what the tables must hold. It remembers only what the documents say is
remembered.
"""

from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from jobs.core.contracts import CodeList, Feed, load_codes, load_contracts
from jobs.policy import Policy, load_policy
from tests.oracle.claims import LINES, Cases, Claims, find_spared, first_known
from tests.oracle.edges import Accounts, Edges
from tests.oracle.guard import Guard
from tests.oracle.listing import (
    ARTICLE_22,
    DECISION,
    OVERDUE,
    PROPOSED,
    Asked,
    Candidate,
    Decision,
    Night,
    is_cleared,
    rank_of,
)
from tests.oracle.model import (
    DAY,
    DOCUMENTS,
    Change,
    Clearance,
    Delivery,
    Event,
    Identifier,
    Lineage,
    Listing,
    Moment,
    Node,
    NodeId,
    Proposal,
    Review,
    State,
    Tenure,
    as_identifier,
    as_moment,
    by_repr,
    last_of,
    midnight,
    tonight,
    type_of,
)
from tests.oracle.numbers import Numbers
from tests.oracle.parties import Parties, Sharing, find_rings, find_shared, trace_ids
from tests.oracle.score import Reach, find_influences, find_scores
from tests.oracle.standing import Bronze, Version

APPEALS = "public_security/appeal_decisions"
REVIEWS = "public_security/review_decisions"
SCOPED = ("bank_account", "payment_account", "internet_account", "crypto_wallet")
OUTCOMES = ("finance/measure_outcomes", "internet/measure_outcomes", "telecom/measure_outcomes")
FREEING = ("verified_clean", "rectified")
Key = tuple[str, str]  # feed, record_id
Since = dict[Tenure, list[Tenure]]
"""Of tenures named while nobody was known to hold them, who is known since to have held them."""


@dataclass
class Answer:
    """A decision or outcome as it was understood in the night that took it."""

    version: tuple[Any, ...]
    nodes: tuple[Node, ...]
    holders: dict[Node, tuple[Identifier, ...]]
    listing: Listing | None = None
    applies: bool = False  # to a `verify` or overdue `restrict` listing
    lineages: frozenset[Lineage] = frozenset()
    tenures: frozenset[Tenure] = frozenset()
    review: Review | None = None
    told_of: Listing | None = None  # the listing that the row for a human is about
    by_moment: bool = False  # no tenure of the number was listed: "it attaches to the tenure that holds that moment"

    def for_a_human(self, node: Node | None = None) -> set[Review]:
        """The row for a human; of an outcome with the node where its listing's is tonight: outcomes "move with their tenure"."""
        if self.review is None:
            return set()
        return {self.review if node is None else self.review._replace(node=node)}


@dataclass
class Memory:
    """What one night leaves to the next: shared marks, listings, proposals, and how each decision, appeal and outcome
    was understood.
    """

    shared: set[tuple[Node, str, str]] = field(default_factory=set)
    listings: list[Listing] = field(default_factory=list)
    proposals: list[Proposal] = field(default_factory=list)
    heard: dict[tuple[Any, ...], tuple[int, Answer]] = field(
        default_factory=dict
    )  # of each version of a decision, and which was heard first
    answers: dict[Key, Answer] = field(default_factory=dict)  # of each outcome
    decisions: dict[Key, Decision] = field(default_factory=dict)
    decided: dict[Key, tuple[Any, ...]] = field(default_factory=dict)  # the version that was looked at
    undecided: dict[Key, Review] = field(default_factory=dict)
    blocks: list[tuple[Node, str, frozenset[Lineage]]] = field(default_factory=list)  # after `term_ended`
    aliases: dict[str, Listing] = field(default_factory=dict)
    named: dict[Tenure, tuple[tuple[Identifier, ...], date]] = field(default_factory=dict)
    """Tenures that something in force named, with whose each was and the last night that named it."""
    parties: dict[Node, Node] = field(default_factory=dict)  # last night's member -> id
    rings: dict[Node, Node] = field(default_factory=dict)


class Oracle:
    """Plays nights. `recipients`: the parsed files of schemas/recipients by id. `protected`: the groups of
    schemas/policy/protected.yml.

    `node_id` is asked only for ties that the documents break by node id.
    """

    def __init__(
        self,
        policy: Policy,
        codes: dict[str, CodeList],
        recipients: dict[str, dict[str, Any]],
        node_id: NodeId,
        *,
        contracts: dict[str, Feed] | None = None,
        protected: list[dict[str, Any]] | None = None,
    ) -> None:
        self.policy = policy
        self.codes = codes
        self.recipients = recipients
        self.node_id = node_id
        self.contracts = contracts or {}
        self.protected = protected or []
        self.ranks = {code: attributes["rank"] for code, attributes in codes["authority_levels"].codes.items()}
        self.bronze = Bronze()
        self.memory = Memory()

    @classmethod
    def load(cls, schemas: Path, node_id: NodeId, policy: str = "default") -> "Oracle":
        """An oracle of the repository's own policy, codes, contracts, recipients and protected identifiers."""

        def read(path: Path) -> Any:
            return yaml.safe_load(path.read_text(encoding="utf-8"))

        recipients = {one["id"]: one for one in map(read, sorted((schemas / "recipients").glob("*.yml")))}
        return cls(
            load_policy(schemas, policy),
            load_codes(schemas),
            recipients,
            node_id,
            contracts=load_contracts(schemas),
            protected=read(schemas / "policy" / "protected.yml")["groups"],
        )

    def name_listing(self, node: Node, listing_id: str) -> None:
        """Lets feeds speak of the newest listing of a node by another id (that of the system under test)."""
        of_node = [one for one in self.memory.listings if one.node == node]
        self.memory.aliases[listing_id] = of_node[-1]
        of_node[-1].name = of_node[-1].name or listing_id

    # -- one night

    def night(self, on: date, deliveries: list[Delivery]) -> State:
        """Takes the deliveries and returns what the tables must hold at the end of the night."""
        for delivery in deliveries:
            self.bronze.take(delivery)
        now = tonight(on)
        bronze, policy = self.bronze, self.policy
        guard = Guard(self.protected, bronze)
        numbers = Numbers(bronze.standing("telecom/subscriptions"), policy, now)
        accounts = Accounts(bronze, numbers, now)
        cases = Cases(bronze, self.ranks)
        builder = Edges(bronze, numbers, accounts, guard, policy)
        builder.add_cases(cases.newest, cases.unfounded)
        edges = builder.settle(now)
        shared = find_shared(edges, policy, self.memory.shared)
        self.memory.shared = {key for key, (_, _, is_shared) in shared.items() if is_shared}
        sharing = Sharing(shared)
        first_seen = self._first_seen()
        nodes = self._nodes(numbers, cases, first_seen)
        parties = Parties(nodes, edges, sharing, numbers, self.node_id, lambda node: first_seen[_named(node)])
        spared = find_spared(cases, bronze, numbers, parties)
        claims = Claims(bronze, cases, numbers, guard, spared, policy, self.contracts, self.codes, now)
        known = first_known(claims.signals, bronze)

        since = self._follow(on, numbers)
        fresh_appeals = self._take_appeals(numbers)
        fresh_outcomes = self._take_outcomes(on, numbers, accounts)
        clearances = self._clearances(numbers, since)

        def cleared(node: Node, lineage: Lineage, direct: bool, since: datetime) -> bool:
            return is_cleared(clearances, known, node, lineage, direct, since)

        reach = Reach(edges, sharing, guard, spared, cleared, policy, now)
        influences = find_influences(claims.signals, reach, parties, cases, policy, self.ranks, self.node_id)
        scores = find_scores(influences)
        rings = find_rings(edges, sharing, parties, scores, policy.measures.lead)
        night = Night(
            on,
            now,
            policy,
            self.ranks,
            numbers,
            accounts,
            guard,
            cases,
            edges,
            parties,
            spared,
            claims.signals,
            influences,
            scores,
            clearances,
            known,
            {party: ring for ring, members in rings.items() for party in members},
            self.node_id,
        )
        night.reviews |= claims.reviews
        self._outcomes_in_force(night, since)
        self._take_decisions(night)
        in_force = self._decisions_in_force(night)
        self._propose(night, in_force)
        events = self._list(night, in_force, fresh_appeals, fresh_outcomes)
        self._name_tenures(on, numbers, night)
        night.reviews |= {Review(one.node, "proposal", "") for one in self.memory.proposals if one.status == "open"}
        night.reviews |= self._undecided(numbers)
        for version in self._outcomes():
            answer = self.memory.answers[(version.feed, version.record_id)]
            of, acted = answer.told_of, as_moment(version["acted_at"])
            told_of = moved(of.node, of.known_holders, acted, numbers) if of is not None else None
            night.reviews |= answer.for_a_human(told_of)
        night.reviews |= {review for one in self._appeals() for review in self._heard(one).for_a_human()}
        night.reviews |= self._unplaced(numbers)
        return State(
            on=on,
            tenures={**numbers.rows, **numbers.implicit},
            edges=edges,
            shared=shared,
            contested=parties.contested,
            parties=parties.of,
            rings=rings,
            lineage=self._trace(parties, rings),
            signals=claims.signals,
            spared=spared,
            influences=influences,
            scores=scores,
            listings=[replace(one) for one in self.memory.listings],
            leads=self._leads(night, shared),
            proposals=[replace(one) for one in self.memory.proposals],
            clearances=[*clearances, *self._turned_down()],
            for_review=night.reviews,
            events=events,
            protected={node for node in nodes if guard.reason(node) is not None}
            | {one.node for one in claims.reviews if one.reason == "protected_identifier" and one.node is not None},
        )

    # -- nodes

    def _nodes(self, numbers: Numbers, cases: Cases, first_seen: dict[Identifier, date]) -> set[Node]:
        """ "A node is an identifier", whatever became of the records that named it; in place of a phone its tenures: the
        known ones, and implicit ones that a record which stands refers to ("It attaches to the tenure that holds that
        moment").
        """
        references = [(one["phone"], (one["window_start"], False)) for one in self.bronze.newest(LINES)]
        for version in cases.newest:
            if not cases.unfounded[version["case_id"]]:
                references += [(one["identifier"], version["occurred_at"]) for one in version["involved"] or []]
        for feed in self.contracts.values():
            for claim in feed.signals:
                references += [
                    (one[claim.identifier], as_moment(one[claim.from_])) for one in self.bronze.newest(feed.id)
                ]
        for named, moment in references:
            identifier = as_identifier(named)
            if identifier is not None and identifier.type == "phone":
                numbers.attach(identifier.value, as_moment(moment))
        return {one for one in first_seen if one.type != "phone"} | set(numbers.rows) | set(numbers.implicit)

    def _trace(self, parties: Parties, rings: dict[Node, frozenset[Node]]) -> set[Change]:
        """What became of the ids of last night's parties and rings."""
        of_parties = {node: party for node, (party, _) in parties.of.items()}
        of_rings = {party: ring for ring, members in rings.items() for party in members}
        found = trace_ids("party", self.memory.parties, of_parties, self.node_id)
        found |= trace_ids("ring", self.memory.rings, of_rings, self.node_id)
        self.memory.parties, self.memory.rings = of_parties, of_rings
        return found

    def _first_seen(self) -> dict[Identifier, date]:
        """ "first_seen_on: least business date of the deliveries that name it"."""
        seen: dict[Identifier, date] = {}

        def walk(value: Any, on: date) -> None:
            if isinstance(value, tuple) and len(value) == 2 and all(isinstance(one, str) for one in value):
                seen[Identifier(*value)] = min(on, seen.get(Identifier(*value), on))
            elif isinstance(value, dict):
                for one in value.values():
                    walk(one, on)
            elif isinstance(value, list):
                for one in value:
                    walk(one, on)

        for feed in self.bronze.feeds():
            for delivery in self.bronze.deliveries(feed):
                for record in delivery.records:
                    if not record.get("frees_only"):  # "a quarantined version changes nothing"
                        walk(record, delivery.business_date)
        return seen

    # -- appeals and outcomes

    def _find_listing(self, listing_id: str | None) -> Listing | None:
        if not listing_id:
            return None
        own = next((one for one in self.memory.listings if one.listing_id == listing_id), None)
        return own or self.memory.aliases.get(listing_id)

    def _subject(self, version: Version, numbers: Numbers) -> tuple[tuple[Node, ...], Review | None]:
        """ "For a phone, both attach to the tenure of `listing_id`; without it to the only tenure of the number that
        was ever listed; where several were, or the identifier is not the listing's, to none, and it is a row for a
        human."
        """
        subject = as_identifier(version["subject"])
        source = f"{version.feed}#{version.record_id}"
        listing = self._find_listing(version["listing_id"])
        if subject is None:
            return ((listing.node,), None) if listing else ((), Review(None, "names_nobody", source))
        is_sim = subject.type in ("imsi", "iccid")
        ever = numbers.ever_served(subject) if is_sim else set()
        if listing is not None:
            of_listing = Identifier("phone", listing.node.phone) if isinstance(listing.node, Tenure) else listing.node
            if subject != of_listing and listing.node not in ever:
                return (), Review(subject, "identifier_is_not_the_listings", source)
            return (listing.node,), None
        decided = _decided_at(version)
        if subject.type == "phone" or is_sim:
            listed = {
                one.node
                for one in self.memory.listings
                if isinstance(one.node, Tenure) and (one.node.phone == subject.value or one.node in ever)
            }
            if len(listed) > 1:
                return (), Review(subject, "several_tenures_were_listed", source)
            if listed:
                return (next(iter(listed)),), None
            if is_sim:
                served = numbers.served(subject, decided)
                return ((served or subject,), None)
            node = numbers.attach(subject.value, decided)  # "`decided_at` last"
            return ((node,), None) if node else ((), Review(subject, "two_tenures_when_decided", source))
        return (subject,), None

    def _names_a_sim(self, version: Version) -> bool:
        """Who is cleared by a SIM is cleared of what is said of the SIM itself too."""
        subject = as_identifier(version["subject"])
        return subject is not None and subject.type in ("imsi", "iccid") and bool(self._heard(version).nodes)

    def _is_by_moment(self, version: Version) -> bool:
        """Whether neither a listing nor a tenure that was ever listed says which tenure an appeal is about."""
        subject = as_identifier(version["subject"])
        return subject is not None and not (
            self._find_listing(version["listing_id"])
            or any(isinstance(one.node, Tenure) and one.node.phone == subject.value for one in self.memory.listings)
        )

    def _holders(self, nodes: tuple[Node, ...], numbers: Numbers) -> dict[Node, tuple[Identifier, ...]]:
        """Whose each tenure is; of one that is no more, whose it was when it was listed."""
        listed = {one.node: one.known_holders for one in self.memory.listings}
        found = {}
        for node in nodes:
            if isinstance(node, Tenure):
                found[node] = numbers.rows[node].holders if node in numbers.rows else listed.get(node, ())
        return found

    def _appeals(self) -> list[Version]:
        return [one for one in self.bronze.newest_or_freeing(APPEALS) if one["outcome"] == "upheld"]

    def _said(self, feed: str) -> list[Version]:
        """Every version of a decision that stands, newest of its record or not."""
        good = [one for versions in self.bronze.standing(feed).values() for one in versions]
        return [*good, *self.bronze.freeing(feed)]

    def _hear(self, feed: str, numbers: Numbers) -> list[tuple[Any, ...]]:
        """Understands each decision once, in the night that took it. What is new tonight."""
        fresh = [(feed, one.record_id, one.key) for one in self._said(feed)]
        fresh = [name for name in fresh if name not in self.memory.heard]
        for version in self._said(feed):
            name = (feed, version.record_id, version.key)
            if name in fresh:
                nodes, review = self._subject(version, numbers)
                answer = Answer(version.key, nodes, self._holders(nodes, numbers), review=review)
                answer.by_moment = self._is_by_moment(version)
                self.memory.heard[name] = (len(self.memory.heard), answer)
        return fresh

    def _heard(self, version: Version) -> Answer:
        """What the decision is of: 0007, "Said again, it is of whom it was"."""
        same = [
            self.memory.heard[(one.feed, one.record_id, one.key)]
            for one in self._said(version.feed)
            if one.record_id == version.record_id
            and (one["listing_id"], one["subject"]) == (version["listing_id"], version["subject"])
        ]
        return min(same, key=lambda one: one[0])[1]

    def _take_appeals(self, numbers: Numbers) -> dict[Node, str]:
        """Upheld appeals that came tonight: node -> reference."""
        new, fresh = self._hear(APPEALS, numbers), {}
        for version in self._appeals():
            is_new = (APPEALS, version.record_id, version.key) in new and not self._is_said_again(version, new)
            if is_new and self._counting(version) is version:
                fresh |= dict.fromkeys(self._of(version, numbers), version["decision_ref"])
        return fresh

    def _is_said_again(self, version: Version, new: list[tuple[Any, ...]]) -> bool:
        """Whether a version that came before says the same: it lifted what was listed then."""
        said = ("listing_id", "subject", "outcome", "decided_at")
        return any(
            one.record_id == version.record_id
            and (APPEALS, one.record_id, one.key) not in new
            and all(one[name] == version[name] for name in said)
            for one in self._said(APPEALS)
        )

    def _counting(self, version: Version) -> Version:
        """0007: an appeal's version that attaches to nothing takes back nothing; a dismissal does."""
        if version.frees_only or self._heard(version).nodes:
            return version
        for earlier in reversed(self.bronze.standing(APPEALS)[version.record_id]):
            if earlier["outcome"] != "upheld":
                break
            if self._heard(earlier).nodes:
                return earlier
        return version

    def _of(self, version: Version, numbers: Numbers) -> list[Node]:
        """The nodes of a decision, where they are tonight."""
        answer = self._heard(version)
        return [self._moved(node, answer, _decided_at(version), numbers) for node in answer.nodes]

    def _outcomes(self) -> list[Version]:
        return sorted((one for feed in OUTCOMES for one in self.bronze.newest(feed)), key=lambda one: one.key)

    def _take_outcomes(self, on: date, numbers: Numbers, accounts: Accounts) -> list[tuple[Listing, str]]:
        """Outcomes that came tonight and release: the listing, and why it goes."""
        fresh: list[tuple[Listing, str]] = []
        for listing in (
            self.memory.listings
        ):  # 0007: "who does by what is known tonight; of a released listing who did when it left"
            if listing.status == "active" and isinstance(listing.node, Tenure):
                listing.administrator = self._administrator(listing.node, numbers, accounts) or listing.administrator
        for version in self._outcomes():
            key = (version.feed, version.record_id)
            earlier = self.memory.answers.get(key)
            if earlier is not None and earlier.version == version.key:
                continue
            listing = self._find_listing(version["listing_id"])
            nodes = (listing.node,) if listing is not None else ()
            self.memory.answers[key] = Answer(version.key, nodes, self._holders(nodes, numbers), told_of=listing)
        for version in self._outcomes():
            answer = self.memory.answers[(version.feed, version.record_id)]
            answer.listing = self._listing_answered(version, answer, numbers, accounts)
        for version in self._outcomes():
            answer = self.memory.answers[(version.feed, version.record_id)]
            outcome, source = version["outcome"], f"{version.feed}#{version.record_id}"
            listing = answer.listing
            answer.applies = False
            if listing is None:
                of = answer.told_of.node if answer.told_of is not None else None
                answer.review = Review(of, "outcome_of_another_recipient" if of else "outcome_of_no_listing", source)
                continue
            answer.review = Review(listing.node, "not_ours", source) if outcome == "not_ours" else None
            # it speaks of the listing as it stands: one that a finding closed may come down to `verify` later
            lifts = listing.measure == "verify" or listing.test == OVERDUE
            ends = (
                outcome == "closed" and type_of(listing.node) != "imei"
            )  # a device is every carrier's: one closes it for its part
            answer.applies = ends or (lifts and outcome != "closed")
            answer.lineages, answer.tenures = listing.lineages, listing.tenures
            if outcome in FREEING and not lifts:
                answer.review = Review(listing.node, "outcome_contradicts_measure", source)
            if listing.status != "active" or not answer.applies:
                continue
            if outcome in FREEING:
                fresh.append((listing, "verified"))
                for one in self.memory.proposals:
                    if one.node == listing.node and one.status == "open":
                        one.status, one.decided_on, one.decision_ref = "turned_down", on, version.record_id
            elif ends and version is self._newest_answer(listing):
                fresh.insert(0, (listing, "acted"))  # what was done last says why it goes
        return fresh

    def _newest_answer(self, listing: Listing) -> Version:
        """Of what was answered to a listing, what was done last."""
        mine = [one for one in self._outcomes() if self.memory.answers[(one.feed, one.record_id)].listing is listing]
        return max(mine, key=lambda one: (as_moment(one["acted_at"])[0], one.recorded_at, one["outcome"]))

    def _listing_answered(
        self, version: Version, answer: Answer, numbers: Numbers, accounts: Accounts
    ) -> Listing | None:
        """ "An outcome counts only from the recipient that administers the listing, through its own agency's feed", by what is known
        tonight.
        """
        listing = answer.told_of
        return listing if listing and self._administers(version, listing, numbers, accounts) else None

    def _administers(self, version: Version, listing: Listing, numbers: Numbers, accounts: Accounts) -> bool:
        recipient = self.recipients.get(version["recipient_id"])
        if recipient is None or recipient["agency"] != version.feed.split("/")[0]:
            return False
        if type_of(listing.node) == "imei":  # "devices every carrier"
            return recipient["kind"] == "carrier"
        return listing.administrator == recipient["id"]

    def _administrator(self, node: Node, numbers: Numbers, accounts: Accounts) -> str | None:
        """ "a phone the carrier of its newest subscription; an account its institution or platform; a card the bank
        of its `accounts` record, else of `issuer`; domains and urls the registrar; devices every carrier; documents
        public_security".
        """
        kind = type_of(node)
        scopes = {"phone": "carrier", "internet_account": "platform", "bank_card": "institution_id"}
        scopes |= {"bank_account": "institution_id", "payment_account": "institution_id"}
        wanted = (scopes[kind], self._issuer(node, numbers, accounts)) if kind in scopes else ("types", kind)
        for recipient_id, recipient in sorted(self.recipients.items()):
            administers = recipient.get("administers", {})
            scope = administers.get(wanted[0])
            if wanted[1] is not None and (scope == wanted[1] or (wanted[0] == "types" and wanted[1] in (scope or []))):
                return recipient_id
        return None

    def _issuer(self, node: Node, numbers: Numbers, accounts: Accounts) -> str | None:
        """Carrier, institution or platform: "a card the bank of its `accounts` record, else of `issuer`"."""
        if isinstance(node, Tenure):
            row = numbers.rows.get(node) or numbers.implicit.get(node)
            return row.carrier if row is not None else None
        if ":" in node.value and node.type in SCOPED:
            return node.value.split(":")[0]
        if newest := max(accounts.records.get(node, []), key=lambda one: (one.start, one.newest.key), default=None):
            issuer: str | None = newest.newest["institution_id"]
            return issuer
        for version in reversed(self.bronze.newest("public_security/case_reports")):
            for element in version["involved"] or []:
                if as_identifier(element["identifier"]) == node and element.get("issuer"):
                    return element["issuer"]
        return None

    def _moved(self, node: Node, answer: Answer, at: Moment, numbers: Numbers) -> Node:
        """ "Clearances, decisions and outcomes move with their tenure when `tenure_from` is corrected"; "a late subscription record
        re-attaches what was attached wrongly".
        """
        if answer.by_moment and isinstance(node, Tenure):
            return numbers.attach(node.phone, at) or node
        return moved(node, answer.holders.get(node, ()), at, numbers)

    def _follow(self, on: date, numbers: Numbers) -> Since:
        """ "Clearances, decisions and outcomes move with their tenure when `tenure_from` is corrected"; "`listing_id` is stable for the life of a
        listing". What names a tenure that is no more names that of the same number and holder that starts nearest.
        """
        now: dict[Node, Node] = {}
        since: Since = {}
        for was, (holders, named_on) in self.memory.named.items():
            rows = numbers.of_phone.get(was.phone, [])
            if not holders:
                end = midnight(named_on + DAY)
                since[was] = [
                    row.node
                    for row in rows
                    if row.node.tenure_from is not None
                    and row.node.tenure_from < end
                    and (row.to is None or was.tenure_from is None or row.to > was.tenure_from)
                ]
            elif was not in numbers.rows:  # where his tenure began may now be where his own ends
                mine = [row.node for row in rows if set(row.holders) & set(holders)]
                if mine:
                    now[was] = min(mine, key=lambda node: (_apart(node, was), self.node_id(node)))

        def moved_lineages(lineages: frozenset[Lineage]) -> frozenset[Lineage]:
            return frozenset(tuple(now.get(part, part) for part in lineage) for lineage in lineages)  # type: ignore[call-overload]

        for listing in self.memory.listings:
            listing.node = now.get(listing.node, listing.node)
            listing.lineages = moved_lineages(listing.lineages)
            listing.tenures = frozenset(now.get(one, one) for one in listing.tenures)  # type: ignore[misc]
        for proposal in self.memory.proposals:
            proposal.node, proposal.lineages = now.get(proposal.node, proposal.node), moved_lineages(proposal.lineages)
        for decision in self.memory.decisions.values():
            decision.lineages, decision.direct = moved_lineages(decision.lineages), moved_lineages(decision.direct)
        self.memory.blocks = [
            (now.get(node, node), measure, moved_lineages(spent)) for node, measure, spent in self.memory.blocks
        ]
        first: dict[Node, Proposal] = {}
        for proposal in sorted((one for one in self.memory.proposals if one.status == "open"), key=_opened):
            if first.setdefault(proposal.node, proposal) is not proposal:
                proposal.status, proposal.decided_on = "withdrawn", on
        return since

    def _name_tenures(self, on: date, numbers: Numbers, night: Night) -> None:
        """Keeps whose the tenures are that something names, and when something in force last did."""
        decisions = [(one, not one.lapsed) for one in self._valid_decisions(night)]
        others = [(one, one.status in ("active", "open")) for one in (*self.memory.listings, *self.memory.proposals)]
        for one, in_force in sorted((*decisions, *others), key=lambda named: named[1]):
            named = {one.node, *(part for lineage in one.lineages for part in lineage), *getattr(one, "tenures", ())}
            for tenure in named:
                if isinstance(tenure, Tenure) and (tenure in numbers.rows or tenure in numbers.implicit):
                    _, before = self.memory.named.get(tenure, ((), on))
                    self.memory.named[tenure] = (numbers.row(tenure).holders, on if in_force else before)

    def _clearances(self, numbers: Numbers, since: Since) -> list[Clearance]:
        """What appeals and outcomes that stand clear tonight."""
        found = []
        for version in map(self._counting, self._appeals()):
            decided = _decided_at(version)
            # "every lineage known at `decided_at`; known means `recorded_at`": however late it arrives
            until = last_of(decided)
            heard = self._heard(version)
            named = () if heard.by_moment else heard.nodes  # where no listing says of whom, the moment alone does
            also = {now for was in named for now in since.get(was, ())}  # type: ignore[call-overload]
            itself = {as_identifier(version["subject"])} if self._names_a_sim(version) else set()
            for node in by_repr({*self._of(version, numbers), *also, *itself}):
                found.append(Clearance(node, "appeal", "all", version["decision_ref"], None, until, decided[0]))
        for version in self._outcomes():
            answer = self.memory.answers[(version.feed, version.record_id)]
            if answer.applies and version["outcome"] in FREEING:
                acted = as_moment(version["acted_at"])
                assert answer.listing is not None
                for node in answer.nodes:
                    node = self._moved(node, answer, acted, numbers)
                    ref = answer.listing.name or answer.listing.listing_id
                    also = {now for was in answer.lineages for now in _renamed(was, since)}
                    lineages = answer.lineages | also
                    found.append(Clearance(node, "outcome", "association", ref, lineages, None, acted[0]))
        return found

    def _outcomes_in_force(self, night: Night, since: Since) -> None:
        """ "`restricted`, `suspended` and `closed` are kept as the measure in force and stop the due date"; what was
        closed counts as closed.
        """
        for listing in self.memory.listings:
            listing.outcome = None
        closed_by: dict[Node, datetime] = {}  # when it was last closed
        for version in sorted(
            self._outcomes(), key=lambda one: (as_moment(one["acted_at"])[0], one.recorded_at, one["outcome"])
        ):
            answer = self.memory.answers[(version.feed, version.record_id)]
            if answer.listing is None:
                continue
            answer.listing.outcome = version["outcome"]
            acted = as_moment(version["acted_at"])
            node = self._moved(answer.listing.node, answer, acted, night.numbers)
            if answer.applies and version["outcome"] == "closed":
                night.closed[node] = acted
                closed_by[node] = max(last_of(acted), closed_by.get(node, last_of(acted)))
            if answer.applies and version["outcome"] in FREEING:
                also = {now for was in answer.tenures for now in since.get(was, ())}
                night.asked.append(Asked(node, answer.tenures | also, acted))
        for node, by in closed_by.items():
            if self._shown_open(node, by, night):
                night.reviews.add(Review(node, "closed_but_shown_open", ""))

    @staticmethod
    def _shown_open(node: Node, since: datetime, night: Night) -> bool:
        """ "a feed record of later `recorded_at` that shows it open is a row for a human"."""
        if isinstance(node, Tenure):
            return any(
                one.version.recorded_at > since and (one.end is None or one.end > night.now)
                for one in night.numbers.members.get(node, [])
            )
        return any(
            one.newest.recorded_at > since and (one.closed_at is None or one.closed_at > night.now)
            for one in night.accounts.records.get(node, [])
        )

    # -- decisions and proposals

    def _take_decisions(self, night: Night) -> None:
        """ "A decision rests on the lineages of the proposal that stood when it came; without one, or below the
        authority that its measure needs, it is a row for a human". A lower decision than the one in force needs no
        proposal: it frees.
        """
        self._hear(REVIEWS, night.numbers)
        for version in sorted(self.bronze.newest(REVIEWS), key=lambda one: one.key):
            key = (version.feed, version.record_id)
            if self.memory.decided.get(key) == version.key:
                continue
            self.memory.decided[key] = version.key
            self.memory.undecided.pop(key, None)
            before = self.memory.decisions.pop(key, None)
            nodes, review = self._of(version, night.numbers), self._heard(version).review
            measure, source = version["measure"], f"{version.feed}#{version.record_id}"
            if not nodes:
                assert review is not None
                self.memory.undecided[key] = review
                continue
            node = nodes[-1]
            proposal = next(
                (
                    one
                    for one in self.memory.proposals
                    if one.node == node and (one.status == "open" or one.decided_on == night.on)
                ),
                None,
            )
            valid = [one for one in self._valid_decisions(night) if one.node == node and not one.lapsed]
            standing = valid[0] if valid else None  # "the one in force"
            frees = standing is not None and _decided_rank(measure) < _decided_rank(standing.measure)
            if proposal is None and not frees and (before is None or before.node != node):
                self.memory.undecided[key] = Review(node, "decision_without_proposal", source)
                continue
            needed = self.policy.measures.decision_from.get(measure)
            if needed is not None and self.ranks[version["authority_level"]] < self.ranks[needed]:
                self.memory.undecided[key] = Review(node, "decision_below_authority", source)
                continue
            if proposal is not None:
                lineages = proposal.lineages
                direct = frozenset(
                    lineage
                    for lineage in lineages
                    if any(one.node == node and lineage in (one.lineage, one.own) for one in night.signals)
                )
                proposal.status = "turned_down" if measure == "none" else "decided"
                proposal.decided_on, proposal.decision_ref = night.on, version["decision_ref"]
            elif before is not None and before.node == node:
                lineages, direct = before.lineages, before.direct
            else:
                assert standing is not None
                lineages, direct = standing.lineages, standing.direct
            term = self.policy.measures.terms[measure] if measure != "none" else 0  # type: ignore[index]
            taken_on = before.taken_on if before is not None and before.measure == measure else night.on
            self.memory.decisions[key] = Decision(
                key,
                node,
                self._holders((node,), night.numbers).get(node, ()),
                measure,
                version["decision_ref"],
                version["authority_level"],
                as_moment(version["decided_at"]),
                version.recorded_at,
                lineages,
                direct,
                taken_on,
                taken_on + timedelta(days=term),
                before.lapsed if before is not None and before.measure == measure else False,
            )

    def _unplaced(self, numbers: Numbers) -> set[Review]:
        """Rows for a human of appeals that were of a moment which two tenures touch by what is known tonight."""
        found = set()
        for version in self._appeals():
            heard = self._heard(version)
            tenures = [one for one in heard.nodes if isinstance(one, Tenure)] if heard.by_moment else []
            if any(numbers.attach(one.phone, _decided_at(version)) is None for one in tenures):
                subject = as_identifier(version["subject"])
                found.add(Review(subject, "two_tenures_when_decided", f"{version.feed}#{version.record_id}"))
        return found

    def _undecided(self, numbers: Numbers) -> set[Review]:
        """Rows for a human of the decisions that stand and decided nothing, where their tenures are tonight."""
        found = set()
        for version in self.bronze.newest(REVIEWS):
            review = self.memory.undecided.get((version.feed, version.record_id))
            if review is not None:
                nodes = self._of(version, numbers)
                found.add(review._replace(node=nodes[-1]) if nodes else review)
        return found

    def _valid_decisions(self, night: Night) -> list[Decision]:
        """Of each node the newest decision that counts: "the newest decision on a node replaces the one before"."""
        standing = {(one.feed, one.record_id) for one in self.bronze.newest(REVIEWS)}
        newest: dict[Node, Decision] = {}
        for key, decision in sorted(self.memory.decisions.items()):
            if key not in standing:
                continue
            node = moved(decision.node, decision.holder, decision.decided_at, night.numbers)
            if node != decision.node:
                decision.node = node
            other = newest.get(node)
            order = (decision.decided_at[0], decision.recorded_at, key)
            if other is None or order > (other.decided_at[0], other.recorded_at, other.feed_record):
                newest[node] = decision
        return [one for _, one in sorted(newest.items(), key=repr)]

    def _decisions_in_force(self, night: Night) -> list[Decision]:
        """ "A lapsed decision is not revived"."""
        found = []
        for decision in self._valid_decisions(night):
            if decision.measure == "none":
                continue
            decision.lapsed = decision.lapsed or not night.decision_stands(decision)
            if not decision.lapsed:
                found.append(decision)
        return found

    def _turned_down(self) -> list[Clearance]:
        """ "`none`, and a `verified_clean` on a proposal, turn it down for its lineages". 0007: `rectified` too."""
        found = []
        standing = {(one.feed, one.record_id) for one in self.bronze.newest(REVIEWS)}
        for key, decision in sorted(self.memory.decisions.items()):
            if decision.measure == "none" and key in standing:
                found.append(Clearance(decision.node, "proposal", "proposal", decision.ref, decision.lineages))
        for version in self._outcomes():
            answer = self.memory.answers[(version.feed, version.record_id)]
            listing = answer.listing
            is_on_proposal = listing is not None and PROPOSED in listing.reasons and answer.applies
            if listing is not None and is_on_proposal and version["outcome"] in FREEING:
                found.append(Clearance(listing.node, "proposal", "proposal", listing.listing_id, listing.lineages))
        return found

    def _propose(self, night: Night, in_force: list[Decision]) -> None:
        """ "stands in `blacklist.proposals` until a person decides"; one whose test fails is withdrawn."""
        turned_down: dict[Node, set[Lineage]] = {}
        for clearance in self._turned_down():
            turned_down.setdefault(clearance.node, set()).update(clearance.lineages or ())
        decided = {one.node: one for one in in_force}
        open_ones = {one.node: one for one in self.memory.proposals if one.status == "open"}
        for node in by_repr(set(night.scores) | set(open_ones)):
            passed = night.proposes(node, frozenset(turned_down.get(node, ())))
            proposal = open_ones.get(node)
            decision = decided.get(node)
            # what a person decided is not asked again without a new lineage, nor for no more than was decided
            if (
                passed
                and decision
                and (passed[1] <= decision.lineages or rank_of(passed[0]) <= rank_of(decision.measure))
            ):
                passed = None
            if passed is None:
                if proposal is not None:
                    proposal.status, proposal.decided_on = "withdrawn", night.on
            elif proposal is None:
                due = night.on + timedelta(days=self.policy.measures.human_due_days)
                self.memory.proposals.append(Proposal(node, passed[0], passed[1], night.on, due))
            else:
                proposal.measure, proposal.lineages = passed

    # -- listings

    def _candidates(self, night: Night, in_force: list[Decision]) -> tuple[dict[Node, list[Candidate]], set[Node]]:
        """What each node qualifies for tonight; and those that only lack a live last edge."""
        found: dict[Node, list[Candidate]] = {}
        hands_changed: set[Node] = set()

        def note(node: Node, candidate: Candidate) -> None:
            found.setdefault(node, []).append(candidate)

        for node in by_repr({one.node for one in night.signals}):
            for candidate in night.by_finding(node):
                note(node, candidate)
        for decision in in_force:
            if type_of(decision.node) not in DOCUMENTS:
                note(decision.node, Candidate(decision.measure, DECISION, decision.lineages))
        for node, candidate in by_repr(night.by_article_22(night.involvements(in_force)).items()):
            note(node, candidate)
        for node in by_repr(night.scores):
            candidate, is_stale = night.by_same_holder(node)
            if candidate is not None:
                note(node, candidate)
            if is_stale:
                hands_changed.add(node)
        for proposal in self.memory.proposals:
            if proposal.status == "open":
                note(proposal.node, Candidate("verify", PROPOSED, proposal.lineages))
        return found, hands_changed

    def _unblocked(self, node: Node, candidates: list[Candidate], night: Night) -> list[Candidate]:
        """ "the lineages it stood on do not list it again with the same or a lower measure; a new lineage or a higher
        measure does".
        """
        kept = []
        for candidate in candidates:
            lineages = candidate.lineages
            for blocked, measure, spent in self.memory.blocks:
                if blocked == node and rank_of(candidate.measure) <= rank_of(measure):
                    lineages = lineages - spent
            if lineages:
                kept.append(candidate)
        return kept

    def _list(
        self, night: Night, in_force: list[Decision], appeals: dict[Node, str], outcomes: list[tuple[Listing, str]]
    ) -> list[Event]:
        candidates, hands_changed = self._candidates(night, in_force)
        active = {one.node: one for one in self.memory.listings if one.status == "active"}
        events: list[Event] = []

        def release(listing: Listing, reason: str) -> None:
            listing.status, listing.released_on, listing.release_reason = "released", night.on, reason
            events.append(Event("RELEASE", listing.node, listing.measure, reason))

        for node in by_repr(set(candidates) | set(active)):
            listing = active.get(node)
            why_not = night.why_not(node)
            found = [] if why_not else self._unblocked(node, candidates.get(node, []), night)
            if listing is not None:
                forced = next((reason for one, reason in outcomes if one is listing), None)
                if node in appeals:  # "`upheld` lifts the measure in the same night's release"
                    forced = "appeal_upheld"
                if not forced and why_not == "support_ended" and night.on >= listing.expires_on:
                    why_not = "term_ended"  # of both, what does not come back
                    self.memory.blocks.append((node, listing.measure, listing.lineages))
                if forced or why_not:
                    release(listing, forced or why_not or "")
                    listing = None
                elif not found:
                    ended = night.on >= listing.expires_on
                    if ended:
                        self.memory.blocks.append((node, listing.measure, listing.lineages))
                    reason = "term_ended" if ended else "hands_changed" if node in hands_changed else "support_ended"
                    release(listing, reason)
                    continue
            if not found:
                continue
            if listing is not None:
                found = [*found, *self._overdue(listing, found, night)]
                best = max(rank_of(one.measure) for one in found)
                if night.on >= listing.expires_on and best <= rank_of(listing.measure):
                    proposal = next(
                        (one for one in self.memory.proposals if one.node == node and one.status == "open"), None
                    )
                    if proposal is not None and PROPOSED in listing.reasons:
                        # "one undecided at the end of its term is renewed and counted"
                        proposal.n_renewed += 1
                        proposal.due_on = night.on + timedelta(days=self.policy.measures.human_due_days)
                        listing.measured_on = night.on
                    else:
                        self.memory.blocks.append((node, listing.measure, listing.lineages))
                        release(listing, "term_ended")
                        listing = None
                        found = self._unblocked(node, found, night)
                        found = [one for one in found if one.test != OVERDUE]
                        if not found:
                            continue
            if listing is None:
                listing = Listing(
                    f"oracle-{len(self.memory.listings) + 1}",
                    node,
                    "",
                    "",
                    (),
                    frozenset(),
                    night.on,
                    night.on,
                    night.on,
                )
                self.memory.listings.append(listing)
                self._fill(listing, found, night, in_force)
                events.append(Event("ADD", node, listing.measure, listing.test))
            else:
                self._fill(listing, found, night, in_force)
                if listing.published() != listing.told:
                    events.append(Event("CHANGE", node, listing.measure, listing.test))
            listing.told = listing.published()
        return events

    @staticmethod
    def _overdue(listing: Listing, found: list[Candidate], night: Night) -> list[Candidate]:
        """ "past that with no outcome it becomes `restrict` with reason `verification_overdue`". What was overdue
        when an outcome came stays so.
        """
        if any(rank_of(one.measure) > rank_of("restrict") for one in found):
            return []  # what is suspended or closed is not asked to be verified
        bound = next((one for one in found if one.test == ARTICLE_22), None)
        due_days = night.policy.measures.article_22_due_days
        if bound is None or listing.due_from is None or night.on <= listing.due_from + due_days * DAY:
            return []
        if listing.outcome is not None:  # "past that with no outcome"
            return []
        return [Candidate("restrict", OVERDUE, bound.lineages, bound.tenures)]

    def _fill(self, listing: Listing, found: list[Candidate], night: Night, in_force: list[Decision]) -> None:
        """Sets what the listing says tonight. "A node gets the highest measure whose test it passes; each listing
        carries the test".
        """
        order = ("finding", DECISION, OVERDUE, ARTICLE_22, PROPOSED, "same_holder")
        best = max(found, key=lambda one: (rank_of(one.measure), -order.index(one.test)))
        if listing.measure != best.measure:  # "`expires_on` counts from the night the present measure was first given"
            listing.measured_on = night.on
        listing.measure, listing.test = best.measure, best.test
        listing.reasons = tuple(one for one in order if any(candidate.test == one for candidate in found))
        listing.lineages = frozenset().union(*(one.lineages for one in found))
        listing.tenures = frozenset().union(*(one.tenures for one in found))
        listing.agencies = night.agencies(listing.node, listing.lineages)
        listing.way = night.way(listing.node, listing.lineages, best.test)
        listing.findings = night.findings_told(listing.node)
        listing.deciding_body = self._deciding_body(listing, night, in_force)
        listing.legal_basis = self.policy.legal_basis[type_of(listing.node)].en
        listing.party = night.parties.key(listing.node)
        listing.ring = night.rings.get(listing.party)
        listing.issuer = self._issuer(listing.node, night.numbers, night.accounts)
        listing.score = night.scores.get(listing.node, 0.0)
        listing.expires_on = listing.measured_on + timedelta(days=self.policy.measures.terms[best.measure])
        if isinstance(listing.node, Tenure):
            party = night.parties.key(listing.node)
            behind = (party,) if isinstance(party, Identifier) and party.type in DOCUMENTS else ()
            listing.known_holders = night.numbers.row(listing.node).holders
            listing.holders = listing.known_holders or behind
        listing.administrator = self._administrator(listing.node, night.numbers, night.accounts)
        if listing.outcome is not None:
            listing.due_from = None  # it stops the due date: one that comes after is given anew
        elif ARTICLE_22 in listing.reasons and best.measure == "verify" and listing.due_from is None:
            listing.due_from = night.on
        if ARTICLE_22 not in listing.reasons or best.measure in ("suspend", "close"):
            listing.due_from = None  # what is suspended or closed is not asked to be verified
        listing.due_on = None
        if listing.due_from is not None and listing.outcome is None and best.measure in ("verify", "restrict"):
            listing.due_on = listing.due_from + self.policy.measures.article_22_due_days * DAY
        refs = {one.ref for one in in_force if one.node == listing.node and DECISION in listing.reasons}
        refs |= {f"{one.by} {one.ref}" for one in night.clearances if one.node == listing.node}
        listing.cites = tuple(sorted(refs))

    @staticmethod
    def _deciding_body(listing: Listing, night: Night, in_force: list[Decision]) -> str:
        """Who says the finding, newest first, or took the decision; else nobody but the rule."""
        if listing.test == DECISION:
            level = next(one.authority_level for one in in_force if one.node == listing.node)
        elif listing.test == "finding":
            level = night.newest_finding(listing.node, listing.measure).authority_level or ""
        else:
            return "anti-fraud platform, by rule"
        return f"public_security {level}".strip()

    def _leads(self, night: Night, shared: dict[tuple[Node, str, str], tuple[int, int, bool]]) -> dict[Node, set[str]]:
        """ "score ≥ 0.15, or a lead named in graph.md"; a node that is listed has a higher measure."""
        leads: dict[Node, set[str]] = {}
        for node, score in night.scores.items():
            if score >= self.policy.measures.lead:
                leads.setdefault(node, set()).add("score")
        named = {(one.kind, one.side): one.lead for one in self.policy.shared.bounds if one.lead}
        for (node, kind, side), (_, _, is_shared) in shared.items():
            if is_shared and named.get((kind, side)):
                leads.setdefault(node, set()).add(str(named[(kind, side)]))
        listed = {one.node for one in self.memory.listings if one.status == "active"}
        return {
            node: reasons for node, reasons in leads.items() if node not in listed and night.guard.reason(node) is None
        }


def _named(node: Node) -> Identifier:
    """What names a node: a tenure is named by its number."""
    return Identifier("phone", node.phone) if isinstance(node, Tenure) else node


def _decided_at(version: Version) -> Moment:
    """When it was decided; when it was recorded, where only that can be read of an appeal that frees."""
    return as_moment(version["decided_at"] or version.recorded_at)


def _opened(proposal: Proposal) -> tuple[date, str]:
    return proposal.opened_on, repr(proposal.node)


def _renamed(lineage: Lineage, since: Since) -> list[Lineage]:
    """What a lineage of a tenure that nobody was known to hold is of those who are known since."""
    return [
        tuple(now if part == was else part for part in lineage)
        for was in lineage
        if isinstance(was, Tenure)
        for now in since.get(was, ())
    ]


def _decided_rank(measure: str) -> int:
    return -1 if measure == "none" else rank_of(measure)


def moved(node: Node, holders: tuple[Identifier, ...], at: Moment, numbers: Numbers) -> Node:
    """Where a tenure is tonight that was `node` when something was said of it: the same number and holder, else what
    holds that moment.
    """
    if not isinstance(node, Tenure):
        return node
    rows = numbers.of_phone.get(node.phone, [])
    if node in numbers.rows and (not holders or set(holders) & set(numbers.rows[node].holders)):
        return node
    if holders:
        mine = [row for row in rows if set(holders) & set(row.holders)]
        inside = [row for row in mine if node.tenure_from is not None and touches_from(row.interval, node.tenure_from)]
        if inside or mine:
            start = node.tenure_from
            return min(
                inside or mine,
                key=lambda row: (
                    abs((row.node.tenure_from - start).total_seconds()) if row.node.tenure_from and start else 0
                ),
            ).node
    if node in numbers.rows or (not holders and numbers.is_there(node)):
        return node
    if not holders:  # the moment says whose it was
        return numbers.attach(node.phone, at) or node
    there = numbers.attach(node.phone, at if node.tenure_from is None else (node.tenure_from, False))
    # the number is somebody else's now: what was said of its holder is not said of him; but what nobody is known to hold is still his
    return there if there is not None and there not in numbers.rows else node


def _apart(a: Tenure, b: Tenure) -> float:
    """Seconds between two starts; of one that is open to the left, more than any."""
    both = a.tenure_from and b.tenure_from
    return abs((a.tenure_from - b.tenure_from).total_seconds()) if both else float("inf")  # type: ignore[operator]


def touches_from(interval: tuple[datetime | None, datetime | None], start: datetime) -> bool:
    """Whether a tenure holds the start that it had before."""
    return (interval[0] is None or interval[0] <= start) and (interval[1] is None or start < interval[1])
