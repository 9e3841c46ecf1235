"""Whole columns and the Python reference are equal on all input."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings

from jobs.core.contracts import load_codes
from jobs.core.settings import ROOT
from jobs.identifiers.normalise import Normals, normalise
from jobs.identifiers.rare import TYPES, Lists, lists_of, normalise_py
from tests.identifiers.values import Identifier, identifiers

TODAY = date(2026, 10, 1)


@pytest.fixture(scope="module")
def lists() -> Lists:
    return lists_of(load_codes(Path(ROOT) / "schemas"))


@pytest.fixture(scope="module")
def sample() -> list[Identifier]:
    """The same few thousand identifiers in each run."""
    found: list[Identifier] = []

    @settings(
        max_examples=6000,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(identifiers())
    def collect(identifier: Identifier) -> None:
        found.append(identifier)

    collect()
    distinct = sorted(set(found), key=repr)
    assert len(distinct) > 3000
    assert {type_ for type_, _, _ in distinct} >= set(TYPES)
    return distinct


def columns(rows: list[Identifier]) -> tuple[pl.Series, pl.Series, pl.Series, pl.Series]:
    """Type, raw text, scope and today of each row."""
    type_, raw, scope = (pl.Series([row[n] for row in rows], dtype=pl.String) for n in range(3))
    return type_, raw, scope, pl.repeat(TODAY, len(rows), eager=True)


def outcomes(normals: Normals) -> list[tuple[str | None, str | None, tuple[str, ...]]]:
    broken = {reason: flags.to_list() for reason, flags in normals.broken.items()}
    return [
        (kind, value, tuple(reason for reason in sorted(broken) if broken[reason][n]))
        for n, (kind, value) in enumerate(zip(normals.type, normals.value, strict=True))
    ]


def test_columns_and_reference_agree_when_the_type_is_in_a_column(sample: list[Identifier], lists: Lists) -> None:
    type_, raw, scope, today = columns(sample)
    found = outcomes(normalise(type_, raw, scope, today, lists))
    expected = [normalise_py(*row[:3], TODAY, lists) for row in sample]
    wrong = [(ascii(row), hope, got) for row, hope, got in zip(sample, expected, found, strict=True) if got != hope]
    assert wrong == []
    good = {kind for kind, value, _ in found if value is not None}
    assert good == set(TYPES), "every type has valid values in the sample"
    assert {kind for kind, _, reasons in found if reasons} >= set(TYPES), "and broken ones"


@pytest.mark.parametrize("type_", TYPES)
def test_columns_and_reference_agree_for_a_type_by_itself(type_: str, sample: list[Identifier], lists: Lists) -> None:
    """Every text of the sample, whatever it was made for."""
    rows = [(type_, raw, scope) for _, raw, scope in sample[:: 1 if type_ == "phone" else 3]]
    _, raw, scope, today = columns(rows)
    found = outcomes(normalise(type_, raw, scope, today, lists))
    expected = [normalise_py(*row, TODAY, lists) for row in rows]
    assert [(ascii(row), a, b) for row, a, b in zip(rows, expected, found, strict=True) if a != b] == []


@settings(max_examples=60, deadline=None)
@given(identifiers())
def test_a_column_of_one_row_agrees_too(row: Identifier) -> None:
    lists = lists_of(load_codes(Path(ROOT) / "schemas"))
    type_, raw, scope, today = columns([row])
    assert outcomes(normalise(type_, raw, scope, today, lists)) == [normalise_py(*row, TODAY, lists)]


def test_a_type_that_is_not_possible_here_is_an_unknown_code(lists: Lists) -> None:
    rows: list[Identifier] = [
        ("phone", "（010）8888 8888", None), ("imsi", "460001234567890", None), ("nosuch", "1", None), (None, "1", None), (None, " ", None),
    ]  # fmt: skip
    assert outcomes(normalise(*columns(rows), lists, types=("phone", "imei"))) == [
        ("phone", "+861088888888", ()),
        ("imsi", None, ("unknown_code",)),
        ("nosuch", None, ("unknown_code",)),
        (None, None, ("missing_value",)),
        (None, None, ()),
    ]


def test_no_rows_are_no_rows(lists: Lists) -> None:
    assert outcomes(normalise(*columns([]), lists)) == []
    _, raw, scope, today = columns([])
    assert all(outcomes(normalise(kind, raw, scope, today, lists)) == [] for kind in TYPES)


@pytest.mark.parametrize("type_", TYPES)
def test_nothing_among_values_that_are_all_valid_is_nothing(type_: str, sample: list[Identifier], lists: Lists) -> None:
    """In forms that are known at once, and in those that are not."""
    valid = [row for row in sample if row[0] == type_ and normalise_py(*row, TODAY, lists)[1] is not None]
    plain = [row for row in valid if str(normalise_py(*row, TODAY, lists)[1]).endswith(str(row[1]))]
    for rows in (valid, plain, [row for row in plain if len(str(row[1])) == len(str(plain[0][1]))]):
        mixed = [one for row in rows[:20] for one in (row, (type_, None, row[2]))]
        _, raw, scope, today = columns(mixed)
        found = outcomes(normalise(type_, raw, scope, today, lists))
        assert found == [normalise_py(*row, TODAY, lists) for row in mixed]
