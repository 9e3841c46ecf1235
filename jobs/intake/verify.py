"""Whether a delivery can be taken: the checks in their order, each with the reason that feeds.md gives it.

The order: manifest (`unreadable`), its folder (`path`), the feed (`unknown_feed`), the contract's version
and mode (`contract_version`), the signature (`signature`), then of the files the names (`path`), presence
(`file_missing`), size (`too_large`), bytes and SHA-256 (`hash`), and only then what is in them: what they
unpack to (`archive`, `too_large`), whether they can be read (`unreadable`), their columns (`column_missing`)
and the number of their records (`row_count`). Nothing is unpacked before its hash is right. A mode that the
contract does not allow (decisions and outcomes come as deltas only) breaks the contract: `contract_version`.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from jobs.bronze.records import Inspection, inspect_records
from jobs.bronze.source import Broken, Limits
from jobs.core.contracts import Feed
from jobs.intake.agencies import Agency
from jobs.intake.apart import Died, apart
from jobs.intake.landing import Found, is_file_name, masked, opened, printable
from jobs.intake.manifest import MANIFEST, SIGNATURE, BadManifest, Manifest, ManifestFile, parse_manifest
from jobs.intake.staging import Copy, Staging

MAX_SIGNATURE = 4_096
COLUMNS_SHOWN = 20


@dataclass
class Checked:
    """Files that passed every check, as copies, with the records of each and what the agency should look
    at.
    """

    copies: list[Copy] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def read_manifest(found: Found, limits: Limits) -> bytes:
    """The manifest's bytes. Raises Broken."""
    with opened(found.folder, MANIFEST) as file:
        data = file.read(limits.manifest_bytes + 1)
    if len(data) > limits.manifest_bytes:
        raise Broken("too_large", f"{MANIFEST} has more than {limits.manifest_bytes} bytes")
    return data


def check_manifest(data: bytes, found: Found, feed: Feed | None, agency: Agency | None) -> Manifest:
    """The manifest, when it is of this folder, of a known feed, of its contract and signed as it must be.

    Raises Broken.
    """
    if feed is None or feed.status != "active":
        raise Broken("unknown_feed", f"there is no contract for a feed {found.feed_id}")
    try:
        manifest = parse_manifest(data)
    except BadManifest as error:
        raise Broken("unreadable", str(error)) from None
    _check_folder(manifest, found)
    if manifest.contract_version != feed.version:
        asked = printable(manifest.contract_version)
        raise Broken("contract_version", f"contract_version is {asked}; the contract of {feed.id} is {feed.version}")
    if manifest.mode not in feed.modes:
        raise Broken(
            "contract_version",
            f"mode {manifest.mode} is not in the contract of {feed.id}, which has {', '.join(feed.modes)}",
        )
    _check_signature(data, found, agency)
    return manifest


def _check_folder(manifest: Manifest, found: Found) -> None:
    given = {
        "agency": (manifest.agency, found.agency),
        "feed": (manifest.feed, found.feed),
        "business_date": (manifest.business_date, found.business_date),
        "delivery_id": (manifest.delivery_id, found.delivery_id),
    }
    for name, (says, lies_in) in given.items():
        if says != lies_in:
            raise Broken("path", f"{MANIFEST} gives another {name} than the folder that it lies in")
    if not is_file_name(manifest.delivery_id):
        raise Broken("path", "delivery_id must be letters, digits, dots, dashes and underscores")


def _check_signature(data: bytes, found: Found, agency: Agency | None) -> None:
    if agency is None or not agency.public_keys:
        return
    try:
        with opened(found.folder, SIGNATURE) as file:
            signature = file.read(MAX_SIGNATURE)
    except Broken:
        raise Broken("signature", f"{SIGNATURE} is not there, and {found.agency} has registered a key") from None
    if not agency.has_signed(data, signature):
        raise Broken("signature", f"{SIGNATURE} is not a signature of {MANIFEST} by a key of {found.agency}")


