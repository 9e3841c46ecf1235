"""Silver of a night: every record that this night took is parsed once, and goes to silver, to
quarantine, or freeing to both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import reduce
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from jobs.core.night import StageReport, settle
from jobs.silver.accounting import (
    Account,
    accounts_of,
    assert_balanced,
    count_outcomes,
    known_versions,
    outcome_rows,
)
from jobs.silver.parse import parse_records
from jobs.silver.quarantine import quarantine_rows, resolve
from jobs.silver.vault import collect_found, new_vault_rows

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from jobs.core.night import Night

THREADS = 3  # a commit is mostly waiting; more feeds at once gain nothing on two cores
Parsed = dict[str, "DataFrame"]


def run(night: Night) -> StageReport:
    """Rows in: rows of bronze; rows out: good rows. Raises RuntimeError when a delivered row is not
    accounted for.
    """
    delivered = _delivered(night)
    feeds = sorted({feed for (feed, _), rows in delivered.items() if rows})
    if not feeds:
        _append_accounts(night, [Account(feed, delivery_id, 0, 0, 0, 0) for feed, delivery_id in sorted(delivered)])
        return StageReport()
    with ThreadPoolExecutor(THREADS) as pool:
        parsed = dict(zip(feeds, pool.map(lambda feed: _write_silver(night, feed), feeds), strict=True))
        outcomes = settle(_union(outcome_rows(frame, feed) for feed, frame in parsed.items()))
        known = settle(_known(night, feeds, outcomes))
        tables = [
            pool.submit(_write_quarantine, night, parsed, known),
            pool.submit(_write_vault, night, parsed),
        ]
        accounts = _account(night, outcomes, known, delivered)
        for table in tables:
            table.result()
    return StageReport(
        rows_in=sum(account.rows for account in accounts),
        rows_out=sum(account.kept + account.superseded for account in accounts),
        notes=_notes(accounts),
    )


def _delivered(night: Night) -> dict[tuple[str, str], int]:
    """The rows of each delivery that this night took, by (feed, delivery_id), as its manifest has them."""
    tonight = (F.col("night_on") == F.lit(night.on)) & (F.col("status") == "taken")
    rows = night.lake.read("ops.deliveries").where(tonight).select("agency", "feed", "delivery_id", "rows_in").collect()
    return {(f"{row.agency}/{row.feed}", row.delivery_id): row.rows_in for row in rows}


def _write_silver(night: Night, feed: str) -> DataFrame:
    """Parses the feed's rows of this night, once, and appends what is good and what frees."""
    contract = night.contracts[feed]
    bronze = night.lake.read(f"bronze.{contract.table}").where(F.col("night_on") == F.lit(night.on))
    parsed = settle(parse_records(bronze, contract, night.codes, night.key))
    name = f"silver.{contract.table}"
    taken = parsed.where(F.col("_is_good") | F.col("frees_only"))
    night.lake.append(name, taken.select(*night.lake.schema(name).names))
    return parsed


def _write_quarantine(night: Night, parsed: Parsed, known: DataFrame) -> None:
    tonight = _union(quarantine_rows(frame, feed) for feed, frame in parsed.items())
    rows = night.lake.read("quarantine.records").unionByName(tonight)
    night.lake.replace("quarantine.records", resolve(rows, known, night.on))


def _write_vault(night: Night, parsed: Parsed) -> None:
    found = _union(collect_found(frame) for frame in parsed.values())
    known = night.lake.read("vault.identifiers")
    night.lake.append("vault.identifiers", new_vault_rows(found, known, night.key, night.on))


def _account(
    night: Night, outcomes: DataFrame, known: DataFrame, delivered: dict[tuple[str, str], int]
) -> list[Account]:
    accounts = accounts_of(count_outcomes(outcomes, known))
    counted = {(account.feed, account.delivery_id) for account in accounts}
    accounts += [Account(feed, delivery, 0, 0, 0, 0) for feed, delivery in sorted(set(delivered) - counted)]
    assert_balanced(accounts, delivered)
    _append_accounts(night, accounts)
    return accounts


def _append_accounts(night: Night, accounts: Iterable[Account]) -> None:
    rows = [(night.on, a.feed, a.delivery_id, a.rows, a.kept, a.superseded, a.quarantined) for a in accounts]
    if rows:
        schema = night.lake.schema("ops.accounting").struct
        night.lake.append("ops.accounting", night.spark.createDataFrame(rows, schema))


def _known(night: Night, feeds: Iterable[str], outcomes: DataFrame) -> DataFrame:
    """Every good version, from any night, of tonight's records; read after tonight's were appended."""
    return known_versions({feed: night.lake.read(f"silver.{night.contracts[feed].table}") for feed in feeds}, outcomes)


def _union(frames: Iterable[DataFrame]) -> DataFrame:
    union: Callable[[DataFrame, DataFrame], DataFrame] = lambda left, right: left.unionByName(right)  # noqa: E731
    return reduce(union, frames)


def _notes(accounts: Iterable[Account]) -> list[str]:
    """What the person should know of each feed: how many rows are set aside, and why. No values."""
    feeds: dict[str, list[Account]] = {}
    for account in accounts:
        feeds.setdefault(account.feed, []).append(account)
    notes = []
    for feed, of_feed in sorted(feeds.items()):
        reasons: dict[str, int] = {}
        for account in of_feed:
            for reason, rows in account.reasons.items():
                reasons[reason] = reasons.get(reason, 0) + rows
        if not reasons:
            continue
        why = ", ".join(
            f"{reason} {rows:,}" for reason, rows in sorted(reasons.items(), key=lambda item: (-item[1], item[0]))
        )
        freeing = sum(account.freeing for account in of_feed)
        tail = f"; {freeing:,} of them free somebody and take effect" if freeing else ""
        notes.append(
            f"{feed}: {sum(a.quarantined for a in of_feed):,} of {sum(a.rows for a in of_feed):,} rows "
            f"set aside ({why}){tail}"
        )
    return notes
