"""Influence and score (listing.md, Score)."""

from collections import defaultdict
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

from jobs.policy import Policy
from tests.oracle.claims import Cases
from tests.oracle.guard import Guard
from tests.oracle.model import (
    DAY,
    Edge,
    Influence,
    Lineage,
    Node,
    NodeId,
    Signal,
    Step,
    Support,
    by_repr,
    holds,
    last_of,
    overlap,
    touches,
)
from tests.oracle.parties import EdgeMap, Parties, Sharing

STANDARDS = ("indicator", "report", "finding")
# "walked only from the person's side (document → holding, tenure → account or sim, sim → device)": is that along the
# edge or against it?
PERSONS_SIDE = {"holder": True, "bound_phone": False, "sim": True, "device": True}
IsCleared = Callable[[Node, Lineage, bool, datetime], bool]
"""Of node, lineage, whether the claim is on the node itself, and since when the claim is known."""


class Reach:
    """All that one signal does: the paths that it may take."""

    def __init__(
        self,
        edges: EdgeMap,
        sharing: Sharing,
        guard: Guard,
        spared: dict[str, set[Node]],
        is_cleared: IsCleared,
        policy: Policy,
        now: datetime,
    ) -> None:
        self.now = now
        self.sharing = sharing
        self.guard = guard
        self.spared = spared
        self.is_cleared = is_cleared
        self.policy = policy
        self.at: dict[Node, list[tuple[Edge, Node, bool]]] = defaultdict(list)
        for edge in edges.values():
            if edge.kind == "involved":  # "no case is passed through"
                continue
            self.at[edge.src].append((edge, edge.dst, True))
            if edge.kind != "transfer":  # "risk runs forward only"
                self.at[edge.dst].append((edge, edge.src, False))

    def _may_touch(self, node: Node, signal: Signal, is_start: bool) -> bool:
        """ "no protected identifier, no node of a party that is `victim` or `impersonated` in that lineage's case,
        and no node cleared of that lineage is its start, its end or passed through".
        """
        lineage = signal.lineage
        if lineage[0] == "case" and node in self.spared.get(lineage[1], ()):
            return False
        return self.guard.reason(node) is None and not self.is_cleared(node, lineage, is_start, signal.first_known_at)

    def _record_may(self, edge: Edge, one: Support, forward: bool, signal: Signal) -> bool:
        """One record of an edge against the signal's moment."""
        occurred = signal.occurred
        if edge.kind == "transfer":  # "must not be before `occurred_at` (a day's grace)"
            grace = timedelta(days=self.policy.score.transfer_grace_days)
            return last_of((one.valid_from, one.is_day)) >= occurred[0] - grace  # type: ignore[arg-type]
        if one.valid_from is not None and one.valid_from == one.valid_to:
            return False  # a time of no length is none
        if one.valid_to is not None and one.valid_to < occurred[0]:  # "its end is open or not before `occurred_at`"
            return False
        first_after = occurred[0] + DAY if occurred[1] else occurred[0]
        began_after = one.valid_from is not None and (
            one.valid_from >= first_after if occurred[1] else one.valid_from > first_after
        )
        return not began_after or PERSONS_SIDE.get(edge.kind) is forward

    @staticmethod
    def _fit(before: tuple[Edge, Support], after: tuple[Edge, Support]) -> bool:
        """Two consecutive edges: they "overlap in time"; one beside a transfer "must hold at the moment of that
        transfer"; a transfer "after another transfer not before that one".
        """
        (edge_a, a), (edge_b, b) = before, after
        if edge_a.kind == "transfer" and edge_b.kind == "transfer":
            return last_of((b.valid_from, b.is_day)) >= a.valid_from  # type: ignore[arg-type, operator]
        if edge_a.kind == "transfer":
            return touches(b.interval, (a.valid_from, a.is_day))  # type: ignore[arg-type]
        if edge_b.kind == "transfer":
            return touches(a.interval, (b.valid_from, b.is_day))  # type: ignore[arg-type]
        return overlap(a.interval, b.interval) is not None

    def paths(self, signal: Signal) -> dict[Node, list[tuple[Decimal, tuple[Step, ...], bool]]]:
        """Every node that the signal reaches, with each path: product of weights, steps, whether its last edge is
        live tonight."""
        found: dict[Node, list[tuple[Decimal, tuple[Step, ...], bool]]] = defaultdict(list)
        if not self._may_touch(signal.node, signal, True):
            return found
        found[signal.node].append((Decimal(1), (), True))

        def walk(
            node: Node,
            seen: tuple[Node, ...],
            steps: tuple[Step, ...],
            last: Edge | None,
            records: list[Support],
            product: Decimal,
        ) -> None:
            if len(steps) == self.policy.score.max_edges:
                return
            for edge, other, forward in self.at[node]:
                if other in seen or self.sharing.at(other, edge) or not self._may_touch(other, signal, False):
                    continue
                only_one = False
                if self.sharing.at(node, edge):
                    if steps or signal.standard != "finding":
                        continue
                    only_one = True  # "only a direct `finding` leaves it, by one edge"
                fitting = [
                    one
                    for one in edge.support
                    if self._record_may(edge, one, forward, signal)
                    and (last is None or any(self._fit((last, prior), (edge, one)) for prior in records))
                ]
                if not fitting:
                    continue
                weight = product * Decimal(str(self.policy.edges[edge.kind].weight))  # type: ignore[index]
                way = (*steps, Step(edge.kind, edge.src, edge.dst))
                # live by one and the same of the records that the path may walk
                found[other].append((weight, way, any(holds(one.interval, self.now) for one in fitting)))
                if not only_one:
                    walk(other, (*seen, other), way, edge, fitting, weight)

        walk(signal.node, (signal.node,), (), None, [], Decimal(1))
        return found


