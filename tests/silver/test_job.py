"""A night of silver over a real lake: what goes where, and that every row is accounted for."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from jobs.core.errors import UserError
from jobs.core.frames import of_rows, schema_of
from jobs.core.lake import Lake
from jobs.core.night import Night, StageReport
from jobs.core.schema import load_tables
from jobs.core.settings import ROOT, Settings
from jobs.silver import job
from jobs.silver.accounting import Account, Delivery, assert_balanced
from jobs.silver.job import run
from tests.silver.rows import ACCOUNT, CODES, FEEDS, KEY, MADE, NATIONAL_ID, ON, SUBSCRIPTION, bronze

SUBSCRIPTIONS, ACCOUNTS = FEEDS["telecom/subscriptions"], FEEDS["finance/accounts"]
NEXT = ON + timedelta(days=1)


@pytest.fixture(scope="module", params=["process", "spark"])
def nights(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Lake, list[StageReport]]]:
    """Two nights: broken rows in the first; a repair, an older version and a late earlier sighting in
    the second. Once in this process, a row at a time, and once by Spark's tasks.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(job, "CHUNK", 1)
        patch.setattr(job, "AT_ONCE", 2)
        spark = request.getfixturevalue("spark") if request.param == "spark" else _no_spark
        yield _two_nights(spark, tmp_path_factory.mktemp("lake"), request.param)


def _no_spark() -> Any:
    raise AssertionError("this process needs no Spark")


def _two_nights(spark: Any, root: Path, engine: str) -> tuple[Lake, list[StageReport]]:
    lake = Lake(spark, str(root), load_tables(ROOT / "schemas", FEEDS))
    backwards = {**SUBSCRIPTION, "record_id": "backwards", "deactivated_at": "2024-01-01"}
    first = [
        {**SUBSCRIPTION, "record_id": "good"},
        backwards,
        {**SUBSCRIPTION, "record_id": "twice"},
        {**SUBSCRIPTION, "record_id": "twice", "msisdn": "13900000002"},
        {"record_id": None, "recorded_at": None, "op": None, "undecodable": "not UTF-8"},
    ]
    reports = [
        _night(
            lake,
            ON,
            {"telecom/subscriptions": first, "finance/accounts": [{**ACCOUNT, "record_id": "a"}]},
            engine,
        )
    ]
    later = {
        "recorded_at": "2026-10-02T09:00:00+08:00",
        "business_date": NEXT,
        "produced_at": MADE + timedelta(days=1),
    }
    earlier = {"recorded_at": "2026-09-01T09:00:00+08:00", "business_date": ON - timedelta(days=30)}
    second = [
        {**backwards, **later, "deactivated_at": "2026-01-01"},
        {**SUBSCRIPTION, "record_id": "good", **earlier},
    ]
    reports.append(_night(lake, NEXT, {"telecom/subscriptions": second}, engine))
    return lake, reports


def _night(
    lake: Lake, on: date, feeds: dict[str, list[dict[str, Any]]], engine: str = "auto", key: bytes = KEY,
) -> StageReport:  # fmt: skip
    delivered = []
    for feed_id, rows in feeds.items():
        feed, delivery_id = FEEDS[feed_id], f"{feed_id}-{on}"
        lake.append(
            f"bronze.{feed.table}",
            bronze(feed, [{"delivery_id": delivery_id, "night_on": on, **row} for row in rows]),
        )
        delivered.append({"agency": feed.agency, "feed": feed.name, "delivery_id": delivery_id, "rows_in": len(rows)})
    schema = schema_of(lake.schema("ops.deliveries").ddl)
    full = [
        {"night_on": on, "status": "taken", "mode": "delta", "produced_at": MADE, "sequence": 1, **row}
        for row in delivered
    ]
    lake.append(
        "ops.deliveries",
        of_rows(schema, [{name: row.get(name) for name in schema} for row in full]),
    )
    settings = Settings(lake=str(Path(lake.path("a.b")).parents[1]), engine=engine)
    return run(Night(_no_spark, lake, settings, on, FEEDS, CODES, None, None, key))


