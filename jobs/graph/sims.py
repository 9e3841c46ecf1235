"""SIMs: which tenures they served, and when (graph.md: what is said of a SIM is said of the tenure that it served)."""

from __future__ import annotations

import polars as pl

from jobs.core.frames import schema_of, stack
from jobs.graph.intervals import begins, ends, plus_days

SERVED = schema_of("sim_id bigint, vf timestamp, vt timestamp, tenure_node bigint, phone bigint")


def served_tenures(edges: pl.DataFrame, all_tenures: pl.DataFrame) -> pl.DataFrame:
    """(sim_id, vf, vt, tenure_node, phone): the times in which an imsi or iccid served a tenure, by one record each."""
    stood = edges.filter((pl.col("kind") == "sim") & (pl.col("support").list.len() > 0)).explode("support")
    record = pl.col("support").struct
    sims = stood.select(
        "from_id", pl.col("to_id").alias("sim_id"), record.field("record_id"),
        begins(record.field("valid_from")).alias("vf"), ends(record.field("valid_to")).alias("vt"),
    )  # fmt: skip
    own = all_tenures.select(pl.col("node_id").alias("from_id"), pl.col("phone_id").alias("phone"))
    imsi = sims.join(own, on="from_id", how="inner", validate="m:1").rename({"from_id": "tenure_node"})
    iccid = sims.select(
        pl.col("from_id").alias("sim_id"), "record_id", pl.col("sim_id").alias("_iccid"), pl.col("vf").alias("_f"), pl.col("vt").alias("_t")
    )  # fmt: skip
    both = imsi.join(iccid, on=["record_id", "sim_id"], how="inner")
    through = both.filter((pl.col("vf") < pl.col("_t")) & (pl.col("_f") < pl.col("vt"))).select(
        pl.col("_iccid").alias("sim_id"), pl.max_horizontal("vf", "_f").alias("vf"), pl.min_horizontal("vt", "_t").alias("vt"), "tenure_node", "phone"
    )  # fmt: skip
    return stack([through, imsi])


def serving(rows: pl.DataFrame, served: pl.DataFrame, *, sim: str, moment: str, is_day: str) -> pl.DataFrame:
    """`rows` with `tenure_node` and `phone` of each tenure that their SIM served at the moment, or on any part of a day: one row per tenure."""
    at = pl.col(moment)
    end = pl.when(is_day).then(plus_days(at, 1)).otherwise(at)
    found = rows.with_columns(_end=end).join(served, left_on=sim, right_on="sim_id", how="inner")
    found = found.filter(((pl.col("vf") <= at) | (pl.col("vf") < pl.col("_end"))) & (pl.col("vt") > at))
    return found.drop("_end", "vf", "vt")
