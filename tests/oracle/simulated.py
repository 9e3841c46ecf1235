"""Worlds of the simulator: what it delivers is taken by the product's intake, read by its readers of files, and typed by `typed`.

People's answers and second thoughts, which the simulator cannot know or seldom has, are landed beside it as text: outcomes, appeals and
decisions that name a listing, records that are withdrawn, and records that say tonight what others of their feed say. After the simulated nights come quiet ones, further and further apart, in which things fall due
and expire.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch
from urllib.parse import urlsplit

import pyarrow as pa

from jobs.bronze.records import read_records
from jobs.bronze.source import Limits
from jobs.core.contracts import BASE_COLUMNS, Column, Feed
from jobs.intake.answers import Answer, Desk, Ledger
from jobs.intake.delivery import write_delivery
from jobs.intake.landing import discover
from jobs.intake.staging import Staging, staged_uri
from jobs.simulate import Knobs, job, simulate
from tests.oracle.battery import Pair, Wrong, play_together
from tests.oracle.model import DAY, SHANGHAI, Delivery, Identifier, Tenure, midnight, tonight
from tests.oracle.product import codes, contracts, recipients
from tests.oracle.typed import type_delivery
from tests.oracle.worlds import Listed

Row = dict[str, Any]  # texts by column, as in bronze
START = date(2026, 10, 1)
GAPS = (1, 3, 13, 16, 40, 91, 181, 370)
MOST = 100
"""So many worlds at most are played together."""
OWN = 1000
"""Where the numbers of deliveries begin that the simulator did not make."""
OUTCOMES = ("verified_clean", "verified_clean", "rectified", "restricted", "suspended", "closed", "not_ours")
TURNED: dict[str, tuple[float, ...]] = {
    "fraud_share": (0.03, 0.1, 0.2), "cases_per_person": (0.05, 0.15, 0.4), "confirmed_share": (0.3, 0.7, 1.0),
    "false_report_rate": (0.04, 0.3, 0.6), "recycled_share": (0.0, 0.6, 1.0), "family_share": (0.1, 0.9), "sim_box_share": (0.0, 0.3, 1.0),
    "wifi_share": (0.0, 0.06, 0.5), "change_rate": (0.01, 0.1, 0.3), "mess_rate": (0.0, 0.08, 0.5), "duplicate_rate": (0.002, 0.1),
    "late_rate": (0.0, 0.05, 0.4), "bad_record_rate": (0.0, 0.002, 0.05), "unknown_column_rate": (0.03,), "snapshot_rate": (0.05, 0.3),
    "broken_delivery_rate": (0.0, 0.1, 0.3),
}  # fmt: skip


@cache
def knobs_of(seed: int) -> Knobs:
    """The knobs of a world, each turned to one of a few places."""
    random = Random(f"{seed}/knobs")
    return Knobs(**{name: random.choice(places) for name, places in TURNED.items()})


@dataclass(frozen=True)
class Habits:
    """How often a delivery is held back for one night or more; how many records at most are withdrawn or rewritten, and listings answered."""

    holds: float
    withdrawals: int
    rewrites: int
    answers: int


def habits_of(seed: int) -> Habits:
    """What people and agencies of a world are like: some are quiet, some change their minds all the time."""
    random = Random(f"{seed}/habits")
    return Habits(
        random.choice((0.0, 0.08, 0.2)), random.choice((1, 2, 6)), random.choice((2, 6, 20)), random.choice((1, 3, 8))
    )


class Simulated:
    """One world of the simulator below a folder, night by night. `nights` of it are simulated; those after are quiet. With a `place` among
    others it is played with them: then it has no snapshots, which speak of all.
    """

    def __init__(self, folder: Path, seed: int, people: int, nights: int, place: int | None = None) -> None:
        self.name = f"simulated world {seed} of {people} people"
        self.place = place
        self.written: dict[Identifier, Identifier] = {}  # what an identifier is called where it is played alone
        knobs = knobs_of(seed) if place is None else replace(knobs_of(seed), snapshot_rate=0.0)
        self.landing, self.lake = folder / "landing", folder / "lake"
        self.nights, self.habits = nights, habits_of(seed)
        self.random = Random(f"{seed}/{people}/answers")
        self.on, self.number = START, 0
        self.sequences: dict[str, int] = {}
        self.rows: dict[tuple[str, str], Row] = {}
        self._answers: list[Answer] = []
        self._held: dict[Path, date] = {}
        with patch.object(job, "LEAST_PEOPLE", 1):  # people want a city, an oracle wants a hamlet
            simulate(
                folder, people, nights, seed, START, contracts=contracts(), codes=codes(), knobs=knobs, say=lambda _: None
            )  # fmt: skip

    def night(self, listed: Sequence[Listed], gap: int | None = None) -> tuple[date, list[Delivery]]:
        """The next night: its date, and what it takes. `listed`: everything that was ever listed."""
        if self.number:
            self.on += (1 if self.number < self.nights else gap or self.random.choice(GAPS)) * DAY
        self.number += 1
        self._answer(sorted(listed))
        self._withdraw()
        self._rewrite()
        return self.on, [self._read(one) for one in self._take() if one.status == "taken"]

    # -- what the product takes and reads

    def _take(self) -> list[Answer]:
        """Intake's answers to what has landed and is not held back."""
        found = discover(str(self.landing), self.on).found
        for one in found:
            if one.folder not in self._held:
                is_held = self.random.random() < self.habits.holds
                self._held[one.folder] = self.on + (self.random.choice((1, 2, 5)) if is_held else 0) * DAY
        ledger = Ledger.of([asdict(one) | {"staged": [file._asdict() for file in one.staged]} for one in self._answers])
        desk = Desk(self.on, tonight(self.on), contracts(), {}, Limits(), Staging(str(self.lake)), ledger)
        new = desk.answer_all(one for one in found if self._held[one.folder] <= self.on)
        self._answers += new
        return new

    def _read(self, answer: Answer) -> Delivery:
        """The delivery as the readers of bronze see its files."""
        feed = contracts()[answer.feed_id]
        assert answer.sequence is not None
        assert answer.produced_at is not None
        assert answer.business_date is not None
        said = Delivery(
            answer.feed_id, answer.delivery_id, answer.sequence, str(answer.mode), answer.produced_at, answer.business_date, []
        )  # fmt: skip
        rows = [
            {"file": file.name, **row}
            for file in answer.staged
            for batch in read_records(staged_uri(str(self.lake), file.sha256), feed)
            for row in batch.to_pylist()
        ]
        self.rows |= {(feed.id, row["record_id"]): row for row in rows if row["op"] == "upsert"}
        taken = type_delivery(feed, said, rows)
        return taken if self.place is None else self._apart(taken, self.place)

    def _apart(self, taken: Delivery, place: int) -> Delivery:
        """The delivery as of a country of its own, so that no two worlds share anything."""

        def moved(value: Any) -> Any:
            if isinstance(value, Identifier):
                host = urlsplit(value.value).hostname if value.type == "url" else None
                text = value.value.replace(host, f"{host}-{place}", 1) if host else f"{value.value}-{place}"
                self.written[Identifier(value.type, text)] = value
                return Identifier(value.type, text)
            if isinstance(value, list):
                return [moved(one) for one in value]
            if isinstance(value, dict):
                own = {name: f"{place}-{value[name]}" for name in ("record_id", "case_id") if value.get(name)}
                return {name: moved(one) for name, one in value.items()} | own
            return value

        sequence = taken.sequence * MOST + place
        return replace(
            taken, delivery_id=f"{place}-{taken.delivery_id}", sequence=sequence, mode="delta", records=moved(taken.records)
        )  # fmt: skip

    # -- what is landed beside the simulator's

    def _land(self, feed_id: str, records: list[Row]) -> None:
        """One delivery of tonight, written as an agency would."""
        feed = contracts()[feed_id]
        number = self.sequences[feed_id] = self.sequences.get(feed_id, OWN) + 1
        table = pa.table({one.name: _cells(one, [record.get(one.name) for record in records]) for one in feed.schema_})
        write_delivery(
            self.landing, feed, [table], business_date=self.on, sequence=number, delivery_id=f"own-{feed.name}-{number}",
            produced_at=midnight(self.on) + timedelta(hours=20),
        )  # fmt: skip

    def _said(self) -> str:
        """When it is recorded: mostly this evening; sometimes before, so that what comes late is older."""
        at = midnight(self.on) + timedelta(hours=19) - self.random.choice((0, 0, 0, 0, 1, 2, 30)) * DAY
        return _stamp(at)

    def _withdraw(self) -> None:
        """What agencies take back of what they once delivered."""
        taken_back: dict[str, list[Row]] = {}
        for feed, record_id in self._some(self.habits.withdrawals):
            taken_back.setdefault(feed, []).append(
                {"record_id": record_id, "op": "withdraw", "recorded_at": self._said()}
            )
        for feed, records in taken_back.items():
            self._land(feed, records)

    def _rewrite(self) -> None:
        """Records that say in part what another of their feed says: people move, agencies correct themselves, and err."""
        rewritten: dict[str, list[Row]] = {}
        for feed, record_id in self._some(self.habits.rewrites):
            other = self.random.choice([row for (name, _), row in self.rows.items() if name == feed])
            row = _mixed(contracts()[feed], self.rows[feed, record_id], other, self.random)
            rewritten.setdefault(feed, []).append({**row, "op": "upsert", "recorded_at": self._said()})
        for feed, records in rewritten.items():
            self._land(feed, records)

    def _some(self, most: int) -> list[tuple[str, str]]:
        """Up to so many records that were delivered, of as many feeds as may be: the few of a small feed count as much as the many."""
        feeds = sorted({feed for feed, _ in self.rows if feed != "finance/measure_outcomes"})
        if not feeds:
            return []
        drawn = [self.random.choice(feeds) for _ in range(self.random.randint(0, most))]
        return [self.random.choice([key for key in self.rows if key[0] == feed]) for feed in drawn]

    def _answer(self, listed: list[Listed]) -> None:
        """What recipients, authorities and courts say of some of the listings."""
        said: dict[str, list[Row]] = {}
        for number in range(self.random.randint(0, self.habits.answers) if listed else 0):
            one = self.random.choice(listed)
            draw = self.random.random()
            if draw < 0.25:
                feed, body = (
                    "public_security/appeal_decisions",
                    self._decided(one, outcome=self._one("upheld", "upheld", "dismissed")),
                )
            elif one.is_proposal and draw < 0.8:
                measure, level = (
                    self._one("restrict", "suspend", "suspend", "none"),
                    self._one("county", "city", "province"),
                )
                feed, body = (
                    "public_security/review_decisions",
                    self._decided(one, measure=measure, authority_level=level),
                )
            else:
                feed, body = self._outcome(one)
            head = {"record_id": f"own-{self.number}-{number}", "op": "upsert", "recorded_at": self._said()}
            said.setdefault(feed, []).append({**head, **body})
        for feed, records in said.items():
            self._land(feed, records)

    def _one(self, *items: str) -> str:
        return self.random.choice(items)

    def _moment(self) -> str:
        """Of late, as a day or a moment; sometimes long before the evidence."""
        at = (
            midnight(self.on) + timedelta(hours=self.random.choice((0, 9))) - self.random.choice((0, 0, 1, 5, 40)) * DAY
        )
        stamp = _stamp(at)
        return stamp[:10] if self.random.random() < 0.5 else stamp

    def _decided(self, one: Listed, **more: str) -> Row:
        """A decision that names the listing or not, and its identifier as an agency writes it."""
        node = Identifier("phone", one.node.phone) if isinstance(one.node, Tenure) else one.node
        kind, value = self.written.get(node, node)
        issuer, _, number = (
            value.partition(":") if kind in ("bank_account", "payment_account", "internet_account") else ("", "", value)
        )
        return {
            "listing_id": one.listing_id if self.random.random() < 0.7 else None, "identifier_type": kind, "identifier": number,
            "issuer": issuer or None, "decided_at": self._moment(), "decision_ref": f"D{self.number}-{one.listing_id[:6]}", **more,
        }  # fmt: skip

    def _outcome(self, one: Listed) -> tuple[str, Row]:
        """What the recipient that administers it did; seldom another's word."""
        who = one.administrator or "cmcc"
        agency = recipient_agency(who)
        if self.random.random() < 0.1:
            who = self._one("icbc", "wechat", "cucc")
        return f"{agency}/measure_outcomes", {
            "listing_id": one.listing_id, "recipient_id": who, "outcome": self._one(*OUTCOMES), "acted_at": self._moment(),
        }  # fmt: skip


