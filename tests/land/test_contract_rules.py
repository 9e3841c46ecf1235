"""The row rule of the LINE accounts, as Spark reads it."""

from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from jobs.core.contracts import load_contracts
from jobs.core.settings import ROOT

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

SOUND = ["invented_id", "@123abcde", "＠１２３ａｂｃ", "ｗEN＿0", "a.b-c_d"]
BROKEN = [
    "two words",
    "inventedˍid",
    "invented\\",
    "113/01/02",
    "a@b",
    "x" * 21,
    "first、second",
    "tab\tinside",
]


def test_only_what_has_the_form_of_a_line_id_passes_the_contracts_rule(spark: "SparkSession") -> None:
    rule = load_contracts(ROOT / "schemas")["public_security/npa_line_ids"].rules["account_format"]
    rows = spark.createDataFrame([(account,) for account in SOUND + BROKEN], "account_id string")
    found = {row.account_id for row in rows.where(F.expr(rule)).collect()}
    assert found == set(BROKEN)
