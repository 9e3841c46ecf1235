"""Parquet with the types that agencies use: canonical text, and files that are damaged."""

import gzip
import io
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from jobs.bronze.records import inspect_records, read_records
from jobs.bronze.source import Broken
from jobs.core.contracts import load_contracts
from jobs.core.settings import ROOT

ACCOUNTS = load_contracts(ROOT / "schemas")["finance/accounts"]


def parquet(table: pa.Table, **options: Any) -> bytes:
    out = io.BytesIO()
    pq.write_table(table, out, **options)
    return out.getvalue()


def rows(data: bytes) -> list[dict[str, Any]]:
    found = [row for batch in read_records(data, ACCOUNTS) for row in batch.to_pylist()]
    assert inspect_records(data, ACCOUNTS).rows == len(found)
    return found


def text_of(array: pa.Array) -> list[str | None]:
    return [row["account_no"] for row in rows(parquet(pa.table({"account_no": array})))]


AT = datetime(2026, 11, 22, 18, 0, 3, tzinfo=UTC)


@pytest.mark.parametrize(
    ("array", "texts"),
    [
        (pa.array(["6222", "", None]), ["6222", None, None]),
        (pa.array(["a", "b", "a"]).dictionary_encode(), ["a", "b", "a"]),
        (pa.array([b"6222"]), ["6222"]),
        (pa.array([6222021234567890123]), ["6222021234567890123"]),
        (pa.array([True, False]), ["true", "false"]),
        (
            pa.array([Decimal("1200.00"), Decimal("-0.0000000001")], pa.decimal128(20, 10)),
            ["1200.0000000000", "-0.0000000001"],
        ),
        (pa.array([date(2026, 1, 2)]), ["2026-01-02"]),
        (pa.array([AT], pa.timestamp("us")), ["2026-11-22T18:00:03"]),
        (
            pa.array([AT.replace(microsecond=120_000), AT], pa.timestamp("ns")),
            ["2026-11-22T18:00:03.12", "2026-11-22T18:00:03"],
        ),
        (pa.array([AT, None], pa.timestamp("ms", "Asia/Shanghai")), ["2026-11-22T18:00:03+00:00", None]),
        (
            pa.array([datetime(2026, 11, 22, 10, tzinfo=UTC)], pa.timestamp("s", "UTC")),
            ["2026-11-22T10:00:00+00:00"],
        ),
        (pa.array([[{"role": "号", "n": Decimal("1.50")}], None]), ['[{"role":"号","n":"1.50"}]', None]),
        (pa.array([None, None], pa.null()), [None, None]),
    ],
    ids=[
        "text",
        "dictionary",
        "bytes",
        "integer",
        "boolean",
        "decimal",
        "date",
        "naive",
        "nanoseconds",
        "zone",
        "utc",
        "nested",
        "null",
    ],
)
def test_a_value_becomes_its_canonical_text(array: pa.Array, texts: list[str | None]) -> None:
    assert text_of(array) == texts


def test_records_are_numbered_through_row_groups() -> None:
    found = rows(parquet(pa.table({"record_id": [str(number) for number in range(50)]}), row_group_size=7))
    assert [row["line"] for row in found] == list(range(1, 51))
    assert [row["record_id"] for row in found] == [str(number) for number in range(50)]


def test_bytes_that_are_no_text_cost_only_their_cell() -> None:
    found = rows(
        parquet(pa.table({"record_id": ["1", "2", "3"], "account_no": pa.array([b"a", b"\xff", b"a\0"], pa.binary())}))
    )
    assert [(row["record_id"], row["account_no"]) for row in found] == [("1", "a"), ("2", None), ("3", None)]
    assert [row["undecodable"] for row in found] == [
        None, "has a value that is no text in column 'account_no'", "has a NUL byte in column 'account_no'",
    ]  # fmt: skip


def test_columns_that_the_contract_does_not_have_are_kept() -> None:
    (row,) = rows(parquet(pa.table({"record_id": ["1"], "remark": [5]})))
    assert row["unknown"] == [("remark", "5")]


def test_a_whole_file_in_gzip_is_unpacked() -> None:
    assert [row["record_id"] for row in rows(gzip.compress(parquet(pa.table({"record_id": ["1"]}))))] == ["1"]


def test_wherever_a_byte_is_flipped_what_intake_takes_bronze_can_read() -> None:
    """Either the file is refused, or its records can be read as often as they were counted."""
    whole = parquet(pa.table({name: [f"{name}-{row}" for row in range(3)] for name in list(ACCOUNTS.columns)[:4]}))
    refused = 0
    for at in range(len(whole)):
        data = whole[:at] + bytes([whole[at] ^ 0x55]) + whole[at + 1 :]
        try:
            counted = inspect_records(data, ACCOUNTS).rows
        except Broken:
            refused += 1
            continue
        assert sum(batch.num_rows for batch in read_records(data, ACCOUNTS)) == counted
    assert refused > len(whole) // 20
