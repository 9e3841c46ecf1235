"""The whole rule of a night's listing, from frames to frames, over a few nights of one small world."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from typing import Any

import polars as pl

from jobs.core.frames import schema_of
from jobs.core.settings import ROOT
from jobs.listing.given import Given, Terms
from jobs.listing.tonight import Tonight, list_tonight
from jobs.releases.recipients import load_recipients
from jobs.signals.due_process import first_known
from jobs.signals.moves import Moves
from tests.signals.rows import LEVELS, POLICY, TABLES, at, frame, table

FIRST = date(2026, 10, 1)
TENURE, NUMBER, ACCOUNT, CARD, DEVICE = 1, 100, 10, 11, 12
RECIPIENTS = load_recipients(ROOT / "schemas")
CARRIER, BANK = "cmcc", "icbc"
BY_GRAPH = (
    "signals", "influences", "scores", "edges", "tenures", "identifiers", "parties", "contested", "shared_identifiers", "spared", "doubts", "rings",
)  # fmt: skip
DECISION = (
    "record_id string, subject_id bigint, node_id bigint, doubt string, measure string, decision_ref string, authority_level string, decided_at timestamp, "
    "recorded_at timestamp, night_on date"
)
OUTCOME = (
    "listing_id string, recipient_id string, node_id bigint, type string, outcome string, measure string, test string, lineages array<string>, "
    "tenures array<bigint>, reasons array<string>, acted_at timestamp, acted_at_is_day boolean, recorded_at timestamp, is_valid boolean"
)
NO_MOVES = Moves(*(frame("node_id bigint, now_id bigint, now_from timestamp", []) for _ in range(3)))
ACCOUNTS = "account_id bigint, closed_at timestamp, open_recorded_at timestamp, scope string, account_type string"
REPORTS = (
    "recorded_at timestamp, involved array<struct<identifier_type: string, identifier_id: bigint, issuer: string>>"
)


def night(n: int) -> Terms:
    """The n-th night."""
    on = FIRST + timedelta(days=n - 1)
    return Terms(POLICY, RECIPIENTS, LEVELS, on, datetime(on.year, on.month, on.day, 16, tzinfo=UTC))


def world(**rows: list[dict[str, Any]]) -> Given:
    """A number with a bank account bound to it and a card beside it, of which nothing is said yet."""
    held = {
        "tenures": [{"node_id": TENURE, "phone_id": NUMBER, "tenure_from": at("2026-01-01"), "is_implicit": False, "holder_id": 90, "carrier": CARRIER}],
        "identifiers": [
            {"node_id": NUMBER, "type": "phone"}, {"node_id": ACCOUNT, "type": "bank_account", "scope": BANK}, {"node_id": CARD, "type": "bank_card"},
        ],
        "edges": [
            {"kind": "bound_phone", "from_id": ACCOUNT, "to_id": TENURE, "is_live": True, "support": [{"feed": "f", "record_id": "r", "valid_from": "2026-02-01"}]},
        ],
        "parties": [{"node_id": node, "party_id": 90, "kind": "documented"} for node in (TENURE, ACCOUNT, CARD)],
    }  # fmt: skip
    graph = {name: table(f"graph.{name}", rows.pop(name, held.get(name, []))) for name in BY_GRAPH}
    lists = {
        name: table(f"blacklist.{name}", [])
        for name in ("clearances", "decisions", "proposals", "named_tenures", "leads", "for_review", "held_back")
    }
    listings = table("blacklist.listings", [])
    others = {
        "outcomes": OUTCOME, "review_decisions": DECISION, "upheld": "node_id bigint, lifted_on date", "accounts": ACCOUNTS, "reports": REPORTS,
    }  # fmt: skip
    frames = {name: frame(ddl, rows.pop(name, [])) for name, ddl in others.items()}
    assert not rows
    return Given(
        **graph,
        **lists,
        **frames,
        moves=NO_MOVES,
        first_known=known_of(graph["signals"]),
        published=listings,
        listings=listings,
    )


def known_of(signals: pl.DataFrame) -> pl.DataFrame:
    return first_known(signals, frame("case_id string, recorded_at timestamp", []))


def go_on(given: Given, made: Tonight, **changed: pl.DataFrame) -> Given:
    """What the next night is given: the same graph, and what this night made."""
    lists = {
        name: getattr(made, name)
        for name in ("decisions", "proposals", "leads", "for_review", "listings", "named_tenures")
    }
    if "signals" in changed:
        changed["first_known"] = known_of(changed["signals"])
    return replace(given, **{**lists, "published": made.listings, **changed})


def finding(**given: Any) -> dict[str, Any]:
    row = {
        "signal_id": "s", "node_id": TENURE, "kind": "case_confirmed", "strength": 0.95, "agency": "public_security", "lineage": "case:a", "standard": "finding",
        "authority_level": "city", "occurred_at": at("2026-09-01"), "known_at": at("2026-09-20"), "first_known_at": at("2026-09-20"), "is_live": True,
        "is_public": False,
    }  # fmt: skip
    return row | given


def influence(node: int, lineage: str, agency: str, **given: Any) -> dict[str, Any]:
    row = {
        "node_id": node, "lineage": lineage, "influence": 0.5, "n_edges": 0, "path": [], "agency": agency, "standard": "report", "last_edge_live": True,
        "by_own_party_finding": False, "is_public": False,
    }  # fmt: skip
    return row | given


def answer(row: dict[str, Any], outcome: str, **given: Any) -> dict[str, Any]:
    """A valid outcome on a listing, of 2 October."""
    said = {
        name: row[name]
        for name in ("listing_id", "node_id", "type", "measure", "test", "lineages", "tenures", "reasons")
    }
    said |= {"outcome": outcome, "acted_at": at("2026-10-02"), "recorded_at": at("2026-10-02"), "is_valid": True}
    return said | given


def listed(made: Tonight) -> dict[int, dict[str, Any]]:
    active = made.listings.filter(pl.col("status") == "active").to_dicts()
    return {row["node_id"]: row for row in active}


def events(made: Tonight) -> set[tuple[str, int, str]]:
    return set(made.events.select("event", "node_id", "reason").rows())


def test_a_finding_closes_the_number_and_asks_again_for_the_account_bound_to_it_and_the_next_night_adds_nothing() -> (
    None
):
    given = world(
        signals=[finding()], scores=[{"node_id": TENURE, "score": 0.95, "lineages": ["case:a"], "agencies": ["public_security"]}],
        influences=[
            influence(TENURE, "case:a", "public_security", influence=0.95),
            influence(ACCOUNT, "case:a", "public_security", influence=0.76, n_edges=1, path=[{"kind": "bound_phone", "from_id": TENURE, "to_id": ACCOUNT}]),
        ],
    )  # fmt: skip
    first = list_tonight(given, night(1))
    rows = listed(first)
    number, account = rows[TENURE], rows[ACCOUNT]
    assert set(rows) == {TENURE, ACCOUNT}
    assert (number["measure"], number["test"], number["administrator"], number["legal_basis"], number["expires_on"]) == (
        "close", "finding", CARRIER, "Article 11", date(2028, 9, 30),
    )  # fmt: skip
    assert (number["deciding_body"], number["score"], number["agencies"]) == (
        "public_security city",
        0.95,
        ["public_security"],
    )
    assert (account["measure"], account["test"], account["administrator"], account["due_on"], account["tenures"]) == (
        "verify", "bound_to_fraud_phone", BANK, date(2026, 10, 16), [TENURE],
    )  # fmt: skip
    assert (
        "Path: bound phone number. Agencies: public security authorities. Measure: to be verified again, until 2026-12-30. Verification is due by 2026-10-16."
        in account["reason_en"]
    )
    assert "路径" not in number["reason_zh"]
    assert number["listing_id"] == sha256(b"listing|1|2026-10-01").hexdigest()[:32]
    assert account["evidence_digest"] == sha256(b"bound_to_fraud_phone|case:a|1").hexdigest()
    assert events(first) == {("ADD", TENURE, "finding"), ("ADD", ACCOUNT, "bound_to_fraud_phone")}

    second = list_tonight(go_on(given, first), night(2))
    assert second.events.is_empty()
    assert second.listings.sort("listing_id").equals(first.listings.sort("listing_id"))


def test_a_sentence_names_the_path_and_the_agencies_of_what_the_listing_stands_on_and_of_nothing_else() -> None:
    nearby = influence(
        TENURE, "line:x", "telecom", influence=0.96, n_edges=1, path=[{"kind": "device", "from_id": 8, "to_id": TENURE}]
    )
    given = world(
        signals=[
            finding(),
            finding(signal_id="n", node_id=8, lineage="line:x", agency="telecom", standard="indicator"),
        ],
        influences=[influence(TENURE, "case:a", "public_security", influence=0.95), nearby],
    )
    number = listed(list_tonight(given, night(1)))[TENURE]
    assert (number["lineages"], number["agencies"]) == (["case:a"], ["public_security"])
    assert "Path" not in number["reason_en"]


def test_every_frame_has_the_columns_and_types_of_its_table() -> None:
    full = world(signals=[finding()])
    for given in (world(), full, go_on(full, list_tonight(full, night(1)))):
        made = list_tonight(given, night(2))
        for name in ("listings", "events", "leads", "decisions", "proposals", "for_review", "set_aside"):
            assert dict(getattr(made, name).schema) == schema_of(TABLES[f"blacklist.{name}"].ddl), name


def test_what_loses_its_support_leaves_and_comes_back_as_a_new_listing() -> None:
    given = world(signals=[finding()])
    first = list_tonight(given, night(1))
    silent = table("graph.signals", [])
    second = list_tonight(go_on(given, first, signals=silent), night(2))
    assert listed(second) == {}
    assert events(second) == {("RELEASE", TENURE, "support_ended"), ("RELEASE", ACCOUNT, "support_ended")}
    third = list_tonight(go_on(given, second), night(3))
    assert events(third) == {("ADD", TENURE, "finding"), ("ADD", ACCOUNT, "bound_to_fraud_phone")}
    assert len(set(third.listings["listing_id"])) == third.listings.height == 4


def test_an_outcome_that_is_withdrawn_in_the_night_of_the_release_is_not_kept_by_the_listing_that_leaves() -> None:
    given = world(signals=[finding()])
    first = list_tonight(given, night(1))
    listing_id = listed(first)[TENURE]["listing_id"]
    answer = {
        "listing_id": listing_id,
        "node_id": TENURE,
        "outcome": "restricted",
        "measure": "close",
        "is_valid": True,
    }
    answered = given.outcomes.vstack(frame(OUTCOME, [answer]))
    second = list_tonight(go_on(given, first, outcomes=answered), night(2))
    assert listed(second)[TENURE]["outcome"] == "restricted"
    silent = table("graph.signals", [])
    for outcomes, kept in ((answered, "restricted"), (given.outcomes, None)):
        third = list_tonight(go_on(given, second, signals=silent, outcomes=outcomes), night(3))
        assert third.listings.filter(listing_id=listing_id)["outcome"].to_list() == [kept]


def test_an_upheld_appeal_lifts_the_measure_in_the_same_night_and_a_later_listing_names_it() -> None:
    given = world(signals=[finding()])
    first = list_tonight(given, night(1))
    cleared = {"node_id": TENURE, "lineage": "*", "by": "appeal", "ref": "A-1", "scope": "all", "cleared_at": at("2026-10-02"), "night_on": date(2026, 10, 2)}  # fmt: skip
    appeal = {
        "clearances": table("blacklist.clearances", [cleared]),
        "upheld": frame("node_id bigint, lifted_on date", [{"node_id": TENURE, "lifted_on": date(2026, 10, 2)}]),
    }
    second = list_tonight(go_on(given, first, **appeal), night(2))
    # What the account was listed by was the number's finding: the number is cleared of it.
    assert events(second) == {("RELEASE", TENURE, "appeal_upheld"), ("RELEASE", ACCOUNT, "support_ended")}
    newer = finding(signal_id="t", lineage="case:b", first_known_at=at("2026-10-03"), known_at=at("2026-10-03"))
    signals = table("graph.signals", [finding(), newer])
    third = list_tonight(go_on(given, second, **appeal, signals=signals), night(3))
    assert (listed(third)[TENURE]["lineages"], listed(third)[TENURE]["human_decision"]) == (["case:b"], "appeal A-1")


def test_two_agencies_propose_and_a_person_decides() -> None:
    reports = [
        finding(signal_id=s, node_id=CARD, kind="control_freeze", lineage=name, agency=agency, standard="report")
        for s, name, agency in (("p", "case:a", "public_security"), ("f", "control:b", "finance"))
    ]
    given = world(
        signals=reports, scores=[{"node_id": CARD, "score": 0.75, "lineages": ["case:a", "control:b"], "agencies": ["finance", "public_security"]}],
        influences=[influence(CARD, "case:a", "public_security"), influence(CARD, "control:b", "finance")],
        reports=[{"recorded_at": "2026-09-20", "involved": [{"identifier_type": "bank_card", "identifier_id": CARD, "issuer": BANK}]}],
    )  # fmt: skip
    first = list_tonight(given, night(1))
    card = listed(first)[CARD]
    assert (card["measure"], card["test"], card["issuer"], card["due_on"]) == (
        "verify",
        "proposed_for_review",
        BANK,
        None,
    )
    assert card["deciding_body"] == "anti-fraud platform, by rule"
    asked = first.for_review.to_dicts()
    assert [(row["reason"], row["node_id"], row["status"]) for row in asked] == [("proposal_to_decide", CARD, "open")]

    said = {
        "record_id": "d", "node_id": CARD, "measure": "restrict", "decision_ref": "R-1", "authority_level": "county", "decided_at": at("2026-10-02"),
        "recorded_at": at("2026-10-02"), "night_on": date(2026, 10, 2),
    }  # fmt: skip
    decided = frame(DECISION, [said])
    second = list_tonight(go_on(given, first, review_decisions=decided), night(2))
    card = listed(second)[CARD]
    assert (card["measure"], card["test"], card["human_decision"], card["deciding_body"]) == (
        "restrict", "review_decision", "R-1", "public_security county",
    )  # fmt: skip
    expired = table("graph.signals", [one | {"is_live": False} for one in reports])
    later = go_on(given, second, review_decisions=decided, signals=expired, influences=given.influences.clear())
    assert listed(list_tonight(later, night(3)))[CARD]["agencies"] == ["finance", "public_security"]  # who said it then
    assert second.proposals["status"].to_list() == ["decided"]
    assert second.for_review["status"].to_list() == ["closed"]
    assert events(second) == {("CHANGE", CARD, "review_decision")}


def test_a_corrected_start_of_a_tenure_is_a_change_of_its_listing() -> None:
    given = world(signals=[finding()])
    first = list_tonight(given, night(1))
    moved_to = 2
    listings = first.listings.with_columns(
        node_id=pl.when(pl.col("node_id") == TENURE).then(moved_to).otherwise("node_id"),
        tenure_from=pl.when(pl.col("node_id") == TENURE).then(at("2026-01-15")).otherwise("tenure_from"),
    )
    tenures = given.tenures.with_columns(node_id=pl.lit(moved_to, pl.Int64), tenure_from=at("2026-01-15"))
    edges = given.edges.with_columns(to_id=pl.lit(moved_to, pl.Int64))
    parties = table(
        "graph.parties", [{"node_id": n, "party_id": 90, "kind": "documented"} for n in (moved_to, ACCOUNT)]
    )
    signals = table("graph.signals", [finding(node_id=moved_to)])
    corrected = go_on(given, first, listings=listings, tenures=tenures, edges=edges, parties=parties, signals=signals)
    second = list_tonight(corrected, night(2))
    assert events(second) == {("CHANGE", moved_to, "finding")}
    assert set(second.listings["listing_id"]) == set(first.listings["listing_id"])


def test_a_score_and_a_crowd_are_leads_while_they_last_and_what_is_listed_or_protected_is_none() -> None:
    crowd = {"kind": "device", "side": "to", "n_live": 21, "bound": 20, "is_shared": True}
    given = world(
        signals=[finding()],
        scores=[{"node_id": n, "score": s, "lineages": ["case:a"], "agencies": ["public_security"]} for n, s in ((TENURE, 0.95), (CARD, 0.2), (12, 0.14), (13, 0.5))],
        identifiers=[
            {"node_id": NUMBER, "type": "phone"}, {"node_id": ACCOUNT, "type": "bank_account", "scope": BANK}, {"node_id": CARD, "type": "bank_card"},
            {"node_id": 12, "type": "imei"}, {"node_id": 13, "type": "domain", "protected_reason": "A bank"}, {"node_id": 14, "type": "imei"},
        ],
        shared_identifiers=[{"node_id": 12, **crowd}, {"node_id": 14, **crowd, "is_shared": False}],
    )  # fmt: skip
    first = list_tonight(given, night(1))
    second = list_tonight(go_on(given, first), night(2))
    for made in (first, second):
        leads = {row["node_id"]: row for row in made.leads.to_dicts()}
        assert {node: (row["type"], row["reasons"], row["first_on"]) for node, row in leads.items()} == {
            CARD: ("bank_card", ["score"], FIRST), 12: ("imei", ["sim_box"], FIRST),
        }  # fmt: skip
    assert (leads[CARD]["party_id"], leads[CARD]["lineages"]) == (90, ["case:a"])


def test_an_account_that_its_recipient_closed_leaves_and_a_later_record_that_shows_it_open_is_for_a_human() -> None:
    given = world(signals=[finding()], accounts=[{"account_id": ACCOUNT, "open_recorded_at": "2026-10-03", "scope": BANK}])  # fmt: skip
    first = list_tonight(given, night(1))
    closed = answer(listed(first)[ACCOUNT], "closed")
    second = list_tonight(go_on(given, first, outcomes=frame(OUTCOME, [closed])), night(3))
    assert events(second) == {("RELEASE", ACCOUNT, "acted")}
    assert [(r["reason"], r["node_id"]) for r in second.for_review.to_dicts()] == [("closed_but_shown_open", ACCOUNT)]  # fmt: skip
    third = list_tonight(go_on(given, second, outcomes=frame(OUTCOME, [closed])), night(4))
    assert third.events.is_empty()


def test_what_a_recipient_calls_not_its_own_goes_back_to_the_agency_that_the_listing_came_from() -> None:
    ended = finding(
        kind="subscription_fraud", standard="report", agency="telecom", lineage="telecom:subscription_fraud:1"
    )
    frozen = finding(
        signal_id="f",
        kind="control_freeze",
        standard="report",
        agency="finance",
        lineage=ended["lineage"],
        node_id=CARD,
    )
    for said, owner in (
        ([ended], "telecom"),
        ([ended, frozen], "finance"),
        ([ended, frozen, finding(signal_id="c")], "public_security"),
    ):
        given = world(signals=said)
        first = list_tonight(given, night(1))
        foreign = answer(listed(first)[ACCOUNT], "not_ours")
        second = list_tonight(go_on(given, first, outcomes=frame(OUTCOME, [foreign])), night(2))
        assert [(row["reason"], row["owner"]) for row in second.for_review.to_dicts()] == [
            ("recipient_says_not_ours", owner)
        ]


def test_one_carriers_word_that_it_closed_a_device_takes_it_from_no_other_carrier() -> None:
    device = [
        {"node_id": NUMBER, "type": "phone"},
        {"node_id": ACCOUNT, "type": "bank_account", "scope": BANK},
        {"node_id": DEVICE, "type": "imei"},
    ]
    given = world(signals=[finding(node_id=DEVICE)], identifiers=device)
    first = list_tonight(given, night(1))
    row = listed(first)[DEVICE]
    said = [
        answer(row, "closed", recipient_id="cmcc"), answer(row, "not_ours", recipient_id="cucc"), answer(row, "restricted", recipient_id="ctcc"),
        answer(row, "closed", recipient_id="cbn", acted_at=at("2026-10-01")), answer(row, "suspended", recipient_id="cbn"),  # its newest word
        answer(row, "closed", recipient_id="icbc", is_valid=False),
    ]  # fmt: skip
    second = list_tonight(go_on(given, first, outcomes=frame(OUTCOME, said)), night(2))
    assert (listed(second)[DEVICE]["listing_id"], listed(second)[DEVICE]["measure"]) == (row["listing_id"], "close")
    assert set(second.set_aside.rows()) == {
        (row["listing_id"], "cmcc", "closed"),
        (row["listing_id"], "cucc", "not_ours"),
    }
    third = list_tonight(go_on(given, second, outcomes=frame(OUTCOME, said)), night(3))
    assert third.events.is_empty()
    freed = [*said, answer(row, "closed", recipient_id="ctcc", acted_at=at("2026-10-04"))]
    fourth = list_tonight(
        go_on(given, third, signals=table("graph.signals", []), outcomes=frame(OUTCOME, freed)), night(4)
    )
    assert (events(fourth), fourth.set_aside.height) == ({("RELEASE", DEVICE, "support_ended")}, 0)


def test_a_due_date_runs_from_the_night_whose_release_told_it_and_nothing_is_overdue_before() -> None:
    given = world(signals=[finding()])
    first = list_tonight(given, night(1))
    listing_id = listed(first)[ACCOUNT]["listing_id"]
    held = table("blacklist.held_back", [{"listing_id": listing_id, "recipient_id": BANK}])
    made, dates = first, {}
    for n in (2, 3, 30):  # no night ran between: the date passed, and the bank was never told
        made = list_tonight(go_on(given, made, held_back=held), night(n))
        assert events(made) == {("CHANGE", ACCOUNT, "bound_to_fraud_phone")}
        dates[n] = listed(made)[ACCOUNT]["due_on"]
    assert dates == {2: date(2026, 10, 17), 3: date(2026, 10, 18), 30: date(2026, 11, 14)}
    told = [list_tonight(go_on(given, made), night(n)) for n in (31, 45, 46)]
    assert [(row["measure"], row["due_on"]) for row in (listed(one)[ACCOUNT] for one in told)] == [
        ("verify", date(2026, 11, 14)), ("verify", date(2026, 11, 14)), ("restrict", date(2026, 11, 14)),
    ]  # fmt: skip
    answered = frame(OUTCOME, [answer(listed(first)[ACCOUNT], "restricted")])
    assert (
        listed(list_tonight(go_on(given, made, held_back=held, outcomes=answered), night(31)))[ACCOUNT]["due_on"]
        is None
    )


def test_two_listings_that_meet_on_one_corrected_tenure_both_go_on_without_a_third() -> None:
    given = world(signals=[finding()])
    first = list_tonight(given, night(1))
    other = first.listings.filter(pl.col("node_id") == TENURE).with_columns(listing_id=pl.lit("other"))
    both = pl.concat([first.listings, other])
    second = list_tonight(go_on(given, first, listings=both, published=both), night(2))
    assert second.events.is_empty()
    assert set(second.listings["listing_id"]) == set(both["listing_id"])
    assert second.listings.height == both.height


def test_what_the_article_22_rule_lists_shows_the_binding_whatever_else_reaches_it_and_so_it_does_past_its_due_date() -> (
    None
):
    moved = [{"kind": "transfer", "from_id": 12, "to_id": ACCOUNT}]
    given = world(
        signals=[finding(kind="subscription_fraud", standard="report", agency="telecom", lineage="telecom|1")],
        influences=[influence(ACCOUNT, "case:z", "finance", influence=0.9, n_edges=1, path=moved)],
    )
    first = list_tonight(given, night(1))
    account = listed(first)[ACCOUNT]
    assert account["test"] == "bound_to_fraud_phone"
    assert account["reason_zh"].startswith(
        "该银行账户绑定或者曾经绑定的手机号被认定或者报告用于诈骗，且在该诈骗发生前未解除绑定。关联路径：绑定手机号。线索来源：电信主管部门。"
    )
    late = list_tonight(go_on(given, first), night(17))
    account = listed(late)[ACCOUNT]
    assert (account["test"], account["due_on"]) == ("verification_overdue", date(2026, 10, 16))
    assert account["reason_zh"].startswith(
        "该银行账户绑定或者曾经绑定的手机号被认定或者报告用于诈骗，且在该诈骗发生前未解除绑定。该银行账户应当于2026年10月16日前（含当日）完成核验，"
        "逾期未收到核验结果。处置措施因此升级，核验通过后解除。关联路径：绑定手机号。"
    )
    assert list_tonight(go_on(given, late), night(18)).events.is_empty()


def test_derived_control_shows_the_path_by_which_it_is_derived_and_not_a_stronger_one() -> None:
    held = [{"kind": "holder", "from_id": TENURE, "to_id": 90}, {"kind": "holder", "from_id": 90, "to_id": CARD}]
    moved = [{"kind": "transfer", "from_id": 12, "to_id": CARD}]
    given = world(
        signals=[finding()], edges=[],
        scores=[{"node_id": CARD, "score": 0.9, "lineages": ["case:a", "case:z"], "agencies": ["finance", "public_security"]}],
        influences=[
            influence(CARD, "case:a", "public_security", influence=0.6, n_edges=2, path=held, by_own_party_finding=True),
            influence(CARD, "case:z", "finance", influence=0.8, n_edges=1, path=moved),
        ],
        reports=[{"recorded_at": "2026-09-20", "involved": [{"identifier_type": "bank_card", "identifier_id": CARD, "issuer": BANK}]}],
    )  # fmt: skip
    card = listed(list_tonight(given, night(1)))[CARD]
    assert card["test"] == "same_holder"
    assert "关联路径：登记持有→登记持有。线索来源：公安机关、金融管理部门。" in card["reason_zh"]
    assert " Path: registered holder → registered holder. Agencies: " in card["reason_en"]


def test_a_proposal_shows_the_path_of_what_it_rests_on() -> None:
    moved, used = (
        [{"kind": "transfer", "from_id": 12, "to_id": CARD}],
        [{"kind": "login_ip", "from_id": 13, "to_id": CARD}],
    )
    given = world(
        signals=[finding(node_id=CARD, kind="control_freeze", standard="report", agency="finance", lineage="control:b")],
        scores=[{"node_id": CARD, "score": 0.8, "lineages": ["case:a", "control:b", "line:c"], "agencies": ["finance", "public_security", "telecom"]}],
        influences=[
            influence(CARD, "control:b", "finance", influence=0.5),
            influence(CARD, "case:a", "public_security", influence=0.6, n_edges=1, path=moved),
            influence(CARD, "line:c", "telecom", influence=0.7, n_edges=1, path=used, standard="indicator"),
        ],
    )  # fmt: skip
    card = listed(list_tonight(given, night(1)))[CARD]
    assert card["test"] == "proposed_for_review"
    assert "关联路径：资金转账。线索来源：公安机关、金融管理部门。" in card["reason_zh"]


def test_a_person_is_told_what_was_found_of_him() -> None:
    person = 91
    given = world(
        signals=[finding(node_id=person, kind="person_account_trading", lineage="public_security|p|91")],
        identifiers=[{"node_id": person, "type": "national_id"}], edges=[],
    )  # fmt: skip
    (row,) = list_tonight(given, night(1)).listings.to_dicts()
    assert (row["measure"], row["legal_basis"]) == ("close", "Article 31")
    assert row["reason_zh"].startswith("经公安机关认定，该人员非法买卖、出租、出借电话卡、账户等。线索来源：公安机关。处置措施：暂停新办电话卡、新开账户，期限至2028年9月30日。")  # fmt: skip
    assert row["reason_en"].startswith("The public security authority found that this person unlawfully traded, ")
