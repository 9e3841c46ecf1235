"""CSV as agencies write it: header order, quotes, line ends, encodings, and records that can't be read."""

import csv
import gzip
import io
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.bronze import csv_blocks
from jobs.bronze.records import inspect_records, read_records
from jobs.bronze.source import Broken, Limits
from jobs.core.contracts import Feed, load_contracts
from jobs.core.settings import ROOT

CONTRACTS = load_contracts(ROOT / "schemas")
APPEALS, PERSONS = (
    CONTRACTS["public_security/appeal_decisions"],
    CONTRACTS["public_security/persons_of_interest"],
)
HEADER = ",".join(PERSONS.columns)
MARKS = ["a", ",", '"', "\n", "\r", "\r\n", "é", "号", "\0", " ", '""', ""]


def rows(data: bytes, feed: Feed = APPEALS, limits: Limits | None = None) -> list[dict[str, Any]]:
    """Every record, and the promise that intake counts as many."""
    found = [row for batch in read_records(data, feed, limits or Limits()) for row in batch.to_pylist()]
    assert inspect_records(data, feed, limits or Limits()).rows == len(found)
    assert [row["line"] for row in found] == list(range(1, len(found) + 1))
    return found


def named(data: bytes, *names: str, feed: Feed = APPEALS) -> list[tuple[Any, ...]]:
    return [tuple(row[name] for name in (*names, "undecodable")) for row in rows(data, feed)]


def person(number: str, name: bytes = "张三".encode("gb18030")) -> bytes:
    """One record of persons_of_interest in GB18030, this name in it."""
    cells = [
        number,
        "upsert",
        "2026-01-01",
        "national_id",
        "x",
        "@",
        "cleared",
        "2020-01-01",
        "",
        "city",
        "ref",
    ]
    return ",".join(cells).encode().replace(b"@", name) + b"\n"


