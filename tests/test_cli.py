"""The command as a person types it: help for all, and one clear sentence with exit code 2 for what is wrong."""

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from jobs.cli import cli
from jobs.core.settings import ROOT
from jobs.pipeline import STAGE_NAMES

COMMANDS = sorted(cli.commands)


def antifraud(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """What the command says and how it ends, run in `folder` without settings of this machine."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("ANTIFRAUD_")}
    environ["PYTHONPATH"] = str(ROOT)
    command = [sys.executable, "-m", "jobs.cli", *arguments]
    return subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=False, timeout=120)


def refusal(folder: Path, *arguments: str) -> str:
    """The one sentence with which the command refuses, on standard error."""
    done = antifraud(folder, *arguments)
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    (sentence,) = done.stderr.splitlines()
    assert sentence.startswith("antifraud: ")
    return sentence.removeprefix("antifraud: ")


def test_the_commands_are_the_ones_that_are_tested_here() -> None:
    assert COMMANDS == [
        "check",
        "demo",
        "docs",
        "land",
        "landed",
        "night",
        "rehearse",
        "run",
        "score",
        "shadow",
        "simulate",
    ]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_says_what_it_does_and_what_each_option_means(tmp_path: Path, command: str) -> None:
    done = antifraud(tmp_path, command, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"Usage: python -m jobs.cli {command} ")
    summary = done.stdout.split("\n\n")[1]
    assert len(summary.split()) >= 6
    options = [option for option in cli.commands[command].params if isinstance(option, click.Option)]
    assert [option.name for option in options if not option.help] == []


def test_help_lists_every_command_and_run_lists_every_stage(tmp_path: Path) -> None:
    listed = antifraud(tmp_path, "-h").stdout.split("Commands:")[1]
    assert [name for name in COMMANDS if f"\n  {name} " not in listed] == []
    stages = antifraud(tmp_path, "run", "--help").stdout
    assert [stage for stage in STAGE_NAMES if f"{stage}:" not in stages] == []


def test_without_a_command_the_help_is_shown_as_it_is(tmp_path: Path) -> None:
    done = antifraud(tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("Usage: ")
    assert done.stderr.rstrip("\n") == antifraud(tmp_path, "--help").stdout.rstrip("\n")


def test_the_version_is_told(tmp_path: Path) -> None:
    done = antifraud(tmp_path, "--version")
    assert done.returncode == 0
    assert done.stdout.startswith("antifraud, version ")


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("nigth --date 2026-11-22", "No such command 'nigth'. Did you mean 'night'?"),
        ("night --dat 2026-11-22", "No such option '--dat'. Did you mean '--date'?"),
        ("night", "Missing option '--date'."),
        ("night --date 2026-13-01", "Invalid value for '--date': '2026-13-01' does not match the format '%Y-%m-%d'."),
        ("night --date yesterday", "Invalid value for '--date': 'yesterday' does not match"),
        ("night --date 2026-11-22 --from 2026-11-23", "--from 2026-11-23 is after --date 2026-11-22; give them in order"),
        ("night --date 2026-11-22 --landing gone", "gone: the landing folder is not there; give --landing, or make it"),
        ("night --date 2026-11-22 --lake=", "--lake: is empty; name a place, or leave it out"),
        ("run graphs --date 2026-11-22", "Invalid value for '{intake|bronze|"),
        ("run graph --date 2026-11-22 --landing gone", "gone: the landing folder is not there; give --landing, or"),
        ("run graph", "Missing option '--date'."),
        ("landed nobody --date 2026-11-22", "'nobody' delivers no feed that a contract describes; agencies are "),
        ("landed telecom --date 2026-11-22 --landing gone", "gone: the landing area must be a folder of this machine"),
        ("land nobody/nothing file.csv", "'nobody/nothing' is not a feed"),
        ("land telecom/subscriptions gone.csv", "gone.csv: there is no such file"),
        ("land telecom/subscriptions", "Missing argument 'FILES...'."),
        ("land telecom/subscriptions a.csv --produced-at noon", "--produced-at noon: not a time; write it as 2026-11-22T"),
        ("simulate --out world --people 0", "Invalid value for '--people': 0 is not in the range x>=1."),
        ("simulate", "Missing option '--out'."),
        ("rehearse", "Missing argument 'CASES...'."),
        ("rehearse gone.yaml", "gone.yaml: can't be read: No such file or directory"),
        ("--config gone.toml check", "gone.toml: there is no such settings file"),
        ("--config . check", ".: there is no such settings file"),
    ],
    ids=lambda value: value if value[:1].islower() or value.startswith("--config") else "",
)  # fmt: skip
def test_what_is_typed_wrong_is_refused_in_one_sentence(tmp_path: Path, typed: str, expected: str) -> None:
    assert refusal(tmp_path, *typed.split()).startswith(expected)
    assert [path.name for path in tmp_path.iterdir() if path.name != ".lock"] == []


def test_a_case_that_is_no_yaml_is_refused_with_file_and_line(tmp_path: Path) -> None:
    (tmp_path / "case.yaml").write_text("case: broken\nsays: [\n", encoding="utf-8")
    assert refusal(tmp_path, "rehearse", "case.yaml").startswith("case.yaml:3: not valid YAML: ")


def test_a_case_with_a_misspelt_key_is_refused_with_file_and_line(tmp_path: Path) -> None:
    (tmp_path / "case.yaml").write_text("case: broken\nsays: x\nnigths: {}\n", encoding="utf-8")
    assert refusal(tmp_path, "rehearse", "case.yaml").startswith("case.yaml:3: nigths: is not a known key")


def test_settings_with_a_typo_stop_every_command_that_reads_them(tmp_path: Path) -> None:
    (tmp_path / "antifraud.toml").write_text('lak = "x"\n', encoding="utf-8")
    for command in ("check", "demo", "night --date 2026-11-22", "landed telecom --date 2026-11-22"):
        assert refusal(tmp_path, *command.split()).startswith("antifraud.toml: 'lak' is not a setting")


@pytest.mark.parametrize("command", ["check", "night --date 2026-11-22", "landed telecom --date 2026-11-22"])
def test_a_schemas_folder_that_is_not_there_is_named(tmp_path: Path, command: str) -> None:
    (tmp_path / "antifraud.toml").write_text('schemas = "gone"\n', encoding="utf-8")
    assert refusal(tmp_path, *command.split()).startswith("gone")


def test_a_policy_that_is_not_there_is_refused_before_anything_starts(tmp_path: Path) -> None:
    (tmp_path / "antifraud.toml").write_text('policy = "strict"\n', encoding="utf-8")
    assert "strict.yml: there is no such policy; known are default" in refusal(
        tmp_path, "night", "--date", "2026-11-22", "--landing", "."
    )


def test_check_of_what_is_committed_is_content(tmp_path: Path) -> None:
    done = antifraud(tmp_path, "check")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("all fit\n")


def test_an_agency_that_has_not_delivered_makes_landed_fail_with_1(tmp_path: Path) -> None:
    done = antifraud(tmp_path, "landed", "telecom", "--date", "2026-11-22", "--landing", ".")
    assert (done.returncode, done.stderr) == (1, "")
    assert "subscriptions" in done.stdout
