"""Each active listing against the truth: in whose hands it is, and whether it is right."""

from __future__ import annotations

import polars as pl

from jobs.listing.tests import MEASURES
from jobs.score.truth import BOUND, Truth

OVERDUE = "verification_overdue"
BY_PEOPLE = ("finding", "review_decision")
"""Tests by which a named body says it of the node itself."""
LISTING = ("listing_id", "node_id", "type", "measure", "test", "administrator", "due_on")


def judge_listings(active: pl.DataFrame, truth: Truth) -> pl.DataFrame:
    """One row per active listing: LISTING, `kind` of innocent (null: not one), and flags.

    `is_judged`: the truth knows who has it; `in_hands`: of a ring, of who takes part in a fraud, or a tenure that took part in one;
    `is_bound`: to a fraud number; `is_right`: in such hands, or bound where that is what the measure asks for.
    """
    owned = truth.owners.select("node_id", "person", "ring_id")
    people = truth.people.select("person", "is_guilty", "kind")
    rows = active.select(LISTING).join(owned, on="node_id", how="left", validate="m:1")
    rows = rows.join(people, on="person", how="left", validate="m:1")
    bound = truth.found.filter(pl.col("reason") == BOUND)["node_id"].unique()
    used = pl.col("node_id").is_in(truth.tenures["node_id"].implode())
    in_hands = pl.col("ring_id").is_not_null() | pl.col("is_guilty").fill_null(False) | used
    is_bound = pl.col("node_id").is_in(bound.implode())
    asked = (pl.col("measure") == "verify") | (pl.col("test") == OVERDUE)
    return rows.select(
        *LISTING, pl.when(~in_hands).then("kind").alias("kind"), (pl.col("person").is_not_null() | used).alias("is_judged"),
        in_hands.alias("in_hands"), is_bound.alias("is_bound"), (in_hands | (is_bound & asked)).alias("is_right"),
    )  # fmt: skip


def count_harm(judged: pl.DataFrame) -> pl.DataFrame:
    """One row per measure and kind of innocent that stands on it: measure, kind, n, n_bound (Article 22 asks for them), n_overdue."""
    innocent = judged.filter(pl.col("kind").is_not_null())
    counted = innocent.group_by("measure", "kind").agg(
        pl.len().alias("n"), pl.col("is_bound").sum().alias("n_bound"), (pl.col("test") == OVERDUE).sum().alias("n_overdue")
    )  # fmt: skip
    return counted.sort("measure", "kind")


def weigh_measures(
    judged: pl.DataFrame, leads: pl.DataFrame, should: pl.DataFrame, guilty: pl.DataFrame
) -> pl.DataFrame:
    """One row per measure, the gravest first, and one for leads: measure, n, n_judged, n_right (of those on just this measure), and
    n_should, n_guilty: how many of `should` and of `guilty` (node_id) are on this measure or a graver one, leads last.
    """
    rows, so_far = [], pl.Series("node_id", [], pl.Int64)
    for measure in (*reversed(MEASURES), "lead"):
        here = judged.filter(pl.col("measure") == measure)
        so_far = pl.concat([so_far, (leads if measure == "lead" else here)["node_id"]])
        reached = pl.col("node_id").is_in(so_far.unique().implode())
        rows.append(
            {
                "measure": measure, "n": leads.height if measure == "lead" else here.height, "n_judged": here.filter("is_judged").height,
                "n_right": here.filter("is_judged", "is_right").height,
                "n_should": should.filter(reached).height, "n_guilty": guilty.filter(reached).height,
            }
        )  # fmt: skip
    return pl.DataFrame(rows)
