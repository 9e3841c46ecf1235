"""JSON Lines: text of numbers, nested values, keys given twice, lines that are no object."""

import json
from typing import Any

import pytest

from jobs.bronze.records import inspect_records, read_records
from jobs.bronze.source import Broken, Limits
from jobs.core.contracts import load_contracts
from jobs.core.settings import ROOT

CASES = load_contracts(ROOT / "schemas")["public_security/case_reports"]

DEEP = b'{"a":' + b"[" * 500_000


def rows(*lines: bytes, limits: Limits | None = None) -> list[dict[str, Any]]:
    """Every record, and the promise that intake counts as many."""
    data = b"\n".join(lines) + b"\n"
    found = [row for batch in read_records(data, CASES, limits or Limits()) for row in batch.to_pylist()]
    assert inspect_records(data, CASES, limits or Limits()).rows == len(found)
    return found


def test_scalars_keep_the_text_that_they_were_written_with() -> None:
    (row,) = rows(b'{"record_id": 007e0, "case_id": "c"}'.replace(b"007e0", b"7.10"))
    assert (row["record_id"], row["case_id"]) == ("7.10", "c")
    (row,) = rows(b'{"record_id": 123456789012345678901234567890, "op": true, "case_id": null, "finding": ""}')
    assert [row[name] for name in ("record_id", "op", "case_id", "finding")] == [
        "123456789012345678901234567890",
        "true",
        None,
        None,
    ]


def test_nested_values_stay_json_text_with_their_numbers() -> None:
    (row,) = rows('{"involved": [{"role": "号\\"", "n": 1.50, "x": [null, true]}]}'.encode())
    assert row["involved"] == '[{"role":"号\\"","n":1.50,"x":[null,true]}]'
    assert json.loads(row["involved"])[0]["x"] == [None, True]


def test_empty_lines_windows_line_ends_and_a_byte_order_mark_are_no_matter() -> None:
    found = rows(b'\xef\xbb\xbf{"record_id": "1"}\r', b"", b"  ", b'{"record_id": "2"}')
    assert [(row["line"], row["record_id"]) for row in found] == [(1, "1"), (2, "2")]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b"[1]", "is not a JSON object"),
        (b'"text"', "is not a JSON object"),
        (b"{", "is not JSON"),
        (b"{} {}", "is not JSON"),
        (b'{"record_id": NaN}', "is not JSON"),
        (b'{"record_id": "a\tb"}', "is not JSON"),
        (DEEP, "is nested deeper than 64"),
    ],
    ids=["list", "text", "cut", "two", "nan", "control", "deep"],
)
def test_a_line_that_is_no_object_costs_only_itself(line: bytes, why: str) -> None:
    found = rows(b'{"record_id": "1"}', line, b'{"record_id": "3"}')
    assert [row["record_id"] for row in found] == ["1", None, "3"]
    assert [row["undecodable"] for row in found] == [None, why, None]
    assert found[1]["unknown"] == [("_raw", line.decode())]


def test_a_key_given_twice_is_undecodable_and_what_is_said_once_is_kept() -> None:
    (row,) = rows(b'{"record_id": "1", "finding": "unfounded", "finding": "confirmed"}')
    assert (row["record_id"], row["finding"], row["undecodable"]) == ("1", None, "gives a key twice")


def test_a_key_given_twice_in_an_element_is_undecodable() -> None:
    (row,) = rows(b'{"record_id": "1", "involved": [{"role": "a", "role": "b"}]}')
    assert (row["record_id"], row["involved"], row["undecodable"]) == ("1", None, "gives a key twice")


@pytest.mark.parametrize(
    "value",
    [b'"\xff"', rb'"\ud800"', rb'"a\u0000b"', rb'[{"role": "\u0000"}]'.replace(rb"\u0000", b"\xff")],
    ids=["bytes", "surrogate", "nul", "nested"],
)
def test_a_value_that_is_no_text_leaves_the_others_readable(value: bytes) -> None:
    (row,) = rows(b'{"record_id": "1", "involved": ' + value + b"}")
    assert (row["record_id"], row["involved"]) == ("1", None)
    assert row["undecodable"].endswith("in column 'involved'")


def test_unknown_keys_are_kept() -> None:
    (row,) = rows(b'{"record_id": "1", "remark": {"a": 1}}')
    assert row["unknown"] == [("remark", '{"a":1}')]


def test_a_line_past_its_limit_refuses_the_file() -> None:
    with pytest.raises(Broken) as refused:
        rows(b'{"record_id": "' + b"x" * 200 + b'"}', limits=Limits(record_bytes=100))
    assert refused.value.reason == "too_large"


def test_keys_are_found_whether_they_are_looked_for_in_bulk_or_line_by_line() -> None:
    lines = b'{"record_id": "1", "op": "upsert"}\n{"remark": "x", "op": "withdraw"}\n'
    bulk, single = inspect_records(lines, CASES), inspect_records(lines + b'{"op": 5}\n', CASES)
    assert bulk.columns == single.columns == {"record_id", "op", "remark"}
    assert bulk.needs_columns
    assert not inspect_records(b'{"op": "withdraw"}\n', CASES).needs_columns
