"""One version of one recipient's release as files: a pure function of its rows, so that the same night gives
the same bytes.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from jobs.releases.cells import read_csv, write_csv
from jobs.releases.changes import compare_snapshots, conform
from jobs.releases.layout import Layout
from jobs.releases.recipients import Recipient
from jobs.releases.setdigest import digest_set, key_of_version

MANIFEST = "manifest.json"
# The time after which a release is too old to be taken for the newest (exports.md: the timestamp expires
# after 36 hours).
FRESH_FOR = timedelta(hours=36)
FULL = "full"
REMOVALS_ONLY = "removals_only"


@dataclass(frozen=True)
class Edition:
    """What the manifest says beside the rows. `content` is `removals_only` when the night's release is held
    and only removals went out.
    """

    recipient: Recipient
    version: int
    previous_version: int | None
    on: date
    instant: datetime
    policy_version: str
    content: str = FULL


def make_bundle(
    edition: Edition, current: Any, previous: Any | None, why: Mapping[str, str], layout: Layout, key: bytes
) -> dict[str, bytes]:
    """The files of this version by name. `current` and `previous` are snapshots; `why` says why a listing
    left.
    """
    recipient = edition.recipient
    schema = layout.arrow_schema(recipient.kind)
    before = conform(previous, schema) if previous is not None else schema.empty_table()
    changes = compare_snapshots(before, current, why)
    worklist = select_worklist(current)
    files: dict[str, bytes] = {}
    for name, table in (("snapshot", current), ("changes", changes)):
        if "csv" in recipient.formats:
            files[f"{name}.csv.gz"] = write_csv(table)
        if "parquet" in recipient.formats:
            files[f"{name}.parquet"] = write_parquet(table)
    files["worklist.csv.gz"] = write_csv(worklist)
    kinds = changes["change"].to_pylist()
    counts = {
        "snapshot": current.num_rows, "worklist": worklist.num_rows,
        **{change.lower(): kinds.count(change) for change in ("ADD", "CHANGE", "RELEASE")},
    }  # fmt: skip
    set_key = key_of_version(key, recipient.id, edition.version)
    manifest = {
        "recipient": recipient.id, "version": edition.version, "previous_version": edition.previous_version,
        "business_date": edition.on.isoformat(), "created": format_instant(edition.instant),
        "expires": format_instant(edition.instant + FRESH_FOR), "policy_version": edition.policy_version,
        "content": edition.content, "layout_version": layout.version, "purpose": layout.purpose,
        "identifiers": recipient.identifiers, "columns": current.column_names,
        "counts": counts, "set_digest": digest_set(current, set_key).to_json(),
        "files": {name: describe_file(files[name]) for name in sorted(files)},
    }  # fmt: skip
    files[MANIFEST] = to_json(manifest)
    return files


def describe_file(content: bytes) -> dict[str, Any]:
    """What a manifest says of a file."""
    return {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}


def select_worklist(snapshot: Any) -> Any:
    """What has to be verified, the earliest due date first (Article 22)."""
    due = snapshot.filter(pc.and_(pc.equal(snapshot["measure"], "verify"), pc.is_valid(snapshot["due_on"])))
    return due.sort_by([("due_on", "ascending"), ("listing_id", "ascending")])


def write_parquet(table: Any) -> bytes:
    """The table as Parquet with fixed settings and without statistics, which would show the least and
    greatest identifier.
    """
    out = io.BytesIO()
    pq.write_table(
        table.combine_chunks(), out, compression="zstd", compression_level=3, version="2.6",
        data_page_version="1.0", use_dictionary=True, write_statistics=False, row_group_size=131_072,
        store_schema=False,
    )  # fmt: skip
    return out.getvalue()


def read_snapshot(files: Mapping[str, bytes], layout: Layout, recipient: Recipient) -> Any:
    """The snapshot among a version's files, in the layout that it was written with. Raises ValueError when it
    isn't what its manifest says.
    """
    manifest = json.loads(files[MANIFEST])
    name = "snapshot.parquet" if "snapshot.parquet" in manifest["files"] else "snapshot.csv.gz"
    content = files.get(name)
    if content is None or hashlib.sha256(content).hexdigest() != manifest["files"][name]["sha256"]:
        raise ValueError(f"{name} is missing or is not what the manifest says")
    if name.endswith(".parquet"):
        return pq.read_table(pa.BufferReader(content))
    schema = layout.arrow_schema(recipient.kind)
    known = {field.name: field for field in schema}
    return read_csv(
        content,
        pa.schema([known.get(column, pa.field(column, pa.string())) for column in manifest["columns"]]),
    )


def format_instant(instant: datetime) -> str:
    """UTC, to the second."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def to_json(value: Any) -> bytes:
    """One way to write JSON, so that equal values are equal bytes."""
    return (json.dumps(value, ensure_ascii=False, indent=2, sort_keys=True) + "\n").encode()
