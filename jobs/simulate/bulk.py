"""The five big feeds: which versions of which rows are delivered in which night, and their text.

A version is (row, moment of recording); it shows every event of the row that was recorded by then. All is
decided by hashes of the row, so that a chunk of rows renders alike however the rows are cut.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from jobs.simulate import mess, text
from jobs.simulate.clock import Clock
from jobs.simulate.frame import Frame, make, rows, stack, take
from jobs.simulate.knobs import Knobs
from jobs.simulate.population import KINDS, REASONS, SHOPS, World
from jobs.simulate.streams import Flags, Ints, Streams
from jobs.simulate.text import DAY
from jobs.simulate.values import mobile_addresses, shop_addresses


@dataclass(frozen=True)
class Bulk:
    """One big feed. `versions` has the columns row, at (recorded), night, bad (0 good, else a kind of
    mess.BREAKS).
    """

    feed: str
    versions: Frame
    render: Callable[[Frame], pa.Table]


def recorded(streams: Streams, what: str, event: Ints) -> Ints:
    """When the agency recorded an event: up to 20 hours later, by the row; -1 where there is no event."""
    delay = (streams.uniform(f"delay/{what}", np.arange(len(event))) * 20 * 3600).astype(np.int64)
    return np.where(event < 0, -1, event + delay)


def internet_records(world: World) -> Frame:
    """The internet feed has one record per binding: row of the account, second (0 first binding, 1 the one
    it moved to).
    """
    count = rows(world.internet)
    moved = np.flatnonzero(world.internet["moved_at"] >= 0)
    return stack([make(count, account=np.arange(count), second=0), make(len(moved), account=moved, second=1)])


def bulk_feeds(world: World, knobs: Knobs, streams: Streams) -> list[Bulk]:
    """The feeds of subscriptions, accounts, internet accounts, sightings and logins."""
    return [
        _subscriptions(world, knobs, streams),
        _accounts(world, knobs, streams),
        _internet(world, knobs, streams),
        _sightings(world, knobs, streams),
        _logins(world, knobs, streams),
    ]


WITHDRAWN = -1
"""In the column `bad` of a version: this version withdraws the record."""


def withdrawn(name: str, wanted: Flags, clock: Clock, knobs: Knobs, streams: Streams) -> Ints:
    """When each of the wanted rows was withdrawn, -1 for most: a record in thousands was a mistake."""
    row = np.arange(len(wanted))
    gone = wanted & _share(streams, f"withdraw/{name}", row, knobs.change_rate * 0.02 * (clock.nights - 1))
    when = clock.load + (streams.uniform(f"withdraw at/{name}", row) * (clock.end - clock.load)).astype(np.int64)
    return np.where(gone, when, -1)


def plan_versions(
    name: str, events: list[Ints], keep_old: Flags, gone: Ints, clock: Clock, knobs: Knobs, streams: Streams
) -> Frame:
    """The versions of a feed. `events`: for each kind of event (the first is the creation) when it was
    recorded, -1 never.

    Of what happened before the first load an agency still has the newest version; of some rows (`keep_old`)
    every one.
    """
    count = len(events[0])
    row = np.arange(count, dtype=np.int64)
    newest = np.full(count, -1, dtype=np.int64)
    for moment in events:
        newest = np.maximum(newest, np.where(moment <= clock.load, moment, -1))
    parts = []
    for moment in events:
        wanted = (moment >= 0) & (moment <= clock.end) & ((moment >= newest) | keep_old)
        parts.append(make(int(wanted.sum()), row=row[wanted], at=moment[wanted], bad=0))
    frame = stack(parts)
    frame = stack([frame, *_broken(name, frame, clock, knobs, streams)])
    end = gone[frame["row"]]
    frame = take(frame, (end < 0) | (frame["at"] < end))
    erased = np.flatnonzero((gone >= 0) & (events[0] >= 0) & (events[0] < gone))
    frame = stack([frame, make(len(erased), row=erased, at=gone[erased], bad=WITHDRAWN)])
    frame["night"] = _nights(name, frame, clock, knobs, streams)
    again = streams.uniform(f"again/{name}", frame["row"] * 7 + frame["at"]) < knobs.duplicate_rate
    twice = take(frame, again)
    twice["night"] = np.minimum(twice["night"] + 1, clock.nights - 1)
    frame = stack([frame, twice])
    order = np.lexsort((frame["bad"], frame["at"], frame["row"], frame["night"]))
    return take(frame, order)


def _broken(name: str, frame: Frame, clock: Clock, knobs: Knobs, streams: Streams) -> list[Frame]:
    """Extra versions that break the contract, an hour after a good one; half are sent again, repaired, a
    day later.
    """
    draw = streams.uniform(f"bad/{name}", frame["row"] * 5 + frame["at"])
    hit = take(frame, (draw < knobs.bad_record_rate) & (frame["at"] + 3600 <= clock.end))
    kind = (streams.uniform(f"bad kind/{name}", hit["row"]) * len(mess.BREAKS[name])).astype(np.int64) + 1
    broken = {**hit, "at": hit["at"] + 3600, "bad": kind}
    repaired = {**hit, "at": np.maximum(hit["at"] + 3600, clock.load - DAY) + DAY}
    repair = (streams.uniform(f"repair/{name}", hit["row"]) < 0.5) & (repaired["at"] <= clock.end)
    return [broken, take(repaired, repair)]


def _nights(name: str, frame: Frame, clock: Clock, knobs: Knobs, streams: Streams) -> Ints:
    """On time, or one to three nights late; by the last night everything has come."""
    night = clock.night_of(frame["at"])
    draw = streams.uniform(f"late/{name}", frame["row"] * 3 + frame["at"])
    rate = np.where(night == 0, knobs.late_rate / 10, knobs.late_rate)
    late = np.where(draw < rate, 1 + (draw / np.maximum(rate, 1e-12) * 3).astype(np.int64), 0)
    return np.minimum(night + late, clock.nights - 1)


def _share(streams: Streams, name: str, row: Ints, rate: float) -> Flags:
    return streams.uniform(name, row) < rate


def _base(letter: str, row: Ints, at: Ints, spelling: Ints) -> dict[str, pa.Array]:
    key = text.join(letter, text.to_array(text.ascii_digits(text.digits(row, 9))))
    return {
        "record_id": key,
        "op": text.pick(["upsert"], np.zeros(len(row), np.int64)),
        "recorded_at": text.times(at, spelling),
    }


def _shown(moment: Ints, known: Ints, at: Ints) -> Ints:
    """The event's moment where it was recorded by `at`, else -1."""
    return np.where((known >= 0) & (known <= at), moment, -1)


