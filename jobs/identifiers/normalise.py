"""Normal forms as column expressions: the common mainland forms without Python, the rare ones marked and
handed to rare.py.

`add_normals` is what a stage uses: it cleans in one projection and normalises in the next, so that Spark
evaluates the cleaning once. `normalise` and `normalise_any` give plain expressions for columns that are cheap
to read.

Arithmetic here is total: it is computed for broken text too and gives a meaningless number there, never an
error, and the shape test beside it decides. So Spark may evaluate a check once for value and reasons, and
strict (ANSI) arithmetic has nothing to fail on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cache, reduce
from typing import NamedTuple

import pyarrow as pa
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.pandas.functions import arrow_udf

from jobs.identifiers import checks, phones, rare, text
from jobs.identifiers.rare import TYPES, Codes, Lists, lists_of, normalise_py

Keep = Callable[[int, Column], Column]


class Normal(NamedTuple):
    """Columns of one identifier: effective type STRING, value STRING (null when there is none), reasons
    ARRAY<STRING>, never null.
    """

    type: Column
    value: Column
    reasons: Column


class Spec(NamedTuple):
    """One identifier to normalise. `type` is a type's name, or a column that says it, then one of `types`."""

    name: str
    type: str | Column
    raw: Column
    scope: Column | None = None
    types: tuple[str, ...] = TYPES


class _Input(NamedTuple):
    """What a rule reads: the cleaned text (never null where it counts), the cleaned scope, the date as
    yyyymmdd, the lists. What a rule reads more than once it lets `keep` compute once, at step 1, 2 or 3, each
    of which may read the columns of the steps before it.
    """

    text: Column
    scope: Column
    today: Column
    lists: Lists
    keep: Keep


class _Rule(NamedTuple):
    """What a rule gives for cleaned text: the value if nothing is broken, what is broken (never null) by
    reason in alphabetical order, whether only Python can tell, and the effective type where it may differ.
    """

    value: Column
    broken: tuple[tuple[str, Column], ...]
    is_rare: Column | None = None
    type: Column | None = None


# Cleaning


def clean(raw: Column) -> Column:
    """NFKC as far as it leads to ASCII, invisible characters out, trimmed; null when nothing is left.

    Text that NFKC leads elsewhere (a ligature of kana, a composed accent) comes out as it is: the types whose
    normal form is ASCII refuse it as they should, and the others know it for rare and hand the raw text to
    Python.
    """
    return F.when(raw.rlike(r"^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?\z"), raw).otherwise(_clean_unusual(raw))


def _clean_unusual(raw: Column) -> Column:
    source, target = text.narrow_table()
    visible = F.regexp_replace(F.translate(raw, source, target), f"[{text.invisible_class()}]", "")
    wide = text.wide_table()
    entries = F.split(F.lit("\n".join(char + ascii_ for char, ascii_ in wide)), "\n")
    expanded = F.aggregate(
        entries,
        visible,
        lambda done, entry: F.replace(done, F.substring(entry, 1, 1), F.substring(entry, 2, 9)),
    )
    has_wide = visible.rlike("[" + "".join(char for char, _ in wide) + "]")
    return F.nullif(F.trim(F.when(has_wide, expanded).otherwise(visible)), F.lit(""))


# The interface


def normalise(type_: str, raw: Column, scope: Column | None, today: Column, codes: Codes) -> Normal:
    """One identifier of a known type. Value and reasons are both empty when `raw` is null or blank."""
    return _normalise(_rules([type_]), F.lit(type_), raw, clean(raw), _clean_scope(scope), today, lists_of(codes))


def normalise_any(
    type_: Column,
    raw: Column,
    scope: Column | None,
    today: Column,
    codes: Codes,
    types: Sequence[str] = TYPES,
) -> Normal:
    """One identifier whose type is in a column. A type that is not one of `types` has the reason
    `unknown_code`.
    """
    return _normalise(_rules(types), type_, raw, clean(raw), _clean_scope(scope), today, lists_of(codes))


