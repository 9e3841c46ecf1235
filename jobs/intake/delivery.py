"""Write a delivery as an agency would: data files first, the manifest last. Tests, `simulate`, `land` and
`rehearse` share it.

The same input gives the same bytes: gzip carries no time, keys stand in one order, nothing depends on the
machine.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Any, BinaryIO, cast

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from jobs.core.contracts import Feed
from jobs.intake.manifest import MANIFEST, SIGNATURE, Manifest, ManifestFile, parse_manifest

__all__ = ["Manifest", "ManifestFile", "delivery_path", "parse_manifest", "write_delivery", "write_manifest"]

BATCH = 65_536
GZIP_LEVEL = 6


def delivery_path(landing: Path, feed: Feed, business_date: date, delivery_id: str) -> Path:
    """The folder of a delivery below the landing area."""
    return landing / feed.agency / feed.name / business_date.isoformat() / delivery_id


def write_delivery(
    landing: Path,
    feed: Feed,
    tables: Sequence[pa.Table],
    *,
    business_date: date,
    sequence: int,
    delivery_id: str,
    produced_at: datetime,
    mode: str = "delta",
    previous_sha256: str | None = None,
    sign_with: Ed25519PrivateKey | None = None,
) -> str:
    """One file per table, in the contract's format, compression and encoding. Returns the manifest's SHA-256.

    Columns are strings as an agency writes them (`array` columns: list<struct<string…>>). `produced_at` must
    have an offset.
    """
    if produced_at.tzinfo is None:
        raise ValueError("produced_at must have an offset")
    folder = delivery_path(landing, feed, business_date, delivery_id)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MANIFEST).unlink(missing_ok=True)  # while its files are written a delivery is not there yet
    files = [_write_file(folder, feed, number, table) for number, table in enumerate(tables, start=1)]
    manifest = {
        "agency": feed.agency,
        "feed": feed.name,
        "contract_version": feed.version,
        "delivery_id": delivery_id,
        "sequence": sequence,
        "previous_sha256": previous_sha256,
        "business_date": business_date.isoformat(),
        "mode": mode,
        "produced_at": produced_at.isoformat(),
        "files": files,
    }
    return write_manifest(folder, manifest, sign_with=sign_with)


def write_manifest(folder: Path, manifest: dict[str, Any], *, sign_with: Ed25519PrivateKey | None = None) -> str:
    """Put `manifest.json` (and before it, when signed, `manifest.sig`) in place by rename.

    Returns its SHA-256.
    """
    data = (json.dumps(manifest, ensure_ascii=False, indent=1) + "\n").encode()
    if sign_with is not None:
        (folder / SIGNATURE).write_bytes(sign_with.sign(data))
    partial = folder / f".{MANIFEST}.partial"
    partial.write_bytes(data)
    partial.replace(folder / MANIFEST)
    return hashlib.sha256(data).hexdigest()


def _write_file(folder: Path, feed: Feed, number: int, table: pa.Table) -> dict[str, Any]:
    kind, compressed = feed.format.type, feed.format.compression == "gzip"
    suffix = ".gz" if compressed and kind != "parquet" else ""
    path = folder / f"part-{number:04d}.{kind}{suffix}"
    if kind == "parquet":
        pq.write_table(table, path, compression="gzip" if compressed else "snappy")
    else:
        chunks = _csv_chunks(table) if kind == "csv" else _jsonl_chunks(table)
        with _opened(path, compressed) as out:
            for chunk in chunks:
                out.write(chunk if feed.format.encoding == "utf-8" else chunk.decode().encode(feed.format.encoding))
    with path.open("rb") as done:
        sha256 = hashlib.file_digest(done, "sha256").hexdigest()
    return {"name": path.name, "sha256": sha256, "bytes": path.stat().st_size, "rows": table.num_rows}


@contextmanager
def _opened(path: Path, compressed: bool) -> Iterator[BinaryIO]:
    with path.open("wb") as raw:
        if not compressed:
            yield raw
            return
        with gzip.GzipFile(filename="", mode="wb", compresslevel=GZIP_LEVEL, fileobj=raw, mtime=0) as packed:
            yield cast(BinaryIO, packed)


def _csv_chunks(table: pa.Table) -> Iterator[bytes]:
    """The header, then the rows; cells are quoted only in a batch that needs it.

    An array column stands as JSON text.
    """
    yield ",".join(_csv_name(name) for name in table.schema.names).encode() + b"\n"
    for batch in _batches(table):
        cells = pa.table({name: pc.fill_null(_as_text(batch.column(name)), "") for name in batch.schema.names})
        out = io.BytesIO()
        style = "needed" if _needs_quotes(cells) else "none"
        pa_csv.write_csv(cells, out, pa_csv.WriteOptions(include_header=False, quoting_style=style))
        yield out.getvalue()


def _csv_name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"' if any(mark in name for mark in ',"\r\n') else name


def _needs_quotes(cells: pa.Table) -> bool:
    """Some cell holds a mark of CSV itself; or an empty cell would be an empty line, which is no record."""
    if cells.num_columns == 1:
        return True
    return any(pc.any(pc.match_substring_regex(column, '[",\r\n]')).as_py() for column in cells.columns)


def _jsonl_chunks(table: pa.Table) -> Iterator[bytes]:
    """One object per line with every column as its key; an empty cell is null."""
    for batch in _batches(table):
        fields = [_member(name, batch.column(name)) for name in batch.schema.names]
        lines = pc.binary_join_element_wise("{", pc.binary_join_element_wise(*fields, ","), "}\n", "")
        yield "".join(lines.to_pylist()).encode()


def _batches(table: pa.Table) -> Iterator[pa.RecordBatch]:
    for start in range(0, table.num_rows, BATCH):
        yield table.slice(start, BATCH).combine_chunks().to_batches()[0]


def _member(name: str, column: pa.Array) -> pa.Array:
    return pc.binary_join_element_wise(json.dumps(name, ensure_ascii=False) + ":", _as_json(column), "")


def _as_text(column: pa.Array) -> pa.Array:
    nested = pa.types.is_list(column.type) or pa.types.is_struct(column.type)
    if not nested:
        return column.cast(pa.string())
    return pc.if_else(column.is_null(), pa.scalar(None, pa.string()), _as_json(column))


def _as_json(column: pa.Array) -> pa.Array:
    """Every value as JSON text: strings quoted, lists and structs nested, null as `null`."""
    if pa.types.is_list(column.type):
        column = column.cast(pa.list_(column.type.value_field))
        inner = _as_json(column.flatten())
        offsets = pa.array([0], pa.int32()) if not len(column) else _offsets(column)
        joined = pc.binary_join(pa.ListArray.from_arrays(offsets, inner), ",")
        text = pc.binary_join_element_wise("[", joined, "]", "")
    elif pa.types.is_struct(column.type):
        members = [_member(field.name, part) for field, part in zip(column.type, column.flatten(), strict=True)]
        text = pc.binary_join_element_wise("{", pc.binary_join_element_wise(*members, ","), "}", "")
    else:
        text = _quoted(column.cast(pa.string()))
    return pc.if_else(column.is_null(), "null", text)


def _offsets(column: pa.ListArray) -> pa.Array:
    """Offsets into `column.flatten()`, in which a null list has no elements."""
    lengths = pc.fill_null(pc.list_value_length(column), 0)
    return pa.concat_arrays([pa.array([0], pa.int32()), pc.cumulative_sum(lengths).cast(pa.int32())])


def _quoted(column: pa.Array) -> pa.Array:
    if pc.any(pc.match_substring_regex(column, r"[\x00-\x1f]")).as_py():
        return pa.array(
            [None if text is None else json.dumps(text, ensure_ascii=False) for text in column.to_pylist()],
            pa.string(),
        )
    escaped = pc.replace_substring(pc.replace_substring(column, "\\", "\\\\"), '"', '\\"')
    return pc.binary_join_element_wise('"', escaped, '"', "")
