"""Whatever a file holds: it is refused for a reason of the closed list, or every record of it is read as it was counted.

The number of inputs is bounded and they are the same in every run.
"""

import gzip
import io
import json
import resource
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.bronze.records import Inspection, inspect_records, read_records
from jobs.bronze.source import Broken, Limits
from jobs.core.contracts import Feed, load_codes, load_contracts
from jobs.core.settings import ROOT

CONTRACTS = load_contracts(ROOT / "schemas")
APPEALS, PERSONS = CONTRACTS["public_security/appeal_decisions"], CONTRACTS["public_security/persons_of_interest"]
CASES, ACCOUNTS = CONTRACTS["public_security/case_reports"], CONTRACTS["finance/accounts"]
REASONS = set(load_codes(ROOT / "schemas")["refusal_reasons"].codes)
FEEDS = [APPEALS, PERSONS, CASES, ACCOUNTS]
BOUNDED = settings(max_examples=60, deadline=None, derandomize=True, database=None)

HOSTILE = [
    b"\0", b'"', b"\n", b"\r", b"\r\n", b",", b"\xef\xbb\xbf", b"\xff\xfe", b"\x80", b"\x81", b"\xed\xa0\x80", b"\x84\x31\xa4\x39",
    b"\xe3\x32\x9a\x35", b"\x1f\x8b", b"PAR1", b"{", b"}", b"[" * 70, b"]" * 70, b"NaN", b"-Infinity", b"1e999", b"\\ud800", b"\\u0000",
    b"null", b'"record_id":"2",', b"\x1a", b"\xe2\x80\xa8", b"\xc2\x85", b"'", b"#", b"=1+1", b"\x0c",
]  # fmt: skip
"""What lenient readers stumble over: they are put into files that were good."""

Edit = tuple[float, str, bytes]
edits = st.lists(
    st.tuples(
        st.floats(0, 1),
        st.sampled_from(["put", "over", "cut", "drop"]),
        st.one_of(st.sampled_from(HOSTILE), st.binary(max_size=4)),
    ),
    min_size=1,
    max_size=6,
)


def edited(data: bytes, changes: list[Edit]) -> bytes:
    """The file with bytes put in, written over, dropped, or cut off."""
    for where, how, what in changes:
        at = int(where * len(data))
        if how == "put":
            data = data[:at] + what + data[at:]
        elif how == "over":
            data = data[:at] + what + data[at + len(what) :]
        elif how == "drop":
            data = data[:at] + data[at + 1 + len(what) :]
        elif at:
            data = data[:at]
    return data


def whole_file(feed: Feed, rows: int = 6) -> bytes:
    """A good file of this feed."""
    values = {name: [f"{name}-{row}" for row in range(rows)] for name in feed.columns}
    if feed.format.type == "parquet":
        out = io.BytesIO()
        pq.write_table(pa.table({**values, "count": list(range(rows))}), out, row_group_size=4)
        return out.getvalue()
    if feed.format.type == "jsonl":
        lines = [
            {**{name: texts[row] for name, texts in values.items()}, "involved": [{"role": "号"}]}
            for row in range(rows)
        ]
        return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines).encode()
    body = [
        ",".join(f'"{texts[row]},张\n三"' if row % 2 else texts[row] for texts in values.values())
        for row in range(rows)
    ]
    return ("\r\n".join([",".join(values), *body]) + "\r\n").encode(feed.format.encoding)


def inspected(data: bytes, feed: Feed, limits: Limits) -> Inspection | Broken:
    try:
        return inspect_records(data, feed, limits)
    except Broken as broken:
        return broken


def read_as_counted(data: bytes, feed: Feed, limits: Limits | None = None) -> int | None:
    """How many records the file has; None when it is refused. Anything but that is a fault."""
    limits = limits or Limits()
    seen = inspected(data, feed, limits)
    if isinstance(seen, Broken):
        assert seen.reason in REASONS
        assert seen.detail.isprintable()
        return None
    batches = list(read_records(data, feed, limits))
    rows = [row for batch in batches for row in batch.to_pylist()]
    assert len(rows) == seen.rows
    assert [row["line"] for row in rows] == list(range(1, seen.rows + 1))
    for row in rows:
        assert row["undecodable"] is None or "_raw" in dict(row["unknown"] or [])
        assert not any(isinstance(text, str) and "\0" in text for text in row.values())
    return seen.rows


