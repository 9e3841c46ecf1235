"""The truth in the graph's ids, as of one night."""

import polars as pl
import pytest

from tests.frames import read
from tests.score.world import account, card, person, should, tenure, truth

PHONE = "+8613800000001"


def line(holder: str, since: str, **more: object) -> dict[str, object]:
    return {
        "identifier_type": "phone",
        "identifier": PHONE,
        "tenure_from": since,
        "person": holder,
        "from_at": since,
        **more,
    }


def test_a_recycled_number_is_two_nodes_and_each_has_its_own_holder() -> None:
    known = truth(control=[line("P1", "2020-01-01", to_at="2021-01-01", ring_id="R1"), line("P2", "2022-01-01")])
    owners = {row["node_id"]: (row["person"], row["ring_id"], row["is_open"]) for row in known.owners.to_dicts()}
    assert owners == {
        tenure(PHONE, "2020-01-01"): ("P1", "R1", False),
        tenure(PHONE, "2022-01-01"): ("P2", None, True),
    }


def test_what_changed_hands_belongs_to_who_had_it_that_night() -> None:
    known = truth(
        control=[
            card("sold", "P1", to_at="2026-05-01"), card("sold", "P9", from_at="2026-05-01", ring_id="R1"),
            card("sold later", "P1", to_at="2026-10-04"), card("sold later", "P9", from_at="2026-10-04", ring_id="R1"),
        ]
    )  # fmt: skip
    found = read(known.owners.sort("ring_id").select("node_id", "person", "ring_id"))
    assert found == [
        {"node_id": account("sold later"), "person": "P1", "ring_id": None},
        {"node_id": account("sold"), "person": "P9", "ring_id": "R1"},
    ]


def test_everybody_has_their_own_document() -> None:
    known = truth(people=[person("P1")])
    assert read(known.owners.select("node_id", "person", "is_open")) == [
        {"node_id": account("id of P1", "national_id"), "person": "P1", "is_open": True}
    ]


@pytest.mark.parametrize(
    ("roles", "kind"),
    [
        ([("innocent", None)], "innocent"),
        ([], "innocent"),
        ([("innocent", "2026-09-01")], "falsely_accused"),
        ([("innocent", "2026-10-04")], "innocent"),
        ([("victim", "2026-09-01"), ("family_member", None)], "victim"),
        ([("new_holder_of_recycled", None), ("victim", "2026-09-01")], "new_holder_of_recycled"),
        ([("switchboard_user", None)], "switchboard_user"),
        ([("mule_deceived", "2026-09-01")], "mule_deceived"),
        ([("victim", "2026-09-01"), ("organiser", "2026-09-01")], None),
        ([("victim", "2026-09-01"), ("organiser", "2026-10-04")], "victim"),
    ],
    ids=str,
)
def test_who_takes_part_is_guilty_and_of_innocents_the_nearest_kind_counts(
    roles: list[tuple[str, str | None]], kind: str | None
) -> None:
    known = truth(people=[person("P1")], roles=[{"person": "P1", "role": r, "since": s} for r, s in roles])
    (row,) = known.people.to_dicts()
    assert (row["is_guilty"], row["kind"]) == (kind is None, kind)


def test_what_is_found_later_is_not_known_yet() -> None:
    rows = [
        should("now", phone=PHONE, tenure_from="2020-01-01"),
        should("later", "ring_controlled", known_on="2026-10-04"),
    ]
    known = truth(should_be_found=rows)
    assert read(known.found.select("node_id", "tenure", "is_known")) == [
        {"node_id": account("now"), "tenure": tenure(PHONE, "2020-01-01"), "is_known": True},
        {"node_id": account("later"), "tenure": None, "is_known": False},
    ]


def test_a_ring_is_confirmed_when_its_finding_was_recorded() -> None:
    rings = [
        {"ring_id": "R1", "confirmed_at": "2026-09-01"},
        {"ring_id": "R2", "confirmed_at": "2026-10-05"},
        {"ring_id": "R3"},
    ]
    assert truth(rings=rings).confirmed.equals(pl.DataFrame({"ring_id": ["R1"]}))
