"""Did a peer do the same work? Its good rows, broken rows, reasons and ids beside those of a reading in plain Python.

    .venv/bin/python -m benchmarks.agree [--rows 50000] [--of duckdb|ours]

The reading follows the contract word by word and calls the product's reference for identifiers; it is meant to be read, not to be fast.
"""

from __future__ import annotations

import argparse
import csv
import random
import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from benchmarks import given
from benchmarks.duck import duckdb_rules
from benchmarks.mixed import write_mixed
from jobs.core.contracts import BASE_COLUMNS, Column, Identifier
from jobs.identifiers.keys import node_id_py
from jobs.identifiers.rare import normalise_py
from jobs.identifiers.text import clean_py

Row = dict[str, Any]
Faults = set[tuple[str, str]]
Tables = tuple[pl.DataFrame, pl.DataFrame]
"""The good rows (given.GOOD) and the broken ones (given.BROKEN)."""
SHANGHAI = ZoneInfo("Asia/Shanghai")
TIME = pl.Datetime("us", "UTC")


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--rows", type=int, default=50_000)
    arguments.add_argument("--of", choices=("duckdb", "ours"), default="duckdb", help="whose reading is judged")
    asked = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path, out = Path(folder) / "sample.csv", Path(folder) / asked.of
        write_sample(path, asked.rows)
        differences = compare(_read_by(asked.of, path, out), read_python(path))
    print(
        "\n".join(differences)
        or f"{asked.rows:,} rows and {len(HARD):,} hard ones: all good and broken rows, reasons and ids are the same"
    )
    return 1 if differences else 0


def _read_by(peer: str, path: Path, out: Path) -> Tables:
    from benchmarks import ours  # which names this module's types

    if peer == "ours":
        ours.ours(path, out)
        return ours.tables(out)
    duckdb_rules(path, out)
    return read_parquet(out)


def compare(theirs: Tables, ours: Tables) -> list[str]:
    """A sentence per table that differs, with its first differing rows; none when all is the same."""
    told = []
    for name, mine, other in zip(("good", "broken"), ours, theirs, strict=True):
        mine, other = (
            frame.select(mine.columns).cast(mine.schema).sort(mine.columns[:2], nulls_last=True)
            for frame in (mine, other)
        )
        if not mine.equals(other):
            only = [
                a.join(b, on=a.columns, how="anti", nulls_equal=True).head(3).rows()
                for a, b in ((mine, other), (other, mine))
            ]
            told.append(
                f"{name}: {mine.height:,} rows by Python, {other.height:,} by the peer; only Python: {only[0]}; only the peer: {only[1]}"
            )
    return told


def read_parquet(folder: Path) -> Tables:
    return pl.read_parquet(folder / "good.parquet"), pl.read_parquet(folder / "broken.parquet")


# The reading in plain Python


def read_python(path: Path) -> Tables:
    with path.open(encoding="utf-8", newline="") as file:
        rows = [read_row(row) for row in csv.DictReader(file)]
    ids = {name: pl.Int64() for name in given.GOOD if name.endswith("_id") and name != "record_id"}
    times = dict.fromkeys(("recorded_at", "activated_at", "deactivated_at"), TIME)
    good = {name: ids.get(name, times.get(name, pl.String())) for name in given.GOOD}
    broken = {
        "record_id": pl.String(),
        "recorded_at": TIME,
        "reasons": pl.List(pl.String()),
        "columns": pl.List(pl.String()),
    }
    return (
        pl.DataFrame([row for row in rows if "reasons" not in row], schema=good, orient="row"),
        pl.DataFrame([row for row in rows if "reasons" in row], schema=broken, orient="row"),
    )


def read_row(row: dict[str, str]) -> Row:
    """The row as good (given.GOOD) or as broken (given.BROKEN)."""
    feed, faults, found = given.feed(), set(), {}
    is_said = row["op"] != "withdraw"
    texts = {name: row[name] if is_said or name in BASE_COLUMNS else "" for name in feed.columns}
    for name, column in feed.columns.items():
        found[name] = _typed(column, texts[name])
        if _is_blank(texts[name]):
            faults |= {("missing_value", name)} if column.required and (is_said or name in BASE_COLUMNS) else set()
        elif found[name] is None:
            faults.add(("unknown_code" if column.codes else "wrong_type", name))
    for label, identifier in feed.identifiers.items():
        faults |= _identify(label, identifier, texts, found)
    faults |= _faults_of_times(found)
    if faults:
        reasons, columns = ([*sorted(set(part))] for part in zip(*faults, strict=True))
        return {
            "record_id": found["record_id"],
            "recorded_at": found["recorded_at"],
            "reasons": reasons,
            "columns": columns,
        }
    return {name: found.get(name) for name in given.GOOD}


