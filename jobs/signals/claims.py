"""Claims: what each feed says of which node, before due process looks at it (listing.md, Signals).

A claim row: feed, record_id, element, agency, kind, indicator, node_id, phone_id, case_id, role, authority_level, occurred_at, occurred_is_day,
known_at, first_known_at, begins_at (what the life of the claim counts from), own_end (the end that the record gives itself), named_id (what the record names: a SIM,
where node_id becomes the tenure that it served).
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from jobs.core.contracts import Feed
from jobs.core.frames import UTC, stack
from jobs.graph.sims import serving
from jobs.graph.tenures import attach_phone

COLUMNS = (
    "feed", "record_id", "element", "agency", "kind", "indicator", "node_id", "phone_id", "case_id", "role", "authority_level",
    "occurred_at", "occurred_is_day", "known_at", "first_known_at", "begins_at", "own_end", "is_unclear", "named_id",
)  # fmt: skip


def with_first_known(versions: pl.DataFrame) -> pl.DataFrame:
    """The newest version of each record, with `first_known_at`: when the agency first recorded it."""
    first = pl.col("recorded_at").min().over("record_id")
    return versions.with_columns(first_known_at=first).filter("is_newest")


def claim(
    frame: pl.DataFrame, feed: str, *, kind: pl.Expr, node: str, occurred: str, begins: pl.Expr, **given: pl.Expr
) -> pl.DataFrame:
    """Claim rows of one frame; what is not given is null."""
    day = f"{occurred}_is_day"
    no_text, no_id = pl.lit(None, pl.String), pl.lit(None, pl.Int64)
    columns: dict[str, pl.Expr] = {
        "feed": pl.lit(feed), "record_id": pl.col("record_id"), "element": given.get("element", pl.lit(None)).cast(pl.Int32),
        "agency": pl.lit(feed.split("/")[0]), "kind": kind, "indicator": given.get("indicator", no_text),
        "node_id": pl.col(node), "phone_id": given.get("phone_id", no_id),
        "case_id": given.get("case_id", no_text), "role": given.get("role", no_text),
        "authority_level": given.get("authority_level", no_text), "occurred_at": pl.col(occurred),
        "occurred_is_day": pl.col(day).fill_null(False) if day in frame.columns else pl.lit(False),
        "known_at": pl.col("recorded_at"), "first_known_at": pl.col("first_known_at"), "begins_at": begins,
        "own_end": given.get("own_end", pl.lit(None, UTC)), "is_unclear": given.get("is_unclear", pl.lit(False)),
        "named_id": pl.col(node),
    }  # fmt: skip
    return frame.select(columns[name].alias(name) for name in COLUMNS)


def case_claims(involved: pl.DataFrame, first_confirmed: pl.DataFrame, offending: Sequence[str]) -> pl.DataFrame:
    """Offenders, payees and sites of cases. `first_confirmed`: case_id, confirmed_at."""
    rows = involved.filter(pl.col("role").is_in(offending) & pl.col("finding").is_in(["confirmed", "reported"]))
    rows = rows.join(first_confirmed, on="case_id", how="left", validate="m:1")
    confirmed = pl.col("finding") == "confirmed"
    return claim(
        rows, "public_security/case_reports", kind=pl.lit("case_") + pl.col("finding"), node="node_id", occurred="occurred_at",
        begins=pl.when(confirmed).then("confirmed_at").otherwise("reported_at"), element=pl.col("element"), case_id=pl.col("case_id"),
        role=pl.col("role"), authority_level=pl.col("authority_level"), phone_id=pl.col("phone_id"), is_unclear=pl.col("is_unclear"),
    )  # fmt: skip


def person_claims(current: pl.DataFrame, cleared: pl.DataFrame, city_rank: pl.Expr) -> pl.DataFrame:
    """Persons of interest. `cleared`: person_id, cleared_at: ends what was recorded of that person by then. `city_rank`: city or higher."""
    status = pl.col("status")
    rows = current.filter((status != "cleared") & pl.col("person_id").is_not_null())
    rows = rows.join(cleared, on="person_id", how="left", validate="m:1")
    rows = rows.filter(pl.col("cleared_at").is_null() | (pl.col("recorded_at") > pl.col("cleared_at")))
    trading = (
        pl.when(city_rank)
        .then(pl.lit("person_account_trading"))
        .otherwise(pl.lit("person_account_trading_county"))
    )  # fmt: skip
    return claim(
        rows, "public_security/persons_of_interest",
        kind=pl.when(status == "account_trading").then(trading).otherwise(pl.lit("person_") + status),
        node="person_id", occurred="since", begins=pl.col("since"), own_end=pl.col("until"), authority_level=pl.col("authority_level"),
        role=pl.lit("offender"),
    )  # fmt: skip


def control_claims(current: pl.DataFrame, releases: pl.DataFrame) -> pl.DataFrame:
    """Freezes and stopped payments that no release ended. `releases`: account_id, case_id, released_by (exclusive end of its moment)."""
    orders = current.filter((pl.col("control") != "release") & pl.col("account_id").is_not_null())
    lifted = releases.select("account_id", pl.col("case_id").alias("_case"), "released_by")
    pairs = orders.select("record_id", "account_id", "case_id", "ordered_at").join(lifted, on="account_id", how="inner")
    ended = pairs.filter(
        (pl.col("ordered_at") < pl.col("released_by"))
        & (pl.col("_case").is_null() | pl.col("_case").eq_missing(pl.col("case_id")))
    )
    return claim(
        orders.join(ended, on="record_id", how="anti"),
        "finance/payment_controls", kind=pl.lit("control_") + pl.col("control"), node="account_id", occurred="ordered_at",
        begins=pl.col("ordered_at"), own_end=pl.col("expires_at"), case_id=pl.col("case_id"), authority_level=pl.col("authority_level"),
        role=pl.lit("payee"),
    )  # fmt: skip


def subscription_claims(ended: pl.DataFrame) -> pl.DataFrame:
    """Tenures with an end with reason fraud: record_id, element, tenure_node, phone_id, fraud_ended_at, recorded_at, first_known_at."""
    return claim(
        ended, "telecom/subscriptions", kind=pl.lit("subscription_fraud"), node="tenure_node", occurred="fraud_ended_at",
        begins=pl.col("fraud_ended_at"), element=pl.col("element"), phone_id=pl.col("phone_id"), role=pl.lit("offender"),
    )  # fmt: skip


def line_claims(attached: pl.DataFrame) -> pl.DataFrame:
    """Lines that behaved abnormally, attached to the tenure at the window's start."""
    return claim(
        attached, "telecom/abnormal_numbers", kind=pl.lit("line_") + pl.col("indicator"), indicator=pl.col("indicator"), node="tenure_node",
        occurred="window_start", begins=pl.col("window_end"), case_id=pl.col("case_id"), phone_id=pl.col("phone_id"), role=pl.lit("offender"),
    )  # fmt: skip


