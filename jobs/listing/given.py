"""What a night's listing is made from: frames of the lake as the rules see them, and the terms they work by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

import polars as pl

from jobs.policy import Policy
from jobs.releases.recipients import Recipient
from jobs.signals.moves import Moves


@dataclass(frozen=True)
class Terms:
    """The policy, who administers what, the ranks of authority levels, and the night."""

    policy: Policy
    recipients: Mapping[str, Recipient]
    levels: dict[str, int]
    on: date
    instant: datetime


@dataclass(frozen=True)
class Given:
    """Tables by their names, unless said otherwise; those of blacklist.* as the nights before left them."""

    signals: pl.DataFrame
    influences: pl.DataFrame
    scores: pl.DataFrame
    edges: pl.DataFrame
    tenures: pl.DataFrame
    identifiers: pl.DataFrame
    parties: pl.DataFrame
    contested: pl.DataFrame
    shared_identifiers: pl.DataFrame
    spared: pl.DataFrame
    doubts: pl.DataFrame
    rings: pl.DataFrame
    clearances: pl.DataFrame
    published: pl.DataFrame
    """blacklist.listings as they stand."""
    listings: pl.DataFrame
    """The same, moved along with their tenures."""
    decisions: pl.DataFrame
    """Moved along."""
    proposals: pl.DataFrame
    """Moved along."""
    named_tenures: pl.DataFrame
    leads: pl.DataFrame
    for_review: pl.DataFrame
    held_back: pl.DataFrame
    first_known: pl.DataFrame
    """due_process.first_known."""
    moves: Moves
    """Where the tenures that were named are tonight."""
    outcomes: pl.DataFrame
    review_decisions: pl.DataFrame
    upheld: pl.DataFrame
    """People's, as attached tonight (signals.people)."""
    accounts: pl.DataFrame
    """accounts.account_states of all account feeds."""
    reports: pl.DataFrame
    """Newest versions of public_security/case_reports."""
