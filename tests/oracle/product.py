"""The product's own stages graph, signals and listing, played on typed records in memory: no Spark, no files."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from functools import cache
from typing import Any, cast

import polars as pl
import yaml

from jobs.core.contracts import CodeList, Feed, load_codes, load_contracts
from jobs.core.frames import schema_of
from jobs.core.night import Night
from jobs.core.schema import TableSchema, load_tables
from jobs.core.settings import ROOT, Settings
from jobs.graph import job as graph
from jobs.identifiers.keys import node_id_py
from jobs.listing import job as listing
from jobs.policy import Policy, load_policy
from jobs.releases.recipients import Recipient, load_recipients
from jobs.signals import job as signals
from tests.oracle.guard import Guard
from tests.oracle.lake import MemoryLake
from tests.oracle.model import Delivery, Identifier, Node, Tenure
from tests.oracle.standing import Bronze

SCHEMAS = ROOT / "schemas"
KEY = b"a key of tests"
SCOPED = ("bank_account", "payment_account", "internet_account", "crypto_wallet")
SHORT = "%Y-%m-%dT%H:%M:%S.%f"


@cache
def contracts() -> dict[str, Feed]:
    return load_contracts(SCHEMAS)


@cache
def codes() -> dict[str, CodeList]:
    return load_codes(SCHEMAS)


@cache
def tables() -> dict[str, TableSchema]:
    return load_tables(SCHEMAS, contracts())


@cache
def recipients() -> dict[str, Recipient]:
    return load_recipients(SCHEMAS)


@cache
def protected_groups() -> list[dict[str, Any]]:
    found = yaml.safe_load((SCHEMAS / "policy" / "protected.yml").read_text(encoding="utf-8"))
    return cast(list[dict[str, Any]], found["groups"])


@cache
def policy_of(name: str) -> Policy:
    """`default`, or `tight`: the same with bounds that a small world reaches."""
    policy = load_policy(SCHEMAS, "default")
    if name == "default":
        return policy
    low = {"holder": 3, "bound_phone": 2, "device": 2, "login_device": 2, "login_ip": 1, "hosted_on": 1, "part_of": 2}
    bounds = tuple(one.model_copy(update={"bound": low[one.kind]}) for one in policy.shared.bounds)
    return policy.model_copy(update={"shared": policy.shared.model_copy(update={"bounds": bounds})})


@cache
def node_id(node: Node) -> int:
    """The id that the product gives to a node."""
    if isinstance(node, Tenure):
        start = node.tenure_from.strftime(SHORT) if node.tenure_from else None
        return node_id_py(KEY, "tenure", str(node_id(Identifier("phone", node.phone))), start)
    return node_id_py(KEY, node.type, node.value)


class Product:
    """Plays nights. What a night left is in `lake`."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.lake = MemoryLake(tables())
        self.bronze = Bronze()
        self._rows: dict[str, list[dict[str, Any]]] = {}

    def night(self, on: date, deliveries: Iterable[Delivery]) -> None:
        """Takes the deliveries and runs the three stages."""
        for delivery in deliveries:
            if (delivery.feed, delivery.sequence) in self.bronze.taken:
                continue
            self.bronze.take(delivery)
            self._rows.setdefault(delivery.feed, []).extend(silver_rows(contracts()[delivery.feed], delivery, on))
        for feed, rows in self._rows.items():
            table = tables()[f"silver.{contracts()[feed].table}"]
            self.lake.replace(table.id, pl.DataFrame(rows, schema_of(table.ddl), orient="row"))
        self.lake.replace("ops.deliveries", self._deliveries(on))
        self.lake.replace("quarantine.records", self._quarantined())
        self.lake.replace("graph.identifiers", self._identifiers())
        night = Night(
            spark=cast(Any, None), lake=cast(Any, self.lake), settings=Settings(), on=on, contracts=contracts(), codes=codes(),
            policy=self.policy, recipients=recipients(), key=KEY, say=lambda text: None,
        )  # fmt: skip
        for stage in (graph, signals, listing):
            stage.run(night)

    def _deliveries(self, on: date) -> pl.DataFrame:
        kinds = schema_of(tables()["ops.deliveries"].ddl)
        rows = []
        for one in self.bronze.taken.values():
            agency, feed = one.feed.split("/")
            given = {
                "night_on": on, "agency": agency, "feed": feed, "delivery_id": one.delivery_id, "sequence": one.sequence, "mode": one.mode,
                "business_date": one.business_date, "produced_at": one.produced_at, "status": "taken", "rows_in": len(one.records),
                "path": f"{one.feed}/{one.delivery_id}", "manifest_sha256": one.delivery_id,
            }  # fmt: skip
            rows.append({name: given.get(name) for name in kinds})
        return pl.DataFrame(rows, kinds, orient="row")

    def _quarantined(self) -> pl.DataFrame:
        """Of what is set aside, only that it was there: nobody reads more of it here."""
        kinds = schema_of(tables()["quarantine.records"].ddl)
        rows = [
            {
                "feed": one.feed,
                "record_id": record_id,
                "sequence": one.sequence,
                "delivery_id": one.delivery_id,
                "file": "",
                "line": place,
            }
            for one in self.bronze.taken.values()
            for place, record_id in enumerate(sorted(one.present))
        ]
        return pl.DataFrame([{name: row.get(name) for name in kinds} for row in rows], kinds, orient="row")

    def _identifiers(self) -> pl.DataFrame:
        """graph.identifiers as the stage `identifiers` makes it of the vault; what is protected is the oracle's word, a datum of both."""
        guard = Guard(protected_groups(), self.bronze)
        seen: dict[Identifier, date] = {}
        for delivery in self.bronze.taken.values():
            for record in delivery.records:
                if record.get("frees_only"):
                    continue
                for identifier in named_in(record):
                    seen[identifier] = min(delivery.business_date, seen.get(identifier, delivery.business_date))
        rows = [
            {
                "node_id": node_id(one), "type": one.type, "scope": one.value.split(":")[0] if one.type in SCOPED else None, "first_seen_on": on,
                "protected_reason": guard.reason(one), "is_guarded": one.type == "domain" and guard.is_guarded(one),
            }
            for one, on in seen.items()
        ]  # fmt: skip
        return pl.DataFrame(rows, schema_of(tables()["graph.identifiers"].ddl), orient="row")


