"""What a night has to tell each agency about its deliveries, from the tables of intake and silver: names, reasons and counts, no values."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

import polars as pl

DELIVERY = ("feed", "delivery_id", "sequence", "business_date", "path")
RECORD = (
    "status", "feed", "record_id", "delivery_id", "sequence", "business_date", "file", "line", "element", "reasons", "columns", "taken_on", "resolved_on",
)  # fmt: skip


@dataclass(frozen=True)
class Feedback:
    """Of one agency and night. Every frame is in a total order, and feeds are `agency/feed`."""

    refused: pl.DataFrame
    """One row per delivery that was refused: where it lies, `reason`, and the sentence (`detail`)."""
    repeated: pl.DataFrame
    """One row per delivery whose number was taken before with the same content."""
    warnings: pl.DataFrame
    """One row per warning of a delivery that was taken."""
    accounting: pl.DataFrame
    """One row per delivery: rows_in = kept + superseded + quarantined."""
    records: pl.DataFrame
    """One row per record, or element of its list, that was set aside tonight or left quarantine tonight (RECORD)."""
    n_open: int
    """How many rows of this agency are still in quarantine after this night."""

    @property
    def has_news(self) -> bool:
        """Whether this night has anything to tell the agency."""
        told = (self.refused, self.repeated, self.warnings, self.accounting, self.records)
        return any(frame.height for frame in told)


def collect_feedback(
    deliveries: pl.DataFrame, accounting: pl.DataFrame, quarantine: pl.DataFrame, agencies: Iterable[str], on: date
) -> dict[str, Feedback]:
    """What the night `on` tells each of these agencies that it has anything to tell.

    The frames are rows of ops.deliveries, ops.accounting and quarantine.records, of whatever night; quarantine also with what is still open.
    """
    answers = deliveries.filter(pl.col("night_on") == on).with_columns(
        feed=pl.concat_str("agency", pl.lit("/"), "feed")
    )
    counted = accounting.filter(pl.col("night_on") == on)
    touched = quarantine.filter((pl.col("night_on") == on) | (pl.col("resolved_on") == on))
    still_open = quarantine.filter(pl.col("status") == "open")
    told = {
        agency: Feedback(
            **_answers(answers.filter(pl.col("agency") == agency)),
            accounting=counted.filter(_of(agency))
            .select("feed", "delivery_id", "sequence", "rows_in", "kept", "superseded", "quarantined")
            .sort("feed", "delivery_id", "sequence"),
            records=_records(touched.filter(_of(agency))),
            n_open=still_open.filter(_of(agency)).height,
        )
        for agency in sorted(set(agencies))
    }
    return {agency: feedback for agency, feedback in told.items() if feedback.has_news}


def count_strangers(deliveries: pl.DataFrame, agencies: Iterable[str], on: date) -> int:
    """Deliveries of the night that lie in folders of none of these agencies: nobody can be told of them."""
    return deliveries.filter((pl.col("night_on") == on) & ~pl.col("agency").is_in(sorted(set(agencies)))).height


def _of(agency: str) -> pl.Expr:
    return pl.col("feed").str.starts_with(f"{agency}/")


def _answers(answers: pl.DataFrame) -> dict[str, pl.DataFrame]:
    order = [*DELIVERY, "manifest_sha256"]
    rows = answers.sort(order)
    warned = rows.explode("warnings").filter(pl.col("warnings").is_not_null())
    return {
        "refused": rows.filter(pl.col("status") == "refused").select(*DELIVERY, "reason", "detail"),
        "repeated": rows.filter(pl.col("status") == "repeated").select(*DELIVERY, "detail"),
        "warnings": warned.select(*DELIVERY, warning="warnings"),
    }


def _records(touched: pl.DataFrame) -> pl.DataFrame:
    """Rows of RECORD: what stays open, then what is resolved, each by where it lies."""
    return touched.rename({"night_on": "taken_on"}).select(RECORD).sort("status", "feed", "delivery_id", "sequence", "file", "line", "element")  # fmt: skip
