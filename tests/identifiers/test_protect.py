"""Protected identifiers are never listed; what is below a guarded domain or a public suffix may be."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from jobs.core.contracts import CodeList, load_codes
from jobs.core.errors import UserError
from jobs.core.settings import ROOT
from jobs.identifiers.keys import node_ids
from jobs.identifiers.protect import Guarded, Protected, is_pattern, load_protected, mark_protected


@pytest.fixture(scope="module")
def codes() -> dict[str, CodeList]:
    return load_codes(Path(ROOT) / "schemas")


@pytest.fixture(scope="module")
def protected(codes: dict[str, CodeList]) -> Protected:
    return load_protected(Path(ROOT) / "schemas" / "policy" / "protected.yml", codes)


def test_each_kind_of_protection_reaches_as_far_as_it_should(protected: Protected) -> None:
    expected = {
        ("phone", "+8695588"): "bank_hotline",
        ("phone", "+862195588"): "bank_hotline",
        ("phone", "+86110"): "emergency_number",
        ("phone", "+8696110"): "government_line",
        ("phone", "+8675512345"): "government_line",
        ("phone", "+8610086"): "carrier_line",
        ("phone", "+8610110"): None,
        ("phone", "+8613812395588"): None,
        ("phone", "+86100861"): None,
        ("domain", "gov.cn"): "government_domain",
        ("domain", "www.some.gov.cn"): "government_domain",
        ("url", "http://some.gov.cn:8080/x"): "government_domain",
        ("domain", "notgov.cn"): None,
        ("domain", "gov.cn.example.com"): None,
        ("domain", "icbc.com.cn"): "bank_domain",
        ("domain", "mybank.icbc.com.cn"): "bank_domain",
        ("url", "https://user@mybank.icbc.com.cn/login?x"): "bank_domain",
        ("url", "https://icbc.com.cn@evil.example.net/"): None,
        ("domain", "icbcxcom.cn"): None,
        ("email", "someone@mail.icbc.com.cn"): "bank_domain",
        ("domain", "weibo.com"): "platform_domain",
        ("domain", "someone.weibo.com"): None,
        ("url", "https://weibo.com/u/1"): None,
        ("url", "https://weibo.com/"): "platform_domain",
        ("url", "https://someone@weibo.com:8443/?"): "platform_domain",
        ("url", "https://weibo.com/?u=1"): None,
        ("url", "https://weibo.com//"): None,
        ("url", "ssh://weibo.com"): "platform_domain",
        ("url", "https://weibo.com@evil.example.net/"): None,
        ("url", "https://someone.weibo.com/"): None,
        ("domain", "com.cn"): "public_suffix",
        ("domain", "cn"): "public_suffix",
        ("domain", "github.io"): "public_suffix",
        ("domain", "someone.github.io"): None,
        ("url", "https://someone.github.io/x"): None,
        ("url", "https://someone.github.io/"): None,
        ("url", "https://github.io/"): "public_suffix",
        ("url", "http://[2001:db8::1]/"): None,
        ("url", "http://192.0.2.7/"): None,
        ("domain", "guarded.example.com"): "guard_list",
        ("domain", "below.guarded.example.com"): None,
        ("url", "http://guarded.example.com/x"): None,
        ("url", "http://guarded.example.com/"): "guard_list",
        ("url", "http://guarded.example.com?x"): None,
        ("url", "http://below.guarded.example.com/"): None,
        ("email", "a@guarded.example.com"): None,
        ("domain", "bank.example.com"): "guard_list",
        ("domain", "a.b.bank.example.com"): "guard_list",
        ("domain", "otherbank.example.com"): None,
        ("domain", "bank.example.com.example.net"): None,
        ("domain", "example.com"): None,
        ("url", "http://bank.example.com/x?y"): "guard_list",
        ("url", "https://user@login.bank.example.com:8443/x"): "guard_list",
        ("url", "https://bank.example.com@evil.example.net/"): None,
        ("email", "someone@mail.bank.example.com"): "guard_list",
        ("ip", "198.51.100.7"): "guard_list",
        ("url", "http://198.51.100.7:8080/"): "guard_list",
        ("url", "http://198.51.100.7/x"): None,
        ("phone", "+12025550143"): "guard_list",
        ("phone", "+120255501430"): None,
        ("phone", "+4412025550143"): None,
        ("phone", "+447700900123"): "guard_list",
        ("phone", "+447700900124"): None,
        ("other_document", "+12025550143"): None,
        ("imei", "000000000000000"): "placeholder_device",
        ("crypto_wallet", "eth:0x0000000000000000000000000000000000000000"): "placeholder_wallet",
        ("bank_card", "6222020000000000000"): None,
        (None, None): None,
    }
    named = pl.DataFrame(list(expected), schema={"type": pl.String, "value": pl.String}, orient="row")
    df = named.with_columns(node_id=node_ids(b"key", named["type"], named["value"]))
    itself = node_ids(b"key", "domain", pl.Series(["guarded.example.com", "guarded.example.com", "gov.cn"]))
    guard = Guarded(
        itself=itself.append(node_ids(b"key", "ip", pl.Series(["198.51.100.7"]))).extend_constant(None, 1),
        below=node_ids(b"key", "domain", pl.Series(["bank.example.com", "bank.example.com"])).extend_constant(None, 1),
        patterns=(r"\+1[0-9]{3}55501[0-9]{2}", r"\+447700900123|\+4477009001"),
    )
    rows = mark_protected(df, protected, guard)
    assert rows.height == len(expected), "one row in is one row out, though the guard list repeats itself"
    assert {(row["type"], row["value"]): row["protected_reason"] for row in rows.to_dicts()} == expected
    alone = mark_protected(df, protected, Guarded()).filter(pl.col("protected_reason") == "guard_list").height
    assert alone == 0
    assert set(rows["protected_reason"]) - {None} <= set(protected.reasons)


def test_nothing_rolls_up_into_what_is_on_a_guard_list_or_a_public_suffix(protected: Protected) -> None:
    expected = {
        "guarded.example.com": ("guard_list", True),
        "github.io": ("public_suffix", True),
        "icbc.com.cn": ("bank_domain", False),
        "weibo.com": ("platform_domain", True),
        "other.example.com": (None, False),
        "bank.example.com": ("guard_list", True),
        "below.bank.example.com": ("guard_list", False),
        "a.example.com": (None, False),
    }
    ids = [1, 2, 3, 4, 5, 6, 7, None]
    named = pl.DataFrame({"node_id": ids, "type": ["domain"] * 8, "value": list(expected)})
    guard = Guarded(itself=pl.Series([1, 4, None]), below=pl.Series([6]))
    rows = mark_protected(named, protected, guard)
    assert dict(zip(expected, rows.select("protected_reason", "is_guarded").rows(), strict=True)) == expected
    assert rows.drop("protected_reason", "is_guarded").equals(named), "the rows and their order are those given"


def test_a_url_that_is_only_a_suffixs_root_is_protected_but_no_domain_to_roll_up_into(protected: Protected) -> None:
    named = pl.DataFrame(
        {"node_id": [1, 2], "type": ["url", "url"], "value": ["http://github.io/", "http://g.example/"]}
    )
    rows = mark_protected(named, protected, Guarded())
    assert rows.select("protected_reason", "is_guarded").rows() == [("public_suffix", False), (None, False)]


@pytest.mark.parametrize("text", [r"\+1[0-9]{3}55501[0-9]{2}", "[+]33|[+]34", "(?i)[+]49"])
def test_a_regular_expression_is_a_pattern(text: str) -> None:
    assert is_pattern(text)


@pytest.mark.parametrize("text", ["(", "[+]1)|(.*", "(?x) 1 #", "(?=[+]1).*", "(?:(?:1{1000}){1000}){1000}"])
def test_what_is_no_regular_expression_by_itself_and_anchored_or_is_one_too_large_is_no_pattern(text: str) -> None:
    assert not is_pattern(text)


def test_every_group_of_the_policy_says_why(protected: Protected) -> None:
    assert {group.id for group in protected.groups} >= {
        "emergency_number",
        "bank_hotline",
        "government_domain",
        "bank_domain",
    }
    assert all(sentence.strip() for sentence in protected.reasons.values())


@pytest.mark.parametrize(
    ("group", "says"),
    [
        ("{id: a, type: phone, reason: r, values: ['1']}", "not a valid phone"),
        ("{id: a, type: fax, reason: r, values: []}", "not a type of identifier"),
        ("{id: a, type: phone, reason: r, below: true, values: []}", "domains only"),
        ("{id: public_suffix, type: phone, reason: r, values: []}", "taken"),
    ],
)
def test_a_mistake_in_the_policy_is_named(tmp_path: Path, codes: dict[str, CodeList], group: str, says: str) -> None:
    path = tmp_path / "protected.yml"
    path.write_text(f"description: d\ngroups:\n  - {group}\n", encoding="utf-8")
    with pytest.raises(UserError, match=says):
        load_protected(path, codes)
