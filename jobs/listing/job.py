"""Stage `listing`: the ladder, the Article 22 rule and due process; what enters, stays and leaves tonight, and why."""

from __future__ import annotations

from functools import reduce
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.core.night import Night, StageReport, settle, together
from jobs.graph import accounts
from jobs.graph.sources import Sources
from jobs.listing import decisions as deciding
from jobs.listing import ladder, reasons, review, state, tests
from jobs.releases.recipients import Recipient
from jobs.signals import due_process
from jobs.signals.job import all_outcomes

PROPOSED = "proposed_for_review"


def run(night: Night) -> StageReport:
    """Tonight's listings. Rows in: scored nodes; rows out: active listings."""
    lake, policy, on = night.lake, night.policy, night.on
    signals, influences = lake.read("graph.signals").persist(), lake.read("graph.influences").persist()
    scores, edges = lake.read("graph.scores").persist(), lake.read("graph.edges")
    all_tenures, identifiers = lake.read("graph.tenures").persist(), lake.read("graph.identifiers")
    parties, contested = lake.read("graph.parties"), lake.read("graph.contested")
    clearances = lake.read("blacklist.clearances").persist()
    listings = settle(due_process.follow_tenures(lake.read("blacklist.listings"), all_tenures))
    outcomes = settle(all_outcomes(night, listings))
    active = settle(state.with_answers(listings.where("status = 'active'"), outcomes))
    released = listings.where("status = 'released'")
    levels = {code: int(a["rank"]) for code, a in night.codes["authority_levels"].codes.items()}
    city = [code for code, place in levels.items() if place >= levels[policy.measures.finding_close_from]]

    cleared_until, first_known, states = together(
        lambda: settle(clearances.where("scope = 'all'").groupBy("node_id").agg(F.max("cleared_at").alias("until"))),
        lambda: settle(signals.groupBy("lineage").agg(F.min("first_known_at").alias("lineage_known_at"))),
        lambda: settle(_account_states(night, outcomes)),
    )
    direct = settle(tests.live_direct(signals, cleared_until))
    decided_now, undecidable_now = _decisions(night, listings, signals, first_known, cleared_until, levels)
    decided, undecidable = together(lambda: settle(decided_now), lambda: settle(undecidable_now))

    freed = due_process.frees(outcomes)
    moments = settle(tests.fraud_moments(direct, signals, decided, all_tenures))
    bound_now, victims_now = tests.bound_to_fraud(
        moments, edges, lake.read("graph.spared"), clearances.where("scope <> 'proposal'"), cleared_until, first_known,
        freed.select("node_id", "tenures", "acted_at"), policy,
    )  # fmt: skip
    bound, victims, held = together(
        lambda: settle(bound_now),
        lambda: settle(victims_now),
        lambda: settle(tests.held_by_the_found(influences, scores, parties, contested, policy)),
    )
    hands = held.where("hands_changed")
    proposals_before = lake.read("blacklist.proposals")
    proposed_listings = (
        freed.where("outcome = 'verified_clean'")
        .where(F.array_contains("reasons", PROPOSED))
        .select("node_id", "lineages")
    )
    down = settle(deciding.turned_down(decided, proposals_before, proposed_listings))
    passing = settle(tests.find_proposals(influences, scores, direct, down, policy))

    facts_of = reduce(
        DataFrame.unionByName,
        [frame.select("node_id") for frame in (direct, decided, bound, held, passing, active)],
    )
    facts = settle(ladder.describe_nodes(facts_of, identifiers, all_tenures, states, night.instant))
    sure = reduce(
        DataFrame.unionByName,
        [
            tests.found_directly(direct, city),
            tests.decided(decided),
            bound,
            held.where("NOT hands_changed").drop("hands_changed"),
        ],
    )
    sure = settle(sure)
    outranked = sure.groupBy("node_id").agg(F.max(tests.rank("measure")).alias("_sure"))
    can_be_listed = ladder.listable(
        passing.select("node_id").withColumn("test", F.lit(PROPOSED)), facts, policy
    ).select("node_id")
    open_to = passing.join(outranked, on="node_id", how="left").where(
        F.col("_sure").isNull() | (tests.rank("measure") > F.col("_sure"))
    )
    open_to = open_to.drop("_sure").join(can_be_listed, on="node_id", how="left_semi")
    together(
        lambda: lake.replace(
            "blacklist.proposals", deciding.keep_proposals(proposals_before, open_to, decided, down, policy, on)
        ),
        lambda: lake.replace("blacklist.decisions", decided),
    )
    proposals = lake.read("blacklist.proposals")
    waiting = proposals.where("status = 'open'").select("node_id", "lineages")
    candidates = sure.unionByName(tests.candidate(waiting, measure=F.lit("verify"), test=PROPOSED, reason=PROPOSED))

    # Before the climb, so that a new lineage lists at its own measure and does not bring back one that a passed term used up.
    candidates = state.drop_spent(candidates, released)
    tonight = ladder.past_due(ladder.listable(ladder.climb(candidates), facts, policy), active, on)
    tonight = settle(state.drop_spent(tonight, released))
    lifted = settle(_lifted(night, listings))
    ended = settle(state.end_listings(active, tonight, facts, lifted, hands, on))
    staying = ended.where("ends_as IS NULL")
    # What its own term ends is not listed again the same night by what it stood on; everything else that passes anew is a new listing.
    spent = state.drop_spent(
        tonight, ended.where("ends_as = 'term_ended'").withColumn("release_reason", F.lit("term_ended"))
    )
    terms = settle(state.give_terms(spent, staying, policy, on))
    rows = settle(_complete(night, terms, facts, influences, scores, direct))
    leaving = ended.where("ends_as IS NOT NULL").select(
        *[c for c in listings.columns if c not in ("status", "released_on", "release_reason", "outcome")],
        F.lit("released").alias("status"), F.lit(on).alias("released_on"), F.col("ends_as").alias("release_reason"),
        F.coalesce("answer", "outcome").alias("outcome"),
    )  # fmt: skip
    touched = settle(rows.unionByName(leaving))
    events = settle(state.find_events(active, touched, on))
    leads = _leads(night, scores, rows, identifiers, parties)
    asked = proposals.where("status = 'open'").select(
        "node_id",
        F.lit("proposal_to_decide").alias("reason"),
        F.concat_ws(" ", F.lit("proposal"), "proposal_id").alias("source"),
        F.col("measure").alias("detail"),
    )
    told = _contradictions(outcomes, states)
    human = reduce(DataFrame.unionByName, [lake.read("graph.doubts"), undecidable, victims, asked, told])
    reviews = review.keep_reviews(lake.read("blacklist.for_review"), human, policy, on)
    together(
        lambda: lake.replace("blacklist.listings", released.unionByName(touched)),
        lambda: lake.append("blacklist.events", events),
        lambda: lake.replace("blacklist.leads", leads),
        lambda: lake.replace("blacklist.for_review", reviews),
    )

    counts = {row["event"]: row["count"] for row in events.groupBy("event").count().collect()}
    by_measure = {row["measure"]: row["count"] for row in rows.groupBy("measure").count().collect()}
    n_scored = scores.count()
    notes = [
        "listed now: "
        + (", ".join(f"{n:,} {m}" for m in reversed(tests.MEASURES) if (n := by_measure.get(m, 0))) or "nothing"),
        f"tonight: {counts.get('ADD', 0):,} added, {counts.get('CHANGE', 0):,} changed, {counts.get('RELEASE', 0):,} released",
    ]
    for frame in (signals, influences, scores, all_tenures, clearances):
        frame.unpersist()
    return StageReport(rows_in=n_scored, rows_out=sum(by_measure.values()), notes=notes)


