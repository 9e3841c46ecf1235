"""One small reader for each foreign layout. A contract names its reader; `READERS` has it by that name.

Every reader declares the rules by which it mends, adds and drops; it may use no other (see `reading.py`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from jobs.land.reading import (
    Reader,
    Reading,
    Record,
    Rules,
    Source,
    csv_rows,
    decode,
    headless_rows,
    iso_date,
    json_pairs,
    row_key,
    site_of,
    yaml_mapping,
)
from jobs.land.remarks import parse_remarks

_TEXT = {"bom": "the byte order mark is taken off", "crlf": "CRLF line ends become LF"}
_DATE = {"date": "a date like 2017/1/2 becomes 2017-01-02"}
_SCHEME = {"scheme": "an address with a path, port or query but no scheme gets http://, since a url needs one"}


@dataclass(frozen=True)
class Layout:
    """A reader and what it declares."""

    read: Reader
    rules: Rules


READERS: dict[str, Layout] = {}


def layout(
    name: str,
    *,
    mends: Mapping[str, str],
    adds: Mapping[str, str] | None = None,
    drops: Mapping[str, str] | None = None,
) -> Callable[[Reader], Reader]:
    """Put a reader into `READERS` under the name that contracts use."""

    def register(read: Reader) -> Reader:
        READERS[name] = Layout(read, Rules({**_TEXT, **mends}, adds or {}, drops or {}))
        return read

    return register


# National Police Agency of Taiwan ("165")

_LINE_ID = r"[@＠]?[A-Za-z0-9._-]{4,20}"
_TWO_LINE_IDS = re.compile(f"({_LINE_ID})[、/]({_LINE_ID})")


@layout(
    "npa_line_ids",
    mends={**_DATE, "trimmed": "white space around an account id is taken off"},
    adds={"two_ids": "two LINE ids in one cell with 、 or / between them become two records, key-1 and key-2"},
)
def read_line_ids(source: Source, reading: Reading) -> None:
    """A row is one LINE account that somebody reported: number, account id, day of the report."""
    for row in csv_rows(source, reading, "the list of LINE accounts", ("編號", "帳號", "通報日期")):
        cell, day = row["帳號"].strip(), _date(reading, row["通報日期"])
        reading.mend("trimmed", cell != row["帳號"])
        both = _TWO_LINE_IDS.fullmatch(cell)
        if both is None:
            reading.write(_line_account(row["編號"], cell, day))
            continue
        reading.add("two_ids")
        for number, account in enumerate(both.groups(), start=1):
            reading.write(_line_account(f"{row['編號']}-{number}", account, day))


def _line_account(key: str, account: str, day: str) -> Record:
    return {"record_id": key, "recorded_at": day, "platform": "line", "account_id": account, "listed_at": day}


@layout(
    "npa_weekly_sites",
    mends={**_DATE, **_SCHEME},
    drops={"second_header": "the second row repeats the header in Chinese"},
)
def read_weekly_sites(source: Source, reading: Reading) -> None:
    """A row is one site in the reports of one week.

    Platform (often the imitated brand), address, reports, first day, last day.
    """
    names = ("WEBSITE_NM", "WEBURL", "CNT", "STA_SDATE", "STA_EDATE")
    for row in csv_rows(source, reading, "the weekly list of sites", names):
        if row["WEBSITE_NM"] == "網站名稱" and row["WEBURL"] == "網址":
            reading.drop("second_header")
            continue
        start, end = iso_date(row["STA_SDATE"]), iso_date(row["STA_EDATE"])
        reading.mend("date", (start, end) != (row["STA_SDATE"], row["STA_EDATE"]))
        reading.write(
            {
                "record_id": row_key(row["WEBSITE_NM"], row["WEBURL"], start),
                "recorded_at": end,
                "platform_name": row["WEBSITE_NM"],
                **_site(reading, row["WEBURL"]),
                "reports": row["CNT"],
                "week_start": start,
                "listed_at": end,
            }
        )


@layout(
    "npa_spoofed_sites",
    mends={
        "day": "a report or block at T00:00:00 is a day, as every one on the list is",
        "offset": "a time without an offset is Taiwan's, +08:00",
    },
)
def read_spoofed_sites(source: Source, reading: Reading) -> None:
    """A row is one false shop: number, what it imitates, url, domain, times of creation, report and block."""
    names = (
        "編號",
        "一頁式詐騙購物網站",
        "偽冒網址",
        "網域名稱",
        "詐騙網站創立日期",
        "接獲通報日期",
        "停止解析日期",
    )
    for row in csv_rows(source, reading, "the list of spoofed sites", names):
        reported, blocked = (row[name].removesuffix("T00:00:00") for name in names[5:])
        reading.mend("day", (reported, blocked) != (row[names[5]], row[names[6]]))
        created = row[names[4]] + "+08:00" if re.fullmatch(r"[\d-]{10}T[\d:]{8}", row[names[4]]) else row[names[4]]
        reading.mend("offset", created != row[names[4]])
        reading.write(
            {
                "record_id": row["編號"],
                "recorded_at": reported,
                "imitates": row[names[1]],
                "url": row["偽冒網址"],
                "domain": row["網域名稱"],
                "created_at": created,
                "listed_at": reported,
                "blocked_on": blocked,
            }
        )


@layout("npa_blocked_hosts", mends=_SCHEME)
def read_blocked_hosts(source: Source, reading: Reading) -> None:
    """A member of `domains` is one blocked host and what it pretends to be.

    All are dated by the file's `updated_at`.
    """
    name = "the list of blocked hosts"
    file = dict(json_pairs(source, reading, name))
    domains: list[tuple[str, str]] = file.get("domains", [])
    if not _are_texts(domains) or not isinstance(file.get("updated_at"), str):
        raise source.refuse(name, "it should have updated_at, total and domains")
    if file.get("total") != len(domains):
        raise source.refuse(
            name, f"its total says {file.get('total')} and it has {len(domains)} entries: it is cut or mixed"
        )
    for entry, category in domains:
        reading.read += 1
        reading.write(
            {
                "record_id": row_key(entry.lower()),
                "recorded_at": file["updated_at"],
                **_site(reading, entry),
                "category": category,
                "listed_at": file["updated_at"],
            }
        )


# Numbers

_WASHINGTON = ZoneInfo("America/New_York")


@layout(
    "ftc_dnc_complaints",
    mends={
        "country_code": "a number of digits only gets +1: consumers in the US write national numbers",
        "offset": "a time without an offset is Washington's, where the publisher is",
        "yes_no": "Y and N become true and false",
    },
)
def read_ftc_complaints(source: Source, reading: Reading) -> None:
    """A row is one complaint about a call. It has no key, so the whole row is it.

    A row given twice is one record twice.
    """
    names = (
        "Company_Phone_Number", "Created_Date", "Violation_Date", "Consumer_City", "Consumer_State",
        "Consumer_Area_Code", "Subject", "Recorded_Message_Or_Robocall",
    )  # fmt: skip
    for row in csv_rows(source, reading, "the FTC's list of Do Not Call complaints", names):
        number, robocall = row[names[0]], row[names[7]]
        created, violation = _washington_time(row["Created_Date"]), _washington_time(row["Violation_Date"])
        reading.mend("country_code", number.isdecimal())
        reading.mend("offset", (created, violation) != (row["Created_Date"], row["Violation_Date"]))
        reading.mend("yes_no", robocall in ("Y", "N"))
        reading.write(
            {
                "record_id": row_key(*row.values()),
                "recorded_at": created,
                "msisdn": f"+1{number}" if number.isdecimal() else number,
                "listed_at": created,
                "called_at": violation,
                "consumer_city": row["Consumer_City"],
                "consumer_state": row["Consumer_State"],
                "consumer_area_code": row["Consumer_Area_Code"],
                "subject": row["Subject"],
                "is_recorded": {"Y": "true", "N": "false"}.get(robocall, robocall),
            }
        )


def _washington_time(text: str) -> str:
    """2021-07-07 00:01:15 with T and Washington's offset; anything else as it is."""
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}", text):
        return text
    try:
        return datetime.fromisoformat(text).replace(tzinfo=_WASHINGTON).isoformat()
    except ValueError:
        return text