def test_every_row_is_kept_superseded_or_quarantined(nights: tuple[Lake, list[StageReport]]) -> None:
    lake, reports = nights
    rows = lake.frame("ops.accounting").to_dicts()
    assert {(r["night_on"], r["feed"], r["rows_in"], r["kept"], r["superseded"], r["quarantined"]) for r in rows} == {
        (ON, "telecom/subscriptions", 5, 2, 1, 2),
        (ON, "finance/accounts", 1, 1, 0, 0),
        (NEXT, "telecom/subscriptions", 2, 1, 1, 0),
    }
    assert [(report.rows_in, report.rows_out) for report in reports] == [(6, 4), (2, 2)]
    assert reports[0].notes == ["telecom/subscriptions: 2 of 5 rows set aside (ends_before_it_starts 1, undecodable 1)"]


def test_a_repaired_record_leaves_quarantine_as_resolved(nights: tuple[Lake, list[StageReport]]) -> None:
    rows = nights[0].frame("quarantine.records").to_dicts()
    assert {(r["record_id"], r["status"], r["resolved_on"]) for r in rows} == {
        ("backwards", "resolved", NEXT),
        (None, "open", None),
    }


def test_the_vault_holds_each_value_once_and_again_only_under_an_earlier_date(
    nights: tuple[Lake, list[StageReport]],
) -> None:
    rows = nights[0].frame("vault.identifiers").to_dicts()
    shown = sorted((r["type"], r["value"], r["scope"], str(r["first_seen_on"])) for r in rows)
    assert shown == [
        ("bank_account", "icbc:12345678", "icbc", "2026-10-01"),
        ("iccid", "89860012345678901234", None, "2026-09-01"),
        ("iccid", "89860012345678901234", None, "2026-10-01"),
        ("imsi", "460001234567890", None, "2026-09-01"),
        ("imsi", "460001234567890", None, "2026-10-01"),
        ("national_id", NATIONAL_ID, None, "2026-09-01"),
        ("national_id", NATIONAL_ID, None, "2026-10-01"),
        ("phone", "+8613800000001", None, "2026-09-01"),
        ("phone", "+8613800000001", None, "2026-10-01"),
        ("phone", "+8613900000002", None, "2026-10-01"),
    ]
    assert all(r["digest"].startswith(f"{r['node_id'] & (2**64 - 1):016x}") for r in rows)


def test_silver_holds_every_good_version_and_no_value(nights: tuple[Lake, list[StageReport]]) -> None:
    rows = nights[0].frame("silver.telecom__subscriptions").to_dicts()
    assert sorted((r["record_id"], str(r["recorded_at"]), r["line"]) for r in rows) == [
        ("backwards", "2026-10-02 01:00:00+00:00", 1),
        ("good", "2026-09-01 01:00:00+00:00", 2),
        ("good", "2026-10-01 04:00:00+00:00", 1),
        ("twice", "2026-10-01 04:00:00+00:00", 3),
        ("twice", "2026-10-01 04:00:00+00:00", 4),
    ]
    assert NATIONAL_ID not in str(rows)


def test_a_night_in_which_nothing_is_good_or_new_still_accounts_for_its_rows(
    nights: tuple[Lake, list[StageReport]],
) -> None:
    lake, _ = nights
    before = {name: lake.count(name) for name in ("vault.identifiers", "silver.telecom__subscriptions")}
    report = _night(lake, NEXT + timedelta(days=1), {"telecom/subscriptions": [{"record_id": "x"}]})
    assert (report.rows_in, report.rows_out) == (1, 0)
    assert before == {name: lake.count(name) for name in before}


def test_another_key_stops_the_night_before_everybody_is_two(
    nights: tuple[Lake, list[StageReport]],
) -> None:
    with pytest.raises(UserError, match=r"node-id\.key: is not the key that this lake's ids were made with"):
        _night(
            nights[0],
            NEXT + timedelta(days=2),
            {"finance/accounts": [{**ACCOUNT, "record_id": "b"}]},
            key=b"another",
        )


def test_a_delivered_row_that_is_not_accounted_for_stops_the_night() -> None:
    one = Delivery("telecom/subscriptions", 1, "d1")
    with pytest.raises(RuntimeError, match="delivery d1 brought 5 rows and 4 are accounted for"):
        assert_balanced([Account(one, 2, 1, 1, 0)], {one: 5})
