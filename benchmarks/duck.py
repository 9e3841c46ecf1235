"""The rules of the mixed feed in SQL for DuckDB, from the same file: what a good engineer would write who had no Spark.

It is a peer, so it gets its best mode: what is common is decided by one pattern over the whole row, check digits by tables of two digits, the
reasons only of rows that are broken and the ids only of rows that are good. What no SQL can do (the rest of NFKC, numbers of other countries) goes
to the product's own Python, for the rows that need it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import duckdb

from benchmarks import given
from jobs.core.contracts import BASE_COLUMNS
from jobs.identifiers import checks, phones, rare
from jobs.identifiers.keys import encode_py
from jobs.identifiers.rare import normalise_py
from jobs.identifiers.text import clean_py, invisible_class

CLEANED = ("msisdn", "iccid", "imsi", "imei", "holder_doc_no", "platform", "account_id")
TIMES = ("recorded_at", "activated_at", "deactivated_at")
VALUES = {"phone": "phone", "iccid": "iccid", "imsi": "imsi", "imei": "imei", "account": "internet_account"}
"""Identifiers of one type each, by label; the holder's type is in a column."""


def duckdb_rules(path: Path, out: Path, threads: int = 2, ids: bool = True) -> None:
    """Good rows to `<out>/good.parquet`, broken ones with their reasons to `<out>/broken.parquet`. Without `ids` the normal forms are
    checked and made, but not hashed."""
    out.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(config={"threads": threads, "temp_directory": str(out / "spill")}) as db:
        db.execute("SET TimeZone = 'UTC'; SET preserve_insertion_order = false; SET enable_progress_bar = false")
        _add_functions(db)
        db.execute(f"CREATE TEMP TABLE checked AS {checked_sql(path)}")
        db.execute(f"COPY ({_good_sql(ids)}) TO {_text(str(out / 'good.parquet'))} (FORMAT parquet)")
        db.execute(f"COPY ({_broken_sql()}) TO {_text(str(out / 'broken.parquet'))} (FORMAT parquet)")


def checked_sql(path: Path) -> str:
    """One row per record: times, normal forms, and null faults where nothing is broken."""
    sql = _read_sql(path)
    for step in (_masked, _tidied, _cleaned, _shaped, _numbered, _normal, _decided, _judged, _told):
        sql = f"SELECT {', '.join(step())} FROM ({sql})"
    return sql


def _good_sql(ids: bool) -> str:
    made = {f"{label}_id": _id(kind, f"{label}_value") if ids else f"{label}_value" for label, kind in VALUES.items()}
    made |= {"holder_id": _holder_id() if ids else "holder_value", "holder_type": "kind"}
    return (
        f"SELECT {', '.join(_as(made.get(name, name), name) for name in given.GOOD)} FROM checked WHERE faults IS NULL"
    )


def _add_functions(db: duckdb.DuckDBPyConnection) -> None:
    """What SQL cannot do. DuckDB calls a branch of CASE for its own rows only, here hardly any."""

    def foreign(dialled: str) -> str | None:
        return normalise_py("phone", dialled, None, given.ON, given.lists())[1]

    db.create_function("clean_py", clean_py, ["VARCHAR"], "VARCHAR", null_handling="special")
    db.create_function("foreign_py", foreign, ["VARCHAR"], "VARCHAR", null_handling="special")


# From the file to clean text


def _read_sql(path: Path) -> str:
    names = ", ".join(f"{_text(name)}: 'VARCHAR'" for name in given.feed().columns)
    return f"SELECT * FROM read_csv({_text(str(path))}, columns = {{{names}}}, header = true, auto_detect = false, delim = ',', quote = '\"', escape = '\"')"


def _masked() -> list[str]:
    """A withdrawal needs only the columns that every feed has first. `is_common`: one pattern tells that every text of the row has the shape that
    most have, and no other need be tried."""
    own = [name for name in given.feed().columns if name not in BASE_COLUMNS]
    masked = [_as(f"CASE WHEN op IS DISTINCT FROM 'withdraw' THEN {name} END", name) for name in own]
    time = "[1-9][0-9]{3}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z"
    shapes = [
        phones.mobile(), "89[0-9]{17}", rare.IMSI, "[0-9]{15}", "[0-9]{17}[0-9X]", "[!-{}~]+", "[!-{}~]+", time, time, f"(?:{time})?",
    ]  # fmt: skip
    row = ", '|', ".join((*CLEANED, *TIMES))
    common = _match(f"concat({row})", "[|]".join(f"(?:{shape})" for shape in shapes))
    return [*BASE_COLUMNS, *masked, _as("op IS DISTINCT FROM 'withdraw'", "is_said"), _as(common, "is_common")]


