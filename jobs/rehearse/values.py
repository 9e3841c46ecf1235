"""Invented identifiers, valid by spec/identifiers.md, each a function of (case, type, label) alone.

The digits come from SHA-256 of those three, so that the same label is the same value in every run and on every machine,
and different labels differ. Addresses and hosts are of ranges set aside for such use (RFC 6598, RFC 2606).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

from jobs.core.contracts import CodeList
from jobs.core.errors import UserError
from jobs.identifiers import checks

MOBILE = {
    "cmcc": ("135", "138", "150", "182"),
    "cucc": ("130", "155", "176", "186"),
    "ctcc": ("133", "153", "180", "189"),
    "cbn": ("192",),
}
"""Mainland mobile ranges by the carrier that they were given to."""
NETWORKS = ("00", "01", "11", "15")
"""Mobile network codes behind MCC 460 (ITU-T E.212)."""
COUNTIES = ("110101", "310101", "330122", "340121", "430121", "510121", "610322", "640121")
"""County codes of GB/T 2260."""
COUNTRIES = ("KOR", "VNM", "THA", "SGP", "MYS", "PHL")
"""Issuing countries (ISO 3166) of invented passports and other documents."""
FIRST_BIRTH, BIRTHS = date(1960, 1, 1), 15_000
SCOPED = ("bank_card", "bank_account", "payment_account", "internet_account")
"""Types whose label gives the issuer or platform together with the number."""
_BASE36 = "0123456789abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True)
class Value:
    """One identifier: what stands in a field of its own, what inside a longer string, and its issuer or platform."""

    type: str
    alone: str
    scope: str | None = None

    @property
    def inside(self) -> str:
        return self.alone.removeprefix("+86") if self.type == "phone" else self.alone


@dataclass(frozen=True)
class Issuers:
    """Who may issue an account, of schemas/codes."""

    banks: tuple[str, ...]
    payers: tuple[str, ...]
    platforms: tuple[str, ...]

    def of(self, type_: str) -> tuple[str, ...]:
        return {"payment_account": self.payers, "internet_account": self.platforms}.get(type_, self.banks)


def issuers_of(codes: Mapping[str, CodeList]) -> Issuers:
    """The institutions and platforms. Raises UserError when a code list lacks them."""
    institutions = codes["institutions"].codes
    found = Issuers(
        banks=tuple(sorted(code for code, about in institutions.items() if about.get("kind") == "bank")),
        payers=tuple(sorted(c for c, about in institutions.items() if about.get("kind") == "payment_institution")),
        platforms=tuple(sorted(codes["platforms"].codes)),
    )
    if not (found.banks and found.payers and found.platforms):
        raise UserError("schemas/codes: cases need at least one bank, one payment_institution and one platform")
    return found


class Draw:
    """Numbers out of one seed, one after the other: 256 bits are plenty for any identifier here."""

    def __init__(self, *seed: str) -> None:
        encoded = b"".join(len(part.encode()).to_bytes(4, "big") + part.encode() for part in seed)
        self._left = int.from_bytes(hashlib.sha256(encoded).digest(), "big")

    def below(self, bound: int) -> int:
        self._left, number = divmod(self._left, bound)
        return number

    def digits(self, count: int) -> str:
        return f"{self.below(10**count):0{count}d}"

    def word(self, length: int) -> str:
        return "".join(_BASE36[self.below(36)] for _ in range(length))

    def one_of(self, choices: tuple[str, ...]) -> str:
        return choices[self.below(len(choices))]


@dataclass
class Mint:
    """Gives values out, and never one value to two labels."""

    issuers: Issuers
    _given: dict[tuple[str, str, str | None], tuple[str, str]] = field(default_factory=dict)

    def value(self, case: str, type_: str, label: str, scope: str | None = None) -> Value:
        """The value of this label; `scope` where the case itself names the issuer. KeyError for an unknown type."""
        for attempt in range(1000):
            draw = Draw(case, type_, label, str(attempt))
            own = draw.one_of(self.issuers.of(type_)) if type_ in SCOPED else None
            value = Value(type_, _MAKERS[type_](draw), scope or own)
            key = (type_, value.alone, None)
            if self._given.setdefault(key, (case, label)) == (case, label):
                return value
        raise RuntimeError(f"no {type_} is left to invent")


def carrier_of(msisdn: str | None) -> str:
    """The carrier of an invented mobile number; of any other text the first one."""
    digits = (msisdn or "")[-11:]
    return next((carrier for carrier, heads in MOBILE.items() if digits.startswith(heads)), "cmcc")


def _national_id(draw: Draw) -> str:
    birth = FIRST_BIRTH + timedelta(days=draw.below(BIRTHS))
    first_17 = f"{draw.one_of(COUNTIES)}{birth:%Y%m%d}{draw.below(999) + 1:03d}"
    return first_17 + checks.national_id_check(first_17)


def _uscc(draw: Draw) -> str:
    organisation = draw.digits(8)
    total = sum(int(d) * w for d, w in zip(organisation, (3, 7, 9, 10, 5, 8, 4, 2), strict=True))
    own = "0123456789X"[-total % 11]  # GB 11714
    first_17 = f"91{draw.one_of(COUNTIES)}{organisation}{own}"
    return first_17 + checks.uscc_check(first_17)


def _phone(draw: Draw) -> str:
    heads = tuple(head for carrier in MOBILE.values() for head in carrier)
    return f"+86{draw.one_of(heads)}{draw.digits(8)}"


def _with_luhn(digits: str) -> str:
    return digits + checks.luhn_digit(digits)


def _address(draw: Draw) -> str:
    number = draw.below(1 << 22)  # 100.64.0.0/10
    return f"100.{64 + (number >> 16)}.{number >> 8 & 255}.{number & 255}"


def _host(draw: Draw) -> str:
    return f"s{draw.word(11)}.test"


_MAKERS: dict[str, Callable[[Draw], str]] = {
    "national_id": _national_id,
    "uscc": _uscc,
    "passport": lambda draw: f"{draw.one_of(COUNTRIES)}:M{draw.digits(8)}",
    "other_document": lambda draw: f"{draw.one_of(COUNTRIES)}:T{draw.digits(10)}",
    "phone": _phone,
    "imsi": lambda draw: f"460{draw.one_of(NETWORKS)}{draw.digits(10)}",
    "iccid": lambda draw: _with_luhn(f"8986{draw.one_of(NETWORKS)}{draw.digits(12)}"),
    "imei": lambda draw: _with_luhn(f"86{draw.digits(12)}"),
    "bank_card": lambda draw: _with_luhn(f"62{draw.digits(16)}"),
    "bank_account": lambda draw: f"{draw.below(4) + 1}{draw.digits(15)}",
    "payment_account": lambda draw: f"2088{draw.digits(12)}",
    "internet_account": lambda draw: f"u{draw.word(11)}",
    "email": lambda draw: f"m{draw.word(9)}@{_host(draw)}",
    "domain": _host,
    "url": lambda draw: f"https://{_host(draw)}/{draw.word(6)}",
    "ip": _address,
    "crypto_wallet": lambda draw: f"eth:0x{draw.below(1 << 160):040x}",
}
TYPES = tuple(_MAKERS)
