"""The row rule of the LINE accounts."""

import polars as pl

from jobs.core.contracts import load_contracts
from jobs.core.settings import ROOT

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


def test_only_what_has_the_form_of_a_line_id_passes_the_contracts_rule() -> None:
    rule = load_contracts(ROOT / "schemas")["public_security/npa_line_ids"].rules["account_format"]
    rows = pl.DataFrame({"account_id": SOUND + BROKEN})
    assert rows.filter(pl.sql_expr(rule))["account_id"].to_list() == BROKEN
