"""What a person is told, word by word, in both languages."""

from __future__ import annotations

import re
from datetime import date
from itertools import product
from typing import Any, get_args

import polars as pl
import pytest

from jobs.core.contracts import load_codes
from jobs.core.settings import ROOT
from jobs.listing import reasons
from jobs.listing.tests import MEASURES
from jobs.policy import EdgeKind
from tests.signals.rows import CONTRACTS, LEVELS, POLICY, frame

ROW = (
    "type string, test string, measure string, reasons array<string>, found array<string>, path_kinds array<string>, agencies array<string>, "
    "deciding_body string, due_on date, expires_on date"
)
END_ZH = (
    "申诉渠道：处置措施作出地的市级反电信网络诈骗中心，或者公安机关反诈专线96110。"
    "申诉材料：身份证件、账户或者号码的用途证明、本处置措施的编号。"
)
END_EN = (
    " Where to appeal: Anti-fraud centre of the city where the measure was taken, or the public security hotline 96110."
    " Papers to bring: Identity document; proof of the account's or number's use; the listing_id of this measure."
)


def row(**given: Any) -> dict[str, Any]:
    test = given["test"]
    usual = {
        "measure": "verify", "reasons": [test], "found": [], "path_kinds": [], "agencies": ["public_security"], "deciding_body": reasons.BY_RULE,
        "expires_on": date(2026, 12, 30),
    }  # fmt: skip
    return {**usual, **given}


def told(*rows: dict[str, Any]) -> pl.DataFrame:
    """In the order of the rows."""
    return reasons.tell_reasons(frame(ROW, rows), POLICY)


def said(**given: Any) -> tuple[str, str]:
    return told(row(**given)).select("reason_zh", "reason_en").row(0)  # type: ignore[return-value]


FOUND = {"test": "finding", "measure": "close", "expires_on": date(2028, 9, 30), "deciding_body": "public_security city"}  # fmt: skip


def test_a_finding_says_by_which_law_who_decided_until_when_and_where_to_appeal() -> None:
    zh, en = said(type="bank_card", **FOUND)
    assert zh == (
        "经主管机关认定，该银行卡被用于电信网络诈骗。线索来源：公安机关。处置措施：关停，期限至2028年9月30日。"
        "依据：《中华人民共和国反电信网络诈骗法》第十八条。决定机关：市级公安机关。" + END_ZH
    )
    assert en == (
        "An authority found that this bank card was used in telecom or online fraud. Agencies: public security authorities."
        " Measure: closed, until 2028-09-30. Legal basis: Article 18 of the Anti-Telecom and Online Fraud Law of the People's Republic of China."
        " Decided by: the public security authority of the city." + END_EN
    )


def test_an_account_bound_to_a_number_of_a_fraud_is_told_so_with_the_due_date() -> None:
    given = {
        "type": "internet_account",
        "test": "bound_to_fraud_phone",
        "path_kinds": ["bound_phone"],
        "agencies": ["telecom"],
    }
    assert said(**given, due_on=date(2026, 10, 16)) == (
        "该互联网账号绑定或者曾经绑定的手机号被认定或者报告用于诈骗，且在该诈骗发生前未解除绑定。关联路径：绑定手机号。"
        "线索来源：电信主管部门。处置措施：重新核验，期限至2026年12月30日。核验期限：2026年10月16日前（含当日）。"
        "依据：《中华人民共和国反电信网络诈骗法》第二十二条。决定机关：反电信网络诈骗平台（依照规则作出）。" + END_ZH,
        "A phone number that this internet account is or was bound to was found or reported to be used in fraud, and the binding had not ended"
        " before that fraud. Path: bound phone number. Agencies: telecom regulators. Measure: to be verified again, until 2026-12-30."
        " Verification is due by 2026-10-16. Legal basis: Article 22 of the Anti-Telecom and Online Fraud Law of the People's Republic of China."
        " Decided by: the anti-fraud platform, by rule." + END_EN,
    )  # fmt: skip
    zh, en = said(**given)
    assert "核验期限" not in zh
    assert "due" not in en


def test_what_is_overdue_says_what_had_to_be_verified_and_that_verifying_lifts_it() -> None:
    given = {
        "type": "bank_account", "test": "verification_overdue", "measure": "restrict", "reasons": ["bound_to_fraud_phone", "verification_overdue"],
        "path_kinds": ["bound_phone"], "expires_on": date(2027, 4, 15),
    }  # fmt: skip
    assert said(**given, due_on=date(2026, 10, 5)) == (
        "该银行账户绑定或者曾经绑定的手机号被认定或者报告用于诈骗，且在该诈骗发生前未解除绑定。"
        "该银行账户应当于2026年10月5日前（含当日）完成核验，逾期未收到核验结果。处置措施因此升级，核验通过后解除。"
        "关联路径：绑定手机号。线索来源：公安机关。处置措施：限制功能，期限至2027年4月15日。"
        "依据：《中华人民共和国反电信网络诈骗法》第十八条。决定机关：反电信网络诈骗平台（依照规则作出）。" + END_ZH,
        "A phone number that this bank account is or was bound to was found or reported to be used in fraud, and the binding had not ended"
        " before that fraud. Verification was required by 2026-10-05, and no outcome was received in time. The measure was raised for that, and is"
        " lifted when the bank account is verified. Path: bound phone number. Agencies: public security authorities."
        " Measure: restricted, until 2027-04-15. Legal basis: Article 18 of the Anti-Telecom and Online Fraud Law of the People's Republic of China."
        " Decided by: the anti-fraud platform, by rule." + END_EN,
    )  # fmt: skip
    zh, en = said(**given)
    assert "该银行账户应当在规定期限内完成核验，" in zh
    assert "Verification was required by a due date, and" in en