def _text_of(array: pa.Array, index: Ints) -> pa.Array:
    return array.take(pa.array(index, pa.int64(), mask=index < 0))


def _subscriptions(world: World, knobs: Knobs, streams: Streams) -> Bulk:
    name, lines, texts = "telecom/subscriptions", world.lines, world.named
    made, over = (
        recorded(streams, "lines/start", lines["start"]),
        recorded(streams, "lines/end", lines["end"]),
    )
    swap = recorded(streams, "lines/swap", lines["swap_at"])
    row = np.arange(rows(lines))
    versions = plan_versions(
        name,
        [made, over, swap],
        _share(streams, "old lines", row, 0.1),
        row * 0 - 1,
        world.clock,
        knobs,
        streams,
    )

    def render(part: Frame) -> pa.Table:
        at, this = part["at"], take(lines, part["row"])
        key = part["row"] * 11 + at
        ended = _shown(this["end"], over[part["row"]], at)
        sim = np.where(_shown(this["swap_at"], swap[part["row"]], at) >= 0, this["new_sim"], this["sim"])
        style = mess.time_style(streams, name, key, knobs)
        kind = _text_of(texts.document_types, this["holder"])
        columns = {
            **_base("S", part["row"], at, style),
            "msisdn": mess.phones(_text_of(texts.phones, this["phone"]), streams, name, key, knobs),
            "iccid": _text_of(texts.iccid, sim),
            "imsi": _text_of(texts.imsi, sim),
            "carrier": text.pick(world.words.carriers, this["carrier"]),
            "holder_doc_type": kind,
            "holder_doc_no": mess.documents(_text_of(texts.documents, this["holder"]), streams, name, key, knobs),
            "activated_at": text.times(this["start"], np.where(this["start"] % DAY == 0, 2, style)),
            "deactivated_at": text.times(ended, style),
            "deactivation_reason": text.pick(REASONS, np.where(ended >= 0, this["reason"], -1)),
        }
        return mess.break_rows(name, pa.table(columns), part["bad"])

    return Bulk(name, versions, render)


