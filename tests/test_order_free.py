"""Real files through the real stages, table by table: the state after a set of deliveries is that of the set, and a night that dies changes nothing.

`ANTIFRAUD_SOAK=200` plays so many sets more of each property.
"""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple, NoReturn

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jobs.core.contracts import Feed
from jobs.core.lake import Lake
from jobs.core.night import SHANGHAI, Night, Stage, StageReport
from jobs.core.reading import PinnedLake
from jobs.core.runner import World, run_nights
from jobs.core.schema import load_tables
from jobs.core.settings import ROOT, Settings
from jobs.graph.sources import Sources
from jobs.intake.delivery import delivery_path, write_delivery
from jobs.pipeline import load_stages
from jobs.policy import load_policy
from tests.intake.world import CONTRACTS, data_file, scratch

SOAK = int(os.environ.get("ANTIFRAUD_SOAK", "0"))
TABLES = load_tables(ROOT / "schemas", CONTRACTS)
POLICY = load_policy(ROOT / "schemas", "default")
STAGES = tuple(stage for stage in load_stages() if stage.name in ("intake", "bronze", "silver", "identifiers", "graph"))
LAST = date(2026, 11, 23)
"""The last night of every run: tonight is the same for all."""

Row = dict[str, Any]


def bounded(examples: int) -> settings:
    return settings(
        max_examples=examples + SOAK, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
    )  # fmt: skip


# A small set of deliveries. Of everything there are few, so that they meet.


class Sent(NamedTuple):
    """One delivery: its feed, number, id, business date, mode, and the rows of its files."""

    feed: str
    sequence: int
    id: str
    on: date
    mode: str
    files: tuple[tuple[Row, ...], ...]

    @property
    def name(self) -> str:
        return f"{self.feed} {self.sequence}"


PHONES = ["13800000001", "+86 138-0000-0001", "13900000002"]
PEOPLE = ["110101199001010015", "110101199001010074"]
STARTS = ["2026-01-01", "2026-02-01T08:00:00+08:00", "2026-03-01"]
ENDS = [None, None, None, None, "2026-04-01", "2026-02-10"]
RECORDED = [f"2026-11-{day}T12:00:00+08:00" for day in (18, 20, 21, 22)]
ACCOUNTS = ["6217", "9558 8001"]


def one(*values: Any) -> st.SearchStrategy[Any]:
    return st.sampled_from(values)


def rows_of(columns: Mapping[str, st.SearchStrategy[Any]], *faults: Row) -> st.SearchStrategy[Row]:
    """Rows with these columns: one in four breaks its contract, one in six withdraws its record."""
    good = st.fixed_dictionaries(
        {
            "record_id": one("r1", "r2", "r3", "r4"),
            "op": one("upsert", "upsert", "upsert", "upsert", "upsert", "withdraw"),
            "recorded_at": st.sampled_from(RECORDED),
            **columns,
        }
    )
    broken = (
        {"recorded_at": "yesterday"},
        {"recorded_at": "2026-12-24"},
        {"record_id": None},
        {"op": "delete"},
        *faults,
    )
    fault = st.one_of(st.just({}), st.just({}), st.just({}), st.sampled_from(broken))
    return st.builds(lambda row, wrong: {**row, **wrong}, good, fault)


