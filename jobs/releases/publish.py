"""Versions on the storage, and the one switch that makes a version the latest.

A version is written whole and named by its number; recipients see it when `latest.json` names it, which
happens only after the night is committed. A version that neither `latest.json` nor a committed night names
was never published: the night that made it died.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from jobs.core.errors import UserError
from jobs.core.settings import Settings
from jobs.core.storage import Storage, open_storage
from jobs.releases.bundle import MANIFEST, to_json

LATEST = "latest.json"


@dataclass(frozen=True)
class Published:
    """The last good version of a recipient and the night that made it."""

    version: int
    on: date


def publish_pending(settings: Settings, releases: Mapping[str, int]) -> None:
    """Make these versions (recipient -> version, as `ops.nights` pins them) the latest.

    Call it after the night is committed, and again on a re-run: what is already the latest stays, and no
    recipient ever goes back to an older version. A recipient without a folder here was published to another
    place; the next night starts it anew and says so. Raises UserError when only the pinned version is
    missing.
    """
    storage = open_storage(settings.releases)
    for recipient, version in sorted(releases.items()):
        is_elsewhere = read_latest(storage, recipient) is None and not storage.folders(recipient)
        if not is_elsewhere:
            switch_latest(storage, recipient, version)


def switch_latest(storage: Storage, recipient: str, version: int) -> bool:
    """Replace `latest.json`, unless it names this version or a newer one."""
    latest = read_latest(storage, recipient)
    if latest is not None and latest.version >= version:
        return False
    content = storage.read(f"{recipient}/{version}/{MANIFEST}")
    if content is None:
        raise UserError(
            f"release {recipient}/{version} was committed but its folder is not among the releases; "
            "point 'releases' at the folder "
            "that this lake published to, or restore it from a copy"
        )
    manifest = json.loads(content)
    pointer = {name: manifest[name] for name in ("recipient", "version", "business_date", "created", "expires")}
    pointer["manifest"] = {
        "path": f"{version}/{MANIFEST}",
        "sha256": hashlib.sha256(content).hexdigest(),
        "bytes": len(content),
    }
    storage.put_file(f"{recipient}/{LATEST}", to_json(pointer))
    return True


def read_latest(storage: Storage, recipient: str) -> Published | None:
    """What `latest.json` names; None when there is none. Raises UserError when it can't be read."""
    content = storage.read(f"{recipient}/{LATEST}")
    if content is None:
        return None
    try:
        pointer = json.loads(content)
        return Published(int(pointer["version"]), date.fromisoformat(pointer["business_date"]))
    except (ValueError, KeyError, TypeError):
        raise UserError(
            f"releases of {recipient}: latest.json can't be read; put back the one of the last good version"
        ) from None


def read_version(storage: Storage, recipient: str, version: int) -> dict[str, bytes]:
    """The files that a version's manifest names, and the manifest; empty when the version is not there."""
    content = storage.read(f"{recipient}/{version}/{MANIFEST}")
    if content is None:
        return {}
    files: dict[str, Any] = {
        name: storage.read(f"{recipient}/{version}/{name}") for name in json.loads(content)["files"]
    }
    return {MANIFEST: content, **{name: data for name, data in files.items() if data is not None}}


def remove_unpublished(storage: Storage, recipient: str, published: int) -> list[int]:
    """Take away versions above the last published one, and half-written ones: a night that died made them."""
    storage.sweep(recipient)
    dead = [int(name) for name in storage.folders(recipient) if name.isdigit() and int(name) > published]
    for version in dead:
        storage.remove_folder(f"{recipient}/{version}")
    return dead


def write_version(storage: Storage, recipient: str, version: int, files: Mapping[str, bytes]) -> None:
    """Put a version's folder in place, whole. It is not the latest yet."""
    storage.put_folder(f"{recipient}/{version}", files, last=MANIFEST)
