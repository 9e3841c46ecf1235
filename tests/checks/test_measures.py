"""What is measured of literal deliveries, rows and tables."""

from datetime import date
from typing import Any

import polars as pl
import pytest

from jobs.checks.measures import (
    CHURN_MEASURES,
    FEED_MEASURES,
    OF_COLUMN,
    TABLE_MEASURES,
    Share,
    Values,
    measure_churn,
    measure_feed,
    measure_table,
)
from tests.checks.rows import FEED, INSTANT, ON, SILVER, accounting, deliveries, silver
from tests.frames import build

UNFOUNDED = Share("unfounded", "finding", ("unfounded",))
OFFENDERS = Share("offenders", "involved.role", ("offender", "payee"))
NO_REFERENCE = Share("no reference", "finding_ref", ())


def of_feed(
    given: pl.DataFrame | None = None,
    counted: pl.DataFrame | None = None,
    rows: pl.DataFrame | None = None,
    *shares: Share,
) -> Values:
    return measure_feed(
        FEED, ON, INSTANT, deliveries() if given is None else given, accounting() if counted is None else counted,
        silver([]) if rows is None else rows, SILVER.key, shares,
    )  # fmt: skip


def nights(*rows_in: int, mode: str = "delta") -> pl.DataFrame:
    """A delivery a night, the last one tonight."""
    first = ON.day - len(rows_in) + 1
    return deliveries(
        *({"night_on": f"2026-10-{first + i:02}", "rows_in": n, "mode": mode} for i, n in enumerate(rows_in))
    )


def test_every_measure_of_a_feed_has_a_value_or_none_by_its_own_name() -> None:
    assert set(of_feed()) == set(FEED_MEASURES) - set(OF_COLUMN)


def test_every_measure_of_a_table_has_a_value_or_none_by_its_own_name() -> None:
    plain = set(TABLE_MEASURES) - set(OF_COLUMN) - set(CHURN_MEASURES)
    assert set(measure_table(edges(1), ["from_id"], 1, pl.Series([], dtype=pl.Float64), [])) == plain
    assert set(CHURN_MEASURES) < set(measure_churn(ON, [], events(), 0))


def test_tonights_volume_is_against_the_median_of_the_nights_before() -> None:
    values = of_feed(nights(100, 90, 4_000, 30))
    assert (values["n_nights"], values["median_rows"], values["rows_ratio"]) == (3, 100, 0.3)


def test_a_first_night_has_no_volume_to_compare_with() -> None:
    values = of_feed(nights(30))
    assert (values["n_nights"], values["median_rows"], values["rows_ratio"]) == (0, None, None)


def test_only_the_last_fourteen_nights_count() -> None:
    given = deliveries(*({"night_on": f"2026-09-{day:02}", "rows_in": 1 if day <= 10 else 50} for day in range(1, 25)))
    values = of_feed(given)
    assert (values["n_nights"], values["median_rows"], values["rows_ratio"]) == (14, 50, None)


def test_a_snapshot_is_measured_against_the_snapshot_before_and_not_as_a_delta() -> None:
    values = of_feed(nights(200, 50, mode="snapshot"))
    assert (values["snapshot_rows_before"], values["snapshot_ratio"]) == (200, 0.25)
    assert values["rows_ratio"] is None


def test_no_snapshot_tonight_leaves_nothing_to_compare() -> None:
    older = deliveries(*({"night_on": f"2026-10-0{day}", "rows_in": 9, "mode": "snapshot"} for day in (1, 2)))
    assert (of_feed(older)["snapshot_rows_before"], of_feed(older)["snapshot_ratio"]) == (0, None)


@pytest.mark.parametrize(
    ("produced_at", "hours"), [("2026-10-10 16:00", -24.0), ("2026-10-09 16:00", 0.0), ("2026-10-09 10:00", 6.0)]
)
def test_lateness_is_what_goes_beyond_the_contracts_latency(produced_at: str, hours: float) -> None:
    given = deliveries({"night_on": "2026-10-01", "rows_in": 1, "produced_at": produced_at})
    assert of_feed(given)["hours_late"] == hours


def test_a_feed_that_never_came_is_not_called_punctual() -> None:
    refused = deliveries({"night_on": str(ON), "status": "refused"})
    assert (of_feed(refused)["hours_late"], of_feed(refused)["n_deliveries"]) == (None, 0)