BINDING = {"bound_phone": one(*PHONES, None), "bound_at": one(None, *STARTS), "unbound_at": st.sampled_from(ENDS)}
HOLDER = {"holder_doc_type": st.just("national_id"), "holder_doc_no": st.sampled_from(PEOPLE)}
ELEMENT = st.one_of(
    st.fixed_dictionaries(
        {
            "role": one("offender", "payee", "victim"), "identifier_type": st.just("phone"), "identifier": st.sampled_from(PHONES),
            "issuer": st.none(),
        }
    ),
    st.fixed_dictionaries(
        {
            "role": one("payee", "site"), "identifier_type": st.just("bank_account"), "identifier": st.sampled_from(ACCOUNTS),
            "issuer": one("icbc", "icbc", "nobody"),
        }
    ),
    st.sampled_from(
        [
            {"role": "payee", "identifier_type": "phone", "identifier": "12", "issuer": None},
            {"role": "friend", "identifier_type": "national_id", "identifier": PEOPLE[0], "issuer": None},
        ]
    ),
)  # fmt: skip
ROWS: dict[str, st.SearchStrategy[Row]] = {
    "telecom/subscriptions": rows_of(
        {
            "msisdn": st.sampled_from(PHONES), "iccid": one("89860012345678901234", "89860012345678905678"),
            "imsi": one("460001234567890", "460001234567891"), "carrier": st.just("cmcc"), **HOLDER,
            "activated_at": st.sampled_from(STARTS), "deactivated_at": st.sampled_from(ENDS),
            "deactivation_reason": one(None, "fraud", "customer"),
        },
        {"msisdn": "12"}, {"holder_doc_no": PEOPLE[0][::-1]}, {"carrier": None, "imsi": "x"},
    ),
    "internet/internet_accounts": rows_of(
        {
            "platform": st.just("wechat"), "account_id": one("wx-1", "wx-2"), **BINDING,
            "holder_doc_type": st.just("national_id"), "holder_doc_no": one(*PEOPLE, *PEOPLE, None),
            "registered_at": st.sampled_from(STARTS), "closed_at": st.sampled_from(ENDS),
        },
        {"bound_phone": "12"}, {"platform": "nobody"},
    ),
    "finance/accounts": rows_of(
        {
            "account_kind": one("bank_account", "payment_account"), "institution_id": one("icbc", "ICBC", "alipay"),
            "account_no": st.sampled_from(ACCOUNTS), **HOLDER, **BINDING,
            "opened_at": st.sampled_from(STARTS), "closed_at": st.sampled_from(ENDS),
        },
        {"institution_id": "nobody"}, {"opened_at": "2026-02-30"},
    ),
    "public_security/case_reports": rows_of(
        {
            "case_id": one("C1", "C1", "C2"), "fraud_type": one("other", "fake_investment"), "occurred_at": one("2026-01-15", "2026-03-05T09:00:00Z"),
            "reported_at": st.just("2026-03-06"), "region_code": st.just("440100"), "amount_cny": one("1200.00", "7"),
            "finding": one("reported", "confirmed", "unfounded"), "authority_level": one("county", "city"), "finding_ref": one("F-1", "F-2", None),
            "involved": st.lists(ELEMENT, max_size=3),
        },
        {"region_code": "000000"}, {"region_code": "000000", "finding": "unfounded"}, {"amount_cny": "x", "finding": "unfounded"},
    ),
}  # fmt: skip


@st.composite
def sets(draw: st.DrawFn) -> list[Sent]:
    """3 to 8 deliveries in order of their numbers, which need not be that of their dates."""
    among = draw(st.lists(st.sampled_from(sorted(ROWS)), min_size=1, max_size=3))
    feeds = [draw(st.sampled_from(among)) for _ in range(draw(st.integers(3, 8)))]
    modes = draw(one(("delta",), ("snapshot",), ("delta", "snapshot")))
    numbers: dict[str, int] = {}
    found = []
    for feed in feeds:
        numbers[feed] = numbers.get(feed, 0) + draw(one(1, 1, 1, 2))
        sizes = draw(one([2], [3], [2, 2], [5], [1, 4], [4], [0]))
        files = tuple(tuple(draw(ROWS[feed]) for _ in range(size)) for size in sizes)
        on, mode = date(2026, 11, draw(st.integers(20, 22))), draw(st.sampled_from(modes))
        is_used = any((sent.feed, sent.id, sent.on) == (feed, "full", on) for sent in found)
        name = (
            f"d-{numbers[feed]}" if is_used else draw(one(f"d-{numbers[feed]}", "full"))
        )  # some agencies use an id on every day
        found.append(Sent(feed, numbers[feed], name, on, mode, files))
    return found


