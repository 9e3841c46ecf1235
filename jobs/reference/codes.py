"""docs/reference/codes.md: the closed vocabularies."""

from __future__ import annotations

from collections.abc import Mapping

from jobs.core.contracts import CodeList
from jobs.reference.markdown import code, codes, page, table, text

INTRO = (
    "One file in `schemas/codes/` is one list. A value that is not on its list is quarantined as "
    "`unknown_code`, never guessed."
)


def render_codes(lists: Mapping[str, CodeList]) -> str:
    """The page: one section per list."""
    return page("Code lists", [INTRO, ""], *(_section(lists[name]) for name in sorted(lists)))


def _section(codelist: CodeList) -> list[str]:
    attributes = list(dict.fromkeys(name for about in codelist.codes.values() for name in about))
    spellings: dict[str, list[str]] = {}
    for alias, stands_for in codelist.aliases.items():
        spellings.setdefault(stands_for, []).append(alias)
    header = [
        "code",
        *(name.replace("_", " ") for name in attributes),
        *(["also written"] if spellings else []),
    ]
    rows = [
        [
            code(name),
            *(text(about.get(attribute)) for attribute in attributes),
            *([codes(spellings.get(name, []))] if spellings else []),
        ]
        for name, about in codelist.codes.items()
    ]
    shape = []
    if codelist.prefix_length is not None:
        shape = [
            f"A value has {codelist.length} digits; the first {codelist.prefix_length} are the code.",
            "",
        ]
    return [f"## {codelist.id}", "", text(codelist.description) + ".", "", *shape, *table(header, rows)]
