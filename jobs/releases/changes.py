"""What changed from one version to the next, and how to apply it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from jobs.releases.layout import CHANGE_FIELDS
from jobs.releases.setdigest import row_digests

# A listing that the tables no longer know at all: a seed was withdrawn and nothing of it may remain.
WITHDRAWN = "withdrawn"


def compare_snapshots(previous: Any, current: Any, why: Mapping[str, str]) -> Any:
    """ADD, CHANGE and RELEASE from `previous` to `current`, ordered by listing_id; both have one schema and
    unique listing_ids.

    ADD and CHANGE carry the row as it is now, RELEASE the row as it was and, from `why` (listing_id ->
    reason), why it left.
    """
    was, now = _ids(previous), _ids(current)
    gone = previous.filter(pc.is_null(pc.index_in(was, value_set=now)))
    place = pc.index_in(now, value_set=was)
    added = current.filter(pc.is_null(place))
    kept = current.filter(pc.is_valid(place))
    before = previous.take(pc.drop_null(place))
    changed = kept.filter(pc.not_equal(_rows(kept), _rows(before)))
    reasons = [why.get(listing, WITHDRAWN) for listing in gone["listing_id"].to_pylist()]
    parts = [
        _as_changes(added, "ADD", [None] * added.num_rows),
        _as_changes(changed, "CHANGE", [None] * changed.num_rows),
        _as_changes(gone, "RELEASE", reasons),
    ]
    return pa.concat_tables(parts).sort_by("listing_id").combine_chunks()


def apply_changes(previous: Any, changes: Any) -> Any:
    """The snapshot after `changes`. Raises ValueError when they are not changes of this snapshot; nothing is
    half applied.
    """
    was, touched = _ids(previous), _ids(changes)
    if len(touched.unique()) != len(touched):
        raise ValueError("a listing is changed twice")
    is_new = pc.equal(changes["change"], "ADD")
    is_known = pc.is_valid(pc.index_in(touched, value_set=was))
    if pc.any(pc.equal(is_new, is_known)).as_py():
        raise ValueError(
            "these changes are not from this version: a listing is added twice, or changed without being there"
        )
    kept = previous.filter(pc.is_null(pc.index_in(was, value_set=touched)))
    put = changes.filter(pc.not_equal(changes["change"], "RELEASE")).select(previous.column_names)
    return pa.concat_tables([kept, put]).sort_by("listing_id").combine_chunks()


def conform(table: Any, schema: Any) -> Any:
    """A snapshot of another layout in this one: columns that it has not are null, those no longer known are
    dropped.
    """
    have = set(table.column_names)
    columns = [
        pc.cast(table[field.name], field.type) if field.name in have else pa.nulls(table.num_rows, field.type)
        for field in schema
    ]
    return pa.table(columns, schema=schema)


def _ids(table: Any) -> Any:
    return table["listing_id"].combine_chunks()


def _rows(table: Any) -> Any:
    """What stands for each row when rows are compared."""
    return pa.array(row_digests(table, ""), pa.binary(16))


def _as_changes(rows: Any, change: str, reasons: Sequence[str | None]) -> Any:
    head = [pa.array([change] * rows.num_rows, pa.string()), pa.array(reasons, pa.string())]
    return pa.table([*head, *rows.columns], schema=pa.schema([*CHANGE_FIELDS, *rows.schema]))