def _accounts(world: World, knobs: Knobs, streams: Streams) -> Bulk:
    name, finance, texts = "finance/accounts", world.finance, world.named
    row = np.arange(rows(finance))
    made = recorded(streams, "finance/opened", np.maximum(finance["opened"], finance["bound"]))
    moved = recorded(streams, "finance/moved", finance["moved_at"])
    left = recorded(streams, "finance/unbound", finance["unbound"])
    closed = recorded(streams, "finance/closed", finance["closed"])
    wrong, fixed = _typos(name, finance, made, world, knobs, streams)
    keep_old = (finance["moved_at"] >= 0) | wrong | _share(streams, "old accounts", row, 0.05)
    gone = withdrawn(name, finance["ring"] < 0, world.clock, knobs, streams)
    versions = plan_versions(name, [made, moved, left, closed, fixed], keep_old, gone, world.clock, knobs, streams)

    def render(part: Frame) -> pa.Table:
        at, this = part["at"], take(finance, part["row"])
        key = part["row"] * 11 + at
        after = _shown(this["moved_at"], moved[part["row"]], at) >= 0
        line = np.where(after, this["moved_line"], this["line"])
        mistaken = wrong[part["row"]] & ~(_shown(fixed[part["row"]], fixed[part["row"]], at) >= 0)
        line = np.where(mistaken, (part["row"] * 7919 + 1) % world.adults, line)
        phone = np.where(line >= 0, world.lines["phone"][line], -1)
        style = mess.time_style(streams, name, key, knobs)
        kind = _text_of(texts.document_types, this["holder"])
        columns = {
            **_base("F", part["row"], at, style),
            "account_kind": text.pick(KINDS, this["kind"]),
            "institution_id": mess.institutions(this["institution"], world.words, streams, name, key, knobs),
            "account_no": mess.account_numbers(_text_of(texts.finance, part["row"]), streams, name, key, knobs),
            "holder_doc_type": kind,
            "holder_doc_no": mess.documents(_text_of(texts.documents, this["holder"]), streams, name, key, knobs),
            "bound_phone": mess.phones(_text_of(texts.phones, phone), streams, name, key, knobs),
            "bound_at": text.times(np.where(after, this["moved_at"], this["bound"]), style),
            "unbound_at": text.times(_shown(this["unbound"], left[part["row"]], at), style),
            "opened_at": text.times(this["opened"], style),
            "closed_at": text.times(_shown(this["closed"], closed[part["row"]], at), style),
        }
        return mess.break_rows(name, pa.table(columns), part["bad"])

    return Bulk(name, versions, render)


def _typos(name: str, frame: Frame, made: Ints, world: World, knobs: Knobs, streams: Streams) -> tuple[Flags, Ints]:
    """(rows first recorded with somebody else's number, when that was corrected): same start, so never
    true.
    """
    clock, row = world.clock, np.arange(rows(frame))
    wrong = _share(streams, f"typo/{name}", row, knobs.change_rate * 0.1 * (clock.nights - 1))
    wrong &= (frame["ring"] < 0) & (frame["moved_at"] < 0) & (frame["unbound"] < 0) & (frame["line"] >= 0)
    wrong &= made < clock.load
    when = clock.load + (streams.uniform(f"typo at/{name}", row) * (clock.end - clock.load)).astype(np.int64)
    return wrong, np.where(wrong, when, -1)


def _internet(world: World, knobs: Knobs, streams: Streams) -> Bulk:
    name, accounts, texts, words = "internet/internet_accounts", world.internet, world.named, world.words
    records = internet_records(world)
    account, second = records["account"], records["second"] == 1
    moved_at = accounts["moved_at"][account]
    start = np.where(second, moved_at, np.maximum(accounts["registered"], accounts["bound"])[account])
    stop = np.where(second, -1, np.where(moved_at >= 0, moved_at, accounts["unbound"][account]))
    shut = np.where(second | (moved_at < 0), accounts["closed"][account], -1)
    made = recorded(streams, "internet/start", start)
    left, closed = recorded(streams, "internet/stop", stop), recorded(streams, "internet/closed", shut)
    wrong, fixed = _typos(name, take(accounts, account), made, world, knobs, streams)
    keep_old = wrong | _share(streams, "old internet", np.arange(len(account)), 0.05)
    versions = plan_versions(name, [made, left, closed, fixed], keep_old, account * 0 - 1, world.clock, knobs, streams)

    def render(part: Frame) -> pa.Table:
        record, at = part["row"], part["at"]
        this, key = take(accounts, account[record]), record * 11 + part["at"]
        line = np.where(second[record], this["moved_line"], this["line"])
        mistaken = wrong[record] & ~(_shown(fixed[record], fixed[record], at) >= 0)
        line = np.where(mistaken, (record * 7919 + 1) % world.adults, line)
        phone = np.where(line >= 0, world.lines["phone"][line], -1)
        style = mess.time_style(streams, name, key, knobs)
        columns = {
            **_base("I", record, at, style),
            "platform": mess.platforms(text.pick(words.platforms, this["platform"]), streams, name, key, knobs),
            "account_id": mess.login_names(
                _text_of(texts.internet, account[record]),
                np.array(words.folded)[this["platform"]],
                streams,
                name,
                key,
                knobs,
            ),
            "bound_phone": mess.phones(_text_of(texts.phones, phone), streams, name, key, knobs),
            "bound_at": text.times(np.where(second[record], this["moved_at"], this["bound"]), style),
            "unbound_at": text.times(_shown(stop[record], left[record], at), style),
            "holder_doc_type": _text_of(texts.document_types, this["holder"]),
            "holder_doc_no": mess.documents(_text_of(texts.documents, this["holder"]), streams, name, key, knobs),
            "registered_at": text.times(this["registered"], style),
            "closed_at": text.times(_shown(shut[record], closed[record], at), style),
        }
        return mess.break_rows(name, pa.table(columns), part["bad"])

    return Bulk(name, versions, render)


