"""Intake and bronze over a lake: what was delivered is in the tables, once, whatever night brought it."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from deltalake import DeltaTable
from pyspark.sql import functions as F

from jobs.bronze import job as bronze
from jobs.core.contracts import load_codes
from jobs.core.lake import Lake
from jobs.core.night import Night, StageReport
from jobs.core.schema import load_tables
from jobs.core.settings import ROOT, Settings
from jobs.intake import job as intake
from tests.intake.world import (
    ABNORMAL,
    ACCOUNTS,
    CASES,
    CONTRACTS,
    DAY,
    SUBSCRIPTIONS,
    World,
    data_file,
    records,
)

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

NEXT = DAY.replace(day=23)


BRONZE = "bronze.telecom__abnormal_numbers"


def no_spark() -> Any:
    raise AssertionError("this process needs no Spark")


class Nights:
    """Nights over one lake and one landing area."""

    def __init__(
        self, spark: Any, world: World, lake: Path, engine: str = "auto", pins: dict[str, int] | None = None
    ) -> None:
        self.spark = spark
        self.settings = Settings(landing=str(world.landing), lake=str(lake), engine=engine)
        self.lake = Lake(spark, self.settings.lake, load_tables(ROOT / "schemas", CONTRACTS), pins)

    def run(self, on: date) -> tuple[StageReport, StageReport]:
        night = Night(
            spark=self.spark,
            lake=self.lake,
            settings=self.settings,
            on=on,
            contracts=CONTRACTS,
            codes=load_codes(ROOT / "schemas"),
            policy=None,
            recipients=None,
            key=bytes(32),
        )
        return intake.run(night), bronze.run(night)

    def rows(self, table: str, *names: str) -> list[tuple[Any, ...]]:
        return sorted(tuple(row) for row in self.lake.read(table).select(*names).collect())


def test_every_format_ends_in_bronze_with_its_place_and_only_once(spark: "SparkSession", tmp_path: Path) -> None:
    world = World(tmp_path)
    world.deliver(SUBSCRIPTIONS, records(SUBSCRIPTIONS, 3, remark="new"), records(SUBSCRIPTIONS, 2), sequence=4)
    world.deliver(ACCOUNTS, records(ACCOUNTS, 2, bound_phone=""), mode="snapshot")
    world.deliver(
        CASES,
        records(CASES, 2, involved=None)
        .drop_columns(["involved"])
        .append_column("involved", pa.array([[{"role": "号"}]] * 2)),
    )
    data_file(world.deliver(ABNORMAL, sequence=9)).unlink()
    (world.deliver(ABNORMAL, sequence=10) / "manifest.json").unlink()
    nights = Nights(spark, world, tmp_path / "lake")

    taken, appended = nights.run(DAY)

    assert (taken.rows_out, appended.rows_out) == (9, 9)
    assert taken.notes == [
        "refused (file_missing): telecom/abnormal_numbers/2026-11-22/d-9: file part-0001.csv is not there",
        "warning: telecom/subscriptions/2026-11-22/d-4: unknown column: remark",
        "not there yet (no manifest.json): 1: telecom/abnormal_numbers/2026-11-22/d-10",
    ]
    answers = nights.rows("ops.deliveries", "feed", "delivery_id", "status", "reason", "rows_in")
    assert answers == [
        ("abnormal_numbers", "d-9", "refused", "file_missing", None),
        ("accounts", "d-1", "taken", None, 2),
        ("case_reports", "d-1", "taken", None, 2),
        ("subscriptions", "d-4", "taken", None, 5),
    ]
    where = (
        "delivery_id",
        "sequence",
        "file",
        "line",
        "mode",
        "business_date",
        "night_on",
        "msisdn",
        "unknown",
    )
    assert nights.rows("bronze.telecom__subscriptions", *where) == [
        ("d-4", 4, "part-0001.csv.gz", line, "delta", DAY, DAY, f"msisdn-{line - 1}", {"remark": "new"})
        for line in (1, 2, 3)
    ] + [("d-4", 4, "part-0002.csv.gz", line, "delta", DAY, DAY, f"msisdn-{line - 1}", None) for line in (1, 2)]
    moment = F.unix_timestamp("produced_at").alias("produced_at")
    (first, _) = (
        nights.lake.read("bronze.finance__accounts")
        .select("mode", moment, "bound_phone", "account_no")
        .orderBy("line")
        .collect()
    )
    assert first["produced_at"] == datetime(2026, 11, 22, 10, tzinfo=UTC).timestamp()
    assert (first["mode"], first["bound_phone"], first["account_no"]) == ("snapshot", None, "account_no-0")
    assert (
        nights.rows("bronze.public_security__case_reports", "involved", "undecodable")
        == [('[{"role":"号"}]', None)] * 2
    )

    before = nights.lake.versions
    assert [report.rows_out for report in nights.run(NEXT)] == [0, 0]
    assert nights.lake.versions == before


def test_bronze_depends_only_on_the_set_of_deliveries_and_not_on_who_reads_them(
    spark: "SparkSession", tmp_path: Path
) -> None:
    """Both in one night, read in this process; then one by one in the other order, read by Spark."""
    together, apart = World(tmp_path / "together"), World(tmp_path / "apart")
    one = Nights(spark, together, tmp_path / "together" / "lake")
    two = Nights(spark, apart, tmp_path / "apart" / "lake", "spark")
    for number in (1, 2):
        together.deliver(ABNORMAL, records(ABNORMAL, number), sequence=number)
    one.run(DAY)
    apart.deliver(ABNORMAL, records(ABNORMAL, 2), sequence=2)
    two.run(DAY)
    apart.deliver(ABNORMAL, records(ABNORMAL, 1), sequence=1)
    two.run(NEXT)
    names = [name for name in one.lake.schema("bronze.telecom__abnormal_numbers").names if name != "night_on"]
    both = [
        nights.rows(
            "bronze.telecom__abnormal_numbers",
            *[F.col(name).cast("string") for name in names if name != "unknown"],
        )
        for nights in (one, two)
    ]
    assert len(both[0]) == 3
    assert both[0] == both[1]


def test_deltas_log_names_each_delivery_and_a_ledger_that_forgot_one_doubles_nothing(tmp_path: Path) -> None:
    """And a night that died and is rolled back may bring it again, though the log has its name."""
    world = World(tmp_path)
    world.deliver(ABNORMAL, records(ABNORMAL, 2), sequence=7)
    nights = Nights(no_spark, world, tmp_path / "lake")
    nights.run(DAY)
    table, name = DeltaTable(nights.lake.path(BRONZE)), "telecom/abnormal_numbers#7"
    assert (table.transaction_version(name), nights.lake.names_in_log(BRONZE, [name, "other#1"])) == (
        table.version(),
        [name],
    )

    dead = Nights(
        no_spark, world, tmp_path / "lake"
    )  # nothing of the night before was pinned: it is rolled back, and taken anew
    assert [report.rows_out for report in dead.run(DAY)] == [2, 2]
    assert dead.lake.frame(BRONZE).height == 2

    pins = {BRONZE: dead.lake.versions[BRONZE]}
    forgetful = Nights(no_spark, world, tmp_path / "lake", pins=pins)
    with pytest.raises(
        RuntimeError, match=r"holds rows of delivery 7 already, which ops\.deliveries does not know as taken"
    ):
        forgetful.run(NEXT)
    assert DeltaTable(nights.lake.path(BRONZE), version=pins[BRONZE]).to_pyarrow_table().num_rows == 2
