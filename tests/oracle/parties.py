"""Shared identifiers, contested ones, parties and rings (graph.md)."""

from collections import defaultdict
from collections.abc import Callable
from datetime import date

import networkx as nx

from jobs.policy import Policy
from tests.oracle.edges import is_document
from tests.oracle.model import Change, Edge, Identifier, Node, NodeId, Tenure, by_repr, overlap, type_of
from tests.oracle.numbers import Numbers

EdgeMap = dict[tuple[str, Node, Node], Edge]
SharedMap = dict[tuple[Node, str, str], tuple[int, int, bool]]


def find_shared(edges: EdgeMap, policy: Policy, before: set[tuple[Node, str, str]]) -> SharedMap:
    """ "a bound on distinct live neighbours, live meaning tonight. Above it the node is shared for that kind. The
    bound has hysteresis (on above it, off below 80% of it)". Returns what is above its bound, was until now, or still
    is by hysteresis.
    """
    found: SharedMap = {}
    for bound in policy.shared.bounds:
        neighbours: dict[Node, set[Node]] = defaultdict(set)
        for (kind, src, dst), edge in edges.items():
            if kind == bound.kind and edge.live:
                node, other = (src, dst) if bound.side == "from" else (dst, src)
                if type_of(node) in bound.types:
                    neighbours[node].add(other)
        was = {node for node, kind, side in before if (kind, side) == (bound.kind, bound.side)}
        for node in set(neighbours) | {one for one in was if type_of(one) in bound.types}:
            count = len(neighbours.get(node, ()))
            is_shared = count > bound.bound or (node in was and count >= policy.shared.off_below * bound.bound)
            if is_shared or node in was:
                found[(node, bound.kind, bound.side)] = (count, bound.bound, is_shared)
    return found


class Sharing:
    """Asks whether an edge may be used at one of its ends."""

    def __init__(self, shared: SharedMap) -> None:
        self.marks = {key for key, (_, _, is_shared) in shared.items() if is_shared}

    def at(self, node: Node, edge: Edge) -> bool:
        """The node is shared for this edge's kind, on the side on which it stands."""
        return (node, edge.kind, "from" if edge.src == node else "to") in self.marks

    def of(self, edge: Edge) -> bool:
        return self.at(edge.src, edge) or self.at(edge.dst, edge)


def newest_holder(edges: list[Edge], node_id: NodeId) -> tuple[Edge | None, set[Identifier]]:
    """The newest holder's edge into one identifier, and all documents whose time overlaps with the newest's (itself
    included), if any.

    "An identifier belongs to the party of its newest holder document; when another document's holding overlaps the
    newest one's in time it is *contested*".
    """
    if not edges:
        return None, set()

    def rank(edge: Edge) -> tuple[float, float, int]:
        return max(
            (
                one.valid_from.timestamp() if one.valid_from else float("-inf"),
                one.valid_to.timestamp() if one.valid_to else float("inf"),
                node_id(edge.src),
            )
            for one in edge.support
        )

    newest = max(edges, key=rank)
    others = {
        edge.src
        for edge in edges
        if edge.src != newest.src
        and any(overlap(mine.interval, one.interval) for mine in newest.support for one in edge.support)
    }
    documents = {Identifier(*one) for one in others if isinstance(one, Identifier)}
    return newest, documents | {Identifier(*newest.src)} if documents else set()  # type: ignore[arg-type]


def newest_bindings(edges: EdgeMap, node_id: NodeId) -> list[Edge]:
    """ "the newest `bound_phone` edge (latest start, then latest end, ended ones too) of each account"."""
    of_account: dict[Node, list[Edge]] = defaultdict(list)
    for (kind, src, _), edge in edges.items():
        if kind == "bound_phone":
            of_account[src].append(edge)

    def rank(edge: Edge) -> tuple[float, float, int]:
        start, end = max(
            (
                one.valid_from.timestamp() if one.valid_from else float("-inf"),
                one.valid_to.timestamp() if one.valid_to else float("inf"),
            )
            for one in edge.support
        )
        return start, end, node_id(edge.dst)

    return [max(bindings, key=rank) for bindings in of_account.values()]


