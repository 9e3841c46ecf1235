"""The shared cases, transcribed by hand and played through the oracle alone, so that the oracle itself is believed.
No Spark here.
"""

from datetime import date

import pytest

from tests.oracle.model import Identifier, Node, State
from tests.oracle.story import (
    Story,
    at,
    bank_account,
    day,
    internet_account,
    on_day,
    payment_account,
    person,
    phone,
    tenure,
)

CASES = "public_security/case_reports"
SUBSCRIPTIONS = "telecom/subscriptions"
BINDINGS = "internet/internet_accounts"
ACCOUNTS = "finance/accounts"
CONTROLS = "finance/payment_controls"


@pytest.fixture
def story() -> Story:
    return Story()


def listed(state: State, node: Node) -> tuple[str, tuple[str, ...]] | None:
    """Measure and reasons of an active listing."""
    listing = state.active(node)
    return None if listing is None else (listing.measure, listing.reasons)


def released(state: State) -> dict[Node, str]:
    """What was released tonight, and why."""
    return {one.node: one.reason for one in state.events if one.event == "RELEASE"}


def test_recycled_number_passes_nothing_to_its_new_holder(story: Story) -> None:
    state = story.night(
        "2026-10-01",
        {
            SUBSCRIPTIONS: [
                story.subscription("P", "OLD", "2024-01-01", "2026-06-01", deactivation_reason="customer"),
                story.subscription("P", "NEW", "2026-09-05"),
            ],
            BINDINGS: [story.binding("X", "P", "2024-02-01"), story.binding("N", "P", "2026-09-10")],
            CASES: [story.case("C", "2026-05-10", "2026-09-20", ("offender", phone("P")))],
        },
    )
    x, n = internet_account("X"), internet_account("N")
    assert listed(state, x) == ("verify", ("bound_to_fraud_phone", "same_holder"))
    quiet = [tenure("P", "2024-01-01"), tenure("P", "2026-09-05"), n, person("NEW")]
    assert [state.active(one) for one in quiet] == [None] * 4
    assert not {n, person("NEW")} & set(state.leads)
    assert state.score(tenure("P", "2024-01-01")) == 0.95
    assert state.score(tenure("P", "2026-09-05")) == 0
    assert state.party(x) == person("OLD")
    assert state.party(n) == person("NEW")


def test_accounts_of_a_cancelled_number_are_chased(story: Story) -> None:
    wechat = {"W": "2025-04-01", "LATE": "2026-09-20", "D": "2026-01-01"}
    state = story.night(
        "2026-10-01",
        {
            SUBSCRIPTIONS: [story.subscription("P", "A", "2025-03-01", record_id="sub")],
            BINDINGS: [
                *(story.binding(label, "P", since) for label, since in wechat.items()),
                story.binding("GONE", "P", "2025-06-01", "2026-08-01"),
            ],
            ACCOUNTS: [story.account(payment_account("Y"), "B", "P", "2025-05-01", "2025-05-01")],
            CASES: [story.case("C1", "2026-09-15", "2026-09-20", ("offender", phone("P")), record_id="c1")],
        },
    )
    p, gone = tenure("P", "2025-03-01"), internet_account("GONE")
    bound = [payment_account("Y"), *map(internet_account, wechat)]
    assert listed(state, p) == ("close", ("finding",))
    for node in bound:
        listing = state.active(node)
        assert listing is not None
        assert listing.test == "bound_to_fraud_phone"
        assert listing.due_on == date(2026, 10, 16)
    assert state.active(gone) is None
    assert [state.score(one) for one in (p, internet_account("W"), gone)] == [0.95, 0.76, 0]
    assert state.party(person("A")) != state.party(person("B"))

    state = story.night(
        "2026-10-05",
        {
            SUBSCRIPTIONS: [
                story.subscription("P", "A", "2025-03-01", "2026-10-03", record_id="sub", deactivation_reason="fraud")
            ]
        },
    )
    assert released(state) == {p: "tenure_ended"}
    assert state.tenures[p].fraud_ended_at == day("2026-10-03")
    assert state.active(internet_account("W")).due_on == date(2026, 10, 16)

    def answer(label: str, outcome: str, recipient: str = "wechat") -> dict[str, object]:
        listing = state.active(internet_account(label))
        return {
            "listing_id": listing.listing_id,
            "recipient_id": recipient,
            "outcome": outcome,
            "acted_at": on_day("2026-10-09"),
        }

    state = story.night(
        "2026-10-10",
        {
            "internet/measure_outcomes": [
                answer("D", "closed"),
                answer("LATE", "verified_clean"),
                answer("W", "verified_clean", recipient="qq"),
            ],
            "finance/measure_outcomes": [answer("W", "verified_clean")],
        },
    )
    assert released(state) == {internet_account("D"): "acted", internet_account("LATE"): "verified"}
    rows = [one for one in state.for_review if one.reason == "outcome_of_another_recipient"]
    assert [one.node for one in rows] == [internet_account("W")] * 2, "another platform, or another agency's feed"

    state = story.night("2026-10-17")
    for node in (internet_account("W"), payment_account("Y")):
        listing = state.active(node)
        assert listing is not None
        assert (listing.measure, listing.test) == ("restrict", "verification_overdue")
    assert [state.active(internet_account(one)) for one in ("D", "LATE", "GONE")] == [None] * 3


