"""Which versions stand: literal rows, and the same answer whatever the order."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import polars as pl
import pytest

from jobs.core.frames import schema_of
from jobs.silver.standing import (
    Snapshot,
    current,
    newest_snapshots,
    present_records,
    standing_freeing,
    standing_versions,
)
from tests.frames import build

START = datetime(2026, 10, 1, tzinfo=UTC)
DDL = (
    "record_id string, op string, recorded_at timestamp, sequence bigint, delivery_id string, file string, "
    "line bigint, frees_only boolean, says string"
)


class Version(NamedTuple):
    record_id: str
    op: str
    recorded_at: datetime
    sequence: int
    delivery_id: str
    file: str
    line: int
    frees_only: bool
    says: str


def version(
    record: str,
    day: int,
    says: str = "",
    *,
    op: str = "upsert",
    sequence: int = 1,
    line: int = 1,
    frees: bool = False,
) -> Version:
    return Version(
        record,
        op,
        START + timedelta(days=day),
        sequence,
        f"d{sequence}",
        "part-1",
        line,
        frees,
        says or f"{record}{day}",
    )


VERSIONS = [
    version("newest-wins", 1, "old"),
    version("newest-wins", 3, "new", sequence=2),
    version("newest-wins", 2, "late", sequence=9),
    version("same-time", 1, "first", sequence=1),
    version("same-time", 1, "second", sequence=2),
    version("withdrawn", 1),
    version("withdrawn", 2, op="withdraw"),
    version("withdraw-first", 5, op="withdraw", sequence=1),
    version("withdraw-first", 4, "erased", sequence=2),
    version("back-again", 1, "erased"),
    version("back-again", 2, op="withdraw"),
    version("back-again", 3, "back", sequence=7),
    version("freeing", 1, "accused"),
    version("freeing", 2, "freed", frees=True, sequence=2),
    version("freeing-superseded", 1, "freed", frees=True),
    version("freeing-superseded", 2, "accused again", sequence=2),
    version("freeing-withdrawn", 1, "freed", frees=True),
    version("freeing-withdrawn", 2, op="withdraw", sequence=2),
    version("repeated", 1, "once", line=1),
    version("repeated", 1, "once", line=2),
]
# Made on day 4 as number 3: it holds `kept` and (broken) `broken`.
SNAPSHOT = Snapshot(3, START + timedelta(days=4))
AGAINST = [
    version("kept", 1, "history"),
    version("kept", 2, "held", sequence=3),
    version("broken", 1, "held"),
    version("absent", 1, "gone"),
    version("absent", 2, "gone too", sequence=2),
    version("recorded-later", 5, "after", sequence=2),
    version("recorded-later", 1, "gone", sequence=1),
    version("delivered-later", 1, "after", sequence=4),
    version("freeing-absent", 1, "gone", frees=True),
    version("freeing-later", 1, "after", frees=True, sequence=4),
]


def frame(versions: list[Version]) -> pl.DataFrame:
    return build(DDL, [one._asdict() for one in versions])


def said(rows: pl.DataFrame) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for row in sorted(rows.to_dicts(), key=lambda row: (row["recorded_at"], row["sequence"], row["line"])):
        found.setdefault(row["record_id"], []).append(row["says"])
    return found


def test_upserts_stand_unless_a_withdrawal_is_not_older() -> None:
    standing = standing_versions(frame(VERSIONS), None, None)
    assert standing.columns == [*Version._fields, "is_newest"]
    assert said(standing) == {
        "newest-wins": ["old", "late", "new"],
        "same-time": ["first", "second"],
        "back-again": ["back"],
        "freeing": ["accused"],
        "freeing-superseded": ["accused again"],
        "repeated": ["once", "once"],
    }
    newest = {
        "newest-wins": ["new"],
        "same-time": ["second"],
        "back-again": ["back"],
        "freeing": ["accused"],
        "freeing-superseded": ["accused again"],
        "repeated": ["once"],
    }
    assert said(standing.filter("is_newest")) == newest
    assert said(current(standing)) == newest


def test_a_freeing_statement_stands_until_its_record_says_something_newer() -> None:
    standing = standing_freeing(frame(VERSIONS), None, None)
    assert standing.columns == list(Version._fields)
    assert said(standing) == {"freeing": ["freed"]}


def test_the_newest_snapshot_withdraws_what_it_does_not_hold_and_is_no_newer_than_it() -> None:
    versions = frame(AGAINST)
    quarantined = pl.DataFrame(
        [("broken", 3), ("absent", 2), (None, 3)], schema=["record_id", "sequence"], orient="row"
    )
    present = present_records(SNAPSHOT, versions, quarantined)
    assert sorted(present["record_id"]) == ["broken", "kept"]
    assert said(standing_versions(versions, SNAPSHOT, present)) == {
        "kept": ["history", "held"],
        "broken": ["held"],
        "recorded-later": ["after"],
        "delivered-later": ["after"],
    }
    assert said(standing_freeing(versions, SNAPSHOT, present)) == {"freeing-later": ["after"]}


def test_a_snapshot_without_the_records_that_it_holds_decides_nothing() -> None:
    with pytest.raises(ValueError, match="give them as `present`"):
        standing_versions(frame(AGAINST), SNAPSHOT, None)


def test_only_the_newest_snapshot_that_was_taken_decides() -> None:
    rows = [
        ("telecom", "subscriptions", "d1", 1, "snapshot", "taken", START),
        ("telecom", "subscriptions", "d3", 3, "snapshot", "taken", START + timedelta(days=4)),
        ("telecom", "subscriptions", "d2", 2, "snapshot", "taken", START + timedelta(days=9)),
        ("telecom", "subscriptions", "d4", 4, "delta", "taken", START),
        ("telecom", "subscriptions", "d5", 5, "snapshot", "refused", START),
        ("finance", "accounts", "d1", 1, "delta", "taken", START),
    ]
    ddl = "agency string, feed string, delivery_id string, sequence bigint, mode string, status string"
    ddl += ", produced_at timestamp"
    assert newest_snapshots(pl.DataFrame(rows, schema=schema_of(ddl), orient="row")) == {
        "telecom/subscriptions": SNAPSHOT
    }


def stands(versions: list[Version], present: set[str]) -> set[tuple[Version, bool]]:
    """The rule once more, in Python, one version at a time."""

    def order(one: Version) -> tuple[Any, ...]:
        return one[2:7]

    good = [one for one in versions if not one.frees_only]
    found = []
    for one in good:
        erased = any(o.record_id == one.record_id and o.op == "withdraw" and order(o) >= order(one) for o in good)
        held = one.record_id in present or one.recorded_at > SNAPSHOT.produced_at or one.sequence > SNAPSHOT.sequence
        if one.op == "upsert" and not erased and held:
            found.append(one)
    return {(one, all(order(o) <= order(one) for o in found if o.record_id == one.record_id)) for one in found}


def test_the_answer_depends_on_the_set_of_versions_alone() -> None:
    """Forty random worlds in one frame, told apart by record_id, in two orders; against the rule in
    Python.
    """
    rng = random.Random(20261001)
    worlds: list[tuple[list[Version], set[str]]] = []
    for world in range(40):
        versions = [
            version(
                f"w{world}-{rng.randrange(3)}",
                rng.randrange(8),
                op=rng.choice(["upsert", "upsert", "withdraw"]),
                sequence=rng.randrange(1, 6),
                line=line,
                frees=rng.random() < 0.1,
            )
            for line in range(rng.randrange(1, 12))
        ]
        worlds.append((versions, {f"w{world}-{n}" for n in range(3) if rng.random() < 0.5}))
    every = [one for versions, _ in worlds for one in versions]
    present = pl.DataFrame({"record_id": [record for _, records in worlds for record in records]})
    expected = {(tuple(one), newest) for versions, records in worlds for one, newest in stands(versions, records)}
    shuffled = rng.sample(every, len(every))
    for rows in (every, shuffled):
        standing = standing_versions(frame(rows), SNAPSHOT, present)
        assert {(row[:-1], row[-1]) for row in standing.rows()} == expected
    assert len(expected) > 50
