"""Fraud cases and what follows from them: reports and findings, transfers, payment controls, abnormal
lines, sites, people, decisions.

Cases are made one by one. Each is of one kind: by a ring, by a lone offender, from a number nobody knows,
or false.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from jobs.core.contracts import CodeList
from jobs.simulate.bulk import addresses
from jobs.simulate.knobs import Knobs
from jobs.simulate.population import KINDS, World
from jobs.simulate.records import Record, day, stamp
from jobs.simulate.rings import HOSTING, Ring, Underworld
from jobs.simulate.streams import Streams
from jobs.simulate.text import DAY

LEVELS = ("county", "city", "province", "national")
CASES = "public_security/case_reports"
_SURNAMES = "王李张刘陈杨赵黄周吴徐孙马朱胡郭何高林罗"
_GIVEN = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英华玉兰鑫宇浩然子涵"
_HOTLINES = ("95588", "95533", "95555", "12315")
_HISTORY = 200 * DAY


@dataclass(frozen=True)
class Fraud:
    """A tenure that a finding or a stop for fraud says took part: row of lines, the moment, when that was
    recorded, ring (-1 none).
    """

    line: int
    moment: int
    recorded: int
    why: str
    ring: int
    victim: int


@dataclass
class Docket:
    """All small records, and what is true about the cases."""

    records: list[Record] = field(default_factory=list)
    frauds: list[Fraud] = field(default_factory=list)
    roles: dict[tuple[int, str], tuple[int, int]] = field(default_factory=dict)
    """(person, role) -> (ring or -1, since)."""
    ring_confirmed: dict[int, int] = field(default_factory=dict)
    """ring -> when its first finding was recorded."""
    spoofed: list[tuple[str, int]] = field(default_factory=list)
    """Numbers that were only displayed, and since when."""


class CaseMaker:
    """Makes the cases of a world. All randomness comes from one stream, in a fixed order."""

    def __init__(
        self, world: World, underworld: Underworld, codes: dict[str, CodeList], knobs: Knobs, streams: Streams
    ) -> None:
        self.world, self.under, self.knobs = world, underworld, knobs
        self.rng = streams.of("cases")
        self.clock = world.clock
        self.fraud_types = sorted(codes["fraud_types"].codes)
        self.provinces = [code for code in sorted(codes["regions"].codes) if code < "70"]
        self.docket = Docket()
        self.number = 0
        self.serial = 0
        self._owners = _Owned(world)
        self.contested = frozenset(world.contested.tolist())

    def make(self) -> Docket:
        """Every case of the world, then the people of interest and the decisions."""
        count = round(self.world.people * self.knobs.cases_per_person)
        false = self.knobs.false_report_rate
        for _ in range(count):
            chance = self.rng.random()
            if chance < false:
                self._false_case()
            elif chance < false + (1 - false) * 0.6 and self.under.rings:
                self._ring_case(self.under.rings[int(self.rng.integers(0, len(self.under.rings)))])
            elif chance < false + (1 - false) * 0.88:
                self._lone_case()
            else:
                self._unknown_case()
        self._stopped_lines()
        for ring in self.under.rings:
            self._people_of_interest(ring)
        self._cleared_people(count // 60 + 1)
        self._stray_lines(count // 2)
        self._stray_transfers(count // 3)
        self._doubtful_sites(count // 12 + 1)
        return self.docket

    # ---- small helpers

    def _between(self, low: int, high: int) -> int:
        return int(self.rng.integers(low, max(high, low + 1)))

    def _chance(self, share: float) -> bool:
        return bool(self.rng.random() < share)

    def _one(self, things: Any) -> Any:
        return things[int(self.rng.integers(0, len(things)))]

    def _bystander(self) -> int:
        return int(self._one(self.under.bystanders))

    def _offender(self) -> int:
        """Lone offenders come from the first part of the bystanders, so that nobody is both guilty and
        falsely accused.
        """
        return int(self.under.bystanders[self._between(0, len(self.under.bystanders) // 2)])

    def _accused(self) -> int:
        """Who is wrongly accused, displayed or complained about comes from the other part."""
        return int(self.under.bystanders[self._between(len(self.under.bystanders) // 2, len(self.under.bystanders))])

    def _id(self, letter: str) -> str:
        self.serial += 1
        return f"{letter}{self.serial:08}"

    def _add(self, feed: str, key: str, at: int, **values: Any) -> None:
        self.docket.records.append(Record(feed, key, at, values))

    def _maybe_withdraw(self) -> None:
        """One small record in fifty was a mistake and is withdrawn some days later."""
        if self._chance(0.02):
            last = self.docket.records[-1]
            self.docket.records.append(
                Record(last.feed, last.key, last.at + self._between(DAY, 20 * DAY), {}, op="withdraw")
            )

    def _role(self, person: int, role: str, ring: int, since: int) -> None:
        known = self.docket.roles.get((person, role))
        if known is None or since < known[1]:
            self.docket.roles[person, role] = (ring, since)

    # ---- identifiers as a case names them

    def phone(self, line: int) -> str:
        return str(self.world.named.phones[int(self.world.lines["phone"][line])].as_py())

    def _phone(self, role: str, line: int) -> dict[str, Any]:
        return _element(role, "phone", self.phone(line))

    def account(self, row: int) -> tuple[str, str, str]:
        """(kind, institution, number) of a finance account."""
        finance = self.world.finance
        place = self.world.words.institutions[int(finance["institution"][row])]
        return KINDS[int(finance["kind"][row])], place, str(self.world.named.finance[row].as_py())

    def _account(self, role: str, row: int) -> dict[str, Any]:
        kind, place, number = self.account(row)
        return _element(role, kind, number, place)

    def _login(self, role: str, row: int) -> dict[str, Any]:
        platform = self.world.words.platforms[int(self.world.internet["platform"][row])]
        return _element(role, "internet_account", str(self.world.named.internet[row].as_py()), platform)

    def _document(self, role: str, person: int) -> dict[str, Any]:
        texts = self.world.named
        return _element(role, str(texts.document_types[person].as_py()), str(texts.documents[person].as_py()))

    # ---- the course of a case

    def _moments(self, earliest: int) -> tuple[int, int]:
        """(occurred, reported): three cases in four happened before the first night."""
        nights = self.clock.nights - 1
        recent = self._chance(min(0.35, self.knobs.change_rate * 1.5 * nights + 0.02)) and nights > 0
        low, high = (
            (self.clock.load, self.clock.end)
            if recent
            else (max(self.clock.zero - _HISTORY, earliest + 2 * DAY), self.clock.load)
        )
        reported = self._between(max(low, earliest + 2 * DAY), max(high, earliest + 3 * DAY))
        delay = 90 if self._chance(0.15) else 12
        occurred = max(earliest + DAY, reported - self._between(3600, delay * DAY))
        if self._chance(0.1) and occurred - occurred % DAY > earliest:
            occurred -= occurred % DAY
        return occurred, reported

    def _report(
        self,
        occurred: int,
        reported: int,
        involved: list[dict[str, Any]],
        course: list[tuple[int, str]],
        level: str,
    ) -> str:
        """One case with its versions: (when recorded, finding). Returns the case id."""
        self.number += 1
        region = self._one(self.provinces) + "0100"
        case_id = f"A{region}-{stamp(reported)[:4]}-{self.number:06}"
        fixed = {
            "case_id": case_id,
            "fraud_type": self._one(self.fraud_types),
            "occurred_at": day(occurred) if occurred % DAY == 0 else stamp(occurred),
            "reported_at": stamp(reported),
            "region_code": region,
            "amount_cny": f"{self._between(200, 900_000)}.{self._between(0, 100):02}",
            "authority_level": level,
        }
        newest = max((at for at, _ in course if at <= self.clock.load), default=-1)
        for at, finding in course:
            if at < newest and not self._chance(0.15):
                continue
            reference = f"F{region}-{self.number:06}" if finding == "confirmed" else None
            copies = [dict(element) for element in involved]
            self._add(
                CASES,
                f"PC{self.number:07}",
                at,
                **fixed,
                finding=finding,
                finding_ref=reference,
                involved=copies,
            )
        return case_id

    def _level(self) -> str:
        return LEVELS[int(self.rng.choice(4, p=[0.45, 0.4, 0.12, 0.03]))]

    def _course(self, reported: int) -> tuple[list[tuple[int, str]], int]:
        """(versions, when the finding was recorded or -1)."""
        course = [(reported + self._between(600, 10 * 3600), "reported")]
        if not self._chance(self.knobs.confirmed_share):
            return course, -1
        at = course[0][0] + self._between(DAY, 20 * DAY)
        course.append((at, "confirmed"))
        return course, (at if at <= self.clock.end else -1)

    def _live_lines(self, ring: Ring, lines: list[int], moment: int) -> list[int]:
        found = []
        for line in lines:
            since = max(int(self.world.lines["start"][line]), self.under.handed.get(("lines", line), (0, 0))[1])
            end = int(self.world.lines["end"][line])
            if since < moment and (end < 0 or end > moment):
                found.append(line)
        return found

    def _ring_case(self, ring: Ring) -> None:
        occurred, reported = self._moments(ring.active + 45 * DAY)
        lines = self._live_lines(ring, ring.lines, occurred)
        if not lines:
            return
        box = self._live_lines(ring, ring.box_lines, occurred)
        line = self._one(box) if box and self._chance(0.4) else self._one(lines)
        victim = self._victim(occurred)
        involved = [self._phone("offender", line), victim[0]]
        others = [other for other in lines if other != line]
        extra = self._one(others) if others and self._chance(0.3) else -1
        if extra >= 0:
            involved.append(self._phone("offender", extra))
        payee = self._payee(ring, occurred)
        if payee >= 0:
            involved.append(self._account("payee", payee))
        logins = [row for row in ring.internet if int(self.world.internet["registered"][row]) < occurred]
        if logins and self._chance(0.5):
            involved.append(self._login("offender", self._one(logins)))
        if ring.sites and self._chance(0.6):
            site = self._one(ring.sites)
            involved.append(
                _element("site", "url", f"https://{site}/pay")
                if self._chance(0.5)
                else _element("site", "domain", site)
            )
        if self._chance(0.15):
            involved.append(_element("impersonated", "phone", self._one(_HOTLINES)))
        course, found = self._course(reported)
        case_id = self._report(occurred, reported, involved, course, self._level())
        if found >= 0:
            for named in [line] if extra < 0 else [line, extra]:
                self.docket.frauds.append(Fraud(named, occurred, found, "finding", ring.number, victim[1]))
            known = self.docket.ring_confirmed.get(ring.number, found)
            self.docket.ring_confirmed[ring.number] = min(known, found)
        if payee >= 0:
            self._money(payee, victim[1], occurred, reported, case_id, ring)
        if self._chance(0.4):
            self._abnormal(line, occurred, case_id if self._chance(0.3) else None, line in ring.box_lines)
        self._decide(ring, payee, found)

    def _payee(self, ring: Ring, moment: int) -> int:
        """An account of the ring that it already had, or now and then one of a deceived mule; -1 when it
        has none yet.
        """
        if ring.deceived and self._chance(0.25):
            mule = self._one(ring.deceived)
            own = [row for row in self._owners.finance(mule) if int(self.world.finance["opened"][row]) < moment]
            if own:
                self._role(mule, "mule_deceived", ring.number, moment)
                return int(self._one(own))
        had = [
            row
            for row in ring.finance
            if self.under.handed.get(("finance", row), (0, int(self.world.finance["opened"][row])))[1] < moment
        ]
        return int(self._one(had)) if had else -1

    def _victim(self, moment: int) -> tuple[dict[str, Any], int]:
        """(element, person): a victim known by phone, document or account."""
        person = self._bystander()
        self._role(person, "victim", -1, moment)
        line = int(self.world.main_line[person])
        end = int(self.world.lines["end"][line])
        if (
            line not in self.contested
            and self._chance(0.8)
            and int(self.world.lines["start"][line]) < moment
            and (end < 0 or end > moment)
        ):
            return self._phone("victim", line), person
        return self._document("victim", person), person

    def _money(self, payee: int, victim: int, occurred: int, reported: int, case_id: str, ring: Ring | None) -> None:
        """The victim's transfer, the money's next hop, and the control on the account."""
        own = self._owners.finance(victim)
        if own and self._chance(0.7):
            self._transfer(
                self._one(own),
                payee,
                occurred + 600,
                "linked_to_case",
                case_id if self._chance(0.7) else None,
            )
        if ring is not None and len(ring.finance) > 1 and self._chance(0.5):
            target = self._one([row for row in ring.finance if row != payee] or ring.finance)
            if target != payee:
                self._transfer(payee, target, occurred + 3000, "rapid_in_out", None)
        if not self._chance(0.6):
            return
        kind, place, number = self.account(payee)
        at = reported + self._between(3600, 3 * DAY)
        control = "freeze" if self._chance(0.6) else "stop_payment"
        expires = stamp(at + 180 * DAY) if self._chance(0.4) else None
        named = case_id if self._chance(0.6) else None
        base = {
            "account_kind": kind,
            "institution_id": place,
            "account_no": number,
            "authority_level": self._level(),
        }
        self._add(
            "finance/payment_controls",
            self._id("K"),
            at + 900,
            **base,
            control=control,
            ordered_at=stamp(at),
            expires_at=expires,
            case_id=named,
        )
        if self._chance(0.08):
            off = at + self._between(2 * DAY, 30 * DAY)
            self._add(
                "finance/payment_controls",
                self._id("K"),
                off + 900,
                **base,
                control="release",
                ordered_at=stamp(off),
                case_id=named,
            )

    def _transfer(self, payer: int, payee: int, at: int, indicator: str, case_id: str | None) -> None:
        a, b = self.account(payer), self.account(payee)
        self._add(
            "finance/suspicious_transfers", self._id("T"), at + self._between(3600, DAY), payer_kind=a[0],
            payer_institution=a[1],
            payer_account=a[2], payee_kind=b[0], payee_institution=b[1], payee_account=b[2],
            amount_cny=f"{self._between(100, 200_000)}.00",
            transferred_at=stamp(at), indicator=indicator, case_id=case_id,
        )  # fmt: skip
        self._maybe_withdraw()

    def _abnormal(self, line: int, at: int, case_id: str | None, box: bool, displayed: int = -1) -> None:
        """A line that behaved oddly; `displayed` is the person whose number it showed, when that matters."""
        kind = "sim_box" if box else self._one(["high_frequency", "high_frequency", "caller_id_spoofing", "complaints"])
        kind = kind if displayed < 0 else "caller_id_spoofing"
        shown = None
        if kind == "caller_id_spoofing":
            person = self._accused() if displayed < 0 else displayed
            if displayed >= 0 or self._chance(0.5):
                shown = self.phone(int(self.world.main_line[person]))
                self._role(person, "impersonated", -1, at)
            else:
                shown = self._one(_HOTLINES)
            self.docket.spoofed.append((shown, at))
        until = at + self._between(3600, 2 * DAY)
        self._add(
            "telecom/abnormal_numbers", self._id("N"), until + 1800, msisdn=self.phone(line),
            displayed_number=shown, indicator=kind,
            count=str(self._between(20, 5000)), window_start=stamp(at - 3600), window_end=stamp(until),
            case_id=case_id,
        )  # fmt: skip
        self._maybe_withdraw()

    def _decide(self, ring: Ring, payee: int, found: int) -> None:
        """Appeals against what a finding listed, and reviews of proposals; both name the identifier, never
        a listing.
        """
        if payee < 0:
            return
        own = int(self.world.finance["ring"][payee]) >= 0
        after = max(found, self.clock.load) + self._between(3600, 5 * DAY)
        if found >= 0 and self._chance(0.5 if not own else 0.05):
            self._appeal(self.account(payee), "upheld" if not own else "dismissed", after)
        elif found < 0 and self._chance(0.15):
            measure = self._one(["restrict", "suspend", "restrict", "none"]) if own else "none"
            self._review(self.account(payee), measure, after)

    def _appeal(self, account: tuple[str, str, str], outcome: str, at: int) -> None:
        kind, place, number = account
        key = self._id("AP")
        self._add(
            "public_security/appeal_decisions", key, at + 600, identifier_type=kind, identifier=number,
            issuer=place or None,
            outcome=outcome, decided_at=stamp(at), decision_ref=f"D-{key}",
        )  # fmt: skip

    def _review(self, account: tuple[str, str, str], measure: str, at: int) -> None:
        kind, place, number = account
        key = self._id("RV")
        self._add(
            "public_security/review_decisions", key, at + 600, identifier_type=kind, identifier=number,
            issuer=place or None,
            measure=measure, decided_at=stamp(at), authority_level=self._one(LEVELS[1:]),
            decision_ref=f"D-{key}",
        )  # fmt: skip

    def _lone_case(self) -> None:
        """A fraud by one person on the own number, paid to the own account."""
        person = self._offender()
        line = int(self.world.main_line[person])
        if line in self.contested:
            return
        occurred, reported = self._moments(int(self.world.lines["tenure_from"][line]))
        end = int(self.world.lines["end"][line])
        if int(self.world.lines["start"][line]) >= occurred or 0 <= end <= occurred or occurred > reported:
            return
        self._role(person, "organiser", -1, occurred)
        victim = self._victim(occurred)
        involved = [self._phone("offender", line), victim[0]]
        own = [row for row in self._owners.finance(person) if int(self.world.finance["opened"][row]) < occurred]
        payee = int(self._one(own)) if own and victim[1] != person else -1
        if victim[1] == person:
            return
        if payee >= 0:
            involved.append(self._account("payee", payee))
        if self._chance(0.2):
            involved.append(self._document("offender", person))
        course, found = self._course(reported)
        case_id = self._report(occurred, reported, involved, course, self._level())
        if found >= 0:
            self.docket.frauds.append(Fraud(line, occurred, found, "finding", -1, victim[1]))
        if payee >= 0:
            self._money(payee, victim[1], occurred, reported, case_id, None)

    def _unknown_case(self) -> None:
        """A fraud from abroad or from a number that no carrier has: wallets, mail, foreign numbers."""
        occurred, reported = self._moments(self.clock.zero - _HISTORY)
        victim = self._victim(occurred)
        number = self._between(0, 10**7)
        source = self._one(
            [
                _element("offender", "phone", f"+8526{number:07}"),
                _element("offender", "phone", f"400{number:07}"),
                _element("offender", "email", f"service{number}@refund-centre.example"),
                _element("payee", "crypto_wallet", f"eth:0x{number:040x}"),
                _element("site", "url", f"http://客服{number % 1000}.example/login"),
            ]
        )
        course, _ = self._course(reported)
        self._report(occurred, reported, [source, victim[0]], course, self._level())

    def _false_case(self) -> None:
        """A colluder reports an innocent: most cases end as unfounded, some findings only fall by an
        appeal.
        """
        person = self._accused()
        line = int(self.world.main_line[person])
        if line in self.contested:
            return
        occurred, reported = self._moments(int(self.world.lines["tenure_from"][line]))
        end = int(self.world.lines["end"][line])
        if int(self.world.lines["start"][line]) >= occurred or 0 <= end <= occurred or occurred > reported:
            return
        self._role(person, "innocent", -1, occurred)
        involved = [self._phone("offender", line), self._document("victim", self._bystander())]
        own = [row for row in self._owners.finance(person) if int(self.world.finance["opened"][row]) < occurred]
        if own:
            involved.append(self._account("payee", int(self._one(own))))
        if self._chance(0.3) and self.under.rings:
            ring = self._one(self.under.rings)
            lines = self._live_lines(ring, ring.lines, occurred)
            if lines:
                self._abnormal(self._one(lines), occurred, None, False, displayed=person)
        first = reported + self._between(600, 10 * 3600)
        undone = max(first + self._between(2 * DAY, 25 * DAY), first + DAY)
        kind = self.rng.random()
        course = [(first, "reported")]
        if kind < 0.3:
            course.append((first + DAY, "confirmed"))
        if kind < 0.15:
            if undone <= self.clock.end:
                self._appeal(("phone", "", self.phone(line)), "upheld", undone - 600)
        elif kind < 0.85:
            course.append((undone, "unfounded"))
        self._report(occurred, reported, involved, course, "county" if self._chance(0.7) else "city")
        if kind >= 0.95:
            self.docket.records.append(Record(CASES, f"PC{self.number:07}", undone, {}, op="withdraw"))

    def _stopped_lines(self) -> None:
        """Lines that the carrier stopped for fraud: the tenure is involved from that moment, if no finding
        came before.
        """
        lines = self.world.lines
        for line in np.flatnonzero(lines["reason"] == 2).tolist():
            end = int(lines["end"][line])
            if end <= self.clock.end:
                self.docket.frauds.append(Fraud(line, end, end, "stopped", int(lines["ring"][line]), -1))

    def _person(self, person: int, status: str, at: int, level: str, key: str, until: str | None = None) -> None:
        texts = self.world.named
        name = self._one(_SURNAMES) + "".join(self._one(_GIVEN) for _ in range(self._between(1, 3)))
        self._add(
            "public_security/persons_of_interest", key, at + self._between(3600, 2 * DAY),
            doc_type=str(texts.document_types[person].as_py()),
            doc_no=str(texts.documents[person].as_py()), name=name, status=status, since=day(at) if
            self._chance(0.5) else stamp(at),
            until=until, authority_level=level, finding_ref=f"P-{key}",
        )  # fmt: skip

    def _people_of_interest(self, ring: Ring) -> None:
        """Mules who sold (city) or lent (county) accounts; organisers from suspect to convicted."""
        found = self.docket.ring_confirmed.get(ring.number, -1)
        for person in ring.organisers:
            self._role(person, "organiser", ring.number, ring.active)
        for person in ring.sold:
            self._role(person, "mule_sold", ring.number, ring.active)
        for person in ring.lent:
            self._role(person, "mule_lent", ring.number, ring.active)
        for person in ring.deceived:
            self._role(person, "mule_deceived", ring.number, ring.active)
        if found < 0:
            return
        for person in ring.sold:
            if self._chance(0.7):
                self._person(person, "account_trading", found + self._between(DAY, 20 * DAY), "city", self._id("P"))
        for person in ring.lent:
            if self._chance(0.5):
                at = found + self._between(DAY, 20 * DAY)
                until = day(at + 365 * DAY) if self._chance(0.3) else None
                self._person(person, "account_trading", at, "county", self._id("P"), until)
        for person in ring.organisers:
            key, at = self._id("P"), found + self._between(DAY, 5 * DAY)
            for status in ("suspect", "charged", "convicted"):
                if self._chance(0.8):
                    self._person(person, status, at, "city", key)
                at += self._between(10 * DAY, 40 * DAY)

    def _cleared_people(self, count: int) -> None:
        """Suspects who turned out to be innocent."""
        for _ in range(count):
            person, key = self._accused(), self._id("P")
            at = self._between(self.clock.zero - 60 * DAY, self.clock.load)
            self._role(person, "innocent", -1, at)
            self._person(person, "suspect", at, "county", key)
            self._person(
                person,
                "cleared",
                max(at + 3 * DAY, self.clock.load) + self._between(0, 10 * DAY),
                "county",
                key,
            )

    def _stray_lines(self, count: int) -> None:
        """Complaints about lines of people who only call a lot."""
        for _ in range(count):
            line = int(self.world.main_line[self._accused()])
            at = self._between(self.clock.zero - 60 * DAY, self.clock.end)
            end = int(self.world.lines["end"][line])
            if int(self.world.lines["start"][line]) < at - DAY and (end < 0 or end > at + 3 * DAY):
                self._abnormal(line, at, None, False)

    def _stray_transfers(self, count: int) -> None:
        """Transfers between bystanders that a bank found odd."""
        for _ in range(count):
            a, b = self._owners.finance(self._bystander()), self._owners.finance(self._bystander())
            if a and b:
                at = self._between(self.clock.zero - 60 * DAY, self.clock.end)
                self._transfer(
                    self._one(a),
                    self._one(b),
                    at,
                    self._one(["test_payment", "many_to_one", "dormant_reactivated"]),
                    None,
                )

    def _doubtful_sites(self, count: int) -> None:
        """The rings' sites, seen again and again, and others that nobody verified."""
        for ring in self.under.rings:
            for site in ring.sites:
                self._site(
                    f"https://{site}/pay",
                    HOSTING + 50_000 + ring.number % 5000,
                    self._chance(0.7),
                    -1,
                    ring.active + 20 * DAY,
                )
        for number in range(count):
            firm = self.world.people + self._between(0, self.world.companies) if self._chance(0.3) else -1
            self._site(
                f"http://shop{number}.example:8080/a?b={number}",
                HOSTING + 20_000 + number,
                False,
                firm,
                self.clock.zero - 50 * DAY,
            )

    def _site(self, url: str, address: int, verified: bool, firm: int, since: int) -> None:
        first = self._between(since, max(since + DAY, self.clock.load - 10 * DAY))
        key, last = self._id("W"), first + self._between(DAY, 20 * DAY)
        host = addresses(np.array([address]))[0].as_py() if self._chance(0.8) else None
        operator = None if firm < 0 else str(self.world.named.documents[firm].as_py())
        category = self._one(["fake bank", "fake shop", "fake loan", "fake investment"])
        for _ in range(1 + self._chance(0.4)):
            self._add(
                "internet/malicious_sites", key, last + self._between(600, 20 * 3600), url=url, ip=host,
                operator_uscc=operator, category=category,
                verified="true" if verified else "false", first_seen=stamp(first), last_seen=stamp(last),
                case_id=None,
            )  # fmt: skip
            last = max(last + DAY, self.clock.load - DAY) + self._between(0, 5 * DAY)


class _Owned:
    """The finance accounts of a person, found without a loop over all."""

    def __init__(self, world: World) -> None:
        owner = np.where(world.finance["ring"] >= 0, -1, world.finance["controller"])
        self.order = np.argsort(owner, kind="stable")
        self.sorted = owner[self.order]

    def finance(self, person: int) -> list[int]:
        low, high = np.searchsorted(self.sorted, [person, person + 1])
        return [int(row) for row in self.order[low:high]]


def _element(role: str, kind: str, identifier: str, issuer: str | None = None) -> dict[str, Any]:
    return {"role": role, "identifier_type": kind, "identifier": identifier, "issuer": issuer}


def make_cases(
    world: World, underworld: Underworld, codes: dict[str, CodeList], knobs: Knobs, streams: Streams
) -> Docket:
    """All small records of the world, in no order yet, and what is true about them."""
    docket = CaseMaker(world, underworld, codes, knobs, streams).make()
    docket.records.append(
        Record(
            "finance/measure_outcomes",
            "O00000001",
            world.clock.load - DAY,
            {"recipient_id": "nobody", "outcome": "nosuch", "acted_at": None},
        )
    )
    return docket