def _cells(column: Column, texts: list[str | None]) -> pa.Array:
    """A column as an agency's own system has it: a list is a list."""
    if column.items is None:
        return pa.array(texts, pa.string())
    kind = pa.list_(pa.struct([(item.name, pa.string()) for item in column.items.schema_]))
    return pa.array([json.loads(text) if text else None for text in texts], kind)


def _mixed(feed: Feed, row: Row, other: Row, random: Random) -> Row:
    """The row with one or two things that the other says; a list has one element of the other's besides. Some of them free
    somebody, and some are broken.
    """
    named = [{name for name in (one.type_from, one.scope, one.value) if name} for one in feed.identifiers.values()]
    groups: list[set[str]] = [*named, *map(set, feed.intervals)]
    alone = [{name} for name in feed.columns if name not in BASE_COLUMNS and not any(name in group for group in groups)]
    mixed = {name: row.get(name) for name in feed.columns}
    for group in random.sample([*groups, *alone], min(random.randint(1, 2), len(groups) + len(alone))):
        for name in sorted(group):
            is_list = feed.columns[name].items is not None
            mixed[name] = _joined(mixed[name], other[name], random) if is_list else other[name]
    frees = re.match(r"(\w+) = '(\w+)'", feed.frees or "")
    is_freeing = frees is not None and random.random() < 0.25
    if frees and is_freeing:
        mixed[frees[1]] = frees[2]
    if random.random() < (0.5 if is_freeing else 0.15):
        mixed[random.choice([name for name in feed.columns if feed.columns[name].items is None])] = "?"
    return mixed