def _decisions(
    night: Night,
    listings: DataFrame,
    signals: DataFrame,
    first_known: DataFrame,
    cleared_until: DataFrame,
    levels: dict[str, int],
) -> tuple[DataFrame, DataFrame]:
    lake = night.lake
    current = Sources.of(night).current("public_security/review_decisions")
    attached = settle(due_process.attach_decisions(current, listings))
    cleared = cleared_until.join(first_known, on=F.col("lineage_known_at") <= F.col("until"), how="inner").select(
        "node_id", "lineage"
    )
    open_before = lake.read("blacklist.proposals").where("status = 'open'").select("node_id", "lineages", "opened_on")
    return deciding.take_decisions(
        attached,
        lake.read("blacklist.decisions"),
        open_before,
        signals.select("lineage").distinct(),
        cleared,
        levels,
        night.policy,
        night.on,
    )


def _account_states(night: Night, outcomes: DataFrame) -> DataFrame:
    """node_id, closed_at, scope, reopened: whether a feed record later than the recipient's `closed` shows it open."""
    source = Sources.of(night)
    finance = accounts.account_versions(source.versions("finance/accounts"), scope="institution_id", opened="opened_at")
    internet = accounts.account_versions(
        source.versions("internet/internet_accounts"),
        scope="platform",
        opened="registered_at",
        account_type="internet_account",
    )
    states = accounts.account_states(finance.unionByName(internet)).withColumnRenamed("account_id", "node_id")
    shut = (
        outcomes.where("is_valid AND outcome = 'closed'")
        .groupBy("node_id")
        .agg(F.min("acted_at").alias("_acted"), F.max("recorded_at").alias("_told"))
    )
    named = (
        source.current("public_security/case_reports")
        .select("recorded_at", F.explode("involved").alias("i"))
        .where("i.identifier_type = 'bank_card' AND i.issuer IS NOT NULL")
    )
    issuers = named.groupBy(F.col("i.identifier_id").alias("node_id")).agg(
        F.max_by("i.issuer", F.struct("recorded_at", "i.issuer")).alias("_issuer")
    )
    rows = states.join(shut, on="node_id", how="full").join(issuers, on="node_id", how="full")
    reopened = F.col("closed_at").isNull() & (F.col("state_recorded_at") > F.col("_told"))
    return rows.select(
        "node_id", F.least("closed_at", "_acted").alias("closed_at"), F.coalesce("scope", "_issuer").alias("scope"),
        F.coalesce(reopened, F.lit(False)).alias("reopened"),
    )  # fmt: skip


