"""From claims to signals: strength and life by the policy, lineage, and what due process takes out (listing.md).

What is taken out because a person must look is a row for a human, never lost.
"""

from __future__ import annotations

from datetime import datetime

import polars as pl

from jobs.core.contracts import Feed
from jobs.core.frames import UTC, pick, schema_of, short_digest, stack
from jobs.graph.intervals import plus_days, seconds_between
from jobs.policy import Policy

CASE = "case:"
WORTH = "kind string, strength double, standard string, lives_days int, at_most_days int, is_public boolean"


def worth(policy: Policy, contracts: dict[str, Feed]) -> pl.DataFrame:
    """One row per kind of claim: kind, strength, standard, lives_days, at_most_days, is_public."""
    rows: list[tuple[str, float, str, int, int | None, bool]]
    rows = [(kind, s.strength, s.standard, s.lives_days, s.at_most_days, False) for kind, s in policy.signals.items()]
    for feed in contracts.values():
        for number, s in enumerate(feed.signals):
            rows.append((f"public:{feed.id}:{number}", s.strength, s.standard, s.lives_days, s.lives_days, True))
    return pl.DataFrame(rows, schema_of(WORTH), orient="row")


def join_cases(claims: pl.DataFrame, named: pl.DataFrame, policy: Policy) -> pl.DataFrame:
    """`joined_case`: the case that a payment control without one belongs to by its account and date.

    `named`: case_id, account_id, reported_at, reported_at_is_day: accounts that standing cases name in an offending role.
    """
    bounds, occurred = policy.lineage, pl.col("occurred_at")
    controls = claims.filter(pl.col("kind").str.starts_with("control_") & pl.col("case_id").is_null()).select(
        "record_id", "node_id", "occurred_at", "occurred_is_day"
    )
    earliest = plus_days(pl.col("reported_at"), -bounds.control_joins_case_days_before)
    latest = plus_days(pl.col("reported_at"), bounds.control_joins_case_days_after)
    # A moment known by day stands for the whole day, of the order as of the report.
    not_before = (occurred >= earliest) | (pl.col("occurred_is_day") & (plus_days(occurred, 1) > earliest))
    not_after = (occurred <= latest) | (pl.col("reported_at_is_day") & (occurred < plus_days(latest, 1)))
    pairs = controls.join(named, left_on="node_id", right_on="account_id", how="inner").filter(not_before & not_after)
    distance = seconds_between("occurred_at", "reported_at")
    nearest = pick(pairs.with_columns(_distance=distance), "record_id", ["_distance", "case_id"]).select(
        "record_id", pl.lit("finance/payment_controls").alias("feed"), pl.col("case_id").alias("joined_case")
    )
    return claims.join(nearest, on=["feed", "record_id"], how="left", validate="m:1")


def drop_released(claims: pl.DataFrame, releases: pl.DataFrame) -> pl.DataFrame:
    """Without the controls that joined a case whose controls on that account were released. `releases`: account_id, case_id, released_by."""
    joined = claims.select("feed", "record_id", "node_id", "joined_case", "occurred_at").filter(
        pl.col("joined_case").is_not_null()
    )
    lifted = joined.join(
        releases, left_on=["node_id", "joined_case"], right_on=["account_id", "case_id"], how="inner"
    ).filter(pl.col("occurred_at") < pl.col("released_by"))
    return claims.join(lifted, on=["feed", "record_id"], how="anti")


def make_signals(claims: pl.DataFrame, worths: pl.DataFrame, instant: datetime) -> pl.DataFrame:
    """Signal rows (graph.signals and `phone_id`): every claim that stands, expired ones marked as not live."""
    rows = claims.filter(pl.col("node_id").is_not_null() & pl.col("occurred_at").is_not_null())
    rows = rows.join(worths, on="kind", how="inner", validate="m:1").with_columns(
        named_case="case_id", case_id=pl.coalesce("case_id", "joined_case"), expires_at=_expiry()
    )
    return rows.select(
        short_digest(rows, *(pl.col(name) for name in ("feed", "record_id", "element", "kind"))).alias("signal_id"),
        "node_id", "kind", "strength", "agency", _lineage("case_id").alias("lineage"), _lineage("named_case").alias("own_lineage"), "standard", "authority_level", "occurred_at", "occurred_is_day",
        "known_at", "first_known_at", "expires_at", "case_id", "role",
        (pl.col("expires_at") >= pl.lit(instant, UTC)).alias("is_live"), "is_public", "feed", "record_id", "phone_id", "named_id",
    )  # fmt: skip


def _expiry() -> pl.Expr:
    """A control lives until its own end, at most so long; everything else for its days, an own end only shortening that."""
    own = pl.min_horizontal("own_end", _days_after("occurred_at", "at_most_days"))
    life = pl.min_horizontal(_days_after("begins_at", "lives_days"), "own_end")
    is_control = pl.col("kind").str.starts_with("control_")
    return pl.when(is_control & pl.col("own_end").is_not_null()).then(own).otherwise(life)


