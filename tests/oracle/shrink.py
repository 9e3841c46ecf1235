"""Makes a world in which the two differ small enough to read: leaves out whatever the difference does not need."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

from tests.oracle.model import Delivery

Nights = list[tuple[date, list[Delivery]]]
Place = tuple[int, ...]
DEPTHS = (1, 2, 3, 4)  # nights, their deliveries, the records of these, the elements of a record's list


def shrink(nights: Nights, differs: Callable[[Nights], bool], most: int = 200) -> Nights:
    """A part of the nights that still differs: without whole nights, deliveries, records and elements of lists, many at a time while that
    goes, then one by one.
    """
    left = [most]

    def still(smaller: Nights) -> bool:
        left[0] -= 1
        return left[0] >= 0 and differs(smaller)

    for depth in DEPTHS:
        nights = _shrink_at(nights, depth, still)
    return nights


def _shrink_at(nights: Nights, depth: int, still: Callable[[Nights], bool]) -> Nights:
    """What is needed of the places of one depth."""
    needed = _places(nights, depth)
    size = (len(needed) + 1) // 2
    while size:
        start = 0
        while start < len(needed):
            fewer = needed[:start] + needed[start + size :]
            if still(_only(nights, depth, set(fewer))):
                needed = fewer
            else:
                start += size
        size //= 2
    return _only(nights, depth, set(needed))


def _places(nights: Nights, depth: int) -> list[Place]:
    """Where everything of one depth stands, the newest first: what comes last is needed least."""
    found: list[Place] = [()]
    for _ in range(depth):
        found = [(*path, number) for path in found for number in range(len(_items(nights, path)))]
    return found[::-1]


def _items(nights: Nights, path: Place) -> list[Any]:
    """What stands at a path: nights, a night's deliveries, a delivery's records, the elements of a record's list."""
    if not path:
        return nights
    deliveries = nights[path[0]][1]
    if len(path) == 1:
        return deliveries
    records = deliveries[path[1]].records
    return records if len(path) == 2 else list(records[path[2]].get("involved") or [])


def _only(nights: Nights, depth: int, kept: set[Place], path: Place = ()) -> Nights:
    """The nights with what is kept of the places of one depth, and everything above it."""
    found: list[Any] = []
    for number, item in enumerate(_items(nights, path)):
        place = (*path, number)
        if len(place) == depth:
            if place in kept:
                found.append(item)
        else:
            found.append(_with(item, len(place), _only(nights, depth, kept, place)))
    return found


def _with(item: Any, depth: int, parts: list[Any]) -> Any:
    """A night with other deliveries, a delivery with other records, or a record with other elements."""
    if depth == 1:
        return (item[0], parts)
    if depth == 2:
        return replace(item, records=parts)
    return {**item, "involved": parts} if item.get("involved") else item
