"""Edges: one row per (kind, from, to) with the records that support it, each with its own times (graph.md, Edges).

A support row is (kind, from_id, to_id, feed, record_id, business_date, vf, vt); open ends are far moments here.
"""

from __future__ import annotations

from functools import reduce

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from jobs.graph.intervals import beginning, end_or_null, forever, live_at, plus_days, start_or_null
from jobs.identifiers.keys import node_id

SUPPORT = ("kind", "from_id", "to_id", "feed", "record_id", "business_date", "vf", "vt")


def supports(frame: DataFrame, kind: str, feed: str, from_: str, to: str, vf: Column, vt: Column) -> DataFrame:
    """Support rows of one edge kind from one frame; rows without both ends say nothing."""
    return frame.where(F.col(from_).isNotNull() & F.col(to).isNotNull()).select(
        F.lit(kind).alias("kind"), F.col(from_).alias("from_id"), F.col(to).alias("to_id"), F.lit(feed).alias("feed"), "record_id",
        "business_date", vf.alias("vf"), vt.alias("vt"),
    )  # fmt: skip


def sim_supports(subscriptions: DataFrame, tenures: DataFrame, feed: str) -> DataFrame:
    """holder, sim: by subscriptions. The holder has the tenure for the tenure's own time."""
    own = tenures.select("tenure_node", F.col("tenure_from").alias("_from"), F.col("tenure_to").alias("_to"))
    subs = subscriptions.drop("tenure_from").join(own, on="tenure_node", how="inner")
    lasting = F.col("sub_from"), F.col("sub_to")
    return _union(
        supports(subs, "holder", feed, "holder_id", "tenure_node", F.col("_from"), F.col("_to")),
        supports(subs, "sim", feed, "tenure_node", "imsi_id", *lasting),
        supports(subs, "sim", feed, "imsi_id", "iccid_id", *lasting),
    )


def device_supports(sightings: DataFrame, tail_days: int, feed: str) -> DataFrame:
    """device: a SIM in a device, and the tail after it was last seen as far as no other SIM is seen there."""
    others = sightings.groupBy("imei_id").agg(
        F.count_distinct("imsi_id").alias("_n"),
        F.collect_list(F.struct("imsi_id", "first_seen", "last_seen")).alias("_all"),
    )
    others = others.select("imei_id", F.when(F.col("_n") > 1, F.col("_all")).alias("_all"))
    seen = sightings.join(others, on="imei_id", how="left")
    last, mine = F.col("last_seen"), F.col("imsi_id")
    other = F.array_min(
        F.transform(
            F.filter("_all", lambda o: (o["imsi_id"] != mine) & (o["last_seen"] > last)),
            lambda o: F.greatest(o["first_seen"], last),
        )
    )
    return supports(
        seen, "device", feed, "imsi_id", "imei_id", F.col("first_seen"), F.least(plus_days(last, tail_days), other)
    )


def login_supports(logins: DataFrame, device_days: int, ip_days: int, feed: str) -> DataFrame:
    """login_device, login_ip."""
    last = F.col("last_seen")
    return _union(
        supports(
            logins, "login_device", feed, "account_id", "imei_id", F.col("first_seen"), plus_days(last, device_days)
        ),
        supports(logins, "login_ip", feed, "account_id", "ip_id", F.col("first_seen"), plus_days(last, ip_days)),
    )


def site_supports(sites: DataFrame, host_days: int, feed: str) -> DataFrame:
    """holder (operator), hosted_on, part_of: by malicious sites. `sites` has `host_id`, `host_type`, `registrable_id`, `is_guarded`."""
    rows = sites.withColumn("_domain", F.when(F.col("host_type") == "domain", F.col("host_id")))
    seen = F.col("first_seen"), plus_days(F.col("last_seen"), host_days)
    return _union(
        supports(rows, "holder", feed, "operator_id", "_domain", *seen),
        supports(rows, "hosted_on", feed, "_domain", "ip_id", *seen),
        _part_of(rows.withColumn("_url", F.col("url_id")), feed),
    )


