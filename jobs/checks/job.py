"""The stage: each feed and table is read once, in the columns that its rules need, and all rules are judged at one go."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from jobs.checks.gate import judge
from jobs.checks.measures import Values, measure_churn, measure_feed, measure_table
from jobs.checks.page import render_page
from jobs.checks.suites import Suite, load_suites
from jobs.checks.verdicts import Verdict, give_verdicts, shares_of, tell
from jobs.core.frames import schema_of
from jobs.core.night import StageReport
from jobs.core.storage import open_storage

if TYPE_CHECKING:
    from jobs.core.night import Night

CHECKS, EVENTS, LISTINGS = "ops.checks", "blacklist.events", "blacklist.listings"
FOLDER, PAGE = "checks", "index.html"


def run(night: Night) -> StageReport:
    """Rows in: rules; rows out: rules that were judged. What broke is said, recorded in `ops.checks` and shown on a page; `releases` reads
    it and holds what it must. Nothing else is stopped."""
    suites = load_suites(Path(night.settings.expectations), night.contracts, night.lake.schemas, night.codes)
    measured = [*measure_feeds(night, suites.feeds), *measure_tables(night, suites.tables)]
    verdicts = give_verdicts(measured, judge, night.checks_hold)
    night.lake.append(CHECKS, _rows(night, verdicts))
    page = f"{FOLDER}/{night.on.isoformat()}"
    content = render_page(night.on, verdicts).encode()
    open_storage(night.settings.releases).put_folder(page, {PAGE: content}, last=PAGE)
    notes = tell(verdicts)
    if any(one.is_broken for one in verdicts):
        notes.append(f"every check: {night.settings.releases}/{page}/{PAGE}")
    return StageReport(len(verdicts), sum(one.is_ok is not None for one in verdicts), notes)


def measure_feeds(night: Night, suites: dict[str, Suite]) -> list[tuple[Suite, Values]]:
    """Of each feed that was ever taken, or that is essential."""
    deliveries = night.lake.frame(
        "ops.deliveries", ["night_on", "agency", "feed", "delivery_id", "sequence", "mode", "produced_at", "status", "rows_in"]
    )  # fmt: skip
    accounting = night.lake.frame("ops.accounting", ["night_on", "feed", "rows_in", "quarantined"])
    taken = deliveries.filter(pl.col("status") == "taken").select("agency", "feed").unique().rows()
    known = {f"{agency}/{feed}" for agency, feed in taken}
    measured = []
    for feed, suite in suites.items():
        contract = night.contracts[feed]
        if feed not in known and not contract.essential:
            continue
        name, shares = f"silver.{contract.table}", shares_of(suite)
        key = night.lake.schema(name).key
        columns = dict.fromkeys([*key, "op", "frees_only", *(share.head for share in shares)])
        rows = night.lake.frame(name, list(columns), night_on=night.on)
        values = measure_feed(contract, night.on, night.instant, deliveries, accounting, rows, key, shares)
        measured.append((suite, values))
    return measured


def measure_tables(night: Night, suites: dict[str, Suite]) -> list[tuple[Suite, Values]]:
    """Of each table that has a suite."""
    earlier = night.lake.frame(CHECKS, ["night_on", "subject", "measure", "observed"]).filter(
        (pl.col("measure") == "n_rows") & (pl.col("night_on") < night.on)
    )
    measured = []
    for name, suite in suites.items():
        key, shares = night.lake.schema(name).key, shares_of(suite)
        churn = ["night_on", "event"] if name == EVENTS else []
        rows = night.lake.frame(name, list(dict.fromkeys([*key, *churn, *(share.head for share in shares)])))
        recorded = earlier.filter(pl.col("subject") == name).unique("night_on").sort("night_on")["observed"]
        sources = sum(night.lake.count(table) for table in suite.fed_by)
        values = measure_table(rows, key, sources, recorded, shares)
        if name == EVENTS:
            values |= _churn(night, rows)
        measured.append((suite, values))
    return measured


def _churn(night: Night, events: pl.DataFrame) -> Values:
    nights = night.lake.frame("ops.nights", ["night_on"])["night_on"].to_list()
    n_active = (night.lake.frame(LISTINGS, ["status"])["status"] == "active").sum()
    return measure_churn(night.on, nights, events, int(n_active))


def _rows(night: Night, verdicts: list[Verdict]) -> pl.DataFrame:
    schema = schema_of(night.lake.schema(CHECKS).ddl)
    return pl.DataFrame([one.row(night.on) for one in verdicts], schema=schema, orient="row")
