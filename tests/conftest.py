"""What every test may ask for: one Spark session for all, and the shared material beside the checkout."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from jobs.core.settings import ROOT, Settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

SHARED = ROOT.parent / "shared"
MISSING = f"{SHARED} is missing: the specification, cases and public files must be beside the checkout"


def pytest_sessionstart(session: pytest.Session) -> None:
    """On a continuous-integration machine, stop at once instead of after the tests that can do without."""
    if os.environ.get("CI") and not SHARED.is_dir():
        pytest.exit(MISSING, returncode=1)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of shared material. A test that needs it fails without it; it is never skipped."""
    if not SHARED.is_dir():
        pytest.fail(MISSING)
    return SHARED


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator["SparkSession"]:
    """One session with Delta, since starting it is the dearest thing here; its warehouse is temporary."""
    from jobs.core.spark import get_spark

    scratch = tmp_path_factory.mktemp("spark")
    # Few rows: to interpret costs less than to generate code and compile it.
    conf = {"spark.sql.codegen.wholeStage": "false", "spark.sql.codegen.factoryMode": "NO_CODEGEN"}
    conf |= {"spark.sql.warehouse.dir": str(scratch / "warehouse"), "spark.local.dir": str(scratch / "local")}
    session = get_spark(Settings(spark=conf))
    yield session
    session.stop()
