"""Makes a world in which the two differ small enough to read: leaves out whatever the difference does not need."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

from tests.oracle.model import Delivery

Nights = list[tuple[date, list[Delivery]]]


def shrink(nights: Nights, differs: Callable[[Nights], bool], most: int = 300) -> Nights:
    """A part of the nights that still differs: without whole nights, deliveries, records and elements of lists, one after the other."""
    left = [most]

    def still(smaller: Nights) -> bool:
        left[0] -= 1
        return left[0] >= 0 and differs(smaller)

    place: tuple[int, ...] | None = (0,)
    for depth in (1, 2, 3, 4):
        place = _first(nights, depth)
        while place is not None:
            smaller = _without(nights, place)
            if still(smaller):
                nights = smaller
                place = place if _exists(nights, place) else _next(nights, place)
            else:
                place = _next(nights, place)
    return nights


def _items(nights: Nights, path: tuple[int, ...]) -> list[Any]:
    """What stands at a path: nights, a night's deliveries, a delivery's records, the elements of a record's list."""
    if not path:
        return nights
    deliveries = nights[path[0]][1]
    if len(path) == 1:
        return deliveries
    records = deliveries[path[1]].records
    return records if len(path) == 2 else list(records[path[2]].get("involved") or [])


def _places(nights: Nights, depth: int, path: tuple[int, ...] = ()) -> list[tuple[int, ...]]:
    items = range(len(_items(nights, path)))
    if len(path) == depth - 1:
        return [(*path, one) for one in items]
    return [place for one in items for place in _places(nights, depth, (*path, one))]


def _first(nights: Nights, depth: int) -> tuple[int, ...] | None:
    return next(iter(_places(nights, depth)), None)


def _next(nights: Nights, place: tuple[int, ...]) -> tuple[int, ...] | None:
    return next((one for one in _places(nights, len(place)) if one > place), None)


def _exists(nights: Nights, place: tuple[int, ...]) -> bool:
    return place in _places(nights, len(place))


def _without(nights: Nights, place: tuple[int, ...]) -> Nights:
    rest = [one for number, one in enumerate(_items(nights, place[:-1])) if number != place[-1]]
    if len(place) == 1:
        return rest
    on, deliveries = nights[place[0]]
    if len(place) == 2:
        changed = rest
    else:
        delivery = deliveries[place[1]]
        records = rest if len(place) == 3 else [
            {**one, "involved": rest} if number == place[2] else one for number, one in enumerate(delivery.records)
        ]  # fmt: skip
        changed = [replace(delivery, records=records) if one is delivery else one for one in deliveries]
    return [(on, changed) if number == place[0] else night for number, night in enumerate(nights)]
