"""Tenures of phone numbers, and the attachment of what names a phone at a moment (graph.md, Nodes)."""

from __future__ import annotations

import polars as pl

from jobs.core.frames import pick, stack
from jobs.graph.history import cut_versions
from jobs.graph.intervals import end_or_null, ends, plus_days
from jobs.graph.running import greatest_so_far
from jobs.identifiers.keys import node_ids


def tenure_ids(key: bytes, phone_id: pl.Series, tenure_from: pl.Series) -> pl.Series:
    """Node ids of tenures: (tenure, id of the number, start as text; absent when open to the left)."""
    return node_ids(key, "tenure", phone_id.cast(pl.String), tenure_from.dt.strftime("%Y-%m-%dT%H:%M:%S%.6f"))


def cut_subscriptions(versions: pl.DataFrame) -> pl.DataFrame:
    """One row per stretch of time in which a subscription record names one number, holder and SIM: `sub_from`, `sub_to`."""
    cut = cut_versions(
        versions,
        start=pl.col("activated_at"),
        identity=["phone_id", "holder_id"],
        sim=["imsi_id", "iccid_id"],
        end=pl.col("deactivated_at"),
    )
    # Another SIM at the same start is the same subscription: its end, and the reason of it, are what the newest version says.
    newest = [pl.col(name).last() for name in ("deactivated_at", "deactivation_reason")]
    cut = cut.with_columns(last.over("record_id", "phone_id", "holder_id", "activated_at") for last in newest)
    to = pl.min_horizontal(ends(pl.col("seg_to")), ends(pl.col("deactivated_at")))
    ended_by_fraud = (pl.col("deactivation_reason") == "fraud") & (pl.col("deactivated_at") <= ends(pl.col("seg_to")))
    return cut.select(
        "record_id", "business_date", "recorded_at", "phone_id", "holder_id", "holder_type", "imsi_id", "iccid_id", "carrier",
        pl.col("seg_from").alias("sub_from"), to.alias("sub_to"),
        pl.when(ended_by_fraud).then(pl.col("deactivated_at")).alias("fraud_ended_at"),
    ).filter(pl.col("sub_from") < pl.col("sub_to"))  # fmt: skip


def join_tenures(subscriptions: pl.DataFrame, key: bytes, gap_days: int) -> pl.DataFrame:
    """Subscriptions with their tenure (`tenure_from`, `tenure_node`): those of one number and document that overlap, or follow within the gap
    with nobody else's between, are one tenure."""
    subs = subscriptions.sort("phone_id", "holder_id", "sub_from", "sub_to", "record_id")
    subs = subs.with_columns(_holding=pl.struct("phone_id", "holder_id").rle_id()).with_row_index("_row")
    subs = subs.with_columns(_reach=greatest_so_far(subs["sub_to"], subs["_holding"]))
    goes_on = pl.col("_holding") == pl.col("_holding").shift(1)
    subs = subs.with_columns(_reach=pl.when(goes_on).then(pl.col("_reach").shift(1)))
    overlaps = pl.col("sub_from") <= pl.col("_reach")
    within_gap = pl.col("sub_from") <= plus_days(pl.col("_reach"), gap_days)
    split = pl.col("_row").is_in(_held_between(subs.filter(within_gap & ~overlaps), subscriptions)["_row"].implode())
    follows = (overlaps | (within_gap & ~split)).fill_null(False)
    subs = subs.with_columns(_group=(~follows).cum_sum())
    subs = subs.with_columns(tenure_from=pl.col("sub_from").first().over("_group"))
    starts = subs.select("phone_id", "tenure_from").unique()
    starts = starts.with_columns(tenure_node=tenure_ids(key, starts["phone_id"], starts["tenure_from"]))
    return subs.join(
        starts, on=["phone_id", "tenure_from"], how="left", validate="m:1", nulls_equal=True, maintain_order="left"
    ).drop("_row", "_holding", "_reach", "_group")


def _held_between(following: pl.DataFrame, subscriptions: pl.DataFrame) -> pl.DataFrame:
    """(_row): those of `following` where somebody else has the number between the end of the last (`_reach`) and their start."""
    others = subscriptions.select("phone_id", _holder="holder_id", _from="sub_from", _to="sub_to")
    between = (
        (pl.col("_holder") != pl.col("holder_id"))
        & (pl.col("_from") < pl.col("sub_from"))
        & (pl.col("_to") > pl.col("_reach"))
    )
    pairs = following.select("_row", "phone_id", "holder_id", "sub_from", "_reach")
    return pairs.join(others, on="phone_id", how="inner").filter(between).select("_row").unique()


def collect_tenures(subs: pl.DataFrame) -> pl.DataFrame:
    """One row per known tenure, from `join_tenures`; ends are far moments, not nulls."""
    tenure = ["tenure_node", "phone_id", "tenure_from"]
    held = subs.sort("sub_from", "sub_to", "holder_id").group_by(tenure).agg(
        pl.col("sub_to").max().alias("tenure_to"), pl.col("holder_id").last(), pl.col("holder_type").last(),
        pl.col("fraud_ended_at").min(),
        pl.col("recorded_at").filter(pl.col("sub_to") == pl.col("sub_to").max()).max().alias("end_recorded_at"),
    )  # fmt: skip
    return held.join(_newest_carriers(subs, tenure), on=tenure, how="inner", validate="1:1")


def number_carriers(subs: pl.DataFrame) -> pl.DataFrame:
    """(phone_id, carrier): of each number that was ever subscribed to, the carrier of its newest subscription, whoever held it."""
    return _newest_carriers(subs, ["phone_id"])


