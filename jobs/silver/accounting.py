"""What became of every delivered row: rows in = kept + superseded + quarantined (spec/feeds.md)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import polars as pl

from jobs.core.frames import pick
from jobs.silver.standing import VERSION_ORDER

DELIVERY = ("feed", "delivery_id")


@dataclass(frozen=True)
class Account:
    """One delivery: its rows by what became of them, and how many rows break each rule."""

    feed: str
    delivery_id: str
    kept: int
    superseded: int
    quarantined: int
    freeing: int
    reasons: dict[str, int] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        return self.kept + self.superseded + self.quarantined


def account_for(taken: pl.DataFrame, broken: pl.DataFrame, versions: pl.DataFrame) -> list[Account]:
    """One account per delivery of this night that has rows, by feed and delivery.

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
    number = {(feed, delivery, what): n for feed, delivery, n, what in found.select(*DELIVERY, "n", "what").rows()}
    reasons = _count_reasons(broken)
    return [
        Account(
            feed, delivery, kept=(n_kept := number.get((feed, delivery, "kept"), 0)),
            superseded=number.get((feed, delivery, "good"), 0) - n_kept, quarantined=number.get((feed, delivery, "quarantined"), 0),
            freeing=number.get((feed, delivery, "freeing"), 0), reasons=reasons.get((feed, delivery), {}),
        )
        for feed, delivery in sorted({(feed, delivery) for feed, delivery, _ in number} | set(reasons))
    ]  # fmt: skip


def _count_reasons(broken: pl.DataFrame) -> dict[tuple[str, str], dict[str, int]]:
    """Per delivery how many rows break each rule, themselves or in an element."""
    each = broken.select(*DELIVERY, "file", "line", "reasons").explode("reasons").drop_nulls("reasons").unique()
    counted = each.group_by([*DELIVERY, "reasons"]).agg(n=pl.len()).sort([*DELIVERY, "reasons"])
    found: dict[tuple[str, str], dict[str, int]] = {}
    for feed, delivery, reason, n in counted.rows():
        found.setdefault((feed, delivery), {})[reason] = n
    return found


def assert_balanced(accounts: Iterable[Account], delivered: dict[tuple[str, str], int]) -> None:
    """Every row of every delivery is accounted for. Raises RuntimeError naming the first delivery that
    isn't: a fault of ours.
    """
    counted = {(account.feed, account.delivery_id): account.rows for account in accounts}
    for feed, delivery_id in sorted(delivered | counted):
        rows_in, found = delivered.get((feed, delivery_id), 0), counted.get((feed, delivery_id), 0)
        if rows_in != found:
            raise RuntimeError(
                f"{feed}: delivery {delivery_id} brought {rows_in} rows and {found} are accounted for; "
                f"nothing of this night is committed"
            )
