"""The DAGs that Airflow finds: which, in what order, started by what; and that they import no Spark."""

import json
import os
import re
import subprocess
import sys
from itertools import pairwise
from typing import Any

import pytest

from jobs.core.contracts import load_contracts
from jobs.core.settings import ROOT
from tests.dags.bag import DAGS, load_bag

INGEST = [
    "ingest_finance",
    "ingest_guard",
    "ingest_internet",
    "ingest_public_security",
    "ingest_telecom",
]
STAGES = [
    "intake",
    "bronze",
    "silver",
    "feedback",
    "identifiers",
    "graph",
    "signals",
    "listing",
    "checks",
    "releases",
    "commit",
]


def dag(name: str) -> Any:
    return load_bag().dags[name]


def test_every_file_loads_and_these_are_all_the_dags() -> None:
    assert load_bag().import_errors == {}
    assert sorted(load_bag().dags) == ["deadline", *INGEST, "night"]


def test_every_agency_that_a_contract_names_has_its_ingest_dag() -> None:
    agencies = {feed.agency for feed in load_contracts(ROOT / "schemas").values() if feed.status == "active"}
    assert sorted(f"ingest_{agency}" for agency in agencies) == INGEST


@pytest.mark.parametrize("name", INGEST)
def test_an_ingest_dag_is_one_look_that_says_its_agencys_asset(name: str) -> None:
    assert [task.task_id for task in dag(name).tasks] == ["landed"]
    task = dag(name).get_task("landed")
    agency = name.removeprefix("ingest_")
    assert [asset.name for asset in task.outlets] == [f"landing/{agency}"]
    assert task.env["NAME"] == agency
    assert task.bash_command == 'exec antifraud landed "$NAME" --date "$BUSINESS_DATE"'


def test_the_night_is_one_task_per_stage_one_after_the_other() -> None:
    night = dag("night")
    assert [task.task_id for task in night.topological_sort()] == STAGES
    for before, after in pairwise(STAGES):
        assert night.get_task(before).downstream_task_ids == {after}
    assert (night.max_active_runs, night.max_active_tasks) == (1, 1)


def test_a_stage_is_the_command_that_a_person_types_and_is_tried_again() -> None:
    for task in dag("night").tasks:
        assert task.bash_command == 'exec antifraud run "$NAME" --date "$BUSINESS_DATE"'
        assert task.env["NAME"] == task.task_id
        assert task.cwd == str(ROOT)
        assert task.retries == 2


def test_the_night_starts_when_every_agency_is_there_and_the_deadline_stands_in_for_the_late() -> None:
    condition = {asset.name for asset in dag("night").timetable.asset_condition.objects}
    assert condition == {name.replace("ingest_", "landing/") for name in INGEST}
    assert [task.task_id for task in dag("deadline").tasks] == ["start_the_night"]
    assert {asset.name for asset in dag("deadline").get_task("start_the_night").outlets} == condition


def test_the_last_look_for_a_late_agency_is_before_the_deadline() -> None:
    from antifraud_when import WHEN

    first = max(minutes(cron) for cron in [WHEN.ingest, *WHEN.agencies.values()])
    assert first + WHEN.look_again.minutes * WHEN.look_again.times < minutes(WHEN.deadline)
    assert WHEN.closes.hour * 60 + WHEN.closes.minute <= minutes(WHEN.ingest)


def minutes(cron: str) -> int:
    """Of the day, of a cron expression for once a day."""
    found = re.fullmatch(r"(\d+) (\d+) \* \* \*", cron)
    assert found is not None, cron
    return int(found[2]) * 60 + int(found[1])


def test_the_commit_is_what_others_may_wait_for() -> None:
    outlets = {task.task_id: [asset.name for asset in task.outlets] for task in dag("night").tasks}
    assert outlets["commit"] == ["lake/ops.nights"]
    assert outlets["identifiers"] == ["lake/graph.identifiers"]
    assert outlets["feedback"] == ["feedback"]
    assert outlets["releases"] == ["releases", "lake/blacklist.held_back"]


@pytest.mark.parametrize("name", ["deadline", *INGEST, "night"])
def test_every_dag_says_what_it_makes_who_reads_it_and_what_a_failure_means(name: str) -> None:
    for words in ("**Makes**", "**Read by**", "**A failure means**"):
        assert words in dag(name).doc_md
    assert "{" not in dag(name).doc_md


@pytest.mark.parametrize("given", ["", "2026-11-22"])
def test_a_business_date_or_nothing_may_be_given(given: str) -> None:
    assert dag("night").params["date"] == ""
    assert dag("night").params.get_param("date").resolve(value=given) == given


@pytest.mark.parametrize("given", ["22.11.2026", "2026-11-22; rm -rf /", "$(id)", "{{ ds }}", "2026-11-22\n", "today"])
def test_anything_else_is_refused_as_a_date(given: str) -> None:
    from airflow.sdk.exceptions import ParamValidationError

    with pytest.raises(ParamValidationError):
        dag("night").params.get_param("date").resolve(value=given)


@pytest.mark.parametrize(
    ("run_after", "on"),
    [
        ("2026-11-22T22:00:00+08:00", "2026-11-22"),
        ("2026-11-22T10:30:00+00:00", "2026-11-22"),
        ("2026-11-22T17:59:59+08:00", "2026-11-21"),
        ("2026-11-23T02:00:00+08:00", "2026-11-22"),
    ],
)
def test_without_a_date_a_run_is_for_the_last_one_that_the_agencies_closed(run_after: str, on: str) -> None:
    from datetime import datetime

    load_bag()
    from antifraud_when import business_date

    assert business_date(datetime.fromisoformat(run_after), "") == on
    assert business_date(datetime.fromisoformat(run_after), "2026-10-01") == "2026-10-01"


def test_loading_the_dags_imports_neither_spark_nor_great_expectations() -> None:
    heavy = ["pyspark", "delta", "great_expectations", "pandas", "pyarrow"]
    program = (
        "import json, sys; from tests.dags.bag import load_bag; bag = load_bag();"
        f"print(json.dumps([sorted(bag.dags), [name for name in {heavy} if name in sys.modules]]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    loaded, imported = json.loads(done.stdout.splitlines()[-1])
    assert loaded == ["deadline", *INGEST, "night"]
    assert imported == []


def test_dag_files_stay_short() -> None:
    lines = {path.name: len(path.read_text(encoding="utf-8").splitlines()) for path in DAGS.glob("*.py")}
    assert {"deadline.py", "ingest.py", "night.py"} < set(lines)
    assert max(lines.values()) <= 80