def check_files(manifest: Manifest, found: Found, feed: Feed, staging: Staging, limits: Limits) -> Checked:
    """Copies of the delivery's files, every check passed. Raises Broken, and then keeps no copy."""
    checked = Checked()
    try:
        _check_names(manifest, limits)
        for file in manifest.files:
            _check_presence(file, found, limits)
        for file in manifest.files:
            checked.copies.append(_copy(file, found, staging, limits))
        inspections = [
            _inspect(file, copy, feed, limits) for file, copy in zip(manifest.files, checked.copies, strict=True)
        ]
        checked.warnings += _check_columns(manifest, inspections, feed)
        for file, seen in zip(manifest.files, inspections, strict=True):
            if seen.rows != file.rows:
                raise Broken(
                    "row_count",
                    f"file {printable(file.name)} has {seen.rows} records; {MANIFEST} says {file.rows}",
                )
        checked.warnings += _strangers(manifest, found)
    except BaseException:
        staging.drop(checked.copies)
        raise
    return checked


def _check_names(manifest: Manifest, limits: Limits) -> None:
    for file in manifest.files:
        if not is_file_name(file.name) or file.name in (MANIFEST, SIGNATURE):
            raise Broken(
                "path",
                f"file name {printable(file.name)!r} must be letters, digits, dots, dashes and underscores",
            )
    if len(manifest.files) > limits.files:
        raise Broken("too_large", f"has more than {limits.files} files")
    if sum(file.bytes for file in manifest.files) > limits.delivery_bytes:
        raise Broken("too_large", f"has more than {limits.delivery_bytes} bytes")


def _check_presence(file: ManifestFile, found: Found, limits: Limits) -> None:
    with opened(found.folder, file.name) as data:
        size = os.fstat(data.fileno()).st_size
    if max(size, file.bytes) > limits.file_bytes:
        raise Broken("too_large", f"file {printable(file.name)} has more than {limits.file_bytes} bytes")
    if size != file.bytes:
        raise Broken("hash", f"file {printable(file.name)} has {size} bytes; {MANIFEST} says {file.bytes}")


def _copy(file: ManifestFile, found: Found, staging: Staging, limits: Limits) -> Copy:
    with _about(file), opened(found.folder, file.name) as data:
        copy = staging.copy(data, limits.file_bytes)
    if copy.sha256 != file.sha256:
        staging.drop([copy])
        raise Broken("hash", f"file {printable(file.name)} does not have the SHA-256 that {MANIFEST} says")
    return copy


def _inspect(file: ManifestFile, copy: Copy, feed: Feed, limits: Limits) -> Inspection:
    """Parquet is decoded by native code, which a hostile file may bring to an end: that is done in a process of its own."""
    with _about(file):
        if feed.format.type != "parquet":
            return inspect_records(copy.path, feed, limits)
        try:
            return apart(inspect_records, copy.path, feed, limits)
        except Died as died:
            raise Broken("unreadable", f"ended the process that read it ({died})") from None


class _about:
    """Put the file's name before what a check of its content says."""

    def __init__(self, file: ManifestFile) -> None:
        self._prefix = f"file {printable(file.name)} "

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, Broken) and not error.detail.startswith("file "):
            raise Broken(error.reason, self._prefix + error.detail) from None


def _check_columns(manifest: Manifest, inspections: list[Inspection], feed: Feed) -> list[str]:
    """Warnings for columns that the contract does not have. Raises Broken `column_missing`.

    A CSV or Parquet file must have every required column. In JSON Lines, where an object may leave a key
    out, the delivery must.
    """
    required = [name for name, column in feed.columns.items() if column.required]
    groups = [(printable(file.name), seen) for file, seen in zip(manifest.files, inspections, strict=True)]
    if feed.format.type == "jsonl":
        every = Inspection(columns=set().union(*(seen.columns for seen in inspections)))
        every.needs_columns = any(seen.needs_columns for seen in inspections)
        groups = [("", every)]
    for name, seen in groups:
        missing = [column for column in required if column not in seen.columns]
        if missing and seen.needs_columns:
            where = f"file {name}" if name else "every record"
            raise Broken("column_missing", f"{where} is without the required column {', '.join(missing)}")
    unknown = sorted(set().union(*(seen.columns for seen in inspections)) - set(feed.columns))
    shown = ", ".join(masked(name) for name in unknown[:COLUMNS_SHOWN])
    return [f"unknown column: {shown}{' …' if len(unknown) > COLUMNS_SHOWN else ''}"] if unknown else []


def _strangers(manifest: Manifest, found: Found) -> list[str]:
    named = {file.name for file in manifest.files} | {MANIFEST, SIGNATURE}
    try:
        count = sum(1 for entry in os.scandir(found.folder) if entry.name not in named)
    except OSError:  # it was taken away while it was read, and what was read of it is whole
        return []
    return [f"{count} files in the folder are not in {MANIFEST}; they were left aside"] if count else []