class Parties:
    """`of`: node -> (party key, kind). The key is the document, or the anchor: the member with the least (first seen,
    node_id).

    `for_roles`: node -> party key where a shared document keeps its holdings ("for roles its holdings still belong to
    its party").
    """

    def __init__(
        self,
        nodes: set[Node],
        edges: EdgeMap,
        sharing: Sharing,
        numbers: Numbers,
        node_id: NodeId,
        first_seen: Callable[[Node], date],
    ) -> None:
        self.edges = edges
        self.sharing = sharing
        self.node_id = node_id
        self.first_seen = first_seen
        self.contested: dict[Node, set[Identifier]] = {}
        into: dict[Node, list[Edge]] = defaultdict(list)
        for (kind, _, dst), edge in edges.items():
            if kind == "holder":
                into[dst].append(edge)
        documented: dict[Node, Node] = {node: node for node in nodes if is_document(node)}
        for_roles: dict[Node, Node] = dict(documented)
        alone: set[Node] = set()  # contested, or held by a shared document
        for node, holders in into.items():
            newest, documents = newest_holder(holders, node_id)
            assert newest is not None
            if documents:
                self.contested[node] = documents
                alone.add(node)
                continue
            for_roles[node] = newest.src
            if sharing.of(newest):
                alone.add(node)  # "It joins no parties by that kind"
            else:
                documented[node] = newest.src
        self.of: dict[Node, tuple[Node, str]] = {node: (doc, "documented") for node, doc in documented.items()}
        for node in alone:
            self.of[node] = (node, "contested" if node in self.contested else "unknown")
        self.for_roles = {node: for_roles.get(node, party) for node, (party, _) in self.of.items()}
        self._group(nodes - set(self.of), documented, for_roles)
        for tenure in [one for one in nodes if isinstance(one, Tenure)]:
            # 0007: two subscriptions of different documents overlap: "Each keeps its own; both stand in
            # graph.contested"
            for other in numbers.overlapping(tenure):
                holders = {*numbers.row(tenure).holders, *other.holders}
                self.contested.setdefault(tenure, set()).update(holders)

    def _group(self, rest: set[Node], documented: dict[Node, Node], for_roles: dict[Node, Node]) -> None:
        """ "Identifiers without any holder document are grouped by connected components over `sim` and the newest
        `bound_phone` edge of each account, among themselves. A group next to exactly one documented party (over those
        same edges) joins it; next to none, it is a party; next to two or more, it is a party marked `ambiguous`."
        """
        links = [edge for (kind, _, _), edge in self.edges.items() if kind == "sim"]
        links += newest_bindings(self.edges, self.node_id)
        links = [edge for edge in links if not self.sharing.of(edge)]
        graph = nx.Graph()
        graph.add_nodes_from(rest)
        graph.add_edges_from((edge.src, edge.dst) for edge in links if edge.src in rest and edge.dst in rest)
        for group in nx.connected_components(graph):
            beside = {
                other
                for edge in links
                for node, other in ((edge.src, edge.dst), (edge.dst, edge.src))
                if node in group and other not in group
            }
            # what is contested, and a holding of a shared document, is to its neighbours a party like a documented one:
            # a group next to it and to somebody's is not all his
            parties = {documented.get(one, one) for one in beside}
            roles = {for_roles.get(one, one) for one in beside}
            anchor = min(group, key=self.age)
            for node in group:
                if len(parties) == 1:
                    party = next(iter(parties))
                    self.of[node] = (party, self.of[party][1])
                else:
                    self.of[node] = (anchor, "ambiguous" if parties else "unknown")
                self.for_roles[node] = next(iter(roles)) if len(roles) == 1 else anchor

    def age(self, node: Node) -> tuple[date, int]:
        """ "the least (first seen business date, node_id)"."""
        return self.first_seen(node), self.node_id(node)

    def key(self, node: Node) -> Node:
        """Its party; a node that nothing connects is a party of its own."""
        return self.of[node][0] if node in self.of else node

    def kind(self, node: Node) -> str:
        return self.of[node][1] if node in self.of else "unknown"

    def role_party(self, node: Node) -> set[Node]:
        """All nodes of the party for roles, and of the party itself."""
        role, party = self.for_roles.get(node, node), self.key(node)
        return {
            node,
            *(one for one, key in self.for_roles.items() if key == role),
            *(one for one, (key, _) in self.of.items() if key == party),
        }


def find_rings(
    edges: EdgeMap, sharing: Sharing, parties: Parties, scores: dict[Node, float], lead: float
) -> dict[Node, frozenset[Node]]:
    """ "A ring is a connected component of parties over all edges that stand and are not shared (cases included),
    among nodes whose score is at or above the lead bound. Rings of one party are not rings." Its anchor is "the member
    with the least (first seen business date, node_id)", of those nodes.
    """
    high = {node for node, score in scores.items() if score >= lead}
    graph = nx.Graph()
    for edge in edges.values():
        if sharing.of(edge):
            continue
        if edge.kind == "involved" and edge.dst in high:
            graph.add_edge(edge.src, parties.key(edge.dst))
        elif edge.src in high and edge.dst in high:
            graph.add_edge(parties.key(edge.src), parties.key(edge.dst))
    rings = {}
    for component in nx.connected_components(graph):
        members = frozenset(
            by_repr(one for one in component if not (isinstance(one, Identifier) and one.type == "case"))
        )
        if len(members) > 1:
            rings[min((one for one in high if parties.key(one) in members), key=parties.age)] = members
    return rings


def trace_ids(what: str, before: dict[Node, Node], after: dict[Node, Node], node_id: NodeId) -> set[Change]:
    """ "`graph.lineage` records NEW, MERGE, SPLIT and RETIRE with the night, and an old id can always be followed to
    today's." Both: member -> id.

    An id that is gone was merged into the one where the most of its members are, and retires when they are nowhere. A
    new id whose members stood under one that lives on was split from it. Of several with as many the least id.
    """

    def most(ids: list[Node]) -> Node | None:
        return min(set(ids), key=lambda one: (-ids.count(one), node_id(one)), default=None)

    there, here = set(before.values()), set(after.values())
    went: dict[Node, list[Node]] = {gone: [] for gone in there - here}
    came: dict[Node, list[Node]] = {new: [] for new in here - there}
    for member in before.keys() & after.keys():
        old, new = before[member], after[member]
        if old in went:
            went[old].append(new)
        if new in came and old in here:
            came[new].append(old)
    left = {Change(what, "MERGE" if ids else "RETIRE", gone, most(ids)) for gone, ids in went.items()}
    return left | {Change(what, "SPLIT" if ids else "NEW", new, most(ids)) for new, ids in came.items()}
