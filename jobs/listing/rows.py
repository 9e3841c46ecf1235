"""Rows of the tables that people read: listings with their words, leads, and what contradicts itself."""

from __future__ import annotations

import hashlib
from datetime import datetime

import polars as pl

from jobs.core.frames import UTC, collected, collected_lists, stack
from jobs.graph.intervals import ends
from jobs.listing import reasons, state
from jobs.listing.given import Given, Terms
from jobs.listing.tests import ARTICLE_22, derived_influences, strongest_influences, unrolled
from jobs.policy import Policy
from jobs.releases.recipients import TO_EVERY_CARRIER, administrators_by_type
from jobs.signals import due_process

TEXTS = pl.List(pl.String)


def complete_listings(rows: pl.DataFrame, given: Given, direct: pl.DataFrame, terms: Terms) -> pl.DataFrame:
    """Rows of blacklist.listings: with the words, the agencies, the body that decided and who administers."""
    policy = terms.policy
    ring = given.rings.group_by("party_id").agg(pl.col("ring_id").min())
    full = rows
    for of_node in (
        given.scores.select("node_id", "score"), _ways(rows, given, policy), _told(rows, _said(direct, given.signals)), _found(direct),
        given.parties.select("node_id", "party_id"), given.tenures.select("node_id", "holder_id"), _memory(given.clearances),
    ):  # fmt: skip
        full = full.join(of_node, on="node_id", how="left", validate="m:1")
    full = full.join(ring, on="party_id", how="left", validate="m:1")
    cited = pl.concat_str(_or_null(pl.col("refs")), "memory", separator="; ", ignore_nulls=True)
    said = (pl.col(name).fill_null(pl.lit([], TEXTS)) for name in ("_told", "_on_the_way"))
    full = full.with_columns(
        agencies=pl.concat_list(*said).list.unique().list.sort(),
        path_kinds=_path_kinds(), found=pl.col("found").fill_null(pl.lit([], TEXTS)),
        administrator=state.administrator(administrators_by_type(terms.recipients), sorted(terms.recipients)),
        status=pl.lit("active"), released_on=pl.lit(None, pl.Date), release_reason=pl.lit(None, pl.String),
        deciding_body=pl.col("decided_by").fill_null(reasons.BY_RULE), human_decision=_or_null(cited),
        remedy_channel=pl.lit(policy.due_process.remedy_channel.en), materials_required=pl.lit(policy.due_process.materials_required.en),
        policy_version=pl.lit(f"{policy.id} {policy.version}"), score=pl.col("score").fill_null(0.0),
        evidence_digest=_evidence_digest(full),
    )  # fmt: skip
    return reasons.tell_reasons(full, policy).select(given.published.columns)


def _or_null(text: pl.Expr) -> pl.Expr:
    return pl.when(text != "").then(text)


def _ways(rows: pl.DataFrame, given: Given, policy: Policy) -> pl.DataFrame:
    """node_id, `_on_the_way` (agencies for which the lineages count that the listing stands on), and the edge kinds of two paths: `_strongest`
    (of the strongest of those lineages) and `_derived` (of the strongest by which it is listed by derived control)."""
    stands_on = unrolled(rows.select("node_id", lineage="lineages"), "lineage")
    reaching = given.influences.join(stands_on, on=["node_id", "lineage"], how="semi")
    own = reaching.join(rows.filter(pl.col("test") == "same_holder"), on="node_id", how="semi")
    derived = derived_influences(own, given.signals, given.edges, given.tenures, policy)
    paths = {"_strongest": reaching, "_derived": derived}
    ways = reaching.group_by("node_id").agg(collected("agency").alias("_on_the_way"))
    for name, influences in paths.items():
        kinds = pl.col("path").list.eval(pl.element().struct.field("kind"))
        path = strongest_influences(influences).select("node_id", kinds.alias(name))
        ways = ways.join(path, on="node_id", how="left", validate="1:1")
    return ways


def _path_kinds() -> pl.Expr:
    """Edge kinds of the path by which the test lists a row: a finding is on the node itself, the Article 22 rule walks the binding."""
    test = pl.col("test")
    path = (
        pl.when(test.is_in([ARTICLE_22, reasons.OVERDUE])).then(pl.lit(["bound_phone"], TEXTS))
        .when(test == "same_holder").then("_derived")
        .when(test != "finding").then("_strongest")
    )  # fmt: skip
    return path.fill_null(pl.lit([], TEXTS))


