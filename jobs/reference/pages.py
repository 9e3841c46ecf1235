"""The generated reference: pages derived from `schemas/`, the same text for the same YAML."""

from __future__ import annotations

from pathlib import Path

from jobs.core.contracts import load_codes, load_contracts
from jobs.core.schema import load_tables
from jobs.reference.codes import render_codes
from jobs.reference.feeds import render_feeds
from jobs.reference.policy import render_policy
from jobs.reference.tables import render_tables


def render_reference(schemas: Path) -> dict[str, str]:
    """Every page by its path below docs/reference. Raises UserError when the YAML is not fit."""
    feeds, lists = load_contracts(schemas), load_codes(schemas)
    return {
        "codes.md": render_codes(lists),
        "feeds.md": render_feeds(feeds, lists),
        "policy.md": render_policy(schemas),
        "tables.md": render_tables(load_tables(schemas, feeds), feeds),
    }


def write_reference(schemas: Path, out: Path) -> list[str]:
    """Write the pages that are not current, take away those that are none any more; the names of both."""
    changed = stale_pages(schemas, out)
    pages = render_reference(schemas)
    out.mkdir(parents=True, exist_ok=True)
    for name in changed:
        if name in pages:
            (out / name).write_text(pages[name], encoding="utf-8", newline="\n")
        else:
            (out / name).unlink()
    return changed


def stale_pages(schemas: Path, out: Path) -> list[str]:
    """Names of pages that are missing, differ, or are there without being pages."""
    pages = render_reference(schemas)
    there = {path.name: path.read_text(encoding="utf-8") for path in sorted(out.glob("*.md"))}
    return sorted(name for name in pages | there if pages.get(name) != there.get(name))
