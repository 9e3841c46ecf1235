"""Every spelling means the value that it was made from; every broken record is broken for the reason that
it is named after.
"""

from datetime import date

import pytest

from jobs.core.contracts import CodeList, Feed
from jobs.identifiers.rare import normalise_py
from jobs.simulate import mess

TODAY = date(2026, 11, 23)


def normal(kind: str, text: str, codes: dict[str, CodeList], scope: str | None = None) -> str | None:
    return normalise_py(kind, text, scope, TODAY, codes)[1]


@pytest.mark.parametrize("place", range(len(mess.PHONE_STYLES)))
def test_a_phone_in_any_style_is_the_same_phone(place: int, codes: dict[str, CodeList]) -> None:
    assert normal("phone", mess.PHONE_STYLES[place]("13912345678"), codes) == "+8613912345678"


@pytest.mark.parametrize("number", ["11010119900101001X", "110101199001010009", "110101201001010009"])
@pytest.mark.parametrize("place", range(len(mess.DOCUMENT_STYLES)))
def test_a_document_in_any_style_is_the_same_document(place: int, number: str, codes: dict[str, CodeList]) -> None:
    valid = number[:17] + check_character(number[:17])
    assert normal("national_id", mess.DOCUMENT_STYLES[place](valid), codes) == valid


def check_character(body: str) -> str:
    """ISO 7064 MOD 11-2, worked out the long way."""
    return next(
        c
        for c in "0123456789X"
        if (sum(int(d) * 2 ** (17 - i) for i, d in enumerate(body)) + (10 if c == "X" else int(c))) % 11 == 1
    )


@pytest.mark.parametrize("place", range(len(mess.ACCOUNT_STYLES)))
def test_an_account_number_in_any_style_is_the_same_account(place: int, codes: dict[str, CodeList]) -> None:
    assert (
        normal("bank_account", mess.ACCOUNT_STYLES[place]("3000086164586850"), codes, "icbc") == "icbc:3000086164586850"
    )


@pytest.mark.parametrize("place", range(len(mess.DEVICE_STYLES)))
def test_a_device_in_any_style_is_the_same_device(place: int, codes: dict[str, CodeList]) -> None:
    assert normal("imei", mess.DEVICE_STYLES[place]("490154203237518"), codes) == "490154203237518"


@pytest.mark.parametrize("place", range(len(mess.PLATFORM_STYLES)))
def test_a_platform_in_any_style_is_the_same_platform(place: int, codes: dict[str, CodeList]) -> None:
    assert normal("internet_account", "abc1", codes, mess.PLATFORM_STYLES[place]("wechat")) == "wechat:abc1"


BROKEN = [(feed, reason, change) for feed, kinds in mess.BREAKS.items() for reason, change in kinds]


@pytest.mark.parametrize("place", range(len(BROKEN)))
def test_a_broken_record_changes_columns_of_its_contract(place: int, contracts: dict[str, Feed]) -> None:
    feed, _, change = BROKEN[place]
    assert set(change) <= set(contracts[feed].columns)


IDENTIFIER_REASONS = ("_check", "_format", "_birth_date", "_region", "_invalid")


@pytest.mark.parametrize("place", [i for i, (_, reason, _) in enumerate(BROKEN) if reason.endswith(IDENTIFIER_REASONS)])
def test_a_broken_identifier_gets_the_reason_that_it_is_named_after(
    place: int, contracts: dict[str, Feed], codes: dict[str, CodeList]
) -> None:
    feed, reason, change = BROKEN[place]
    base = {
        "institution_id": "icbc",
        "payee_institution": "icbc",
        "platform": "wechat",
        "holder_doc_type": "national_id",
    }
    values = {**base, **change}
    found: set[str] = set()
    for about in contracts[feed].identifiers.values():
        kind = about.type or values.get(str(about.type_from))
        raw = values.get(about.value)
        if about.value in change and kind is not None:
            scope = values.get(str(about.scope))
            _, value, reasons = normalise_py(kind, raw, scope, TODAY, codes)
            found |= set(reasons) | ({"account_format"} if value is None and not reasons else set())
    assert found == {reason}
