"""The real public files.

Every row is accounted for, and quarantine gets exactly the faults that were counted by eye.

The oracle for quarantine is plain Python: required columns, ISO dates, the reference normaliser, the
contract's own rule.
"""

import gzip
import json
import re
from collections import Counter
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from jobs.core.contracts import CodeList, Feed, Identifier, load_codes, load_contracts
from jobs.core.settings import ROOT
from jobs.identifiers.rare import Lists, lists_of, normalise_py
from jobs.land import LandReport, land

ON = date(2026, 11, 22)
PRODUCED = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def contracts() -> dict[str, Feed]:
    return load_contracts(ROOT / "schemas")


@pytest.fixture(scope="module")
def codes() -> dict[str, CodeList]:
    return load_codes(ROOT / "schemas")


class Golden:
    """What one feed's real files must come to. `faults`: records by reason. `elements`.

    Faulty and sound facts by reason or type.
    """

    def __init__(self, feed: str, *files: str, read: int, written: int, **counts: dict[str, int]) -> None:
        self.feed, self.files, self.read, self.written, self.counts = feed, files, read, written, counts


GOLDEN = [
    Golden(
        "public_security/npa_line_ids",
        "police/npa_line_ids.csv",
        read=1288,
        written=1290,
        mended={"bom": 1, "crlf": 1, "date": 1288, "trimmed": 2},
        added={"two_ids": 2},
        # 23 with U+02CD for an underscore, two with a stray \, and a space, a tab, an @ inside, a date
        faults={"account_format": 29},
    ),
    Golden(
        "public_security/npa_weekly_sites",
        "police/npa_weekly_sites.csv",
        read=5901,
        written=5900,
        mended={"bom": 1, "date": 5900, "scheme": 516},
        dropped={"second_header": 1},
        faults={"domain_format": 1},  # a name without a dot
    ),
    Golden(
        "public_security/npa_spoofed_sites",
        "police/npa_spoofed_sites.csv",
        read=17,
        written=17,
        mended={"bom": 1, "day": 17, "offset": 17},
    ),
    Golden(
        "public_security/npa_blocked_hosts",
        "police/npa_blocked_hosts.json",
        read=7717,
        written=7717,
        mended={"scheme": 4},
        faults={"domain_format": 1},  # a leading ?: which character it was can't be known
    ),
    Golden(
        "telecom/ftc_dnc_complaints",
        "telecom/ftc_dnc_2021-07-08.csv",
        read=2500,
        written=2500,
        mended={"crlf": 1, "country_code": 2383, "offset": 2500, "yes_no": 2231},
        faults={"missing_value": 114, "phone_invalid": 38},
    ),
    Golden(
        "telecom/disposable_numbers",
        "telecom/disposable_numbers.json",
        read=2688,
        written=2688,
        mended={"plus_sign": 2688},
    ),
    Golden(
        "finance/ofac_sdn_entities",
        "finance/ofac_sdn_entities_2019.csv",
        read=3534,
        written=3534,
        mended={"facts": 1251, "null_marker": 3534, "programs": 486},
        elements={"domain": 203, "email": 142, "url": 107},
    ),
    Golden(
        "finance/graphsense_tagpacks",
        "finance/graphsense_etherscamdb_tagpack.yaml",
        "finance/graphsense_usdt_blacklist.yaml",
        read=3891,
        written=3875,
        mended={"inherited": 3875, "mailto": 1, "scheme": 47, "site_label": 3113},
        dropped={"placeholder_wallet": 16},
        # hosts with an underscore; chains without a check here; one address of the wrong length
        faults={"domain_format": 2, "unknown_code": 4, "wallet_check": 1},
    ),
    Golden(
        "internet/scamblocklist_hosts",
        "internet/scamblocklist_hosts.txt",
        read=2222,
        written=2214,
        dropped={"blank": 1, "comment": 7},
    ),
    Golden(
        "internet/scamblocklist_adguard",
        "internet/scamblocklist_adguard.txt",
        read=967,
        written=949,
        dropped={"blank": 1, "comment": 7, "expression": 10},
    ),
    Golden(
        "guard/bank_websites",
        "guard/bank-website.json",
        read=2226,
        written=2226,
        mended={"leading_dot": 2226},
    ),
    Golden("guard/url_shorteners", "guard/url-shortener.json", read=255, written=255),
    Golden("guard/top_sites", "guard/tranco_top.json", read=2000, written=2000),
    Golden("guard/reserved_phone_numbers", "guard/phone_numbers.json", read=33, written=33, mended={"e164": 32}),
]


@pytest.mark.parametrize("golden", GOLDEN, ids=lambda golden: golden.feed)
def test_every_row_of_the_real_file_is_accounted_for(
    golden: Golden, shared: Path, tmp_path: Path, contracts: dict[str, Feed], codes: dict[str, CodeList]
) -> None:
    report = land_real(golden, shared, tmp_path, contracts, codes)

    assert (report.rows_read, report.rows_written, report.broken) == (golden.read, golden.written, 0)
    assert report.mended == Counter(golden.counts.get("mended", {}))
    assert report.added == Counter(golden.counts.get("added", {}))
    assert report.dropped == Counter(golden.counts.get("dropped", {}))
    assert len(written_records(report)) == golden.written


