"""What became of every delivered row: rows in = kept + superseded + quarantined (spec/feeds.md)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import polars as pl

from jobs.core.frames import pick
from jobs.silver.standing import VERSION_ORDER


class Delivery(NamedTuple):
    """One delivery that was taken: by its number, since an agency may use an id twice."""

    feed: str
    sequence: int
    delivery_id: str


DELIVERY = Delivery._fields


@dataclass(frozen=True)
class Account:
    """One delivery: its rows by what became of them, and how many rows break each rule."""

    delivery: Delivery
    kept: int
    superseded: int
    quarantined: int
    freeing: int
    reasons: dict[str, int] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        return self.kept + self.superseded + self.quarantined


def account_for(taken: pl.DataFrame, broken: pl.DataFrame, versions: pl.DataFrame) -> list[Account]:
    """One account per delivery of this night that has rows, by feed and number.

    `taken`: rows that this night brought to silver (feed, record_id, version order, frees_only); `broken`: its rows of quarantine;
    `versions`: every good version of the same feeds, of any night (feed, record_id, version order). A good row is superseded when a newer
    version of its record is known.
    """
    record = ["feed", "record_id"]
    several = versions.filter(pl.len().over(record) > 1)
    newest = pick(several, record, [(name, True) for name in VERSION_ORDER])
    good = taken.filter(~pl.col("frees_only"))
    older = several.join(newest, on=[*record, *VERSION_ORDER], how="anti")
    kept = good.join(older, on=[*record, *VERSION_ORDER], how="anti")
    whole = broken.filter(pl.col("element").is_null())
    counts = {"good": good, "kept": kept, "quarantined": whole, "freeing": taken.filter("frees_only")}
    found = pl.concat(
        [frame.group_by(DELIVERY).agg(n=pl.len()).with_columns(what=pl.lit(what)) for what, frame in counts.items()]
    )
    number = {(Delivery(*delivery), what): n for *delivery, what, n in found.select(*DELIVERY, "what", "n").rows()}
    reasons = _count_reasons(broken)
    return [
        Account(
            delivery, kept=(n_kept := number.get((delivery, "kept"), 0)), superseded=number.get((delivery, "good"), 0) - n_kept,
            quarantined=number.get((delivery, "quarantined"), 0), freeing=number.get((delivery, "freeing"), 0),
            reasons=reasons.get(delivery, {}),
        )
        for delivery in sorted({delivery for delivery, _ in number} | set(reasons))
    ]  # fmt: skip


def _count_reasons(broken: pl.DataFrame) -> dict[Delivery, dict[str, int]]:
    """Per delivery how many rows break each rule, themselves or in an element."""
    each = broken.select(*DELIVERY, "file", "line", "reasons").explode("reasons").drop_nulls("reasons").unique()
    counted = each.group_by([*DELIVERY, "reasons"]).agg(n=pl.len()).sort([*DELIVERY, "reasons"])
    found: dict[Delivery, dict[str, int]] = {}
    for *delivery, reason, n in counted.rows():
        found.setdefault(Delivery(*delivery), {})[reason] = n
    return found


def assert_balanced(accounts: Iterable[Account], delivered: Mapping[Delivery, int]) -> None:
    """Every row of every delivery is accounted for. Raises RuntimeError naming the first delivery that
    isn't: a fault of ours.
    """
    counted = {account.delivery: account.rows for account in accounts}
    for delivery in sorted(delivered.keys() | counted.keys()):
        rows_in, found = delivered.get(delivery, 0), counted.get(delivery, 0)
        if rows_in != found:
            raise RuntimeError(
                f"{delivery.feed}: delivery {delivery.delivery_id} brought {rows_in} rows and {found} are accounted for; "
                f"nothing of this night is committed"
            )
