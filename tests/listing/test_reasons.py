"""The sentence that says why, in both languages."""

from __future__ import annotations

from datetime import date
from typing import Any

from jobs.listing import reasons
from tests.signals.rows import frame

ROW = "test string, type string, due_on date, agencies array<string>, path_kinds array<string>"


def said(**row: Any) -> tuple[str, str]:
    rows = frame(ROW, [{"agencies": ["public_security"], "path_kinds": [], **row}])
    return rows.select(zh=reasons.reason_zh(), en=reasons.reason_en()).row(0)  # type: ignore[return-value]


def test_a_listing_says_why_what_and_who_in_both_languages() -> None:
    assert said(test="finding", type="bank_card") == (
        "主管机关已认定该银行卡用于电信网络诈骗。 来源部门： 公安.",
        "An authority found that this bank card was used in telecom or online fraud. Agencies: public security.",
    )


def test_the_path_is_named_by_its_steps_and_the_agencies_by_their_names() -> None:
    zh, en = said(test="same_holder", type="imei", path_kinds=["holder", "sim"], agencies=["finance", "telecom"])
    assert en == (
        "An authority found that another identifier of the same holder was used in fraud; this device must be verified. "
        "Path: holder > sim. Agencies: finance, telecom."
    )
    assert (
        zh
        == "同一持有人名下的其他标识已被认定用于诈骗，该终端设备须重新核验。 关联路径： holder > sim. 来源部门： 金融, 电信."
    )


def test_a_deadline_is_named_where_it_passed() -> None:
    zh, en = said(test="verification_overdue", type="bank_account", due_on=date(2026, 10, 5))
    assert "It had to be verified by 2026-10-05 and" in en
    assert "要求在2026-10-05前完成核验" in zh
    assert "by - and" in said(test="verification_overdue", type="bank_account")[1]


def test_every_test_has_a_sentence_in_both_languages_and_a_kind_without_a_name_is_an_identifier() -> None:
    assert set(reasons.EN) == set(reasons.ZH)
    assert set(reasons.TYPE_EN) == set(reasons.TYPE_ZH)
    assert "name this identifier;" in said(test="proposed_for_review", type="something_new")[1]
