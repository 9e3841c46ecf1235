"""The form of a case: what is read, and how a mistake is named."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from jobs.core.contracts import Feed
from jobs.core.errors import UserError
from jobs.rehearse.model import Delivery, load_case, load_cases

Write = Callable[[str, str], Path]
EXPECTS = "    expect: {not_listed: ['@phone.P']}\n"


def test_every_case_of_the_policy_owner_is_understood(shared: Path, contracts: dict[str, Feed]) -> None:
    cases = load_cases([shared / "cases"], contracts)
    assert len(cases) == len(list((shared / "cases").glob("*.yaml")))
    assert {path.stem.replace("_", "-") for path, _ in cases} == {case.case for _, case in cases}
    assert all(sum(night.expect.size for night in case.nights.values()) > 0 for _, case in cases)


def test_values_stay_as_they_are_written(write_case: Write, contracts: dict[str, Feed]) -> None:
    path = write_case(
        "written",
        "  2026-10-01:\n    finance/suspicious_transfers:\n"
        "      - {amount_cny: 1.00, payer_account: 0123, transferred_at: 2026-09-29, recorded_at: 2026-10-02T10:00:00+08:00, case_id: null}\n"
        + EXPECTS,
    )
    record = load_case(path, contracts).nights[date(2026, 10, 1)].feeds["finance/suspicious_transfers"][0].records[0]
    assert record == {
        "amount_cny": "1.00", "payer_account": "0123", "transferred_at": "2026-09-29",
        "recorded_at": "2026-10-02T10:00:00+08:00", "case_id": None,
    }  # fmt: skip


def test_an_unknown_kind_of_expectation_is_named_with_its_line(write_case: Write, contracts: dict[str, Feed]) -> None:
    path = write_case("typo", "  2026-10-01:\n    expect:\n      not_listed: ['@phone.P']\n      lised: ['@phone.P']\n")
    with pytest.raises(UserError, match=r"typo\.yaml:7: .*lised: is not a known key"):
        load_case(path, contracts)


@pytest.mark.parametrize(
    ("nights", "line"),
    [
        ("  2026-10-01:\n" + EXPECTS + "  2026-13-01:\n" + EXPECTS, 6),
        ("  2026-10-01:\n" + EXPECTS + "  '2026-13-01':\n" + EXPECTS, 6),
        ("  2026-10-01:\n    telecom/subscriptions:\n      - {activated_at: 2026-13-01}\n" + EXPECTS, 6),
        ("  2026-10-01:\n    expect:\n      listed: [{identifier: '@phone.P', due_on: '2026-13-01'}]\n", 6),
    ],
    ids=["night", "night in quotes", "field", "expectation"],
)
def test_a_day_that_there_is_not_is_named_with_its_line(
    write_case: Write, contracts: dict[str, Feed], nights: str, line: int
) -> None:
    with pytest.raises(UserError, match=rf"day\.yaml:{line}: "):
        load_case(write_case("day", nights), contracts)


@pytest.mark.parametrize(
    "nights", ["  2026-10-01:\n    telecom/subscriptions: []\n", "  2026-10-01: {expect: {listed: []}}\n"]
)
def test_a_case_that_expects_nothing_is_an_error(write_case: Write, contracts: dict[str, Feed], nights: str) -> None:
    with pytest.raises(UserError, match="expects nothing"):
        load_case(write_case("nothing", nights), contracts)


def test_that_nothing_happens_is_an_expectation(write_case: Write, contracts: dict[str, Feed]) -> None:
    case = load_case(write_case("quiet", "  2026-10-01: {expect: {events: 0}}\n"), contracts)
    assert case.nights[date(2026, 10, 1)].expect.events == 0


def test_an_unknown_feed_is_named_with_its_line(write_case: Write, contracts: dict[str, Feed]) -> None:
    path = write_case("feed", "  2026-10-01:\n    telecom/subscripions:\n      - {msisdn: '1'}\n" + EXPECTS)
    with pytest.raises(
        UserError,
        match=r"feed\.yaml:5: 'telecom/subscripions' is not a feed; known are .*telecom/subscriptions",
    ):
        load_case(path, contracts)


def test_an_unknown_field_is_named_with_record_and_line(write_case: Write, contracts: dict[str, Feed]) -> None:
    path = write_case(
        "field",
        "  2026-10-01:\n    telecom/subscriptions:\n      - {msisdn: '1'}\n      - {record_id: two, msidn: '1'}\n"
        + EXPECTS,
    )
    with pytest.raises(UserError, match=r"field\.yaml:7: telecom/subscriptions: record 'two' has the field 'msidn'"):
        load_case(path, contracts)


def test_an_unknown_field_of_a_nested_element_is_named(write_case: Write, contracts: dict[str, Feed]) -> None:
    path = write_case(
        "nested",
        "  2026-10-01:\n    public_security/case_reports:\n      - {involved: [{rol: payee}]}\n" + EXPECTS,
    )
    with pytest.raises(UserError, match=r"nested\.yaml:6: .*record 1 has the field 'rol' in 'involved'"):
        load_case(path, contracts)


def test_two_cases_of_one_name_are_an_error(write_case: Write, contracts: dict[str, Feed], tmp_path: Path) -> None:
    path = write_case("twin", "  2026-10-01:\n" + EXPECTS)
    other = tmp_path / "other.yaml"
    other.write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
    with pytest.raises(UserError, match=r"case 'twin' is also in"):
        load_cases([path, other], contracts)


@pytest.mark.parametrize(
    "text",
    [
        "    telecom/subscriptions:\n      deliveries:\n        - {mode: snapshot, faults: [hash], records: [{msisdn: '1'}]}\n",
        "    telecom/subscriptions: {mode: snapshot, faults: [hash], records: [{msisdn: '1'}]}\n",
        "    telecom/subscriptions:\n      - {mode: snapshot, faults: hash, records: [{msisdn: '1'}]}\n",
        "    deliveries:\n      - {feed: telecom/subscriptions, mode: snapshot, faults: [hash], records: [{msisdn: '1'}]}\n",
        "    deliveries:\n      telecom/subscriptions:\n        - {mode: snapshot, faults: [hash], records: [{msisdn: '1'}]}\n",
    ],
    ids=["below its feed", "one alone", "in place of records", "each names its feed", "by feed"],
)
def test_deliveries_may_be_written_in_several_ways(write_case: Write, contracts: dict[str, Feed], text: str) -> None:
    case = load_case(write_case("ways", "  2026-10-01:\n" + text + EXPECTS), contracts)
    expected = Delivery(mode="snapshot", faults=("hash",), records=({"msisdn": "1"},))
    assert case.nights[date(2026, 10, 1)].feeds == {"telecom/subscriptions": (expected,)}


def test_an_unknown_fault_is_an_error(write_case: Write, contracts: dict[str, Feed]) -> None:
    path = write_case(
        "fault",
        "  2026-10-01:\n    telecom/subscriptions:\n      deliveries:\n        - {faults: [haste]}\n" + EXPECTS,
    )
    with pytest.raises(UserError, match=r"fault\.yaml:\d+: .*faults"):
        load_case(path, contracts)


def test_a_time_without_an_offset_is_an_error(write_case: Write, contracts: dict[str, Feed]) -> None:
    path = write_case(
        "offset",
        "  2026-10-01:\n    expect: {listed: [{identifier: '@phone.P', tenure_from: '2026-10-01T10:00:00'}]}\n",
    )
    with pytest.raises(UserError, match="needs an offset"):
        load_case(path, contracts)


def test_one_may_stand_for_a_list_of_one(write_case: Write, contracts: dict[str, Feed]) -> None:
    case = load_case(
        write_case("one", "  2026-10-01:\n    expect: {leads: '@phone.P', same_party: ['@phone.P', '@imsi.S']}\n"),
        contracts,
    )
    expect = case.nights[date(2026, 10, 1)].expect
    assert [subject.identifier for subject in expect.leads] == ["@phone.P"]
    assert [[subject.identifier for subject in group] for group in expect.same_party] == [["@phone.P", "@imsi.S"]]
