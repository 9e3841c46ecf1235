"""Deliveries broken on purpose, each by the one fault that it is named for (feeds.md)."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from jobs.bronze.source import Limits
from jobs.core.contracts import Feed
from jobs.intake.delivery import write_manifest
from jobs.intake.manifest import MANIFEST

BEFORE_WRITING = ("column_missing", "unknown_feed")
"""Faults of the records or the feed, not of the folder. A fork is a number used again: plan.py gives it."""
BOMB = 64 << 20
"""Bytes of zeros that an archive bomb unpacks to; deflate makes about a thousandth of them."""


@dataclass(frozen=True)
class Signer:
    """Keys of the rehearsal: one that the agencies registered, and one that nobody did."""

    registered: Ed25519PrivateKey
    stranger: Ed25519PrivateKey

    @classmethod
    def new(cls) -> Signer:
        return cls(Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate())

    @property
    def public(self) -> str:
        raw = self.registered.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        return base64.b64encode(raw).decode()


def unknown_feed(feed: Feed) -> Feed:
    """The feed under a name that no contract has."""
    return feed.model_copy(update={"id": f"{feed.agency}/{feed.name}_unknown"})


def without_a_column(table: pa.Table, feed: Feed) -> pa.Table:
    """The table without the last of its required columns."""
    return table.drop_columns([[column.name for column in feed.schema_ if column.required][-1]])


def break_delivery(folder: Path, feed: Feed, faults: Sequence[str], signer: Signer | None) -> str:
    """Break a delivery that was written whole; returns the SHA-256 of the manifest that now lies there."""
    manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    (folder / MANIFEST).unlink()
    for fault in faults:
        if fault not in (*BEFORE_WRITING, "fork", "signature"):
            _break(folder, feed, manifest, fault)
    if signer is None:
        return write_manifest(folder, manifest)
    return write_manifest(folder, manifest, sign_with=signer.stranger if "signature" in faults else signer.registered)


def _break(folder: Path, feed: Feed, manifest: dict[str, Any], fault: str) -> None:
    file = manifest["files"][0]
    path = folder / file["name"]
    if fault == "file_missing":
        path.unlink()
    elif fault == "hash":
        file["sha256"] = hashlib.sha256(b"another file").hexdigest()
    elif fault == "row_count":
        file["rows"] += 1
    elif fault == "contract_version":
        manifest["contract_version"] = "999.0.0"
    elif fault == "path":
        file["name"] = f"../{file['name']}"
    elif fault == "too_large":
        os.truncate(path, Limits().file_bytes + 1)  # a sparse file: no block of the disk is taken
        file["bytes"] = Limits().file_bytes + 1
    elif fault == "archive":
        _put(path, file, gzip.compress(bytes(BOMB), mtime=0))
    elif fault == "unreadable":
        whole = path.read_bytes()
        _put(
            path,
            file,
            whole[: len(whole) // 2] if feed.format.type == "parquet" else gzip.compress(whole, mtime=0)[:-8],
        )
    else:
        raise ValueError(f"no fault is called {fault}")


def _put(path: Path, file: dict[str, Any], data: bytes) -> None:
    """Other content under a manifest that says so."""
    path.write_bytes(data)
    file.update(sha256=hashlib.sha256(data).hexdigest(), bytes=len(data))
