"""What frees: appeals and outcomes, and what they clear an identifier of (listing.md, Due process).

Clearances are worked out anew each night from the decisions that stand and the listings of the nights before: nothing is remembered twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import polars as pl

from jobs.core.frames import pick, stack
from jobs.graph.intervals import plus_days
from jobs.releases.recipients import Recipient
from jobs.signals.moves import Moves, lineages_since
from jobs.signals.screening import CASE
from jobs.silver.standing import VERSION_ORDER

SIMS = ("imsi", "iccid")
NAMES_A_CASE = ("case_id", "recorded_at")
"""What `first_known` reads of case reports."""
FREED_BY_OUTCOME = ("verified_clean", "rectified")


def first_known(signals: pl.DataFrame, reports: pl.DataFrame) -> pl.DataFrame:
    """(lineage, lineage_known_at): when the first of its records was recorded; of a case any record that names it, whomever else it names,
    withdrawn ones too: the same case sent again is not another. A control that joined a case by its date says nothing of since when that is known.

    `signals`: graph.signals; `reports`: all versions of case reports that were ever taken.
    """
    of_cases = reports.filter(pl.col("case_id").is_not_null()).select(
        lineage=pl.lit(CASE) + pl.col("case_id"), first_known_at="recorded_at"
    )
    own = signals.select("first_known_at", lineage="own_lineage").select("lineage", "first_known_at")
    known = pl.concat([own, of_cases])
    return known.group_by("lineage").agg(lineage_known_at=pl.col("first_known_at").min())


def is_cleared(known_at: str | pl.Expr) -> pl.Expr:
    """Whether what is known since then is cleared `until` a decision (null: none)."""
    known = pl.col(known_at) if isinstance(known_at, str) else known_at
    return (known <= pl.col("until")).fill_null(False)


def with_known(signals: pl.DataFrame, first_known: pl.DataFrame) -> pl.DataFrame:
    """Signals with `lineage_known_at`, and `claim_known_at`: since when the claim itself was known, by this lineage or by its own."""
    rows = signals.join(first_known, on="lineage", how="inner", validate="m:1")
    return rows.with_columns(claim_known_at=pl.min_horizontal("lineage_known_at", "first_known_at"))


def end_of_moment(moment: str) -> pl.Expr:
    """The last instant of a moment; of a day its last microsecond."""
    last = plus_days(pl.col(moment), 1) - pl.duration(microseconds=1)
    return pl.when(f"{moment}_is_day").then(last).otherwise(moment)


def dated(decisions: pl.DataFrame) -> pl.DataFrame:
    """Decisions whose moment cannot be read count as taken when they were recorded."""
    return decisions.with_columns(
        decided_at=pl.coalesce("decided_at", "recorded_at"), decided_at_is_day=pl.col("decided_at_is_day").fill_null(False)
    )  # fmt: skip


def heard_first(versions: pl.DataFrame) -> pl.DataFrame:
    """Versions of decisions that stand, with `heard_on`: the night that took the first of its record that names the same. Said again, a
    decision is of whom it was: what was listed since does not move it.
    """
    named = ["record_id", "listing_id", "subject_id"]
    return versions.with_columns(heard_on=pl.col("night_on").min().over(named))


def stand_by(appeals: pl.DataFrame) -> pl.DataFrame:
    """The newest version of each appeal, where it upholds; and where that attaches to nothing, the newest one before it that does attach,
    unless a dismissal lies between: what nobody can understand takes back nothing.

    `appeals`: versions that stand, with node_id and `is_newest`.
    """
    ordered = appeals.sort("record_id", *VERSION_ORDER)
    dismissed_since = (pl.col("outcome") != "upheld").cum_sum(reverse=True).over("record_id")
    upheld = ordered.filter(dismissed_since == 0).with_columns(_place=pl.int_range(pl.len()).over("record_id"))
    attached = pl.col("_place").filter(pl.col("node_id").is_not_null()).max().over("record_id")
    return upheld.filter(pl.col("is_newest") | (pl.col("_place") == attached)).drop("_place")


def attach_decisions(
    decisions: pl.DataFrame, listings: pl.DataFrame, served: pl.DataFrame, lost: pl.DataFrame
) -> pl.DataFrame:
    """`decisions` with `node_id`, `named_id` and `doubt`: for a phone the tenure of `listing_id`, without it the only tenure of the number that
    was ever listed before the night that heard the decision; where none was, the one that held the moment of the decision (`held_then`). For a
    SIM the same of the tenures that it served; the SIM itself where it served none then.

    `decisions`: listing_id, subject_type, subject_id, heard_on, held_then, …; one row per decision out, `doubt` set where it attaches to
    nothing. A `listing_id` that no listing ever had says nothing. `served`: subject_id, node_id: SIMs and tenures. `lost`: node_id of tenures
    that are no more, and now_id: what was said of one is said of that, or without it of the tenure that held the moment; `named_id` is what it
    was said of.
    """
    phones = listings.filter(pl.col("type") == "phone")
    names = stack([phones.select("node_id", subject_id="phone_id"), served.select("node_id", "subject_id")]).unique()
    node = pl.col("node_id").drop_nulls()
    asked = decisions.select("subject_id", "heard_on").unique()
    listed = phones.select("node_id", "listed_on").join(names, on="node_id", how="inner")
    then = asked.join(listed, on="subject_id", how="inner").filter(pl.col("listed_on") < pl.col("heard_on"))
    ever = then.group_by("subject_id", "heard_on").agg(node.n_unique().alias("_n"), node.min().alias("_only"))
    named = listings.select("listing_id", _node="node_id")
    rows = decisions.join(named, on="listing_id", how="left", validate="m:1")
    rows = rows.join(ever, on=["subject_id", "heard_on"], how="left", validate="m:1")
    fits = names.select("subject_id", _node="node_id", _fits=pl.lit(True))
    rows = rows.join(fits, on=["subject_id", "_node"], how="left", validate="m:1")
    subject, kind = pl.col("subject_id"), pl.col("subject_type")
    has_listing = pl.col("_node").is_not_null()
    by_listing = pl.when(pl.col("_fits").fill_null(False) | (pl.col("_node") == subject)).then("_node")
    by_number = (
        pl.when(pl.col("_n") == 1)
        .then("_only")
        .when(pl.col("_n").is_null() & (kind == "phone"))
        .then("held_then")
        .when(pl.col("_n").is_null() & kind.is_in(SIMS))
        .then(pl.coalesce("held_then", subject))
        .when(pl.col("_n").is_null())
        .then(subject)
    )
    rows = rows.with_columns(_found=pl.when(has_listing).then(by_listing).otherwise(by_number))
    rows = rows.join(
        lost.select("now_id", _found="node_id", _lost=pl.lit(True)), on="_found", how="left", validate="m:1"
    )
    found = pl.when("_lost").then(pl.coalesce("now_id", "held_then", "_found")).otherwise("_found")
    doubt = (
        pl.when(subject.is_null()).then(pl.lit("identifier_unreadable"))
        .when(found.is_null() & has_listing).then(pl.lit("identifier_is_not_the_listings"))
        .when(found.is_null() & (pl.col("_n") > 1)).then(pl.lit("several_tenures_were_listed"))
        .when(found.is_null()).then(pl.lit("two_tenures_that_day"))
    )  # fmt: skip
    return rows.with_columns(node_id=found, named_id="_found", doubt=doubt).drop(
        "_node", "_n", "_only", "_fits", "_found", "_lost", "now_id", "held_then", "heard_on"
    )


def read_outcomes(outcomes: pl.DataFrame, listings: pl.DataFrame, recipients: Mapping[str, Recipient]) -> pl.DataFrame:
    """One row per outcome with its listing: `is_valid` when it comes from who administers the listing, through its own agency's feed.

    `outcomes`: agency, record_id, listing_id, recipient_id, outcome, acted_at, acted_at_is_day, recorded_at.
    """
    speak = pl.DataFrame(
        [(r.id, r.agency, r.kind) for r in recipients.values()],
        {"recipient_id": pl.String, "_speaks": pl.String, "_kind": pl.String},
        orient="row",
    )
    of = listings.select(
        "listing_id", "node_id", "type", "phone_id", "administrator", "measure", "test", "lineages", "tenures", "reasons",
    )  # fmt: skip
    rows = outcomes.join(speak, on="recipient_id", how="left", validate="m:1")
    rows = rows.join(of, on="listing_id", how="left", validate="m:1")
    administrator = pl.col("administrator")
    any_carrier = administrator.is_null() & (pl.col("type") == "imei") & (pl.col("_kind") == "carrier")
    mine = (administrator == pl.col("recipient_id")) | any_carrier
    valid = pl.col("node_id").is_not_null() & mine & (pl.col("_speaks") == pl.col("agency"))
    return rows.with_columns(is_valid=valid.fill_null(False)).drop("_speaks", "_kind")


def frees(outcome: pl.DataFrame) -> pl.DataFrame:
    """The outcomes that release their listing."""
    return outcome.filter(pl.col("is_valid") & pl.col("outcome").is_in(FREED_BY_OUTCOME) & may_be_freed())


def may_be_freed() -> pl.Expr:
    """Whether a recipient's outcome can release a listing: a `verify`, or a `restrict` that came by a deadline passed."""
    return (pl.col("measure") == "verify") | (pl.col("test") == "verification_overdue")


