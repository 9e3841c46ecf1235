"""Plays a world through both, night by night, and stops at the first night in which they differ."""

from collections.abc import Iterable
from datetime import date

from tests.oracle.compare import differences, told
from tests.oracle.model import Delivery, State
from tests.oracle.oracle import Oracle
from tests.oracle.product import (
    Product,
    codes,
    contracts,
    node_id,
    policy_of,
    protected_groups,
    recipients,
)
from tests.oracle.worlds import FEATURES, Listed, World

TABLES = (
    "tenures", "edges", "shared", "contested", "parties", "signals", "spared", "influences", "scores", "rings", "proposals", "listings",
    "released", "leads", "events", "for_review",
)  # fmt: skip
NIGHTS = 5


def make_oracle(policy: str) -> Oracle:
    """An oracle of the repository's schemas, under one of the test policies."""
    raw = {one.id: one.model_dump() for one in recipients().values()}
    for one in raw.values():
        one["administers"] = {key: value for key, value in one["administers"].items() if value}
    return Oracle(policy_of(policy), codes(), raw, node_id, contracts=contracts(), protected=protected_groups())


class Pair:
    """The oracle and the product, on the same nights."""

    def __init__(self, policy: str) -> None:
        self.oracle = make_oracle(policy)
        self.product = Product(policy_of(policy))
        self.nights: list[tuple[date, list[Delivery]]] = []
        self.listed: dict[str, Listed] = {}

    def play(self, on: date, deliveries: list[Delivery], tables: Iterable[str] = TABLES) -> str | None:
        """One night; what differs in it, in words."""
        self.nights.append((on, deliveries))
        state = self.oracle.night(on, deliveries)
        self.product.night(on, deliveries)
        if found := differences(state, self.product.lake, tables):
            return told(found, self.nights, state)
        self._name_listings(state)
        return None

    def _name_listings(self, state: State) -> None:
        """From here on feeds speak of listings by the ids that the product gave them."""
        ids = {
            (row["node_id"], row["listed_on"]): row["listing_id"]
            for row in self.product.lake.frame("blacklist.listings").filter(status="active").to_dicts()
        }
        proposed = {one.node for one in state.proposals if one.status == "open"}
        for one in state.listings:
            if one.status == "active" and (name := ids.get((node_id(one.node), one.listed_on))):
                self.oracle.name_listing(one.node, name)
                self.listed[name] = Listed(name, one.node, one.administrator, one.node in proposed)


def play_world(
    seed: int, size: int = 3, policy: str = "default", features: frozenset[str] = FEATURES, nights: int = NIGHTS,
    tables: Iterable[str] = TABLES,
) -> str | None:
    """What differs in one random world, in words; None when nothing does."""
    world, pair = World(seed, size, features), Pair(policy)
    for _ in range(nights):
        if wrong := pair.play(*world.night(list(pair.listed.values())), tables):
            return f"world {seed} of size {size}, policy {policy}{wrong}"
    return None