def add_normals(df: DataFrame, specs: Sequence[Spec], today: Column, codes: Codes) -> DataFrame:
    """`df` with `<name>_type`, `<name>_value` and `<name>_reasons` for each of `specs`; one row in is one row
    out.

    `specs` may read any column of `df`; the new names must not be taken. Python runs only in plans that have
    a type with rare forms.
    """
    lists, steps = lists_of(codes), _Steps()
    added: dict[str, Column] = {}
    for spec in specs:
        steps.name = spec.name
        kinds = [spec.type] if isinstance(spec.type, str) else spec.types
        type_ = F.lit(spec.type) if isinstance(spec.type, str) else spec.type
        inner, scope = steps.keep(0, clean(spec.raw)), steps.keep(0, _clean_scope(spec.scope))
        normal = _normalise(_rules(kinds), type_, spec.raw, inner, scope, today, lists, steps.keep)
        parts = zip(normal._fields, normal, strict=True)
        added |= {f"{spec.name}_{part}": column for part, column in parts}
    return steps.add_to(df).withColumns(added).drop(*steps.names)


class _Steps:
    """Columns to compute once each, in projections after each other. Spark leaves them apart: it does not
    fold a projection into the next one that reads a costly column of it twice (CollapseProject).
    """

    def __init__(self) -> None:
        self.name = ""
        self.names: list[str] = []
        self._columns: list[dict[str, Column]] = [{} for _ in range(5)]

    def keep(self, step: int, column: Column) -> Column:
        name = f"__{self.name}_{len(self.names)}"
        self.names.append(name)
        self._columns[step][name] = column
        return F.col(name)

    def add_to(self, df: DataFrame) -> DataFrame:
        return reduce(lambda done, columns: done.withColumns(columns) if columns else done, self._columns, df)


def _inline(step: int, column: Column) -> Column:
    """In a plain expression nothing can be kept."""
    return column


def _clean_scope(scope: Column | None) -> Column:
    return F.lit(None).cast("string") if scope is None else clean(scope)


def _rules(types: Iterable[str]) -> dict[str, Callable[[_Input], _Rule]]:
    return {type_: _RULES[type_] for type_ in types}


def _normalise(
    rules: dict[str, Callable[[_Input], _Rule]],
    type_: Column,
    raw: Column,
    inner: Column,
    scope: Column,
    today: Column,
    lists: Lists,
    keep: Keep = _inline,
) -> Normal:
    day = F.year(today) * 10000 + F.month(today) * 100 + F.dayofmonth(today)
    outcomes: dict[str, _Rule] = {}
    for name, rule in rules.items():
        # Only rows of the type pay for its columns; with one type, that is all.
        only = keep if len(rules) == 1 else _only(type_ == name, keep)
        outcomes[name] = rule(_Input(inner, scope, day, lists, only))
    blank = inner.isNull()
    none = F.array().cast("array<string>")
    unknown = F.when(type_.isNull(), F.array(F.lit("missing_value"))).otherwise(F.array(F.lit("unknown_code")))
    effective = _by_type(type_, {name: o.type for name, o in outcomes.items() if o.type is not None}, type_)
    value = _by_type(type_, {name: o.value for name, o in outcomes.items()}, F.lit(None).cast("string"))
    by_reasons = _by_type(type_, {name: _reasons(o.broken) for name, o in outcomes.items()}, unknown)
    reasons = keep(4, F.when(blank, none).otherwise(by_reasons))
    rares = {name: o.is_rare for name, o in outcomes.items() if o.is_rare is not None}
    if not rares:
        effective = F.when(blank, type_).otherwise(effective)
        return Normal(effective, F.when(~blank & (F.size(reasons) == 0), value), reasons)
    is_rare = keep(4, ~blank & F.coalesce(_by_type(type_, rares, F.lit(False)), F.lit(False)))
    by_python = _python(lists)(*[F.when(is_rare, column) for column in (type_, raw, scope, today)])
    return Normal(
        F.when(blank, type_).when(is_rare, by_python["type"]).otherwise(effective),
        F.when(is_rare, by_python["value"]).when(~blank & (F.size(reasons) == 0), value),
        F.when(is_rare, by_python["reasons"]).otherwise(reasons),
    )


