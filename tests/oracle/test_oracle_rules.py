"""Rules that the shared cases do not reach, each as a small story through the oracle alone."""

import random
from datetime import date, timedelta

import pytest

from tests.oracle.model import Delivery, Identifier, Node, State
from tests.oracle.story import (
    Story,
    at,
    bank_account,
    day,
    internet_account,
    on_day,
    person,
    phone,
    some_node_id,
    tenure,
)

CASES = "public_security/case_reports"
SUBSCRIPTIONS = "telecom/subscriptions"
BINDINGS = "internet/internet_accounts"
ACCOUNTS = "finance/accounts"
CONTROLS = "finance/payment_controls"
REVIEWS = "public_security/review_decisions"
APPEALS = "public_security/appeal_decisions"
OUTCOMES = "internet/measure_outcomes"


@pytest.fixture
def story() -> Story:
    return Story()


def released(state: State) -> dict[Node, str]:
    return {one.node: one.reason for one in state.events if one.event == "RELEASE"}


def propose(story: Story, account: Identifier) -> State:
    """A night in which two agencies say something of an account: 0.5 and 0.7."""
    return story.night(
        "2026-10-01",
        {
            CASES: [
                story.case("C", "2026-09-11", "2026-09-20", ("payee", account), finding="reported", level="county")
            ],
            CONTROLS: [
                {
                    "record_id": "f",
                    "account": account,
                    "control": "freeze",
                    "ordered_at": on_day("2026-09-12"),
                    "authority_level": "county",
                }
            ],
        },
    )


def decide(account: Identifier, measure: str, on: str, level: str = "city") -> dict[str, list[dict[str, object]]]:
    return {
        REVIEWS: [
            {
                "record_id": f"d-{on}",
                "subject": account,
                "measure": measure,
                "decided_at": on_day(on),
                "authority_level": level,
                "decision_ref": f"R-{on}",
            }
        ]
    }


def test_another_sim_is_a_change_when_it_was_recorded_and_sending_it_again_moves_nothing(story: Story) -> None:
    one, two = Identifier("imsi", "1"), Identifier("imsi", "2")
    for on, imsi in (("2026-10-01", one), ("2026-10-02", two), ("2026-10-03", two)):
        state = story.night(on, {SUBSCRIPTIONS: [story.subscription("P", "A", "2025-01-01", record_id="s", imsi=imsi)]})
    p, noon = tenure("P", "2025-01-01"), at("2026-10-02T12:00:00+08:00")
    assert state.edges[("sim", p, one)].hull == (day("2025-01-01"), noon)
    assert state.edges[("sim", p, two)].hull == (noon, None)
    assert state.edges[("holder", person("A"), p)].hull == (day("2025-01-01"), None)


def test_an_unbinding_before_the_last_binding_began_ends_the_one_before(story: Story) -> None:
    b, line = bank_account("B"), story.subscription("P", "A", "2026-02-24")
    first = story.account(b, "A", "P", "2026-01-31", "2026-01-31", record_id="a")
    second = {**first, "bound_at": day("2026-06-12"), "opened_at": day("2026-06-12")}
    story.night("2026-10-01", {SUBSCRIPTIONS: [line], ACCOUNTS: [first]})
    story.night("2026-10-02", {ACCOUNTS: [second]})
    unbound = day("2026-02-10")
    emptied = {**first, "phone": None, "bound_at": None, "opened_at": unbound, "unbound_at": unbound}
    state = story.night("2026-10-03", {ACCOUNTS: [emptied]})
    found = {key: edge.hull for key, edge in state.edges.items() if key[0] == "bound_phone"}
    assert found == {("bound_phone", b, tenure("P", None)): (day("2026-01-31"), unbound)}


