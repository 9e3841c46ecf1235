"""Stage `signals`: what is claimed of whom, what due process takes out of it, how far it reaches, and the rings that it shows."""

from __future__ import annotations

from functools import reduce

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.core.night import Night, StageReport, settle, together
from jobs.graph import cases, tenures
from jobs.graph.intervals import begins, ends
from jobs.graph.lineage import trace_ids
from jobs.graph.sources import Sources
from jobs.signals import claims, due_process, rings, screening, spread

CASES, PERSONS = "public_security/case_reports", "public_security/persons_of_interest"
CONTROLS, LINES = "finance/payment_controls", "telecom/abnormal_numbers"


def run(night: Night) -> StageReport:
    """Signals, influences, scores and rings anew. Rows in: claims that stand; rows out: scored nodes."""
    lake, policy = night.lake, night.policy
    source = Sources.of(night)
    all_tenures = lake.read("graph.tenures").persist()
    known = all_tenures.where("NOT is_implicit").select(
        "phone_id", "tenure_from", ends(F.col("tenure_to")).alias("tenure_to"), F.col("node_id").alias("tenure_node")
    )
    by_phone = settle(tenures.tenures_by_phone(known))
    edges, parties = lake.read("graph.edges").persist(), lake.read("graph.parties").persist()
    listings = settle(due_process.follow_tenures(lake.read("blacklist.listings"), all_tenures))

    levels = night.codes["authority_levels"]
    upheld, outcomes, unfounded = together(
        lambda: _upheld(night, listings),
        lambda: settle(all_outcomes(night, listings)),
        lambda: settle(cases.unfounded_cases(source.versions(CASES), source.freeing(CASES), levels)),
    )
    clearances = settle(due_process.clear(upheld, outcomes, night.on))
    reports = settle(claims.with_first_known(source.versions(CASES)).join(unfounded, on="case_id", how="left_anti"))
    involved = cases.involvements(reports, by_phone, night.key)
    firsts = reports.select("record_id", "first_known_at")
    involved = settle(involved.join(firsts, on="record_id", how="inner"))
    claimed = _all_claims(night, source, involved, by_phone, all_tenures, edges)
    claimed = settle(claimed.join(F.broadcast(unfounded), on="case_id", how="left_anti"))
    offended = involved.where(F.col("role").isin(*cases.OFFENDING)).join(
        reports.select("record_id", "reported_at_is_day"), on="record_id", how="inner"
    )
    claimed = screening.join_cases(
        claimed,
        offended.select("case_id", F.col("node_id").alias("account_id"), "reported_at", "reported_at_is_day"),
        policy,
    )
    worths = screening.worth(night.spark, policy, night.contracts)
    roles = involved.where(F.col("role").isin(*cases.SPARED) & F.col("node_id").isNotNull()).select(
        "case_id", "node_id"
    )
    signals, spared, protected = together(
        lambda: settle(screening.make_signals(claimed, worths, night.instant)),
        lambda: settle(screening.spared_nodes(roles, parties, source.current("telecom/device_sightings"))),
        lambda: settle(
            lake.read("graph.identifiers").where("protected_reason IS NOT NULL").select("node_id", "protected_reason")
        ),
    )
    standing, human = screening.take_out(signals, spared, protected, _spoofed(signals, source))
    unclear = involved.where("is_unclear").select(
        F.col("phone_id").alias("node_id"), F.lit("two_tenures_that_day").alias("reason"),
        F.concat_ws(" ", F.lit(CASES), "record_id").alias("source"), F.lit("").alias("detail"),
    )  # fmt: skip
    doubts = reduce(DataFrame.unionByName, [human, unclear, due_process.doubts(upheld, outcomes)]).distinct()
    together(
        lambda: lake.replace("blacklist.clearances", clearances),
        lambda: lake.replace("graph.doubts", doubts),
        lambda: lake.replace("graph.signals", standing.drop("phone_id")),
        lambda: lake.replace("graph.spared", spared),
    )

    barred_tenures = all_tenures.join(
        protected.withColumnRenamed("node_id", "phone_id"), on="phone_id", how="inner"
    ).select("node_id")
    barriers = spread.Barriers(
        protected=protected.select("node_id").unionByName(barred_tenures), spared=spared,
        cleared=clearances.where("scope = 'association'").select("lineage", "node_id").distinct(),
        cleared_until=clearances.where("scope = 'all'").groupBy("node_id").agg(F.max("cleared_at").alias("until")),
    )  # fmt: skip
    of_cases = reports.where("case_id IS NOT NULL").select(F.concat(F.lit(screening.CASE), "case_id").alias("lineage"))
    n_scored = _score(night, edges, parties, barriers, of_cases.distinct())
    report = StageReport(rows_in=lake.read("graph.signals").count(), rows_out=n_scored)
    for frame in (all_tenures, edges, parties):
        frame.unpersist()
    return report


