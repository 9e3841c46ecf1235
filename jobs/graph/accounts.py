"""What account records say: bindings to tenures, holdings by documents, and whether the account lives (feeds.md, A record)."""

from __future__ import annotations

from datetime import datetime

import polars as pl

from jobs.core.frames import UTC, pick, stack
from jobs.graph.history import cut_versions
from jobs.graph.intervals import ends
from jobs.silver.standing import VERSION_ORDER


def account_versions(
    versions: pl.DataFrame, *, scope: str, opened: str, account_type: str | None = None
) -> pl.DataFrame:
    """`accounts` and `internet_accounts` in one shape; `account_type` is given where the feed has one type only.

    A record that names another account than before was mistaken before: only phone, holder and SIM change with time.
    """
    newest = pl.col("account_id").filter("is_newest").first().over("record_id")
    versions = versions.filter(pl.col("account_id").eq_missing(newest))
    kind = pl.lit(account_type) if account_type is not None else pl.col("account_type")
    return versions.select(
        "record_id", *VERSION_ORDER, "business_date", "is_newest", pl.col(scope).alias("scope"), kind.alias("account_type"), "account_id",
        "holder_type", "holder_id", "phone_id", "bound_at", "unbound_at", pl.col(opened).alias("opened_at"), "closed_at",
        pl.coalesce("bound_at", opened).alias("starts_at"),
    )  # fmt: skip


def cut_accounts(attached: pl.DataFrame) -> pl.DataFrame:
    """One row per stretch of time in which an account record names one tenure and holder; `attached` has `tenure_node` as of the start."""
    start, identity = pl.col("starts_at"), ["account_id", "holder_id", "tenure_node"]
    return cut_versions(attached, start=start, identity=identity, phone="tenure_node", end=pl.col("unbound_at"))


def cut_holders(attached: pl.DataFrame, cut: pl.DataFrame) -> pl.DataFrame:
    """The same for who holds the account: a phone that became empty is a change of the phone alone. `cut`: `cut_accounts`.

    Only records that name a phone in one version and none in another are cut anew.
    """
    phone = pl.col("tenure_node")
    several = attached.group_by("record_id").agg(n_named=phone.count(), n=pl.len())
    emptied = several.filter((pl.col("n_named") > 0) & (pl.col("n_named") < pl.col("n"))).select("record_id")
    anew = _without_emptied(attached.join(emptied, on="record_id", how="semi"))
    recut = cut_versions(anew, start=pl.col("starts_at"), identity=["account_id", "holder_id", "tenure_node"])
    return stack([cut.join(emptied, on="record_id", how="anti"), recut])


def _without_emptied(versions: pl.DataFrame) -> pl.DataFrame:
    """Without the versions that only name no phone any more, of what the versions before them gave to the same holder."""
    rows = versions.sort("record_id", *VERSION_ORDER)
    rows = rows.with_columns(_holding=pl.struct("record_id", "holder_id").rle_id())
    had_phone = pl.col("tenure_node").forward_fill().over("_holding").is_not_null()
    return rows.filter(pl.col("tenure_node").is_not_null() | ~had_phone).drop("_holding")


def account_supports(attached: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """(bindings, holdings) of the records of one feed."""
    newest = attached.filter("is_newest")
    cut = cut_accounts(attached)
    return bindings(cut, newest), holdings(cut_holders(attached, cut), newest)


def bindings(cut: pl.DataFrame, newest: pl.DataFrame) -> pl.DataFrame:
    """One row per time in which a record binds an account to a tenure: record_id, business_date, account_id, tenure_node, vf, vt."""
    bound = _with_newest(cut.filter(pl.col("tenure_node").is_not_null()), newest)
    to = pl.min_horizontal(ends(pl.col(name)) for name in ("seg_to", "unbound_at", "record_closed_at"))
    return bound.select(
        "record_id", "business_date", "account_id", "tenure_node", pl.col("seg_from").alias("vf"), to.alias("vt")
    ).filter(pl.col("vf") < pl.col("vt"))  # fmt: skip


def holdings(cut: pl.DataFrame, newest: pl.DataFrame) -> pl.DataFrame:
    """One row per time in which a record has a document hold an account: record_id, business_date, holder_id, account_id, vf, vt.

    A record of the account with another holder and a later start ends the holding there; the account's first holder has it since it was opened,
    one that a record names only later (or in place of nobody) since then.
    """
    held = _with_newest(_with_runs(cut).filter(pl.col("holder_id").is_not_null()), newest)
    held = held.join(
        _starts_of_others(held),
        on=["account_id", "holder_id", "seg_from"],
        how="left",
        validate="m:1",
        nulls_equal=True,
    )
    since = pl.when("_earlier").then("seg_from").when("_is_first_run").then("record_opened_at").otherwise("_run_from")
    to = pl.min_horizontal(ends(pl.col(name)) for name in ("seg_to", "record_closed_at", "_later"))
    return held.select(
        "record_id", "business_date", "holder_id", "account_id", since.alias("vf"), to.alias("vt")
    ).filter(pl.col("vf") < pl.col("vt"))  # fmt: skip


def _with_newest(cut: pl.DataFrame, newest: pl.DataFrame) -> pl.DataFrame:
    """`record_opened_at`, `record_closed_at`: as the newest version of the record says, whatever stretches are left of it."""
    said = newest.select("record_id", record_opened_at="opened_at", record_closed_at="closed_at")
    return cut.join(said, on="record_id", how="inner", validate="m:1")


def _starts_of_others(held: pl.DataFrame) -> pl.DataFrame:
    """(account_id, holder_id, seg_from, _earlier, _later): whether another document had the account before that start, and the first that has it
    after; of accounts with several documents."""
    stated = held.select("account_id", "holder_id", "seg_from").unique()
    stated = stated.filter(pl.col("holder_id").n_unique().over("account_id") > 1)
    others = stated.rename({"holder_id": "_other", "seg_from": "_theirs"})
    pairs = stated.join(others, on="account_id", how="inner").filter(pl.col("_other") != pl.col("holder_id"))
    mine, theirs = pl.col("seg_from"), pl.col("_theirs")
    return pairs.group_by("account_id", "holder_id", "seg_from").agg(
        (theirs < mine).any().alias("_earlier"), pl.when(theirs > mine).then(theirs).min().alias("_later")
    )


def _with_runs(cut: pl.DataFrame) -> pl.DataFrame:
    """`_run_from`: since when the record names this holder, or nobody; `_is_first_run`: it named no other before."""
    rows = cut.sort("record_id", "seg_from")
    goes_on = (pl.col("record_id") == pl.col("record_id").shift(1)).fill_null(False)
    begins = ~(goes_on & pl.col("holder_id").eq_missing(pl.col("holder_id").shift(1)))
    return rows.with_columns(
        _run_from=pl.when(begins).then("seg_from").forward_fill(),
        _is_first_run=pl.when(begins).then(~goes_on).forward_fill(),
    )


def account_states(versions: pl.DataFrame, instant: datetime) -> pl.DataFrame:
    """One row per account: `closed_at` by its record with the newest start; `open_recorded_at`: when any record that shows it open tonight was
    last recorded."""
    newest = versions.filter("is_newest")
    is_open = ends(pl.col("closed_at")) >= pl.lit(instant, UTC)
    shown = newest.filter(is_open).group_by("account_id").agg(open_recorded_at=pl.col("recorded_at").max())
    first = pick(newest, "account_id", [(name, True) for name in ("starts_at", *VERSION_ORDER, "record_id")])
    states = first.select("account_id", "closed_at", "scope", "account_type")
    return states.join(shown, on="account_id", how="left", validate="1:1")
