"""The feed that benchmarks/parse.py reads: telecom and internet mixed, 15 in 100 records dirty, every value invented.

Of the dirty ones about half are only written unusually (gaps, full-width digits, old forms); the others break their contract.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from jobs.core.contracts import CodeList, Feed, load_contract, load_fields
from jobs.core.settings import ROOT
from jobs.simulate import mess, text
from jobs.simulate.streams import Flags, Ints, Streams
from jobs.simulate.values import Mint, Vocabulary

CHUNK = 500_000
UNUSUAL, BROKEN = 0.08, 0.07


def mixed_contract() -> Feed:
    """The contract of the feed; it lives beside the benchmark and is no feed of the product."""
    fields = load_fields(ROOT / "schemas" / "fields.yml")
    return load_contract(Path(__file__).parent / "contracts" / "telecom__mixed.yml", fields)


def write_mixed(path: Path, rows: int, codes: dict[str, CodeList], seed: int = 1) -> None:
    """One CSV file with a header, UTF-8, LF."""
    streams, words = Streams(seed), Vocabulary(codes)
    mint = Mint(streams, words)
    with path.open("wb") as file:
        for start in range(0, rows, CHUNK):
            table = _chunk(np.arange(start, min(start + CHUNK, rows)), mint, words, streams)
            options = pa_csv.WriteOptions(include_header=start == 0, quoting_style="none")
            pa_csv.write_csv(table, file, options)


def _chunk(row: Ints, mint: Mint, words: Vocabulary, streams: Streams) -> pa.Table:
    count = len(row)
    phone, carrier = mint.phones(count)
    imsi, iccid = mint.sims(carrier)
    is_company, is_foreign = row % 50 == 7, row % 100 == 3
    document = text.where(is_company, mint.companies(count), mint.adults(count))
    document = text.where(is_foreign, mint.passports(count), document)
    kinds = np.where(is_foreign, 2, np.where(is_company, 1, 0))
    active = 1_600_000_000 + (streams.uniform("active", row) * 1.5e8).astype(np.int64)
    ends = active + 86_400 * (1 + (streams.uniform("ends", row) * 900).astype(np.int64))
    unusual = _styled({"msisdn": phone, "holder_doc_no": document, "imei": mint.devices(count)}, row, streams)
    columns = {
        "record_id": text.join("r", text.to_array(text.ascii_digits(text.digits(row, 9)))),
        "op": text.pick(["upsert"], np.zeros(count, np.int64)),
        "recorded_at": _moments(active + 3600),
        "msisdn": unusual["msisdn"],
        "iccid": iccid,
        "imsi": imsi,
        "imei": unusual["imei"],
        "carrier": text.pick(words.carriers, carrier),
        "holder_doc_type": text.pick(["national_id", "uscc", "passport"], kinds),
        "holder_doc_no": unusual["holder_doc_no"],
        "platform": text.pick(words.platforms, row % len(words.platforms)),
        "account_id": mint.logins(count),
        "activated_at": _moments(active),
        "deactivated_at": pc.if_else(pa.array(row % 3 == 0), _moments(ends), pa.nulls(count, pa.utf8())),
    }
    return pa.table(_broken(columns, row, streams))


def _moments(seconds: Ints) -> pa.Array:
    moment = pa.array(seconds, pa.timestamp("s"))
    return pc.strftime(moment, "%Y-%m-%dT%H:%M:%SZ").cast(pa.utf8())


def _styled(columns: dict[str, pa.Array], row: Ints, streams: Streams) -> dict[str, pa.Array]:
    """A share of the records has one value that is written unusually."""
    styles = {"msisdn": mess.PHONE_STYLES, "holder_doc_no": mess.DOCUMENT_STYLES, "imei": mess.DEVICE_STYLES}
    draw, which = streams.uniform("unusual", row), row % len(columns)
    found = {}
    for place, (name, values) in enumerate(columns.items()):
        hit = (draw < UNUSUAL) & (which == place)
        rows = np.flatnonzero(hit)
        written = [styles[name][n % len(styles[name])](value) for n, value in enumerate(values.take(rows).to_pylist())]
        found[name] = _put(values, hit, written)
    return found


def _broken(columns: dict[str, pa.Array], row: Ints, streams: Streams) -> dict[str, pa.Array]:
    """A share of the other records breaks its contract, one way each."""
    draw = streams.uniform("broken", row)
    unusual = streams.uniform("unusual", row) < UNUSUAL
    hit = ~unusual & (draw < BROKEN / (1 - UNUSUAL))
    ways = [
        ("msisdn", "12"), ("iccid", "8986"), ("imsi", "46000"), ("imei", "123456789012345"), ("carrier", "nobody"),
        ("holder_doc_no", "110101199013010015"), ("platform", "nowhere"), ("account_id", ""), ("activated_at", "2026-02-30"),
        ("recorded_at", "yesterday"), ("msisdn", ""), ("deactivated_at", "2001-01-01T00:00:00Z"), ("holder_doc_type", ""),
    ]  # fmt: skip
    which = (draw * 1e6).astype(np.int64) % len(ways)
    for way, (name, wrong) in enumerate(ways):
        columns[name] = _put(columns[name], hit & (which == way), wrong)
    return columns


def _put(values: pa.Array, where: Flags, written: list[str] | str) -> pa.Array:
    count = int(where.sum())
    if not count:
        return values
    new = [written] * count if isinstance(written, str) else written
    return pc.replace_with_mask(values, pa.array(where), pa.array(new, pa.utf8()))