def _joined(text: str | None, other: str | None, random: Random) -> str:
    """A list with an element of another, in any role; seldom one that cannot be read."""
    mine, theirs = json.loads(text or "[]"), json.loads(other or "[]")
    if theirs:
        role = random.choice(("offender", "payee", "victim", "impersonated", "site"))
        broken = {"identifier": "?"} if random.random() < 0.1 else {}
        mine.append({**random.choice(theirs), "role": role, **broken})
    return json.dumps(mine)


def recipient_agency(recipient_id: str) -> str:
    """The agency through which a recipient answers; public_security's own go through telecom, where none counts."""
    found = recipients().get(recipient_id)
    agency = found.agency if found else "telecom"
    return agency if agency in ("finance", "telecom", "internet") else "telecom"


def _stamp(at: datetime) -> str:
    return at.astimezone(SHANGHAI).isoformat()


def play_simulated(seed: int, people: int, nights: int, quiet: int, policy: str = "default") -> Wrong | None:
    """What differs in one simulated world; None when nothing does."""
    with TemporaryDirectory() as folder:
        world, pair = Simulated(Path(folder), seed, people, nights), Pair(policy)
        for _ in range(nights + quiet):
            if wrong := pair.play(*world.night(list(pair.listed.values()))):
                return Wrong(world.name, policy, pair.nights, wrong)
    return None


def play_simulated_together(seeds: Sequence[int], people: int, nights: int, quiet: int, policy: str) -> list[Wrong]:
    """What differs in each of some simulated worlds."""
    with TemporaryDirectory() as folder:
        worlds = [Simulated(Path(folder) / str(place), seed, people, nights, place) for place, seed in enumerate(seeds)]
        return play_together(worlds, policy, nights + quiet, Random(f"{seeds[0]}/gaps"))
