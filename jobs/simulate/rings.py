"""Fraud rings: organisers, sold, lent and deceived mules, and the lines, accounts, devices and sites that
the rings run on.

Rings are few, so they are made one by one; what they own is appended to the frames of the world.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from jobs.simulate.frame import Frame, make, rows, stack
from jobs.simulate.knobs import Knobs
from jobs.simulate.population import CARD, CUSTOMER, FRAUD, PAYMENT, SHOPS, YEAR, World
from jobs.simulate.streams import Ints, Streams
from jobs.simulate.text import DAY

HOSTING = SHOPS + (1 << 16)
"""Hosting addresses follow the shops' (see values.shop_addresses)."""
SIM_BOX_LINES = (24, 41)


@dataclass
class Ring:
    """One ring; people by number, everything else by row in its frame of the world."""

    number: int
    active: int
    organisers: list[int]
    sold: list[int]
    lent: list[int]
    deceived: list[int]
    devices: list[int]
    address: int
    lines: list[int] = field(default_factory=list)
    box_lines: list[int] = field(default_factory=list)
    finance: list[int] = field(default_factory=list)
    internet: list[int] = field(default_factory=list)
    sites: list[str] = field(default_factory=list)

    @property
    def boss(self) -> int:
        return self.organisers[0]

    @property
    def members(self) -> list[int]:
        return [*self.organisers, *self.sold, *self.lent]


@dataclass
class Underworld:
    """The rings, and what changed hands: (kind of thing, row) -> (who had it before, when it was handed
    over).
    """

    rings: list[Ring]
    handed: dict[tuple[str, int], tuple[int, int]]
    bystanders: Ints
    """Adults who are in no ring, in a random order: lone offenders, victims and the falsely accused are
    drawn from here.
    """


class _Rows:
    """Rows appended one by one to a frame of the world."""

    def __init__(self, frame: Frame) -> None:
        self.names = list(frame)
        self.first = rows(frame)
        self.values: list[tuple[int, ...]] = []

    def add(self, **columns: int) -> int:
        base = {
            "reason": -1,
            "carrier": -1,
            "sim": -1,
            "unbound": -1,
            "closed": -1,
            "moved_line": -1,
            "moved_at": -1,
            "end": -1,
        }
        self.values.append(tuple(columns[name] if name in columns else base[name] for name in self.names))
        return self.first + len(self.values) - 1

    def onto(self, frame: Frame) -> Frame:
        if not self.values:
            return frame
        table = np.array(self.values, dtype=np.int64)
        return stack([frame, make(len(table), **{name: table[:, i] for i, name in enumerate(self.names)})])


@dataclass
class _Build:
    world: World
    rng: np.random.Generator
    lines: _Rows
    finance: _Rows
    internet: _Rows
    sightings: _Rows
    logins: _Rows
    handed: dict[tuple[str, int], tuple[int, int]]
    phone: int
    order: Ints
    heirs: int = 0
    ends: dict[int, int] = field(default_factory=dict)

    def between(self, low: int, high: int) -> int:
        return int(self.rng.integers(low, max(high, low + 1)))

    def one(self, things: list[int]) -> int:
        return things[int(self.rng.integers(0, len(things)))]


def build_rings(world: World, knobs: Knobs, streams: Streams) -> Underworld:
    """Put the rings into the world: so many that `fraud_share` of the people take part in one."""
    rng = streams.of("rings")
    order = rng.permutation(world.adults).astype(np.int64)
    wanted = round(world.people * knobs.fraud_share)
    build = _Build(
        world, rng, _Rows(world.lines), _Rows(world.finance), _Rows(world.internet), _Rows(world.sightings),
        _Rows(world.logins),
        {}, world.phone_count, order,
    )  # fmt: skip
    rings: list[Ring] = []
    used = 0
    while used < wanted and used + 12 < len(order) // 3:
        sizes = [
            int(rng.integers(1, 3)),
            int(rng.integers(2, 6)),
            int(rng.integers(1, 4)),
            int(rng.integers(0, 3)),
        ]
        groups = []
        for size in sizes:
            groups.append([int(p) for p in order[used : used + size]])
            used += size
        rings.append(_make_ring(build, len(rings), groups, knobs))
    world.lines = build.lines.onto(world.lines)
    world.finance = build.finance.onto(world.finance)
    world.internet = build.internet.onto(world.internet)
    world.sightings = build.sightings.onto(world.sightings)
    world.logins = build.logins.onto(world.logins)
    world.phone_count = build.phone
    return Underworld(rings, build.handed, order[used : len(order) - build.heirs])