def test_other_feeds_and_nights_are_not_counted() -> None:
    counted = accounting(
        {"rows_in": 10, "quarantined": 1},
        {"rows_in": 10, "quarantined": 2},
        {"rows_in": 999, "quarantined": 9, "night_on": "2026-10-09"},
        {"rows_in": 999, "quarantined": 9, "feed": "finance/accounts"},
    )
    values = of_feed(deliveries(), counted)
    assert (values["n_rows"], values["share_quarantined"]) == (20, 0.15)


def test_of_nothing_there_is_no_share() -> None:
    values = of_feed(nights(0), accounting({"rows_in": 0, "quarantined": 0}), silver([]), UNFOUNDED)
    assert values["n_rows"] == 0
    assert [values[name] for name in ("share_quarantined", "share_withdrawn", "n_duplicate_keys", "unfounded")] == [None] * 4  # fmt: skip


def test_codes_are_counted_among_what_says_what_is() -> None:
    rows = silver(
        [{"finding": "unfounded", "finding_ref": "F1"}, {"finding": "reported"}, {"finding": "reported"}, {"finding": "confirmed"},
         {"op": "withdraw"}, {"finding": "unfounded", "frees_only": True}]
    )  # fmt: skip
    values = of_feed(None, None, rows, UNFOUNDED, NO_REFERENCE)
    assert (values["unfounded"], values["no reference"]) == (0.25, 0.75)
    assert (values["n_good"], values["n_upserts"], values["share_withdrawn"]) == (5, 4, 0.2)


def test_codes_inside_a_list_are_counted_by_element() -> None:
    roles: list[list[dict[str, Any]] | None] = [
        [{"role": "offender"}, {"role": "victim"}],
        [],
        None,
        [{"role": "site"}, {"role": "payee"}],
    ]
    assert of_feed(None, None, silver([{"involved": each} for each in roles]), OFFENDERS)["offenders"] == 0.5


def test_a_row_of_silver_that_stands_twice_is_found() -> None:
    values = of_feed(None, None, silver([{"record_id": "a", "line": 1}, {"record_id": "a", "line": 1}, {}]))
    assert values["n_duplicate_keys"] == 1


def test_a_record_said_twice_by_one_delivery_is_not_our_fault_but_is_counted() -> None:
    values = of_feed(None, None, silver([{"record_id": "a"}, {"record_id": "a"}, {}, {}]))
    assert (values["n_duplicate_keys"], values["share_repeated"]) == (0, 0.25)


def edges(*ids: int) -> pl.DataFrame:
    return build("from_id bigint, is_live boolean", [{"from_id": each, "is_live": each > 1} for each in ids])


def test_a_table_is_measured_by_its_key_and_its_own_history() -> None:
    recorded = pl.Series([8.0, 4.0, 6.0])
    live = Share("live", "is_live", ("true",))
    values = measure_table(edges(1, 1, 2), ["from_id"], 7, recorded, [live])
    assert (values["n_rows"], values["n_sources"], values["n_duplicate_keys"]) == (3, 7, 1)
    assert (values["n_nights"], values["rows_ratio"], values["live"]) == (3, 0.5, pytest.approx(1 / 3))


def test_an_empty_table_has_no_rows_and_nothing_else_to_measure() -> None:
    values = measure_table(
        edges(), ["from_id"], 7, pl.Series([], dtype=pl.Float64), [Share("live", "is_live", ("true",))]
    )
    assert (values["n_rows"], values["n_duplicate_keys"], values["live"]) == (0, None, None)


def events(**by_night: list[str]) -> pl.DataFrame:
    rows = [
        {"night_on": night.replace("_", "-")[1:], "event": event} for night, each in by_night.items() for event in each
    ]
    return build("night_on date, event string", rows)


def test_the_lists_churn_is_against_what_was_active_before() -> None:
    moved = events(n2026_10_08=["ADD"] * 2, n2026_10_10=["ADD"] * 3 + ["RELEASE", "CHANGE"])
    values = measure_churn(ON, [date(2026, 10, day) for day in (7, 8, 9)], moved, n_active=22)
    assert (values["n_list_before"], values["adds_share"], values["releases_share"]) == (20, 0.15, 0.05)
    assert (values["n_nights"], values["adds_ratio"]) == (3, None)  # the usual night adds none


def test_a_list_that_begins_tonight_has_no_churn() -> None:
    values = measure_churn(ON, [], events(n2026_10_10=["ADD"]), n_active=1)
    assert (values["n_list_before"], values["adds_share"], values["adds_ratio"]) == (0, None, None)