def _score(night: Night, edges: DataFrame, parties: DataFrame, barriers: spread.Barriers, of_cases: DataFrame) -> int:
    lake, policy = night.lake, night.policy
    standing = lake.read("graph.signals")
    shared = lake.read("graph.shared_identifiers")
    first_known = standing.groupBy("lineage").agg(F.min("first_known_at").alias("lineage_known_at"))
    ways = spread.walkable(edges, shared, barriers.protected, policy).persist()
    first_known = settle(first_known)
    levels = night.codes["authority_levels"].codes
    bound = levels[policy.measures.same_holder.from_]["rank"]
    city = [code for code, attributes in levels.items() if attributes["rank"] >= bound]
    paths = spread.spread(standing, ways, first_known, barriers, policy, city)
    lake.replace("graph.influences", spread.best_paths(paths, parties, of_cases, policy, night.instant))
    influences = lake.read("graph.influences")
    lake.replace("graph.scores", spread.score_nodes(influences))
    scores = lake.read("graph.scores")
    identifiers = lake.read("graph.identifiers").select("node_id", "first_seen_on")
    found = rings.find_rings(night.spark, edges, scores, parties, shared, identifiers, policy.measures.lead)
    before = _ring_members(lake.read("graph.rings"))
    lake.replace("graph.rings", found)
    lake.append("graph.lineage", trace_ids(before, _ring_members(lake.read("graph.rings")), "ring", night.on))
    ways.unpersist()
    return scores.count()


def _ring_members(rings_table: DataFrame) -> DataFrame:
    return rings_table.select(F.col("ring_id").alias("id"), F.col("party_id").alias("node_id"))


def _upheld(night: Night, listings: DataFrame) -> DataFrame:
    source, feed = Sources.of(night), "public_security/appeal_decisions"
    stated = source.current(feed).unionByName(source.freeing(feed)).where("outcome = 'upheld'")
    stated = stated.withColumns(
        {
            "decided_at": F.coalesce("decided_at", "recorded_at"),
            "decided_at_is_day": F.coalesce("decided_at_is_day", F.lit(False)),
        }
    )
    return settle(due_process.attach_decisions(stated, listings))


def all_outcomes(night: Night, listings: DataFrame) -> DataFrame:
    """What recipients did, of all three feeds, with the listings that they answer."""
    frames = []
    for feed in night.contracts.values():
        if feed.name == "measure_outcomes":
            rows = Sources.of(night).current(feed.id)
            frames.append(
                rows.select(
                    F.lit(feed.agency).alias("agency"), "record_id", "listing_id", "recipient_id", "outcome", "acted_at", "acted_at_is_day", "recorded_at"
                )
            )  # fmt: skip
    return due_process.read_outcomes(reduce(DataFrame.unionByName, frames), listings, night.recipients, night.spark)


