"""Words of closed lists in a case: a misspelt one would hold of nothing, and what must not be would not be."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from jobs.core.contracts import CodeList
from jobs.core.errors import UserError
from jobs.core.yamlfile import Loc, hint, line_of, texts_of
from jobs.listing.reasons import EN
from jobs.listing.state import RELEASED_FOR
from jobs.rehearse.book import LIKE_A_LABEL
from jobs.rehearse.model import Case
from jobs.rehearse.values import TYPES


class Words(NamedTuple):
    """What is known, by what it is called in a sentence."""

    recipients: Collection[str]
    listed: Collection[str]
    released: Collection[str]
    quarantined: Collection[str]


def known_words(codes: Mapping[str, CodeList], recipients: Mapping[str, Any]) -> Words:
    return Words(
        recipients=tuple(sorted(recipients)),
        listed=tuple(EN.reasons),
        released=RELEASED_FOR,
        quarantined=tuple(codes["quarantine_reasons"].codes),
    )


def unknown_words(path: Path, case: Case, words: Words) -> list[str]:
    """A sentence for each reason or recipient that the case expects and nobody knows. Raises UserError for a label of an unknown type, which
    no record can be made of."""
    for text, line in texts_of(path):
        if (label := LIKE_A_LABEL.fullmatch(text)) and label[1] not in TYPES:
            raise UserError(f"{path}:{line}: '{text}': '{label[1]}' is no identifier type; {hint(label[1], TYPES)}")
    return [
        f"line {line_of(path, at)}: {at[3]}: '{word}' is not {what}; {hint(word, known)}"
        for at, what, word, known in _said(case, words)
        if word not in known
    ]


def _said(case: Case, words: Words) -> Iterator[tuple[Loc, str, str, Collection[str]]]:
    """Every such word: where it stands, what it must be, the word, and what is known."""
    for on in case.dates:
        expect, at = case.nights[on].expect, ("nights", str(on), "expect")
        for kind, why, known in (
            ("listed", "a reason of a listing", words.listed),
            ("released", "a reason of a release", words.released),
        ):
            for index, item in enumerate(getattr(expect, kind)):
                if item.reason is not None:
                    yield (*at, kind, index, "reason"), why, item.reason, known
        for kind in ("quarantined", "not_quarantined", "resolved"):
            for index, item in enumerate(getattr(expect, kind)):
                for reason in item.reasons:
                    yield (*at, kind, index, "reasons"), "a reason of the quarantine", reason, words.quarantined
        for index, release in enumerate(expect.release):
            yield (*at, "release", index, "recipient"), "a recipient", release.recipient, words.recipients
