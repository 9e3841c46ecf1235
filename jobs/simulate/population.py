"""Who lives in the world and what they own before anybody commits a fraud: documents, lines, accounts,
devices, logins.

Frames (all times see clock.py; -1 is none):

- lines, one row per subscription: phone, sim, holder, carrier, start, end, reason (index of REASONS),
  tenure_from, controller, ring
- finance, one row per account: kind (index of KINDS), institution, number, holder, line, opened, bound,
  unbound, closed, moved_line,
  moved_at (a rebinding, else -1), controller, ring
- internet, one row per account: platform, number, holder (-1 not known by name), line, registered, bound,
  unbound, closed, moved_line,
  moved_at, controller, ring
- sightings: device, line, first, last; logins: account (row of internet), device (-1 none), address (-1
  none, >= SHOPS a shop's), first, last
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from jobs.simulate import text
from jobs.simulate.clock import Clock
from jobs.simulate.frame import Frame, make, rows, stack, take
from jobs.simulate.knobs import Knobs
from jobs.simulate.streams import Ints, Streams
from jobs.simulate.text import DAY
from jobs.simulate.values import Mint, Vocabulary

REASONS = ("customer", "unpaid", "fraud", "ported")
CUSTOMER, UNPAID, FRAUD, PORTED = range(4)
KINDS = ("bank_card", "payment_account", "bank_account")
CARD, PAYMENT, ACCOUNT = range(3)
YEAR = 365 * DAY
SHOPS = 1 << 40
"""Addresses from here on are shops' and hosting addresses, below it those of people."""


@dataclass
class Texts:
    """The text of every identifier, by its number in the frames."""

    documents: pa.Array
    document_types: pa.Array
    phones: pa.Array
    imsi: pa.Array
    iccid: pa.Array
    devices: pa.Array
    finance: pa.Array
    internet: pa.Array


@dataclass
class World:
    """Everything that is, from the beginning to the end of the simulated time."""

    clock: Clock
    words: Vocabulary
    adults: int
    people: int
    companies: int
    lines: Frame
    finance: Frame
    internet: Frame
    sightings: Frame
    logins: Frame
    phone_count: int
    device_count: int
    main_line: Ints
    """Row in lines of each adult's own line."""
    minted: Mint
    contested: Ints
    """Rows of lines whose number two holders had at the same time."""
    texts: Texts | None = None

    @property
    def named(self) -> Texts:
        """The texts, once the world is complete."""
        if self.texts is None:
            raise ValueError("the world has no texts yet")
        return self.texts


