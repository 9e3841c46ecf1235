"""What people said of the listings of the nights before, and of whom it is tonight: appeals, review decisions, outcomes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import polars as pl

from jobs.core.frames import empty, stack
from jobs.core.night import Night
from jobs.graph import tenures
from jobs.graph.sims import SERVED, served_tenures, serving
from jobs.graph.sources import Sources
from jobs.releases.recipients import Recipient
from jobs.signals import due_process
from jobs.signals.moves import Moves, move_nodes, move_tenures, trace_tenures

APPEALS, REVIEWS = "public_security/appeal_decisions", "public_security/review_decisions"


@dataclass(frozen=True)
class People:
    """`published`: blacklist.listings as they stand; `listings`: the same, moved along with their tenures; the others are of what is tonight."""

    published: pl.DataFrame
    listings: pl.DataFrame
    moves: Moves
    upheld: pl.DataFrame
    """Upheld appeals that stand: one row per appeal and node. `lifted_on`: the night that took the first version that says the same."""
    review_decisions: pl.DataFrame
    outcomes: pl.DataFrame
    """due_process.read_outcomes."""

    @classmethod
    def of(cls, night: Night) -> People:
        """The night's one instance: stages of one process share it."""
        if "people" not in night.scratch:
            night.scratch["people"] = _hear(night)
        return cast(People, night.scratch["people"])


def _hear(night: Night) -> People:
    lake = night.lake
    all_tenures, published = lake.frame("graph.tenures"), lake.frame("blacklist.listings")
    by_phone = tenures.known_by_phone(all_tenures)
    moves = trace_tenures(lake.frame("blacklist.named_tenures"), all_tenures, by_phone, night.key)
    listings = _with_carrier_tonight(move_tenures(move_nodes(published, moves), moves), all_tenures, night.recipients)
    attaching = _Attaching(night, listings, moves, by_phone, _served(night, all_tenures))
    return People(
        published=published, listings=listings, moves=moves, upheld=attaching.upheld(), review_decisions=attaching.reviews(),
        outcomes=_outcomes(night, listings, moves, by_phone),
    )  # fmt: skip


def _served(night: Night, all_tenures: pl.DataFrame) -> pl.DataFrame:
    """sims.served_tenures; none where no decision names a SIM, which is nearly every night: edges are many."""
    source = Sources.of(night)
    said = [*(source.versions(feed) for feed in (APPEALS, REVIEWS)), source.freeing(APPEALS)]
    if not any(frame["subject_type"].is_in(due_process.SIMS).any() for frame in said):
        return empty(SERVED)
    return served_tenures(night.lake.frame("graph.edges", ["kind", "from_id", "to_id", "support"]), all_tenures)


def _with_carrier_tonight(
    listings: pl.DataFrame, all_tenures: pl.DataFrame, recipients: Mapping[str, Recipient]
) -> pl.DataFrame:
    """Active listings of numbers with who administers them tonight: a port may have come since."""
    carriers = all_tenures.filter(pl.col("carrier").is_in(list(recipients))).select("node_id", _carrier="carrier")
    rows = listings.join(carriers, on="node_id", how="left", validate="m:1")
    is_active = (pl.col("type") == "phone") & (pl.col("status") == "active")
    administrator = pl.when(is_active).then(pl.coalesce("_carrier", "administrator")).otherwise("administrator")
    return rows.with_columns(administrator=administrator).select(listings.columns)