def test_an_emptied_phone_ends_the_binding_when_it_was_recorded_or_unbound(story: Story) -> None:
    b, c = bank_account("B"), bank_account("C")
    story.night(
        "2026-10-01",
        {ACCOUNTS: [story.account(one, "A", "P", "2025-02-01", "2025-01-01", record_id=one.value) for one in (b, c)]},
    )
    state = story.night(
        "2026-10-02",
        {
            ACCOUNTS: [
                {
                    **story.account(b, "A", "P", "2025-02-01", "2025-01-01", record_id=b.value),
                    "phone": None,
                    "bound_at": None,
                },
                {
                    **story.account(
                        c, "A", "P", "2025-02-01", "2025-01-01", record_id=c.value, unbound_at=day("2026-08-01")
                    ),
                    "phone": None,
                },
            ]
        },
    )
    p = tenure("P", None)
    assert state.edges[("bound_phone", b, p)].hull == (day("2025-02-01"), at("2026-10-02T12:00:00+08:00"))
    assert state.edges[("bound_phone", c, p)].hull == (day("2025-02-01"), day("2026-08-01"))
    assert state.edges[("holder", person("A"), b)].hull == (day("2025-01-01"), None)


def test_a_new_record_with_another_holder_ends_the_older_holding_and_nothing_is_contested(story: Story) -> None:
    b = bank_account("B")
    state = story.night(
        "2026-10-01",
        {
            ACCOUNTS: [
                story.account(b, "OLD", "P", "2024-02-01", "2024-01-01"),
                story.account(b, "NEW", "Q", "2026-02-01", "2024-01-01"),
            ]
        },
    )
    assert state.edges[("holder", person("OLD"), b)].hull == (day("2024-01-01"), day("2026-02-01"))
    assert state.edges[("holder", person("NEW"), b)].hull == (day("2026-02-01"), None)
    assert state.parties[b] == (person("NEW"), "documented")
    assert state.contested == {}


def test_overlapping_subscriptions_are_both_kept_and_contested(story: Story) -> None:
    state = story.night(
        "2026-10-01",
        {SUBSCRIPTIONS: [story.subscription("P", "A", "2025-01-01"), story.subscription("P", "B", "2025-06-01")]},
    )
    a, b = tenure("P", "2025-01-01"), tenure("P", "2025-06-01")
    assert set(state.contested) == {a, b}
    assert state.party(a) == person("A")
    assert state.party(b) == person("B")


def test_a_day_that_two_tenures_touch_names_neither(story: Story) -> None:
    state = story.night(
        "2026-10-01",
        {
            SUBSCRIPTIONS: [
                {**story.subscription("P", "A", "2025-01-01"), "deactivated_at": at("2026-05-10T12:00:00+08:00")},
                {**story.subscription("P", "B", "2026-05-10"), "activated_at": at("2026-05-10T12:00:00+08:00")},
            ],
            CASES: [story.case("C", "2026-05-10", "2026-09-20", ("offender", phone("P")))],
        },
    )
    assert state.signals == []
    assert {(one.node, one.reason) for one in state.for_review} == {(phone("P"), "two_tenures_on_that_day")}


def test_an_unfounded_case_frees_and_its_control_stands_for_itself(story: Story) -> None:
    b = bank_account("B")
    control = {
        "account": b,
        "control": "freeze",
        "ordered_at": on_day("2026-09-21"),
        "authority_level": "county",
    }
    case = story.case("C", "2026-09-15", "2026-09-20", ("payee", b), record_id="c")
    state = story.night("2026-10-01", {CONTROLS: [control], CASES: [case]})
    assert {one.lineage for one in state.signals} == {("case", "C")}
    state = story.night("2026-10-02", {CASES: [{**case, "finding": "unfounded", "authority_level": "county"}]})
    assert {one.lineage for one in state.signals} == {("case", "C")}, "a lower authority does not undo a higher one"
    state = story.night("2026-10-03", {CASES: [{**case, "finding": "unfounded"}]})
    assert [(one.lineage, one.strength) for one in state.signals] == [(("finance", "control", b), 0.7)]
    assert ("involved", Identifier("case", "C"), b) not in state.edges


def test_a_decision_turned_down_is_not_asked_again_and_without_a_proposal_is_for_a_human(story: Story) -> None:
    b = bank_account("B")
    propose(story, b)
    state = story.night("2026-10-02", decide(b, "none", "2026-10-02"))
    assert released(state) == {b: "support_ended"}
    assert [one.status for one in state.proposals] == ["turned_down"]
    state = story.night("2026-10-03", decide(b, "restrict", "2026-10-03"))
    assert state.active(b) is None
    assert {one.reason for one in state.for_review} == {"decision_without_proposal"}


