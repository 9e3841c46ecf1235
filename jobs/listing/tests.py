"""The tests of the ladder: who passes which, tonight (listing.md, Measures).

A candidate row: node_id, measure, test, reason, lineages, tenures, decided_by, ref. A node may pass several.
"""

from __future__ import annotations

import polars as pl

from jobs.core.frames import collected, pick
from jobs.graph.intervals import begins, ends, plus_days
from jobs.policy import Policy, Proposal
from jobs.signals.due_process import is_cleared, with_known

MEASURES = ("verify", "restrict", "suspend", "close")
ARTICLE_22 = "bound_to_fraud_phone"
BOUND_TYPES = ("internet_account", "payment_account", "bank_account", "bank_card")
COLUMNS = ("node_id", "measure", "test", "reason", "lineages", "tenures", "decided_by", "ref")


def rank(measure: str | pl.Expr) -> pl.Expr:
    """Place on the ladder, from 1; 0 for none."""
    column = pl.col(measure) if isinstance(measure, str) else measure
    places = {name: place for place, name in enumerate(MEASURES, 1)}
    return column.replace_strict(places, default=0, return_dtype=pl.Int32)


def unrolled(frame: pl.DataFrame, column: str) -> pl.DataFrame:
    """One row per element of a column of lists; an empty list gives none."""
    return frame.explode(column, empty_as_null=False, keep_nulls=False)


def candidate(frame: pl.DataFrame, *, measure: pl.Expr, test: str, reason: str, **given: pl.Expr) -> pl.DataFrame:
    """Candidate rows of one test; `frame` has node_id and lineages."""
    no_text = pl.lit(None, dtype=pl.String)
    columns = {
        "node_id": pl.col("node_id"), "measure": measure, "test": pl.lit(test), "reason": pl.lit(reason), "lineages": pl.col("lineages"),
        "tenures": given.get("tenures", pl.lit([], dtype=pl.List(pl.Int64))), "decided_by": given.get("decided_by", no_text),
        "ref": given.get("ref", no_text),
    }  # fmt: skip
    return frame.select(**{name: columns[name] for name in COLUMNS})


def live_direct(signals: pl.DataFrame, cleared_until: pl.DataFrame, first_known: pl.DataFrame) -> pl.DataFrame:
    """Live signals on the node itself that it is not cleared of. One row per node in `cleared_until` (node_id, until), one per lineage in
    `first_known` (lineage, lineage_known_at)."""
    rows = with_known(signals.filter("is_live"), first_known)
    rows = rows.join(cleared_until.select("node_id", "until"), on="node_id", how="left", validate="m:1")
    return rows.filter(~is_cleared("claim_known_at")).drop("lineage_known_at", "claim_known_at", "until")


def found_directly(direct: pl.DataFrame, city: list[str]) -> pl.DataFrame:
    """`close` and `suspend` by findings on the node itself: each of the two on those that allow it, by the body that said it last, of several
    the highest. `city`: the levels from there on, lowest first."""
    level = pl.col("authority_level")
    places = {code: place for place, code in enumerate(city)}
    findings = direct.filter(pl.col("standard") == "finding").with_columns(
        _high=level.is_in(city).fill_null(False), _level=level.replace_strict(places, default=-1, return_dtype=pl.Int32)
    )
    key = ["node_id", "_high"]
    by_node = findings.group_by(key).agg(collected("lineage").alias("lineages"))
    newest = pick(findings, key, [("known_at", True), ("_level", True), ("signal_id", True)]).select(
        *key, "authority_level"
    )
    by_node = by_node.join(newest, on=key, how="inner", validate="1:1")
    return candidate(
        by_node, measure=pl.when("_high").then(pl.lit("close")).otherwise(pl.lit("suspend")), test="finding", reason="finding",
        decided_by=_of_the_police(),
    )  # fmt: skip


def decided(decisions: pl.DataFrame) -> pl.DataFrame:
    """`restrict` and `suspend` by a person's decision in force."""
    return candidate(
        measures_in_force(decisions), measure=pl.col("measure"), test="review_decision", reason="review_decision",
        decided_by=_of_the_police(), ref=pl.col("decision_ref"),
    )  # fmt: skip


def measures_in_force(decisions: pl.DataFrame) -> pl.DataFrame:
    """The decisions for a measure that hold tonight."""
    return decisions.filter((pl.col("status") == "in_force") & (pl.col("measure") != "none"))


def _of_the_police() -> pl.Expr:
    return pl.concat_str(pl.lit("public_security"), "authority_level", separator=" ", ignore_nulls=True)


