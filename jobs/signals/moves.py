"""Where tenures that were named in the nights before are tonight (listing.md: what was said of a tenure moves with it).

The start of a tenure is part of its node id: a start that is corrected makes another node of the same tenure. `blacklist.named_tenures` keeps
what each tenure was when something last named it, by its node, by the Article 22 rule or in a lineage.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import polars as pl

from jobs.core.frames import pick, stack
from jobs.graph import tenures
from jobs.graph.intervals import begins, ends, seconds_between
from jobs.signals.screening import CASE

FAR = 2**40  # seconds: farther than any two moments
_NAMING = r"^(.*:)(-?\d+)$"


@dataclass(frozen=True)
class Moves:
    """Where named tenures went. What is there as it was is in none of the frames but, perhaps, `since`."""

    moved: pl.DataFrame
    """node_id, now_id, now_from: gone, and what the tenure of the same holder is now."""
    lost: pl.DataFrame
    """node_id, now_id: gone, and no tenure of its holder is left. `now_id`: of one that somebody was known to hold the implicit tenure where it
    began; where somebody else holds that time, it is not lost to him."""
    since: pl.DataFrame
    """node_id, now_id: nobody was known to hold it, and who did is known since."""


def trace_tenures(named: pl.DataFrame, all_tenures: pl.DataFrame, by_phone: pl.DataFrame, key: bytes) -> Moves:
    """`named`: blacklist.named_tenures as the night before left it; `all_tenures`: tonight's."""
    gone = named.join(gone_tenures(named, all_tenures, by_phone, key), on="node_id", how="semi")
    moved = nearest_of_holder(gone, all_tenures)
    lost = lost_tenures(gone.join(moved, on="node_id", how="anti"), by_phone, key)
    return Moves(moved, lost, known_since(named, all_tenures))


def gone_tenures(named: pl.DataFrame, all_tenures: pl.DataFrame, by_phone: pl.DataFrame, key: bytes) -> pl.DataFrame:
    """(node_id): tenures that are no more: none begins there; and of those without a known holder, no other ends there either."""
    missing = named.join(by_phone, left_on="node_id", right_on="tenure_node", how="anti")
    held, has_start = pl.col("holder_id").is_not_null(), pl.col("tenure_from").is_not_null()
    begun = missing.filter(~held & has_start).join(all_tenures, on="node_id", how="anti")
    now = tenures.attach_phone(begun, by_phone, key, phone="phone_id", moment=pl.col("tenure_from"))
    elsewhere = now.filter(pl.col("tenure_node") != pl.col("node_id"))
    return pl.concat([missing.filter(held).select("node_id"), elsewhere.select("node_id")])


def nearest_of_holder(gone: pl.DataFrame, all_tenures: pl.DataFrame) -> pl.DataFrame:
    """(node_id, now_id, now_from): of the tenures of the same number and holder the one that starts nearest."""
    other = all_tenures.select("phone_id", "holder_id", now_id="node_id", now_from="tenure_from")
    found = gone.join(other, on=["phone_id", "holder_id"], how="inner")
    far = seconds_between("now_from", "tenure_from").fill_null(FAR)
    return pick(found.with_columns(_far=far), "node_id", ["_far", "now_id"]).select("node_id", "now_id", "now_from")


def lost_tenures(gone: pl.DataFrame, by_phone: pl.DataFrame, key: bytes) -> pl.DataFrame:
    """(node_id, now_id): of tenures that are no more and moved nowhere, those that are another now (Moves.lost)."""
    now = tenures.attach_phone(gone, by_phone, key, phone="phone_id", moment=pl.col("tenure_from"))
    was_held = pl.col("holder_id").is_not_null()
    lost = now.filter(~was_held | pl.col("is_implicit"))
    return lost.select("node_id", now_id=pl.when(was_held).then("tenure_node"))


def known_since(named: pl.DataFrame, all_tenures: pl.DataFrame) -> pl.DataFrame:
    """(node_id, now_id): of tenures named while nobody was known to hold them, those of the same number that are known since: begun by the end
    of the day `named_on`, and not over when they began."""
    day = pl.col("named_on").cast(pl.Datetime("us")).dt.replace_time_zone("Asia/Shanghai")
    nobodys = named.filter(pl.col("holder_id").is_null()).select(
        "node_id", "phone_id", _from=begins(pl.col("tenure_from")), _by=day.dt.offset_by("1d").dt.convert_time_zone("UTC")
    )  # fmt: skip
    known = all_tenures.filter(~pl.col("is_implicit")).select("phone_id", "tenure_from", "tenure_to", now_id="node_id")
    pairs = nobodys.join(known, on="phone_id", how="inner")
    had_it = (pl.col("tenure_from") < pl.col("_by")) & (ends(pl.col("tenure_to")) > pl.col("_from"))
    return pairs.filter(had_it).select("node_id", "now_id").unique()