def build_population(people: int, clock: Clock, words: Vocabulary, knobs: Knobs, streams: Streams) -> World:
    """People, companies and what they own; nobody has done anything wrong yet."""
    children = people // 14
    adults = people - children
    companies = max(2, people // 100)
    nobody = np.arange(0, dtype=np.int64)
    mint = Mint(streams, words)
    world = World(clock, words, adults, people, companies, {}, {}, {}, {}, {}, 0, people, nobody, mint, nobody)
    _make_lines(world, knobs, streams)
    _make_finance(world, knobs, streams)
    _make_internet(world, knobs, streams)
    _make_sightings(world, knobs, streams)
    return world


def _between(rng: np.random.Generator, low: int | Ints, high: int | Ints, count: int) -> Ints:
    """Whole seconds in [low, high), low where high is not above it."""
    low_, high_ = np.broadcast_to(low, (count,)), np.broadcast_to(high, (count,))
    width = np.maximum(high_ - low_, 1)
    moment: Ints = low_ + (rng.random(count) * width).astype(np.int64)
    return moment


def _line(count: int, **columns: int | Ints) -> Frame:
    base: dict[str, int | Ints] = {"end": -1, "reason": -1, "ring": -1, "carrier": -1, "sim": -1}
    return make(count, **{**base, **columns})


def _make_lines(world: World, knobs: Knobs, streams: Streams) -> None:
    rng, clock, adults = streams.of("lines"), world.clock, world.adults
    zero, window = clock.zero, max(clock.end - clock.load, 1)
    person = np.arange(adults, dtype=np.int64)
    start = _between(rng, zero - 12 * YEAR, zero - 60 * DAY, adults)
    start = np.where(rng.random(adults) < 0.15, start - start % DAY, start)
    main = _line(adults, phone=person, holder=person, start=start, tenure_from=start, controller=person)
    used = adults

    owner = np.flatnonzero(rng.random(adults) < 0.1)
    begin = _between(rng, start[owner], zero - 30 * DAY, len(owner))
    second = _line(
        len(owner),
        phone=used + np.arange(len(owner)),
        holder=owner,
        start=begin,
        tenure_from=begin,
        controller=owner,
    )
    used += len(owner)

    owner = np.flatnonzero(rng.random(adults) < 0.08)
    begin = _between(rng, zero - 10 * YEAR, zero - 2 * YEAR, len(owner))
    end = _between(rng, begin + 180 * DAY, zero - 40 * DAY, len(owner))
    reason = np.where(rng.random(len(owner)) < 0.55, CUSTOMER, UNPAID)
    phone = used + np.arange(len(owner), dtype=np.int64)
    old = _line(
        len(owner),
        phone=phone,
        holder=owner,
        start=begin,
        end=end,
        reason=reason,
        tenure_from=begin,
        controller=owner,
    )
    used += len(owner)

    again = np.flatnonzero(rng.random(len(owner)) < knobs.recycled_share)
    begin = _between(rng, end[again] + 35 * DAY, clock.end, len(again))
    fits = begin < clock.end
    again, begin = again[fits], begin[fits]
    heir = (owner[again] + 1 + rng.integers(0, adults - 1, len(again))) % adults
    recycled = _line(len(again), phone=phone[again], holder=heir, start=begin, tenure_from=begin, controller=heir)

    count = world.companies
    firm = world.people + np.arange(count, dtype=np.int64)
    begin = _between(rng, zero - 8 * YEAR, zero - 100 * DAY, count)
    business = _line(count, phone=used + np.arange(count), holder=firm, start=begin, tenure_from=begin, controller=firm)
    used += count

    count = round(adults * knobs.change_rate * 0.3 * (clock.nights - 1))
    owner = rng.integers(0, adults, count)
    begin = _between(rng, clock.load, clock.end, count)
    fresh = _line(count, phone=used + np.arange(count), holder=owner, start=begin, tenure_from=begin, controller=owner)
    used += count

    ended = np.flatnonzero(rng.random(len(person)) < knobs.change_rate * 0.1 * (clock.nights - 1))
    main["end"][ended] = clock.load + (rng.random(len(ended)) * window).astype(np.int64)
    main["reason"][ended] = np.where(rng.random(len(ended)) < 0.5, CUSTOMER, UNPAID)

    moved = np.flatnonzero((rng.random(adults) < 0.02) & (main["end"] < 0))
    port = _between(rng, start[moved] + 30 * DAY, clock.end, len(moved))
    before = take(main, moved)
    after = {**before, "start": port}
    main["end"][moved], main["reason"][moved] = port, PORTED
    twice = np.flatnonzero((rng.random(adults) < 0.001) & (main["end"] < 0) & (start < zero - 100 * DAY))
    other = (twice + 1 + rng.integers(0, adults - 1, len(twice))) % adults
    begin = _between(rng, start[twice] + 30 * DAY, zero - 30 * DAY, len(twice))
    rival = _line(len(twice), phone=twice, holder=other, start=begin, tenure_from=begin, controller=other)
    world.lines = stack([main, second, old, recycled, business, fresh, after, rival])
    world.main_line = person.copy()
    world.main_line[moved] = rows(world.lines) - len(twice) - len(moved) + np.arange(len(moved))
    world.contested = np.concatenate([twice, rows(world.lines) - len(twice) + np.arange(len(twice))])
    world.phone_count = used


def _carriers(world: World, streams: Streams, home: Ints) -> Ints:
    """The carrier of each line: that of the number's range, another one after a port."""
    rng = streams.of("carriers")
    lines = world.lines
    carrier = home[lines["phone"]]
    ported = lines["start"] > lines["tenure_from"]
    step = rng.integers(1, max(2, len(world.words.carriers)), len(carrier))
    return np.where(ported, (carrier + step) % len(world.words.carriers), carrier)


def _bind(world: World, per_line: Ints, rng: np.random.Generator) -> tuple[Ints, Ints]:
    """(line, moment) of accounts: so many for each line, opened while it lived and before the end of the
    simulated time.
    """
    line = np.repeat(np.arange(len(per_line), dtype=np.int64), per_line)
    start, end = world.lines["start"][line], world.lines["end"][line]
    until = np.where(end < 0, world.clock.end, np.minimum(end, world.clock.end))
    # most accounts are older than the first night: what is opened later is the nights' news
    usual = np.where(start < world.clock.load, np.minimum(until, world.clock.load), until)
    return line, _between(rng, start, usual, len(line))


def _wanted(world: World, rng: np.random.Generator, main: float, ended: float, firm: float) -> Ints:
    """How many accounts each line carries."""
    lines = world.lines
    mean = np.where(lines["end"] >= 0, ended, 0.8)
    first = np.arange(rows(lines)) < world.adults
    mean = np.where(first, main, mean)
    mean = np.where(lines["holder"] >= world.people, firm, mean)
    return rng.poisson(mean).astype(np.int64)


def _leave(world: World, frame: Frame, moment: str, rng: np.random.Generator, knobs: Knobs) -> None:
    """Accounts that moved to another number, lost theirs, or were closed; in place."""
    clock, count = world.clock, rows(frame)
    line, bound, holder = frame["line"], frame["bound"], frame["controller"]
    end = np.where(line >= 0, world.lines["end"][line], -1)
    target = np.where(
        (holder >= 0) & (holder < world.adults), world.main_line[np.minimum(holder, world.adults - 1)], -1
    )
    ended = end >= 0
    late = _between(rng, bound, np.where(ended, np.minimum(end, clock.end), clock.end), count)
    news = _between(rng, clock.load, clock.end, count)
    wants = (line >= 0) & (target >= 0) & (target != line) & (bound >= 0)
    wants &= world.lines["phone"][line] != world.lines["phone"][np.maximum(target, 0)]
    old_move = ended & (rng.random(count) < 0.4)
    new_move = ~old_move & (rng.random(count) < knobs.change_rate * 1.5 * (clock.nights - 1))
    when = np.where(old_move, late, news)
    over = world.lines["end"][np.maximum(target, 0)]
    alive = (world.lines["start"][np.maximum(target, 0)] < when) & (when > bound) & ((over < 0) | (over > when))
    moved = wants & (old_move | new_move) & alive
    frame["moved_line"], frame["moved_at"] = np.where(moved, target, -1), np.where(moved, when, -1)
    left = old_move & ~moved & (line >= 0) & (rng.random(count) < 0.5)
    frame["unbound"] = np.where(left, np.maximum(late, bound + 1), -1)
    since = np.maximum(np.maximum(frame[moment], frame["moved_at"]), frame["unbound"])
    early = rng.random(count) < 0.04
    tonight = ~early & (rng.random(count) < knobs.change_rate * 0.1 * (clock.nights - 1))
    closed = np.where(
        early,
        _between(rng, since, clock.load, count),
        _between(rng, np.maximum(since, clock.load), clock.end, count),
    )
    frame["closed"] = np.where((early | tonight) & (closed > since), closed, -1)


def _make_finance(world: World, knobs: Knobs, streams: Streams) -> None:
    rng = streams.of("finance")
    line, moment = _bind(world, _wanted(world, rng, 2.25, 1.5, 2.0), rng)
    extra = round(len(line) * knobs.change_rate * 0.5 * (world.clock.nights - 1))
    news = rng.integers(0, world.adults, extra)
    line = np.concatenate([line, news])
    moment = np.concatenate([moment, _between(rng, world.clock.load, world.clock.end, extra)])
    end = world.lines["end"][line]
    keep = (moment < world.clock.end) & ((end < 0) | (moment < end)) & (moment >= world.lines["start"][line])
    line, moment = line[keep], moment[keep]
    holder, count = world.lines["holder"][line], len(line)
    kind = np.where(rng.random(count) < 0.6, CARD, np.where(rng.random(count) < 0.85, PAYMENT, ACCOUNT))
    kind = np.where(holder >= world.people, ACCOUNT, kind)
    frame = _account(count, holder=holder, line=line, controller=holder, kind=kind, opened=moment, bound=moment)
    kids = _family(world, knobs, rng, share=0.3)
    kid = _account(
        len(kids[0]),
        holder=kids[0],
        line=kids[1],
        controller=kids[0],
        kind=PAYMENT,
        opened=kids[2],
        bound=kids[2],
    )
    frame = stack([frame, kid])
    frame["institution"] = _institutions(world, rng, frame["kind"])
    later = rng.random(rows(frame)) < 0.15
    frame["opened"] = np.where(later, frame["opened"] - 40 * DAY, frame["opened"])
    no_phone = rng.random(rows(frame)) < 0.05
    frame["line"], frame["bound"] = (
        np.where(no_phone, -1, frame["line"]),
        np.where(no_phone, -1, frame["bound"]),
    )
    _leave(world, frame, "opened", rng, knobs)
    world.finance = frame


def _account(count: int, **columns: int | Ints) -> Frame:
    base: dict[str, int | Ints] = {
        "institution": -1,
        "unbound": -1,
        "closed": -1,
        "moved_line": -1,
        "moved_at": -1,
        "ring": -1,
    }
    return make(count, **{**base, **columns})


def _institutions(world: World, rng: np.random.Generator, kind: Ints) -> Ints:
    """A bank for cards and bank accounts, a payment institution for payment accounts (index of
    Vocabulary.institutions).
    """
    banks, payers = len(world.words.banks), len(world.words.payers)
    bank = np.minimum((rng.random(len(kind)) ** 2 * banks).astype(np.int64), banks - 1)
    return np.where(kind == PAYMENT, banks + rng.integers(0, payers, len(kind)), bank)


def _family(world: World, knobs: Knobs, rng: np.random.Generator, share: float) -> tuple[Ints, Ints, Ints]:
    """(child, a parent's line, moment) for children who have an account."""
    children = world.adults + np.arange(world.people - world.adults, dtype=np.int64)
    child = children[rng.random(len(children)) < knobs.family_share * share]
    line = world.main_line[rng.integers(0, world.adults, len(child))]
    end = world.lines["end"][line]
    moment = _between(
        rng, np.maximum(world.lines["start"][line], world.clock.zero - 2 * YEAR), world.clock.load, len(child)
    )
    fits = ((end < 0) | (moment < end)) & (moment >= world.lines["start"][line])
    return child[fits], line[fits], moment[fits]


def _make_internet(world: World, knobs: Knobs, streams: Streams) -> None:
    rng = streams.of("internet")
    line, moment = _bind(world, _wanted(world, rng, 1.85, 1.2, 1.0), rng)
    owner = world.lines["holder"][line]
    parts = [(owner, line, moment, np.where(rng.random(len(line)) < 0.3, owner, -1))]
    for copy in range(2):
        child, at, when = _family(world, knobs, rng, share=1.0 if copy == 0 else 0.5)
        parts.append((child, at, when, np.where(rng.random(len(child)) < 0.5, child, -1)))
    parts.append(_switchboards(world, rng))
    extra = round(len(line) * knobs.change_rate * 0.5 * (world.clock.nights - 1))
    news = rng.integers(0, world.adults, extra)
    parts.append(
        (
            world.lines["holder"][news],
            news,
            _between(rng, world.clock.load, world.clock.end, extra),
            np.full(extra, -1),
        )
    )
    owner, line, moment, holder = (np.concatenate([part[i] for part in parts]) for i in range(4))
    end = world.lines["end"][line]
    keep = (moment < world.clock.end) & ((end < 0) | (moment < end)) & (moment >= world.lines["start"][line])
    owner, line, moment, holder = owner[keep], line[keep], moment[keep], holder[keep]
    platform = np.minimum(
        (rng.random(len(line)) ** 1.5 * len(world.words.platforms)).astype(np.int64),
        len(world.words.platforms) - 1,
    )
    frame = make(
        len(line), holder=holder, line=line, controller=owner, platform=platform, registered=moment,
        bound=moment,
        unbound=-1, closed=-1, moved_line=-1, moved_at=-1, ring=-1,
    )  # fmt: skip
    no_phone = rng.random(len(line)) < 0.03
    frame["line"], frame["bound"] = (
        np.where(no_phone, -1, frame["line"]),
        np.where(no_phone, -1, frame["bound"]),
    )
    _leave(world, frame, "registered", rng, knobs)
    world.internet = frame
    _make_logins(world, knobs, streams)


def _switchboards(world: World, rng: np.random.Generator) -> tuple[Ints, Ints, Ints, Ints]:
    """Companies whose one line stands on many employees' accounts: (employee, line, moment, holder -1)."""
    boards = max(1, world.people // 5000)
    firms = np.flatnonzero(world.lines["holder"] >= world.people)[:boards]
    line = np.repeat(firms, rng.integers(40, 120, len(firms)))
    who = rng.integers(0, world.adults, len(line))
    moment = _between(rng, world.lines["start"][line], world.clock.load, len(line))
    return who, line, moment, np.full(len(line), -1, dtype=np.int64)


def _make_logins(world: World, knobs: Knobs, streams: Streams) -> None:
    rng, clock = streams.of("logins"), world.clock
    frame = world.internet
    account = np.repeat(np.arange(rows(frame), dtype=np.int64), rng.choice(3, rows(frame), p=[0.2, 0.6, 0.2]))
    owner, since = frame["controller"][account], frame["registered"][account]
    closed = frame["closed"][account]
    news = rng.random(len(account)) < knobs.change_rate * (clock.nights - 1)
    horizon = np.where(news, clock.end, np.maximum(clock.load, since + 1))
    until = np.where(closed < 0, horizon, np.minimum(closed, horizon))
    first = _between(rng, np.maximum(since, np.where(news, clock.load, clock.zero - 150 * DAY)), until, len(account))
    first = np.maximum(np.minimum(first, until), since)
    last = np.minimum(first + (rng.exponential(25, len(account)) * DAY).astype(np.int64), np.maximum(until, first))
    device = np.where(rng.random(len(account)) < 0.12, -1, owner)
    device = np.where(owner >= world.people, -1, device)
    shops = max(1, world.people // 400)
    wifi = rng.random(len(account)) < knobs.wifi_share
    address = np.where(wifi, SHOPS + rng.integers(0, shops, len(account)), owner)
    address = np.where((rng.random(len(account)) < 0.1) & (device >= 0), -1, address)
    world.logins = make(len(account), account=account, device=device, address=address, first=first, last=last)


def _make_sightings(world: World, knobs: Knobs, streams: Streams) -> None:
    rng, clock, lines = streams.of("sightings"), world.clock, world.lines
    line = np.repeat(np.arange(rows(lines), dtype=np.int64), rng.choice(3, rows(lines), p=[0.05, 0.65, 0.3]))
    start, end, owner = lines["start"][line], lines["end"][line], lines["controller"][line]
    until = np.where(end < 0, clock.end, np.minimum(end, clock.end))
    first = _between(rng, np.maximum(start, np.minimum(until, clock.zero) - 2 * YEAR), until, len(line))
    last = np.minimum(first + (rng.exponential(150, len(line)) * DAY).astype(np.int64), until)
    second = rng.random(len(line)) < 0.15
    own = np.where(owner < world.people, owner, world.people + rng.integers(0, max(1, world.companies), len(line)))
    spare = world.people + world.companies
    device = np.where(second & (owner < world.people), spare + own, own)
    world.device_count = spare + world.people
    keep = first < clock.end
    world.sightings = take(make(len(line), device=device, line=line, first=first, last=np.maximum(last, first)), keep)


def name_everything(world: World, knobs: Knobs, streams: Streams) -> None:
    """Mint the text of every identifier, once the last ring is in the world; fills carriers and SIMs of the
    lines too.
    """
    mint = world.minted
    children = world.people - world.adults
    citizens = pa.concat_arrays([mint.adults(world.adults), mint.children(children)])
    abroad = streams.uniform("foreigner", np.arange(world.people)) < 0.01
    abroad[world.adults :] = False
    documents = text.where(abroad, mint.passports(world.people), citizens)
    kinds = np.concatenate([np.where(abroad, 2, 0), np.full(world.companies, 1)])
    phones, home = mint.phones(world.phone_count)
    world.lines["carrier"] = _carriers(world, streams, home)
    imsi, iccid = mint.sims(_swap_sims(world, knobs, streams))
    world.texts = Texts(
        documents=pa.concat_arrays([documents, mint.companies(world.companies)]),
        document_types=text.pick(["national_id", "uscc", "passport"], kinds),
        phones=phones,
        imsi=imsi,
        iccid=iccid,
        devices=mint.devices(world.device_count),
        finance=_finance_numbers(world),
        internet=mint.logins(rows(world.internet)),
    )


def _swap_sims(world: World, knobs: Knobs, streams: Streams) -> Ints:
    """Give every line its SIM and some a replacement during the nights (new_sim, swap_at); the carrier of
    each SIM.
    """
    lines, clock = world.lines, world.clock
    row = np.arange(rows(lines), dtype=np.int64)
    swaps = streams.uniform("swap", row) < knobs.change_rate * 0.05 * (clock.nights - 1)
    swaps &= (lines["end"] < 0) & (lines["start"] < clock.zero) & (lines["ring"] < 0)
    when = clock.load + (streams.uniform("swap at", row) * (clock.end - clock.load)).astype(np.int64)
    lines["sim"] = row.copy()
    lines["new_sim"] = np.where(swaps, len(row) + np.cumsum(swaps) - 1, -1)
    lines["swap_at"] = np.where(swaps, when, -1)
    return np.concatenate([lines["carrier"], lines["carrier"][swaps]])


def _finance_numbers(world: World) -> pa.Array:
    """Numbers of the accounts, in order of the frame, each kind from its own numbering."""
    mint, kind = world.minted, world.finance["kind"]
    place = np.empty(len(kind), dtype=np.int64)
    where = [np.flatnonzero(kind == code) for code in (CARD, PAYMENT, ACCOUNT)]
    place[np.concatenate(where)] = np.arange(len(kind))
    cards = mint.bank_cards(world.finance["institution"][where[0]])
    made = pa.concat_arrays([cards, mint.payment_accounts(len(where[1])), mint.bank_accounts(len(where[2]))])
    return made.take(pa.array(place))
