"""Cases, who is spared, and the signals (listing.md, Signals and Roles)."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from jobs.core.contracts import CodeList, Feed
from jobs.policy import Policy
from tests.oracle.guard import Guard
from tests.oracle.model import (
    OFFENDING,
    SPARING,
    Identifier,
    Lineage,
    Moment,
    Node,
    Review,
    Signal,
    Tenure,
    as_identifier,
    as_moment,
    last_of,
)
from tests.oracle.numbers import Numbers
from tests.oracle.parties import Parties
from tests.oracle.standing import Bronze, Version

CASES = "public_security/case_reports"
PERSONS = "public_security/persons_of_interest"
CONTROLS = "finance/payment_controls"
TRANSFERS = "finance/suspicious_transfers"
LINES = "telecom/abnormal_numbers"
SITES = "internet/malicious_sites"


@dataclass
class Case:
    """All records of one case_id that stand."""

    case_id: str
    newest: list[Version] = field(default_factory=list)  # the newest version of each record
    versions: list[Version] = field(default_factory=list)  # every standing version, and quarantined ones that free

    def is_unfounded(self, ranks: dict[str, int]) -> bool:
        """ "when the newest of its records of the highest `authority_level` that it ever had says so"."""
        highest_of_all = max(ranks.values())

        def rank(one: Version) -> int:
            """Of what frees though its level cannot be read, the highest: it "takes effect"."""
            return ranks.get(one["authority_level"], highest_of_all if one.frees_only else 0)

        return max(self.versions, key=lambda one: (rank(one), one.key))["finding"] == "unfounded"

    @property
    def first_confirmed_at(self) -> datetime:
        """ "730 days from the first confirmed `recorded_at` of that `case_id`"."""
        return min(one.recorded_at for one in self.versions if one["finding"] == "confirmed")


class Cases:
    """Every case by its id."""

    def __init__(self, bronze: Bronze, ranks: dict[str, int]) -> None:
        self.by_id: dict[str, Case] = {}
        for versions in bronze.standing(CASES).values():
            for version in versions:
                self._case(version["case_id"]).versions.append(version)
            self._case(versions[-1]["case_id"]).newest.append(versions[-1])
        for version in bronze.freeing(CASES):
            if version["case_id"]:
                self._case(version["case_id"]).versions.append(version)
        self.unfounded = {case_id: case.is_unfounded(ranks) for case_id, case in self.by_id.items()}

    def _case(self, case_id: str) -> Case:
        return self.by_id.setdefault(case_id, Case(case_id))

    @property
    def newest(self) -> list[Version]:
        return [version for case in self.by_id.values() for version in case.newest]

    def stands(self, case_id: str) -> bool:
        """ "while a record of that case stands"."""
        return case_id in self.by_id and bool(self.by_id[case_id].newest)


def find_spared(cases: Cases, bronze: Bronze, numbers: Numbers, parties: Parties) -> dict[str, set[Node]]:
    """ "A party that is `victim` or `impersonated` in a case gets nothing from that case, none of its identifiers,
    nor the devices seen longer (total time of sightings) with its sims than with any other party's".
    """
    times: dict[tuple[Node, Node], list[tuple[datetime, datetime]]] = defaultdict(list)
    for version in bronze.newest("telecom/device_sightings"):
        imsi, imei = as_identifier(version["imsi"]), as_identifier(version["imei"])
        if imsi is not None and imei is not None:
            times[imsi, imei].append((version["first_seen"], version["last_seen"]))
    seen: dict[Node, dict[Node, timedelta]] = defaultdict(lambda: defaultdict(timedelta))
    for (imsi, imei), stretches in times.items():
        seen[imei][parties.for_roles.get(imsi, imsi)] += _time_covered(stretches)
    spared: dict[str, set[Node]] = defaultdict(set)
    for version in cases.newest:
        if cases.unfounded[version["case_id"]]:  # nothing comes of it for anybody
            continue
        for element in version["involved"] or []:
            identifier = as_identifier(element["identifier"])
            if identifier is None or element["role"] not in SPARING:
                continue
            named: set[Node] = {identifier} if identifier.type != "phone" else set()
            node = numbers.resolve(identifier, as_moment(version["occurred_at"]))
            if node is not None:
                named.add(node)
            if identifier.type in ("imsi", "iccid"):
                named |= numbers.all_served(identifier, as_moment(version["occurred_at"]))
            members = set().union(*(parties.role_party(one) for one in named)) if named else set()
            of_party = {parties.for_roles.get(one, one) for one in members}
            members |= {imei for imei, by in seen.items() if _seen_longest_with(by) in of_party}
            spared[version["case_id"]] |= members
    return spared


def _time_covered(stretches: list[tuple[datetime, datetime]]) -> timedelta:
    """How long at least one of them lasts: of what two records tell of, each moment once."""
    covered, reach = timedelta(), min(start for start, _ in stretches)
    for start, end in sorted(stretches):
        covered += max(end - max(start, reach), timedelta())
        reach = max(reach, end)
    return covered


def _seen_longest_with(times: dict[Node, timedelta]) -> Node | None:
    """The party with whose SIMs a device was seen longer than with any other's."""
    longest = max(times.values())
    found = [party for party, time in times.items() if time == longest]
    return found[0] if len(found) == 1 else None


