"""What the versions of one record say of which time (feeds.md, A record): one record per sentence, all in one frame."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from jobs.graph.history import cut_versions
from tests.graph.rows import ORDER_DDL, build, read

DDL = f"record_id string, {ORDER_DDL}, phone string, holder string, sim string, start timestamp, end timestamp"
Stretch = tuple[str | None, str, str, str, str | None]


def says(
    recorded: str,
    start: str,
    phone: str | None = "A",
    holder: str = "mother",
    sim: str = "sim 1",
    end: str | None = None,
    **place: Any,
) -> dict[str, Any]:
    """One version; `place` overrides where it stood (sequence, delivery_id, file, line)."""
    return {"recorded_at": recorded, "start": start, "phone": phone, "holder": holder, "sim": sim, "end": end, **place}


def lasts(phone: str | None, since: str, to: str | None, holder: str = "mother", sim: str = "sim 1") -> Stretch:
    """One expected stretch."""
    return (phone, holder, sim, since, to)


CASES: dict[str, tuple[list[dict[str, Any]], list[Stretch]]] = {
    "one version lasts from its start on": (
        [says("2026-01-02", "2026-01-01")],
        [lasts("A", "2026-01-01", None)],
    ),
    "another phone with a later start is a change": (
        [says("2026-01-02", "2026-01-01"), says("2026-02-05", "2026-02-01", "B")],
        [lasts("A", "2026-01-01", "2026-02-01"), lasts("B", "2026-02-01", None)],
    ),
    "another holder with a later start is a change": (
        [says("2026-01-02", "2026-01-01"), says("2026-02-05", "2026-02-01", holder="son")],
        [lasts("A", "2026-01-01", "2026-02-01"), lasts("A", "2026-02-01", None, holder="son")],
    ),
    "another sim with a later start is a change at that start": (
        [says("2026-01-02", "2026-01-01"), says("2026-02-05", "2026-02-01", sim="sim 2")],
        [lasts("A", "2026-01-01", "2026-02-01"), lasts("A", "2026-02-01", None, sim="sim 2")],
    ),
    "another phone with the same start is a correction": (
        [says("2026-01-02", "2026-01-01"), says("2026-02-05", "2026-01-01", "B")],
        [lasts("B", "2026-01-01", None)],
    ),
    "another holder with the same start is a correction": (
        [says("2026-01-02", "2026-01-01"), says("2026-02-05", "2026-01-01", holder="son")],
        [lasts("A", "2026-01-01", None, holder="son")],
    ),
    "another sim that was taken back at the same moment changed nothing": (
        [
            says("2026-01-02", "2026-01-01"),
            says("2026-02-05", "2026-01-01", sim="sim 2", line=1),
            says("2026-02-05", "2026-01-01", line=2),
        ],
        [lasts("A", "2026-01-01", "2026-02-05"), lasts("A", "2026-02-05", None)],
    ),
    "another sim with the same start is a change when it was recorded": (
        [says("2026-01-02", "2026-01-01"), says("2026-02-05", "2026-01-01", sim="sim 2")],
        [lasts("A", "2026-01-01", "2026-02-05"), lasts("A", "2026-02-05", None, sim="sim 2")],
    ),
    "another sim with the same start is a change at the end when that is earlier": (
        [says("2026-01-02", "2026-01-01"), says("2026-02-05", "2026-01-01", sim="sim 2", end="2026-02-03")],
        [lasts("A", "2026-01-01", "2026-02-03"), lasts("A", "2026-02-03", None, sim="sim 2")],
    ),
    "another sim that is recorded before the start was there from the start": (
        [says("2026-01-02", "2026-03-01"), says("2026-02-05", "2026-03-01", sim="sim 2")],
        [lasts("A", "2026-03-01", None, sim="sim 2")],
    ),
    "a sim that is repeated without the end that it came with changed when it was first recorded": (
        [
            says("2026-01-02", "2026-01-01"),
            says("2026-02-05", "2026-01-01", sim="sim 2", end="2026-02-03"),
            says("2026-03-05", "2026-01-01", sim="sim 2"),
        ],
        [lasts("A", "2026-01-01", "2026-02-05"), lasts("A", "2026-02-05", None, sim="sim 2")],
    ),
    "a sim that is repeated changed when it was first recorded": (
        [
            says("2026-01-02", "2026-01-01"),
            says("2026-02-05", "2026-01-01", sim="sim 2"),
            says("2026-03-05", "2026-01-01", sim="sim 2"),
        ],
        [lasts("A", "2026-01-01", "2026-02-05"), lasts("A", "2026-02-05", None, sim="sim 2")],
    ),
    "a sim that comes back after the end ends nothing of what was before": (
        [
            says("2026-01-02", "2026-01-01", end="2026-02-01"),
            says("2026-02-05", "2026-01-01", sim="sim 2", end="2026-02-01"),
            says("2026-03-05", "2026-01-01", end="2026-02-01"),
        ],
        [lasts("A", "2026-01-01", "2026-02-01"), lasts("A", "2026-02-01", None)],
    ),
    "a sim that comes back is a third stretch": (
        [
            says("2026-01-02", "2026-01-01"),
            says("2026-02-05", "2026-01-01", sim="sim 2"),
            says("2026-03-05", "2026-01-01"),
        ],
        [
            lasts("A", "2026-01-01", "2026-02-05"),
            lasts("A", "2026-02-05", "2026-03-05", sim="sim 2"),
            lasts("A", "2026-03-05", None),
        ],
    ),
    "another sim and another holder with the same start are a correction": (
        [says("2026-01-02", "2026-01-01"), says("2026-02-05", "2026-01-01", holder="son", sim="sim 2")],
        [lasts("A", "2026-01-01", None, holder="son", sim="sim 2")],
    ),
    "an emptied phone is a change when it was recorded": (
        [says("2026-01-02", "2026-01-01"), says("2026-02-05", "2026-01-01", None)],
        [lasts("A", "2026-01-01", "2026-02-05"), lasts(None, "2026-02-05", None)],
    ),
    "an emptied phone is a change at its end when that is earlier": (
        [says("2026-01-02", "2026-01-01"), says("2026-02-05", "2026-01-01", None, end="2026-02-03")],
        [lasts("A", "2026-01-01", "2026-02-03"), lasts(None, "2026-02-03", None)],
    ),
    "an end after the recording does not put off an emptied phone": (
        [says("2026-01-02", "2026-01-01"), says("2026-02-05", "2026-01-01", None, end="2026-02-09")],
        [lasts("A", "2026-01-01", "2026-02-05"), lasts(None, "2026-02-05", None)],
    ),
    "an emptied phone is a change whatever its earlier start then says": (
        [says("2026-01-02", "2026-01-01"), says("2026-02-05", "2025-06-01", None)],
        [lasts("A", "2026-01-01", "2026-02-05"), lasts(None, "2026-02-05", None)],
    ),
    "an emptied phone is a change whatever its later start then says": (
        [says("2026-01-02", "2026-01-01"), says("2026-02-05", "2026-02-01", None)],
        [lasts("A", "2026-01-01", "2026-02-05"), lasts(None, "2026-02-05", None)],
    ),
    "an empty phone that is said again with another start brings nothing back": (
        [
            says("2026-01-02", "2026-01-01"),
            says("2026-02-05", "2026-01-01", None),
            says("2026-03-05", "2025-06-01", None),
        ],
        [
            lasts("A", "2026-01-01", "2026-02-05"),
            lasts(None, "2026-02-05", "2026-03-05"),
            lasts(None, "2026-03-05", None),
        ],
    ),
    "a phone that was empty from the first starts when it says": (
        [says("2026-02-05", "2026-01-01", None)],
        [lasts(None, "2026-01-01", None)],
    ),
    "a phone that is filled again is a change at its start": (
        [
            says("2026-01-02", "2026-01-01"),
            says("2026-02-05", "2026-01-01", None),
            says("2026-03-05", "2026-03-01", "B"),
        ],
        [
            lasts("A", "2026-01-01", "2026-02-05"),
            lasts(None, "2026-02-05", "2026-03-01"),
            lasts("B", "2026-03-01", None),
        ],
    ),
    "an earlier start replaces what stood from there on": (
        [
            says("2026-01-02", "2026-01-01"),
            says("2026-03-05", "2026-03-01", "B"),
            says("2026-04-05", "2026-04-01", "C"),
            says("2026-05-05", "2026-02-01", "D"),
        ],
        [lasts("A", "2026-01-01", "2026-02-01"), lasts("D", "2026-02-01", None)],
    ),
    "an earlier start than the first replaces everything": (
        [says("2026-01-02", "2026-01-01"), says("2026-05-05", "2025-12-01", "B")],
        [lasts("B", "2025-12-01", None)],
    ),
    "the same again with a later start corrects the start": (
        [says("2026-01-02", "2026-01-01"), says("2026-02-05", "2026-02-01")],
        [lasts("A", "2026-02-01", None)],
    ),
    "the same again with an earlier start corrects the start": (
        [says("2026-01-02", "2026-01-01"), says("2026-02-05", "2025-12-01")],
        [lasts("A", "2025-12-01", None)],
    ),
    "what a correction of the start took back does not return when that is replaced in turn": (
        [
            says("2026-01-02", "2026-01-01"),
            says("2026-03-05", "2026-03-01"),
            says("2026-04-05", "2026-02-01", holder="son"),
        ],
        [lasts("A", "2026-02-01", None, holder="son")],
    ),
    "what a correction took back over what it replaced does not return either": (
        [
            says("2026-01-02", "2026-01-01"),
            says("2026-02-05", "2026-02-01", "B"),
            says("2026-03-05", "2026-01-20"),
            says("2026-04-05", "2026-01-10", "C"),
        ],
        [lasts("C", "2026-01-10", None)],
    ),
    "without a phone from the first the same again with a later start corrects the start": (
        [says("2026-01-02", "2026-01-01", None), says("2026-02-05", "2026-02-01", None)],
        [lasts(None, "2026-02-01", None)],
    ),
    "a change whose start is corrected ends what was before at the corrected start": (
        [
            says("2026-01-02", "2026-01-01"),
            says("2026-02-05", "2026-02-01", "B"),
            says("2026-03-05", "2026-03-01", "B"),
        ],
        [lasts("A", "2026-01-01", "2026-03-01"), lasts("B", "2026-03-01", None)],
    ),
    "a phone that comes back after another is a third stretch": (
        [
            says("2026-01-02", "2026-01-01"),
            says("2026-02-05", "2026-02-01", "B"),
            says("2026-03-05", "2026-03-01", "A"),
        ],
        [
            lasts("A", "2026-01-01", "2026-02-01"),
            lasts("B", "2026-02-01", "2026-03-01"),
            lasts("A", "2026-03-01", None),
        ],
    ),
    "the later recorded is newer though it was delivered first": (
        [
            says("2026-02-05", "2026-01-01", "new", sequence=1),
            says("2026-01-02", "2026-01-01", "old", sequence=2),
        ],
        [lasts("new", "2026-01-01", None)],
    ),
    "of the same recorded moment the higher sequence is newer": (
        [
            says("2026-01-02", "2026-01-01", "new", sequence=2, line=1),
            says("2026-01-02", "2026-01-01", "old", sequence=1, line=9),
        ],
        [lasts("new", "2026-01-01", None)],
    ),
    "of the same line of order the later line is newer": (
        [says("2026-01-02", "2026-01-01", "new", line=7), says("2026-01-02", "2026-01-01", "old", line=3)],
        [lasts("new", "2026-01-01", None)],
    ),
}


@pytest.fixture(scope="module")
def stretches() -> dict[str, list[Stretch]]:
    """The stretches of every record, and once more of every record with its versions delivered in the opposite order."""
    straight = [
        {"line": line, **version, "record_id": name}
        for name, (versions, _) in CASES.items()
        for line, version in enumerate(versions, start=1)
    ]
    turned = [{**version, "record_id": f"turned: {version['record_id']}"} for version in reversed(straight)]
    cut = cut_versions(
        build(DDL, straight + turned),
        start=pl.col("start"),
        identity=["phone", "holder"],
        sim=["sim"],
        phone="phone",
        end=pl.col("end"),
    )
    found: dict[str, list[Stretch]] = {}
    for row in sorted(read(cut), key=lambda row: row["seg_from"]):
        stretch = (row["phone"], row["holder"], row["sim"], row["seg_from"], row["seg_to"])
        found.setdefault(row["record_id"], []).append(stretch)
    return found


@pytest.mark.parametrize("name", CASES)
def test_versions(stretches: dict[str, list[Stretch]], name: str) -> None:
    assert stretches[name] == CASES[name][1]


def test_the_order_of_the_rows_says_nothing(stretches: dict[str, list[Stretch]]) -> None:
    assert {name: stretches[f"turned: {name}"] for name in CASES} == {name: stretches[name] for name in CASES}
