"""The four promises that the product is measured by."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from jobs.score.judged import BY_PEOPLE, OVERDUE
from jobs.score.truth import WRONGED_BY_A_FINDING

RESTRICTING = ("restrict", "suspend", "close")
LEAST_RIGHT, LEAST_FOUND = 0.97, 0.95


@dataclass(frozen=True)
class Gate:
    """One promise: how many of how many must keep it, and how many do. Nothing to judge keeps it."""

    name: str
    says: str
    n_good: int
    n_all: int
    least: float

    @property
    def share(self) -> float | None:
        return self.n_good / self.n_all if self.n_all else None

    @property
    def passes(self) -> bool:
        return self.share is None or self.share >= self.least


def innocents_restricted(judged: pl.DataFrame) -> pl.DataFrame:
    """Innocents at `restrict` or above: measure, kind, administrator, `because`: overdue, wrong_finding, or null: nothing excuses it.

    `overdue`: a recipient was silent. `wrong_finding`: a finding, or a person's decision, names just this node of somebody whom the truth knows as
    falsely accused or deceived: the wrong is the agency's, and an appeal the remedy.
    """
    rows = judged.filter(pl.col("kind").is_not_null(), pl.col("measure").is_in(RESTRICTING))
    wronged = pl.col("test").is_in(BY_PEOPLE) & pl.col("kind").is_in(WRONGED_BY_A_FINDING)
    because = pl.when(pl.col("test") == OVERDUE).then(pl.lit("overdue")).when(wronged).then(pl.lit("wrong_finding"))
    return rows.select("measure", "kind", "administrator", because.alias("because"))


def no_innocent_restricted(judged: pl.DataFrame) -> Gate:
    """Of all that is judged there, but for the innocents that are counted apart."""
    n_all = judged.filter("is_judged", pl.col("measure").is_in(RESTRICTING)).height
    because = innocents_restricted(judged)["because"]
    n_apart, n_bad = because.len() - because.null_count(), because.null_count()
    says = "no innocent at restrict or above, but for the overdue and the wrongly found, counted apart"
    return Gate("no_innocent_restricted", says, n_all - n_apart - n_bad, n_all - n_apart, 1.0)


def verify_is_right(judged: pl.DataFrame) -> Gate:
    rows = judged.filter("is_judged", pl.col("measure") == "verify")
    says = f"at verify, at least {LEAST_RIGHT:.0%} in the hands of the fraud or bound to a fraud number"
    return Gate("verify_is_right", says, rows.filter("is_right").height, rows.height, LEAST_RIGHT)


def bound_is_on_a_worklist(judged: pl.DataFrame, answered: pl.DataFrame, arrived: pl.DataFrame) -> Gate:
    """`arrived` (node_id): arrived.find_arrived. `answered` (node_id): released by an outcome or an appeal: not asked again.

    Above `verify` a listing asks for more than a worklist does.
    """
    due = judged.filter((pl.col("measure") != "verify") | pl.col("due_on").is_not_null())
    done = pl.concat([due["node_id"], answered["node_id"]]).unique()
    good = arrived.filter(pl.col("node_id").is_in(done.implode())).height
    says = "every open account bound to a fraud-involved tenure, by records that have come, is on a worklist"
    return Gate("bound_is_on_a_worklist", says, good, arrived.height, 1.0)


def ring_is_found(near: pl.DataFrame, judged: pl.DataFrame, leads: pl.DataFrame) -> Gate:
    """`near` (node_id): missed.within_three_edges."""
    seen = pl.concat([judged["node_id"], leads["node_id"]]).unique()
    good = near.filter(pl.col("node_id").is_in(seen.implode())).height
    says = (
        f"of accounts of rings with a finding, at most three live edges away, at least {LEAST_FOUND:.0%} listed or lead"
    )
    return Gate("ring_is_found", says, good, near.height, LEAST_FOUND)
