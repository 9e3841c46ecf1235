"""Nights over a small lake, with real stages that write one small table: one commit point, whatever happens before it."""

import stat
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from pyspark.sql import functions as F

from jobs.core.errors import UserError
from jobs.core.lake import Lake
from jobs.core.night import Night, Stage, StageReport
from jobs.core.runner import World, read_key, run_nights, run_stage
from jobs.core.schema import load_tables
from jobs.core.settings import Settings
from tests.core.world import write_schemas

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

T = "graph.tiny"
MONDAY, TUESDAY = date(2026, 11, 23), date(2026, 11, 24)


class Rules(NamedTuple):
    id: str = "small"
    version: str = "1.0.0"


class Broken(Exception):
    """What a stage dies of."""


@dataclass
class House:
    """A lake, and two stages: one adds a row for the night, one doubles what there is. `breaks` names where a run dies."""

    spark: "SparkSession"
    folder: Path
    breaks: str = ""
    said: list[str] = field(default_factory=list)
    published: list[dict[str, int]] = field(default_factory=list)
    seen_at_publish: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        write_schemas(self.folder)
        (self.folder / "landing").mkdir()

    @property
    def settings(self) -> Settings:
        at = {name: str(self.folder / name) for name in ("landing", "lake", "releases", "schemas")}
        return Settings(**at, key_file=str(self.folder / "secrets" / "node-id.key"))

    @property
    def world(self) -> World:
        stages = (
            Stage("add", "adds a row", (), (T,), self._add),
            Stage("double", "doubles each number", (T,), (T,), self._double),
        )
        return World(lambda *_: Rules(), lambda _: {}, lambda: stages, self._publish)

    def _add(self, night: Night) -> StageReport:
        row = night.spark.createDataFrame([(night.on.day, "x", night.on)], night.lake.schema(T).struct)
        night.lake.append(T, row.coalesce(1))
        self._die_at("add")
        return StageReport(rows_out=1, notes=[f"added {night.on.day}"])

    def _double(self, night: Night) -> StageReport:
        rows = night.lake.read(T)
        night.lake.replace(T, rows.withColumn("id", F.col("id") * 2).coalesce(1))
        self._die_at("double")
        night.scratch["releases"] = {"bank": night.on.day}
        return StageReport(rows_in=rows.count())

    def _publish(self, settings: Settings, releases: dict[str, int]) -> None:
        self.seen_at_publish.append(len(self.rows("ops.nights")))
        self._die_at("publish")
        self.published.append(releases)

    def _die_at(self, place: str) -> None:
        if self.breaks == place:
            raise Broken(place)

    def nights(self, *dates: date) -> list[bool]:
        """Runs them; whether each was new."""
        return [result.is_new for result in run_nights(self.settings, dates, self.world, self.said.append, self.spark)]

    def stage(self, name: str, on: date) -> StageReport:
        return run_stage(self.settings, name, on, self.world, self.said.append, self.spark)

    def rows(self, name: str) -> list[dict[str, object]]:
        """All rows of an unpinned table."""
        tables = load_tables(self.folder / "schemas", {})
        return [row.asDict() for row in Lake(self.spark, self.settings.lake, tables).read(name).collect()]

    def committed(self) -> dict[date, list[int]]:
        """For each committed night the numbers that it pins."""
        tables = load_tables(self.folder / "schemas", {})
        found = {}
        for night in self.rows("ops.nights"):
            pinned = Lake(self.spark, self.settings.lake, tables, dict(night["pins"]))  # type: ignore[call-overload]
            found[night["night_on"]] = sorted(row["id"] for row in pinned.read(T).collect())
        return found  # type: ignore[return-value]

    def commits(self) -> dict[str, int]:
        """How many versions each table has."""
        logs = sorted(Path(self.settings.lake).glob("*/*/_delta_log"))
        return {str(log.parent.relative_to(self.settings.lake)): len(list(log.glob("*.json"))) for log in logs}


@pytest.fixture
def house(spark: "SparkSession", tmp_path: Path) -> House:
    return House(spark, tmp_path)


def test_a_night_is_committed_once_and_neither_run_again_nor_an_earlier_one_changes_anything(house: House) -> None:
    assert house.nights(MONDAY, TUESDAY) == [True, True]
    assert house.committed() == {MONDAY: [46], TUESDAY: [48, 92]}
    assert house.published == [{"bank": 23}, {"bank": 24}]
    before, key = house.commits(), read_key(house.settings)
    assert house.nights(TUESDAY) == [False]
    assert house.said[-1] == "night 2026-11-24: already complete; nothing was changed"
    assert house.published[2:] == [{"bank": 24}]  # made visible again, in case that was cut short
    assert house.nights(MONDAY, TUESDAY) == [False, False]  # what `make run` asks for a second time
    house.stage("add", MONDAY)
    assert house.said[-1] == "night 2026-11-23: already complete; nothing was changed"
    sunday = MONDAY - timedelta(days=1)  # was never run, and comes too late now
    for attempt in (lambda: house.nights(sunday), lambda: house.stage("add", sunday)):
        with pytest.raises(UserError, match=r"^night 2026-11-22 can't be run: night 2026-11-24 is already committed"):
            attempt()
    assert house.commits() == before
    assert read_key(house.settings) == key


