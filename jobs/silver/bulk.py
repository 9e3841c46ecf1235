"""The same parse by Spark's tasks, for more rows than one process takes: each batch of bronze goes through `parse_records`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

import polars as pl
import pyarrow as pa

from jobs.core.contracts import CodeList, Feed
from jobs.core.frames import from_arrow, schema_of, to_arrow
from jobs.core.schema import silver_table
from jobs.silver.check import Checked
from jobs.silver.parse import ASIDE, NEEDED, Parsed, parse_records
from jobs.silver.vault import SEEN

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_LISTS = {
    "_aside": "array<struct<element:int,reasons:array<string>,columns:array<string>>>",
    "_found": "array<struct<node_id:bigint,type:string,value:string>>",
}


def parse_by_spark(bronze: DataFrame, feed: Feed, codes: Mapping[str, CodeList], key: bytes) -> DataFrame:
    """One row per record: the rows of `Parsed`, with what is set aside of each and what was found in it as lists `_aside` and `_found`."""
    ddl = f"{silver_table(feed).ddl}, _is_good boolean, " + ", ".join(f"{name} {kind}" for name, kind in _LISTS.items())
    return bronze.select(*NEEDED, *feed.columns).mapInArrow(_over_batches(feed, codes, key, ddl), ddl)


def _over_batches(
    feed: Feed, codes: Mapping[str, CodeList], key: bytes, ddl: str
) -> Callable[[Iterable[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    def run(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        schema = schema_of(ddl)
        for batch in batches:
            parsed = parse_records(from_arrow(batch), feed, codes, key)
            rows = parsed.rows.with_row_index("row").with_columns(pl.col("row").cast(pl.Int64))
            for name, frame in (("_aside", parsed.aside), ("_found", parsed.found)):
                lists = frame.group_by("row", maintain_order=True).agg(pl.struct(pl.exclude("row")).alias(name))
                rows = rows.join(lists, on="row", how="left", maintain_order="left", validate="1:1")
                rows = rows.with_columns(pl.col(name).fill_null(pl.lit([], schema[name])))
            yield from to_arrow(rows.drop("row").cast(pl.Schema(schema))).to_batches()

    return run


def set_aside(parsed: DataFrame, feed: Feed) -> Parsed:
    """Of many parsed rows those that have something set aside, in this process; what was found in them is left out."""
    from pyspark.sql import functions as F

    few = parsed.where(F.size("_aside") > 0).drop("_found").toArrow()
    # Spark leaves the offsets of a nested list that is empty in every row unwritten; taking all rows writes them.
    rows = from_arrow(few.take(pa.array(range(few.num_rows), pa.int64())))
    rows = rows.cast(pl.Schema(schema_of(f"{silver_table(feed).ddl}, _is_good boolean, _aside {_LISTS['_aside']}")))
    aside = rows.select("_aside").with_row_index("row").explode("_aside").unnest("_aside").cast(pl.Schema(ASIDE))
    return Parsed(rows.drop("_aside"), aside, Checked(), {})


def seen_by_spark(parsed: DataFrame) -> DataFrame:
    """SEEN of many parsed rows."""
    from pyspark.sql import functions as F

    found = parsed.select(F.col("business_date").alias("first_seen_on"), F.explode("_found").alias("_one"))
    return found.select(*(F.col(f"_one.{name}") for name in SEEN if name != "first_seen_on"), "first_seen_on")
