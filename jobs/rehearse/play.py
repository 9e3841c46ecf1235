"""Plays cases through the real pipeline, over lakes of their own that go away afterwards. No live table is opened."""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from jobs.core.contracts import CodeList, Feed, load_codes, load_contracts
from jobs.core.errors import UserError
from jobs.core.settings import Settings
from jobs.intake.delivery import delivery_path, write_delivery
from jobs.rehearse.book import Book
from jobs.rehearse.check import Check, end_of
from jobs.rehearse.facts import Facts, read_facts, tables_needed
from jobs.rehearse.faults import Signer, break_delivery, unknown_feed, without_a_column
from jobs.rehearse.fill import Filled, Filler, Listing
from jobs.rehearse.model import LISTING_OF, Case, Record, load_cases
from jobs.rehearse.plan import LakePlan, Part, Planned, plan_lakes
from jobs.rehearse.values import Mint, issuers_of
from jobs.rehearse.words import known_words, unknown_words

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from jobs.core.runner import World

Say = Callable[[str], None]


@dataclass(frozen=True)
class CaseResult:
    """How one case came out: how much it expected, a sentence for each difference, and what its author should know besides."""

    case: str
    path: Path
    n_nights: int
    n_expected: int
    differences: tuple[str, ...]
    remarks: tuple[str, ...] = ()

    @property
    def is_ok(self) -> bool:
        return not self.differences


@dataclass
class Player:
    """One case while it is played."""

    path: Path
    case: Case
    book: Book
    filler: Filler
    differences: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def night_before(self, on: date) -> date | None:
        return max((night for night in self.case.dates if night < on), default=None)

    def result(self) -> CaseResult:
        expected = sum(night.expect.size for night in self.case.nights.values())
        told = tuple(self.differences), tuple(self.remarks)
        return CaseResult(self.case.case, self.path, len(self.case.nights), expected, *told)


@dataclass
class Stage:
    """What the nights of one lake share."""

    settings: Settings
    contracts: Mapping[str, Feed]
    players: Mapping[str, Player]
    signer: Signer | None
    manifests: dict[tuple[str, int], str] = field(default_factory=dict)
    facts: Facts | None = None


def rehearse(
    paths: Sequence[Path], settings: Settings, policy: str | None, say: Say, *,
    keep: Path | None = None, world: World | None = None, spark: SparkSession | None = None,
) -> list[CaseResult]:  # fmt: skip
    """Every case of these files and folders, in their order. `policy`: a name or file, None for the settings' own.

    With `keep` the lakes, deliveries and releases stay in that folder, which must not exist or be empty. Raises UserError for a
    case that can't be played, before anything runs. Checks tell and hold nothing: how many rows come and what share of them is how
    depends on which other cases are played, and the end of a case must not.
    """
    from jobs.world import WORLD

    played_in = replace(world or WORLD, checks_hold=False)
    settings = settings.with_changes(policy=policy)
    played_in.policy(settings.schemas_dir, settings.policy)  # what is wrong with it is said before a lake is made

    contracts, codes = load_contracts(settings.schemas_dir), load_codes(settings.schemas_dir)
    cases = load_cases(list(paths), contracts)
    words = known_words(codes, played_in.recipients(settings.schemas_dir))
    unknown = {case.case: unknown_words(path, case, words) for path, case in cases}
    players = prepare(cases, contracts, codes)
    for name, player in players.items():
        player.differences += unknown[name]
    lakes = plan_lakes([player.case for player in players.values()])
    nights = sum(len(lake.nights) for lake in lakes)
    say(f"rehearse: {len(players)} cases, {nights} nights" + (f", {len(lakes)} lakes" if len(lakes) > 1 else ""))
    with _workplace(keep) as root:
        for number, lake in enumerate(lakes, start=1):
            stage = make_stage(settings, contracts, players, lake, root / f"lake-{number}")
            _play(stage, lake, played_in, say, spark)
    return [player.result() for player in players.values()]


