"""What must hold, and what does not count against it."""

from typing import Any

import polars as pl

from jobs.score import gates
from jobs.score.judged import judge_listings
from jobs.score.truth import Truth
from tests.frames import build, read
from tests.score.world import account, card, lake, listing, person, should, truth

ROLES = {"heir": "new_holder_of_recycled", "mule": "mule_deceived", "boss": "organiser", "child": "family_member"}
NONE = build("node_id bigint", [])


def world(*found: dict[str, Any]) -> Truth:
    return truth(
        people=[person(name) for name in ROLES],
        roles=[{"person": name, "role": role} for name, role in ROLES.items()],
        control=[card(name, name) for name in ROLES],
        should_be_found=found,
    )


def judged(known: Truth, *rows: dict[str, Any]) -> pl.DataFrame:
    return judge_listings(lake(listings=rows).active, known)


def test_one_innocent_at_suspend_breaks_the_first_promise() -> None:
    rows = judged(world(), listing(account("heir"), "suspend", "finding"), listing(account("boss"), "close", "finding"))
    gate = gates.no_innocent_restricted(rows)
    assert (gate.n_good, gate.n_all, gate.passes) == (1, 2, False)


def test_an_innocent_at_verify_does_not() -> None:
    assert gates.no_innocent_restricted(judged(world(), listing(account("heir")))).passes


def test_the_overdue_and_those_a_wrong_finding_names_are_counted_apart() -> None:
    rows = judged(
        world(),
        listing(account("heir"), "restrict", "verification_overdue", administrator="bank"),
        listing(account("mule"), "close", "finding"),
    )
    assert gates.no_innocent_restricted(rows).passes
    assert read(gates.innocents_restricted(rows)) == [
        {"measure": "restrict", "kind": "new_holder_of_recycled", "administrator": "bank", "because": "overdue"},
        {"measure": "close", "kind": "mule_deceived", "administrator": None, "because": "wrong_finding"},
    ]


def test_a_finding_does_not_excuse_what_happens_to_a_new_holder() -> None:
    rows = judged(world(), listing(account("heir"), "close", "finding"))
    assert read(gates.innocents_restricted(rows).select("because")) == [{"because": None}]


def test_at_verify_ninety_seven_in_a_hundred_must_be_right() -> None:
    def gate(n_right: int, n_wrong: int) -> gates.Gate:
        rows = [listing(account("boss"))] * n_right + [listing(account("heir"))] * n_wrong
        return gates.verify_is_right(judged(world(), *rows))

    assert gate(97, 3).passes
    assert not gate(96, 3).passes
    assert (gate(0, 0).share, gate(0, 0).passes) == (None, True)


def test_every_bound_account_is_on_a_worklist_or_higher_or_answered() -> None:
    known, child = world(should("child")), account("child")
    arrived = build("node_id bigint", [{"node_id": child}])

    def gate(*rows: dict[str, Any], answered: pl.DataFrame = NONE) -> tuple[int, int, bool]:
        found = gates.bound_is_on_a_worklist(judged(known, *rows), answered, arrived)
        return found.n_good, found.n_all, found.passes

    assert gate() == (0, 1, False)
    assert gate(listing(child)) == (1, 1, True)
    assert gate(listing(child, test="same_holder")) == (0, 1, False)
    assert gate(listing(child, "restrict", "verification_overdue")) == (1, 1, True)
    assert gate(answered=build("node_id bigint", [{"node_id": child}])) == (1, 1, True)


def test_nineteen_of_twenty_near_accounts_must_be_listed_or_leads() -> None:
    known, boss = world(), account("boss")
    near = build("node_id bigint", [{"node_id": n} for n in range(1, 20)] + [{"node_id": boss}])
    leads = build("node_id bigint", [{"node_id": n} for n in range(1, 19)])
    found = judged(known, listing(boss))
    assert gates.ring_is_found(near, found, leads).passes
    assert not gates.ring_is_found(near, found, leads.head(17)).passes
