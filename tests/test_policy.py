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
        ("  hosted_on: {weight: 0.2", "  hosted_at: {weight: 0.2", "edges.hosted_at"),
        ("  site_unverified: {", "  site_guessed: {", "signals.site_guessed"),
        (
            "  phone: {en: Article 11, zh: 第十一条}",
            "  phone: {en: Article 11}",
            "legal_basis.phone.zh: Field required",
        ),
        (
            "  uscc: {en: Article 31, zh: 第三十一条}",
            "  uscc: {en: Article 31, zh: Article 31}",
            "legal_basis.uscc.zh: must be Chinese, without Latin",
        ),
        (
            "    en: Identity document",
            "    english: Identity document",
            "due_process.materials_required.english: is not a known key",
        ),
        (
            "    zh: 身份证件、账户或者号码的用途证明、本处置措施的编号",
            '    zh: " "',
            "due_process.materials_required.zh: must not be empty",
        ),
    ],
    ids=[
        "typo",
        "weight-above-one",
        "unknown-edge",
        "unknown-signal",
        "no-chinese",
        "english-for-chinese",
        "unknown-language",
        "empty",
    ],
)
def test_a_mistake_names_file_line_and_rule(tmp_path: Path, old: str, new: str, rule: str) -> None:
    path = tmp_path / "candidate.yml"
    changed = TEXT.replace(old, new, 1)
    assert changed != TEXT
    path.write_text(changed, encoding="utf-8")
    with pytest.raises(UserError) as raised:
        load_policy(ROOT / "schemas", str(path))
    assert str(raised.value).startswith(f"{path}:{line_of(changed, new)}: ")
    assert rule in str(raised.value)


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
    with pytest.raises(UserError, match="signals: kind 'site_unverified' is missing"):
        load_policy(ROOT / "schemas", str(path))


def test_a_policy_that_is_not_there_is_answered_with_those_that_are() -> None:
    with pytest.raises(UserError, match="there is no such policy; known are default"):
        load_policy(ROOT / "schemas", "defualt")
