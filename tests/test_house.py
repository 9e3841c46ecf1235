"""The promises of set-up that files show: everything pinned, no address, no data or key in a commit."""

import re
import subprocess
import tomllib

import pytest

from jobs.core.settings import ROOT

PIN = re.compile(r"^[a-z0-9-]+==[^ ;]+( ; .+)?$")


def pinned() -> set[str]:
    """Names in constraints.txt."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return {line.split("==")[0] for line in lines}


def test_constraints_are_exact_versions_without_an_address() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if not PIN.match(line)] == []
    assert len(lines) > 100


def test_everything_that_pyproject_names_is_pinned() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    named = [
        *project["build-system"]["requires"],
        *project["project"]["dependencies"],
        *(one for extra in project["project"]["optional-dependencies"].values() for one in extra),
        *(one for group in project["dependency-groups"].values() for one in group),
    ]
    names = {re.split(r"[\s<>=!~\[;]", one)[0].lower().replace("_", "-") for one in named}
    assert len(names) > 20
    assert names - pinned() == set()


@pytest.mark.parametrize(
    "path",
    [
        "work/lake/bronze/a.parquet",
        "work/secrets/node-id.key",
        "keys/root.pem",
        ".jars/a.jar",
        "antifraud.toml",
    ],
)
def test_data_and_keys_of_a_run_cannot_be_committed(path: str) -> None:
    done = subprocess.run(["git", "check-ignore", "--quiet", "--no-index", path], cwd=ROOT, check=False)
    assert done.returncode == 0


@pytest.mark.parametrize("path", ["jobs/releases/job.py", "jobs/core/lake.py", "tests/releases/test_job.py"])
def test_source_folders_with_names_like_data_are_committed(path: str) -> None:
    done = subprocess.run(["git", "check-ignore", "--quiet", "--no-index", path], cwd=ROOT, check=False)
    assert done.returncode == 1


def test_help_lists_every_target_that_a_person_types() -> None:
    done = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True)
    listed = re.findall(r"^ +make (\w+) ", done.stdout, flags=re.MULTILINE)
    assert listed == ["help", "setup", "run", "test", "check", "format", "constraints", "clean"]