def _lifted(night: Night, listings: DataFrame) -> DataFrame:
    """node_id and `appeal_on`, the night that took the newest upheld appeal on it."""
    source, feed = Sources.of(night), "public_security/appeal_decisions"
    upheld = source.current(feed).unionByName(source.freeing(feed)).where("outcome = 'upheld'")
    attached = due_process.attach_decisions(upheld, listings).where("node_id IS NOT NULL")
    return attached.groupBy("node_id").agg(F.max("night_on").alias("appeal_on"))


def _complete(
    night: Night, rows: DataFrame, facts: DataFrame, influences: DataFrame, scores: DataFrame, direct: DataFrame
) -> DataFrame:
    """Rows of blacklist.listings: with the words, the agencies, the body that decided and who administers."""
    lake, policy = night.lake, night.policy
    recipients: dict[str, Recipient] = night.recipients
    by_type = {str(kind): r.id for r in recipients.values() for kind in r.administers.types}
    scored = scores.select("node_id", "score")
    strongest = F.struct("influence", -F.col("n_edges"), "lineage")
    why = (
        influences.join(rows.select("node_id"), on="node_id", how="left_semi")
        .groupBy("node_id")
        .agg(
            F.max_by(F.transform("path", lambda s: s["kind"]), strongest).alias("path_kinds"),
            F.sort_array(F.collect_set("agency")).alias("_agencies"),
        )
    )
    agency_of = (
        direct.select("lineage", "agency").groupBy("lineage").agg(F.sort_array(F.collect_set("agency")).alias("_by"))
    )
    told = (
        rows.select("node_id", F.explode("lineages").alias("lineage"))
        .join(agency_of, on="lineage", how="inner")
        .groupBy("node_id")
        .agg(F.sort_array(F.array_distinct(F.flatten(F.collect_list("_by")))).alias("_told"))
    )
    ring = lake.read("graph.rings").groupBy("party_id").agg(F.min("ring_id").alias("ring_id"))
    party = lake.read("graph.parties").select("node_id", "party_id")
    memory = _memory(night)
    full = (
        rows.join(scored, on="node_id", how="left")
        .join(why, on="node_id", how="left")
        .join(told, on="node_id", how="left")
    )
    full = (
        full.join(party, on="node_id", how="left")
        .join(ring, on="party_id", how="left")
        .join(memory, on="node_id", how="left")
    )
    empty = F.array().cast("array<string>")
    full = full.withColumns(
        {
            "agencies": F.sort_array(F.array_union(F.coalesce("_told", empty), F.coalesce("_agencies", empty))),
            "path_kinds": F.coalesce("path_kinds", empty),
            "administrator": state.administrator(by_type, sorted(recipients)),
            "status": F.lit("active"), "released_on": F.lit(None).cast("date"), "release_reason": F.lit(None).cast("string"),
            "deciding_body": F.coalesce("decided_by", F.lit("anti-fraud platform, by rule")),
            "human_decision": F.nullif(F.concat_ws("; ", F.nullif("refs", F.lit("")), F.col("memory")), F.lit("")),
            "remedy_channel": F.lit(policy.due_process.remedy_channel), "materials_required": F.lit(policy.due_process.materials_required),
            "policy_version": F.lit(f"{policy.id} {policy.version}"), "score": F.coalesce("score", F.lit(0.0)),
            "evidence_digest": F.sha2(F.concat_ws("|", "test", F.array_join("lineages", ","), F.array_join(F.transform("tenures", lambda t: t.cast("string")), ",")), 256),
        }
    )  # fmt: skip
    full = full.withColumns({"reason_zh": reasons.reason_zh(), "reason_en": reasons.reason_en()})
    return full.select(*lake.schema("blacklist.listings").names)


