"""The stage: one query for everybody's rows, then one folder per recipient. `latest.json` moves only after
the night is committed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.core.lake import Lake
from jobs.core.night import Night, StageReport
from jobs.core.storage import Storage, open_storage
from jobs.releases.bundle import FULL, MANIFEST, REMOVALS_ONLY, Edition, make_bundle, read_snapshot
from jobs.releases.changes import conform
from jobs.releases.guards import find_holds, keep_removals
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

MOVED = "moved"


@dataclass
class _Work:
    """What every recipient's release is made from, and what came of it."""

    night: Night
    storage: Storage
    layout: Layout
    last: dict[str, int]
    rows: Any
    why: Mapping[str, str]
    releases: dict[str, int] = field(default_factory=dict)
    held: dict[str, str] = field(default_factory=dict)
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
    work = _Work(night, storage, layout, last, rows, explain_departures(listings), notes=lost)
    for recipient in recipients.values():
        _release(work, recipient)
    work.notes += [
        f"{n} active {kind} listings have no recipient"
        for kind, n in find_unaddressed(rows, recipients.values()).items()
    ]
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
    selected = select_rows(work.rows, recipient)
    last = work.last[recipient.id]
    if selected.num_rows == 0 and not last:
        return
    previous = _previous(work, recipient, last)
    if holds := find_holds(selected):
        _hold(work, recipient, previous, " and ".join(holds))
        return
    current = project_rows(selected, recipient, work.layout, work.night.key)
    _write(work, recipient, current, previous, FULL)


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
    files = make_bundle(edition, current, previous, work.why, work.layout, night.key)
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


def read_committed(lake: Lake) -> tuple[date | None, dict[str, int]]:
    """The newest committed night and the versions it pins."""
    newest = (
        lake.read("ops.nights")
        .orderBy(F.desc("night_on"), F.desc("committed_at"), F.desc("run_id"))
        .select("night_on", "releases")
    )
    row = newest.first()
    return (None, {}) if row is None else (row["night_on"], dict(row["releases"] or {}))


def collect_listings(lake: Lake, since: date | None) -> Any:
    """Active listings, and those released on or after `since`."""
    listings = lake.read("blacklist.listings")
    wanted = F.col("status") == "active"
    if since is not None:
        wanted = wanted | (F.col("released_on") >= F.lit(since))
    return listings.where(wanted).select(*LISTING_COLUMNS, "status", "release_reason").toArrow().combine_chunks()


def collect_values(night: Night, active: Any) -> tuple[Any, Any]:
    """The values behind these listings (node_id, value, protected_reason) and the live sims of their tenures
    (node_id, type, sim_id).
    """
    tenures = active.filter(pc.equal(active["type"], "phone"))["node_id"].combine_chunks()
    sims = _collect_sims(night, tenures)
    ids = pa.concat_arrays([_flat(value_ids(active)), _flat(sims["sim_id"])]).unique().drop_null()
    if len(ids) == 0:
        return pa.table(
            {"node_id": ids, "value": pa.nulls(0, pa.string()), "protected_reason": pa.nulls(0, pa.string())}
        ), sims
    wanted = _ids_frame(night, ids, "node_id")
    vault = night.lake.read("vault.identifiers").join(wanted, "node_id", how="left_semi")
    guarded = (
        night.lake.read("graph.identifiers")
        .where(F.col("protected_reason").isNotNull())
        .join(wanted, "node_id", how="left_semi")
    )
    both = vault.select("node_id", "value", F.lit(None).cast("string").alias("protected_reason")).unionByName(
        guarded.select("node_id", F.lit(None).cast("string").alias("value"), "protected_reason")
    )
    return unite_values(both.toArrow()), sims


def unite_values(found: Any) -> Any:
    """One row per identifier. Raises RuntimeError when two values have one id: nothing may go out then."""
    values = found.filter(pc.is_valid(found["value"])).group_by(["node_id", "value"], use_threads=False).aggregate([])
    if len(values["node_id"].unique()) != values.num_rows:
        raise RuntimeError("two values in the vault have one node_id; no release can tell them apart")
    reasons = found.filter(pc.is_valid(found["protected_reason"])).group_by("node_id", use_threads=False)
    protected = reasons.aggregate([("protected_reason", "min")]).combine_chunks()
    place = pc.index_in(values["node_id"], value_set=protected["node_id"])
    return values.append_column("protected_reason", pc.take(protected["protected_reason_min"], place)).combine_chunks()


def _collect_sims(night: Night, tenures: Any) -> Any:
    """Live tenure -> imsi, and from there imsi -> iccid."""
    empty = pa.table(
        {
            "node_id": pa.array([], pa.int64()),
            "type": pa.array([], pa.string()),
            "sim_id": pa.array([], pa.int64()),
        }
    )
    if len(tenures) == 0:
        return empty
    live = night.lake.read("graph.edges").where((F.col("kind") == "sim") & F.col("is_live")).select("from_id", "to_id")
    cards = live.join(_ids_frame(night, tenures, "from_id"), "from_id", how="inner").select(
        F.col("from_id").alias("node_id"), F.col("to_id").alias("imsi_id")
    )
    serials = live.join(F.broadcast(cards), live["from_id"] == cards["imsi_id"], how="inner")
    both = cards.select("node_id", F.lit("imsi").alias("type"), F.col("imsi_id").alias("sim_id")).unionByName(
        serials.select("node_id", F.lit("iccid").alias("type"), F.col("to_id").alias("sim_id"))
    )
    return both.toArrow().cast(empty.schema).combine_chunks()


def _ids_frame(night: Night, ids: Any, name: str) -> DataFrame:
    """Ids that were collected, as a small frame; listed identifiers only, so it is broadcast. Unique."""
    return F.broadcast(night.spark.createDataFrame(pa.table({name: ids.unique()})))


def _flat(column: Any) -> Any:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
