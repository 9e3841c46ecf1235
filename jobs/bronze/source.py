"""The bytes of one data file: opened, unpacked and bounded.

Whatever a file holds, no more than a few blocks of it are in memory, and it is never unpacked past its
limits.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pyarrow.fs as pa_fs

CHUNK = 1 << 20
GZIP_MAGIC = b"\x1f\x8b"
MIB = 1 << 20


class Broken(Exception):
    """The file as a whole can't be taken.

    `reason` is one of feeds.md's; `detail` tells the agency why, without any value of a record.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail

    def __str__(self) -> str:
        return self.detail


@dataclass(frozen=True)
class Limits:
    """What a delivery may weigh. Sizes in bytes. `value_bytes` is for one Parquet value.

    `unpack_ratio` counts once `ratio_from` bytes are unpacked (deflate reaches 1,032). `name_bytes` is for a column's name,
    which bronze repeats in every record. `depth` is how deep JSON may nest: a number, since what Python's stack allows
    differs from process to process.
    """

    manifest_bytes: int = MIB
    files: int = 10_000
    file_bytes: int = 8 << 30
    delivery_bytes: int = 32 << 30
    unpacked_bytes: int = 32 << 30
    unpack_ratio: int = 100
    ratio_from: int = MIB
    record_bytes: int = MIB
    value_bytes: int = 65_536
    columns: int = 1_000
    name_bytes: int = 256
    depth: int = 64
    rows: int = 500_000_000


def open_file(uri: str) -> IO[bytes]:
    """The file at a local path, or at any address that pyarrow's file systems know."""
    if "://" not in uri:
        return Path(uri).open("rb")
    system, path = pa_fs.FileSystem.from_uri(uri)
    stream: Any = system.open_input_file(path)
    return stream  # type: ignore[no-any-return]


def unpacked(raw: IO[bytes], limits: Limits) -> Iterator[bytes]:
    """The file's content in chunks, unpacked when it is gzip.

    Raises Broken: `archive` past a limit, `unreadable` when cut or damaged.
    """
    first = raw.read(CHUNK)
    chunks = _rest(first, raw)
    yield from _gunzip(chunks, limits) if first.startswith(GZIP_MAGIC) else _bounded(chunks, limits)


def _rest(first: bytes, raw: IO[bytes]) -> Iterator[bytes]:
    while first:
        yield first
        first = raw.read(CHUNK)


def _bounded(chunks: Iterator[bytes], limits: Limits) -> Iterator[bytes]:
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if size > limits.unpacked_bytes:
            raise Broken("archive", f"unpacks to more than {limits.unpacked_bytes} bytes")
        yield chunk


def _gunzip(chunks: Iterator[bytes], limits: Limits) -> Iterator[bytes]:
    """Several members one after the other are one stream, as gzip has it."""
    size_in = size_out = 0
    unpacker = zlib.decompressobj(wbits=31)
    for chunk in chunks:
        size_in += len(chunk)
        while chunk:
            if unpacker.eof:
                unpacker = zlib.decompressobj(wbits=31)
            try:
                out = unpacker.decompress(chunk, CHUNK)
            except zlib.error:
                raise Broken("unreadable", "is damaged: its gzip data can't be unpacked") from None
            size_out += len(out)
            if size_out > limits.unpacked_bytes:
                raise Broken("archive", f"unpacks to more than {limits.unpacked_bytes} bytes")
            used = size_in - len(unpacker.unconsumed_tail)
            if size_out >= limits.ratio_from and size_out > limits.unpack_ratio * used:
                raise Broken("archive", f"unpacks to more than {limits.unpack_ratio} times its size")
            if out:
                yield out
            chunk = unpacker.unused_data if unpacker.eof else unpacker.unconsumed_tail
    if not unpacker.eof:
        raise Broken("unreadable", "is cut: its gzip data ends too early")
