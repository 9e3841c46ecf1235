"""Edges of the graph from standing records (graph.md, Edges; feeds.md, A record)."""

from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from jobs.policy import Policy
from tests.oracle.guard import Guard
from tests.oracle.model import (
    DOCUMENTS,
    OFFENDING,
    Edge,
    Identifier,
    Interval,
    Node,
    Support,
    Tenure,
    as_identifier,
    as_moment,
    earliest,
    holds,
)
from tests.oracle.numbers import Numbers
from tests.oracle.standing import Bronze, Version

ACCOUNT_FEEDS = {"finance/accounts": "opened_at", "internet/internet_accounts": "registered_at"}


@dataclass
class Binding:
    """The time in which one record bound an account to a tenure."""

    phone: str
    tenure: Tenure | None
    start: datetime
    version: Version
    cut: datetime | None = None  # where a newer version named no phone any more
    emptied_at: datetime | None = None  # recorded_at of the first version that named none


@dataclass
class Holding:
    """The time in which one record gave an account to a document. `said_from`: the start that its newest version
    says.
    """

    holder: Identifier | None
    start: datetime
    said_from: datetime
    is_first: bool
    version: Version
    end: datetime | None = None


class AccountRecord:
    """The history of one record of an account: its bindings and its holdings, folded from its standing versions."""

    def __init__(self, versions: list[Version], opened: str, numbers: Numbers) -> None:
        self.opened = opened
        self.numbers = numbers
        self.newest = versions[-1]
        account = as_identifier(self.newest["account"])
        assert account is not None
        self.account = account
        self.start = self._start(self.newest)
        self.closed_at: datetime | None = self.newest["closed_at"]
        versions = [one for one in versions if as_identifier(one["account"]) == account]
        self.bindings = self._fold_bindings(versions)
        self.holdings = self._fold_holdings(versions)

    def _start(self, version: Version) -> datetime:
        """ "a later start (`bound_at`, else `opened_at`)"."""
        return version["bound_at"] or version[self.opened]

    def _fold_bindings(self, versions: list[Version]) -> list[Binding]:
        """ "another phone (or the same in another tenure) or holder with a later start is a change: the older edge
        ends at that start; with the same start it is a correction; a phone that became empty (whatever its start then
        says), is a change at the newer version's recorded_at, or at its unbound_at if that is earlier. An earlier
        start replaces what stood from there on."
        """
        kept: list[Binding] = []
        for version in versions:
            phone = as_identifier(version["phone"])
            if phone is None:
                if kept:
                    last = kept[-1]
                    last.emptied_at = last.emptied_at or version.recorded_at
                    # 0007: said to be empty again, the phone is not given back by a later end
                    last.cut = earliest(last.cut, last.emptied_at, version["unbound_at"])
                continue
            start = self._start(version)
            tenure = self.numbers.attach(phone.value, (start, False))
            while kept:
                last = kept[-1]
                holder = as_identifier(last.version["holder"])
                is_same = (last.phone, last.tenure, holder) == (phone.value, tenure, as_identifier(version["holder"]))
                if start <= last.start or (is_same and (last.cut is None or start <= last.cut)):
                    kept.pop()
                else:
                    break
            kept.append(Binding(phone.value, tenure, start, version))
        return kept

    def binding_times(self) -> list[tuple[Tenure, Interval]]:
        """ "Ends are those of the newest version"; "a record's closed_at ends that record's holding and binding"."""
        times = []
        for index, binding in enumerate(self.bindings):
            following = self.bindings[index + 1].start if index + 1 < len(self.bindings) else None
            cuts = [later.cut for later in self.bindings[index:]]  # one may lie before what it empties begins
            end = earliest(following, *cuts, binding.version["unbound_at"], self.closed_at)
            if binding.tenure is not None and (end is None or end > binding.start):
                times.append((binding.tenure, (binding.start, end)))
        return times

    def _fold_holdings(self, versions: list[Version]) -> list[Holding]:
        """The same for the holder, whose time is the account's own; "a change of holder is a new start". A version stands
        from its start on as a whole: what it replaces says nothing of the holder either.
        """
        kept: list[Holding] = []
        for version in versions:
            holder, phone, start = (
                as_identifier(version["holder"]),
                as_identifier(version["phone"]),
                self._start(version),
            )
            has_phone = kept and as_identifier(kept[-1].version["phone"])
            if has_phone and phone is None and kept[-1].holder == holder:
                continue  # the phone went, the holder stays
            while kept:
                last = kept[-1]
                same = (last.holder, self._tenure(last.version)) == (holder, self._tenure(version))
                if start <= last.start or same:
                    kept.pop()
                else:
                    break
            kept.append(Holding(holder, start, start, not kept, version))
        for index, holding in enumerate(kept):
            following = kept[index + 1].start if index + 1 < len(kept) else None
            holding.end = earliest(following, self.closed_at)
            if index and kept[index - 1].holder == holding.holder:
                holding.is_first = kept[index - 1].is_first
        return [one for one in kept if one.holder is not None]

    def _tenure(self, version: Version) -> Tenure | None:
        phone = as_identifier(version["phone"])
        return self.numbers.attach(phone.value, (self._start(version), False)) if phone else None


