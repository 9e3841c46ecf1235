"""How far a claim reaches: the best product of edge weights over paths of at most three edges (listing.md, Score).

Conditions on times are judged on one record of an edge: the search walks stretches of time, not hulls. Signals that no condition tells apart
(one lineage, node, moment and strength) walk as one source. A state of the search is one path of one source: which nodes it passed by
which ways, and the last stretch that it walked. States that differ in their last stretch alone, and these overlap, are one: whatever
touches one of two overlapping stretches touches both together, and the other way round. So nothing that counts is lost.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from jobs.core.frames import UTC, stack
from jobs.graph.intervals import begins, ends, plus_days
from jobs.policy import Policy
from jobs.signals.due_process import is_cleared, with_known

# Walked although they began after the claim: from the person's side to what the person later took. (kind, along the edge's direction)
FROM_THE_PERSON = (("holder", True), ("bound_phone", False), ("sim", True), ("device", True))
STEP = pl.Struct({"kind": pl.String, "from_id": pl.Int64, "to_id": pl.Int64})
MAX_EDGES = 3  # what the policy may ask for at most
NODES = tuple(f"n{place}" for place in range(MAX_EDGES + 1))
WAYS = tuple(f"w{place}" for place in range(1, MAX_EDGES + 1))
STATE = {
    "source": pl.UInt32(), "lineage_id": pl.UInt32(), "node_id": pl.Int64(), "n_edges": pl.Int32(), "influence": pl.Float64(),
    **dict.fromkeys(NODES, pl.Int64()), **dict.fromkeys(WAYS, pl.Int8()),
    "lf": UTC, "lt": UTC, "is_transfer": pl.Boolean(), "is_several": pl.Boolean(), "is_over": pl.Boolean(),
}  # fmt: skip
CANDIDATE = ("source", "node_id", "n_edges", "influence", *NODES, *WAYS, "is_live")
AT_ONCE = 2_000_000  # longer paths in memory at once


@dataclass(frozen=True)
class Barriers:
    """What no path starts at, ends at or passes through."""

    protected: pl.DataFrame  # node_id
    spared: pl.DataFrame  # lineage, node_id
    cleared: pl.DataFrame  # node_id, lineage: by association; what is said of the node itself counts
    cleared_until: pl.DataFrame  # node_id, until: of every lineage first known by then


@dataclass(frozen=True)
class Paths:
    """What a search found. `signals`: one row per signal that counts, with its source; `found`: one row per source and node that it reaches."""

    signals: pl.DataFrame
    found: pl.DataFrame


def walkable(edges: pl.DataFrame, shared: pl.DataFrame, protected: pl.DataFrame, policy: Policy) -> pl.DataFrame:
    """Stretches in the directions in which they can be walked: u, v, way (`way_codes`), weight, f, t, is_late_ok, is_transfer, is_several
    (its edge has several stretches), from_shared.

    A stretch into a node that is shared for its kind is no way; one out of such a node is only the first step of a finding.
    """
    stretches = _stretches(edges.filter(pl.col("kind").is_in(list(policy.edges))))
    codes = way_codes(policy)
    kinds = {str(kind): edge.weight for kind, edge in policy.edges.items()}
    weights = {code: kinds[kind] for (kind, _), code in codes.items()}
    late = [code for way, code in codes.items() if way in FROM_THE_PERSON]
    crowd = shared.filter("is_shared").select("kind", "node_id").unique()
    found = []
    for along, u, v in ((True, "from_id", "to_id"), (False, "to_id", "from_id")):
        of_kind = {kind: code for (kind, is_along), code in codes.items() if is_along == along}
        rows = stretches.filter(pl.col("kind").is_in(list(of_kind)))
        rows = rows.join(crowd, left_on=["kind", v], right_on=["kind", "node_id"], how="anti")
        rows = rows.join(
            crowd.with_columns(from_shared=pl.lit(True)), left_on=["kind", u], right_on=["kind", "node_id"], how="left", validate="m:1"
        )  # fmt: skip
        way = pl.col("kind").replace_strict(of_kind, return_dtype=pl.Int8)
        found.append(
            rows.select(
                pl.col(u).alias("u"), pl.col(v).alias("v"), way.alias("way"), "f", "t",
                (pl.col("kind") == "transfer").alias("is_transfer"), "is_several", pl.col("from_shared").fill_null(False),
            )
        )  # fmt: skip
    ways = pl.concat(found).with_columns(
        weight=pl.col("way").replace_strict(weights, return_dtype=pl.Float64), is_late_ok=pl.col("way").is_in(late)
    )
    for end in ("u", "v"):
        ways = ways.join(protected, left_on=end, right_on="node_id", how="anti")
    return ways


def way_codes(policy: Policy) -> dict[tuple[str, bool], int]:
    """(kind, along the edge's direction) → a small number, in a fixed order. Risk runs forward only along a transfer."""
    ways = [(kind, along) for kind in sorted(policy.edges) for along in (True, False)]
    return {way: code for code, way in enumerate(ways) if way != ("transfer", False)}


def _stretches(edges: pl.DataFrame) -> pl.DataFrame:
    """kind, from_id, to_id, f, t, is_several: the distinct times of each edge's records.

    One that lies within another of its edge opens no way that the other does not, unless it is a transfer, where the moment counts.
    """
    n, record = pl.col("support").list.len(), pl.col("support").struct
    times = edges.with_row_index("edge").filter(n > 0).select(
        "edge", "kind", "from_id", "to_id", (n > 1).alias("is_several"), "support"
    ).explode("support").select(
        pl.exclude("support"), begins(record.field("valid_from")).alias("f"), ends(record.field("valid_to")).alias("t")
    )  # fmt: skip
    # A time of no length overlaps nothing; only a transfer is a moment.
    times = times.filter((pl.col("f") < pl.col("t")) | (pl.col("kind") == "transfer"))
    several = times.filter("is_several").sort("edge", "f", "t", descending=[False, False, True])
    reach = pl.col("t").cum_max().shift().over("edge")
    is_new = pl.any_horizontal(pl.col(name).ne_missing(pl.col(name).shift()) for name in ("edge", "f", "t"))
    within = pl.when(pl.col("kind") == "transfer").then(~is_new).otherwise(pl.col("t") <= reach).fill_null(False)
    several = several.filter(~within).with_columns(is_several=pl.len().over("edge") > 1)
    return pl.concat([times.filter(~pl.col("is_several")), several])


def _start_signals(
    signals: pl.DataFrame, first_known: pl.DataFrame, barriers: Barriers, policy: Policy, city: list[str]
) -> pl.DataFrame:
    """One row per signal that counts, with its `source` and what the search asks of it. `first_known`: lineage, lineage_known_at.

    `late_from`: from when on an edge is one that began later; `transfer_from`: the earliest moment of a transfer, with its grace.
    """
    occurred = pl.col("occurred_at")
    is_finding = pl.col("standard") == "finding"
    rows = with_known(signals.filter("is_live"), first_known)
    rows = rows.join(barriers.cleared_until, on="node_id", how="left", validate="m:1")
    rows = rows.filter(~is_cleared("claim_known_at")).select(
        "signal_id", "lineage", "claim_known_at", "standard", "agency", "is_public", pl.col("node_id").alias("start"), "strength",
        occurred.alias("occurred_from"), is_finding.alias("is_finding"),
        pl.when("occurred_is_day").then(plus_days(occurred, 1)).otherwise(occurred + pl.duration(microseconds=1)).alias("late_from"),
        plus_days(occurred, -policy.score.transfer_grace_days).alias("transfer_from"),
        (is_finding & pl.col("authority_level").is_in(city)).fill_null(False).alias("is_weighty"),
    )  # fmt: skip
    told_apart = ["lineage", "start", "strength", "occurred_from", "late_from", "is_finding", "claim_known_at"]
    return rows.sort(*told_apart, "signal_id").with_columns(
        source=pl.struct(told_apart).rle_id(), lineage_id=pl.col("lineage").rle_id()
    )


def _start_states(signals: pl.DataFrame) -> pl.DataFrame:
    """The paths of no edge: one state per source."""
    starts = signals.unique("source", keep="first", maintain_order=True)
    given = {"node_id": pl.col("start"), "n0": pl.col("start"), "influence": pl.col("strength"), "n_edges": pl.lit(0)}
    given |= {"source": pl.col("source"), "lineage_id": pl.col("lineage_id")}
    given |= dict.fromkeys(("is_transfer", "is_several", "is_over"), pl.lit(False))
    return starts.select(given.get(name, pl.lit(None)).cast(kind).alias(name) for name, kind in STATE.items())


@dataclass(frozen=True)
class _Search:
    """What every step of one search asks: sources and barriers by number of the lineage."""

    ways: pl.DataFrame  # one row per way; of one with several stretches without its times
    stretches: pl.DataFrame  # u, v, way, f, t: of the ways with several
    degrees: pl.DataFrame  # u, n: how many stretches leave it
    sources: pl.DataFrame  # source, occurred_from, late_from, transfer_from, is_finding, claim_known_at
    barred: pl.DataFrame  # lineage_id, node_id
    cleared_until: pl.DataFrame
    policy: Policy
    instant: datetime

    def run(self, states: pl.DataFrame, before: tuple[pl.DataFrame, ...] = ()) -> Iterator[pl.DataFrame]:
        """The best of these states and of everything that they lead to, part by part: memory holds a few parts at once, whatever the data.
        `before`: the best of the shorter paths that led here."""
        best = _best(states, self.instant)
        yield best
        n_edges = len(before)
        if n_edges >= self.policy.score.max_edges or states.is_empty():
            return
        before = (*before, best)
        beaten_by = pl.concat(before) if n_edges == self.policy.score.max_edges - 1 else None
        for part in self._parts(states.filter(~pl.col("is_over"))):
            yield from self.run(self.step(part, n_edges, beaten_by), before)

    def _parts(self, states: pl.DataFrame) -> Iterator[pl.DataFrame]:
        """The states that go on, in parts that lead to about so many longer ones each."""
        known = states.join(self.degrees, left_on="node_id", right_on="u", how="inner", validate="m:1")
        part = pl.col("n").cast(pl.Int64).cum_sum() // AT_ONCE
        for _, rows in known.with_columns(_part=part).partition_by("_part", as_dict=True, include_key=False).items():
            yield rows.drop("n")

    def step(self, states: pl.DataFrame, n_edges: int, beaten_by: pl.DataFrame | None) -> pl.DataFrame:
        """Every path one edge longer. With `beaten_by`, only those stronger than every shorter path to their node: the last step needs no others."""
        passed, walked = NODES[: n_edges + 1], WAYS[:n_edges]
        known = ["source", "lineage_id", "influence", "lf", "lt", "is_transfer", "is_several", *passed, *walked]
        rows = states.select(*known, "node_id").join(
            self.ways, left_on="node_id", right_on="u", how="inner", suffix="_next"
        )
        fresh = pl.all_horizontal(pl.col(name) != pl.col("v") for name in passed)
        rows = rows.filter(fresh).with_columns(influence=pl.col("influence") * pl.col("weight"))
        rows = rows.filter(rounded("influence", 9) >= self.policy.score.min_influence)
        if beaten_by is not None:
            rows = _drop_beaten(rows, beaten_by)
        rows = self._spare(rows.join(self.sources, on="source", how="inner", validate="m:1"))
        rows = self._with_stretches(rows).filter(self._may_walk(first=n_edges == 0))
        longer = {
            "node_id": pl.col("v"), "n_edges": pl.lit(n_edges + 1), NODES[n_edges + 1]: pl.col("v"), WAYS[n_edges]: pl.col("way"),
            "lf": pl.col("f"), "lt": pl.col("t"), "is_transfer": pl.col("is_transfer_next"),
            "is_several": pl.col("is_several") | pl.col("is_several_next"), "is_over": pl.col("from_shared"),
        }  # fmt: skip
        given = {name: pl.col(name) for name in known} | longer
        return _merge_stretches(
            rows.select(given.get(name, pl.lit(None)).cast(kind).alias(name) for name, kind in STATE.items())
        )

    def _spare(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Without the steps into nodes that are spared or cleared of the lineage."""
        rows = rows.join(self.barred, left_on=["lineage_id", "v"], right_on=["lineage_id", "node_id"], how="anti")
        rows = rows.join(self.cleared_until, left_on="v", right_on="node_id", how="left", validate="m:1")
        return rows.filter(~is_cleared("claim_known_at"))

    def _with_stretches(self, rows: pl.DataFrame) -> pl.DataFrame:
        """One row per stretch of the way that each row takes next."""
        several = rows.filter("is_several_next").drop("f", "t")
        several = several.join(self.stretches, left_on=["node_id", "v", "way"], right_on=["u", "v", "way"], how="inner")
        return stack([rows.filter(~pl.col("is_several_next")), several])

    def _may_walk(self, first: bool) -> pl.Expr:
        """Whether the next stretch [f, t) may follow the last one [lf, lt) and the moment of the claim. A transfer's stretch is its moment,
        or its day: a day ends before the moment that is its end."""
        f, t, lf, lt = (pl.col(name) for name in ("f", "t", "lf", "lt"))
        in_time = (t >= pl.col("occurred_from")) & (pl.col("is_late_ok") | (f < pl.col("late_from")))
        earliest = pl.col("transfer_from")
        not_before = (f >= earliest) | (t > earliest)
        shared_ok = ~pl.col("from_shared") | (pl.col("is_finding") if first else pl.lit(False))
        ordinary, moved = in_time, not_before
        if not first:
            was_transfer = pl.col("is_transfer")
            overlaps = (lf < t) & (f < lt)
            holds_then = ((f <= lf) | (f < lt)) & (t > lf)
            held_then = ((lf <= f) | (lf < t)) & (lt > f)
            after_last = (f >= lf) | (t > lf)
            ordinary = in_time & pl.when(was_transfer).then(holds_then).otherwise(overlaps)
            moved = not_before & pl.when(was_transfer).then(after_last).otherwise(held_then)
        return pl.when(pl.col("is_transfer_next")).then(moved).otherwise(ordinary) & shared_ok


def _merge_stretches(states: pl.DataFrame) -> pl.DataFrame:
    """The same paths with last stretches that overlap made one; after a transfer, whose moment counts, only equal ones."""
    path = ["source", *NODES, *WAYS]
    several = states.filter("is_several").sort(*path, "lf", "lt")
    reach = pl.col("lt").cum_max().shift().over(path)
    apart = (
        pl.when("is_transfer")
        .then(pl.struct(*path, "lf", "lt").is_first_distinct())
        .otherwise(reach.is_null() | (pl.col("lf") >= reach))
    )
    several = several.with_columns(_stretch=apart.cum_sum())
    last = pl.col("lt").max().over("_stretch")
    merged = several.with_columns(lt=last).unique("_stretch", keep="first", maintain_order=True).drop("_stretch")
    return pl.concat([states.filter(~pl.col("is_several")), merged])


def _drop_beaten(rows: pl.DataFrame, beaten_by: pl.DataFrame) -> pl.DataFrame:
    """Without the steps into nodes that a shorter path of the same source reaches as strongly: ties go to fewer edges."""
    known = beaten_by.group_by("source", "node_id").agg(pl.col("influence").max().alias("_known"))
    rows = rows.join(known, left_on=["source", "v"], right_on=["source", "node_id"], how="left", validate="m:1")
    is_beaten = (rounded("influence", 9) <= pl.col("_known")).fill_null(False)
    return rows.filter(~is_beaten).drop("_known")


def _best(states: pl.DataFrame, instant: datetime) -> pl.DataFrame:
    """Candidates: per source and node the best of its paths, rounded; of its last stretches one that holds tonight, if any does."""
    tonight = pl.lit(instant, UTC)
    holds = ~pl.col("is_transfer") & (pl.col("lf") < tonight) & (pl.col("lt") >= tonight)
    rows = states.with_columns(influence=rounded("influence", 9), is_live=(pl.col("n_edges") == 0) | holds)
    return _first_per(rows.select(CANDIDATE), ["source", "node_id"])


def _first_per(candidates: pl.DataFrame, key: list[str], *ties: str) -> pl.DataFrame:
    """Per key the strongest; ties go to fewer edges, then the smallest node ids, then `ties`, then the ways, then one that is live."""
    order = ["n_edges", *NODES, *ties, *WAYS]
    return _strongest(candidates, key, [*order, "is_live"], [False] * len(order) + [True])


def _strongest(candidates: pl.DataFrame, key: list[str], ties: list[str], descending: list[bool]) -> pl.DataFrame:
    """Per key one row: of the greatest influence the first in the order of `ties`. Most keys have one row, and nothing to order."""
    rows = candidates.with_columns(pl.len().over(key).alias("_n"), pl.col("influence").max().over(key).alias("_top"))
    alone = pl.col("_n") == 1
    tied = rows.filter(~alone & (pl.col("influence") == pl.col("_top")))
    first = tied.sort(*key, *ties, descending=[False] * len(key) + descending).unique(
        key, keep="first", maintain_order=True
    )
    return pl.concat([rows.filter(alone), first]).drop("_n", "_top")


def spread(
    signals: pl.DataFrame, ways: pl.DataFrame, first_known: pl.DataFrame, barriers: Barriers, policy: Policy, city: list[str],
    instant: datetime,
) -> Paths:  # fmt: skip
    """The best path of every source to every node that it reaches: the candidates for `best_paths`."""
    started = _start_signals(signals, first_known, barriers, policy, city)
    sources = started.unique("source", keep="first")
    lineages = started.select("lineage", "lineage_id").unique()
    barred = pl.concat([barriers.spared.select("lineage", "node_id"), barriers.cleared.select("lineage", "node_id")])
    several = ways.filter("is_several")
    once = several.unique(["u", "v", "way"]).with_columns(pl.lit(None, UTC).alias(name) for name in ("f", "t"))
    search = _Search(
        ways=stack([ways.filter(~pl.col("is_several")), once]), stretches=several.select("u", "v", "way", "f", "t"), degrees=ways.group_by("u").agg(pl.len().alias("n")),
        sources=sources.select("source", "occurred_from", "late_from", "transfer_from", "is_finding", "claim_known_at"),
        barred=barred.unique().join(lineages, on="lineage", how="inner", validate="m:1").select("lineage_id", "node_id"),
        cleared_until=barriers.cleared_until, policy=policy, instant=instant,
    )  # fmt: skip
    found = pl.concat(search.run(_start_states(started)))
    return Paths(started, _first_per(found, ["source", "node_id"]))


def best_paths(paths: Paths, parties: pl.DataFrame, cases: pl.DataFrame, policy: Policy) -> pl.DataFrame:
    """Rows of graph.influences: per node and lineage the best path; ties go to fewer edges, then the smallest node ids.

    `cases`: lineage of every case of which a record stands: it counts for public_security.
    """
    judged = _judge_sources(paths.signals, policy)
    rows = paths.found.join(judged.drop("lineage", "signal_id"), on="source", how="inner", validate="m:1")
    key = ["lineage_id", "node_id"]
    best = _first_per(rows, key, "is_live", "signal_place")  # as good by a signal whose records are over: not live
    told = _what_is_told(rows, key, parties)
    found = (
        _with_path(best, policy)
        .select(*key, "source", "influence", "n_edges", "path", "is_live")
        .join(told, on=key, how="inner", validate="1:1")
        .join(judged.select("source", "lineage", "signal_id"), on="source", how="inner", validate="m:1")
    )
    is_case = pl.col("lineage").is_in(cases["lineage"].unique().implode())
    standards = {2: "finding", 1: "report", 0: "indicator"}
    speakers = dict(enumerate(_speakers(paths.signals, policy)))
    return found.select(
        "node_id", "lineage", "influence", "n_edges", "path", "signal_id",
        pl.when(is_case).then(pl.lit("public_security"))
        .otherwise(pl.col("speaker").replace_strict(speakers, return_dtype=pl.String)).alias("agency"),
        pl.col("rank").replace_strict(standards, return_dtype=pl.String).alias("standard"),
        pl.col("is_live").alias("last_edge_live"), "by_own_party_finding", "is_public",
    )  # fmt: skip


def _speakers(signals: pl.DataFrame, policy: Policy) -> list[str]:
    """Every agency, in the order in which one of several that say the same counts."""
    others = set(signals["agency"]) - set(policy.score.agency_order)
    return [*policy.score.agency_order, *sorted(others)]


def _judge_sources(signals: pl.DataFrame, policy: Policy) -> pl.DataFrame:
    """One row per source: what its signals, all as strong and as far-reaching, say together.

    `rank` of the standard: 2 finding, 1 report, 0 indicator. `speaker`: place of the agency that counts, among those of a finding or report
    if there are any. `signal_place`: place of the least signal_id.
    """
    place = {agency: number for number, agency in enumerate(_speakers(signals, policy))}
    rows = signals.with_columns(
        rank=pl.col("standard").replace_strict({"finding": 2, "report": 1}, default=0, return_dtype=pl.Int8),
        speaker=pl.col("agency").replace_strict(place, return_dtype=pl.Int32),
    ).with_columns(is_hard=pl.col("rank") > 0)
    is_heard = pl.col("is_hard") == pl.col("is_hard").max().over("source")
    told = rows.with_columns(speaker=pl.when(is_heard).then("speaker")).group_by("source").agg(
        pl.col("lineage", "lineage_id").first(), pl.col("signal_id").min(), pl.col("rank").max(), pl.col("speaker").min(),
        pl.col("is_weighty").any(), pl.col("is_public").all(), pl.col("strength").first(),
    )  # fmt: skip
    return told.with_columns(signal_place=pl.col("signal_id").rank("dense"))


def _what_is_told(rows: pl.DataFrame, key: list[str], parties: pl.DataFrame) -> pl.DataFrame:
    """Per key: `rank` of the best standard, `by_own_party_finding`, `is_public` (nobody but public lists says it), and `speaker`: whose
    strongest finding or report, else indicator, reaches the node; of several as strong the first in the order."""
    party = parties.select("node_id", "party_id")
    rows = rows.join(party, on="node_id", how="left", validate="m:1").join(
        party.select(pl.col("node_id").alias("n0"), pl.col("party_id").alias("_start_party")), on="n0", how="left", validate="m:1"
    )  # fmt: skip
    own = pl.col("is_weighty") & (pl.col("n0") != pl.col("node_id")) & (pl.col("party_id") == pl.col("_start_party"))
    loud = pl.col("strength") + pl.when(pl.col("rank") > 0).then(2.0).otherwise(
        0.0
    )  # any report before every indicator
    rows = rows.with_columns(_loud=loud).with_columns(_loudest=pl.col("_loud").max().over(key))
    own &= pl.col("influence") == pl.col("influence").max().over(key)  # what is not the best adds nothing to the score
    return rows.group_by(key).agg(
        pl.col("rank").max(), own.fill_null(False).any().alias("by_own_party_finding"), pl.col("is_public").all(),
        pl.when(pl.col("_loud") == pl.col("_loudest")).then("speaker").min().alias("speaker"),
    )  # fmt: skip


def _with_path(best: pl.DataFrame, policy: Policy) -> pl.DataFrame:
    """`best` with `path`: the edges walked, in their own direction."""
    codes = way_codes(policy)
    kinds = {code: kind for (kind, _), code in codes.items()}
    back = [code for (_, along), code in codes.items() if not along]
    rows, steps = best.with_row_index("_row"), []
    for place, way in enumerate(WAYS):
        u, v, is_back = pl.col(NODES[place]), pl.col(NODES[place + 1]), pl.col(way).is_in(back)
        steps.append(
            rows.filter(pl.col("n_edges") > place).select(
                "_row", (pl.col("_row").cast(pl.Int64) * MAX_EDGES + place).alias("_order"),
                pl.col(way).replace_strict(kinds, return_dtype=pl.String).alias("kind"),
                pl.when(is_back).then(v).otherwise(u).alias("from_id"), pl.when(is_back).then(u).otherwise(v).alias("to_id"),
            )
        )  # fmt: skip
    walked = pl.concat(steps).sort("_order").with_columns(pl.col("_row").set_sorted())
    paths = walked.group_by("_row", maintain_order=True).agg(pl.struct("kind", "from_id", "to_id").alias("path"))
    found = rows.join(paths, on="_row", how="left", validate="1:1").drop("_row")
    return found.with_columns(pl.col("path").fill_null(pl.lit([], pl.List(STEP))))


def score_nodes(influences: pl.DataFrame) -> pl.DataFrame:
    """Rows of graph.scores: 1 - product of (1 - influence), to 6 places. Multiplied in order of size: the same rows give the same score."""
    by_size = influences.sort("node_id", "influence").group_by("node_id", maintain_order=True)
    scored = by_size.agg(
        (1.0 - pl.col("influence")).product().alias("_rest"), pl.len().cast(pl.Int32).alias("n_lineages")
    )
    scored = scored.with_columns(score=1.0 - pl.col("_rest"))
    for column, names in (("lineage", "lineages"), ("agency", "agencies")):
        distinct = influences.select("node_id", column).unique().sort("node_id", column)
        lists = distinct.group_by("node_id", maintain_order=True).agg(pl.col(column).alias(names))
        scored = scored.join(lists, on="node_id", how="left", validate="1:1")
    return scored.select("node_id", rounded("score", 6).alias("score"), "n_lineages", "lineages", "agencies")


def rounded(column: str, places: int) -> pl.Expr:
    """To so many decimal places, a half away from zero. What floating point left beside a half (1e-6 of the last place) is taken for one.

    The last `round` only gives the float nearest to the decimal number: Polars divides by a constant as it multiplies by its inverse.
    """
    unit = 10.0**places
    return ((pl.col(column) * unit + (0.5 + 1e-6)).floor() / unit).round(places)


__all__ = ["Barriers", "Paths", "best_paths", "score_nodes", "spread", "walkable"]
