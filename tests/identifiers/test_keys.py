"""Keyed ids: equal one by one and for whole columns, and no two lists of parts share one."""

from __future__ import annotations

import hashlib
import hmac
from itertools import product

import polars as pl
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jobs.identifiers.keys import digest_py, digests, encode_py, node_id_py, node_ids

TEXT = st.text(max_size=12).map(lambda s: s.encode("utf-8", "ignore").decode("utf-8"))
PART = st.one_of(
    st.none(),
    TEXT,
    st.sampled_from(["", "\0", "\xff\xff\xff\xff", "phone", "+8613812345678", "😀", "a\x00\x00\x00\x01b"]),
)
PARTS = st.lists(PART, min_size=1, max_size=4)


def test_the_digest_is_hmac_sha_256_of_length_prefixed_parts() -> None:
    message = b"\x00\x00\x00\x05phone" + b"\x00\x00\x00\x06\xe4\xb8\xad\xe6\x96\x87" + b"\xff\xff\xff\xff"
    assert encode_py(["phone", "中文", None]) == message
    assert (
        digest_py(b"key", "phone", "中文", None) == hmac.new(b"key".hex().encode(), message, hashlib.sha256).hexdigest()
    )


def test_an_id_is_a_promise() -> None:
    # RFC 4231 has no vector of this encoding; these ids were computed once with Python's hmac and must never
    # change.
    assert node_id_py(b"k" * 32, "phone", "+8613812345678", None) == 4275098445070909045
    assert node_id_py(b"k" * 32, "phone", "+8613812345678", "2025-01-01T00:00:00Z") == 8323476228619728743


@given(PARTS, PARTS)
def test_different_parts_have_different_encodings(one: list[str | None], other: list[str | None]) -> None:
    assert (encode_py(one) == encode_py(other)) == (one == other)


def test_an_absent_part_is_not_a_shifted_one() -> None:
    lists = [list(parts) for parts in product(["a", "b", "", None], repeat=3)]
    assert len({encode_py(parts) for parts in lists}) == len(lists)


def test_whole_columns_have_the_same_digests_and_ids() -> None:
    rows: list[list[str | None]] = [["\xff" * 100, "", None], ["a" * 127, "b" * 128, "c"]]

    @settings(
        max_examples=1500,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.lists(PART, min_size=3, max_size=3))
    def collect(parts: list[str | None]) -> None:
        rows.append(parts)

    collect()
    columns = [pl.Series(values, dtype=pl.String) for values in zip(*rows, strict=True)]
    for key in (b"k", b"\x00" * 64, bytes(range(65))):
        assert digests(key, *columns).to_list() == [digest_py(key, *row) for row in rows]
        assert node_ids(key, *columns).to_list() == [node_id_py(key, *row) for row in rows]
        assert node_ids(key, "phone", columns[0]).to_list() == [node_id_py(key, "phone", row[0]) for row in rows]
    assert node_ids(b"k", "phone", pl.Series([], dtype=pl.String)).to_list() == []
