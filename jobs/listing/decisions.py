"""Proposals and what people decided on them (listing.md, Proposals).

A decision rests on the lineages of the proposal that stood when it came: one made in an earlier night. It holds for its term while none of
them is withdrawn, unfounded, released or cleared; once lapsed it is not revived.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from jobs.core.frames import collected, pick, short_digest, stack
from jobs.listing.ladder import term_end
from jobs.listing.tests import measures_in_force, rank, unrolled
from jobs.policy import Policy
from jobs.signals.moves import Moves, move_nodes

VERSION = {"decision_id": "record_id", "recorded_at": "recorded_at", "measure": "measure"}
"""What makes a row of blacklist.decisions the same version of a record: its columns, and those of the feed."""


@dataclass(frozen=True)
class Grounds:
    """What decisions rest on tonight. `said`: node_id, lineage of every claim that stands, expired ones too; `cleared`: node_id, lineage of what
    a node is cleared of, or is spared from."""

    said: pl.DataFrame
    cleared: pl.DataFrame


def follow_decisions(before: pl.DataFrame, attached: pl.DataFrame) -> pl.DataFrame:
    """Rows of blacklist.decisions moved along with their tenures: to where the same version of the record attaches tonight."""
    moved = before.join(attached.select(_node="node_id", **VERSION), on=list(VERSION), how="left", validate="1:1")
    return moved.with_columns(node_id=pl.coalesce("_node", "node_id")).select(before.columns)


def take_decisions(
    attached: pl.DataFrame,
    before: pl.DataFrame,
    proposals: pl.DataFrame,
    grounds: Grounds,
    levels: dict[str, int],
    policy: Policy,
    on: date,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """(rows of blacklist.decisions, rows for a human).

    `attached`: review decisions that stand, with node_id and doubt; `before`: `follow_decisions`; `proposals`: node_id, lineages, opened_on of
    those open from the nights before: one made after the night that took a decision is not what it decided.
    """
    kept = before.join(attached.select(**VERSION), on=list(VERSION), how="semi")
    new = attached.join(kept, left_on="record_id", right_on="decision_id", how="anti")
    weighed = _weigh(new, before, proposals, levels, policy)
    fresh = _rest_on(weighed.filter(pl.col("_why").is_null()), grounds, policy, on).select(before.columns)
    human = weighed.filter(pl.col("_why").is_not_null()).select(
        pl.coalesce("node_id", "subject_id").alias("node_id"), pl.lit("decision_attaches_to_nothing").alias("reason"),
        (pl.lit("public_security/review_decisions ") + pl.col("record_id")).alias("source"), pl.col("_why").alias("detail"),
    )  # fmt: skip
    return _with_status(stack([kept, fresh]), grounds, on), human


def _weigh(
    new: pl.DataFrame, before: pl.DataFrame, proposals: pl.DataFrame, levels: dict[str, int], policy: Policy
) -> pl.DataFrame:
    """New decisions with the `lineages` that they rest on, and `_why` one decides nothing (null when it does).

    A version said anew of one that was taken rests on what that rested on; one that asks for less than the decision in force needs no proposal:
    it frees. `_same`, `_expires`: the status and term of the version before, when the measure is the same.
    """
    level = pl.col("authority_level").replace_strict(levels, default=0, return_dtype=pl.Int64)
    least = {measure: levels[code] for measure, code in policy.measures.decision_from.items()}
    needed = pl.col("measure").replace_strict(least, default=0, return_dtype=pl.Int64)
    rests = pl.col("lineages", "direct_lineages")
    open_ones = proposals.select("node_id", _proposed="lineages", _opened="opened_on")
    earlier = before.select("node_id", rests.name.prefix("_was_"), record_id="decision_id")
    same = before.select("node_id", "measure", record_id="decision_id", _same="status", _expires="expires_on")
    in_force = _newest(before.filter(pl.col("status") == "in_force")).select(
        "node_id", rests.name.prefix("_over_"), _place=rank("measure")
    )
    rows = new
    for frame, key in (
        (open_ones, ["node_id"]), (in_force, ["node_id"]), (earlier, ["node_id", "record_id"]), (same, ["node_id", "record_id", "measure"])
    ):  # fmt: skip
        rows = rows.join(frame, on=key, how="left", validate="m:1")
    stood = (pl.col("_opened") < pl.col("night_on")).fill_null(False)
    frees = (rank("measure") < pl.col("_place")).fill_null(False)

    def rested(name: str) -> pl.Expr:
        return pl.coalesce(f"_was_{name}", pl.when(frees).then(f"_over_{name}"))

    rows = rows.with_columns(
        lineages=pl.when(stood).then("_proposed").otherwise(rested("lineages")),
        direct_lineages=pl.when(~stood).then(rested("direct_lineages")),
    )
    why = (
        pl.when(pl.col("doubt").is_not_null())
        .then("doubt")
        .when(pl.col("lineages").is_null())
        .then(pl.lit("no_proposal_stood"))
        .when(level < needed)
        .then(pl.lit("below_the_authority_it_needs"))
    )
    return rows.with_columns(_why=why)


def _rest_on(taken: pl.DataFrame, grounds: Grounds, policy: Policy, on: date) -> pl.DataFrame:
    """Rows of blacklist.decisions of the decisions that were taken tonight."""
    named = unrolled(taken.select("record_id", "node_id", lineage="lineages"), "lineage")
    direct = named.join(grounds.said, on=["node_id", "lineage"], how="semi")
    direct = direct.group_by("record_id").agg(collected("lineage").alias("_direct"))
    rows = taken.join(direct, on="record_id", how="left", validate="1:1")
    none = pl.lit([], pl.List(pl.String))
    return rows.with_columns(
        pl.coalesce("direct_lineages", "_direct", none).alias("direct_lineages"),
        decision_id="record_id",
        decided_on=pl.lit(on),
        status=pl.col("_same").fill_null("in_force"),
        expires_on=pl.coalesce("_expires", term_end(policy, on)),
    )


def _with_status(rows: pl.DataFrame, grounds: Grounds, on: date) -> pl.DataFrame:
    """A decision lapses with its term, or with any lineage that it rests on: one of which no claim stands (on the node itself, where one did when
    the decision came), or of which the node is cleared."""
    in_force = rows.filter(pl.col("status") == "in_force")
    newest = _newest(in_force)
    rests = unrolled(rows.select("decision_id", "node_id", lineage="lineages"), "lineage")
    direct = unrolled(rows.select("decision_id", "node_id", lineage="direct_lineages"), "lineage")
    ended = (
        rests.join(grounds.said, on="lineage", how="anti"),
        direct.join(grounds.said, on=["node_id", "lineage"], how="anti"),
        rests.join(grounds.cleared, on=["node_id", "lineage"], how="semi"),
    )
    marked = rows.with_columns(
        _gone=pl.col("decision_id").is_in(pl.concat(ended)["decision_id"].unique().to_list()),
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


def _newest(decisions: pl.DataFrame) -> pl.DataFrame:
    """One per node: two meet on one when their tenures turn out to be one."""
    return pick(decisions, "node_id", [("decided_at", True), ("recorded_at", True), ("decision_id", True)])


def turned_down(decisions: pl.DataFrame, verified: pl.DataFrame) -> pl.DataFrame:
    """(node_id, lineage) that no proposal may rest on: by a decision `none`, or an outcome that freed a proposal, as long as these stand.

    `verified`: node_id, lineages of listings that stood as proposals and were verified.
    """
    by_person = decisions.filter(pl.col("measure") == "none")
    rows = pl.concat([frame.select("node_id", lineage="lineages") for frame in (by_person, verified)])
    return unrolled(rows, "lineage").unique()


def keep_proposals(
    before: pl.DataFrame, passing: pl.DataFrame, decisions: pl.DataFrame, down: pl.DataFrame, policy: Policy, on: date
) -> pl.DataFrame:
    """Rows of blacklist.proposals: an open one goes on while it passes, is closed when decided or turned down, withdrawn when it passes no more.
    What passes beside one that was decided or turned down tonight is a new proposal.

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
    was = before.filter(pl.col("status") == "open")
    for of_node in (told, refused, tonight):
        was = was.join(of_node, on="node_id", how="left", validate="1:1")
    was = was.with_columns(_status=_status_tonight())
    going_on, closed = was.filter(pl.col("_status") == "open"), was.filter(pl.col("_status") != "open")
    new = tonight.join(going_on, on="node_id", how="anti")
    return stack(
        [
            before.filter(pl.col("status") != "open"),
            closed.with_columns(status="_status", decided_on=pl.lit(on), decision_ref="_ref").select(before.columns),
            _renew(going_on, policy, on).select(before.columns),
            _open(new, policy, on).select(before.columns),
        ]
    )


