"""Silver of a night: every record that this night took is parsed once, and goes to silver, to
quarantine, or freeing to both.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING

import polars as pl

from jobs.core.errors import UserError
from jobs.core.frames import empty, schema_of, stack
from jobs.core.night import StageReport, in_order, settle
from jobs.core.spark import takes_spark
from jobs.silver.accounting import Account, Delivery, account_for, assert_balanced
from jobs.silver.bulk import parse_by_spark, seen_by_spark, set_aside
from jobs.silver.parse import NEEDED, parse_records
from jobs.silver.quarantine import quarantine_rows, resolve
from jobs.silver.standing import VERSION_ORDER
from jobs.silver.vault import is_key_of, no_values, seen_values, vault_rows, vault_rows_by_spark

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from jobs.core.contracts import Feed
    from jobs.core.night import Night

THREADS = 3  # a commit is mostly waiting; more feeds at once gain nothing on two cores
CHUNK = 500_000
"""Rows that are parsed at a time: enough to be quick, few enough to hold."""
AT_ONCE = 2_000_000
"""Identifiers that are looked up in the vault at a time."""


@dataclass
class Aside:
    """What is kept of a feed beside silver: its rows of quarantine, and the identifiers that were seen (SEEN): those of a large load as Spark's
    frame.
    """

    broken: pl.DataFrame
    seen: pl.DataFrame
    seen_by_spark: DataFrame | None = None


def run(night: Night) -> StageReport:
    """Rows in: rows of bronze; rows out: good rows. Raises RuntimeError when a delivered row is not
    accounted for.
    """
    delivered = _delivered(night)
    n_rows: dict[str, int] = {}
    for delivery, rows in sorted(delivered.items()):
        if rows:
            n_rows[delivery.feed] = n_rows.get(delivery.feed, 0) + rows
    if not n_rows:
        _append_accounts(night, _of_empty_deliveries([], delivered))
        return StageReport()
    with ThreadPoolExecutor(THREADS) as pool:
        jobs = [pool.submit(_write_silver, night, feed, rows) for feed, rows in n_rows.items()]
        parsed = [job.result() for job in jobs]
        vault = pool.submit(_write_vault, night, parsed)
        broken, versions = stack(one.broken for one in parsed), _versions(night, n_rows)
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


def _delivered(night: Night) -> dict[Delivery, int]:
    """The rows of each delivery that this night took, as its manifest has them."""
    names = ["night_on", "status", "agency", "feed", "sequence", "delivery_id", "rows_in"]
    rows = night.lake.frame("ops.deliveries", names)
    rows = rows.filter(pl.col("night_on") == night.on, pl.col("status") == "taken").drop("night_on", "status")
    return {Delivery(f"{agency}/{feed}", number, name): n for agency, feed, number, name, n in rows.rows()}


def _write_silver(night: Night, feed: str, n_rows: int) -> Aside:
    """Parses the feed's rows of this night, once, and appends what is good and what frees."""
    contract = night.contracts[feed]
    if takes_spark(night.settings, n_rows):
        return _by_spark(night, contract)
    schema = schema_of(night.lake.schema("quarantine.records").ddl)
    aside = Aside(empty(schema), no_values())
    night.lake.append_all(f"silver.{contract.table}", _in_chunks(night, contract, aside))
    return aside


def _in_chunks(night: Night, feed: Feed, aside: Aside) -> Iterator[pl.DataFrame]:
    """The feed's rows for silver, a chunk at a time; what is kept beside them is added to `aside` on the way."""
    broken, seen = [aside.broken], [aside.seen]
    chunks = night.lake.chunks(f"bronze.{feed.table}", [*NEEDED, *feed.columns], night.on, CHUNK)

    def parse(bronze: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
        parsed = parse_records(bronze, feed, night.codes, night.key)
        return parsed.taken, quarantine_rows(parsed, feed.id).cast(aside.broken.schema), seen_values(parsed)

    for taken, broken_there, seen_there in in_order(parse, chunks):
        broken.append(broken_there)
        seen.append(seen_there)
        yield taken
    aside.broken, aside.seen = pl.concat(broken), pl.concat(seen)


def _by_spark(night: Night, feed: Feed) -> Aside:
    from pyspark.sql import functions as F

    name = f"silver.{feed.table}"
    bronze = night.lake.read(f"bronze.{feed.table}").where(F.col("night_on") == F.lit(night.on))
    settled = settle(parse_by_spark(bronze, feed, night.codes, night.key))
    night.lake.append(
        name, settled.where(F.col("_is_good") | F.col("frees_only")).select(*night.lake.schema(name).names)
    )
    schema = schema_of(night.lake.schema("quarantine.records").ddl)
    broken = quarantine_rows(set_aside(settled, feed), feed.id).cast(pl.Schema(schema))
    return Aside(broken, no_values(), seen_by_spark(settled))


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


def _write_vault(night: Night, parsed: Iterable[Aside]) -> None:
    """In one commit for what this process holds, in another for what it does not; the second sees what the first wrote."""
    seen = pl.concat([one.seen for one in parsed])
    if seen.height:
        vault = night.lake.frame("vault.identifiers", ["node_id", "type", "value", "first_seen_on"])
        if not is_key_of(vault, night.key):
            raise UserError(
                f"{night.settings.key_file}: is not the key that this lake's ids were made with (or an older version made them); "
                "put that key back, or begin a new lake: with two keys everybody would be two"
            )
        night.lake.append_all("vault.identifiers", _new_to(vault, seen, night))
    many = [one.seen_by_spark for one in parsed if one.seen_by_spark is not None]
    if many:
        known, union = night.lake.read("vault.identifiers"), reduce(lambda one, other: one.unionByName(other), many)
        night.lake.append("vault.identifiers", vault_rows_by_spark(union, known, night.key, night.on))


def _new_to(vault: pl.DataFrame, seen: pl.DataFrame, night: Night) -> Iterator[pl.DataFrame]:
    """What the vault does not know of what was seen, a part of the ids at a time: no more is sorted and hashed than is held anyway."""
    parts = 1 + seen.height // AT_ONCE
    which = pl.col("node_id").reinterpret(signed=False) % parts
    for part in range(parts):
        yield vault_rows(seen.filter(which == part), vault.filter(which == part), night.key, night.on)


def _of_empty_deliveries(accounts: Iterable[Account], delivered: Mapping[Delivery, int]) -> list[Account]:
    counted = {account.delivery for account in accounts}
    return [Account(delivery, 0, 0, 0, 0) for delivery in sorted(delivered.keys() - counted)]


def _append_accounts(night: Night, accounts: Iterable[Account]) -> None:
    schema = schema_of(night.lake.schema("ops.accounting").ddl)
    rows = [(night.on, *a.delivery, a.rows, a.kept, a.superseded, a.quarantined) for a in accounts]
    if rows:
        night.lake.append("ops.accounting", pl.DataFrame(rows, schema=pl.Schema(schema), orient="row"))


def _notes(accounts: Iterable[Account]) -> list[str]:
    """What the person should know of each feed: how many rows are set aside, and why. No values."""
    feeds: dict[str, list[Account]] = {}
    for account in accounts:
        feeds.setdefault(account.delivery.feed, []).append(account)
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
