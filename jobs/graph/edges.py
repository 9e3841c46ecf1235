"""Edges: one row per (kind, from, to) with the records that support it, each with its own times (graph.md, Edges).

A support row is (kind, from_id, to_id, feed, record_id, business_date, vf, vt); open ends are far moments here.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from jobs.core.frames import stack
from jobs.graph.intervals import beginning, end_or_null, forever, live_at, plus_days, start_or_null
from jobs.identifiers.keys import node_ids

EDGE = ("kind", "from_id", "to_id")
SUPPORT = (*EDGE, "feed", "record_id", "business_date", "vf", "vt")


def date_as_first_known(versions: pl.DataFrame, named: Sequence[str]) -> pl.DataFrame:
    """`versions` with the least `business_date` of those of their record that name the same: what a record says again was known before."""
    again = versions.filter(~pl.col("is_newest")).select("record_id").unique()
    several = versions.join(again, on="record_id", how="semi")
    dated = several.with_columns(pl.col("business_date").min().over("record_id", *named))
    return stack([versions.join(again, on="record_id", how="anti"), dated])


def supports(frame: pl.DataFrame, kind: str, feed: str, from_: str, to: str, vf: pl.Expr, vt: pl.Expr) -> pl.DataFrame:
    """Support rows of one edge kind from one frame; rows without both ends say nothing."""
    return frame.filter(pl.col(from_).is_not_null(), pl.col(to).is_not_null()).select(
        pl.lit(kind).alias("kind"), pl.col(from_).alias("from_id"), pl.col(to).alias("to_id"), pl.lit(feed).alias("feed"), "record_id",
        "business_date", vf.alias("vf"), vt.alias("vt"),
    )  # fmt: skip


def sim_supports(subscriptions: pl.DataFrame, feed: str) -> pl.DataFrame:
    """holder, sim: by subscriptions. The holder has the tenure for the tenure's own time, of two activated at one instant each for its own."""
    own_end = pl.col("sub_to").max().over("tenure_node", "holder_id")
    subs = subscriptions.with_columns(_from="tenure_from", _to=own_end)
    lasting = pl.col("sub_from"), pl.col("sub_to")
    return stack([
        supports(subs, "holder", feed, "holder_id", "tenure_node", pl.col("_from"), pl.col("_to")),
        supports(subs, "sim", feed, "tenure_node", "imsi_id", *lasting),
        supports(subs, "sim", feed, "imsi_id", "iccid_id", *lasting),
    ])  # fmt: skip


def device_supports(sightings: pl.DataFrame, tail_days: int, feed: str) -> pl.DataFrame:
    """device: a SIM in a device, and the tail after it was last seen as far as no other SIM is seen there."""
    last = pl.col("last_seen")
    end = pl.min_horizontal(plus_days(last, tail_days), pl.max_horizontal("other_seen", last))
    return supports(_with_other(sightings), "device", feed, "imsi_id", "imei_id", pl.col("first_seen"), end)


def _with_other(sightings: pl.DataFrame) -> pl.DataFrame:
    """`other_seen`: the least first sight of another SIM among those seen in the device after this sighting's end; forever when there is none.

    Going back in time through a device's sightings, two things are kept: the least first sight so far (`least`, of the SIM `whose`), and the
    least of any other SIM (`second`). So a device of very many SIMs costs a sort, and not a pair for every two of them.
    """
    device, sim, first = pl.col("imei_id"), pl.col("imsi_id"), pl.col("first_seen")
    rows = sightings.select("imei_id", "imsi_id", "first_seen", "last_seen").drop_nulls()
    several = rows.group_by("imei_id").agg(n=sim.n_unique()).filter(pl.col("n") > 1)
    rows = rows.join(several, on="imei_id", how="semi")
    rows = rows.sort("imei_id", "last_seen", "first_seen", "imsi_id", descending=[False, True, False, False])
    same_device = (device == device.shift()).fill_null(False)
    rows = rows.with_columns(least=first.cum_min().over("imei_id"))
    rows = rows.with_columns(before=pl.when(same_device).then(pl.col("least").shift()))
    whose = pl.when(pl.col("before").is_null() | (first < pl.col("before"))).then(sim).forward_fill()
    rows = rows.with_columns(whose=whose)
    passes = ~same_device | (pl.col("whose") != pl.col("whose").shift())
    second = pl.when(passes).then("before").when(sim != pl.col("whose")).then(first).fill_null(forever())
    rows = rows.with_columns(second=second, run=passes.cum_sum()).with_columns(pl.col("second").cum_min().over("run"))
    after = rows.group_by("imei_id", "last_seen", maintain_order=True).agg(pl.col("least", "whose", "second").last())
    after = after.with_columns(pl.when(same_device).then(pl.col("least", "whose", "second").shift()))
    other = pl.when(pl.col("whose") != sim).then("least").otherwise("second").fill_null(forever())
    seen = sightings.join(after, on=["imei_id", "last_seen"], how="left", validate="m:1")
    return seen.with_columns(other_seen=other)


def login_supports(logins: pl.DataFrame, device_days: int, ip_days: int, feed: str) -> pl.DataFrame:
    """login_device, login_ip."""
    first, last = pl.col("first_seen"), pl.col("last_seen")
    return stack([
        supports(logins, "login_device", feed, "account_id", "imei_id", first, plus_days(last, device_days)),
        supports(logins, "login_ip", feed, "account_id", "ip_id", first, plus_days(last, ip_days)),
    ])  # fmt: skip