def fraud_moments(
    direct: pl.DataFrame, signals: pl.DataFrame, decisions: pl.DataFrame, tenures: pl.DataFrame
) -> pl.DataFrame:
    """One row per tenure, lineage and moment from which the tenure is fraud-involved: tenure, is_implicit, lineage, moment.

    `signals`: all that stand, expired ones too: what a decision in force rests on counts as long as the decision lives.
    """
    own = tenures.select("node_id", "is_implicit")
    on_tenures = direct.join(own, on="node_id", how="inner", validate="m:1")
    told = on_tenures.filter((pl.col("standard") == "finding") | (pl.col("kind") == "subscription_fraud"))
    behind = unrolled(measures_in_force(decisions).select("node_id", lineage="lineages"), "lineage")
    judged = signals.join(behind, on=["node_id", "lineage"], how="semi").join(
        own, on="node_id", how="inner", validate="m:1"
    )
    columns = [pl.col("node_id").alias("tenure"), "is_implicit", "lineage", pl.col("occurred_at").alias("moment")]
    return pl.concat([told.select(columns), judged.select(columns)]).unique()


def bound_to_fraud(
    moments: pl.DataFrame,
    edges: pl.DataFrame,
    spared: pl.DataFrame,
    clearances: pl.DataFrame,
    cleared_until: pl.DataFrame,
    first_known: pl.DataFrame,
    verified: pl.DataFrame,
    policy: Policy,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The Article 22 rule: (candidates, rows for a human). `verified`: node_id, tenure, acted_at: answered by the recipient already.

    One row per node in `cleared_until` (node_id, until), one per lineage in `first_known` (lineage, lineage_known_at).
    """
    found = _bound_when_it_happened(moments, edges, policy)
    found = found.join(clearances.select("node_id", "lineage"), on=["node_id", "lineage"], how="anti")
    found = found.join(first_known, on="lineage", how="left", validate="m:1")
    found = found.join(cleared_until.select("node_id", "until"), on="node_id", how="left", validate="m:1")
    found = found.filter(~is_cleared("lineage_known_at"))
    answered = verified.group_by("node_id", "tenure").agg(pl.col("acted_at").max())
    found = found.join(answered, on=["node_id", "tenure"], how="left", validate="m:1")
    found = found.filter(~(pl.col("moment") < pl.col("acted_at")).fill_null(False))
    human = found.join(spared, on=["lineage", "node_id"], how="semi").select(
        "node_id", pl.lit("victims_account_bound_to_fraud_phone").alias("reason"), pl.col("lineage").alias("source"), pl.lit("").alias("detail")
    )  # fmt: skip
    by_account = (
        found.join(spared, on=["lineage", "node_id"], how="anti")
        .group_by("node_id")
        .agg(collected("lineage").alias("lineages"), collected("tenure").alias("_tenures"))
    )
    return candidate(
        by_account, measure=pl.lit("verify"), test=ARTICLE_22, reason=ARTICLE_22, tenures=pl.col("_tenures")
    ), human.unique()


def _bound_when_it_happened(moments: pl.DataFrame, edges: pl.DataFrame, policy: Policy) -> pl.DataFrame:
    """node_id, tenure, lineage, moment: each account whose binding to a fraud-involved tenure had not ended before the moment."""
    bindings = edges.filter(pl.col("kind") == "bound_phone").join(
        moments, left_on="to_id", right_on="tenure", how="semi"
    )
    stretches = unrolled(bindings.select("support", node_id="from_id", tenure="to_id"), "support")
    valid_from, valid_to = (pl.col("support").struct.field(name) for name in ("valid_from", "valid_to"))
    found = stretches.select("node_id", "tenure", vf=begins(valid_from), vt=ends(valid_to)).join(
        moments, on="tenure", how="inner"
    )
    early = plus_days(pl.col("moment"), -policy.measures.implicit_tenure_binding_days)
    return (
        found.filter((pl.col("vt") >= pl.col("moment")) & (~pl.col("is_implicit") | (pl.col("vf") >= early)))
        .select("node_id", "tenure", "lineage", "moment")
        .unique()
    )


def held_by_the_found(
    influences: pl.DataFrame,
    scores: pl.DataFrame,
    parties: pl.DataFrame,
    contested: pl.DataFrame,
    signals: pl.DataFrame,
    edges: pl.DataFrame,
    tenures: pl.DataFrame,
    policy: Policy,
) -> pl.DataFrame:
    """Derived control: `verify` on all lineages of the score, with `hands_changed` marked where the last edge of the strongest lineage by
    which it is derived (of any, when several are as strong) does not hold tonight."""
    own = derived_influences(influences, signals, edges, tenures, policy)
    strongest = own.filter(pl.col("influence") == pl.col("influence").max().over("node_id"))
    live = strongest.group_by("node_id").agg(pl.col("last_edge_live").all())
    by_score = (
        influences.join(own, on="node_id", how="semi").group_by("node_id").agg(collected("lineage").alias("lineages"))
    )
    by_node = by_score.join(live, on="node_id", how="inner", validate="1:1")
    high = scores.filter(pl.col("score") >= policy.measures.same_holder.score)
    is_document = (pl.col("kind") == "documented") & (
        pl.col("party_id") == pl.col("node_id")
    )  # only a finding lists one
    known = parties.filter(~pl.col("kind").is_in(["contested", "ambiguous"]) & ~is_document).join(
        contested, on="node_id", how="anti"
    )
    passing = by_node.join(high, on="node_id", how="semi").join(known, on="node_id", how="semi")
    return candidate(passing, measure=pl.lit("verify"), test="same_holder", reason="same_holder").with_columns(
        hands_changed=~passing["last_edge_live"]
    )


def derived_influences(
    influences: pl.DataFrame, signals: pl.DataFrame, edges: pl.DataFrame, tenures: pl.DataFrame, policy: Policy
) -> pl.DataFrame:
    """Of the influences those by which a node may be listed by derived control."""
    own = influences.filter("by_own_party_finding")
    return own.join(_by_old_bindings(own, signals, edges, tenures, policy), on=["node_id", "lineage"], how="anti")


def _by_old_bindings(
    own: pl.DataFrame, signals: pl.DataFrame, edges: pl.DataFrame, tenures: pl.DataFrame, policy: Policy
) -> pl.DataFrame:
    """(node_id, lineage) whose path walks a binding to an implicit tenure that the Article 22 rule does not ask for: who had the number so long
    ago may be another than who has it now."""
    steps = unrolled(own.select("node_id", "lineage", "signal_id", step="path"), "step").unnest("step")
    steps = steps.filter(pl.col("kind") == "bound_phone").join(
        tenures.filter("is_implicit").select(to_id="node_id"), on="to_id", how="semi"
    )
    steps = steps.join(signals.select("signal_id", moment="occurred_at"), on="signal_id", how="inner", validate="m:1")
    moments = steps.select("lineage", "moment", tenure="to_id", is_implicit=pl.lit(True)).unique()
    bound = _bound_when_it_happened(moments, edges, policy).rename({"node_id": "from_id", "tenure": "to_id"})
    return steps.join(bound, on=["from_id", "to_id", "lineage", "moment"], how="anti").select("node_id", "lineage")


def strongest_influences(influences: pl.DataFrame) -> pl.DataFrame:
    """Of each node the influence of its strongest lineage."""
    return pick(influences, "node_id", [("influence", True), "n_edges", ("lineage", True)])


def find_proposals(
    influences: pl.DataFrame, scores: pl.DataFrame, direct: pl.DataFrame, turned_down: pl.DataFrame, policy: Policy
) -> pl.DataFrame:
    """(node_id, measure, lineages): what two agencies' claims propose for a person to decide. `turned_down`: node_id, lineage.

    `direct`: live_direct: a lineage that reaches the node best by a path may have a report on the node itself all the same.
    Public lists count only beside what an agency says: alone they list nobody.
    """
    said = direct.filter(pl.col("standard") != "indicator").select("node_id", "lineage").unique()
    said = said.with_columns(_on_itself=pl.lit(True))
    bounds = policy.measures.propose_suspend, policy.measures.propose_restrict
    high = scores.filter(pl.col("score") >= min(bound.score for bound in bounds)).select("node_id", "score")
    hard = influences.filter(pl.col("standard") != "indicator").join(
        high.join(said, on="node_id", how="semi"), on="node_id", how="semi"
    )
    hard = hard.join(turned_down, on=["node_id", "lineage"], how="anti")
    hard = hard.join(said, on=["node_id", "lineage"], how="left", validate="m:1")
    by_node = hard.group_by("node_id").agg(
        collected("lineage").alias("lineages"), pl.col("agency").drop_nulls().n_unique().alias("_agencies"),
        pl.col("_on_itself").max().alias("_direct"), pl.col("is_public").min().alias("_only_public"),
    )  # fmt: skip
    rows = by_node.join(high, on="node_id", how="inner", validate="1:1")
    rows = rows.filter(pl.col("_direct") & ~pl.col("_only_public"))

    def passes(bound: Proposal) -> pl.Expr:
        return (
            (pl.col("score") >= bound.score)
            & (pl.col("lineages").list.len() >= bound.lineages)
            & (pl.col("_agencies") >= bound.agencies)
        )

    measure = pl.when(passes(bounds[0])).then(pl.lit("suspend")).when(passes(bounds[1])).then(pl.lit("restrict"))
    return rows.select("node_id", measure.alias("measure"), "lineages").filter(pl.col("measure").is_not_null())