def _lineage(case: str) -> pl.Expr:
    """The case, else who says what of whom: (agency, kind with its indicator, node); for a public list its ancestry and the entry."""
    topic = pl.col("kind").str.extract("^([a-z]+)_", 1).fill_null("")
    claimed = pl.concat_str(
        pl.when("is_public").then(pl.lit("public")).otherwise(pl.concat_str("agency", topic, separator=":")),
        "indicator",
        separator=":",
        ignore_nulls=True,
    )
    own = pl.concat_str(claimed, pl.col("node_id").cast(pl.String), separator=":", ignore_nulls=True)
    return pl.when(pl.col(case).is_not_null()).then(pl.lit(CASE) + pl.col(case)).otherwise(own)


def _days_after(moment: str, days: str) -> pl.Expr:
    return pl.when(pl.col(days).is_not_null()).then(pl.col(moment) + pl.duration(days=pl.col(days).fill_null(0)))


def spared_nodes(roles: pl.DataFrame, parties: pl.DataFrame, sightings: pl.DataFrame) -> pl.DataFrame:
    """(lineage, node_id): every identifier of a party that is a victim or impersonated in a case, and the devices that are mostly its own.

    `roles`: case_id, node_id in those roles. `sightings`: imsi_id, imei_id, first_seen, last_seen.
    """
    party = parties.select("node_id", "party_id")
    named = roles.select((pl.lit(CASE) + pl.col("case_id")).alias("lineage"), "node_id").unique()
    spared = named.join(party, on="node_id", how="inner", validate="m:1").select("lineage", "party_id").unique()
    theirs = spared.join(party, on="party_id", how="inner").select("lineage", "party_id", "node_id")
    devices = spared.join(_mostly_used(theirs, party, sightings), on="party_id", how="inner")
    return stack(
        [theirs.select("lineage", "node_id"), named, devices.select("lineage", pl.col("imei_id").alias("node_id"))]
    ).unique()


def _mostly_used(theirs: pl.DataFrame, party: pl.DataFrame, sightings: pl.DataFrame) -> pl.DataFrame:
    """(imei_id, party_id): of the devices seen with any of `theirs`, those seen longer with the SIMs of one party than with any other's.

    A SIM's time in a device counts once, however many records tell of it.
    """
    touched = sightings.join(theirs, left_on="imsi_id", right_on="node_id", how="semi").select("imei_id")
    told = sightings.join(touched, on="imei_id", how="semi").sort("imei_id", "imsi_id", "first_seen", "last_seen")
    reach = pl.col("last_seen").cum_max().shift().over("imei_id", "imsi_id")
    seen = pl.max_horizontal("last_seen", reach) - pl.max_horizontal("first_seen", reach)
    used = told.with_columns(seen=seen).join(
        party, left_on="imsi_id", right_on="node_id", how="inner", validate="m:1"
    ).group_by("imei_id", "party_id").agg(pl.col("seen").sum())  # fmt: skip
    longest = used.filter(pl.col("seen") == pl.col("seen").max().over("imei_id"))
    return longest.filter(pl.len().over("imei_id") == 1).select("imei_id", "party_id")


def take_out(
    signals: pl.DataFrame, spared: pl.DataFrame, protected: pl.DataFrame, spoofed: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """(signals that stand, rows for a human). `protected`: node_id, protected_reason (of the number for a phone); `spoofed`: signal_id."""
    rows = signals.with_columns(_p=pl.coalesce("phone_id", "node_id")).join(
        protected, left_on="_p", right_on="node_id", how="left", validate="m:1"
    )
    is_it = pl.lit(True)
    # Who is a victim by his SIM is not accused by it either, whatever number it served.
    for node, mark in (("node_id", "_spared_node"), ("named_id", "_spared_sim")):
        marked = spared.select("lineage", pl.col("node_id").alias(node), is_it.alias(mark))
        rows = rows.join(marked, on=["lineage", node], how="left", validate="m:1")
    rows = rows.join(spoofed.with_columns(_spoofed=is_it), on="signal_id", how="left", validate="m:1")
    why = (
        pl.when(pl.col("protected_reason").is_not_null()).then(pl.lit("protected_identifier"))
        .when(pl.col("_spared_node").fill_null(False) | pl.col("_spared_sim").fill_null(False)).then(pl.lit("victim_named_as_offender"))
        .when("_spoofed").then(pl.lit("number_was_spoofed"))
    )  # fmt: skip
    rows = rows.with_columns(_why=why)
    standing = rows.filter(pl.col("_why").is_null()).select(signals.columns)
    human = rows.filter(pl.col("_why").is_not_null() & pl.col("is_live")).select(
        "node_id", pl.col("_why").alias("reason"), (pl.col("feed") + pl.lit(" ") + pl.col("record_id")).alias("source"),
        pl.col("protected_reason").fill_null("").alias("detail"),
    )  # fmt: skip
    return standing, human