def _found(direct: pl.DataFrame) -> pl.DataFrame:
    """node_id and `found`: the kinds of the findings on it."""
    findings = direct.filter(pl.col("standard") == "finding")
    return findings.group_by("node_id").agg(collected("kind").alias("found"))


def _said(direct: pl.DataFrame, signals: pl.DataFrame) -> pl.DataFrame:
    """(lineage, agency): who says it; of a lineage that nobody says any more, as one that a decision rests on, who said it."""
    told, ever = (
        pl.concat([frame.select("agency", lineage=name) for name in ("lineage", "own_lineage")])
        for frame in (direct, signals)
    )
    return pl.concat([told, ever.join(told, on="lineage", how="anti")])


def _told(rows: pl.DataFrame, said: pl.DataFrame) -> pl.DataFrame:
    """node_id and the agencies that say directly, of whatever node, what the listing's lineages say."""
    by_lineage = said.group_by("lineage").agg(collected("agency").alias("_by"))
    named = unrolled(rows.select("node_id", lineage="lineages"), "lineage")
    told = named.join(by_lineage, on="lineage", how="inner", validate="m:1")
    return told.group_by("node_id").agg(collected_lists("_by").alias("_told"))


def _memory(clearances: pl.DataFrame) -> pl.DataFrame:
    """node_id and `memory`: decisions that a new listing must name: upheld appeals, and outcomes that verified it."""
    said = clearances.select("node_id", said=pl.concat_str("by", "ref", separator=" ", ignore_nulls=True))
    return said.group_by("node_id").agg(collected("said").str.join("; ").alias("memory"))


def _evidence_digest(rows: pl.DataFrame) -> pl.Series:
    """SHA-256 over what a listing stands on: test, lineages, tenures."""
    tenures = pl.col("tenures").cast(TEXTS).list.join(",")
    text = rows.select(pl.concat_str("test", pl.col("lineages").list.join(","), tenures, separator="|")).to_series()
    return pl.Series([hashlib.sha256(row.encode()).hexdigest() for row in text], dtype=pl.String)


def find_leads(rows: pl.DataFrame, given: Given, terms: Terms) -> pl.DataFrame:
    """Rows of blacklist.leads: for people to look at, as long as the test passes; what is listed is not a lead."""
    found = _leading(given, terms).join(rows, on="node_id", how="anti")
    of_number = given.identifiers.select(phone_id="node_id", protected_reason="protected_reason")
    columns = ["node_id", "type", "protected_reason"]
    tenures = given.tenures.join(of_number, on="phone_id", how="left", validate="m:1").with_columns(
        type=pl.lit("phone")
    )
    kinds = pl.concat([given.identifiers.filter(pl.col("type") != "phone").select(columns), tenures.select(columns)])
    for of_node in (
        kinds, given.scores.select("node_id", "score", "agencies", "lineages"), given.parties.select("node_id", "party_id"),
        given.leads.select("node_id", "first_on"),
    ):  # fmt: skip
        found = found.join(of_node, on="node_id", how="left", validate="1:1")
    texts = (pl.col(name).fill_null(pl.lit([], TEXTS)) for name in ("agencies", "lineages"))
    full = found.filter(pl.col("protected_reason").is_null()).with_columns(
        *texts, pl.col("score").fill_null(0.0), pl.col("first_on").fill_null(terms.on)
    )
    return full.select(given.leads.columns)


def _leading(given: Given, terms: Terms) -> pl.DataFrame:
    """node_id and `reasons`: a score, or a crowd that the policy calls a lead."""
    bounds = [bound for bound in terms.policy.shared.bounds if bound.lead]
    crowds = pl.DataFrame(
        {name: [getattr(bound, name) for bound in bounds] for name in ("kind", "side", "lead")},
        schema=dict.fromkeys(("kind", "side", "lead"), pl.String),
    ).unique(["kind", "side"], keep="last", maintain_order=True)
    crowded = given.shared_identifiers.filter("is_shared").join(
        crowds, on=["kind", "side"], how="inner", validate="m:1"
    )
    scored = given.scores.filter(pl.col("score") >= terms.policy.measures.lead)
    named = pl.concat([scored.select("node_id", pl.lit("score").alias("lead")), crowded.select("node_id", "lead")])
    return named.group_by("node_id").agg(collected("lead").alias("reasons"))


