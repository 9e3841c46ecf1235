"""The simulated calendar. Times are seconds of Asia/Shanghai wall-clock time since 1970; -1 is no time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone

import numpy as np

from jobs.simulate.streams import Ints
from jobs.simulate.text import DAY

SHANGHAI = timezone(timedelta(hours=8))
CUT = 18 * 3600
"""Agencies close a business date's delivery at 18:00."""


@dataclass(frozen=True)
class Clock:
    """Nights 0 to `nights` - 1; night k is the business date start + k."""

    start: date
    nights: int

    @property
    def zero(self) -> int:
        """00:00 of the first business date."""
        return (self.start - date(1970, 1, 1)).days * DAY

    @property
    def load(self) -> int:
        """Up to here the first load reaches."""
        return self.zero + CUT

    @property
    def end(self) -> int:
        """The cut of the last night: what is recorded later is never delivered."""
        return self.zero + (self.nights - 1) * DAY + CUT

    def day(self, night: int) -> date:
        """The business date of a night."""
        return self.start + timedelta(days=night)

    def produced(self, night: int, part: int = 0) -> datetime:
        """When the delivery of a night is written: minutes after the cut."""
        local = datetime.fromtimestamp(self.zero + night * DAY + CUT + 180 + part * 60, UTC)
        return local.replace(tzinfo=SHANGHAI)

    def night_of(self, recorded: Ints) -> Ints:
        """The night whose delivery first can carry what was recorded then; `nights` or more means never."""
        return np.maximum(0, -((self.load - recorded) // DAY)).astype(np.int64)
