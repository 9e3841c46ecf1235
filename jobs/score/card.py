"""All figures of one night against the truth."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl

from jobs.policy import Policy
from jobs.score import gates, judged, missed
from jobs.score.arrived import find_arrived
from jobs.score.gates import Gate
from jobs.score.left import Lake
from jobs.score.truth import BOUND, Truth


@dataclass(frozen=True)
class Scorecard:
    """What a night did, harm first."""

    on: date
    n_listings: int
    n_leads: int
    not_judged: pl.DataFrame
    """Active listings of which the truth says nothing: type, n."""
    harm: pl.DataFrame
    """judged.count_harm."""
    restricted: pl.DataFrame
    """gates.innocents_restricted, counted: because, kind, administrator, n."""
    n_guilty: int
    missed: pl.DataFrame
    """Guilty accounts that are open and not listed, counted: class, reason, n."""
    n_should: int
    measures: pl.DataFrame
    """judged.weigh_measures."""
    n_bound: int
    n_not_arrived: int
    """Of the `n_bound` open accounts bound to a fraud number by the truth those that no record in the lake shows (arrived.py)."""
    gates: tuple[Gate, ...]

    @property
    def passes(self) -> bool:
        return all(gate.passes for gate in self.gates)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "night": self.on.isoformat(), "listings": self.n_listings, "leads": self.n_leads, "not_judged": self.not_judged.to_dicts(),
            "harm": self.harm.to_dicts(), "innocents_restricted": self.restricted.to_dicts(),
            "missed": {"guilty_accounts": self.n_guilty, "unlisted": self.missed.to_dicts(), "bound": self.n_bound, "bound_but_not_arrived": self.n_not_arrived},
            "measures": {"should_be_found": self.n_should, "rows": [_with_shares(row, self.n_should, self.n_guilty) for row in self.measures.to_dicts()]},
            "gates": [
                {"name": gate.name, "says": gate.says, "good": gate.n_good, "of": gate.n_all, "share": gate.share, "least": gate.least, "passes": gate.passes}
                for gate in self.gates
            ],
            "passes": self.passes,
        }  # fmt: skip


def score_night(on: date, lake: Lake, truth: Truth, policy: Policy) -> Scorecard:
    """Every figure of one night."""
    listed = judged.judge_listings(lake.active, truth)
    guilty = missed.find_guilty(truth)
    should = guilty.filter(pl.col("class").is_in(["bound", "ring"]))
    gone = missed.explain_missed(guilty, lake, truth, policy)
    answered = lake.listings.filter(pl.col("release_reason").is_in(missed.ANSWERS)).select("node_id")
    arrived = find_arrived(truth, lake)
    near = missed.within_three_edges(guilty, lake, truth, policy)
    bound = truth.found.filter("is_known", pl.col("reason") == BOUND).select("node_id").unique()
    return Scorecard(
        on=on,
        n_listings=listed.height,
        n_leads=lake.leads.height,
        not_judged=_count(listed.filter(~pl.col("is_judged")), "type"),
        harm=judged.count_harm(listed),
        restricted=_count(gates.innocents_restricted(listed), "because", "kind", "administrator"),
        n_guilty=guilty.height,
        missed=_count(gone, "class", "reason"),
        n_should=should.height,
        measures=judged.weigh_measures(listed, lake.leads, should, guilty),
        n_bound=bound.height,
        n_not_arrived=bound.height - arrived.height,
        gates=(
            gates.no_innocent_restricted(listed),
            gates.verify_is_right(listed),
            gates.bound_is_on_a_worklist(listed, answered, arrived),
            gates.ring_is_found(near, listed, lake.leads),
        ),
    )


def _count(rows: pl.DataFrame, *by: str) -> pl.DataFrame:
    return rows.group_by(by).agg(pl.len().alias("n")).sort(by)


def _with_shares(row: dict[str, Any], n_should: int, n_guilty: int) -> dict[str, Any]:
    """A measure's row with precision and recall; null where there is nothing to divide by."""

    def share(part: int, whole: int) -> float | None:
        return part / whole if whole else None

    return row | {
        "precision": share(row["n_right"], row["n_judged"]), "recall": share(row["n_should"], n_should), "recall_of_all_guilty": share(row["n_guilty"], n_guilty),
    }  # fmt: skip