def _is_blank(text: str) -> bool:
    return not text.strip(" ")


def _typed(column: Column, text: str) -> Any:
    if column.codes:
        return text if text in given.codes()[column.codes].codes else None
    if column.logicalType == "timestamp":
        return _time(text)
    return None if _is_blank(text) else text


def _time(text: str) -> datetime | None:
    try:
        if re.fullmatch(given.DATE, text):
            return datetime.combine(datetime.fromisoformat(text).date(), time(), SHANGHAI).astimezone(UTC)
        return datetime.fromisoformat(text).astimezone(UTC) if re.fullmatch(given.INSTANT, text) else None
    except ValueError:
        return None


def _identify(label: str, identifier: Identifier, texts: dict[str, str], found: Row) -> Faults:
    """Puts the identifier's type and id into `found`; what it breaks. Where type or platform is not known, nothing else is its own fault."""
    kind = identifier.type or found[str(identifier.type_from)]
    text, scope = texts[identifier.value], None
    if identifier.scope is not None:
        scope = given.lists().platforms.get((clean_py(texts[identifier.scope]) or "").lower())
        is_given = not _is_blank(texts[identifier.scope])
        found[identifier.scope] = scope
        if scope is None:
            return {("unknown_code", identifier.scope)} if is_given else set()
    if kind is None:
        return set()
    type_, value, reasons = normalise_py(kind, text, scope, given.ON, given.lists())
    found[f"{label}_type"], found[f"{label}_id"] = type_, None if value is None else node_id_py(given.KEY, type_, value)
    if value is None and not reasons and not _is_blank(text):
        reasons = ("missing_value",)
    return {(reason, identifier.value) for reason in reasons}


def _faults_of_times(found: Row) -> Faults:
    recorded, start, end = (found[name] for name in ("recorded_at", "activated_at", "deactivated_at"))
    faults = {("recorded_in_future", "recorded_at")} if recorded and recorded > given.LATEST else set()
    if start and end and end < start:
        faults |= {("ends_before_it_starts", "activated_at"), ("ends_before_it_starts", "deactivated_at")}
    return faults


# The sample


def write_sample(path: Path, rows: int) -> None:
    """The feed's first rows, and after them for each hard value a row that has it."""
    write_mixed(path, rows, given.codes())
    with path.open(encoding="utf-8", newline="") as file:
        plain = next(row for row in csv.DictReader(file) if "reasons" not in read_row(row))
    with path.open("a", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(given.feed().columns), lineterminator="\n")
        for number, changes in enumerate(HARD):
            writer.writerow({**plain, "record_id": f"hard{number:05}", **changes})


def _spellings() -> Iterator[Row]:
    """What the feed itself does not have, value by value."""
    yield from ({"msisdn": text} for text in PHONES)
    yield from (
        {"imei": text}
        for text in (
            "49015420323751",
            "490154203237518",
            "490154203237510",
            "4901542032375106",
            "490154203237511",
            "４９０１５４２０３２３７５１８",
        )
    )
    yield from (
        {"iccid": text}
        for text in (
            "89860012345678901234",
            "8986001234567890123",
            "898600a2345678901234",
            "89860 12345678901234",
            "8986001234567890123456",
        )
    )
    yield from (
        {"imsi": text}
        for text in ("901010000000001", "800010000000001", "46000123456789", "４６０００１２３４５６７８９０")
    )
    yield from ({"holder_doc_type": kind, "holder_doc_no": text} for kind, texts in DOCUMENTS.items() for text in texts)
    yield from (
        {"platform": text}
        for text in ("微信", "WeChat", " qq ", "Ｔｗｉｔｔｅｒ", "腾讯qq", "X", "\u200b", "none", "LINE\u3000")
    )
    yield from (
        {"platform": kind, "account_id": text}
        for kind in ("weibo", "qq")
        for text in ("Ab", "名字", "ﾅﾏｴ", "①a", " x y ", "\u200b", "é", "e\u0301", "a" * 200, "Ａb")
    )
    yield from ({name: text} for name in ("recorded_at", "activated_at", "deactivated_at") for text in TIMES)
    yield from ({"op": text} for text in ("withdraw", "", "delete", " upsert"))
    yield from ({"carrier": text} for text in ("CMCC", " ", " cmcc"))
    yield from ({"record_id": text} for text in ("", "  ", " a "))
    yield {"op": "withdraw", "msisdn": "", "carrier": "x", "activated_at": "never"}
    yield {"msisdn": "12", "imei": "1", "carrier": "", "platform": "", "account_id": "", "recorded_at": "2099-01-01"}


