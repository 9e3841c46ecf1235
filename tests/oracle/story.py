"""Writes small stories as deliveries of typed records, as the cases do: what is not named connects nothing."""

import itertools
import zlib
from datetime import date, datetime, timedelta
from typing import Any

from jobs.core.settings import ROOT
from tests.oracle.model import UTC, Delivery, Identifier, Moment, Node, State, Tenure, midnight
from tests.oracle.oracle import Oracle


def day(text: str) -> datetime:
    """Start of a business date, in UTC: what a date is as a start or an end."""
    return midnight(date.fromisoformat(text))


def on_day(text: str) -> Moment:
    """A moment of which only the day is known."""
    return day(text), True


def phone(label: str) -> Identifier:
    return Identifier("phone", f"+8613{zlib.crc32(label.encode()) % 10**9:09d}")


def person(label: str) -> Identifier:
    return Identifier("national_id", f"id-{label}")


def bank_account(label: str) -> Identifier:
    return Identifier("bank_account", f"icbc:{label}")


def payment_account(label: str) -> Identifier:
    return Identifier("payment_account", f"tenpay:{label}")


def internet_account(label: str) -> Identifier:
    return Identifier("internet_account", f"wechat:{label}")


def tenure(label: str, since: str | None) -> Tenure:
    return Tenure(phone(label).value, day(since) if since else None)


def some_node_id(node: Node) -> int:
    """A stable number for a node; the oracle asks for it only to break ties."""
    return zlib.crc32(repr(tuple(node)).encode())


class Story:
    """Plays nights through an oracle of the repository's own policy."""

    def __init__(self) -> None:
        self.oracle = Oracle.load(ROOT / "schemas", some_node_id)
        self._sequence: dict[str, itertools.count[int]] = {}
        self._number = itertools.count(1)

    def night(self, on: str, feeds: dict[str, list[dict[str, Any]]] | None = None, mode: str = "delta") -> State:
        """One night, one delivery for each feed; `recorded_at` is that date, 12:00 in Asia/Shanghai."""
        business_date = date.fromisoformat(on)
        deliveries = []
        for feed, records in (feeds or {}).items():
            sequence = next(self._sequence.setdefault(feed, itertools.count(1)))
            noon = midnight(business_date) + timedelta(hours=12)
            full = [
                {"record_id": f"r{next(self._number)}", "op": "upsert", "recorded_at": noon, "line": line, **record}
                for line, record in enumerate(records)
            ]
            produced = noon + timedelta(hours=6)
            deliveries.append(Delivery(feed, f"{feed}-{sequence}", sequence, mode, produced, business_date, full))
        return self.oracle.night(business_date, deliveries)

    # -- records

    def subscription(
        self, number: str, holder: str, since: str, until: str | None = None, **more: Any
    ) -> dict[str, Any]:
        own = next(self._number)
        return {
            "phone": phone(number),
            "holder": person(holder),
            "imsi": Identifier("imsi", f"46000{more.get('record_id', own)}"),
            "iccid": Identifier("iccid", f"8986{more.get('record_id', own)}"),
            "carrier": "cmcc",
            "activated_at": day(since),
            "deactivated_at": day(until) if until else None,
            **more,
        }

    def binding(self, account: str, number: str, since: str, until: str | None = None, **more: Any) -> dict[str, Any]:
        """A record of internet_accounts."""
        return {
            "account": internet_account(account),
            "phone": phone(number),
            "bound_at": day(since),
            "unbound_at": day(until) if until else None,
            "registered_at": day(since),
            **more,
        }

    def account(
        self, account: Identifier, holder: str, number: str, bound: str, opened: str, **more: Any
    ) -> dict[str, Any]:
        """A record of finance/accounts."""
        return {
            "account": account,
            "institution_id": account.value.split(":")[0],
            "holder": person(holder),
            "phone": phone(number),
            "bound_at": day(bound),
            "opened_at": day(opened),
            **more,
        }

    def case(
        self,
        case_id: str,
        occurred: str,
        reported: str,
        *involved: tuple[str, Identifier],
        finding: str = "confirmed",
        level: str = "city",
        **more: Any,
    ) -> dict[str, Any]:
        return {
            "case_id": case_id,
            "finding": finding,
            "authority_level": level,
            "occurred_at": on_day(occurred),
            "reported_at": on_day(reported),
            "involved": [{"role": role, "identifier": identifier} for role, identifier in involved],
            **more,
        }


def at(text: str) -> datetime:
    """A moment with its offset, in UTC."""
    return datetime.fromisoformat(text).astimezone(UTC)
