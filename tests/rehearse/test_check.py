"""A night's facts, written out by hand, against what a case expects: it passes when it holds and says what it found when not."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest

from jobs.identifiers.keys import node_id_py
from jobs.rehearse.check import Check, end_of, mask
from jobs.rehearse.facts import COLUMNS, NEEDED, Facts, tables_needed
from jobs.rehearse.model import Case, Expect
from jobs.rehearse.play import Player

KEY = b"k" * 32
ON = date(2026, 10, 4)
OLD, NEW = datetime(2023, 12, 31, 16, tzinfo=UTC), datetime(2026, 9, 4, 16, tzinfo=UTC)
OLD_END = datetime(2026, 5, 31, 16, tzinfo=UTC)
Rows = list[dict[str, Any]]
Run = Callable[..., list[str]]

STORY = """  2026-10-01:
    telecom/subscriptions:
      - {msisdn: '@phone.P', holder_doc_no: '@national_id.A'}
      - {msisdn: '@phone.P', holder_doc_no: '@national_id.N'}
    public_security/case_reports:
      - {involved: [{role: payee, identifier: '@bank_account.B'}, {role: offender, identifier_type: phone, identifier: '95588'}]}
    expect: {events: 0}
"""


@pytest.fixture
def player(prepared: Callable[..., dict[str, Player]]) -> Player:
    return prepared(story=STORY)["story"]


@pytest.fixture
def node(player: Player) -> Callable[[str], int]:
    """The node of an identifier; of a phone the number's."""
    return lambda identifier: node_id_py(KEY, *player.book.key(identifier))


def row(table: str, **values: Any) -> dict[str, Any]:
    """A row with every column that is read; null where nothing is said."""
    assert set(values) <= set(COLUMNS[table])
    return {column: values.get(column) for column in COLUMNS[table]}


@pytest.fixture
def tables(node: Callable[[str], int]) -> dict[str, Rows]:
    """Two tenures of P (1 the old one, 2 tonight's), accounts and their listings."""
    phone, account = node("@phone.P"), node("@bank_account.B")
    listings = "blacklist.listings"
    return {
        "graph.tenures": [
            row("graph.tenures", node_id=1, phone_id=phone, tenure_from=OLD, tenure_to=OLD_END),
            row("graph.tenures", node_id=2, phone_id=phone, tenure_from=NEW),
            row("graph.tenures", node_id=3, phone_id=node("95588")),
        ],
        "graph.parties": [
            row("graph.parties", node_id=1, party_id=10, kind="documented"),
            row("graph.parties", node_id=2, party_id=20, kind="documented"),
            row("graph.parties", node_id=node("@national_id.A"), party_id=10, kind="documented"),
            row("graph.parties", node_id=node("@national_id.N"), party_id=20, kind="documented"),
            row("graph.parties", node_id=account, party_id=30, kind="ambiguous"),
        ],
        "graph.rings": [row("graph.rings", ring_id=7, party_id=20), row("graph.rings", ring_id=7, party_id=30)],
        "graph.contested": [row("graph.contested", node_id=2)],
        "graph.shared_identifiers": [row("graph.shared_identifiers", node_id=2, kind="bound_phone", is_shared=True),
                                     row("graph.shared_identifiers", node_id=account, kind="transfer", is_shared=False)],
        "graph.scores": [row("graph.scores", node_id=1, score=0.95), row("graph.scores", node_id=account, score=0.755)],
        listings: [
            row(listings, listing_id="L1", node_id=account, measure="close", status="active", test="finding", reasons=["finding"],
                human_decision="D-7", due_on=date(2026, 10, 16), listed_on=date(2026, 10, 4)),
            row(listings, listing_id="L0", node_id=account, measure="close", status="released", listed_on=date(2026, 10, 1),
                released_on=date(2026, 10, 3), release_reason="appeal_upheld"),
            row(listings, listing_id="L2", node_id=1, phone_id=phone, tenure_from=OLD, measure="close", status="released",
                listed_on=date(2026, 10, 1), released_on=date(2026, 10, 1), release_reason="tenure_ended"),
            row(listings, listing_id="X", node_id=99, measure="close", status="active"),
        ],
        "blacklist.leads": [row("blacklist.leads", node_id=1)],
        "blacklist.events": [
            row("blacklist.events", night_on=ON, event="ADD", listing_id="L1"),
            row("blacklist.events", night_on=date(2026, 10, 3), event="RELEASE", listing_id="L0"),
            row("blacklist.events", night_on=date(2026, 10, 1), event="RELEASE", listing_id="L2"),
            row("blacklist.events", night_on=ON, event="ADD", listing_id="X"),
        ],
        "blacklist.for_review": [
            row("blacklist.for_review", node_id=3, reason="protected_identifier", status="open"),
            row("blacklist.for_review", node_id=account, reason="two_tenures", status="closed"),
        ],
        "quarantine.records": [
            row("quarantine.records", feed="telecom/subscriptions", record_id="story:bad", reasons=["phone_invalid", "wrong_type"], columns=["msisdn", "activated_at"], status="open", night_on=ON),
            row("quarantine.records", feed="telecom/subscriptions", record_id="story:mended", reasons=["phone_invalid"], columns=["msisdn"], status="resolved", night_on=date(2026, 10, 2)),
            row("quarantine.records", feed="telecom/subscriptions", record_id="other:alien", reasons=["phone_invalid"], columns=["msisdn"], status="open", night_on=ON),
        ],
        "ops.deliveries": [
            row("ops.deliveries", night_on=ON, agency="telecom", feed="subscriptions", delivery_id="d00001-story", status="refused", reason="hash"),
            row("ops.deliveries", night_on=ON, agency="finance", feed="accounts", delivery_id="d00001-other-story", status="refused", reason="hash"),
        ],
    }  # fmt: skip