@pytest.mark.parametrize("golden", GOLDEN, ids=lambda golden: golden.feed)
def test_exactly_the_faulty_rows_of_the_real_file_would_be_quarantined(
    golden: Golden, shared: Path, tmp_path: Path, contracts: dict[str, Feed], codes: dict[str, CodeList]
) -> None:
    records = written_records(land_real(golden, shared, tmp_path, contracts, codes))
    feed, lists = contracts[golden.feed], lists_of(codes)

    assert Counter(reason for record in records for reason in faults_of(record, feed, lists)) == golden.counts.get(
        "faults", {}
    )
    facts = [fact for record in records for fact in record.get("facts") or []]
    outcomes = Counter(outcome for fact in facts for outcome in outcome_of_fact(fact, lists))
    assert outcomes == golden.counts.get("elements", {})


@pytest.mark.parametrize("golden", GOLDEN, ids=lambda golden: golden.feed)
def test_a_record_id_names_one_record_except_where_the_publisher_repeats_a_row(
    golden: Golden, shared: Path, tmp_path: Path, contracts: dict[str, Feed], codes: dict[str, CodeList]
) -> None:
    records = written_records(land_real(golden, shared, tmp_path, contracts, codes))
    by_id: dict[str, set[str]] = {}
    for record in records:
        by_id.setdefault(record["record_id"], set()).add(json.dumps(record, sort_keys=True))

    assert all(len(contents) == 1 for contents in by_id.values())
    repeated = 1 if golden.feed == "telecom/ftc_dnc_complaints" else 0
    assert len(by_id) == golden.written - repeated


def test_both_formats_of_the_scam_blocklist_are_one_lineage(contracts: dict[str, Feed]) -> None:
    lineages = {signal.lineage for feed in contracts.values() if "scamblocklist" in feed.id for signal in feed.signals}
    assert lineages == {"scamblocklist"}


def test_sanctions_and_guard_lists_signal_nothing(contracts: dict[str, Feed]) -> None:
    silent = {feed.id for feed in contracts.values() if feed.public and not feed.signals}
    assert silent == {
        "finance/ofac_sdn_entities",
        "guard/bank_websites",
        "guard/reserved_phone_numbers",
        "guard/top_sites",
        "guard/url_shorteners",
    }


def test_every_public_contract_says_its_licence_and_names_a_reader(contracts: dict[str, Feed]) -> None:
    public = [feed for feed in contracts.values() if feed.public]
    assert len(public) == len(GOLDEN)
    assert all(feed.licence and feed.reader for feed in public)


def test_strengths_are_the_defaults_for_public_lists(contracts: dict[str, Feed]) -> None:
    found = {
        (feed.id, signal.strength, signal.standard)
        for feed in contracts.values()
        for signal in feed.signals
        if feed.public
    }
    police = {"npa_line_ids", "npa_weekly_sites", "npa_spoofed_sites", "npa_blocked_hosts"}
    community = {
        "finance/graphsense_tagpacks",
        "internet/scamblocklist_hosts",
        "internet/scamblocklist_adguard",
    }
    assert found == (
        {(f"public_security/{name}", 0.5, "report") for name in police}
        | {(name, 0.4, "report") for name in community}
        | {("telecom/ftc_dnc_complaints", 0.2, "indicator"), ("telecom/disposable_numbers", 0.1, "indicator")}
    )


def land_real(
    golden: Golden, shared: Path, landing: Path, contracts: dict[str, Feed], codes: dict[str, CodeList]
) -> LandReport:
    files = [shared / "data" / name for name in golden.files]
    said: list[str] = []
    return land(
        golden.feed,
        files,
        landing=landing,
        business_date=ON,
        contracts=contracts,
        codes=codes,
        produced_at=PRODUCED,
        say=said.append,
    )


def written_records(report: LandReport) -> list[dict[str, Any]]:
    parts = sorted(report.path.glob("part-*.jsonl.gz"))
    return [json.loads(line) for part in parts for line in gzip.open(part, "rt", encoding="utf-8")]


def faults_of(record: dict[str, Any], feed: Feed, lists: Lists) -> set[str]:
    """Every reason for which this record would be quarantined."""
    reasons = {"missing_value" for column in feed.schema_ if column.required and record.get(column.name) is None}
    times = [column.name for column in feed.schema_ if column.logicalType in ("timestamp", "moment")]
    reasons |= {"wrong_type" for name in times if record.get(name) is not None and not is_time(record[name])}
    for identifier in feed.identifiers.values():
        reasons |= set(normalised(record, identifier, lists))
    for reason, predicate in feed.rules.items():
        allowed = re.fullmatch(r"NOT account_id RLIKE '(.*)'", predicate)
        assert allowed is not None, "the oracle knows only this form of rule"
        if not re.search(allowed[1], record["account_id"]):
            reasons.add(reason)
    return reasons


def normalised(record: dict[str, Any], identifier: Identifier, lists: Lists) -> tuple[str, ...]:
    kind = identifier.type or record.get(identifier.type_from or "")
    scope = record.get(identifier.scope) if identifier.scope else None
    return normalise_py(kind, record.get(identifier.value), scope, ON, lists)[2]


def outcome_of_fact(fact: dict[str, str], lists: Lists) -> tuple[str, ...]:
    kind, _, reasons = normalise_py(fact["identifier_type"], fact["identifier"], None, ON, lists)
    return reasons or (str(kind),)


def is_time(text: str) -> bool:
    """A date, or a time to the second with an offset."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return False
    return len(text) == 10 or time.tzinfo is not None
