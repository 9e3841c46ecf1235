"""From staged files to bronze rows.

One row of the frame that is read is one file; one row that comes out is one record.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import pyarrow as pa

from jobs.bronze.records import read_records
from jobs.bronze.source import Limits
from jobs.core.contracts import Feed

HEAD = {
    "delivery_id": ("STRING", pa.string()),
    "sequence": ("BIGINT", pa.int64()),
    "business_date": ("DATE", pa.date32()),
    "mode": ("STRING", pa.string()),
    "produced_at": ("TIMESTAMP", pa.timestamp("us", tz="UTC")),
    "file": ("STRING", pa.string()),
    "night_on": ("DATE", pa.date32()),
}
HEAD_DDL = ", ".join(f"{name} {kind}" for name, (kind, _) in HEAD.items())
FILES_DDL = f"{HEAD_DDL}, uri STRING, rows BIGINT"


def batch_of_files(files: Sequence[tuple[Any, ...]]) -> pa.RecordBatch:
    """Rows of FILES_DDL as `rows_of_files` takes them, without Spark."""
    kinds = {**{name: kind for name, (_, kind) in HEAD.items()}, "uri": pa.string(), "rows": pa.int64()}
    columns = zip(*files, strict=True)
    arrays = [pa.array(list(values), kind) for values, kind in zip(columns, kinds.values(), strict=True)]
    return pa.RecordBatch.from_arrays(arrays, names=list(kinds))


def bronze_ddl(feed: Feed) -> str:
    """What `rows_of_files` yields, as Spark says it."""
    columns = ", ".join(f"`{name}` STRING" for name in feed.columns)
    return f"{HEAD_DDL}, line BIGINT, {columns}, unknown MAP<STRING,STRING>, undecodable STRING"


def rows_of_files(feed: Feed, limits: Limits) -> Callable[[Iterable[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """A function for `mapInArrow` over a frame of FILES_DDL.

    Raises RuntimeError when a file has not the records that intake counted.
    """

    def read(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for number in range(batch.num_rows):
                yield from _read_file(batch.slice(number, 1), feed, limits)

    return read


def _read_file(file: pa.RecordBatch, feed: Feed, limits: Limits) -> Iterator[pa.RecordBatch]:
    said, count = file.column("rows")[0].as_py(), 0
    head = {name: file.column(name).cast(kind)[0] for name, (_, kind) in HEAD.items()}
    for records in read_records(file.column("uri")[0].as_py(), feed, limits):
        count += records.num_rows
        arrays = [pa.repeat(value, records.num_rows) for value in head.values()] + records.columns
        yield pa.RecordBatch.from_arrays(arrays, names=[*head, *records.schema.names])
    if count != said:
        raise RuntimeError(f"{feed.id}: a staged file has {count} records where intake counted {said}: it was changed")
