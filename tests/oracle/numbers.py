"""Phone tenures, SIMs and what a reference to a number attaches to (graph.md, Nodes)."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from jobs.policy import Policy
from tests.oracle.model import Identifier, Interval, Moment, Node, Tenure, TenureRow, as_identifier, earliest, overlap
from tests.oracle.model import touches as touches_moment
from tests.oracle.standing import Version


@dataclass
class Period:
    """The time in which one subscription record gave one number with one SIM to one document."""

    phone: str
    holder: Identifier
    imsi: Identifier | None
    iccid: Identifier | None
    start: datetime
    end: datetime | None
    version: Version
    ended_by_record: bool
    by_sim: bool
    reason: str | None = None

    @property
    def interval(self) -> Interval:
        return (self.start, self.end)


def _names(version: Version) -> tuple[Identifier | None, Identifier | None]:
    return as_identifier(version["phone"]), as_identifier(version["holder"])


def _sim(version: Version) -> tuple[Identifier | None, Identifier | None]:
    return as_identifier(version["imsi"]), as_identifier(version["iccid"])


def _said(version: Version) -> tuple[Any, ...]:
    return (*_names(version), *_sim(version), version["activated_at"])


def fold_subscription(versions: list[Version]) -> list[Period]:
    """One record's history. "later start: a change, the older edge ends at that start. Same start: a correction,
    never true; except that another SIM is a change at the newer version's recorded_at, or at deactivated_at if that
    is earlier. An earlier start replaces what stood from there on." 0007: the same names with a later start are a
    correction.
    """
    said: list[tuple[Version, datetime]] = []  # what is sent again is said once: with the newest ends, since the first
    for version in versions:
        if said and _said(said[-1][0]) == _said(version):
            said[-1] = (version, said[-1][1])
        else:
            said.append((version, version.recorded_at))
    kept: list[tuple[Version, datetime, bool]] = []  # version, the start that counts, whether only its SIM is new
    before: Version | None = None
    for version, recorded in said:
        start = version["activated_at"]
        by_sim = False
        count_from = start
        while kept:
            last, last_from, _ = kept[-1]
            same_names = _names(last) == _names(version)
            if same_names and _sim(last) == _sim(version):
                kept.pop()
            elif same_names and last["activated_at"] == start and before is last:
                count_from = max(earliest(recorded, version["deactivated_at"]) or recorded, start)
                while kept and kept[-1][1] >= count_from:
                    kept.pop()
                by_sim = bool(kept) and _names(kept[-1][0]) == _names(version)
                break
            elif start <= last_from:
                kept.pop()
            else:
                break
        kept.append((version, count_from, by_sim))
        before = version
    periods = []
    for index, (version, start, by_sim) in enumerate(kept):
        following = kept[index + 1] if index + 1 < len(kept) else None
        ender, place = version, index + 1
        while place < len(kept) and kept[place][2]:  # only the SIM is new: "Ends are those of the newest version"
            ender, place = kept[place][0], place + 1
        own_end = ender["deactivated_at"]
        end = earliest(own_end, following[1] if following else None)
        phone, holder = _names(version)
        if phone is None or holder is None:
            continue
        if end is not None and end <= start:
            continue  # nothing is left of it; an interval of no length is none
        imsi, iccid = _sim(version)
        ended = own_end is not None and end == own_end
        periods.append(
            Period(phone.value, holder, imsi, iccid, start, end, version, ended, by_sim, ender["deactivation_reason"])
        )
    return periods


@dataclass
class SimUse:
    """The time in which a SIM served a tenure."""

    tenure: Tenure
    period: Period


def activated(row: TenureRow) -> datetime:
    """When a known tenure began."""
    assert row.node.tenure_from is not None, "only implicit tenures are open to the left"
    return row.node.tenure_from


class Numbers:
    """Every tenure, and what a reference attaches to."""

    def __init__(self, records: dict[str, list[Version]], policy: Policy, now: datetime) -> None:
        self.gap = timedelta(days=policy.tenures.same_holder_gap_days)
        self.now = now
        self.periods: dict[str, list[Period]] = defaultdict(list)
        for versions in records.values():
            for period in fold_subscription(versions):
                self.periods[period.phone].append(period)
        self.of_phone: dict[str, list[TenureRow]] = {}
        self.rows: dict[Tenure, TenureRow] = {}
        self.members: dict[Tenure, list[Period]] = defaultdict(list)
        for phone, periods in self.periods.items():
            self._build(phone, periods)
        self.implicit: dict[Tenure, TenureRow] = {}
        self.sims = [SimUse(tenure, period) for tenure, periods in self.members.items() for period in periods]

    def _build(self, phone: str, periods: list[Period]) -> None:
        """ "Subscriptions of one number that name the same document and overlap, or follow within 30 days of the end
        of the last with nobody else's between, are one tenure from the first activated_at to the last end".
        """
        built: list[tuple[Identifier, list[Period], datetime | None]] = []
        for holder in sorted({one.holder for one in periods}):
            own = sorted((one for one in periods if one.holder == holder), key=lambda one: (one.start, one.version.key))
            others = [one for one in periods if one.holder != holder]
            group: list[Period] = []
            end: datetime | None = None
            for period in own:
                if group and self._follows(end, period.start, others):
                    group.append(period)
                    end = None if end is None or period.end is None else max(end, period.end)
                else:
                    if group:
                        built.append((holder, group, end))
                    group, end = [period], period.end
            if group:
                built.append((holder, group, end))
        for holder, group, end in built:
            node = Tenure(phone, group[0].start)
            frauds = [
                one.end
                for one in group
                if one.ended_by_record and one.reason == "fraud" and one.end is not None and one.end <= self.now
            ]
            everyone = [*self.members[node], *group]
            newest = max(everyone, key=lambda one: (one.start, one.version.recorded_at, one.version.record_id))
            row = TenureRow(node, end, (holder,), False, min(frauds, default=None), newest.version["carrier"])
            self.members[node].extend(group)
            if node in self.rows:  # two documents activated at one instant are one node
                other = self.rows[node]
                to = None if other.to is None or end is None else max(other.to, end)
                both = (*other.holders, holder)
                fraud = earliest(other.fraud_ended_at, row.fraud_ended_at)
                self.rows[node] = TenureRow(node, to, both, False, fraud, row.carrier)
            else:
                self.rows[node] = row
        self.of_phone[phone] = sorted((row for node, row in self.rows.items() if node.phone == phone), key=activated)

    def _follows(self, end: datetime | None, start: datetime, others: list[Period]) -> bool:
        if end is None or start <= end:
            return True
        if start - end > self.gap:
            return False
        return all(overlap(other.interval, (end, start)) is None for other in others)

    def attach(self, phone: str, moment: Moment) -> Tenure | None:
        """ "It attaches to the tenure that holds that moment (of two overlapping, the one activated last)". A day
        "attaches to the only known tenure that touches the day (to the implicit one when none does); where two do, to
        none".
        """
        known = [row for row in self.of_phone.get(phone, []) if touches_moment(row.interval, moment)]
        if moment[1] and len(known) > 1:
            return None
        if known:
            return max(known, key=activated).node
        at = moment[0]
        rows = self.of_phone.get(phone, [])
        before = [row.to for row in rows if row.to is not None and row.to <= at]
        after = [row.node.tenure_from for row in rows if row.node.tenure_from is not None and row.node.tenure_from > at]
        node = Tenure(phone, max(before, default=None))
        if node not in self.rows:
            self.implicit[node] = TenureRow(node, min(after, default=None), (), True, carrier=self._carrier(phone))
        return node

    def _carrier(self, phone: str) -> str | None:
        """ "A phone [goes to] the carrier of its newest subscription", whoever held it."""
        periods = self.periods.get(phone, [])
        newest = max(periods, key=lambda one: (one.start, one.version.recorded_at, one.version.record_id), default=None)
        return newest.version["carrier"] if newest else None

    def is_there(self, node: Tenure) -> bool:
        """Whether it is a tenure tonight, known or implicit: "`tenure_from` is null when it is open to the left, else the end before it"."""
        rows, start = self.of_phone.get(node.phone, []), node.tenure_from
        if node in self.rows or start is None:
            return True
        return any(one.to == start for one in rows) and not any(
            touches_moment(one.interval, (start, False)) for one in rows
        )

    def row(self, node: Tenure) -> TenureRow:
        return self.rows.get(node) or self.implicit[node]

    def served(self, sim: Identifier, moment: Moment) -> Node | None:
        """ "A claim that names an imsi or iccid is a claim on the tenure that it served at that moment (on the sim
        itself when there is none)"; on the sim itself too when it served two: nobody's number is listed by a coin's toss.
        """
        tenures = self.all_served(sim, moment)
        return next(iter(tenures)) if len(tenures) == 1 else sim

    def all_served(self, sim: Identifier, moment: Moment) -> set[Tenure]:
        """Every tenure that a SIM served at a moment: more than one when a card was issued twice, or on a day of change."""
        return {
            use.tenure
            for use in self.sims
            if sim in (use.period.imsi, use.period.iccid) and touches_moment(use.period.interval, moment)
        }

    def ever_served(self, sim: Identifier) -> set[Node]:
        """Every tenure that a SIM served at any time."""
        return {use.tenure for use in self.sims if sim in (use.period.imsi, use.period.iccid)}

    def resolve(self, identifier: Identifier, moment: Moment) -> Node | None:
        """The node that a claim on an identifier at a moment is on; None where a day leaves it open."""
        if identifier.type == "phone":
            return self.attach(identifier.value, moment)
        if identifier.type in ("imsi", "iccid"):
            return self.served(identifier, moment)
        return identifier

    def overlapping(self, node: Tenure) -> list[TenureRow]:
        """Known tenures of the same number and another document that overlap with this one."""
        row = self.rows.get(node)
        if row is None:
            return []
        return [
            other
            for other in self.of_phone[node.phone]
            if other.node != node
            and set(other.holders) != set(row.holders)
            and overlap(other.interval, row.interval) is not None
        ]