def find_contradictions(given: Given, states: pl.DataFrame, policy: Policy) -> pl.DataFrame:
    """Rows for a human: `not_ours` goes back to the source agency (of several the first in the policy's order), which owns the row; an account or number that was closed and is shown open by a later record.

    `states`: know_states.
    """
    has = pl.col("agencies").list
    source = pl.coalesce(*(pl.when(has.contains(agency)).then(pl.lit(agency)) for agency in policy.score.agency_order))
    foreign = given.outcomes.filter(pl.col("is_valid") & (pl.col("outcome") == "not_ours"))
    foreign = foreign.join(given.listings.select("listing_id", "agencies"), on="listing_id", how="inner", validate="m:1").select(
        "node_id", pl.lit("recipient_says_not_ours").alias("reason"), (pl.lit("listing ") + pl.col("listing_id")).alias("source"),
        pl.lit("").alias("detail"), source.alias("owner"),
    )  # fmt: skip
    open_again = states.filter("reopened").select(
        "node_id", pl.lit("closed_but_shown_open").alias("reason"), pl.concat_str("what", pl.lit(" record")).alias("source"), pl.lit("").alias("detail"),
        pl.lit(None, pl.String).alias("owner"),
    )  # fmt: skip
    return pl.concat([foreign, open_again])


def know_states(given: Given, instant: datetime) -> pl.DataFrame:
    """One row per account that a record, an outcome or a case tells of, and per tenure that an outcome says is closed: node_id, `what` it is,
    closed_at, scope, reopened.

    `closed_at`: by its record or by the recipient's `closed`; `scope`: who issued it; `reopened`: whether a feed record that was recorded
    later than it was closed shows it open tonight.
    """
    # One carrier's word on a device, which every carrier administers, says nothing of the others.
    for_all = pl.col("is_valid") & (pl.col("outcome") == "closed") & pl.col("type").ne_missing(TO_EVERY_CARRIER)
    shut = given.outcomes.filter(for_all).group_by("node_id").agg(
        pl.col("acted_at").min().alias("_acted"), due_process.end_of_moment("acted_at").max().alias("_by")
    )  # fmt: skip
    accounts = given.accounts.select(
        "closed_at", "scope", node_id="account_id", what=pl.lit("account"), _shown="open_recorded_at"
    )
    is_open = ends(pl.col("tenure_to")) >= pl.lit(instant, UTC)
    numbers = given.tenures.join(shut, on="node_id", how="semi").select(
        pl.col("tenure_to").alias("closed_at"), pl.lit(None, pl.String).alias("scope"), "node_id", pl.lit("number").alias("what"),
        pl.when(is_open).then("end_recorded_at").alias("_shown"),
    )  # fmt: skip
    rows = stack([accounts, numbers]).join(shut, on="node_id", how="full", coalesce=True, validate="1:1")
    rows = rows.join(_issuers_in_cases(given.reports), on="node_id", how="full", coalesce=True, validate="1:1")
    reopened = pl.col("_shown") > pl.col("_by")
    return rows.select(
        "node_id", "what", pl.min_horizontal("closed_at", "_acted").alias("closed_at"), pl.coalesce("scope", "_issuer").alias("scope"),
        reopened.fill_null(False).alias("reopened"),
    )  # fmt: skip


def _issuers_in_cases(reports: pl.DataFrame) -> pl.DataFrame:
    """node_id of each bank card that a case names, with the issuer that the newest report gives it."""
    part = pl.col("involved").struct
    named = unrolled(reports.select("recorded_at", "involved"), "involved").select(
        "recorded_at", part.field("identifier_type"), part.field("identifier_id").alias("node_id"), part.field("issuer").alias("_issuer")
    )  # fmt: skip
    cards = named.filter(
        (pl.col("identifier_type") == "bank_card") & pl.col("_issuer").is_not_null() & pl.col("node_id").is_not_null()
    ).sort("recorded_at", "_issuer", descending=True, nulls_last=True)
    return cards.unique("node_id", keep="first", maintain_order=True).select("node_id", "_issuer")
