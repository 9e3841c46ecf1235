"""What is never listed (listing.md, Protected identifiers): the policy's data, every public suffix, the guard feeds."""

import re
from typing import Any
from urllib.parse import urlsplit

import idna
from publicsuffixlist import PublicSuffixList

from tests.oracle.model import Identifier, Node, Tenure
from tests.oracle.standing import Bronze

SUFFIXES = PublicSuffixList()


def _a_label(domain: str) -> str:
    return domain if domain.isascii() else idna.encode(domain).decode()


class Guard:
    """Says of one night what is protected and what is guarded. `groups` is the content of
    schemas/policy/protected.yml.
    """

    def __init__(self, groups: list[dict[str, Any]], bronze: Bronze) -> None:
        self.exact: dict[Identifier, str] = {}
        self.below: set[str] = set()
        self.guarded: set[str] = set()
        self.patterns: list[re.Pattern[str]] = []
        for group in groups:
            for value in group["values"]:
                normal = f"+86{value}" if group["type"] == "phone" else value
                normal = _a_label(normal) if group["type"] == "domain" else normal
                self.exact[Identifier(group["type"], normal)] = group["id"]
                if group.get("below"):  # "government and bank domains protect all that is below them"
                    self.below.add(normal)
        for feed in sorted(bronze.feeds()):
            if not feed.startswith("guard/"):
                continue
            for version in bronze.newest(feed):
                if version["e164_pattern"]:
                    self.patterns.append(re.compile(version["e164_pattern"]))
                if version["domain"] is not None:
                    domain = Identifier(*version["domain"])
                    self.guarded.add(domain.value)
                    self.exact.setdefault(domain, feed)
                    if feed == "guard/bank_websites":
                        self.below.add(domain.value)

    def is_guarded(self, domain: Identifier) -> bool:
        """ "the Public Suffix List's private section or the guard lists": nothing rolls up into it."""
        return domain.value in self.guarded or SUFFIXES.is_public(domain.value)

    def reason(self, node: Node) -> str | None:
        """Why it is never listed; None when it may be. "A claim on a host or url below a public suffix or a guarded
        domain that is not itself protected stands".
        """
        if isinstance(node, Tenure):
            if any(pattern.fullmatch(node.phone) for pattern in self.patterns):
                return "guard/reserved_phone_numbers"
            return self.exact.get(Identifier("phone", node.phone))
        if node in self.exact:
            return self.exact[node]
        if node.type == "domain":
            return self._of_host(node.value)
        if node.type == "url":
            parts = urlsplit(node.value)
            host = parts.hostname or ""
            if host in self.below or any(host.endswith(f".{one}") for one in self.below):
                return "below a protected domain"
            if parts.path in ("", "/") and not parts.query:  # it says no more than its host
                return self.reason(Identifier("domain", host)) or self.exact.get(Identifier("ip", host))
        if node.type == "phone":
            return self.reason(Tenure(node.value, None))
        return None

    def _of_host(self, host: str) -> str | None:
        if any(host.endswith(f".{one}") for one in self.below):
            return "below a protected domain"
        return "public suffix" if SUFFIXES.is_public(host) else None
