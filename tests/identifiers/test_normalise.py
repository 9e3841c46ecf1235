"""The column expressions and the Python reference are equal on all input, in one Spark job for thousands of
values.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.core.contracts import CodeList, load_codes
from jobs.core.settings import ROOT
from jobs.identifiers.normalise import Spec, add_normals, clean, normalise, normalise_any, rare_types
from jobs.identifiers.rare import TYPES, lists_of, normalise_py
from jobs.identifiers.text import clean_py
from tests.identifiers.values import Identifier, identifiers

TODAY = date(2026, 10, 1)
SCHEMA = "n int, type string, raw string, scope string"


@pytest.fixture(scope="module")
def codes() -> dict[str, CodeList]:
    return load_codes(Path(ROOT) / "schemas")


@pytest.fixture(scope="module")
def sample() -> list[Identifier]:
    """The same few thousand identifiers in each run."""
    found: list[Identifier] = []

    @settings(
        max_examples=6000,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(identifiers())
    def collect(identifier: Identifier) -> None:
        found.append(identifier)

    collect()
    distinct = sorted(set(found), key=repr)
    assert len(distinct) > 3000
    assert {type_ for type_, _, _ in distinct} >= set(TYPES)
    return distinct


@pytest.fixture(scope="module")
def frame(spark: SparkSession, sample: list[Identifier]) -> DataFrame:
    return spark.createDataFrame([(n, *row) for n, row in enumerate(sample)], SCHEMA).cache()


def differences(sample: list[Identifier], rows: list[Any], codes: dict[str, CodeList]) -> list[Any]:
    lists = lists_of(codes)
    out = []
    for row in rows:
        type_, raw, scope = sample[row.n]
        expected = normalise_py(type_, raw, scope, TODAY, lists)
        got = (row.type, row.value, tuple(row.reasons))
        if got != expected:
            out.append((ascii(raw), scope, expected, got))
    return out


def test_expressions_and_reference_agree_when_the_type_is_in_a_column(
    frame: DataFrame, sample: list[Identifier], codes: dict[str, CodeList]
) -> None:
    spec = Spec("id", F.col("type"), F.col("raw"), F.col("scope"))
    done = add_normals(frame, [spec], F.lit(TODAY), codes)
    assert done.columns == [*frame.columns, "id_type", "id_value", "id_reasons"]
    rows = done.select(
        "n",
        F.col("id_type").alias("type"),
        F.col("id_value").alias("value"),
        F.col("id_reasons").alias("reasons"),
    ).collect()
    assert len(rows) == len(sample)
    assert differences(sample, rows, codes) == []
    good = {row.type for row in rows if row.value is not None}
    bad = {row.type for row in rows if row.reasons}
    assert good == set(TYPES), "every type has valid values in the sample"
    assert bad >= set(TYPES), "every type has broken values in the sample"


def test_expressions_and_reference_agree_for_a_type_by_itself(
    frame: DataFrame, sample: list[Identifier], codes: dict[str, CodeList]
) -> None:
    parts = []
    for type_ in ("national_id", "phone", "bank_account", "url"):
        normal = normalise(type_, F.col("raw"), F.col("scope"), F.lit(TODAY), codes)
        parts.append(
            frame.where(F.col("type") == type_).select(
                "n", *[c.alias(f) for f, c in zip(normal._fields, normal, strict=True)]
            )
        )
    for part in parts:
        assert differences(sample, part.collect(), codes) == []


def test_cleaning_by_expression_is_cleaning_by_nfkc_wherever_the_result_is_ascii(
    frame: DataFrame, sample: list[Identifier]
) -> None:
    for row in frame.select("n", clean(F.col("raw")).alias("clean")).collect():
        expected = clean_py(sample[row.n][1])
        if expected is None or expected.isascii():
            assert row.clean == expected
        else:
            assert not row.clean.isascii()


def test_a_plan_without_rare_types_has_no_python_in_it(frame: DataFrame, codes: dict[str, CodeList]) -> None:
    common = tuple(type_ for type_ in TYPES if type_ not in rare_types())
    specs = [
        Spec("doc", F.col("type"), F.col("raw"), F.col("scope"), types=common),
        Spec("imei", "imei", F.col("raw")),
    ]
    names = operators(add_normals(frame, specs, F.lit(TODAY), codes))
    assert "Project" in names
    assert not any("Python" in name for name in names)
    with_phone = operators(add_normals(frame, [Spec("phone", "phone", F.col("raw"))], F.lit(TODAY), codes))
    assert with_phone.count("ArrowEvalPython") == 1, "value, type and reasons come from one call"


def operators(df: DataFrame) -> list[str]:
    """The names of the physical plan's operators. Its text may be cut short, so it is not read."""
    found: list[str] = []
    todo = [df._jdf.queryExecution().sparkPlan()]  # type: ignore[operator]
    while todo:
        node = todo.pop()
        found.append(node.nodeName())
        children = node.children()
        todo += [children.apply(i) for i in range(children.size())]
    return found


def test_plain_expressions_work_beside_each_other(spark: SparkSession, codes: dict[str, CodeList]) -> None:
    df = spark.createDataFrame(
        [("phone", "（010）8888 8888", None), ("nosuch", "1", None), (None, "1", None), (None, " ", None)],
        "t string, r string, s string",
    )
    normal = normalise_any(F.col("t"), F.col("r"), F.col("s"), F.lit(TODAY), codes, types=("phone", "imei"))
    rows = df.select(*normal).collect()
    assert [tuple(row) for row in rows] == [
        ("phone", "+861088888888", []),
        ("nosuch", None, ["unknown_code"]),
        (None, None, ["missing_value"]),
        (None, None, []),
    ]
