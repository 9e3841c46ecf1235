"""Bronze of a night: the records of every delivery that this night took, one append per feed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow as pa

from jobs.bronze.rows import FILES_DDL, batch_of_files, bronze_ddl, rows_of_files
from jobs.bronze.source import Limits
from jobs.core.frames import from_arrow, schema_of
from jobs.core.night import StageReport
from jobs.core.spark import takes_spark
from jobs.intake.staging import staged_uri

if TYPE_CHECKING:
    from jobs.core.contracts import Feed
    from jobs.core.night import Night

THREADS = 4  # a commit is mostly waiting: 16 small feeds take 5.0 s one by one, 3.1 s by fours


def run(night: Night) -> StageReport:
    """Rows in: records of the deliveries taken tonight; rows out: rows appended (the reader fails where they
    differ).
    """
    tonight = (pl.col("night_on") == night.on) & (pl.col("status") == "taken")
    taken = night.lake.frame("ops.deliveries").filter(tonight).to_dicts()
    feeds = sorted({f"{row['agency']}/{row['feed']}" for row in taken})
    with ThreadPoolExecutor(THREADS) as pool:
        jobs = [pool.submit(_append, night, night.contracts[feed], taken) for feed in feeds]
        for job in jobs:
            job.result()
    rows = sum(row["rows_in"] for row in taken)
    return StageReport(rows_in=rows, rows_out=rows)


def _append(night: Night, feed: Feed, taken: Sequence[dict[str, Any]]) -> None:
    mine = [row for row in taken if (row["agency"], row["feed"]) == (feed.agency, feed.name)]
    files = [file for row in mine for file in _files(night, row)]
    if not files:
        return
    name, read = f"bronze.{feed.table}", rows_of_files(feed, Limits())
    brings = [f"{feed.id}#{row['sequence']}" for row in mine]
    _refuse_twice(night, name, mine, brings)
    if takes_spark(night.settings, sum(file[-1] for file in files)):
        night.lake.append(name, night.session().createDataFrame(files, FILES_DDL).mapInArrow(read, bronze_ddl(feed)))
    else:
        schema = schema_of(night.lake.schema(name).ddl)
        night.lake.append_all(name, _frames(read([batch_of_files(files)]), schema), brings)


def _refuse_twice(night: Night, name: str, taken: Sequence[dict[str, Any]], brings: Sequence[str]) -> None:
    """Raises RuntimeError when rows of a delivery are there already: the ledger says that it was never taken, Delta's own log that it was, and
    so do the rows. Nothing is read as long as the log knows none of them.
    """
    known = set(night.lake.names_in_log(name, brings))
    numbers = [row["sequence"] for row, one in zip(taken, brings, strict=True) if one in known]
    if numbers and night.lake.frame(name, ["sequence"])["sequence"].is_in(numbers).any():
        raise RuntimeError(
            f"{name}: holds rows of delivery {numbers[0]} already, which ops.deliveries does not know as taken"
        )


def _frames(batches: Iterator[pa.RecordBatch], schema: Mapping[str, pl.DataType]) -> Iterator[pl.DataFrame]:
    for batch in batches:
        yield from_arrow(batch).select(list(schema)).cast(pl.Schema(dict(schema)))


def _files(night: Night, row: dict[str, Any]) -> list[tuple[Any, ...]]:
    head = (row["delivery_id"], row["sequence"], row["business_date"], row["mode"], row["produced_at"])
    return [
        (*head, file["name"], row["night_on"], staged_uri(night.settings.lake, file["sha256"]), file["rows"])
        for file in row["staged"]
        if file["rows"]
    ]