ITEM = pa.list_(pa.struct([(name, pa.string()) for name in ("role", "identifier_type", "identifier", "issuer")]))


def table_of(feed: Feed, rows: Sequence[Row]) -> pa.Table:
    """The rows as the agency writes them: text, and lists of objects."""
    kinds = {name: ITEM if column.logicalType == "array" else pa.string() for name, column in feed.columns.items()}
    return pa.table({name: pa.array([row.get(name) for row in rows], kind) for name, kind in kinds.items()})


def land(landing: Path, sent: Sent, *, on: date | None = None, delivery_id: str = "", is_whole: bool = True) -> None:
    """Put the delivery where intake looks; under another date and id it is the same number with the same content again."""
    feed, on, delivery_id = CONTRACTS[sent.feed], on or sent.on, delivery_id or sent.id
    write_delivery(
        landing, feed, [table_of(feed, rows) for rows in sent.files], business_date=on, sequence=sent.sequence, delivery_id=delivery_id,
        produced_at=datetime(sent.on.year, sent.on.month, sent.on.day, 18, tzinfo=SHANGHAI), mode=sent.mode,
    )  # fmt: skip
    if not is_whole:
        data_file(delivery_path(landing, feed, on, delivery_id)).unlink()


# A lake, and nights over it


def no_spark() -> NoReturn:
    raise AssertionError("a night as small as this starts no Spark")


Landing = Callable[[Path], None]


