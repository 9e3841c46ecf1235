"""Why, in a sentence that a person can read, in Chinese and in English. No raw record, no name, no number of anybody else."""

from __future__ import annotations

import re

import polars as pl

EN = {
    "finding": "An authority found that this {type} was used in telecom or online fraud.",
    "review_decision": "A named official decided this measure after reviewing a proposal that rests on reports of two agencies.",
    "verification_overdue": "It had to be verified by {due} and no outcome was received, so the measure was raised until it is.",
    "bound_to_fraud_phone": "It is registered with a phone number that was used in fraud, and that binding had not ended at the time of the fraud; "
    "its holder must be verified again.",
    "same_holder": "An authority found that another identifier of the same holder was used in fraud; this {type} must be verified.",
    "proposed_for_review": "Reports of two agencies name this {type}; it must be verified while a person decides.",
}
ZH = {
    "finding": "主管机关已认定该{type}用于电信网络诈骗。",
    "review_decision": "经办人员审查两个部门的线索后作出本处置决定。",
    "verification_overdue": "要求在{due}前完成核验，逾期未收到核验结果，故提高处置等级，核验后即可解除。",
    "bound_to_fraud_phone": "该账户绑定的手机号曾用于诈骗，且诈骗发生时该绑定尚未解除，须重新核验使用人身份。",
    "same_holder": "同一持有人名下的其他标识已被认定用于诈骗，该{type}须重新核验。",
    "proposed_for_review": "两个部门的线索均指向该{type}，在人工决定前须先行核验。",
}
TYPE_EN = {
    "phone": "phone number", "bank_account": "bank account", "bank_card": "bank card", "payment_account": "payment account",
    "internet_account": "internet account", "imei": "device", "domain": "domain", "url": "web address", "crypto_wallet": "crypto wallet",
    "national_id": "person", "passport": "person", "other_document": "person", "uscc": "company",
}  # fmt: skip
TYPE_ZH = {
    "phone": "电话号码", "bank_account": "银行账户", "bank_card": "银行卡", "payment_account": "支付账户", "internet_account": "互联网账号",
    "imei": "终端设备", "domain": "域名", "url": "网址", "crypto_wallet": "虚拟货币钱包", "national_id": "人员", "passport": "人员",
    "other_document": "人员", "uscc": "单位",
}  # fmt: skip
AGENCY_EN = {"public_security": "public security", "finance": "finance", "telecom": "telecom", "internet": "internet"}
AGENCY_ZH = {"public_security": "公安", "finance": "金融", "telecom": "电信", "internet": "网信"}


def _words(texts: dict[str, str], key: pl.Expr, otherwise: str) -> pl.Expr:
    return key.replace_strict(texts, default=otherwise, return_dtype=pl.String)


def _filled(template: str, given: dict[str, pl.Expr]) -> pl.Expr:
    """A template as an expression: each `{name}` is what stands in the row."""
    parts = [part for part in re.split(r"(\{\w+\})", template) if part]
    return pl.concat_str([given[part[1:-1]] if part.startswith("{") else pl.lit(part) for part in parts])


def _sentence(
    texts: dict[str, str], types: dict[str, str], agencies: dict[str, str], path: str, source: str, colon: str
) -> pl.Expr:
    given = {
        "type": _words(types, pl.col("type"), "identifier"),
        "due": pl.col("due_on").dt.to_string("%Y-%m-%d").fill_null("-"),
    }
    why = pl.coalesce(*(pl.when(pl.col("test") == test).then(_filled(text, given)) for test, text in texts.items()), pl.lit(""))  # fmt: skip
    names = pl.col("agencies").list.eval(_words(agencies, pl.element(), "")).list.join(", ")
    steps = pl.when(pl.col("path_kinds").list.len() > 0).then(
        pl.concat_str(pl.lit(f" {path}{colon} "), pl.col("path_kinds").list.join(" > "), pl.lit("."))
    )
    return pl.concat_str(why, steps.fill_null(""), pl.lit(f" {source}{colon} "), names, pl.lit("."))


def reason_en() -> pl.Expr:
    """Of a row with test, type, due_on, agencies and path_kinds (edge kinds of the path that explains it)."""
    return _sentence(EN, TYPE_EN, AGENCY_EN, "Path", "Agencies", ":")


def reason_zh() -> pl.Expr:
    """The same in Chinese."""
    return _sentence(ZH, TYPE_ZH, AGENCY_ZH, "关联路径", "来源部门", "：")
