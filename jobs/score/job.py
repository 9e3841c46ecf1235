"""`antifraud score`: read the truth and a committed night, judge, write the figures. The only I/O of this folder."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import polars as pl

from jobs.core.contracts import load_contracts
from jobs.core.errors import UserError
from jobs.core.reading import PinnedLake
from jobs.core.runner import read_key
from jobs.core.schema import load_tables
from jobs.core.settings import Settings
from jobs.policy import load_policy
from jobs.score.card import Scorecard, score_night
from jobs.score.left import Lake
from jobs.score.truth import TABLES, Truth, know_truth


def score(settings: Settings, folder: Path, on: date | None = None, out: Path | None = None) -> Scorecard:
    """Judge the newest committed night, or that of `on`, by the truth in `folder`; the figures go to `out` as JSON too.

    Raises UserError when the truth or the night can't be read, or when they are not of one world.
    """
    said = read_truth(folder)
    schemas = settings.schemas_dir
    night = PinnedLake(settings.lake, load_tables(schemas, load_contracts(schemas)), on)
    if not Path(settings.key_file).is_file():
        raise UserError(f"{settings.key_file}: the key of this lake's ids is not there; set 'key_file' to where it is")
    truth = know_truth(said, read_key(settings), night.on, night.instant)
    lake = read_lake(night)
    _must_fit(folder, settings, lake, truth)
    card = score_night(night.on, lake, truth, load_policy(schemas, settings.policy))
    if out is not None:
        _write(out, card)
    return card


def read_truth(folder: Path) -> dict[str, pl.DataFrame]:
    """The truth's tables, the columns that are needed. Raises UserError naming the file that is missing or is not what simulate writes."""
    if not folder.is_dir():
        raise UserError(f"{folder}: there is no such folder; give the 'truth' folder that 'antifraud simulate' made")
    return {name: _read_table(folder / f"{name}.parquet", columns) for name, columns in TABLES.items()}


def _read_table(path: Path, columns: dict[str, pl.DataType]) -> pl.DataFrame:
    if not path.is_file():
        raise UserError(f"{path}: is not there; give the 'truth' folder that 'antifraud simulate' made")
    try:
        frame = pl.read_parquet(path)
    except (pl.exceptions.PolarsError, OSError):
        raise UserError(
            f"{path}: is not a whole Parquet file; make the world again with 'antifraud simulate'"
        ) from None
    wrong = [name for name, kind in columns.items() if frame.schema.get(name) != kind]
    if wrong:
        raise UserError(
            f"{path}: column '{wrong[0]}' is missing or of another type; make the world again with this version"
        )
    return frame.select(list(columns))


def read_lake(night: PinnedLake) -> Lake:
    """What judging needs of a night."""
    return Lake(
        edges=night.frame("graph.edges", ["kind", "from_id", "to_id", "is_live"]),
        shared=night.frame("graph.shared_identifiers"),
        tenures=night.frame("graph.tenures", ["node_id", "phone_id", "is_implicit"]),
        scores=night.frame("graph.scores", ["node_id", "score"]),
        signals=night.frame("graph.signals", ["node_id", "kind", "strength", "standard", "is_live"]),
        identifiers=night.frame("graph.identifiers", ["node_id"]),
        leads=night.frame("blacklist.leads", ["node_id"]),
        listings=night.frame("blacklist.listings"),
    )


def _must_fit(folder: Path, settings: Settings, lake: Lake, truth: Truth) -> None:
    """Another world, or another key, would look like a night that found nobody."""
    if truth.hands.join(lake.identifiers, on="node_id", how="semi").is_empty():
        raise UserError(
            f"{folder}: not one identifier of this truth is in {settings.lake}; the lake is of another world, or 'key_file' is not its key"
        )


def _write(out: Path, card: Scorecard) -> None:
    try:
        out.write_text(json.dumps(card.as_dict(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    except OSError as error:
        raise UserError(f"{out}: can't be written: {error.strerror}") from None