def _memory(night: Night) -> DataFrame:
    """node_id and `memory`: decisions that a new listing must name: upheld appeals, and outcomes that verified it."""
    past = (
        night.lake.read("blacklist.clearances")
        .select("node_id", F.concat_ws(" ", "by", "ref").alias("said"))
        .distinct()
    )
    return past.groupBy("node_id").agg(F.concat_ws("; ", F.sort_array(F.collect_set("said"))).alias("memory"))


def _leads(night: Night, scores: DataFrame, rows: DataFrame, identifiers: DataFrame, parties: DataFrame) -> DataFrame:
    """Rows of blacklist.leads: for people to look at, as long as the test passes; what is listed is not a lead."""
    lake, policy = night.lake, night.policy
    bounds: list[Any] = [b for b in policy.shared.bounds if b.lead]
    crowded = F.lit(None).cast("string")
    for bound in bounds:
        crowded = F.when((F.col("kind") == bound.kind) & (F.col("side") == bound.side), F.lit(bound.lead)).otherwise(
            crowded
        )
    by_crowd = (
        lake.read("graph.shared_identifiers")
        .where("is_shared")
        .select("node_id", crowded.alias("reason"))
        .where("reason IS NOT NULL")
    )
    by_score = scores.where(F.col("score") >= policy.measures.lead).select("node_id", F.lit("score").alias("reason"))
    found = (
        by_score.unionByName(by_crowd).groupBy("node_id").agg(F.sort_array(F.collect_set("reason")).alias("reasons"))
    )
    found = found.join(rows.select("node_id"), on="node_id", how="left_anti")
    kinds = (
        identifiers.where("type <> 'phone'")
        .select("node_id", "type", "protected_reason")
        .unionByName(
            lake.read("graph.tenures")
            .join(identifiers.select(F.col("node_id").alias("phone_id"), "protected_reason"), on="phone_id", how="left")
            .select("node_id", F.lit("phone").alias("type"), "protected_reason")
        )
    )
    before = lake.read("blacklist.leads").select("node_id", F.col("first_on").alias("_first"))
    empty = F.array().cast("array<string>")
    return found.join(kinds, on="node_id", how="left").where("protected_reason IS NULL").join(scores, on="node_id", how="left").join(
        parties.select("node_id", "party_id"), on="node_id", how="left"
    ).join(before, on="node_id", how="left").select(
        "node_id", "type", "party_id", F.coalesce("score", F.lit(0.0)).alias("score"), "reasons", F.coalesce("agencies", empty).alias("agencies"),
        F.coalesce("lineages", empty).alias("lineages"), F.coalesce("_first", F.lit(night.on)).alias("first_on"),
    )  # fmt: skip


def _contradictions(outcomes: DataFrame, states: DataFrame) -> DataFrame:
    """`not_ours` goes back to the source agency; an account that was closed and is shown open by a later record."""
    foreign = outcomes.where("is_valid AND outcome = 'not_ours'").select(
        "node_id",
        F.lit("recipient_says_not_ours").alias("reason"),
        F.concat_ws(" ", F.lit("listing"), "listing_id").alias("source"),
        F.lit("").alias("detail"),
    )
    open_again = states.where("reopened").select(
        "node_id",
        F.lit("closed_account_is_open_again").alias("reason"),
        F.lit("account record").alias("source"),
        F.lit("").alias("detail"),
    )
    return foreign.unionByName(open_again)
