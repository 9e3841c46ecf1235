"""From last night's listings and tonight's list to tonight's listings and events (listing.md, Due process).

A listing keeps its id as long as it stands; what is released stays as history.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import polars as pl

from jobs.core.frames import collected, pick, short_digest
from jobs.listing.ladder import term_end
from jobs.listing.tests import ARTICLE_22, rank, unrolled
from jobs.policy import Policy
from jobs.releases.recipients import TO_EVERY_CARRIER
from jobs.signals.due_process import FREED_BY_OUTCOME, may_be_freed

PUBLISHED = (
    "type", "tenure_from", "issuer", "administrator", "measure", "test", "reasons", "reason_zh", "reason_en", "legal_basis", "deciding_body",
    "human_decision", "remedy_channel", "materials_required", "due_on", "expires_on", "outcome", "policy_version",
)  # fmt: skip
RELEASED_FOR = (
    "protected_identifier", "appeal_upheld", "acted", "verified", "tenure_ended", "account_closed", "term_ended", "hands_changed", "support_ended",
)  # fmt: skip
"""Why a listing leaves: of several reasons the first."""

NEWEST = [("acted_at", True), ("recorded_at", True), ("outcome", True)]


def with_answers(active: pl.DataFrame, outcomes: pl.DataFrame) -> pl.DataFrame:
    """Active listings with `answer` (the newest valid outcome), and whether it frees (`is_freed`)."""
    valid = outcomes.filter("is_valid")
    newest = pick(valid, "listing_id", NEWEST)
    clean = valid.filter(pl.col("outcome").is_in(FREED_BY_OUTCOME)).select("listing_id").unique()
    rows = active.join(
        newest.select("listing_id", answer="outcome"), on="listing_id", how="left", validate="m:1"
    ).join(clean.with_columns(is_freed=pl.lit(True)), on="listing_id", how="left", validate="m:1")  # fmt: skip
    return rows.with_columns(is_freed=pl.col("is_freed").fill_null(False) & may_be_freed())


def set_aside(now: pl.DataFrame, outcomes: pl.DataFrame) -> pl.DataFrame:
    """Rows of blacklist.set_aside: of devices, which go to every carrier, those of which a carrier's newest word is that it has closed it, or
    that it is not its own: that frees nobody else of the device."""
    devices = now.filter(pl.col("type") == TO_EVERY_CARRIER).select("listing_id")
    said = outcomes.filter("is_valid").join(devices, on="listing_id", how="semi")
    newest = pick(said, ["listing_id", "recipient_id"], NEWEST)
    return newest.filter(pl.col("outcome").is_in(["closed", "not_ours"])).select(
        "listing_id", "recipient_id", "outcome"
    )


def date_anew(active: pl.DataFrame, held_back: pl.DataFrame, policy: Policy, on: date) -> pl.DataFrame:
    """Active listings, with a due date as if given tonight where the release that would have told it was held: nobody answers in a time that
    nobody was told."""
    is_untold = pl.col("listing_id").is_in(held_back["listing_id"].implode())
    return active.with_columns(
        due_on=pl.when(is_untold & pl.col("due_on").is_not_null()).then(_due(policy, on)).otherwise("due_on")
    )


def _due(policy: Policy, on: date) -> pl.Expr:
    return pl.lit(on + timedelta(days=policy.measures.article_22_due_days))


def drop_spent(tonight: pl.DataFrame, released: pl.DataFrame) -> pl.DataFrame:
    """Without what a passed term has used up: the same or a lower measure on none but the lineages that such a listing stood on.

    `tonight`: candidates, several of a node, or one row per node that was climbed to.
    """
    over = released.filter(pl.col("release_reason") == "term_ended").join(tonight, on="node_id", how="semi")
    spent = unrolled(over.select("node_id", rank("measure").alias("_rank"), _lineage="lineages"), "_lineage")
    rows = tonight.with_columns(rank("measure").alias("_place"))
    used = (
        rows.select("node_id", "_place")
        .unique()
        .join(spent, on="node_id", how="inner")
        .filter(pl.col("_rank") >= pl.col("_place"))
        .group_by("node_id", "_place")
        .agg(collected("_lineage").alias("_used"))
    )
    rows = rows.join(used, on=["node_id", "_place"], how="left", validate="m:1")
    has_more = pl.col("lineages").list.set_difference("_used").list.len() > 0
    return rows.filter(pl.col("_used").is_null() | has_more).drop("_used", "_place")


def end_listings(
    active: pl.DataFrame,
    tonight: pl.DataFrame,
    facts: pl.DataFrame,
    lifted: pl.DataFrame,
    hands: pl.DataFrame,
    on: date,
) -> pl.DataFrame:
    """Active listings with `ends_as`: why each leaves tonight; null where it stays.

    `facts`: describe_nodes; `lifted`: node_id, appeal_on (the night that took the newest upheld appeal); `hands`: node_id of what another now uses.
    An undecided proposal is renewed, not ended, at its term.
    """
    still = tonight.select("node_id", pl.lit(True).alias("_still"), _tonight="measure", _reasons="reasons")
    state = facts.select("node_id", _protected="protected_reason", _gone="gone")
    other = hands.select("node_id").unique().with_columns(_hands=pl.lit(True))
    rows = active
    for frame in (still, state, lifted.select("node_id", "appeal_on"), other):
        rows = rows.join(frame, on="node_id", how="left", validate="m:1")
    same_or_lower = rank("_tonight") <= rank("measure")
    is_proposal = pl.col("_reasons").list.contains("proposed_for_review").fill_null(False)
    over = (
        (pl.col("expires_on") <= on)
        & (pl.col("_tonight").is_null() | same_or_lower)
        & ~(pl.col("reasons").list.contains("proposed_for_review") & is_proposal)
    )
    why = (
        pl.when(pl.col("_protected").is_not_null()).then(pl.lit("protected_identifier"))
        .when(pl.col("appeal_on") > pl.col("listed_on")).then(pl.lit("appeal_upheld"))
        .when((pl.col("answer") == "closed") & pl.col("type").ne_missing(TO_EVERY_CARRIER)).then(pl.lit("acted"))
        .when("is_freed").then(pl.lit("verified"))
        .when(pl.col("_gone").is_not_null()).then("_gone")
        .when(over).then(pl.lit("term_ended"))
        .when(pl.col("_still").is_null() & pl.col("_hands")).then(pl.lit("hands_changed"))
        .when(pl.col("_still").is_null()).then(pl.lit("support_ended"))
    )  # fmt: skip
    return rows.select(*active.columns, why.alias("ends_as"))


def give_terms(tonight: pl.DataFrame, staying: pl.DataFrame, policy: Policy, on: date) -> pl.DataFrame:
    """Tonight's list with its dates and ids: those of the listing that stays, or new ones.

    A term counts from the night in which the present measure was first given; a due date is given once, with the Article 22 rule, where the
    listing asks for verification: what is suspended or closed is not asked, and a decided `restrict` keeps only a date given before.
    """
    kept = staying.select(
        "node_id", "listing_id", "listed_on", _measure="measure", _measured="measured_on", _expires="expires_on", _due="due_on",
        _reasons="reasons", outcome="answer",
    )  # fmt: skip
    # Two listings meet on one node when their tenures became one: both go on, each with its dates, until an outcome or the end of the support.
    rows = tonight.join(kept, on="node_id", how="left")
    is_same = pl.col("_measure").eq_missing(pl.col("measure"))
    by_rule = pl.col("reasons").list.contains(ARTICLE_22)
    had = pl.col("_reasons").list.contains(ARTICLE_22).fill_null(False)
    new_due = pl.when(pl.col("measure") == "verify").then(_due(policy, on))
    due = pl.when(rank("measure") <= rank(pl.lit("restrict"))).then(pl.coalesce(pl.when(had).then("_due"), new_due))
    new_id = short_digest(rows, pl.lit("listing"), pl.col("node_id"), pl.lit(on.isoformat()))
    return rows.with_columns(
        listing_id=pl.coalesce("listing_id", new_id),
        listed_on=pl.col("listed_on").fill_null(on),
        measured_on=pl.when(is_same).then("_measured").otherwise(pl.lit(on)),
        expires_on=pl.when(is_same & (pl.col("_expires") > on)).then("_expires").otherwise(term_end(policy, on)),
        due_on=pl.when(by_rule & pl.col("outcome").is_null()).then(due),
    ).drop("_measure", "_measured", "_expires", "_due", "_reasons")


def find_events(before: pl.DataFrame, after: pl.DataFrame, on: date) -> pl.DataFrame:
    """ADD, CHANGE and RELEASE of tonight. Both frames: listings; `before` the active ones of last night, `after` all that changed hands tonight."""
    was = before.select("listing_id", pl.lit(True).alias("_was"), pl.col(PUBLISHED).name.prefix("_was_"))
    rows = after.join(was, on="listing_id", how="left", validate="m:1")
    is_other = pl.any_horizontal(pl.col(name).ne_missing(pl.col(f"_was_{name}")) for name in PUBLISHED)
    event = (
        pl.when(pl.col("_was").is_null())
        .then(pl.lit("ADD"))
        .when(pl.col("status") == "released")
        .then(pl.lit("RELEASE"))
        .when(is_other)
        .then(pl.lit("CHANGE"))
    )
    return (
        rows.select(
            pl.lit(on).alias("night_on"), event.alias("event"), "listing_id", "node_id", "measure",
            pl.coalesce("release_reason", "test").alias("reason"),
        )
        .filter(pl.col("event").is_not_null())
        .sort("listing_id", "event")
    )  # fmt: skip


def administrator(by_type: dict[str, str], known: Sequence[str]) -> pl.Expr:
    """Who administers a row with type and issuer: the carrier of a phone, the institution or platform of an account, one recipient for a
    type (`by_type`), every carrier (null) a device. `known`: ids of recipients."""
    fixed = pl.col("type").replace_strict(by_type, default=None, return_dtype=pl.String)
    by_issuer = pl.when(pl.col("issuer").is_in(known)).then("issuer")
    return pl.when(pl.col("type").ne_missing(TO_EVERY_CARRIER)).then(pl.coalesce(fixed, by_issuer))