def _all_claims(
    night: Night, source: Sources, involved: DataFrame, by_phone: DataFrame, all_tenures: DataFrame, edges: DataFrame
) -> DataFrame:
    versions = source.versions(CASES)
    confirmed = (
        versions.where("finding = 'confirmed'").groupBy("case_id").agg(F.min("recorded_at").alias("confirmed_at"))
    )
    found = [claims.case_claims(involved, confirmed, cases.OFFENDING)]

    persons = claims.with_first_known(source.versions(PERSONS))
    cleared = persons.select("person_id", "status", "recorded_at").unionByName(
        source.freeing(PERSONS).select("person_id", "status", "recorded_at")
    ).where("status = 'cleared' AND person_id IS NOT NULL").groupBy("person_id").agg(F.max("recorded_at").alias("cleared_at"))  # fmt: skip
    rank = cases.level_rank(night.codes["authority_levels"])
    found.append(claims.person_claims(persons, cleared, rank >= night.codes["authority_levels"].codes["city"]["rank"]))

    controls = claims.with_first_known(source.versions(CONTROLS))
    columns = ["account_id", "case_id", "control", "ordered_at", "ordered_at_is_day", "recorded_at"]
    releases = (
        controls.select(*columns)
        .unionByName(source.freeing(CONTROLS).select(*columns))
        .where("control = 'release' AND account_id IS NOT NULL")
    )
    moment = F.coalesce("ordered_at", "recorded_at")
    day = F.when(F.col("ordered_at_is_day"), moment + F.expr("INTERVAL 1 DAY")).otherwise(
        moment + F.expr("INTERVAL 0.000001 SECONDS")
    )
    found.append(claims.control_claims(controls, releases.select("account_id", "case_id", day.alias("released_by"))))

    subscriptions = claims.with_first_known(source.versions("telecom/subscriptions")).where(
        "deactivation_reason = 'fraud'"
    )
    ended = all_tenures.where("fraud_ended_at IS NOT NULL").select(
        F.col("node_id").alias("tenure_node"), "phone_id", F.col("holder_id"), "fraud_ended_at"
    )
    ended = ended.join(
        subscriptions.select("record_id", "phone_id", "holder_id", "recorded_at", "first_known_at", F.col("deactivated_at").alias("_end")),
        on=["phone_id", "holder_id"], how="inner",
    ).where("_end = fraud_ended_at")  # fmt: skip
    found.append(claims.subscription_claims(ended.where(F.col("fraud_ended_at") < F.lit(night.instant))))

    lines = claims.with_first_known(source.versions(LINES))
    found.append(
        claims.line_claims(
            tenures.attach_phone(lines, by_phone, night.key, phone="phone_id", moment=F.col("window_start"))
        )
    )
    found.append(claims.transfer_claims(claims.with_first_known(source.versions("finance/suspicious_transfers"))))
    found.append(claims.site_claims(claims.with_first_known(source.versions("internet/malicious_sites"))))
    for feed in night.contracts.values():
        if feed.public and feed.signals and night.lake.has(f"silver.{feed.table}"):
            public = claims.public_claims(feed, claims.with_first_known(source.versions(feed.id)), by_phone, night.key)
            if public is not None:
                found.append(public)
    return claims.place_sims(screening.union(found), _served(edges, all_tenures))


def _served(edges: DataFrame, all_tenures: DataFrame) -> DataFrame:
    """(sim_id, vf, vt, tenure_node, phone): the times in which an imsi or iccid served a tenure, by one record each."""
    sims = (
        edges.where("kind = 'sim'")
        .select("from_id", "to_id", F.explode("support").alias("s"))
        .select(
            "from_id",
            "to_id",
            "s.record_id",
            begins(F.col("s.valid_from")).alias("vf"),
            ends(F.col("s.valid_to")).alias("vt"),
        )
    )
    own = all_tenures.select(F.col("node_id").alias("from_id"), F.col("phone_id").alias("phone"))
    imsi = sims.join(own, on="from_id", how="inner").select(
        F.col("to_id").alias("sim_id"), "vf", "vt", F.col("from_id").alias("tenure_node"), "phone", "record_id"
    )
    iccid = sims.select(
        F.col("from_id").alias("_imsi"),
        F.col("to_id").alias("_iccid"),
        "record_id",
        F.col("vf").alias("_f"),
        F.col("vt").alias("_t"),
    )
    through = imsi.join(iccid, on="record_id", how="inner").where("sim_id = _imsi AND vf < _t AND _f < vt")
    through = through.select(
        F.col("_iccid").alias("sim_id"),
        F.greatest("vf", "_f").alias("vf"),
        F.least("vt", "_t").alias("vt"),
        "tenure_node",
        "phone",
    )
    return imsi.drop("record_id").unionByName(through)


def _spoofed(signals: DataFrame, source: Sources) -> DataFrame:
    """signal_id of unconfirmed cases' offenders whose number was only displayed in a spoofing window that covers the moment."""
    windows = (
        source.current(LINES)
        .where("indicator = 'caller_id_spoofing' AND displayed_id IS NOT NULL")
        .select(F.col("displayed_id").alias("_phone"), "window_start", "window_end")
    )
    end = F.when(F.col("occurred_is_day"), F.col("occurred_at") + F.expr("INTERVAL 1 DAY")).otherwise(
        F.col("occurred_at")
    )
    named = signals.where("kind = 'case_reported' AND role = 'offender' AND phone_id IS NOT NULL").withColumn(
        "_end", end
    )
    covered = (F.col("window_start") <= F.col("_end")) & (F.col("window_end") >= F.col("occurred_at"))
    return (
        named.join(windows, on=(F.col("phone_id") == F.col("_phone")) & covered, how="inner")
        .select("signal_id")
        .distinct()
    )