def test_a_decision_below_its_authority_leaves_the_proposal_open(story: Story) -> None:
    b = bank_account("B")
    propose(story, b)
    state = story.night("2026-10-02", decide(b, "suspend", "2026-10-02", level="county"))
    assert state.active(b).measure == "verify"
    assert {one.reason for one in state.for_review} == {"decision_below_authority", "proposal"}


def test_a_lapsed_decision_is_not_revived_and_a_new_proposal_is_made(story: Story) -> None:
    b = bank_account("B")
    propose(story, b)
    story.night("2026-10-02", decide(b, "restrict", "2026-10-02"))
    story.night("2026-10-03", {CONTROLS: [{"record_id": "f", "op": "withdraw"}]})
    again = {"account": b, "control": "freeze", "ordered_at": on_day("2026-09-12"), "authority_level": "county"}
    state = story.night("2026-10-05", {CONTROLS: [again]})
    assert state.active(b).measure == "verify"
    assert [one.status for one in state.proposals] == ["decided", "open"]


def test_a_term_ends_and_the_same_evidence_does_not_list_again(story: Story) -> None:
    b = bank_account("B")
    propose(story, b)
    story.night("2026-10-02", decide(b, "restrict", "2026-10-02"))
    last = date(2026, 10, 2) + timedelta(days=180)
    state = story.night(str(last - timedelta(days=1)))
    assert state.active(b).measure == "restrict", "mere expiry of a lineage does not end a decision"
    state = story.night(str(last))
    assert released(state) == {b: "term_ended"}


def test_an_undecided_proposal_is_renewed_at_the_end_of_its_term(story: Story) -> None:
    b = bank_account("B")
    propose(story, b)
    state = story.night("2026-12-30")
    assert [one.n_renewed for one in state.proposals] == [1]
    assert state.active(b).expires_on == date(2026, 12, 30) + timedelta(days=90)


def test_article_22_does_not_ask_again_for_an_older_case_on_the_same_tenure(story: Story) -> None:
    w = internet_account("W")
    first = story.case("C1", "2026-09-15", "2026-09-20", ("offender", phone("P")))
    state = story.night(
        "2026-10-01",
        {
            SUBSCRIPTIONS: [story.subscription("P", "A", "2025-01-01")],
            # held by another: an account of the same party would be listed again, by derived control
            BINDINGS: [story.binding("W", "P", "2026-01-01", holder=person("B"))],
            CASES: [first],
        },
    )
    outcome = {
        "listing_id": state.active(w).listing_id,
        "recipient_id": "wechat",
        "outcome": "verified_clean",
        "acted_at": on_day("2026-10-05"),
    }
    state = story.night("2026-10-06", {"internet/measure_outcomes": [outcome]})
    assert released(state) == {w: "verified"}
    older = story.case("C2", "2026-10-01", "2026-10-06", ("offender", phone("P")))
    assert story.night("2026-10-07", {CASES: [older]}).active(w) is None
    newer = story.case("C3", "2026-10-08", "2026-10-08", ("offender", phone("P")))
    listing = story.night("2026-10-08", {CASES: [newer]}).active(w)
    assert listing is not None
    assert listing.lineages >= {("case", "C3")}


def test_a_clearance_moves_with_its_tenure(story: Story) -> None:
    case = story.case("C", "2026-09-15", "2026-09-20", ("offender", phone("P")))
    subscription = story.subscription("P", "A", "2025-01-01", record_id="s")
    story.night("2026-10-01", {SUBSCRIPTIONS: [subscription], CASES: [case]})
    appeal = {"subject": phone("P"), "outcome": "upheld", "decided_at": on_day("2026-10-02"), "decision_ref": "D"}
    state = story.night("2026-10-02", {"public_security/appeal_decisions": [appeal]})
    assert released(state) == {tenure("P", "2025-01-01"): "appeal_upheld"}
    corrected = story.subscription("P", "A", "2025-01-03", record_id="s")
    state = story.night("2026-10-03", {SUBSCRIPTIONS: [corrected]})
    assert state.active(tenure("P", "2025-01-03")) is None
    assert state.score(tenure("P", "2025-01-03")) == 0


