"""The complete normaliser in Python: the reference for every type, and what runs for the forms that are rare.

The column expressions of normalise.py do the common mainland forms by themselves and hand the rest to
`normalise_py`, in Arrow batches. Property tests hold the two equal on all input. The rules are those of
spec/identifiers.md; nothing is mended that it does not name.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from datetime import date
from functools import cache, lru_cache
from typing import Any, NamedTuple, Protocol

import idna
import phonenumbers
from publicsuffixlist import PublicSuffixList

from jobs.identifiers import checks, phones, wallets
from jobs.identifiers.text import clean_py


class CodeListLike(Protocol):
    """What is read of `jobs.core.contracts.CodeList`."""

    @property
    def codes(self) -> Mapping[str, Mapping[str, Any]]: ...
    @property
    def aliases(self) -> Mapping[str, str]: ...


Codes = Mapping[str, CodeListLike]
Outcome = tuple[str | None, str | None, tuple[str, ...]]
"""(effective type, value, reasons): the value is None when there are reasons."""


class Lists(NamedTuple):
    """The closed lists in the form that the rules need; small, and pickled into the Arrow function.

    institutions, platforms, chains: spelling in lower case -> code. lower_case: platforms whose account ids
    ignore case. evm: chains with addresses of Ethereum's form. provinces: first two digits of GB/T 2260.
    countries: ISO 3166 alpha-3.
    """

    institutions: dict[str, str]
    platforms: dict[str, str]
    lower_case: frozenset[str]
    chains: dict[str, str]
    evm: frozenset[str]
    provinces: frozenset[str]
    countries: frozenset[str]


def lists_of(codes: Codes) -> Lists:
    """The lists of schemas/codes that normalising needs. A missing list is a KeyError naming it."""
    platforms, chains = codes["platforms"], codes["chains"]
    return Lists(
        institutions=spellings(codes["institutions"]),
        platforms=spellings(platforms),
        lower_case=frozenset(code for code, about in platforms.codes.items() if about.get("case_insensitive")),
        chains=spellings(chains),
        evm=frozenset(code for code, about in chains.codes.items() if about.get("form") == "evm"),
        provinces=frozenset(codes["regions"].codes) | {"9"},
        countries=frozenset(codes["countries"].codes),
    )


def spellings(codes: CodeListLike) -> dict[str, str]:
    """Spellings in lower case, and the code that each stands for."""
    aliases = {alias.lower(): code for alias, code in codes.aliases.items()}
    return aliases | {code.lower(): code for code in codes.codes}


def normalise_py(type_: str | None, raw: str | None, scope: str | None, today: date, codes: Codes | Lists) -> Outcome:
    """One identifier: its effective type, its value in normal form, or every reason why it has none.

    A blank `raw` gives neither value nor reason: whether it was required is the contract's matter.
    """
    lists = codes if isinstance(codes, Lists) else lists_of(codes)
    text = clean_py(raw)
    if text is None:
        return type_, None, ()
    if type_ is None:
        return None, None, ("missing_value",)
    rule = _RULES.get(type_)
    if rule is None:
        return type_, None, ("unknown_code",)
    effective, result = rule(type_, text, clean_py(scope), today, lists)
    return (effective, result, ()) if isinstance(result, str) else (effective, None, result)


Result = tuple[str, str | tuple[str, ...]]
Rule = Callable[[str, str, str | None, date, Lists], Result]


# Documents


_ID_18 = re.compile(r"[0-9]{17}[0-9Xx]\Z")
_ID_15 = re.compile(r"[0-9]{15}\Z")


def _national_id(type_: str, text: str, scope: str | None, today: date, lists: Lists) -> Result:
    if _ID_15.match(text):
        first_17 = text[:6] + "19" + text[6:]
        value = first_17 + checks.national_id_check(first_17)
    elif _ID_18.match(text):
        value = text.upper()
    else:
        return type_, ("national_id_check",)
    reasons = []
    if not _is_past_date(value[6:14], today):
        reasons.append("national_id_birth_date")
    if checks.national_id_check(value[:17]) != value[17]:
        reasons.append("national_id_check")
    if value[:2] not in lists.provinces and value[0] not in lists.provinces:
        reasons.append("national_id_region")
    return type_, tuple(reasons) or value


def _is_past_date(digits: str, today: date) -> bool:
    try:
        return date(int(digits[:4]), int(digits[4:6]), int(digits[6:])) <= today
    except ValueError:
        return False


def _uscc(type_: str, text: str, scope: str | None, today: date, lists: Lists) -> Result:
    value = text.upper() if text.isascii() else ""
    if len(value) != 18 or any(c not in checks.USCC_ALPHABET for c in value):
        return type_, ("uscc_check",)
    return type_, value if checks.uscc_check(value[:17]) == value[17] else ("uscc_check",)


DOCUMENT = {"passport": "[A-Za-z0-9]{3,20}", "other_document": "[A-Za-z0-9][A-Za-z0-9()/.-]{2,39}"}
"""The number after the issuing country: one digit at least, which the rule asks for besides."""


def _document(type_: str, text: str, scope: str | None, today: date, lists: Lists) -> Result:
    country, colon, number = text.partition(":")
    known = text.isascii() and bool(colon) and country.upper() in lists.countries
    if not known or not re.fullmatch(DOCUMENT[type_], number) or not re.search("[0-9]", number):
        return type_, ("document_format",)
    return type_, f"{country}:{number}".upper()


# Telephony


@cache
def _phone_patterns() -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Separators; a mainland number without them."""
    international, at_home = phones.mainland()
    return re.compile(f"[{phones.separators()}]"), re.compile(f"(?:[+]86|0086){international}|{at_home}")