def _only(condition: Column, keep: Keep) -> Keep:
    return lambda step, column: keep(step, F.when(condition, column))


def _by_type(type_: Column, columns: dict[str, Column], otherwise: Column) -> Column:
    return reduce(
        lambda rest, item: F.when(type_.eqNullSafe(item[0]), item[1]).otherwise(rest),
        reversed(columns.items()),
        otherwise,
    )


def _reasons(broken: tuple[tuple[str, Column], ...]) -> Column:
    if len(broken) == 1:
        reason, column = broken[0]
        return F.when(column, F.array(F.lit(reason))).otherwise(F.array().cast("array<string>"))
    return F.array_compact(F.array(*[F.when(column, F.lit(reason)) for reason, column in broken]))


_OUTCOME = pa.struct([("type", pa.string()), ("value", pa.string()), ("reasons", pa.list_(pa.string()))])


def _python(lists: Lists) -> Callable[..., Column]:
    """`normalise_py` over Arrow batches. Rows that are not rare come as nulls and go back as nulls; equal
    ones run once.
    """

    def run(type_: pa.Array, raw: pa.Array, scope: pa.Array, today: pa.Array) -> pa.Array:
        if raw.null_count == len(raw):
            return pa.nulls(len(raw), _OUTCOME)
        done: dict[tuple[object, ...], dict[str, object]] = {}
        out: list[dict[str, object] | None] = []
        for row in zip(type_.to_pylist(), raw.to_pylist(), scope.to_pylist(), today.to_pylist(), strict=True):
            if row[1] is not None and row not in done:
                kind, value, reasons = normalise_py(*row, lists)
                done[row] = {"type": kind, "value": value, "reasons": list(reasons)}
            out.append(None if row[1] is None else done[row])
        return pa.array(out, _OUTCOME)

    # PySpark's annotations of arrow_udf leave out a function of Arrow arrays, which its documentation has.
    return arrow_udf(run, "type string, value string, reasons array<string>")  # type: ignore[call-overload,no-any-return]


# Documents


def _national_id(given: _Input) -> _Rule:
    c = given.text
    is_15 = given.keep(1, c.rlike(r"^[0-9]{15}\z"))
    is_18 = given.keep(1, c.rlike(r"^[0-9]{17}[0-9Xx]\z"))
    long = F.concat(F.substring(c, 1, 6), F.lit("19"), F.substring(c, 7, 9))
    first_17 = given.keep(2, F.when(is_15, long).when(is_18, F.substring(c, 1, 17)))
    number = given.keep(3, first_17.try_cast("bigint"))
    terms = [digit * w for digit, w in zip(_digits(number, 17), checks.NATIONAL_ID_WEIGHTS, strict=True)]
    check = _pick(checks.NATIONAL_ID_CHECKS, _sum(terms) % 11)
    shaped = is_15 | is_18
    # Characters 1 to 2 are the province, 7 to 14 the birth date.
    known = _div(number, 10**15).isin([int(p) for p in given.lists.provinces if len(p) == 2])
    is_foreign = _div(number, 10**16) == 9
    born = _div(number, 10**3) % 10**8
    broken = (
        ("national_id_birth_date", shaped & ~_is_past_date(born, given.today)),
        ("national_id_check", ~shaped | (is_18 & (check != F.upper(F.substring(c, 18, 1))))),
        ("national_id_region", shaped & ~(known | is_foreign)),
    )
    return _Rule(F.concat(first_17, check), broken)


