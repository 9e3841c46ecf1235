"""Protected identifiers are never listed; what is below a guarded domain or a public suffix may be."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from jobs.core.contracts import CodeList, load_codes
from jobs.core.errors import UserError
from jobs.core.settings import ROOT
from jobs.identifiers.keys import node_ids
from jobs.identifiers.protect import Protected, load_protected, mark_protected


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
        ("domain", "com.cn"): "public_suffix",
        ("domain", "cn"): "public_suffix",
        ("domain", "github.io"): "public_suffix",
        ("domain", "someone.github.io"): None,
        ("url", "https://someone.github.io/x"): None,
        ("domain", "guarded.example.com"): "guard_list",
        ("domain", "below.guarded.example.com"): None,
        ("url", "http://guarded.example.com/x"): None,
        ("email", "a@guarded.example.com"): None,
        ("imei", "000000000000000"): "placeholder_device",
        ("crypto_wallet", "eth:0x0000000000000000000000000000000000000000"): "placeholder_wallet",
        ("bank_card", "6222020000000000000"): None,
        (None, None): None,
    }
    named = pl.DataFrame(list(expected), schema={"type": pl.String, "value": pl.String}, orient="row")
    df = named.with_columns(node_id=node_ids(b"key", named["type"], named["value"]))
    domains = pl.Series(["guarded.example.com", "guarded.example.com", "gov.cn"])
    guard = node_ids(b"key", "domain", domains).extend_constant(None, 1)
    rows = mark_protected(df, protected, guard)
    assert rows.height == len(expected), "one row in is one row out, though the guard list repeats itself"
    assert {(row["type"], row["value"]): row["protected_reason"] for row in rows.to_dicts()} == expected
    alone = mark_protected(df, protected, guard.clear()).filter(pl.col("protected_reason") == "guard_list").height
    assert alone == 0
    assert set(rows["protected_reason"]) - {None} <= set(protected.reasons)


def test_nothing_rolls_up_into_what_is_on_a_guard_list_or_a_public_suffix(protected: Protected) -> None:
    values = ["guarded.example.com", "github.io", "icbc.com.cn", "weibo.com", "other.example.com", "a.example.com"]
    named = pl.DataFrame({"node_id": [1, 2, 3, 4, 5, None], "type": ["domain"] * 6, "value": values})
    rows = mark_protected(named, protected, pl.Series([1, 4, None]))
    assert rows["protected_reason"].to_list() == [
        "guard_list", "public_suffix", "bank_domain", "platform_domain", None, None,
    ]  # fmt: skip
    assert rows["is_guarded"].to_list() == [True, True, False, True, False, False]
    assert rows.drop("protected_reason", "is_guarded").equals(named), "the rows and their order are those given"


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