@pytest.mark.parametrize("feed", FEEDS, ids=lambda feed: feed.id)
@given(data=st.binary(max_size=400))
@BOUNDED
def test_random_bytes_are_refused_or_read_as_they_were_counted(feed: Feed, data: bytes) -> None:
    read_as_counted(data, feed)


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize("feed", FEEDS, ids=lambda feed: feed.id)
@given(changes=edits)
@BOUNDED
def test_a_good_file_with_broken_bytes_is_refused_or_read_as_it_was_counted(
    feed: Feed, packed: bool, changes: list[Edit]
) -> None:
    data = edited(whole_file(feed), changes)
    read_as_counted(gzip.compress(data, mtime=0) if packed else data, feed)


@pytest.mark.parametrize("feed", FEEDS, ids=lambda feed: feed.id)
@given(changes=edits)
@BOUNDED
def test_broken_bytes_inside_of_gzip_never_leave_the_reader(feed: Feed, changes: list[Edit]) -> None:
    read_as_counted(edited(gzip.compress(whole_file(feed), mtime=0), changes), feed)


@pytest.mark.parametrize("tenth", range(10))
@pytest.mark.parametrize("feed", FEEDS, ids=lambda feed: feed.id)
def test_gzip_cut_at_any_tenth_gives_no_record(feed: Feed, tenth: int) -> None:
    """Spark's `ignoreCorruptFiles` made 99,943 of 200,000 rows of such a file."""
    data = gzip.compress(whole_file(feed, 200), mtime=0)
    cut = data[: len(data) * tenth // 10]
    if not cut and feed.format.type != "parquet":
        assert read_as_counted(cut, feed) == 0
        return
    with pytest.raises(Broken) as refused:
        inspect_records(cut, feed)
    assert refused.value.reason == "unreadable"


json_values = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=6), st.just("\ud800"), st.just("a\0")
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.sampled_from(["record_id", "op", "x", "\ud800", ""]), inner)
    ),
    max_leaves=12,
)


@given(values=st.lists(json_values, min_size=1, max_size=5))
@BOUNDED
def test_any_json_value_is_a_record_or_undecodable(values: list[Any]) -> None:
    data = "".join(json.dumps(value) + "\n" for value in values).encode()
    assert read_as_counted(data, CASES) == len(values)


AT = datetime(2026, 11, 22, 18, tzinfo=UTC)
ODD_COLUMNS = [
    pa.array([[2**31 - 1]], pa.list_(pa.int32())).cast(pa.list_(pa.date32())),
    pa.array([2**31 - 1], pa.int32()).cast(pa.date32()),
    pa.array([[2**63 - 1]], pa.list_(pa.int64())).cast(pa.list_(pa.timestamp("us"))),
    pa.array([[-(2**63)]], pa.list_(pa.int64())).cast(pa.list_(pa.timestamp("ms"))),
    pa.array([-(2**63)], pa.int64()).cast(pa.timestamp("ns")),
    pa.array([[float("nan"), float("-inf")]]),
    pa.array([float("nan")]),
    pa.array([b"\xff\0"], pa.binary(2)),
    pa.array([[b"\xff"]], pa.list_(pa.binary())),
    pa.array([[("a", b"\xff")]], pa.map_(pa.string(), pa.binary())),
    pa.array([timedelta(days=10**6)], pa.duration("us")),
    pa.array([{"a": Decimal("1.50"), "b": date(1, 1, 1), "c": AT}]),
    pa.array(["x"], pa.large_string()),
    pa.array([[]], pa.list_(pa.null())),
    pa.array([1.5], pa.float16()),
]


@pytest.mark.parametrize("column", ODD_COLUMNS, ids=[str(column.type) for column in ODD_COLUMNS])
@pytest.mark.parametrize("name", ["account_no", "remark"])
def test_a_parquet_value_of_any_type_is_text_or_undecodable(column: pa.Array, name: str) -> None:
    out = io.BytesIO()
    pq.write_table(pa.table({"record_id": ["1"], name: column}), out)
    assert read_as_counted(out.getvalue(), ACCOUNTS) == 1


# Limits: what a few bytes can cost


def nested(depth: int, opening: bytes, closing: bytes) -> bytes:
    return b'{"record_id":"1","remark":' + opening * depth + b"1" + closing * depth + b"}\n"


@pytest.mark.parametrize("marks", [(b"[", b"]"), (b'{"a":', b"}")], ids=["lists", "objects"])
@pytest.mark.parametrize("depth", [63, 64, 500, 700, 950, 5_000])
def test_nesting_is_bounded_by_a_number_and_not_by_the_interpreters_stack(
    depth: int, marks: tuple[bytes, bytes]
) -> None:
    """Else intake takes what bronze can't read, as 500 to 1,000 levels once were: that killed the night."""
    data = nested(depth, *marks)
    assert read_as_counted(data, CASES) == 1
    (row,) = [row for batch in read_records(data, CASES) for row in batch.to_pylist()]
    assert row["undecodable"] == (None if depth < 64 else "is nested deeper than 64")


