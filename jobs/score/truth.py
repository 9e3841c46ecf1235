"""The simulated truth in the ids of the graph: who has what in hand, who is guilty, and what the evidence shows (jobs/simulate/truth.py)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

import polars as pl

from jobs.core.frames import UTC, pick, stack
from jobs.graph.intervals import begins, ends, live_at
from jobs.graph.tenures import tenure_ids
from jobs.identifiers.keys import node_ids

TABLES: dict[str, dict[str, pl.DataType]] = {
    "people": {"person": pl.String(), "identifier_type": pl.String(), "identifier": pl.String()},
    "roles": {"person": pl.String(), "role": pl.String(), "ring_id": pl.String(), "since": UTC},
    "control": {
        "identifier_type": pl.String(), "identifier": pl.String(), "tenure_from": UTC, "person": pl.String(),
        "from_at": UTC, "to_at": UTC, "ring_id": pl.String(),
    },
    "rings": {"ring_id": pl.String(), "confirmed_at": UTC},
    "fraud_tenures": {"identifier": pl.String(), "tenure_from": UTC, "moment": UTC, "known_on": pl.Date()},
    "should_be_found": {
        "identifier_type": pl.String(), "identifier": pl.String(), "reason": pl.String(), "phone": pl.String(),
        "tenure_from": UTC, "known_on": pl.Date(), "person": pl.String(), "ring_id": pl.String(),
    },
}  # fmt: skip
"""Columns that are read of each table."""

GUILTY = ("organiser", "mule_sold", "mule_lent")
KINDS = {
    "falsely_accused": "falsely accused",
    "mule_deceived": "deceived mule",
    "new_holder_of_recycled": "new holder of a recycled number",
    "victim": "victim",
    "impersonated": "impersonated",
    "family_member": "family member",
    "switchboard_user": "switchboard user",
    "innocent": "plays no part",
}
"""Kinds of innocents, the first that fits counts: by what most likely brought them near a fraud."""
WRONGED_BY_A_FINDING = ("falsely_accused", "mule_deceived")
BOUND, RINGED = "bound_to_fraud_phone", "ring_controlled"


@dataclass(frozen=True)
class Truth:
    """The truth as of one night."""

    hands: pl.DataFrame
    """One row per node and who had it, and when: node_id, type, person, ring_id (null: for no ring), from_at, to_at."""
    owners: pl.DataFrame
    """One row per node: who has it that night, or had it last: node_id, type, person, ring_id, is_open."""
    people: pl.DataFrame
    """One row per person: person, is_guilty, kind (null for the guilty), ring_id (of the guilty)."""
    tenures: pl.DataFrame
    """One row per tenure that took part in a fraud, whether known yet or not: node_id."""
    found: pl.DataFrame
    """One row per account, reason and tenure: node_id, reason, tenure, phone_id (null for `ring_controlled`), person, ring_id, is_known: by that night."""
    confirmed: pl.DataFrame
    """One row per ring of which a finding was recorded by that night: ring_id."""


def know_truth(tables: Mapping[str, pl.DataFrame], key: bytes, on: date, instant: datetime) -> Truth:
    """The truth at the end of the business date `on`."""
    tonight = pl.lit(instant, UTC)
    found, is_bound = tables["should_be_found"], pl.col("phone").is_not_null()
    hands = collect_hands(tables["control"], tables["people"], key)
    return Truth(
        hands=hands,
        owners=find_owners(hands, instant),
        people=judge_people(tables["people"], tables["roles"], instant),
        tenures=pl.DataFrame({"node_id": _tenures(tables["fraud_tenures"], "identifier", key)}).unique(),
        found=found.select(
            _nodes(found, key).alias("node_id"), "reason", pl.when(is_bound).then(_tenures(found, "phone", key)).alias("tenure"),
            pl.when(is_bound).then(node_ids(key, "phone", found["phone"])).alias("phone_id"), "person", "ring_id", (pl.col("known_on") <= on).alias("is_known"),
        ),
        confirmed=tables["rings"].filter(pl.col("confirmed_at") < tonight).select("ring_id"),
    )  # fmt: skip


def collect_hands(control: pl.DataFrame, people: pl.DataFrame, key: bytes) -> pl.DataFrame:
    """Truth.hands: what `control` says, and everybody's own document."""
    is_phone = pl.col("identifier_type") == "phone"
    nodes = control.select(
        pl.when(is_phone).then(_tenures(control, "identifier", key)).otherwise(_nodes(control, key)).alias("node_id"),
        pl.col("identifier_type").alias("type"), "person", "ring_id", "from_at", "to_at",
    )  # fmt: skip
    documents = people.select(
        _nodes(people, key).alias("node_id"), pl.col("identifier_type").alias("type"), "person", pl.lit(None, pl.String).alias("ring_id"),
        pl.lit(None, UTC).alias("from_at"), pl.lit(None, UTC).alias("to_at"),
    )  # fmt: skip
    return stack([nodes, documents])


def find_owners(hands: pl.DataFrame, instant: datetime) -> pl.DataFrame:
    """Truth.owners: of those who took a node in hand before `instant` the last one."""
    tonight = pl.lit(instant, UTC)
    begun = hands.filter(begins(pl.col("from_at")) < tonight)
    last = pick(begun, "node_id", [("from_at", True), "person"])
    is_open = live_at(begins(pl.col("from_at")), ends(pl.col("to_at")), tonight)
    return last.select("node_id", "type", "person", "ring_id", is_open.alias("is_open"))


def judge_people(people: pl.DataFrame, roles: pl.DataFrame, instant: datetime) -> pl.DataFrame:
    """Truth.people by the parts that they had played before `instant`. Who takes part in a fraud is guilty, whatever else they are."""
    accused = (pl.col("role") == "innocent") & pl.col("since").is_not_null()
    played = roles.filter(begins(pl.col("since")) < pl.lit(instant, UTC)).with_columns(
        part=pl.when(accused).then(pl.lit("falsely_accused")).otherwise("role")
    )
    place = {kind: number for number, kind in enumerate(KINDS)}
    by_person = played.group_by("person").agg(
        pl.col("role").is_in(GUILTY).any().alias("is_guilty"),
        pl.col("part").replace_strict(place, default=None, return_dtype=pl.Int8).min().alias("_kind"),
        pl.col("ring_id").filter(pl.col("role").is_in(GUILTY)).min().alias("ring_id"),
    )
    rows = people.select("person").unique().join(by_person, on="person", how="left", validate="1:1")
    names, is_guilty = dict(enumerate(KINDS)), pl.col("is_guilty").fill_null(False)
    kind = pl.col("_kind").fill_null(place["innocent"]).replace_strict(names, return_dtype=pl.String)
    return rows.select("person", is_guilty.alias("is_guilty"), pl.when(~is_guilty).then(kind).alias("kind"), "ring_id")


def _nodes(frame: pl.DataFrame, key: bytes) -> pl.Series:
    return node_ids(key, frame["identifier_type"], frame["identifier"])


def _tenures(frame: pl.DataFrame, phone: str, key: bytes) -> pl.Series:
    return tenure_ids(key, node_ids(key, "phone", frame[phone]), frame["tenure_from"])
