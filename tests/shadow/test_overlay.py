"""A lake in memory over committed nights: reads come from the right night, writes stay here."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl
import pytest

from jobs.pipeline import STEPS
from jobs.shadow.overlay import Overlay
from jobs.shadow.run import REMADE_TABLES
from tests.signals.rows import TABLES, table

SCORES = "graph.scores"


class Stub:
    """A committed night of one table; it can only be looked at."""

    def __init__(self, name: str, frame: pl.DataFrame) -> None:
        self._name, self._frame = name, frame

    def has(self, name: str) -> bool:
        return name == self._name

    def frame(self, name: str, columns: Sequence[str] | None = None) -> pl.DataFrame:
        frame = self._frame if name == self._name else table(name, [])
        return frame.select(columns or frame.columns)


def scores(*nodes: int) -> pl.DataFrame:
    return table(SCORES, [{"node_id": node, "score": 0.5} for node in nodes])


def nodes_of(lake: Overlay) -> list[int]:
    return lake.frame(SCORES, ["node_id"])["node_id"].to_list()


def test_what_is_remade_is_seen_as_the_night_before_left_it_and_all_else_as_the_last() -> None:
    before, last = Stub(SCORES, scores(1)), Stub(SCORES, scores(2))
    assert nodes_of(Overlay(TABLES, last, before, [SCORES])) == [1]
    assert nodes_of(Overlay(TABLES, last, before, [])) == [2]


def test_in_a_first_night_what_is_remade_is_empty_but_typed() -> None:
    lake = Overlay(TABLES, Stub(SCORES, scores(2)), None, [SCORES])
    assert not lake.has(SCORES)
    assert lake.frame(SCORES).equals(table(SCORES, []))
    assert lake.frame(SCORES, ["score"]).columns == ["score"]


def test_what_is_written_is_seen_and_appended_to_and_the_reader_keeps_its_own() -> None:
    before = Stub(SCORES, scores(1))
    lake = Overlay(TABLES, before, before, [SCORES])
    lake.append(SCORES, scores(2))
    assert nodes_of(lake) == [1, 2]
    lake.replace(SCORES, scores(3))
    assert (nodes_of(lake), lake.has(SCORES)) == ([3], True)
    assert before.frame(SCORES)["node_id"].to_list() == [1]


def test_a_table_that_a_shadow_night_does_not_make_is_refused() -> None:
    lake = Overlay(TABLES, Stub(SCORES, scores()), None, REMADE_TABLES)
    for name in ("ops.nights", "graph.identifiers", "silver.finance__accounts"):
        with pytest.raises(ValueError, match=f"{name} is not remade in a shadow night"):
            lake.append(name, table(name, []))


def test_what_is_remade_is_all_that_the_policy_touches() -> None:
    writes = {name: step.writes for step in STEPS for name in [step.name]}
    assert {*writes["graph"], *writes["signals"], *writes["listing"], *writes["releases"]} == REMADE_TABLES
    assert not REMADE_TABLES & {*writes["silver"], *writes["identifiers"]}
