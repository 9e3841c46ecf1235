"""From the versions of a record to what it says of which time (feeds.md, A record).

A newer version says what is from its start on. A later start that names something else is a change: what stood before ends there and stays
as history. The same start is a correction, an earlier one replaces what stood from there on. Two things change at the moment that they were
recorded although the start is the same: another SIM, and a phone that became empty.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import polars as pl

from jobs.core.frames import UTC
from jobs.graph.running import least_to_come
from jobs.silver.standing import VERSION_ORDER

_HAS_BEFORE = pl.col("_record") == pl.col("_record").shift(1)
_HAS_AFTER = pl.col("_record") == pl.col("_record").shift(-1)


def cut_versions(
    versions: pl.DataFrame,
    *,
    start: pl.Expr,
    identity: Sequence[str],
    sim: Sequence[str] = (),
    phone: str | None = None,
    end: pl.Expr | None = None,
) -> pl.DataFrame:
    """Each surviving version with `seg_from` and `seg_to`: the time that its record gives to it, before its own ends.

    `versions`: the standing versions of a feed's records. `identity`: the columns whose change is a change of record (phone, holder); `sim`:
    those that change when recorded though the start is the same; `phone`: the column that may become empty; `end`: the end that an emptied
    phone or a changed SIM may bring forward. One row per surviving version, with every column of `versions`, by record and version order.
    """
    frame = versions.sort("record_id", *VERSION_ORDER).with_columns(
        _record=pl.col("record_id").rle_id(), _start=start, _end=end if end is not None else pl.lit(None, UTC)
    )
    frame = _join_repeated(frame, [*identity, *sim])
    frame = frame.with_columns(seg_from=_begin(identity, sim, phone))
    frame = frame.with_columns(_least=least_to_come(frame["seg_from"], frame["_record"])).with_row_index("_row")
    stands = (pl.col("seg_from") < pl.col("_least").shift(-1)) | ~_HAS_AFTER.fill_null(False)
    named = [*identity, *sim]
    # Against what came after it, which may itself be replaced since, and against what is next in time.
    taken_back = _is_restated(named, phone) | pl.col("_row").is_in(_restated_later(frame, named, phone).implode())
    frame = frame.filter(stands & ~taken_back)
    frame = frame.filter(~_is_restated(named, phone))
    frame = frame.with_columns(seg_to=pl.when(_HAS_AFTER).then(pl.col("seg_from").shift(-1)))
    return frame.drop("_record", "_start", "_end", "_first_recorded_at", "_least", "_row")


def _join_repeated(frame: pl.DataFrame, named: Sequence[str]) -> pl.DataFrame:
    """Versions that repeat the one before say nothing new of when: they stand together, the newest with its ends.

    Adds `_first_recorded_at`: when the first of those that stand together was recorded.
    """
    same = _HAS_BEFORE.fill_null(False) & _same(["_start", *named], 1)
    frame = frame.with_columns(_run=(~same).cum_sum())
    first = pl.col("recorded_at").min().over("_run")
    is_last = pl.col("_run").ne_missing(pl.col("_run").shift(-1))
    return frame.with_columns(_first_recorded_at=first).filter(is_last).drop("_run")


def _is_restated(named: Sequence[str], phone: str | None) -> pl.Expr:
    """The same again with a later start corrects the start: nothing that it names has changed. An emptied phone has no start to correct, and
    what was otherwise for no time, as a SIM that was taken back at the moment of its change, is no new start.
    """
    restated = _HAS_AFTER.fill_null(False) & _same(named, -1) & (pl.col("_start") < pl.col("_start").shift(-1))
    return (restated & _is_no_emptied(phone)).fill_null(False)


def _is_no_emptied(phone: str | None) -> pl.Expr:
    """Whether a version is more than a phone that became empty."""
    return pl.lit(True) if phone is None else pl.col(phone).is_not_null() | ~_had_phone(phone)


def _restated_later(frame: pl.DataFrame, named: Sequence[str], phone: str | None) -> pl.Series:
    """`_row` of versions that one restates which did not come next: what came between begins no earlier than that one, and was replaced by it."""
    several = frame.filter(pl.len().over("_record") > 2)
    several = several.select("_row", "_record", "seg_from", "_start", *named, _is_whole=_is_no_emptied(phone))
    later = several.select("_record", pl.exclude("_record").name.prefix("_later_"))
    pairs = several.join(later, on="_record", how="inner").filter(
        pl.col("_row") < pl.col("_later__row"), pl.col("seg_from") < pl.col("_later_seg_from")
    )
    before = pairs.filter(pl.col("_row") == pl.col("_row").max().over("_later__row"))
    same = pl.all_horizontal(pl.col(name).eq_missing(pl.col(f"_later_{name}")) for name in named)
    return before.filter(same, "_is_whole", pl.col("_start") < pl.col("_later__start"))["_row"].unique()


def _had_phone(phone: str) -> pl.Expr:
    """Whether an earlier version of the record, or this one, names a phone."""
    last = pl.when(pl.col(phone).is_not_null()).then("_record").forward_fill()
    return (last == pl.col("_record")).fill_null(False)


def _begin(identity: Sequence[str], sim: Sequence[str], phone: str | None) -> pl.Expr:
    """From when on a version says what is, of rows in the order of records and versions."""
    first, has_before = pl.col("_first_recorded_at"), _HAS_BEFORE.fill_null(False)
    when_known = pl.min_horizontal(first, pl.col("_end"))
    begin = pl.col("_start")
    if sim:
        changed = pl.max_horizontal("_start", when_known)  # what is changed before it begins was never otherwise
        begin = pl.when(has_before & _same(["_start", *identity], 1)).then(changed).otherwise(begin)
    if phone is None:
        return begin
    emptied = pl.col(phone).is_null() & _had_phone(phone)
    return pl.when(emptied).then(when_known).otherwise(begin)


def _same(columns: Iterable[str], rows: int) -> pl.Expr:
    """Whether the row so many rows before (after, when negative) says the same in these columns."""
    return pl.all_horizontal(pl.col(name).eq_missing(pl.col(name).shift(rows)) for name in columns)
