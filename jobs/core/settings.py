"""Settings: one file (`antifraud.toml`), environment variables (`ANTIFRAUD_LAKE=…`), and the command line, later ones winning."""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from jobs.core.errors import UserError

ROOT = Path(__file__).resolve().parents[2]
FILE = "antifraud.toml"


@dataclass(frozen=True)
class Settings:
    """Where things are and how Spark is started. Paths may be anything that Spark and pyarrow can open; defaults run on one machine."""

    landing: str = "work/landing"
    lake: str = "work/lake"
    releases: str = "work/releases"
    key_file: str = "work/secrets/node-id.key"
    schemas: str = str(ROOT / "schemas")
    policy: str = "default"
    jars: str = str(ROOT / ".jars")
    master: str = "local[2]"
    driver_memory: str = "4g"
    shuffle_partitions: int = 4
    spark: dict[str, str] = field(default_factory=dict)

    @property
    def schemas_dir(self) -> Path:
        return Path(self.schemas)

    def with_changes(self, **changes: Any) -> Settings:
        """These settings with every given value that is not None put in."""
        return replace(self, **{name: value for name, value in changes.items() if value is not None})


def load_settings(path: Path | None = None, environ: dict[str, str] | None = None) -> Settings:
    """Defaults, then the file, then the environment. Raises UserError naming the file and the key that is wrong."""
    environ = dict(os.environ) if environ is None else environ
    path = path or Path(environ.get("ANTIFRAUD_CONFIG", FILE))
    values: dict[str, Any] = {}
    if path.exists():
        values = _from_file(path)
    elif path != Path(FILE):
        raise UserError(f"{path}: there is no such settings file")
    known = {item.name for item in fields(Settings)}
    for name in known - {"spark"}:
        if (text := environ.get(f"ANTIFRAUD_{name.upper()}")) is not None:
            values[name] = text
    if isinstance(values.get("shuffle_partitions"), str):
        if not values["shuffle_partitions"].isdigit():
            raise UserError("ANTIFRAUD_SHUFFLE_PARTITIONS must be a number")
        values["shuffle_partitions"] = int(values["shuffle_partitions"])
    return Settings(**values)


def _from_file(path: Path) -> dict[str, Any]:
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"{path}: not valid TOML: {error}") from None
    types = {item.name: item for item in fields(Settings)}
    for name, value in values.items():
        if name not in types:
            raise UserError(f"{path}: '{name}' is not a setting; known are {', '.join(sorted(types))}")
        wanted = {"shuffle_partitions": int, "spark": dict}.get(name, str)
        if not isinstance(value, wanted):
            raise UserError(f"{path}: '{name}' must be {'a number' if wanted is int else 'a table' if wanted is dict else 'text'}")
    return values
