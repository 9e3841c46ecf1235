"""Cleaning: Unicode NFKC, invisible characters out, trimmed."""

from __future__ import annotations

import re
import sys
import unicodedata
from functools import cache

# Separators that are control characters are white space, not nothing: "two\twords" stay two words.
_WHITE = "\t\n\x0b\x0c\r\x1c\x1d\x1e\x1f\x85\u1680\u2028\u2029"
# Invisible though not of category Cc or Cf: fillers, joiners, variation selectors (Unicode,
# Default_Ignorable_Code_Point).
_FILLERS = "\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u2065\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef"


def clean_py(raw: str | None) -> str | None:
    """The cleaned text, or None when nothing visible is left."""
    if raw is None:
        return None
    text = raw
    if not text.isascii():
        text = unicodedata.normalize("NFKC", _strip_invisible(_blank(text)))
        text = unicodedata.normalize("NFKC", _strip_invisible(_blank(text)))
    return _strip_invisible(_blank(text)).strip(" ") or None


def _blank(text: str) -> str:
    return _white().sub(" ", text)


def _strip_invisible(text: str) -> str:
    return _invisible().sub("", text)


@cache
def _white() -> re.Pattern[str]:
    return re.compile(f"[{_WHITE}]")


@cache
def _invisible() -> re.Pattern[str]:
    return re.compile(f"[{invisible_class()}]")


@cache
def invisible_class() -> str:
    """Inside of a character class: control (not white space) and format characters, and the fillers above."""
    codes = [code for code in range(sys.maxunicode + 1) if _is_invisible(chr(code))]
    ranges: list[list[int]] = []
    for code in codes:
        if ranges and code == ranges[-1][1] + 1:
            ranges[-1][1] = code
        else:
            ranges.append([code, code])
    return "".join(f"{_escape(low)}-{_escape(high)}" for low, high in ranges) + _FILLERS


def _is_invisible(char: str) -> bool:
    return unicodedata.category(char) in ("Cc", "Cf") and char not in _WHITE


def _escape(code: int) -> str:
    """As itself, except what a pattern or SQL text could trip over. Java and Python read \\uXXXX alike, not
    what lies beyond.
    """
    return f"\\u{code:04x}" if code < 0x10000 else chr(code)