@pytest.fixture
def run(player: Player, tables: dict[str, Rows]) -> Run:
    """Differences of an expectation on the fourth night; the case's night before was the second."""
    facts = Facts(ON, end_of(ON), tables, {"icbc": frozenset({"L1"})})

    def check(since: date | None = date(2026, 10, 2), **expect: Any) -> list[str]:
        return Check(facts, player.book, KEY, since).differences(Expect.model_validate(expect))

    return check


B, P, A, N = "@bank_account.B", "@phone.P", "@national_id.A", "@national_id.N"
OLD_P = {"identifier": P, "tenure_from": "2024-01-01"}
NEW_P = {"identifier": P, "tenure_from": "2026-09-05"}
SUBS = "telecom/subscriptions"


@pytest.mark.parametrize(
    "expect",
    [
        {"listed": [{"identifier": B, "measure": "close", "reason": "finding", "due_on": "2026-10-16", "cites": "D-7"}]},
        {"not_listed": [P, A, NEW_P]},
        {"leads": [P, OLD_P], "not_leads": [NEW_P, B]},
        {"released": [{"identifier": B, "reason": "appeal_upheld"}]},
        {"score": [{"identifier": P, "is": 0.95}, {**OLD_P, "is": 0.95}, {**NEW_P, "is": 0}, {"identifier": A, "is": 0}]},
        {"same_party": [[P, N], [OLD_P, A]], "different_party": [[P, A], [A, N, B]]},
        {"same_ring": [[P, B]]},
        {"shared": [P, {"identifier": P, "kind": "bound_phone"}], "not_shared": [B, {"identifier": P, "kind": "sim"}]},
        {"contested": [P, NEW_P], "ambiguous": [B]},
        {"protected": ["95588"], "for_review": [{"identifier": "95588", "reason": "protected_identifier"}]},
        {"not_for_review": [B, P, {"identifier": "95588", "reason": "another"}]},
        {"quarantined": [{"feed": SUBS, "record_id": "bad", "reasons": ["wrong_type", "phone_invalid"]}]},
        {"not_quarantined": [{"feed": SUBS, "record_id": "mended"}, {"feed": SUBS, "record_id": "alien"}, {"feed": "finance/accounts"}]},
        {"resolved": [{"feed": SUBS, "record_id": "mended"}]},
        {"refused": [{"feed": SUBS, "reason": "hash"}]},
        {"release": [{"recipient": "icbc", "contains": [B], "lacks": [P, A]}, {"recipient": "boc", "lacks": [B]}]},
        {"events": 2},
    ],
    ids=lambda expect: "+".join(expect),
)  # fmt: skip
def test_what_holds_gives_no_difference(run: Run, expect: dict[str, Any]) -> None:
    assert run(**expect) == []