def _is_past_date(number: Column, today: Column) -> Column:
    """Both as yyyymmdd. Null for null."""
    year, month, day = _div(number, 10000), _div(number, 100) % 100, number % 100
    leap = ((year % 4 == 0) & (year % 100 != 0)) | (year % 400 == 0)
    february = F.when(leap, 29).otherwise(28)
    longest = F.when(month == 2, february).when(month.isin(4, 6, 9, 11), 30).otherwise(31)
    return (year >= 1) & month.between(1, 12) & (day >= 1) & (day <= longest) & (number <= today)


def _uscc(given: _Input) -> _Rule:
    shaped = given.keep(1, given.text.rlike(r"^[0-9A-HJ-NPQRTUWXYa-hj-npqrtuwxy]{18}\z"))
    upper = F.upper(given.text)
    # The alphabet of 31 becomes the digits of base 31 as `conv` reads them; 17 of those are two numbers.
    row = given.keep(2, F.when(shaped, F.translate(upper, checks.USCC_ALPHABET, _BASE_31)))
    head = given.keep(3, F.conv(F.substring(row, 1, 9), 31, 10).cast("bigint"))
    tail = given.keep(3, F.conv(F.substring(row, 10, 8), 31, 10).cast("bigint"))
    places = _digits(head, 9, 31) + _digits(tail, 8, 31)
    total = _sum([place * weight for place, weight in zip(places, checks.USCC_WEIGHTS, strict=True)])
    check = _pick(checks.USCC_ALPHABET, (F.lit(31) - total % 31) % 31)
    return _Rule(upper, (("uscc_check", ~shaped | (check != F.substring(upper, 18, 1))),))


_BASE_31 = "0123456789ABCDEFGHIJKLMNOPQRSTU"


def _document(type_: str) -> Callable[[_Input], _Rule]:
    def rule(given: _Input) -> _Rule:
        countries = "|".join(sorted(given.lists.countries))
        ok = given.text.rlike(rf"^(?i:{countries}):(?=.*[0-9]){rare.DOCUMENT[type_]}\z")
        return _Rule(F.upper(given.text), (("document_format", ~ok),))

    return rule


def _div(number: Column, by: int) -> Column:
    """Integral division, which Column has no operator for."""
    return F.call_function("div", number, F.lit(by))


def _digits(number: Column, places: int, base: int = 10) -> list[Column]:
    """The digits of a BIGINT from the left, that many."""
    return [_div(number, base ** (places - i)) % base for i in range(1, places + 1)]


def _sum(terms: Iterable[Column]) -> Column:
    return reduce(lambda a, b: a + b, terms)


def _pick(characters: str, index: Column) -> Column:
    return F.substring(F.lit(characters), (index + 1).cast("int"), F.lit(1))


# Telephony


def _phone(given: _Input) -> _Rule:
    international, at_home = phones.mainland()
    # Most numbers come without separators.
    has_gaps = given.text.rlike("[^+0-9]")
    joined = F.regexp_replace(given.text, f"[{phones.separators()}]", "")
    dialled = given.keep(1, F.when(has_gaps, joined).otherwise(given.text))
    is_mainland = dialled.rlike(rf"^(?:(?:[+]86|0086){international}|{at_home})\z")
    value = F.concat(F.lit("+86"), F.regexp_replace(dialled, phones.PREFIX, ""))
    return _Rule(value, (("phone_invalid", ~is_mainland),), is_rare=dialled.rlike(rf"^{phones.FOREIGN}\z"))


def _imsi(given: _Input) -> _Rule:
    return _Rule(given.text, (("imsi_format", ~given.text.rlike(rf"^{rare.IMSI}\z")),))


def _iccid(given: _Input) -> _Rule:
    c = given.text
    checked = c.rlike(r"^89[0-9]{17}\z")
    as_given = c.rlike(r"^89(?:[0-9]{18}|[0-9A-Za-z]{17,18})\z")
    ok = F.when(checked, _luhn_sum(given, c) % 10 == 0).otherwise(as_given)
    return _Rule(F.upper(c), (("iccid_check", ~ok),))