def test_a_transfer_runs_forward_and_not_before_the_fraud(story: Story) -> None:
    a, b, c = bank_account("A"), bank_account("B"), bank_account("C")

    def transfer(payer: Identifier, payee: Identifier, on: str) -> dict[str, object]:
        return {"payer": payer, "payee": payee, "transferred_at": on_day(on), "indicator": "rapid_in_out"}

    state = story.night(
        "2026-10-01",
        {
            "finance/suspicious_transfers": [
                transfer(a, b, "2026-09-14"),
                transfer(c, a, "2026-09-16"),
                transfer(a, c, "2026-09-12"),
            ],
            CASES: [story.case("X", "2026-09-15", "2026-09-20", ("payee", a))],
        },
    )
    assert state.influences[(b, ("case", "X"))].influence == 0.285, "a day's grace"
    assert (c, ("case", "X")) not in state.influences


def test_edges_do_not_depend_on_the_order_of_deliveries(story: Story) -> None:
    """ "any order, any split into nights, any repetition gives the same ones"."""
    b = bank_account("B")
    chance = random.Random(7)
    histories = []
    for sequence in range(1, 13):
        label = chance.choice("PQR")
        holder = chance.choice("AB")
        start = day(f"2026-0{chance.randint(1, 4)}-01")
        record = {
            **story.account(b, holder, label, "2026-01-01", "2026-01-01", record_id=chance.choice(["x", "y"])),
            "bound_at": start,
            "op": chance.choice(["upsert"] * 5 + ["withdraw"]),
            "recorded_at": day(f"2026-09-{chance.randint(1, 28):02d}"),
            "line": 0,
        }
        mode = "snapshot" if sequence == 4 else "delta"
        histories.append(
            Delivery(ACCOUNTS, f"d{sequence}", sequence, mode, day("2026-09-10"), date(2026, 9, 10), [record])
        )
    seen = []
    for _ in range(20):
        order = histories[:]
        chance.shuffle(order)
        oracle = Story().oracle
        cut = chance.randrange(len(order))
        oracle.night(date(2026, 10, 1), order[:cut])
        state = oracle.night(date(2026, 10, 2), [*order[cut:], order[0]])
        seen.append({key: sorted(edge.support, key=repr) for key, edge in sorted(state.edges.items(), key=repr)})
    assert seen[0]
    assert all(one == seen[0] for one in seen)
    assert some_node_id(b) == some_node_id(bank_account("B"))


def test_an_edge_that_began_later_is_walked_only_from_the_persons_side(story: Story) -> None:
    """The offender's later account is reached from his document; who bound the fraud account's later phone is not."""
    b, later = bank_account("B"), bank_account("L")
    state = story.night(
        "2026-10-01",
        {
            SUBSCRIPTIONS: [story.subscription("Q", "X", "2025-01-01")],
            ACCOUNTS: [
                story.account(b, "A", "Q", "2026-09-20", "2025-01-01"),
                {**story.account(later, "A", "Z", "2026-09-18", "2026-09-18"), "phone": None},
            ],
            CASES: [story.case("C", "2026-09-15", "2026-09-17", ("payee", b))],
        },
    )
    assert state.influences[(later, ("case", "C"))].influence == 0.608
    assert (tenure("Q", "2025-01-01"), ("case", "C")) not in state.influences


def test_two_consecutive_edges_must_overlap(story: Story) -> None:
    """A sim that came into the device when the first one's time in it was over, tail and all."""
    first, second, imei = Identifier("imsi", "1"), Identifier("imsi", "2"), Identifier("imei", "D")

    def seen(imsi: Identifier, since: str, until: str) -> dict[str, object]:
        return {"imsi": imsi, "imei": imei, "first_seen": day(since), "last_seen": day(until)}

    def influences(gap_from: str) -> State:
        return Story().night(
            "2026-10-01",
            {
                "telecom/device_sightings": [
                    seen(first, "2026-01-01", "2026-09-10"),
                    seen(second, gap_from, "2026-09-30"),
                ],
                CASES: [story.case("C", "2026-01-02", "2026-09-17", ("offender", first))],
            },
        )

    state = influences("2026-09-01")
    assert state.edges[("device", first, imei)].hull == (day("2026-01-01"), day("2026-09-10"))
    state = influences("2026-09-20")
    assert state.edges[("device", first, imei)].hull == (day("2026-01-01"), day("2026-09-20")), "the tail is cut"
    assert (second, ("case", "C")) not in state.influences


