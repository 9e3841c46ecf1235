"""`ingest_<agency>`, one DAG per agency that a contract names: has it landed what the night needs?"""

from airflow.sdk import DAG
from antifraud_parts import LANDING, WITH_DATE, antifraud, cron
from antifraud_when import AGENCIES, CONTRACTS, WHEN

PAGE = """
**Makes** the asset `landing/{agency}`: everything essential of {agency} is there for this business date.
It reads and moves nothing; the night's intake takes what has landed.

**Read by** `night`, which starts when every agency's asset is there, at the latest at the deadline.

**A failure means** that an essential feed ({essential}) has no delivery for this date. It looks {looks}
times, every {minutes} minutes, and is red only after the last. The others are not stopped: the night starts
at the deadline without {agency}, and what lands later is taken by the next night. Ask the agency; do not
rerun the night.

Feeds: {feeds}.
"""


def page(agency: str) -> str:
    """The page of one agency's DAG."""
    feeds = [feed for feed in CONTRACTS.values() if feed.agency == agency and feed.status == "active"]
    return PAGE.format(
        agency=agency,
        essential=", ".join(f"`{feed.name}`" for feed in feeds if feed.essential) or "none of these is",
        looks=WHEN.look_again.times + 1,
        minutes=WHEN.look_again.minutes,
        feeds=", ".join(f"`{feed.name}`" for feed in feeds),
    )


for agency in AGENCIES:
    with DAG(
        dag_id=f"ingest_{agency}",
        schedule=cron(WHEN.agencies.get(agency, WHEN.ingest)),
        doc_md=page(agency),
        **WITH_DATE,
    ) as dag:
        antifraud("landed", agency, task_id="landed", outlets=[LANDING[agency]], **WHEN.look_again.arguments)
    globals()[dag.dag_id] = dag
