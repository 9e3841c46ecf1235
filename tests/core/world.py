"""A small schemas folder of its own for tests of the core: one feed, its codes and fields, and the tables of a night."""

import shutil
from pathlib import Path

from jobs.core.settings import ROOT

FEED = """kind: DataContract
apiVersion: v3.1.0
id: telecom/calls
version: 1.0.0
status: active
description: One record is one call.
format: {type: csv}
modes: [delta]
schema:
  - {name: msisdn}
  - {name: carrier}
  - name: began_at
    logicalType: timestamp
    description: When it began
  - {name: ended_at, logicalType: timestamp, description: When it ended}
identifiers:
  phone:
    type: phone
    value: msisdn
intervals:
  - [began_at, ended_at]
"""
FIELDS = """record_id: {logicalType: string, description: Key}
op: {logicalType: code, codes: ops, description: What it does}
recorded_at: {logicalType: timestamp, description: When it was recorded}
msisdn: {logicalType: string, classification: personal, description: The number}
carrier: {logicalType: code, codes: carriers, description: The carrier}
"""
TINY = """id: graph.tiny
description: One row is one thing.
key: [id]
columns:
  - {name: id, type: BIGINT, description: Its number}
  - {name: text, type: STRING, description: Its text, classification: personal}
  - {name: night_on, type: DATE, description: The night}
statistics: [night_on]
"""


def write_schemas(folder: Path, feed: str = FEED, fields: str = FIELDS, tiny: str = TINY) -> Path:
    """The folder `schemas` with these texts in it; code lists and the tables of a night are the product's."""
    schemas = folder / "schemas"
    for name in ("feeds", "codes", "tables"):
        (schemas / name).mkdir(parents=True, exist_ok=True)
    (schemas / "fields.yml").write_text(fields, encoding="utf-8")
    (schemas / "feeds" / "telecom__calls.yml").write_text(feed, encoding="utf-8")
    (schemas / "tables" / "graph__tiny.yml").write_text(tiny, encoding="utf-8")
    for name in ("codes/ops.yml", "codes/carriers.yml", "tables/ops__nights.yml", "tables/ops__runs.yml"):
        shutil.copy(ROOT / "schemas" / name, schemas / name)
    return schemas


def line_with(text: str, part: str) -> int:
    """Number, from 1, of the only line of `text` that holds `part`."""
    found = [number for number, line in enumerate(text.splitlines(), 1) if part in line]
    assert len(found) == 1, (part, found)
    return found[0]
