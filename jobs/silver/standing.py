"""Which versions of a record stand (spec/feeds.md, "A delivery" and "A record").

Everything here depends on the set of rows alone: not on their order, on the nights that took them, or
on how often they came.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

VERSION_ORDER = ("recorded_at", "sequence", "delivery_id", "file", "line")
"""The newest of these per record_id wins. No two rows of a feed share all five."""


@dataclass(frozen=True)
class Snapshot:
    """The newest snapshot of one feed: what is absent from it, and no newer than it, does not stand."""

    sequence: int
    produced_at: datetime
    delivery_id: str


def version_order() -> Column:
    """The version order as one comparable value."""
    return F.struct(*VERSION_ORDER)


def newest_snapshots(deliveries: DataFrame) -> dict[str, Snapshot]:
    """The newest snapshot of each feed that ever took one, by `agency/feed`. `deliveries` is
    `ops.deliveries`; one small query.
    """
    taken = deliveries.where((F.col("status") == "taken") & (F.col("mode") == "snapshot"))
    newest = taken.groupBy(F.concat_ws("/", "agency", "feed").alias("feed")).agg(
        # As microseconds: a collected TIMESTAMP would come in the time zone of the machine.
        F.max(F.struct("sequence", "delivery_id", F.unix_micros("produced_at").alias("micros"))).alias("newest")
    )
    return {
        row.feed: Snapshot(row.newest.sequence, _instant(row.newest.micros), row.newest.delivery_id)
        for row in newest.collect()
    }


def present_records(snapshot: Snapshot, silver: DataFrame, quarantined: DataFrame) -> DataFrame:
    """One row per record_id that the snapshot holds: taken, freeing or quarantined. `quarantined` are
    the feed's rows.
    """
    brought = [
        frame.where(F.col("delivery_id") == snapshot.delivery_id).select("record_id") for frame in (silver, quarantined)
    ]
    return brought[0].union(brought[1]).where(F.col("record_id").isNotNull()).distinct()


def standing_versions(versions: DataFrame, snapshot: Snapshot | None, present: DataFrame | None) -> DataFrame:
    """The upsert versions that stand, and whether each is the newest of its record that does
    (`is_newest`).

    `versions` are silver rows of one feed, withdrawals among them; `present` holds `record_id` as
    `present_records` gives it. A withdrawal erases every version that is not newer than it. A
    quarantined version changes nothing.
    """
    record = Window.partitionBy("record_id")
    good = _with_presence(versions.where(~F.col("frees_only")), snapshot, present)
    ordered = good.withColumn("_order", version_order())
    erased = F.max(F.when(F.col("op") == "withdraw", F.col("_order"))).over(record)
    standing = ordered.withColumn("_erased", erased).where(
        (F.col("op") == "upsert")
        & (F.col("_erased").isNull() | (F.col("_order") > F.col("_erased")))
        & F.col("_present")
    )
    newest = standing.withColumn("is_newest", F.col("_order") == F.max("_order").over(record))
    return newest.select(*versions.columns, "is_newest")


def standing_freeing(versions: DataFrame, snapshot: Snapshot | None, present: DataFrame | None) -> DataFrame:
    """The `frees_only` rows that stand: no withdrawal and no good version of their record is newer; the
    snapshot rule is the same.
    """
    record = Window.partitionBy("record_id")
    ordered = _with_presence(versions, snapshot, present).withColumn("_order", version_order())
    counts = ~F.col("frees_only") & (F.col("_present") | (F.col("op") == "withdraw"))
    over = ordered.withColumn("_over", F.max(F.when(counts, F.col("_order"))).over(record))
    standing = over.where(
        F.col("frees_only") & F.col("_present") & (F.col("_over").isNull() | (F.col("_order") > F.col("_over")))
    )
    return standing.select(*versions.columns)


def current(versions: DataFrame) -> DataFrame:
    """Of what `standing_versions` gives, one row per record: what holds tonight."""
    return versions.where("is_newest").drop("is_newest")


def _with_presence(versions: DataFrame, snapshot: Snapshot | None, present: DataFrame | None) -> DataFrame:
    """`_present BOOLEAN`: what the newest snapshot leaves standing."""
    if snapshot is None:
        return versions.withColumn("_present", F.lit(True))
    if present is None:
        raise ValueError("a snapshot decides by the records that it holds: give them as `present`")
    held = present.select("record_id").distinct().withColumn("_held", F.lit(True))
    later = (F.col("recorded_at") > F.lit(snapshot.produced_at)) | (F.col("sequence") > snapshot.sequence)
    joined = versions.join(held, on="record_id", how="left")
    return joined.withColumn("_present", F.coalesce(F.col("_held"), F.lit(False)) | later).select(
        *versions.columns, "_present"
    )


def _instant(micros: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros)
