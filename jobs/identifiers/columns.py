"""The same identifiers as Spark columns, for work that one process does not hold: each batch of rows goes through the kernels of this package."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl
import pyarrow as pa
from pyspark.sql import Column
from pyspark.sql import functions as F
from pyspark.sql.pandas.functions import arrow_udf

from jobs.core.frames import to_arrow
from jobs.identifiers.hosts import registrable as registrables
from jobs.identifiers.keys import digests, node_ids
from jobs.identifiers.normalise import normalise as normals
from jobs.identifiers.rare import Codes, lists_of

NORMAL = "type string, value string, reasons array<string>"


def normalise(type_: str | Column, raw: Column, scope: Column | None, today: Column, codes: Codes) -> Column:
    """One identifier in normal form, as a struct NORMAL: its effective type, its value (null when there is none), why not (never null)."""
    lists = lists_of(codes)

    def run(type_: pl.Series, raw: pl.Series, scope: pl.Series, today: pl.Series) -> pl.Series:
        found = normals(type_, raw, scope, today, lists)
        broken = [pl.when(flags).then(pl.lit(reason)) for reason, flags in found.broken.items()]
        reasons = pl.concat_list(broken).list.drop_nulls() if broken else pl.lit([], pl.List(pl.String))
        frame = pl.DataFrame({"type": found.type, "value": found.value}).with_columns(reasons=reasons)
        return frame.to_struct("found")

    kind = F.lit(type_) if isinstance(type_, str) else type_
    return _over_batches(run, NORMAL)(kind, raw, F.lit(None).cast("string") if scope is None else scope, today)


def registrable(domain: Column) -> Column:
    """The registrable domain by the Public Suffix List, private section included; null for a suffix and for null."""
    return _over_batches(registrables, "string")(domain)


def digest(key: bytes, *parts: Column) -> Column:
    """The keyed digest of columns of text."""
    return _over_batches(lambda *texts: digests(key, *texts), "string")(*parts)


def node_id(key: bytes, *parts: Column) -> Column:
    """The BIGINT that the digest begins with."""
    return _over_batches(lambda *texts: node_ids(key, *texts), "bigint")(*parts)


def _over_batches(function: Callable[..., pl.Series], kind: str) -> Callable[..., Column]:
    def run(*arrays: pa.Array) -> pa.Array:
        series = [pl.Series(array) if array.type != pa.null() else pl.Series(array).cast(pl.String) for array in arrays]
        return to_arrow(function(*series).alias("it").to_frame()).column("it").combine_chunks()

    # Spark reads the kind of function from its annotations, which these hold; PySpark's own leave out a function of Arrow arrays.
    return arrow_udf(run, kind)  # type: ignore[call-overload,no-any-return]
