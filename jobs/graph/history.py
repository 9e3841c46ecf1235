"""From the versions of a record to what it says of which time (feeds.md, A record).

A newer version says what is from its start on. A later start that names something else is a change: what stood before ends there and stays
as history. The same start is a correction, an earlier one replaces what stood from there on. Two things change at the moment that they were
recorded although the start is the same: another SIM, and a phone that became empty.
"""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from jobs.silver.standing import VERSION_ORDER


def cut_versions(
    versions: DataFrame,
    *,
    start: Column,
    identity: Sequence[str],
    sim: Sequence[str] = (),
    phone: str | None = None,
    end: Column | None = None,
) -> DataFrame:
    """Each surviving version with `seg_from` and `seg_to`: the time that its record gives to it, before its own ends.

    `versions`: the standing versions of a feed's records. `identity`: the columns whose change is a change of record (phone, holder); `sim`:
    those that change when recorded though the start is the same; `phone`: the column that may become empty; `end`: the end that an emptied
    phone or a changed SIM may bring forward. One row per surviving version, with every column of `versions`.
    """
    by_record = Window.partitionBy("record_id").orderBy(*VERSION_ORDER)
    before = Window.partitionBy("record_id").orderBy(*VERSION_ORDER).rowsBetween(Window.unboundedPreceding, -1)
    after = Window.partitionBy("record_id").orderBy(*VERSION_ORDER).rowsBetween(1, Window.unboundedFollowing)
    own_end = end if end is not None else F.lit(None).cast("timestamp")
    frame = versions.withColumns(
        {"_start": start, "_who": F.struct(*identity), "_sim": F.struct(*sim) if sim else F.struct(F.lit(0))}
    )
    # Versions that repeat the one before say nothing new of when: they stand together, the newest with its ends.
    same = (
        F.col("_who").eqNullSafe(F.lag("_who").over(by_record))
        & F.col("_sim").eqNullSafe(F.lag("_sim").over(by_record))
        & F.col("_start").eqNullSafe(F.lag("_start").over(by_record))
        & F.lag("record_id").over(by_record).isNotNull()
    )
    frame = frame.withColumn("_run", F.sum(F.when(same, 0).otherwise(1)).over(by_record))
    run = Window.partitionBy("record_id", "_run")
    frame = frame.withColumns(
        {
            "_first_recorded_at": F.min("recorded_at").over(run),
            "_is_last": ~F.lead("_run").over(by_record).eqNullSafe(F.col("_run")),
        }
    ).where("_is_last")
    when_known = F.least(F.col("_first_recorded_at"), F.coalesce(own_end, F.col("_first_recorded_at")))
    begin = F.col("_start")
    if sim:
        only_sim = (
            F.col("_start").eqNullSafe(F.lag("_start").over(by_record))
            & F.col("_who").eqNullSafe(F.lag("_who").over(by_record))
            & F.lag("record_id").over(by_record).isNotNull()
        )
        begin = F.when(only_sim, when_known).otherwise(begin)
    if phone is not None:
        # What was empty already and then names another holder is a change like any other.
        passed_on = (
            F.lag(phone).over(by_record).isNull()
            & ~F.col("_who").eqNullSafe(F.lag("_who").over(by_record))
            & (F.col("_start") > F.lag("_start").over(by_record))
            & (F.col("_start") >= F.lag("_first_recorded_at").over(by_record))
        )
        emptied = F.col(phone).isNull() & (F.count(phone).over(before) > 0) & ~F.coalesce(passed_on, F.lit(False))
        begin = F.when(emptied, when_known).otherwise(begin)
    frame = frame.withColumn("seg_from", begin)
    frame = frame.withColumn("_next", F.min("seg_from").over(after)).where("_next IS NULL OR seg_from < _next")
    # The same again with a later start corrects the start: nothing that it names has changed. An emptied phone has no start to correct.
    restated = F.col("_who").eqNullSafe(F.lead("_who").over(by_record)) & F.col("_sim").eqNullSafe(
        F.lead("_sim").over(by_record)
    )
    has_phone = F.col(phone).isNotNull() if phone is not None else F.lit(True)
    frame = frame.withColumn("_restated", restated & has_phone & F.lead("record_id").over(by_record).isNotNull()).where(
        "NOT _restated"
    )
    return frame.withColumn("seg_to", F.lead("seg_from").over(by_record)).drop(
        "_start", "_who", "_sim", "_run", "_first_recorded_at", "_is_last", "_next", "_restated"
    )