class Accounts:
    """Every account: records, bindings, holdings, and whether it is closed."""

    def __init__(self, bronze: Bronze, numbers: Numbers, now: datetime) -> None:
        self.now = now
        self.records: dict[Identifier, list[AccountRecord]] = defaultdict(list)
        for feed, opened in ACCOUNT_FEEDS.items():
            for versions in bronze.standing(feed).values():
                record = AccountRecord(versions, opened, numbers)
                self.records[record.account].append(record)
        for records in self.records.values():
            self._end_by_later_records(records)

    @staticmethod
    def _end_by_later_records(records: list[AccountRecord]) -> None:
        """ "a record of an account with another holder and a later start ends the older record's holding at that
        start".
        """
        everyone = [(record, holding) for record in records for holding in record.holdings]
        for record, mine in everyone:
            others = [one.said_from for _, one in everyone if one.holder != mine.holder]
            mine.end = earliest(mine.end, *(at for at in others if at > mine.said_from))
            if mine.is_first and all(at >= mine.said_from for at in others):
                mine.start = record.newest[record.opened]

    def is_closed(self, account: Identifier) -> bool:
        """ "an account is closed when its record with the newest start says so"."""
        records = self.records.get(account, [])
        if not records:
            return False
        newest = max(records, key=lambda one: (one.start, one.newest.key))
        return newest.closed_at is not None and newest.closed_at <= self.now


