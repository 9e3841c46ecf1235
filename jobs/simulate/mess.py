"""How agencies really write: other spellings of the same value (readable), and records that break their
contract (not).

Every choice is a hash of the row. Only the rows that are hit are touched.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from jobs.core.contracts import BASE_COLUMNS
from jobs.simulate import text
from jobs.simulate.knobs import Knobs
from jobs.simulate.streams import Flags, Ints, Streams
from jobs.simulate.values import Vocabulary

_WIDE = str.maketrans(
    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ+-",
    "０１２３４５６７８９ＡＢＣＤＥＦＧＨＩＪＫＬＭＮＯＰＱＲＳＴＵＶＷＸＹＺ＋－",
)
Style = Callable[[str], str]

PHONE_STYLES: tuple[Style, ...] = (
    lambda p: f"+86{p}",
    lambda p: f"0086{p}",
    lambda p: f"86{p}",
    lambda p: f"{p[:3]} {p[3:7]} {p[7:]}",
    lambda p: f"{p[:3]}-{p[3:7]}-{p[7:]}",
    lambda p: f"+86 {p[:3]} {p[3:7]} {p[7:]}",
    lambda p: f"(+86){p}",
    lambda p: f"0{p}",
    lambda p: p.translate(_WIDE),
    lambda p: f" {p}\u200b",
)
"""Spellings of a mainland mobile number that mean the same."""


def _old_form(number: str) -> str:
    """The 15-digit form that people born before 2000 once had; others keep theirs."""
    return number[:6] + number[8:17] if len(number) == 18 and number[6:8] == "19" and number[:2] != "91" else number


DOCUMENT_STYLES: tuple[Style, ...] = (
    str.lower,
    lambda d: f" {d} ",
    lambda d: d.translate(_WIDE),
    _old_form,
)
ACCOUNT_STYLES: tuple[Style, ...] = (
    lambda a: " ".join(a[i : i + 4] for i in range(0, len(a), 4)),
    lambda a: "-".join(a[i : i + 4] for i in range(0, len(a), 4)),
    lambda a: a.translate(_WIDE),
)
DEVICE_STYLES: tuple[Style, ...] = (
    lambda i: i[:14],
    lambda i: f"{i[:14]}07",
    lambda i: f"{i[:14]}0",
    lambda i: f" {i}",
)
PLATFORM_STYLES: tuple[Style, ...] = (str.upper, lambda p: f"{p} ")


def spell(array: pa.Array, styles: tuple[Style, ...], streams: Streams, name: str, key: Ints, rate: float) -> pa.Array:
    """The array with a share of its values written in one of the styles; nulls stay."""
    draw = streams.uniform(name, key)
    hit = np.flatnonzero((draw < rate) & np.asarray(array.is_valid()))
    if not len(hit):
        return array
    style = np.minimum((draw[hit] / rate * len(styles)).astype(np.int64), len(styles) - 1)
    values = [styles[s](v) for s, v in zip(style.tolist(), array.take(pa.array(hit)).to_pylist(), strict=True)]
    mask = np.zeros(len(array), dtype=bool)
    mask[hit] = True
    return pc.replace_with_mask(array, pa.array(mask), pa.array(values, pa.utf8()))


def phones(array: pa.Array, streams: Streams, name: str, key: Ints, knobs: Knobs) -> pa.Array:
    """Phones with the usual other spellings."""
    return spell(array, PHONE_STYLES, streams, f"{name}/phone", key, knobs.mess_rate)


def documents(array: pa.Array, streams: Streams, name: str, key: Ints, knobs: Knobs) -> pa.Array:
    """Documents: lower-case x, blanks, full-width characters, the old 15-digit form."""
    return spell(array, DOCUMENT_STYLES, streams, f"{name}/document", key, knobs.mess_rate / 4)


def account_numbers(array: pa.Array, streams: Streams, name: str, key: Ints, knobs: Knobs) -> pa.Array:
    """Account and card numbers in groups of four, or full-width."""
    return spell(array, ACCOUNT_STYLES, streams, f"{name}/number", key, knobs.mess_rate / 4)


def devices(array: pa.Array, streams: Streams, name: str, key: Ints, knobs: Knobs) -> pa.Array:
    """IMEIs without check digit, as IMEISV, with a spare 0, with a blank."""
    return spell(array, DEVICE_STYLES, streams, f"{name}/imei", key, knobs.mess_rate)


def platforms(array: pa.Array, streams: Streams, name: str, key: Ints, knobs: Knobs) -> pa.Array:
    """Platform codes in upper case or with a blank."""
    return spell(array, PLATFORM_STYLES, streams, f"{name}/platform", key, knobs.mess_rate / 8)


def login_names(array: pa.Array, folded: Flags, streams: Streams, name: str, key: Ints, knobs: Knobs) -> pa.Array:
    """Account ids in capitals, where the platform does not tell cases apart."""
    upper = folded & (streams.uniform(f"{name}/login", key) < knobs.mess_rate)
    return text.where(upper, pc.utf8_upper(array), array)


def institutions(index: Ints, words: Vocabulary, streams: Streams, name: str, key: Ints, knobs: Knobs) -> pa.Array:
    """Institutions by their code, a share of them by a name of the alias table."""
    names = list(words.institutions)
    first = len(names)
    other = np.full(first, -1, dtype=np.int64)
    for place, code in enumerate(words.institutions):
        if words.bank_names.get(code):
            other[place] = len(names)
            names.append(words.bank_names[code][0])
    by_name = (streams.uniform(f"{name}/institution", key) < knobs.mess_rate) & (other[index] >= 0)
    return text.pick(names, np.where(by_name, other[index], index))


def time_style(streams: Streams, name: str, key: Ints, knobs: Knobs) -> Ints:
    """1 (UTC with Z) for a share of the rows, else 0 (see text.times)."""
    return (streams.uniform(f"{name}/time", key) < knobs.mess_rate / 4).astype(np.int64)


Break = Mapping[str, str | None]

_BAD_PEOPLE: list[tuple[str, Break]] = [
    ("national_id_check", {"holder_doc_type": "national_id", "holder_doc_no": "110101199001010008"}),
    ("national_id_birth_date", {"holder_doc_type": "national_id", "holder_doc_no": "110101199002300014"}),
    ("national_id_region", {"holder_doc_type": "national_id", "holder_doc_no": "010101199001010011"}),
    ("uscc_check", {"holder_doc_type": "uscc", "holder_doc_no": "91110101MA00O0000X"}),
    ("document_format", {"holder_doc_type": "passport", "holder_doc_no": "E12345678"}),
]
BREAKS: dict[str, list[tuple[str, Break]]] = {
    "telecom/subscriptions": [
        *_BAD_PEOPLE,
        ("phone_invalid", {"msisdn": "12"}),
        ("imsi_format", {"imsi": "46000123"}),
        ("iccid_check", {"iccid": "8986000000000000001"}),
        ("missing_value", {"carrier": None}),
        ("wrong_type", {"activated_at": "yesterday"}),
        ("unknown_code", {"carrier": "nosuch"}),
        ("ends_before_it_starts", {"activated_at": "2025-01-01", "deactivated_at": "2024-01-01"}),
        ("recorded_in_future", {"recorded_at": "2099-01-01T00:00:00+08:00"}),
    ],
    "finance/accounts": [
        *_BAD_PEOPLE,
        ("bank_card_check", {"account_kind": "bank_card", "account_no": "6212000000000000001"}),
        ("account_format", {"account_kind": "bank_account", "account_no": "?"}),
        ("phone_invalid", {"bound_phone": "1380000"}),
        ("missing_value", {"opened_at": None}),
        ("wrong_type", {"opened_at": "2025-13-01"}),
        ("unknown_code", {"institution_id": "no such bank"}),
        ("ends_before_it_starts", {"opened_at": "2025-01-01", "closed_at": "2024-01-01"}),
        ("recorded_in_future", {"recorded_at": "2099-01-01T00:00:00+08:00"}),
    ],
    "internet/internet_accounts": [
        *_BAD_PEOPLE,
        ("phone_invalid", {"bound_phone": "abc"}),
        ("account_format", {"account_id": "\u200b "}),
        ("missing_value", {"registered_at": None}),
        ("unknown_code", {"platform": "nosuch"}),
        ("ends_before_it_starts", {"registered_at": "2025-01-01", "closed_at": "2024-01-01"}),
    ],
    "telecom/device_sightings": [
        ("imei_check", {"imei": "123456789012345"}),
        ("imsi_format", {"imsi": "46000"}),
        ("wrong_type", {"first_seen": "1700000000"}),
        ("ends_before_it_starts", {"first_seen": "2026-02-01", "last_seen": "2026-01-01"}),
    ],
    "internet/account_logins": [
        ("imei_check", {"imei": "123456789012345"}),
        ("ip_format", {"ip": "300.1.2.3"}),
        ("unknown_code", {"platform": "nosuch"}),
        ("missing_value", {"last_seen": None}),
    ],
    "public_security/case_reports": [
        ("finding_ref_missing", {"finding": "confirmed", "finding_ref": None}),
        ("unknown_code", {"fraud_type": "nosuch"}),
        ("wrong_type", {"amount_cny": "about a million"}),
        ("missing_value", {"reported_at": None}),
        ("unknown_code", {"region_code": "990000"}),
    ],
    "public_security/persons_of_interest": [
        ("missing_value", {"finding_ref": None}),
        ("unknown_code", {"status": "nosuch"}),
    ],
    "public_security/appeal_decisions": [("missing_value", {"decision_ref": None, "outcome": "dismissed"})],
    "public_security/review_decisions": [("unknown_code", {"measure": "close"})],
    "finance/suspicious_transfers": [
        ("wrong_type", {"amount_cny": "1,200.00 CNY"}),
        ("unknown_code", {"payee_institution": "nosuch"}),
    ],
    "finance/payment_controls": [
        ("ends_before_it_starts", {"ordered_at": "2026-02-01", "expires_at": "2026-01-01"}),
        ("bank_card_check", {"account_kind": "bank_card", "account_no": "6212000000000000001"}),
    ],
    "telecom/abnormal_numbers": [("phone_invalid", {"msisdn": "99"}), ("wrong_type", {"count": "many"})],
    "internet/malicious_sites": [
        ("url_format", {"url": "not a url"}),
        ("uscc_check", {"operator_uscc": "91110101MA00O0000X"}),
    ],
}
"""By feed: (the reason that a record must be given, what is put into it)."""


def break_rows(name: str, table: pa.Table, bad: Ints) -> pa.Table:
    """The table with the marked rows broken, each in its way (bad is the place in BREAKS, from 1; 0 a good
    row, -1 a withdrawal).
    """
    table = _withdraw_rows(table, bad < 0)
    hit = np.flatnonzero(bad > 0)
    if not len(hit):
        return table
    changes: dict[str, dict[int, str | None]] = {}
    for row in hit.tolist():
        for column, value in BREAKS[name][int(bad[row]) - 1][1].items():
            changes.setdefault(column, {})[row] = value
    for column, values in sorted(changes.items()):
        mask = np.zeros(table.num_rows, dtype=bool)
        mask[list(values)] = True
        array = table.column(column).combine_chunks()
        new = pc.replace_with_mask(array, pa.array(mask), pa.array([values[row] for row in sorted(values)], pa.utf8()))
        table = table.set_column(table.schema.get_field_index(column), column, new)
    return table


def _withdraw_rows(table: pa.Table, gone: Flags) -> pa.Table:
    """The marked rows as withdrawals: their key and moment only."""
    if not gone.any():
        return table
    columns = {}
    for name in table.schema.names:
        array = table.column(name).combine_chunks()
        if name == "op":
            array = text.where(gone, text.pick(["withdraw"], np.zeros(len(array), np.int64)), array)
        elif name not in BASE_COLUMNS:
            array = text.blank(array, gone)
        columns[name] = array
    return pa.table(columns)
