"""What cases say: which are unfounded, and what each involved identifier is a node of."""

from __future__ import annotations

import polars as pl

from jobs.core.contracts import CodeList
from jobs.core.frames import pick, stack
from jobs.graph.tenures import attach_phone
from jobs.silver.standing import VERSION_ORDER

OFFENDING = ("offender", "payee", "site")
SPARED = ("victim", "impersonated")


def level_rank(codes: CodeList, column: str = "authority_level") -> pl.Expr:
    """Rank of an authority level, growing; 0 where it is not known."""
    ranks = {code: int(attributes["rank"]) for code, attributes in codes.codes.items()}
    return pl.col(column).replace_strict(ranks, default=0, return_dtype=pl.Int32)


def unfounded_cases(versions: pl.DataFrame, freeing: pl.DataFrame, levels: CodeList) -> pl.DataFrame:
    """Ids of the cases that the newest record of the highest level they ever had calls unfounded: one row per case_id.

    `versions`: all standing versions, past ones too; `freeing`: quarantined records that free. A freeing record whose level cannot be read
    counts as of the highest.
    """
    columns = ["case_id", "finding", "authority_level", *VERSION_ORDER, "record_id"]
    top = max(int(attributes["rank"]) for attributes in levels.codes.values())
    rank = level_rank(levels)
    highest = pl.when(pl.col("authority_level").is_null()).then(pl.lit(top, pl.Int32)).otherwise(rank)
    stated = stack(
        [
            versions.select(*columns, rank.alias("_rank")),
            freeing.select(*columns, highest.alias("_rank")),
        ]
    ).filter(pl.col("case_id").is_not_null())
    newest = pick(stated, "case_id", [(name, True) for name in ("_rank", *VERSION_ORDER, "record_id")])
    return newest.filter(pl.col("finding") == "unfounded").select("case_id")


def involvements(current: pl.DataFrame, by_phone: pl.DataFrame, key: bytes) -> pl.DataFrame:
    """One row per element of `involved` of the current case records, with `node_id` (the tenure at `occurred_at` for a phone).

    imsi and iccid stay what they are; `is_unclear` marks a phone whose day two tenures touch (node_id is null).
    """
    fields = (
        "role", "identifier_type", "identifier_id", "identifier_host_type", "identifier_host_id", "identifier_registrable_id"
    )  # fmt: skip
    n = pl.col("involved").list.len()
    rows = current.filter(n > 0).select(
        "record_id", "recorded_at", "business_date", "case_id", "finding", "authority_level", "occurred_at", "occurred_at_is_day",
        "reported_at", pl.int_ranges(0, n, dtype=pl.Int32).alias("element"), pl.col("involved").alias("_item"),
    ).explode("element", "_item")  # fmt: skip
    rows = rows.with_columns(pl.col("_item").struct.field(name) for name in fields).drop("_item")
    rows = rows.filter(pl.col("identifier_id").is_not_null() & pl.col("role").is_not_null())
    is_phone = pl.col("identifier_type") == "phone"
    rows = rows.with_columns(phone_id=pl.when(is_phone).then("identifier_id"))
    rows = attach_phone(
        rows, by_phone, key, phone="phone_id", moment=pl.col("occurred_at"), is_day=pl.col("occurred_at_is_day")
    )
    return rows.with_columns(node_id=pl.when(is_phone).then("tenure_node").otherwise("identifier_id")).drop(
        "tenure_node"
    )
