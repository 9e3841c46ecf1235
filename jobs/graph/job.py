"""Stage `graph`: tenures, edges, shared identifiers, contested identifiers and parties, rebuilt each night from what stands."""

from __future__ import annotations

from functools import reduce

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.core.night import Night, StageReport, settle, together
from jobs.graph import accounts, cases, edges, parties, shared, tenures
from jobs.graph.intervals import begins, ends
from jobs.graph.lineage import trace_ids
from jobs.graph.sources import Sources

DOCUMENTS = ("national_id", "uscc", "passport", "other_document")


def run(night: Night) -> StageReport:
    """Rebuild the graph. Rows in: supporting records; rows out: edges."""
    lake, policy = night.lake, night.policy
    source = Sources.of(night)
    identifiers = lake.read("graph.identifiers")
    weights = policy.edges

    subscriptions = tenures.cut_subscriptions(source.versions("telecom/subscriptions"))
    subscriptions = tenures.join_tenures(subscriptions, night.key, policy.tenures.same_holder_gap_days)
    subscriptions = settle(subscriptions)
    known = settle(tenures.collect_tenures(subscriptions))
    by_phone = settle(tenures.tenures_by_phone(known))

    unfounded = cases.unfounded_cases(
        source.versions("public_security/case_reports"),
        source.freeing("public_security/case_reports"),
        night.codes["authority_levels"],
    )
    reports = source.current("public_security/case_reports").join(unfounded, on="case_id", how="left_anti")
    (finance, finance_cut), (internet, internet_cut) = together(
        lambda: _accounts(night, by_phone, "finance/accounts", "institution_id", "opened_at", None),
        lambda: _accounts(
            night, by_phone, "internet/internet_accounts", "platform", "registered_at", "internet_account"
        ),
    )
    involved = settle(cases.involvements(reports, by_phone, night.key))
    abnormal = tenures.attach_phone(
        source.current("telecom/abnormal_numbers"), by_phone, night.key, phone="phone_id", moment=F.col("window_start")
    )

    guarded = identifiers.where("is_guarded").select(
        F.col("node_id").alias("registrable_id"), F.lit(True).alias("is_guarded")
    )
    sites = source.current("internet/malicious_sites").join(F.broadcast(guarded), on="registrable_id", how="left")
    named = involved.join(
        F.broadcast(guarded.withColumnRenamed("registrable_id", "identifier_registrable_id")),
        on="identifier_registrable_id",
        how="left",
    )
    support = reduce(
        DataFrame.unionByName,
        [
            edges.sim_supports(subscriptions, known, "telecom/subscriptions"),
            *_account_supports(finance_cut, "finance/accounts"),
            *_account_supports(internet_cut, "internet/internet_accounts"),
            edges.device_supports(
                source.current("telecom/device_sightings"), weights["device"].tail_days, "telecom/device_sightings"
            ),
            edges.login_supports(
                source.current("internet/account_logins"),
                weights["login_device"].tail_days,
                weights["login_ip"].tail_days,
                "internet/account_logins",
            ),
            edges.site_supports(sites, weights["hosted_on"].tail_days, "internet/malicious_sites"),
            edges.case_supports(named, "public_security/case_reports", night.key, cases.OFFENDING),
            edges.transfer_supports(source.current("finance/suspicious_transfers"), "finance/suspicious_transfers"),
        ],
    )
    implicit = tenures.implicit_tenures(
        *((frame.where("tenure_node IS NOT NULL"), "phone_id") for frame in (finance, internet, abnormal)),
        (involved.where("is_implicit").withColumn("tenure_node", F.col("node_id")), "phone_id"),
    )
    instant = F.lit(night.instant)
    together(
        lambda: lake.replace("graph.edges", edges.build_edges(support, instant)),
        lambda: lake.replace("graph.tenures", tenures.tenure_rows(known, implicit)),
    )
    _write_parties(night, identifiers)
    size = (
        lake.read("graph.edges")
        .agg(F.sum(F.size("support")).alias("records"), F.count("*").alias("edges"))
        .collect()[0]
    )
    return StageReport(rows_in=size["records"] or 0, rows_out=size["edges"])


