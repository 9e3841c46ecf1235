"""The one Spark session of a process, with the settings that were measured (docs/decisions/0003)."""

from __future__ import annotations

import logging
import os
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from jobs.core.errors import UserError
from jobs.core.settings import ROOT, Settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_CONF = {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    # One answer everywhere and strict arithmetic.
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.ansi.enabled": "true",
    "spark.sql.files.ignoreCorruptFiles": "false",
    "spark.sql.files.ignoreMissingFiles": "false",
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",  # INT96 is read by other engines as nanoseconds and overflows
    # Small inputs: few tasks, no 50 tasks per Delta snapshot.
    "spark.databricks.delta.snapshotPartitions": "1",
    "spark.sql.sources.parallelPartitionDiscovery.parallelism": "4",
    # Adaptive execution plans, and describes, every query again after each of its stages: on small tables that costs more than it
    # saves (docs/decisions/0003). A cluster turns it on in antifraud.toml.
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.adaptive.coalescePartitions.parallelismFirst": "false",
    "spark.sql.autoBroadcastJoinThreshold": "64m",
    "spark.sql.adaptive.autoBroadcastJoinThreshold": "64m",
    "spark.sql.files.openCostInBytes": "1m",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
    "spark.sql.execution.arrow.maxRecordsPerBatch": "50000",
    # Rows from this process above this size are worked on by tasks; below, the optimizer works them out itself, on one thread and uncompiled.
    "spark.sql.execution.arrow.localRelationThreshold": "256k",
    "spark.driver.maxResultSize": "2g",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.eventLog.enabled": "false",
    # Personal values: none in Delta statistics by default, no deletion vectors, nothing readable in printed plans.
    "spark.databricks.delta.properties.defaults.enableDeletionVectors": "false",
    "spark.databricks.delta.properties.defaults.dataSkippingNumIndexedCols": "0",
    "spark.databricks.delta.schema.autoMerge.enabled": "false",
    "spark.databricks.delta.writeChecksumFile.enabled": "false",
    "spark.databricks.delta.retentionDurationCheck.enabled": "true",
    # Where in the user's code each column expression was made: py4j calls that nobody reads.
    "spark.python.sql.dataFrameDebugging.enabled": "false",
    "spark.sql.debug.maxToStringFields": "8",
    # A plan's text is made anew at every adaptive step, listener or not: of a deep plan that takes longer than its jobs.
    "spark.sql.maxPlanStringLength": "500",
}

PROCESS_ROWS = 10_000_000
"""Up to so many rows of a feed are worked on in this process where the settings leave the choice: Spark's tasks cost more than they do, and they are
held a part at a time (docs/decisions/0010)."""


def takes_spark(settings: Settings, rows: int) -> bool:
    """Whether so many rows of a feed are work for Spark's tasks."""
    return settings.engine == "spark" or (settings.engine == "auto" and rows > PROCESS_ROWS)


class LazySpark:
    """The one Spark session of a process, started when a stage first needs it: most nights start none."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._guard = threading.Lock()
        self._session: SparkSession | None = None

    def __call__(self) -> SparkSession:
        with self._guard:
            if self._session is None:
                self._session = get_spark(self._settings)
            return self._session


def get_spark(settings: Settings) -> SparkSession:
    """The session, made at the first call. Raises UserError when the JARs or Java are missing."""
    from pyspark.logger import PySparkLogger
    from pyspark.sql import SparkSession

    for name in ("DataFrameQueryContextLogger", "SQLQueryContextLogger"):
        PySparkLogger.getLogger(name).disabled = True  # they print the value that a cast failed on
    logging.getLogger("py4j").setLevel(
        logging.WARNING
    )  # else each closing connection is told, at exit to a log that is closed
    os.environ["PYSPARK_PYTHON"] = os.environ["PYSPARK_DRIVER_PYTHON"] = sys.executable
    jars = sorted(Path(settings.jars).glob("*.jar"))
    if not jars and "spark.jars" not in settings.spark:
        raise UserError(f"{settings.jars}: Delta's JARs are not there; run 'make setup' in the checkout to fetch them")
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    # Generated methods are often longer than the JIT would compile by default.
    java = [
        "-XX:+UseParallelGC",
        "-XX:-DontCompileHugeMethods",
        "-XX:ReservedCodeCacheSize=384m",
        "-Duser.timezone=UTC",
    ]
    log4j = ROOT / "conf" / "log4j2.properties"
    if log4j.exists():
        java.append(f"-Dlog4j2.configurationFile={log4j.as_uri()}")
    builder = SparkSession.builder.appName("antifraud").master(settings.master)
    conf = {
        **_CONF,
        "spark.jars": ",".join(str(jar.resolve()) for jar in jars),
        "spark.driver.memory": settings.driver_memory,
        "spark.driver.extraJavaOptions": " ".join(java),
        "spark.sql.shuffle.partitions": str(settings.shuffle_partitions),
        "spark.default.parallelism": str(settings.shuffle_partitions),
        **settings.spark,
    }
    for name, value in conf.items():
        builder = builder.config(name, value)
    try:
        return builder.getOrCreate()
    except (OSError, RuntimeError) as error:
        raise UserError(
            f"Spark did not start ({error.__class__.__name__}); it needs Java 17 or 21 with all its modules: install a JDK "
            "such as Temurin and point JAVA_HOME at it"
        ) from None