def test_hands_that_never_met_pass_nothing(story: Story) -> None:
    """Both edges were there when the claim occurred, or may be walked later, but not at one time."""
    a, w = bank_account("A"), internet_account("W")
    state = story.night(
        "2026-10-01",
        {
            SUBSCRIPTIONS: [story.subscription("P", "X", "2020-01-01")],
            BINDINGS: [story.binding("W", "P", "2026-09-20")],
            ACCOUNTS: [story.account(a, "A", "P", "2025-01-01", "2025-01-01", unbound_at=day("2026-09-18"))],
            CASES: [story.case("C", "2026-09-15", "2026-09-17", ("payee", a))],
        },
    )
    assert state.influences[(tenure("P", "2020-01-01"), ("case", "C"))].influence == 0.76
    assert (w, ("case", "C")) not in state.influences


def test_a_victims_account_on_the_fraud_phone_is_a_row_for_a_human(story: Story) -> None:
    v, w = bank_account("V"), internet_account("W")
    state = story.night(
        "2026-10-01",
        {
            SUBSCRIPTIONS: [story.subscription("P", "A", "2025-01-01")],
            BINDINGS: [story.binding("W", "P", "2026-01-01", holder=person("V"))],
            ACCOUNTS: [{**story.account(v, "V", "Z", "2026-01-01", "2026-01-01"), "phone": None}],
            CASES: [
                story.case(
                    "C", "2026-09-15", "2026-09-17", ("offender", phone("P")), ("victim", v), ("payee", person("V"))
                )
            ],
        },
    )
    assert state.active(w) is None
    assert state.score(w) == 0
    assert {(one.node, one.reason) for one in state.for_review} == {
        (w, "article_22_spared_party"),
        (person("V"), "spared_party_accused"),
    }


def test_a_holder_who_comes_back_within_thirty_days_keeps_the_tenure_and_later_does_not(story: Story) -> None:
    state = story.night(
        "2026-10-01",
        {
            SUBSCRIPTIONS: [
                story.subscription("P", "A", "2025-01-01", "2025-03-01"),
                story.subscription("P", "A", "2025-03-31"),
                story.subscription("Q", "A", "2025-01-01", "2025-03-01"),
                story.subscription("Q", "A", "2025-04-01"),
                story.subscription("R", "A", "2025-01-01", "2025-03-01"),
                story.subscription("R", "B", "2025-03-05", "2025-03-06"),
                story.subscription("R", "A", "2025-03-08"),
            ]
        },
    )
    starts = {
        label: sorted(one.tenure_from for one in state.tenures if one.phone == phone(label).value) for label in "PQR"
    }
    assert starts["P"] == [day("2025-01-01")]
    assert starts["Q"] == [day("2025-01-01"), day("2025-04-01")]
    assert starts["R"] == [day("2025-01-01"), day("2025-03-05"), day("2025-03-08")]


def test_a_shared_document_is_no_bridge_but_protects_its_holdings(story: Story) -> None:
    numbers = [f"n{one}" for one in range(51)]
    lines = [story.subscription(one, "BOSS", "2025-01-01", record_id=one) for one in numbers]
    state = story.night(
        "2026-10-01",
        {
            SUBSCRIPTIONS: lines,
            CASES: [
                story.case("C", "2026-09-15", "2026-09-17", ("offender", phone("n0"))),
                story.case("V", "2026-09-15", "2026-09-17", ("victim", phone("n1")), ("offender", phone("n2"))),
            ],
        },
    )
    boss, first = person("BOSS"), tenure("n0", "2025-01-01")
    assert state.shared[(boss, "holder", "from")] == (51, 50, True)
    assert state.leads[boss] == {"many_holdings"}
    assert [one.node for one in state.listings] == [first]
    assert set(state.scores) & {tenure(one, "2025-01-01") for one in numbers} == {first}
    assert state.party(first) != state.party(tenure("n1", "2025-01-01"))
    assert {one.node for one in state.for_review} == {tenure("n2", "2025-01-01")}