@dataclass
class House:
    """A landing area and a lake. `arrives`: what lands before a night looks, by its date."""

    root: Path
    arrives: dict[date, list[Landing]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        (self.root / "landing").mkdir(parents=True, exist_ok=True)

    @property
    def settings(self) -> Settings:
        at = {name: str(self.root / name) for name in ("landing", "lake", "releases", "feedback")}
        return Settings(**at, key_file=str(self.root.parent / "node-id.key"))

    @property
    def world(self) -> World:
        stages = (Stage("arrive", "what the agencies push meanwhile", (), (), self._arrive), *STAGES)
        return World(lambda *_: POLICY, lambda _: {}, lambda: stages, lambda *_: None)

    def _arrive(self, night: Night) -> StageReport:
        for push in self.arrives.pop(night.on, []):
            push(self.root / "landing")
        return StageReport()

    def run(self, dates: Iterable[date]) -> None:
        run_nights(self.settings, list(dates), self.world, lambda _: None, no_spark)  # type: ignore[arg-type]

    def lake(self) -> PinnedLake:
        return PinnedLake(self.settings.lake, TABLES)


@pytest.fixture(autouse=True)
def _no_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """The lakes are in memory; that a night syncs is looked at by itself."""
    monkeypatch.setattr(os, "sync", lambda: None)


State = dict[str, list[str]]
GRAPH = ("graph.identifiers", "graph.tenures", "graph.edges", "graph.parties", "graph.contested")
TAKEN = [
    "agency",
    "feed",
    "sequence",
    "delivery_id",
    "business_date",
    "mode",
    "produced_at",
    "manifest_sha256",
    "rows_in",
    "staged",
    "path",
]


def shown(frame: pl.DataFrame, *without: str) -> list[str]:
    return sorted(repr(row) for row in frame.drop(without, strict=False).to_dicts())


def state(house: House) -> State:
    """What must be a function of the set of deliveries alone: every table but for the night that took what."""
    lake = house.lake()
    found: State = {}
    for feed in sorted(ROWS):
        table = CONTRACTS[feed].table
        found[f"bronze.{table}"] = shown(lake.frame(f"bronze.{table}"), "night_on")
        found[f"silver.{table}"] = shown(lake.frame(f"silver.{table}"), "night_on")
        standing = Sources(SimpleNamespace(lake=lake, contracts=CONTRACTS, scratch={}))  # type: ignore[arg-type]
        found[f"standing {table}"] = shown(standing.versions(feed), "night_on")
        found[f"current {table}"] = shown(standing.current(feed), "night_on")
        found[f"freeing {table}"] = shown(standing.freeing(feed), "night_on")
    found |= {name: shown(lake.frame(name)) for name in GRAPH}
    quarantine = lake.frame("quarantine.records")
    assert quarantine.filter(
        (pl.col("status") == "resolved") != (pl.col("resolved_on") >= pl.col("night_on")).fill_null(False)
    ).is_empty()
    found["quarantine.records"] = shown(quarantine, "night_on", "resolved_on")
    vault = lake.frame("vault.identifiers")
    assert not vault.select("node_id", "first_seen_on").is_duplicated().any()
    found["vault.identifiers"] = shown(
        vault.group_by("node_id", "digest", "type", "value", "scope").agg(pl.col("first_seen_on").min())
    )
    found["ops.deliveries"] = shown(lake.frame("ops.deliveries").filter(pl.col("status") == "taken").select(TAKEN))
    accounts = lake.frame("ops.accounting")
    assert accounts.filter(
        pl.col("rows_in") != pl.col("kept") + pl.col("superseded") + pl.col("quarantined")
    ).is_empty()
    found["ops.accounting"] = shown(
        accounts.select("feed", "sequence", "delivery_id", "rows_in", "quarantined")
    )  # which night knew of a newer version differs
    return found


def differences(one: State, other: State) -> str:
    assert one.keys() == other.keys()
    lines = []
    for name in one:
        left, right = list(one[name]), list(other[name])
        for row in one[name]:
            if row in right:
                right.remove(row)
                left.remove(row)
        lines += [f"{name}: only in the first: {row}" for row in left] + [
            f"{name}: only in the second: {row}" for row in right
        ]
    return "\n".join(lines)


def kept(house: House) -> dict[tuple[str, int], int]:
    rows = house.lake().frame("ops.accounting").select("feed", "sequence", "kept").rows()
    return {(feed, sequence): n for feed, sequence, n in rows}


def nights_of(n: int) -> list[date]:
    """So many nights, to the last."""
    return [LAST - timedelta(days=left) for left in reversed(range(n))]


@contextmanager
def houses(*names: str) -> Iterator[list[House]]:
    with scratch() as root:
        (root / "node-id.key").write_bytes(b"a key of 32 bytes for tests only")
        yield [House(root / name) for name in names]


def pushes(sent: Sent, **again: Any) -> Landing:
    return lambda landing: land(landing, sent, **again)


@given(deliveries=sets(), data=st.data())
@bounded(7)
def test_any_order_split_delay_and_repetition_of_a_set_of_deliveries_ends_in_the_same_tables(
    deliveries: list[Sent], data: st.DataObject
) -> None:
    n_nights = data.draw(one(3, 2, 4, 1), "nights")
    nights = nights_of(n_nights)
    arrives: dict[date, list[Landing]] = {on: [] for on in nights}
    order = data.draw(st.one_of(st.just(deliveries[::-1]), st.permutations(deliveries)), "order")
    for place, sent in enumerate(order):
        at = place * n_nights // len(order)
        if at and data.draw(one(False, False, True), f"{sent.name} comes damaged first"):
            arrives[nights[at - 1]].append(pushes(sent, is_whole=False))
        arrives[nights[at]].append(pushes(sent))
        again = data.draw(one("no", "no", "as it was", "under another name"), f"{sent.name} again")
        if again == "as it was":
            arrives[nights[data.draw(st.integers(at, n_nights - 1))]].append(pushes(sent))
        elif again == "under another name":  # after what it repeats, in the last night and in its order there
            arrives[LAST].append(pushes(sent, on=LAST, delivery_id=f"again-{sent.sequence}"))
    with houses("together", "apart") as (together, apart):
        together.arrives = {LAST: [pushes(sent) for sent in deliveries]}
        together.run([LAST])
        apart.arrives = arrives
        apart.run(nights)
        assert not (found := differences(state(together), state(apart))), found
        late, early = kept(together), kept(apart)
        assert all(early[delivery] >= n for delivery, n in late.items()), (
            "the newest of all was the newest in its night too"
        )


# A night that dies


class Killed(BaseException):
    """The process is gone: nothing catches it."""


class Deadly:
    """Lets so many writes of tables be, dies around the next one, and writes nothing more."""

    def __init__(self, writes: int, *, is_after: bool) -> None:
        self.left, self.is_after, self.is_dead = writes, is_after, False
        self._guard = threading.Lock()

    def __call__(self, real: Callable[..., None]) -> Callable[..., None]:
        def write(*given: Any, **more: Any) -> None:
            with self._guard:
                dies = self.left == 0 or self.is_dead
                alone = dies and not self.is_dead
                self.is_dead |= dies
                self.left -= 1
                if alone and self.is_after:
                    real(*given, **more)
                if dies:
                    raise Killed
            real(*given, **more)

        return write


def everything(house: House) -> State:
    """Every table that the last night pins, as it pins it, and the nights that are committed."""
    lake = house.lake()
    nights = lake.frame("ops.nights").select("night_on", "notes")
    return {"ops.nights": shown(nights), **{name: shown(lake.frame(name)) for name in lake.pins}}


@given(deliveries=sets(), data=st.data())
@bounded(5)
def test_a_night_that_dies_at_any_write_and_is_run_again_or_given_up_ends_as_one_that_did_not(
    deliveries: list[Sent], data: st.DataObject
) -> None:
    n_before = data.draw(st.integers(0, len(deliveries) // 2), "in the night before")
    first, eve, _ = nights_of(3)
    with houses("lived", "died") as (lived, died):
        if n_before:
            lived.arrives = {first: [pushes(sent) for sent in deliveries[:n_before]]}
            lived.run([first])
            shutil.copytree(lived.root, died.root, dirs_exist_ok=True)
        for house in (lived, died):
            for sent in deliveries[n_before:]:
                land(house.root / "landing", sent)
        lived.run([LAST])
        attempts = st.tuples(one(LAST, LAST, eve), st.integers(0, 22), st.booleans())
        for on, at, is_after in sorted(data.draw(st.lists(attempts, min_size=1, max_size=2), "deaths")):
            with pytest.MonkeyPatch.context() as patch, suppress(Killed):
                patch.setattr(Lake, "_write_frames", Deadly(at, is_after=is_after)(Lake._write_frames))
                died.run([on])
        died.run([LAST])
        assert not (found := differences(state(lived), state(died))), found
        if (
            eve not in died.lake().frame("ops.nights")["night_on"]
        ):  # the night given up had not been committed before it died
            assert not (found := differences(everything(lived), everything(died))), found


# What is acknowledged is on the disk


def test_a_night_is_acknowledged_after_all_that_it_wrote_is_synced_and_published_after_its_own_row_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """delta-rs syncs nothing that it commits on a local disk; so a night does, before its row and after it."""
    with houses("one") as (house,):
        said: list[tuple[str, int, int]] = []

        def note(what: str) -> None:
            commits = [
                len(list(Path(house.settings.lake).glob(f"{path}/_delta_log/*.json")))
                for path in ("graph/edges", "ops/nights")
            ]
            said.append((what, *commits))

        monkeypatch.setattr(os, "sync", lambda: note("sync"))
        run_nights(
            house.settings, [LAST], replace(house.world, publish=lambda *_: note("publish")), lambda _: None, no_spark
        )  # type: ignore[arg-type]
    assert said == [("sync", 1, 0), ("sync", 1, 1), ("publish", 1, 1)]