def test_late_subscription_moves_a_binding(story: Story) -> None:
    state = story.night(
        "2026-10-01",
        {
            SUBSCRIPTIONS: [story.subscription("P", "OLD", "2024-01-01", record_id="one")],
            BINDINGS: [story.binding("N", "P", "2026-09-10")],
            CASES: [story.case("C", "2026-05-10", "2026-09-20", ("offender", phone("P")))],
        },
    )
    n = internet_account("N")
    assert state.active(n).test == "bound_to_fraud_phone"
    state = story.night(
        "2026-10-04",
        {
            SUBSCRIPTIONS: [
                story.subscription(
                    "P", "OLD", "2024-01-01", "2026-06-01", record_id="one", deactivation_reason="customer"
                ),
                story.subscription("P", "NEW", "2026-09-05", record_id="two"),
            ]
        },
    )
    assert released(state)[n] == "support_ended"
    assert n not in state.leads
    assert state.party(n) == person("NEW")


def test_rebinding_is_no_escape_and_a_correction_is_no_binding(story: Story) -> None:
    m, t = bank_account("M"), bank_account("T")
    state = story.night(
        "2026-10-01",
        {
            SUBSCRIPTIONS: [
                story.subscription("P", "A", "2025-01-01"),
                story.subscription("Q", "A", "2026-09-25"),
                story.subscription("R", "I", "2025-01-01"),
            ],
            ACCOUNTS: [
                story.account(m, "A", "P", "2025-02-01", "2025-02-01", record_id="moved"),
                story.account(t, "I", "P", "2025-02-01", "2025-02-01", record_id="typo"),
            ],
        },
    )
    assert state.listings == []
    state = story.night(
        "2026-10-02",
        {
            ACCOUNTS: [
                story.account(m, "A", "Q", "2026-09-26", "2025-02-01", record_id="moved"),
                story.account(t, "I", "R", "2025-02-01", "2025-02-01", record_id="typo"),
            ],
            CASES: [story.case("C", "2026-09-15", "2026-09-20", ("offender", phone("P")))],
        },
    )
    assert state.active(m).test == "bound_to_fraud_phone"
    assert state.active(t) is None
    assert not {t, person("I")} & set(state.leads)
    old = state.edges[("bound_phone", m, tenure("P", "2025-01-01"))]
    assert old.hull == (day("2025-02-01"), day("2026-09-26"))
    assert ("bound_phone", t, tenure("P", "2025-01-01")) not in state.edges


def test_victim_is_never_listed(story: Story) -> None:
    imsi_p, imsi_v, imei = Identifier("imsi", "P"), Identifier("imsi", "V"), Identifier("imei", "D")
    state = story.night(
        "2026-10-01",
        {
            SUBSCRIPTIONS: [
                story.subscription("V", "V", "2020-01-01", imsi=imsi_v),
                story.subscription("P", "P", "2026-01-01", imsi=imsi_p),
            ],
            "telecom/device_sightings": [
                {"imsi": imsi_p, "imei": imei, "first_seen": day("2026-09-01"), "last_seen": day("2026-09-30")},
                {"imsi": imsi_v, "imei": imei, "first_seen": day("2026-09-14"), "last_seen": day("2026-09-15")},
            ],
            BINDINGS: [story.binding("VA", "V", "2020-02-01")],
            CASES: [story.case("C", "2026-09-15", "2026-09-16", ("offender", phone("P")), ("victim", phone("V")))],
        },
    )
    v, va = tenure("V", "2020-01-01"), internet_account("VA")
    assert listed(state, tenure("P", "2026-01-01")) == ("close", ("finding",))
    assert [state.active(one) for one in (v, va, person("V"))] == [None] * 3
    assert not {v, imsi_v, va, person("V")} & set(state.leads)
    assert state.score(v) == 0
    assert imei not in state.spared["C"], "the device is the offender's: it was seen longer with his sim"