def named_in(value: Any) -> Iterable[Identifier]:
    """Every identifier in a record of the oracle's."""
    if isinstance(value, Identifier):
        yield value
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from named_in(one)
    elif isinstance(value, list):
        for one in value:
            yield from named_in(one)


def silver_rows(feed: Feed, delivery: Delivery, on: date) -> list[dict[str, Any]]:
    """Rows of the feed's silver table from the typed records of one delivery."""
    kinds = schema_of(tables()[f"silver.{feed.table}"].ddl)
    rows = []
    for record in delivery.records:
        given = {
            "op": record.get("op", "upsert"), "sequence": delivery.sequence, "delivery_id": delivery.delivery_id, "file": record.get("file", "part-0001"),
            "business_date": delivery.business_date, "night_on": on, "frees_only": bool(record.get("frees_only")),
        }  # fmt: skip
        rows.append(
            {name: given[name] if name in given else _column(name, record, kind) for name, kind in kinds.items()}
        )
    return rows


def _column(name: str, record: Mapping[str, Any], kind: pl.DataType) -> Any:
    """A silver column by its name: an identifier's id or type, what a url leads to, a moment's day, or what the record says."""
    if isinstance(kind, pl.List) and isinstance(kind.inner, pl.Struct):
        return [
            {field.name: _column(field.name, one, cast(pl.DataType, field.dtype)) for field in kind.inner.fields}
            for one in record.get(name) or []
        ]
    if name.endswith("_is_day"):
        moment = record.get(name.removesuffix("_is_day"))
        return None if moment is None else isinstance(moment, tuple) and moment[1]
    value: Any
    for suffix, place in (("_id", "value"), ("_type", "type")):
        if name.endswith(suffix):
            label = name.removesuffix(suffix)
            if label in ("host", "registrable"):
                label = f"url_{label}"
            value = record.get(label)
            if isinstance(value, Identifier):
                return node_id(value) if place == "value" else value.type
    value = record.get(name)
    if isinstance(value, tuple) and len(value) == 2 and isinstance(value[0], datetime):
        return value[0]
    return value
