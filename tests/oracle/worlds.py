"""Small dense random worlds: tiny pools of identifiers and of moments, so that everything meets everything, ties included.

A world is a seeded stream of nights. What people answer to listings cannot be known beforehand: `answers` is asked each night with what is
listed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from random import Random
from typing import Any, NamedTuple

from tests.oracle.model import DAY, Delivery, Identifier, Node, Tenure, midnight

Record = dict[str, Any]
FIRST_NIGHT = date(2026, 3, 2)
GAPS = (1, 1, 2, 3, 8, 16, 16, 20, 40, 91, 91, 120, 181, 370)
FEATURES = frozenset(
    {"sites", "sims", "controls", "persons", "lines", "lists", "answers", "snapshots", "late", "freeing", "protected", "logins", "transfers"}
)  # fmt: skip


class Listed(NamedTuple):
    """A listing that somebody may answer: of the node, by the id that the release gave it."""

    listing_id: str
    node: Node
    administrator: str | None
    is_proposal: bool


@dataclass
class World:
    """One seeded world. `size` (1 to 5) bounds its pools and how much comes each night. With a `place` among `of` it shares no identifier,
    record or delivery with the worlds at other places, so that they can be played together (without snapshots, which speak of all).
    """

    seed: int
    size: int = 3
    features: frozenset[str] = FEATURES
    place: int = 0
    of: int = 1
    random: Random = field(init=False)
    on: date = field(init=False)
    night_number: int = 0

    def __post_init__(self) -> None:
        self.random = Random(f"{self.seed}/{self.size}/{','.join(sorted(self.features))}")
        draw = self.random.randint
        more = self.size - 1
        self.on = FIRST_NIGHT
        self.phones = [Identifier("phone", f"+86138{self.place:04d}000{n}") for n in range(draw(1, min(2 + more, 4)))]
        if "protected" in self.features and draw(0, 3) == 0 and self.of == 1:
            self.phones.append(Identifier("phone", "+8695588"))
        self.people = [Identifier("national_id", f"person-{self.place}-{n}") for n in range(draw(2, 2 + min(more, 2)))]
        kinds = ("bank_account:icbc:", "bank_card::", "payment_account:alipay:", "bank_account:abc:")
        self.accounts = []
        for n in range(draw(1, 2 + more)):
            kind, scope, _ = kinds[draw(0, 3)].split(":")
            self.accounts.append(Identifier(kind, f"{scope}:{self.place}-{n}" if scope else f"6222{self.place:04d}{n}"))
        self.profiles = [Identifier("internet_account", f"wechat:{self.place}-{n}") for n in range(draw(1, 1 + more))]
        self.imsis = [Identifier("imsi", f"46000{self.place:04d}{n}") for n in range(2)]
        self.iccids = [Identifier("iccid", f"8986{self.place:04d}{n}") for n in range(2)]
        self.imeis = [Identifier("imei", f"35{self.place:04d}{n}") for n in range(2)]
        self.ips = [Identifier("ip", f"10.{self.place // 256}.{self.place % 256}.{n}") for n in range(2)]
        self.firms = [Identifier("uscc", f"firm-{self.place}-{n}") for n in range(1)]
        hosts = [f"a.evil{self.place}.com", f"evil{self.place}.com"]
        if "protected" in self.features:
            hosts += [f"b{self.place}.github.io", f"shop{self.place}.gov.cn"]
        self.urls = [f"https://{host}/{n}" for n, host in enumerate(hosts)]
        self.cases = [f"C{self.place}-{n}" for n in range(draw(1, 1 + min(more, 2)))]
        self.moments = self._moments()
        self._last: dict[tuple[str, str], Record] = {}
        self._sequence: dict[str, int] = {}
        self._held: list[Delivery] = []
        self.deliveries: list[tuple[date, list[Delivery]]] = []

    @property
    def name(self) -> str:
        return f"world {self.seed}"

    def _moments(self) -> list[datetime]:
        """A few moments around which everything happens: business dates' 00:00, and exact ones beside them."""
        found = []
        for _ in range(self.random.randint(3, 6)):
            day = midnight(FIRST_NIGHT) - self.random.choice((1, 2, 5, 20, 29, 30, 31, 40, 90, 200, 365, 800)) * DAY
            found.append(day)
            if self.random.random() < 0.5:
                found.append(
                    day + timedelta(hours=self.random.choice((1, 12, 23)), microseconds=self.random.choice((0, 1)))
                )
        return sorted(found)

    # -- small choices

    def _chance(self, odds: float) -> bool:
        return self.random.random() < odds

    def _pick(self, items: Sequence[Any]) -> Any:
        return self.random.choice(items)

    def _maybe(self, items: Sequence[Any], odds: float) -> Any:
        return self._pick(items) if items and self._chance(odds) else None

    def _time(self) -> datetime:
        """One of the moments; sometimes one of the nights since."""
        recent = [midnight(self.on) - self._pick((0, 1, 3)) * DAY + timedelta(hours=self._pick((0, 0, 9)))]
        return self._pick([*self.moments, *self.moments, *recent])

    def _span(self, odds: float) -> tuple[datetime, datetime | None]:
        """A start, and with these odds an end that is not before it, which may lie ahead."""
        start = self._time()
        if not self._chance(odds):
            return start, None
        ends = [
            one for one in [*self.moments, self._time(), midnight(self.on) + self._pick((1, 30)) * DAY] if one >= start
        ]
        return start, self._pick(ends or [start])

    def _moment(self) -> tuple[datetime, bool]:
        at = self._time()
        return (midnight((at + timedelta(hours=8)).date()), True) if self._chance(0.5) else (at, False)

    # -- records of each feed

    def _subscription(self) -> Record:
        since, to = self._span(0.4)
        number = self.random.randint(0, 1)
        who = self.random.randrange(len(self.people))
        if (
            "twins" not in self.features
        ):  # two documents activated at one instant are one node, and everything is said of both
            since += timedelta(seconds=who)
            to = to and max(to, since)
        return {
            "phone": self._pick(self.phones), "holder": self.people[who], "imsi": self.imsis[number] if "sims" in self.features else
            Identifier("imsi", f"46009{self.place:04d}{self.random.randint(0, 5)}"), "iccid": self.iccids[number if self._chance(0.7) else 0],
            "carrier": self._pick(("cmcc", "cucc")), "activated_at": since, "deactivated_at": to,
            "deactivation_reason": self._pick(("fraud", "fraud", "customer", "ported")) if to else None,
        }  # fmt: skip

    def _account(self) -> Record:
        opened, closed = self._span(0.15)
        bound, unbound = self._span(0.25)
        account = self._pick(self.accounts)
        return {
            "account": account, "institution_id": account.value.split(":")[0] if ":" in account.value else self._pick(("icbc", "abc")),
            "holder": self._pick(self.people + (self.firms if self._chance(0.1) else [])), "phone": self._maybe(self.phones, 0.85),
            "bound_at": bound if unbound or self._chance(0.8) else None, "unbound_at": unbound, "opened_at": opened, "closed_at": closed,
        }  # fmt: skip

    def _profile(self) -> Record:
        opened, closed = self._span(0.15)
        bound, unbound = self._span(0.25)
        return {
            "account": self._pick(self.profiles), "platform": "wechat", "holder": self._maybe(self.people, 0.3),
            "phone": self._maybe(self.phones, 0.9), "bound_at": bound if unbound or self._chance(0.8) else None, "unbound_at": unbound,
            "registered_at": opened, "closed_at": closed,
        }  # fmt: skip

    def _seen(self) -> dict[str, datetime]:
        first, last = self._span(1.0)
        assert last is not None
        return {"first_seen": first, "last_seen": last}

    def _sighting(self) -> Record:
        return {"imei": self._pick(self.imeis), "imsi": self._pick(self.imsis), **self._seen()}

    def _login(self) -> Record:
        imei = self._maybe(self.imeis, 0.7)
        return {
            "account": self._pick(self.profiles),
            "platform": "wechat",
            "imei": imei,
            "ip": self._maybe(self.ips, 0.7),
            **self._seen(),
        }

    def _url(self, label: str) -> Record:
        url = self._pick(self.urls)
        host = url.split("/")[2]
        registrable = f"evil{self.place}.com" if host.startswith("a.evil") else None
        return {
            label: Identifier("url", url), f"{label}_host": Identifier("domain", host),
            f"{label}_registrable": Identifier("domain", registrable) if registrable else None,
        }  # fmt: skip

    def _site(self) -> Record:
        return {
            **self._url("url"), "ip": self._maybe(self.ips, 0.7), "operator": self._maybe(self.firms, 0.4), "category": "bank",
            "verified": self._chance(0.5), "case_id": self._maybe(self.cases, 0.3), **self._seen(),
        }  # fmt: skip

    def _transfer(self) -> Record:
        accounts = self.accounts
        return {
            "payer": self._pick(accounts), "payee": self._pick(accounts), "transferred_at": self._moment(),
            "indicator": self._pick(("linked_to_case", "rapid_in_out", "many_to_one")), "case_id": self._maybe(self.cases, 0.4),
        }  # fmt: skip

    def _control(self) -> Record:
        ordered = self._moment()
        ends = ordered[0] + self._pick((0, 10, 60, 400)) * DAY
        return {
            "account": self._pick(self.accounts), "control": self._pick(("freeze", "freeze", "stop_payment", "release")), "ordered_at": ordered,
            "expires_at": ends if self._chance(0.4) else None, "authority_level": self._level(), "case_id": self._maybe(self.cases, 0.3),
        }  # fmt: skip

    def _line(self) -> Record:
        start, end = self._span(1.0)
        return {
            "phone": self._pick(self.phones), "displayed": self._maybe(self.phones, 0.5), "count": 100, "window_start": start, "window_end": end,
            "indicator": self._pick(("high_frequency", "sim_box", "caller_id_spoofing", "complaints")), "case_id": self._maybe(self.cases, 0.2),
        }  # fmt: skip

    def _person(self) -> Record:
        since, until = self._span(0.2)
        status = self._pick(("suspect", "charged", "convicted", "convicted", "account_trading", "cleared"))
        return {
            "person": self._pick(self.people),
            "status": status,
            "since": since,
            "until": until,
            "authority_level": self._level(),
        }

    def _listed_number(self) -> Record:
        return {"phone": self._pick(self.phones), "listed_at": self._moment()}

    def _level(self) -> str:
        return self._pick(("county", "city", "city", "province"))

    def _case(self) -> Record:
        finding = self._pick(("confirmed", "confirmed", "confirmed", "reported", "reported", "unfounded"))
        named = [self._element() for _ in range(self.random.randint(1, 4))]
        return {
            "case_id": self._pick(self.cases), "finding": finding, "authority_level": self._level(), "occurred_at": self._moment(),
            "reported_at": self._moment(), "finding_ref": "F1", "region_code": "440100", "fraud_type": "other", "involved": named,
        }  # fmt: skip

    def _element(self) -> Record:
        role = self._pick(("offender", "offender", "offender", "payee", "payee", "victim", "impersonated"))
        pools = [self.phones, self.phones, self.accounts, self.accounts, self.profiles]
        if "sims" in self.features:
            pools += [self.imsis + self.iccids, self.imeis]
        if role in ("victim", "offender"):
            pools.append(self.people)
        if "sites" in self.features and self._chance(0.2):
            return {"role": self._pick(("site", "site", "impersonated")), **self._url("identifier")}
        return {"role": role, "identifier": self._pick(self._pick(pools))}

    # -- deliveries

    def _feeds(self) -> dict[str, tuple[Callable[[], Record], int]]:
        """Feed: how to make a record of it, and how many records it has at most."""
        n = self.size
        feeds = {
            "telecom/subscriptions": (self._subscription, 2 + n), "finance/accounts": (self._account, 1 + n),
            "internet/internet_accounts": (self._profile, 1 + n), "public_security/case_reports": (self._case, 1 + n // 2),
        }  # fmt: skip
        rare: dict[str, dict[str, tuple[Callable[[], Record], int]]] = {
            "sims": {"telecom/device_sightings": (self._sighting, 1 + n)}, "logins": {"internet/account_logins": (self._login, n)},
            "sites": {"internet/malicious_sites": (self._site, n)}, "transfers": {"finance/suspicious_transfers": (self._transfer, n)},
            "controls": {"finance/payment_controls": (self._control, n)}, "lines": {"telecom/abnormal_numbers": (self._line, n)},
            "persons": {"public_security/persons_of_interest": (self._person, n)},
            "lists": {"telecom/disposable_numbers": (self._listed_number, 1)},
        }  # fmt: skip
        for feature in sorted(self.features & rare.keys()):
            feeds |= rare[feature]
        return feeds

    def _version(self, feed: str, record_id: str, make: Callable[[], Record]) -> Record:
        """What an agency says of a record tonight: something new, the same again, or with a few columns changed."""
        before = self._last.get((feed, record_id))
        if before is None or self._chance(0.15):
            body = make()
        else:
            body = dict(before)
            fresh = make()
            for name in self.random.sample(sorted(fresh), self.random.randint(0, min(3, len(fresh)))):
                group = next((one for one in _TOGETHER if name in one), (name,))
                body |= {one: fresh[one] for one in group if one in fresh}
        if before and feed in ("finance/accounts", "internet/internet_accounts") and body["phone"] is None:
            # to empty the phone and to change hands, or to begin anew, at once can be read in many ways
            body |= {name: before[name] for name in ("holder", "bound_at") if name in before}
            if body["unbound_at"] and body["bound_at"]:
                body["unbound_at"] = max(body["unbound_at"], body["bound_at"])
        opened = body.get("opened_at") or body.get("registered_at")
        for name in ("bound_at", "unbound_at", "closed_at"):  # nothing is bound before it is there
            if opened and body.get(name):
                body[name] = max(body[name], opened)
        self._last[(feed, record_id)] = body
        return body

    def _recorded(self) -> datetime:
        """Mostly this night's noon, growing; sometimes of a day before, so that what comes late is older."""
        noon = midnight(self.on) + timedelta(hours=12)
        return noon - self._pick((0, 0, 0, 0, 0, 0, 1, 2, 30)) * DAY + timedelta(minutes=self._pick((0, 0, 1, 2)))

    def deliver(
        self, feed: str, records: list[Record], mode: str = "delta", present: frozenset[str] = frozenset()
    ) -> Delivery:
        number = self._sequence[feed] = self._sequence.get(feed, 0) + 1
        sequence = number * self.of + self.place
        produced = midnight(self.on) + timedelta(hours=18)
        numbered = [{"file": "part-0001", "line": line, **record} for line, record in enumerate(records, 1)]
        return Delivery(
            feed, f"{feed.replace('/', '-')}-{sequence:06d}", sequence, mode, produced, self.on, numbered, present
        )

    def _of_feed(self, feed: str, make: Callable[[], Record], most: int) -> Delivery | None:
        records = []
        for number in range(self.random.randint(0, most) if self.night_number else most):
            record_id = f"{feed.split('/')[1][:4]}{self.place}-{number}"
            if not self._chance(0.75):
                continue
            if self.night_number and self._chance(0.12):
                records.append({"record_id": record_id, "op": "withdraw", "recorded_at": self._recorded()})
                continue
            record = {
                "record_id": record_id,
                "op": "upsert",
                "recorded_at": self._recorded(),
                **self._version(feed, record_id, make),
            }
            if "freeing" in self.features and self._frees(record) and self._chance(0.2):
                record["frees_only"] = True
                if "authority_level" in record and self._chance(0.5):
                    record["authority_level"] = None
            records.append(record)
        is_snapshot = "snapshots" in self.features and self._chance(0.12)
        if not records and not is_snapshot:
            return None
        return self.deliver(feed, records, "snapshot" if is_snapshot else "delta")

    @staticmethod
    def _frees(record: Record) -> bool:
        return (
            record.get("finding") == "unfounded"
            or record.get("status") == "cleared"
            or record.get("control") == "release"
        )

    def night(self, listed: Sequence[Listed], gap: int | None = None) -> tuple[date, list[Delivery]]:
        """The next night: its date (so many days after the last), and what it takes. `listed`: everything that was ever listed."""
        drawn = self._pick(GAPS)
        if self.night_number:
            self.on += (gap or drawn) * DAY
        found = [one for feed, (make, most) in self._feeds().items() if (one := self._of_feed(feed, make, most))]
        if "answers" in self.features and listed:
            found += self._answers(sorted(listed))
        tonight, self._held = self._held, []
        for one in found:
            is_late = "late" in self.features and self._chance(0.1)
            (self._held if is_late else tonight).append(one)
        self.random.shuffle(tonight)
        self.night_number += 1
        self.deliveries.append((self.on, tonight))
        return self.on, tonight

    # -- what people answer

    def _answers(self, listed: list[Listed]) -> list[Delivery]:
        found: dict[str, list[Record]] = {}
        for _ in range(self.random.randint(0, 3)):
            one = self._pick(listed[-6:])
            subject = Identifier("phone", one.node.phone) if isinstance(one.node, Tenure) else one.node
            if self._chance(0.1):
                subject = self._pick([*self.phones, *self.accounts])
            named = {
                "listing_id": one.listing_id if self._chance(0.8) else None,
                "subject": subject,
                "decided_at": self._decided(),
            }
            odds = self.random.random()
            if odds < 0.2:
                feed, body = (
                    "public_security/appeal_decisions",
                    {**named, "outcome": self._pick(("upheld", "upheld", "dismissed"))},
                )
            elif odds < 0.55 and (one.is_proposal or self._chance(0.3)):
                measure = self._pick(("restrict", "suspend", "suspend", "none"))
                feed, body = (
                    "public_security/review_decisions",
                    {**named, "measure": measure, "authority_level": self._level()},
                )
            else:
                agency = {"cmcc": "telecom", "cucc": "telecom", "wechat": "internet", "cnnic": "internet"}.get(
                    one.administrator or "cmcc", "finance"
                )
                outcome = self._pick(
                    ("verified_clean", "verified_clean", "rectified", "restricted", "suspended", "closed", "not_ours")
                )
                who = (one.administrator or "cmcc") if self._chance(0.9) else "icbc"
                feed = f"{agency}/measure_outcomes"
                body = {
                    "listing_id": one.listing_id,
                    "recipient_id": who,
                    "outcome": outcome,
                    "acted_at": self._decided(),
                }
            known = [key[1] for key in self._last if key[0] == feed]
            number = len(known)
            record_id = (
                self._pick(known) if known and self._chance(0.1) else f"{feed.split('/')[1][:4]}{self.place}-{number}"
            )
            self._last[(feed, record_id)] = body
            op = "withdraw" if known and record_id in known and self._chance(0.4) else "upsert"
            said = {"record_id": record_id, "op": op, "recorded_at": self._recorded(), "decision_ref": f"D{number}"}
            found.setdefault(feed, []).append({**said, **body} if op == "upsert" else said)
        return [self.deliver(feed, records) for feed, records in found.items()]

    def _decided(self) -> tuple[datetime, bool]:
        """Of late, as a day or a moment; sometimes long before the evidence."""
        at = midnight(self.on) - self._pick((0, 0, 0, 1, 1, 5, 40)) * DAY
        return (at, True) if self._chance(0.6) else (at + timedelta(hours=self._pick((0, 9))), False)


_TOGETHER = (
    ("bound_at", "unbound_at"), ("opened_at", "closed_at"), ("registered_at", "closed_at"), ("first_seen", "last_seen"),
    ("holder", "activated_at", "deactivated_at", "deactivation_reason"), ("window_start", "window_end"), ("since", "until"),
    ("ordered_at", "expires_at"), ("url", "url_host", "url_registrable"), ("account", "institution_id"), ("imsi", "iccid"),
)  # fmt: skip