def _phone(type_: str, text: str, scope: str | None, today: date, lists: Lists) -> Result:
    separators, mainland = _phone_patterns()
    dialled = separators.sub("", text)
    if mainland.fullmatch(dialled):
        return type_, "+86" + re.sub(phones.PREFIX, "", dialled)
    foreign = _foreign(dialled) if re.fullmatch(phones.FOREIGN, dialled) else None
    return type_, foreign or ("phone_invalid",)


def _foreign(dialled: str) -> str | None:
    """Validity by libphonenumber. Given without the digits' grouping, so that nothing is taken for an
    extension.
    """
    digits = dialled[1:] if dialled[0] == "+" else dialled[2:]
    try:
        number = phonenumbers.parse(f"+{digits}", None)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


IMSI = "(?:[2-7][0-9]{2}|901)[0-9]{12}"
"""ITU-T E.212: country codes 2xx to 7xx, 901 for networks of several countries."""


def _imsi(type_: str, text: str, scope: str | None, today: date, lists: Lists) -> Result:
    return type_, text if re.fullmatch(IMSI, text) else ("imsi_format",)


def _iccid(type_: str, text: str, scope: str | None, today: date, lists: Lists) -> Result:
    if re.fullmatch("89[0-9]{17}", text):
        return type_, text if checks.luhn_sum(text) % 10 == 0 else ("iccid_check",)
    return type_, text.upper() if re.fullmatch("89(?:[0-9]{18}|[0-9A-Za-z]{17,18})", text) else ("iccid_check",)


def _imei(type_: str, text: str, scope: str | None, today: date, lists: Lists) -> Result:
    if not re.fullmatch("[0-9]{14,16}", text):
        return type_, ("imei_check",)
    value = text[:14] + checks.luhn_digit(text[:14])
    return type_, value if len(text) != 15 or text[14] in ("0", value[14]) else ("imei_check",)


# Money


def _account(type_: str, text: str, scope: str | None, today: date, lists: Lists) -> Result:
    """Accounts and cards. A number that is a card and starts 62 is one whatever the feed calls it."""
    institution = lists.institutions.get(scope.lower()) if scope else None
    if scope and institution is None:
        return type_, ("unknown_code",)
    number = re.sub("[ -]", "", text)
    is_card = bool(re.fullmatch("[0-9]{12,19}", number)) and checks.luhn_sum(number) % 10 == 0
    if type_ == "bank_card":
        return type_, number if is_card else ("bank_card_check",)
    if is_card and number.startswith("62"):
        return "bank_card", number
    known = institution is not None and re.fullmatch(ACCOUNT[type_], number)
    return type_, f"{institution}:{number.upper()}" if known else ("account_format",)


