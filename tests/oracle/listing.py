"""From scores to listings (listing.md, Measures and Due process): what one node qualifies for tonight."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from jobs.policy import Policy
from tests.oracle.claims import Cases
from tests.oracle.edges import Accounts
from tests.oracle.guard import Guard
from tests.oracle.model import (
    ACCOUNTS,
    DOCUMENTS,
    MEASURES,
    Clearance,
    Identifier,
    Influence,
    Lineage,
    Moment,
    Node,
    NodeId,
    Review,
    Signal,
    Tenure,
    holds,
    last_of,
    lineage_text,
    type_of,
)
from tests.oracle.numbers import Numbers
from tests.oracle.parties import EdgeMap, Parties

FINDING, DECISION, OVERDUE = "finding", "review_decision", "verification_overdue"
ARTICLE_22, SAME_HOLDER, PROPOSED = "bound_to_fraud_phone", "same_holder", "proposed_for_review"


def rank_of(measure: str) -> int:
    """The ladder: `verify` < `restrict` < `suspend` < `close`."""
    return MEASURES.index(measure)


@dataclass
class Candidate:
    """One test that a node passes tonight, with the lineages that it passes by."""

    measure: str
    test: str
    lineages: frozenset[Lineage]
    tenures: frozenset[Tenure] = frozenset()


@dataclass
class Decision:
    """One review decision that rested on a proposal. `direct`: its lineages with a claim on the node itself when it
    came.
    """

    feed_record: tuple[str, str]
    node: Node
    holder: tuple[Identifier, ...]
    measure: str
    ref: str
    authority_level: str
    decided_at: Moment
    recorded_at: datetime
    lineages: frozenset[Lineage]
    direct: frozenset[Lineage]
    taken_on: Any
    expires_on: Any
    lapsed: bool = False


@dataclass
class Asked:
    """What an accepted outcome says: the Article 22 rule "does not ask again for a case that occurred before
    `acted_at` on the same tenure".
    """

    node: Node
    tenures: frozenset[Tenure]
    acted_at: Moment


@dataclass
class Night:
    """All that the tests of one night look at."""

    on: Any
    now: datetime
    policy: Policy
    ranks: dict[str, int]
    numbers: Numbers
    accounts: Accounts
    guard: Guard
    cases: Cases
    edges: EdgeMap
    parties: Parties
    spared: dict[str, set[Node]]
    signals: list[Signal]
    influences: dict[tuple[Node, Lineage], Influence]
    scores: dict[Node, float]
    clearances: list[Clearance]
    first_known: dict[Lineage, datetime]
    rings: dict[Node, Node]
    node_id: NodeId
    closed: dict[Node, Moment] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    reviews: set[Review] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.of_node: dict[Node, dict[Lineage, Influence]] = defaultdict(dict)
        for (node, lineage), influence in self.influences.items():
            self.of_node[node][lineage] = influence

    # -- who may be listed at all

    def why_not(self, node: Node) -> str | None:
        """ "Only what a recipient can still act on is listed: live tenures, open accounts, domains, urls, wallets,
        devices; a sim is not listed beside it; addresses and mail never". The reason by which it leaves.
        """
        if type_of(node) not in self.policy.legal_basis:
            return "not_listable"
        if self.guard.reason(node) is not None:
            return "protected_identifier"
        if isinstance(node, Tenure):
            known = node in self.numbers.rows or node in self.numbers.implicit
            if not known or not holds(self.numbers.row(node).interval, self.now) or node in self.closed:
                return "tenure_ended" if known else "support_ended"
        elif node in self.closed or (node.type in ACCOUNTS and self.accounts.is_closed(node)):
            return "account_closed"
        return None

    def cleared(self, node: Node, lineage: Lineage, direct: bool, since: datetime | None = None) -> bool:
        """An upheld appeal clears of everything known then; an outcome of what reaches the node "by association or
        the Article 22 rule".
        """
        return is_cleared(self.clearances, self.first_known, node, lineage, direct, since)

    def is_spared(self, node: Node, lineage: Lineage) -> bool:
        return lineage[0] == "case" and node in self.spared.get(lineage[1], ())

    # -- the tests

    def by_finding(self, node: Node) -> list[Candidate]:
        """ "a live `finding` signal on the node itself, authority `city` or higher" is `close`, lower is `suspend`."""
        found: dict[str, set[Lineage]] = defaultdict(set)
        for signal in self.signals:
            if signal.node != node or not signal.live or signal.standard != "finding":
                continue
            is_cleared = self.cleared(node, signal.lineage, True, signal.first_known_at)
            if is_cleared or self.is_spared(node, signal.lineage):
                continue
            high = self.ranks[signal.authority_level or "county"] >= self.ranks[self.policy.measures.finding_close_from]
            found["close" if high else "suspend"].add(signal.lineage)
        return [Candidate(measure, FINDING, frozenset(lineages)) for measure, lineages in found.items()]

    def involvements(self, decisions: list[Decision]) -> dict[Tenure, dict[Lineage, Moment]]:
        """ "A tenure is *fraud-involved* from the earliest of: the `occurred_at` of a direct `finding`, its end with
        reason `fraud`, the `occurred_at` of the earliest direct signal of the lineages behind a decision, while that
        signal or decision lives."

        Kept by lineage, so that an account cleared of one of them is judged by the rest.
        """
        found: dict[Tenure, dict[Lineage, Moment]] = defaultdict(dict)

        def note(tenure: Tenure, lineage: Lineage, moment: Moment, since: datetime | None = None) -> None:
            if self.cleared(tenure, lineage, True, since) or self.is_spared(tenure, lineage):
                return
            found[tenure][lineage] = min(moment, found[tenure].get(lineage, moment))

        for signal in self.signals:
            counts = signal.standard == "finding" or signal.kind == "subscription_fraud"
            if isinstance(signal.node, Tenure) and signal.live and counts:
                note(signal.node, signal.lineage, signal.occurred, signal.first_known_at)
        for decision in decisions:
            direct = [one for one in self.signals if one.node == decision.node and one.lineage in decision.lineages]
            if isinstance(decision.node, Tenure) and direct:
                earliest = min(one.occurred for one in direct)
                for lineage in {one.lineage for one in direct}:
                    note(decision.node, lineage, earliest)
        return found

    def by_article_22(self, involved: dict[Tenure, dict[Lineage, Moment]]) -> dict[Node, Candidate]:
        """ "Every internet account, payment account, bank account or card whose binding to that tenure had not ended
        before that moment, and that is itself still open, is listed `verify`" - shared tenures too, whether or not
        the number still lives.
        """
        lineages: dict[Node, set[Lineage]] = defaultdict(set)
        tenures: dict[Node, set[Tenure]] = defaultdict(set)
        two_years = timedelta(days=self.policy.measures.implicit_tenure_binding_days)
        for (kind, account, tenure), edge in self.edges.items():
            if kind != "bound_phone" or tenure not in involved or self.why_not(account) is not None:
                continue
            assert isinstance(tenure, Tenure)
            implicit = self.numbers.row(tenure).implicit
            for lineage, moment in involved[tenure].items():
                if not any(
                    (one.valid_to is None or one.valid_to >= moment[0])
                    and (not implicit or one.valid_from is None or one.valid_from >= moment[0] - two_years)
                    for one in edge.support
                ):
                    continue
                if self.cleared(account, lineage, False) or self._answered(account, tenure, moment):
                    continue
                if self.is_spared(account, lineage):  # "what the rule would list": nobody looks at what is cleared
                    self.reviews.add(Review(account, "article_22_spared_party", f"{lineage[1]}"))
                    continue
                lineages[account].add(lineage)
                tenures[account].add(tenure)
        return {
            node: Candidate("verify", ARTICLE_22, frozenset(named), frozenset(tenures[node]))
            for node, named in lineages.items()
        }

    def _answered(self, account: Node, tenure: Tenure, moment: Moment) -> bool:
        return any(
            one.node == account and tenure in one.tenures and moment[0] < last_of(one.acted_at) for one in self.asked
        )

    def by_same_holder(self, node: Node) -> tuple[Candidate | None, bool]:
        """ "score ≥ 0.4, to which a live `finding` of `city` or higher on another node of its own party contributes,
        the party being neither contested nor ambiguous"; "needs the last edge of the best path of its strongest
        lineage live tonight" - the second value says that only this is missing (`hands_changed`). Of strongest
        lineages by which it is derived, every one must have a live last edge.
        """
        if type_of(node) in DOCUMENTS:  # "Documents are listed only by a direct `finding`"
            return None, False
        influences = self.of_node.get(node, {})
        derived = [
            one for one in influences.values() if one.by_own_party_finding and not self._walks_an_old_binding(one)
        ]
        settled = self.parties.kind(node) not in ("contested", "ambiguous") and node not in self.parties.contested
        if not derived or not settled or self.scores[node] < self.policy.measures.same_holder.score:
            return None, False
        strongest = max(one.influence for one in derived)
        if not all(one.last_edge_live for one in derived if one.influence == strongest):
            return None, True
        return Candidate("verify", SAME_HOLDER, frozenset(influences)), False

    def _walks_an_old_binding(self, influence: Influence) -> bool:
        """0007: derived control goes no further back than the Article 22 rule: "on an implicit tenure: bindings that began at most 2 years
        before the moment".
        """
        moment = influence.signal.occurred[0]
        early = moment - timedelta(days=self.policy.measures.implicit_tenure_binding_days)
        for step in influence.path:
            if step.kind != "bound_phone" or not isinstance(step.dst, Tenure) or step.dst in self.numbers.rows:
                continue
            records = self.edges[("bound_phone", step.src, step.dst)].support
            if not any(
                (one.valid_to is None or one.valid_to >= moment)
                and one.valid_from is not None
                and one.valid_from >= early
                for one in records
            ):
                return True
        return False

    def proposes(self, node: Node, turned_down: frozenset[Lineage]) -> tuple[str, frozenset[Lineage]] | None:
        """ "Score ≥ 0.7 with at least two lineages of standard `report` or `finding`, of two agencies, one of them
        direct, proposes `restrict`; score ≥ 0.9 of the same kind proposes `suspend`." 0007: public lists count only
        beside what an agency says itself.
        """
        if type_of(node) in DOCUMENTS or self.why_not(node) is not None:
            return None
        firm = {
            lineage: one
            for lineage, one in self.of_node.get(node, {}).items()
            if one.standard in ("report", "finding") and lineage not in turned_down
        }
        score = self.scores.get(node, 0.0)
        found = max((rank_of(one.measure) for one in self.by_finding(node)), default=-1)
        for measure, rule in (
            ("suspend", self.policy.measures.propose_suspend),
            ("restrict", self.policy.measures.propose_restrict),
        ):
            if (
                score >= rule.score
                and rank_of(measure) > found  # nothing to decide on what a finding gives already
                and len(firm) >= rule.lineages
                and len({one.agency for one in firm.values()}) >= rule.agencies
                and any(self.said_of(node, lineage) for lineage in firm)
                and not all(one.is_public for one in firm.values())
            ):
                return measure, frozenset(firm)
        return None

    def said_of(self, node: Node, lineage: Lineage) -> bool:
        """ "one of them direct": a report or finding of the lineage names the node itself."""
        return any(
            one.node == node
            and one.lineage == lineage
            and one.live
            and one.standard != "indicator"
            and not self.cleared(node, lineage, True, one.first_known_at)
            for one in self.signals
        )

    def decision_stands(self, decision: Decision) -> bool:
        """ "holds for its term while none of the lineages it rests on is withdrawn, unfounded, released or cleared;
        mere expiry of one does not end it": a lineage is there while a signal of it is, live or expired.
        """
        if self.on >= decision.expires_on:
            return False
        for lineage in decision.lineages:
            direct = lineage in decision.direct
            if self.cleared(decision.node, lineage, direct) or self.is_spared(decision.node, lineage):
                return False
            said = [one for one in self.signals if lineage in (one.lineage, one.own)]
            if not any(not direct or one.node == decision.node for one in said):
                return False
        return True

    def agencies(self, node: Node, lineages: frozenset[Lineage]) -> tuple[str, ...]:
        """ "with the path and the agencies": of the lineages that a listing stands on, those for which they count on the node, and all that say
        the same of any node; where nobody says it any more, those who did.
        """
        found = {one.agency for lineage in lineages if (one := self.influences.get((node, lineage))) is not None}
        for lineage in lineages:
            said = [one for one in self.signals if lineage in (one.lineage, one.own)]
            live = [
                one for one in said if one.live and not self.cleared(one.node, one.lineage, True, one.first_known_at)
            ]
            found |= {one.agency for one in live or said}
        return tuple(sorted(found))

    def findings_told(self, node: Node) -> frozenset[str]:
        """Of a person or company what was found is told by its kind."""
        if type_of(node) not in DOCUMENTS:
            return frozenset()
        return frozenset(
            one.kind
            for one in self.signals
            if one.node == node
            and one.live
            and one.standard == "finding"
            and not self.cleared(node, one.lineage, True, one.first_known_at)
        )

    def way(self, node: Node, lineages: frozenset[Lineage], test: str) -> tuple[str, ...]:
        """The edge kinds of the path by which the test lists a node: the binding, or the best path of the strongest lineage that the listing
        stands on, of derived control of the strongest by which it is derived.
        """
        if test == FINDING:
            return ()
        if test in (ARTICLE_22, "verification_overdue"):
            return ("bound_phone",)
        reaching = [(one, lineage) for lineage, one in self.of_node.get(node, {}).items() if lineage in lineages]
        if test == SAME_HOLDER:
            reaching = [
                one for one in reaching if one[0].by_own_party_finding and not self._walks_an_old_binding(one[0])
            ]
        if not reaching:
            return ()
        strongest, _ = max(
            reaching, key=lambda one: (one[0].influence, -one[0].n_edges, lineage_text(one[1], self.node_id))
        )
        return tuple(step.kind for step in strongest.path)

    def newest_finding(self, node: Node, measure: str) -> Signal:
        """Of the findings that give a node this measure, what was recorded last; of several the one of the highest authority."""
        lineages = {lineage for one in self.by_finding(node) if one.measure == measure for lineage in one.lineages}
        least = self.ranks[self.policy.measures.finding_close_from]
        return max(
            (
                one
                for one in self.signals
                if one.node == node and one.lineage in lineages and one.live and one.standard == "finding"
                and (self.ranks[one.authority_level or "county"] >= least) == (measure == "close")
            ),
            key=lambda one: (one.known_at, self.ranks[one.authority_level or "county"]),
        )  # fmt: skip


def is_cleared(
    clearances: list[Clearance],
    known: dict[Lineage, datetime],
    node: Node,
    lineage: Lineage,
    direct: bool,
    since: datetime | None = None,
) -> bool:
    """Whether one of the clearances frees the node of the lineage. `direct`: asked about a claim on the node itself; `since`: when a claim
    itself was known, which its lineage may not have been.
    """
    first = min((one for one in (known.get(lineage), since) if one is not None), default=None)
    for one in clearances:
        if one.node != node or one.scope == "proposal" or (one.scope == "association" and direct):
            continue
        if one.lineages is not None:
            if lineage in one.lineages:
                return True
        elif one.known_until is not None and first is not None and first <= one.known_until:
            return True
    return False