def test_only_a_finding_leaves_a_shared_identifier_and_by_one_edge(story: Story) -> None:
    bindings = [story.binding(f"w{one}", "P", "2025-01-01", holder=person(f"h{one}")) for one in range(31)]

    def play(finding: str) -> State:
        return Story().night(
            "2026-10-01",
            {
                BINDINGS: bindings,
                CASES: [story.case("C", "2026-09-15", "2026-09-17", ("offender", phone("P")), finding=finding)],
            },
        )

    state = play("confirmed")
    assert state.score(internet_account("w0")) == 0.76
    assert state.score(person("h0")) == 0
    assert play("reported").score(internet_account("w0")) == 0
    assert play("confirmed").active(internet_account("w0")).test == "bound_to_fraud_phone"


def bound_to_a_fraud_phone(story: Story, *involved: tuple[str, Identifier]) -> State:
    """A night in which somebody's internet account is bound to a number that a case names."""
    return story.night(
        "2026-10-01",
        {
            SUBSCRIPTIONS: [story.subscription("P", "A", "2025-01-01", record_id="s")],
            BINDINGS: [story.binding("W", "P", "2026-01-01", holder=person("V"))],
            CASES: [story.case("C", "2026-09-15", "2026-09-17", ("offender", phone("P")), *involved, record_id="c")],
        },
    )


def answer(state: State, node: Node, outcome: str, recipient: str = "wechat", **more: object) -> dict[str, object]:
    listing = state.active(node)
    assert listing is not None
    said = {"listing_id": listing.listing_id, "recipient_id": recipient, "outcome": outcome}
    return {**said, "acted_at": on_day(str(state.on)), **more}


def test_a_row_for_a_human_moves_with_the_tenure_of_its_listing(story: Story) -> None:
    p, corrected = tenure("P", "2025-01-01"), tenure("P", "2025-01-03")
    listed = bound_to_a_fraud_phone(story)
    answers = [answer(listed, p, "not_ours", "cmcc"), answer(listed, p, "closed", "cucc")]
    state = story.night("2026-10-02", {"telecom/measure_outcomes": answers})
    told = {(p, "not_ours"), (p, "outcome_of_another_recipient")}
    assert {(one.node, one.reason) for one in state.for_review} == told
    state = story.night("2026-10-03", {SUBSCRIPTIONS: [story.subscription("P", "A", "2025-01-03", record_id="s")]})
    assert {(one.node, one.reason) for one in state.for_review} == {(corrected, reason) for _, reason in told}


def test_of_several_answers_what_was_done_last_says_why_the_listing_goes(story: Story) -> None:
    w = internet_account("W")
    listed = bound_to_a_fraud_phone(story)
    clean = answer(listed, w, "verified_clean", recorded_at=at("2026-10-02T10:00:00+08:00"))
    state = story.night("2026-10-02", {OUTCOMES: [clean, answer(listed, w, "closed")]})
    assert released(state) == {w: "acted"}


def test_an_appeal_clears_what_was_recorded_by_the_moment_of_its_decision(story: Story) -> None:
    b = bank_account("B")
    known = [
        story.case(name, "2026-09-15", "2026-09-17", ("payee", b), recorded_at=at(f"2026-10-02T{clock}:00+08:00"))
        for name, clock in (("BEFORE", "09:00"), ("AFTER", "09:01"))
    ]
    appeal = {"subject": b, "outcome": "upheld", "decided_at": (at("2026-10-02T09:00:00+08:00"), False)}
    state = story.night("2026-10-02", {CASES: known, APPEALS: [{**appeal, "decision_ref": "D"}]})
    assert {lineage for node, lineage in state.influences if node == b} == {("case", "AFTER")}
    by_day = {**appeal, "decided_at": on_day("2026-10-02"), "decision_ref": "E"}
    assert story.night("2026-10-03", {APPEALS: [by_day]}).score(b) == 0