def _imei(given: _Input) -> _Rule:
    c = given.text
    first_14, last = F.substring(c, 1, 14), F.substring(c, 15, 1)
    shaped = c.rlike(r"^[0-9]{14,16}\z")
    total = _luhn_sum(given, F.concat(first_14, F.lit("0")))
    check = given.keep(3, ((F.lit(10) - total % 10) % 10).cast("string"))
    ok = shaped & ((F.length(c) != 15) | (last == "0") | (last == check))
    return _Rule(F.concat(first_14, check), (("imei_check", ~ok),))


def _luhn_sum(given: _Input, digits: Column) -> Column:
    """`checks.luhn_sum` for up to 19 digits (a 0 in front adds nothing); of other text some number."""
    single = given.keep(1, F.lpad(digits, 19, "0"))
    head = given.keep(2, F.coalesce(F.substring(single, 1, 9).try_cast("bigint"), F.lit(0)))
    tail = given.keep(2, F.coalesce(F.substring(single, 10, 10).try_cast("bigint"), F.lit(0)))
    places = _digits(head, 9) + _digits(tail, 10)
    doubled = [digit * 2 - _div(digit, 5) * 9 for digit in places[1::2]]
    return _sum([*places[::2], *doubled])


# Money


def _account(type_: str) -> Callable[[_Input], _Rule]:
    def rule(given: _Input) -> _Rule:
        institution = given.keep(1, _spelt(given.scope, given.lists.institutions))
        unknown = given.scope.isNotNull() & institution.isNull()
        number = F.translate(given.text, " -", "")
        is_card = given.keep(3, number.rlike(r"^[0-9]{12,19}\z") & (_luhn_sum(given, number) % 10 == 0))
        if type_ == "bank_card":
            return _Rule(number, (("bank_card_check", ~unknown & ~is_card), ("unknown_code", unknown)))
        is_pay_card = is_card & number.startswith("62")
        ok = is_pay_card | (institution.isNotNull() & number.rlike(rf"^{rare.ACCOUNT[type_]}\z"))
        value = F.when(is_pay_card, number).otherwise(F.concat(institution, F.lit(":"), F.upper(number)))
        effective = F.when(is_pay_card & ~unknown, F.lit("bank_card")).otherwise(F.lit(type_))
        return _Rule(value, (("account_format", ~unknown & ~ok), ("unknown_code", unknown)), type=effective)

    return rule


def _spelt(spelling: Column, spellings: dict[str, str]) -> Column:
    """The code that a spelling stands for, or null. Codes are found at once, other spellings in a map."""
    table = F.str_to_map(F.lit("\n".join(f"{k}\t{v}" for k, v in sorted(spellings.items()))), F.lit("\n"), F.lit("\t"))
    codes = sorted(set(spellings.values()))
    return F.when(spelling.isin(codes), spelling).otherwise(F.try_element_at(table, F.lower(spelling)))


def _wallet(given: _Input) -> _Rule:
    """Lower-case addresses of Ethereum's form carry no check and are common; all else is for Python."""
    chains = "|".join(sorted(given.lists.evm))
    is_common = given.text.rlike(rf"^(?:{chains}):0x[0-9a-f]{{40}}\z")
    return _Rule(given.text, (("wallet_check", ~is_common),), is_rare=~is_common)


# Internet


def _internet_account(given: _Input) -> _Rule:
    platform = given.keep(1, _spelt(given.scope, given.lists.platforms))
    unknown = given.scope.isNotNull() & platform.isNull()
    account = F.when(platform.isin(sorted(given.lists.lower_case)), F.lower(given.text)).otherwise(given.text)
    broken = (("account_format", given.scope.isNull()), ("unknown_code", unknown))
    return _Rule(F.concat(platform, F.lit(":"), account), broken, is_rare=~given.text.rlike(rf"^[{text.STABLE}]*\z"))


