"""Settings: defaults, then the file, then the environment, then the command line; a mistake in any is one sentence."""

from pathlib import Path

import pytest

from jobs.core.errors import UserError
from jobs.core.settings import Settings, load_settings


def written(folder: Path, text: str) -> Path:
    path = folder / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return path


def refusal(path: Path | None = None, environ: dict[str, str] | None = None) -> str:
    with pytest.raises(UserError) as caught:
        load_settings(path, environ or {})
    return str(caught.value)


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_without_a_file_the_defaults_hold() -> None:
    assert load_settings(environ={}) == Settings()


def test_the_file_wins_over_defaults_and_the_environment_over_the_file(tmp_path: Path) -> None:
    path = written(tmp_path, 'lake = "a"\nlanding = "b"\nshuffle_partitions = 7\n[spark]\n"spark.x" = "y"\n')
    found = load_settings(path, {"ANTIFRAUD_LAKE": "c", "OTHER_LAKE": "d"})
    assert (found.lake, found.landing, found.shuffle_partitions) == ("c", "b", 7)
    assert found.spark == {"spark.x": "y"}


def test_the_command_line_wins_over_all_and_what_it_leaves_out_stays() -> None:
    found = load_settings(environ={"ANTIFRAUD_LAKE": "a", "ANTIFRAUD_LANDING": "b"})
    changed = found.with_changes(lake="c", landing=None)
    assert (changed.lake, changed.landing) == ("c", "b")


def test_antifraud_toml_of_the_folder_is_read_unless_another_is_named(tmp_path: Path) -> None:
    (tmp_path / "antifraud.toml").write_text('lake = "here"\n', encoding="utf-8")
    other = written(tmp_path, 'lake = "there"\n')
    assert load_settings(environ={}).lake == "here"
    assert load_settings(environ={"ANTIFRAUD_CONFIG": str(other)}).lake == "there"
    assert load_settings(other, {"ANTIFRAUD_CONFIG": "nowhere.toml"}).lake == "there"


@pytest.mark.parametrize("name", ["nowhere.toml", "antifraud.toml"])
def test_a_file_that_somebody_named_must_be_there(name: str) -> None:
    assert refusal(Path(name)) == f"{name}: there is no such settings file"
    assert refusal(environ={"ANTIFRAUD_CONFIG": name}) == f"{name}: there is no such settings file"


def test_a_folder_is_no_settings_file(tmp_path: Path) -> None:
    assert refusal(tmp_path) == f"{tmp_path}: there is no such settings file"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('lak = "a"', "'lak' is not a setting; known are driver_memory, engine, expectations, feedback, jars, key_file, lake, landing, "),
        ("lake = 5", "'lake' must be text, not empty"),
        ('lake = ""', "'lake' must be text, not empty"),
        ('shuffle_partitions = "4"', "'shuffle_partitions' must be a number above 0"),
        ("shuffle_partitions = true", "'shuffle_partitions' must be a number above 0"),
        ('engine = "fast"', "'engine' must be one of auto, process, spark"),
        ("shuffle_partitions = 0", "'shuffle_partitions' must be a number above 0"),
        ('spark = "x"', "'spark' must be a table of texts"),
        ("[spark]\nx = 1", "'spark' must be a table of texts"),
        ("lake = a", "not valid TOML: "),
    ],
    ids=["typo", "type", "empty", "text-for-number", "bool-for-number", "engine", "zero", "text-for-table", "number-in-table",
         "not-toml"],
)  # fmt: skip
def test_a_mistake_in_the_file_is_one_sentence_that_names_it(tmp_path: Path, text: str, expected: str) -> None:
    path = written(tmp_path, text)
    assert refusal(path).startswith(f"{path}: {expected}")


def test_a_file_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_bytes('lake = "湖"'.encode("gb18030"))
    assert refusal(path) == f"{path}: is not UTF-8 text"


@pytest.mark.parametrize("text", ["four", "0", "-1", "²", "1.5"])
def test_a_number_in_the_environment_must_be_one(text: str) -> None:
    expected = f"ANTIFRAUD_SHUFFLE_PARTITIONS must be a number above 0, it is '{text}'"
    assert refusal(environ={"ANTIFRAUD_SHUFFLE_PARTITIONS": text}) == expected
    assert load_settings(environ={"ANTIFRAUD_SHUFFLE_PARTITIONS": "12"}).shuffle_partitions == 12


def test_an_empty_place_is_refused_because_it_would_be_the_root_of_the_disk() -> None:
    assert refusal(environ={"ANTIFRAUD_LAKE": ""}) == "ANTIFRAUD_LAKE: is empty; give it a value, or unset it"
    with pytest.raises(UserError, match=r"--lake: is empty; name a place, or leave it out"):
        Settings().with_changes(lake="")