@pytest.mark.parametrize(
    ("expect", "sentence"),
    [
        ({"listed": [{"identifier": B, "measure": "verify"}]},
         "expected @bank_account.B listed (verify), found close for finding, due on 2026-10-16, citing D-7"),
        ({"listed": [{"identifier": B, "measure": "close", "reason": "verification_overdue"}]},
         "expected @bank_account.B listed (close, reason verification_overdue), found close for finding, due on 2026-10-16, citing D-7"),
        ({"listed": [{"identifier": B, "due_on": "2026-10-17", "cites": "D-8"}]},
         "expected @bank_account.B listed (due on 2026-10-17, citing D-8), found close for finding, due on 2026-10-16, citing D-7"),
        ({"listed": [{"identifier": P, "measure": "close"}]},
         "expected @phone.P listed (close), found it is not listed (released on 2026-10-01 for tenure_ended)"),
        ({"not_listed": [B]}, "expected @bank_account.B not listed, found close for finding, due on 2026-10-16, citing D-7"),
        ({"leads": [NEW_P]}, "expected @phone.P (tenure from 2026-09-05) as a lead, found none"),
        ({"leads": [B]}, "expected @bank_account.B as a lead, found none"),
        ({"not_leads": [P]}, "expected @phone.P not to be a lead, found that it is"),
        ({"released": [{"identifier": B, "reason": "verified"}]}, "expected @bank_account.B released (verified), found released for appeal_upheld"),
        ({"released": [{"identifier": P, "reason": "tenure_ended"}]}, "expected @phone.P released (tenure_ended), found it is not listed"),
        ({"score": [{"identifier": B, "is": 0.85}]}, "expected @bank_account.B to score 0.85, found 0.755"),
        ({"score": [{**NEW_P, "is": 0.95}]}, "expected @phone.P (tenure from 2026-09-05) to score 0.95, found 0"),
        ({"score": [{"identifier": P, "tenure_from": "2025-01-01", "is": 0}]},
         "score: expected a tenure of @phone.P (tenure from 2025-01-01), found none that starts then"),
        ({"same_party": [[P, A]]}, "expected @phone.P and @national_id.A to be one party, found two"),
        ({"same_party": [[A, "@imsi.S"]]}, "expected @imsi.S to have a party, found none"),
        ({"different_party": [[A, OLD_P]]}, "expected @national_id.A and @phone.P (tenure from 2024-01-01) to be two parties, found one"),
        ({"same_ring": [[A, B]]}, "expected @national_id.A, @bank_account.B in one ring, found none that holds them all"),
        ({"shared": [B]}, "expected @bank_account.B shared, found that it is not"),
        ({"not_shared": [P]}, "expected @phone.P not shared, found that it is"),
        ({"contested": [A]}, "expected @national_id.A contested, found that it is not"),
        ({"ambiguous": [A]}, "expected the party of @national_id.A to be ambiguous, found documented"),
        ({"protected": [P]}, "expected a row for a human on the protected @phone.P, found none"),
        ({"for_review": [B]}, "expected a row for a human on @bank_account.B, found none"),
        ({"not_for_review": ["95588"]}, "expected no row for a human on 95588, found protected_identifier"),
        ({"quarantined": [{"feed": SUBS, "record_id": "bad", "reasons": ["phone_invalid"]}]},
         "expected record bad of telecom/subscriptions in quarantine (phone_invalid), found phone_invalid, wrong_type"),
        ({"quarantined": [{"feed": SUBS, "record_id": "alien"}]},
         "expected record alien of telecom/subscriptions in quarantine, found it is not"),
        ({"not_quarantined": [{"feed": SUBS, "record_id": "bad"}]},
         "expected record bad of telecom/subscriptions not in quarantine, found phone_invalid, wrong_type"),
        ({"resolved": [{"feed": SUBS, "record_id": "bad"}]},
         "expected record bad of telecom/subscriptions resolved, found that it is not: it is still open"),
        ({"refused": [{"feed": SUBS, "reason": "fork"}]}, "expected a delivery of telecom/subscriptions refused (fork), found hash"),
        ({"refused": [{"feed": "finance/accounts"}]}, "expected a delivery of finance/accounts refused, found no delivery of its own"),
        ({"release": [{"recipient": "icbc", "contains": [P]}]}, "expected @phone.P in the release for icbc, found it missing there"),
        ({"release": [{"recipient": "icbc", "lacks": [B]}]}, "expected @bank_account.B not in the release for icbc, found it there"),
        ({"release": [{"recipient": "boc", "contains": [B], "lacks": [P]}]}, "expected a release for boc, found none"),
        ({"events": 0}, "expected 0 listing events, found 2 (ADD, RELEASE)"),
    ],
)  # fmt: skip
def test_what_does_not_hold_is_said_in_one_sentence(run: Run, expect: dict[str, Any], sentence: str) -> None:
    assert run(**expect) == [f"night 2026-10-04: {sentence}"]


