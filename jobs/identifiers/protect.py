"""Protected identifiers: what is never listed (spec/listing.md, Due process). Data of the policy, with a
reason each.

A reason is a group's id in schemas/policy/protected.yml, or `public_suffix`, or `guard_list`. A url that is
only its host's root is protected as the host is.
"""

from __future__ import annotations

import re
from datetime import date
from functools import reduce
from operator import or_
from pathlib import Path
from typing import NamedTuple

import polars as pl
from pydantic import model_validator

from jobs.core.errors import UserError
from jobs.core.frames import stack
from jobs.core.yamlfile import Strict, load_model
from jobs.identifiers.hosts import AUTHORITY, is_public_suffix_py
from jobs.identifiers.rare import TYPES, Codes, lists_of, normalise_py

PUBLIC_SUFFIX = "public_suffix"
GUARD_LIST = "guard_list"
_AREA = "(?:10|2[0-9]|[3-9][0-9]{2})?"


class Group(Strict):
    """Identifiers of one type that are protected for one reason. `below`: domains, with all hosts, urls and
    mail under them.

    The values are given as people write them; `Protected.values` has their normal forms. A value of an
    account is `institution:number`.
    """

    id: str
    type: str
    reason: str
    below: bool = False
    values: tuple[str, ...]

    @model_validator(mode="after")
    def _makes_sense(self) -> Group:
        if self.type not in TYPES:
            raise ValueError(f"'{self.type}' is not a type of identifier")
        if self.below and self.type != "domain":
            raise ValueError("'below' goes with domains only")
        return self


class Guarded(NamedTuple):
    """What the guard lists protect tonight: node ids (nulls and repeats do no harm), of `below` those of domains
    that protect all below them too; and regular expressions (`is_pattern`) that match the whole of a phone.
    """

    itself: pl.Series = pl.Series(dtype=pl.Int64)
    below: pl.Series = pl.Series(dtype=pl.Int64)
    patterns: tuple[str, ...] = ()


class Protected(Strict):
    """The policy's protected identifiers."""

    description: str
    groups: tuple[Group, ...]

    @property
    def reasons(self) -> dict[str, str]:
        """A sentence for each reason."""
        return {group.id: group.reason for group in self.groups} | {
            PUBLIC_SUFFIX: "A public suffix: what is below it belongs to many",
            GUARD_LIST: "On a guard list, or among what one protects",
        }


def load_protected(path: Path, codes: Codes) -> Protected:
    """The file with every value in normal form. Raises UserError naming the group and value that has none."""
    protected = load_model(path, Protected)
    groups = tuple(
        group.model_copy(update={"values": _normal_values(path, group, codes)}) for group in protected.groups
    )
    ids = [group.id for group in groups]
    if len(set(ids)) != len(ids) or {PUBLIC_SUFFIX, GUARD_LIST} & set(ids):
        raise UserError(
            f"{path}: groups: each needs an id of its own, and '{PUBLIC_SUFFIX}' and '{GUARD_LIST}' are taken"
        )
    return protected.model_copy(update={"groups": groups})


def _normal_values(path: Path, group: Group, codes: Codes) -> tuple[str, ...]:
    lists, found = lists_of(codes), []
    for text in group.values:
        scope, raw = text.split(":", 1) if group.type in _SCOPED and ":" in text else (None, text)
        type_, value, _ = normalise_py(group.type, raw, scope, date.max, lists)
        if value is None or type_ != group.type:
            raise UserError(f"{path}: group '{group.id}': '{text}' is not a valid {group.type}; write it as feeds do")
        found.append(value)
    return tuple(sorted(set(found)))


_SCOPED = {"bank_account", "payment_account", "internet_account"}


