"""From tests passed to what tonight's list would be: the highest measure per node, for what can still be acted on (listing.md, Measures)."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import polars as pl

from jobs.core.frames import UTC, collected, collected_lists, pick
from jobs.graph.intervals import begins, ends, live_at
from jobs.graph.parties import DOCUMENTS
from jobs.listing.tests import ARTICLE_22, rank
from jobs.policy import Policy


def term_end(policy: Policy, on: date) -> pl.Expr:
    """The night in which the term of `measure` passes when it is given tonight; `none` has no term."""
    ends_on = {measure: on + timedelta(days=days) for measure, days in policy.measures.terms.items()}
    return pl.col("measure").replace_strict(ends_on, default=on, return_dtype=pl.Date)


def climb(candidates: pl.DataFrame) -> pl.DataFrame:
    """One row per node: its highest measure, the test that allows it, every reason that holds, all lineages it stands on."""
    ranked = candidates.with_columns(rank("measure").alias("_rank"))
    highest = pick(ranked, "node_id", [("_rank", True), "test", "ref", "decided_by"])
    whole = candidates.group_by("node_id").agg(
        collected("reason").alias("reasons"), collected_lists("lineages"), collected_lists("tenures"),
        collected("ref").str.join("; ").alias("refs"),
    )  # fmt: skip
    return highest.select("node_id", "measure", "test", "decided_by").join(
        whole, on="node_id", how="inner", validate="1:1"
    )


def describe_nodes(
    nodes: pl.DataFrame, identifiers: pl.DataFrame, tenures: pl.DataFrame, states: pl.DataFrame, instant: datetime
) -> pl.DataFrame:
    """node_id, type, phone_id, tenure_from, issuer, protected_reason, gone: why nobody can act on it tonight (null when one can).

    `states`: rows.know_states.
    """
    tonight = pl.lit(instant, dtype=UTC)
    of_number = identifiers.select(phone_id="node_id", protected_reason="protected_reason")
    is_live = live_at(begins(pl.col("tenure_from")), ends(pl.col("tenure_to")), tonight)
    state = states.select("node_id", "closed_at", _scope="scope").filter(pl.col("node_id").is_not_null())
    is_shut = (pl.col("closed_at") < tonight).fill_null(False)
    of_tenures = tenures.join(nodes, on="node_id", how="semi").join(
        of_number, on="phone_id", how="left", validate="m:1"
    )
    phones = of_tenures.join(state, on="node_id", how="left", validate="m:1").select(
        "node_id", pl.lit("phone").alias("type"), "phone_id", "tenure_from", pl.col("carrier").alias("issuer"), "protected_reason",
        pl.when(~is_live | is_shut).then(pl.lit("tenure_ended")).alias("gone"),
    )  # fmt: skip
    others = identifiers.join(nodes, on="node_id", how="semi").join(state, on="node_id", how="left", validate="m:1").select(
        "node_id", "type", pl.lit(None, dtype=pl.Int64).alias("phone_id"), pl.lit(None, dtype=UTC).alias("tenure_from"),
        pl.coalesce("_scope", "scope").alias("issuer"), "protected_reason",
        pl.when(is_shut).then(pl.lit("account_closed")).alias("gone"),
    )  # fmt: skip
    return pl.concat([phones, others])


def listable(climbed: pl.DataFrame, nodes: pl.DataFrame, policy: Policy) -> pl.DataFrame:
    """What can be listed tonight, with the node's facts and the legal basis: live, unprotected, with a basis; documents only by a finding."""
    articles = {type_: article.en for type_, article in policy.legal_basis.items()}
    rows = climbed.join(nodes, on="node_id", how="inner", validate="m:1").with_columns(
        legal_basis=pl.col("type").replace_strict(articles, default=None, return_dtype=pl.String)
    )
    by_finding = ~pl.col("type").is_in(DOCUMENTS) | (pl.col("test") == "finding")
    return rows.filter(
        pl.col("gone").is_null() & pl.col("protected_reason").is_null() & pl.col("legal_basis").is_not_null() & by_finding
    )  # fmt: skip


def past_due(tonight: pl.DataFrame, active: pl.DataFrame, on: date) -> pl.DataFrame:
    """`restrict` for what the Article 22 rule still lists and nobody has answered for by its due date. `active`: with `answer`.

    Where a person decided `restrict`, that stays its test: no recipient's outcome lifts it.
    """
    waiting = active.filter((pl.col("due_on") < on) & pl.col("answer").is_null()).select("node_id").unique()
    rows = tonight.join(waiting.with_columns(_late=pl.lit(True)), on="node_id", how="left", validate="m:1")
    is_late = (
        pl.col("_late").fill_null(False)
        & pl.col("reasons").list.contains(ARTICLE_22)
        & (rank("measure") <= rank(pl.lit("restrict")))
    )
    with_late = pl.col("reasons").list.set_union(["verification_overdue"]).list.sort()
    return rows.with_columns(
        test=pl.when(is_late & (pl.col("test") != "review_decision"))
        .then(pl.lit("verification_overdue"))
        .otherwise("test"),
        reasons=pl.when(is_late).then(with_late).otherwise("reasons"),
        measure=pl.when(is_late).then(pl.lit("restrict")).otherwise("measure"),
    ).drop("_late")
