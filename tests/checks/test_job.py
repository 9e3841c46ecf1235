"""What the stage reads of a lake: files written by another engine, read without Spark."""

from pathlib import Path
from typing import Any

import polars as pl
from deltalake import write_deltalake

from jobs.checks.job import measure_feeds, measure_tables
from jobs.checks.suites import Suite
from jobs.core.lake import Lake
from jobs.core.night import Night
from jobs.core.settings import Settings
from tests.checks.rows import CODES, CONTRACTS, FEED, ON, SILVER, TABLES, accounting, deliveries, rule, silver, suite
from tests.frames import build


def night(root: Path, **tables: pl.DataFrame) -> Night:
    """A night over these tables; no Spark, for nothing is written. `__` stands for the point between layer and table."""
    names = {name.replace("__", ".", 1): frame for name, frame in tables.items()}
    for name, frame in names.items():
        write_deltalake(str(root / name.replace(".", "/", 1)), frame.to_arrow())
    nothing: Any = None
    lake = Lake(nothing, str(root), TABLES, dict.fromkeys(names, 0))
    return Night(
        spark=nothing, lake=lake, settings=Settings(), on=ON, contracts=CONTRACTS, codes=CODES, policy=None, recipients=None, key=b"",
    )  # fmt: skip


def suites(*subjects: str) -> dict[str, Suite]:
    return {subject: suite(rule(), subject=subject, holds="agency") for subject in subjects}


def test_a_feed_is_measured_on_what_this_night_wrote_and_one_that_never_came_only_if_essential(tmp_path: Path) -> None:
    rows = silver([{}, {"line": 1, "record_id": "r1"}, {"night_on": "2026-10-09"}])
    made = night(
        tmp_path,
        ops__deliveries=deliveries({"night_on": str(ON), "rows_in": 2}).drop("staged", "warnings"),
        ops__accounting=accounting({"rows_in": 2, "quarantined": 0}),
        silver__public_security__case_reports=rows.select(*SILVER.key, "op", "frees_only", "night_on"),
    )
    measured = measure_feeds(made, suites(FEED.id, "telecom/subscriptions", "internet/malicious_sites"))
    assert [each.subject for each, _ in measured] == [FEED.id, "telecom/subscriptions"]
    values = dict(zip([each.subject for each, _ in measured], [values for _, values in measured], strict=True))
    assert (values[FEED.id]["n_good"], values[FEED.id]["n_duplicate_keys"]) == (2, 1)
    assert (values["telecom/subscriptions"]["n_deliveries"], values["telecom/subscriptions"]["n_rows"]) == (0, 0)


def test_a_tables_history_is_what_earlier_nights_recorded_of_it(tmp_path: Path) -> None:
    earlier = [
        {"night_on": "2026-10-08", "subject": "graph.parties", "measure": "n_rows", "observed": 4.0},
        {"night_on": "2026-10-09", "subject": "graph.parties", "measure": "n_rows", "observed": 8.0},
        {"night_on": "2026-10-09", "subject": "graph.parties", "measure": "n_duplicate_keys", "observed": 900.0},
        {"night_on": "2026-10-09", "subject": "graph.edges", "measure": "n_rows", "observed": 900.0},
        {"night_on": str(ON), "subject": "graph.parties", "measure": "n_rows", "observed": 900.0},
    ]
    made = night(
        tmp_path,
        ops__checks=build(TABLES["ops.checks"].ddl, earlier),
        graph__parties=build(TABLES["graph.parties"].ddl, [{"node_id": 1}, {"node_id": 2}, {"node_id": 2}]),
        silver__public_security__case_reports=silver([{}, {}]).select(*SILVER.key),
    )
    fed = suite(
        rule(), subject="graph.parties", fed_by=("silver.public_security__case_reports", "silver.finance__accounts")
    )
    [(_, values)] = measure_tables(made, {"graph.parties": fed})
    assert (values["n_rows"], values["n_duplicate_keys"], values["n_sources"]) == (3, 1, 2)
    assert (values["n_nights"], values["rows_ratio"]) == (2, 0.5)