@layout(
    "disposable_numbers",
    mends={"plus_sign": "a key of digits only gets its +, since it begins with a country code"},
)
def read_disposable_numbers(source: Source, reading: Reading) -> None:
    """A member is one number that a public receive-an-SMS page showed, and the day it was last seen there."""
    name = "the list of disposable numbers"
    numbers = json_pairs(source, reading, name)
    if not _are_texts(numbers):
        raise source.refuse(name, "every member should be a number and a date")
    for number, day in numbers:
        reading.read += 1
        reading.mend("plus_sign", number.isdecimal())
        phone = f"+{number}" if number.isdecimal() else number
        reading.write({"record_id": row_key(number), "recorded_at": day, "msisdn": phone, "listed_at": day})


# Sanctions and tags

_OFAC_COLUMNS = (
    "ent_num", "entity_name", "entity_kind", "programs", "title", "call_sign", "vessel_type", "tonnage",
    "gross_tonnage", "flag", "owner", "remarks",
)  # fmt: skip


@layout(
    "ofac_sdn_entities",
    mends={
        "null_marker": "-0- is OFAC's word for nothing",
        "programs": "programs are separated by `; ` instead of `] [`",
        "facts": "wallets, sites, e-mail addresses and 'Linked To' names are copied out of the remarks",
    },
)
def read_ofac_entities(source: Source, reading: Reading) -> None:
    """A row is one sanctioned company, vessel or aircraft. No header, no dates: `produced_at` dates them."""
    for row in headless_rows(source, reading, "OFAC's SDN.CSV", _OFAC_COLUMNS):
        cells = {name: None if text.strip() == "-0-" else text for name, text in row.items()}
        if not (cells["ent_num"] or "").isdecimal():
            raise source.refuse("OFAC's SDN.CSV", f"row {reading.read} should begin with the number of an entity")
        reading.mend("null_marker", None in cells.values())
        reading.mend("programs", "] [" in (cells["programs"] or ""))
        facts = parse_remarks(cells["remarks"] or "")
        reading.mend("facts", bool(facts.identifiers or facts.linked_to))
        reading.write(
            {
                "record_id": cells.pop("ent_num"),
                "recorded_at": source.recorded_at,
                **cells,
                "programs": (cells["programs"] or "").replace("] [", "; ") or None,
                "facts": [{"identifier_type": kind, "identifier": value} for kind, value in facts.identifiers] or None,
                "linked_to": "; ".join(facts.linked_to) or None,
            }
        )


