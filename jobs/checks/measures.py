"""What is measured of a feed and of a table: plain numbers, from frames in memory. Each frame is gone through once.

A measure is None where there is nothing to measure: no rule holds of that.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import polars as pl

from jobs.core.contracts import Feed

Values = dict[str, float | None]
LAST_NIGHTS = 14
OF_COLUMN = {"share_of_codes": "codes", "share_null": "column"}
"""Measures of one column: whether they take codes too."""
_SHARES = {
    "share_of_codes": "of the rows, those whose `column` has one of `codes`",
    "share_null": "of the rows, those whose `column` is null",
}
FEED_MEASURES = {
    "n_deliveries": "deliveries ever taken",
    "n_deliveries_tonight": "deliveries that this night took",
    "hours_late": "from when the newest delivery was made to the end of this business date, beyond the latency that the contract allows",
    "n_rows": "rows that tonight's deliveries brought",
    "n_good": "of them, those that are good",
    "n_upserts": "of the good ones, those that say what is",
    "share_quarantined": "of n_rows, those set aside",
    "share_withdrawn": "of n_good, those that withdraw a record",
    "share_repeated": "of n_good, those that say again what the same delivery says of the same record at the same time",
    "n_duplicate_keys": "good rows beyond the first of their key in silver",
    "n_nights": f"nights before with a delta of this feed, of them the last {LAST_NIGHTS}",
    "median_rows": "rows per such night, the median",
    "rows_ratio": "rows of tonight's deltas as a multiple of median_rows",
    "snapshot_rows_before": "rows of the snapshot before tonight's newest one; 0 when one of the two is missing",
    "snapshot_ratio": "rows of tonight's newest snapshot as a multiple of those of the one before",
    **_SHARES,
}
CHURN_MEASURES = {
    "n_list_before": "active listings before tonight",
    "n_adds": "additions tonight",
    "n_releases": "releases tonight",
    "adds_share": "additions as a share of n_list_before",
    "releases_share": "releases as a share of n_list_before",
    "adds_ratio": "additions as a multiple of the median of the last nights",
}
TABLE_MEASURES = {
    "n_rows": "rows of the table",
    "n_sources": "rows of the tables that feed it (`fed_by`)",
    "n_duplicate_keys": "rows beyond the first of their key",
    "n_nights": f"nights before in which n_rows was recorded, of them the last {LAST_NIGHTS}",
    "median_rows": "n_rows of those nights, the median",
    "rows_ratio": "n_rows as a multiple of median_rows",
    **_SHARES,
    **CHURN_MEASURES,
}


@dataclass(frozen=True)
class Share:
    """A share that a rule wants of a column; `name` is the rule's name for it."""

    name: str
    column: str
    codes: tuple[str, ...]

    @property
    def head(self) -> str:
        """The table's column: `involved` of `involved.role`."""
        return self.column.partition(".")[0]


def measure_feed(
    feed: Feed, on: date, instant: datetime, deliveries: pl.DataFrame, accounting: pl.DataFrame, rows: pl.DataFrame,
    key: Sequence[str], shares: Iterable[Share],
) -> Values:  # fmt: skip
    """`deliveries` (`ops.deliveries`) and `accounting` (`ops.accounting`) may hold all feeds and nights; `rows` are the feed's rows in silver
    that this night wrote, with `key`, op, frees_only and the columns of `shares`."""
    taken = deliveries.filter(
        (pl.col("agency") == feed.agency) & (pl.col("feed") == feed.name) & (pl.col("status") == "taken")
    )
    tonight = accounting.filter((pl.col("feed") == feed.id) & (pl.col("night_on") == on))
    n_rows = _total(tonight["rows_in"])
    return {
        "n_deliveries": float(taken.height),
        "n_deliveries_tonight": float((taken["night_on"] == on).sum()),
        "hours_late": _hours_late(feed, instant, taken),
        "n_rows": n_rows,
        "share_quarantined": _ratio(_total(tonight["quarantined"]), n_rows),
        **_volume(on, taken.filter(pl.col("mode") == "delta")),
        **_snapshots(on, taken.filter(pl.col("mode") == "snapshot")),
        **_content(rows, key, shares),
    }


def _content(rows: pl.DataFrame, key: Sequence[str], shares: Iterable[Share]) -> Values:
    good = rows.filter(~pl.col("frees_only"))
    upserts = good.filter(pl.col("op") == "upsert")
    return {
        "n_good": float(good.height),
        "n_upserts": float(upserts.height),
        "share_withdrawn": _ratio(good.height - upserts.height, good.height),
        "share_repeated": _ratio(_again(good, ["sequence", "record_id", "recorded_at"]), good.height),
        "n_duplicate_keys": float(_again(rows, key)) if rows.height else None,
        **_shares(upserts, shares),
    }


