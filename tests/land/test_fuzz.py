"""Real files, damaged: a reader names what is wrong in a sentence, or every row is accounted for and intake takes the delivery.

The number of inputs is bounded and they are the same in every run.
"""

from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.core.contracts import load_codes, load_contracts
from jobs.core.errors import UserError
from jobs.core.settings import ROOT
from jobs.land import land
from jobs.land.readers import READERS
from jobs.land.reading import Reading, Source
from tests.bronze.test_fuzz import Edit, edited, edits
from tests.intake.world import World, scratch

PRODUCED = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
ON = date(2026, 11, 22)
CONTRACTS, CODES = load_contracts(ROOT / "schemas"), load_codes(ROOT / "schemas")
BOUNDED = settings(max_examples=25, deadline=None, derandomize=True, database=None)
REAL = {
    "public_security/npa_line_ids": "police/npa_line_ids.csv",
    "public_security/npa_weekly_sites": "police/npa_weekly_sites.csv",
    "public_security/npa_spoofed_sites": "police/npa_spoofed_sites.csv",
    "public_security/npa_blocked_hosts": "police/npa_blocked_hosts.json",
    "telecom/ftc_dnc_complaints": "telecom/ftc_dnc_2021-07-08.csv",
    "telecom/disposable_numbers": "telecom/disposable_numbers.json",
    "finance/ofac_sdn_entities": "finance/ofac_sdn_entities_2019.csv",
    "finance/graphsense_tagpacks": "finance/graphsense_usdt_blacklist.yaml",
    "internet/scamblocklist_hosts": "internet/scamblocklist_hosts.txt",
    "internet/scamblocklist_adguard": "internet/scamblocklist_adguard.txt",
    "guard/bank_websites": "guard/bank-website.json",
    "guard/reserved_phone_numbers": "guard/phone_numbers.json",
}
SHORTENED = 12_000


@cache
def real_file(path: Path) -> bytes:
    """The beginning of a real file, to a line's end; a JSON or YAML file only when it is small."""
    data = path.read_bytes()
    if path.suffix == ".json" or len(data) <= SHORTENED:
        return data
    return data[: data.rindex(b"\n", 0, SHORTENED) + 1]


def reading_of(feed: str, data: bytes) -> Reading | UserError:
    """What the feed's reader makes of these bytes. Anything else that it raises is a fault of ours."""
    layout = READERS[CONTRACTS[feed].reader or ""]
    reading = Reading(layout.rules)
    try:
        layout.read(Source("list", data, PRODUCED), reading)
    except UserError as error:
        return error
    assert reading.read + reading.added.total() == len(reading.records) + reading.dropped.total()
    return reading


@pytest.mark.parametrize("feed", REAL)
@given(changes=edits)
@BOUNDED
def test_a_damaged_real_file_is_refused_in_a_sentence_or_accounted_for(
    feed: str, shared: Path, changes: list[Edit]
) -> None:
    reading_of(feed, edited(real_file(shared / "data" / REAL[feed]), changes))


@pytest.mark.parametrize("reader", sorted(READERS))
@given(data=st.one_of(st.binary(max_size=200), st.text(max_size=200).map(str.encode)))
@BOUNDED
def test_random_bytes_are_refused_in_a_sentence(reader: str, data: bytes) -> None:
    found = reading_of(next(feed.id for feed in CONTRACTS.values() if feed.reader == reader), data)
    if not isinstance(found, UserError):
        assert reader in ("adguard_list", "hosts_file"), "the layouts without a header: a comment can be all of them"


@pytest.mark.parametrize(
    ("feed", "text"),
    [
        ("finance/graphsense_tagpacks", "title: a\0b\ntags: []\n"),
        ("finance/graphsense_tagpacks", "tags: " + "[" * 5_000),
        ("finance/graphsense_tagpacks", "lastmod: a\ncurrency: ETH\ntags:\n- {address: b, label: c, abuse: [d, e]}\n"),
        ("finance/graphsense_tagpacks", "title: [a]\nlastmod: a\ncurrency: ETH\ntags:\n- {address: b, label: c}\n"),
        ("finance/graphsense_tagpacks", 'lastmod: a\ncurrency: ETH\ntags:\n- {address: b, label: "\\ud800"}\n'),
        ("telecom/disposable_numbers", '{"a":' + "[" * 100_000),
        ("telecom/disposable_numbers", '{"a":' + "1" * 5_000 + "}"),
        ("telecom/disposable_numbers", '{"\\ud800": "2020-01-01"}'),
        ("guard/bank_websites", '{"type": "hostname", "list": ["\\ud800"]}'),
        ("internet/scamblocklist_hosts", "# Domains: " + "1" * 5_000 + "\n0.0.0.0 example.com\n"),
        ("public_security/npa_line_ids", '編號,帳號,通報日期\n1,"' + "x" * 2_000_000),
    ],
    ids=[
        "yaml_nul", "yaml_deep", "yaml_list", "yaml_title", "yaml_half", "json_deep", "json_long_number", "json_half", "json_half_in_list",
        "hosts_long_number", "csv_open_quote",
    ],
)  # fmt: skip
def test_a_hostile_file_is_refused_in_a_sentence(feed: str, text: str) -> None:
    assert isinstance(reading_of(feed, text.encode()), UserError)


@pytest.mark.parametrize("feed", REAL)
@given(changes=edits)
@settings(BOUNDED, max_examples=6)
def test_what_land_writes_of_a_damaged_file_intake_takes(feed: str, shared: Path, changes: list[Edit]) -> None:
    with scratch() as folder:
        file = folder / "list"
        file.write_bytes(edited(real_file(shared / "data" / REAL[feed]), changes))
        world = World(folder)
        try:
            report = land(
                feed, [file], landing=world.landing, business_date=ON, contracts=CONTRACTS, codes=CODES,
                produced_at=PRODUCED, say=lambda _: None,
            )  # fmt: skip
        except UserError:
            assert world.night() == []
            return
        assert [(one.status, one.rows_in) for one in world.night()] == [("taken", report.rows_written)]
