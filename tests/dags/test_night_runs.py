"""The DAG `night` as Airflow runs it, over a small invented landing: each stage its own `antifraud run`."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from deltalake import DeltaTable

from jobs.core.settings import ROOT
from jobs.pipeline import STAGE_NAMES

ON = "2026-10-01"
FEEDS = {"case_reports", "persons_of_interest", "accounts", "subscriptions", "internet_accounts"}
LONGEST = 1_500
QUICK = {
    "ANTIFRAUD_SHUFFLE_PARTITIONS": "1",
    "JAVA_TOOL_OPTIONS": "-XX:TieredStopAtLevel=1",  # many short Sparks: the second compiler never pays
}
BIN = Path(sys.executable).parent


def run(command: list[str], environ: dict[str, str], folder: Path) -> None:
    """Run it to its end; a failure, or taking too long, shows the end of what it said."""
    said = folder / "said.txt"
    with said.open("w") as out:
        process = subprocess.Popen(
            command, cwd=folder, env=environ, stdout=out, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            code: int | str = process.wait(LONGEST)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            code = f"a stop after {LONGEST} s"
    assert code == 0, f"{' '.join(command)} ended with {code}:\n{said.read_text()[-6000:]}"


@pytest.mark.slow
@pytest.mark.timeout(1_800)
def test_a_night_under_airflow_commits_and_publishes(tmp_path: Path) -> None:
    environ = {
        **os.environ,
        **QUICK,
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
        "AIRFLOW_HOME": str(tmp_path / "airflow"),
        "ANTIFRAUD_SCHEDULE": str(tmp_path / "schedule.yml"),  # no waiting to try again
        "ANTIFRAUD_LANDING": str(tmp_path / "world" / "landing"),
        "ANTIFRAUD_LAKE": str(tmp_path / "lake"),
        "ANTIFRAUD_RELEASES": str(tmp_path / "releases"),
        "ANTIFRAUD_FEEDBACK": str(tmp_path / "feedback"),
        "ANTIFRAUD_KEY_FILE": str(tmp_path / "secrets" / "node-id.key"),
    }
    world = ["--out", str(tmp_path / "world"), "--people", "200", "--nights", "1", "--seed", "1"]
    run(["antifraud", "simulate", *world, "--start", ON], environ, tmp_path)
    for feed in (tmp_path / "world" / "landing").glob("*/*"):
        if feed.name not in FEEDS:
            shutil.rmtree(feed)
    schedule = (ROOT / "dags" / "schedule.yml").read_text(encoding="utf-8")
    Path(environ["ANTIFRAUD_SCHEDULE"]).write_text(schedule.replace("times: 2}", "times: 0}"), "utf-8")
    run(["airflow", "db", "migrate"], environ, tmp_path)
    run(["airflow", "dags", "test", "night", "--conf", json.dumps({"date": ON})], environ, tmp_path)

    nights = DeltaTable(str(tmp_path / "lake" / "ops" / "nights")).to_pyarrow_table().to_pylist()
    assert [str(night["night_on"]) for night in nights] == [ON]
    runs = DeltaTable(str(tmp_path / "lake" / "ops" / "runs")).to_pyarrow_table().to_pylist()
    assert {row["stage"] for row in runs if row["status"] == "done"} >= set(STAGE_NAMES) - {"commit"}
    latest = (tmp_path / "releases").glob("*/latest.json")
    published = {path.parent.name: json.loads(path.read_text(encoding="utf-8"))["version"] for path in latest}
    assert published == dict(nights[0]["releases"])
    assert published != {}