def move_nodes(rows: pl.DataFrame, moves: Moves) -> pl.DataFrame:
    """`rows` with node_id (and tenure_from, where there is one) of what their tenures are now, and the lineages that name them."""
    found = rows.join(moves.moved, on="node_id", how="left", validate="m:1")
    has_moved = pl.col("now_id").is_not_null()
    if "tenure_from" in rows.columns:
        found = found.with_columns(tenure_from=pl.when(has_moved).then("now_from").otherwise("tenure_from"))
    found = found.with_columns(node_id=pl.coalesce("now_id", "node_id")).select(rows.columns)
    for column in ("lineages", "direct_lineages"):
        if column in rows.columns:
            found = _move_lineages(found, column, moves.moved)
    return found


def move_tenures(listings: pl.DataFrame, moves: Moves) -> pl.DataFrame:
    """`listings` with `tenures` as they are now."""
    was, now = moves.moved["node_id"], moves.moved["now_id"]
    return listings.with_columns(pl.col("tenures").list.eval(pl.element().replace(was, now)).list.unique().list.sort())


def lineages_since(named: pl.DataFrame, moves: Moves) -> pl.DataFrame:
    """(lineage, now_lineage): of the lineages in `named` (lineage) that name a tenure that nobody was known to hold, what they are of its holders."""
    return _renamed(named, moves.since)


def _move_lineages(rows: pl.DataFrame, column: str, moved: pl.DataFrame) -> pl.DataFrame:
    named = rows.select(lineage=pl.col(column).explode()).drop_nulls().unique()
    other = _renamed(named, moved)
    if other.is_empty():
        return rows
    element = pl.element().replace(other["lineage"], other["now_lineage"])
    return rows.with_columns(pl.col(column).list.eval(element).list.unique().list.sort())


def _renamed(named: pl.DataFrame, moved: pl.DataFrame) -> pl.DataFrame:
    """(lineage, now_lineage) where a lineage ends with the id of a tenure that went elsewhere."""
    rows = named.with_columns(_head=pl.col("lineage").str.extract(_NAMING, 1), node_id=_named_node())
    rows = rows.join(moved.select("node_id", "now_id"), on="node_id", how="inner")
    return rows.select("lineage", now_lineage=pl.concat_str("_head", pl.col("now_id").cast(pl.String)))


def _named_node() -> pl.Expr:
    """The node that a lineage names at its end; none of a case."""
    tail = pl.col("lineage").str.extract(_NAMING, 2).cast(pl.Int64, strict=False)
    return pl.when(~pl.col("lineage").str.starts_with(CASE)).then(tail)


def keep_named(
    before: pl.DataFrame, in_force: pl.DataFrame, ended: pl.DataFrame, all_tenures: pl.DataFrame, on: date
) -> pl.DataFrame:
    """Rows of blacklist.named_tenures: every tenure that something names or named, as it is tonight, or as it was when it was there.

    `in_force`, `ended`: node_id, lineages, tenures of listings, proposals and decisions. What has ended names its tenure too, so that it is
    found again each time that it moves; the day on which it named it stays.
    """
    now, then = _named_by(in_force), _named_by(ended)
    known = all_tenures.select("node_id", "phone_id", "tenure_from", "holder_id")
    there = known.join(pl.concat([now, then]).unique(), on="node_id", how="semi")
    there = there.join(before.select("node_id", "named_on"), on="node_id", how="left", validate="1:1")
    is_now = pl.col("node_id").is_in(now["node_id"].implode())
    there = there.with_columns(named_on=pl.when(is_now).then(pl.lit(on)).otherwise(pl.col("named_on").fill_null(on)))
    return stack([before.join(there, on="node_id", how="anti"), there])


def _named_by(rows: pl.DataFrame) -> pl.DataFrame:
    """(node_id): the nodes, the tenures that the Article 22 rule found, and those at the end of a lineage."""
    lineages = rows.select(lineage=pl.col("lineages").explode()).unique().select(node_id=_named_node())
    bound = rows.select(node_id=pl.col("tenures").explode())
    return pl.concat([rows.select("node_id"), bound, lineages]).drop_nulls().unique()