def test_a_decision_that_stands_by_itself_is_not_said_to_be_lifted_by_verifying() -> None:
    both = ["bound_to_fraud_phone", "review_decision", "verification_overdue"]
    zh, en = said(
        type="bank_card", test="review_decision", measure="restrict", reasons=both, due_on=date(2026, 10, 5), agencies=["finance", "public_security"],
        deciding_body="public_security county",
    )  # fmt: skip
    assert zh == (
        "公安机关经人工审查两个以上部门的线索，对该银行卡作出处置决定。"
        "该银行卡绑定或者曾经绑定的手机号被认定或者报告用于诈骗，且在该诈骗发生前未解除绑定。"
        "该银行卡应当于2026年10月5日前（含当日）完成核验，逾期未收到核验结果。线索来源：公安机关、金融管理部门。"
        "处置措施：限制功能，期限至2026年12月30日。依据：《中华人民共和国反电信网络诈骗法》第十八条。决定机关：县级公安机关。"
        + END_ZH
    )
    assert en.startswith(
        "After reviewing reports of two or more agencies, a named official decided on a measure for this bank card. A phone number that"
    )
    assert "raised" not in en


def test_derived_control_shows_the_path_in_words() -> None:
    assert said(
        type="imei", test="same_holder", path_kinds=["holder", "sim", "device"], agencies=["internet", "public_security"]
    ) == (
        "经主管机关认定，该终端设备的持有人，或者其名下的其他号码、账户、设备等，涉及电信网络诈骗或者非法买卖、出租、出借电话卡、账户。"
        "关联路径：登记持有→所用电话卡→插卡设备。线索来源：公安机关、网信部门。处置措施：重新核验，期限至2026年12月30日。"
        "依据：《中华人民共和国反电信网络诈骗法》第十四条。决定机关：反电信网络诈骗平台（依照规则作出）。" + END_ZH,
        "An authority found that the holder of this device, or another number, account or device of the same holder, took part in or was used in"
        " telecom or online fraud, or in trading cards or accounts. Path: registered holder → SIM card → device of the SIM card."
        " Agencies: public security authorities, internet regulators. Measure: to be verified again, until 2026-12-30."
        " Legal basis: Article 14 of the Anti-Telecom and Online Fraud Law of the People's Republic of China."
        " Decided by: the anti-fraud platform, by rule." + END_EN,
    )  # fmt: skip


def test_what_is_bound_and_proposed_is_told_both() -> None:
    zh, en = said(
        type="payment_account", test="bound_to_fraud_phone", reasons=["bound_to_fraud_phone", "proposed_for_review"], path_kinds=["bound_phone"],
        due_on=date(2026, 10, 16), agencies=["finance", "public_security"],
    )  # fmt: skip
    assert zh.startswith(
        "该支付账户绑定或者曾经绑定的手机号被认定或者报告用于诈骗，且在该诈骗发生前未解除绑定。"
        "两个以上部门的线索指向该支付账户，是否采取进一步处置措施，待人工审查决定。关联路径：绑定手机号。"
    )
    assert (
        " before that fraud. Reports of two or more agencies point to this payment account, and a person is to decide whether more is done. Path: "
        in en
    )