@dataclass(frozen=True)
class _Attaching:
    """What decisions are attached by."""

    night: Night
    listings: pl.DataFrame
    moves: Moves
    by_phone: pl.DataFrame
    served: pl.DataFrame

    def upheld(self) -> pl.DataFrame:
        """One that is quarantined stands beside the newest good version; one on a number that nobody was known to hold is of whoever is known
        since to have held it; one on a SIM is of the SIM itself too."""
        source = Sources.of(self.night)
        freeing = source.freeing(APPEALS).with_columns(is_newest=pl.lit(None, pl.Boolean))
        versions = due_process.dated(stack([source.versions(APPEALS), freeing]))
        same = ["record_id", "listing_id", "subject_id", "outcome", "decided_at"]
        attached = self._attach(versions.with_columns(lifted_on=pl.col("night_on").min().over(same)))
        freeing = attached.filter(pl.col("is_newest").is_null() & (pl.col("outcome") == "upheld"))
        upheld = stack([due_process.stand_by(attached.filter(pl.col("is_newest").is_not_null())), freeing])
        of_holders = upheld.join(self.moves.since, left_on="named_id", right_on="node_id", how="inner")
        of_sims = upheld.filter(pl.col("subject_type").is_in(due_process.SIMS) & pl.col("node_id").is_not_null())
        also = of_holders.with_columns(node_id="now_id"), of_sims.with_columns(node_id="subject_id")
        return stack([upheld, *also]).unique()

    def reviews(self) -> pl.DataFrame:
        return self._attach(Sources.of(self.night).versions(REVIEWS)).filter("is_newest")

    def _attach(self, decisions: pl.DataFrame) -> pl.DataFrame:
        heard = due_process.heard_first(self._with_tenure_then(decisions))
        served = self.served.select(subject_id="sim_id", node_id="tenure_node").unique()
        return due_process.attach_decisions(heard, self.listings, served, self.moves.lost)

    def _with_tenure_then(self, decisions: pl.DataFrame) -> pl.DataFrame:
        """Decisions with `held_then`: of a phone the tenure that held the moment of the decision, of a SIM the only one that it served then."""
        rows = decisions.with_columns(_phone=pl.when(pl.col("subject_type") == "phone").then("subject_id"))
        day = pl.col("decided_at_is_day")
        held = tenures.attach_phone(
            rows, self.by_phone, self.night.key, phone="_phone", moment=pl.col("decided_at"), is_day=day
        )
        of_sims = decisions.filter(pl.col("subject_type").is_in(due_process.SIMS)).select(
            "subject_id", "decided_at", "decided_at_is_day"
        )
        of_sims = serving(
            of_sims.unique(), self.served, sim="subject_id", moment="decided_at", is_day="decided_at_is_day"
        )
        moment = ["subject_id", "decided_at", "decided_at_is_day"]
        only = of_sims.group_by(moment).agg(_served=pl.col("tenure_node").min(), _n=pl.col("tenure_node").n_unique())
        held = held.join(only.filter(pl.col("_n") == 1), on=moment, how="left", validate="m:1")
        return held.select(*decisions.columns, held_then=pl.coalesce("tenure_node", "_served"))


def _outcomes(night: Night, listings: pl.DataFrame, moves: Moves, by_phone: pl.DataFrame) -> pl.DataFrame:
    """What recipients did, of all three feeds, with the listings that they answer; of a tenure that is lost, what it is now."""
    columns = ["record_id", "listing_id", "recipient_id", "outcome", "acted_at", "acted_at_is_day", "recorded_at"]
    frames = [
        Sources.of(night).current(feed.id).select(pl.lit(feed.agency).alias("agency"), *columns)
        for feed in night.contracts.values()
        if feed.name == "measure_outcomes"
    ]
    read = due_process.read_outcomes(stack(frames), listings, night.recipients)
    of_lost = pl.col("node_id").is_in(moves.lost["node_id"].implode())
    day = pl.col("acted_at_is_day")
    moved = tenures.attach_phone(
        read.filter(of_lost), by_phone, night.key, phone="phone_id", moment=pl.col("acted_at"), is_day=day
    )
    moved = moved.join(moves.lost, on="node_id", how="left", validate="m:1").with_columns(
        node_id=pl.coalesce("now_id", "tenure_node", "node_id")
    )
    return stack([read.filter(~of_lost.fill_null(False)), moved.select(read.columns)])
