"""What Spark prints when a row breaks it: the person who runs the night must not read an identifier there."""

import subprocess
import sys
from pathlib import Path

from jobs.core.settings import ROOT

PHONE = "13800138000"

# Its own process, since a JVM writes to the stderr that it was started with.
PROGRAM = f"""
import sys
from pathlib import Path
from pyspark.sql import functions as F
from jobs.core.settings import Settings
from jobs.core.spark import get_spark

def attempt(name, action):
    try:
        action()
    except Exception:
        print("failed as it should:", name)

def break_on(batches):
    for batch in batches:
        raise ValueError(batch.column(0)[0].as_py())
    yield

spark = get_spark(Settings(spark={{"spark.sql.warehouse.dir": sys.argv[1]}}))
rows = spark.createDataFrame([("{PHONE}x",)], "phone string")
attempt("cast", lambda: rows.select(F.col("phone").cast("int")).collect())
attempt("batch", lambda: rows.mapInArrow(break_on, "phone string").collect())
table = Path(sys.argv[1]) / "table"
rows.write.format("delta").save(str(table))
spark.sql(f"ALTER TABLE delta.`{{table}}` ADD CONSTRAINT long CHECK (length(phone) > 11)")
row = spark.createDataFrame([("{PHONE}",)], "phone string")
attempt("constraint", lambda: row.write.format("delta").mode("append").save(str(table)))
spark.stop()
"""


def test_no_value_of_a_row_that_failed_reaches_the_log(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.stdout.splitlines() == [f"failed as it should: {name}" for name in ("cast", "batch", "constraint")]
    assert PHONE not in done.stderr
    assert "Traceback" not in done.stderr
