"""The elements of a nested list: read one by one, so that one that fails is set aside alone and the
rest of its record is taken.
"""

from __future__ import annotations

from collections.abc import Mapping

from pyspark.sql import Column as Expr
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.core.contracts import CodeList, Column, Feed
from jobs.silver.check import FAULTS, check_columns, fault, no_faults, parts_of, raw
from jobs.silver.shape import FOUND, found_identifiers, silver_element
from jobs.silver.steps import built_once

PLACE = ("delivery_id", "file", "line")
"""Where a record stands: unique within a feed."""
BROKEN = "array<struct<element:int,reasons:array<string>,columns:array<string>>>"
_JSON = {"allowSingleQuotes": "false"}


def texts_of(column: Column) -> Expr:
    """Each element's JSON text; null when the column is no list. (Spark would read a lone object as a
    list of one.)
    """
    text = raw(column.name)
    return F.when(text.rlike(r"^\s*\["), F.from_json(text, "array<string>", _JSON))


def add_elements(frame: DataFrame, feed: Feed, column: Column, codes: Mapping[str, CodeList], key: bytes) -> DataFrame:
    """Adds `<column>` (the elements that are good), `readable__<column>` (those with an identifier that
    can be read), `broken__<column>` (BROKEN: the others' faults) and `found__<column>` (FOUND: the good
    ones' identifiers). All null when the column is no list.
    """
    assert column.items is not None
    listed = frame.select(*PLACE, "business_date", F.posexplode(texts_of(column)).alias("element", "__text"))
    parts = parts_of(column.items.schema_, column.items.identifiers, codes)
    name = (frame.sparkSession.sparkContext.applicationId, feed.id, column.name, key)
    schema = column.items.schema_
    steps = built_once(name, (feed, codes), lambda: check_columns(schema, parts, codes, key, F.lit(True)))
    checked = steps.apply(_fields(listed, column))
    not_an_object = F.array(fault(F.lit(True), "wrong_type", column.name)).cast(FAULTS)
    faults = F.when(F.col("is_object"), F.col("_faults")).otherwise(not_an_object)
    readable = F.lit(False)
    for part in parts:
        readable = readable | F.col(f"id__{part.label}").isNotNull()
    element = F.struct(
        "element",
        faults.alias("faults"),
        silver_element(feed, column).alias("record"),
        readable.alias("is_readable"),
        found_identifiers(part.label for part in parts).alias("found"),
    )
    rows = (
        checked.select(*PLACE, element.alias("__element"))
        .groupBy(*PLACE)
        .agg(F.sort_array(F.collect_list("__element")).alias("__all"))
    )
    joined = frame.join(rows, on=list(PLACE), how="left")
    every = F.when(texts_of(column).isNotNull(), F.coalesce("__all", F.array().cast(rows.schema["__all"].dataType)))
    good = F.filter("__every", lambda e: F.size(e["faults"]) == 0)
    return (
        joined.withColumn("__every", every)
        .withColumns(
            {
                column.name: F.transform(good, lambda e: e["record"]),
                f"readable__{column.name}": F.transform(
                    F.filter("__every", lambda e: e["is_readable"]), lambda e: e["record"]
                ),
                f"broken__{column.name}": F.transform(
                    F.filter("__every", lambda e: F.size(e["faults"]) > 0), _broken
                ).cast(BROKEN),
                f"found__{column.name}": F.flatten(F.transform(good, lambda e: e["found"])).cast(FOUND),
            }
        )
        .drop("__all", "__every")
    )


def _fields(listed: DataFrame, column: Column) -> DataFrame:
    """Each field of an element as `raw__<field>`; `is_object`: the element has fields at all."""
    assert column.items is not None
    names = [field.name for field in column.items.schema_]
    ddl = ", ".join(f"`{name}` string" for name in names)
    is_object = F.coalesce(F.col("__text").rlike(r"^\s*\{"), F.lit(False))
    parsed = listed.withColumn("is_object", is_object).withColumn(
        "__fields", F.when(F.col("is_object"), F.from_json("__text", f"struct<{ddl}>", _JSON))
    )
    texts = [F.col("__fields")[name].alias(f"raw__{name}") for name in names]
    return parsed.select(*PLACE, "business_date", "element", "is_object", no_faults(), *texts)


def _broken(element: Expr) -> Expr:
    return F.struct(
        element["element"].alias("element"),
        names_of(element["faults"], "reason").alias("reasons"),
        names_of(element["faults"], "column").alias("columns"),
    )


def names_of(faults: Expr, what: str) -> Expr:
    """The distinct reasons or columns of faults, sorted."""
    return F.array_sort(F.array_distinct(F.array_compact(F.transform(faults, lambda each: each[what]))))