def _email(given: _Input) -> _Rule:
    c = given.text
    local, host = F.substring_index(c, "@", 1), F.lower(F.substring_index(c, "@", -1))
    ok = c.rlike(rf"^{rare.LOCAL_PART}@[^@]*\z") & host.rlike(rf"^{rare.HOST}\z") & _fits_email(local, host)
    is_rare = ~_is_ascii(c) | host.contains("xn--") | c.contains('"')
    return _Rule(F.concat(local, F.lit("@"), host), (("email_format", ~ok),), is_rare=is_rare)


def _fits_email(local: Column, host: Column) -> Column:
    return (F.length(local) <= 64) & (F.length(host) <= 253) & (F.length(local) + F.length(host) <= 253)


def _domain(given: _Input) -> _Rule:
    host = F.regexp_replace(F.lower(given.text), r"[.]\z", "")
    ok = (F.length(host) <= 253) & host.rlike(rf"^{rare.HOST}\z")
    is_rare = ~_is_ascii(host) | host.contains("xn--") | ~host.contains(".")
    return _Rule(host, (("domain_format", ~ok),), is_rare=is_rare)


_COMMON_URL = (
    rf"^(https?|ftp|wss?)://([a-z0-9.-]*[a-z0-9])[.]?(?::([0-9]*))?((?:/{rare.PATH})?)((?:[?]{rare.QUERY})?)(?:#.*)?\z"
)


def _url(given: _Input) -> _Rule:
    """Web addresses of plain hosts. Other schemes, users, IPv6 and international hosts are for Python, and so
    is what may have them.
    """
    c = given.text
    front = given.keep(1, F.lower(F.regexp_extract(c, r"^([A-Za-z][A-Za-z0-9+.-]*://[^/?#]*)", 1)))
    whole = given.keep(2, F.concat(front, F.substring(c, F.length(front) + 1, F.length(c))))
    parts = [given.keep(3, F.regexp_extract(whole, _COMMON_URL, i)) for i in range(1, 6)]
    scheme, host, port, path, query = parts
    number = F.coalesce(F.regexp_replace(port, "^0+", "").try_cast("int"), F.lit(-1))
    default = reduce(
        lambda rest, item: F.when(scheme == item[0], int(item[1])).otherwise(rest),
        rare.PORTS.items(),
        F.lit(0),
    )
    shown = F.when((port == "") | (number == default), "").otherwise(F.concat(F.lit(":"), number.cast("string")))
    slash = F.when(path == "", "/").otherwise(path)
    value = F.concat(scheme, F.lit("://"), host, shown, slash, query)
    good_host = host.rlike(rf"^(?:{rare.IPV4}|{rare.HOST})\z") & (F.length(host) <= 253)
    ok = (scheme != "") & good_host & ((port == "") | number.between(1, 65535))
    is_rare = ~_is_ascii(c) | front.rlike(r"[@\[]|xn--|^(?!(?:https?|ftp|wss?):)[a-z]")
    return _Rule(value, (("url_format", ~ok),), is_rare=is_rare)


def _ip(given: _Input) -> _Rule:
    ok = given.text.rlike(rf"^{rare.IPV4}\z")
    return _Rule(given.text, (("ip_format", ~ok),), is_rare=given.text.contains(":"))


def _is_ascii(column: Column) -> Column:
    return F.octet_length(column) == F.length(column)


_RULES: dict[str, Callable[[_Input], _Rule]] = {
    "national_id": _national_id,
    "uscc": _uscc,
    "passport": _document("passport"),
    "other_document": _document("other_document"),
    "phone": _phone,
    "imsi": _imsi,
    "iccid": _iccid,
    "imei": _imei,
    "bank_card": _account("bank_card"),
    "bank_account": _account("bank_account"),
    "payment_account": _account("payment_account"),
    "internet_account": _internet_account,
    "email": _email,
    "domain": _domain,
    "url": _url,
    "ip": _ip,
    "crypto_wallet": _wallet,
}


@cache
def rare_types() -> frozenset[str]:
    """Types that have rare forms: a plan with one of them runs Python for the rows that need it."""
    return frozenset({"phone", "internet_account", "email", "domain", "url", "ip", "crypto_wallet"})
