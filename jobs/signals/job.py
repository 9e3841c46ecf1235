"""Stage `signals`: what is claimed of whom, what due process takes out of it, how far it reaches, and the rings that it shows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import polars as pl

from jobs.core.frames import UTC, stack
from jobs.core.night import Night, StageReport
from jobs.graph import cases, tenures
from jobs.graph.intervals import ends
from jobs.graph.job import nodes_seen
from jobs.graph.lineage import trace_ids
from jobs.graph.sims import served_tenures
from jobs.graph.sources import Sources
from jobs.signals import claims, due_process, rings, screening, spread
from jobs.signals.people import People

CASES, PERSONS = "public_security/case_reports", "public_security/persons_of_interest"
CONTROLS, LINES = "finance/payment_controls", "telecom/abnormal_numbers"
SUBSCRIPTIONS = "telecom/subscriptions"


@dataclass(frozen=True)
class Known:
    """What the graph stage left that claims and signals are judged by."""

    tenures: pl.DataFrame
    by_phone: pl.DataFrame
    edges: pl.DataFrame
    served: pl.DataFrame  # sims.served_tenures
    parties: pl.DataFrame
    identifiers: pl.DataFrame  # node_id, type, first_seen_on, protected_reason
    protected: pl.DataFrame  # node_id, protected_reason

    @classmethod
    def of(cls, night: Night) -> Known:
        """Read tonight's graph."""
        lake = night.lake
        all_tenures = lake.frame("graph.tenures")
        identifiers = lake.frame("graph.identifiers", ["node_id", "type", "first_seen_on", "protected_reason"])
        edges = lake.frame("graph.edges")
        return cls(
            tenures=all_tenures, by_phone=tenures.known_by_phone(all_tenures), edges=edges,
            served=served_tenures(edges, all_tenures), parties=lake.frame("graph.parties"), identifiers=identifiers,
            protected=identifiers.filter(pl.col("protected_reason").is_not_null()).select("node_id", "protected_reason"),
        )  # fmt: skip


def run(night: Night) -> StageReport:
    """Signals, influences, scores and rings anew. Rows in: claims that stand; rows out: scored nodes."""
    lake, source, known, people = night.lake, Sources.of(night), Known.of(night), People.of(night)
    clearances = due_process.clear(people.upheld, people.outcomes, people.moves, night.on)

    levels = night.codes["authority_levels"]
    unfounded = cases.unfounded_cases(source.versions(CASES), source.freeing(CASES), levels)
    reports = claims.with_first_known(source.versions(CASES)).join(unfounded, on="case_id", how="anti")
    involved = cases.involvements(reports, known.by_phone, night.key).join(
        reports.select("record_id", "first_known_at", "reported_at_is_day"), on="record_id", how="inner", validate="m:1"
    )
    standing, spared, human = _screen(night, known, unfounded, involved)
    doubts = stack([human, unclear_days(involved), due_process.doubts(people.upheld, people.outcomes)]).unique()
    lake.replace("blacklist.clearances", clearances)
    lake.replace("graph.doubts", doubts)
    lake.replace("graph.signals", standing)
    lake.replace("graph.spared", spared)

    barriers = set_barriers(known, spared, clearances)
    of_cases = reports.filter(pl.col("case_id").is_not_null()).select(
        (pl.lit(screening.CASE) + pl.col("case_id")).alias("lineage")
    )
    first_known = due_process.first_known(standing, source.heard(CASES, due_process.NAMES_A_CASE))
    n_scored = _score(night, known, standing, barriers, first_known, of_cases.unique())
    return StageReport(rows_in=standing.height, rows_out=n_scored)


