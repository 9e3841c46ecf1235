"""How far a claim reaches: the best product of edge weights over paths of at most three edges (listing.md, Score).

Conditions on times are judged on one record of an edge: the search walks stretches of time, not hulls. A state of the search is one path
of one signal: where it stands, which nodes it passed, and the last stretch that it walked.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.core.night import settle
from jobs.graph.intervals import begins, ends, plus_days
from jobs.policy import Policy

# Walked although they began after the claim: from the person's side to what the person later took. (kind, along the edge's direction)
FROM_THE_PERSON = (("holder", True), ("bound_phone", False), ("sim", True), ("device", True))
STEP = "array<struct<kind:string,from_id:bigint,to_id:bigint>>"


@dataclass(frozen=True)
class Barriers:
    """What no path starts at, ends at or passes through."""

    protected: DataFrame  # node_id
    spared: DataFrame  # lineage, node_id
    cleared: DataFrame  # node_id, lineage: by association; what is said of the node itself counts
    cleared_until: DataFrame  # node_id, until: of every lineage first known by then


def walkable(edges: DataFrame, shared: DataFrame, protected: DataFrame, policy: Policy) -> DataFrame:
    """Stretches in the directions in which they can be walked: u, v, kind, from_id, to_id, weight, f, t, is_late_ok, from_shared.

    A stretch into a node that is shared for its kind is no way; one out of such a node is only the first step of a finding.
    """
    weights = {kind: edge.weight for kind, edge in policy.edges.items()}
    cases = reduce(
        lambda other, kind: other.when(F.col("kind") == kind, F.lit(weights[kind])),
        weights,
        F.when(F.lit(False), F.lit(0.0)),
    )
    stretches = edges.where(F.col("kind").isin(list(weights))).select(
        "kind", "from_id", "to_id", F.explode(F.array_distinct(F.transform("support", lambda s: F.struct(s["valid_from"], s["valid_to"])))).alias("_s")
    ).select("kind", "from_id", "to_id", begins(F.col("_s.valid_from")).alias("f"), ends(F.col("_s.valid_to")).alias("t"), cases.alias("weight"))  # fmt: skip
    late = reduce(lambda a, b: a | b, [(F.col("kind") == k) & F.lit(along) for k, along in FROM_THE_PERSON if along])
    late_back = reduce(
        lambda a, b: a | b, [(F.col("kind") == k) & F.lit(not along) for k, along in FROM_THE_PERSON if not along]
    )
    base = ["kind", "from_id", "to_id", "weight", "f", "t"]
    ways = stretches.select(
        F.col("from_id").alias("u"),
        F.col("to_id").alias("v"),
        *base,
        late.alias("is_late_ok"),
        F.lit("from").alias("su"),
    ).unionByName(
        stretches.where("kind <> 'transfer'").select(
            F.col("to_id").alias("u"),
            F.col("from_id").alias("v"),
            *base,
            late_back.alias("is_late_ok"),
            F.lit("to").alias("su"),
        )
    )
    crowd = F.broadcast(
        shared.where("is_shared").select(F.col("node_id").alias("_n"), F.col("kind").alias("_k")).distinct()
    )
    ways = ways.join(crowd, on=(F.col("v") == F.col("_n")) & (F.col("kind") == F.col("_k")), how="left_anti")
    marked = crowd.withColumn("from_shared", F.lit(True))
    ways = ways.join(marked, on=(F.col("u") == F.col("_n")) & (F.col("kind") == F.col("_k")), how="left").drop(
        "_n", "_k", "su"
    )
    barred = F.broadcast(protected.select(F.col("node_id").alias("_p")))
    ways = ways.join(barred, on=F.col("u") == F.col("_p"), how="left_anti").join(
        barred, on=F.col("v") == F.col("_p"), how="left_anti"
    )
    return ways.withColumn("from_shared", F.coalesce("from_shared", F.lit(False)))


def start_paths(signals: DataFrame, first_known: DataFrame, barriers: Barriers, city: list[str]) -> DataFrame:
    """The paths of no edge: one state per signal that counts. `first_known`: lineage, lineage_known_at."""
    rows = signals.where("is_live").join(first_known, on="lineage", how="inner").select(
        "signal_id", "lineage", "lineage_known_at", "standard", "agency", "is_public",
        F.col("node_id").alias("start"), F.col("node_id").alias("node_id"), F.col("strength").alias("influence"), F.lit(0).alias("n_edges"),
        F.col("occurred_at").alias("o_from"),
        F.when(F.col("occurred_is_day"), plus_days(F.col("occurred_at"), 1)).otherwise(F.col("occurred_at")).alias("o_to"), "occurred_is_day",
        ((F.col("standard") == "finding") & F.col("authority_level").isin(city)).alias("is_weighty"),
        F.array("node_id").alias("nodes"), F.array().cast(STEP).alias("path"),
        F.lit(None).cast("string").alias("lk"), F.lit(None).cast("timestamp").alias("lf"), F.lit(None).cast("timestamp").alias("lt"),
        F.lit(False).alias("is_over"),
    )  # fmt: skip
    return _not_cleared_until(rows, barriers)


def step(paths: DataFrame, ways: DataFrame, barriers: Barriers, policy: Policy) -> DataFrame:
    """Every path one edge longer."""
    first = F.col("n_edges") == 0
    is_transfer, was_transfer = F.col("kind") == "transfer", F.col("lk") == "transfer"
    grace = policy.score.transfer_grace_days
    joined = paths.where("NOT is_over").join(ways, on=F.col("node_id") == F.col("u"), how="inner")
    joined = joined.where(~F.array_contains("nodes", F.col("v")))
    began_later = F.when(F.col("occurred_is_day"), F.col("f") >= F.col("o_to")).otherwise(F.col("f") > F.col("o_from"))
    in_time = (F.col("t") >= F.col("o_from")) & (~began_later | F.col("is_late_ok"))
    overlaps = (F.col("lf") < F.col("t")) & (F.col("f") < F.col("lt"))
    holds_then = ((F.col("f") <= F.col("lf")) | (F.col("f") < F.col("lt"))) & (F.col("t") > F.col("lf"))
    held_then = ((F.col("lf") <= F.col("f")) | (F.col("lf") < F.col("t"))) & (F.col("lt") > F.col("f"))
    # The moment itself, or any moment of its day: a day ends before the moment that is its end.
    earliest = plus_days(F.col("o_from"), -grace)
    not_before = (F.col("f") >= earliest) | (F.col("t") > earliest)
    after_last = (F.col("f") >= F.col("lf")) | (F.col("t") > F.col("lf"))
    ordinary = in_time & (first | F.when(was_transfer, holds_then).otherwise(overlaps))
    moved = not_before & (first | F.when(was_transfer, after_last).otherwise(held_then))
    shared_ok = ~F.col("from_shared") | (first & (F.col("standard") == "finding"))
    joined = joined.where(F.when(is_transfer, moved).otherwise(ordinary) & shared_ok)
    longer = joined.select(
        "signal_id", "lineage", "lineage_known_at", "standard", "agency", "is_public", "start", F.col("v").alias("node_id"),
        (F.col("influence") * F.col("weight")).alias("influence"), (F.col("n_edges") + 1).alias("n_edges"), "o_from", "o_to", "occurred_is_day",
        "is_weighty", F.concat("nodes", F.array("v")).alias("nodes"),
        F.concat("path", F.array(F.struct("kind", "from_id", "to_id"))).alias("path"),
        F.col("kind").alias("lk"), F.col("f").alias("lf"), F.col("t").alias("lt"), F.col("from_shared").alias("is_over"),
    ).where(F.round("influence", 9) >= policy.score.min_influence)  # fmt: skip
    longer = longer.join(barriers.spared, on=["lineage", "node_id"], how="left_anti")
    longer = longer.join(F.broadcast(barriers.cleared), on=["lineage", "node_id"], how="left_anti")
    return _not_cleared_until(longer, barriers)


def _not_cleared_until(paths: DataFrame, barriers: Barriers) -> DataFrame:
    until = F.broadcast(barriers.cleared_until.withColumnRenamed("node_id", "_c"))
    cleared = (F.col("node_id") == F.col("_c")) & (F.col("lineage_known_at") <= F.col("until"))
    return paths.join(until, on=cleared, how="left_anti")


def spread(
    signals: DataFrame, ways: DataFrame, first_known: DataFrame, barriers: Barriers, policy: Policy, city: list[str]
) -> DataFrame:
    """Every path that counts, of every length: the candidates for `best_paths`."""
    last = settle(start_paths(signals, first_known, barriers, city))
    found = [last]
    for _ in range(policy.score.max_edges):
        last = settle(step(last, ways, barriers, policy))
        found.append(last)
    return reduce(DataFrame.unionByName, found)


def best_paths(paths: DataFrame, parties: DataFrame, cases: DataFrame, policy: Policy, instant: object) -> DataFrame:
    """Rows of graph.influences: per node and lineage the best path; ties go to fewer edges, then the smallest node ids.

    `cases`: lineage of every case of which a record stands: it counts for public_security.
    """
    party = parties.select("node_id", "party_id")
    rows = paths.withColumn("influence", F.round("influence", 9))
    rows = rows.join(party, on="node_id", how="left").join(
        party.select(F.col("node_id").alias("start"), F.col("party_id").alias("_start_party")), on="start", how="left"
    )
    own = F.col("is_weighty") & (F.col("start") != F.col("node_id")) & (F.col("party_id") == F.col("_start_party"))
    hard = F.when(F.col("standard") == "indicator", 0).otherwise(1)
    order = F.lit(len(policy.score.agency_order))
    for place, agency in enumerate(policy.score.agency_order):
        order = F.when(F.col("agency") == agency, F.lit(place)).otherwise(order)
    standards = F.when(F.col("standard") == "finding", 2).when(F.col("standard") == "report", 1).otherwise(0)
    best = F.min_by(
        F.struct("influence", "n_edges", "path", "signal_id", "lk", "lf", "lt"),
        F.struct(-F.col("influence"), F.col("n_edges"), F.col("nodes"), F.col("signal_id"), F.col("lf"), F.col("lt")),
    )
    grouped = rows.groupBy("node_id", "lineage").agg(
        best.alias("b"), F.max(standards).alias("_standard"), F.max(F.coalesce(own, F.lit(False))).alias("by_own_party_finding"),
        F.min_by("agency", F.struct(-hard, -F.col("influence"), order, F.col("agency"))).alias("_agency"),
        F.min("is_public").alias("is_public"),
    )  # fmt: skip
    grouped = grouped.join(F.broadcast(cases.withColumn("_case", F.lit(True))), on="lineage", how="left")
    live = (F.col("b.n_edges") == 0) | (
        (F.col("b.lf") < F.lit(instant)) & (F.col("b.lt") >= F.lit(instant)) & (F.col("b.lk") != "transfer")
    )
    return grouped.select(
        "node_id", "lineage", F.col("b.influence").alias("influence"), F.col("b.n_edges").alias("n_edges"), F.col("b.path").alias("path"),
        F.col("b.signal_id").alias("signal_id"), F.when(F.col("_case"), F.lit("public_security")).otherwise(F.col("_agency")).alias("agency"),
        F.when(F.col("_standard") == 2, "finding").when(F.col("_standard") == 1, "report").otherwise("indicator").alias("standard"),
        live.alias("last_edge_live"), "by_own_party_finding", "is_public",
    )  # fmt: skip


def score_nodes(influences: DataFrame) -> DataFrame:
    """Rows of graph.scores: 1 - product of (1 - influence), to 6 places."""
    ordered = F.sort_array(F.collect_list("influence"))
    rest = F.aggregate(ordered, F.lit(1.0), lambda left, influence: left * (F.lit(1.0) - influence))
    return influences.groupBy("node_id").agg(
        F.round(F.lit(1.0) - rest, 6).alias("score"), F.count("*").cast("int").alias("n_lineages"),
        F.sort_array(F.collect_list("lineage")).alias("lineages"), F.sort_array(F.collect_set("agency")).alias("agencies"),
    )  # fmt: skip


__all__ = ["Barriers", "best_paths", "score_nodes", "spread", "walkable"]