ACCOUNT = {"bank_account": "[0-9A-Za-z]{5,34}", "payment_account": "[0-9A-Za-z@._+]{3,64}"}
"""Without spaces and hyphens. A payment account may be named by a mail address."""


_WALLET = re.compile(r"(?:([A-Za-z0-9-]{2,20}):)?([A-Za-z0-9]{20,90})\Z")


def _wallet(type_: str, text: str, scope: str | None, today: date, lists: Lists) -> Result:
    """The chain is named before a colon, or by the issuer, or by the address itself where its form is one
    chain's alone.
    """
    match = _WALLET.match(text)
    if match is None:
        return type_, ("wallet_check",)
    named, address = match[1], match[2]
    chain = lists.chains.get((named or scope or "").lower()) or (None if named else _own_chain(address))
    if chain is None:
        return type_, ("unknown_code",) if named or scope else ("wallet_check",)
    value = wallets.evm_address(address) if chain in lists.evm else _ADDRESSES[chain](address)
    return type_, f"{chain}:{value}" if value else ("wallet_check",)


def _own_chain(address: str) -> str | None:
    if wallets.base58check(address, (0x41,)):
        return "tron"
    return next(
        (chain for chain, prefix in (("btc", "bc"), ("ltc", "ltc")) if wallets.segwit_address(address, prefix)),
        None,
    )


_ADDRESSES: dict[str, Callable[[str], str | None]] = {
    "btc": lambda a: wallets.base58check(a, (0x00, 0x05)) or wallets.segwit_address(a, "bc"),
    "ltc": lambda a: wallets.base58check(a, (0x30, 0x32, 0x05)) or wallets.segwit_address(a, "ltc"),
    "doge": lambda a: wallets.base58check(a, (0x1E, 0x16)),
    "tron": lambda a: wallets.base58check(a, (0x41,)),
    "xrp": wallets.ripple_address,
    "sol": wallets.solana_address,
}


# Internet


def _internet_account(type_: str, text: str, scope: str | None, today: date, lists: Lists) -> Result:
    if not scope:
        return type_, ("account_format",)
    platform = lists.platforms.get(scope.lower())
    if platform is None:
        return type_, ("unknown_code",)
    return type_, f"{platform}:{text.lower() if platform in lists.lower_case else text}"