def _hours_late(feed: Feed, instant: datetime, taken: pl.DataFrame) -> float | None:
    newest: Any = taken["produced_at"].max()
    allowed = allowed_latency(feed)
    return None if newest is None or allowed is None else (instant - newest - allowed) / timedelta(hours=1)


def allowed_latency(feed: Feed) -> timedelta | None:
    """The contract's `latency` (ODCS slaProperties), in days or hours."""
    for item in feed.slaProperties:
        if item.get("property") == "latency":
            return timedelta(hours=item["value"]) if item.get("unit") == "h" else timedelta(days=item["value"])
    return None


def _volume(on: date, deltas: pl.DataFrame) -> Values:
    nights = deltas.group_by("night_on").agg(pl.col("rows_in").sum()).sort("night_on")
    before = nights.filter(pl.col("night_on") < on)["rows_in"].tail(LAST_NIGHTS)
    tonight = nights.filter(pl.col("night_on") == on)["rows_in"]
    median = _median(before)
    return {
        "n_nights": float(before.len()),
        "median_rows": median,
        "rows_ratio": _ratio(_total(tonight), median) if tonight.len() else None,
    }


def _snapshots(on: date, snapshots: pl.DataFrame) -> Values:
    """Of tonight's newest snapshot by sequence, and the newest one before it."""
    ordered = snapshots.sort("sequence", "delivery_id").select("night_on", "rows_in").rows()
    if len(ordered) < 2 or ordered[-1][0] != on:
        return {"snapshot_rows_before": 0.0, "snapshot_ratio": None}
    return {"snapshot_rows_before": float(ordered[-2][1]), "snapshot_ratio": _ratio(ordered[-1][1], ordered[-2][1])}


def measure_table(
    rows: pl.DataFrame, key: Sequence[str], n_sources: int, recorded: pl.Series, shares: Iterable[Share]
) -> Values:
    """`rows`: the table, with `key` and the columns of `shares`. `recorded`: its n_rows in earlier nights, oldest first."""
    n_rows, before = float(rows.height), recorded.tail(LAST_NIGHTS)
    median = _median(before)
    return {
        "n_rows": n_rows,
        "n_sources": float(n_sources),
        "n_duplicate_keys": float(_again(rows, key)) if n_rows else None,
        "n_nights": float(before.len()),
        "median_rows": median,
        "rows_ratio": _ratio(n_rows, median),
        **_shares(rows, shares),
    }


def measure_churn(on: date, nights: Iterable[date], events: pl.DataFrame, n_active: int) -> Values:
    """How much the published list moves. `events`: night_on and event of `blacklist.events`; `nights`: the committed ones."""
    of_night = events.filter(pl.col("night_on") == on)["event"]
    adds, releases = float((of_night == "ADD").sum()), float((of_night == "RELEASE").sum())
    before = n_active - adds + releases
    last = sorted(night for night in nights if night < on)[-LAST_NIGHTS:]
    counted = events.filter(pl.col("event") == "ADD").group_by("night_on").len().rows()
    by_night = dict(counted)
    usual = _median(pl.Series([by_night.get(night, 0) for night in last], dtype=pl.Int64))
    return {
        "n_list_before": before,
        "n_adds": adds,
        "n_releases": releases,
        "adds_share": _ratio(adds, before),
        "releases_share": _ratio(releases, before),
        "adds_ratio": _ratio(adds, usual),
        "n_nights": float(len(last)),
    }


def _shares(rows: pl.DataFrame, shares: Iterable[Share]) -> Values:
    found: Values = {}
    for share in shares:
        values = _values(rows, share.column)
        is_hit = values.cast(pl.String).is_in(list(share.codes)) if share.codes else values.is_null()
        found[share.name] = _ratio(_total(is_hit), values.len())
    return found


def _values(rows: pl.DataFrame, column: str) -> pl.Series:
    head, _, inner = column.partition(".")
    return rows[head].drop_nulls().explode().drop_nulls().struct.field(inner) if inner else rows[head]


def _again(rows: pl.DataFrame, key: Sequence[str]) -> int:
    return rows.height - rows.select(key).n_unique() if rows.height else 0


def _total(column: pl.Series) -> float:
    return float(column.sum())


def _median(column: pl.Series) -> float | None:
    value: Any = column.median()
    return None if value is None else float(value)


def _ratio(part: float | None, whole: float | None) -> float | None:
    return None if part is None or not whole else part / whole
