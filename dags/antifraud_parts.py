"""What the DAGs share: the date parameter, the command that a person types too, and assets."""

from __future__ import annotations

from typing import Any

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import Asset, CronTriggerTimetable, Param
from antifraud_when import AGENCIES, CHECKOUT, DATE_OR_NOTHING, FIRST, business_date

LANDING = {agency: Asset(name=f"landing/{agency}") for agency in AGENCIES}
DATE = Param(
    default="",
    type="string",
    pattern=DATE_OR_NOTHING,
    title="Business date",
    description="YYYY-MM-DD; empty for the last one that the agencies have closed",
)
EVERY_DAG: dict[str, Any] = {
    "start_date": FIRST,
    "catchup": False,
    "max_active_runs": 1,
    "max_active_tasks": 1,
    "tags": ["antifraud"],
}
# A run that assets started has no logical date, hence our own macro.
WITH_DATE: dict[str, Any] = {
    **EVERY_DAG,
    "params": {"date": DATE},
    "user_defined_macros": {"business_date": business_date},
}


def cron(expression: str) -> CronTriggerTimetable:
    """At these times of Asia/Shanghai."""
    return CronTriggerTimetable(expression, timezone="Asia/Shanghai")


def antifraud(command: str, name: str, **more: Any) -> BashOperator:
    """One task: `antifraud COMMAND NAME --date D`, as a person types it in the checkout.

    Values come through the environment, never through the shell's text. Any exit but 0 fails the task.
    """
    return BashOperator(
        bash_command=f'exec antifraud {command} "$NAME" --date "$BUSINESS_DATE"',
        env={"NAME": name, "BUSINESS_DATE": "{{ business_date(dag_run.run_after, params.date) }}"},
        append_env=True,
        cwd=CHECKOUT,
        skip_on_exit_code=None,
        do_xcom_push=False,
        **more,
    )


def asset(table: str) -> Asset:
    """A table of the lake (`silver.*` is every silver table), or a place (`releases`), as an asset."""
    return Asset(name=f"lake/{table}" if "." in table else table)
