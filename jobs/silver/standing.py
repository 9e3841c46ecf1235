"""Which versions of a record stand (spec/feeds.md, "A delivery" and "A record").

Everything here depends on the set of rows alone: not on their order, on the nights that took them, or
on how often they came.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import polars as pl

from jobs.core.frames import pick

VERSION_ORDER = ("recorded_at", "sequence", "delivery_id", "file", "line")
"""The newest of these per record_id wins. No two rows of a feed share all five."""


@dataclass(frozen=True)
class Snapshot:
    """The newest snapshot of one feed: what is absent from it, and no newer than it, does not stand."""

    sequence: int
    produced_at: datetime


def newest_snapshots(deliveries: pl.DataFrame) -> dict[str, Snapshot]:
    """The newest snapshot of each feed that ever took one, by `agency/feed`. `deliveries` is `ops.deliveries`."""
    taken = deliveries.filter((pl.col("status") == "taken") & (pl.col("mode") == "snapshot"))
    newest = pick(taken, ["agency", "feed"], [("sequence", True), ("produced_at", True)])
    return {
        f"{row['agency']}/{row['feed']}": Snapshot(row["sequence"], row["produced_at"])
        for row in newest.iter_rows(named=True)
    }


def present_records(snapshot: Snapshot, silver: pl.DataFrame, quarantined: pl.DataFrame) -> pl.DataFrame:
    """One row per record_id that the snapshot holds: taken, freeing or quarantined. `quarantined` are
    the feed's rows.
    """
    brought = [
        frame.filter(pl.col("sequence") == snapshot.sequence).select("record_id") for frame in (silver, quarantined)
    ]
    return pl.concat(brought).drop_nulls().unique()


def standing_versions(versions: pl.DataFrame, snapshot: Snapshot | None, present: pl.DataFrame | None) -> pl.DataFrame:
    """The upsert versions that stand, and whether each is the newest of its record that does
    (`is_newest`).

    `versions` are silver rows of one feed, withdrawals among them; `present` holds `record_id` as
    `present_records` gives it. A withdrawal erases every version that is not newer than it. A
    quarantined version changes nothing.
    """
    good = _in_order(_with_presence(versions.filter(~pl.col("frees_only")), snapshot, present))
    order = pl.col("_order")
    erased = pl.when(pl.col("op") == "withdraw").then(order).max().over("record_id")
    standing = good.with_columns(_erased=erased).filter(
        (pl.col("op") == "upsert") & (pl.col("_erased").is_null() | (order > pl.col("_erased"))) & pl.col("_present")
    )
    newest = standing.with_columns(is_newest=order == order.max().over("record_id"))
    return newest.select(*versions.columns, "is_newest")


def standing_freeing(versions: pl.DataFrame, snapshot: Snapshot | None, present: pl.DataFrame | None) -> pl.DataFrame:
    """The `frees_only` rows that stand: no withdrawal and no good version of their record is newer; the
    snapshot rule is the same.
    """
    freeing = versions.filter("frees_only").select("record_id").unique()
    of_them = versions.join(freeing, on="record_id", how="semi", nulls_equal=True)
    ordered = _in_order(_with_presence(of_them, snapshot, present))
    counts = ~pl.col("frees_only") & (pl.col("_present") | (pl.col("op") == "withdraw"))
    over = ordered.with_columns(_over=pl.when(counts).then(pl.col("_order")).max().over("record_id"))
    standing = over.filter(
        pl.col("frees_only") & pl.col("_present") & (pl.col("_over").is_null() | (pl.col("_order") > pl.col("_over")))
    )
    return standing.select(versions.columns)


def current(versions: pl.DataFrame) -> pl.DataFrame:
    """Of what `standing_versions` gives, one row per record: what holds tonight."""
    return versions.filter("is_newest").drop("is_newest")


def _in_order(versions: pl.DataFrame) -> pl.DataFrame:
    """The rows with `_order`: their place in the version order, equal for equal places, in a record of several rows; 0 in a record of one."""
    several = versions.with_columns(_several=pl.len().over("record_id") > 1)
    alone = several.filter(~pl.col("_several")).with_columns(_order=pl.lit(0, pl.Int64))
    ordered = several.filter("_several").sort(VERSION_ORDER)
    differs = pl.any_horizontal(pl.col(name).ne_missing(pl.col(name).shift(1)) for name in VERSION_ORDER)
    return pl.concat([alone, ordered.with_columns(_order=differs.cum_sum().cast(pl.Int64))]).drop("_several")


def _with_presence(versions: pl.DataFrame, snapshot: Snapshot | None, present: pl.DataFrame | None) -> pl.DataFrame:
    """`_present`: what the newest snapshot leaves standing."""
    if snapshot is None:
        return versions.with_columns(_present=pl.lit(True))
    if present is None:
        raise ValueError("a snapshot decides by the records that it holds: give them as `present`")
    held = pl.col("record_id").is_in(present["record_id"].unique().implode()).fill_null(False)
    later = (pl.col("recorded_at") > snapshot.produced_at) | (pl.col("sequence") > snapshot.sequence)
    return versions.with_columns(_present=held | later)
