"""Identifiers as Spark columns: what the kernels give, batch by batch."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from jobs.core.contracts import load_codes
from jobs.core.settings import ROOT
from jobs.identifiers.columns import digest, node_id, normalise, registrable
from jobs.identifiers.keys import digest_py, node_id_py
from jobs.identifiers.rare import lists_of, normalise_py

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

TODAY = date(2026, 10, 1)
ROWS = [
    ("phone", "（010）8888 8888", None), ("phone", "13800000001", None), ("national_id", "110101199001010015", None),
    ("national_id", "110101199002300014", None), ("internet_account", "Abc", "qq"), ("bank_account", "6222021234567890128", "icbc"),
    ("nosuch", "1", None), (None, "1", None), (None, " ", None), ("domain", "a.b.example.co.uk", None),
]  # fmt: skip


def test_a_column_of_any_type_gives_what_the_reference_gives(spark: SparkSession) -> None:
    codes = load_codes(ROOT / "schemas")
    frame = spark.createDataFrame([(n, *row) for n, row in enumerate(ROWS)], "n int, t string, r string, s string")
    key, day = b"k" * 32, F.lit(TODAY)
    found = frame.select(
        "n",
        normalise(F.col("t"), F.col("r"), F.col("s"), day, codes).alias("any"),
        normalise("phone", F.col("r"), None, day, codes).alias("phone"),
        node_id(key, F.col("t"), F.col("r")).alias("id"),
        digest(key, F.col("t"), F.col("s")).alias("digest"),
        registrable(F.when(F.col("t") == "domain", F.col("r"))).alias("below"),
    ).collect()
    assert len(found) == len(ROWS)
    for row in found:
        type_, raw, scope = ROWS[row.n]
        kind, value, reasons = normalise_py(type_, raw, scope, TODAY, lists_of(codes))
        assert tuple(row.any) == (kind, value, list(reasons))
        kind, value, reasons = normalise_py("phone", raw, None, TODAY, lists_of(codes))
        assert tuple(row.phone) == (kind, value, list(reasons))
        assert row.id == node_id_py(key, type_, raw)
        assert row.digest == digest_py(key, type_, scope)
        assert row.below == ("example.co.uk" if type_ == "domain" else None)
