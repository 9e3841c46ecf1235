"""What a world delivers: counts that agree, references that lead somewhere, and knobs that turn what they
say.
"""

from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from jobs.core.contracts import CodeList, Feed
from jobs.identifiers.rare import Lists, lists_of, normalise_py
from jobs.simulate import Truth
from tests.simulate.conftest import Make
from tests.simulate.reading import Read, deliveries, moment, newest

TODAY = date(2026, 11, 23)
ELEMENTS = "public_security/case_reports"


@pytest.fixture(scope="module")
def lists(codes: dict[str, CodeList]) -> Lists:
    return lists_of(codes)


def columns(truth: Truth, table: str) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = pq.read_table(truth.truth / f"{table}.parquet").to_pydict()
    return found


def lines_of(truth: Truth, table: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = pq.read_table(truth.truth / f"{table}.parquet").to_pylist()
    return found


def value(lists: Lists, kind: str | None, raw: str | None, scope: str | None = None) -> str | None:
    return normalise_py(kind, raw, scope, TODAY, lists)[1]


def is_good(feed: Feed, record: dict[str, Any], lists: Lists) -> bool:
    """Every required value is there and every identifier can be read; starts are before ends; times are
    times.
    """
    for column in feed.schema_:
        if column.required and not record.get(column.name):
            return False
        if column.logicalType in ("timestamp", "moment") and record.get(column.name):
            try:
                if moment(record[column.name]).year > 2090:
                    return False
            except ValueError:
                return False
    for about in feed.identifiers.values():
        raw, kind = record.get(about.value), about.type or record.get(str(about.type_from))
        if raw and value(lists, kind, raw, record.get(str(about.scope))) is None:
            return False
    ends = [(record.get(a), record.get(b)) for a, b in feed.intervals]
    return record.get("carrier") != "nosuch" and all(not a or not b or moment(a) <= moment(b) for a, b in ends)


def good_records(truth: Truth, feed: Feed, lists: Lists) -> dict[str, dict[str, Any]]:
    """The newest good version of every record of a feed."""
    broken: dict[tuple[str, str], bool] = {}
    for read in deliveries(truth.landing):
        if read.feed == feed.id and read.whole:
            for record in read.records():
                if not record.get("unreadable") and record["op"] == "upsert":
                    broken[record["record_id"], record["recorded_at"]] = not is_good(feed, record, lists)
    return newest(truth.landing, feed.id, broken)


@pytest.fixture(scope="module")
def good(world: Truth, contracts: dict[str, Feed], lists: Lists) -> dict[str, dict[str, dict[str, Any]]]:
    """Feed -> record id -> newest good version, for the big feeds."""
    feeds = [
        "telecom/subscriptions", "telecom/device_sightings", "finance/accounts", "internet/internet_accounts",
        "internet/account_logins",
    ]  # fmt: skip
    return {feed: good_records(world, contracts[feed], lists) for feed in feeds}


def test_rows_and_hashes_of_every_manifest_are_those_of_its_files(world: Truth) -> None:
    spoiled = [read for read in deliveries(world.landing) if not read.whole]
    assert len(spoiled) == sum(accident.endswith("hash") for accident in world.accidents)
    for read in deliveries(world.landing):
        if read.whole:
            assert sum(1 for _ in read.records()) == sum(file["rows"] for file in read.manifest["files"])
            assert [f["bytes"] for f in read.manifest["files"]] == [
                (read.folder / f["name"]).stat().st_size for f in read.manifest["files"]
            ]


def test_every_feed_has_one_unbroken_chain_of_manifests(world: Truth, contracts: dict[str, Feed]) -> None:
    import hashlib

    chains: dict[str, dict[int, Read]] = {}
    for read in deliveries(world.landing):
        chains.setdefault(read.feed, {})[read.manifest["sequence"]] = read
    assert set(chains) <= set(contracts)
    assert len(chains) >= 13
    for chain in chains.values():
        assert sorted(chain) == list(range(1, len(chain) + 1))
        before = None
        for sequence in sorted(chain):
            assert chain[sequence].manifest["previous_sha256"] == before
            before = hashlib.sha256((chain[sequence].folder / "manifest.json").read_bytes()).hexdigest()


def test_modes_are_those_that_the_contracts_allow(world: Truth, contracts: dict[str, Feed]) -> None:
    for read in deliveries(world.landing):
        assert read.manifest["mode"] in contracts[read.feed].modes


def test_first_loads_of_essential_feeds_are_never_broken(make_world: Make, contracts: dict[str, Feed]) -> None:
    truth = make_world(people=300, nights=3, broken_delivery_rate=1.0)
    first = [read for read in deliveries(truth.landing) if read.manifest["sequence"] == 1]
    assert {read.feed for read in first} >= {feed.id for feed in contracts.values() if feed.essential} - {
        "public_security/appeal_decisions"
    }
    assert all(read.whole for read in first)
    kinds = {accident.split(": ")[1] for accident in truth.accidents}
    assert kinds == {"hash", "no_manifest", "repeated", "gap"}
    bare = [p for p in truth.landing.glob("*/*/*/*") if not (p / "manifest.json").exists()]
    assert len(bare) == sum(a.endswith("no_manifest") for a in truth.accidents) > 0


def test_nothing_is_recorded_after_its_delivery_was_produced_but_what_is_broken(world: Truth) -> None:
    for read in deliveries(world.landing):
        produced = moment(read.manifest["produced_at"])
        times = [moment(r["recorded_at"]) for r in read.records() if not r.get("unreadable")]
        assert [at for at in times if at > produced and at.year < 2098] == []


def test_every_bound_phone_is_a_number_that_somebody_has(good: dict[str, Any], lists: Lists) -> None:
    known = {value(lists, "phone", r["msisdn"]) for r in good["telecom/subscriptions"].values()}
    for feed in ("finance/accounts", "internet/internet_accounts"):
        bound = {value(lists, "phone", r["bound_phone"]) for r in good[feed].values() if r["bound_phone"]}
        assert len(bound) > 1000
        assert bound - known == set()


def test_every_sim_seen_and_every_account_used_exists(good: dict[str, Any], world: Truth) -> None:
    sims: set[str] = set()
    for read in deliveries(world.landing):
        if read.feed == "telecom/subscriptions" and read.whole:
            sims |= {r["imsi"] for r in read.records()}
    assert {r["imsi"] for r in good["telecom/device_sightings"].values()} - sims == set()
    used = {f"{r['platform']}:{r['account_id']}" for r in good["internet/account_logins"].values()}
    accounts = {
        f"{r['platform'].strip().lower()}:{r['account_id'].lower()}"
        for r in good["internet/internet_accounts"].values()
    }
    # an account of the last hours may be seen in use before its own record comes
    since = {c["identifier"]: c["from_at"] for c in lines_of(world, "control")}
    assert {name for name in used - accounts if since[name] < moment("2026-10-05")} == set()


def test_every_good_identifier_is_one_that_the_truth_knows(good: dict[str, Any], world: Truth, lists: Lists) -> None:
    control = columns(world, "control")
    known = set(zip(control["identifier_type"], control["identifier"], strict=True))
    delivered: set[tuple[str, str | None]] = set()
    for record in good["telecom/subscriptions"].values():
        delivered.add(("phone", value(lists, "phone", record["msisdn"])))
    for record in good["finance/accounts"].values():
        kind = record["account_kind"]
        delivered.add((kind, value(lists, kind, record["account_no"], record["institution_id"])))
    for record in good["internet/internet_accounts"].values():
        delivered.add(("internet_account", value(lists, "internet_account", record["account_id"], record["platform"])))
    for record in good["telecom/device_sightings"].values():
        delivered.add(("imei", value(lists, "imei", record["imei"])))
    assert len(delivered) > 15_000
    assert delivered - known == set()


def test_every_holder_is_a_person_or_company_of_the_truth(good: dict[str, Any], world: Truth, lists: Lists) -> None:
    people = columns(world, "people")
    known = set(zip(people["identifier_type"], people["identifier"], strict=True))
    for feed in ("telecom/subscriptions", "finance/accounts", "internet/internet_accounts"):
        held = {
            (r["holder_doc_type"], value(lists, r["holder_doc_type"], r["holder_doc_no"]))
            for r in good[feed].values()
            if r["holder_doc_no"]
        }
        assert held - known == set()


def test_what_should_be_found_is_what_the_deliveries_themselves_say(
    good: dict[str, Any], world: Truth, lists: Lists
) -> None:
    """Worked out again from the feeds: open accounts with a binding to a fraud tenure that had not ended
    before.
    """
    tenures: dict[str, list[tuple[Any, Any, Any]]] = {}
    fraud = {(t["identifier"], t["tenure_from"]): t["moment"] for t in lines_of(world, "fraud_tenures")}
    spans: dict[tuple[str | None, str | None], list[tuple[Any, Any]]] = {}
    for record in good["telecom/subscriptions"].values():
        key = (
            value(lists, "phone", record["msisdn"]),
            value(lists, record["holder_doc_type"], record["holder_doc_no"]),
        )
        end = moment(record["deactivated_at"]) if record["deactivated_at"] else None
        spans.setdefault(key, []).append((moment(record["activated_at"]), end))
    for (phone, _), parts in spans.items():
        start = min(a for a, _ in parts)
        end = None if any(b is None for _, b in parts) else max(b for _, b in parts)
        tenures.setdefault(str(phone), []).append((start, end, fraud.get((str(phone), start))))
    bound = [f for f in lines_of(world, "should_be_found") if f["reason"] == "bound_to_fraud_phone"]
    assert len(bound) > 50
    accounts: dict[tuple[str, str | None], list[dict[str, Any]]] = {}
    for record in good["finance/accounts"].values():
        kind = record["account_kind"]
        key2 = (kind, value(lists, kind, record["account_no"], record["institution_id"]))
        accounts.setdefault(key2, []).append(record)
    for record in good["internet/internet_accounts"].values():
        key2 = (
            "internet_account",
            value(lists, "internet_account", record["account_id"], record["platform"]),
        )
        accounts.setdefault(key2, []).append(record)
    expected = {(f["identifier_type"], f["identifier"]) for f in bound}
    still_bound: set[tuple[str, str | None]] = set()
    for key2, records in accounts.items():
        if any(r["closed_at"] for r in records):
            continue
        for record in records:
            if not record["bound_phone"]:
                continue
            at = moment(record["bound_at"])
            phone = value(lists, "phone", record["bound_phone"])
            for start, end, since in tenures[str(phone)]:
                inside = start <= at and (end is None or at < end)
                left = moment(record["unbound_at"]) if record["unbound_at"] else None
                if inside and since is not None and (left is None or left > since):
                    still_bound.add(key2)
    # bindings that a newer version of the same record replaced are true as well, and not in the newest
    # versions
    assert still_bound - expected <= victims_accounts(world)
    assert all(key in accounts for key in expected)
    assert not [key for key in expected if any(r["closed_at"] for r in accounts[key])]
    assert len(expected & still_bound) > 0.85 * len(expected)


def victims_accounts(world: Truth) -> set[tuple[str, str | None]]:
    victims = {r["person"] for r in lines_of(world, "roles") if r["role"] == "victim"}
    return {(c["identifier_type"], c["identifier"]) for c in lines_of(world, "control") if c["person"] in victims}


def test_ring_accounts_that_should_be_found_belong_to_rings_with_a_finding(world: Truth) -> None:
    confirmed = {r["ring_id"] for r in lines_of(world, "rings") if r["confirmed_at"] is not None}
    found = [f for f in lines_of(world, "should_be_found") if f["reason"] == "ring_controlled"]
    assert len(found) > 20
    assert {f["ring_id"] for f in found} <= confirmed
    control = {
        (c["identifier_type"], c["identifier"]): c["ring_id"] for c in lines_of(world, "control") if c["ring_id"]
    }
    assert all(control[f["identifier_type"], f["identifier"]] == f["ring_id"] for f in found)


def test_new_holders_of_a_frauds_number_answer_for_nothing(make_world: Make) -> None:
    truth = make_world(people=6000, nights=4, seed=2, fraud_share=0.05)
    roles: dict[str, set[str]] = {}
    for row in lines_of(truth, "roles"):
        roles.setdefault(row["person"], set()).add(row["role"])
    guilty = {"organiser", "mule_sold", "mule_lent", "mule_deceived"}
    heirs = {p for p, parts in roles.items() if "new_holder_of_recycled" in parts and not parts & guilty}
    fraud = {(t["identifier"], t["tenure_from"]) for t in lines_of(truth, "fraud_tenures")}
    numbers = {phone for phone, _ in fraud}
    control = [c for c in lines_of(truth, "control") if c["identifier"] in numbers and c["person"] in heirs]
    assert len(control) > 10
    assert {(c["identifier"], c["tenure_from"]) for c in control} & fraud == set()
    assert {f["person"] for f in lines_of(truth, "should_be_found")} & heirs == set()


def test_outcomes_are_intended_for_each_account_once_and_never_delivered(world: Truth) -> None:
    intended = columns(world, "intended_outcomes")
    found = columns(world, "should_be_found")
    pairs = list(zip(intended["identifier_type"], intended["identifier"], strict=True))
    assert len(pairs) == len(set(pairs))
    assert set(pairs) == set(zip(found["identifier_type"], found["identifier"], strict=True))
    delivered = [
        r for read in deliveries(world.landing) if read.feed.endswith("measure_outcomes") for r in read.records()
    ]
    assert all(not record["listing_id"] for record in delivered)
    assert len(delivered) <= 2


def test_cases_name_what_the_feeds_know(world: Truth, good: dict[str, Any], lists: Lists) -> None:
    phones = {value(lists, "phone", r["msisdn"]) for r in good["telecom/subscriptions"].values()}
    named: Counter[str] = Counter()
    strange = 0
    for read in deliveries(world.landing):
        if read.feed != ELEMENTS or not read.whole:
            continue
        for record in read.records():
            for element in record.get("involved") or []:
                made = value(lists, element["identifier_type"], element["identifier"], element["issuer"])
                if element["identifier"] == "12":
                    continue
                assert made is not None, element["identifier_type"]
                named[element["role"]] += 1
                strange += element["identifier_type"] == "phone" and len(made) == 14 and made not in phones
    assert set(named) >= {"offender", "payee", "site", "victim", "impersonated"}
    assert strange == 0


def records_of(truth: Truth, feed: str) -> list[dict[str, Any]]:
    return [r for read in deliveries(truth.landing) if read.feed == feed and read.whole for r in read.records()]


def test_without_mess_every_phone_is_plain_and_with_it_some_are_not(make_world: Make) -> None:
    plain = make_world(people=500, mess_rate=0.0, bad_record_rate=0.0)
    messy = make_world(people=500, mess_rate=0.5, bad_record_rate=0.0)
    bare = {len(r["msisdn"]) for r in records_of(plain, "telecom/subscriptions")}
    spelled = {len(r["msisdn"]) for r in records_of(messy, "telecom/subscriptions")}
    assert bare == {11}
    assert len(spelled) > 4


def test_without_bad_records_nothing_is_broken_and_with_them_much_is(
    make_world: Make, contracts: dict[str, Feed], lists: Lists
) -> None:
    feed = contracts["telecom/subscriptions"]
    counts = []
    for rate in (0.0, 0.1):
        truth = make_world(people=500, bad_record_rate=rate)
        counts.append(sum(not is_good(feed, r, lists) for r in records_of(truth, feed.id)))
    assert counts[0] == 0
    assert counts[1] > 20


def test_without_fraud_there_are_no_rings_and_more_fraud_makes_more(make_world: Make) -> None:
    none = make_world(people=1000, fraud_share=0.0)
    some = make_world(people=1000, fraud_share=0.01)
    many = make_world(people=1000, fraud_share=0.1)
    assert none.rings == 0 < some.rings < many.rings
    assert {f["reason"] for f in lines_of(none, "should_be_found")} <= {"bound_to_fraud_phone"}


def test_false_reports_recycling_and_families_follow_their_knobs(make_world: Make) -> None:
    def count(role: str, accused: bool = False, **knobs: float) -> int:
        truth = make_world(people=2000, **knobs)
        rows = [r for r in lines_of(truth, "roles") if r["role"] == role]
        return sum(r["since"] is not None for r in rows) if accused else len(rows)

    assert count("innocent", accused=True, false_report_rate=0.5) > count(
        "innocent", accused=True, false_report_rate=0.0
    )
    assert count("new_holder_of_recycled", recycled_share=0.0) == 0
    assert count("new_holder_of_recycled", recycled_share=0.9) > 30
    assert count("family_member", family_share=0.0) == 0
    assert count("family_member", family_share=0.9) > 30


def test_a_changeless_world_has_quiet_nights_and_a_restless_one_does_not(make_world: Make) -> None:
    def later(rate: float) -> int:
        truth = make_world(people=1000, change_rate=rate, late_rate=0.0, duplicate_rate=0.0, bad_record_rate=0.0)
        reads = deliveries(truth.landing)
        return sum(
            file["rows"]
            for read in reads
            if read.manifest["business_date"] != "2026-10-01"
            for file in read.manifest["files"]
        )

    assert later(0.0) * 3 < later(0.05)


def test_records_come_twice_late_and_with_unknown_columns_when_asked_to(make_world: Make) -> None:
    truth = make_world(people=600, duplicate_rate=0.2, late_rate=0.8, unknown_column_rate=1.0, broken_delivery_rate=0.0)
    records = records_of(truth, "finance/accounts")
    seen = Counter((r["record_id"], r["recorded_at"], r["op"]) for r in records)
    assert max(seen.values()) >= 2
    assert all("branch_remark" in record for record in records)
    nights = [
        (read.manifest["business_date"], moment(r["recorded_at"]).date().isoformat())
        for read in deliveries(truth.landing)
        if read.feed == "finance/accounts" and read.manifest["sequence"] == 3
        for r in read.records()
    ]
    assert sum(recorded <= "2026-10-01" for _, recorded in nights) > 10


def test_withdrawn_accounts_are_gone_from_the_truth(make_world: Make, codes: dict[str, CodeList]) -> None:
    truth = make_world(people=3000, nights=4, change_rate=0.5, broken_delivery_rate=0.0, fraud_share=0.05)
    records = records_of(truth, "finance/accounts")
    gone = {r["record_id"] for r in records if r["op"] == "withdraw"}
    assert len(gone) > 20
    assert all(r["account_no"] is None and r["opened_at"] is None for r in records if r["op"] == "withdraw")
    newest_of = {r["record_id"]: r for r in sorted(records, key=lambda r: moment(r["recorded_at"]))}
    still = [key for key in gone if newest_of[key]["op"] == "upsert" and "2099" not in newest_of[key]["recorded_at"]]
    assert still == []
    lists = lists_of(codes)
    erased = {
        value(lists, r["account_kind"], r["account_no"], r["institution_id"]) for r in records if r["record_id"] in gone
    }
    assert {f["identifier"] for f in lines_of(truth, "should_be_found")} & (erased - {None}) == set()


def test_a_wrong_phone_is_corrected_with_the_same_start(make_world: Make, lists: Lists) -> None:
    truth = make_world(people=3000, nights=4, change_rate=0.5, broken_delivery_rate=0.0, bad_record_rate=0.0)
    versions: dict[tuple[str, str], set[str | None]] = {}
    for r in records_of(truth, "finance/accounts"):
        if r["bound_at"]:
            start = moment(r["bound_at"]).isoformat()
            versions.setdefault((r["record_id"], start), set()).add(value(lists, "phone", r["bound_phone"]))
    assert sum(len(phones) > 1 for phones in versions.values()) > 50


def test_some_records_cannot_be_read_at_all(make_world: Make) -> None:
    truth = make_world(people=300, nights=2, bad_record_rate=0.04)
    unreadable = {read.feed for read in deliveries(truth.landing) for r in read.records() if r.get("unreadable")}
    assert unreadable >= {"public_security/case_reports", "public_security/persons_of_interest"}
    none = make_world(people=300, nights=2, bad_record_rate=0.0)
    assert not [r for read in deliveries(none.landing) for r in read.records() if r.get("unreadable")]


def test_snapshots_of_small_feeds_hold_everything_that_stands(make_world: Make) -> None:
    truth = make_world(
        people=2000, nights=4, snapshot_rate=1.0, broken_delivery_rate=0.0, bad_record_rate=0.0, late_rate=0.0
    )
    for feed in ("telecom/abnormal_numbers", "finance/payment_controls"):
        standing: dict[str, str] = {}
        for read in (r for r in deliveries(truth.landing) if r.feed == feed):
            records = list(read.records())
            if read.manifest["mode"] == "snapshot":
                assert set(standing) - {r["record_id"] for r in records} <= withdrawn_keys(standing)
                assert len(records) == len({r["record_id"] for r in records}) > 5
                assert all(r["op"] == "upsert" for r in records)
            standing.update({r["record_id"]: r["op"] for r in records})
        assert read.manifest["mode"] == "snapshot"


def withdrawn_keys(standing: dict[str, str]) -> set[str]:
    return {key for key, op in standing.items() if op == "withdraw"}


def test_a_sim_box_holds_dozens_of_sims(make_world: Make, lists: Lists) -> None:
    def most(share: float) -> int:
        truth = make_world(people=1500, sim_box_share=share, bad_record_rate=0.0)
        pairs = {(value(lists, "imei", r["imei"]), r["imsi"]) for r in records_of(truth, "telecom/device_sightings")}
        return max(Counter(device for device, _ in pairs).values())

    assert most(1.0) >= 20 > most(0.0)


def test_default_proportions_keep_a_night_small(make_world: Make) -> None:
    truth = make_world(people=20_000, nights=2, seed=1)
    rows: Counter[str] = Counter()
    for read in deliveries(truth.landing):
        if read.manifest["business_date"] == "2026-10-01":
            rows[read.feed] += sum(file["rows"] for file in read.manifest["files"])
    wanted = {
        "telecom/subscriptions": 24_000, "finance/accounts": 45_000, "internet/internet_accounts": 40_000,
        "telecom/device_sightings": 30_000, "internet/account_logins": 40_000, ELEMENTS: 300,
    }  # fmt: skip
    assert {feed: count for feed, count in wanted.items() if not 0.85 < rows[feed] / count < 1.15} == {}


def test_one_night_alone_is_a_whole_world(make_world: Make) -> None:
    truth = make_world(people=150, nights=1)
    assert {read.manifest["business_date"] for read in deliveries(truth.landing)} == {"2026-10-01"}
    assert pc.sum(pq.read_table(truth.truth / "rings.parquet")["members"]).as_py() > 0


def test_truth_tables_are_as_long_as_the_summary_says(world: Truth) -> None:
    assert {path.stem: pq.read_metadata(path).num_rows for path in Path(world.truth).glob("*.parquet")} == world.tables
