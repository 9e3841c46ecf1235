"""docs/reference/feeds.md: what each agency delivers, feed by feed."""

from __future__ import annotations

from collections.abc import Mapping

from jobs.core.contracts import BASE_COLUMNS, PATTERN, CodeList, Feed, Identifier
from jobs.reference.columns import render_columns
from jobs.reference.markdown import code, codes, page, table, text
from jobs.reference.reasons import QUARANTINE, find_reasons

INTRO = """\
One file in `schemas/feeds/` is one feed. Times are ISO 8601 with an offset; a `moment` may be a date, which
then stands for its whole day (Asia/Shanghai). What is not required may be empty. What is personal stays in
bronze: an identifier goes on as a keyed id, and its value into the vault.
"""
_GUARDS = {
    "itself": "`itself`: what it names is never listed; what is below may be",
    "below": "`below`: its domains and all hosts, urls and mail below them are never listed",
    "matching": f"`matching`: a number that matches the whole of `{PATTERN}` is never listed",
}


def render_feeds(feeds: Mapping[str, Feed], lists: Mapping[str, CodeList]) -> str:
    """The page: an index, the columns that every record has, then one section per feed."""
    ordered = [feeds[name] for name in sorted(feeds)]
    base = [next(iter(ordered)).columns[name] for name in BASE_COLUMNS] if ordered else []
    every = ["## In every record", "", *render_columns(base)]
    return page(
        "Feeds",
        [*INTRO.splitlines(), ""],
        _index(ordered),
        every,
        *(_section(feed, lists) for feed in ordered),
    )


def _index(feeds: list[Feed]) -> list[str]:
    rows = (
        (
            f"[{feed.id}](#{_anchor(feed)})",
            text(feed.description),
            "yes" if feed.essential else "",
            "yes" if feed.public else "",
        )
        for feed in feeds
    )
    return table(("feed", "one record", "essential", "public list"), rows)


def _anchor(feed: Feed) -> str:
    return feed.id.replace("/", "")


def _section(feed: Feed, lists: Mapping[str, CodeList]) -> list[str]:
    own = [column for column in feed.schema_ if column.name not in BASE_COLUMNS]
    inner = {
        f"{column.name}[].{label}": identifier
        for column in own
        if column.items
        for label, identifier in column.items.identifiers.items()
    }
    return [
        f"## {feed.id}", "", text(feed.description), "", *_facts(feed), *render_columns(own),
        *_identifiers({**feed.identifiers, **inner}), *_signals(feed), *_rules(feed), *_reasons(feed, lists),
    ]  # fmt: skip


def _facts(feed: Feed) -> list[str]:
    promises = [f"{sla.get('property')} {sla.get('value')} {sla.get('unit', '')}".strip() for sla in feed.slaProperties]
    facts = [
        ("version", f"{feed.version}, {feed.status}"),
        ("delivered to", code(f"{feed.id}/<business_date>/<delivery_id>/")),
        ("written as", _written(feed)),
        ("modes", text(feed.modes)),
        ("essential", "yes: its agency's ingest DAG waits for it" if feed.essential else "no"),
        ("promised", text(promises) or None),
        ("guards", _GUARDS[feed.guards] if feed.guards else None),
        ("reader", code(feed.reader) if feed.reader else None),
        ("licence", text(feed.licence) or None),
        ("tables", codes((f"bronze.{feed.table}", f"silver.{feed.table}"))),
    ]
    return [*(f"- {name}: {value}" for name, value in facts if value is not None), ""]


def _written(feed: Feed) -> str:
    form = feed.format
    if form.type == "parquet":
        return "parquet"
    how = "gzip, plain is read too" if form.compression == "gzip" else "plain, gzip is read too"
    return f"{form.type}, {form.encoding}, {how}"


def _identifiers(identifiers: Mapping[str, Identifier]) -> list[str]:
    rows = (
        (
            code(label),
            code(one.type) if one.type else f"as {code(one.type_from)} says",
            code(one.value),
            code(one.scope),
        )
        for label, one in identifiers.items()
    )
    return table(("identifier", "type", "read from", "issuer or platform"), rows)


def _signals(feed: Feed) -> list[str]:
    rows = (
        (
            code(one.identifier),
            code(one.role),
            str(one.strength),
            one.standard,
            f"{one.lives_days} days from {code(one.from_)}",
            code(one.lineage),
        )
        for one in feed.signals
    )
    return table(("signal on", "role", "strength", "standard", "lives", "lineage"), rows)


def _rules(feed: Feed) -> list[str]:
    rows = [(f"{code(start)} not after {code(end)}", code("ends_before_it_starts")) for start, end in feed.intervals]
    rows += [(f"not {code(broken)}", code(reason)) for reason, broken in feed.rules.items()]
    lines = table(("rule of the row", "reason when broken"), rows)
    if feed.frees is not None:
        lines += [f"Frees a person, also when the record is quarantined: {code(feed.frees)}.", ""]
    return lines


def _reasons(feed: Feed, lists: Mapping[str, CodeList]) -> list[str]:
    listed = codes(find_reasons(feed, lists))
    return [f"A record may be [set aside](codes.md#{QUARANTINE}) for: {listed}.", ""]
