"""The truth beside the deliveries, as parquet. Identifiers are in their normal form (spec/identifiers.md).

Times are UTC, dates are business dates; a person is `P0000001`, a company `C0000001`, a ring `R00001`.

- `people`: one row per person or company: person, identifier_type, identifier (its document).
- `roles`: one row per person and part played: person, role, ring_id (null outside a ring), since. Roles:
  organiser, mule_sold, mule_lent, mule_deceived, victim, impersonated, new_holder_of_recycled,
  family_member, switchboard_user, innocent. Everybody who plays no part in a fraud is `innocent`; an
  `innocent` row with `since` was accused falsely.
- `control`: one row per identifier and who really used it: identifier_type, identifier, tenure_from (phones
  only: when its holder's tenure began), person, from_at, to_at (null: still), ring_id (null: for no ring).
- `rings`: ring_id, organiser, members, first_at, confirmed_at (when its first finding was recorded; null:
  never).
- `fraud_tenures`: one row per tenure that took part in a fraud, as findings and stops for fraud delivered by
  the last night say: identifier (phone), tenure_from, moment (the earliest), known_on (when the record that
  gives this moment was recorded), why (finding, stopped), ring_id.
- `should_be_found`: one row per account, reason and tenure: identifier_type, identifier, reason, phone,
  tenure_from, moment, known_on, person (who controls it), ring_id. Reason `bound_to_fraud_phone`: a binding
  to a fraud tenure had not ended before the moment, and the account is still open (whose victim's account it
  is, is left out); `ring_controlled`: open and used by a ring that has a finding (no phone, no moment).
- `displayed_numbers`: identifier, since: numbers that were only shown to who was called.
- `intended_outcomes`: identifier_type, identifier, outcome, acted_at: what a recipient would answer for what
  should be found. The simulator cannot know listing ids, so these are not delivered.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from jobs.simulate import text
from jobs.simulate.bulk import internet_records, recorded, withdrawn
from jobs.simulate.cases import Docket
from jobs.simulate.frame import Frame, make, rows, stack, take
from jobs.simulate.knobs import Knobs
from jobs.simulate.population import KINDS, World
from jobs.simulate.rings import Underworld
from jobs.simulate.streams import Flags, Ints, Streams
from jobs.simulate.text import DAY

_SHANGHAI = 8 * 3600
OUTCOMES = ("closed", "suspended", "restricted", "verified_clean", "rectified")


_Times = tuple[Ints, Ints, Ints, Ints]


@dataclass
class _Tenures:
    """Tenures that took part in a fraud. `of_line`: place of the line's tenure in the columns below, -1 for
    all others.
    """

    of_line: Ints
    line: Ints
    moment: Ints
    known: Ints
    why: list[str]
    ring: Ints
    victims: list[set[int]]


def write_truth(
    folder: Path, world: World, underworld: Underworld, docket: Docket, knobs: Knobs, streams: Streams
) -> dict[str, int]:
    """Write every table of the truth; rows of each."""
    folder.mkdir(parents=True, exist_ok=True)
    fraud = _fraud_tenures(world, docket)
    found = _found(world, docket, fraud, knobs, streams)
    tables = {
        "people": _people(world),
        "roles": _roles(world, docket),
        "rings": _rings(world, underworld, docket),
        "fraud_tenures": _fraud_table(world, fraud),
        "should_be_found": _found_table(world, found, fraud),
        "displayed_numbers": _displayed(docket),
        "intended_outcomes": _outcomes(world, found, streams),
    }
    counts = {name: table.num_rows for name, table in tables.items()}
    for name, table in tables.items():
        pq.write_table(table, folder / f"{name}.parquet")
    counts["control"] = _write_control(folder / "control.parquet", world, underworld)
    return counts


def moments(seconds: Ints) -> pa.Array:
    """UTC timestamps of wall-clock times in Asia/Shanghai; negative is null."""
    micros = (seconds - _SHANGHAI) * 1_000_000
    return pa.array(micros, pa.int64(), mask=seconds < 0).cast(pa.timestamp("us", "UTC"))


def business_dates(world: World, seconds: Ints) -> pa.Array:
    """The business date whose delivery first can carry what was recorded then."""
    nights = world.clock.night_of(seconds)
    return pa.array((world.clock.zero // DAY + nights).astype(np.int32), pa.int32(), mask=seconds < 0).cast(pa.date32())


def person_names(world: World, person: Ints) -> pa.Array:
    """`P0000001` for people, `C0000001` for companies; null for -1."""
    firm = person >= world.people
    number = text.to_array(
        text.ascii_digits(text.digits(np.maximum(np.where(firm, person - world.people, person), 0), 7))
    )
    return text.blank(text.join(text.pick(["P", "C"], firm.astype(np.int64)), number), person < 0)


def ring_names(ring: Ints) -> pa.Array:
    """`R00001`; null for -1."""
    number = text.to_array(text.ascii_digits(text.digits(np.maximum(ring, 0), 5)))
    return text.blank(text.join("R", number), ring < 0)


def phone_values(world: World, line: Ints) -> pa.Array:
    """The number of a line in E.164."""
    return text.join("+86", world.named.phones.take(pa.array(world.lines["phone"][line])))


def finance_values(world: World, row: Ints) -> tuple[pa.Array, pa.Array]:
    """(type, normal form) of finance accounts: a card is its number, an account has its institution before
    it.
    """
    kind = world.finance["kind"][row]
    number = world.named.finance.take(pa.array(row))
    scoped = text.join(text.pick(world.words.institutions, world.finance["institution"][row]), ":", number)
    return text.pick(KINDS, kind), text.where(kind == 0, number, scoped)


def internet_values(world: World, row: Ints) -> tuple[pa.Array, pa.Array]:
    """(type, normal form) of internet accounts."""
    platform = text.pick(world.words.platforms, world.internet["platform"][row])
    return text.pick(["internet_account"], np.zeros(len(row), np.int64)), text.join(
        platform, ":", world.named.internet.take(pa.array(row))
    )


def _people(world: World) -> pa.Table:
    everybody = np.arange(world.people + world.companies, dtype=np.int64)
    names = world.named
    return pa.table(
        {
            "person": person_names(world, everybody),
            "identifier_type": names.document_types,
            "identifier": names.documents,
        }
    )


def _fraud_tenures(world: World, docket: Docket) -> _Tenures:
    """One entry per tenure: the earliest moment; known when the record that gives it was recorded."""
    lines = world.lines
    key = lines["phone"] * (1 << 34) + lines["tenure_from"]
    by_tenure: dict[int, int] = {}
    line: list[int] = []
    moment: list[int] = []
    known: list[int] = []
    why: list[str] = []
    ring: list[int] = []
    victims: list[set[int]] = []
    for fraud in sorted(docket.frauds, key=lambda f: (f.moment, f.recorded, f.line)):
        tenure = int(key[fraud.line])
        if tenure not in by_tenure:
            by_tenure[tenure] = len(line)
            line.append(fraud.line)
            moment.append(fraud.moment)
            known.append(fraud.recorded)
            why.append(fraud.why)
            ring.append(fraud.ring)
            victims.append(set())
        place = by_tenure[tenure]
        if fraud.victim >= 0:
            victims[place].add(fraud.victim)
    of_line = np.full(len(key), -1, dtype=np.int64)
    if by_tenure:
        known_keys = np.array(sorted(by_tenure), dtype=np.int64)
        places = np.array([by_tenure[k] for k in known_keys.tolist()], dtype=np.int64)
        at = np.minimum(np.searchsorted(known_keys, key), len(known_keys) - 1)
        of_line = np.where(known_keys[at] == key, places[at], -1)
    arrays = (np.array(values, dtype=np.int64) for values in (line, moment, known, ring))
    line_, moment_, known_, ring_ = arrays
    return _Tenures(of_line, line_, moment_, known_, why, ring_, victims)


def _found(world: World, docket: Docket, fraud: _Tenures, knobs: Knobs, streams: Streams) -> Frame:
    """side (0 finance, 1 internet), row, reason (0 bound, 1 ring), tenure (place, -1), known, sorted."""
    delivered = [_delivered(world, knobs, streams, side) for side in (0, 1)]
    parts = [frame for side in (0, 1) for frame in _bound(world, fraud, side, delivered[side])]
    parts += _ringed(world, docket, delivered)
    frame = stack(parts)
    order = np.lexsort((frame["known"], frame["tenure"], frame["reason"], frame["row"], frame["side"]))
    frame = take(frame, order)
    first = np.ones(len(order), dtype=bool)
    same = np.ones(len(order) - 1, dtype=bool) if len(order) else np.zeros(0, dtype=bool)
    for name in ("side", "row", "reason", "tenure"):
        same &= frame[name][1:] == frame[name][:-1]
    first[1:] = ~same
    return take(frame, first)


def _delivered(world: World, knobs: Knobs, streams: Streams, side: int) -> _Times:
    """(created, moved, unbound, closed) of the accounts: when each was recorded, -1 when never or after the
    end.
    """
    end = world.clock.end
    if side == 0:
        frame = world.finance
        made = recorded(streams, "finance/opened", np.maximum(frame["opened"], frame["bound"]))
        moved = recorded(streams, "finance/moved", frame["moved_at"])
        left = recorded(streams, "finance/unbound", frame["unbound"])
        closed = recorded(streams, "finance/closed", frame["closed"])
        made = np.where(withdrawn("finance/accounts", frame["ring"] < 0, world.clock, knobs, streams) >= 0, -1, made)
    else:
        frame, records = world.internet, internet_records(world)
        account, second = records["account"], records["second"] == 1
        moved_at = frame["moved_at"][account]
        start = np.where(second, moved_at, np.maximum(frame["registered"], frame["bound"])[account])
        stop = np.where(second, -1, np.where(moved_at >= 0, moved_at, frame["unbound"][account]))
        shut = np.where(second | (moved_at < 0), frame["closed"][account], -1)
        count = rows(frame)
        starts, stops = recorded(streams, "internet/start", start), recorded(streams, "internet/stop", stop)
        shuts = recorded(streams, "internet/closed", shut)
        made = starts[:count]
        moved = np.full(count, -1, dtype=np.int64)
        moved[account[count:]] = starts[count:]
        left = np.where(frame["moved_at"] < 0, stops[:count], -1)
        closed = shuts[:count].copy()
        closed[account[count:]] = shuts[count:]
    made, moved, left, closed = (np.where(moment > end, -1, moment) for moment in (made, moved, left, closed))
    return made, moved, left, closed


def _open(frame: Frame, closed_known: Ints) -> Flags:
    return (frame["closed"] < 0) | (closed_known < 0)


def _bound(world: World, fraud: _Tenures, side: int, times: _Times) -> list[Frame]:
    """Open accounts whose first or second binding, to a fraud tenure, had not ended before the moment."""
    frame = world.finance if side == 0 else world.internet
    made, moved, left, closed = times
    still = _open(frame, closed) & (made >= 0)
    bound_known = np.maximum(made, 0)
    ends = np.where(moved >= 0, frame["moved_at"], np.where(left >= 0, frame["unbound"], -1))
    first = _bindings(world, fraud, side, frame["line"], frame["bound"], ends, bound_known, still)
    second = _bindings(
        world,
        fraud,
        side,
        frame["moved_line"],
        frame["moved_at"],
        np.full(len(made), -1),
        moved,
        still & (moved >= 0),
    )
    return [first, second]


def _bindings(
    world: World, fraud: _Tenures, side: int, line: Ints, start: Ints, end: Ints, known: Ints, still: Flags
) -> Frame:
    tenure = np.where((line >= 0) & (start >= 0), fraud.of_line[np.maximum(line, 0)], -1)
    hit = np.flatnonzero(still & (tenure >= 0))
    moment = fraud.moment[tenure[hit]]
    hit = hit[(end[hit] < 0) | (end[hit] > moment)]
    owner = (world.finance if side == 0 else world.internet)["controller"][hit]
    allowed = np.array(
        [int(o) not in fraud.victims[int(t)] for o, t in zip(owner, tenure[hit], strict=True)], dtype=bool
    )
    hit = hit[allowed]
    both = np.maximum(known[hit], fraud.known[tenure[hit]])
    return make(len(hit), side=side, row=hit, reason=0, tenure=tenure[hit], known=both)


def _ringed(world: World, docket: Docket, delivered: list[_Times]) -> list[Frame]:
    """Open accounts that a ring uses, once the ring has a finding."""
    confirmed = np.full(max([0, *docket.ring_confirmed]) + 1, -1, dtype=np.int64)
    for number, first in sorted(docket.ring_confirmed.items()):
        confirmed[number] = first
    parts = []
    for side, frame in enumerate((world.finance, world.internet)):
        made, _, _, closed = delivered[side]
        ring = frame["ring"]
        at = np.where((ring >= 0) & (ring < len(confirmed)), confirmed[np.clip(ring, 0, len(confirmed) - 1)], -1)
        hit = np.flatnonzero((at >= 0) & (made >= 0) & _open(frame, closed))
        parts.append(make(len(hit), side=side, row=hit, reason=1, tenure=-1, known=np.maximum(at[hit], made[hit])))
    return parts


def _values(world: World, frame: Frame) -> tuple[pa.Array, pa.Array]:
    """(type, normal form) of the accounts of a frame that is sorted by side."""
    inside = frame["side"] == 0
    money, net = finance_values(world, frame["row"][inside]), internet_values(world, frame["row"][~inside])
    return pa.concat_arrays([money[0], net[0]]), pa.concat_arrays([money[1], net[1]])


def _controllers(world: World, frame: Frame) -> tuple[Ints, Ints]:
    """(person, ring) behind the accounts of a frame that is sorted by side."""
    inside = frame["side"] == 0
    money, net = frame["row"][inside], frame["row"][~inside]
    person = np.concatenate([world.finance["controller"][money], world.internet["controller"][net]])
    return person, np.concatenate([world.finance["ring"][money], world.internet["ring"][net]])


def _found_table(world: World, found: Frame, fraud: _Tenures) -> pa.Table:
    kind, value = _values(world, found)
    person, ring = _controllers(world, found)
    tenure = found["tenure"]
    none = tenure < 0
    place = np.maximum(tenure, 0)
    if len(fraud.line):
        line, moment = fraud.line[place], np.where(none, -1, fraud.moment[place])
        phone = text.blank(phone_values(world, line), none)
        start = np.where(none, -1, world.lines["tenure_from"][line])
    else:
        phone, moment, start = text.nothing(len(tenure)), np.full(len(tenure), -1), np.full(len(tenure), -1)
    return pa.table(
        {
            "identifier_type": kind,
            "identifier": value,
            "reason": text.pick(["bound_to_fraud_phone", "ring_controlled"], found["reason"]),
            "phone": phone,
            "tenure_from": moments(start),
            "moment": moments(moment),
            "known_on": business_dates(world, found["known"]),
            "person": person_names(world, person),
            "ring_id": ring_names(ring),
        }
    )


def _fraud_table(world: World, fraud: _Tenures) -> pa.Table:
    return pa.table(
        {
            "identifier": phone_values(world, fraud.line),
            "tenure_from": moments(world.lines["tenure_from"][fraud.line]),
            "moment": moments(fraud.moment),
            "known_on": business_dates(world, fraud.known),
            "why": pa.array(fraud.why, pa.utf8()),
            "ring_id": ring_names(fraud.ring),
        }
    )


def _roles(world: World, docket: Docket) -> pa.Table:
    """Everybody with a part, and everybody else as innocent."""
    named = sorted((person, role, ring, since) for (person, role), (ring, since) in docket.roles.items())
    person = np.array([n[0] for n in named], dtype=np.int64)
    ring, since = (
        np.array([n[2] for n in named], dtype=np.int64),
        np.array([n[3] for n in named], dtype=np.int64),
    )
    role = pa.array([n[1] for n in named], pa.utf8())
    lines, internet = world.lines, world.internet
    heirs = np.unique(lines["holder"][_recycled(world)])
    children = np.arange(world.adults, world.people)
    bound = np.concatenate([internet["controller"], world.finance["controller"]])
    family = children[np.isin(children, bound)]
    board = np.isin(internet["line"], np.flatnonzero(lines["holder"] >= world.people)) & (
        internet["controller"] < world.people
    )
    users = np.unique(internet["controller"][board])
    some = np.zeros(world.people + world.companies, dtype=bool)
    some[person] = True
    others = np.flatnonzero(~some)
    groups = [
        (heirs, "new_holder_of_recycled"),
        (family, "family_member"),
        (users, "switchboard_user"),
        (others, "innocent"),
    ]
    people = np.concatenate([person, *(group for group, _ in groups)])
    names = pa.concat_arrays([role, *(pa.array([name] * len(group), pa.utf8()) for group, name in groups)])
    rest = len(people) - len(person)
    table = pa.table(
        {
            "person": person_names(world, people),
            "role": names,
            "ring_id": ring_names(np.concatenate([ring, np.full(rest, -1)])),
            "since": moments(np.concatenate([since, np.full(rest, -1)])),
        }
    )
    return table.take(pc.sort_indices(table, [("person", "ascending"), ("role", "ascending")]))


def _recycled(world: World) -> Flags:
    """Lines whose number an earlier holder had."""
    lines = world.lines
    first = np.full(world.phone_count, np.iinfo(np.int64).max)
    np.minimum.at(first, lines["phone"], lines["tenure_from"])
    again = lines["tenure_from"] > first[lines["phone"]]
    again[world.contested] = False
    return again


def _rings(world: World, underworld: Underworld, docket: Docket) -> pa.Table:
    rings = underworld.rings
    return pa.table(
        {
            "ring_id": ring_names(np.array([r.number for r in rings], dtype=np.int64)),
            "organiser": person_names(world, np.array([r.boss for r in rings], dtype=np.int64)),
            "members": pa.array([len(r.members) for r in rings], pa.int64()),
            "first_at": moments(np.array([r.active for r in rings], dtype=np.int64)),
            "confirmed_at": moments(np.array([docket.ring_confirmed.get(r.number, -1) for r in rings], dtype=np.int64)),
        }
    )


def _displayed(docket: Docket) -> pa.Table:
    shown = sorted({(f"+86{number}", at) for number, at in docket.spoofed})
    return pa.table(
        {
            "identifier": pa.array([n for n, _ in shown], pa.utf8()),
            "since": moments(np.array([a for _, a in shown], dtype=np.int64)),
        }
    )


def _outcomes(world: World, found: Frame, streams: Streams) -> pa.Table:
    """One answer for each account: rings' accounts are closed or restricted, others' turn out clean."""
    once = np.ones(rows(found), dtype=bool)
    once[1:] = (found["side"][1:] != found["side"][:-1]) | (found["row"][1:] != found["row"][:-1])
    frame = take(found, once)
    kind, value = _values(world, frame)
    _, ring = _controllers(world, frame)
    draw = streams.uniform("outcome", frame["row"] * 2 + frame["side"])
    outcome = np.where(ring >= 0, (draw * 3).astype(np.int64), np.where(draw < 0.8, 3, 4))
    days = 1 + (streams.uniform("outcome day", frame["row"] * 2 + frame["side"]) * 18).astype(np.int64)
    acted = np.maximum(frame["known"], world.clock.zero) // DAY * DAY + days * DAY + 10 * 3600
    return pa.table(
        {
            "identifier_type": kind,
            "identifier": value,
            "outcome": text.pick(OUTCOMES, outcome),
            "acted_at": moments(acted),
        }
    )


_CONTROL = pa.schema(
    [
        ("identifier_type", pa.utf8()), ("identifier", pa.utf8()), ("tenure_from", pa.timestamp("us",
        "UTC")), ("person", pa.utf8()),
        ("from_at", pa.timestamp("us", "UTC")), ("to_at", pa.timestamp("us", "UTC")), ("ring_id", pa.utf8()),
    ]
)  # fmt: skip


def _write_control(path: Path, world: World, underworld: Underworld) -> int:
    """Who used what, kind after kind, so that only one is in memory as text."""
    count = 0
    with pq.ParquetWriter(path, _CONTROL) as writer:
        for table in (
            _line_control(world, underworld),
            _finance_control(world, underworld),
            _internet_control(world),
            _device_control(world, underworld),
        ):
            writer.write_table(table.cast(_CONTROL), row_group_size=200_000)
            count += table.num_rows
    return count


def _spans(underworld: Underworld, name: str, start: Ints, end: Ints, person: Ints, ring: Ints) -> Frame:
    """One row per thing and user; what changed hands has two."""
    count = len(start)
    frame = make(count, row=np.arange(count), start=start, end=end, person=person, ring=ring)
    handed = sorted((row, before, at) for (kind, row), (before, at) in underworld.handed.items() if kind == name)
    if not handed:
        return frame
    row = np.array([h[0] for h in handed], dtype=np.int64)
    at = np.array([h[2] for h in handed], dtype=np.int64)
    before = make(len(row), row=row, start=start[row], end=at, person=np.array([h[1] for h in handed]), ring=-1)
    frame["start"][row] = at
    both = stack([frame, before])
    return take(both, np.lexsort((both["start"], both["row"])))


def _control(world: World, kind: pa.Array, value: pa.Array, span: Frame, tenure: Ints | None = None) -> pa.Table:
    none = np.full(len(span["row"]), -1, dtype=np.int64)
    return pa.table(
        {
            "identifier_type": kind,
            "identifier": value,
            "tenure_from": moments(none if tenure is None else tenure),
            "person": person_names(world, span["person"]),
            "from_at": moments(span["start"]),
            "to_at": moments(span["end"]),
            "ring_id": ring_names(span["ring"]),
        }
    )


def _line_control(world: World, underworld: Underworld) -> pa.Table:
    lines = world.lines
    span = _spans(underworld, "lines", lines["start"], lines["end"], lines["controller"], lines["ring"])
    kind = text.pick(["phone"], np.zeros(rows(span), np.int64))
    return _control(world, kind, phone_values(world, span["row"]), span, lines["tenure_from"][span["row"]])


def _finance_control(world: World, underworld: Underworld) -> pa.Table:
    frame = world.finance
    span = _spans(underworld, "finance", frame["opened"], frame["closed"], frame["controller"], frame["ring"])
    return _control(world, *finance_values(world, span["row"]), span)


def _internet_control(world: World) -> pa.Table:
    frame = world.internet
    span = make(
        rows(frame),
        row=np.arange(rows(frame)),
        start=frame["registered"],
        end=frame["closed"],
        person=frame["controller"],
        ring=frame["ring"],
    )
    return _control(world, *internet_values(world, span["row"]), span)


def _device_control(world: World, underworld: Underworld) -> pa.Table:
    """Devices that were seen, by who used them: the rings' own, else the owner of the line that was seen in
    it last.
    """
    sightings, lines = world.sightings, world.lines
    order = np.lexsort((sightings["last"], sightings["device"]))
    device = sightings["device"][order]
    newest = np.flatnonzero(np.append(device[1:] != device[:-1], True))
    row = device[newest]
    line = sightings["line"][order][newest]
    owner = np.where(row < world.people, row, lines["controller"][line])
    first = np.full(world.device_count, np.iinfo(np.int64).max)
    np.minimum.at(first, sightings["device"], sightings["first"])
    ring = np.where(row < world.people, -1, lines["ring"][line])
    span = make(len(row), row=row, start=first[row], end=-1, person=owner, ring=ring)
    kind = text.pick(["imei"], np.zeros(len(row), np.int64))
    return _control(world, kind, world.named.devices.take(pa.array(row)), span)