def test_appeal_is_sticky_and_a_new_case_cites_it(story: Story) -> None:
    b = bank_account("B")

    def case(case_id: str, occurred: str, reported: str, level: str = "city") -> dict[str, object]:
        return story.case(case_id, occurred, reported, ("payee", b), level=level, record_id=case_id.lower())

    state = story.night("2026-10-01", {CASES: [case("C1", "2026-09-15", "2026-09-20")]})
    assert listed(state, b) == ("close", ("finding",))
    appeal = {"subject": b, "outcome": "upheld", "decided_at": on_day("2026-10-02"), "decision_ref": "D-7"}
    state = story.night("2026-10-02", {"public_security/appeal_decisions": [appeal]})
    assert released(state) == {b: "appeal_upheld"}
    assert b not in state.leads
    state = story.night("2026-10-03", {CASES: [case("C1", "2026-09-15", "2026-09-20", level="province")]})
    assert state.active(b) is None
    assert b not in state.leads
    assert state.events == []
    state = story.night("2026-10-04", {CASES: [case("C2", "2026-10-03", "2026-10-04")]})
    assert listed(state, b) == ("close", ("finding",))
    assert "appeal D-7" in state.active(b).cites


def test_two_agencies_propose_and_a_person_decides(story: Story) -> None:
    b = bank_account("B")
    state = story.night(
        "2026-10-01",
        {
            CASES: [story.case("C", "2026-09-11", "2026-09-20", ("payee", b), finding="reported", level="county")],
            CONTROLS: [
                {
                    "record_id": "f",
                    "account": b,
                    "control": "freeze",
                    "ordered_at": on_day("2026-09-12"),
                    "authority_level": "county",
                }
            ],
        },
    )
    assert state.score(b) == 0.85
    assert listed(state, b) == ("verify", ("proposed_for_review",))
    assert len(state.events) == 1
    decision = {
        "subject": b,
        "measure": "restrict",
        "decided_at": on_day("2026-10-02"),
        "authority_level": "city",
        "decision_ref": "R-1",
    }
    state = story.night("2026-10-02", {"public_security/review_decisions": [decision]})
    assert listed(state, b) == ("restrict", ("review_decision",))
    assert [one.event for one in state.events] == ["CHANGE"]
    assert [one.status for one in state.proposals] == ["decided"]
    state = story.night("2026-10-03")
    assert state.events == []
    assert listed(state, b) == ("restrict", ("review_decision",))
    state = story.night("2026-10-04", {CONTROLS: [{"record_id": "f", "op": "withdraw"}]})
    assert released(state) == {b: "support_ended"}
    assert b in state.leads


def test_sim_handed_over_carries_no_risk(story: Story) -> None:
    imsi = Identifier("imsi", "S")
    state = story.night(
        "2026-10-01",
        {
            SUBSCRIPTIONS: [
                story.subscription("P", "OLD", "2024-01-01", "2026-06-01", imsi=imsi),
                story.subscription("P", "NEW", "2026-06-01", imsi=imsi),
            ],
            CASES: [story.case("C", "2026-05-10", "2026-09-20", ("offender", phone("P")))],
        },
    )
    old, new = tenure("P", "2024-01-01"), tenure("P", "2026-06-01")
    assert [state.score(one) for one in (old, new, person("NEW"))] == [0.95, 0, 0]
    assert [state.active(one) for one in (old, new, imsi, person("NEW"))] == [None] * 4
    assert state.parties[imsi][1] == "ambiguous"


def test_account_tying_lists_nobody(story: Story) -> None:
    shop, attacker = bank_account("SHOP"), bank_account("ATTACKER")

    def transfer(indicator: str) -> dict[str, object]:
        return {"payer": attacker, "payee": shop, "transferred_at": on_day("2026-09-29"), "indicator": indicator}

    state = story.night(
        "2026-10-01",
        {
            "finance/suspicious_transfers": [transfer("test_payment"), transfer("many_to_one")],
            CONTROLS: [
                {
                    "account": shop,
                    "control": "stop_payment",
                    "ordered_at": on_day("2026-10-01"),
                    "authority_level": "county",
                }
            ],
            CASES: [story.case("C", "2026-09-29", "2026-09-30", ("payee", shop), finding="reported", level="county")],
        },
    )
    assert state.score(shop) == 0.755
    assert shop in state.leads
    assert state.listings == []


