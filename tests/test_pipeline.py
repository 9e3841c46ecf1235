"""The list of stages against the code, and what may import or write what."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from jobs.core.contracts import load_contracts
from jobs.core.schema import load_tables
from jobs.core.settings import ROOT
from jobs.pipeline import STAGE_NAMES, STAGE_TITLES, STEPS, load_stages

JOBS, DAGS = ROOT / "jobs", ROOT / "dags"
SCHEMAS = ROOT / "schemas"
PLACES = {"landing", "releases", "feedback"}
TABLES = set(load_tables(SCHEMAS, load_contracts(SCHEMAS)))
TABLE_NAME = re.compile(r"^(bronze|silver|graph|blacklist|quarantine|vault|ops)\.[a-z_]+$")
REGISTRIES = [".".join(parts) for parts in (
    ("pypi", "org"), ("pythonhosted", "org"), ("maven", "org"), ("maven", "apache", "org"), ("npmjs", "com"), ("npmjs", "org"),
    ("docker", "io"), ("ghcr", "io"), ("quay", "io"), ("gcr", "io"), ("anaconda", "org"), ("crates", "io"), ("golang", "org"),
    ("mirrors", "aliyun"), ("tuna", "tsinghua"), ("repo", "huaweicloud"),
)]  # fmt: skip


def sources(folder: Path) -> list[Path]:
    """Every Python file below it."""
    return [path for path in sorted(folder.rglob("*.py")) if "__pycache__" not in path.parts]


def imported(path: Path) -> set[str]:
    """The packages that a file imports anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.split(".")[0])
    return found


def calls_of_lake(folder: Path, *methods: str) -> Iterator[str]:
    """Names of the tables that `lake.read("…")` and the like name in a stage's code."""
    for path in sources(folder):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in methods:
                first = node.args[0] if node.args else None
                if isinstance(first, ast.Constant) and isinstance(first.value, str) and TABLE_NAME.match(first.value):
                    yield first.value


def files_of_the_project() -> list[Path]:
    """What is committed or would be."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    return [ROOT / name for name in listed if (ROOT / name).is_file()]


def test_every_step_is_a_folder_with_a_job_and_its_run_is_what_the_stage_runs() -> None:
    folders = {path.parent.name for path in JOBS.glob("*/job.py")}
    not_stages = {"land", "score", "simulate"}  # commands of their own
    assert {step.name for step in STEPS} == folders - not_stages
    for stage in load_stages():
        assert stage.run.__module__ == f"jobs.{stage.name}.job"


def test_the_stages_are_the_steps_in_order_and_the_commit_is_the_last() -> None:
    assert list(STAGE_NAMES) == [*(step.name for step in STEPS), "commit"]
    assert [stage.name for stage in load_stages()] == list(STAGE_NAMES[:-1])
    assert set(STAGE_TITLES) == set(STAGE_NAMES)
    assert all(STAGE_TITLES.values())


@pytest.mark.parametrize("step", STEPS, ids=[step.name for step in STEPS])
def test_what_a_step_reads_and_writes_is_a_known_table_or_place(step: object) -> None:
    names = [*step.reads, *step.writes]  # type: ignore[attr-defined]
    assert len(names) == len(set(step.reads)) + len(set(step.writes))  # type: ignore[attr-defined]
    layers = {table.split(".")[0] for table in TABLES if "__" in table}
    assert [name for name in names if name.endswith(".*") and name[:-2] not in layers] == []
    assert [name for name in names if not name.endswith(".*") and name not in TABLES | PLACES] == []


@pytest.mark.parametrize("step", STEPS, ids=[step.name for step in STEPS])
def test_what_a_stage_reads_and_writes_is_what_its_step_says(step: object) -> None:
    name, reads, writes = step.name, set(step.reads), set(step.writes)  # type: ignore[attr-defined]
    assert set(calls_of_lake(JOBS / name, "append", "replace")) - writes == set()
    assert set(calls_of_lake(JOBS / name, "read", "frame")) - reads - writes == set()


@pytest.mark.parametrize("step", STEPS, ids=[step.name for step in STEPS])
def test_a_stage_that_asks_what_stands_of_the_feeds_reads_what_that_is_worked_out_from(step: object) -> None:
    name, reads = step.name, set(step.reads)  # type: ignore[attr-defined]
    texts = [path.read_text(encoding="utf-8") for path in sources(JOBS / name)]
    if any("Sources.of(" in text for text in texts):
        assert {"silver.*", "ops.deliveries", "quarantine.records"} - reads == set()


def test_every_table_is_written_by_a_step_or_by_the_runner() -> None:
    written = {name for step in STEPS for name in step.writes}
    own = {table for table in TABLES if "__" not in table} - {"ops.nights", "ops.runs"}
    assert own - written == set()


def test_spark_is_not_imported_where_airflow_parses() -> None:
    assert [path.name for path in sources(DAGS) if imported(path) & {"pyspark", "delta"}] == []
    program = (
        "import sys; sys.path.insert(0, 'dags'); import antifraud_when, jobs.pipeline, jobs.cli; print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "jobs.pipeline" in loaded
    assert loaded & {"pyspark", "delta", "pandas", "pyarrow"} == set()


def test_airflow_is_not_imported_in_jobs() -> None:
    assert [str(path) for path in sources(JOBS) if "airflow" in imported(path)] == []
    assert any("airflow" in imported(path) for path in sources(DAGS))


def test_only_the_lake_writes_tables() -> None:
    words = re.compile(
        r"\.write\.|\.writeTo\(|saveAsTable|insertInto|format\(\s*[\"']delta[\"']\)|DeltaTable|write_deltalake"
        r"|\b(INSERT INTO|MERGE INTO|CREATE TABLE)\b"
    )
    found = [
        str(path.relative_to(ROOT)) for path in sources(JOBS) + sources(DAGS) if words.search(path.read_text("utf-8"))
    ]
    assert found == ["jobs/core/lake.py", "jobs/core/reading.py"]
    only_reads = (JOBS / "core" / "reading.py").read_text("utf-8")
    assert not re.search(
        r"\.(write|merge|update|delete|restore|vacuum|optimize|alter|create)\b|write_deltalake", only_reads
    )


def test_no_row_udf_and_nothing_random_or_of_the_clock_in_the_expressions_of_a_stage() -> None:
    words = re.compile(
        r"F\.(udf|pandas_udf|rand|randn|uuid|current_timestamp|current_date|now|monotonically_increasing_id)\b"
    )
    folders = [JOBS / step.name for step in STEPS]
    assert [str(path) for folder in folders for path in sources(folder) if words.search(path.read_text("utf-8"))] == []


def test_no_file_of_the_project_names_a_registry() -> None:
    hosts = re.compile("|".join(re.escape(host) for host in REGISTRIES))
    texts = [path for path in files_of_the_project() if path.suffix not in {".parquet", ".gz", ".png", ".jar"}]
    assert len(texts) > 200
    found = [str(path.relative_to(ROOT)) for path in texts if hosts.search(path.read_text("utf-8", errors="replace"))]
    assert found == []