PHONES = (
    "12345", "110", "010-62345678", "(010) 6234 5678", "8601062345678", "02112345678", "4008001234", "+864008001234", "95588", "01095588", "1095588",
    "106901234567", "+86 95588", "+1 650 253 0000", "0016502530000", "+12", "+44 20 7946 0018", "+852 2345 6789", "1 380 013 8000", "+8613800138000",
    "008613800138000", "013800138000", "+86013800138000", "８６１３８００１３８０００", "138 0013 8000\u200b", "+8612345678", "138001380001", "1380013800a",
    "13800138000x5", "0755 8888 8888", "07558888888", "7558888888", "２", "+", "00", "86", "0", "\u200b", "\u3000", "+86\u201113800138000",
)  # fmt: skip
DOCUMENTS = {
    "national_id": (
        "110101900101001", "11010519491231002X", "11010519491231002x", "110105194912310021", "11010520990101001X", "110101200002300014", "910101199001010018",
        "010101199001010011", "１１０１０５１９４９１２３１００２Ｘ", "1101051949123100", "11010500000101001X", "110105200002290010", "110105190002290015",
    ),
    "uscc": ("91350100M000100Y43", "91350100m000100y43", "91350100M000100Y44", "91350100M000100I43", "91350100M000100Y4"),
    "passport": ("USA:E12345678", "usa:e12345678", "XXX:E12345678", "USA:ABCDEF", "E12345678", "USA:E1", "USA:E1\u200b2"),
    "other_document": ("HKG:H123(4)", "HKG:-1234", "HKG:ABC", "HKG:A1"),
    "": ("110105194912310021",),
    "driver": ("110105194912310021",),
}  # fmt: skip
TIMES = (
    "2026-09-01", "1988-06-01", "1900-06-01", "2026-02-29", "2024-02-29", "2026-09-01T00:00:00+08:00", "2026-09-01T00:00:00.123456789Z", "2026-09-01T25:00:00Z",
    "2026-09-01 00:00:00Z", "2026-09-01T00:00:00", "0999-01-01", "2099-01-01T00:00:00Z", "", " ", "2026-10-01T15:00:00Z", "2026-10-01T15:00:01Z", "２０２６-09-01",
    "2026-09-01T00:00:00-11:30", "2026-13-01",
)  # fmt: skip


def _mangled() -> Iterator[Row]:
    """Single characters of good values changed, taken away or doubled, by chance that is always the same."""
    draw = random.Random(1)
    bases = {
        "msisdn": PHONES, "imei": ("490154203237518",), "iccid": ("8986115150508490965",), "imsi": ("460115309802568",),
        "holder_doc_no": ("330122199604185634", "110105194912310021"), "recorded_at": ("2026-09-01T10:20:30Z", "2026-09-01T10:20:30.5+08:00"),
    }  # fmt: skip
    changes: list[Callable[[str, int], str]] = [
        lambda text, at: text[:at] + text[at + 1 :],
        lambda text, at: text[:at] + draw.choice("0123456789X-+ ") + text[at + 1 :],
        lambda text, at: text[:at] + text[at : at + 1] * 2 + text[at + 1 :],
    ]
    for name, texts in bases.items():
        for _ in range(400):
            text = draw.choice(texts)
            yield {name: draw.choice(changes)(text, draw.randrange(len(text)))}


HARD: list[Row] = [*_spellings(), *_mangled()]


if __name__ == "__main__":
    sys.exit(main())
