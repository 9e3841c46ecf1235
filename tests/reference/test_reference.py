"""The generated pages: current, the same each time, and complete."""

import re
import shutil
from pathlib import Path

import pytest

from jobs.core.contracts import load_codes, load_contracts
from jobs.core.errors import UserError
from jobs.core.schema import load_tables
from jobs.core.settings import ROOT
from jobs.reference import render_reference, stale_pages, write_reference
from jobs.reference.reasons import QUARANTINE, find_reasons

SCHEMAS = ROOT / "schemas"
PAGES = ROOT / "docs" / "reference"


def headings(page: str) -> list[str]:
    return re.findall(r"^##+ (.+)$", page, flags=re.MULTILINE)


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    return render_reference(SCHEMAS)


@pytest.fixture
def schemas(tmp_path: Path) -> Path:
    """A copy to change."""
    return Path(shutil.copytree(SCHEMAS, tmp_path / "schemas"))


def test_the_committed_pages_are_current() -> None:
    assert stale_pages(SCHEMAS, PAGES) == [], "run `antifraud docs`"


def test_the_same_yaml_gives_the_same_pages(pages: dict[str, str]) -> None:
    assert render_reference(SCHEMAS) == pages
    assert sorted(pages) == ["codes.md", "feeds.md", "policy.md", "tables.md"]


def test_every_feed_has_its_section_with_every_column(pages: dict[str, str]) -> None:
    sections = dict(re.findall(r"^## (\S+)\n(.*?)(?=^## |\Z)", pages["feeds.md"], flags=re.M | re.S))
    feeds = load_contracts(SCHEMAS)
    assert sorted(sections) == sorted(feeds)
    for feed in feeds.values():
        missing = [name for name in list(feed.columns)[3:] if f"| `{name}` |" not in sections[feed.id]]
        assert missing == [], feed.id


def test_every_code_and_every_table_is_on_a_page(pages: dict[str, str]) -> None:
    lists = load_codes(SCHEMAS)
    assert set(lists) <= set(headings(pages["codes.md"]))
    for one in lists.values():
        assert [name for name in one.codes if f"| `{name}` |" not in pages["codes.md"]] == []
    tables = load_tables(SCHEMAS, load_contracts(SCHEMAS))
    assert set(tables) <= set(headings(pages["tables.md"]))


def test_a_column_inside_a_list_is_described_too(pages: dict[str, str]) -> None:
    cases = pages["feeds.md"].split("## public_security/case_reports\n")[1].split("\n## ")[0]
    assert "| `involved[].identifier` | string | yes | personal |" in cases
    assert "| `involved[].identifier` | as `identifier_type` says | `identifier` | `issuer` |" in cases
    assert "`finding_ref_missing`" in cases
    assert "Frees a person, also when the record is quarantined: `finding = 'unfounded'`." in cases


def test_a_policys_weights_stand_in_tables(pages: dict[str, str]) -> None:
    assert "| `sim` | 0.95 |" in pages["policy.md"]
    assert "| `lead` | 0.15 |" in pages["policy.md"]
    assert "| `propose_suspend.score` | 0.9 |" in pages["policy.md"]
    assert "| `emergency_number` | `phone` |" in pages["policy.md"]


def test_every_row_of_a_table_has_as_many_cells_as_its_heading(pages: dict[str, str]) -> None:
    width = 0
    for line in "\n".join(pages.values()).splitlines():
        cells = len(re.findall(r"(?<!\\)\|", line)) if line.startswith("|") else 0
        assert cells == width or width == 0 or cells == 0, line
        width = cells


def test_a_changed_contract_makes_its_pages_stale_and_writing_mends_them(schemas: Path, tmp_path: Path) -> None:
    out = tmp_path / "reference"
    assert write_reference(schemas, out) == ["codes.md", "feeds.md", "policy.md", "tables.md"]
    assert write_reference(schemas, out) == []
    feed = schemas / "feeds" / "telecom__subscriptions.yml"
    feed.write_text(feed.read_text(encoding="utf-8").replace("One record is one", "One record was one"), "utf-8")
    assert stale_pages(schemas, out) == ["feeds.md", "tables.md"]
    assert write_reference(schemas, out) == ["feeds.md", "tables.md"]
    assert stale_pages(schemas, out) == []


def test_a_page_that_nothing_makes_any_more_is_stale_and_goes(tmp_path: Path) -> None:
    write_reference(SCHEMAS, tmp_path)
    (tmp_path / "old.md").write_text("# Old\n", encoding="utf-8")
    assert stale_pages(SCHEMAS, tmp_path) == ["old.md"]
    assert write_reference(SCHEMAS, tmp_path) == ["old.md"]
    assert not (tmp_path / "old.md").exists()


def test_a_policy_with_a_typo_makes_no_page(schemas: Path) -> None:
    policy = schemas / "policy" / "default.yml"
    policy.write_text(policy.read_text(encoding="utf-8").replace("tail_days: 30", "tale_days: 30"), "utf-8")
    with pytest.raises(UserError, match="tale_days"):
        render_reference(schemas)


def test_reasons_of_a_feed_follow_from_its_contract() -> None:
    feeds, lists = load_contracts(SCHEMAS), load_codes(SCHEMAS)
    assert find_reasons(feeds["telecom/device_sightings"], lists) == [
        "undecodable", "missing_value", "wrong_type", "unknown_code", "ends_before_it_starts",
        "recorded_in_future", "imsi_format", "imei_check",
    ]  # fmt: skip
    assert "finding_ref_missing" in find_reasons(feeds["public_security/case_reports"], lists)
    assert "wallet_check" in find_reasons(feeds["public_security/case_reports"], lists)


def test_a_rule_whose_reason_nobody_explains_is_named(schemas: Path) -> None:
    feed = schemas / "feeds" / "telecom__device_sightings.yml"
    feed.write_text(feed.read_text(encoding="utf-8") + "rules: {seen_too_long: last_seen IS NULL}\n", "utf-8")
    with pytest.raises(UserError, match=r"telecom__device_sightings.yml: reason 'seen_too_long' is not"):
        render_reference(schemas)


def test_identifiers_reasons_are_those_of_the_specification(shared: Path) -> None:
    spec = (shared / "spec" / "identifiers.md").read_text(encoding="utf-8")
    rows = [line.strip("|").split(" | ") for line in spec.splitlines() if line.startswith("| `")]
    told = {
        (kind, reason)
        for row in rows
        for kind in re.findall(r"`(\w+)`", row[0])
        for reason in re.findall(r"`(\w+)`", row[-1])
    }
    listed = {
        (kind, reason)
        for reason, about in load_codes(SCHEMAS)[QUARANTINE].codes.items()
        for kind in about.get("types", ())
    }
    assert listed == told
    assert len(told) > 15


def test_reasons_for_refusing_a_delivery_are_those_of_the_specification(shared: Path) -> None:
    spec = (shared / "spec" / "feeds.md").read_text(encoding="utf-8")
    told = re.search(r"can be sent\. Reasons: (.*?)\.\n", spec, flags=re.S)
    assert told is not None
    assert sorted(re.findall(r"`(\w+)`", told[1])) == sorted(load_codes(SCHEMAS)["refusal_reasons"].codes)
