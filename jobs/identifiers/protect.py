"""Protected identifiers: what is never listed (spec/listing.md, Due process). Data of the policy, with a
reason each.

A reason is a group's id in schemas/policy/protected.yml, or `public_suffix`, or `guard_list`.
"""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import Any

from pydantic import model_validator
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.core.errors import UserError
from jobs.core.yamlfile import Strict, load_model
from jobs.identifiers.hosts import host_of_url, is_public_suffix
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


class Protected(Strict):
    """The policy's protected identifiers."""

    description: str
    groups: tuple[Group, ...]

    @property
    def reasons(self) -> dict[str, str]:
        """A sentence for each reason."""
        return {group.id: group.reason for group in self.groups} | {
            PUBLIC_SUFFIX: "A public suffix: what is below it belongs to many",
            GUARD_LIST: "On a guard list of well-known sites",
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


def protected_reason(type_: Column, value: Column, protected: Protected) -> Column:
    """Why (type, value) in normal form is protected by the policy or as a public suffix; null when it is not.

    The first group that applies gives the reason. A service number is protected with any area code before it
    too.
    """
    host = _host(type_, value)
    tests: list[tuple[Any, str]] = [
        (_is_in(group, type_, value, host), group.id) for group in protected.groups if group.values
    ]
    suffix = is_public_suffix(F.when(type_ == "domain", value))
    tests.append((F.coalesce(suffix, F.lit(False)), PUBLIC_SUFFIX))
    return F.coalesce(*[F.when(test, F.lit(reason)) for test, reason in tests])


def mark_protected(df: DataFrame, type_: str, value: str, protected: Protected, guard: DataFrame | None) -> DataFrame:
    """`df` with `protected_reason` STRING, null for what may be listed; one row in is one row out.

    `guard` has the column `domain`: guarded domains in normal form. A guarded domain is protected itself;
    what is below it, hosts and urls, is not. Policy and public suffixes go before guard lists.
    """
    reason = protected_reason(F.col(type_), F.col(value), protected)
    if guard is None:
        return df.withColumn("protected_reason", reason)
    listed = guard.select(F.col("domain").alias("__guarded")).where(F.col("__guarded").isNotNull()).dropDuplicates()
    is_guarded = (F.col(type_) == "domain") & (F.col(value) == F.col("__guarded"))
    joined = df.join(F.broadcast(listed), on=is_guarded, how="left")
    by_guard = F.when(F.col("__guarded").isNotNull(), F.lit(GUARD_LIST))
    return joined.withColumn("protected_reason", F.coalesce(reason, by_guard)).drop("__guarded")


def _host(type_: Column, value: Column) -> Column:
    url_host = host_of_url(F.when(type_ == "url", value)).value
    return (
        F.when(type_ == "domain", value).when(type_ == "email", F.substring_index(value, "@", -1)).otherwise(url_host)
    )


def _is_in(group: Group, type_: Column, value: Column, host: Column) -> Column:
    if group.below:
        return host.rlike(rf"^(?:.*[.])?(?:{_one_of(group.values)})\z")
    exact = (type_ == group.type) & value.isin(*group.values)
    codes = [number.removeprefix("+86") for number in group.values] if group.type == "phone" else []
    codes = [code for code in codes if 5 <= len(code) <= 6]
    return exact | ((type_ == "phone") & value.rlike(rf"^[+]86{_AREA}(?:{_one_of(codes)})\z")) if codes else exact


def _one_of(texts: tuple[str, ...] | list[str]) -> str:
    return "|".join(re.escape(text) for text in texts)
