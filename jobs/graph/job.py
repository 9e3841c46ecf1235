"""Stage `graph`: tenures, edges, shared identifiers, contested identifiers and parties, rebuilt each night from what stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial

import polars as pl

from jobs.core.contracts import CodeList, Feed
from jobs.core.frames import UTC, stack
from jobs.core.night import Night, StageReport, together
from jobs.graph import accounts, cases, edges, parties, shared, tenures
from jobs.graph.intervals import begins, ends
from jobs.graph.lineage import trace_ids
from jobs.graph.sources import Sources
from jobs.policy import Edge, EdgeKind, Policy
from jobs.silver.standing import current

CASES, SITES = "public_security/case_reports", "internet/malicious_sites"
ACCOUNTS, INTERNET, TRANSFERS = "finance/accounts", "internet/internet_accounts", "finance/suspicious_transfers"
SUBSCRIPTIONS, LINES = "telecom/subscriptions", "telecom/abnormal_numbers"
SIGHTINGS, LOGINS = "telecom/device_sightings", "internet/account_logins"
NAMED = {
    CASES: ("case_id",), ACCOUNTS: ("account_id", "holder_id", "phone_id"), INTERNET: ("account_id", "holder_id", "phone_id"),
    TRANSFERS: ("payer_id", "payee_id"), SUBSCRIPTIONS: ("phone_id", "holder_id", "imsi_id", "iccid_id"), SIGHTINGS: ("imsi_id", "imei_id"),
    LOGINS: ("account_id", "imei_id", "ip_id"), SITES: ("url_id", "host_id", "ip_id", "operator_id"),
}  # fmt: skip
"""Per feed what its edges are between: a version that names the same says of them nothing new."""
FEEDS = (CASES, ACCOUNTS, TRANSFERS, SUBSCRIPTIONS, SIGHTINGS, LINES, INTERNET, LOGINS, SITES)


@dataclass(frozen=True)
class Given:
    """What a graph is built from: per feed the versions that stand, the cases that free, identifiers, and two tables of the night before."""

    versions: Mapping[str, pl.DataFrame]
    freeing_cases: pl.DataFrame
    identifiers: pl.DataFrame
    marks_before: pl.DataFrame
    parties_before: pl.DataFrame
    named_by_lists: Sequence[tuple[str, str, str]] = ()
    """Public lists that claim something of phones: feed, the number's column, the moment's column."""


@dataclass(frozen=True)
class Rules:
    """By what it is built: policy, ranks of authorities, the key of node ids, the business date and its end."""

    policy: Policy
    levels: CodeList
    key: bytes
    on: date
    instant: datetime


def run(night: Night) -> StageReport:
    """Rebuild the graph. Rows in: supporting records; rows out: edges."""
    lake, source = night.lake, Sources.of(night)
    lists = phone_lists(night.contracts)
    given = Given(
        versions={feed: _versions(source, feed) for feed in (*FEEDS, *(feed for feed, _, _ in lists))},
        freeing_cases=source.freeing(CASES),
        identifiers=lake.frame("graph.identifiers"),
        marks_before=lake.frame("graph.shared_identifiers"),
        parties_before=lake.frame("graph.parties"),
        named_by_lists=lists,
    )
    rules = Rules(night.policy, night.codes["authority_levels"], night.key, night.on, night.instant)
    built = build_graph(given, rules)
    lineage = built.pop("graph.lineage")
    together(
        *(partial(lake.replace, name, frame) for name, frame in built.items()),
        partial(lake.append, "graph.lineage", lineage),
    )
    n_records = int(built["graph.edges"]["support"].list.len().sum())
    return StageReport(rows_in=n_records, rows_out=built["graph.edges"].height)


def _versions(source: Sources, feed: str) -> pl.DataFrame:
    """Those that stand, dated as first known."""
    found = source.versions(feed)
    return edges.date_as_first_known(found, NAMED[feed]) if feed in NAMED else found


def phone_lists(contracts: Mapping[str, Feed]) -> list[tuple[str, str, str]]:
    """(feed, column of the number's id, column of the moment) of the public lists that claim something of phones."""
    return [
        (feed.id, f"{signal.identifier}_id", signal.from_)
        for feed in contracts.values()
        for signal in feed.signals
        if feed.identifiers[signal.identifier].type == "phone"
    ]


def build_graph(given: Given, rules: Rules) -> dict[str, pl.DataFrame]:
    """The graph's tables by name; of graph.lineage the rows of this night."""
    subscriptions = tenures.cut_subscriptions(given.versions[SUBSCRIPTIONS])
    subscriptions = tenures.join_tenures(subscriptions, rules.key, rules.policy.tenures.same_holder_gap_days)
    known = tenures.collect_tenures(subscriptions)
    by_phone = tenures.tenures_by_phone(known)
    finance = _attach_accounts(given, rules, by_phone, ACCOUNTS, "institution_id", "opened_at", None)
    internet = _attach_accounts(given, rules, by_phone, INTERNET, "platform", "registered_at", "internet_account")
    named = cases.involvements(current(given.versions[CASES]), by_phone, rules.key)
    involved = named.join(_unfounded(given, rules), on="case_id", how="anti")
    lines = tenures.attach_phone(
        current(given.versions[LINES]), by_phone, rules.key, phone="phone_id", moment=pl.col("window_start")
    )
    support = stack(
        [
            edges.sim_supports(subscriptions, SUBSCRIPTIONS),
            *_account_supports(finance, ACCOUNTS),
            *_account_supports(internet, INTERNET),
            *_sighting_supports(given, rules.policy.edges),
            edges.involved_supports(involved, CASES, rules.key, cases.OFFENDING),
            edges.named_supports(_guard(named, given, "identifier_registrable_id"), CASES),
            edges.transfer_supports(current(given.versions[TRANSFERS]), TRANSFERS),
        ]
    )
    implicit = tenures.implicit_tenures(
        *((frame.filter(pl.col("tenure_node").is_not_null()), "phone_id") for frame in (finance, internet, lines)),
        (involved.filter("is_implicit").with_columns(tenure_node="node_id"), "phone_id"),
        *_named_by_lists(given, rules, by_phone),
    )
    all_edges = edges.build_edges(support, pl.lit(rules.instant, UTC))
    all_tenures = tenures.tenure_rows(known, implicit, tenures.number_carriers(subscriptions))
    return {
        "graph.edges": all_edges,
        "graph.tenures": all_tenures,
        **_build_parties(given, rules, all_edges, all_tenures),
    }


def _named_by_lists(given: Given, rules: Rules, by_phone: pl.DataFrame) -> list[tuple[pl.DataFrame, str]]:
    """What public lists name, with its tenures."""
    found = []
    for feed, phone, moment in given.named_by_lists:
        rows = current(given.versions[feed])
        day = pl.col(f"{moment}_is_day") if f"{moment}_is_day" in rows.columns else None
        attached = tenures.attach_phone(rows, by_phone, rules.key, phone=phone, moment=pl.col(moment), is_day=day)
        found.append((attached.filter(pl.col("tenure_node").is_not_null()), phone))
    return found


def _unfounded(given: Given, rules: Rules) -> pl.DataFrame:
    """Ids of the cases that are called unfounded."""
    return cases.unfounded_cases(given.versions[CASES], given.freeing_cases, rules.levels)


def _attach_accounts(
    given: Given, rules: Rules, by_phone: pl.DataFrame, feed: str, scope: str, opened: str, kind: str | None
) -> pl.DataFrame:
    """The account records of a feed with their tenures."""
    versions = accounts.account_versions(given.versions[feed], scope=scope, opened=opened, account_type=kind)
    return tenures.attach_phone(versions, by_phone, rules.key, phone="phone_id", moment=pl.col("starts_at"))


def _account_supports(attached: pl.DataFrame, feed: str) -> list[pl.DataFrame]:
    times = pl.col("vf"), pl.col("vt")
    bindings, holdings = accounts.account_supports(attached)
    return [
        edges.supports(bindings, "bound_phone", feed, "account_id", "tenure_node", *times),
        edges.supports(holdings, "holder", feed, "holder_id", "account_id", *times),
    ]


def _sighting_supports(given: Given, kinds: Mapping[EdgeKind, Edge]) -> list[pl.DataFrame]:
    """What was seen from time to time: SIMs in devices, logins, sites."""
    logins, sites = current(given.versions[LOGINS]), _guard(current(given.versions[SITES]), given, "registrable_id")
    return [
        edges.device_supports(current(given.versions[SIGHTINGS]), kinds["device"].tail_days, SIGHTINGS),
        edges.login_supports(logins, kinds["login_device"].tail_days, kinds["login_ip"].tail_days, LOGINS),
        edges.site_supports(sites, kinds["hosted_on"].tail_days, SITES),
    ]


def _guard(rows: pl.DataFrame, given: Given, registrable: str) -> pl.DataFrame:
    """The rows with `is_guarded`: whether nothing may roll up into their registrable domain."""
    guarded = given.identifiers.filter("is_guarded").select(pl.col("node_id").alias(registrable), "is_guarded")
    return rows.join(guarded, on=registrable, how="left", validate="m:1")


def _stretches(all_edges: pl.DataFrame, kind: str) -> pl.DataFrame:
    """One row per time in which one record supports an edge of the kind; open ends are far moments."""
    rows = all_edges.filter(pl.col("kind") == kind).select("from_id", "to_id", "support").explode("support")
    since, to = (pl.col("support").struct.field(name) for name in ("valid_from", "valid_to"))
    return rows.select("from_id", "to_id", begins(since).alias("vf"), ends(to).alias("vt"))


def _build_parties(
    given: Given, rules: Rules, all_edges: pl.DataFrame, all_tenures: pl.DataFrame
) -> dict[str, pl.DataFrame]:
    nodes = nodes_seen(given.identifiers, all_tenures)
    counted = shared.count_neighbours(all_edges, nodes.select("node_id", "type"), rules.policy.shared)
    marked = shared.mark_shared(counted, given.marks_before, rules.on, rules.policy.shared.off_below)
    held = _stretches(all_edges, "holder")
    contested = parties.find_contested(held)
    overlapping = parties.overlapping_tenures(all_tenures).join(contested, on="node_id", how="anti")
    assigned = parties.assign_parties(
        nodes=nodes.select("node_id", "first_seen_on", pl.col("type").is_in(parties.DOCUMENTS).alias("is_document")),
        holdings=held, contested=contested, links=_links(all_edges, marked),
        crowded=marked.filter(pl.col("kind") == "holder", pl.col("side") == "from").select("node_id"),
    )  # fmt: skip
    before, after = (frame.select("node_id", id="party_id") for frame in (given.parties_before, assigned))
    return {
        "graph.shared_identifiers": marked,
        "graph.contested": stack([contested, overlapping]),
        "graph.parties": assigned,
        "graph.lineage": trace_ids(before, after, "party", rules.on),
    }


def nodes_seen(identifiers: pl.DataFrame, all_tenures: pl.DataFrame) -> pl.DataFrame:
    """(node_id, type, first_seen_on): identifiers, and in place of phones their tenures."""
    seen = identifiers.select("first_seen_on", phone_id="node_id")
    of_tenures = all_tenures.join(seen, on="phone_id", how="left", validate="m:1").select(
        "node_id", pl.lit("phone").alias("type"), "first_seen_on"
    )
    others = identifiers.filter(pl.col("type") != "phone").select("node_id", "type", "first_seen_on")
    return stack([others, of_tenures])


def _links(all_edges: pl.DataFrame, marked: pl.DataFrame) -> pl.DataFrame:
    """(a, b): what identifiers without a document are grouped over: `sim`, and the newest binding of each account to a tenure not shared."""
    crowded = marked.filter(pl.col("kind") == "bound_phone", pl.col("side") == "to").select(b="node_id")
    bound = parties.newest_bindings(_stretches(all_edges, "bound_phone")).join(crowded, on="b", how="anti")
    return stack([bound, all_edges.filter(pl.col("kind") == "sim").select(a="from_id", b="to_id")])