def _tidied() -> list[str]:
    return [
        "*",
        *(_as(f"CASE WHEN is_common THEN {name} ELSE {_tidy(name)} END", f"{name}_tidy") for name in CLEANED),
    ]


def _tidy(name: str) -> str:
    """Full-width characters to ASCII, white space to spaces, invisible characters out, trimmed: nearly all that NFKC meets here."""
    wide = (
        "".join(chr(code) for code in range(0xFF01, 0xFF5F))
        + "\u3000"
        + "\t\n\x0b\x0c\r\x1c\x1d\x1e\x1f\x85\u1680\u2028\u2029"
    )
    narrow = "".join(chr(code) for code in range(0x21, 0x7F)) + " " * 14
    visible = f"regexp_replace(translate({name}, {_text(wide)}, {_text(narrow)}), {_text(f'[{_for_re2(invisible_class())}]')}, '', 'g')"
    return f"CASE WHEN {_match(name, '[!-~]+')} THEN {name} ELSE nullif(trim({visible}), '') END"


def _cleaned() -> list[str]:
    texts = []
    for name in CLEANED:
        done = f"is_common OR {name}_tidy IS NULL OR {_match(f'{name}_tidy', '[ -~]+')}"
        texts.append(_as(f"CASE WHEN {done} THEN {name}_tidy ELSE clean_py({name}) END", f"{name}_text"))
    known = _listed(given.codes()["doc_types"].codes)
    kind = f"CASE WHEN holder_doc_type IN ({known}) THEN holder_doc_type END"
    return [f"* EXCLUDE ({', '.join(f'{name}_tidy' for name in CLEANED)})", *texts, _as(kind, "kind")]


# Normal forms: each is null when there is none


def _shaped() -> list[str]:
    """Which shape each text has, and what is the same for many."""
    id_18, id_15 = (_shape("holder_doc_no_text", shape) for shape in ("[0-9]{17}[0-9Xx]", "[0-9]{15}"))
    old = "concat(holder_doc_no_text[1:6], '19', holder_doc_no_text[7:15])"
    return [
        "*",
        _as(_shape("msisdn_text", phones.mobile()), "is_mobile"),
        _as(f"CASE WHEN {_shape('iccid_text', '89[0-9]{17}')} THEN iccid_text::BIGINT END", "iccid_number"),
        _as(f"CASE WHEN {_shape('imei_text', '[0-9]{14,16}')} THEN imei_text[1:14] END", "imei_14"),
        _as(
            f"CASE WHEN kind <> 'national_id' THEN NULL WHEN {id_18} THEN holder_doc_no_text[1:17] WHEN {id_15} THEN {old} END",
            "id_17",
        ),
        *(_as(_time(name), f"{name}_time") for name in TIMES),
        _as(_code_of("platform_text", given.lists().platforms), "platform_code"),
    ]


def _numbered() -> list[str]:
    dialled = f"regexp_replace(msisdn_text, {_text(f'[{phones.separators()}]')}, '', 'g')"
    return [
        "*",
        _as(f"CASE WHEN NOT is_mobile THEN {dialled} END", "dialled"),
        _as(f"(10 - {_luhn('imei_14::BIGINT * 10')} % 10) % 10", "imei_check"),
        _as("id_17::BIGINT", "id_number"),
    ]


def _normal() -> list[str]:
    folded = f"platform_code IN ({_listed(given.lists().lower_case)})"
    account = f"concat(platform_code, ':', CASE WHEN {folded} THEN lower(account_id_text) ELSE account_id_text END)"
    return [
        "*",
        _as(
            f"CASE WHEN is_mobile THEN '+86' || msisdn_text WHEN dialled IS NOT NULL THEN {_phone('dialled')} END",
            "phone_value",
        ),
        _as(f"CASE WHEN {_shape('imsi_text', rare.IMSI)} THEN imsi_text END", "imsi_value"),
        _as(
            f"CASE WHEN iccid_number IS NOT NULL THEN CASE WHEN {_luhn('iccid_number')} % 10 = 0 THEN iccid_text END "
            f"WHEN {_match('iccid_text', '89(?:[0-9]{18}|[0-9A-Za-z]{17,18})')} THEN upper(iccid_text) END",
            "iccid_value",
        ),
        _as(
            "CASE WHEN length(imei_text) <> 15 OR imei_text[15] = '0' OR imei_text[15] = imei_check::VARCHAR THEN imei_14 || imei_check END",
            "imei_value",
        ),
        _as(f"CASE WHEN account_id_text IS NOT NULL AND platform_code IS NOT NULL THEN {account} END", "account_value"),
        _as(f"id_17 || '{checks.NATIONAL_ID_CHECKS}'[{_weighted('id_number')} % 11 + 1]", "id_value"),
    ]


