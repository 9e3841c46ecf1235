"""Keyed ids: the head of HMAC-SHA-256 over a length-prefixed encoding of (type, value[, tenure_from]).

Lengths come before the bytes and an absent part has a length of its own, so no two lists of parts share an
encoding (`concat_ws` would take ('a', null, 'b') and ('a', 'b', null) for one). The Spark expression and the
Python function give the same id; both are promises: a change of either is a breaking change.
"""

from __future__ import annotations

import hashlib
import hmac
import itertools
from collections.abc import Sequence

import polars as pl
from pyspark.sql import Column
from pyspark.sql import functions as F

_BLOCK = 64
_ABSENT = b"\xff\xff\xff\xff"


def encode_py(parts: Sequence[str | None]) -> bytes:
    """Each part as a 4-byte big-endian length and its UTF-8 bytes; an absent part is the length 0xFFFFFFFF
    alone.
    """
    pieces = []
    for part in parts:
        if part is None:
            pieces.append(_ABSENT)
            continue
        text = part.encode("utf-8")
        pieces.append(len(text).to_bytes(4, "big") + text)
    return b"".join(pieces)


def digest_py(key: bytes, *parts: str | None) -> str:
    """The keyed digest of `parts` as 64 lower-case hexadecimal characters."""
    return hmac.new(key, encode_py(parts), hashlib.sha256).hexdigest()


def node_id_py(key: bytes, *parts: str | None) -> int:
    """The first 8 bytes of the digest as a signed big-endian number: what a BIGINT holds."""
    return int.from_bytes(bytes.fromhex(digest_py(key, *parts))[:8], "big", signed=True)


def node_ids(key: bytes, *parts: pl.Series | str) -> pl.Series:
    """`node_id_py` for every row of these columns of text; a plain text stands for all rows."""
    columns = [part.to_list() if isinstance(part, pl.Series) else None for part in parts]
    n = next(len(column) for column in columns if column is not None)
    rows = zip(
        *[itertools.repeat(part, n) if column is None else column for part, column in zip(parts, columns, strict=True)],
        strict=True,
    )
    inner_pad, outer_pad = _pads(key)
    inner, outer = hashlib.sha256(inner_pad), hashlib.sha256(outer_pad)  # each row goes on from here
    known: dict[tuple[str | None, ...], int] = {}
    ids = []
    for row in rows:
        if row not in known:
            head, tail = inner.copy(), outer.copy()
            head.update(encode_py(row))
            tail.update(head.digest())
            known[row] = int.from_bytes(tail.digest()[:8], "big", signed=True)
        ids.append(known[row])
    return pl.Series(ids, dtype=pl.Int64)


def encode(*parts: Column) -> Column:
    """`encode_py` as a BINARY expression. The parts are STRING columns."""
    return F.concat(*[_encode_part(part) for part in parts])


def digest(key: bytes, *parts: Column) -> Column:
    """`digest_py` as a STRING expression of Spark built-ins: HMAC (RFC 2104) from two sha2."""
    inner_pad, outer_pad = _pads(key)
    inner = F.unhex(F.sha2(F.concat(F.lit(inner_pad), encode(*parts)), 256))
    return F.sha2(F.concat(F.lit(outer_pad), inner), 256)


def node_id(key: bytes, *parts: Column) -> Column:
    """`node_id_py` as a BIGINT expression. Never null: an absent part has its own encoding."""
    return id_of_digest(digest(key, *parts))


def id_of_digest(hex_digest: Column) -> Column:
    """The BIGINT id that a digest begins with. 32 bits at a time, since 16 hexadecimal characters may exceed
    a BIGINT.
    """
    high = F.conv(F.substring(hex_digest, 1, 8), 16, 10).cast("bigint")
    low = F.conv(F.substring(hex_digest, 9, 8), 16, 10).cast("bigint")
    return F.shiftleft(high, 32).bitwiseOR(low)


def _encode_part(part: Column) -> Column:
    text = F.encode(part, "UTF-8")
    length = F.unhex(F.lpad(F.hex(F.octet_length(text)), 8, "0"))
    return F.coalesce(F.concat(length, text), F.lit(_ABSENT))


def _pads(key: bytes) -> tuple[bytes, bytes]:
    if not key:
        raise ValueError("an empty key is no key")
    block = (hashlib.sha256(key).digest() if len(key) > _BLOCK else key).ljust(_BLOCK, b"\0")
    return bytes(byte ^ 0x36 for byte in block), bytes(byte ^ 0x5C for byte in block)
