"""A landing area for tests: deliveries by `write_delivery`, and what intake answers, without Spark."""

import base64
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pyarrow as pa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from jobs.bronze.source import Limits
from jobs.core.contracts import Feed, load_contracts
from jobs.core.settings import ROOT
from jobs.intake.agencies import Agency
from jobs.intake.answers import Answer, Desk, Ledger
from jobs.intake.delivery import delivery_path, write_delivery, write_manifest
from jobs.intake.landing import discover
from jobs.intake.staging import Staging

CONTRACTS = load_contracts(ROOT / "schemas")
SUBSCRIPTIONS, ACCOUNTS = CONTRACTS["telecom/subscriptions"], CONTRACTS["finance/accounts"]
CASES, SIGHTINGS = CONTRACTS["public_security/case_reports"], CONTRACTS["telecom/device_sightings"]
ABNORMAL, APPEALS = CONTRACTS["telecom/abnormal_numbers"], CONTRACTS["public_security/appeal_decisions"]
DAY = date(2026, 11, 22)
SHANGHAI = timezone(timedelta(hours=8))


def records(feed: Feed, count: int, **given: Any) -> pa.Table:
    """`count` records: every column `<name>-<number>`, or what is given for all of them."""
    columns = {}
    for name, column in feed.columns.items():
        if column.logicalType == "array" and name not in given:
            columns[name] = pa.array([[] for _ in range(count)], pa.list_(pa.struct([("role", pa.string())])))
        else:
            columns[name] = pa.array([given.get(name, f"{name}-{row}") for row in range(count)], pa.string())
    return pa.table(
        {**columns, **{name: pa.array([text] * count) for name, text in given.items() if name not in columns}}
    )


@dataclass
class World:
    """One landing area and one lake. `answers` of a night are remembered as `ops.deliveries` would be."""

    root: Path
    ledger_rows: list[dict[str, Any]] = field(default_factory=list)
    agencies: dict[str, Agency] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)

    @property
    def landing(self) -> Path:
        return self.root / "landing"

    def deliver(self, feed: Feed = ABNORMAL, *tables: pa.Table, sequence: int = 1, on: date = DAY, **more: Any) -> Path:
        """Write a delivery of two records, or of these tables, and give its folder."""
        delivery_id = more.pop("delivery_id", f"d-{sequence}")
        produced_at = more.pop("produced_at", datetime(on.year, on.month, on.day, 18, tzinfo=SHANGHAI))
        write_delivery(
            self.landing,
            feed,
            tables or [records(feed, 2)],
            business_date=on,
            sequence=sequence,
            delivery_id=delivery_id,
            produced_at=produced_at,
            **more,
        )
        return delivery_path(self.landing, feed, on, delivery_id)

    def night(self, on: date = DAY) -> list[Answer]:
        """What intake answers in this night, in order of path."""
        self.landing.mkdir(parents=True, exist_ok=True)
        staging = Staging(str(self.root / "lake"))
        end = datetime(on.year, on.month, on.day, 16, tzinfo=UTC)
        ledger = Ledger.of(self.ledger_rows)
        desk = Desk(on, end, CONTRACTS, self.agencies, self.limits, staging, ledger)
        answers = desk.answer_all(discover(str(self.landing), on).found)
        self.ledger_rows += [as_row(answer) for answer in answers]
        return answers

    def staged(self) -> list[str]:
        return sorted(path.name for path in (self.root / "lake" / "staged").iterdir())


@contextmanager
def scratch() -> Iterator[Path]:
    """An empty folder, in memory where that is to be had: what is taken is synced, and many small worlds wait for disks."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        yield Path(folder)


def as_row(answer: Answer) -> dict[str, Any]:
    """The answer as a row of `ops.deliveries` comes back from the table."""
    return {**vars(answer), "staged": [file._asdict() for file in answer.staged]}


def verdicts(answers: list[Answer]) -> list[tuple[str, str, str | None]]:
    return [(answer.delivery_id, answer.status, answer.reason) for answer in answers]


def edit_manifest(folder: Path, **changes: Any) -> None:
    """Write the delivery's manifest again, changed."""
    write_manifest(folder, {**json.loads((folder / "manifest.json").read_bytes()), **changes})


def replace_file(folder: Path, data: bytes, *, rows: int | None = None, name: str | None = None) -> None:
    """Put other bytes in place of the first data file, and let the manifest say so."""
    import hashlib

    files = json.loads((folder / "manifest.json").read_bytes())["files"]
    first = files[0]
    (folder / first["name"]).unlink()
    first = {
        "name": name or first["name"],
        "sha256": hashlib.sha256(data).hexdigest(),
        "bytes": len(data),
        "rows": first["rows"] if rows is None else rows,
    }
    (folder / first["name"]).write_bytes(data)
    edit_manifest(folder, files=[first, *files[1:]])


def data_file(folder: Path) -> Path:
    return next(folder.glob("part-*"))


def signer() -> tuple[Ed25519PrivateKey, Agency]:
    """A new key, and an agency that has registered it."""
    key = Ed25519PrivateKey.generate()
    public = base64.b64encode(key.public_key().public_bytes_raw()).decode()
    return key, Agency(title="An agency with a key", public_keys=(public,))
