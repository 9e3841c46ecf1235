"""Silver of a night: every record that this night took is parsed once, and goes to silver, to
quarantine, or freeing to both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import reduce
from typing import TYPE_CHECKING, Union

import polars as pl
import pyarrow as pa
from pyspark.sql import functions as F

from jobs.core.frames import empty, schema_of, stack, to_arrow
from jobs.core.night import StageReport, settle
from jobs.silver.accounting import Account, account_for, assert_balanced
from jobs.silver.parse import parse_records
from jobs.silver.quarantine import pick_broken, quarantine_rows, resolve
from jobs.silver.standing import VERSION_ORDER
from jobs.silver.vault import collect_found, found_values, new_values, new_vault_rows

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from jobs.core.night import Night

THREADS = 3  # a commit is mostly waiting; more feeds at once gain nothing on two cores
SMALL_ROWS = 50_000
"""Up to here a feed's parsed rows are handled in this process: a Spark job costs more than they do."""
Parsed = Union["DataFrame", pl.DataFrame]


def run(night: Night) -> StageReport:
    """Rows in: rows of bronze; rows out: good rows. Raises RuntimeError when a delivered row is not
    accounted for.
    """
    delivered = _delivered(night)
    n_rows: dict[str, int] = {}
    for (feed, _), rows in sorted(delivered.items()):
        if rows:
            n_rows[feed] = n_rows.get(feed, 0) + rows
    feeds = list(n_rows)
    if not feeds:
        _append_accounts(night, [Account(feed, delivery_id, 0, 0, 0, 0) for feed, delivery_id in sorted(delivered)])
        return StageReport()
    night.session(sum(n_rows.values()))
    with ThreadPoolExecutor(THREADS) as pool:
        jobs = {feed: pool.submit(_write_silver, night, feed, rows) for feed, rows in n_rows.items()}
        parsed = {feed: job.result() for feed, job in jobs.items()}
        vault = pool.submit(_write_vault, night, parsed)
        broken, versions = _broken(night, parsed), _versions(night, feeds)
        accounts = account_for(
            versions.filter(pl.col("night_on") == night.on), broken, versions.filter(~pl.col("frees_only"))
        )
        accounts += _of_empty_deliveries(accounts, delivered)
        assert_balanced(accounts, delivered)
        tables = [
            pool.submit(_write_quarantine, night, broken, versions),
            pool.submit(_append_accounts, night, accounts),
        ]
        for table in (vault, *tables):
            table.result()
    return StageReport(
        rows_in=sum(account.rows for account in accounts),
        rows_out=sum(account.kept + account.superseded for account in accounts),
        notes=_notes(accounts),
    )


def _delivered(night: Night) -> dict[tuple[str, str], int]:
    """The rows of each delivery that this night took, by (feed, delivery_id), as its manifest has them."""
    rows = night.lake.frame("ops.deliveries", ["night_on", "status", "agency", "feed", "delivery_id", "rows_in"])
    rows = rows.filter(pl.col("night_on") == night.on, pl.col("status") == "taken").drop("night_on", "status")
    return {(f"{agency}/{feed}", delivery): n for agency, feed, delivery, n in rows.rows()}


def _write_silver(night: Night, feed: str, n_rows: int) -> Parsed:
    """Parses the feed's rows of this night, once, and appends what is good and what frees. Few rows leave Spark here: what follows is then
    done in this process, where it costs no job.
    """
    contract, name = night.contracts[feed], f"silver.{night.contracts[feed].table}"
    names = night.lake.schema(name).names
    if n_rows <= SMALL_ROWS:
        needed = [column for column in night.lake.schema(f"bronze.{contract.table}").names if column != "unknown"]
        rows = to_arrow(night.lake.frame(f"bronze.{contract.table}", needed, night_on=night.on))
        bronze = night.session(n_rows).createDataFrame(rows)
        parsed = _frame(parse_records(bronze, contract, night.codes, night.key))
        taken = parsed.filter(pl.col("_is_good") | pl.col("frees_only"))
        night.lake.append(name, taken.select(names).cast(pl.Schema(schema_of(night.lake.schema(name).ddl))))
        return parsed
    bronze = night.lake.read(f"bronze.{contract.table}").where(F.col("night_on") == F.lit(night.on))
    settled = settle(parse_records(bronze, contract, night.codes, night.key))
    night.lake.append(name, settled.where(F.col("_is_good") | F.col("frees_only")).select(*names))
    return settled


def _frame(rows: DataFrame) -> pl.DataFrame:
    table = rows.toArrow()
    # Spark leaves the offsets of a nested list that is empty in every row unwritten; taking all rows writes them.
    frame = pl.from_arrow(table.take(pa.array(range(table.num_rows), pa.int64())))
    assert isinstance(frame, pl.DataFrame)
    return frame


def _broken(night: Night, parsed: Mapping[str, Parsed]) -> pl.DataFrame:
    """Tonight's rows of quarantine: few, so they leave Spark here."""
    schema = pl.Schema(schema_of(night.lake.schema("quarantine.records").ddl))
    found = [empty(schema)]
    for feed, frame in parsed.items():
        few = frame if isinstance(frame, pl.DataFrame) else _frame(pick_broken(frame))
        found.append(quarantine_rows(few, feed).cast(schema))
    return stack(found)


def _versions(night: Night, feeds: Iterable[str]) -> pl.DataFrame:
    """Every row of silver of these feeds, of any night, by its key alone; read after tonight's were appended."""
    keys = ["record_id", *VERSION_ORDER, "night_on", "frees_only"]
    return stack(
        night.lake.frame(f"silver.{night.contracts[feed].table}", keys).select(pl.lit(feed).alias("feed"), *keys)
        for feed in feeds
    )


def _write_quarantine(night: Night, broken: pl.DataFrame, versions: pl.DataFrame) -> None:
    rows = stack([night.lake.frame("quarantine.records"), broken])
    good = versions.filter(~pl.col("frees_only")).join(rows, on=["feed", "record_id"], how="semi")
    night.lake.replace("quarantine.records", resolve(rows, good, night.on))


def _write_vault(night: Night, parsed: Mapping[str, Parsed]) -> None:
    """In one commit for all that left Spark, in another for what did not; the second sees what the first wrote."""
    few = [found_values(frame) for frame in parsed.values() if isinstance(frame, pl.DataFrame)]
    many = [collect_found(frame) for frame in parsed.values() if not isinstance(frame, pl.DataFrame)]
    if few:
        vault = night.lake.frame("vault.identifiers", ["node_id", "type", "value", "first_seen_on"])
        night.lake.append("vault.identifiers", new_values(stack(few), vault, night.key, night.on))
    if many:
        known = night.lake.read("vault.identifiers")
        night.lake.append("vault.identifiers", new_vault_rows(_union(many), known, night.key, night.on))


def _of_empty_deliveries(accounts: Iterable[Account], delivered: dict[tuple[str, str], int]) -> list[Account]:
    counted = {(account.feed, account.delivery_id) for account in accounts}
    return [Account(feed, delivery, 0, 0, 0, 0) for feed, delivery in sorted(set(delivered) - counted)]


def _append_accounts(night: Night, accounts: Iterable[Account]) -> None:
    schema = schema_of(night.lake.schema("ops.accounting").ddl)
    rows = [(night.on, a.feed, a.delivery_id, a.rows, a.kept, a.superseded, a.quarantined) for a in accounts]
    if rows:
        night.lake.append("ops.accounting", pl.DataFrame(rows, schema=pl.Schema(schema), orient="row"))


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
