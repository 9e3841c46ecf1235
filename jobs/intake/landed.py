"""What an agency has landed for a business date, feed by feed: `antifraud landed`, and the ingest DAGs.

Looks only whether folders and manifests are there; whether a delivery is taken is intake's answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from jobs.core.contracts import Feed
from jobs.core.errors import UserError
from jobs.core.settings import Settings
from jobs.intake.landing import discover


@dataclass(frozen=True)
class FeedArrival:
    """One feed of an agency on one business date.

    `deliveries` have their manifest; `waiting` have none yet, so they are not there yet.
    """

    feed_id: str
    on: date
    essential: bool
    deliveries: tuple[str, ...]
    waiting: tuple[str, ...]

    @property
    def is_missing(self) -> bool:
        """Whether a night without it lacks what its contract calls essential."""
        return self.essential and not self.deliveries


def landed(settings: Settings, agency: str, on: date, contracts: Mapping[str, Feed]) -> list[FeedArrival]:
    """Every active feed of the agency, in order of name.

    Raises UserError for an agency of which no contract has an active feed, and without a landing folder.
    """
    active = [feed for feed in contracts.values() if feed.status == "active"]
    feeds = sorted((feed for feed in active if feed.agency == agency), key=lambda feed: feed.id)
    if not feeds:
        known = ", ".join(sorted({feed.agency for feed in active}))
        raise UserError(f"'{agency}' delivers no feed that a contract describes; agencies are {known}")
    seen = discover(settings.landing, on)
    there = [found.path for found in seen.found]
    return [
        FeedArrival(feed.id, on, feed.essential, _of(there, feed, on), _of(seen.waiting, feed, on)) for feed in feeds
    ]


def render(arrivals: Sequence[FeedArrival]) -> str:
    """One line per feed and one in all, for a terminal and for a task's log."""
    width = max((len(arrival.feed_id) for arrival in arrivals), default=0)
    lines = [f"{one.feed_id:<{width}}  {one.on}  {_state(one)}" for one in arrivals]
    missing = [one.feed_id for one in arrivals if one.is_missing]
    if missing:
        last = f"essential and not there: {', '.join(missing)}; ask the agency: the next night takes it"
    else:
        there = sum(bool(one.deliveries) for one in arrivals)
        last = f"{there} of {len(arrivals)} feeds landed, all that are essential"
    return "\n".join([*lines, last])


def _of(paths: Sequence[str], feed: Feed, on: date) -> tuple[str, ...]:
    """Delivery ids among the paths `agency/feed/date/delivery`."""
    folder = f"{feed.agency}/{feed.name}/{on.isoformat()}/"
    return tuple(sorted(path.removeprefix(folder) for path in paths if path.startswith(folder)))


def _state(arrival: FeedArrival) -> str:
    if arrival.deliveries:
        state = ", ".join(arrival.deliveries)
    else:
        state = "MISSING (essential)" if arrival.essential else "nothing"
    return state + (f"; no manifest yet: {', '.join(arrival.waiting)}" if arrival.waiting else "")
