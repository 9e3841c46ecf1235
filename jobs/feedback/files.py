"""One agency's feedback as files: a pure function of what it is told, so that the same night gives the same bytes.

Names and record ids are the agency's own text and may be hostile: in JSON everything but plain ASCII is escaped, in CSV every text is
quoted and none begins like a formula (jobs.releases.cells).
"""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Mapping
from datetime import date
from typing import Any

import polars as pl

from jobs.feedback.collect import Feedback
from jobs.releases.cells import SEPARATOR, protect_cell

FEEDBACK, RECORDS = "feedback.json", "records.csv"


def make_files(agency: str, on: date, told: Feedback, titles: Mapping[str, str]) -> dict[str, bytes]:
    """The files by name. `titles`: what each reason means."""
    document = {
        "agency": agency,
        "business_date": on.isoformat(),
        "counts": count(told, on),
        "reasons": _used(told, titles),
        "refused": told.refused,
        "repeated": told.repeated,
        "warnings": told.warnings,
        "accounting": told.accounting,
        "quarantined": told.records.filter(pl.col("taken_on") == on),
        "resolved": told.records.filter(pl.col("resolved_on") == on),
    }
    return {FEEDBACK: to_json(document), RECORDS: to_csv(told.records)}


def count(told: Feedback, on: date) -> dict[str, Any]:
    """Deliveries by answer, rows by what became of them, and how many of tonight's records or elements break each rule."""
    rows = {
        name: int(told.accounting[name].sum() or 0) for name in ("rows_in", "kept", "superseded", "quarantined")
    }  # fmt: skip
    broken = told.records.filter(pl.col("taken_on") == on)
    reasons = Counter(reason for some in broken["reasons"].to_list() for reason in some or [])
    return {
        "deliveries_refused": told.refused.height, "deliveries_repeated": told.repeated.height, "warnings": told.warnings.height, **rows,
        "resolved": told.records.filter(pl.col("resolved_on") == on).height, "still_open": told.n_open, "by_reason": dict(sorted(reasons.items())),
    }  # fmt: skip


def to_json(document: Mapping[str, Any]) -> bytes:
    """A document whose frames become lists with one row per line; plain ASCII."""
    parts = [f"  {json.dumps(name)}: {_as_json(value)}" for name, value in document.items()]
    return ("{\n" + ",\n".join(parts) + "\n}\n").encode("ascii")


def to_csv(records: pl.DataFrame) -> bytes:
    """UTF-8 with a header, every text quoted and safe in a spreadsheet, lists joined by `|`, empty for null."""
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
    writer.writerow(records.columns)
    writer.writerows([_cell(value) for value in row] for row in records.iter_rows())
    return out.getvalue().encode()


def _as_json(value: Any) -> str:
    if not isinstance(value, pl.DataFrame):
        return json.dumps(value, indent=2).replace("\n", "\n  ")
    rows = ",\n".join(f"    {json.dumps(row, default=_iso)}" for row in value.iter_rows(named=True))
    return f"[\n{rows}\n  ]" if rows else "[]"


def _iso(value: Any) -> str:
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"feedback has no values of type {type(value).__name__}")


def _cell(value: Any) -> str | int | float:
    if isinstance(value, int | float):
        return value
    if isinstance(value, list):
        value = SEPARATOR.join(value)
    return protect_cell("" if value is None else str(value))


def _used(told: Feedback, titles: Mapping[str, str]) -> dict[str, str]:
    """What the reasons that this feedback gives mean."""
    named = {reason for some in told.records["reasons"].to_list() for reason in some or []}
    named |= set(told.refused["reason"].drop_nulls())
    return {reason: titles[reason] for reason in sorted(named) if reason in titles}
