"""The policy is data, and a mistake in it names file and line instead of changing what is listed."""

from __future__ import annotations

from pathlib import Path

import pytest

from jobs.core.errors import UserError
from jobs.core.settings import ROOT
from jobs.policy import load_policy

TEXT = (ROOT / "schemas" / "policy" / "default.yml").read_text(encoding="utf-8")


def line_of(text: str, part: str) -> int:
    """The one line that holds the part."""
    (found,) = [number for number, line in enumerate(text.splitlines(), 1) if part in line]
    return found


def test_the_default_policy_has_the_numbers_of_the_specification() -> None:
    policy = load_policy(ROOT / "schemas", "default")
    weights = {kind: edge.weight for kind, edge in policy.edges.items()}
    assert weights == {
        "holder": 0.8, "bound_phone": 0.8, "sim": 0.95, "device": 0.6, "login_device": 0.5, "login_ip": 0.2, "hosted_on": 0.2, "part_of": 0.9,
        "transfer": 0.3,
    }  # fmt: skip
    assert policy.measures.terms == {"verify": 90, "restrict": 180, "suspend": 365, "close": 730}
    assert (
        policy.measures.article_22_due_days,
        policy.measures.implicit_tenure_binding_days,
        policy.measures.lead,
    ) == (15, 730, 0.15)


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        ("  min_influence: 0.05", "  min_influense: 0.05", "score.min_influense: is not a known key"),
        ("  sim: {weight: 0.95}", "  sim: {weight: 1.2}", "edges.sim.weight: Input should be less than or equal to 1"),
        ("  sim: {weight: 0.95}", "  sim: {weight: yes}", "edges.sim.weight: Input should be a valid number"),
        ("  hosted_on: {", "  hostd_on: {", "edges.hostd_on: 'hostd_on' is not an edge kind; did you mean 'hosted_on'?"),
        ("  site_unverified: {", "  guess: {", "signals.guess: 'guess' is not a signal kind; known are case_confirmed, "),
        ("standard: report, lives_days: 90}", 'standard: report, lives_days: "90"}',
         "signals.site_unverified.lives_days: Input should be a valid integer"),
        ("{kind: device, side: to, types: [imei]", "{kind: device, side: to, types: [imie]",
         "shared.bounds.3.types.0: 'imie' is not an identifier type; did you mean 'imei'?"),
        ("    - {kind: part_of, side: to, types: [domain]", "    - {kind: hosted_on, side: to, types: [domain, ip]",
         "shared.bounds.7: a bound for hosted_on, side to, of a ip is given above"),
        ("[public_security, finance, telecom, internet]", "[public_security, finance, telecom]",
         "score.agency_order: agency 'internet' is missing"),
        ("[public_security, finance, telecom, internet]", "[public_security, finance, telecom, internet, finance]",
         "score.agency_order.4: 'finance' is named twice"),
        ("[public_security, finance, telecom, internet]", "[police, finance, telecom, internet]",
         "score.agency_order.0: 'police' is not an agency; known are public_security, finance, telecom, internet"),
        ("verify: 90, ", "verify: 0, ", "measures.terms.verify: Input should be greater than 0"),
        ("verify: 90, ", "verify: -90, ", "measures.terms.verify: Input should be greater than 0"),
        ("verify: 90, ", "", "measures.terms: measure 'verify' is missing"),
        ("{restrict: county, suspend: city}", "{suspend: city}", "measures.decision_from: measure 'restrict' is missing"),
        ("{restrict: county, suspend: city}", "{restrict: county, suspend: town}",
         "measures.decision_from.suspend: Input should be 'county', 'city', 'province' or 'national'"),
        ("finding_close_from: city", "finding_close_from: town", "measures.finding_close_from: Input should be 'county', "),
        ("same_holder: {score: 0.4, from: city}", "same_holder: {score: 0.4, from: town}",
         "measures.same_holder.from: Input should be 'county', "),
        ("propose_suspend: {score: 0.9", "propose_suspend: {score: 0.6",
         "measures.propose_suspend.score: 0.6 is below that of propose_restrict, 0.7: "),
        ("  imei: {en", "  imie: {en", "legal_basis.imie: 'imie' is not an identifier type; did you mean 'imei'?"),
         ("{en: Article 11, zh: 第十一条}", "{en: Article 11}", "legal_basis.phone.zh: Field required"),
         ("{en: Article 31, zh: 第三十一条}", "{en: Article 31, zh: Article 31}", "legal_basis.national_id.zh: must be Chinese, without Latin"),
         ("{en: Article 14, zh: 第十四条}", "{en: Article 14, zh: 第十四条, fr: x}", "legal_basis.imei.fr: is not a known key"),
         ("    zh: 身份证件、账户或者号码的用途证明、本处置措施的编号", '    zh: " "', "due_process.materials_required.zh: must not be empty"),
    ],
    ids=["typo", "weight-above-one", "weight-yes", "unknown-edge", "unknown-signal", "text-for-days", "unknown-type", "bound-twice", "agency-missing",
         "agency-twice", "unknown-agency", "term-zero", "term-negative", "term-missing", "decision-missing", "unknown-level-of-decision",
         "unknown-level", "unknown-level-of-holder", "graver-sooner", "basis-of-no-type", "no-chinese", "english-for-chinese", "unknown-language", "empty-text"],
)  # fmt: skip
def test_a_mistake_names_file_line_and_rule(tmp_path: Path, old: str, new: str, rule: str) -> None:
    path = tmp_path / "candidate.yml"
    changed = TEXT.replace(old, new, 1)
    assert changed != TEXT
    path.write_text(changed, encoding="utf-8")
    with pytest.raises(UserError) as raised:
        load_policy(ROOT / "schemas", str(path))
    at = next(
        n for n, (was, is_) in enumerate(zip(TEXT.splitlines(), changed.splitlines(), strict=True), 1) if was != is_
    )
    assert str(raised.value).startswith(f"{path}:{at}: {rule}")


