"""The product's side of benchmarks/parse.py."""

from __future__ import annotations

from pathlib import Path

from benchmarks.agree import Tables

MISSING = "benchmarks/ours.py is empty: the product's parse is not plugged in yet; until then run the peers alone: --peers bare,duckdb,row_udf"


def ours(path: Path, out: Path) -> None:
    """Parses, checks and standardises the feed in `path` (CSV, see benchmarks/given.py) and writes it below `out` as the product does."""
    raise SystemExit(MISSING)


def tables(out: Path) -> Tables:
    """What `ours` wrote, with the columns of `given.GOOD` and `given.BROKEN`: the harness holds it against the reading in plain Python."""
    raise SystemExit(MISSING)
