"""What a reader is made of.

The source, the records it makes of it, and the rules by which it may mend or drop.

A reader mends only by rules that it declares, each with a sentence; every other fault is left in the record
for quarantine. Nothing is lost silently: rows read + rows added = rows written + rows dropped, and each of
these is counted by rule.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import IPv4Address
from typing import Any

import yaml

from jobs.core.errors import UserError
from jobs.identifiers.text import clean_py

Record = dict[str, Any]
"""Column -> raw text (or a list of such mappings, for an `array` column).

None where the publisher gives nothing.
"""

_Loader: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
_SLASHED = re.compile(r"(\d{4})/(\d{1,2})/(\d{1,2})")
_WITH_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


@dataclass(frozen=True)
class Rules:
    """What a reader may do to a row, each with the sentence that says what and why."""

    mends: Mapping[str, str] = field(default_factory=dict)
    adds: Mapping[str, str] = field(default_factory=dict)
    drops: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Source:
    """One file.

    Its name (for messages), its bytes, and the time that stands for a row without a date of its own.
    """

    name: str
    data: bytes
    produced_at: datetime

    def refuse(self, layout: str, fault: str) -> UserError:
        """The error for a file that isn't of this layout. `fault` must name no personal value."""
        return UserError(
            f"{self.name}: is not {layout}: {fault}. Give the file as its publisher publishes it, unchanged."
        )

    @property
    def recorded_at(self) -> str:
        """`produced_at` as text for a record."""
        return self.produced_at.isoformat(timespec="seconds")


@dataclass
class Reading:
    """The records of one file, and what was done to come to them. Counts are rows (of `bom` and `crlf`.

    Files).
    """

    rules: Rules
    records: list[Record] = field(default_factory=list)
    read: int = 0
    broken: int = 0
    mended: Counter[str] = field(default_factory=Counter)
    added: Counter[str] = field(default_factory=Counter)
    dropped: Counter[str] = field(default_factory=Counter)

    def mend(self, rule: str, times: int = 1) -> None:
        self._count(self.mended, self.rules.mends, rule, times)

    def add(self, rule: str, times: int = 1) -> None:
        self._count(self.added, self.rules.adds, rule, times)

    def drop(self, rule: str, times: int = 1) -> None:
        self._count(self.dropped, self.rules.drops, rule, times)

    def write(self, record: Record) -> None:
        self.records.append({"op": "upsert", **record})

    def write_broken(self, source: Source, raw: str) -> None:
        """A row with too few or too many cells: no cell of it is trusted.

        It is written for quarantine (`missing_value`).
        """
        self.broken += 1
        self.write({"record_id": row_key("broken", raw), "recorded_at": source.recorded_at, "raw_row": raw})

    @staticmethod
    def _count(counter: Counter[str], declared: Mapping[str, str], rule: str, times: int) -> None:
        if rule not in declared:
            raise ValueError(f"the reader does not declare the rule '{rule}'")
        if times:
            counter[rule] += times


Reader = Callable[[Source, Reading], None]


def row_key(*parts: str | None) -> str:
    """A record_id where the publisher has no key: 16 hex digits of SHA-256 over the cleaned parts."""
    text = "\x1f".join(clean_py(part) or "" for part in parts)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def decode(source: Source, reading: Reading, layout: str) -> str:
    """The text of a UTF-8 file; a BOM and CRLF line ends are taken off and counted (rules `bom`, `crlf`)."""
    try:
        text = source.data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise source.refuse(layout, f"byte {error.start} is not UTF-8 text") from None
    if text.startswith("\ufeff"):
        reading.mend("bom")
        text = text.removeprefix("\ufeff")
    if "\r\n" in text:
        reading.mend("crlf")
        text = text.replace("\r\n", "\n")
    if not text.strip():
        raise source.refuse(layout, "it is empty")
    return text