def _newest_carriers(subs: pl.DataFrame, of: list[str]) -> pl.DataFrame:
    return subs.sort("sub_from", "recorded_at", "record_id").group_by(of).agg(pl.col("carrier").last())


def tenures_by_phone(tenures: pl.DataFrame) -> pl.DataFrame:
    """(phone_id, tenure_from, tenure_to, tenure_node): known tenures, those of one number in the order of their starts, for `attach_phone`."""
    columns = ["phone_id", "tenure_from", "tenure_to", "tenure_node"]
    return tenures.select(columns).sort(columns)


def known_by_phone(all_tenures: pl.DataFrame) -> pl.DataFrame:
    """The known ones of graph.tenures, for `attach_phone`."""
    known = all_tenures.filter(~pl.col("is_implicit"))
    columns = (
        "phone_id",
        "tenure_from",
        ends(pl.col("tenure_to")).alias("tenure_to"),
        pl.col("node_id").alias("tenure_node"),
    )
    return tenures_by_phone(known.select(columns))


def attach_phone(
    frame: pl.DataFrame,
    by_phone: pl.DataFrame,
    key: bytes,
    *,
    phone: str,
    moment: pl.Expr,
    is_day: pl.Expr | None = None,
) -> pl.DataFrame:
    """`frame` with `tenure_node` (the tenure that holds the moment; of two the one activated last; else the implicit one around it),
    `is_unclear` (a day that two tenures touch: attached to none), `is_implicit`, and `implicit_from`, `implicit_to` (of an implicit one).

    One row per row of `frame`, in its order; all null where the phone or the moment is.
    """
    day = is_day.fill_null(False) if is_day is not None else pl.lit(False)
    rows = frame.with_columns(_phone=pl.col(phone), _at=moment, _day=day)
    asked = rows.select("_phone", "_at", "_day").filter(pl.col("_phone").is_not_null() & pl.col("_at").is_not_null())
    placed = _place(asked.unique(), by_phone)
    around = placed.filter("is_implicit").select("_phone", "implicit_from").unique()
    around = around.with_columns(_implicit=tenure_ids(key, around["_phone"], around["implicit_from"]))
    placed = placed.join(around, on=["_phone", "implicit_from"], how="left", validate="m:1", nulls_equal=True).select(
        "_phone", "_at", "_day",
        pl.when("is_implicit").then("_implicit").when(~pl.col("is_unclear")).then("_held").alias("tenure_node"),
        "is_unclear", "is_implicit", "implicit_from", "implicit_to",
    )  # fmt: skip
    found = rows.join(placed, on=["_phone", "_at", "_day"], how="left", validate="m:1", maintain_order="left")
    flags = pl.col("is_unclear", "is_implicit").fill_null(False)
    return found.with_columns(flags).drop("_phone", "_at", "_day")


def _place(asked: pl.DataFrame, by_phone: pl.DataFrame) -> pl.DataFrame:
    """Each (_phone, _at, _day) with `_held` (of the known tenures that hold it, the one activated last), `is_unclear`, `is_implicit`,
    `implicit_from` and `implicit_to`."""
    at, since, to = pl.col("_at"), pl.col("tenure_from"), pl.col("tenure_to")
    reference = ["_phone", "_at", "_day"]
    pairs = asked.join(by_phone, left_on="_phone", right_on="phone_id", how="inner")
    begun = pl.when("_day").then(since < plus_days(at, 1)).otherwise(since <= at)
    holding = pairs.filter(begun & (at < to)).sort("tenure_from", "tenure_to", "tenure_node")
    held = holding.group_by(reference).agg(pl.len().alias("_n"), pl.col("tenure_node").last().alias("_held"))
    free = pairs.join(held, on=reference, how="anti")
    around = free.group_by(reference).agg(
        pl.when(to <= at).then(to).max().alias("implicit_from"), pl.when(since > at).then(since).min().alias("implicit_to")
    )  # fmt: skip
    placed = asked.join(held, on=reference, how="left", validate="1:1")
    return placed.join(around, on=reference, how="left", validate="1:1").with_columns(
        is_unclear=pl.col("_day") & (pl.col("_n").fill_null(0) > 1), is_implicit=pl.col("_n").is_null()
    )


def implicit_tenures(*references: tuple[pl.DataFrame, str]) -> pl.DataFrame:
    """One row per implicit tenure that something refers to; each reference is an attached frame and its phone column."""
    found = stack(
        frame.filter("is_implicit").select(
            "tenure_node",
            pl.col(phone).alias("phone_id"),
            pl.col("implicit_from").alias("tenure_from"),
            pl.col("implicit_to").alias("tenure_to"),
        )
        for frame, phone in references
    )
    return pick(found, "tenure_node", ["phone_id", "tenure_from", "tenure_to"])


def tenure_rows(known: pl.DataFrame, implicit: pl.DataFrame, carriers: pl.DataFrame) -> pl.DataFrame:
    """Rows of graph.tenures. `carriers`: number_carriers: a number that nobody is known to hold is still somebody's to act on."""
    first = known.select(
        pl.col("tenure_node").alias("node_id"), "phone_id", "tenure_from", end_or_null(pl.col("tenure_to")).alias("tenure_to"),
        "holder_id", "holder_type", pl.lit(False).alias("is_implicit"), "fraud_ended_at", "carrier", "end_recorded_at",
    )  # fmt: skip
    second = implicit.join(carriers, on="phone_id", how="left", validate="m:1").select(
        pl.col("tenure_node").alias("node_id"), "phone_id", "tenure_from", "tenure_to", pl.lit(True).alias("is_implicit"), "carrier"
    )  # fmt: skip
    return pl.concat([first, second], how="diagonal")
