"""Graph, parties, score, measures and due process, written twice, on hundreds of small random worlds: a difference is a bug in one of the two.

`ANTIFRAUD_SOAK=400` plays so many worlds more with every feature, from `ANTIFRAUD_SOAK_FROM`; what differs is printed in as few records as it
takes.
"""

import os
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.oracle.battery import play_world, play_worlds
from tests.oracle.compare import table_of
from tests.oracle.model import Delivery
from tests.oracle.product import Product, policy_of
from tests.oracle.worlds import FEATURES, World

AT_ONCE = 40
N_BATCHES = 5
N_DRAWN = 5
N_SHUFFLED = 4
NIGHTS = 4
BATTERY = FEATURES - {"snapshots"}  # which speak of all worlds at once: only worlds that are played alone have them
SOAK = int(os.environ.get("ANTIFRAUD_SOAK", "0"))
SOAK_FROM = int(os.environ.get("ANTIFRAUD_SOAK_FROM", "100000"))


def policy_for(number: int) -> str:
    """Every third has bounds that small worlds reach."""
    return "tight" if number % 3 == 2 else "default"


@pytest.mark.parametrize("batch", range(N_BATCHES))
def test_the_two_agree_on_random_worlds(batch: int) -> None:
    seeds = range(batch * AT_ONCE, (batch + 1) * AT_ONCE)
    wrong = play_worlds(seeds, policy_for(batch), BATTERY, NIGHTS)
    assert not wrong, f"{len(wrong)} worlds differ; the first: {wrong[0]}"


@settings(max_examples=N_DRAWN, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**16), size=st.integers(1, 4), nights=st.integers(1, NIGHTS))
def test_the_two_agree_on_drawn_worlds(seed: int, size: int, nights: int) -> None:
    wrong = play_world(seed, size, policy_for(seed), FEATURES, nights)
    assert wrong is None, str(wrong)


def test_the_two_agree_on_as_many_more_worlds_as_are_asked_for() -> None:
    wrong = []
    for batch, start in enumerate(range(SOAK_FROM, SOAK_FROM + SOAK, AT_ONCE)):
        wrong += play_worlds(range(start, min(start + AT_ONCE, SOAK_FROM + SOAK)), policy_for(batch), FEATURES, 4)
    assert not wrong, f"{len(wrong)} of {SOAK} worlds differ: " + "\n\n".join(map(str, wrong[:5]))


GRAPH = ("graph.edges", "graph.tenures", "graph.parties", "graph.signals", "graph.influences", "graph.scores")


def in_one_night(world: World, deliveries: list[Delivery]) -> Product:
    product = Product(policy_of("default"))
    product.night(world.on, deliveries)
    return product


@pytest.mark.parametrize("seed", range(N_SHUFFLED))
def test_the_same_deliveries_in_any_order_and_any_nights_end_in_the_same_graph(seed: int) -> None:
    """What people answer is left out: it depends on which night listed what (feeds.md, A record)."""
    world = World(seed, 1 + seed % 4, FEATURES - {"answers"})
    nights = [world.night([]) for _ in range(4)]
    taken = [one for _, deliveries in nights for one in deliveries]
    by_night = Product(policy_of("default"))
    for on, deliveries in nights:
        by_night.night(on, deliveries)
    Random(seed).shuffle(taken)
    other = Product(policy_of("default"))
    half = len(taken) // 2
    other.night(nights[0][0], taken[:half])
    other.night(world.on, [*taken[half:], *taken[: half // 2]])  # some come twice
    for product in (in_one_night(world, taken), other):
        for name in GRAPH:
            ours, theirs = table_of(product.lake, name), table_of(by_night.lake, name)
            assert ours.equals(theirs), f"{name} depends on the order of nights:\n{ours}\n{theirs}"
