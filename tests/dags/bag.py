"""Our DAGs as Airflow loads them."""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from jobs.core.settings import ROOT

if TYPE_CHECKING:
    from airflow.dag_processing.dagbag import BundleDagBag

DAGS = ROOT / "dags"


@cache
def load_bag() -> "BundleDagBag":
    """All of `dags/`, loaded once. Airflow is imported here, after tests/dags/conftest.py has set it up."""
    from airflow.dag_processing.dagbag import BundleDagBag

    return BundleDagBag(str(DAGS), bundle_path=Path(DAGS))
