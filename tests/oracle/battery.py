"""Plays a world through both, night by night, and stops at the first night in which they differ."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from random import Random
from typing import Any, Protocol

from tests.oracle.compare import Views, differences, of_oracle, of_product, parts_of, record_name, told, unequal
from tests.oracle.model import Delivery, State
from tests.oracle.oracle import Oracle
from tests.oracle.product import (
    Product,
    codes,
    contracts,
    named_in,
    node_id,
    policy_of,
    protected_groups,
    recipients,
)
from tests.oracle.promises import broken_promises
from tests.oracle.shrink import Nights, shrink
from tests.oracle.worlds import FEATURES, GAPS, Listed, World

TABLES = (
    "tenures", "edges", "shared", "contested", "parties", "signals", "spared", "influences", "scores", "rings", "lineage", "proposals", "listings",
    "released", "leads", "events", "for_review",
)  # fmt: skip
NIGHTS = 5


def make_oracle(policy: str) -> Oracle:
    """An oracle of the repository's schemas, under one of the test policies."""
    raw = {one.id: one.model_dump() for one in recipients().values()}
    for one in raw.values():
        one["administers"] = {key: value for key, value in one["administers"].items() if value}
    return Oracle(policy_of(policy), codes(), raw, node_id, contracts=contracts(), protected=protected_groups())


@dataclass(frozen=True)
class Wrong:
    """A world in which the two differ."""

    world: str
    policy: str
    nights: Nights
    text: str

    def __str__(self) -> str:
        """The difference in as few records as it takes, when it is one of a world alone; the whole world else."""
        small = shrink(self.nights, lambda nights: replay(nights, self.policy) is not None)
        return f"{self.world}, policy {self.policy}{replay(small, self.policy) or self.text}"


def replay(nights: Nights, policy: str, tables: Iterable[str] = TABLES) -> str | None:
    """The first difference in nights that are already there."""
    pair = Pair(policy)
    return next((wrong for on, deliveries in nights if (wrong := pair.play(on, deliveries, tables))), None)


class Pair:
    """The oracle and the product, on the same nights."""

    def __init__(self, policy: str) -> None:
        self.oracle = make_oracle(policy)
        self.product = Product(policy_of(policy))
        self.nights: Nights = []
        self.listed: dict[str, Listed] = {}

    def play(self, on: date, deliveries: list[Delivery], tables: Iterable[str] = TABLES) -> str | None:
        """One night; what differs in it, in words."""
        self.nights.append((on, deliveries))
        state = self.oracle.night(on, deliveries)
        before = self.product.lake.frame("blacklist.listings")
        self.product.night(on, deliveries)
        if broken := broken_promises(before, self.product.lake, on):
            return "\n".join(["", *broken])
        if found := differences(state, self.product.lake, tables):
            return told(found, self.nights, state)
        self._name_listings(state)
        return None

    def _name_listings(self, state: State) -> None:
        self.listed |= name_listings(self.oracle, self.product, state)


def name_listings(oracle: Oracle, product: Product, state: State) -> dict[str, Listed]:
    """From here on feeds speak of tonight's listings by the ids that the product gave them."""
    rows = product.lake.frame("blacklist.listings", ["node_id", "listed_on", "listing_id", "status"]).filter(
        status="active"
    )
    ids = {(row[0], row[1]): row[2] for row in rows.iter_rows()}
    proposed = {one.node for one in state.proposals if one.status == "open"}
    found = {}
    for one in state.listings:
        if one.status == "active" and (name := ids.get((node_id(one.node), one.listed_on))):
            oracle.name_listing(one.node, name)
            found[name] = Listed(name, one.node, one.administrator, one.node in proposed)
    return found


class Played(Protocol):
    """A world that is played night by night. Those played together share no identifier, case, record or delivery."""

    @property
    def name(self) -> str: ...

    def night(self, listed: Sequence[Listed], gap: int | None = None) -> tuple[date, list[Delivery]]: ...


def play_worlds(
    seeds: Iterable[int],
    policy: str = "default",
    features: frozenset[str] = FEATURES,
    nights: int = NIGHTS,
    tables: Iterable[str] = TABLES,
) -> list[Wrong]:
    """What differs in each of some random worlds."""
    seeds = list(seeds)
    features -= {"snapshots"}
    worlds = [World(seed, 1 + seed % 4, features, place, len(seeds)) for place, seed in enumerate(seeds)]
    return play_together(worlds, policy, nights, Random(f"{seeds[0]}/gaps"), tables)


def play_together(
    worlds: Sequence[Played], policy: str, nights: int, gaps: Random, tables: Iterable[str] = TABLES
) -> list[Wrong]:
    """What differs in each of some worlds: played by the product together, by an oracle each alone."""
    oracles, product = [make_oracle(policy) for _ in worlds], Product(policy_of(policy))
    listed: list[dict[str, Listed]] = [{} for _ in worlds]
    names: list[set[Any]] = [set() for _ in worlds]
    played: list[Nights] = [[] for _ in worlds]
    wrong: dict[int, Wrong] = {}
    for _ in range(nights):
        gap = gaps.choice(GAPS)
        taken = [world.night(list(known.values()), gap) for world, known in zip(worlds, listed, strict=True)]
        before = product.lake.frame("blacklist.listings")
        product.night(taken[0][0], [one for _, deliveries in taken for one in deliveries])
        if broken := broken_promises(before, product.lake, taken[0][0]):
            raise AssertionError("\n".join(broken))
        states = [oracle.night(*night) for oracle, night in zip(oracles, taken, strict=True)]
        theirs = [of_oracle(state) for state in states]
        for number, night in enumerate(taken):
            played[number].append(night)
            names[number] |= _names(night[1], theirs[number])
        ours = parts_of(of_product(product.lake, taken[0][0]), names)
        for number, world in enumerate(worlds):
            if number in wrong:
                continue
            if found := unequal(theirs[number], ours[number], tables):
                text = told(found, played[number], states[number])
                wrong[number] = Wrong(f"{world.name} at place {number} of {len(worlds)}", policy, played[number], text)
            else:
                listed[number] |= name_listings(oracles[number], product, states[number])
    return list(wrong.values())


def _names(deliveries: Iterable[Delivery], theirs: Views) -> set[Any]:
    """Nodes and cases by which a row of the product's is known to be of this world."""
    records = [record for delivery in deliveries for record in delivery.records]
    named = {node_id(one) for record in records for one in named_in(record)}
    cases = {f"case:{record['case_id']}" for record in records if record.get("case_id")}
    sources = {record_name(f"{one.feed}#{record['record_id']}") for one in deliveries for record in one.records}
    found = set(theirs["tenures"]) | set(theirs["parties"])
    return named | cases | sources | found | {key[0] for table in ("influences", "signals") for key in theirs[table]}


def play_world(
    seed: int,
    size: int = 3,
    policy: str = "default",
    features: frozenset[str] = FEATURES,
    nights: int = NIGHTS,
    tables: Iterable[str] = TABLES,
) -> Wrong | None:
    """What differs in one random world; None when nothing does."""
    world, pair = World(seed, size, features), Pair(policy)
    for _ in range(nights):
        if wrong := pair.play(*world.night(list(pair.listed.values())), tables):
            return Wrong(f"world {seed} of size {size}", policy, pair.nights, wrong)
    return None
