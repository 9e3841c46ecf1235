"""Deliveries as they lie in the landing area, answered by intake itself."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import get_args

import pytest

from jobs.bronze.source import Limits
from jobs.core.contracts import Feed, load_contracts
from jobs.core.settings import Settings
from jobs.intake.agencies import load_agencies
from jobs.intake.answers import Answer, Desk, Ledger
from jobs.intake.landing import discover
from jobs.intake.staging import Staging
from jobs.rehearse.check import end_of
from jobs.rehearse.model import Fault
from jobs.rehearse.plan import plan_lakes
from jobs.rehearse.play import Player, deliver, make_stage

Build = Callable[..., dict[str, Player]]
ON = date(2026, 10, 1)
FEEDS = {
    "telecom/subscriptions": "{msisdn: '@phone.P'}",
    "finance/accounts": "{account_no: '@bank_account.B'}",
    "public_security/case_reports": "{involved: [{role: payee, identifier: '@bank_account.B'}]}",
    "finance/payment_controls": "{account_no: '@bank_account.B'}",
}


def _answers(players: dict[str, Player], contracts: dict[str, Feed], root: Path) -> list[Answer]:
    """Every delivery of the first lake's nights, as intake answers it."""
    (lake,) = plan_lakes([player.case for player in players.values()])
    stage = make_stage(Settings(), contracts, players, lake, root)
    for planned in (planned for night in lake.nights.values() for planned in night):
        deliver(stage, planned)
    schemas = stage.settings.schemas_dir
    desk = Desk(
        ON,
        end_of(max(lake.nights)),
        load_contracts(schemas),
        load_agencies(schemas),
        Limits(),
        Staging(stage.settings.lake),
        Ledger(),
    )
    return desk.answer_all(discover(stage.settings.landing, max(lake.nights)).found)


@pytest.mark.parametrize("feed", FEEDS)
@pytest.mark.parametrize("fault", get_args(Fault))
def test_a_fault_is_refused_for_its_own_reason(
    prepared: Build, contracts: dict[str, Feed], tmp_path: Path, feed: str, fault: str
) -> None:
    players = prepared(
        broken=f"  2026-10-01:\n    {feed}:\n      deliveries:\n        - {{faults: [{fault}], records: [{FEEDS[feed]}]}}\n"
        f"    expect: {{refused: [{{feed: {feed}, reason: {fault}}}]}}\n",
        good=f"  2026-10-01:\n    {feed}: [{FEEDS[feed]}]\n    expect: {{events: 0}}\n",
    )
    answers = _answers(players, contracts, tmp_path / "lake")
    refused = [
        (answer.reason, answer.delivery_id.partition("-")[2]) for answer in answers if answer.status == "refused"
    ]
    assert refused == [(fault, "broken")]
    assert [
        answer.rows_in for answer in answers if answer.status == "taken" and "broken" not in answer.delivery_id
    ] == [1]


def test_a_delivery_that_is_not_broken_is_taken_in_every_feed(
    prepared: Build, contracts: dict[str, Feed], tmp_path: Path
) -> None:
    feeds = [feed.id for feed in contracts.values() if not feed.public]
    night = "".join(f"    {feed}: [{{record_id: r}}]\n" for feed in feeds)
    answers = _answers(prepared(all=f"  2026-10-01:\n{night}    expect: {{events: 0}}\n"), contracts, tmp_path / "lake")
    assert [(answer.feed_id, answer.status, answer.rows_in, answer.warnings) for answer in answers] == [
        (feed, "taken", 1, []) for feed in sorted(feeds)
    ]


def test_a_feed_that_does_not_exist_may_be_the_story(
    prepared: Build, contracts: dict[str, Feed], tmp_path: Path
) -> None:
    players = prepared(
        nosuch="  2026-10-01:\n    telecom/nosuch: {deliveries: [{faults: [unknown_feed], records: [{record_id: r}]}]}\n"
        "    expect: {refused: [{feed: telecom/nosuch, reason: unknown_feed}]}\n"
    )
    (answer,) = _answers(players, contracts, tmp_path / "lake")
    assert (answer.feed_id, answer.reason) == ("telecom/nosuch", "unknown_feed")


def test_a_delivery_sent_again_is_repeated(prepared: Build, contracts: dict[str, Feed], tmp_path: Path) -> None:
    again = "telecom/subscriptions: {deliveries: [{sequence: 1, records: [{msisdn: '@phone.P'}]}]}"
    nights = "".join(f"  2026-10-0{day}:\n    {again}\n    expect: {{events: 0}}\n" for day in (1, 2))
    answers = _answers(prepared(again=nights), contracts, tmp_path / "lake")
    assert sorted(answer.status for answer in answers) == ["repeated", "taken"]
