"""Each listing against the truth: whose it is, and whether it is right."""

from typing import Any

from jobs.score.judged import count_harm, judge_listings, weigh_measures
from jobs.score.truth import Truth
from tests.frames import build, read
from tests.score.world import account, card, lake, listing, person, should, tenure, truth

PEOPLE = ("boss", "heir", "child", "loner")


def world(**more: Any) -> Truth:
    return truth(
        people=[person(name) for name in PEOPLE],
        roles=[
            {"person": "boss", "role": "organiser", "ring_id": "R1"}, {"person": "loner", "role": "organiser"},
            {"person": "heir", "role": "new_holder_of_recycled"}, {"person": "child", "role": "family_member"},
        ],
        control=[card("ring's", "boss", ring_id="R1"), card("loner's", "loner"), card("heir's", "heir"), card("child's", "child")],
        should_be_found=[should("child's", person="child")],
        **more,
    )  # fmt: skip


def judged(known: Truth, *rows: dict[str, Any]) -> list[dict[str, Any]]:
    found = judge_listings(lake(listings=rows).active, known)
    return read(found.select("kind", "is_judged", "in_hands", "is_bound", "is_right"))


def test_what_a_ring_or_an_offender_has_is_rightly_listed_at_every_measure() -> None:
    rows = [listing(account("ring's"), "close", "finding"), listing(account("loner's")), listing(account("id of boss", "national_id"), "close", "finding")]  # fmt: skip
    right = {"kind": None, "is_judged": True, "in_hands": True, "is_bound": False, "is_right": True}
    assert judged(world(), *rows) == [right] * 3


def test_an_innocents_account_bound_to_a_fraud_number_is_right_at_verify_and_wrong_above_unless_overdue() -> None:
    child = account("child's")
    found = judged(
        world(), listing(child), listing(child, "restrict", "verification_overdue"), listing(child, "close", "finding")
    )
    assert [row["is_right"] for row in found] == [True, True, False]
    assert {row["kind"] for row in found} == {"family_member"}


def test_the_new_holders_account_is_wrongly_listed_though_nothing_excuses_the_number() -> None:
    (row,) = judged(world(), listing(account("heir's")))
    assert row == {
        "kind": "new_holder_of_recycled", "is_judged": True, "in_hands": False, "is_bound": False, "is_right": False,
    }  # fmt: skip


def test_a_tenure_that_took_part_in_a_fraud_is_right_and_the_next_one_of_the_number_is_not() -> None:
    phone = "+8613800000001"
    lines = [
        {"identifier_type": "phone", "identifier": phone, "tenure_from": day, "person": name, "from_at": day}
        for day, name in (("2020-01-01", "child"), ("2022-01-01", "heir"))
    ]
    known = truth(
        people=[person("child"), person("heir")],
        control=lines,
        fraud_tenures=[{"identifier": phone, "tenure_from": "2020-01-01"}],
    )
    rows = [listing(tenure(phone, day), "close", "finding", type="phone") for day in ("2020-01-01", "2022-01-01")]
    assert [row["is_right"] for row in judged(known, *rows)] == [True, False]


def test_what_the_truth_does_not_know_is_not_judged() -> None:
    (row,) = judged(world(), listing(account("shop.example", "domain"), type="domain"))
    assert (row["is_judged"], row["kind"]) == (False, None)


def test_harm_is_counted_by_measure_and_kind() -> None:
    rows = [
        listing(account("child's")), listing(account("heir's")), listing(account("ring's"), "close", "finding"),
        listing(account("heir's"), "restrict", "verification_overdue"),
    ]  # fmt: skip
    harm = count_harm(judge_listings(lake(listings=rows).active, world()))
    assert read(harm) == [
        {"measure": "restrict", "kind": "new_holder_of_recycled", "n": 1, "n_bound": 0, "n_overdue": 1},
        {"measure": "verify", "kind": "family_member", "n": 1, "n_bound": 1, "n_overdue": 0},
        {"measure": "verify", "kind": "new_holder_of_recycled", "n": 1, "n_bound": 0, "n_overdue": 0},
    ]


def test_precision_is_of_a_measure_alone_and_recall_of_it_and_all_graver_ones() -> None:
    rows = [listing(account("ring's"), "close", "finding"), listing(account("child's")), listing(account("heir's"))]
    found = judge_listings(lake(listings=rows).active, world())
    ids = [{"node_id": account(name)} for name in ("ring's", "child's", "loner's")]
    leads, should_be, guilty = (build("node_id bigint", part) for part in (ids[2:], ids[:2], ids))
    table = weigh_measures(found, leads, should_be, guilty)
    assert [tuple(row.values()) for row in table.to_dicts()] == [
        ("close", 1, 1, 1, 1, 1), ("suspend", 0, 0, 0, 1, 1), ("restrict", 0, 0, 0, 1, 1), ("verify", 2, 2, 1, 2, 2), ("lead", 1, 0, 0, 2, 3),
    ]  # fmt: skip
