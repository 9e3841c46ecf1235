"""What Spark's and Arrow's own readers let pass in silence, one test for each: here it stands as written, or is named.

Beside these: columns in another order, records with cells too few or too many, NUL and broken bytes (test_csv.py), keys given
twice and NaN (test_jsonl.py), values of every type (test_parquet.py), files cut or with something behind them, names that
begin with _ or . (../intake/test_refusals.py), the same name again (../intake/test_exactly_once.py).
"""

import gzip
import io
import json
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from jobs.bronze.records import inspect_records, read_records
from jobs.bronze.source import Broken
from jobs.core.contracts import Feed, load_contracts
from jobs.core.settings import ROOT

CONTRACTS = load_contracts(ROOT / "schemas")
APPEALS, CASES, ACCOUNTS = (
    CONTRACTS["public_security/appeal_decisions"],
    CONTRACTS["public_security/case_reports"],
    CONTRACTS["finance/accounts"],
)


def rows(data: bytes, feed: Feed = APPEALS) -> list[dict[str, Any]]:
    found = [row for batch in read_records(data, feed) for row in batch.to_pylist()]
    assert inspect_records(data, feed).rows == len(found), "to count is to read: no other number than intake's"
    return found


def cells(data: bytes, name: str = "issuer", feed: Feed = APPEALS) -> list[str | None]:
    found = rows(data, feed)
    assert [row["undecodable"] for row in found] == [None] * len(found)
    return [row[name] for row in found]


def parquet(table: pa.Table, **options: Any) -> bytes:
    out = io.BytesIO()
    pq.write_table(table, out, **options)
    return out.getvalue()


# CSV


def test_swapped_columns_go_by_their_header_and_not_by_their_place() -> None:
    """Spark: `enforceSchema` reads the second column into the second name."""
    assert cells(b"decision_ref,issuer,record_id\nref,icbc,1\n") == ["icbc"]
    assert cells(b"decision_ref,issuer,record_id\nref,icbc,1\n", "decision_ref") == ["ref"]


def test_a_name_in_other_letters_is_another_column() -> None:
    """Spark's names ignore case."""
    found = rows(b"record_id,ISSUER\n1,icbc\n")
    assert (found[0]["issuer"], found[0]["unknown"]) == (None, [("ISSUER", "icbc")])
    with pytest.raises(Broken, match="names column 'issuer' twice"):
        rows(b"record_id,issuer,issuer\n1,a,b\n")


@pytest.mark.parametrize(
    "text", ["null", "NULL", "NA", "N/A", "n/a", "nan", "NaN", "None", "-", "\\N", "#N/A", "inf", "-0-"], ids=ascii
)
def test_no_word_means_nothing(text: str) -> None:
    """Arrow takes a dozen words for null, Spark takes NaN and Inf for numbers. Only an empty cell is null."""
    assert cells(f"record_id,issuer\n1,{text}\n".encode()) == [text]
    assert cells(f'record_id,issuer\n1,"{text}"\n2,""\n3,\n'.encode()) == [text, None, None]


@pytest.mark.parametrize(
    "text", ["007", "1e5", "1,5", "+86138", "1.10", "0x1F", "true", "TRUE", "2026-1-2", "24:00", "6222021234567890123", " x ", "\tx"], ids=ascii
)  # fmt: skip
def test_no_cell_is_taken_for_a_number_a_date_or_a_truth(text: str) -> None:
    """What the column wants (a decimal, a time) is silver's matter, and there a bad cell has a reason: it is never null."""
    assert cells(f'record_id,issuer\n1,"{text}"\n'.encode()) == [text]


@pytest.mark.parametrize("line", [b"#1,icbc", b"// 1,icbc", b"; 1,icbc", b"record_id,issuer"], ids=ascii)
def test_no_line_is_a_comment_or_a_second_header(line: bytes) -> None:
    assert len(rows(b"record_id,issuer\n" + line + b"\n2,x\n")) == 2


def test_a_backslash_escapes_nothing() -> None:
    """Spark's default escape: it would glue two cells together."""
    assert cells(b'record_id,issuer\n"1\\",x\n') == ["x"]
    assert cells(b'record_id,issuer\n1,"a\\nb"\n') == ["a\\nb"]


@pytest.mark.parametrize("mark", [";", "\t", "|"], ids=ascii)
def test_no_other_separator_is_guessed(mark: str) -> None:
    found = inspect_records(f"record_id{mark}issuer\n1{mark}x\n".encode(), APPEALS)
    assert (found.rows, found.columns) == (1, {f"record_id{mark}issuer"})


def test_a_quoted_line_end_is_one_record_on_its_own_line_number() -> None:
    """Spark without `multiLine` makes two of it."""
    found = rows(b'record_id,issuer\n1,"a\nb"\n2,c\n')
    assert [(row["line"], row["issuer"]) for row in found] == [(1, "a\nb"), (2, "c")]


def test_a_bare_carriage_return_ends_no_record_and_is_not_dropped() -> None:
    found = rows(b"record_id,issuer\n1,a\rb\n2,c\n")
    assert [row["record_id"] for row in found] == [None, "2"]
    assert found[0]["undecodable"] is not None
    with pytest.raises(Broken, match="header that is not CSV"):
        inspect_records(b"record_id,issuer\r1,a\r2,b\r", APPEALS)


