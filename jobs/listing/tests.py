"""The tests of the ladder: who passes which, tonight (listing.md, Measures).

A candidate row: node_id, measure, test, reason, lineages, tenures, decided_by, ref. A node may pass several.
"""

from __future__ import annotations

from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.core.night import settle
from jobs.graph.intervals import begins, ends, plus_days
from jobs.policy import Policy, Proposal

MEASURES = ("verify", "restrict", "suspend", "close")
ARTICLE_22 = "bound_to_fraud_phone"
BOUND_TYPES = ("internet_account", "payment_account", "bank_account", "bank_card")
COLUMNS = ("node_id", "measure", "test", "reason", "lineages", "tenures", "decided_by", "ref")


def rank(measure: str | Column) -> Column:
    """Place on the ladder, from 1; 0 for none."""
    column = F.col(measure) if isinstance(measure, str) else measure
    return reduce(
        lambda so_far, place: so_far.when(column == place[1], F.lit(place[0])),
        enumerate(MEASURES, 1),
        F.when(F.lit(False), 0),
    ).otherwise(0)


def candidate(frame: DataFrame, *, measure: Column, test: str, reason: str, **given: Column) -> DataFrame:
    """Candidate rows of one test; `frame` has node_id and lineages."""
    none = F.lit(None)
    columns = {
        "node_id": F.col("node_id"), "measure": measure, "test": F.lit(test), "reason": F.lit(reason), "lineages": F.col("lineages"),
        "tenures": given.get("tenures", F.array().cast("array<bigint>")), "decided_by": given.get("decided_by", none.cast("string")),
        "ref": given.get("ref", none.cast("string")),
    }  # fmt: skip
    return frame.select(*(columns[name].alias(name) for name in COLUMNS))


def live_direct(signals: DataFrame, cleared_until: DataFrame) -> DataFrame:
    """Live signals on the node itself that it is not cleared of."""
    first = signals.groupBy(F.col("lineage").alias("_l")).agg(F.min("first_known_at").alias("_first"))
    rows = signals.where("is_live").join(first, on=F.col("lineage") == F.col("_l"), how="inner")
    until = F.broadcast(cleared_until.withColumnRenamed("node_id", "_c"))
    return rows.join(
        until, on=(F.col("node_id") == F.col("_c")) & (F.col("_first") <= F.col("until")), how="left_anti"
    ).drop("_l", "_first")


def found_directly(direct: DataFrame, city: list[str]) -> DataFrame:
    """`close` and `suspend` by a finding on the node itself."""
    high = F.coalesce(F.col("authority_level").isin(city), F.lit(False))
    by_node = direct.where("standard = 'finding'").groupBy("node_id").agg(
        F.max(high).alias("_high"), F.sort_array(F.collect_set("lineage")).alias("lineages"),
        F.max_by("authority_level", F.struct(high, F.col("known_at"), F.col("signal_id"))).alias("_level"),
    )  # fmt: skip
    return candidate(
        by_node, measure=F.when(F.col("_high"), "close").otherwise("suspend"), test="finding", reason="finding",
        decided_by=F.concat_ws(" ", F.lit("public_security"), "_level"),
    )  # fmt: skip


def decided(decisions: DataFrame) -> DataFrame:
    """`restrict` and `suspend` by a person's decision in force."""
    in_force = decisions.where("status = 'in_force' AND measure <> 'none'")
    return candidate(
        in_force, measure=F.col("measure"), test="review_decision", reason="review_decision",
        decided_by=F.concat_ws(" ", F.lit("public_security"), "authority_level"), ref=F.col("decision_ref"),
    )  # fmt: skip


def fraud_moments(direct: DataFrame, signals: DataFrame, decisions: DataFrame, tenures: DataFrame) -> DataFrame:
    """One row per tenure, lineage and moment from which the tenure is fraud-involved: tenure, is_implicit, lineage, moment.

    `signals`: all that stand, expired ones too: what a decision in force rests on counts as long as the decision lives.
    """
    own = tenures.select(F.col("node_id").alias("tenure"), "is_implicit")
    on_tenures = direct.join(own, on=F.col("node_id") == F.col("tenure"), how="inner")
    ever_said = signals.join(own, on=F.col("node_id") == F.col("tenure"), how="inner")
    columns = [F.col("tenure"), F.col("is_implicit"), F.col("lineage"), F.col("occurred_at").alias("moment")]
    told = on_tenures.where("standard = 'finding' OR kind = 'subscription_fraud'").select(*columns)
    behind = decisions.where("status = 'in_force' AND measure <> 'none'").select(
        F.col("node_id").alias("_node"), F.explode("lineages").alias("_lineage")
    )
    judged = ever_said.join(
        behind, on=(F.col("tenure") == F.col("_node")) & (F.col("lineage") == F.col("_lineage")), how="inner"
    ).select(*columns)
    return told.unionByName(judged).distinct()


