"""Airflow's settings stand before it is imported: a home that goes away again, our DAGs and no others."""

import atexit
import os
import secrets
import shutil
import tempfile

from jobs.core.settings import ROOT

HOME = tempfile.mkdtemp(prefix="antifraud-airflow-")
atexit.register(shutil.rmtree, HOME, ignore_errors=True)
os.environ |= {
    "AIRFLOW_HOME": HOME,
    "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "AIRFLOW__CORE__UNIT_TEST_MODE": "False",
    "AIRFLOW__API__HOST": "127.0.0.1",
    "AIRFLOW__API__PORT": "18080",
    "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": "http://127.0.0.1:18080/execution/",
    "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_hex(64),
}
