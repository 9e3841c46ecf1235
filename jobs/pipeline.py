"""The table of contents: the stages of a night in order, and the tables that each reads and writes."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from jobs.core.night import Stage


class Step(NamedTuple):
    """A stage before its code is loaded: DAGs and documents read this without Spark. `*` stands for every feed."""

    name: str
    title: str
    reads: tuple[str, ...]
    writes: tuple[str, ...]


STEPS = (
    Step("intake", "accept or refuse each delivery whole", ("landing",), ("ops.deliveries",)),
    Step("bronze", "keep every record as it was delivered", ("ops.deliveries",), ("bronze.*",)),
    Step("silver", "parse, check and normalise; set aside what breaks its contract", ("bronze.*", "ops.deliveries"),
         ("silver.*", "quarantine.records", "vault.identifiers", "ops.accounting")),
    Step("feedback", "tell each agency what became of its deliveries", ("ops.deliveries", "ops.accounting", "quarantine.records"), ("feedback",)),
    Step("identifiers", "one row per identifier, and which are protected",
         ("silver.*", "ops.deliveries", "quarantine.records", "vault.identifiers"), ("graph.identifiers",)),
    Step("graph", "tenures, edges, shared identifiers and parties", ("silver.*", "ops.deliveries", "quarantine.records", "graph.identifiers"),
         ("graph.tenures", "graph.edges", "graph.shared_identifiers", "graph.contested", "graph.parties", "graph.lineage")),
    Step("signals", "claims with lineage and expiry; scores by best path; rings",
         ("silver.*", "ops.deliveries", "quarantine.records", "graph.identifiers", "graph.tenures", "graph.edges", "graph.parties",
          "graph.shared_identifiers", "blacklist.listings", "blacklist.named_tenures"),
         ("graph.signals", "graph.influences", "graph.scores", "graph.rings", "graph.lineage", "graph.doubts", "graph.spared", "blacklist.clearances")),
    Step("listing", "the ladder, Article 22 and due process",
         ("silver.*", "ops.deliveries", "quarantine.records", "graph.signals", "graph.influences", "graph.scores", "graph.rings", "graph.doubts", "graph.spared",
          "graph.identifiers", "graph.tenures", "graph.edges", "graph.parties", "graph.contested", "graph.shared_identifiers",
          "blacklist.clearances", "blacklist.held_back"),
         ("blacklist.listings", "blacklist.events", "blacklist.leads", "blacklist.proposals", "blacklist.decisions",
          "blacklist.for_review", "blacklist.named_tenures", "blacklist.set_aside")),
    Step("checks", "what must hold beyond types: volume, freshness, keys, codes, churn",
         ("silver.*", "ops.deliveries", "ops.accounting", "ops.nights", "graph.edges", "graph.tenures", "graph.parties", "graph.signals",
          "blacklist.listings", "blacklist.events"), ("ops.checks",)),
    Step("releases", "one folder per recipient",
         ("blacklist.listings", "blacklist.set_aside", "vault.identifiers", "graph.edges", "graph.identifiers", "ops.nights", "ops.checks"), ("releases", "blacklist.held_back")),
)  # fmt: skip
STAGE_NAMES: tuple[str, ...] = (*(step.name for step in STEPS), "commit")
STAGE_TITLES: dict[str, str] = {
    **{step.name: step.title for step in STEPS},
    "commit": "make the night visible, at one point",
}


def load_stages() -> tuple[Stage, ...]:
    """The stages with their code (`jobs/<stage>/job.py`); imports Spark."""
    from jobs.core.night import Stage

    return tuple(Stage(s.name, s.title, s.reads, s.writes, import_module(f"jobs.{s.name}.job").run) for s in STEPS)
