"""What became of each delivery, over a real lake: its number names it, since an agency may use an id twice (intake only warns)."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any, NoReturn

import polars as pl
import pytest

from jobs.core.frames import of_rows, schema_of
from jobs.core.lake import Lake
from jobs.core.night import Night
from jobs.core.schema import load_tables
from jobs.core.settings import ROOT, Settings
from jobs.graph.sources import Sources
from jobs.silver.job import run
from tests.silver.rows import CODES, FEEDS, KEY, MADE, ON, SUBSCRIPTION, bronze

FEED = FEEDS["telecom/subscriptions"]
NEXT = ON + timedelta(days=1)
TABLES = load_tables(ROOT / "schemas", FEEDS)
BROKEN = {**SUBSCRIPTION, "record_id": "broken", "msisdn": "12"}
FIRST = [{**SUBSCRIPTION, "record_id": "gone"}, BROKEN]
SECOND = [{**SUBSCRIPTION, "record_id": "held"}, {**SUBSCRIPTION, "record_id": "broken"}]


def no_spark() -> NoReturn:
    raise AssertionError("so few rows start no Spark")


def night(root: Path, *deliveries: tuple[int, list[dict[str, Any]]], before: Night | None = None) -> Night:
    """A night of silver over these deliveries, by number, which all have one id; number 2 is a snapshot."""
    on = NEXT if before else ON
    lake = Lake(no_spark, str(root), TABLES, before.lake.versions if before else {})
    answers = []
    for sequence, rows in deliveries:
        place = {"sequence": sequence, "delivery_id": "full", "night_on": on}
        lake.append(f"bronze.{FEED.table}", bronze(FEED, [{**place, **row} for row in rows]))
        answers.append(
            {
                **place, "agency": FEED.agency, "feed": FEED.name, "business_date": ON, "produced_at": MADE, "status": "taken",
                "mode": "snapshot" if sequence == 2 else "delta", "rows_in": len(rows), "warnings": [], "path": "p", "staged": [],
            }
        )  # fmt: skip
    schema = schema_of(TABLES["ops.deliveries"].ddl)
    lake.append("ops.deliveries", of_rows(schema, [{name: row.get(name) for name in schema} for row in answers]))
    found = Night(no_spark, lake, Settings(lake=str(root)), on, FEEDS, CODES, None, None, KEY)
    run(found)
    return found


@pytest.mark.parametrize("is_split", [False, True], ids=["one-night", "two-nights"])
def test_two_deliveries_of_one_id_are_two(tmp_path: Path, is_split: bool) -> None:
    if is_split:
        last = night(tmp_path, (2, SECOND), before=night(tmp_path, (1, FIRST)))
    else:
        last = night(tmp_path, (1, FIRST), (2, SECOND))
    accounts = last.lake.frame("ops.accounting").sort("sequence")
    assert accounts.select("sequence", "delivery_id", "rows_in", "kept", "quarantined").rows() == [
        (1, "full", 2, 1, 1),
        (2, "full", 2, 2, 0),
    ]
    quarantine = last.lake.frame("quarantine.records")
    assert quarantine.select("record_id", "sequence", "status").rows() == [("broken", 1, "resolved")]
    standing = Sources.of(last).current(FEED.id)
    assert standing.select("record_id", "sequence").sort(pl.all()).rows() == [("broken", 2), ("held", 2)]


def test_what_breaks_at_the_same_place_of_two_deliveries_of_one_id_is_two_rows(tmp_path: Path) -> None:
    """The place of the one must not resolve, hide or double that of the other."""
    mended = {**SUBSCRIPTION, "record_id": "mended", "msisdn": "12"}
    good = {**SUBSCRIPTION, "record_id": "mended", "recorded_at": "2026-10-01T13:00:00+08:00"}
    last = night(tmp_path, (1, [mended]), (3, [BROKEN]), (4, [good]))
    rows = (
        last.lake.frame("quarantine.records").select("sequence", "line", "record_id", "status").sort("sequence").rows()
    )
    assert rows == [(1, 1, "mended", "resolved"), (3, 1, "broken", "open")]