def prepare(
    cases: Sequence[tuple[Path, Case]], contracts: Mapping[str, Feed], codes: Mapping[str, CodeList]
) -> dict[str, Player]:
    """Every case with its identifiers known, by name. Raises UserError naming the file of what can't be understood."""
    mint = Mint(issuers_of(codes))
    players: dict[str, Player] = {}
    for path, case in cases:
        try:
            book = Book(case, contracts, codes, mint)
            player = Player(path, case, book, Filler(book, codes))
            _read_through(player, contracts)
        except UserError as error:
            raise UserError(f"{path}: {error}") from None
        players[case.case] = player
    return players


def _read_through(player: Player, contracts: Mapping[str, Feed]) -> None:
    """Fill every record once, so that all identifiers of the case are known before its first night."""
    for on in player.case.dates:
        night = player.case.nights[on]
        for name, deliveries in night.feeds.items():
            for record in (record for delivery in deliveries for record in delivery.records if name in contracts):
                player.filler.record(contracts[name], record, on, "")
                if isinstance(record.get(LISTING_OF), str):
                    player.book.key(record[LISTING_OF])
    for on in player.case.dates:
        for subject in player.case.nights[on].expect.subjects():
            player.book.key(subject.identifier)


def make_stage(
    settings: Settings,
    contracts: Mapping[str, Feed],
    players: Mapping[str, Player],
    lake: LakePlan,
    root: Path,
) -> Stage:
    planned = [delivery for night in lake.nights.values() for delivery in night]
    signer = Signer.new() if any("signature" in delivery.faults for delivery in planned) else None
    (root / "landing").mkdir(parents=True)
    own = settings.with_changes(
        landing=str(root / "landing"), lake=str(root / "lake"), releases=str(root / "releases"),
        feedback=str(root / "feedback"), key_file=str(root / "secrets" / "node-id.key"),
    )  # fmt: skip
    if signer is not None:
        own = own.with_changes(schemas=str(_register(Path(settings.schemas), root / "schemas", signer)))
    mine = {case.case: players[case.case] for case in lake.cases}
    return Stage(own, contracts, mine, signer)


def _register(schemas: Path, copy: Path, signer: Signer) -> Path:
    """A copy of the schemas in which every agency has registered the rehearsal's key: YAML reads JSON."""
    shutil.copytree(schemas, copy)
    agencies = {path.name.split("__")[0] for path in (copy / "feeds").glob("*.yml")}
    known = {name: {"title": name, "public_keys": [signer.public]} for name in sorted(agencies)}
    (copy / "agencies.yml").write_text(json.dumps(known), encoding="utf-8")
    return copy


@contextmanager
def _workplace(keep: Path | None) -> Iterator[Path]:
    if keep is None:
        with tempfile.TemporaryDirectory(prefix="antifraud-rehearse-") as folder:
            yield Path(folder)
        return
    if keep.exists() and (not keep.is_dir() or any(keep.iterdir())):
        raise UserError(f"{keep}: is not an empty folder; a rehearsal begins from nothing, give another one")
    keep.mkdir(parents=True, exist_ok=True)
    yield keep.resolve()


# Nights


def _play(stage: Stage, lake: LakePlan, world: World, say: Say, spark: SparkSession | None) -> None:
    from jobs.checks.verdicts import FAILED
    from jobs.core.runner import read_key, run_nights

    for on, planned in lake.nights.items():
        begun = time.monotonic()
        for delivery in planned:
            deliver(stage, delivery)
        (result,) = run_nights(stage.settings, [on], world, lambda text: None, spark)
        stage.facts = _facts(stage, on, lake)
        key = read_key(stage.settings)
        for player in stage.players.values():
            if (night := player.case.nights.get(on)) is not None:
                check = Check(stage.facts, player.book, key, player.night_before(on))
                player.remarks += check.unforeseen(player.case)
                player.differences += check.differences(night.expect)
        say(f"  night {on}  {len(planned):>3} deliveries  {time.monotonic() - begun:6.1f} s")
        for note in result.notes:
            if note.startswith(FAILED):
                say(f"    {note}")


