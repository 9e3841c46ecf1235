"""Invented identifiers: valid by other people's libraries, the same in every run, different from each other."""

from collections.abc import Callable
from datetime import date
from ipaddress import ip_address, ip_network

import phonenumbers
import pytest
from stdnum import imei, luhn
from stdnum.cn import ric, uscc

from jobs.core.contracts import CodeList
from jobs.identifiers.rare import normalise_py
from jobs.rehearse.play import Player
from jobs.rehearse.values import MOBILE, SCOPED, TYPES, Issuers, Mint, Value, carrier_of, issuers_of

LABELS = [f"L{number}" for number in range(300)]


@pytest.fixture
def mint(codes: dict[str, CodeList]) -> Mint:
    return Mint(issuers_of(codes))


@pytest.mark.parametrize("type_", TYPES)
def test_hundreds_of_labels_are_valid_and_in_normal_form(mint: Mint, codes: dict[str, CodeList], type_: str) -> None:
    for label in LABELS:
        value = mint.value("story", type_, label)
        effective, normal, reasons = normalise_py(type_, value.alone, value.scope, date(2026, 10, 1), codes)
        assert (effective, reasons) == (type_, ())
        assert normal == (f"{value.scope}:{value.alone}" if type_ in SCOPED and type_ != "bank_card" else value.alone)


def test_other_libraries_find_them_valid(mint: Mint) -> None:
    for label in LABELS:
        assert ric.is_valid(mint.value("story", "national_id", label).alone)
        assert uscc.is_valid(mint.value("story", "uscc", label).alone)
        assert imei.is_valid(mint.value("story", "imei", label).alone)
        assert luhn.is_valid(mint.value("story", "iccid", label).alone)
        card = mint.value("story", "bank_card", label).alone
        assert luhn.is_valid(card)
        assert card.startswith("62")
        number = phonenumbers.parse(mint.value("story", "phone", label).alone, None)
        assert phonenumbers.is_valid_number(number)
        assert phonenumbers.number_type(number) == phonenumbers.PhoneNumberType.MOBILE
        assert not mint.value("story", "bank_account", label).alone.startswith("62")
        assert ip_address(mint.value("story", "ip", label).alone) in ip_network("100.64.0.0/10")


@pytest.mark.parametrize("type_", TYPES)
def test_a_value_is_a_function_of_case_type_and_label_and_of_nothing_else(
    codes: dict[str, CodeList], type_: str
) -> None:
    one, other = Mint(issuers_of(codes)), Mint(issuers_of(codes))
    forward = {label: one.value("story", type_, label) for label in LABELS}
    backward = {label: other.value("story", type_, label) for label in reversed(LABELS)}
    assert forward == backward
    assert one.value("story", type_, "L0") == forward["L0"]


@pytest.mark.parametrize("type_", TYPES)
def test_labels_and_cases_never_share_a_value(mint: Mint, type_: str) -> None:
    values = [mint.value(case, type_, label).alone for case in ("one", "two", "three") for label in LABELS]
    assert len(set(values)) == len(values)


def test_the_scheme_of_values_does_not_move() -> None:
    """Whoever kept a rehearsal finds the same values in the next: a change of the scheme is on purpose."""
    mint = Mint(Issuers(banks=("icbc",), payers=("alipay",), platforms=("wechat",)))
    assert mint.value("story", "phone", "P") == Value("phone", "+8613863412190")
    assert mint.value("story", "imei", "D") == Value("imei", "869347176973209")
    assert mint.value("story", "bank_account", "B") == Value("bank_account", "2379428945058993", "icbc")


def test_carriers_follow_the_number(mint: Mint) -> None:
    found = {carrier_of(mint.value("story", "phone", label).alone) for label in LABELS}
    assert found == set(MOBILE)
    assert carrier_of("12") == "cmcc"


def test_a_phone_in_a_longer_string_is_its_eleven_digits(prepared: Callable[..., dict[str, Player]]) -> None:
    book = prepared(text="  2026-10-01: {expect: {not_listed: ['@phone.P']}}\n")["text"].book
    alone = book.written("@phone.P")
    assert alone.startswith("+86")
    assert book.written("0086 @phone.P / @imsi.S") == f"0086 {alone[3:]} / {book.written('@imsi.S')}"
    assert book.written("https://www.@domain.S:8080/a@b") == f"https://www.{book.written('@domain.S')}:8080/a@b"


def test_an_issuer_that_the_case_names_is_the_labels_issuer_everywhere(
    prepared: Callable[..., dict[str, Player]],
) -> None:
    book = prepared(
        issuer="  2026-10-01:\n    finance/accounts: [{account_no: '@bank_account.B', institution_id: 工商银行}]\n"
        "    expect: {listed: ['@bank_account.B']}\n"
    )["issuer"].book
    value = book.label("@bank_account.B")
    assert value is not None
    assert value.scope == "icbc"
    assert book.key("@bank_account.B").value == f"icbc:{value.alone}"


def test_a_text_has_the_type_that_its_record_gives_it(prepared: Callable[..., dict[str, Player]]) -> None:
    book = prepared(
        hotline="  2026-10-01:\n    public_security/case_reports:\n"
        "      - {involved: [{role: offender, identifier_type: phone, identifier: '95588'}]}\n    expect: {protected: ['95588']}\n"
    )["hotline"].book
    assert book.key("95588") == ("phone", "+8695588")


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("https://Pay.Example.test", ("url", "https://pay.example.test/")),
        ("pay.example.test", ("domain", "pay.example.test")),
        ("198.51.100.7", ("ip", "198.51.100.7")),
        ("0755-26770000", ("phone", "+8675526770000")),
        ("icbc:12345678", ("bank_account", "icbc:12345678")),
        ("alipay:2088000000000000", ("payment_account", "alipay:2088000000000000")),
        ("wechat:Somebody", ("internet_account", "wechat:somebody")),
    ],
)
def test_a_text_that_no_record_has_is_told_by_its_form(
    prepared: Callable[..., dict[str, Player]], text: str, key: tuple[str, str]
) -> None:
    book = prepared(form="  2026-10-01: {expect: {events: 0}}\n")["form"].book
    assert book.key(text) == key
