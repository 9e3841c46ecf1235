"""What broke its contract: kept by name and reason, without a value, until the agency sends it again,
repaired.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import polars as pl

from jobs.core.frames import pick
from jobs.silver.parse import Parsed
from jobs.silver.standing import VERSION_ORDER

PLACE = ["feed", "sequence", "file", "line"]
KEPT = ["record_id", "recorded_at", "sequence", "delivery_id", "file", "line", "business_date", "night_on"]


def quarantine_rows(parsed: Parsed, feed: str) -> pl.DataFrame:
    """Rows of `quarantine.records`, all open: one per broken record, one per broken element of a list."""
    of = parsed.rows.select(KEPT)[parsed.aside["row"]]
    return pl.concat([of, parsed.aside], how="horizontal").select(
        pl.lit(feed).alias("feed"), "record_id", "recorded_at", "sequence", "delivery_id", "file", "line", "element", "reasons", "columns",
        "business_date", "night_on", pl.lit("open").alias("status"), pl.lit(None, pl.Date).alias("resolved_on"),
    )  # fmt: skip


def resolve(rows: pl.DataFrame, good_versions: pl.DataFrame, on: date) -> pl.DataFrame:
    """The same rows, those resolved whose record has a newer good version; of an element, one in which
    no element is broken.

    `rows` hold the element rows of all `good_versions`. These are `feed`, `record_id` and the version
    order of every good version of the records in question, whichever night took it: a broken version
    that comes after the newer good one is resolved at once. Where a row's own recorded_at can't be
    read, a version with a higher sequence is newer.
    """
    elements = rows.filter(pl.col("element").is_not_null()).select(PLACE).unique()
    whole = good_versions.join(elements, on=PLACE, how="anti")
    is_element = pl.col("element").is_not_null()
    resolved = pl.concat(
        [
            _with_newer(rows.filter(~is_element), good_versions),
            _with_newer(rows.filter(is_element), whole),
        ]
    ).filter(pl.col("status") == "open")
    marked = rows.join(
        resolved.select(*PLACE, "element", _resolves=True), on=[*PLACE, "element"], how="left", nulls_equal=True
    )
    resolves = pl.col("_resolves").fill_null(False)
    return marked.with_columns(
        status=pl.when(resolves).then(pl.lit("resolved")).otherwise("status"),
        resolved_on=pl.when(resolves).then(pl.lit(on)).otherwise("resolved_on"),
    ).select(rows.columns)


def _with_newer(rows: pl.DataFrame, versions: pl.DataFrame) -> pl.DataFrame:
    """Those of `rows` whose record has a version that is newer."""
    newest = pick(versions, ["feed", "record_id"], [(name, True) for name in VERSION_ORDER])
    highest = versions.group_by("feed", "record_id").agg(pl.col("sequence").max().alias("_highest"))
    newest = newest.select("feed", "record_id", *(pl.col(name).alias(f"_{name}") for name in VERSION_ORDER))
    found = rows.join(newest, on=["feed", "record_id"], how="inner", validate="m:1")
    found = found.join(highest, on=["feed", "record_id"], how="inner", validate="m:1")
    after = _is_after([f"_{name}" for name in VERSION_ORDER], VERSION_ORDER)
    untimed = pl.col("recorded_at").is_null()
    return found.filter(pl.when(untimed).then(pl.col("_highest") > pl.col("sequence")).otherwise(after)).select(
        rows.columns
    )


def _is_after(left: Sequence[str], right: Sequence[str]) -> pl.Expr:
    """Whether the columns on the left come after those on the right, compared one by one from the first."""
    after = pl.lit(False)
    for a, b in reversed(list(zip(left, right, strict=True))):
        after = (pl.col(a) > pl.col(b)) | ((pl.col(a) == pl.col(b)) & after)
    return after
