"""When things run: `schedule.yml`, checked, and the business date of a run. No Airflow, no Spark."""

from __future__ import annotations

import os
from datetime import date, datetime, time, timedelta
from pathlib import Path

from pydantic import Field

from jobs.core.contracts import load_contracts
from jobs.core.night import SHANGHAI
from jobs.core.settings import ROOT, load_settings
from jobs.core.yamlfile import Strict, load_model

CHECKOUT = str(ROOT)
DATE_OR_NOTHING = r"^([0-9]{4}-[0-9]{2}-[0-9]{2})?(?![\s\S])"  # a newline at the end would pass $
FIRST = datetime(2026, 1, 1, tzinfo=SHANGHAI)


class Again(Strict):
    """How often a task is tried again, and after how many minutes."""

    minutes: int = Field(gt=0)
    times: int = Field(ge=0)

    @property
    def arguments(self) -> dict[str, int | timedelta]:
        """As a task takes them."""
        return {"retries": self.times, "retry_delay": timedelta(minutes=self.minutes)}


class When(Strict):
    """`schedule.yml`: cron expressions in Asia/Shanghai."""

    closes: time
    ingest: str
    agencies: dict[str, str] = Field(default_factory=dict)
    look_again: Again
    deadline: str
    retry: Again


OWN = os.environ.get("ANTIFRAUD_SCHEDULE")  # an operator's own file, in place of ours
WHEN = load_model(Path(OWN) if OWN else Path(__file__).with_name("schedule.yml"), When)
CONTRACTS = load_contracts(load_settings().schemas_dir)
AGENCIES = tuple(sorted({feed.agency for feed in CONTRACTS.values() if feed.status == "active"}))


def business_date(run_after: datetime, given: str) -> str:
    """The date that was asked for, else the last one that the agencies had closed when the run was due."""
    if given:
        return date.fromisoformat(given).isoformat()
    closed = timedelta(hours=WHEN.closes.hour, minutes=WHEN.closes.minute)
    return (run_after.astimezone(SHANGHAI) - closed).date().isoformat()
