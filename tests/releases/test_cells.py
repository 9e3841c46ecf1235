"""Cells that a spreadsheet would compute are safe and come back unchanged."""

import csv
import gzip
import io

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.releases.cells import protect_cell, read_csv, unprotect_cell, write_csv

STARTERS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)
NASTY = st.builds(
    lambda head, tail: head + tail, st.sampled_from([*STARTERS, "'", "''", " =", "　@", '"', ",", "|"]), TEXT
)
SCHEMA = pa.schema([("identifier_type", pa.string()), ("identifier", pa.string()), ("note", pa.string())])


def cells_of(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(gzip.decompress(content).decode("utf-8"), newline="")))


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=1+1", "'=1+1"), ("+1", "'+1"), ("-1", "'-1"), ("@SUM(A1)", "'@SUM(A1)"), ("\t=1", "'\t=1"),
        ("\r=1", "'\r=1"), (" =1", "' =1"), ("＝1", "'＝1"), ("'quoted", "''quoted"), ("plain", "plain"),
        ("a=b", "a=b"), ("", ""),
    ],
    ids=[
        "equals", "plus", "minus", "at", "tab", "return", "blank", "full-width", "apostrophe", "plain",
        "inside", "empty",
    ],
)  # fmt: skip
def test_a_cell_is_written_so_and_comes_back(text: str, cell: str) -> None:
    assert protect_cell(text) == cell
    assert unprotect_cell(cell) == text


@given(st.one_of(TEXT, NASTY))
def test_no_protected_cell_starts_like_a_formula_and_every_one_comes_back(text: str) -> None:
    cell = protect_cell(text)
    assert not cell.lstrip(" 　").startswith(STARTERS)
    assert unprotect_cell(cell) == text


@settings(max_examples=150, deadline=None)
@given(st.lists(st.one_of(st.none(), TEXT.filter(bool), NASTY), min_size=1, max_size=8))
def test_a_whole_file_is_protected_by_the_same_rule_and_comes_back(notes: list[str | None]) -> None:
    table = pa.table([["url"] * len(notes), ["https://e.invalid/"] * len(notes), notes], schema=SCHEMA)
    content = write_csv(table)
    assert read_csv(content, SCHEMA).equals(table)
    assert [row[2] for row in cells_of(content)[1:]] == [protect_cell(note or "") for note in notes]


def test_a_phone_loses_its_plus_in_csv_and_gets_it_back_by_its_type() -> None:
    phones = ["+8613800000001", "+86110", "+14155550123"]
    table = pa.table([["phone"] * 3, phones, [None] * 3], schema=SCHEMA)
    content = write_csv(table)
    assert [row[1] for row in cells_of(content)[1:]] == ["8613800000001", "86110", "14155550123"]
    assert read_csv(content, SCHEMA)["identifier"].to_pylist() == phones


def test_a_card_of_the_same_digits_as_a_phone_gets_no_plus() -> None:
    table = pa.table([["bank_card"], ["8613800000001"], ["'"]], schema=SCHEMA)
    assert read_csv(write_csv(table), SCHEMA).equals(table)


def test_a_digest_of_a_phone_is_left_as_it_is() -> None:
    table = pa.table([["phone"], ["7" * 64], [None]], schema=SCHEMA)
    assert read_csv(write_csv(table), SCHEMA).equals(table)


def test_a_phone_that_would_not_come_back_unchanged_is_refused() -> None:
    with pytest.raises(ValueError, match="normal form"):
        write_csv(pa.table([["phone"], ["13800000001"], [None]], schema=SCHEMA))


def test_a_list_whose_element_holds_the_separator_is_refused() -> None:
    with pytest.raises(ValueError, match="separates"):
        write_csv(pa.table({"reasons": pa.array([["a|b"]])}))


def test_a_csv_of_other_columns_is_refused() -> None:
    with pytest.raises(ValueError, match="columns are"):
        read_csv(write_csv(pa.table({"a": ["1"]})), SCHEMA)
