"""Stage `feedback`: what each agency gets back of its deliveries, as files in `<feedback>/<agency>/<business date>/`."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

from jobs.core.night import Night, StageReport
from jobs.core.storage import Storage, open_storage
from jobs.feedback.collect import collect_feedback, count_strangers
from jobs.feedback.files import FEEDBACK, make_files


def run(night: Night) -> StageReport:
    """Write tonight's folders. Rows in: rows delivered tonight; rows out: records that somebody is told of."""
    lake = night.lake
    deliveries, accounting = lake.frame("ops.deliveries"), lake.frame("ops.accounting")
    agencies = {feed.agency for feed in night.contracts.values()}
    told = collect_feedback(deliveries, accounting, lake.frame("quarantine.records"), agencies, night.on)
    titles = {
        code: str(attributes["title"])
        for name in ("refusal_reasons", "quarantine_reasons")
        for code, attributes in night.codes[name].codes.items()
    }
    storage = open_storage(night.settings.feedback)
    nights = set(deliveries["night_on"].unique())
    for agency in sorted(agencies):
        clear_unfinished(storage, agency, night.on, nights, agency in told)
    for agency, feedback in told.items():
        files = make_files(agency, night.on, feedback, titles)
        storage.put_folder(f"{agency}/{night.on.isoformat()}", files, last=FEEDBACK)
    strangers = count_strangers(deliveries, agencies, night.on)
    return StageReport(
        rows_in=sum(int(feedback.accounting["rows_in"].sum() or 0) for feedback in told.values()),
        rows_out=sum(feedback.records.height for feedback in told.values()),
        notes=[f"answered in folders of no known agency, so nobody is told: {strangers}"] if strangers else [],
    )


def clear_unfinished(storage: Storage, agency: str, on: date, nights: Collection[date], is_told: bool) -> None:
    """Take away what nights that died have left: folders of dates since the last of `nights` before tonight, and tonight's unless it is made anew.

    `nights`: those that answered a delivery; without one before tonight the lake is new, and nothing earlier is touched.
    """
    storage.sweep(agency)
    last = max((night for night in nights if night < on), default=None)
    for name in storage.folders(agency):
        day = _as_date(name)
        is_dead = day is not None and last is not None and last < day < on
        if is_dead or (day == on and not is_told):
            storage.remove_folder(f"{agency}/{name}")


def _as_date(name: str) -> date | None:
    try:
        day = date.fromisoformat(name)
    except ValueError:
        return None
    return day if day.isoformat() == name else None
