"""Which rows of the blacklist a recipient gets, and what of them it sees."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from jobs.identifiers.keys import digest_py
from jobs.releases.layout import Layout
from jobs.releases.recipients import TO_EVERY_CARRIER, Recipient

NOT_OURS = "not_ours"
# Columns of `blacklist.listings` that become rows; the rest (score, lineages, party, agencies …) never leaves
# the house.
LISTING_COLUMNS = (
    "listing_id", "node_id", "type", "phone_id", "tenure_from", "issuer", "administrator", "measure",
    "reasons", "reason_zh", "reason_en", "legal_basis", "deciding_body", "human_decision", "listed_on",
    "due_on", "expires_on", "remedy_channel", "materials_required", "outcome", "policy_version",
)  # fmt: skip
# Beside the published columns, while a release is made: who administers the row, and what the guards look at.
WORKING_FIELDS: tuple[Any, ...] = (
    pa.field("administrator", pa.string()),
    pa.field("outcome", pa.string()),
    pa.field("protected_reason", pa.string()),
)


def value_ids(listings: Any) -> Any:
    """The id of the identifier behind each listing: the number's for a tenure, else the node's own."""
    return pc.if_else(pc.equal(listings["type"], "phone"), listings["phone_id"], listings["node_id"])


def build_rows(listings: Any, values: Any, sims: Any, layout: Layout) -> Any:
    """Every active listing with all columns of a release and WORKING_FIELDS, ordered by (administrator,
    listing_id).

    `listings`: LISTING_COLUMNS. `values`: one row per identifier (node_id, value, protected_reason). `sims`:
    (node_id of the tenure, type imsi or iccid, sim_id). A row that lacks its value, or that of one of its
    sims, has a null identifier. Raises ValueError when a listing stands there twice.
    """
    if len(listings["listing_id"].unique()) != listings.num_rows:
        raise ValueError("blacklist.listings holds a listing twice")
    listings = listings.sort_by([("administrator", "ascending"), ("listing_id", "ascending")]).combine_chunks()
    place = pc.index_in(value_ids(listings), value_set=values["node_id"])
    is_whole = pc.invert(pc.is_in(listings["node_id"], value_set=_without_value(sims, values)))
    made = {
        "identifier_type": listings["type"],
        "identifier": pc.if_else(is_whole, pc.take(values["value"], place), pa.scalar(None, pa.string())),
        "protected_reason": pc.take(values["protected_reason"], place),
        "imsi": sims_of(listings["node_id"], sims, values, "imsi"),
        "iccid": sims_of(listings["node_id"], sims, values, "iccid"),
        "purpose": pa.array([layout.purpose] * listings.num_rows, pa.string()),
    }
    fields = [*WORKING_FIELDS, *(f for kind in _all_kinds(layout) for f in layout.arrow_schema(kind))]
    unique = {field.name: field for field in fields}
    columns = [_fit(made[name] if name in made else listings[name], field.type) for name, field in unique.items()]
    return pa.table(columns, schema=pa.schema(list(unique.values())))


def sims_of(tenures: Any, sims: Any, values: Any, kind: str) -> Any:
    """For each tenure the values of its sims of this kind, sorted; null where there are none."""
    mine = sims.filter(pc.equal(sims["type"], kind))
    found = pc.take(values["value"], pc.index_in(mine["sim_id"], value_set=values["node_id"]))
    by_tenure: dict[int, set[str]] = {}
    for tenure, value in zip(mine["node_id"].to_pylist(), found.to_pylist(), strict=True):
        if value is not None:
            by_tenure.setdefault(tenure, set()).add(value)
    lists = [sorted(by_tenure[node]) if node in by_tenure else None for node in tenures.to_pylist()]
    return pa.array(lists, pa.list_(pa.string()))


def _without_value(sims: Any, values: Any) -> Any:
    """Tenures with a sim whose value is missing: their rows would be incomplete."""
    return sims.filter(pc.is_null(pc.index_in(sims["sim_id"], value_set=values["node_id"])))["node_id"]


def select_rows(rows: Any, recipient: Recipient, set_aside: Collection[str] = ()) -> Any:
    """The rows that this recipient can act on, with WORKING_FIELDS, ordered by listing_id.

    A row without administrator goes to every carrier when it is a device and to nobody otherwise. What the
    recipient called not its own is left out. A device has many administrators: `set_aside` are the listings that
    this one closed for its part, or called not its own; its word takes nothing from the others.
    """
    is_device = pc.equal(rows["identifier_type"], TO_EVERY_CARRIER)
    mine = pc.and_(
        pc.fill_null(pc.equal(rows["administrator"], recipient.id), False),
        pc.fill_null(pc.not_equal(rows["outcome"], NOT_OURS), True),
    )
    if TO_EVERY_CARRIER in recipient.types:
        is_left = pc.is_in(rows["listing_id"], value_set=pa.array(sorted(set_aside), pa.string()))
        mine = pc.or_(mine, pc.and_(pc.and_not(is_device, is_left), pc.is_null(rows["administrator"])))
    in_scope = pc.is_in(rows["identifier_type"], value_set=pa.array(recipient.types, pa.string()))
    return rows.filter(pc.and_(mine, in_scope)).sort_by("listing_id")


def find_unaddressed(rows: Any, recipients: Iterable[Recipient]) -> dict[str, int]:
    """Active listings that go to nobody though nobody called them not his own, by type: a hole in the
    recipients or the listing stage.
    """
    unaddressed = pc.fill_null(pc.not_equal(rows["outcome"], NOT_OURS), True)
    for recipient in recipients:
        taken = pc.is_in(rows["listing_id"], value_set=select_rows(rows, recipient)["listing_id"])
        unaddressed = pc.and_(unaddressed, pc.invert(taken))
    counts = rows.filter(unaddressed)["identifier_type"].value_counts().to_pylist()
    return {item["values"]: item["counts"] for item in sorted(counts, key=lambda item: str(item["values"]))}


def project_rows(rows: Any, recipient: Recipient, layout: Layout, key: bytes) -> Any:
    """The snapshot: the columns that this kind of recipient gets, identifiers as digests when it gets them
    so.
    """
    schema = layout.arrow_schema(recipient.kind)
    table = rows.select(schema.names).combine_chunks()
    if recipient.identifiers == "digest":
        table = _as_digests(table, key_of_recipient(key, recipient.id))
    return table.cast(schema)


def key_of_recipient(key: bytes, recipient: str) -> bytes:
    """The key of one recipient's digests, from the lake's key: digests of two recipients can't be joined, nor
    with our ids.
    """
    return bytes.fromhex(digest_py(key, "recipient", recipient))


def _as_digests(table: Any, key: bytes) -> Any:
    """Every identifier as HMAC-SHA-256 of (type, value) under the recipient's key, in hexadecimal."""
    kinds = table["identifier_type"].to_pylist()
    made = [digest_py(key, kind, value) for kind, value in zip(kinds, table["identifier"].to_pylist(), strict=True)]
    table = table.set_column(table.column_names.index("identifier"), "identifier", pa.array(made, pa.string()))
    for name in ("imsi", "iccid"):
        if name in table.column_names:
            lists = [
                None if values is None else sorted(digest_py(key, name, v) for v in values)
                for values in table[name].to_pylist()
            ]
            table = table.set_column(table.column_names.index(name), name, pa.array(lists, pa.list_(pa.string())))
    return table


def _all_kinds(layout: Layout) -> list[Any]:
    return sorted({kind for column in layout.columns for kind in column.kinds} | {"registrar"})


def _fit(column: Any, kind: Any) -> Any:
    """The column in its published type; empty text and empty lists are null, since CSV can't tell them from
    nothing.
    """
    column = pc.cast(column, kind)
    if pa.types.is_string(kind):
        return pc.if_else(pc.fill_null(pc.equal(column, ""), False), pa.scalar(None, kind), column)
    if pa.types.is_list(kind):
        return pc.if_else(pc.fill_null(pc.equal(pc.list_value_length(column), 0), False), pa.scalar(None, kind), column)
    return column
