"""The Python reference: literal values, and the well-kept packages as oracles."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from datetime import date
from itertools import product
from pathlib import Path

import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stdnum import bitcoin, imei, luhn
from stdnum.cn import ric, uscc

from jobs.core.contracts import load_codes
from jobs.core.settings import ROOT
from jobs.identifiers import wallets
from jobs.identifiers.rare import Outcome, lists_of, normalise_py
from jobs.identifiers.text import clean_py
from tests.identifiers import values

LISTS = lists_of(load_codes(Path(ROOT) / "schemas"))
TODAY = date(2026, 10, 1)


def normal(type_: str, raw: str | None, scope: str | None = None) -> Outcome:
    return normalise_py(type_, raw, scope, TODAY, LISTS)


def value(type_: str, raw: str | None, scope: str | None = None) -> str | None:
    return normal(type_, raw, scope)[1]


@pytest.mark.parametrize(
    ("type_", "raw", "scope", "expected"),
    [
        ("national_id", "11010519491231002x", None, "11010519491231002X"),
        ("national_id", "110105491231002", None, "11010519491231002X"),
        ("uscc", "91350100m000100y43", None, "91350100M000100Y43"),
        ("passport", "chn:e12345678", None, "CHN:E12345678"),
        ("other_document", "HKG:H1234567(8)", None, "HKG:H1234567(8)"),
        ("phone", "95588", None, "+8695588"),
        ("phone", "110", None, "+86110"),
        ("phone", "+86 96110", None, "+8696110"),
        ("phone", "400-810-8888", None, "+864008108888"),
        ("phone", "800 810 8888", None, "+868008108888"),
        ("phone", "1069012345678", None, "+861069012345678"),
        ("phone", "(0755) 8888 8888", None, "+8675588888888"),
        ("phone", "+86-755-88888888", None, "+8675588888888"),
        ("phone", "0044 20 7946 0018", None, "+442079460018"),
        ("imsi", "460001234567890", None, "460001234567890"),
        ("iccid", "8986a012345678901234", None, "8986A012345678901234"),
        ("iccid", "89860012345678901234", None, "89860012345678901234"),
        ("imei", "49015420323751", None, "490154203237518"),
        ("imei", "490154203237510", None, "490154203237518"),
        ("imei", "4901542032375101", None, "490154203237518"),
        ("bank_account", "1234-5678 90a", "中国银行", "boc:1234567890A"),
        ("payment_account", "someone@example.com", "支付宝", "alipay:SOMEONE@EXAMPLE.COM"),
        ("internet_account", " AbC ", "WeChat", "wechat:abc"),
        ("internet_account", "AbC", "weibo", "weibo:AbC"),
        ("email", "Some.One@EXAMPLE.com", None, "Some.One@example.com"),
        ("email", "a@bücher.example", None, "a@xn--bcher-kva.example"),
        ("domain", "WWW.Example.COM.", None, "www.example.com"),
        ("domain", "例え。テスト", None, "xn--r8jz45g.xn--zckzah"),
        ("domain", "cn", None, "cn"),
        ("url", "HTTP://EXAMPLE.com:80/A/b?C=d#e", None, "http://example.com/A/b?C=d"),
        ("url", "https://例え.テスト:8443", None, "https://xn--r8jz45g.xn--zckzah:8443/"),
        ("url", "http://[2001:DB8::0:1]/", None, "http://[2001:db8::1]/"),
        ("ip", "2001:DB8:0:0:1:0:0:1", None, "2001:db8::1:0:0:1"),
        ("ip", "::ffff:c000:201", None, "::ffff:192.0.2.1"),
        (
            "crypto_wallet",
            "ETH:0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
            None,
            "eth:0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed",
        ),
        (
            "crypto_wallet",
            "BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4",
            "btc",
            "btc:bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
        ),
    ],
)
def test_a_value_has_one_normal_form(type_: str, raw: str, scope: str | None, expected: str) -> None:
    assert normal(type_, raw, scope) == (type_, expected, ())
    again = expected.split(":", 1)[1] if type_ in ("bank_account", "payment_account", "internet_account") else expected
    assert value(type_, again, scope) == expected, "a normal form is its own normal form"


@pytest.mark.parametrize(
    ("type_", "raw", "scope", "reasons"),
    [
        ("national_id", "110101199002300014", None, ["national_id_birth_date"]),
        ("national_id", "110101202610020011", None, ["national_id_birth_date", "national_id_check"]),
        ("national_id", "990101199002300015", None, ["national_id_birth_date", "national_id_check"]),
        (
            "national_id",
            "170101199002300016",
            None,
            ["national_id_birth_date", "national_id_check", "national_id_region"],
        ),
        ("national_id", "110105-19491231-002X", None, ["national_id_check"]),
        ("uscc", "9135O100M000100Y43", None, ["uscc_check"]),
        ("uscc", "91350100M000100Y44", None, ["uscc_check"]),
        ("passport", "E12345678", None, ["document_format"]),
        ("passport", "XYZ:E12345678", None, ["document_format"]),
        ("phone", "12", None, ["phone_invalid"]),
        ("phone", "138.1234.5678", None, ["phone_invalid"]),
        ("phone", "00138 1234 5678", None, ["phone_invalid"]),
        ("phone", "12812345678", None, ["phone_invalid"]),
        ("phone", "88888888", None, ["phone_invalid"]),
        ("phone", "1381234567٣", None, ["phone_invalid"]),
        ("phone", "04008108888", None, ["phone_invalid"]),
        ("imsi", "46000123456789", None, ["imsi_format"]),
        ("iccid", "8986001234567890123", None, ["iccid_check"]),
        ("imei", "490154203237519", None, ["imei_check"]),
        ("bank_card", "6222020000000000001", None, ["bank_card_check"]),
        ("bank_account", "12345678", None, ["account_format"]),
        ("bank_account", "12345678", "nosuch", ["unknown_code"]),
        ("bank_account", "!", "nosuch", ["unknown_code"]),
        ("bank_account", "中", "icbc", ["account_format"]),
        ("internet_account", "abc", "nosuch", ["unknown_code"]),
        ("internet_account", "abc", None, ["account_format"]),
        ("email", "a.@example.com", None, ["email_format"]),
        ("email", "a@example.com.", None, ["email_format"]),
        ("domain", "localhost", None, ["domain_format"]),
        ("domain", "a_b.example.com", None, ["domain_format"]),
        ("domain", "192.0.2.1", None, ["domain_format"]),
        ("domain", "xn--zzzzzz99999.com", None, ["domain_format"]),
        ("url", "example.com/x", None, ["url_format"]),
        ("url", "javascript:alert(1)", None, ["url_format"]),
        ("url", "http://example.com/a b", None, ["url_format"]),
        ("url", "http://3232235777/", None, ["url_format"]),
        ("ip", "192.0.02.1", None, ["ip_format"]),
        ("ip", "fe80::1%eth0", None, ["ip_format"]),
        ("crypto_wallet", "eth:0x5aAeb6053F3E94C9b9A09f33669435E7Ef1Beaed", None, ["wallet_check"]),
        ("crypto_wallet", "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed", None, ["wallet_check"]),
        ("crypto_wallet", "nosuch:0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed", None, ["unknown_code"]),
        ("nosuch", "1", None, ["unknown_code"]),
    ],
)
def test_a_broken_value_has_every_reason_and_no_value(
    type_: str, raw: str, scope: str | None, reasons: list[str]
) -> None:
    assert normal(type_, raw, scope) == (type_, None, tuple(reasons))


def test_blank_is_neither_a_value_nor_a_fault() -> None:
    for raw in (None, "", " ", "\u200b\u3000\ufeff", "\t\r\n"):
        assert normal("phone", raw) == ("phone", None, ())


def test_a_birth_date_in_the_future_is_one_tomorrow_but_not_today() -> None:
    first_17 = "11010120261001001"
    person = first_17 + values.checks.national_id_check(first_17)
    assert normalise_py("national_id", person, None, date(2026, 10, 1), LISTS)[1] == person
    assert normalise_py("national_id", person, None, date(2026, 9, 30), LISTS)[2] == ("national_id_birth_date",)


def test_a_card_that_starts_62_is_a_card_whatever_a_feed_calls_it() -> None:
    card = "622202000000000000"
    card += values.checks.luhn_digit(card)
    other = "411111111111111"
    other += values.checks.luhn_digit(other)
    for type_ in ("bank_account", "payment_account", "bank_card"):
        assert normal(type_, f"{card[:4]} {card[4:8]}-{card[8:]}", "icbc") == ("bank_card", card, ())
        assert normal(type_, card) == ("bank_card", card, ()), "a card needs no institution"
        assert normal(type_, card, "nosuch") == (type_, None, ("unknown_code",))
    assert normal("bank_account", other, "icbc") == ("bank_account", f"icbc:{other}", ())
    assert normal("bank_card", other) == ("bank_card", other, ())


def test_two_hundred_spellings_of_a_mobile_are_one() -> None:
    national = "13812345678"
    groupings = [national, "138 1234 5678", "138-1234-5678", "(138)12345678", "138\u20131234\u20135678"]
    prefixes = ["", "+86", "0086", "86", "+86 0", "0", "(+86)", "+86-"]
    spellings = {clothe(p + g) for p, g, clothe in product(prefixes, groupings, [str, values.widen])}
    spellings |= (
        {f"\u200f{s}\ufeff" for s in spellings}
        | {f"\u3000{s}\t" for s in spellings}
        | {s[:3] + "\0" + s[3:] for s in spellings}
    )
    assert len(spellings) >= 200
    assert {value("phone", spelling) for spelling in spellings} == {"+8613812345678"}


@given(st.text(max_size=20))
def test_cleaning_twice_is_cleaning_once(raw: str) -> None:
    once = clean_py(raw)
    assert clean_py(once) == once
    if once is not None:
        assert unicodedata.is_normalized("NFKC", once)
        assert once == once.strip(" ")


@settings(max_examples=2000)
@given(values.NATIONAL_IDS.filter(lambda s: len(s) == 18))
def test_national_ids_agree_with_stdnum_on_check_and_date(raw: str) -> None:
    reasons = normal("national_id", raw)[2]
    assert ("national_id_check" in reasons) == (ric.calc_check_digit(raw) != raw[17].upper())
    try:
        in_time = ric.get_birth_date(raw) <= TODAY
    except ric.InvalidComponent:
        in_time = False
    assert ("national_id_birth_date" in reasons) == (not in_time)


@settings(max_examples=2000)
@given(values.USCCS)
def test_usccs_agree_with_stdnum_where_it_reads_them(raw: str) -> None:
    if raw[:8].isdigit():
        assert (value("uscc", raw) is not None) == uscc.is_valid(raw)


@settings(max_examples=2000)
@given(values.IMEIS)
def test_imeis_agree_with_stdnum(raw: str) -> None:
    found = value("imei", raw)
    assert (found is not None) == (len(raw) in (14, 16) or (len(raw) == 15 and (imei.is_valid(raw) or raw[14] == "0")))
    assert found is None or (imei.is_valid(found) and len(found) == 15 and found[:14] == raw[:14])


@settings(max_examples=2000)
@given(st.text("0123456789", min_size=10, max_size=21))
def test_cards_agree_with_stdnum(raw: str) -> None:
    assert (value("bank_card", raw) is not None) == (12 <= len(raw) <= 19 and luhn.is_valid(raw))


@settings(max_examples=3000)
@given(values.PHONES)
def test_phones_agree_with_libphonenumber(raw: str) -> None:
    """Whatever has a normal form of 10 or 11 national digits is valid there with the same E.164; short codes
    are ours.
    """
    found = value("phone", raw)
    if found is None or (found.startswith("+86") and len(found) not in (13, 14)):
        return
    if found.startswith(("+86106", "+8695", "+8696")):
        return
    number = phonenumbers.parse(found, None)
    assert phonenumbers.is_valid_number(number), found
    assert phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164) == found


@settings(max_examples=3000)
@given(
    st.from_regex(
        r"1[3-9][0-9]{9}|0?(10|2[0-9]|[3-9][0-9]{2})[2-8][0-9]{6,7}|\+(1|44|852|886|65|81)[0-9]{7,10}",
        fullmatch=True,
    )
)
def test_what_libphonenumber_calls_valid_is_valid_here(raw: str) -> None:
    try:
        number = phonenumbers.parse(raw, "CN")
    except phonenumbers.NumberParseException:
        assert value("phone", raw) is None
        return
    national = phonenumbers.national_significant_number(number)
    behind_a_zero = re.match(
        "0[48]00", raw
    )  # libphonenumber takes a trunk 0 before a business number; the specification does not
    if (
        phonenumbers.is_valid_number(number)
        and not behind_a_zero
        and (raw.startswith(("+", "0")) or len(national) >= 10)
    ):
        assert value("phone", raw) == phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


@given(st.binary(min_size=20, max_size=20), st.sampled_from([0, 5, 0x30, 0x41]), st.booleans())
def test_bitcoin_addresses_agree_with_stdnum(payload: bytes, version: int, broken: bool) -> None:
    address = bitcoin_address(bytes([version]) + payload)
    if broken:
        address = address[:-1] + ("2" if address[-1] != "2" else "3")
    assert (value("crypto_wallet", f"btc:{address}") is not None) == bitcoin.is_valid(address)


def bitcoin_address(data: bytes) -> str:
    alphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
    whole = data + hashlib.sha256(hashlib.sha256(data).digest()).digest()[:4]
    number, text = int.from_bytes(whole, "big"), ""
    while number:
        number, rest = divmod(number, 58)
        text = alphabet[rest] + text
    return "1" * (len(whole) - len(whole.lstrip(b"\0"))) + text


def test_keccak_is_that_of_ethereum() -> None:
    assert wallets.keccak_256(b"").hex() == "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"
    assert wallets.keccak_256(b"a" * 136).hex() != wallets.keccak_256(b"a" * 135).hex()
    for address in (
        "fB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
        "dbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
        "D1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
    ):
        assert wallets.eip55(address.lower()) == address, "vectors of EIP-55"


@pytest.mark.parametrize(
    ("address", "ok"),
    [
        ("bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0", True),
        ("BC1SW50QGDZ25J", True),
        ("bc1zw508d6qejxtdg4y5r3zarvaryvaxxpcs", True),
        ("bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqh2y7hd", False),
        ("bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kemeawh", False),
        ("tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx", False),
        ("bc1gmk9yu", False),
    ],
)
def test_bech32_follows_the_vectors_of_bip_350(address: str, ok: bool) -> None:
    assert (wallets.segwit_address(address, "bc") is not None) == ok