def csv_rows(source: Source, reading: Reading, layout: str, header: tuple[str, ...]) -> Iterable[dict[str, str]]:
    """The rows of a CSV file with exactly this header.

    A row with another number of cells is written as broken.
    """
    rows = _parse_csv(source, decode(source, reading, layout), layout)
    found = tuple(cell.strip() for cell in rows[0])
    if found != header:
        raise source.refuse(layout, f"its first row should be {','.join(header)}")
    for row in rows[1:]:
        reading.read += 1
        if len(row) == len(header):
            yield dict(zip(header, row, strict=True))
        else:
            reading.write_broken(source, ",".join(row))


def headless_rows(source: Source, reading: Reading, layout: str, names: tuple[str, ...]) -> Iterable[dict[str, str]]:
    """The rows of a CSV file without a header. The first row must have the right number of cells."""
    rows = _parse_csv(source, decode(source, reading, layout), layout)
    if len(rows[0]) != len(names):
        raise source.refuse(layout, f"its rows should have {len(names)} cells and the first has {len(rows[0])}")
    for row in rows:
        reading.read += 1
        if len(row) == len(names):
            yield dict(zip(names, row, strict=True))
        else:
            reading.write_broken(source, ",".join(row))


def _parse_csv(source: Source, text: str, layout: str) -> list[list[str]]:
    try:
        return [row for row in csv.reader(io.StringIO(text, newline=""), strict=True) if row]
    except csv.Error as error:
        raise source.refuse(layout, f"it is not CSV ({error})") from None


def json_pairs(source: Source, reading: Reading, layout: str) -> list[tuple[str, Any]]:
    """The members of the JSON object that the file is, in order; of inner objects too.

    A key given twice stays twice.
    """
    text = decode(source, reading, layout)
    try:
        value = json.loads(text, object_pairs_hook=list)
    except json.JSONDecodeError as error:
        raise source.refuse(layout, f"line {error.lineno} is not JSON ({error.msg})") from None
    except (ValueError, RecursionError):
        raise source.refuse(layout, "it has a number too long, or is nested too deeply") from None
    _check_characters(source, layout, text, value)
    if not isinstance(value, list) or not all(isinstance(member, tuple) for member in value):
        raise source.refuse(layout, "it should be one JSON object")
    return value


def yaml_mapping(source: Source, reading: Reading, layout: str) -> dict[str, Any]:
    """The YAML mapping that the file is, every scalar as its text (an address must not become a number)."""
    text = decode(source, reading, layout)
    try:
        value = yaml.load(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise source.refuse(layout, f"line {line} is not YAML") from None
    except (yaml.YAMLError, RecursionError):
        raise source.refuse(layout, "it has a character that YAML does not allow, or is nested too deeply") from None
    _check_characters(source, layout, text, value)
    if not isinstance(value, dict):
        raise source.refuse(layout, "it should be a YAML mapping")
    return value


def _check_characters(source: Source, layout: str, text: str, value: Any) -> None:
    """Both formats can write half a character (`\\ud800`), which is no text."""
    if "\\u" not in text and "\\U" not in text:
        return
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except (UnicodeEncodeError, ValueError, RecursionError):
        raise source.refuse(layout, "a text in it has half a character, or holds itself") from None


def iso_date(text: str) -> str:
    """2017/1/2 as 2017-01-02; anything else as it is, for quarantine to refuse."""
    found = _SLASHED.fullmatch(text)
    return f"{found[1]}-{int(found[2]):02d}-{int(found[3]):02d}" if found else text


def site_of(entry: str) -> tuple[str, str]:
    """(identifier type, address) of an entry that a list calls a site.

    A bare IPv4 address is an `ip`. What has a scheme, or a path, port, query or fragment after its host, is a
    `url`; without a scheme it gets `http://` (rule `scheme`: the caller counts it). Everything else is taken
    for a host, a `domain`; if it is none, quarantine says so.
    """
    if _WITH_SCHEME.match(entry):
        return "url", entry
    if _is_ipv4(entry):
        return "ip", entry
    if re.match(r"[^/?#:\s]+[/?#:]", entry):
        return "url", f"http://{entry}"
    return "domain", entry


def _is_ipv4(text: str) -> bool:
    try:
        IPv4Address(text)
    except ValueError:
        return False
    return True