def _make_ring(build: _Build, number: int, groups: list[list[int]], knobs: Knobs) -> Ring:
    world, rng = build.world, build.rng
    active = build.between(world.clock.zero - 300 * DAY, world.clock.zero - 40 * DAY)
    devices = [world.device_count + i for i in range(int(rng.integers(1, 4)))]
    world.device_count += len(devices)
    organisers, sold, lent, deceived = groups
    ring = Ring(number, active, organisers, sold, lent, deceived, devices, HOSTING + 40_000 + number)
    for mule in ring.sold:
        for _ in range(int(rng.integers(1, 3))):
            ring.lines.append(_open_line(build, ring, mule, build.between(active, active + 30 * DAY)))
        _sell_cards(build, ring, mule)
        if rng.random() < 0.3:
            _sell_number(build, ring, mule)
    for mule in ring.lent:
        ring.lines.append(_open_line(build, ring, mule, build.between(active, active + 30 * DAY)))
    if rng.random() < knobs.sim_box_share:
        _run_sim_box(build, ring)
    for line in list(ring.lines):
        _open_accounts(build, ring, line)
    for line in ring.lines:
        if 0 <= build.ends[line] < world.clock.zero - 40 * DAY and rng.random() < knobs.recycled_share:
            _give_again(build, line)
    words = ["pay", "kefu", "loan", "vip", "mall", "invest"]
    for i in range(int(rng.integers(0, 4))):
        ring.sites.append(f"{words[build.between(0, len(words))]}{number}-{i}.example")
    return ring


def _open_line(build: _Build, ring: Ring, mule: int, start: int, device: int | None = None) -> int:
    """A line in the mule's name that the organiser uses.

    Four in ten end around the simulated nights (three of them stopped for fraud), two in ten ended long
    before, half of those quietly.
    """
    clock, chance = build.world.clock, build.rng.random()
    end, reason = -1, -1
    if chance >= 0.8 and start + 20 * DAY < clock.zero - 50 * DAY:
        end = build.between(start + 20 * DAY, clock.zero - 50 * DAY)
        reason = FRAUD if chance < 0.9 else CUSTOMER
    elif chance < 0.4:
        end = build.between(max(start + 20 * DAY, clock.zero - 20 * DAY), clock.end)
        reason = FRAUD if chance < 0.3 else CUSTOMER
    line = build.lines.add(
        phone=build.phone,
        holder=mule,
        start=start,
        end=end,
        reason=reason,
        tenure_from=start,
        controller=ring.boss,
        ring=ring.number,
    )
    build.phone += 1
    build.ends[line] = end
    last = clock.load if end < 0 else min(end, clock.load)
    build.sightings.add(
        device=build.one(ring.devices) if device is None else device,
        line=line,
        first=start + 3600,
        last=max(last, start + 3600),
    )
    return line


def _sell_cards(build: _Build, ring: Ring, mule: int) -> None:
    """Cards that the mule opened on the own phone and sold: from then on a phone of the ring is bound."""
    world = build.world
    own = int(world.main_line[mule])
    begun, over = int(world.lines["start"][own]), int(world.lines["end"][own])
    for _ in range(int(build.rng.integers(1, 4))):
        line = build.one(ring.lines[-2:])
        sold = build.between(_start(build, line) + DAY, _start(build, line) + 15 * DAY)
        opened = build.between(max(begun, sold - 2 * YEAR), sold - DAY)
        if opened <= begun or (0 <= over <= opened):
            continue
        bank = build.between(0, len(world.words.banks))
        row = build.finance.add(
            kind=CARD, institution=bank, holder=mule, line=own, opened=opened, bound=opened,
            moved_line=line, moved_at=sold,
            controller=ring.boss, ring=ring.number,
        )  # fmt: skip
        build.handed["finance", row] = (mule, sold)
        ring.finance.append(row)


def _sell_number(build: _Build, ring: Ring, mule: int) -> None:
    """A number that the mule had for years, with the mule's own accounts still bound, is sold to the ring."""
    world = build.world
    start = world.clock.zero - 3 * YEAR - build.between(0, YEAR)
    line = build.lines.add(
        phone=build.phone, holder=mule, start=start, tenure_from=start, controller=ring.boss, ring=ring.number
    )
    build.phone += 1
    build.ends[line] = -1
    sold = ring.active + build.between(0, 30 * DAY)
    build.handed["lines", line] = (mule, sold)
    build.sightings.add(device=mule, line=line, first=start + DAY, last=sold)
    build.sightings.add(
        device=build.one(ring.devices), line=line, first=sold + DAY, last=max(world.clock.load, sold + DAY)
    )
    for _ in range(2):
        at = build.between(start + DAY, sold - 60 * DAY)
        platform = build.between(0, len(world.words.platforms))
        build.internet.add(platform=platform, holder=-1, line=line, controller=mule, registered=at, bound=at, ring=-1)
    ring.lines.append(line)


