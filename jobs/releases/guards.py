"""What holds a release back, and what goes out all the same (exports.md, Before it goes out)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

# Why a listing left, when that must never wait for anything.
NEVER_HELD = ("appeal_upheld", "verified")

EVERYONE = "everyone"


@dataclass(frozen=True)
class Broken:
    """A check of severity `fail` that broke tonight. `holds`: everyone, or the agency on whose word the listings rest."""

    subject: str
    rule_id: str
    holds: str


def find_failed(broken: Iterable[Broken], agencies: Collection[str]) -> list[str]:
    """Which failed checks hold a recipient back, as sentences; `agencies` are those behind what it has or would get."""
    names = sorted(f"{one.subject}: {one.rule_id}" for one in broken if one.holds == EVERYONE or one.holds in agencies)
    return [f"failed {_noun(len(names), 'check')} ({', '.join(names)})"] if names else []


def find_holds(rows: Any) -> list[str]:
    """Why tonight's rows of a recipient (with WORKING_FIELDS) must not go out, as sentences without
    identifiers; empty when they may.
    """
    reasons = []
    if protected := _count(pc.is_valid(rows["protected_reason"])):
        kinds = sorted(set(pc.drop_null(rows["protected_reason"]).to_pylist()))
        reasons.append(f"{protected} protected {_noun(protected, 'identifier')} in it ({', '.join(kinds)})")
    if nameless := _count(pc.is_null(rows["identifier"])):
        reasons.append(f"{nameless} {_noun(nameless, 'listing')} without a value in the vault")
    return reasons


def keep_removals(previous: Any, why: Mapping[str, str]) -> Any:
    """The last good snapshot without what left for a reason that is never held."""
    stays = [why.get(listing) not in NEVER_HELD for listing in previous["listing_id"].to_pylist()]
    return previous.filter(pa.array(stays, pa.bool_()))


def find_untold(rows: Any, previous: Any | None) -> list[str]:
    """Of tonight's rows the listings whose due date the last version does not tell, nor any when it can't be read."""
    due = rows.filter(pc.is_valid(rows["due_on"]))
    told = set() if previous is None else _due_dates(previous)
    return [listing for listing, due_on in sorted(_due_dates(due) - told)]


def _due_dates(rows: Any) -> set[tuple[str, Any]]:
    return set(zip(rows["listing_id"].to_pylist(), rows["due_on"].to_pylist(), strict=True))


def _count(mask: Any) -> int:
    return int(pc.sum(pc.cast(mask, pa.int64())).as_py() or 0)


def _noun(count: int, word: str) -> str:
    return word if count == 1 else f"{word}s"
