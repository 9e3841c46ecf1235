"""The manifest of a delivery: what an agency says it delivered (spec: feeds.md, A delivery)."""

from __future__ import annotations

import json
import re
from datetime import date
from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator

MANIFEST = "manifest.json"
SIGNATURE = "manifest.sig"
MAX_SEQUENCE = 2**63 - 1
EARLIEST, LATEST = 1970, 2200
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class BadManifest(Exception):
    """The manifest can't be read; the message says why without repeating values."""


class ManifestFile(BaseModel):
    """One data file. `bytes` and `sha256` are those of the file as it lies there (compressed); `rows` counts
    its records.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    bytes: int = Field(ge=0, strict=True)
    rows: int = Field(ge=0, strict=True)


class Manifest(BaseModel):
    """One delivery. Keys that are not known are left aside: an agency may say more than it must."""

    model_config = ConfigDict(frozen=True)

    agency: str
    feed: str
    contract_version: str
    delivery_id: str
    sequence: int = Field(ge=0, le=MAX_SEQUENCE, strict=True)
    previous_sha256: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")
    business_date: date
    mode: Literal["delta", "snapshot"]
    produced_at: AwareDatetime
    files: tuple[ManifestFile, ...]

    @field_validator("business_date", "produced_at", mode="before")
    @classmethod
    def _written_as_text(cls, value: Any, info: ValidationInfo) -> Any:
        """A number of seconds, which pydantic would take for a time, is none."""
        is_date = info.field_name == "business_date"
        if not isinstance(value, str) or not (_DATE.fullmatch(value) if is_date else _DATE.match(value)):
            raise ValueError("must be text in ISO 8601")
        return value

    @field_validator("business_date", "produced_at")
    @classmethod
    def _in_our_times(cls, value: date) -> date:
        if not EARLIEST < value.year < LATEST:
            raise ValueError(f"must lie between the years {EARLIEST} and {LATEST}")
        return value

    @field_validator("files")
    @classmethod
    def _each_file_once(cls, value: tuple[ManifestFile, ...]) -> tuple[ManifestFile, ...]:
        if len({file.name for file in value}) != len(value):
            raise ValueError("names a file twice")
        return value

    @property
    def rows(self) -> int:
        """Records in all files together."""
        return sum(file.rows for file in self.files)

    @property
    def content(self) -> tuple[Any, ...]:
        """What makes two deliveries with one number the same: the mode and the files' bytes, whatever the
        files are called.
        """
        return (self.mode, tuple(sorted((file.sha256, file.rows) for file in self.files)))


def parse_manifest(data: bytes) -> Manifest:
    """The manifest in these bytes. Raises BadManifest with a sentence fit for the agency."""
    try:
        raw = json.loads(data.decode("utf-8-sig"), object_pairs_hook=_unique, parse_constant=_no_constant)
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        why = str(error) if isinstance(error, _Doubled) else "is not JSON in UTF-8"
        raise BadManifest(f"{MANIFEST} {why}") from None
    if not isinstance(raw, dict):
        raise BadManifest(f"{MANIFEST} is not a JSON object")
    try:
        return Manifest.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise BadManifest(f"{MANIFEST}: {where}: {first['msg'].removeprefix('Value error, ')}") from None


class _Doubled(ValueError):
    pass


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _Doubled("gives a key twice")
    return found


def _no_constant(text: str) -> Any:
    raise ValueError(text)
