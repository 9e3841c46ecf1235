"""Whole columns of identifiers in normal form: the common mainland forms at once, everything else by `normalise_py`, once for equal rows.

A rule here only recognises: it gives the value of a text that is valid in a form that it knows, and null for any other. What is left, a rare
form or a broken one, goes to the reference, which alone knows reasons. Property tests hold the two equal on all input.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from jobs.core.frames import where
from jobs.identifiers import checks, phones, rare
from jobs.identifiers.rare import TYPES, Lists, normalise_py

Flags = npt.NDArray[np.bool_]
Digits = npt.NDArray[np.uint8]
Rule = Callable[[pl.DataFrame, Lists], pl.Series]
"""Of rows `raw`, `scope` and `today`, none without `raw`: their values, null where the rule does not know the form."""


RETYPED = frozenset({"bank_account", "payment_account"})
"""Types whose values may turn out to be of another one: cards."""


class Normals(NamedTuple):
    """Of each row its effective type, its value (null when there is none), and of each reason the rows that it holds of."""

    type: pl.Series
    value: pl.Series
    broken: dict[str, pl.Series]


def normalise(
    type_: str | pl.Series, raw: pl.Series, scope: pl.Series | None, today: pl.Series, lists: Lists, types: Iterable[str] = TYPES,
) -> Normals:  # fmt: skip
    """One identifier a row. `type_` is its type's name, or a column that says it; one that is not among `types` has the reason `unknown_code`.

    `scope` is the issuer, platform or chain as the feed gives it, `today` the day after which nobody is born yet.
    """
    rows = pl.DataFrame({
        "type": pl.repeat(type_, len(raw), dtype=pl.String, eager=True) if isinstance(type_, str) else type_,
        "raw": raw, "scope": pl.repeat(None, len(raw), dtype=pl.String, eager=True) if scope is None else scope, "today": today,
    })  # fmt: skip
    if isinstance(type_, str):
        value = _RULES[type_](rows, lists)
    else:
        value = _recognised(rows, sorted(set(type_.unique().drop_nulls()) & set(types)), lists)
    others = (value.is_null() & raw.is_not_null()).arg_true()
    if len(others) == 0:
        return Normals(rows["type"], value, {})
    outcomes = _by_reference(rows[others], frozenset(types), lists)
    broken = {}
    for reason in sorted({reason for _, _, reasons in outcomes for reason in reasons}):
        flags = np.zeros(len(raw), bool)
        flags[others.to_numpy()] = [reason in reasons for _, _, reasons in outcomes]
        broken[reason] = pl.Series(flags)
    kinds = pl.Series([kind for kind, _, _ in outcomes], dtype=pl.String)
    is_as_said = kinds.equals(rows["type"].gather(others), null_equal=True)
    found = rows["type"] if is_as_said else _put(rows["type"], others, kinds)
    return Normals(found, _put(value, others, [text for _, text, _ in outcomes]), broken)


def _by_reference(rows: pl.DataFrame, types: frozenset[str], lists: Lists) -> list[rare.Outcome]:
    known: dict[tuple[Any, ...], rare.Outcome] = {}
    found = []
    for row in rows.rows():
        if row not in known:
            type_, raw, scope, today = row
            kind, value, reasons = normalise_py(type_, raw, scope, today, lists)
            is_other = kind is not None and type_ not in types and (value is not None or reasons)
            known[row] = (kind, None, ("unknown_code",)) if is_other else (kind, value, reasons)
        found.append(known[row])
    return found


def _recognised(rows: pl.DataFrame, kinds: list[str], lists: Lists) -> pl.Series:
    """The values of all rows whose form the rule of their type knows."""
    parts, places = [], []
    for kind in kinds:
        mine = ((rows["type"] == kind) & rows["raw"].is_not_null()).fill_null(False)
        if mine.all():
            return _RULES[kind](rows, lists)
        if mine.any():
            at = mine.arg_true()
            parts.append(_RULES[kind](rows[at], lists))
            places.append(at)
    if not parts:
        return pl.repeat(None, rows.height, dtype=pl.String, eager=True)
    return _spread(pl.concat(parts), pl.concat(places), rows.height)


def _spread(values: pl.Series, places: pl.Series, height: int) -> pl.Series:
    """The values at these places of a column of so many rows, null elsewhere."""
    return pl.repeat(None, height, dtype=values.dtype, eager=True).scatter(places, values)


def _put(values: pl.Series, at: pl.Series, new: pl.Series | list[str | None]) -> pl.Series:
    """The values with new ones at these places."""
    return values.clone().scatter(at, pl.Series(new, dtype=values.dtype))


def _matching(pattern: str) -> Rule:
    """A form that is its own normal form."""

    def rule(rows: pl.DataFrame, lists: Lists) -> pl.Series:
        return where(rows["raw"].str.contains(pattern), rows["raw"])

    return rule


def characters(texts: pl.Series, width: int) -> Digits:
    """Texts of so many characters of ASCII each, a row of bytes for each."""
    array = texts.rechunk().to_arrow(compat_level=pl.CompatLevel.oldest())
    if not len(array):
        return np.empty((0, width), np.uint8)
    start = array.offset * width
    return np.frombuffer(array.buffers()[2], np.uint8)[start : start + len(array) * width].reshape(-1, width)


def _shaped(texts: pl.Series, pattern: str, width: int, is_valid: Callable[[Digits], Flags]) -> pl.Series:
    """The texts of this form and width that pass a test of their characters; null for the others."""
    shaped = texts.str.contains(pattern).fill_null(False)
    if shaped.all():
        return where(pl.Series(is_valid(characters(texts, width))), texts)
    at = shaped.arg_true()
    found = texts.gather(at)
    return _spread(where(pl.Series(is_valid(characters(found, width))), found), at, len(texts))


def _weigh(digits: Digits, weights: Iterable[int]) -> npt.NDArray[np.int64]:
    found: npt.NDArray[np.int64] = (digits.astype(np.float32) @ np.array(list(weights), np.float32)).astype(np.int64)
    return found


def luhn_sums(digits: Digits) -> npt.NDArray[np.int64]:
    """`checks.luhn_sum` of each row of digits."""
    doubled = [2 if at % 2 else 1 for at in range(digits.shape[1])][::-1]
    found: npt.NDArray[np.int64] = _weigh(digits, doubled) - 9 * (digits[:, -2::-2] > 4).sum(axis=1)
    return found


# Documents


def _national_id(rows: pl.DataFrame, lists: Lists) -> pl.Series:
    provinces = np.array([f"{n:02d}" in lists.provinces or f"{n:02d}"[0] in lists.provinces for n in range(100)])

    def is_valid(found: Digits, today: npt.NDArray[np.int64]) -> Flags:
        digits = found - ord("0")
        check = np.frombuffer(checks.NATIONAL_ID_CHECKS.encode(), np.uint8)[
            _weigh(digits[:, :17], checks.NATIONAL_ID_WEIGHTS) % 11
        ]
        born = (
            _weigh(digits[:, 6:10], (1000, 100, 10, 1)),
            _weigh(digits[:, 10:12], (10, 1)),
            _weigh(digits[:, 12:14], (10, 1)),
        )
        known: Flags = (check == found[:, 17]) & provinces[_weigh(digits[:, :2], (10, 1))]
        return known & is_day(*born) & (born[0] * 10_000 + born[1] * 100 + born[2] <= today)

    raw = rows["raw"]
    shaped = raw.str.contains("^[0-9]{17}[0-9X]$")
    at = shaped.arg_true()
    found, day = raw.gather(at), rows["today"].gather(at).dt
    today = (
        day.year().cast(pl.Int64) * 10_000 + day.month().cast(pl.Int64) * 100 + day.day().cast(pl.Int64)
    ).to_numpy()
    return _spread(where(pl.Series(is_valid(characters(found, 18), today)), found), at, len(raw))


_LONGEST = np.array([0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])


def is_day(year: npt.NDArray[np.int64], month: npt.NDArray[np.int64], day: npt.NDArray[np.int64]) -> Flags:
    """Whether there is such a day, by the Gregorian calendar from year 1 on."""
    leap = ((year % 4 == 0) & (year % 100 != 0)) | (year % 400 == 0)
    longest = _LONGEST[np.clip(month, 0, 12) * (month <= 12)] - ((month == 2) & ~leap)
    found: Flags = (year >= 1) & (day >= 1) & (day <= longest)
    return found


def _uscc(rows: pl.DataFrame, lists: Lists) -> pl.Series:
    values = np.zeros(256, np.uint8)
    alphabet = np.frombuffer(checks.USCC_ALPHABET.encode(), np.uint8)
    values[alphabet] = np.arange(len(alphabet))

    def is_valid(found: Digits) -> Flags:
        flags: Flags = alphabet[-_weigh(values[found[:, :17]], checks.USCC_WEIGHTS) % 31] == found[:, 17]
        return flags

    return _shaped(rows["raw"], f"^[{checks.USCC_ALPHABET}]{{18}}$", 18, is_valid)


def _document(type_: str) -> Rule:
    number = rare.DOCUMENT[type_].replace("A-Za-z", "A-Z")

    def rule(rows: pl.DataFrame, lists: Lists) -> pl.Series:
        raw = rows["raw"]
        known = raw.str.contains(f"^(?:{'|'.join(sorted(lists.countries))}):{number}$") & raw.str.contains(":.*[0-9]")
        return where(known, raw)

    return rule


# Telephony


@cache
def _mobile() -> tuple[str, str]:
    return f"^(?:{phones.mobile()})$", rf"^(?:(?:\+86|0086)0?|(?:86)?0?)({phones.mobile()})$"


def _phone(rows: pl.DataFrame, lists: Lists) -> pl.Series:
    """Mobiles without separators; fixed lines, service numbers and foreign ones are few."""
    raw, (bare, prefixed) = rows["raw"], _mobile()
    is_bare = raw.str.contains(bare)
    found = pl.select(pl.when(is_bare).then(pl.lit("+86") + raw)).to_series()
    at = (~is_bare).arg_true()
    return _put(found, at, pl.select(pl.lit("+86") + raw.gather(at).str.extract(prefixed, 1)).to_series())


def _iccid(rows: pl.DataFrame, lists: Lists) -> pl.Series:
    raw = rows["raw"]
    checked = _shaped(raw, "^89[0-9]{17}$", 19, lambda found: luhn_sums(found - ord("0")) % 10 == 0)
    at = checked.is_null().arg_true()
    others = raw.gather(at)
    as_given = others.str.contains("^89[0-9A-Z]{17,18}$") & ~others.str.contains("^[0-9]{19}$")
    return _put(checked, at, where(as_given, others))


def _imei(rows: pl.DataFrame, lists: Lists) -> pl.Series:
    raw = rows["raw"]
    at = raw.str.contains("^[0-9]{14,16}$").arg_true()
    given = raw.gather(at)
    head = given.str.slice(0, 14)
    digits = characters(head, 14) - ord("0")
    sums = luhn_sums(np.hstack([digits, np.zeros((len(at), 1), np.uint8)]))
    check = pl.Series(-sums % 10).cast(pl.String)
    last = given.str.slice(14, 1)
    ok = (given.str.len_bytes() != 15) | (last == "0") | (last == check)
    return _spread(where(ok, head + check), at, len(raw))


# Money


def _card(rows: pl.DataFrame, lists: Lists) -> pl.Series:
    shaped = rows["raw"].str.contains("^[0-9]{12,19}$")
    at = (shaped & (rows["scope"].is_null() | rows["scope"].is_in(_codes(lists.institutions)))).arg_true()
    given = rows["raw"].gather(at)
    digits = characters(given.str.zfill(19), 19) - ord("0")
    return _spread(where(pl.Series(luhn_sums(digits) % 10 == 0), given), at, rows.height)


def _account(type_: str) -> Rule:
    """Not those starting 62, which may be cards."""
    number = rare.ACCOUNT[type_].replace("A-Za-z", "A-Z")

    def rule(rows: pl.DataFrame, lists: Lists) -> pl.Series:
        known = rows["raw"].str.contains(f"^{number}$") & ~rows["raw"].str.starts_with("62")
        known &= rows["scope"].is_in(_codes(lists.institutions)).fill_null(False)
        return where(known, _scoped(rows["scope"], rows["raw"]))

    return rule


def _scoped(scope: pl.Series, value: pl.Series) -> pl.Series:
    return pl.select(pl.concat_str([scope, value], separator=":")).to_series()


def _codes(spellings: dict[str, str]) -> list[str]:
    return sorted(set(spellings.values()))


def _wallet(rows: pl.DataFrame, lists: Lists) -> pl.Series:
    """Lower-case addresses of Ethereum's form, which carry no check and are common."""
    return _matching(f"^(?:{'|'.join(sorted(lists.evm))}):0x[0-9a-f]{{40}}$")(rows, lists)


