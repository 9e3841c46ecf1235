"""The search groups and drops states to stay fast; on small random graphs it must find what walking every path one by one finds."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import polars as pl
import pytest

from jobs.signals.spread import FROM_THE_PERSON, Barriers, best_paths, spread, walkable
from tests.signals.rows import CITY, POLICY, at, frame
from tests.signals.test_spread import SIGNAL, SUPPORT

INSTANT = at("2026-01-12")
DAY = timedelta(days=1)
KINDS = ("holder", "bound_phone", "sim", "device", "part_of", "transfer")
Row = dict[str, Any]


class Way(NamedTuple):
    v: int
    kind: str
    edge: tuple[str, int, int]
    f: datetime
    t: datetime
    is_late_ok: bool


class Walk(NamedTuple):
    nodes: tuple[int, ...]
    edges: tuple[tuple[str, int, int], ...]
    influence: float
    last: Way | None


class World:
    """One random graph with its signals and barriers."""

    def __init__(self, seed: int) -> None:
        chance = random.Random(seed)
        self.edges: list[Row] = []
        for kind, u, v in itertools.product(KINDS, range(8), range(8)):
            if u != v and chance.random() < 0.12:
                times = [self._times(chance, kind) for _ in range(chance.choice((1, 1, 2, 4)))]
                support = [{"record_id": str(n), "valid_from": f, "valid_to": t} for n, (f, t) in enumerate(times)]
                self.edges.append({"kind": kind, "from_id": u, "to_id": v, "support": support})
        self.signals = [self._signal(chance, number) for number in range(8)]
        self.shared = {(chance.randrange(8), chance.choice(KINDS[:4])) for _ in range(2)}
        self.protected = {chance.randrange(16)}
        self.barred = {(f"L{chance.randrange(3)}", chance.randrange(8)) for _ in range(2)}
        self.until = {chance.randrange(8): at(f"2026-01-0{chance.randrange(1, 7)}")}
        self.party = {node: node // 3 for node in range(8)}
        self.known = {s["lineage"]: min(x["first_known_at"] for x in self.signals if x["lineage"] == s["lineage"]) for s in self.signals}  # fmt: skip

    @staticmethod
    def _times(chance: random.Random, kind: str) -> tuple[datetime | None, datetime | None]:
        f = at("2026-01-01") + chance.randrange(12) * DAY
        if kind == "transfer":
            return f, f + chance.choice((0, 1)) * DAY
        return chance.choice((None, f, f)), chance.choice((None, f + chance.randrange(1, 5) * DAY, f + DAY))

    @staticmethod
    def _signal(chance: random.Random, number: int) -> Row:
        standard = chance.choice(("finding", "report", "indicator"))
        return {
            "signal_id": f"s{chance.randrange(100)}-{number}", "lineage": f"L{chance.randrange(3)}", "standard": standard, "node_id": chance.randrange(8),
            "agency": chance.choice(("public_security", "finance", "telecom", "other")), "is_public": chance.random() < 0.5,
            "strength": chance.choice((0.95, 0.5, 0.5)), "occurred_at": at(f"2026-01-0{chance.randrange(3, 9)}"), "is_live": chance.random() < 0.9,
            "occurred_is_day": chance.random() < 0.5, "authority_level": chance.choice(("city", "county", None)),
            "first_known_at": at(f"2026-01-0{chance.randrange(1, 9)}"),
        }  # fmt: skip

    def ways(self, u: int) -> Iterator[Way]:
        """Every stretch that leaves the node, in the directions in which it can be walked."""
        for edge in self.edges:
            kind, ends = edge["kind"], (edge["from_id"], edge["to_id"])
            for along, (start, v) in ((True, ends), (False, ends[::-1])):
                barred = {start, v} & self.protected or (v, kind) in self.shared or (kind == "transfer" and not along)
                if start == u and not barred:
                    for record in edge["support"]:
                        f = record["valid_from"] or at("0001-01-01")
                        t = record["valid_to"] or at("9999-12-31")
                        yield Way(v, kind, (kind, *ends), f, t, (kind, along) in FROM_THE_PERSON)

    def is_cleared(self, node: int, lineage: str) -> bool:
        return node in self.until and self.known[lineage] <= self.until[node]

    def walks(self, signal: Row) -> Iterator[Walk]:
        """Every path of the signal that counts, one record of each edge at a time."""
        start = signal["node_id"]
        if signal["is_live"] and not self.is_cleared(start, signal["lineage"]):
            yield from self._from(signal, Walk((start,), (), signal["strength"], None))

    def _from(self, signal: Row, walk: Walk) -> Iterator[Walk]:
        yield walk
        here = walk.nodes[-1]
        left_shared = walk.last is not None and (walk.nodes[-2], walk.last.kind) in self.shared
        if len(walk.edges) == POLICY.score.max_edges or left_shared:
            return
        for way in self.ways(here):
            influence = walk.influence * POLICY.edges[way.kind].weight  # type: ignore[index]
            leaves_shared = (here, way.kind) in self.shared
            if leaves_shared and (walk.last is not None or signal["standard"] != "finding"):
                continue
            barred = (signal["lineage"], way.v) in self.barred or self.is_cleared(way.v, signal["lineage"])
            if way.v in walk.nodes or barred or not fits(signal, walk.last, way) or round(influence, 9) < 0.05:
                continue
            yield from self._from(signal, Walk((*walk.nodes, way.v), (*walk.edges, way.edge), influence, way))


def fits(signal: Row, last: Way | None, way: Way) -> bool:
    """listing.md, Score: the conditions on times, on one record of each edge."""
    occurred, is_day = signal["occurred_at"], signal["occurred_is_day"]
    if way.kind == "transfer":
        earliest = occurred - DAY
        in_time = way.f >= earliest or way.t > earliest
    else:
        is_later = way.f >= occurred + DAY if is_day else way.f > occurred
        in_time = way.t >= occurred and (not is_later or way.is_late_ok)
    if last is None or not in_time:
        return in_time
    if way.kind == "transfer" and last.kind == "transfer":
        return way.f >= last.f or way.t > last.f
    if way.kind == "transfer":
        return (last.f <= way.f or last.f < way.t) and last.t > way.f
    if last.kind == "transfer":
        return (way.f <= last.f or way.f < last.t) and way.t > last.f
    return last.f < way.t and way.f < last.t


def by_hand(world: World) -> dict[tuple[str, int], Row]:
    """(lineage, node) → its row of graph.influences, from every path."""
    reached: dict[tuple[str, int], list[tuple[Row, Walk]]] = {}
    for signal in world.signals:
        for walk in world.walks(signal):
            reached.setdefault((signal["lineage"], walk.nodes[-1]), []).append((signal, walk))
    return {key: judge(world, *key, found) for key, found in reached.items()}


def judge(world: World, lineage: str, node: int, found: list[tuple[Row, Walk]]) -> Row:
    def order(item: tuple[Row, Walk]) -> Any:
        signal, walk = item
        ways = [(kind, walk.nodes[n] != u) for n, (kind, u, _) in enumerate(walk.edges)]
        return -round(walk.influence, 9), len(walk.edges), walk.nodes, ways, not is_live(walk), signal["signal_id"]

    def order_of_signals(item: tuple[Row, Walk]) -> Any:
        signal, walk = item
        return -round(walk.influence, 9), len(walk.edges), walk.nodes, is_live(walk), signal["signal_id"]

    def speaks(item: tuple[Row, Walk]) -> Any:
        signal, _ = item
        agencies = [*POLICY.score.agency_order, "other"]
        return signal["standard"] == "indicator", -signal["strength"], agencies.index(signal["agency"])

    of_signals = [min((one for one in found if one[0] is signal), key=order) for signal, _ in found]
    signal, walk = min(of_signals, key=order_of_signals)
    standards = {s["standard"] for s, _ in found}
    own = any(
        s["standard"] == "finding" and s["authority_level"] == "city" and node != s["node_id"] and world.party[node] == world.party[s["node_id"]]
        and round(other.influence, 9) == round(walk.influence, 9)  # what is not the best adds nothing to the score
        for s, other in found
    )  # fmt: skip
    return {
        "node_id": node, "lineage": lineage, "influence": round(walk.influence, 9), "n_edges": len(walk.edges), "signal_id": signal["signal_id"],
        "path": [{"kind": kind, "from_id": u, "to_id": v} for kind, u, v in walk.edges], "agency": min(found, key=speaks)[0]["agency"],
        "standard": next(s for s in ("finding", "report", "indicator") if s in standards), "last_edge_live": is_live(walk),
        "by_own_party_finding": own, "is_public": all(s["is_public"] for s, _ in found),
    }  # fmt: skip


def is_live(walk: Walk) -> bool:
    last = walk.last
    return last is None or (last.kind != "transfer" and last.f < INSTANT <= last.t)


def searched(world: World) -> dict[tuple[str, int], Row]:
    """The same by the search."""
    pairs = [{"lineage": lineage, "node_id": node} for lineage, node in world.barred]
    barriers = Barriers(
        protected=frame("node_id bigint", [{"node_id": node} for node in world.protected]),
        spared=frame("lineage string, node_id bigint", pairs[:1]),
        cleared=frame("lineage string, node_id bigint", pairs[1:]),
        cleared_until=frame("node_id bigint, until timestamp", [{"node_id": n, "until": u} for n, u in world.until.items()]),
    )  # fmt: skip
    shared = [{"node_id": node, "kind": kind, "is_shared": True} for node, kind in world.shared]
    edges = frame(f"kind string, from_id bigint, to_id bigint, support {SUPPORT}", world.edges)
    ways = walkable(edges, frame("node_id bigint, kind string, is_shared boolean", shared), barriers.protected, POLICY)
    known = [{"lineage": lineage, "lineage_known_at": moment} for lineage, moment in world.known.items()]
    first_known = frame("lineage string, lineage_known_at timestamp", known)
    paths = spread(frame(SIGNAL, world.signals), ways, first_known, barriers, POLICY, CITY, INSTANT)
    parties = frame("node_id bigint, party_id bigint", [{"node_id": n, "party_id": p} for n, p in world.party.items()])
    rows = best_paths(paths, parties, pl.DataFrame(schema={"lineage": pl.String}), POLICY).to_dicts()
    found = {(row["lineage"], row["node_id"]): row for row in rows}
    assert len(found) == len(rows)
    return found


@pytest.mark.parametrize("seed", range(20))
def test_the_search_finds_what_walking_every_path_finds(seed: int) -> None:
    world = World(seed)
    expected = by_hand(world)
    assert len(expected) > 5
    assert searched(world) == expected


def test_the_search_finds_the_same_in_small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobs.signals.spread.AT_ONCE", 7)
    world = World(100)
    assert searched(world) == by_hand(world)
