"""Why, for the person concerned, in Chinese and in English. No raw record, no name, no number of anybody else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import polars as pl

from jobs.graph.parties import DOCUMENTS
from jobs.policy import Policy

BY_RULE = "anti-fraud platform, by rule"
OVERDUE = "verification_overdue"
TOLD_BY = ("type", "test", "measure", "reasons", "found", "path_kinds", "agencies", "deciding_body", "due_on", "expires_on")  # fmt: skip
"""`found`: kinds of the findings on the node; `path_kinds`: edge kinds of the path by which the test lists it."""


@dataclass(frozen=True)
class Words:
    """The words of one language. A clause stands where everything that it names is there: `{path}` `{agencies}` `{measure}` `{until}` `{due}`
    `{law}` `{article}` `{body}` `{channel}` `{papers}`, and in a reason `{type}` and `{by}`."""

    code: Literal["zh", "en"]
    space: str
    """Between clauses."""
    comma: str
    day: str
    """A date, as strftime."""
    reasons: dict[str, str]
    """By reason, in the order in which they are told."""
    of_a_person: dict[str, str]
    """What a finding is when a document is listed: by kind of signal, "" where that kind has no clause of its own."""
    overdue: str
    """What being overdue did, where it is the test."""
    by: tuple[str, str]
    """{by}: with the due date, and without."""
    clauses: tuple[str, ...]
    types: dict[str, str]
    other_type: str
    measures: dict[str, str]
    no_new: str
    """What `suspend` and `close` are on a document: nothing new in that name."""
    agencies: dict[str, str]
    edges: dict[str, str]
    bodies: dict[str, str]


EN = Words(
    code="en", space=" ", comma=", ", day="%Y-%m-%d",
    reasons={
        "finding": "An authority found that this {type} was used in telecom or online fraud.",
        "review_decision": "After reviewing reports of two or more agencies, a named official decided on a measure for this {type}.",
        "bound_to_fraud_phone": "A phone number that this {type} is or was bound to was found or reported to be used in fraud, and the binding had "
        "not ended before that fraud.",
        "verification_overdue": "Verification was required {by}, and no outcome was received in time.",
        "same_holder": "An authority found that the holder of this {type}, or another number, account or device of the same holder, took part in or "
        "was used in telecom or online fraud, or in trading cards or accounts.",
        "proposed_for_review": "Reports of two or more agencies point to this {type}, and a person is to decide whether more is done.",
    },
    of_a_person={
        "person_convicted": "This {type} was convicted of telecom or online fraud or of an offence connected with it.",
        "person_account_trading": "The public security authority found that this {type} unlawfully traded, rented out or lent phone cards or accounts.",
        "case_confirmed": "The public security authority found that this {type} took part in a case of telecom or online fraud or received its money.",
        "": "An authority found that this {type} took part in telecom or online fraud, or in trading, renting out or lending phone cards or accounts.",
    },
    overdue="The measure was raised for that, and is lifted when the {type} is verified.",
    by=("by {due}", "by a due date"),
    clauses=(
        "Path: {path}.", "Agencies: {agencies}.", "Measure: {measure}, until {until}.", "Verification is due by {due}.",
        "Legal basis: {article} of the {law}.",
        "Decided by: {body}.", "Where to appeal: {channel}.", "Papers to bring: {papers}.",
    ),
    types={
        "phone": "phone number", "bank_account": "bank account", "bank_card": "bank card", "payment_account": "payment account",
        "internet_account": "internet account", "imei": "device", "domain": "domain", "url": "web address", "crypto_wallet": "crypto wallet",
        "national_id": "person", "passport": "person", "other_document": "person", "uscc": "company",
    },
    other_type="identifier",
    measures={"verify": "to be verified again", "restrict": "restricted", "suspend": "suspended", "close": "closed"},
    no_new="no new phone cards or accounts",
    agencies={
        "public_security": "public security authorities", "finance": "financial regulators", "telecom": "telecom regulators",
        "internet": "internet regulators",
    },
    edges={
        "holder": "registered holder", "bound_phone": "bound phone number", "sim": "SIM card", "device": "device of the SIM card",
        "login_device": "login device", "login_ip": "login IP address", "hosted_on": "hosting address", "part_of": "domain of the site",
        "transfer": "money transfer",
    },
    bodies={
        BY_RULE: "the anti-fraud platform, by rule", "public_security": "the public security authority",
        "public_security county": "the public security authority of the county", "public_security city": "the public security authority of the city",
        "public_security province": "the public security authority of the province", "public_security national": "the Ministry of Public Security",
    },
)  # fmt: skip
ZH = Words(
    code="zh", space="", comma="、", day="%Y年%-m月%-d日",
    reasons={
        "finding": "经主管机关认定，该{type}被用于电信网络诈骗。",
        "review_decision": "公安机关经人工审查两个以上部门的线索，对该{type}作出处置决定。",
        "bound_to_fraud_phone": "该{type}绑定或者曾经绑定的手机号被认定或者报告用于诈骗，且在该诈骗发生前未解除绑定。",
        "verification_overdue": "该{type}应当{by}完成核验，逾期未收到核验结果。",
        "same_holder": "经主管机关认定，该{type}的持有人，或者其名下的其他号码、账户、设备等，涉及电信网络诈骗或者非法买卖、出租、出借电话卡、账户。",
        "proposed_for_review": "两个以上部门的线索指向该{type}，是否采取进一步处置措施，待人工审查决定。",
    },
    of_a_person={
        "person_convicted": "该{type}因从事电信网络诈骗活动或者关联犯罪被判决有罪。",
        "person_account_trading": "经公安机关认定，该{type}非法买卖、出租、出借电话卡、账户等。",
        "case_confirmed": "经公安机关认定，该{type}参与电信网络诈骗案件或者收取涉案资金。",
        "": "经主管机关认定，该{type}参与电信网络诈骗，或者非法买卖、出租、出借电话卡、账户等。",
    },
    overdue="处置措施因此升级，核验通过后解除。",
    by=("于{due}前（含当日）", "在规定期限内"),
    clauses=(
        "关联路径：{path}。", "线索来源：{agencies}。", "处置措施：{measure}，期限至{until}。", "核验期限：{due}前（含当日）。",
        "依据：《{law}》{article}。",
        "决定机关：{body}。", "申诉渠道：{channel}。", "申诉材料：{papers}。",
    ),
    types={
        "phone": "电话号码", "bank_account": "银行账户", "bank_card": "银行卡", "payment_account": "支付账户", "internet_account": "互联网账号",
        "imei": "终端设备", "domain": "域名", "url": "网址", "crypto_wallet": "虚拟货币钱包", "national_id": "人员", "passport": "人员",
        "other_document": "人员", "uscc": "单位",
    },
    other_type="标识",
    measures={"verify": "重新核验", "restrict": "限制功能", "suspend": "暂停使用", "close": "关停"},
    no_new="暂停新办电话卡、新开账户",
    agencies={"public_security": "公安机关", "finance": "金融管理部门", "telecom": "电信主管部门", "internet": "网信部门"},
    edges={
        "holder": "登记持有", "bound_phone": "绑定手机号", "sim": "所用电话卡", "device": "插卡设备", "login_device": "登录设备",
        "login_ip": "登录网络地址", "hosted_on": "网站托管地址", "part_of": "所属域名", "transfer": "资金转账",
    },
    bodies={
        BY_RULE: "反电信网络诈骗平台（依照规则作出）", "public_security": "公安机关", "public_security county": "县级公安机关",
        "public_security city": "市级公安机关", "public_security province": "省级公安机关", "public_security national": "公安部",
    },
)  # fmt: skip


def tell_reasons(rows: pl.DataFrame, policy: Policy) -> pl.DataFrame:
    """The rows with reason_zh and reason_en: by TOLD_BY, each wording made once for all rows that share it."""
    said = rows.select(TOLD_BY).unique()
    said = said.with_columns(reason_zh=_sentences(ZH, policy), reason_en=_sentences(EN, policy))
    return rows.join(said, on=TOLD_BY, how="left", nulls_equal=True, validate="m:1", maintain_order="left")


def _sentences(words: Words, policy: Policy) -> pl.Expr:
    row = _values(words, policy)
    clauses = [*_reasons(words, row), *(_filled(clause, row) for clause in words.clauses)]
    return pl.concat_str(clauses, separator=words.space, ignore_nulls=True)


def _reasons(words: Words, row: dict[str, pl.Expr]) -> Iterator[pl.Expr]:
    """Every reason that holds, each by itself."""
    for reason, clause in words.reasons.items():
        holds = pl.col("reasons").list.contains(reason)
        if reason == "finding":
            of_a_person = holds & pl.col("type").is_in(DOCUMENTS)
            known = {kind: pl.col("found").list.contains(kind) for kind in words.of_a_person if kind}
            known[""] = ~pl.any_horizontal(*known.values())
            for kind, is_found in known.items():
                yield pl.when(of_a_person & is_found).then(_filled(words.of_a_person[kind], row))
            holds &= ~pl.col("type").is_in(DOCUMENTS)
        yield pl.when(holds).then(_filled(clause, row))
        if reason == OVERDUE:
            yield pl.when(pl.col("test") == reason).then(_filled(words.overdue, row))


def _values(words: Words, policy: Policy) -> dict[str, pl.Expr]:
    """What stands for each `{name}` of a row; null where there is nothing to say."""
    language, process = words.code, policy.due_process
    articles = {type_: getattr(article, language) for type_, article in policy.legal_basis.items()}
    due = pl.col("due_on").dt.to_string(words.day)
    is_over = pl.col("reasons").list.contains(OVERDUE)
    steps = pl.col("path_kinds").list.eval(_word(words.edges, pl.element())).list.join(f"{words.space}→{words.space}")
    by, by_a_date = words.by
    return {
        "type": _word(words.types, pl.col("type")).fill_null(words.other_type),
        "due": pl.when(~is_over).then(due),
        "by": _filled(by, {"due": due}).fill_null(by_a_date),
        "measure": pl.when(pl.col("type").is_in(DOCUMENTS))
        .then(pl.lit(words.no_new))
        .otherwise(_word(words.measures, pl.col("measure"))),
        "until": pl.col("expires_on").dt.to_string(words.day),
        "path": _or_null(steps),
        "agencies": _or_null(_listed(words.agencies, words.comma)),
        "article": _word(articles, pl.col("type")),
        "law": pl.lit(getattr(policy.law, language)),
        "body": _word(words.bodies, pl.col("deciding_body")),
        "channel": pl.lit(getattr(process.remedy_channel, language)),
        "papers": pl.lit(getattr(process.materials_required, language)),
    }


def _word(texts: dict[str, str], key: pl.Expr) -> pl.Expr:
    return key.replace_strict(texts, default=None, return_dtype=pl.String)


def _listed(texts: dict[str, str], comma: str) -> pl.Expr:
    """The agencies of a row, in the order of the texts."""
    named = (pl.when(pl.col("agencies").list.contains(code)).then(pl.lit(text)) for code, text in texts.items())
    return pl.concat_str(*named, separator=comma, ignore_nulls=True)


def _or_null(text: pl.Expr) -> pl.Expr:
    return pl.when(text != "").then(text)


def _filled(template: str, row: dict[str, pl.Expr]) -> pl.Expr:
    """A template as an expression: each `{name}` is what stands in the row; null where one of them is."""
    parts = [part for part in re.split(r"(\{\w+\})", template) if part]
    return pl.concat_str([row[part[1:-1]] if part.startswith("{") else pl.lit(part) for part in parts])
