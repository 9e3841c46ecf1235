from __future__ import annotations

import polars as pl

from jobs.identifiers.hosts import host_of_url, is_public_suffix_py, registrable


def test_the_host_of_a_url_is_a_domain_or_an_address() -> None:
    urls = {
        "http://example.com/": ("domain", "example.com"),
        "https://example.com:8443/a@b?c": ("domain", "example.com"),
        "https://icbc.example@evil.example.net/x": ("domain", "evil.example.net"),
        "ftp://192.0.2.7/": ("ip", "192.0.2.7"),
        "http://[2001:db8::1]:81/": ("ip", "2001:db8::1"),
        "ssh://host.example.com?x": ("domain", "host.example.com"),
        None: (None, None),
    }
    found = host_of_url(pl.Series(list(urls)))
    assert dict(zip(urls, zip(found.type, found.value, strict=True), strict=True)) == urls


def test_the_registrable_domain_follows_the_public_suffix_list_with_its_private_section() -> None:
    domains = {
        "a.b.example.com.cn": ("example.com.cn", False),
        "example.com.cn": ("example.com.cn", False),
        "com.cn": (None, True),
        "cn": (None, True),
        "gov.cn": (None, True),
        "someone.github.io": ("someone.github.io", False),
        "x.someone.github.io": ("someone.github.io", False),
        "github.io": (None, True),
        "a.anything.ck": ("a.anything.ck", False),
        "anything.ck": (None, True),
        "www.ck": ("www.ck", False),
        "a.xn--fiqs8s": ("a.xn--fiqs8s", False),
        "xn--fiqs8s": (None, True),
        None: (None, None),
    }
    found = registrable(pl.Series([*domains, *domains]))
    suffixes = [None if domain is None else is_public_suffix_py(domain) for domain in domains]
    assert found.to_list() == [known for known, _ in domains.values()] * 2
    assert suffixes == [is_suffix for _, is_suffix in domains.values()]