def _facts(stage: Stage, on: date, lake: LakePlan) -> Facts:
    from jobs.core.reading import PinnedLake
    from jobs.core.schema import load_tables

    tables = load_tables(stage.settings.schemas_dir, dict(stage.contracts))
    pinned = PinnedLake(stage.settings.lake, tables, on)
    expects = [case.nights[on].expect for case in lake.cases if on in case.nights]
    return read_facts(pinned, on, end_of(on), tables_needed(expects), Path(stage.settings.releases))


def deliver(stage: Stage, planned: Planned) -> Path:
    """Write one delivery into the landing area, broken as planned. Returns its folder."""
    feed = stage.contracts.get(planned.feed) or _nameless(stage.contracts, planned.feed)
    rows = [row for part in planned.parts for row in _rows(stage, feed, part, planned.on)]
    table = to_table(feed, rows)
    if "column_missing" in planned.faults:
        table = without_a_column(table, feed)
    if "unknown_feed" in planned.faults and planned.feed in stage.contracts:
        feed = unknown_feed(feed)
    landing = Path(stage.settings.landing)
    sha256 = write_delivery(
        landing, feed, [table], business_date=planned.on, sequence=planned.sequence, delivery_id=planned.delivery_id,
        produced_at=planned.produced_at, mode=planned.mode, sign_with=stage.signer.registered if stage.signer else None,
        previous_sha256=stage.manifests.get((planned.feed, planned.sequence - 1)),
    )  # fmt: skip
    folder = delivery_path(landing, feed, planned.on, planned.delivery_id)
    if planned.faults:
        break_delivery(folder, feed, planned.faults, stage.signer)
    else:
        stage.manifests.setdefault((planned.feed, planned.sequence), sha256)
    return folder


def _nameless(contracts: Mapping[str, Feed], name: str) -> Feed:
    """A feed that no contract has, written in the manner of some other."""
    return next(iter(contracts.values())).model_copy(update={"id": name})


def _rows(stage: Stage, feed: Feed, part: Part, on: date) -> list[Filled]:
    if feed.id not in stage.contracts:
        return [{"record_id": f"{part.case}:{index}"} for index, _ in enumerate(part.delivery.records)]
    player = stage.players[part.case]
    rows = []
    for index, record in enumerate(part.delivery.records):
        listing = None
        if LISTING_OF in record:
            listing = _find_listing(stage, player, record)
            if listing is None:
                player.differences.append(
                    f"night {on}: {feed.id}, record {index + 1}: expected a listing of {record[LISTING_OF]} to answer, found that"
                    " it was never listed before this night; the record was left out"
                )
                continue
        rows.append(player.filler.record(feed, record, part.on, f"{part.on}.{part.nth}.{index}", listing))
    return rows


def _find_listing(stage: Stage, player: Player, record: Record) -> Listing | None:
    """The listing as it stood at the start of this night."""
    from jobs.core.runner import read_key

    if stage.facts is None:
        return None
    row = Check(stage.facts, player.book, read_key(stage.settings)).listing_of(record[LISTING_OF])
    return Listing(row["listing_id"], row["administrator"]) if row is not None else None


def to_table(feed: Feed, rows: Sequence[Filled]) -> Any:
    """The records as text columns, an array column as a list of text structs."""
    arrays = {}
    for column in feed.schema_:
        kind = pa.string()
        if column.items is not None:
            kind = pa.list_(pa.struct([(item.name, pa.string()) for item in column.items.schema_]))
        arrays[column.name] = pa.array([row.get(column.name) for row in rows], kind)
    return pa.table(arrays)
