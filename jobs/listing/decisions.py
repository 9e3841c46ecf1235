"""Proposals and what people decided on them (listing.md, Proposals).

A decision rests on the lineages of the proposal that stood when it came: one made in an earlier night. It holds for its term while none of
them is withdrawn, unfounded, released or cleared; once lapsed it is not revived.
"""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl

from jobs.core.frames import collected, pick, short_digest, stack
from jobs.listing.ladder import term_end
from jobs.listing.tests import measures_in_force, rank, unrolled
from jobs.policy import Policy


def take_decisions(
    attached: pl.DataFrame,
    before: pl.DataFrame,
    proposals: pl.DataFrame,
    standing: pl.DataFrame,
    cleared: pl.DataFrame,
    levels: dict[str, int],
    policy: Policy,
    on: date,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """(rows of blacklist.decisions, rows for a human).

    `attached`: review decisions that stand, with node_id and doubt; `before`: blacklist.decisions; `proposals`: node_id, lineages, opened_on of
    those open from the nights before: one made after the night that took a decision is not what it decided;
    `standing`: lineages of which a claim stands; `cleared`: node_id, lineage.
    """
    fresh = _weigh(
        attached.join(before, left_on="record_id", right_on="decision_id", how="anti"), proposals, levels, policy
    )
    new = fresh.filter(pl.col("_why").is_null()).select(
        pl.col("record_id").alias("decision_id"), "node_id", "measure", "decision_ref", "authority_level", "lineages",
        pl.lit(on).alias("decided_on"), pl.lit("in_force").alias("status"), term_end(policy, on).alias("expires_on"), "decided_at", "recorded_at",
    )  # fmt: skip
    human = fresh.filter(pl.col("_why").is_not_null()).select(
        "node_id", pl.lit("decision_attaches_to_nothing").alias("reason"),
        (pl.lit("public_security/review_decisions ") + pl.col("record_id")).alias("source"), pl.col("_why").alias("detail"),
    )  # fmt: skip
    kept = before.join(attached, left_on="decision_id", right_on="record_id", how="semi")
    return _with_status(stack([kept, new]), standing, cleared, on), human


def _weigh(fresh: pl.DataFrame, proposals: pl.DataFrame, levels: dict[str, int], policy: Policy) -> pl.DataFrame:
    """New decisions with the lineages of the proposal that stood, and `_why` it decides nothing (null when it does)."""
    level = pl.col("authority_level").replace_strict(levels, default=0, return_dtype=pl.Int64)
    least = {measure: levels[code] for measure, code in policy.measures.decision_from.items()}
    needed = pl.col("measure").replace_strict(least, default=0, return_dtype=pl.Int64)
    open_ones = proposals.select("node_id", "lineages", _opened="opened_on")
    stood = (pl.col("_opened") < pl.col("night_on")).fill_null(False)
    why = (
        pl.when(pl.col("doubt").is_not_null())
        .then("doubt")
        .when(~stood)
        .then(pl.lit("no_proposal_stood"))
        .when(level < needed)
        .then(pl.lit("below_the_authority_it_needs"))
    )
    return fresh.join(open_ones, on="node_id", how="left", validate="m:1").with_columns(_why=why)


def _with_status(rows: pl.DataFrame, standing: pl.DataFrame, cleared: pl.DataFrame, on: date) -> pl.DataFrame:
    in_force = rows.filter(pl.col("status") == "in_force")
    newest = pick(in_force, "node_id", [("decided_at", True), ("recorded_at", True), ("decision_id", True)])
    rests = unrolled(rows.select("decision_id", "node_id", lineage="lineages"), "lineage")
    gone = pl.concat(
        [
            rests.join(standing, on="lineage", how="anti"),
            rests.join(cleared, on=["node_id", "lineage"], how="semi"),
        ]
    )
    marked = rows.with_columns(
        _gone=pl.col("decision_id").is_in(gone["decision_id"].unique().to_list()),
        _newest=pl.col("decision_id").is_in(newest["decision_id"].to_list()),
    )
    status = (
        pl.when(pl.col("status") != "in_force")
        .then("status")
        .when(pl.col("_gone") | ((pl.col("measure") != "none") & (pl.col("expires_on") <= on)))
        .then(pl.lit("lapsed"))
        .when(~pl.col("_newest"))
        .then(pl.lit("replaced"))
        .otherwise(pl.lit("in_force"))
    )
    return marked.with_columns(status=status).select(rows.columns)


def turned_down(decisions: pl.DataFrame, proposals: pl.DataFrame, verified: pl.DataFrame) -> pl.DataFrame:
    """(node_id, lineage) that no proposal may rest on: by a decision `none`, or a `verified_clean` on a proposal.

    `verified`: node_id, lineages of listings that stood as proposals and were verified.
    """
    by_person = decisions.filter(pl.col("measure") == "none")
    before = proposals.filter(pl.col("status") == "turned_down")
    rows = pl.concat([frame.select("node_id", lineage="lineages") for frame in (by_person, verified, before)])
    return unrolled(rows, "lineage").unique()


def keep_proposals(
    before: pl.DataFrame, passing: pl.DataFrame, decisions: pl.DataFrame, down: pl.DataFrame, policy: Policy, on: date
) -> pl.DataFrame:
    """Rows of blacklist.proposals: an open one goes on while it passes, is closed when decided or turned down, withdrawn when it passes no more.

    `passing`: node_id, measure, lineages of tonight. A decision in force of at least that measure, or on all of those lineages, leaves nothing
    to propose.
    """
    told = (
        decisions.filter(pl.col("decided_on") == on)
        .group_by("node_id")
        .agg(pl.col("decision_ref").max().alias("_ref"), (pl.col("measure") == "none").max().alias("_none"))
    )
    refused = down.group_by("node_id").agg(collected("lineage").alias("_refused"))
    tonight = _still_to_propose(passing, decisions).select("node_id", _measure="measure", _lineages="lineages")
    was = (
        before.filter(pl.col("status") == "open")
        .join(tonight, on="node_id", how="full", coalesce=True, validate="1:1")
        .join(told, on="node_id", how="left", validate="m:1")
        .join(refused, on="node_id", how="left", validate="m:1")
    )
    rows = _renew(was.with_columns(_status=_status_tonight()), policy, on)
    return stack([before.filter(pl.col("status") != "open"), rows])


def _still_to_propose(passing: pl.DataFrame, decisions: pl.DataFrame) -> pl.DataFrame:
    in_force = measures_in_force(decisions).select("node_id", rank("measure").alias("_in_force"), _decided="lineages")
    is_new_evidence = pl.col("lineages").list.set_difference("_decided").list.len() > 0
    return passing.join(in_force, on="node_id", how="left", validate="m:1").filter(
        pl.col("_in_force").is_null() | ((rank("measure") > pl.col("_in_force")) & is_new_evidence)
    )


def _status_tonight() -> pl.Expr:
    passes = pl.col("_measure").is_not_null()
    refused = pl.col("_refused").fill_null([])
    return (
        pl.when(pl.col("proposal_id").is_null())
        .then(pl.lit("open"))
        .when("_none")
        .then(pl.lit("turned_down"))
        .when(pl.col("_ref").is_not_null() & ~passes)
        .then(pl.lit("decided"))
        .when(passes)
        .then(pl.lit("open"))
        .when(pl.col("lineages").list.set_difference(refused).list.len() == 0)
        .then(pl.lit("turned_down"))
        .otherwise(pl.lit("withdrawn"))
    )


def _renew(was: pl.DataFrame, policy: Policy, on: date) -> pl.DataFrame:
    """Rows of blacklist.proposals, of proposals from before and new ones (without proposal_id), with tonight's `_status`."""
    new_id = short_digest(was, pl.lit("proposal"), pl.col("node_id"), pl.lit(on.isoformat()))
    is_closed = pl.col("_status") != "open"
    n_days = (pl.lit(on) - pl.col("opened_on")).dt.total_days()
    return was.select(
        pl.coalesce("proposal_id", new_id).alias("proposal_id"), "node_id", pl.coalesce("_measure", "measure").alias("measure"),
        pl.coalesce("_lineages", "lineages").alias("lineages"), pl.col("opened_on").fill_null(on),
        pl.col("due_on").fill_null(on + timedelta(days=policy.measures.human_due_days)), pl.col("_status").alias("status"),
        pl.when(is_closed).then(pl.lit(on)).alias("decided_on"), pl.when(is_closed).then("_ref").alias("decision_ref"),
        (n_days // policy.measures.terms["verify"]).fill_null(0).cast(pl.Int32).alias("n_renewed"),
    )  # fmt: skip
