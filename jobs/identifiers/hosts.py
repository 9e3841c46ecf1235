"""Hosts of web addresses, and their registrable domains by the Public Suffix List (the copy inside of the
package).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import pyarrow as pa
from pyspark.sql import Column
from pyspark.sql import functions as F
from pyspark.sql.pandas.functions import arrow_udf

from jobs.identifiers.rare import IPV4, suffix_list

AUTHORITY = r"^[a-z][a-z0-9+.-]*://(?:[^@/?#]*@)?(\[[^\]]+\]|[^:/?#]+)"
"""A url in normal form up to its host, which is the group, an address of IPv6 in its brackets. Java's and Rust's engines read it alike."""


class Host(NamedTuple):
    """An identifier of type `domain` or `ip`; both null where the url is."""

    type: Column
    value: Column


def host_of_url(url: Column) -> Host:
    """The host of a url in normal form."""
    authority = F.regexp_extract(url, AUTHORITY, 1)
    is_ip = authority.startswith("[") | authority.rlike(rf"^{IPV4}\z")
    type_ = F.when(url.isNotNull(), F.when(is_ip, F.lit("ip")).otherwise(F.lit("domain")))
    return Host(type_, F.translate(authority, "[]", ""))


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


def registrable(domain: Column) -> Column:
    """`registrable_py` for domains in normal form, in Arrow batches; null for null."""
    return _by_arrow(_registrables, "string")(domain)


def _registrables(domains: pa.Array) -> pa.Array:
    return _once_each(domains, registrable_py, pa.string())


def _once_each(domains: pa.Array, function: Callable[[str], object], type_: pa.DataType) -> pa.Array:
    """`function` over the distinct values of a batch, spread over its rows."""
    encoded = domains.dictionary_encode()
    results = pa.array([function(domain) for domain in encoded.dictionary.to_pylist()], type_)
    return results.take(encoded.indices)


@cache
def _by_arrow(function: Callable[[pa.Array], pa.Array], type_: str) -> Callable[[Column], Column]:
    # PySpark's annotations of arrow_udf leave out a function of Arrow arrays, which its documentation has.
    return arrow_udf(function, type_)  # type: ignore[call-overload,no-any-return]