class Edges:
    """Builds `edges`: kind, from, to -> the edge with its support."""

    def __init__(self, bronze: Bronze, numbers: Numbers, accounts: Accounts, guard: Guard, policy: Policy) -> None:
        self.bronze = bronze
        self.numbers = numbers
        self.policy = policy
        self.guard = guard
        self.edges: dict[tuple[str, Node, Node], Edge] = {}
        self._subscriptions()
        self._accounts(accounts)
        self._sightings()
        self._logins()
        self._sites()
        self._transfers()

    def _add(
        self, kind: str, src: Node | None, dst: Node | None, version: Version, interval: Interval, is_day: bool = False
    ) -> None:
        if src is None or dst is None or src == dst:
            return
        support = Support(version.feed, version.record_id, interval[0], interval[1], is_day)
        # "first_known_on: least business date of a supporting delivery"
        known_on: date = version.delivery.business_date
        edge = self.edges.setdefault((kind, src, dst), Edge(kind, src, dst, [], known_on))
        if support not in edge.support:
            edge.support.append(support)
        edge.first_known_on = min(edge.first_known_on, known_on)

    def _tail(self, kind: str) -> timedelta:
        return timedelta(days=self.policy.edges[kind].tail_days)

    def _subscriptions(self) -> None:
        """ "`holder`: the tenure's own time"; "`sim`: that subscription's own"."""
        for tenure, periods in self.numbers.members.items():
            for period in periods:
                of_doc = self._tenure_of(tenure, period.holder)
                self._add("holder", period.holder, tenure, period.version, of_doc)
                self._add("sim", tenure, period.imsi, period.version, period.interval)
                self._add("sim", period.imsi, period.iccid, period.version, period.interval)

    def _tenure_of(self, tenure: Tenure, holder: Identifier) -> Interval:
        """The tenure's time, of one holder where two were activated at one instant."""
        row = self.numbers.row(tenure)
        if len(row.holders) == 1:
            return row.interval
        ends = [one.end for one in self.numbers.members[tenure] if one.holder == holder]
        return (tenure.tenure_from, None if None in ends else max(end for end in ends if end is not None))

    def _accounts(self, accounts: Accounts) -> None:
        for account, records in accounts.records.items():
            for record in records:
                for tenure, interval in record.binding_times():
                    self._add("bound_phone", account, tenure, record.newest, interval)
                for holding in record.holdings:
                    if holding.end is None or holding.start < holding.end:
                        self._add("holder", holding.holder, account, record.newest, (holding.start, holding.end))

    def _sightings(self) -> None:
        """ "`first_seen` to `last_seen` + 30 days, the 30 days only as far as no other sim is seen in that device
        after `last_seen`".
        """
        sightings = self.bronze.newest("telecom/device_sightings")
        for version in sightings:
            last = version["last_seen"]
            end = last + self._tail("device")
            for other in sightings:
                is_other_sim = other["imei"] == version["imei"] and other["imsi"] != version["imsi"]
                if is_other_sim and other["last_seen"] > last:
                    end = min(end, max(last, other["first_seen"]))
            imsi, imei = as_identifier(version["imsi"]), as_identifier(version["imei"])
            self._add("device", imsi, imei, version, (version["first_seen"], end))

    def _logins(self) -> None:
        for version in self.bronze.newest("internet/account_logins"):
            account, first, last = as_identifier(version["account"]), version["first_seen"], version["last_seen"]
            imei, ip = as_identifier(version["imei"]), as_identifier(version["ip"])
            self._add("login_device", account, imei, version, (first, last + self._tail("login_device")))
            self._add("login_ip", account, ip, version, (first, last + self._tail("login_ip")))

    def _sites(self) -> None:
        """Sites that the internet agency found. An operator holds the domain as long as it was seen: no record says
        more.
        """
        for version in self.bronze.newest("internet/malicious_sites"):
            url, host = as_identifier(version["url"]), as_identifier(version["url_host"])
            seen = (version["first_seen"], version["last_seen"] + self._tail("hosted_on"))
            self._parts(url, host, as_identifier(version["url_registrable"]), version)
            if host is not None and host.type == "domain":
                self._add("hosted_on", host, as_identifier(version["ip"]), version, seen)
                self._add("holder", as_identifier(version["operator"]), host, version, seen)

    def _parts(
        self, url: Identifier | None, host: Identifier | None, registrable: Identifier | None, version: Version
    ) -> None:
        """ "url → domain or ip; domain → registrable domain, not into the Public Suffix List's private section or the
        guard lists".
        """
        self._add("part_of", url, host, version, (None, None))
        if host is not None and registrable is not None and host.type == "domain":
            if self.guard.is_guarded(registrable):
                return
            self._add("part_of", host, registrable, version, (None, None))

    def _transfers(self) -> None:
        for version in self.bronze.newest("finance/suspicious_transfers"):
            at, is_day = as_moment(version["transferred_at"])
            payer, payee = as_identifier(version["payer"]), as_identifier(version["payee"])
            self._add("transfer", payer, payee, version, (at, at), is_day)

    def add_cases(self, versions: list[Version], is_unfounded: dict[str, bool]) -> None:
        """ "`involved`: case → identifier in the roles offender, payee, site"; unfounded "ends … its `involved`
        edges".
        """
        for version in versions:
            case_id, occurred = version["case_id"], as_moment(version["occurred_at"])
            for element in version["involved"] or []:
                identifier = as_identifier(element["identifier"])
                if identifier is None:
                    continue
                host = as_identifier(element.get("identifier_host"))
                registrable = as_identifier(element.get("identifier_registrable"))
                if identifier.type == "url":
                    self._parts(identifier, host, registrable, version)
                elif identifier.type == "domain":
                    self._parts(None, identifier, registrable, version)
                if element["role"] in OFFENDING and not is_unfounded.get(case_id, False):
                    node: Node | None = identifier
                    if identifier.type == "phone":
                        node = self.numbers.attach(identifier.value, occurred)
                    self._add("involved", Identifier("case", case_id), node, version, (None, None))

    def settle(self, now: datetime) -> dict[tuple[str, Node, Node], Edge]:
        """Says of each edge whether it is live tonight, "judged on the times of one and the same of its records"."""
        for edge in self.edges.values():
            if edge.kind != "transfer":
                edge.support = _joined(edge.support)
            edge.live = any(holds(one.interval, now) for one in edge.support)
        return self.edges


def _joined(support: list[Support]) -> list[Support]:
    """Times of one record that touch or overlap are one time: it says so throughout."""
    found: list[Support] = []
    for one in sorted(
        support, key=lambda one: (one.feed, one.record_id, one.valid_from is not None, one.valid_from or 0)
    ):
        last = found[-1] if found else None
        if last is None or (last.feed, last.record_id) != (one.feed, one.record_id):
            found.append(one)
        elif last.valid_to is None or one.valid_from is None or one.valid_from <= last.valid_to:
            end = None if last.valid_to is None or one.valid_to is None else max(last.valid_to, one.valid_to)
            found[-1] = replace(last, valid_to=end)
        else:
            found.append(one)
    return found


def is_document(node: Node) -> bool:
    return isinstance(node, Identifier) and node.type in DOCUMENTS