def test_what_happened_since_the_cases_own_night_before_counts_and_no_more(run: Run) -> None:
    assert run(since=date(2026, 10, 3), events=1) == []
    assert run(since=None, events=3, released=[{"identifier": P, "reason": "tenure_ended"}]) == []
    assert run(since=date(2026, 10, 3), released=[{"identifier": B}]) != []


BAD = {"quarantined": {"feed": SUBS, "record_id": "bad"}}
BROKEN = "record bad of telecom/subscriptions is in quarantine (phone_invalid, wrong_type in msisdn, activated_at)"


@pytest.mark.parametrize(
    ("expected", "found"),
    [
        ({ON: {"not_listed": ["@phone.P"]}}, [f"night 2026-10-04: {BROKEN}, which no expectation of the case names"]),
        ({ON: BAD}, []),
        ({date(2026, 10, 1): BAD}, []),
        ({date(2026, 10, 9): {"resolved": {"feed": SUBS}}}, []),
        ({date(2026, 10, 9): {"not_quarantined": {"feed": SUBS, "record_id": "bad"}}}, []),
        (
            {date(2026, 10, 1): {"not_quarantined": {"feed": SUBS, "record_id": "bad"}}},
            [f"night 2026-10-04: {BROKEN}, which no expectation of the case names"],
        ),
        (
            {ON: {"quarantined": {"feed": SUBS, "record_id": "bad", "element": 0}}},
            [f"night 2026-10-04: {BROKEN}, which no expectation of the case names"],
        ),
    ],
    ids=["nowhere", "tonight", "earlier", "mended later", "gone later", "not yet", "an element of it"],
)
def test_a_record_in_quarantine_that_the_case_does_not_know_of_is_a_difference(
    player: Player, tables: dict[str, Rows], expected: dict[date, Any], found: list[str]
) -> None:
    nights = {night: {"expect": expect} for night, expect in expected.items()}
    case = Case.model_validate({"case": "story", "says": "A story.", "nights": nights})
    check = Check(Facts(ON, end_of(ON), tables), player.book, KEY, date(2026, 10, 2))
    assert check.unforeseen(case) == found


def test_tonight_is_the_last_moment_of_the_day(player: Player, tables: dict[str, Rows]) -> None:
    """A tenure that ends at midnight holds the night before; one that starts then does not."""
    day = date(2026, 5, 31)
    check = Check(Facts(day, end_of(day), tables), player.book, KEY)
    assert check.differences(Expect.model_validate({"same_party": [[P, A]]})) == []


def test_of_two_tenures_tonight_the_one_activated_last_counts(run: Run, tables: dict[str, Rows]) -> None:
    tables["graph.tenures"][0]["tenure_to"] = None
    assert run(same_party=[[P, N]], different_party=[[P, A]]) == []


def test_an_identifier_that_cannot_be_read_is_a_difference(run: Run) -> None:
    (sentence,) = run(not_listed=["nonsense !"])
    assert "use a label" in sentence


def test_the_listing_of_an_identifier_is_its_active_one(player: Player, tables: dict[str, Rows]) -> None:
    check = Check(Facts(ON, end_of(ON), tables), player.book, KEY)
    active, left = check.listing_of(B), check.listing_of(P)
    assert active is not None
    assert left is not None
    assert (active["listing_id"], left["listing_id"]) == ("L1", "L2")
    assert check.listing_of(A) is None


def test_values_written_out_are_masked() -> None:
    assert mask("+8613800008000") == "+86****8000"
    assert mask("95588") == "95588"


def test_every_kind_of_expectation_says_which_tables_it_needs() -> None:
    assert set(NEEDED) == set(Expect.model_fields)
    assert {table for tables in NEEDED.values() for table in tables} <= set(COLUMNS)
    needed = {"blacklist.listings", "blacklist.events", "quarantine.records"}
    assert tables_needed([Expect.model_validate({"events": 0})]) == needed