def test_white_space_around_cells_and_names_stays() -> None:
    found = rows(b"record_id, issuer\n1, x \n")
    assert found[0]["unknown"] == [(" issuer", " x ")]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32"])
def test_no_other_encoding_is_guessed(encoding: str) -> None:
    with pytest.raises(Broken, match="header that is not utf-8 text"):
        inspect_records("record_id,issuer\n1,x\n".encode(encoding), APPEALS)


def test_gb18030_where_utf8_is_agreed_is_named_and_not_replaced() -> None:
    """Spark puts U+FFFD in place of what it can't read, and says nothing."""
    found = rows("record_id,issuer\n1,张三\n2,x\n".encode("gb18030"))
    assert [(row["record_id"], row["issuer"]) for row in found] == [("1", None), ("2", "x")]
    assert found[0]["undecodable"] == "has bytes that are no characters in column 'issuer'"


def test_a_replacement_character_that_was_written_stays() -> None:
    assert cells("record_id,issuer\n1,\ufffd\n".encode()) == ["\ufffd"]


def test_gzip_whose_members_are_cut_gives_nothing_though_the_first_is_whole() -> None:
    first, second = gzip.compress(b"record_id,issuer\n1,a\n"), gzip.compress(b"2,b\n")
    assert len(rows(first + second)) == 2
    with pytest.raises(Broken, match="is cut"):
        rows(first + second[:-3])


# JSON


@pytest.mark.parametrize(
    "line",
    [b"{'record_id': '1'}", b'{record_id: "1"}', b'{"record_id": "1",}', b'{"record_id": "1"} // x', b'{"record_id": 01}', b'{"record_id": +1}',
     b'{"record_id": Infinity}', b'{"record_id": "a\nb"}'.replace(b"\n", b"\t"), b'{"record_id": "1"', b'"record_id": "1"}'],
    ids=["single_quotes", "no_quotes", "comma", "comment", "leading_zero", "plus", "infinity", "control", "cut", "cut_before"],
)  # fmt: skip
def test_json_that_is_none_is_undecodable_and_not_a_row_of_nulls(line: bytes) -> None:
    """Spark allows single quotes, and in its permissive mode makes a row of nulls of the rest."""
    found = rows(line + b'\n{"record_id": "2"}\n', CASES)
    assert [(row["record_id"], row["undecodable"]) for row in found] == [(None, "is not JSON"), ("2", None)]
    assert dict(found[0]["unknown"])["_raw"] == line.decode()


@pytest.mark.parametrize("text", ["2026-11-22T18:00:03+08:00", "2026-11-22", "true", "1.50"])
def test_a_text_in_json_is_taken_for_nothing_else(text: str) -> None:
    """Arrow makes a time of it, in which the offset is lost."""
    assert cells(json.dumps({"record_id": "1", "case_id": text}).encode(), "case_id", CASES) == [text]


def test_an_object_over_several_lines_is_not_put_together() -> None:
    """Each line is one record: else a broken one would swallow its neighbours."""
    found = rows(b'{"record_id":\n"1"}\n{"record_id": "2"}\n', CASES)
    assert [row["undecodable"] for row in found] == ["is not JSON", "is not JSON", None]


def test_one_list_of_records_is_no_json_lines() -> None:
    found = rows(b'[{"record_id": "1"}, {"record_id": "2"}]\n', CASES)
    assert [row["undecodable"] for row in found] == ["is not a JSON object"]


def test_a_column_with_values_of_two_kinds_loses_none() -> None:
    """Arrow refuses the file, Spark makes text of some and null of others."""
    data = b'{"record_id": 1}\n{"record_id": "x"}\n{"record_id": {"a": 1}}\n{"record_id": true}\n'
    assert cells(data, "record_id", CASES) == ["1", "x", '{"a":1}', "true"]


# Parquet


def test_a_parquet_name_given_twice_is_refused() -> None:
    table = pa.Table.from_arrays([pa.array(["1"]), pa.array(["2"])], names=["record_id", "record_id"])
    with pytest.raises(Broken, match="names column 'record_id' twice"):
        rows(parquet(table), ACCOUNTS)


def test_parquet_columns_go_by_name_in_any_order_and_letter_case_counts() -> None:
    data = parquet(pa.table({"account_no": ["9"], "record_id": ["1"], "HOLDER_DOC_NO": ["x"]}))
    (row,) = rows(data, ACCOUNTS)
    assert (row["record_id"], row["account_no"], row["holder_doc_no"]) == ("1", "9", None)
    assert row["unknown"] == [("HOLDER_DOC_NO", "x")]


def test_the_old_times_of_hive_keep_their_instant() -> None:
    """INT96, which Spark reads in the session's zone."""
    at = pa.array([datetime(2026, 11, 22, 10, 0, 3, tzinfo=UTC)], pa.timestamp("ns"))
    data = parquet(pa.table({"opened_at": at}), use_deprecated_int96_timestamps=True)
    assert cells(data, "opened_at", ACCOUNTS) == ["2026-11-22T10:00:03"]


def test_a_number_too_long_for_a_double_is_not_rounded() -> None:
    assert cells(parquet(pa.table({"account_no": [6222021234567890123, None]})), "account_no", ACCOUNTS) == [
        "6222021234567890123",
        None,
    ]
