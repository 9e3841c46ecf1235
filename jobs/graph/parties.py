"""Parties: who stands behind identifiers (graph.md, Parties)."""

from __future__ import annotations

import polars as pl

from jobs.core.frames import pick, stack
from jobs.graph.components import label_components
from jobs.graph.intervals import end_or_null, ends

DOCUMENTS = ("national_id", "uscc", "passport", "other_document")
"""Types that are a party: a person, or a company."""
_NEWEST = [("vf", True), ("vt", True), ("from_id", True)]


def find_contested(holdings: pl.DataFrame) -> pl.DataFrame:
    """(node_id, holder_id, other_holder_id, overlap_from, overlap_to): nodes with a newest holder that another
    document's holding overlaps, at any time.

    `holdings`: from_id (document), to_id (node), vf, vt: one row per supporting stretch.
    """
    several = holdings.group_by("to_id").agg(n=pl.col("from_id").n_unique()).filter(pl.col("n") > 1)
    rows = holdings.select("from_id", "to_id", "vf", "vt").join(several, on="to_id", how="semi")
    newest = pick(rows, "to_id", _NEWEST).select("to_id", holder_id="from_id")
    own = rows.rename({"from_id": "holder_id", "vf": "_from", "vt": "_to"}).join(
        newest, on=["to_id", "holder_id"], how="semi"
    )
    rows = rows.join(own, on="to_id", how="inner").with_columns(
        over_from=pl.max_horizontal("vf", "_from"), over_to=pl.min_horizontal("vt", "_to")
    )
    rows = rows.filter(pl.col("from_id") != pl.col("holder_id"), pl.col("over_from") < pl.col("over_to"))
    return rows.group_by(node_id="to_id").agg(
        pl.col("holder_id").first(), pl.col("from_id").min().alias("other_holder_id"),
        pl.col("over_from").min().alias("overlap_from"), end_or_null(pl.col("over_to").max()).alias("overlap_to"),
    )  # fmt: skip


def overlapping_tenures(tenures: pl.DataFrame) -> pl.DataFrame:
    """Rows of graph.contested for tenures of one number that overlap: both are kept, each with its own holder."""
    known = tenures.filter(~pl.col("is_implicit")).select(
        "node_id", "phone_id", "holder_id", _from="tenure_from", _to=ends(pl.col("tenure_to"))
    )
    several = known.filter(pl.len().over("phone_id") > 1)
    other = several.select("phone_id", _node="node_id", _holder="holder_id", _f="_from", _t="_to")
    pairs = several.join(other, on="phone_id", how="inner").filter(
        pl.col("node_id") != pl.col("_node"),
        pl.col("_from") < pl.col("_t"),
        pl.col("_f") < pl.col("_to"),
        pl.col("holder_id") != pl.col("_holder"),
    )
    return pairs.group_by("node_id").agg(
        pl.col("holder_id").first(), pl.col("_holder").min().alias("other_holder_id"),
        pl.max_horizontal("_from", "_f").min().alias("overlap_from"),
        end_or_null(pl.min_horizontal("_to", "_t").max()).alias("overlap_to"),
    )  # fmt: skip


def newest_bindings(bound: pl.DataFrame) -> pl.DataFrame:
    """(account, tenure): the newest binding of each account: latest start, then latest end, ended ones too."""
    return pick(bound, "from_id", [("vf", True), ("vt", True), ("to_id", True)]).select(a="from_id", b="to_id")


