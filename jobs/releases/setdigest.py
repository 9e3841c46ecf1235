"""The set digest: count and XOR of a keyed 128-bit digest of every row.

It doesn't depend on order, and a mirror that applied every change can compute it without the files. A row's
bytes are, for each column in the manifest's order, a 4-byte big-endian length and the text in UTF-8
(cells.as_text), an absent value being the length 0xFFFFFFFF alone. The key is new with every version and
stands in its manifest: XOR falls to whoever knows the key and may choose rows, so nobody can know it before
the rows are fixed. Against a changed file the SHA-256 in the manifest stands, not this.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from hashlib import blake2b
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from jobs.identifiers.keys import digest_py
from jobs.releases.cells import as_text

ALGORITHM = "blake2b-128"
_ROWS_AT_ONCE = 50_000


@dataclass(frozen=True)
class SetDigest:
    """`key` and `xor` in hexadecimal; `count` rows."""

    key: str
    count: int
    xor: str
    algorithm: str = ALGORITHM

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def key_of_version(key: bytes, recipient: str, version: int) -> str:
    """The key of one version's set digest, 64 hexadecimal characters, from the lake's key."""
    return digest_py(key, "set-digest", recipient, str(version))


def row_bytes(table: Any) -> Any:
    """Each row's bytes, as a column."""
    pieces = [piece for name in table.column_names for piece in _encode(as_text(table[name]))]
    return pc.binary_join_element_wise(*pieces, b"")


def row_digests(table: Any, key: str) -> list[bytes]:
    """Each row's digest, 16 bytes, in the table's order."""
    secret = bytes.fromhex(key)
    found: list[bytes] = []
    for start in range(0, table.num_rows, _ROWS_AT_ONCE):
        part = row_bytes(table.slice(start, _ROWS_AT_ONCE).combine_chunks())
        found += [blake2b(row, digest_size=16, key=secret).digest() for row in part.to_pylist()]
    return found


def digest_set(table: Any, key: str) -> SetDigest:
    """The set digest of a snapshot."""
    digests = row_digests(table, key)
    halves = np.frombuffer(b"".join(digests), dtype=np.uint64).reshape(-1, 2)
    return SetDigest(key=key, count=len(digests), xor=np.bitwise_xor.reduce(halves, axis=0).tobytes().hex())


def _encode(text: Any) -> tuple[Any, Any]:
    """Lengths and bytes of a column of strings, as two binary columns without nulls."""
    text = text.combine_chunks() if isinstance(text, pa.ChunkedArray) else text
    content = pc.cast(text, pa.binary())
    lengths = pc.fill_null(pc.binary_length(content), -1).to_numpy(zero_copy_only=False).astype(">i4")
    prefix = pa.FixedSizeBinaryArray.from_buffers(pa.binary(4), len(lengths), [None, pa.py_buffer(lengths.tobytes())])
    return pc.cast(prefix, pa.binary()), pc.fill_null(content, b"")
