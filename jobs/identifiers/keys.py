"""Keyed ids: the head of HMAC-SHA-256 over a length-prefixed encoding of (type, value[, tenure_from]).

Lengths come before the bytes and an absent part has a length of its own, so no two lists of parts share an encoding (`concat_ws` would take
('a', null, 'b') and ('a', 'b', null) for one). The key of the HMAC is the key file's bytes as hexadecimal text. Single values and whole columns
give the same id; both are promises: a change of either is a breaking change.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence

import polars as pl
import polars_hash as plh

_ABSENT = b"\xff\xff\xff\xff"
_SHORT = 128
"""Lengths below are one character of ASCII in the encoding, which makes it text; longer parts are encoded one by one."""
_LENGTHS = pl.Series([f"\0\0\0{chr(n)}" for n in range(_SHORT)])


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
    return hmac.new(_mac_key(key).encode(), encode_py(parts), hashlib.sha256).hexdigest()


def node_id_py(key: bytes, *parts: str | None) -> int:
    """The first 8 bytes of the digest as a signed big-endian number: what a BIGINT holds."""
    return int.from_bytes(bytes.fromhex(digest_py(key, *parts))[:8], "big", signed=True)


def digests(key: bytes, *parts: pl.Series | str) -> pl.Series:
    """`digest_py` for every row of these columns of text; a plain text stands for all rows. A null is an absent part."""
    columns = pl.DataFrame({str(at): part for at, part in enumerate(parts) if isinstance(part, pl.Series)})
    pieces: list[pl.Expr] = []
    for at, part in enumerate(parts):
        pieces += [pl.lit(_LENGTHS).gather(_length(at).clip(0, _SHORT - 1)), pl.col(str(at))] \
            if isinstance(part, pl.Series) else [pl.lit(_text_of(part))]  # fmt: skip
    texts = columns.select(text=pl.concat_str(pieces))
    found = texts.select(plh.col("text").chash.hmac_sha256(key=_mac_key(key))).to_series().alias("digest")
    is_short = [_length(int(name)).fill_null(_SHORT) < _SHORT for name in columns.columns]
    others = columns.select(~pl.all_horizontal(is_short)).to_series().arg_true()
    if len(others) == 0:
        return found
    rows = zip(
        *[part.gather(others).to_list() if isinstance(part, pl.Series) else [part] * len(others) for part in parts],
        strict=True,
    )
    return found.scatter(others, pl.Series([digest_py(key, *row) for row in rows], dtype=pl.String))


def node_ids(key: bytes, *parts: pl.Series | str) -> pl.Series:
    """`node_id_py` for every row of these columns of text."""
    return ids_of_digests(digests(key, *parts))


def ids_of_digests(found: pl.Series) -> pl.Series:
    """The BIGINT id that each digest begins with."""
    head = found.str.slice(0, 16).str.to_integer(base=16, dtype=pl.UInt64)
    return head.reinterpret(signed=True)


def _length(column: int) -> pl.Expr:
    return pl.col(str(column)).str.len_bytes()


def _text_of(part: str) -> str:
    """The encoding of a constant part, which is a name of ours: short."""
    return encode_py([part]).decode("ascii")


def _mac_key(key: bytes) -> str:
    if not key:
        raise ValueError("an empty key is no key")
    return key.hex()
