"""Whether the records that show a binding to a fraud number have come at all: they may be late, refused whole or set aside in quarantine."""

from __future__ import annotations

import polars as pl

from jobs.score.left import Lake
from jobs.score.truth import BOUND, Truth


def find_arrived(truth: Truth, lake: Lake) -> pl.DataFrame:
    """One row per account (node_id) whose binding to a fraud number is shown by three records that have come: a subscription of the number, a
    binding of the account to the number, and a finding or a stop for fraud on it.

    Judged by the number and not by the tenure, so that a record attached to the wrong tenure is no excuse.
    """
    bound = truth.found.filter("is_known", pl.col("reason") == BOUND).select("node_id", "phone_id")
    numbers = lake.tenures.select("phone_id", tenure="node_id")
    subscribed = lake.tenures.filter(~pl.col("is_implicit")).select("phone_id")
    bindings = lake.edges.filter(pl.col("kind") == "bound_phone").select(node_id="from_id", tenure="to_id")
    bindings = bindings.join(numbers, on="tenure", how="inner", validate="m:1")
    tells = (pl.col("standard") == "finding") | (pl.col("kind") == "subscription_fraud")
    claims = lake.signals.filter("is_live", tells).select(tenure="node_id")
    claimed = claims.join(numbers, on="tenure", how="inner", validate="m:1")
    come = bound.join(bindings, on=["node_id", "phone_id"], how="semi")
    for shown in (subscribed, claimed):
        come = come.join(shown, on="phone_id", how="semi")
    return come.select("node_id").unique()
