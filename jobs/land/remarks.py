"""Facts inside the remarks of the sanctions list of the US Treasury's OFAC.

A remark is sentences separated by `; `, the last one ended by a full stop, each a label and a value, an `alt.
` before the second of a kind (OFAC, "SDN data formats"). Read are wallets, websites, e-mail addresses and the
parties it is linked to; the remark itself is kept whole.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from jobs.land.reading import site_of

_WALLET = re.compile(r"(?:alt\. )?Digital Currency Address - ([A-Z0-9]{2,6}) (\S+)")
_WEBSITE = re.compile(r"(?:(?:alt\. )?Website:?\s+(\S+)|((?:https?://|www\.)\S+))", re.IGNORECASE)
_EMAIL = re.compile(r"(?:(?:alt\. )?Email(?: Address)?:?\s+)?([^\s@]+@[^\s@]+)", re.IGNORECASE)
_LINKED = re.compile(r"Linked To: (.+)", re.DOTALL)
_CHAINS = {"XBT": "btc"}
"""OFAC's tickers are those of the chains, except bitcoin's (ISO 4217 style)."""


@dataclass(frozen=True)
class Facts:
    """`identifiers`: (identifier type, value). `linked_to`: names. Each once, in order."""

    identifiers: tuple[tuple[str, str], ...]
    linked_to: tuple[str, ...]


def parse_remarks(remarks: str) -> Facts:
    """The facts of one remark; sentences of other kinds say nothing here."""
    identifiers: list[tuple[str, str]] = []
    linked: list[str] = []
    for sentence in _sentences(remarks):
        if wallet := _WALLET.match(sentence):
            identifiers.append(("crypto_wallet", f"{chain_of(wallet[1])}:{wallet[2]}"))
        elif website := _WEBSITE.match(sentence):
            identifiers.append(site_of((website[1] or website[2]).rstrip(".,")))
        elif email := _EMAIL.match(sentence):
            identifiers.append(("email", email[1].rstrip(".,")))
        elif name := _LINKED.match(sentence):
            linked.append(name[1])
    return Facts(tuple(dict.fromkeys(identifiers)), tuple(dict.fromkeys(linked)))


def chain_of(ticker: str) -> str:
    """The name of the chain in a wallet's normal form: OFAC's ticker in lower case, XBT as btc."""
    return _CHAINS.get(ticker, ticker.lower())


def _sentences(remarks: str) -> list[str]:
    """The sentences; the full stop that ends the remark is taken off (be it an abbreviation's.

    They can't be told apart).
    """
    return [sentence.strip() for sentence in remarks.strip().removesuffix(".").split(";") if sentence.strip()]