def site_supports(sites: pl.DataFrame, host_days: int, feed: str) -> pl.DataFrame:
    """holder (operator), hosted_on, part_of: by malicious sites. `sites` has `host_id`, `host_type`, `registrable_id`, `is_guarded`."""
    rows = sites.with_columns(_domain=_domain(), _url="url_id")
    seen = pl.col("first_seen"), plus_days(pl.col("last_seen"), host_days)
    return stack([
        supports(rows, "holder", feed, "operator_id", "_domain", *seen),
        supports(rows, "hosted_on", feed, "_domain", "ip_id", *seen),
        _part_of(rows, feed),
    ])  # fmt: skip


def involved_supports(involved: pl.DataFrame, feed: str, key: bytes, offending: tuple[str, ...]) -> pl.DataFrame:
    """involved (case → identifier), by cases that are not unfounded."""
    rows = involved.filter(pl.col("role").is_in(offending))
    rows = rows.with_columns(node_ids(key, "case", rows["case_id"]).alias("_case"))
    return supports(rows, "involved", feed, "_case", "node_id", beginning(), forever())


def named_supports(named: pl.DataFrame, feed: str) -> pl.DataFrame:
    """part_of of the urls and domains that cases name, unfounded ones too: what a url is part of does not hang on them. `named` has
    `is_guarded`."""
    kind, node = pl.col("identifier_type"), pl.col("node_id")
    rows = named.with_columns(
        _url=pl.when(kind == "url").then(node),
        host_id=pl.coalesce("identifier_host_id", pl.when(kind == "domain").then(node)),
        host_type=pl.coalesce("identifier_host_type", pl.when(kind == "domain").then(pl.lit("domain"))),
        registrable_id="identifier_registrable_id",
    )
    return _part_of(rows, feed)


def _domain() -> pl.Expr:
    return pl.when(pl.col("host_type") == "domain").then("host_id")


def _part_of(rows: pl.DataFrame, feed: str) -> pl.DataFrame:
    urls = rows.filter(pl.col("_url") != pl.col("host_id"))
    domains = rows.filter(~pl.col("is_guarded").fill_null(False)).with_columns(_domain=_domain())
    domains = domains.filter(pl.col("_domain") != pl.col("registrable_id"))
    always = beginning(), forever()
    return stack([
        supports(urls, "part_of", feed, "_url", "host_id", *always),
        supports(domains, "part_of", feed, "_domain", "registrable_id", *always),
    ])  # fmt: skip


def transfer_supports(transfers: pl.DataFrame, feed: str) -> pl.DataFrame:
    """transfer: a moment, or the day when only that is known."""
    at = pl.col("transferred_at")
    to = pl.when("transferred_at_is_day").then(plus_days(at, 1)).otherwise(at)
    others = transfers.filter(pl.col("payer_id") != pl.col("payee_id"))
    return supports(others, "transfer", feed, "payer_id", "payee_id", at, to)


def join_stretches(support: pl.DataFrame) -> pl.DataFrame:
    """Stretches of one record on one edge that touch or overlap are one stretch. One row per stretch, as support rows."""
    record = ["from_id", "to_id", "kind", "feed", "record_id"]
    rows = support.select(SUPPORT).sort(*record, "vf", "vt")
    another = pl.any_horizontal(pl.col(name).ne_missing(pl.col(name).shift()) for name in record)
    rows = rows.with_columns(another.alias("_another"), another.cum_sum().alias("_record"))
    is_alone = pl.col("_another") & pl.col("_another").shift(-1).fill_null(True) | (pl.col("kind") == "transfer")
    # Nearly all: windows over as many groups as rows would take longer than all the rest.
    alone, several = rows.filter(is_alone), rows.filter(~is_alone)
    reach = pl.col("vt").cum_max().shift().over("_record")
    goes_on = (pl.col("vf") <= reach).fill_null(False)
    joined = several.with_columns(_part=(~goes_on).cum_sum()).group_by("_part").agg(
        pl.col(record).first(), pl.col("business_date").min(), pl.col("vf").min(), pl.col("vt").max()
    )  # fmt: skip
    return stack([alone.select(SUPPORT), joined])


def build_edges(support: pl.DataFrame, instant: pl.Expr) -> pl.DataFrame:
    """Rows of graph.edges from support rows."""
    vf, vt = pl.col("vf"), pl.col("vt")
    rows = join_stretches(support).sort("from_id", "to_id", "kind", "feed", "record_id", "vf", "vt")
    record = pl.struct("feed", "record_id", start_or_null(vf).alias("valid_from"), end_or_null(vt).alias("valid_to"))
    rows = rows.with_columns(live_at(vf, vt, instant).alias("is_live"), record.alias("support"))
    edges = rows.group_by(*EDGE, maintain_order=True).agg(
        vf.min(), vt.max(), pl.col("business_date").min().alias("first_known_on"), pl.col("is_live").max(), "support"
    )
    return edges.select(
        *EDGE, start_or_null(vf).alias("valid_from"), end_or_null(vt).alias("valid_to"), "first_known_on", "is_live",
        "support",
    )  # fmt: skip
