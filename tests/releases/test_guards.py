"""What a failed check holds back."""

from datetime import date

import pyarrow as pa
import pytest

from jobs.releases.guards import Broken, find_failed, find_untold
from jobs.releases.job import agencies_behind

TABLE = Broken("graph.edges", "not_empty", "everyone")
FEED = Broken("finance/payment_controls", "volume_low", "finance")


@pytest.mark.parametrize(
    ("agencies", "held"),
    [
        ({"finance", "telecom"}, ["failed check (finance/payment_controls: volume_low)"]),
        ({"telecom"}, []),
        (set(), []),
    ],
    ids=["rests on it", "rests on another", "rests on nobody known"],
)
def test_a_failed_feed_holds_those_whose_listings_rest_on_its_agency(agencies: set[str], held: list[str]) -> None:
    assert find_failed([FEED], agencies) == held


def test_a_failed_table_holds_everybody_and_every_failed_check_is_named() -> None:
    assert find_failed([TABLE], set()) == ["failed check (graph.edges: not_empty)"]
    both = "failed checks (finance/payment_controls: volume_low, graph.edges: not_empty)"
    assert find_failed([TABLE, FEED], {"finance"}) == [both]
    assert find_failed([], {"finance"}) == []


def test_a_listing_without_agencies_rests_on_none() -> None:
    listings = pa.table({"listing_id": ["a", "b"], "agencies": [["finance", "telecom"], None]})
    assert agencies_behind(listings) == {"a": ("finance", "telecom"), "b": ()}


def test_a_due_date_is_untold_until_a_version_says_it() -> None:
    def rows(**due: int | None) -> pa.Table:
        dates = [None if day is None else date(2026, 10, day) for day in due.values()]
        return pa.table({"listing_id": list(due), "due_on": pa.array(dates, pa.date32())})

    tonight = rows(told=16, new=17, moved=17, asked=17, nothing=None)
    assert find_untold(tonight, rows(told=16, moved=16, asked=None, gone=16)) == ["asked", "moved", "new"]
    assert find_untold(tonight, None) == ["asked", "moved", "new", "told"]
