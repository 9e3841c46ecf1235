"""The suites as they are, and mistakes in them: one sentence with file and line."""

from pathlib import Path

import pytest

from jobs.checks.suites import load_suites
from jobs.core.errors import UserError
from jobs.core.settings import ROOT
from tests.checks.rows import CODES, CONTRACTS, TABLES, YAML_RULE, rule, write_suites

OURS = ROOT / "expectations"


def load(folder: Path) -> object:
    return load_suites(folder, CONTRACTS, TABLES, CODES)


def test_every_active_feed_has_a_suite_and_every_table_that_leads_to_a_listing() -> None:
    suites = load_suites(OURS, CONTRACTS, TABLES, CODES)
    assert set(suites.feeds) == {feed for feed, contract in CONTRACTS.items() if contract.status == "active"}
    assert set(suites.tables) == {
        "graph.tenures",
        "graph.edges",
        "graph.parties",
        "graph.signals",
        "blacklist.listings",
        "blacklist.events",
    }


def test_no_table_may_be_empty_and_no_key_twice() -> None:
    for suite in load_suites(OURS, CONTRACTS, TABLES, CODES).tables.values():
        rules = {one.id: one for one in suite.rules}
        assert (rules["not_empty"].measure, rules["not_empty"].kwargs) == ("n_rows", {"min_value": 1})
        assert (rules["unique"].measure, rules["unique"].severity) == ("n_duplicate_keys", "fail")
        assert suite.fed_by


def test_what_everybodys_listings_are_built_on_holds_everyone() -> None:
    holds = {feed: suite.holds for feed, suite in load_suites(OURS, CONTRACTS, TABLES, CODES).feeds.items()}
    assert (
        holds["telecom/subscriptions"] == holds["finance/accounts"] == holds["internet/internet_accounts"] == "everyone"
    )
    assert {holds[feed] for feed in holds if feed.startswith("guard/")} == {"everyone"}
    assert holds["public_security/case_reports"] == "agency"


def test_a_feeds_own_rule_stands_in_for_that_of_every_feed(tmp_path: Path) -> None:
    own = "subject: telecom/subscriptions\nrules:\n" + YAML_RULE.replace("min_value: 1", "min_value: 5")
    write_suites(tmp_path, "feeds/telecom__subscriptions.yml", own)
    feeds = load_suites(tmp_path, CONTRACTS, TABLES, CODES).feeds
    assert [one.expected for one in feeds["telecom/subscriptions"].rules] == ["at least 5"]
    assert [one.expected for one in feeds["finance/accounts"].rules] == ["at least 1"]
    assert feeds["telecom/subscriptions"].holds == "agency"


FEED_FILE, TABLE_FILE = "feeds/public_security__case_reports.yml", "tables/graph__edges.yml"
MISTAKES = {
    "measure": (FEED_FILE, "measure: n_rows", "measure: n_rowz", 4, "rules.0.measure: 'n_rowz' is not a measure; known are hours_late"),
    "expectation": (FEED_FILE, "values_to_be_between", "value_lengths_to_be_between", 6, "rules.0.expectation: Input should be"),
    "argument": (FEED_FILE, "min_value", "minimum", 7, "rules.0.kwargs.minimum: is not an argument of expect_column_values_to_be_between"),
    "bound": (FEED_FILE, "min_value: 1", "min_value: one", 7, "rules.0.kwargs.min_value: must be a number"),
    "no bound": (FEED_FILE, "min_value: 1", "strict_min: true", 7, "rules.0.kwargs: sets no bound, so nothing could break it"),
    "severity": (FEED_FILE, "severity: warn", "severity: error", 8, "rules.0.severity: Input should be 'fail' or 'warn'"),
    "key": (FEED_FILE, "severity:", "severty:", 8, "rules.0.severty: is not a known key"),
    "no reason": (FEED_FILE, "An export that broke sends nothing.", "todo", 9, "rules.0.why: String should have at least 20 characters"),
    "condition": (FEED_FILE, "{n_deliveries: 1}", "{n_nigths: 7}", 5, "rules.0.judged_from: 'n_nigths' is not a measure"),
    "of a feed only": (TABLE_FILE, "measure: n_rows", "measure: hours_late", 4, "rules.0.measure: 'hours_late' is not a measure"),
    "subject": (FEED_FILE, "case_reports", "case_report", 1, "subject: there is no feed 'public_security/case_report'"),
    "code": (FEED_FILE, "measure: n_rows", "measure: share_of_codes\n    column: finding\n    codes: [guilty]", 6, "rules.0.codes: 'guilty' is not a code of 'finding'"),
    "column": (FEED_FILE, "measure: n_rows", "measure: share_null\n    column: verdict", 5, "rules.0.column: 'verdict' is not a column of public_security/case_reports in silver"),
    "column that silver has not": (FEED_FILE, "measure: n_rows", "measure: share_null\n    column: involved.name", 5, "rules.0.column: 'involved.name' is not a column"),
    "column of a table": (TABLE_FILE, "measure: n_rows", "measure: share_null\n    column: sort", 5, "rules.0.column: 'sort' is not a column of graph.edges"),
    "column left out": (FEED_FILE, "measure: n_rows", "measure: share_null", 4, "rules.0.measure: 'share_null' needs 'column'"),
    "source": (TABLE_FILE, "rules:", "fed_by: [silver.nothing]\nrules:", 2, "fed_by: there is no table 'silver.nothing'"),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_one_sentence_that_names_file_line_and_rule(
    tmp_path: Path, mistake: tuple[str, str, str, int, str]
) -> None:
    name, right, wrong, line, says = mistake
    subject = "graph.edges" if name == TABLE_FILE else "public_security/case_reports"
    text = f"subject: {subject}\nrules:\n" + (
        YAML_RULE.replace("n_deliveries", "n_sources") if name == TABLE_FILE else YAML_RULE
    )
    assert right in text
    write_suites(tmp_path, name, text.replace(right, wrong))
    with pytest.raises(UserError) as raised:
        load(tmp_path)
    assert str(raised.value).startswith(f"{tmp_path / name}:{line}: {says}")
    assert "\n" not in str(raised.value)


def test_a_rule_given_twice_is_refused(tmp_path: Path) -> None:
    write_suites(tmp_path, TABLE_FILE, "subject: graph.edges\nrules:\n" + YAML_RULE + YAML_RULE)
    with pytest.raises(UserError, match=r"graph__edges\.yml:10: rules\.1\.id: 'something_came' is the id of two rules"):
        load(tmp_path)


def test_a_file_under_another_name_is_refused(tmp_path: Path) -> None:
    write_suites(
        tmp_path, "tables/edges.yml", "subject: graph.edges\nrules:\n" + YAML_RULE.replace("deliveries", "rows")
    )
    with pytest.raises(
        UserError, match=r"edges\.yml:1: holds 'graph\.edges', so the file must be called graph__edges\.yml"
    ):
        load(tmp_path)


def test_a_folder_without_suites_is_told_how_to_be_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="set 'expectations' in antifraud"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("kwargs", "words"),
    [
        ({"min_value": 0.2}, "at least 0.2"),
        ({"max_value": 1, "strict_max": True}, "less than 1"),
        ({"min_value": 0, "strict_min": True, "max_value": 5}, "more than 0 and at most 5"),
    ],
    ids=["least", "below", "both"],
)
def test_what_is_expected_is_said_in_words(kwargs: dict[str, object], words: str) -> None:
    assert rule(kwargs=kwargs).expected == words
