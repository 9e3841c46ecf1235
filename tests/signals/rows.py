"""Literal rows as frames, for the tests of signals and of the listing."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import polars as pl

from jobs.core.contracts import load_codes, load_contracts
from jobs.core.schema import load_tables
from jobs.core.settings import ROOT
from jobs.policy import load_policy
from tests.frames import build, moment

POLICY = load_policy(ROOT / "schemas", "default")
CONTRACTS = load_contracts(ROOT / "schemas")
TABLES = load_tables(ROOT / "schemas", CONTRACTS)
LEVELS = {code: int(a["rank"]) for code, a in load_codes(ROOT / "schemas")["authority_levels"].codes.items()}
CITY = ["city", "province", "national"]


def at(text: str) -> datetime:
    """A moment in UTC."""
    return moment(text)


def frame(ddl: str, rows: Iterable[dict[str, Any]]) -> pl.DataFrame:
    """The rows as a frame; what a row does not name is null, and a name that is no column fails."""
    return build(ddl, rows)


def table(name: str, rows: Iterable[dict[str, Any]]) -> pl.DataFrame:
    """The rows as a frame with the columns of a table of the lake; a signal is of its own lineage unless it says otherwise."""
    if name == "graph.signals":
        rows = [{"own_lineage": row.get("lineage"), **row} for row in rows]
    return build(TABLES[name].ddl, rows)