def assign_parties(
    *, nodes: pl.DataFrame, holdings: pl.DataFrame, contested: pl.DataFrame, links: pl.DataFrame, crowded: pl.DataFrame
) -> pl.DataFrame:
    """Rows of graph.parties. `nodes`: node_id, first_seen_on, is_document; `links`: a, b over `sim` and newest bindings, none shared;
    `crowded`: node_id of documents that are shared: what they hold is a party each, and theirs for roles."""
    known = _by_document(nodes, holdings, contested, crowded)
    sides = links.select("a", "b")
    for end in ("a", "b"):
        of_end = known.select(
            pl.col("node_id").alias(end), pl.col("party_id").alias(f"p{end}"), pl.col("role_party_id").alias(f"r{end}")
        )
        sides = sides.join(of_end, on=end, how="left", validate="m:1")
    loose = nodes.filter(~pl.col("is_document")).join(known, on="node_id", how="anti")
    grouped = _place_groups(_group(loose, sides), sides)
    one, none = pl.col("_n_parties") == 1, pl.col("_n_parties").is_null()
    beside = known.filter(pl.col("node_id") == pl.col("party_id")).select(_party="node_id", _kind="kind")
    rest = grouped.join(beside, on="_party", how="left", validate="m:1").select(
        "node_id",
        pl.when(one).then("_party").otherwise("_anchor").alias("party_id"),
        pl.when(one).then(pl.col("_kind").fill_null("documented"))
        .when(none).then(pl.lit("unknown"))
        .otherwise(pl.lit("ambiguous")).alias("kind"),
        pl.when(pl.col("_n_roles") == 1).then("_role").otherwise("_anchor").alias("role_party_id"),
    )  # fmt: skip
    return stack([known, rest])


def _by_document(
    nodes: pl.DataFrame, holdings: pl.DataFrame, contested: pl.DataFrame, crowded: pl.DataFrame
) -> pl.DataFrame:
    """(node_id, party_id, kind, role_party_id): documents, and what the newest holder document holds; a contested identifier is a party of
    its own, and so is what a shared document holds, but for roles."""
    newest = pick(holdings, "to_id", _NEWEST).select(node_id="to_id", doc="from_id")
    disputed = pl.col("node_id").is_in(contested["node_id"].implode())
    alone = pl.col("doc").is_in(crowded["node_id"].implode())
    held = newest.select(
        "node_id",
        pl.when(disputed | alone).then("node_id").otherwise("doc").alias("party_id"),
        pl.when(disputed).then(pl.lit("contested")).when(alone).then(pl.lit("unknown")).otherwise(pl.lit("documented")).alias("kind"),
        pl.when(disputed).then("node_id").otherwise("doc").alias("role_party_id"),
    )  # fmt: skip
    own = pl.col("node_id")
    documents = nodes.filter("is_document").select(
        own, own.alias("party_id"), pl.lit("documented").alias("kind"), own.alias("role_party_id")
    )
    return stack([held.join(documents, on="node_id", how="anti"), documents])


def _group(loose: pl.DataFrame, sides: pl.DataFrame) -> pl.DataFrame:
    """(node_id, grp, _anchor): identifiers without a document by the component that links among themselves make, and its anchor."""
    inside = sides.filter(pl.col("pa").is_null(), pl.col("pb").is_null())
    alone = loose["node_id"]  # each linked to itself: a node without any link is a group too
    labelled = label_components(pl.concat([inside["a"], alone]), pl.concat([inside["b"], alone]))
    grouped = loose.select("node_id", "first_seen_on").join(labelled, on="node_id", how="inner", validate="1:1")
    anchors = pick(grouped, "component", ["first_seen_on", "node_id"]).select("component", _anchor="node_id")
    return grouped.join(anchors, on="component", how="inner", validate="m:1").select(
        "node_id", "_anchor", grp="component"
    )


def _place_groups(grouped: pl.DataFrame, sides: pl.DataFrame) -> pl.DataFrame:
    """`grouped` with what its group is next to: `_n_parties` (null: none) and `_party`, the least of them; `_n_roles` and `_role` the same of
    parties for roles."""
    next_to = stack(
        sides.filter(pl.col(f"p{node}").is_null(), pl.col(f"p{other}").is_not_null()).select(
            node_id=node, p=f"p{other}", r=f"r{other}"
        )
        for node, other in (("a", "b"), ("b", "a"))
    )
    beside = (
        grouped.join(next_to, on="node_id", how="inner")
        .group_by("grp")
        .agg(
            _n_parties=pl.col("p").n_unique(),
            _party=pl.col("p").min(),
            _n_roles=pl.col("r").n_unique(),
            _role=pl.col("r").min(),
        )
    )
    return grouped.join(beside, on="grp", how="left", validate="m:1")
