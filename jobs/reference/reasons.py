"""Which reasons can set a record of a feed aside, as its contract says of columns and identifiers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from jobs.core.contracts import CodeList, Column, Feed, Identifier
from jobs.core.errors import UserError

QUARANTINE = "quarantine_reasons"


def find_reasons(feed: Feed, lists: Mapping[str, CodeList]) -> list[str]:
    """Reasons in the order of their list. Raises UserError for a rule whose reason is not on it."""
    known = lists[QUARANTINE].codes
    found = {"undecodable", "recorded_in_future", *feed.rules}
    for columns, identifiers in _levels(feed):
        found |= {reason for column in columns for reason in _of_column(column)}
        for identifier in identifiers.values():
            kinds = identifier_types(identifier, columns, lists)
            found |= {reason for reason, about in known.items() if set(about.get("types", ())) & set(kinds)}
            found |= {"unknown_code"} if identifier.scope else set()
    found |= {"ends_before_it_starts"} if feed.intervals else set()
    for reason in sorted(found - set(known)):
        raise UserError(
            f"schemas/feeds/{feed.table}.yml: reason '{reason}' is not in schemas/codes/{QUARANTINE}.yml; "
            "add it there, with a title that explains it"
        )
    return [reason for reason in known if reason in found]


def identifier_types(
    identifier: Identifier, columns: tuple[Column, ...], lists: Mapping[str, CodeList]
) -> tuple[str, ...]:
    """The types that it may have: its own, or every code of the column that says it."""
    if identifier.type is not None:
        return (identifier.type,)
    named = next(column for column in columns if column.name == identifier.type_from)
    return tuple(lists[named.codes].codes) if named.codes else ()


def _levels(feed: Feed) -> Iterator[tuple[tuple[Column, ...], dict[str, Identifier]]]:
    """The record, then the elements of each of its lists."""
    yield feed.schema_, feed.identifiers
    for column in feed.schema_:
        if column.items is not None:
            yield column.items.schema_, column.items.identifiers


def _of_column(column: Column) -> set[str]:
    reasons = {"missing_value"} if column.required else set()
    if column.logicalType == "code":
        reasons.add("unknown_code")
    elif column.logicalType != "string":
        reasons.add("wrong_type")
    return reasons