def _time(name: str) -> str:
    """ISO 8601 with an offset; a date is its first moment in Shanghai. Null when it does not exist."""
    midnight = f"timezone('Asia/Shanghai', try_cast({name} AS TIMESTAMP))"
    return f"CASE WHEN {_shape(name, given.INSTANT)} THEN try_cast({name} AS TIMESTAMPTZ) WHEN {_match(name, given.DATE)} THEN {midnight} END"


def _phone(dialled: str) -> str:
    """RE2 looks neither ahead nor back, so what the patterns look ahead for is said in SQL."""
    home = f"regexp_replace({dialled}, '^(?:[+]86|0086|86)', '')"
    core = f"regexp_replace({home}, '^0', '')"
    is_international = f"regexp_matches({dialled}, '^(?:[+]86|0086)')"
    has_zero = f"starts_with({home}, '0')"
    shared = f"({_match(core, phones.pattern('shared_cost'))} AND NOT regexp_matches({core}, '^(?:400|950|1010)'))"
    area = f"(({_match(core, phones.pattern('fixed_line'))} OR {shared}) AND ({is_international} OR {has_zero} OR length({core}) >= 10))"
    code = f"(NOT {has_zero} AND {_match(home, f'{phones.SHORT}|{phones.BUSINESS}|{phones.PORT}')})"
    mainland = f"{_match(core, phones.pattern('mobile'))} OR {area} OR {code}"
    foreign = f"{_match(dialled, '(?:[+]|00)[0-9]{5,18}')} AND NOT {is_international}"
    return f"CASE WHEN {mainland} THEN '+86' || {core} WHEN {foreign} THEN foreign_py({dialled}) END"


def _luhn(number: str) -> str:
    """The sum of `checks.luhn_sum`, two digits at a time, for up to 19 digits."""
    table = [checks.luhn_sum(f"{pair:02}") for pair in range(100)]
    return "(" + " + ".join(_by_table(number, table, place) for place in range(10)) + ")"


