"""The Delta JARs: what set-up fetched is whole, and nothing else passes for it."""

import shutil
import xml.etree.ElementTree as ET
from importlib.metadata import version
from pathlib import Path

import pytest

from jobs.core.errors import UserError
from jobs.core.jars import CONF, FOLDER, delta_jars, fetch_jars, pinned_hashes, wrong_files


def test_every_pinned_jar_is_there_with_its_hash() -> None:
    assert wrong_files(FOLDER) == []
    assert [jar.name for jar in delta_jars()] == sorted(pinned_hashes())


def test_what_ivy_is_asked_for_is_what_the_hashes_pin_and_python_has() -> None:
    asked = ET.parse(CONF / "spark-jars.xml").getroot().findall("dependencies/dependency")
    assert {f"{item.get('name')}-{item.get('rev')}.jar" for item in asked} == set(pinned_hashes())
    assert {item.get("rev") for item in asked} == {version("delta-spark")}


def test_a_session_without_jars_is_told_to_set_up(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"delta-storage-.*\.jar missing in .*: run `make setup`"):
        delta_jars(tmp_path)


def test_an_altered_or_half_written_jar_is_found(tmp_path: Path) -> None:
    for jar in delta_jars():
        shutil.copy(jar, tmp_path)
    assert wrong_files(tmp_path) == []
    altered = sorted(tmp_path.glob("*.jar"))[0]
    altered.write_bytes(altered.read_bytes()[:-1])
    assert wrong_files(tmp_path) == [altered.name]


def test_whole_jars_are_not_fetched_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for jar in delta_jars():
        shutil.copy(jar, tmp_path)
    monkeypatch.setenv("PATH", "")  # no java: a fetch would fail
    monkeypatch.delenv("JAVA_HOME", raising=False)
    assert fetch_jars(tmp_path) == sorted(tmp_path.glob("*.jar"))