_NO_KEY = re.compile(r"0x0{20}[0-9a-fA-F]{20}")
"""An account of Ethereum whose first ten bytes are zero: a precompiled contract or a placeholder.

Nobody can have its key.
"""
_SITE_LABEL = re.compile(r"(?:https?://)?[\w-]+(?:\.[\w-]+)+(?::\d+)?(?:[/?#]\S*)?")


@layout(
    "graphsense_tagpacks",
    mends={
        **_SCHEME,
        "inherited": "what the pack says of all its tags is written into each (the format's own rule)",
        "site_label": "a label in the form of a host or an address is also the tag's site",
        "mailto": "a label mailto:… is also the tag's e-mail address",
    },
    drops={"placeholder_wallet": "an Ethereum address whose first ten bytes are zero is nobody's"},
)
def read_tagpack(source: Source, reading: Reading) -> None:
    """A tag says one thing of one address on one chain. Land all packs of the feed at once.

    A snapshot is all that stands.
    """
    name = "a GraphSense tagpack"
    pack = yaml_mapping(source, reading, name)
    tags = pack.pop("tags", None)
    if not isinstance(tags, list) or not all(isinstance(tag, dict) for tag in tags):
        raise source.refuse(name, "it should have a list of tags")
    for number, own in enumerate(tags, start=1):
        reading.read += 1
        tag = {**pack, **own}
        for needed in ("address", "currency", "label", "lastmod"):
            if not isinstance(tag.get(needed), str):
                raise source.refuse(name, f"tag {number} has no {needed}, nor has the pack")
        for text in ("title", "abuse", "category", "source"):
            if not isinstance(tag.get(text, ""), str):
                raise source.refuse(name, f"the {text} of tag {number} should be one text")
        if _NO_KEY.fullmatch(tag["address"]):
            reading.drop("placeholder_wallet")
            continue
        reading.mend("inherited", any(tag[key] is not own.get(key) for key in ("currency", "label", "lastmod")))
        reading.write(_tag(reading, tag))


def _tag(reading: Reading, tag: dict[str, Any]) -> Record:
    chain, address, label = tag["currency"].lower(), tag["address"].strip(), tag["label"].strip()
    return {
        "record_id": row_key(tag.get("title"), chain, address, label),
        "recorded_at": tag["lastmod"],
        "wallet": f"{chain}:{address}",
        "label": label,
        **_label_site(reading, label),
        "category": tag.get("abuse") or tag.get("category"),
        "source": tag.get("source"),
        "pack": tag.get("title"),
        "listed_at": tag["lastmod"],
    }


def _label_site(reading: Reading, label: str) -> Record:
    if label.startswith("mailto:"):
        reading.mend("mailto")
        return {"entry_type": "email", "address": label.removeprefix("mailto:")}
    if not _SITE_LABEL.fullmatch(label):
        return {"entry_type": None, "address": None}
    reading.mend("site_label")
    return {key: text for key, text in _site(reading, label).items() if key != "entry"}


# Block lists

_LINES = {"comment": "a comment line", "blank": "an empty line"}


@layout("hosts_file", mends={}, drops=_LINES)
def read_hosts_file(source: Source, reading: Reading) -> None:
    """A line is `0.0.0.0 host`. A header `# Domains: n` must agree with the hosts found. No dates.

    `produced_at` dates them.
    """
    name, promised, hosts = "a hosts file", None, 0
    for number, line in enumerate(decode(source, reading, name).splitlines(), start=1):
        reading.read += 1
        if not line.strip():
            reading.drop("blank")
        elif line.startswith("#"):
            reading.drop("comment")
            if found := re.fullmatch(r"# Domains: 0*([0-9]+)", line):
                promised = found[1]
        elif found := re.fullmatch(r"(?:0\.0\.0\.0|127\.0\.0\.1)\s+(\S+)", line):
            hosts += 1
            reading.write(_listed_host(source, found[1]))
        else:
            raise source.refuse(name, f"line {number} should be 0.0.0.0 and a host")
    if promised is not None and promised != str(hosts):
        raise source.refuse(name, f"its header says {promised[:20]} domains and it has {hosts}: it is cut or mixed")