def clear(upheld: pl.DataFrame, outcomes: pl.DataFrame, moves: Moves, on: date) -> pl.DataFrame:
    """Rows of blacklist.clearances. `upheld`: attached appeals."""
    by_appeal = upheld.filter(pl.col("node_id").is_not_null()).select(
        "node_id", pl.lit("*").alias("lineage"), pl.lit("appeal").alias("by"), pl.col("decision_ref").alias("ref"), pl.lit("all").alias("scope"),
        end_of_moment("decided_at").alias("cleared_at"),
    )  # fmt: skip
    freed = frees(outcomes).filter(pl.col("lineages").list.len() > 0).explode("lineages")
    since = lineages_since(freed.select(lineage="lineages").unique(), moves).rename({"lineage": "lineages"})
    of_holders = freed.join(since, on="lineages", how="inner").with_columns(lineages="now_lineage")
    by_outcome = stack([freed, of_holders]).select(
        "node_id", pl.col("lineages").alias("lineage"), pl.lit("outcome").alias("by"), pl.col("listing_id").alias("ref"),
        pl.lit("association").alias("scope"), pl.col("acted_at").alias("cleared_at"),
    )  # fmt: skip
    said = stack([by_appeal, by_outcome]).with_columns(night_on=pl.lit(on, pl.Date))
    # Two outcomes on one listing, or two records of one decision, clear once: by the later moment.
    return pick(said, ["node_id", "lineage", "by", "ref"], [("cleared_at", True)])


def doubts(upheld: pl.DataFrame, outcomes: pl.DataFrame) -> pl.DataFrame:
    """Appeals that attach to nothing, and outcomes of somebody else."""
    lost = upheld.filter(pl.col("doubt").is_not_null()).select(
        pl.col("subject_id").alias("node_id"), pl.lit("decision_attaches_to_nothing").alias("reason"),
        (pl.lit("public_security/appeal_decisions ") + pl.col("record_id")).alias("source"), pl.col("doubt").alias("detail"),
    )  # fmt: skip
    source = (pl.col("agency") + pl.lit("/measure_outcomes ") + pl.col("record_id")).alias("source")
    foreign = outcomes.filter(~pl.col("is_valid")).select(
        "node_id", pl.lit("outcome_not_by_administrator").alias("reason"), source, pl.lit("").alias("detail")
    )
    against = outcomes.filter(pl.col("is_valid") & pl.col("outcome").is_in(FREED_BY_OUTCOME) & ~may_be_freed()).select(
        "node_id", pl.lit("outcome_contradicts_measure").alias("reason"), source, pl.col("outcome").alias("detail")
    )
    return stack([lost, foreign, against])