def test_a_stage_that_dies_leaves_the_last_night_and_the_next_run_ends_as_if_it_had_not(house: House) -> None:
    house.nights(MONDAY)
    (night,) = house.rows("ops.nights")
    assert (night["policy_version"], night["notes"], night["pins"]) == ("small 1.0.0", ["added 23"], {T: 1})
    house.breaks = "double"
    with pytest.raises(Broken):
        house.nights(TUESDAY)
    assert house.committed() == {MONDAY: [46]}
    assert house.published == [{"bank": 23}] * 2
    house.breaks = ""
    assert house.nights(TUESDAY) == [True]
    assert house.committed() == {MONDAY: [46], TUESDAY: [48, 92]}
    runs = sorted(house.rows("ops.runs"), key=lambda run: str(run["started_at"]))
    assert [(run["stage"], run["status"], run["rows_in"]) for run in runs] == [
        ("add", "done", 0), ("double", "done", 1),
        ("add", "done", 0), ("double", "failed", 0),
        ("add", "done", 0), ("double", "done", 2),
    ]  # fmt: skip


def test_nothing_is_visible_before_the_row_of_the_night_and_releases_only_after_it(house: House) -> None:
    house.breaks = "double"
    with pytest.raises(Broken):
        house.nights(MONDAY)
    assert (house.committed(), house.seen_at_publish) == ({}, [])
    house.breaks = "publish"
    with pytest.raises(Broken):
        house.nights(MONDAY)
    assert house.seen_at_publish == [1]  # the row was there already
    assert (house.committed(), house.published) == ({MONDAY: [46]}, [])
    house.breaks = ""
    assert house.nights(MONDAY) == [False]
    assert house.published == [{"bank": 23}]


def test_stages_one_by_one_are_held_to_their_order_and_end_as_a_whole_night_does(house: House) -> None:
    refused = r"^stage '{}' of night 2026-11-23 can't be run: stage '{}' has not been run before it; run it first$"
    with pytest.raises(UserError, match=refused.format("double", "add")):
        house.stage("double", MONDAY)
    with pytest.raises(UserError, match=r"^'dubble' is not a stage; stages are add, double, commit$"):
        house.stage("dubble", MONDAY)
    house.stage("add", MONDAY)
    house.breaks = "double"
    with pytest.raises(Broken):
        house.stage("double", MONDAY)
    with pytest.raises(UserError, match=refused.format("commit", "double")):  # one that died was not run
        house.stage("commit", MONDAY)
    house.breaks = ""
    house.stage("double", MONDAY)
    house.stage("add", MONDAY)
    with pytest.raises(UserError, match=refused.format("commit", "double")):  # it was run before the newest `add`
        house.stage("commit", MONDAY)
    house.stage("double", MONDAY)
    assert (house.rows("ops.nights"), house.published) == ([], [])
    assert house.stage("commit", MONDAY).notes == ["added 23"]
    assert (house.committed(), house.published) == ({MONDAY: [46]}, [{"bank": 23}])
    before = house.commits()
    assert house.stage("add", MONDAY) == house.stage("commit", MONDAY) == StageReport()
    assert house.commits() == before


@pytest.mark.parametrize(("on", "day"), [(MONDAY, 23), (date(2026, 12, 31), 31)], ids=["monday", "new-year"])
def test_tonight_ends_at_midnight_in_shanghai(on: date, day: int) -> None:
    nothing: Any = None
    night = Night(nothing, nothing, Settings(), on, {}, {}, Rules(), {}, b"")
    assert night.instant == datetime(on.year, on.month, day, 16, tzinfo=UTC)


def settings_of(folder: Path, key: str = "secrets/node-id.key") -> Settings:
    return Settings(lake=str(folder / "lake"), key_file=str(folder / key))


def test_the_key_is_made_once_for_its_owner_only(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    key = read_key(settings)
    assert len(key) == 32
    assert stat.S_IMODE(Path(settings.key_file).stat().st_mode) == 0o600
    assert read_key(settings) == key
    assert read_key(settings_of(tmp_path, "other.key")) != key


def test_the_key_is_never_in_the_lake_not_even_by_another_way_there(tmp_path: Path) -> None:
    (tmp_path / "lake").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "lake")
    for place in ("lake/node-id.key", "lake/a/node-id.key", "x/../lake/node-id.key", "link/node-id.key"):
        with pytest.raises(UserError, match=r"the key must not lie in the lake; set 'key_file' to a place outside"):
            read_key(settings_of(tmp_path, place))
    assert list((tmp_path / "lake").iterdir()) == []


def test_a_lake_whose_key_is_gone_gets_no_new_one(tmp_path: Path) -> None:
    (tmp_path / "lake" / "ops").mkdir(parents=True)
    with pytest.raises(UserError, match=r"the key of this lake's ids is not there; put it back from your backup"):
        read_key(settings_of(tmp_path))
    assert not (tmp_path / "secrets").exists()


def test_a_key_that_is_no_key_is_refused_without_being_shown(tmp_path: Path) -> None:
    (tmp_path / "short.key").write_bytes(b"not-thirty-two-bytes")
    with pytest.raises(UserError) as caught:
        read_key(settings_of(tmp_path, "short.key"))
    assert str(caught.value) == f"{tmp_path}/short.key: the key must be 32 bytes, it has 20"
    (tmp_path / "folder.key").mkdir()
    with pytest.raises(UserError, match=r"folder.key: the key can't be read: Is a directory$"):
        read_key(settings_of(tmp_path, "folder.key"))


def test_a_landing_folder_that_is_not_there_stops_the_night_before_anything_is_made(house: House) -> None:
    (house.folder / "landing").rmdir()
    with pytest.raises(UserError, match=r"landing: the landing folder is not there; give --landing"):
        house.nights(MONDAY)
    assert not Path(house.settings.lake).exists()
    assert not Path(house.settings.key_file).exists()
