"""Who would enter, move and leave: two nights' listings side by side, without a value in clear."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from jobs.core.frames import stack
from jobs.listing.tests import MEASURES

KEPT = ("measure", "test", "score")
ROW = {
    "change": pl.String(), "type": pl.String(), "node_id": pl.Int64(), "listing_id": pl.String(), "live_measure": pl.String(), "measure": pl.String(),
    "live_test": pl.String(), "test": pl.String(), "live_score": pl.Float64(), "score": pl.Float64(), "why": pl.String(),
}  # fmt: skip
COUNTED = ("live", "candidate", "enter", "leave", "moves_in", "moves_out")


@dataclass(frozen=True)
class Comparison:
    """What the candidate changes."""

    rows: pl.DataFrame
    """One row per listing that enters, moves (another measure or test) or leaves (ROW): `why` are the reasons by which the candidate lists it, or
    why it leaves; a listing that only the live policy would have added tonight leaves as `not_listed`."""
    by_measure: pl.DataFrame
    """One row per measure, the highest first: `name` and COUNTED."""
    by_test: pl.DataFrame
    """One row per test: `name` and COUNTED."""
    n_stay: int
    n_other_terms: int
    """Of those that stay: how many have another due date, term or legal basis."""


def compare_listings(live: pl.DataFrame, candidate: pl.DataFrame) -> Comparison:
    """Rows of blacklist.listings of the same night by the live and by the candidate policy, released ones too."""
    ours, theirs = (frame.filter(pl.col("status") == "active") for frame in (live, candidate))
    pairs = pair_listings(ours, theirs)
    moved = ~(pl.col("live_measure").eq_missing(pl.col("measure")) & pl.col("live_test").eq_missing(pl.col("test")))
    both, stays = pairs.filter(moved), pairs.filter(~moved)
    rows = stack(
        [
            _as_rows("enter", theirs.join(pairs, on="listing_id", how="anti").select("type", "node_id", "listing_id", *KEPT, why=_reasons())),
            _as_rows("move", both),
            _as_rows("leave", _leaving(ours.join(pairs, left_on="listing_id", right_on="live_id", how="anti"), candidate)),
        ]
    )  # fmt: skip
    ranks = {measure: rank for rank, measure in enumerate(reversed(MEASURES))}
    measures, tests = _tally(ours, theirs, rows, "measure"), _tally(ours, theirs, rows, "test")
    return Comparison(
        rows=rows.sort("type", "node_id", "listing_id").sort(
            pl.col("change").replace_strict({"leave": 0, "enter": 1, "move": 2}, return_dtype=pl.Int8), maintain_order=True
        ),
        by_measure=measures.sort(pl.col("name").replace_strict(ranks, default=len(ranks), return_dtype=pl.Int64), "name"),
        by_test=tests.sort("name"),
        n_stay=stays.height,
        n_other_terms=stays.filter("other_terms").height,
    )  # fmt: skip


def pair_listings(ours: pl.DataFrame, theirs: pl.DataFrame) -> pl.DataFrame:
    """What both list: by listing_id (another rule for tenures moves a listing to another node), else by node.

    `listing_id` is the candidate's, `live_id` the live one's.
    """
    terms = ("due_on", "expires_on", "legal_basis")
    left = ours.select(
        "node_id", live_id="listing_id", **{f"live_{name}": name for name in KEPT}, **{f"_{name}": name for name in terms}
    )  # fmt: skip
    right = theirs.select("type", "node_id", "listing_id", *KEPT, *terms, why=_reasons())
    same = right.join(left.drop("node_id"), left_on="listing_id", right_on="live_id", how="inner", validate="1:1").with_columns(live_id="listing_id")  # fmt: skip
    rest = right.join(same, on="listing_id", how="anti").join(
        left.join(same, on="live_id", how="anti"), on="node_id", how="inner", validate="1:1"
    )
    is_same = pl.all_horizontal(*(pl.col(name).eq_missing(pl.col(f"_{name}")) for name in terms))
    return stack([same, rest]).with_columns(other_terms=~is_same)


def count_differences(one: pl.DataFrame, other: pl.DataFrame) -> int:
    """How many active listings two sets of rows do not share, by listing, measure and test."""
    key = ["listing_id", "measure", "test"]
    a, b = (frame.filter(pl.col("status") == "active").select(key) for frame in (one, other))
    return a.join(b, on=key, how="anti").height + b.join(a, on=key, how="anti").height


def _reasons() -> pl.Expr:
    return pl.col("reasons").list.join(", ")


def _leaving(gone: pl.DataFrame, candidate: pl.DataFrame) -> pl.DataFrame:
    """Live listings that the candidate has not, with why: how it releases them, else that it would not list them."""
    released = candidate.filter(pl.col("status") == "released").select("listing_id", why="release_reason")
    rows = gone.join(released, on="listing_id", how="left", validate="1:1")
    return rows.select(
        "type", "node_id", "listing_id", *(pl.col(name).alias(f"live_{name}") for name in KEPT), pl.col("why").fill_null("not_listed")
    )  # fmt: skip


def _as_rows(change: str, found: pl.DataFrame) -> pl.DataFrame:
    """Rows of ROW; what this change has not is null."""
    full = found.with_columns(pl.lit(change).alias("change"))
    missing = [pl.lit(None, kind).alias(name) for name, kind in ROW.items() if name not in full.columns]
    return full.with_columns(missing).select(list(ROW))


def _tally(ours: pl.DataFrame, theirs: pl.DataFrame, rows: pl.DataFrame, column: str) -> pl.DataFrame:
    """Per measure or test: listings by either policy, and how many enter, leave, and move in from another and out to another."""

    def counted(frame: pl.DataFrame, name: str, by: str) -> pl.DataFrame:
        return frame.select(pl.col(by).alias("name"), pl.lit(name).alias("what"))

    live = f"live_{column}"
    moved = rows.filter((pl.col("change") == "move") & pl.col(column).ne_missing(pl.col(live)))
    seen = stack(
        [
            counted(ours, "live", column), counted(theirs, "candidate", column), counted(rows.filter(pl.col("change") == "enter"), "enter", column),
            counted(rows.filter(pl.col("change") == "leave"), "leave", live), counted(moved, "moves_in", column), counted(moved, "moves_out", live),
        ]
    )  # fmt: skip
    return seen.group_by("name").agg(
        (pl.col("what") == what).sum().cast(pl.Int64).alias(what) for what in COUNTED
    )  # fmt: skip
