"""Tonight's list as a function of what is known: the ladder, the Article 22 rule and due process, from frames to frames."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import polars as pl

from jobs.core.frames import stack
from jobs.listing import decisions as deciding
from jobs.listing import ladder, review, rows, state, tests
from jobs.listing.given import Given, Terms
from jobs.signals import due_process
from jobs.signals.moves import Moves, keep_named

PROPOSED = "proposed_for_review"


@dataclass(frozen=True)
class Tonight:
    """Rows of blacklist.listings (released ones too), .events (of this night), .leads, .decisions, .proposals, .for_review, .named_tenures and .set_aside."""

    listings: pl.DataFrame
    events: pl.DataFrame
    leads: pl.DataFrame
    decisions: pl.DataFrame
    proposals: pl.DataFrame
    for_review: pl.DataFrame
    named_tenures: pl.DataFrame
    set_aside: pl.DataFrame


@dataclass(frozen=True)
class _Judged:
    """What is said of the nodes themselves, and what people decided; the rest of what a decision could not be attached to is for a human."""

    direct: pl.DataFrame
    cleared_until: pl.DataFrame
    decisions: pl.DataFrame
    undecidable: pl.DataFrame


@dataclass(frozen=True)
class _Passed:
    """Candidates by finding, decision, Article 22 and derived control; `hands`: what another now uses; `proposing`: find_proposals."""

    sure: pl.DataFrame
    hands: pl.DataFrame
    victims: pl.DataFrame
    proposing: pl.DataFrame
    turned_down: pl.DataFrame


def list_tonight(given: Given, terms: Terms) -> Tonight:
    """Who is listed tonight, why, and what changed: nothing but `given` and `terms` decides it."""
    active = state.with_answers(given.listings.filter(pl.col("status") == "active"), given.outcomes)
    active = state.date_anew(active, given.held_back, terms.policy, terms.on)
    judged = _judge(given, terms)
    passed = _pass_tests(given, judged, terms)
    states = rows.know_states(given, terms.instant)
    told_of = [judged.direct, judged.decisions, passed.sure, passed.hands, passed.proposing, passed.victims, active]
    nodes = pl.concat([frame.select("node_id") for frame in told_of]).unique()
    facts = ladder.describe_nodes(nodes, given.identifiers, given.tenures, states, terms.instant)
    proposals = _propose(given, judged, passed, facts, terms)

    now, leaving = _enter_stay_leave(given, active, passed, facts, proposals, judged, terms)
    touched = pl.concat([now, leaving])
    released = given.listings.filter(pl.col("status") == "released")
    listings = stack([touched, released])
    # What the rule would list: not what nobody can act on any more.
    in_use = facts.filter(pl.col("gone").is_null() & pl.col("protected_reason").is_null())
    victims = passed.victims.join(in_use, on="node_id", how="semi")
    contradictions = rows.find_contradictions(given, states, terms.policy)
    human = pl.concat([contradictions, given.doubts, judged.undecidable, victims, _asked(proposals)], how="diagonal")
    return Tonight(
        listings=listings,
        events=state.find_events(given.published.filter(pl.col("status") == "active"), touched, terms.on),
        leads=rows.find_leads(now, given, terms),
        decisions=judged.decisions,
        proposals=proposals,
        for_review=review.keep_reviews(given.for_review, human, terms.policy, terms.on),
        named_tenures=_name_tenures(given, listings, judged.decisions, proposals, terms.on),
        set_aside=state.set_aside(now, given.outcomes),
    )


def _name_tenures(
    given: Given, listings: pl.DataFrame, decisions: pl.DataFrame, proposals: pl.DataFrame, on: date
) -> pl.DataFrame:
    no_tenures = pl.lit([], pl.List(pl.Int64)).alias("tenures")
    columns = ["node_id", "lineages", "tenures", "status"]
    naming = stack(
        [
            listings.select(columns),
            *(frame.with_columns(no_tenures).select(columns) for frame in (decisions, proposals)),
        ]
    )
    is_in_force = pl.col("status").is_in(["active", "in_force", "open"])
    return keep_named(given.named_tenures, naming.filter(is_in_force), naming.filter(~is_in_force), given.tenures, on)


def _judge(given: Given, terms: Terms) -> _Judged:
    to_all = given.clearances.filter(pl.col("scope") == "all")
    cleared_until = to_all.group_by("node_id").agg(pl.col("cleared_at").max().alias("until"))
    first_known = given.first_known
    opened = given.proposals.filter(pl.col("status") == "open").select("node_id", "lineages", "opened_on")
    before = deciding.follow_decisions(given.decisions, given.review_decisions)
    rests = pl.concat([frame.select("node_id", lineage="lineages") for frame in (before, opened)])
    cleared = (
        tests.unrolled(rests, "lineage").unique()
        .join(cleared_until, on="node_id", how="inner", validate="m:1")
        .join(first_known, on="lineage", how="inner", validate="m:1")
        .filter(due_process.is_cleared("lineage_known_at"))
    )  # fmt: skip
    # What an outcome cleared by association ends a decision that rests on it, unless it is said of the node itself.
    by_association = given.clearances.filter(pl.col("scope") == "association").join(
        given.signals, on=["node_id", "lineage"], how="anti"
    )
    freed = pl.concat([frame.select("node_id", "lineage") for frame in (cleared, by_association, given.spared)])
    said = [given.signals.select("node_id", lineage=name) for name in ("lineage", "own_lineage")]
    grounds = deciding.Grounds(pl.concat(said).unique(), freed.unique())
    decisions, undecidable = deciding.take_decisions(
        given.review_decisions, before, opened, grounds, terms.levels, terms.policy, terms.on
    )
    direct = tests.live_direct(given.signals, cleared_until, first_known)
    return _Judged(direct, cleared_until, decisions, undecidable)


def _pass_tests(given: Given, judged: _Judged, terms: Terms) -> _Passed:
    policy, direct, decisions = terms.policy, judged.direct, judged.decisions
    least = terms.levels[policy.measures.finding_close_from]
    city = [code for code in sorted(terms.levels, key=terms.levels.__getitem__) if terms.levels[code] >= least]
    freed = due_process.frees(given.outcomes)
    moments = tests.fraud_moments(direct, given.signals, decisions, given.tenures)
    bound, victims = tests.bound_to_fraud(
        moments, given.edges, given.spared, given.clearances, judged.cleared_until, given.first_known,
        _answered(freed, given.moves), policy,
    )  # fmt: skip
    held = tests.held_by_the_found(
        given.influences,
        given.scores,
        given.parties,
        given.contested,
        given.signals,
        given.edges,
        given.tenures,
        policy,
    )
    verified = freed.filter(pl.col("reasons").list.contains(PROPOSED))
    down = deciding.turned_down(decisions, verified.select("node_id", "lineages"))
    own_hands = held.filter(~pl.col("hands_changed")).drop("hands_changed")
    return _Passed(
        sure=pl.concat([tests.found_directly(direct, city), tests.decided(decisions), bound, own_hands]),
        hands=held.filter("hands_changed"),
        victims=victims,
        proposing=tests.find_proposals(given.influences, given.scores, direct, down, policy),
        turned_down=down,
    )


def _answered(freed: pl.DataFrame, moves: Moves) -> pl.DataFrame:
    """node_id, tenure, acted_at: accounts that were verified, by the tenures for which they were, and those that are known since to be theirs."""
    named = tests.unrolled(freed.select("node_id", "acted_at", tenure="tenures"), "tenure")
    since = named.join(moves.since.select(tenure="node_id", now_id="now_id"), on="tenure", how="inner")
    return stack([named, since.with_columns(tenure="now_id")])


def _propose(given: Given, judged: _Judged, passed: _Passed, facts: pl.DataFrame, terms: Terms) -> pl.DataFrame:
    """Rows of blacklist.proposals: what can be listed, above what a surer test gives it already."""
    surely = passed.sure.group_by("node_id").agg(tests.rank("measure").max().alias("_sure"))
    can_be_listed = ladder.listable(
        passed.proposing.select("node_id", pl.lit(PROPOSED).alias("test")), facts, terms.policy
    )
    open_to = (
        passed.proposing.join(surely, on="node_id", how="left", validate="m:1")
        .filter(pl.col("_sure").is_null() | (tests.rank("measure") > pl.col("_sure")))
        .drop("_sure")
        .join(can_be_listed, on="node_id", how="semi")
    )
    return deciding.keep_proposals(
        given.proposals, open_to, judged.decisions, passed.turned_down, terms.policy, terms.on
    )


def _enter_stay_leave(
    given: Given,
    active: pl.DataFrame,
    passed: _Passed,
    facts: pl.DataFrame,
    proposals: pl.DataFrame,
    judged: _Judged,
    terms: Terms,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows of blacklist.listings: (tonight's active ones, those that leave tonight)."""
    policy, on = terms.policy, terms.on
    released = given.listings.filter(pl.col("status") == "released")
    waiting = tests.candidate(
        proposals.filter(pl.col("status") == "open"), measure=pl.lit("verify"), test=PROPOSED, reason=PROPOSED
    )
    # Before the climb, so that a new lineage lists at its own measure and does not bring back one that a passed term used up.
    candidates = state.drop_spent(pl.concat([passed.sure, waiting]), released)
    tonight = ladder.past_due(ladder.listable(ladder.climb(candidates), facts, policy), active, on)
    tonight = state.drop_spent(tonight, released)
    lifted = given.upheld.filter(pl.col("node_id").is_not_null()).group_by("node_id").agg(appeal_on=pl.col("lifted_on").max())  # fmt: skip
    ended = state.end_listings(active, tonight, facts, lifted, passed.hands, on)
    # What its own term ends is not listed again the same night by what it stood on; everything else that passes anew is a new listing.
    over = ended.filter(pl.col("ends_as") == "term_ended").with_columns(release_reason=pl.lit("term_ended"))
    staying = ended.filter(pl.col("ends_as").is_null())
    used_up = stack([released, over.select(released.columns)])
    again = ladder.listable(ladder.climb(state.drop_spent(candidates, used_up)), facts, policy)
    again = state.drop_spent(ladder.past_due(again, staying, on), used_up)
    termed = state.give_terms(again, staying, policy, on)
    leaving = ended.filter(pl.col("ends_as").is_not_null()).with_columns(
        status=pl.lit("released"), released_on=pl.lit(on), release_reason="ends_as", outcome="answer"
    )  # fmt: skip
    now = rows.complete_listings(termed, given, judged.direct, terms)
    return now, leaving.select(now.columns)


def _asked(proposals: pl.DataFrame) -> pl.DataFrame:
    return proposals.filter(pl.col("status") == "open").select(
        "node_id", pl.lit("proposal_to_decide").alias("reason"), (pl.lit("proposal ") + pl.col("proposal_id")).alias("source"),
        pl.col("measure").alias("detail"),
    )  # fmt: skip
