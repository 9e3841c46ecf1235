"""Guilty accounts that are still open and not listed, and why."""

from __future__ import annotations

import polars as pl

from jobs.core.frames import pick, stack
from jobs.listing.tests import BOUND_TYPES
from jobs.policy import Policy
from jobs.score.arrived import find_arrived
from jobs.score.left import Lake
from jobs.score.paths import find_ways, reach
from jobs.score.truth import BOUND, Truth

CLASSES = {
    "bound": "bound to a fraud number",
    "ring": "used by a ring with a finding",
    "ring_unknown": "used by a ring without a finding",
    "alone": "of a lone offender",
}
"""Classes of guilty accounts; of several the first counts. The first two are what the evidence shows."""
REASONS = {
    "answered": "the recipient or an appeal has answered",
    "lead": "a lead: below the bound of every measure",
    "not_delivered": "a record that shows it has not come: late, refused or set aside",
    "no_evidence": "no evidence: nothing is claimed of who uses it",
    "below_the_bound": "below the bound: a path of at most three edges, but its influence is too small",
    "barred": "a path of at most three edges, but its times do not meet, or due process bars it",
    "shared_identifier": "only through a shared identifier",
    "beyond_three_edges": "beyond three edges of every claim",
}
ANSWERS = ("verified", "acted", "not_ours", "appeal_upheld")


def find_guilty(truth: Truth) -> pl.DataFrame:
    """One row per guilty account that is open that night: node_id, type, class (CLASSES), label: whose claims could show it.

    The label is the ring, the person, or the tenure that it is bound to.
    """
    opened = truth.owners.filter("is_open", pl.col("type").is_in(BOUND_TYPES))
    bound = truth.found.filter("is_known", pl.col("reason") == BOUND).select(
        "node_id", pl.lit("bound").alias("class"), pl.col("tenure").cast(pl.String).alias("label")
    )
    confirmed = pl.col("ring_id").is_in(truth.confirmed["ring_id"].implode())
    ringed = opened.filter(pl.col("ring_id").is_not_null()).select(
        "node_id", pl.when(confirmed).then(pl.lit("ring")).otherwise(pl.lit("ring_unknown")).alias("class"), pl.col("ring_id").alias("label")
    )  # fmt: skip
    loners = truth.people.filter("is_guilty", pl.col("ring_id").is_null()).select("person")
    alone = opened.filter(pl.col("ring_id").is_null()).join(loners, on="person", how="semi")
    alone = alone.select("node_id", pl.lit("alone").alias("class"), pl.col("person").alias("label"))
    place = {name: number for number, name in enumerate(CLASSES)}
    every = stack([bound, ringed, alone]).with_columns(
        _place=pl.col("class").replace_strict(place, return_dtype=pl.Int8)
    )
    first = pick(every, "node_id", ["_place", "label"])
    return first.join(opened.select("node_id", "type"), on="node_id", how="inner", validate="1:1").select(
        "node_id", "type", "class", "label"
    )


def find_origins(signals: pl.DataFrame, truth: Truth) -> pl.DataFrame:
    """Where claims stand that could show a guilty account: label, node_id, strength, is_finding; one row per label and node.

    Claims on what a ring or its members had in hand at any time, on what a person had, and on a tenure itself.
    """
    claimed = signals.filter("is_live").group_by("node_id").agg(
        pl.col("strength").max(), (pl.col("standard") == "finding").any().alias("is_finding")
    )  # fmt: skip
    members = truth.people.filter("is_guilty").select("person", _ring="ring_id")
    had = truth.hands.join(members, on="person", how="left", validate="m:1")
    labels = [
        had.select("node_id", label="ring_id"),
        had.select("node_id", label="_ring"),
        had.select("node_id", label="person"),
        truth.tenures.select("node_id", label=pl.col("node_id").cast(pl.String)),
    ]
    labelled = stack(labels).filter(pl.col("label").is_not_null()).unique()
    return labelled.join(claimed, on="node_id", how="inner", validate="m:1")


def explain_missed(guilty: pl.DataFrame, lake: Lake, truth: Truth, policy: Policy) -> pl.DataFrame:
    """One row per guilty account without an active listing: node_id, type, class, reason (REASONS)."""
    missed = guilty.join(lake.active, on="node_id", how="anti")
    weights = {str(kind): edge.weight for kind, edge in policy.edges.items()}
    ways = find_ways(lake.edges, lake.shared, weights)
    origins = find_origins(lake.signals, truth).join(missed.select("label"), on="label", how="semi")
    for name, through in (("open", False), ("shared", True)):
        near = reach(origins, ways, policy.score.max_edges, through_shared=through)
        found = near.select("label", "node_id", pl.col("influence").alias(name))
        missed = missed.join(found, on=["label", "node_id"], how="left", validate="1:1")
    arrived = find_arrived(truth, lake)
    unseen = ~_among(lake.identifiers) | ((pl.col("class") == "bound") & ~_among(arrived))
    answered = lake.listings.filter(pl.col("release_reason").is_in(ANSWERS))
    scored = lake.scores.select("node_id", "score")
    missed = missed.join(scored, on="node_id", how="left", validate="1:1")
    too_small = (pl.col("score") < policy.measures.lead) | (pl.col("open") < policy.score.min_influence)
    reason = (
        pl.when(_among(answered)).then(pl.lit("answered"))
        .when(_among(lake.leads)).then(pl.lit("lead"))
        .when(unseen).then(pl.lit("not_delivered"))
        .when(~pl.col("label").is_in(origins["label"].unique().implode())).then(pl.lit("no_evidence"))
        .when(too_small.fill_null(False)).then(pl.lit("below_the_bound"))
        .when(pl.col("open").is_not_null()).then(pl.lit("barred"))
        .when(pl.col("shared").is_not_null()).then(pl.lit("shared_identifier"))
        .otherwise(pl.lit("beyond_three_edges"))
    )  # fmt: skip
    return missed.select("node_id", "type", "class", reason.alias("reason")).sort("class", "reason", "node_id")


def within_three_edges(guilty: pl.DataFrame, lake: Lake, truth: Truth, policy: Policy) -> pl.DataFrame:
    """(node_id): open accounts used by rings with a confirmed finding, to which a path of live edges leads from a finding of that ring.

    `guilty` may name an account for its binding; here its ring counts. A path passes no shared identifier.
    """
    weights = {str(kind): edge.weight for kind, edge in policy.edges.items()}
    ways = find_ways(lake.edges.filter("is_live"), lake.shared, weights)
    confirmed = truth.owners.join(truth.confirmed, on="ring_id", how="semi").select("node_id", label="ring_id")
    accounts = confirmed.join(guilty, on="node_id", how="semi")
    origins = find_origins(lake.signals, truth).filter("is_finding").join(accounts, on="label", how="semi")
    near = reach(origins, ways, policy.score.max_edges)
    return accounts.join(near, on=["label", "node_id"], how="semi").select("node_id")


def _among(frame: pl.DataFrame) -> pl.Expr:
    return pl.col("node_id").is_in(frame["node_id"].unique().implode())
