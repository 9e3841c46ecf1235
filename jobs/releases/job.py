"""The stage: one query for everybody's rows, then one folder per recipient. `latest.json` moves only after
the night is committed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import polars as pl
import pyarrow.compute as pc

from jobs.core.frames import schema_of, to_arrow
from jobs.core.lake import Lake
from jobs.core.night import Night, StageReport
from jobs.core.storage import Storage, open_storage
from jobs.releases.bundle import FULL, MANIFEST, REMOVALS_ONLY, Edition, make_bundle, read_snapshot
from jobs.releases.changes import conform
from jobs.releases.guards import Broken, find_failed, find_holds, find_untold, keep_removals
from jobs.releases.layout import Layout, load_layout
from jobs.releases.publish import (
    publish_pending,
    read_latest,
    read_version,
    remove_unpublished,
    switch_latest,
    write_version,
)
from jobs.releases.recipients import Recipient
from jobs.releases.rows import (
    LISTING_COLUMNS,
    NOT_OURS,
    build_rows,
    find_unaddressed,
    project_rows,
    select_rows,
    value_ids,
)

ACTED, MOVED = "acted", "moved"


@dataclass
class _Work:
    """What every recipient's release is made from, and what came of it."""

    night: Night
    storage: Storage
    layout: Layout
    last: dict[str, int]
    rows: Any
    why: Mapping[str, str]
    broken: Sequence[Broken]
    agencies: Mapping[str, tuple[str, ...]]
    set_aside: Mapping[str, Mapping[str, str]]
    releases: dict[str, int] = field(default_factory=dict)
    held: dict[str, str] = field(default_factory=dict)
    held_back: list[tuple[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    rows_out: int = 0


def run(night: Night) -> StageReport:
    """Write tonight's version for every recipient; `night.scratch['releases']` says which version is to be
    the latest of whom.
    """
    storage = open_storage(night.settings.releases)
    committed_on, committed = read_committed(night.lake)
    if committed_on is not None and committed_on >= night.on:
        return _nothing_new(night, committed_on, committed)
    recipients: dict[str, Recipient] = night.recipients
    last, lost = _settle(storage, recipients, committed)
    listings = collect_listings(night.lake, _oldest(storage, recipients))
    active = listings.filter(pc.equal(listings["status"], "active"))
    layout = load_layout(night.settings.schemas_dir)
    rows = build_rows(active, *collect_values(night, active), layout)
    why, agencies, aside = explain_departures(listings), agencies_behind(listings), collect_set_aside(night.lake)
    work = _Work(night, storage, layout, last, rows, why, collect_broken(night), agencies, aside, notes=lost)
    for recipient in recipients.values():
        _release(work, recipient)
    work.notes += [
        f"{n} active {kind} listings have no recipient"
        for kind, n in find_unaddressed(rows, recipients.values()).items()
    ]
    schema = schema_of(night.lake.schema("blacklist.held_back").ddl)
    night.lake.replace("blacklist.held_back", pl.DataFrame(work.held_back, schema, orient="row"))
    _hand_over(night, work.releases)
    night.scratch["held"] = work.held
    return StageReport(active.num_rows, work.rows_out, work.notes)


def _nothing_new(night: Night, committed_on: date, committed: dict[str, int]) -> StageReport:
    """This night, or a later one, is committed: its versions are what they are."""
    _hand_over(night, committed if committed_on == night.on else {})
    return StageReport(
        notes=[f"nothing published: the night of {committed_on.isoformat()} is committed with its releases"]
    )


def _hand_over(night: Night, releases: dict[str, int]) -> None:
    night.scratch["releases"] = releases

    def switch() -> None:
        publish_pending(night.settings, releases)

    night.after_commit.append(switch)


def _settle(
    storage: Storage, recipients: Mapping[str, Recipient], committed: Mapping[str, int]
) -> tuple[dict[str, int], list[str]]:
    """Finish what a committed night left unswitched, remove what was never committed; the last version of
    everybody, 0 for none.
    """
    last, lost = {}, []
    for recipient in recipients:
        pinned = committed.get(recipient, 0)
        if pinned and storage.read(f"{recipient}/{pinned}/{MANIFEST}") is not None:
            switch_latest(storage, recipient, pinned)
        latest = read_latest(storage, recipient)
        last[recipient] = max(pinned, latest.version if latest else 0)
        if last[recipient] and not read_version(storage, recipient, last[recipient]):
            lost.append(f"{recipient}: version {last[recipient]} is not among the releases; the next one starts anew")
        remove_unpublished(storage, recipient, last[recipient])
    return last, lost


def _oldest(storage: Storage, recipients: Mapping[str, Recipient]) -> date | None:
    """The earliest night that some recipient's last version is of."""
    return min((latest.on for recipient in recipients if (latest := read_latest(storage, recipient))), default=None)


def _release(work: _Work, recipient: Recipient) -> None:
    """Write this recipient's version, or hold it back and let only removals go."""
    selected = select_rows(work.rows, recipient, work.set_aside.get(recipient.id, {}))
    last = work.last[recipient.id]
    if selected.num_rows == 0 and not last:
        return
    previous = _previous(work, recipient, last)
    if holds := [*find_holds(selected), *find_failed(work.broken, _agencies(work, selected, previous))]:
        work.held_back += [(listing, recipient.id) for listing in find_untold(selected, previous)]
        _hold(work, recipient, previous, " and ".join(holds))
        return
    current = project_rows(selected, recipient, work.layout, work.night.key)
    _write(work, recipient, current, previous, FULL)


def _agencies(work: _Work, selected: Any, previous: Any | None) -> set[str]:
    """The agencies behind what the recipient would get and what it has: a feed that came broken may be why a listing is no longer there."""
    listings = set(selected["listing_id"].to_pylist())
    if previous is not None:
        listings |= set(previous["listing_id"].to_pylist())
    return {agency for listing in listings for agency in work.agencies.get(listing, ())}


def _hold(work: _Work, recipient: Recipient, previous: Any | None, reason: str) -> None:
    last = work.last[recipient.id]
    stays = f"version {last} stays the latest" if last else "nothing is published yet"
    work.held[recipient.id] = reason
    if last:
        work.releases[recipient.id] = last
    if previous is not None:
        remaining = keep_removals(previous, work.why)
        if remaining.num_rows < previous.num_rows:
            schema = work.layout.arrow_schema(recipient.kind)
            _write(work, recipient, conform(remaining, schema), previous, REMOVALS_ONLY)
            gone = previous.num_rows - remaining.num_rows
            stays = f"version {last + 1} is version {last} without {gone} that may not wait"
    work.notes.append(f"held: {recipient.id}: {reason}; {stays}; a person must look")


def _write(work: _Work, recipient: Recipient, current: Any, previous: Any | None, content: str) -> None:
    night, last = work.night, work.last[recipient.id]
    edition = Edition(
        recipient,
        last + 1,
        last if previous is not None else None,
        night.on,
        night.instant,
        f"{night.policy.id} {night.policy.version}",
        content,
    )
    why = {**work.why, **work.set_aside.get(recipient.id, {})}
    files = make_bundle(edition, current, previous, why, work.layout, night.key)
    write_version(work.storage, recipient.id, edition.version, files)
    work.releases[recipient.id] = edition.version
    work.rows_out += current.num_rows


def _previous(work: _Work, recipient: Recipient, last: int) -> Any | None:
    """The last version's snapshot; None, with a note, when it is damaged: recipients then start anew instead
    of waiting for ever.
    """
    files = read_version(work.storage, recipient.id, last) if last else {}
    if not files:
        return None
    try:
        return read_snapshot(files, work.layout, recipient)
    except ValueError as error:
        work.notes.append(
            f"{recipient.id}: version {last} is damaged ({error}); the next one starts anew and a person must look"
        )
        return None


def explain_departures(listings: Any) -> dict[str, str]:
    """listing_id -> why it would be missing from a release: how it was released, that it is not this
    recipient's, or that it moved.
    """
    why: dict[str, str] = {}
    columns = [listings[name].to_pylist() for name in ("listing_id", "status", "release_reason", "outcome")]
    for listing, status, reason, outcome in zip(*columns, strict=True):
        if status == "active":
            why[listing] = NOT_OURS if outcome == NOT_OURS else MOVED
        elif reason is not None:
            why[listing] = reason
    return why


def collect_set_aside(lake: Lake) -> dict[str, dict[str, str]]:
    """recipient -> listing_id -> why it gets that listing no more, though others do."""
    found: dict[str, dict[str, str]] = {}
    for listing, recipient, outcome in lake.frame("blacklist.set_aside").iter_rows():
        found.setdefault(recipient, {})[listing] = NOT_OURS if outcome == NOT_OURS else ACTED
    return found


def agencies_behind(listings: Any) -> dict[str, tuple[str, ...]]:
    """listing_id -> the agencies whose claims it rests on."""
    columns = (listings["listing_id"].to_pylist(), listings["agencies"].to_pylist())
    return {listing: tuple(agencies or ()) for listing, agencies in zip(*columns, strict=True)}


def collect_broken(night: Night) -> list[Broken]:
    """Tonight's checks that broke and hold somebody's releases."""
    columns = ["subject", "rule_id", "is_ok", "holds"]
    rows = night.lake.frame("ops.checks", columns, night_on=night.on)
    return [
        Broken(row["subject"], row["rule_id"], row["holds"])
        for row in rows.iter_rows(named=True)
        if row["holds"] is not None and row["is_ok"] is False
    ]


def read_committed(lake: Lake) -> tuple[date | None, dict[str, int]]:
    """The newest committed night and the versions it pins."""
    nights = lake.frame("ops.nights", ["night_on", "committed_at", "run_id", "releases"])
    if nights.is_empty():
        return None, {}
    newest = nights.sort("night_on", "committed_at", "run_id").row(-1, named=True)
    return newest["night_on"], {entry["key"]: entry["value"] for entry in newest["releases"] or []}


def collect_listings(lake: Lake, since: date | None) -> Any:
    """Active listings, and those released on or after `since`."""
    wanted = pl.col("status") == "active"
    if since is not None:
        wanted = wanted | (pl.col("released_on") >= since)
    columns = (*LISTING_COLUMNS, "agencies", "status", "release_reason")
    return to_arrow(lake.frame("blacklist.listings").filter(wanted).select(columns))


def collect_values(night: Night, active: Any) -> tuple[Any, Any]:
    """The values behind these listings (node_id, value, protected_reason) and the live sims of their tenures
    (node_id, type, sim_id).
    """
    tenures = pl.Series(active.filter(pc.equal(active["type"], "phone"))["node_id"], dtype=pl.Int64)
    sims = _find_sims(night, tenures)
    wanted = pl.concat([pl.Series(value_ids(active), dtype=pl.Int64), sims["sim_id"]]).drop_nulls().unique()
    values = night.lake.frame("vault.identifiers", ["node_id", "value"]).filter(
        pl.col("node_id").is_in(wanted.implode())
    )
    guarded = night.lake.frame("graph.identifiers", ["node_id", "protected_reason"]).drop_nulls("protected_reason")
    guarded = guarded.filter(pl.col("node_id").is_in(wanted.implode()))
    both = pl.concat([values, guarded], how="diagonal").select("node_id", "value", "protected_reason")
    return unite_values(to_arrow(both)), to_arrow(sims)


def unite_values(found: Any) -> Any:
    """One row per identifier. Raises RuntimeError when two values have one id: nothing may go out then."""
    values = found.filter(pc.is_valid(found["value"])).group_by(["node_id", "value"], use_threads=False).aggregate([])
    if len(values["node_id"].unique()) != values.num_rows:
        raise RuntimeError("two values in the vault have one node_id; no release can tell them apart")
    reasons = found.filter(pc.is_valid(found["protected_reason"])).group_by("node_id", use_threads=False)
    protected = reasons.aggregate([("protected_reason", "min")]).combine_chunks()
    place = pc.index_in(values["node_id"], value_set=protected["node_id"])
    return values.append_column("protected_reason", pc.take(protected["protected_reason_min"], place)).combine_chunks()


def _find_sims(night: Night, tenures: pl.Series) -> pl.DataFrame:
    """(node_id, type, sim_id): live tenure -> imsi, and from there imsi -> iccid."""
    live = night.lake.frame("graph.edges", ["kind", "is_live", "from_id", "to_id"])
    live = live.filter(pl.col("kind") == "sim", pl.col("is_live")).select("from_id", "to_id")
    cards = live.filter(pl.col("from_id").is_in(tenures.implode())).select(node_id="from_id", sim_id="to_id")
    serials = cards.join(live, left_on="sim_id", right_on="from_id", how="inner").select("node_id", sim_id="to_id")
    both = [cards.with_columns(type=pl.lit("imsi")), serials.with_columns(type=pl.lit("iccid"))]
    return pl.concat(both).select("node_id", "type", "sim_id").unique().sort("node_id", "type", "sim_id")
