"""`night`: one task per stage of `jobs.pipeline`, in order; the last one commits."""

from itertools import pairwise

from airflow.sdk import DAG, AssetAll
from antifraud_parts import LANDING, WITH_DATE, antifraud, asset
from antifraud_when import WHEN

from jobs.pipeline import STAGE_NAMES, STAGE_TITLES, STEPS

READS = {step.name: step.reads for step in STEPS}
WRITES = {**{step.name: step.writes for step in STEPS}, "commit": ("ops.nights",)}
PAGE = """
**Makes** the blacklist of one business date and every recipient's release. Each task is what a person types,
`antifraud run STAGE --date D`: {stages}. Nothing can be seen before `commit`: its row in `ops.nights` pins
every table, and right after it the releases appear.

**Read by** whoever waits for the asset `lake/ops.nights`; recipients pull from `releases/`.

**A failure means** that this night is not committed: lake and releases are still those of the night before.
A task is tried again {times} times, after {minutes} minutes each (exit code 75: another run holds the lake).
Then read its log, mend what it names and clear it: the night goes on from there. A date before the last
committed night is refused, and a committed one is left as it is.
"""

with DAG(
    dag_id="night",
    schedule=AssetAll(*LANDING.values()),
    doc_md=PAGE.format(
        stages="; ".join(f"`{name}` ({STAGE_TITLES[name]})" for name in STAGE_NAMES),
        times=WHEN.retry.times,
        minutes=WHEN.retry.minutes,
    ),
    **WITH_DATE,
) as night:
    tasks = [
        antifraud(
            "run",
            name,
            task_id=name,
            doc_md=STAGE_TITLES[name],
            inlets=[asset(table) for table in READS.get(name, ()) if table != "landing"],
            outlets=[asset(table) for table in WRITES[name]],
            **WHEN.retry.arguments,
        )
        for name in STAGE_NAMES
    ]
    for before, after in pairwise(tasks):
        before >> after
