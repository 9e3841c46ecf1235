"""What a night left in the lake, as far as judging needs it."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl


@dataclass(frozen=True)
class Lake:
    """Rows of graph.edges, shared_identifiers, tenures, scores, signals, identifiers, and blacklist.leads and listings."""

    edges: pl.DataFrame
    shared: pl.DataFrame
    tenures: pl.DataFrame
    scores: pl.DataFrame
    signals: pl.DataFrame
    identifiers: pl.DataFrame
    leads: pl.DataFrame
    listings: pl.DataFrame

    @property
    def active(self) -> pl.DataFrame:
        return self.listings.filter(pl.col("status") == "active")