def test_a_victims_account_that_was_verified_is_no_row_for_a_human(story: Story) -> None:
    w = internet_account("W")
    listed = bound_to_a_fraud_phone(story)
    victim = story.case(
        "C", "2026-09-15", "2026-09-17", ("offender", phone("P")), ("victim", person("V")), record_id="c"
    )
    state = story.night("2026-10-02", {CASES: [victim]})
    assert {(one.node, one.reason) for one in state.for_review} == {(w, "article_22_spared_party")}
    state = story.night("2026-10-03", {OUTCOMES: [answer(listed, w, "verified_clean")]})
    assert state.for_review == set()


def test_a_holder_that_is_corrected_while_the_phone_goes_was_always_the_holder(story: Story) -> None:
    """ "A phone that became empty (whatever its start then says)" is a change; an earlier start of anything else replaces."""
    b = bank_account("B")
    first = story.account(b, "MOTHER", "P", "2026-02-01", "2026-01-01", record_id="a")
    story.night("2026-10-01", {ACCOUNTS: [first]})
    state = story.night("2026-10-02", {ACCOUNTS: [{**first, "holder": person("SON"), "phone": None, "bound_at": None}]})
    assert state.edges[("bound_phone", b, tenure("P", None))].hull == (
        day("2026-02-01"),
        at("2026-10-02T12:00:00+08:00"),
    )
    assert state.edges[("holder", person("SON"), b)].hull == (day("2026-01-01"), None)
    assert ("holder", person("MOTHER"), b) not in state.edges


def test_a_holder_of_what_was_empty_already_has_his_start_corrected(story: Story) -> None:
    b = bank_account("B")
    first = story.account(b, "MOTHER", "P", "2026-02-01", "2026-01-01", record_id="a")
    passed_on = {**first, "holder": person("SON"), "phone": None, "bound_at": day("2026-06-01")}
    story.night("2026-10-01", {ACCOUNTS: [first]})
    story.night("2026-10-02", {ACCOUNTS: [passed_on]})
    state = story.night("2026-10-03", {ACCOUNTS: [{**passed_on, "bound_at": day("2026-05-01")}]})
    assert state.edges[("holder", person("MOTHER"), b)].hull == (day("2026-01-01"), day("2026-05-01"))
    assert state.edges[("holder", person("SON"), b)].hull == (day("2026-05-01"), None)


def test_an_appeal_said_again_is_of_the_tenure_that_it_freed_whatever_was_listed_since(story: Story) -> None:
    first, next_holder = tenure("P", "2025-01-01"), tenure("P", "2026-11-20")
    line = story.subscription("P", "A", "2025-01-01", record_id="a")
    case = story.case("C", "2026-09-11", "2026-09-20", ("offender", phone("P")))
    story.night("2026-10-01", {SUBSCRIPTIONS: [line], CASES: [case]})
    appeal = {
        "record_id": "d",
        "subject": phone("P"),
        "outcome": "upheld",
        "decided_at": on_day("2026-10-02"),
        "decision_ref": "D",
    }
    state = story.night("2026-10-02", {APPEALS: [appeal]})
    assert released(state) == {first: "appeal_upheld"}
    later = story.case("N", "2026-12-01", "2026-12-02", ("offender", phone("P")))
    lines = [{**line, "deactivated_at": day("2026-10-20")}, story.subscription("P", "B", "2026-11-20", record_id="b")]
    state = story.night("2026-12-05", {SUBSCRIPTIONS: lines, CASES: [later]})
    assert state.active(next_holder)
    state = story.night("2026-12-06", {APPEALS: [{**appeal, "decision_ref": "D bis"}]})
    assert state.active(next_holder)
    assert state.score(first) == 0
    assert {one.node for one in state.clearances} == {first}