LABEL = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
HOST = rf"(?:{LABEL}\.)+(?:[a-z]{{2,63}}|xn--[a-z0-9-]{{0,58}}[a-z0-9])"
"""A host name in lower case, two labels at least; the last is not a number. At most 253 characters, which is
tested besides.
"""
LOCAL_PART = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:[.][A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
_QUOTED = r'"(?:[ !#-\[\]-~]|\\[ -~])*"'


def _email(type_: str, text: str, scope: str | None, today: date, lists: Lists) -> Result:
    local, at, domain = text.rpartition("@")
    host = None if domain.endswith((".", "。")) else host_name(domain)
    fits = bool(at) and len(local) <= 64 and bool(re.fullmatch(f"{LOCAL_PART}|{_QUOTED}", local))
    ok = fits and host is not None and len(local) + 1 + len(host) <= 254
    return type_, f"{local}@{host}" if ok else ("email_format",)


def _domain(type_: str, text: str, scope: str | None, today: date, lists: Lists) -> Result:
    """A top-level domain alone is one too: it is protected, and a claim on it is for a human."""
    host = host_name(text) or top_level(text)
    return type_, host or ("domain_format",)


@lru_cache(maxsize=100_000)
def host_name(text: str) -> str | None:
    """The host as A-labels in lower case, without a trailing dot, or None. IDNA 2008 where it is needed."""
    labels = re.split("[.。]", text.lower())
    if len(labels) > 2 and not labels[-1]:
        labels.pop()
    ascii_labels = [_a_label(label) for label in labels]
    if None in ascii_labels:
        return None
    host = ".".join(label for label in ascii_labels if label is not None)
    return host if len(host) <= 253 and re.fullmatch(HOST, host) else None


def _a_label(label: str) -> str | None:
    if label.isascii() and not label.startswith("xn--"):
        return label
    try:
        return idna.alabel(label).decode("ascii")
    except (idna.IDNAError, UnicodeError):
        return None


def top_level(text: str) -> str | None:
    """A known public suffix of one label, as an A-label in lower case."""
    label = _a_label(re.sub(r"[.。]\Z", "", text.lower()))
    known = label and "." not in label and suffix_list().publicsuffix(label, accept_unknown=False) == label
    return label if known else None


@cache
def suffix_list() -> PublicSuffixList:
    """The Public Suffix List with its private section: the copy inside of the package, never a download."""
    return PublicSuffixList()


PORTS = {"http": "80", "https": "443", "ftp": "21", "ws": "80", "wss": "443"}
"""Schemes with a default port (RFC 3986, 6.2.3); an empty path of theirs is written `/`, as the same section
has it.
"""
_PCT = "%[0-9A-Fa-f]{2}"
PATH = f"(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|{_PCT})*"
QUERY = f"(?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]|{_PCT})*"
_URL = re.compile(
    rf"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?:(?P<user>(?:[A-Za-z0-9._~!$&'()*+,;=:-]|{_PCT})*)@)?"
    rf"(?P<host>\[[0-9A-Fa-f:.]+\]|[^\[\]/?#@:%]+)(?::(?P<port>[0-9]*))?(?P<path>(?:/{PATH})?)(?P<query>(?:\?{QUERY})?)(?:#.*)?",
    re.DOTALL,
)


def _url(type_: str, text: str, scope: str | None, today: date, lists: Lists) -> Result:
    match = _URL.fullmatch(text)
    host = _url_host(match["host"]) if match else None
    if match is None or host is None:
        return type_, ("url_format",)
    scheme, port = match["scheme"].lower(), (match["port"] or "").lstrip("0")
    if match["port"] and (len(port) > 5 or not 1 <= int(port or 0) <= 65535):
        return type_, ("url_format",)
    user = f"{match['user']}@" if match["user"] else ""
    colon_port = f":{port}" if port and port != PORTS.get(scheme) else ""
    path = match["path"] or ("/" if scheme in PORTS else "")
    return type_, f"{scheme}://{user}{host}{colon_port}{path}{match['query']}"


def _url_host(host: str) -> str | None:
    if host.startswith("["):
        inner = _ip_text(host[1:-1])
        return f"[{inner}]" if inner and ":" in inner else None
    return host if re.fullmatch(IPV4, host) else host_name(host)


_OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
IPV4 = rf"{_OCTET}(?:[.]{_OCTET}){{3}}"


def _ip(type_: str, text: str, scope: str | None, today: date, lists: Lists) -> Result:
    return type_, _ip_text(text) or ("ip_format",)


def _ip_text(text: str) -> str | None:
    if re.fullmatch(IPV4, text):
        return text
    if ":" not in text or "%" in text:
        return None
    try:
        address = ipaddress.IPv6Address(text)
    except ValueError:
        return None
    return f"::ffff:{address.ipv4_mapped}" if address.ipv4_mapped else address.compressed


_RULES: dict[str, Rule] = {
    "national_id": _national_id,
    "uscc": _uscc,
    "passport": _document,
    "other_document": _document,
    "phone": _phone,
    "imsi": _imsi,
    "iccid": _iccid,
    "imei": _imei,
    "bank_card": _account,
    "bank_account": _account,
    "payment_account": _account,
    "internet_account": _internet_account,
    "email": _email,
    "domain": _domain,
    "url": _url,
    "ip": _ip,
    "crypto_wallet": _wallet,
}
TYPES = tuple(_RULES)
"""Every identifier type."""