def _spans(name: str, frame: Frame, world: World, knobs: Knobs, streams: Streams) -> Frame:
    """Versions of spans of time: one when first reported, sometimes a later one in which the span has
    grown.
    """
    clock, row = world.clock, np.arange(rows(frame))
    seen = np.where(frame["first"] <= clock.load, np.minimum(frame["last"], clock.load - DAY), frame["first"])
    made = recorded(streams, name, np.maximum(seen, frame["first"]))
    grows = _share(streams, f"grow/{name}", row, min(1.0, knobs.change_rate * (clock.nights - 1) * 2)) & (
        frame["last"] > made
    )
    when = clock.load + (streams.uniform(f"grow at/{name}", row) * (clock.end - clock.load)).astype(np.int64)
    gone = withdrawn(name, row >= 0, clock, knobs, streams)
    return plan_versions(name, [made, np.where(grows & (when > made), when, -1)], row < 0, gone, clock, knobs, streams)


def _sightings(world: World, knobs: Knobs, streams: Streams) -> Bulk:
    name, frame, texts = "telecom/device_sightings", world.sightings, world.named
    versions = _spans(name, frame, world, knobs, streams)

    def render(part: Frame) -> pa.Table:
        this, at, key = take(frame, part["row"]), part["at"], part["row"] * 11 + part["at"]
        style = mess.time_style(streams, name, key, knobs)
        columns = {
            **_base("D", part["row"], at, style),
            "imei": mess.devices(_text_of(texts.devices, this["device"]), streams, name, key, knobs),
            "imsi": _text_of(texts.imsi, world.lines["sim"][this["line"]]),
            "first_seen": text.times(this["first"], style),
            "last_seen": text.times(np.maximum(np.minimum(this["last"], at), this["first"]), style),
        }
        return mess.break_rows(name, pa.table(columns), part["bad"])

    return Bulk(name, versions, render)


def addresses(address: Ints) -> pa.Array:
    """The text of a login's or host's address; null where there is none."""
    safe = np.maximum(address, 0)
    made = text.where(address >= SHOPS, shop_addresses(safe % SHOPS), mobile_addresses(safe))
    return text.blank(made, address < 0)


def _logins(world: World, knobs: Knobs, streams: Streams) -> Bulk:
    name, frame, texts = "internet/account_logins", world.logins, world.named
    versions = _spans(name, frame, world, knobs, streams)

    def render(part: Frame) -> pa.Table:
        this, at, key = take(frame, part["row"]), part["at"], part["row"] * 11 + part["at"]
        style = mess.time_style(streams, name, key, knobs)
        columns = {
            **_base("L", part["row"], at, style),
            "platform": text.pick(world.words.platforms, world.internet["platform"][this["account"]]),
            "account_id": _text_of(texts.internet, this["account"]),
            "imei": mess.devices(_text_of(texts.devices, this["device"]), streams, name, key, knobs),
            "ip": addresses(this["address"]),
            "first_seen": text.times(this["first"], style),
            "last_seen": text.times(np.maximum(np.minimum(this["last"], at), this["first"]), style),
        }
        return mess.break_rows(name, pa.table(columns), part["bad"])

    return Bulk(name, versions, render)
