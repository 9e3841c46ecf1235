"""What an agency has landed for a date, as `antifraud landed` and the ingest DAGs ask."""

import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import pytest

from jobs.core.contracts import Feed
from jobs.core.errors import UserError
from jobs.core.settings import Settings
from jobs.intake.landed import landed, render
from jobs.intake.manifest import MANIFEST
from tests.intake.world import ABNORMAL, CONTRACTS, DAY, SUBSCRIPTIONS, World


def settings(world: World) -> Settings:
    world.landing.mkdir(exist_ok=True)
    return Settings(landing=str(world.landing))


def test_every_feed_of_the_agency_is_listed_with_what_landed(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.deliver(SUBSCRIPTIONS, sequence=7)
    world.deliver(SUBSCRIPTIONS, sequence=8)
    arrivals = {one.feed_id: one for one in landed(settings(world), "telecom", DAY, CONTRACTS)}
    assert sorted(arrivals) == sorted(feed.id for feed in CONTRACTS.values() if feed.agency == "telecom")
    assert arrivals["telecom/subscriptions"].deliveries == ("d-7", "d-8")
    assert not arrivals["telecom/subscriptions"].is_missing
    assert arrivals["telecom/abnormal_numbers"].deliveries == ()
    assert not arrivals["telecom/abnormal_numbers"].is_missing, "it is not essential"


def test_an_essential_feed_is_missing_when_only_another_date_has_landed(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.deliver(SUBSCRIPTIONS, on=DAY - timedelta(days=1))
    world.deliver(SUBSCRIPTIONS, on=DAY + timedelta(days=1), sequence=2)
    world.deliver(ABNORMAL)
    arrivals = landed(settings(world), "telecom", DAY, CONTRACTS)
    assert [one.feed_id for one in arrivals if one.is_missing] == ["telecom/subscriptions"]


def test_a_folder_without_its_manifest_is_not_there_yet(tmp_path: Path) -> None:
    world = World(tmp_path)
    (world.deliver(SUBSCRIPTIONS) / MANIFEST).unlink()
    arrivals = landed(settings(world), "telecom", DAY, CONTRACTS)
    subscriptions = next(one for one in arrivals if one.feed_id == "telecom/subscriptions")
    assert (subscriptions.deliveries, subscriptions.waiting, subscriptions.is_missing) == ((), ("d-1",), True)
    assert "telecom/subscriptions" in render(arrivals).splitlines()[-1]
    assert "MISSING (essential); no manifest yet: d-1" in render(arrivals)


def test_the_last_line_says_when_nothing_essential_is_missing(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.deliver(SUBSCRIPTIONS)
    arrivals = landed(settings(world), "telecom", DAY, CONTRACTS)
    assert render(arrivals).splitlines()[-1] == f"1 of {len(arrivals)} feeds landed, all that are essential"


def test_a_retired_feed_is_not_asked_for(tmp_path: Path) -> None:
    contracts = {
        SUBSCRIPTIONS.id: SUBSCRIPTIONS.model_copy(update={"status": "retired"}),
        ABNORMAL.id: ABNORMAL,
    }
    found = landed(settings(World(tmp_path)), "telecom", date(2026, 11, 22), contracts)
    assert [one.feed_id for one in found] == ["telecom/abnormal_numbers"]


def test_an_agency_that_no_contract_names_is_a_users_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"'telecoms' delivers no feed .* agencies are finance, guard, internet"):
        landed(settings(World(tmp_path)), "telecoms", DAY, CONTRACTS)


def test_no_landing_folder_is_a_users_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="must be a folder"):
        landed(Settings(landing=str(tmp_path / "nowhere")), "telecom", DAY, CONTRACTS)


@pytest.mark.parametrize(("feed", "code"), [(SUBSCRIPTIONS, 0), (ABNORMAL, 1)])
def test_the_command_fails_only_when_something_essential_is_missing(feed: Feed, code: int, tmp_path: Path) -> None:
    world = World(tmp_path)
    world.deliver(feed)
    asked = ["landed", "telecom", "--date", DAY.isoformat(), "--landing", str(world.landing)]
    done = subprocess.run([sys.executable, "-m", "jobs.cli", *asked], capture_output=True, text=True, check=False)
    assert (done.returncode, feed.id in done.stdout) == (code, True)