def _screen(
    night: Night, known: Known, unfounded: pl.DataFrame, involved: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """(rows of graph.signals, rows of graph.spared, rows for a human)."""
    source, policy = Sources.of(night), night.policy
    claimed = _all_claims(night, known, involved).join(unfounded, on="case_id", how="anti")
    offended = involved.filter(pl.col("role").is_in(cases.OFFENDING))
    named = offended.select("case_id", pl.col("node_id").alias("account_id"), "reported_at", "reported_at_is_day")
    claimed = screening.join_cases(claimed, named, policy)
    releases = released_accounts(source.current(CONTROLS), source.freeing(CONTROLS))
    claimed = screening.drop_released(claimed, releases)
    signals = screening.make_signals(claimed, screening.worth(policy, night.contracts), night.instant)
    roles = involved.filter(pl.col("role").is_in(cases.SPARED) & pl.col("node_id").is_not_null())
    roles = stack([roles.select("case_id", "node_id"), claims.tenures_served(roles, known.served)])
    sightings = source.current("telecom/device_sightings")
    spared = screening.spared_nodes(roles, known.parties.select("node_id", party_id="role_party_id"), sightings)
    spoofed = spoofed_signals(signals, source.current(LINES))
    standing, human = screening.take_out(signals, spared, known.protected, spoofed)
    return standing.drop("phone_id", "named_id"), spared, stack([human, unclear_entries(claimed)])


def unclear_entries(claimed: pl.DataFrame) -> pl.DataFrame:
    """Rows of graph.doubts: numbers that a public list names on a day that two tenures touch; those of cases are `unclear_days`."""
    return claimed.filter(pl.col("is_unclear") & (pl.col("feed") != CASES)).select(
        pl.col("phone_id").alias("node_id"), pl.lit("two_tenures_that_day").alias("reason"),
        (pl.col("feed") + pl.lit(" ") + pl.col("record_id")).alias("source"), pl.lit("").alias("detail"),
    )  # fmt: skip


def unclear_days(involved: pl.DataFrame) -> pl.DataFrame:
    """Rows of graph.doubts: numbers that a case names on a day that two tenures touch."""
    return involved.filter("is_unclear").select(
        pl.col("phone_id").alias("node_id"), pl.lit("two_tenures_that_day").alias("reason"),
        (pl.lit(f"{CASES} ") + pl.col("record_id")).alias("source"), pl.lit("").alias("detail"),
    )  # fmt: skip


def set_barriers(known: Known, spared: pl.DataFrame, clearances: pl.DataFrame) -> spread.Barriers:
    """What no path touches tonight: a protected number bars all its tenures."""
    barred = known.tenures.join(known.protected, left_on="phone_id", right_on="node_id", how="semi")
    scope = pl.col("scope")
    return spread.Barriers(
        protected=stack([known.protected.select("node_id"), barred.select("node_id")]).unique(),
        spared=spared,
        cleared=clearances.filter(scope == "association").select("lineage", "node_id").unique(),
        cleared_until=clearances.filter(scope == "all").group_by("node_id").agg(pl.col("cleared_at").max().alias("until")),
    )  # fmt: skip


def _score(
    night: Night,
    known: Known,
    standing: pl.DataFrame,
    barriers: spread.Barriers,
    first_known: pl.DataFrame,
    of_cases: pl.DataFrame,
) -> int:
    """Writes influences, scores, rings and what became of the rings; the number of scored nodes."""
    lake, policy = night.lake, night.policy
    shared = lake.frame("graph.shared_identifiers")
    levels = night.codes["authority_levels"].codes
    bound = levels[policy.measures.same_holder.from_]["rank"]
    city = [code for code, attributes in levels.items() if attributes["rank"] >= bound]
    ways = spread.walkable(known.edges, shared, barriers.protected, policy)
    paths = spread.spread(standing, ways, first_known, barriers, policy, city, night.instant)
    influences = spread.best_paths(paths, known.parties, of_cases, policy)
    scores = spread.score_nodes(influences)
    lake.replace("graph.influences", influences)
    lake.replace("graph.scores", scores)
    first_seen = nodes_seen(known.identifiers, known.tenures).select("node_id", "first_seen_on")
    found = rings.find_rings(known.edges, scores, known.parties, shared, first_seen, policy.measures.lead)
    before = lake.frame("graph.rings")
    lake.replace("graph.rings", found)
    lake.append("graph.lineage", trace_ids(_ring_members(before), _ring_members(found), "ring", night.on))
    return scores.height


def _ring_members(of: pl.DataFrame) -> pl.DataFrame:
    return of.select(pl.col("ring_id").alias("id"), pl.col("party_id").alias("node_id"))


def _all_claims(night: Night, known: Known, involved: pl.DataFrame) -> pl.DataFrame:
    """Every claim of every feed that stands, those on SIMs placed on the tenures that they served."""
    source, by_phone, key = Sources.of(night), known.by_phone, night.key

    def newest(feed: str) -> pl.DataFrame:
        return claims.with_first_known(source.versions(feed))

    levels = night.codes["authority_levels"]
    is_city = cases.level_rank(levels) >= levels.codes["city"]["rank"]
    persons, controls = newest(PERSONS), newest(CONTROLS)
    lines = tenures.attach_phone(newest(LINES), by_phone, key, phone="phone_id", moment=pl.col("window_start"))
    found = [
        claims.case_claims(involved, first_confirmations(source.versions(CASES)), cases.OFFENDING),
        claims.person_claims(persons, cleared_persons(persons, source.freeing(PERSONS)), is_city),
        claims.control_claims(controls, released_accounts(controls, source.freeing(CONTROLS))),
        claims.subscription_claims(
            ended_by_fraud(known.edges, known.tenures, source.versions(SUBSCRIPTIONS), night.instant)
        ),
        claims.line_claims(lines),
        claims.transfer_claims(newest("finance/suspicious_transfers")),
        claims.site_claims(newest("internet/malicious_sites")),
    ]
    for feed in night.contracts.values():
        if feed.public and feed.signals and night.lake.has(f"silver.{feed.table}"):
            public = claims.public_claims(feed, newest(feed.id), by_phone, key)
            if public is not None:
                found.append(public)
    return claims.place_sims(stack(found), known.served)


def first_confirmations(versions: pl.DataFrame) -> pl.DataFrame:
    """(case_id, confirmed_at): when a version of the case first said confirmed."""
    confirmed = versions.filter(pl.col("finding") == "confirmed")
    return confirmed.group_by("case_id").agg(pl.col("recorded_at").min().alias("confirmed_at"))


def cleared_persons(persons: pl.DataFrame, freeing: pl.DataFrame) -> pl.DataFrame:
    """(person_id, cleared_at): when the person was last cleared, by a record that stands or one that frees all the same."""
    columns = ["person_id", "status", "recorded_at"]
    said = stack([persons.select(columns), freeing.select(columns)])
    cleared = said.filter((pl.col("status") == "cleared") & pl.col("person_id").is_not_null())
    return cleared.group_by("person_id").agg(pl.col("recorded_at").max().alias("cleared_at"))


def released_accounts(controls: pl.DataFrame, freeing: pl.DataFrame) -> pl.DataFrame:
    """(account_id, case_id, released_by): controls ordered before `released_by` are released; a day counts whole."""
    columns = ["account_id", "case_id", "control", "ordered_at", "ordered_at_is_day", "recorded_at"]
    said = stack([controls.select(columns), freeing.select(columns)])
    releases = said.filter((pl.col("control") == "release") & pl.col("account_id").is_not_null())
    moment = pl.coalesce("ordered_at", "recorded_at")
    whole_day, instant = moment + pl.duration(days=1), moment + pl.duration(microseconds=1)
    by = pl.when("ordered_at_is_day").then(whole_day).otherwise(instant)
    return releases.select("account_id", "case_id", by.alias("released_by"))


def ended_by_fraud(
    edges: pl.DataFrame, all_tenures: pl.DataFrame, versions: pl.DataFrame, instant: datetime
) -> pl.DataFrame:
    """One row per subscription that ended with reason fraud before `instant`, on the tenure that it is part of; for `subscription_claims`.

    `versions`: those of the subscriptions that stand; a record's holder edge says which tenures it is part of.
    """
    told = versions.filter(pl.col("deactivation_reason") == "fraud").select("record_id").unique()
    said = versions.join(told, on="record_id", how="semi")
    ended = tenures.cut_subscriptions(said).filter(pl.col("fraud_ended_at") < pl.lit(instant, UTC))
    held = edges.filter(pl.col("kind") == "holder").select(holder_id="from_id", tenure_node="to_id", support="support")
    held = (
        held.join(ended, on="holder_id", how="semi")
        .explode("support")
        .filter(pl.col("support").struct.field("feed") == SUBSCRIPTIONS)
    )
    held = (
        held.with_columns(record_id=pl.col("support").struct.field("record_id"))
        .select("record_id", "holder_id", "tenure_node")
        .unique()
    )
    times = all_tenures.select("phone_id", tenure_node="node_id", _from="tenure_from", _to=ends(pl.col("tenure_to")))
    parts = ended.join(held, on=["record_id", "holder_id"], how="inner").join(
        times, on=["phone_id", "tenure_node"], how="inner", validate="m:1"
    )
    parts = parts.filter((pl.col("_from") <= pl.col("sub_from")) & (pl.col("sub_from") < pl.col("_to")))
    first = said.group_by("record_id").agg(pl.col("recorded_at").min().alias("first_known_at"))
    place = pl.int_range(pl.len()).over("record_id")  # a record that changed its number may have ended so on several
    return parts.sort("record_id", "sub_from").join(first, on="record_id", how="inner", validate="m:1").select(
        "record_id", pl.when(place > 0).then(place).alias("element"), "tenure_node", "phone_id", "fraud_ended_at", "recorded_at",
        "first_known_at",
    )  # fmt: skip


def spoofed_signals(signals: pl.DataFrame, lines: pl.DataFrame) -> pl.DataFrame:
    """signal_id of unconfirmed cases' offenders whose number was only displayed in a spoofing window that covers the moment."""
    windows = lines.filter((pl.col("indicator") == "caller_id_spoofing") & pl.col("displayed_id").is_not_null())
    occurred = pl.col("occurred_at")
    end = pl.when("occurred_is_day").then(occurred + pl.duration(days=1)).otherwise(occurred)
    named = signals.filter(
        (pl.col("kind") == "case_reported") & (pl.col("role") == "offender") & pl.col("phone_id").is_not_null()
    )
    pairs = named.select("signal_id", "phone_id", "occurred_at", end.alias("_end")).join(
        windows.select("displayed_id", "window_start", "window_end"),
        left_on="phone_id", right_on="displayed_id", how="inner",
    )  # fmt: skip
    covered = (pl.col("window_start") <= pl.col("_end")) & (pl.col("window_end") >= occurred)
    return pairs.filter(covered).select("signal_id").unique()