def follow_proposals(proposals: pl.DataFrame, moves: Moves, on: date) -> pl.DataFrame:
    """Rows of blacklist.proposals moved along with their tenures; of two that meet on one node the one opened first goes on."""
    moved = move_nodes(proposals, moves)
    going_on = pick(moved.filter(pl.col("status") == "open"), "node_id", ["opened_on", "proposal_id"])
    meets = (pl.col("status") == "open") & ~pl.col("proposal_id").is_in(going_on["proposal_id"].implode())
    return moved.with_columns(
        status=pl.when(meets).then(pl.lit("withdrawn")).otherwise("status"),
        decided_on=pl.when(meets).then(pl.lit(on)).otherwise("decided_on"),
    )


def _still_to_propose(passing: pl.DataFrame, decisions: pl.DataFrame) -> pl.DataFrame:
    in_force = measures_in_force(decisions).select("node_id", rank("measure").alias("_in_force"), _decided="lineages")
    is_new_evidence = pl.col("lineages").list.set_difference("_decided").list.len() > 0
    return passing.join(in_force, on="node_id", how="left", validate="m:1").filter(
        pl.col("_in_force").is_null() | ((rank("measure") > pl.col("_in_force")) & is_new_evidence)
    )


def _status_tonight() -> pl.Expr:
    refused = pl.col("_refused").fill_null([])
    return (
        pl.when("_none")
        .then(pl.lit("turned_down"))
        .when(pl.col("_ref").is_not_null())
        .then(pl.lit("decided"))
        .when(pl.col("lineages").list.set_difference(refused).list.len() == 0)
        .then(pl.lit("turned_down"))
        .when(pl.col("_measure").is_not_null())
        .then(pl.lit("open"))
        .otherwise(pl.lit("withdrawn"))
    )


def _renew(going_on: pl.DataFrame, policy: Policy, on: date) -> pl.DataFrame:
    """Proposals that stay open, as they pass tonight; each term that passes undecided is counted."""
    n_days = (pl.lit(on) - pl.col("opened_on")).dt.total_days()
    n_renewed = (n_days // policy.measures.terms["verify"]).cast(pl.Int32)
    return going_on.with_columns(measure="_measure", lineages="_lineages", n_renewed=n_renewed)


def _open(new: pl.DataFrame, policy: Policy, on: date) -> pl.DataFrame:
    """Proposals that are made tonight."""
    proposal_id = short_digest(new, pl.lit("proposal"), pl.col("node_id"), pl.lit(on.isoformat()))
    no_date, due_on = pl.lit(None, pl.Date), on + timedelta(days=policy.measures.human_due_days)
    return new.select(
        "node_id", proposal_id=proposal_id, measure="_measure", lineages="_lineages", opened_on=pl.lit(on), due_on=pl.lit(due_on),
        status=pl.lit("open"), decided_on=no_date, decision_ref=pl.lit(None, pl.String), n_renewed=pl.lit(0, pl.Int32),
    )  # fmt: skip