class Claims:
    """Builds `signals` (ended ones left out, expired ones not live) and `reviews`, the rows for a human instead."""

    def __init__(
        self,
        bronze: Bronze,
        cases: Cases,
        numbers: Numbers,
        guard: Guard,
        spared: dict[str, set[Node]],
        policy: Policy,
        contracts: dict[str, Feed],
        codes: dict[str, CodeList],
        now: datetime,
    ) -> None:
        self.bronze = bronze
        self.cases = cases
        self.numbers = numbers
        self.guard = guard
        self.spared = spared
        self.policy = policy
        self.ranks = {code: attributes["rank"] for code, attributes in codes["authority_levels"].codes.items()}
        self.now = now
        self.signals: list[Signal] = []
        self.reviews: set[Review] = set()
        self._case_reports()
        self._persons()
        self._controls()
        self._fraud_ends()
        self._lines()
        self._transfers()
        self._sites()
        for feed in contracts.values():
            self._public(feed)

    # -- helpers

    def _source(self, version: Version) -> str:
        return f"{version.feed}#{version.record_id}"

    def _node(self, identifier: Identifier | None, moment: Moment, version: Version) -> Node | None:
        """What the claim is on; a row for a human where a day names two tenures."""
        if identifier is None:
            return None
        node = self.numbers.resolve(identifier, moment)
        if node is None:
            self.reviews.add(Review(identifier, "two_tenures_on_that_day", self._source(version)))
        return node

    def _first_known(self, version: Version) -> datetime:
        versions = self.bronze.standing(version.feed)[version.record_id]
        return min(one.recorded_at for one in versions)

    def _ended(self, case_id: str | None) -> bool:
        """ "that ends every signal that names this `case_id`, of all agencies"."""
        return case_id is not None and self.cases.unfounded.get(case_id, False)

    def _add(
        self,
        node: Node,
        kind: str,
        version: Version,
        lineage: Lineage,
        occurred: Moment,
        expires_at: datetime,
        *,
        strength: float | None = None,
        standard: str | None = None,
        authority_level: str | None = None,
        case_id: str | None = None,
        role: str | None = None,
        is_public: bool = False,
        own_lineage: Lineage | None = None,
    ) -> None:
        if self.guard.reason(node) is not None:  # "A signal on one becomes a row for a human"
            if self.now < expires_at:
                self.reviews.add(Review(node, "protected_identifier", self._source(version)))
            return
        if lineage[0] == "case" and node in self.spared.get(lineage[1], ()):
            if self.now < expires_at:
                self.reviews.add(Review(node, "spared_party_accused", self._source(version)))
            return
        rule = self.policy.signals.get(kind)  # type: ignore[call-overload]
        signal = Signal(
            node=node,
            kind=kind,
            strength=strength if strength is not None else rule.strength,
            standard=standard or rule.standard,
            agency=version.feed.split("/")[0],
            lineage=lineage,
            occurred=occurred,
            expires_at=expires_at,
            known_at=version.recorded_at,
            first_known_at=self._first_known(version),
            feed=version.feed,
            record_id=version.record_id,
            authority_level=authority_level,
            case_id=case_id,
            role=role,
            is_public=is_public,
            live=self.now < expires_at,
            own_lineage=own_lineage,
        )
        if signal not in self.signals:
            self.signals.append(signal)

    def _days(self, kind: str) -> timedelta:
        return timedelta(days=self.policy.signals[kind].lives_days)  # type: ignore[index]

    # -- one method for each row of the table

    def _case_reports(self) -> None:
        for version in self.cases.newest:
            case_id, finding, occurred = version["case_id"], version["finding"], as_moment(version["occurred_at"])
            if self._ended(case_id):
                continue
            for element in version["involved"] or []:
                node = self._node(as_identifier(element["identifier"]), occurred, version)
                if node is None or element["role"] not in OFFENDING or finding == "unfounded" or self._ended(case_id):
                    continue
                identifier = as_identifier(element["identifier"])
                kind = "case_confirmed" if finding == "confirmed" else "case_reported"
                start = (
                    self.cases.by_id[case_id].first_confirmed_at
                    if finding == "confirmed"
                    else as_moment(version["reported_at"])[0]
                )
                expires = start + self._days(kind)
                human = None
                if self.guard.reason(node) is not None:  # whatever else is to be said of the claim
                    human = Review(node, "protected_identifier", self._source(version))
                elif node in self.spared.get(case_id, ()) or identifier in self.spared.get(case_id, ()):
                    # "a claim of that same case that names one of them in an offending role is a row for a human, not
                    # a signal"
                    human = Review(node, "spared_party_accused", self._source(version))
                elif element["role"] == "offender" and finding == "reported" and self._was_displayed(node, occurred):
                    human = Review(node, "number_was_displayed", self._source(version))
                if human is not None:
                    if self.now < expires:  # what has expired accuses nobody any more
                        self.reviews.add(human)
                    continue
                self._add(
                    node,
                    kind,
                    version,
                    ("case", case_id),
                    occurred,
                    expires,
                    authority_level=version["authority_level"],
                    case_id=case_id,
                    role=element["role"],
                )

    def _was_displayed(self, node: Node, occurred: Moment) -> bool:
        """ "A tenure named `offender` by an unconfirmed case whose number is the `displayed_number` of a
        `caller_id_spoofing` window that covers the moment". 0007: unconfirmed is the record that names it.
        """
        if not isinstance(node, Tenure):
            return False
        return any(
            version["indicator"] == "caller_id_spoofing"
            and as_identifier(version["displayed"]) == ("phone", node.phone)
            and version["window_start"] <= last_of(occurred)
            and version["window_end"] >= occurred[0]
            for version in self.bronze.newest(LINES)
        )

    def _persons(self) -> None:
        """0007: one lineage per person; of `until` and the days of the table the earlier."""
        cleared = [
            (as_identifier(one["person"]), one.recorded_at)
            for one in self.bronze.newest_or_freeing(PERSONS)
            if one["status"] == "cleared"
        ]
        for version in self.bronze.newest(PERSONS):
            person, status, since = as_identifier(version["person"]), version["status"], version["since"]
            if person is None or status == "cleared":
                continue
            # "`cleared` ends what stands on that person": what was recorded until then; "known means recorded_at"
            if any(who == person and version.recorded_at <= recorded for who, recorded in cleared):
                continue
            kind = f"person_{status}"
            if status == "account_trading" and self.ranks[version["authority_level"]] < self.ranks["city"]:
                kind = "person_account_trading_county"
            expires = since + self._days(kind)
            if version["until"] is not None:
                expires = min(expires, version["until"])
            lineage = ("public_security", "person", person)
            level = version["authority_level"]
            self._add(person, kind, version, lineage, (since, False), expires, authority_level=level)

    def _joined_case(self, account: Identifier, ordered: Moment) -> str | None:
        """ "on an account that a case names in an offending role, ordered from 3 days before to 30 days after that
        case's `reported_at` (of several the nearest, ties the least `case_id`)"; an unfounded case is joined no more.
        """
        found = []
        for version in self.cases.newest:
            case_id = version["case_id"]
            names = any(
                one["role"] in OFFENDING and as_identifier(one["identifier"]) == account
                for one in version["involved"] or []
            )
            if not names or self.cases.unfounded[case_id]:
                continue
            reported = as_moment(version["reported_at"])
            first = reported[0] - timedelta(days=self.policy.lineage.control_joins_case_days_before)
            last = last_of(reported) + timedelta(days=self.policy.lineage.control_joins_case_days_after)
            if last_of(ordered) >= first and ordered[0] <= last:
                found.append((abs(ordered[0] - reported[0]), case_id))
        return min(found)[1] if found else None

    def _controls(self) -> None:
        """0007: a freeze and a stopped payment of one agency on one account are one lineage."""
        releases = [one for one in self.bronze.newest_or_freeing(CONTROLS) if one["control"] == "release"]
        for version in self.bronze.newest(CONTROLS):
            account, ordered = as_identifier(version["account"]), as_moment(version["ordered_at"])
            if account is None or version["control"] == "release" or self._ended(version["case_id"]):
                continue
            case_id = version["case_id"] or self._joined_case(account, ordered)
            if any(
                as_identifier(release["account"]) == account
                and release["case_id"] in (None, "", case_id)
                and (release["ordered_at"] is None or last_of(as_moment(release["ordered_at"])) >= ordered[0])
                for release in releases
            ):
                # "`release` ends the earlier controls on the account, or those of its `case_id` if it names one"
                continue
            kind = f"control_{version['control']}"
            rule = self.policy.signals[kind]  # type: ignore[index]
            expires = ordered[0] + self._days(kind)
            if version["expires_at"] is not None:
                expires = min(version["expires_at"], ordered[0] + timedelta(days=rule.at_most_days or rule.lives_days))
            alone: Lineage = ("finance", "control", account)
            lineage = ("case", case_id) if case_id else alone
            own = lineage if version["case_id"] else alone
            level = version["authority_level"]
            self._add(
                account,
                kind,
                version,
                lineage,
                ordered,
                expires,
                authority_level=level,
                case_id=case_id,
                own_lineage=own,
            )

    def _fraud_ends(self) -> None:
        """ "subscription ended with reason `fraud`, on the tenure that ended: 365 days from `deactivated_at`"."""
        for tenure, periods in self.numbers.members.items():
            for period in periods:
                is_fraud = period.ended_by_record and period.reason == "fraud"
                if is_fraud and period.end is not None and period.end <= self.now:
                    lineage = ("telecom", "subscription_fraud", tenure)
                    expires = period.end + self._days("subscription_fraud")
                    self._add(tenure, "subscription_fraud", period.version, lineage, (period.end, False), expires)

    def _lines(self) -> None:
        for version in self.bronze.newest(LINES):
            case_id, moment = version["case_id"], (version["window_start"], False)
            node = self._node(as_identifier(version["phone"]), moment, version)
            if node is None or self._ended(case_id):
                continue
            kind = f"line_{version['indicator']}"
            lineage: Lineage = ("case", case_id) if case_id else ("telecom", kind, node)
            self._add(node, kind, version, lineage, moment, version["window_end"] + self._days(kind), case_id=case_id)

    def _transfers(self) -> None:
        for version in self.bronze.newest(TRANSFERS):
            payee, moment, case_id = (
                as_identifier(version["payee"]),
                as_moment(version["transferred_at"]),
                version["case_id"],
            )
            if payee is None or self._ended(case_id):
                continue
            kind = "transfer_linked_to_case" if version["indicator"] == "linked_to_case" else "transfer_other"
            lineage: Lineage = ("case", case_id) if case_id else ("finance", f"transfer_{version['indicator']}", payee)
            self._add(payee, kind, version, lineage, moment, moment[0] + self._days(kind), case_id=case_id)

    def _sites(self) -> None:
        """Verified and not is one lineage, as the statuses of a person are (0007)."""
        for version in self.bronze.newest(SITES):
            url, case_id = as_identifier(version["url"]), version["case_id"]
            if url is None or self._ended(case_id):
                continue
            kind = "site_verified" if version["verified"] else "site_unverified"
            lineage: Lineage = ("case", case_id) if case_id else ("internet", "site", url)
            expires = version["last_seen"] + self._days(kind)
            self._add(url, kind, version, lineage, (version["first_seen"], False), expires, case_id=case_id)

    def _public(self, feed: Feed) -> None:
        """ "a public list: its contract says"; "all lists of one ancestry one lineage per entry"."""
        for claim in feed.signals:
            for version in self.bronze.newest(feed.id):
                moment = as_moment(version[claim.from_])
                node = self._node(as_identifier(version[claim.identifier]), moment, version)
                if node is None:
                    continue
                lineage: Lineage = ("list", claim.lineage, node) if claim.lineage else (feed.agency, feed.name, node)
                self._add(
                    node,
                    feed.id,
                    version,
                    lineage,
                    moment,
                    moment[0] + timedelta(days=min(claim.lives_days, 180)),
                    strength=claim.strength,
                    standard=claim.standard,
                    role=claim.role,
                    is_public=True,
                )


def first_known(signals: list[Signal], bronze: Bronze) -> dict[Lineage, datetime]:
    """0007: the least recorded_at of each lineage; of a case that of any record that ever named it, "the same evidence sent again": a control
    that joined it by date says nothing of since when it is known.
    """
    found: dict[Lineage, datetime] = {}
    for signal in signals:
        found[signal.own] = min(signal.first_known_at, found.get(signal.own, signal.first_known_at))
    for versions in bronze.versions("public_security/case_reports").values():
        for version in versions:
            if not version.is_withdrawal and not version.frees_only and version["case_id"]:
                lineage = ("case", version["case_id"])
                found[lineage] = min(version.recorded_at, found.get(lineage, version.recorded_at))
    return found