def _give_again(build: _Build, line: int) -> None:
    """The ring's old number goes to somebody innocent, who registers own accounts with it."""
    world, clock = build.world, build.world.clock
    values = dict(zip(build.lines.names, build.lines.values[line - build.lines.first], strict=True))
    build.heirs += 1
    heir = int(build.order[len(build.order) - build.heirs])
    start = build.between(values["end"] + 36 * DAY, max(values["end"] + 37 * DAY, clock.zero - DAY))
    new = build.lines.add(phone=values["phone"], holder=heir, start=start, tenure_from=start, controller=heir, ring=-1)
    build.ends[new] = -1
    build.sightings.add(device=heir, line=new, first=start + 3600, last=max(clock.load, start + 3600))
    for _ in range(2):
        at, platform = build.between(start + 3600, clock.zero), build.between(0, len(world.words.platforms))
        build.internet.add(platform=platform, holder=-1, line=new, controller=heir, registered=at, bound=at, ring=-1)
    at, bank = build.between(start + 3600, clock.zero), build.between(0, len(world.words.banks))
    build.finance.add(kind=CARD, institution=bank, holder=heir, line=new, opened=at, bound=at, controller=heir, ring=-1)


def _run_sim_box(build: _Build, ring: Ring) -> None:
    """Dozens of SIMs in one device, in the names of the mules."""
    box = build.world.device_count
    build.world.device_count += 1
    for _ in range(build.between(*SIM_BOX_LINES)):
        start = build.between(ring.active, ring.active + 60 * DAY)
        ring.box_lines.append(
            _open_line(
                build,
                ring,
                build.one([*ring.sold, *ring.lent]),
                min(start, build.world.clock.zero - DAY),
                box,
            )
        )


def _start(build: _Build, line: int) -> int:
    return build.lines.values[line - build.lines.first][build.lines.names.index("start")]


def _open_accounts(build: _Build, ring: Ring, line: int) -> None:
    """The ring's own accounts on a line; some later move to another line of the ring, which is no escape."""
    world, rng = build.world, build.rng
    values = dict(zip(build.lines.names, build.lines.values[line - build.lines.first], strict=True))
    since = max(values["start"], build.handed.get(("lines", line), (0, 0))[1])
    until = min(world.clock.zero if values["end"] < 0 else values["end"], world.clock.zero)
    if until - since < 5 * DAY:
        return
    others = [other for other in ring.lines if other != line and _start(build, other) < until]
    for _ in range(int(rng.integers(1, 3))):
        kind = CARD if rng.random() < 0.6 else PAYMENT
        banks = len(world.words.banks)
        place = build.between(0, banks) if kind == CARD else build.between(banks, len(world.words.institutions))
        at = build.between(since + 3600, until)
        ring.finance.append(
            build.finance.add(
                kind=kind, institution=place, holder=values["holder"], line=line, opened=at, bound=at,
                controller=ring.boss,
                ring=ring.number, **_move(build, others, at, values["end"]),
            )
        )  # fmt: skip
    for _ in range(int(rng.integers(2, 6))):
        at = build.between(since + 3600, until)
        row = build.internet.add(
            platform=build.between(0, len(world.words.platforms)), holder=-1, line=line,
            controller=ring.boss, registered=at, bound=at,
            ring=ring.number, **_move(build, others, at, values["end"]),
        )  # fmt: skip
        ring.internet.append(row)
        build.logins.add(
            account=row,
            device=build.one(ring.devices),
            address=ring.address,
            first=at,
            last=max(at, world.clock.load - DAY),
        )


def _move(build: _Build, others: list[int], at: int, end: int) -> dict[str, int]:
    """One account in seven moves to another line of the ring, while both lines live."""
    if not others or build.rng.random() > 0.15:
        return {}
    target = build.one(others)
    low = max(at + DAY, _start(build, target) + DAY)
    ends = [e for e in (end, build.ends[target], build.world.clock.end) if e >= 0]
    if low >= min(ends):
        return {}
    return {"moved_line": target, "moved_at": build.between(low, min(ends))}
