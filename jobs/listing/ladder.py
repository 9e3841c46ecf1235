"""From tests passed to what tonight's list would be: the highest measure per node, for what can still be acted on (listing.md, Measures)."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.listing.tests import ARTICLE_22, MEASURES, rank
from jobs.policy import Policy

DOCUMENTS = ("national_id", "uscc", "passport", "other_document")


def measure_of(place: Column) -> Column:
    """The measure at a place of the ladder."""
    return F.element_at(F.array(*(F.lit(m) for m in MEASURES)), place)


def climb(candidates: DataFrame) -> DataFrame:
    """One row per node: its highest measure, the test that allows it, every reason that holds, all lineages it stands on."""
    ranked = candidates.withColumn("_rank", rank("measure"))
    first = F.struct(-F.col("_rank"), F.col("test"), F.col("ref"))
    return ranked.groupBy("node_id").agg(
        measure_of(F.max("_rank")).alias("measure"), F.min_by("test", first).alias("test"), F.min_by("decided_by", first).alias("decided_by"),
        F.sort_array(F.collect_set("reason")).alias("reasons"), F.sort_array(F.array_distinct(F.flatten(F.collect_list("lineages")))).alias("lineages"),
        F.sort_array(F.array_distinct(F.flatten(F.collect_list("tenures")))).alias("tenures"),
        F.concat_ws("; ", F.sort_array(F.collect_set("ref"))).alias("refs"),
    )  # fmt: skip


def describe_nodes(
    nodes: DataFrame, identifiers: DataFrame, tenures: DataFrame, accounts: DataFrame, instant: object
) -> DataFrame:
    """node_id, type, phone_id, tenure_from, issuer, protected_reason, gone: why nobody can act on it tonight (null when one can).

    `accounts`: node_id, closed_at, scope.
    """
    wanted = nodes.select("node_id").distinct()
    of_number = identifiers.select(F.col("node_id").alias("_phone"), F.col("protected_reason").alias("_protected"))
    is_live = (F.coalesce("tenure_from", F.lit("0001-01-01").cast("timestamp")) < F.lit(instant)) & (
        F.col("tenure_to").isNull() | (F.col("tenure_to") >= F.lit(instant))
    )
    phones = tenures.join(wanted, on="node_id", how="inner").join(of_number, on=F.col("phone_id") == F.col("_phone"), how="left").select(
        "node_id", F.lit("phone").alias("type"), "phone_id", "tenure_from", F.col("carrier").alias("issuer"),
        F.col("_protected").alias("protected_reason"), F.when(~is_live, F.lit("tenure_ended")).alias("gone"),
    )  # fmt: skip
    state = accounts.select(F.col("node_id").alias("_account"), "closed_at", F.col("scope").alias("_scope"))
    closed = F.col("closed_at") < F.lit(instant)
    others = identifiers.join(wanted, on="node_id", how="inner").join(state, on=F.col("node_id") == F.col("_account"), how="left").select(
        "node_id", "type", F.lit(None).cast("bigint").alias("phone_id"), F.lit(None).cast("timestamp").alias("tenure_from"),
        F.coalesce("_scope", "scope").alias("issuer"), "protected_reason", F.when(closed, F.lit("account_closed")).alias("gone"),
    )  # fmt: skip
    return phones.unionByName(others)


def listable(climbed: DataFrame, nodes: DataFrame, policy: Policy) -> DataFrame:
    """What can be listed tonight, with the node's facts and the legal basis: live, unprotected, with a basis; documents only by a finding."""
    bases = F.create_map(*(F.lit(part) for pair in sorted(policy.legal_basis.items()) for part in pair))
    rows = climbed.join(nodes, on="node_id", how="inner").withColumn("legal_basis", F.element_at(bases, F.col("type")))
    by_finding = ~F.col("type").isin(*DOCUMENTS) | (F.col("test") == "finding")
    return rows.where(
        F.col("gone").isNull() & F.col("protected_reason").isNull() & F.col("legal_basis").isNotNull() & by_finding
    )


def past_due(tonight: DataFrame, active: DataFrame, on: object) -> DataFrame:
    """`restrict` for what the Article 22 rule still lists and nobody has answered for by its due date. `active`: with `answer`."""
    waiting = active.where((F.col("due_on") < F.lit(on)) & F.col("answer").isNull()).select(
        "node_id", F.lit(True).alias("_late")
    )
    rows = tonight.join(waiting, on="node_id", how="left")
    late = (
        F.coalesce("_late", F.lit(False))
        & F.array_contains("reasons", ARTICLE_22)
        & (rank("measure") <= rank(F.lit("restrict")))
    )
    return rows.withColumns(
        {
            "test": F.when(late, F.lit("verification_overdue")).otherwise(F.col("test")),
            "reasons": F.when(
                late, F.sort_array(F.array_union("reasons", F.array(F.lit("verification_overdue"))))
            ).otherwise(F.col("reasons")),
            "measure": F.when(late, F.lit("restrict")).otherwise(F.col("measure")),
        }
    ).drop("_late")
