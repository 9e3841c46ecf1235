"""Protected identifiers: what is never listed (spec/listing.md, Due process). Data of the policy, with a
reason each.

A reason is a group's id in schemas/policy/protected.yml, or `public_suffix`, or `guard_list`.
"""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import polars as pl
from pydantic import model_validator

from jobs.core.errors import UserError
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


def mark_protected(identifiers: pl.DataFrame, protected: Protected, guarded: pl.Series) -> pl.DataFrame:
    """`identifiers` (node_id, type, value and more) with `protected_reason`, null for what may be listed, and
    `is_guarded`: whether nothing rolls up into it. One row in is one row out, in the same order.

    `guarded`: node ids that guard lists name. A guarded domain is protected itself; what is below it, hosts and
    urls, is not. Policy and public suffixes go before guard lists.
    """
    on_list = pl.col("node_id").is_in(guarded.drop_nulls().unique().implode()).fill_null(False)
    marked = identifiers.with_columns(protected_reason(identifiers, protected), is_guarded=on_list)
    reason = pl.coalesce("protected_reason", pl.when("is_guarded").then(pl.lit(GUARD_LIST)))
    is_suffix = (pl.col("protected_reason") == PUBLIC_SUFFIX).fill_null(False)
    return marked.with_columns(protected_reason=reason, is_guarded=pl.col("is_guarded") | is_suffix)


def protected_reason(identifiers: pl.DataFrame, protected: Protected) -> pl.Series:
    """Why each row's (type, value) in normal form is protected by the policy or as a public suffix; null when it is not.

    The first group that applies gives the reason. A service number is protected with any area code before it
    too.
    """
    rows = identifiers.select("type", "value", host=_host(), phone=_of_type("phone"), domain=_of_type("domain"))
    suffixes = [domain for domain in rows["domain"].drop_nulls().unique() if is_public_suffix_py(domain)]
    tests = [(_is_in(group), group.id) for group in protected.groups if group.values]
    tests.append((pl.col("domain").is_in(pl.Series(suffixes, dtype=pl.String).implode()), PUBLIC_SUFFIX))
    reasons = [pl.when(test).then(pl.lit(reason)) for test, reason in tests]
    return rows.select(protected_reason=pl.coalesce(reasons)).to_series()


def _of_type(type_: str) -> pl.Expr:
    return pl.when(pl.col("type") == type_).then(pl.col("value"))


def _host() -> pl.Expr:
    """Of a domain, an email or a url; null for all else."""
    of_url = _of_type("url").str.extract(AUTHORITY, 1).str.replace_all(r"[\[\]]", "")
    return pl.coalesce(_of_type("domain"), _of_type("email").str.split("@").list.last(), of_url)


def _is_in(group: Group) -> pl.Expr:
    if group.below:
        return pl.col("host").str.contains(rf"^(?:.*[.])?(?:{_one_of(group.values)})\z")
    exact = (pl.col("type") == group.type) & pl.col("value").is_in(group.values)
    codes = [number.removeprefix("+86") for number in group.values] if group.type == "phone" else []
    codes = [code for code in codes if 5 <= len(code) <= 6]
    return exact | pl.col("phone").str.contains(rf"^[+]86{_AREA}(?:{_one_of(codes)})\z") if codes else exact


def _one_of(texts: tuple[str, ...] | list[str]) -> str:
    return "|".join(re.escape(text) for text in texts)