def bound_to_fraud(
    moments: DataFrame,
    edges: DataFrame,
    spared: DataFrame,
    clearances: DataFrame,
    cleared_until: DataFrame,
    first_known: DataFrame,
    verified: DataFrame,
    policy: Policy,
) -> tuple[DataFrame, DataFrame]:
    """The Article 22 rule: (candidates, rows for a human). `verified`: node_id, tenures, acted_at: answered by the recipient already."""
    stretches = edges.where("kind = 'bound_phone'").join(
        F.broadcast(moments.select("tenure").distinct()), on=F.col("to_id") == F.col("tenure"), how="left_semi"
    )
    stretches = stretches.select(
        F.col("from_id").alias("node_id"), F.col("to_id").alias("tenure"), F.explode("support").alias("_s")
    ).select("node_id", "tenure", begins(F.col("_s.valid_from")).alias("vf"), ends(F.col("_s.valid_to")).alias("vt"))
    found = stretches.join(F.broadcast(moments), on="tenure", how="inner").where(F.col("vt") >= F.col("moment"))
    early = plus_days(F.col("moment"), -policy.measures.implicit_tenure_binding_days)
    found = (
        found.where(~F.col("is_implicit") | (F.col("vf") >= early))
        .select("node_id", "tenure", "lineage", "moment")
        .distinct()
    )
    found = found.join(clearances.select("node_id", "lineage").distinct(), on=["node_id", "lineage"], how="left_anti")
    found = found.join(first_known, on="lineage", how="left").join(
        cleared_until.withColumnRenamed("node_id", "_c"),
        on=(F.col("node_id") == F.col("_c")) & (F.col("lineage_known_at") <= F.col("until")),
        how="left_anti",
    )
    answered = verified.select(F.col("node_id").alias("_node"), F.explode("tenures").alias("_tenure"), "acted_at")
    found = found.join(
        answered,
        on=(F.col("node_id") == F.col("_node"))
        & (F.col("tenure") == F.col("_tenure"))
        & (F.col("moment") < F.col("acted_at")),
        how="left_anti",
    )
    marked = settle(found.join(spared.withColumn("_spared", F.lit(True)), on=["lineage", "node_id"], how="left"))
    human = marked.where("_spared").select(
        "node_id",
        F.lit("victims_account_bound_to_fraud_phone").alias("reason"),
        F.col("lineage").alias("source"),
        F.lit("").alias("detail"),
    )
    by_account = (
        marked.where("_spared IS NULL")
        .groupBy("node_id")
        .agg(
            F.sort_array(F.collect_set("lineage")).alias("lineages"),
            F.sort_array(F.collect_set("tenure")).alias("_tenures"),
        )
    )
    return candidate(
        by_account, measure=F.lit("verify"), test=ARTICLE_22, reason=ARTICLE_22, tenures=F.col("_tenures")
    ), human.distinct()


def held_by_the_found(
    influences: DataFrame, scores: DataFrame, parties: DataFrame, contested: DataFrame, policy: Policy
) -> DataFrame:
    """Derived control: `verify`, with `hands_changed` marked where the strongest lineage's last edge does not hold tonight."""
    strongest = F.struct(F.col("influence"), -F.col("n_edges"), F.col("lineage"))
    by_node = influences.groupBy("node_id").agg(
        F.max("by_own_party_finding").alias("_own"), F.max_by("last_edge_live", strongest).alias("_live"),
        F.sort_array(F.collect_set(F.when(F.col("by_own_party_finding"), F.col("lineage")))).alias("lineages"),
    ).where("_own")  # fmt: skip
    high = scores.where(F.col("score") >= policy.measures.same_holder.score).select("node_id")
    known = (
        parties.where("kind NOT IN ('contested', 'ambiguous')")
        .select("node_id")
        .join(contested.select("node_id"), on="node_id", how="left_anti")
    )
    passing = by_node.join(high, on="node_id", how="left_semi").join(known, on="node_id", how="left_semi")
    return candidate(passing, measure=F.lit("verify"), test="same_holder", reason="same_holder").join(
        passing.select("node_id", (~F.col("_live")).alias("hands_changed")), on="node_id", how="inner"
    )


def find_proposals(
    influences: DataFrame, scores: DataFrame, direct: DataFrame, turned_down: DataFrame, policy: Policy
) -> DataFrame:
    """(node_id, measure, lineages): what two agencies' claims propose for a person to decide. `turned_down`: node_id, lineage.

    `direct`: live_direct: a lineage that reaches the node best by a path may have a report on the node itself all the same.
    Public lists count only beside what an agency says: alone they list nobody.
    """
    said = direct.where("standard <> 'indicator'").select("node_id", "lineage").distinct()
    said = said.withColumn("_on_itself", F.lit(True))
    hard = influences.where("standard <> 'indicator'").join(
        F.broadcast(turned_down), on=["node_id", "lineage"], how="left_anti"
    )
    hard = hard.join(said, on=["node_id", "lineage"], how="left")
    by_node = hard.groupBy("node_id").agg(
        F.sort_array(F.collect_set("lineage")).alias("lineages"), F.count_distinct("agency").alias("_agencies"),
        F.max("_on_itself").alias("_direct"), F.min("is_public").alias("_only_public"),
    )  # fmt: skip
    rows = by_node.join(scores.select("node_id", "score"), on="node_id", how="inner").where(
        "_direct AND NOT _only_public"
    )
    bounds = policy.measures.propose_suspend, policy.measures.propose_restrict

    def passes(bound: Proposal) -> Column:
        return (
            (F.col("score") >= bound.score)
            & (F.size("lineages") >= bound.lineages)
            & (F.col("_agencies") >= bound.agencies)
        )

    measure = F.when(passes(bounds[0]), "suspend").when(passes(bounds[1]), "restrict")
    return rows.select("node_id", measure.alias("measure"), "lineages").where("measure IS NOT NULL")
