"""`deadline`: says every agency's asset, so that the night starts whoever is late.

Why not `AssetOrTimeSchedule`: a run that the clock starts leaves the assets of the punctual agencies queued
(Airflow 3.3.2: only a run that assets start takes them). The next night would then start as soon as the late
agency delivers, without the others, and so would every night after it.
"""

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG
from antifraud_parts import EVERY_DAG, LANDING, cron
from antifraud_when import WHEN

PAGE = """
**Makes** every asset `landing/<agency>` at the deadline, so that `night` starts without whoever is late.

**Read by** `night`. If that has run already, the run that this starts finds it committed and changes nothing.

**A failure means** that nobody starts a night for which an agency is late: trigger `night` by hand.
"""

with DAG(dag_id="deadline", schedule=cron(WHEN.deadline), doc_md=PAGE, **EVERY_DAG) as deadline:
    EmptyOperator(task_id="start_the_night", outlets=[*LANDING.values()])