def mark_protected(identifiers: pl.DataFrame, protected: Protected, guarded: Guarded) -> pl.DataFrame:
    """`identifiers` (node_id, type, value and more) with `protected_reason`, null for what may be listed, and
    `is_guarded`: whether it is a domain into which nothing rolls up. One row in is one row out, in the same order.

    The first that applies gives the reason: the policy's groups in their order, public suffixes, guard lists.
    """
    rows = _read_parts(identifiers)
    above = _names_above(rows["host"])
    suffixes = pl.Series(
        [name for name in rows["top"].drop_nulls().unique() if ":" not in name and is_public_suffix_py(name)],
        dtype=pl.String,
    )
    is_suffix = pl.col("top").is_in(suffixes.implode())
    on_list = _is_one_of("node_id", guarded.itself) | _is_one_of("node_id", guarded.below)
    tests = [(_is_in_group(group, above), group.id) for group in protected.groups if group.values]
    tests += [(is_suffix, PUBLIC_SUFFIX), (on_list | _is_guarded_by(rows, guarded, above), GUARD_LIST)]
    marked = rows.select(
        protected_reason=pl.coalesce([pl.when(test).then(pl.lit(reason)) for test, reason in tests]),
        is_guarded=on_list | (is_suffix & (pl.col("type") == "domain")).fill_null(False),
    )
    return identifiers.with_columns(marked)


def is_pattern(text: str) -> bool:
    """Whether it is a regular expression by itself and between anchors. The engine takes time linear in the number, whatever the
    pattern, and refuses a pattern that would be too large.
    """
    try:
        for one in (text, _whole(text)):
            pl.Series([""]).str.contains(one)
    except pl.exceptions.ComputeError:
        return False
    return True


def _read_parts(identifiers: pl.DataFrame) -> pl.DataFrame:
    """Per identifier `host`, of a domain, an email or a url; `top`, the domain, or the host of which a url is only the root; and
    `phone`. Null for all else.
    """
    domain, url = _of_type("domain"), _of_type("url")
    root = pl.when(url.str.contains(rf"{AUTHORITY}(?::[0-9]*)?/?[?]?\z")).then(_host_of(url))
    mail = _of_type("email").str.split("@").list.last()
    return identifiers.select(
        "node_id", "type", "value",
        host=pl.coalesce(domain, mail, _host_of(url)), top=pl.coalesce(domain, root), phone=_of_type("phone"),
    )  # fmt: skip


def _of_type(type_: str) -> pl.Expr:
    return pl.when(pl.col("type") == type_).then(pl.col("value"))


def _host_of(url: pl.Expr) -> pl.Expr:
    return url.str.extract(AUTHORITY, 1).str.replace_all(r"[\[\]]", "")


def _names_above(hosts: pl.Series) -> pl.DataFrame:
    """host, name: each distinct host with itself and every name above it."""
    step = pl.DataFrame({"host": hosts.drop_nulls().unique()}).with_columns(name="host")
    steps = [step]
    while not step.is_empty():
        step = step.with_columns(pl.col("name").str.extract(r"^[^.]+[.](.+)\z", 1)).drop_nulls("name")
        steps.append(step)
    return stack(steps)


def _is_below(names: pl.Series, above: pl.DataFrame) -> pl.Expr:
    """Whether the host is one of these domains or below one."""
    return _is_one_of("host", above.filter(_is_one_of("name", names))["host"])


def _is_in_group(group: Group, above: pl.DataFrame) -> pl.Expr:
    """A service number is protected with any area code before it too."""
    values = pl.Series(group.values)
    if group.below:
        return _is_below(values, above)
    exact = (pl.col("type") == group.type) & _is_one_of("value", values)
    if group.type in _HOSTS:
        return exact | _is_one_of("top", values)
    codes = [number.removeprefix("+86") for number in group.values] if group.type == "phone" else []
    codes = [re.escape(code) for code in codes if 5 <= len(code) <= 6]
    return exact | pl.col("phone").str.contains(_whole(rf"[+]86{_AREA}(?:{'|'.join(codes)})")) if codes else exact


_HOSTS = ("domain", "ip")


def _is_guarded_by(rows: pl.DataFrame, guarded: Guarded, above: pl.DataFrame) -> pl.Expr:
    """What the lists protect beyond the identifiers that they name. Their values are those of the rows."""
    named = rows.filter(pl.col("type").is_in(_HOSTS))
    tests = [
        _is_one_of("top", named.filter(_is_one_of("node_id", guarded.itself))["value"]),
        _is_below(named.filter(_is_one_of("node_id", guarded.below))["value"], above),
        *(pl.col("phone").str.contains(_whole(pattern)).fill_null(False) for pattern in guarded.patterns),
    ]
    return reduce(or_, tests)


def _is_one_of(column: str, values: pl.Series) -> pl.Expr:
    """False for null."""
    return pl.col(column).is_in(values.drop_nulls().unique().implode()).fill_null(False)


def _whole(pattern: str) -> str:
    return rf"^(?:{pattern})\z"
