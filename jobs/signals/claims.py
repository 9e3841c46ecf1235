"""Claims: what each feed says of which node, before due process looks at it (listing.md, Signals).

A claim row: feed, record_id, element, agency, kind, indicator, node_id, phone_id, case_id, role, authority_level, occurred_at, occurred_is_day,
known_at, first_known_at, begins_at (what the life of the claim counts from), own_end (the end that the record gives itself).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from jobs.core.contracts import Feed
from jobs.graph.tenures import attach_phone

COLUMNS = (
    "feed", "record_id", "element", "agency", "kind", "indicator", "node_id", "phone_id", "case_id", "role", "authority_level",
    "occurred_at", "occurred_is_day", "known_at", "first_known_at", "begins_at", "own_end", "is_unclear",
)  # fmt: skip


def with_first_known(versions: DataFrame) -> DataFrame:
    """The newest version of each record, with `first_known_at`: when the agency first recorded it."""
    record = Window.partitionBy("record_id")
    return versions.withColumn("first_known_at", F.min("recorded_at").over(record)).where("is_newest")


def claim(
    frame: DataFrame, feed: str, *, kind: Column, node: str, occurred: str, begins: Column, **given: Column
) -> DataFrame:
    """Claim rows of one frame; what is not given is null."""
    null = F.lit(None)
    day = f"{occurred}_is_day"
    columns: dict[str, Column] = {
        "feed": F.lit(feed), "record_id": F.col("record_id"), "element": given.get("element", null.cast("int")),
        "agency": F.lit(feed.split("/")[0]), "kind": kind, "indicator": given.get("indicator", null.cast("string")),
        "node_id": F.col(node), "phone_id": given.get("phone_id", null.cast("bigint")),
        "case_id": given.get("case_id", null.cast("string")), "role": given.get("role", null.cast("string")),
        "authority_level": given.get("authority_level", null.cast("string")), "occurred_at": F.col(occurred),
        "occurred_is_day": F.coalesce(F.col(day), F.lit(False)) if day in frame.columns else F.lit(False),
        "known_at": F.col("recorded_at"), "first_known_at": F.col("first_known_at"), "begins_at": begins,
        "own_end": given.get("own_end", null.cast("timestamp")), "is_unclear": given.get("is_unclear", F.lit(False)),
    }  # fmt: skip
    return frame.select(*(columns[name].alias(name) for name in COLUMNS))


def case_claims(involved: DataFrame, first_confirmed: DataFrame, offending: Sequence[str]) -> DataFrame:
    """Offenders, payees and sites of cases. `first_confirmed`: case_id, confirmed_at."""
    rows = involved.where(F.col("role").isin(*offending) & F.col("finding").isin("confirmed", "reported"))
    rows = rows.join(first_confirmed, on="case_id", how="left")
    confirmed = F.col("finding") == "confirmed"
    return claim(
        rows, "public_security/case_reports", kind=F.concat(F.lit("case_"), "finding"), node="node_id", occurred="occurred_at",
        begins=F.when(confirmed, F.col("confirmed_at")).otherwise(F.col("reported_at")), element=F.col("element"), case_id=F.col("case_id"),
        role=F.col("role"), authority_level=F.col("authority_level"), phone_id=F.col("phone_id"), is_unclear=F.col("is_unclear"),
    )  # fmt: skip


def person_claims(current: DataFrame, cleared: DataFrame, city_rank: Column) -> DataFrame:
    """Persons of interest. `cleared`: person_id, cleared_at: ends what was recorded of that person by then. `city_rank`: city or higher."""
    rows = current.where("status <> 'cleared' AND person_id IS NOT NULL").join(
        F.broadcast(cleared), on="person_id", how="left"
    )
    rows = rows.where("cleared_at IS NULL OR recorded_at > cleared_at")
    trading = F.when(city_rank, F.lit("person_account_trading")).otherwise(F.lit("person_account_trading_county"))
    return claim(
        rows, "public_security/persons_of_interest",
        kind=F.when(F.col("status") == "account_trading", trading).otherwise(F.concat(F.lit("person_"), "status")),
        node="person_id", occurred="since", begins=F.col("since"), own_end=F.col("until"), authority_level=F.col("authority_level"),
        role=F.lit("offender"),
    )  # fmt: skip


def control_claims(current: DataFrame, releases: DataFrame) -> DataFrame:
    """Freezes and stopped payments that no release ended. `releases`: account_id, case_id, released_by (exclusive end of its moment)."""
    orders = current.where("control <> 'release' AND account_id IS NOT NULL")
    lifted = releases.select(F.col("account_id").alias("_account"), F.col("case_id").alias("_case"), "released_by")
    ended = orders.join(
        F.broadcast(lifted),
        on=(F.col("account_id") == F.col("_account"))
        & (F.col("ordered_at") < F.col("released_by"))
        & (F.col("_case").isNull() | F.col("_case").eqNullSafe(F.col("case_id"))),
        how="left_anti",
    )
    return claim(
        ended, "finance/payment_controls", kind=F.concat(F.lit("control_"), "control"), node="account_id", occurred="ordered_at",
        begins=F.col("ordered_at"), own_end=F.col("expires_at"), case_id=F.col("case_id"), authority_level=F.col("authority_level"),
        role=F.lit("payee"),
    )  # fmt: skip


def subscription_claims(ended: DataFrame) -> DataFrame:
    """Tenures with an end with reason fraud: record_id, tenure_node, phone_id, fraud_ended_at, recorded_at, first_known_at."""
    return claim(
        ended, "telecom/subscriptions", kind=F.lit("subscription_fraud"), node="tenure_node", occurred="fraud_ended_at",
        begins=F.col("fraud_ended_at"), phone_id=F.col("phone_id"), role=F.lit("offender"),
    )  # fmt: skip


def line_claims(attached: DataFrame) -> DataFrame:
    """Lines that behaved abnormally, attached to the tenure at the window's start."""
    return claim(
        attached, "telecom/abnormal_numbers", kind=F.concat(F.lit("line_"), "indicator"), indicator=F.col("indicator"), node="tenure_node",
        occurred="window_start", begins=F.col("window_end"), case_id=F.col("case_id"), phone_id=F.col("phone_id"), role=F.lit("offender"),
    )  # fmt: skip