@layout(
    "adguard_list",
    mends={},
    drops={
        **_LINES,
        "expression": "a pattern other than ||host^ names no host, only a text that many hosts may contain",
    },
)
def read_adguard_list(source: Source, reading: Reading) -> None:
    """A line `||host^` is one host. No dates: `produced_at` dates them."""
    name = "an AdGuard filter list"
    lines = decode(source, reading, name).splitlines()
    if not lines[0].startswith("!"):
        raise source.refuse(name, "its first line should be a comment that begins with !")
    for line in lines:
        reading.read += 1
        if not line.strip():
            reading.drop("blank")
        elif line.startswith("!"):
            reading.drop("comment")
        elif found := re.fullmatch(r"\|\|([^\s*^/|]+)\^", line):
            reading.write(_listed_host(source, found[1]))
        else:
            reading.drop("expression")


def _listed_host(source: Source, host: str) -> Record:
    when = source.recorded_at
    return {"record_id": row_key(host.lower()), "recorded_at": when, "domain": host, "listed_at": when}


# Guard lists (MISP warning lists)


@layout(
    "misp_hostnames",
    mends={"leading_dot": "a dot before a host means the host with all below it; it is taken off"},
)
def read_misp_hostnames(source: Source, reading: Reading) -> None:
    """An entry of `list` is one domain that must never be listed. The file has a version, no date.

    `produced_at` dates it.
    """
    for entry in _misp_list(source, reading, "hostname"):
        host = entry.removeprefix(".")
        reading.mend("leading_dot", host != entry)
        reading.write({"record_id": row_key(host.lower()), "recorded_at": source.recorded_at, "domain": host})


_MISP_PHONES = re.compile(r"/\(\(\?:\\\+\|00\)(\d{1,3})\)?\?(?:\|0\?\))?(.+)/g")


@layout(
    "misp_phone_patterns",
    mends={"e164": "the pattern is also given for normal form: with country code, without the 0 dialled at home"},
)
def read_misp_phone_patterns(source: Source, reading: Reading) -> None:
    """An entry of `list` is one pattern of numbers that are nobody's.

    One without an area code fits no whole number.
    """
    for entry in _misp_list(source, reading, "regex"):
        normal = e164_pattern(entry)
        reading.mend("e164", normal is not None)
        reading.write(
            {
                "record_id": row_key(entry),
                "recorded_at": source.recorded_at,
                "published_pattern": entry,
                "e164_pattern": normal,
            }
        )


def e164_pattern(entry: str) -> str | None:
    """`/((?:\\+|00)44)?01632960([0-9]{3})/g` as `\\+441632960([0-9]{3})`.

    None when it fits no whole number of its country.
    """
    found = _MISP_PHONES.fullmatch(entry)
    if found is None:
        return None
    country, national = found[1], found[2]
    if country == "1" and not national.startswith("([0-9]{3})"):
        return None
    first, rest = re.match(r"(\([^)]*\)|)(.*)", national, re.DOTALL).groups()  # type: ignore[union-attr]
    if re.fullmatch(r"\(0\d*(\|0\d*)*\)", first):
        return rf"\+{country}" + re.sub(r"(?<=[(|])0", "", first) + rest
    return rf"\+{country}{national.removeprefix('0')}"


def _misp_list(source: Source, reading: Reading, kind: str) -> list[str]:
    name = f"a MISP warning list of type {kind}"
    file = dict(json_pairs(source, reading, name))
    entries = file.get("list")
    if (
        file.get("type") != kind
        or not isinstance(entries, list)
        or not all(isinstance(entry, str) for entry in entries)
    ):
        raise source.refuse(name, f"it should have type {kind} and a list of texts")
    reading.read += len(entries)
    return entries


# Shared


def _are_texts(members: Any) -> bool:
    """An inner JSON object (as pairs) whose members are all texts."""
    return isinstance(members, list) and all(isinstance(pair, tuple) and isinstance(pair[1], str) for pair in members)


def _date(reading: Reading, text: str) -> str:
    date = iso_date(text.strip())
    reading.mend("date", date != text)
    return date


def _site(reading: Reading, entry: str) -> Record:
    kind, address = site_of(entry)
    reading.mend("scheme", kind == "url" and address != entry)
    return {"entry": entry, "entry_type": kind, "address": address}
