"""A YAML file that is wrong is refused in one sentence that names file and line."""

from pathlib import Path

import pytest
from pydantic import Field

from jobs.core.errors import UserError
from jobs.core.yamlfile import N_SHOWN, Strict, line_of, load_model, nearest, read_yaml


class Dish(Strict):
    name: str
    price: int = Field(gt=0)


class Menu(Strict):
    title: str
    dishes: tuple[Dish, ...] = ()


def written(folder: Path, text: str) -> Path:
    path = folder / "menu.yml"
    path.write_text(text, encoding="utf-8")
    return path


def refusal(path: Path) -> str:
    """The sentence with which the file is refused as a menu, without the folder."""
    with pytest.raises(UserError) as caught:
        load_model(path, Menu)
    sentence = str(caught.value)
    assert "\n" not in sentence
    return sentence.replace(f"{path.parent}/", "")


def test_a_good_file_is_loaded(tmp_path: Path) -> None:
    path = written(tmp_path, "title: Lunch\ndishes:\n  - {name: rice, price: 3}\n")
    assert load_model(path, Menu) == Menu(title="Lunch", dishes=(Dish(name="rice", price=3),))


def test_what_the_caller_merges_in_wins_over_the_file(tmp_path: Path) -> None:
    assert load_model(written(tmp_path, "title: Lunch\n"), Menu, {"title": "Dinner"}).title == "Dinner"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("title: Lunch\ntitel: x\n", "menu.yml:2: titel: is not a known key"),
        (
            "title: Lunch\ndishes:\n  - {name: rice, price: 3}\n  - name: soup\n    prize: 4\n    price: 4\n",
            "menu.yml:5: dishes.1.prize: is not a known key",
        ),
        (
            "title: Lunch\ndishes:\n  - name: rice\n    price: 0\n",
            "menu.yml:4: dishes.0.price: Input should be greater than 0",
        ),
        ("title: Lunch\ndishes:\n  - name: rice\n", "menu.yml:3: dishes.0.price: Field required"),
        ("dishes: []\ntitel: x\n", "menu.yml:2: titel: is not a known key; did you mean 'title'?"),
    ],
    ids=["typo", "typo-below", "bound", "missing-below", "typo-of-what-is-missing"],
)
def test_a_wrong_key_or_value_is_named_with_its_line(tmp_path: Path, text: str, expected: str) -> None:
    assert refusal(written(tmp_path, text)) == expected


def test_every_fault_is_said_in_a_line_of_its_own_and_those_after_the_fifth_are_counted(tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        load_model(written(tmp_path, "dishes:\n" + "  - {name: rice, price: 0}\n" * 6), Menu)
    first, *others = str(caught.value).replace(f"{tmp_path}/", "").splitlines()
    assert first == "menu.yml:1: title: Field required"
    assert others[:-1] == [
        f"menu.yml:{n + 2}: dishes.{n}.price: Input should be greater than 0" for n in range(N_SHOWN - 1)
    ]
    assert others[-1] == "and 2 more"


@pytest.mark.parametrize(("text", "meant"), [("imie", "imei"), ("imsy", "imsi"), ("xyz", None)])
def test_the_nearest_word_is_the_one_meant(text: str, meant: str | None) -> None:
    assert nearest(text, ["imsi", "imei", "iccid"]) == meant


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("title: Lunch\nx: 1\ntitle: Dinner\n", "menu.yml:3: not valid YAML: key 'title' is given twice"),
        ("title: Lunch\ndishes: [\n", "menu.yml:3: not valid YAML: did not find expected node content"),
        ("title: Lunch\n? [a, b]\n: 1\n", "menu.yml:2: not valid YAML: a key must be a text or a number"),
        (
            "title: Lunch\nday: 2026-02-30\n",
            "menu.yml:2: not valid YAML: 2026-02-30 is no day or time that there is; in quotes it is a text",
        ),
        ("- title\n", "menu.yml:1: must be a mapping of names to values"),
        ("", "menu.yml:1: must be a mapping of names to values"),
    ],
    ids=["twice", "open-bracket", "list-as-key", "no-such-day", "list", "empty"],
)
def test_what_is_not_a_mapping_in_yaml_is_refused(tmp_path: Path, text: str, expected: str) -> None:
    assert refusal(written(tmp_path, text)) == expected


def test_a_key_given_twice_deep_in_the_file_is_refused_too(tmp_path: Path) -> None:
    path = written(tmp_path, "title: Lunch\ndishes:\n  - name: rice\n    price: 3\n    price: 4\n")
    assert refusal(path) == "menu.yml:5: not valid YAML: key 'price' is given twice"


def test_a_control_character_is_refused_in_one_sentence(tmp_path: Path) -> None:
    assert refusal(written(tmp_path, "title: a\x01b\n")).startswith("menu.yml: not valid YAML: ")


def test_a_file_that_is_not_there_or_not_text_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path / "menu.yml") == "menu.yml: can't be read: No such file or directory"
    (tmp_path / "menu.yml").write_bytes("dishes: []\ntitle: 午".encode("gb18030"))
    assert refusal(tmp_path / "menu.yml") == "menu.yml:2: is not UTF-8 text"


def test_no_object_of_python_can_be_made_by_a_file(tmp_path: Path) -> None:
    path = written(tmp_path, f"title: !!python/object/apply:os.mkdir ['{tmp_path}/made']\n")
    assert "could not determine a constructor" in refusal(path)
    assert not (tmp_path / "made").exists()


def test_the_line_of_a_place_is_as_far_down_as_the_file_follows_it(tmp_path: Path) -> None:
    path = written(tmp_path, "title: Lunch\n\ndishes:\n  - name: rice\n    price: 3\n")
    assert read_yaml(path)["dishes"][0] == {"name": "rice", "price": 3}
    places = [("title",), ("dishes",), ("dishes", 0, "price"), ("dishes", 7), ("dishes", -1), ("nothing",), ()]
    assert [line_of(path, place) for place in places] == [1, 3, 5, 3, 3, 1, 1]
