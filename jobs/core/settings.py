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
ENGINES = ("auto", "process", "spark")
"""How Spark is tuned: for nights of some ten thousand records, for large loads, or by the number of records (docs/decisions/0010)."""


@dataclass(frozen=True)
class Settings:
    """Where things are and how Spark is started. Paths may be anything that Spark and pyarrow can open; defaults run on one machine."""

    landing: str = "work/landing"
    lake: str = "work/lake"
    releases: str = "work/releases"
    feedback: str = "work/feedback"
    key_file: str = "work/secrets/node-id.key"
    schemas: str = str(ROOT / "schemas")
    expectations: str = str(ROOT / "expectations")
    policy: str = "default"
    jars: str = str(ROOT / ".jars")
    master: str = "local[2]"
    driver_memory: str = "4g"
    shuffle_partitions: int = 2
    engine: str = "auto"
    spark: dict[str, str] = field(default_factory=dict)

    @property
    def schemas_dir(self) -> Path:
        return Path(self.schemas)

    def with_changes(self, **changes: Any) -> Settings:
        """These settings with every given value that is not None put in."""
        given = {name: value for name, value in changes.items() if value is not None}
        for name, value in given.items():
            if value == "":
                raise UserError(f"--{name.replace('_', '-')}: is empty; name a place, or leave it out")
        return replace(self, **given)


def load_settings(path: Path | None = None, environ: dict[str, str] | None = None) -> Settings:
    """Defaults, then the file, then the environment. Raises UserError naming the file and the key that is wrong."""
    environ = dict(os.environ) if environ is None else environ
    named = path or (Path(environ["ANTIFRAUD_CONFIG"]) if environ.get("ANTIFRAUD_CONFIG") else None)
    values: dict[str, Any] = {}
    if named is not None and not named.is_file():
        raise UserError(f"{named}: there is no such settings file")
    if named is not None or Path(FILE).is_file():
        values = _from_file(named or Path(FILE))
    known = {item.name for item in fields(Settings)}
    for name in known - {"spark"}:
        if (text := environ.get(f"ANTIFRAUD_{name.upper()}")) is not None:
            values[name] = _from_variable(name, text)
    return Settings(**values)


def _from_variable(name: str, text: str) -> str | int:
    variable = f"ANTIFRAUD_{name.upper()}"
    if text == "":
        raise UserError(f"{variable}: is empty; give it a value, or unset it")
    if name != "shuffle_partitions":
        if (rule := _broken_rule(name, text)) is not None:
            raise UserError(f"{variable} must be {rule}, it is '{text}'")
        return text
    if not (text.isascii() and text.isdecimal() and int(text) > 0):
        raise UserError(f"{variable} must be a number above 0, it is '{text}'")
    return int(text)


def _from_file(path: Path) -> dict[str, Any]:
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{path}: can't be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UserError(f"{path}: is not UTF-8 text") from None
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"{path}: not valid TOML: {error}") from None
    types = {item.name: item for item in fields(Settings)}
    for name, value in values.items():
        if name not in types:
            raise UserError(f"{path}: '{name}' is not a setting; known are {', '.join(sorted(types))}")
        if (rule := _broken_rule(name, value)) is not None:
            raise UserError(f"{path}: '{name}' must be {rule}")
    return values


def _broken_rule(name: str, value: Any) -> str | None:
    """What the setting of this name must be, when it is not."""
    if name == "engine":
        return None if value in ENGINES else f"one of {', '.join(ENGINES)}"
    if name == "shuffle_partitions":
        fits = isinstance(value, int) and not isinstance(value, bool) and value > 0
        return None if fits else "a number above 0"
    if name == "spark":
        fits = isinstance(value, dict) and all(isinstance(item, str) for item in value.values())
        return None if fits else "a table of texts"
    return None if isinstance(value, str) and value else "text, not empty"
