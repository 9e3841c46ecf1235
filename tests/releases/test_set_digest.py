"""The set digest finds what is dropped, altered or doubled, and nothing else."""

from collections.abc import Callable
from hashlib import blake2b
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.releases.layout import Layout
from jobs.releases.recipients import Recipient
from jobs.releases.rows import project_rows
from jobs.releases.setdigest import SetDigest, digest_set, key_of_version

SET_KEY = "ab" * 32


@pytest.fixture
def snapshot(
    to_rows: Callable[..., Any],
    examples: list[dict[str, Any]],
    recipients: dict[str, Recipient],
    layout: Layout,
    key: bytes,
) -> Any:
    """Every example as a carrier would see it: all types of column."""
    return project_rows(to_rows(examples), recipients["cmcc"], layout, key)


@given(order=st.permutations(range(13)))
def test_the_digest_does_not_depend_on_order(order: list[int]) -> None:
    rows = pa.table(
        {"listing_id": [f"L{n}" for n in range(13)], "reasons": [["a"] * (n % 3) or None for n in range(13)]}
    )
    assert digest_set(rows.take(order), SET_KEY) == digest_set(rows, SET_KEY)


def test_every_dropped_row_is_found(snapshot: Any) -> None:
    whole = digest_set(snapshot, SET_KEY)
    for n in range(snapshot.num_rows):
        rest = snapshot.take([m for m in range(snapshot.num_rows) if m != n])
        assert digest_set(rest, SET_KEY).xor != whole.xor


def test_every_doubled_row_is_found_once_and_twice(snapshot: Any) -> None:
    whole = digest_set(snapshot, SET_KEY)
    for n in range(snapshot.num_rows):
        row = snapshot.slice(n, 1)
        assert digest_set(pa.concat_tables([snapshot, row]), SET_KEY).xor != whole.xor
        assert digest_set(pa.concat_tables([snapshot, row, row]), SET_KEY).count != whole.count


def test_a_change_of_any_cell_of_any_column_is_found(snapshot: Any) -> None:
    whole = digest_set(snapshot, SET_KEY)
    for place, field in enumerate(snapshot.schema):
        for n in range(snapshot.num_rows):
            column = snapshot[field.name].to_pylist()
            column[n] = other_than(column[n], field.type)
            altered = snapshot.set_column(place, field, pa.array(column, field.type))
            assert digest_set(altered, SET_KEY).xor != whole.xor, f"{field.name} of row {n}"


def other_than(value: Any, kind: Any) -> Any:
    """Something else of the same type: absent where there was something."""
    if value is not None:
        return None
    return ["x"] if pa.types.is_list(kind) else "x" if pa.types.is_string(kind) else 1


def test_text_can_not_move_from_one_column_to_the_next() -> None:
    one = pa.table({"a": ["xy"], "b": ["z"]})
    two = pa.table({"a": ["x"], "b": ["yz"]})
    none = pa.table({"a": pa.array([None], pa.string()), "b": ["xyz"]})
    empty = pa.table({"a": [""], "b": ["xyz"]})
    assert len({digest_set(table, SET_KEY).xor for table in (one, two, none, empty)}) == 4


def test_the_digest_is_what_the_page_for_recipients_says() -> None:
    """By hand: 4-byte lengths, UTF-8, 0xFFFFFFFF for absent, keyed BLAKE2b of 16 bytes."""
    rows = pa.table({"a": ["诈", None], "b": pa.array([20_000, 20_001], pa.date32())})
    first = b"\0\0\0\3" + "诈".encode() + b"\0\0\0\n2024-10-04"
    second = b"\xff\xff\xff\xff" + b"\0\0\0\n2024-10-05"
    by_hand = [blake2b(row, digest_size=16, key=bytes.fromhex(SET_KEY)).digest() for row in (first, second)]
    xor = bytes(a ^ b for a, b in zip(*by_hand, strict=True)).hex()
    assert digest_set(rows, SET_KEY) == SetDigest(key=SET_KEY, count=2, xor=xor)


def test_an_empty_set_has_count_and_xor_zero(snapshot: Any) -> None:
    assert digest_set(snapshot.slice(0, 0), SET_KEY) == SetDigest(key=SET_KEY, count=0, xor="00" * 16)


def test_no_two_versions_or_recipients_share_a_key(key: bytes) -> None:
    made = {key_of_version(key, recipient, version) for recipient in ("cmcc", "cucc") for version in (1, 2, 11)}
    assert len(made) == 6
