"""The small feeds, record by record: a record is one version as the agency holds it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from jobs.core.contracts import Feed
from jobs.simulate import mess
from jobs.simulate.clock import Clock
from jobs.simulate.knobs import Knobs
from jobs.simulate.streams import Streams
from jobs.simulate.text import DAY


@dataclass
class Record:
    """One version of one record: texts by column (an array column holds a list of such), recorded at `at`,
    delivered in `night`.
    """

    feed: str
    key: str
    at: int
    values: dict[str, Any]
    op: str = "upsert"
    night: int = field(default=-1)
    spelled_at: str = ""


def stamp(seconds: int) -> str:
    """ISO 8601 with the offset of Asia/Shanghai."""
    return str(np.datetime64(int(seconds), "s")) + "+08:00"


def day(seconds: int) -> str:
    """The bare date."""
    return str(np.datetime64(int(seconds), "s"))[:10]


PHONE_COLUMNS = ("msisdn", "displayed_number")


def schedule(records: list[Record], clock: Clock, knobs: Knobs, streams: Streams) -> list[Record]:
    """Every record with its night: misspelled, late, twice, broken at the knobs' rates; what is recorded
    after the end is left out.
    """
    rng = streams.of("schedule")
    out: list[Record] = []
    newest: dict[str, int] = {}
    for record in records:
        newest[record.feed + record.key] = max(record.at, newest.get(record.feed + record.key, 0))
    for record in sorted(records, key=lambda r: (r.feed, r.at, r.key)):
        if record.at > clock.end:
            continue
        night = int(clock.night_of(np.array([record.at]))[0])
        draw = rng.random(6)
        if night and draw[0] < knobs.late_rate:
            night = min(night + 1 + int(draw[0] * 1000) % 3, clock.nights - 1)
        record.night, record.spelled_at = night, stamp(record.at)
        _misspell(record, knobs, rng)
        out.append(record)
        if draw[1] < knobs.duplicate_rate:
            out.append(_copy(record, night=min(night + 1, clock.nights - 1)))
        # only what has no later version is broken, so that its repair brings back nothing that has changed
        # since
        last = record.at == newest[record.feed + record.key] and record.op == "upsert" and record.at + 3600 <= clock.end
        if last and draw[2] < knobs.bad_record_rate * 4 and record.feed in mess.BREAKS:
            out += _break(record, clock, rng)
    return sorted(out, key=lambda r: (r.feed, r.night, r.at, r.key))


def _copy(record: Record, **changes: Any) -> Record:
    made = Record(record.feed, record.key, record.at, dict(record.values), record.op, record.night, record.spelled_at)
    for name, value in changes.items():
        setattr(made, name, value)
    return made


def _break(record: Record, clock: Clock, rng: np.random.Generator) -> list[Record]:
    """A broken version an hour later, half the time followed by a repaired one the day after."""
    kinds = mess.BREAKS[record.feed]
    change: Mapping[str, Any] = kinds[int(rng.integers(0, len(kinds)))][1]
    if "involved" in record.values and rng.random() < 0.3:
        nobody = {"role": "offender", "identifier_type": "phone", "identifier": "12", "issuer": None}
        change = {"involved": [*record.values["involved"], nobody]}
    at = record.at + 3600
    night = max(record.night, int(clock.night_of(np.array([at]))[0]))
    out = [_copy(record, at=at, spelled_at=stamp(at), night=night, values={**record.values, **change})]
    later = max(at, clock.load - DAY) + DAY
    if rng.random() < 0.5 and later <= clock.end:
        out.append(
            _copy(
                record,
                at=later,
                spelled_at=stamp(later),
                night=max(night, int(clock.night_of(np.array([later]))[0])),
            )
        )
    return out


def _misspell(record: Record, knobs: Knobs, rng: np.random.Generator) -> None:
    for column in PHONE_COLUMNS:
        value = record.values.get(column)
        if value is not None and len(value) == 11 and rng.random() < knobs.mess_rate:
            record.values[column] = mess.PHONE_STYLES[int(rng.integers(0, len(mess.PHONE_STYLES)))](value)
    for element in record.values.get("involved", []):
        if (
            element["identifier_type"] == "phone"
            and len(element["identifier"]) == 11
            and rng.random() < knobs.mess_rate
        ):
            element["identifier"] = mess.PHONE_STYLES[int(rng.integers(0, len(mess.PHONE_STYLES)))](
                element["identifier"]
            )


def to_table(feed: Feed, records: Sequence[Record]) -> pa.Table:
    """The records as the columns of their contract, all text; a withdrawal has only its key and moment."""
    arrays: dict[str, pa.Array] = {}
    for column in feed.schema_:
        if column.name == "record_id":
            values: list[Any] = [record.key for record in records]
        elif column.name == "op":
            values = [record.op for record in records]
        elif column.name == "recorded_at":
            values = [record.values.get("recorded_at") or record.spelled_at for record in records]
        else:
            values = [record.values.get(column.name) if record.op == "upsert" else None for record in records]
        kind = pa.utf8()
        if column.items is not None:
            kind = pa.list_(pa.struct([(item.name, pa.utf8()) for item in column.items.schema_]))
        arrays[column.name] = pa.array(values, kind)
    return pa.table(arrays)