def transfer_claims(current: DataFrame) -> DataFrame:
    """Suspicious transfers, on the payee."""
    linked = F.col("indicator") == "linked_to_case"
    return claim(
        current, "finance/suspicious_transfers", kind=F.when(linked, F.lit("transfer_linked_to_case")).otherwise(F.lit("transfer_other")),
        indicator=F.col("indicator"), node="payee_id", occurred="transferred_at", begins=F.col("transferred_at"), case_id=F.col("case_id"),
        role=F.lit("payee"),
    )  # fmt: skip


def site_claims(current: DataFrame) -> DataFrame:
    """Malicious sites, on their url."""
    return claim(
        current, "internet/malicious_sites", kind=F.when(F.col("verified"), F.lit("site_verified")).otherwise(F.lit("site_unverified")),
        node="url_id", occurred="first_seen", begins=F.col("last_seen"), case_id=F.col("case_id"), role=F.lit("site"),
    )  # fmt: skip


def public_claims(feed: Feed, current: DataFrame, by_phone: DataFrame, key: bytes) -> DataFrame | None:
    """What a public list claims, by its contract; None when it claims nothing. The strength comes from the contract, so it rides in `kind`."""
    found = []
    for number, signal in enumerate(feed.signals):
        node = f"{signal.identifier}_id"
        rows = current.where(F.col(node).isNotNull() & F.col(signal.from_).isNotNull())
        phone = F.lit(None).cast("bigint")
        if feed.identifiers[signal.identifier].type == "phone":
            day = F.col(f"{signal.from_}_is_day") if f"{signal.from_}_is_day" in current.columns else None
            rows = attach_phone(rows, by_phone, key, phone=node, moment=F.col(signal.from_), is_day=day)
            phone, node = F.col(node), "tenure_node"
        found.append(
            claim(
                rows, feed.id, kind=F.lit(f"public:{feed.id}:{number}"), node=node, occurred=signal.from_, begins=F.col(signal.from_),
                indicator=F.lit(signal.lineage or feed.id), role=F.lit(signal.role), phone_id=phone,
            )
        )  # fmt: skip
    return reduce(DataFrame.unionByName, found) if found else None


def place_sims(claims: DataFrame, served: DataFrame) -> DataFrame:
    """Claims on an imsi or iccid become claims on the tenure that it served then, where exactly one did.

    `served`: sim_id, vf, vt, tenure_node, phone: one row per time in which a SIM served a tenure.
    """
    key = ["feed", "record_id", "element"]
    moment_end = F.when(F.col("occurred_is_day"), F.col("occurred_at") + F.expr("INTERVAL 1 DAY")).otherwise(
        F.col("occurred_at")
    )
    at = claims.select(*key, "node_id", "occurred_at", moment_end.alias("_end")).join(
        served, on=F.col("node_id") == F.col("sim_id"), how="inner"
    )
    at = at.where("(vf <= occurred_at OR vf < _end) AND vt > occurred_at")
    unique = at.groupBy(*key, "node_id").agg(
        F.max("tenure_node").alias("_tenure"), F.max("phone").alias("_phone"), F.count_distinct("tenure_node").alias("_n")
    ).where("_n = 1").drop("_n")  # fmt: skip
    marked = unique.select(
        *(F.col(c).alias(f"_{c}") for c in key), F.col("node_id").alias("_node"), "_tenure", "_phone"
    )
    joined = claims.join(
        marked,
        on=(F.col("feed") == F.col("_feed")) & (F.col("record_id") == F.col("_record_id")) & F.col("element").eqNullSafe(F.col("_element"))
        & (F.col("node_id") == F.col("_node")),
        how="left",
    )  # fmt: skip
    return joined.withColumns(
        {"node_id": F.coalesce("_tenure", "node_id"), "phone_id": F.coalesce("_phone", "phone_id")}
    ).select(*COLUMNS)