def test_a_misspelt_kind_is_the_one_thing_that_is_said(tmp_path: Path) -> None:
    path = tmp_path / "candidate.yml"
    path.write_text(TEXT.replace("  hosted_on: {", "  hostd_on: {"), encoding="utf-8")
    with pytest.raises(UserError) as raised:
        load_policy(ROOT / "schemas", str(path))
    assert "\n" not in str(raised.value)


def test_where_to_appeal_must_be_said_in_chinese_too(tmp_path: Path) -> None:
    path = tmp_path / "candidate.yml"
    line = "    zh: 处置措施作出地的市级反电信网络诈骗中心，或者公安机关反诈专线96110\n"
    assert line in TEXT
    path.write_text(TEXT.replace(line, ""), encoding="utf-8")
    with pytest.raises(UserError) as raised:
        load_policy(ROOT / "schemas", str(path))
    at = line_of(TEXT, "  remedy_channel:")
    assert str(raised.value) == f"{path}:{at}: due_process.remedy_channel.zh: Field required"


def test_a_kind_that_is_missing_is_named(tmp_path: Path) -> None:
    path = tmp_path / "candidate.yml"
    line = "  site_unverified: {strength: 0.4, standard: report, lives_days: 90}\n"
    assert line in TEXT
    path.write_text(TEXT.replace(line, ""), encoding="utf-8")
    at = line_of(TEXT, "signals:")
    with pytest.raises(UserError, match=rf"candidate\.yml:{at}: signals: kind 'site_unverified' is missing"):
        load_policy(ROOT / "schemas", str(path))


def test_a_policy_that_is_not_there_is_answered_with_those_that_are() -> None:
    with pytest.raises(UserError, match=r"there is no such policy; known are default$"):
        load_policy(ROOT / "schemas", "defualt")


def test_a_folder_is_no_policy(tmp_path: Path) -> None:
    with pytest.raises(UserError) as raised:
        load_policy(ROOT / "schemas", str(tmp_path))
    assert str(raised.value) == f"{tmp_path}: is a folder; a policy is one file"
