"""Which rules are judged, what an empty table gets, what is said; with the real Great Expectations."""

import pytest

from jobs.checks.gate import judge, read_answers
from jobs.checks.measures import Values
from jobs.checks.page import render_page
from jobs.checks.suites import load_suites
from jobs.checks.verdicts import Verdict, give_verdicts, tell
from jobs.core.frames import schema_of
from jobs.core.settings import ROOT
from tests.checks.rows import CODES, CONTRACTS, ON, TABLES, rule, suite

NONE_TWICE = {"expectation": "expect_column_values_to_be_in_set", "kwargs": {"value_set": [0]}}


def verdict(given: Values, **changes: object) -> Verdict:
    return give_verdicts([(suite(rule(**changes)), given)], judge)[0]


def test_great_expectations_judges_each_rule_by_its_own_value_in_the_order_given() -> None:
    shares = {"min_value": 0.2, "max_value": 0.5}
    items = [
        (rule(), 1.0),
        (rule(), 0.0),
        (rule(**NONE_TWICE), 2.0),
        (rule(kwargs=shares), 0.5),
        (rule(kwargs={**shares, "strict_max": True}), 0.5),
        (rule(**NONE_TWICE, severity="warn"), 0.0),
        (rule(kwargs=shares), 0.1),
    ]
    assert judge(items) == [True, False, False, True, False, True, False]
    assert judge([]) == []


def test_a_rule_that_great_expectations_could_not_judge_is_a_fault_and_no_verdict() -> None:
    import great_expectations as gx
    import pandas as pd
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    asset = context.data_sources.add_pandas("any").add_dataframe_asset("any")
    batch = asset.add_batch_definition_whole_dataframe("all").get_batch({"dataframe": pd.DataFrame({"there": [1.0]})})
    absent = {"type": "expect_column_values_to_be_between", "kwargs": {"column": "absent", "min_value": 0}}
    suite = gx.ExpectationSuite(name="any", expectations=[{**absent, "meta": {"rule": "absent"}}])
    with pytest.raises(RuntimeError, match="could not judge expect_column_values_to_be_between"):
        read_answers(batch.validate(suite, result_format="BOOLEAN_ONLY").results)


def test_an_empty_table_does_not_pass() -> None:
    empty: Values = {"n_rows": 0.0, "n_sources": 5.0, "n_duplicate_keys": None}
    assert verdict(empty, judged_from={"n_sources": 1}).is_ok is False
    assert verdict(empty, id="unique", measure="n_duplicate_keys", **NONE_TWICE).is_ok is False


def test_of_an_empty_table_that_was_fed_no_rule_of_ours_passes() -> None:
    tables = load_suites(ROOT / "expectations", CONTRACTS, TABLES, CODES).tables
    empty: Values = {"n_rows": 0.0, "n_sources": 5.0, "n_nights": 0.0}
    verdicts = give_verdicts([(each, empty) for each in tables.values()], judge)
    assert [one for one in verdicts if one.is_ok] == []
    assert {one.subject for one in verdicts if one.is_broken} == set(tables)


def test_an_empty_table_that_nothing_fed_has_not_passed_either() -> None:
    alone = verdict({"n_rows": 0.0, "n_sources": 0.0}, judged_from={"n_sources": 1})
    assert (alone.is_ok, alone.expected) == (None, "at least 1; not judged: n_sources is 0, judged from 1")


def test_volume_is_not_judged_before_there_are_nights_enough_and_says_so() -> None:
    volume = {"measure": "rows_ratio", "kwargs": {"min_value": 0.2}, "judged_from": {"n_nights": 7, "median_rows": 50}}
    young = verdict({"rows_ratio": 0.01, "n_nights": 6.0, "median_rows": 100.0}, **volume)
    assert (young.is_ok, young.unjudged) == (None, "n_nights is 6, judged from 7")
    assert verdict({"rows_ratio": 0.01, "n_nights": 7.0, "median_rows": 100.0}, **volume).is_ok is False
    assert verdict({"rows_ratio": 0.2, "n_nights": 7.0, "median_rows": 100.0}, **volume).is_ok is True
    assert verdict({"rows_ratio": None, "n_nights": 0.0, "median_rows": None}, **volume).is_ok is None


def test_a_failed_feed_holds_its_agency_or_everyone_and_a_failed_table_everyone() -> None:
    broken: Values = {"n_rows": 0.0}
    feeds = [suite(rule(), subject="finance/accounts", holds=holds) for holds in ("agency", "everyone")]
    verdicts = give_verdicts([(each, broken) for each in (*feeds, suite(rule()), suite(rule(severity="warn")))], judge)
    assert [one.holds for one in verdicts] == ["finance", "everyone", "everyone", None]


def test_where_checks_may_not_hold_a_broken_one_is_told_of_and_holds_nobody() -> None:
    (told,) = give_verdicts([(suite(rule()), {"n_rows": 0.0})], judge, may_hold=False)
    assert (told.is_broken, told.row(ON)["severity"], told.row(ON)["holds"]) == (True, "fail", None)
    assert tell([told])[1].endswith("n_rows should be at least 1, is 0; holds nothing tonight")


def test_what_broke_is_said_worst_first_and_warnings_alike_in_one_line() -> None:
    late = rule(id="fresh", severity="warn", measure="hours_late", kwargs={"max_value": 0})
    feeds = [
        suite(late, rule(), subject=name, holds="agency") for name in ("finance/accounts", "telecom/subscriptions")
    ]
    values: list[Values] = [{"hours_late": 25.0, "n_rows": 0.0}, {"hours_late": None, "n_rows": 3.0}]
    assert tell(give_verdicts(list(zip(feeds, values, strict=True)), judge)) == [
        "1 checks hold, 1 failed, 2 warn, 0 not judged (too few rows or nights, or nothing came)",
        "check failed: finance/accounts: not_empty: n_rows should be at least 1, is 0; holds the releases with listings that rest on finance",
        "check warns: fresh: hours_late should be at most 0: finance/accounts 25, telecom/subscriptions nothing to measure",
    ]


def test_a_verdict_is_a_row_of_its_table() -> None:
    row = verdict({"n_rows": 0.0}).row(ON)
    assert list(row) == list(schema_of(TABLES["ops.checks"].ddl))
    assert (row["subject"], row["rule_id"], row["is_ok"], row["observed"], row["holds"]) == (
        "graph.edges",
        "not_empty",
        False,
        0.0,
        "everyone",
    )


def test_the_page_names_what_broke_first_and_needs_nothing_from_elsewhere() -> None:
    odd = rule(why='Rows < 1 & "quotes" must not break the page.')
    html = render_page(ON, give_verdicts([(suite(odd, rule(id="second")), {"n_rows": 0.0})], judge))
    assert html.index("<h2>Broken</h2>") < html.index("graph.edges: not_empty") < html.index("<h2>graph.edges</h2>")
    assert "Rows &lt; 1 &amp; &quot;quotes&quot;" in html
    assert [
        word for word in ("http://", "https://", "//", "<script", "<img", "<link", "url(", "@import") if word in html
    ] == []
