"""From the text that an agency wrote to a typed value: one column expression per logical type. Nothing
is mended, nothing raises.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from pyspark.sql import Column as Expr
from pyspark.sql import functions as F

from jobs.core.contracts import CodeList, Column

INTEGER = r"^[+-]?[0-9]+$"
DECIMAL = r"^[+-]?[0-9]{1,16}(\.[0-9]{1,2})?$"
DATE = r"^[1-9][0-9]{3}-[0-9]{2}-[0-9]{2}$"
INSTANT = r"^[1-9][0-9]{3}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})$"
"""ISO 8601 with seconds and an offset; a fraction is kept to the microsecond. Years before 1000 are
taken for slips of the pen.
"""


class Typed(NamedTuple):
    """`value` is null when the text is blank or broken; `is_day` goes with a moment; `reason` names
    what a broken text breaks.
    """

    value: Expr
    reason: str
    is_day: Expr | None = None


def is_blank(raw: Expr) -> Expr:
    """No text, or nothing but spaces: not a value."""
    return raw.isNull() | (F.trim(raw) == "")


def typed(column: Column, raw: Expr, codes: Mapping[str, CodeList]) -> Typed:
    """The text `raw` of a contract's column as its type (spec/feeds.md). Arrays are the matter of
    elements.py.
    """
    if column.codes is not None:
        return Typed(F.when(_is_known(raw, codes[column.codes]), raw), "unknown_code")
    if column.logicalType == "moment":
        value = _timestamp(raw)
        return Typed(value, "wrong_type", F.when(value.isNotNull(), raw.rlike(DATE)))
    return Typed(_READERS[column.logicalType](raw), "wrong_type")


def _is_known(raw: Expr, codes: CodeList) -> Expr:
    if codes.prefix_length is None:
        return raw.isin(sorted(codes.codes))
    known = F.substring(raw, 1, codes.prefix_length).isin(sorted(codes.codes))
    return known & raw.rlike(f"^[0-9]{{{codes.length}}}$")


def _string(raw: Expr) -> Expr:
    return F.when(~is_blank(raw), raw)


def _integer(raw: Expr) -> Expr:
    return F.when(raw.rlike(INTEGER), raw.try_cast("bigint"))


def _decimal(raw: Expr) -> Expr:
    return F.when(raw.rlike(DECIMAL), raw.try_cast("decimal(18,2)"))


def _boolean(raw: Expr) -> Expr:
    return F.when(raw == "true", F.lit(True)).when(raw == "false", F.lit(False))


def _timestamp(raw: Expr) -> Expr:
    """A date is 00:00 in Asia/Shanghai; a date or time that does not exist is null."""
    midnight = F.when(raw.rlike(DATE), F.concat(raw, F.lit("T00:00:00 Asia/Shanghai")))
    return F.coalesce(midnight, F.when(raw.rlike(INSTANT), raw)).try_cast("timestamp")


_READERS: dict[str, Callable[[Expr], Expr]] = {
    "string": _string,
    "integer": _integer,
    "decimal": _decimal,
    "boolean": _boolean,
    "timestamp": _timestamp,
}
