"""A committed night without Spark: tables at the versions that it pinned, and a sentence for what can't be read."""

from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest
from deltalake import write_deltalake

from jobs.core.errors import UserError
from jobs.core.reading import PinnedLake
from jobs.core.schema import TableColumn, TableSchema

TABLES = {
    "graph.tiny": TableSchema(
        id="graph.tiny",
        description="One row is a thing.",
        columns=(
            TableColumn(name="id", type="BIGINT", description="Id"),
            TableColumn(name="seen_at", type="TIMESTAMP", description="When"),
        ),
    )
}
NIGHTS = pa.schema(
    [
        ("night_on", pa.date32()),
        ("pins", pa.map_(pa.string(), pa.int64())),
        ("policy_version", pa.string()),
        ("notes", pa.list_(pa.string())),
        ("committed_at", pa.timestamp("us", "UTC")),
    ]
)


def write(root: Path, *ids: int) -> None:
    """Put these rows in place of the table's: one more version."""
    moments = pa.array([datetime(2026, 1, 1, tzinfo=UTC)] * len(ids), pa.timestamp("us", "UTC"))
    write_deltalake(root / "graph" / "tiny", pa.table({"id": pa.array(ids, pa.int64()), "seen_at": moments}), mode="overwrite")  # fmt: skip


def commit(root: Path, on: str, pins: dict[str, int], *, hour: int = 0, note: str = "fine") -> None:
    row = {
        "night_on": date.fromisoformat(on), "pins": list(pins.items()), "policy_version": "default 1", "notes": [note],
        "committed_at": datetime(2026, 12, 1, hour, tzinfo=UTC),
    }  # fmt: skip
    write_deltalake(root / "ops" / "nights", pa.Table.from_pylist([row], NIGHTS), mode="append")


def ids(lake: PinnedLake) -> list[int]:
    return sorted(lake.frame("graph.tiny")["id"])


@pytest.fixture
def two_nights(tmp_path: Path) -> Path:
    """Nights of 1 and 3 October, and a version that no night pinned."""
    write(tmp_path, 1)
    commit(tmp_path, "2026-10-01", {"graph.tiny": 0})
    write(tmp_path, 1, 2)
    commit(tmp_path, "2026-10-03", {"graph.tiny": 1}, note="late: a feed")
    write(tmp_path, 1, 2, 3)
    return tmp_path


def test_the_newest_night_is_read_at_its_pins_and_not_what_was_written_after_it(two_nights: Path) -> None:
    lake = PinnedLake(str(two_nights), TABLES)
    assert (lake.on, lake.notes, lake.policy_version) == (date(2026, 10, 3), ["late: a feed"], "default 1")
    assert ids(lake) == [1, 2]


def test_an_earlier_night_is_read_as_it_was(two_nights: Path) -> None:
    assert ids(PinnedLake(str(two_nights), TABLES, date(2026, 10, 1))) == [1]


def test_tonight_ends_with_the_business_day_in_shanghai(two_nights: Path) -> None:
    assert PinnedLake(str(two_nights), TABLES).instant == datetime(2026, 10, 3, 16, tzinfo=UTC)


def test_a_table_that_the_night_never_saw_is_empty_and_typed(tmp_path: Path) -> None:
    commit(tmp_path, "2026-10-01", {})
    lake = PinnedLake(str(tmp_path), TABLES)
    assert not lake.has("graph.tiny")
    frame = lake.frame("graph.tiny", ["seen_at"])
    assert (frame.height, dict(frame.schema)) == (0, {"seen_at": pl.Datetime("us", "UTC")})


@pytest.mark.parametrize(
    ("on", "sentence"),
    [
        (None, "no night is committed there; run 'antifraud night' first, or give --lake"),
        (date(2026, 10, 2), "no night is committed there; run 'antifraud night' first, or give --lake"),
    ],
)
def test_a_lake_without_a_night_is_refused(tmp_path: Path, on: date | None, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        PinnedLake(str(tmp_path), TABLES, on)


def test_a_night_that_is_not_committed_is_refused_with_the_newest_that_is(two_nights: Path) -> None:
    with pytest.raises(UserError, match="night 2026-10-02 is not committed there; the newest is 2026-10-03"):
        PinnedLake(str(two_nights), TABLES, date(2026, 10, 2))


def test_a_pinned_version_that_is_gone_is_a_sentence(two_nights: Path) -> None:
    commit(two_nights, "2026-10-04", {"graph.tiny": 9})
    with pytest.raises(UserError, match="can't be read at version 9, which the night pinned"):
        PinnedLake(str(two_nights), TABLES).frame("graph.tiny")
