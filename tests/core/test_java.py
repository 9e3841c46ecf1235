"""Which Java is accepted, tried with small scripts that answer as that Java would."""

from pathlib import Path

import pytest

from jobs.core.errors import UserError
from jobs.core.java import find_java, major_version


def put_java(folder: Path, script: str) -> Path:
    """An executable `java` in the folder, made of shell lines."""
    folder.mkdir(parents=True, exist_ok=True)
    java = folder / "java"
    java.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    java.chmod(0o755)
    return java


@pytest.fixture
def without_java_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JAVA_HOME", raising=False)


@pytest.mark.parametrize(
    ("text", "version"),
    [
        pytest.param('openjdk version "17.0.15" 2025-04-15', 17, id="seventeen"),
        pytest.param('openjdk version "21" 2023-09-19', 21, id="first of its line"),
        pytest.param('java version "1.8.0_402"', 8, id="old numbering"),
        pytest.param('Picked up JAVA_TOOL_OPTIONS: -Da=b\nopenjdk version "21.0.9"', 21, id="options first"),
        pytest.param("Unable to locate a Java Runtime.", None, id="a placeholder"),
    ],
)
def test_the_version_is_read_from_what_java_prints(text: str, version: int | None) -> None:
    assert major_version(text) == version


@pytest.mark.usefixtures("without_java_home")
def test_java_17_with_all_modules_is_taken_from_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    java = put_java(tmp_path, "echo 'openjdk version \"17.0.15\"' >&2")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_java() == java


def test_java_home_wins_over_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_java(tmp_path / "path", "echo 'openjdk version \"17.0.15\"' >&2")
    java = put_java(tmp_path / "home" / "bin", "echo 'openjdk version \"21.0.9\"' >&2")
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "home"))
    assert find_java() == java


@pytest.mark.usefixtures("without_java_home")
def test_without_java_one_sentence_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match=r"^Java was not found: install Java 17 or 21 [^\n]*\.$"):
        find_java()


def test_a_java_home_without_java_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(UserError, match=f"JAVA_HOME is {tmp_path}"):
        find_java()


@pytest.mark.usefixtures("without_java_home")
@pytest.mark.parametrize(
    ("script", "sentence"),
    [
        pytest.param("echo 'openjdk version \"11.0.2\"' >&2", "Java 11 was found", id="too old"),
        pytest.param("echo 'openjdk version \"25\"' >&2", "Java 25 was found", id="too new"),
        pytest.param("echo 'Unable to locate a Java Runtime.' >&2; exit 1", "does not run", id="placeholder"),
        pytest.param(
            'echo \'openjdk version "17.0.9"\' >&2; [ "$1" != --add-modules ]',
            "lacks the module jdk.incubator.vector",
            id="small run-time image",
        ),
    ],
)
def test_a_java_that_spark_cannot_use_is_refused_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, sentence: str
) -> None:
    put_java(tmp_path, script)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match=sentence):
        find_java()
