"""What the simulator delivers, read as delivered, through oracle and product night by night: the worlds of worlds.py are dense, these are real.

`ANTIFRAUD_SOAK=400` plays so many worlds more, from `ANTIFRAUD_SOAK_FROM`; what differs is printed in as few records as it takes.
"""

import os
from pathlib import Path

import pytest

from tests.oracle.model import Delivery
from tests.oracle.simulated import Simulated, play_simulated, play_simulated_together

AT_ONCE = 14
N_BATCHES = 3
NIGHTS, QUIET = 3, 1
ALONE = ((7001, 20, 3, 1), (7002, 30, 3, 1))
SOAK = int(os.environ.get("ANTIFRAUD_SOAK", "0"))
SOAK_FROM = int(os.environ.get("ANTIFRAUD_SOAK_FROM", "100000"))


def policy_for(number: int) -> str:
    """Every third has bounds that small worlds reach."""
    return "tight" if number % 3 == 2 else "default"


@pytest.mark.parametrize("batch", range(N_BATCHES))
def test_the_two_agree_on_simulated_worlds(batch: int) -> None:
    seeds = range(batch * AT_ONCE, (batch + 1) * AT_ONCE)
    wrong = play_simulated_together(seeds, (10, 16, 12)[batch], NIGHTS, QUIET, policy_for(batch))
    assert not wrong, f"{len(wrong)} worlds differ; the first: {wrong[0]}"


@pytest.mark.parametrize(("seed", "people", "nights", "quiet"), ALONE)
def test_the_two_agree_on_a_simulated_world_with_snapshots_and_hotlines(
    seed: int, people: int, nights: int, quiet: int
) -> None:
    wrong = play_simulated(seed, people, nights, quiet)
    assert wrong is None, str(wrong)


def test_the_two_agree_on_as_many_more_simulated_worlds_as_are_asked_for() -> None:
    wrong = []
    for batch, start in enumerate(range(SOAK_FROM, SOAK_FROM + SOAK, AT_ONCE)):
        seeds = range(start, min(start + AT_ONCE, SOAK_FROM + SOAK))
        wrong += play_simulated_together(seeds, (15, 30, 60)[batch % 3], 5, 4, policy_for(batch))
        alone = play_simulated(start, 60, 5, 4, policy_for(batch))
        wrong += [alone] if alone else []
    assert not wrong, f"{len(wrong)} of {SOAK} worlds differ: " + "\n\n".join(map(str, wrong[:5]))


def delivered(folder: Path, seeds: range) -> list[Delivery]:
    found: list[Delivery] = []
    for seed in seeds:
        world = Simulated(folder / str(seed), seed, 20, 3)
        found += [one for _ in range(4) for one in world.night([])[1]]
    return found


def test_what_is_played_holds_what_the_comparison_is_for(tmp_path: Path) -> None:
    """Dirt that is set aside, what frees though broken, withdrawals, snapshots, and every feed that answers no listing."""
    taken = delivered(tmp_path, range(10))
    records = [record for one in taken for record in one.records]
    assert sum(len(one.present) for one in taken) > 10
    assert any(record.get("frees_only") for record in records)
    assert any(record["op"] == "withdraw" for record in records)
    assert {one.mode for one in taken} == {"delta", "snapshot"}
    assert {one.feed for one in taken} >= {
        "finance/accounts", "finance/payment_controls", "finance/suspicious_transfers", "internet/account_logins", "internet/internet_accounts",
        "internet/malicious_sites", "public_security/case_reports", "public_security/persons_of_interest",
        "telecom/abnormal_numbers", "telecom/device_sightings", "telecom/subscriptions",
    }  # fmt: skip