@pytest.mark.parametrize(
    ("type_", "found", "zh", "en"),
    [
        (
            "national_id", ["person_convicted"], "该人员因从事电信网络诈骗活动或者关联犯罪被判决有罪。",
            "This person was convicted of telecom or online fraud or of an offence connected with it.",
        ),
        (
            "uscc", ["person_account_trading"], "经公安机关认定，该单位非法买卖、出租、出借电话卡、账户等。",
            "The public security authority found that this company unlawfully traded, rented out or lent phone cards or accounts.",
        ),
        (
            "passport", ["case_confirmed"], "经公安机关认定，该人员参与电信网络诈骗案件或者收取涉案资金。",
            "The public security authority found that this person took part in a case of telecom or online fraud or received its money.",
        ),
        (
            "other_document", ["person_charged"], "经主管机关认定，该人员参与电信网络诈骗，或者非法买卖、出租、出借电话卡、账户等。",
            "An authority found that this person took part in telecom or online fraud, or in trading, renting out or lending phone cards or accounts.",
        ),
        (
            "national_id", ["case_confirmed", "person_convicted"],
            "该人员因从事电信网络诈骗活动或者关联犯罪被判决有罪。经公安机关认定，该人员参与电信网络诈骗案件或者收取涉案资金。",
            "This person was convicted of telecom or online fraud or of an offence connected with it. The public security authority found that this person took part in a case of telecom or online fraud or received its money.",
        ),
    ],
    ids=["convicted", "account_trading", "case", "another-kind", "two"],
)  # fmt: skip
def test_a_person_is_told_what_was_found_of_him_and_that_no_thing_was_used(
    type_: str, found: list[str], zh: str, en: str
) -> None:
    assert said(type=type_, found=found, **FOUND) == (
        zh + "线索来源：公安机关。处置措施：暂停新办电话卡、新开账户，期限至2028年9月30日。"
        "依据：《中华人民共和国反电信网络诈骗法》第三十一条。决定机关：市级公安机关。" + END_ZH,
        en + " Agencies: public security authorities. Measure: no new phone cards or accounts, until 2028-09-30."
        " Legal basis: Article 31 of the Anti-Telecom and Online Fraud Law of the People's Republic of China."
        " Decided by: the public security authority of the city." + END_EN,
    )


def test_a_finding_on_a_thing_names_no_kind_and_none_is_told_by_its_absence() -> None:
    assert said(type="phone", found=["case_confirmed"], **FOUND) == said(type="phone", **FOUND)


def everything() -> pl.DataFrame:
    """Every type with every test, measure, edge kind and body, and a type that has no word yet."""
    types = [*reasons.ZH.types, "something_new"]
    edges, bodies, agencies = list(reasons.ZH.edges), list(reasons.ZH.bodies), list(reasons.ZH.agencies)
    rows = [
        row(
            type=type_, test=test, measure=measure, reasons=list(reasons.ZH.reasons) if number % 2 else [test], path_kinds=edges[number % 9 :][: number % 4],
            deciding_body=bodies[number % len(bodies)], agencies=agencies[: number % 5], found=list(reasons.ZH.of_a_person)[: number % 4],
            due_on=date(2026, 10, 16) if number % 3 else None,
        )
        for number, (type_, test, measure) in enumerate(product(types, reasons.ZH.reasons, MEASURES))
    ]  # fmt: skip
    return told(*rows)


def test_no_row_has_latin_letters_in_chinese_nor_a_code_or_a_placeholder_in_any_language() -> None:
    rows = everything()
    assert rows.height > 300
    for zh, en in rows.select("reason_zh", "reason_en").rows():
        assert re.fullmatch(r"[\u4e00-\u9fff0-9，。、：；→（）《》]+", zh), zh
        assert not re.search(r"[，。、：][，。、：]", zh), zh
        assert re.fullmatch(r"[A-Za-z0-9 ,.:;'→-]+", en.replace("listing_id", "")), en
        assert not re.search(r"\b(None|null)\b|: [.,]|  | -|- |\.\.|\{", en), en


def test_rows_that_are_told_the_same_stay_rows_in_their_order() -> None:
    kinds = ["bank_card", "phone", "bank_card", "imei", "phone"]
    rows = told(*(row(type=kind, **FOUND) for kind in kinds))
    assert rows["type"].to_list() == kinds
    assert [re.findall("该(.+)被用于", text) for text in rows["reason_zh"]] == [
        [reasons.ZH.types[kind]] for kind in kinds
    ]


def test_what_is_not_known_is_left_out() -> None:
    zh, en = said(type="something_new", test="finding", agencies=[], measure="close")
    assert zh.startswith("经主管机关认定，该标识被用于电信网络诈骗。处置措施：关停，")
    assert en.startswith("An authority found that this identifier was used in telecom or online fraud. Measure: closed,")  # fmt: skip
    assert "依据" not in zh
    assert "Legal basis" not in en


def test_every_code_has_its_words_in_both_languages() -> None:
    for words in (reasons.EN, reasons.ZH):
        assert set(words.edges) == set(get_args(EdgeKind))
        assert set(words.measures) == set(MEASURES)
        assert set(words.types) >= set(POLICY.legal_basis)
        assert set(words.bodies) == {
            reasons.BY_RULE,
            "public_security",
            *(f"public_security {level}" for level in LEVELS),
        }
        assert set(words.agencies) == {feed.agency for feed in CONTRACTS.values() if feed.agency != "guard"}
        kinds = {kind for kind, signal in POLICY.signals.items() if signal.standard == "finding"}
        assert {*words.of_a_person} == {*kinds, ""}
    assert list(reasons.EN.reasons) == list(reasons.ZH.reasons)
    assert set(reasons.EN.types) <= set(load_codes(ROOT / "schemas")["identifier_types"].codes)