def test_brackets_in_a_text_are_no_nesting() -> None:
    data = b'{"record_id":"1","remark":"' + b"[" * 500 + b'\\""}\n'
    (row,) = [row for batch in read_records(data, CASES) for row in batch.to_pylist()]
    assert row["undecodable"] is None


def test_many_keys_of_which_one_comes_twice_are_read_at_once() -> None:
    """They were compared each with each: a line of a few hundred kilobytes took a quarter of an hour."""
    line = b"{" + b",".join(b'"k%d":1' % number for number in range(60_000)) + b',"k7":2,"record_id":"1"}\n'
    begun = time.process_time()
    (row,) = [row for batch in read_records(line, CASES) for row in batch.to_pylist()]
    assert (row["record_id"], row["undecodable"]) == ("1", "gives a key twice")
    assert time.process_time() - begun < 10


def packed(*tables: pa.Table) -> bytes:
    out = io.BytesIO()
    with pq.ParquetWriter(out, tables[0].schema) as writer:
        for table in tables:
            writer.write_table(table)
    return out.getvalue()


def repeated(value: Any, rows: int, kind: pa.DataType) -> pa.Table:
    """The same value in every record: in Parquet it is there once."""
    values = pa.DictionaryArray.from_arrays(pa.array([0] * rows, pa.int32()), pa.array([value], kind))
    column = values if pa.types.is_string(kind) or pa.types.is_binary(kind) else pa.array([value] * rows, kind)
    return pa.table({"record_id": [str(row) for row in range(rows)], "remark": column})


LONG = "".join(chr(33 + (number * number) % 90) for number in range(60_000))
BOMBS: dict[str, tuple[Callable[[], bytes], Feed, str]] = {
    "columns_csv": (lambda: b",".join(b"c%d" % number for number in range(1_001)) + b"\n", APPEALS, "too_large"),
    "columns_json": (
        lambda: b"".join(b'{"k%d":1,"op":"upsert"}\n' % number for number in range(1_001)), CASES, "too_large",
    ),
    "columns_json_slowly": (
        lambda: b"".join(b'{"k%d":1,"op":5}\n' % number for number in range(1_001)) + b"{\n", CASES, "too_large",
    ),
    "long_name_csv": (lambda: b"record_id," + b"x" * 200_000 + b"\n" + b"1,v\n" * 2_000, APPEALS, "too_large"),
    "long_name_parquet": (lambda: packed(pa.table({"y" * 200_000: ["v"] * 2_000})), ACCOUNTS, "too_large"),
    "one_text_many_times": (lambda: packed(repeated(LONG, 4_000, pa.string())), ACCOUNTS, "archive"),
    "one_nested_text_many_times": (lambda: packed(repeated([LONG], 500, pa.list_(pa.string()))), ACCOUNTS, "archive"),
    "a_long_nested_text": (lambda: packed(repeated({"a": LONG * 2}, 2, pa.struct([("a", pa.string())]))), ACCOUNTS, "too_large"),
    "a_large_string": (lambda: packed(repeated(LONG * 2, 2, pa.large_string())), ACCOUNTS, "too_large"),
    "a_long_fixed_value": (lambda: packed(repeated(b"x" * 70_000, 2, pa.binary(70_000))), ACCOUNTS, "too_large"),
    "a_long_list": (
        lambda: packed(pa.table({"record_id": ["1"], "remark": pa.array([[0] * 5_000_000], pa.list_(pa.int64()))})), ACCOUNTS, "archive",
    ),
    "gzip": (lambda: gzip.compress(bytes(8 << 20), mtime=0), APPEALS, "archive"),
    "gzip_in_members": (lambda: gzip.compress(b"\n" * (1 << 20), mtime=0) * 8, APPEALS, "archive"),
    "line": (lambda: b"record_id,op\n" + b"x" * (2 << 20), APPEALS, "too_large"),
    "line_json": (lambda: b'{"record_id":"' + b"x" * (2 << 20), CASES, "too_large"),
}  # fmt: skip


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_before_it_goes_off(name: str) -> None:
    """Small files that would fill the memory of the machine, or of bronze one stage later."""
    make, feed, reason = BOMBS[name]
    data = make()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(Broken) as refused:
        inspect_records(data, feed)
    assert refused.value.reason == reason
    assert len(refused.value.detail) < 200
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300 << 10, "kilobytes"


def test_a_value_that_many_records_share_is_no_bomb_by_itself() -> None:
    table = pa.table(
        {"record_id": [f"{row}-{row * 7}" for row in range(100_000)], "institution_id": ["icbc"] * 100_000}
    )
    assert inspect_records(packed(table, table), ACCOUNTS).rows == 200_000