def find_influences(
    signals: list[Signal],
    reach: Reach,
    parties: Parties,
    cases: Cases,
    policy: Policy,
    ranks: dict[str, int],
    node_id: NodeId,
) -> dict[tuple[Node, Lineage], Influence]:
    """ "Per lineage the best influence counts, influence under 0.05 is dropped. Each (node, lineage) keeps its best
    path, ties broken by (fewer edges, smallest node ids)". 0007: several signals may walk it, by different records; its
    last edge is live when it is by each of them.
    """
    best: dict[tuple[Node, Lineage], tuple[tuple[float, int, tuple[int, ...]], str, Influence]] = {}
    reaching: dict[tuple[Node, Lineage], list[tuple[float, Signal]]] = defaultdict(list)
    for signal in signals:
        if not signal.live:
            continue
        for node, ways in reach.paths(signal).items():
            strength = Decimal(str(signal.strength))
            value = rounded(max(strength * weight for weight, _, _ in ways), 9)
            if value < policy.score.min_influence:
                continue
            reaching[(node, signal.lineage)].append((value, signal))
            for weight, way, live in ways:
                value = rounded(strength * weight, 9)
                ids = tuple(node_id(one) for one in _nodes(signal.node, way))
                rank, name = (-value, len(way), ids), repr((signal.feed, signal.record_id, signal.kind))
                key = (node, signal.lineage)
                if key in best and rank == best[key][0]:
                    live = best[key][2].last_edge_live = live and best[key][2].last_edge_live
                if key not in best or (rank, name) < best[key][:2]:
                    best[key] = (rank, name, Influence(value, way, signal, "", "", live, False, False))
    for (node, lineage), (_, _, influence) in best.items():
        claims = reaching[(node, lineage)]
        influence.standard = max((signal.standard for _, signal in claims), key=STANDARDS.index)
        influence.agency = _agency(lineage, [signal for _, signal in claims], cases, policy)
        influence.is_public = all(signal.is_public for _, signal in claims)
        influence.by_own_party_finding = any(
            signal.standard == "finding"
            and value >= influence.influence  # only the best counts for the lineage, so only the best contributes
            and signal.node != node
            and parties.key(signal.node) == parties.key(node)
            and ranks[signal.authority_level or "county"] >= ranks[policy.measures.same_holder.from_]
            for value, signal in claims
        )
    return {key: influence for key, (_, _, influence) in best.items()}


def _nodes(start: Node, way: tuple[Step, ...]) -> list[Node]:
    nodes = [start]
    for step in way:
        nodes.append(step.dst if step.src == nodes[-1] else step.src)
    return nodes


def _agency(lineage: Lineage, claims: list[Signal], cases: Cases, policy: Policy) -> str:
    """ "a case for public_security while a record of that case stands, else that of its strongest signal of standard
    `report` or `finding` that reaches the node, else of its strongest indicator (ties: public_security, finance,
    telecom, internet)".
    """
    if lineage[0] == "case" and cases.stands(lineage[1]):
        return "public_security"
    firm = [one for one in claims if one.standard != "indicator"]
    order = policy.score.agency_order
    return min(firm or claims, key=lambda one: (-one.strength, order.index(one.agency), one.agency)).agency


def rounded(value: Decimal, places: int) -> float:
    """To so many places, a half up: in decimals, so that a half is one."""
    return float(value.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP))


def find_scores(influences: dict[tuple[Node, Lineage], Influence]) -> dict[Node, float]:
    """ "score = 1 − Π over lineages (1 − influence), rounded to 6 places"."""
    left: dict[Node, Decimal] = defaultdict(lambda: Decimal(1))
    for node, lineage in by_repr(influences):
        left[node] *= 1 - Decimal(str(influences[(node, lineage)].influence))
    return {node: rounded(1 - rest, 6) for node, rest in left.items()}