def test_an_appeal_that_attaches_to_nothing_any_more_takes_back_nothing(story: Story) -> None:
    a, b = bank_account("A"), bank_account("B")
    named = [story.case(f"C-{one.value}", "2026-09-11", "2026-09-20", ("payee", one)) for one in (a, b)]
    listing = story.night("2026-10-01", {CASES: named}).active(a)
    assert listing
    appeal = {"record_id": "d", "listing_id": listing.listing_id, "outcome": "upheld", "decision_ref": "D"}
    story.night("2026-10-02", {APPEALS: [{**appeal, "subject": a, "decided_at": on_day("2026-10-02")}]})
    state = story.night("2026-10-03", {APPEALS: [{**appeal, "subject": b, "decided_at": on_day("2026-10-03")}]})
    assert {one.node for one in state.clearances} == {a}
    assert state.active(a) is None
    assert state.active(b)
    assert any(one.reason == "identifier_is_not_the_listings" for one in state.for_review)
    dismissed = {**appeal, "subject": a, "decided_at": on_day("2026-10-04"), "outcome": "dismissed"}
    assert story.night("2026-10-04", {APPEALS: [dismissed]}).active(a)


def test_an_answer_taken_back_gives_a_new_date_to_who_was_not_silent(story: Story) -> None:
    w = internet_account("W")
    listed = bound_to_a_fraud_phone(story)
    said = answer(listed, w, "not_ours", record_id="o")
    story.night("2026-10-10", {OUTCOMES: [said]})
    withdrawn = {OUTCOMES: [{"record_id": "o", "op": "withdraw"}]}
    listing = story.night("2026-11-20", withdrawn).active(w)
    assert listing
    assert (listing.measure, listing.due_on) == ("verify", date(2026, 12, 5))
    silent = story.night("2026-12-06").active(w)
    assert silent
    assert (silent.measure, silent.test) == ("restrict", "verification_overdue")


def test_what_frees_a_tenure_frees_the_number_that_nobody_is_known_to_hold_any_longer(story: Story) -> None:
    line = story.subscription("P", "A", "2025-01-01", record_id="s")
    case = story.case("C", "2026-09-11", "2026-09-20", ("offender", phone("P")))
    story.night("2026-10-01", {SUBSCRIPTIONS: [line], CASES: [case]})
    appeal = {"subject": phone("P"), "outcome": "upheld", "decided_at": on_day("2026-10-02"), "decision_ref": "D"}
    story.night("2026-10-02", {APPEALS: [appeal]})
    state = story.night("2026-10-03", {SUBSCRIPTIONS: [{"record_id": "s", "op": "withdraw"}]})
    assert {one.node for one in state.clearances} == {tenure("P", None)}
    assert state.active(tenure("P", None)) is None
    state = story.night("2026-10-04", {SUBSCRIPTIONS: [{**line, "record_id": "s2"}]})
    assert {one.node for one in state.clearances} == {tenure("P", "2025-01-01")}
    assert not [one for one in state.listings if one.status == "active"]
    others = [{"record_id": "s2", "op": "withdraw"}, story.subscription("P", "B", "2024-01-01", record_id="b")]
    state = story.night("2026-10-05", {SUBSCRIPTIONS: others})
    assert state.active(tenure("P", "2024-01-01"))


def test_a_version_that_frees_takes_back_nothing_that_an_older_one_freed(story: Story) -> None:
    b = bank_account("B")
    case = story.case("C", "2026-09-15", "2026-09-17", ("payee", b), finding="unfounded", record_id="f")
    freeing = {**case, "frees_only": True}
    told = story.case("C", "2026-09-15", "2026-09-17", ("payee", b), record_id="c")
    story.night("2026-10-01", {CASES: [told, freeing]})
    state = story.night("2026-10-02", {CASES: [{**freeing, "case_id": "OTHER"}]})
    assert state.signals == []


def test_a_displayed_number_is_no_signal_by_a_record_that_is_not_confirmed_itself(story: Story) -> None:
    window = {"window_start": day("2026-09-14"), "window_end": day("2026-09-16")}
    line = {"phone": phone("Q"), "displayed": phone("P"), "indicator": "caller_id_spoofing", **window}
    cases = [
        story.case("C", "2026-09-15", "2026-09-17", ("offender", phone("P")), finding="reported"),
        story.case("C", "2026-09-15", "2026-09-17", ("payee", bank_account("B"))),
    ]
    state = story.night("2026-10-01", {"telecom/abnormal_numbers": [line], CASES: cases})
    assert {one.node for one in state.signals if one.case_id} == {bank_account("B")}
    assert (tenure("P", None), "number_was_displayed") in {(one.node, one.reason) for one in state.for_review}
