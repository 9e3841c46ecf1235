"""The night's checks as one HTML page that needs nothing else: no script, no picture, no address."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from html import escape

from jobs.checks.verdicts import Verdict

STYLE = """
:root { color-scheme: light dark; --line: #8884; --bad: #c0392b; --warn: #b9770e; --good: #1e8449; --idle: #7f8c8d }
body { font: 15px/1.45 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; width: 100%; margin: .5rem 0 2rem }
th, td { text-align: left; vertical-align: top; padding: .3rem .6rem; border-bottom: 1px solid var(--line) }
td.n { font-variant-numeric: tabular-nums; white-space: nowrap }
.failed { color: var(--bad); font-weight: 600 } .warns { color: var(--warn); font-weight: 600 }
.holds { color: var(--good) } .unjudged { color: var(--idle) }
""".strip()
HEADER = ("", "rule", "measured", "observed", "expected", "why")
POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def render_page(on: date, verdicts: Sequence[Verdict]) -> str:
    """What broke first, then every rule by subject."""
    counts = {word: sum(_word(one) == word for one in verdicts) for word in ("failed", "warns", "holds", "unjudged")}
    broken = [one for one in verdicts if one.is_broken]
    subjects = list(dict.fromkeys(one.subject for one in verdicts))
    body = [
        f"<h1>Checks of the night {on.isoformat()}</h1>",
        "<p>" + ", ".join(f'<span class="{word}">{n} {word}</span>' for word, n in counts.items()) + "</p>",
        "<h2>Broken</h2>",
        _table(broken, True) if broken else "<p>Nothing.</p>",
    ]
    for subject in subjects:
        body += [f"<h2>{escape(subject)}</h2>", _table([one for one in verdicts if one.subject == subject], False)]
    head = (
        f'<meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        f'<meta name="viewport" content="width=device-width"><title>Checks {on.isoformat()}</title><style>{STYLE}</style>'
    )
    return f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body>\n' + "\n".join(body) + "\n</body></html>\n"


def _word(one: Verdict) -> str:
    if one.is_ok is None:
        return "unjudged"
    return "holds" if one.is_ok else "failed" if one.rule.severity == "fail" else "warns"


def _table(verdicts: Sequence[Verdict], has_subject: bool) -> str:
    head = "".join(f"<th>{name}</th>" for name in HEADER)
    return f"<table><tr>{head}</tr>" + "".join(_row(one, has_subject) for one in verdicts) + "</table>"


def _row(one: Verdict, has_subject: bool) -> str:
    word = _word(one)
    name = f"{one.subject}: {one.rule.id}" if has_subject else one.rule.id
    observed = "none" if one.observed is None else f"{one.observed:.4g}"
    cells = [
        f'<td class="{word}">{word}</td>', f"<td>{escape(name)}</td>", f"<td>{escape(one.rule.measured)}</td>",
        f'<td class="n">{observed}</td>', f"<td>{escape(one.expected)}</td>", f"<td>{escape(one.rule.why)}</td>",
    ]  # fmt: skip
    return "<tr>" + "".join(cells) + "</tr>"
