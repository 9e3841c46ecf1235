"""Hosts of web addresses, and their registrable domains by the Public Suffix List (the copy inside of the
package).
"""

from __future__ import annotations

from typing import NamedTuple

import polars as pl

from jobs.identifiers.rare import IPV4, suffix_list

AUTHORITY = r"^[a-z][a-z0-9+.-]*://(?:[^@/?#]*@)?(\[[^\]]+\]|[^:/?#]+)"
"""A url in normal form up to its host, which is the group, an address of IPv6 in its brackets."""


class Host(NamedTuple):
    """An identifier of type `domain` or `ip`; both null where the url is."""

    type: pl.Series
    value: pl.Series


def host_of_url(url: pl.Series) -> Host:
    """The host of a url in normal form."""
    authority = url.str.extract(AUTHORITY, 1)
    is_ip = authority.str.starts_with("[") | authority.str.contains(f"^{IPV4}$")
    type_ = pl.select(pl.when(is_ip).then(pl.lit("ip")).when(url.is_not_null()).then(pl.lit("domain"))).to_series()
    return Host(type_, authority.str.strip_chars("[]"))


def registrable_py(domain: str) -> str | None:
    """The part that somebody registered: a public suffix and one label. The domain itself where it is that;
    None for a suffix.

    Sections of the list for private suffixes count: a name under a hosting company's suffix is registrable by
    itself.
    """
    found: str | None = suffix_list().privatesuffix(domain)
    return found


def is_public_suffix_py(domain: str) -> bool:
    """Whether names are registered directly below `domain`, in the list's private section too."""
    return bool(suffix_list().publicsuffix(domain) == domain)


def registrable(domain: pl.Series) -> pl.Series:
    """`registrable_py` for domains in normal form, once for equal ones; null for null."""
    known = domain.drop_nulls().unique()
    found = pl.Series([registrable_py(one) for one in known], dtype=pl.String)
    return domain.replace_strict(known, found, default=None, return_dtype=pl.String)