def case_supports(involved: DataFrame, feed: str, key: bytes, offending: tuple[str, ...]) -> DataFrame:
    """involved (case → identifier) and part_of (of urls and domains named), by cases; `involved` has `is_guarded`."""
    rows = involved.where(F.col("role").isin(*offending)).withColumn(
        "_case", node_id(key, F.lit("case"), F.col("case_id"))
    )
    named = involved.withColumns(
        {
            "_url": F.when(F.col("identifier_type") == "url", F.col("node_id")),
            "host_id": F.coalesce("identifier_host_id", F.when(F.col("identifier_type") == "domain", F.col("node_id"))),
            "host_type": F.coalesce(
                "identifier_host_type", F.when(F.col("identifier_type") == "domain", F.lit("domain"))
            ),
            "registrable_id": F.col("identifier_registrable_id"),
        }
    )
    return _union(supports(rows, "involved", feed, "_case", "node_id", beginning(), forever()), _part_of(named, feed))


def _part_of(rows: DataFrame, feed: str) -> DataFrame:
    domains = rows.where(~F.coalesce("is_guarded", F.lit(False))).withColumn(
        "_domain", F.when(F.col("host_type") == "domain", F.col("host_id"))
    )
    return _union(
        supports(
            rows.where("_url IS NULL OR _url <> host_id"), "part_of", feed, "_url", "host_id", beginning(), forever()
        ),
        supports(
            domains.where("_domain <> registrable_id"),
            "part_of",
            feed,
            "_domain",
            "registrable_id",
            beginning(),
            forever(),
        ),
    )


def transfer_supports(transfers: DataFrame, feed: str) -> DataFrame:
    """transfer: a moment, or the day when only that is known."""
    at = F.col("transferred_at")
    to = F.when(F.col("transferred_at_is_day"), plus_days(at, 1)).otherwise(at)
    return supports(transfers.where("payer_id <> payee_id"), "transfer", feed, "payer_id", "payee_id", at, to)


def join_stretches(support: DataFrame) -> DataFrame:
    """Stretches of one record on one edge that touch or overlap are one stretch."""
    record = Window.partitionBy("kind", "from_id", "to_id", "feed", "record_id").orderBy("vf", "vt")
    reach = F.max("vt").over(record.rowsBetween(Window.unboundedPreceding, -1))
    rows = support.withColumn("_new", F.when((F.col("kind") != "transfer") & (F.col("vf") <= reach), 0).otherwise(1))
    rows = rows.withColumn("_part", F.sum("_new").over(record))
    return rows.groupBy("kind", "from_id", "to_id", "feed", "record_id", "_part").agg(
        F.min("business_date").alias("business_date"), F.min("vf").alias("vf"), F.max("vt").alias("vt")
    ).drop("_part")  # fmt: skip


def build_edges(support: DataFrame, instant: Column) -> DataFrame:
    """Rows of graph.edges from support rows."""
    whole = support.repartition("kind", "from_id", "to_id")
    joined = join_stretches(whole)
    edges = joined.groupBy("kind", "from_id", "to_id").agg(
        F.min("vf").alias("_from"), F.max("vt").alias("_to"), F.min("business_date").alias("first_known_on"),
        F.max(live_at(F.col("vf"), F.col("vt"), instant)).alias("is_live"),
        F.sort_array(F.collect_list(F.struct(
            "feed", "record_id", start_or_null(F.col("vf")).alias("valid_from"), end_or_null(F.col("vt")).alias("valid_to")
        ))).alias("support"),
    )  # fmt: skip
    return edges.select(
        F.xxhash64("kind", "from_id", "to_id").alias("edge_id"), "kind", "from_id", "to_id",
        start_or_null(F.col("_from")).alias("valid_from"), end_or_null(F.col("_to")).alias("valid_to"),
        "first_known_on", "is_live", "support",
    )  # fmt: skip


def _union(*frames: DataFrame) -> DataFrame:
    return reduce(DataFrame.unionByName, frames)