@pytest.fixture(params=[1 << 20, 7, 64], ids=["one_block", "tiny_blocks", "small_blocks"])
def block(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """How much of a file is looked at together must not matter."""
    monkeypatch.setattr(csv_blocks, "BLOCK", request.param)
    return int(request.param)


@pytest.mark.usefixtures("block")
class TestRecords:
    """What is read from a file, however it is cut into blocks."""

    def test_columns_are_found_by_name_in_any_order(self) -> None:
        assert named(b"issuer,record_id\nicbc,r1\n,r2\n", "record_id", "issuer") == [
            ("r1", "icbc", None),
            ("r2", None, None),
        ]

    def test_a_byte_order_mark_is_no_part_of_the_first_name(self) -> None:
        assert named(b"\xef\xbb\xbfrecord_id\nr1\n", "record_id") == [("r1", None)]

    def test_windows_line_ends_and_a_missing_last_one(self) -> None:
        assert named(b"record_id,op\r\nr1,upsert\r\nr2,withdraw", "record_id", "op") == [
            ("r1", "upsert", None),
            ("r2", "withdraw", None),
        ]

    def test_quoted_cells_hold_commas_quotes_and_line_ends(self) -> None:
        data = b'record_id,issuer\n"r1","a,""b""\nc"\nr2,"d\r\ne"\n"r3",""\n'
        assert named(data, "record_id", "issuer") == [
            ("r1", 'a,"b"\nc', None),
            ("r2", "d\r\ne", None),
            ("r3", None, None),
        ]

    def test_a_quote_inside_a_plain_cell_is_itself(self) -> None:
        data = b'record_id,issuer\nr1,5" disk\nr2,"x\ny"\nr3,z\n'
        assert named(data, "record_id", "issuer") == [
            ("r1", '5" disk', None),
            ("r2", "x\ny", None),
            ("r3", "z", None),
        ]

    def test_empty_lines_are_no_records(self) -> None:
        assert named(b"record_id,op\n\nr1,a\n\n\r\nr2,b\n\n", "record_id") == [("r1", None), ("r2", None)]

    def test_wrong_numbers_of_cells_cost_only_their_records(self) -> None:
        data = b"record_id,op\nr1,a\nr2\nr3,a,b\nr4,a\n"
        assert named(data, "record_id") == [
            ("r1", None),
            (None, "has 1 cells where the header has 2"),
            (None, "has 3 cells where the header has 2"),
            ("r4", None),
        ]
        assert [row["unknown"] for row in rows(data)] == [None, [("_raw", "r2")], [("_raw", "r3,a,b")], None]

    def test_text_behind_a_closing_quote_costs_only_its_record(self) -> None:
        why = "is not CSV: a quote stands where none may"
        assert named(b'record_id,op\nr1,a\n"r2"x,a\nr3,a\n', "record_id") == [
            ("r1", None),
            (None, why),
            ("r3", None),
        ]

    def test_a_quote_that_is_never_closed_costs_only_its_line(self) -> None:
        why = "is not CSV: a quote stands where none may"
        data = b'record_id,op\nr1,a\nr2,"b\n' + b"".join(b"r%d,c\n" % number for number in range(3, 30))
        found = named(data, "record_id")
        assert found[:3] == [("r1", None), (None, why), ("r3", None)]
        assert len(found) == 29

    def test_a_nul_byte_leaves_the_other_cells_readable(self) -> None:
        (row,) = rows(b"record_id,issuer\nr1,a\0b\n")
        assert (row["record_id"], row["issuer"]) == ("r1", None)
        assert row["undecodable"] == "has a NUL byte in column 'issuer'"
        assert row["unknown"] == [("_raw", "r1,a\ufffdb")]

    def test_broken_utf8_leaves_the_other_cells_and_records_readable(self) -> None:
        data = b"record_id,issuer\nr1,\xff\xfe\nr2,\xe5\x8f\xb7\n"
        assert named(data, "record_id", "issuer") == [
            ("r1", None, "has bytes that are no characters in column 'issuer'"),
            ("r2", "号", None),
        ]

    def test_gb18030_is_read_and_its_broken_bytes_cost_only_their_cell(self) -> None:
        good, four = "张三\u3000".encode("gb18030"), "𠀀".encode("gb18030")
        data = (
            HEADER.encode()
            + b"\n"
            + person("1", good)
            + person("2", b"\x80\xff")
            + person("3", four)
            + person("4", b"\x81")
        )
        found = rows(data, PERSONS)
        assert [row["name"] for row in found] == ["张三\u3000", None, "𠀀", None]
        assert [row["record_id"] for row in found] == ["1", "2", "3", "4"]
        assert [row["status"] for row in found] == ["cleared"] * 4
        assert [row["undecodable"] is None for row in found] == [True, False, True, False]

    def test_columns_that_the_contract_does_not_have_are_kept(self) -> None:
        found = rows(b"record_id,remark,MSISDN\nr1,new,\nr2,,y\nr3,,\n")
        assert [row["unknown"] for row in found] == [[("remark", "new")], [("MSISDN", "y")], None]

    def test_a_formula_is_text_like_any_other(self) -> None:
        assert named(b"record_id,issuer\nr1,=cmd|'/c calc'!A0\n", "issuer") == [("=cmd|'/c calc'!A0", None)]

    def test_a_file_of_nothing_but_a_header_has_no_record(self) -> None:
        assert rows(b"record_id,op\n") == []
        assert rows(b"record_id,op") == []
        assert rows(b"") == []

    def test_gzip_is_seen_by_its_first_bytes(self) -> None:
        assert named(gzip.compress(b"record_id,op\nr1,a\n"), "record_id") == [("r1", None)]

    def test_a_record_past_its_limit_refuses_the_file(self) -> None:
        with pytest.raises(Broken) as refused:
            rows(b"record_id,op\nr1,a\nr2," + b"x" * 200 + b"\nr3,a\n", limits=Limits(record_bytes=100))
        assert refused.value.reason == "too_large"

    def test_an_open_quote_gives_up_at_a_records_limit_and_goes_on_with_the_next_line(self) -> None:
        lines = b"".join(b"r%d,c\n" % number for number in range(3, 300))
        found = rows(b'record_id,op\nr2,"b\n' + lines, limits=Limits(record_bytes=100))
        assert [row["record_id"] for row in found][:3] == [None, "r3", "r4"]
        assert len(found) == 298

    @given(
        st.lists(st.lists(st.sampled_from(MARKS), max_size=6).map("".join), min_size=2, max_size=8),
        st.booleans(),
    )
    @settings(deadline=None)
    def test_what_the_csv_module_writes_is_read_back(self, cells: list[str], quote_all: bool) -> None:
        cells = [cell.replace("\0", "") for cell in cells]
        out = io.StringIO()
        writer = csv.writer(out, quoting=csv.QUOTE_ALL if quote_all else csv.QUOTE_MINIMAL, lineterminator="\r\n")
        writer.writerow(["record_id", "issuer"])
        writer.writerows([["r", cell] for cell in cells])
        assert named(out.getvalue().encode(), "record_id", "issuer") == [("r", cell or None, None) for cell in cells]

    @given(st.lists(st.sampled_from(MARKS), max_size=40).map("".join))
    @settings(deadline=None)
    def test_any_text_is_read_the_same_in_one_block_and_in_many(self, text: str) -> None:
        data = b"record_id,issuer\n" + text.encode()
        here = rows(data)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(csv_blocks, "BLOCK", 1 << 20)
            assert rows(data) == here


def test_a_bulk_block_and_single_records_give_the_same_rows() -> None:
    """The same records, once regular and once beside a record that sends the block the slow way."""
    regular = b"record_id,issuer\n" + b'r1,"a,b"\nr2,\nr3,"x""y"\n'
    assert rows(regular + b'r4,q"q\n')[:3] == rows(regular)