def test_one_report_in_many_feeds_is_one_lineage(story: Story) -> None:
    def line(indicator: str, case_id: str | None = None) -> dict[str, object]:
        return {
            "phone": phone("P"),
            "indicator": indicator,
            "window_start": day("2026-09-10"),
            "window_end": day("2026-09-16"),
            "case_id": case_id,
        }

    state = story.night(
        "2026-10-01",
        {
            SUBSCRIPTIONS: [story.subscription("P", "A", "2025-01-01")],
            CASES: [
                story.case(
                    "C", "2026-09-15", "2026-09-20", ("offender", phone("P")), finding="reported", level="county"
                )
            ],
            "telecom/abnormal_numbers": [line("sim_box", "C"), line("complaints"), line("high_frequency")],
        },
    )
    p = tenure("P", "2025-01-01")
    assert state.score(p) == 0.776
    assert p in state.leads
    assert state.listings == []


def test_porting_keeps_the_tenure(story: Story) -> None:
    state = story.night(
        "2026-10-01",
        {
            SUBSCRIPTIONS: [
                story.subscription("P", "A", "2024-01-01", "2026-06-01", deactivation_reason="ported"),
                story.subscription("P", "A", "2026-06-02", carrier="cucc"),
            ],
            BINDINGS: [story.binding("W", "P", "2026-07-01")],
            CASES: [story.case("C", "2026-05-10", "2026-09-20", ("offender", phone("P")))],
        },
    )
    assert [one for one in state.tenures if one.phone == phone("P").value] == [tenure("P", "2024-01-01")]
    listing = state.active(tenure("P", "2024-01-01"))
    assert listing is not None
    assert (listing.measure, listing.administrator) == ("close", "cucc")
    assert state.active(internet_account("W")).test == "bound_to_fraud_phone"


def test_older_news_that_arrives_later_changes_nothing(story: Story) -> None:
    b = bank_account("B")

    def news(recorded_at: str, finding: str) -> dict[str, object]:
        return story.case(
            "C", "2026-09-15", "2026-09-20", ("payee", b), finding=finding, record_id="c", recorded_at=at(recorded_at)
        )

    state = story.night("2026-10-02", {CASES: [news("2026-10-02T10:00:00+08:00", "unfounded")]})
    assert (state.listings, state.leads) == ([], {})
    state = story.night("2026-10-03", {CASES: [news("2026-09-21T10:00:00+08:00", "confirmed")]})
    assert (state.listings, state.leads, state.events) == ([], {}, [])


def test_protected_number_is_a_row_for_a_human(story: Story) -> None:
    hotline, b = Identifier("phone", "+8695588"), bank_account("B")
    state = story.night(
        "2026-10-01",
        {CASES: [story.case("C", "2026-09-15", "2026-09-20", ("offender", hotline), ("payee", b))]},
    )
    assert (hotline.value, None) in {one.node for one in state.for_review if one.reason == "protected_identifier"}
    assert [one.node for one in state.listings] == [b]
    assert listed(state, b) == ("close", ("finding",))


def test_a_snapshot_withdraws_what_it_lacks_and_the_whole_comes_back_as_new(story: Story) -> None:
    b, other = bank_account("B"), bank_account("O")
    first = story.case("C", "2026-09-15", "2026-09-20", ("payee", b), record_id="c")
    second = story.case("E", "2026-09-15", "2026-09-20", ("payee", other), record_id="e")
    state = story.night("2026-10-01", {CASES: [first, second]})
    assert {one.node for one in state.listings} == {b, other}
    state = story.night("2026-10-02", {CASES: [second]}, mode="snapshot")
    assert released(state) == {b: "support_ended"}
    assert [one.case_id for one in state.signals] == ["E"]
    state = story.night("2026-10-03", {CASES: [first]})
    assert [one.event for one in state.events] == ["ADD"]
    assert [one.node for one in state.listings] == [b, other, b] or [one.node for one in state.listings] == [
        other,
        b,
        b,
    ]


def test_a_shared_switchboard_is_no_bridge_and_switches_off_below_four_fifths(story: Story) -> None:
    def bind(label: int, until: str | None = None) -> dict[str, object]:
        return story.binding(f"w{label}", "P", "2026-01-01", until, record_id=f"w{label}")

    state = story.night("2026-10-01", {BINDINGS: [bind(one) for one in range(31)]})
    mark = (tenure("P", None), "bound_phone", "to")
    assert state.shared[mark] == (31, 30, True)
    assert len({state.party(internet_account(f"w{one}")) for one in range(31)}) == 31
    state = story.night("2026-10-02", {BINDINGS: [bind(one, "2026-10-01") for one in range(7)]})
    assert state.shared[mark] == (24, 30, True), "80% of the bound is not below 80% of it"
    state = story.night("2026-10-03", {BINDINGS: [bind(7, "2026-10-01")]})
    assert state.shared[mark] == (23, 30, False)
    assert len({state.party(internet_account(f"w{one}")) for one in range(31)}) == 1