def _accounts(
    night: Night, by_phone: DataFrame, feed: str, scope: str, opened: str, kind: str | None
) -> tuple[DataFrame, DataFrame]:
    """The account records of a feed with their tenures, and cut into stretches of time."""
    versions = accounts.account_versions(
        Sources.of(night).versions(feed), scope=scope, opened=opened, account_type=kind
    )
    attached = settle(tenures.attach_phone(versions, by_phone, night.key, phone="phone_id", moment=F.col("starts_at")))
    return attached, settle(accounts.cut_accounts(attached))


def _account_supports(cut: DataFrame, feed: str) -> list[DataFrame]:
    return [
        edges.supports(
            accounts.bindings(cut), "bound_phone", feed, "account_id", "tenure_node", F.col("vf"), F.col("vt")
        ),
        edges.supports(accounts.holdings(cut), "holder", feed, "holder_id", "account_id", F.col("vf"), F.col("vt")),
    ]


def _stretches(all_edges: DataFrame, kind: str) -> DataFrame:
    """One row per time in which one record supports an edge of the kind; open ends are far moments."""
    rows = all_edges.where(F.col("kind") == kind).select("from_id", "to_id", F.explode("support").alias("s"))
    return rows.select(
        "from_id", "to_id", begins(F.col("s.valid_from")).alias("vf"), ends(F.col("s.valid_to")).alias("vt")
    )


def _write_parties(night: Night, identifiers: DataFrame) -> None:
    lake, policy = night.lake, night.policy
    all_edges, all_tenures = lake.read("graph.edges"), lake.read("graph.tenures")
    first_seen = identifiers.select(F.col("node_id").alias("phone_id"), "first_seen_on")
    of_tenures = all_tenures.join(first_seen, on="phone_id", how="left").select(
        "node_id", F.lit("phone").alias("type"), "first_seen_on"
    )
    nodes, held = together(
        lambda: settle(
            identifiers.where("type <> 'phone'").select("node_id", "type", "first_seen_on").unionByName(of_tenures)
        ),
        lambda: settle(_stretches(all_edges, "holder")),
    )
    counted = shared.count_neighbours(all_edges, nodes.select("node_id", "type"), night.spark, policy.shared)
    before_marks = lake.read("graph.shared_identifiers")
    marked, contested = together(
        lambda: settle(shared.mark_shared(counted, before_marks, night.on, policy.shared.off_below)),
        lambda: settle(parties.find_contested(held)),
    )
    overlapping = parties.overlapping_tenures(all_tenures).join(
        contested.select("node_id"), on="node_id", how="left_anti"
    )
    bound = _stretches(all_edges, "bound_phone")
    bound_shared = _of_kind(marked, "bound_phone")
    links = (
        parties.newest_bindings(bound)
        .join(bound_shared, on=F.col("b") == F.col("node_id"), how="left_anti")
        .unionByName(all_edges.where("kind = 'sim'").select(F.col("from_id").alias("a"), F.col("to_id").alias("b")))
    )
    before = lake.read("graph.parties").select(F.col("party_id").alias("id"), "node_id")
    assigned = parties.assign_parties(
        night.spark,
        nodes=nodes.select("node_id", "first_seen_on", F.col("type").isin(*DOCUMENTS).alias("is_document")),
        holdings=held, contested=contested, links=links,
    )  # fmt: skip
    together(
        lambda: lake.replace("graph.parties", assigned),
        lambda: lake.replace("graph.shared_identifiers", marked),
        lambda: lake.replace("graph.contested", contested.unionByName(overlapping)),
    )
    after = lake.read("graph.parties").select(F.col("party_id").alias("id"), "node_id")
    lake.append("graph.lineage", trace_ids(before, after, "party", night.on))


def _of_kind(marked: DataFrame, kind: str) -> DataFrame:
    return marked.where((F.col("kind") == kind) & (F.col("side") == "to")).select("node_id")
