"""Stage `listing`: the ladder, the Article 22 rule and due process; what enters, stays and leaves tonight, and why."""

from __future__ import annotations

from datetime import date, datetime

import polars as pl

from jobs.core.frames import stack
from jobs.core.night import Night, StageReport, together
from jobs.graph import accounts
from jobs.graph.sources import Sources
from jobs.listing.decisions import follow_proposals
from jobs.listing.given import Given, Terms
from jobs.listing.tests import MEASURES
from jobs.listing.tonight import Tonight, list_tonight
from jobs.signals import due_process
from jobs.signals.moves import move_nodes
from jobs.signals.people import People

FROM_GRAPH = (
    "signals", "influences", "scores", "edges", "tenures", "identifiers", "parties", "contested", "shared_identifiers", "spared", "doubts", "rings",
)  # fmt: skip
FROM_BLACKLIST = ("clearances", "decisions", "proposals", "named_tenures", "leads", "for_review", "held_back")


def run(night: Night) -> StageReport:
    """Tonight's listings. Rows in: scored nodes; rows out: active listings."""
    lake = night.lake
    levels = {code: int(a["rank"]) for code, a in night.codes["authority_levels"].codes.items()}
    given = _read(night)
    tonight = list_tonight(given, Terms(night.policy, night.recipients, levels, night.on, night.instant))
    together(
        lambda: lake.replace("blacklist.listings", tonight.listings),
        lambda: lake.append("blacklist.events", tonight.events),
        lambda: lake.replace("blacklist.leads", tonight.leads),
        lambda: lake.replace("blacklist.decisions", tonight.decisions),
        lambda: lake.replace("blacklist.proposals", tonight.proposals),
        lambda: lake.replace("blacklist.for_review", tonight.for_review),
        lambda: lake.replace("blacklist.named_tenures", tonight.named_tenures),
        lambda: lake.replace("blacklist.set_aside", tonight.set_aside),
    )
    n_active = tonight.listings.filter(pl.col("status") == "active").height
    return StageReport(rows_in=given.scores.height, rows_out=n_active, notes=tell(tonight, night.on))


def _read(night: Night) -> Given:
    source, lake, people = Sources.of(night), night.lake, People.of(night)
    tables = {name: lake.frame(f"graph.{name}") for name in FROM_GRAPH}
    tables |= {name: lake.frame(f"blacklist.{name}") for name in FROM_BLACKLIST}
    tables["decisions"] = move_nodes(tables["decisions"], people.moves)
    tables["proposals"] = follow_proposals(tables["proposals"], people.moves, night.on)
    return Given(
        **tables,
        published=people.published,
        listings=people.listings,
        first_known=due_process.first_known(
            tables["signals"], source.heard("public_security/case_reports", due_process.NAMES_A_CASE)
        ),
        moves=people.moves,
        outcomes=people.outcomes,
        review_decisions=people.review_decisions,
        upheld=people.upheld,
        accounts=_accounts(source, night.instant),
        reports=source.current("public_security/case_reports"),
    )


def _accounts(source: Sources, instant: datetime) -> pl.DataFrame:
    finance = accounts.account_versions(source.versions("finance/accounts"), scope="institution_id", opened="opened_at")
    internet = accounts.account_versions(
        source.versions("internet/internet_accounts"), scope="platform", opened="registered_at", account_type="internet_account"
    )  # fmt: skip
    return accounts.account_states(stack([finance, internet]), instant)


def tell(tonight: Tonight, on: date) -> list[str]:
    """What the person who watches should know: the list, what moved, whose silence made a measure rise, and what people leave lying."""
    active = tonight.listings.filter(pl.col("status") == "active")
    by_measure, by_event = (dict(column.value_counts().iter_rows()) for column in (active["measure"], tonight.events["event"]))  # fmt: skip
    listed = ", ".join(f"{n:,} {measure}" for measure in reversed(MEASURES) if (n := by_measure.get(measure, 0)))
    added, changed, gone = (by_event.get(event, 0) for event in ("ADD", "CHANGE", "RELEASE"))
    is_overdue = pl.col("reasons").list.contains("verification_overdue")  # under an official's `restrict` too
    silent = active.filter(is_overdue)["administrator"].fill_null("every carrier")
    waiting = tonight.for_review.filter(pl.col("status") == "open", pl.col("due_on") < on)["reason"]
    notes = [f"listed now: {listed or 'nothing'}", f"tonight: {added:,} added, {changed:,} changed, {gone:,} released"]
    for column, text in (
        (silent, "not verified by their due date, by recipient"),
        (waiting, "rows for a human past their due date, by reason"),
    ):
        if counts := sorted(column.value_counts().iter_rows(), key=lambda row: (-row[1], row[0])):
            notes.append(f"{text}: " + ", ".join(f"{name} {n:,}" for name, n in counts))
    return notes