# Internet


def _internet_account(rows: pl.DataFrame, lists: Lists) -> pl.Series:
    plain = rows["raw"].str.contains(r"^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$")
    known = plain & rows["scope"].is_in(_codes(lists.platforms)).fill_null(False)
    folds = rows["scope"].is_in(sorted(lists.lower_case)).fill_null(False)
    folded = pl.select(pl.when(folds).then(rows["raw"].str.to_lowercase()).otherwise(rows["raw"])).to_series()
    return where(known, _scoped(rows["scope"], folded))


def _host(text: pl.Series) -> pl.Series:
    """Hosts of ASCII in normal form; an A-label is looked at by the library."""
    return (
        text.str.contains(f"^{rare.HOST}$") & (text.str.len_bytes() <= 253) & ~text.str.contains("xn--", literal=True)
    )


def _email(rows: pl.DataFrame, lists: Lists) -> pl.Series:
    raw = rows["raw"]
    local, host = raw.str.extract("^(.*)@", 1), raw.str.extract("@([^@]*)$", 1)
    known = (
        local.str.contains(f"^{rare.LOCAL_PART}$")
        & (local.str.len_bytes() <= 64)
        & _host(host)
        & (raw.str.len_bytes() <= 254)
    )
    return where(known.fill_null(False), raw)


def _domain(rows: pl.DataFrame, lists: Lists) -> pl.Series:
    return where(_host(rows["raw"]), rows["raw"])


def _url(rows: pl.DataFrame, lists: Lists) -> pl.Series:
    """Web addresses of plain hosts, without port and fragment."""
    raw = rows["raw"]
    host = raw.str.extract(rf"^https?://([a-z0-9.-]+)/{rare.PATH}(?:\?{rare.QUERY})?$", 1)
    known = host.str.contains(f"^{rare.IPV4}$") | _host(host)
    return where(known.fill_null(False), raw)


_RULES: dict[str, Rule] = {
    "national_id": _national_id,
    "uscc": _uscc,
    "passport": _document("passport"),
    "other_document": _document("other_document"),
    "phone": _phone,
    "imsi": _matching(f"^{rare.IMSI}$"),
    "iccid": _iccid,
    "imei": _imei,
    "bank_card": _card,
    "bank_account": _account("bank_account"),
    "payment_account": _account("payment_account"),
    "internet_account": _internet_account,
    "email": _email,
    "domain": _domain,
    "url": _url,
    "ip": _matching(f"^{rare.IPV4}$"),
    "crypto_wallet": _wallet,
}