def transfer_claims(current: pl.DataFrame) -> pl.DataFrame:
    """Suspicious transfers, on the payee."""
    linked = pl.col("indicator") == "linked_to_case"
    return claim(
        current, "finance/suspicious_transfers",
        kind=pl.when(linked).then(pl.lit("transfer_linked_to_case")).otherwise(pl.lit("transfer_other")),
        indicator=pl.col("indicator"), node="payee_id", occurred="transferred_at", begins=pl.col("transferred_at"), case_id=pl.col("case_id"),
        role=pl.lit("payee"),
    )  # fmt: skip


def site_claims(current: pl.DataFrame) -> pl.DataFrame:
    """Malicious sites, on their url."""
    return claim(
        current, "internet/malicious_sites",
        kind=pl.when("verified").then(pl.lit("site_verified")).otherwise(pl.lit("site_unverified")),
        node="url_id", occurred="first_seen", begins=pl.col("last_seen"), case_id=pl.col("case_id"), role=pl.lit("site"),
    )  # fmt: skip


def public_claims(feed: Feed, current: pl.DataFrame, by_phone: pl.DataFrame, key: bytes) -> pl.DataFrame | None:
    """What a public list claims, by its contract; None when it claims nothing. The strength comes from the contract, so it rides in `kind`."""
    found = []
    for number, signal in enumerate(feed.signals):
        node, moment = f"{signal.identifier}_id", pl.col(signal.from_)
        rows = current.filter(pl.col(node).is_not_null() & moment.is_not_null())
        phone = pl.lit(None, pl.Int64)
        if feed.identifiers[signal.identifier].type == "phone":
            day = pl.col(f"{signal.from_}_is_day") if f"{signal.from_}_is_day" in current.columns else None
            rows = attach_phone(rows, by_phone, key, phone=node, moment=moment, is_day=day)
            phone, node = pl.col(node), "tenure_node"
        found.append(
            claim(
                rows, feed.id, kind=pl.lit(f"public:{feed.id}:{number}"), node=node, occurred=signal.from_, begins=moment,
                indicator=pl.lit(signal.lineage or feed.id), role=pl.lit(signal.role), phone_id=phone,
                is_unclear=pl.col("is_unclear") if "is_unclear" in rows.columns else pl.lit(False),
            )
        )  # fmt: skip
    return stack(found) if found else None


def tenures_served(roles: pl.DataFrame, served: pl.DataFrame) -> pl.DataFrame:
    """(case_id, node_id): the tenures that the SIMs named in cases served at that moment: who is spared by his SIM is spared by his number."""
    at = serving(roles, served, sim="node_id", moment="occurred_at", is_day="occurred_at_is_day")
    return at.select("case_id", node_id="tenure_node").unique()


def place_sims(claims: pl.DataFrame, served: pl.DataFrame) -> pl.DataFrame:
    """Claims on an imsi or iccid become claims on the tenure that it served then, where exactly one did. `served`: sims.served_tenures."""
    key = ["feed", "record_id", "element", "node_id"]
    at = serving(
        claims.select(*key, "occurred_at", "occurred_is_day"), served, sim="node_id", moment="occurred_at", is_day="occurred_is_day"
    )  # fmt: skip
    unique = at.group_by(key).agg(
        pl.col("tenure_node").max().alias("_tenure"),
        pl.col("phone").max().alias("_phone"),
        pl.col("tenure_node").n_unique().alias("_n"),
    )
    placed = unique.filter(pl.col("_n") == 1).drop("_n")
    joined = claims.join(placed, on=key, how="left", nulls_equal=True, validate="m:1")
    return joined.with_columns(
        node_id=pl.coalesce("_tenure", "node_id"), phone_id=pl.coalesce("_phone", "phone_id")
    ).select(COLUMNS)