def _weighted(number: str) -> str:
    """The weighted sum of 17 digits; the weights are powers of 2 modulo 11, so each two digits weigh four times as much as the next two."""
    table = [2 * (2 * (pair // 10) + pair % 10) for pair in range(100)]
    return "(" + " + ".join(f"{_by_table(number, table, place)} * {4**place}" for place in range(9)) + ")"


def _by_table(number: str, table: Sequence[int], place: int) -> str:
    return f"([{', '.join(map(str, table))}]::INTEGER[])[({number}) // {100**place} % 100 + 1]"


def _code_of(text: str, spellings: dict[str, str]) -> str:
    """The code that a spelling stands for: the codes themselves first, then the aliases."""
    others = " ".join(
        f"WHEN {_text(spelling)} THEN {_text(code)}" for spelling, code in spellings.items() if spelling != code
    )
    known = _listed(set(spellings.values()))
    return f"CASE WHEN {text} IN ({known}) THEN {text} WHEN lower({text}) IN ({known}) THEN lower({text}) ELSE CASE lower({text}) {others} END END"


# Decisions


def _decided() -> list[str]:
    """The holder's value, and whether anything is broken at all: nothing is asked of a good row that is asked for a reason's sake."""
    text = "holder_doc_no_text"
    by_kind = {
        "national_id": f"CASE WHEN {_is_national_id()} THEN id_value END",
        "uscc": f"CASE WHEN {_is_uscc(text)} THEN upper({text}) END",
        **{kind: f"CASE WHEN {_is_document(kind, text)} THEN upper({text}) END" for kind in rare.DOCUMENT},
    }
    holder = " ".join(f"WHEN '{kind}' THEN {value}" for kind, value in by_kind.items())
    return ["*", _as(f"CASE kind {holder} END", "holder_value")]


def _judged() -> list[str]:
    values = [f"{label}_value" for label in (*VALUES, "holder")]
    whole = [
        f"NOT {_is_blank('record_id')}",
        "recorded_at_time <= " + _latest(),
        f"op IN ({_listed(given.codes()['ops'].codes)})",
    ]
    said = [
        *(f"{value} IS NOT NULL" for value in values),
        f"carrier IN ({_listed(given.codes()['carriers'].codes)})",
        "activated_at_time IS NOT NULL",
        f"(deactivated_at_time >= activated_at_time OR (deactivated_at_time IS NULL AND {_is_blank('deactivated_at')}))",
    ]
    is_good = f"{' AND '.join(whole)} AND (NOT is_said OR ({' AND '.join(said)}))"
    return ["*", _as(f"coalesce({is_good}, false)", "is_good")]


def _told() -> list[str]:
    """What is kept of a row, so that the text of the good ones is let go. `faults`: which of `_faults` a broken row has, by number."""
    found = ", ".join(f"CASE WHEN {broken} THEN {number} END" for number, (broken, _, _) in enumerate(_faults(), 1))
    named = "CASE WHEN is_good OR trim(record_id) <> '' THEN record_id END"
    values = [f"{label}_value" for label in (*VALUES, "holder")]
    times = [_as(f"{name}_time", name) for name in TIMES]
    return [
        _as(named, "record_id"), "op", *times, "carrier", _as("platform_code", "platform"), "kind", *values,
        _as(f"CASE WHEN NOT is_good THEN [{found}] END", "faults"),
    ]  # fmt: skip


def _broken_sql() -> str:
    """The broken rows with their reasons, and with the columns that broke a rule, in words."""
    faults = _faults()
    told = [
        _as(
            f"list_sort(list_distinct(list_transform(faults, lambda number: [{', '.join(_text(fault[part]) for fault in faults)}][number])))",
            name,
        )
        for part, name in ((1, "reasons"), (2, "columns"))
    ]
    return f"SELECT record_id, recorded_at, {', '.join(told)} FROM checked WHERE faults IS NOT NULL"


Fault = tuple[str, str, str]
"""When a row is broken, by which reason, in which column."""


def _faults() -> list[Fault]:
    return [*_missing(), *_mistyped(), *_misnumbered(), *_misdocumented(), *_mistimed()]


def _missing() -> list[Fault]:
    """Nothing there, or nothing that can be seen."""
    found = []
    for name, column in given.feed().columns.items():
        if column.required:
            whole = "" if name in BASE_COLUMNS else "is_said AND "
            found.append((f"{whole}{_is_blank(name)}", "missing_value", name))
    seen = [name for name in CLEANED if name != "platform"]
    testable = {"holder_doc_no": " AND kind IS NOT NULL", "account_id": " AND platform_code IS NOT NULL"}
    return found + [
        (f"NOT {_is_blank(name)} AND {name}_text IS NULL{testable.get(name, '')}", "missing_value", name)
        for name in seen
    ]


def _mistyped() -> list[Fault]:
    coded = [(name, column.codes) for name, column in given.feed().columns.items() if column.codes]
    found = [
        (f"NOT {_is_blank(name)} AND {name} NOT IN ({_listed(given.codes()[list_].codes)})", "unknown_code", name)
        for name, list_ in coded
    ]
    found.append((f"NOT {_is_blank('platform')} AND platform_code IS NULL", "unknown_code", "platform"))
    return found + [(f"NOT {_is_blank(name)} AND {name}_time IS NULL", "wrong_type", name) for name in TIMES]


def _misnumbered() -> list[Fault]:
    columns = {
        "phone": ("msisdn", "phone_invalid"),
        "iccid": ("iccid", "iccid_check"),
        "imsi": ("imsi", "imsi_format"),
        "imei": ("imei", "imei_check"),
    }
    return [
        (f"{name}_text IS NOT NULL AND {label}_value IS NULL", reason, name)
        for label, (name, reason) in columns.items()
    ]


def _misdocumented() -> list[Fault]:
    text, name = "holder_doc_no_text", "holder_doc_no"
    national = f"kind = 'national_id' AND {text} IS NOT NULL"
    found = [
        (f"{national} AND id_value IS NOT NULL AND NOT ({_is_past_date()})", "national_id_birth_date", name),
        (f"{national} AND (id_value IS NULL OR NOT ({_has_its_check()}))", "national_id_check", name),
        (f"{national} AND id_value IS NOT NULL AND NOT ({_has_region()})", "national_id_region", name),
    ]
    reasons = {"uscc": "uscc_check", **dict.fromkeys(rare.DOCUMENT, "document_format")}
    others = [
        (f"kind = '{kind}' AND {text} IS NOT NULL AND holder_value IS NULL", reason, name)
        for kind, reason in reasons.items()
    ]
    return found + others


def _is_national_id() -> str:
    return f"{_has_its_check()} AND {_has_region()} AND {_is_past_date()}"


def _has_its_check() -> str:
    return "(length(holder_doc_no_text) = 15 OR id_value = upper(holder_doc_no_text))"


def _has_region() -> str:
    """Characters 1 and 2 are a province; 9 is for people from abroad."""
    regions = sorted(int(province) for province in given.lists().provinces if len(province) == 2)
    return f"(id_number // {10**15} IN ({', '.join(map(str, regions))}) OR id_number // {10**16} = 9)"


def _is_past_date() -> str:
    """Characters 7 to 14 are a date that exists and is not after the business date. The table: 0 no day, 1 one of every year, 2 of leap years."""
    lengths = [0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    table = [int(1 <= day % 100 <= lengths[day // 100]) for day in range(1300)]
    table[229] = 2
    born = f"(id_number // 1000 % {10**8})"
    kind = f"coalesce(([{', '.join(map(str, table))}]::INTEGER[])[{born} % 10000 + 1], 0)"
    year = f"({born} // 10000)"
    leap = f"({year} % 4 = 0 AND ({year} % 100 <> 0 OR {year} % 400 = 0))"
    return f"({born} <= {given.ON:%Y%m%d} AND {year} >= 1 AND ({kind} = 1 OR ({kind} = 2 AND {leap})))"


def _is_uscc(text: str) -> str:
    """Few rows are companies: place by place."""
    places = " + ".join(
        f"(strpos('{checks.USCC_ALPHABET}', upper({text})[{place}]) - 1) * {weight}"
        for place, weight in enumerate(checks.USCC_WEIGHTS, 1)
    )
    shape = _match(text, f"(?i:[{checks.USCC_ALPHABET}]{{18}})")
    return f"{shape} AND '{checks.USCC_ALPHABET}'[(31 - ({places}) % 31) % 31 + 1] = upper({text})[18]"


def _is_document(kind: str, text: str) -> str:
    countries = "|".join(sorted(given.lists().countries))
    return f"{_match(text, f'(?i:{countries}):{rare.DOCUMENT[kind]}')} AND regexp_matches({text}, ':.*[0-9]')"


def _mistimed() -> list[Fault]:
    late = f"recorded_at_time > {_latest()}"
    backwards = "deactivated_at_time < activated_at_time"
    ends = [(backwards, "ends_before_it_starts", name) for name in ("activated_at", "deactivated_at")]
    return [(late, "recorded_in_future", "recorded_at"), *ends]


def _latest() -> str:
    return f"TIMESTAMPTZ '{given.LATEST.isoformat()}'"


def _is_blank(name: str) -> str:
    return f"({name} IS NULL OR trim({name}) = '')"


# Keyed ids


def _id(kind: str, value: str) -> str:
    return _of_digest(_hmac(_blob(_head(kind)), _words(_head(kind)), value))


def _holder_id() -> str:
    kinds = list(given.codes()["doc_types"].codes)
    cases = [" ".join(f"WHEN '{kind}' THEN {literal(_head(kind))}" for kind in kinds) for literal in (_blob, _words)]
    blob, words = (f"CASE kind {case} END" for case in cases)
    return _of_digest(_hmac(blob, words, "holder_value"))


def _head(kind: str) -> bytes:
    """What stands before the length of the value: the inner pad of HMAC and the type."""
    return _pad(0x36) + encode_py([kind])


def _pad(byte: int) -> bytes:
    return bytes(own ^ byte for own in given.HMAC_KEY.ljust(64, b"\0"))


def _hmac(blob: str, words: str, value: str) -> str:
    """RFC 2104 from two SHA-256. Text is hashed faster than bytes, and with a length below 128 the message is text."""
    short = f"sha256(concat({words}, chr(0), chr(0), chr(0), chr(strlen({value})::INTEGER), {value}))"
    long = f"sha256({blob} || unhex(printf('%08x', strlen({value}))) || encode({value}))"
    inner = f"CASE WHEN strlen({value}) < 128 THEN {short} ELSE {long} END"
    return f"sha256({_blob(_pad(0x5C))} || unhex({inner}))"


def _of_digest(digest: str) -> str:
    return f"unhex(substr({digest}, 1, 16))::BIT::BIGINT"


def _blob(value: bytes) -> str:
    return "'" + "".join(f"\\x{byte:02X}" for byte in value) + "'::BLOB"


def _words(value: bytes) -> str:
    return f"decode({_blob(value)})"


# SQL


def _as(expression: str, name: str) -> str:
    return expression if expression == name else f"{expression} AS {name}"


def _match(text: str, pattern: str) -> str:
    return f"regexp_full_match({text}, {_text(pattern)})"


def _shape(text: str, pattern: str) -> str:
    return f"(is_common OR {_match(text, pattern)})"


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _listed(values: Iterable[str]) -> str:
    return ", ".join(_text(value) for value in sorted(values))


def _for_re2(characters: str) -> str:
    return re.sub(r"\\u([0-9a-f]{4})", r"\\x{\1}", characters)
