"""What the candidate changes, as a page of text: counts first, then one line per listing, by keyed ids alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import polars as pl

from jobs.core.errors import UserError
from jobs.feedback.files import to_csv
from jobs.shadow.compare import COUNTED
from jobs.shadow.run import Shadow

SHOWN = 50
HEAD = ("change", "type", "node_id", "measure", "test", "score", "why", "listing_id")


def render(found: Shadow, shown: int = SHOWN) -> str:
    """The page; of the listings the first `shown`."""
    comparison = found.comparison
    counts = dict(comparison.rows["change"].value_counts().iter_rows())
    enter, move, leave = (counts.get(change, 0) for change in ("enter", "move", "leave"))
    lines = [
        f"night {found.on}: live {found.live}, candidate {found.candidate}",
        f"{enter:,} would enter, {move:,} move, {leave:,} leave; {comparison.n_stay:,} stay as they are"
        + (f", {comparison.n_other_terms:,} of them with another due date, term or legal basis" if comparison.n_other_terms else ""),
        "", *_counts("measure", comparison.by_measure), "", *_counts("test", comparison.by_test), "",
        *_align([("beside the list", "live", "candidate"), *((name, f"{live:,}", f"{candidate:,}") for name, live, candidate in found.beside)], left=1),
    ]  # fmt: skip
    if comparison.rows.height:
        lines += ["", *_align([HEAD, *_lines(comparison.rows.head(shown))], left=2, numbers=(2, 5))]
    if comparison.rows.height > shown:
        lines.append(f"… and {comparison.rows.height - shown:,} more; --out FILE writes them all")
    if found.n_unlike_committed:
        lines += ["", _unlike(found)]
    return "\n".join(lines)


def write_rows(found: Shadow, path: Path) -> None:
    """Every row of the comparison as CSV, safe in a spreadsheet. Raises UserError when the file can't be written."""
    try:
        path.write_bytes(to_csv(found.comparison.rows))
    except OSError as error:
        raise UserError(f"{path}: can't be written ({error.strerror}); give another with --out") from None


def _unlike(found: Shadow) -> str:
    return (
        f"The night itself was committed with {found.committed_policy} and differs from the live policy as it is now in {found.n_unlike_committed:,} "
        "listings: policy, contracts or code have changed since. Both sides here are worked out anew, so what is above is the candidate's doing alone."
    )  # fmt: skip


def _counts(by: str, tally: pl.DataFrame) -> Iterator[str]:
    head = (by, *(name.replace("_", " ") for name in COUNTED))
    return _align([head, *((str(name), *(f"{n:,}" for n in row)) for name, *row in tally.select("name", *COUNTED).iter_rows())], left=1)  # fmt: skip


def _lines(rows: pl.DataFrame) -> Iterator[tuple[str, ...]]:
    for row in rows.iter_rows(named=True):
        score = _pass_on(*(None if row[name] is None else f"{row[name]:.2f}" for name in ("live_score", "score")))
        measure, test = (_pass_on(row[f"live_{name}"], row[name]) for name in ("measure", "test"))
        yield (
            row["change"],
            row["type"],
            str(row["node_id"]),
            measure,
            test,
            score,
            row["why"] or "",
            row["listing_id"],
        )


def _pass_on(live: str | None, candidate: str | None) -> str:
    """`suspend → close`, or the one there is."""
    both = [text for text in (live, candidate) if text is not None]
    return " → ".join(dict.fromkeys(both)) or "-"


def _align(rows: Sequence[Sequence[str]], left: int, numbers: Sequence[int] = ()) -> Iterator[str]:
    """Rows as columns of equal width: the first `left` to the left, all others to the right, or only `numbers` when they are named."""
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    right = set(numbers) if numbers else set(range(left, len(widths)))
    for row in rows:
        cells = (cell.rjust(width) if place in right else cell.ljust(width) for place, (cell, width) in enumerate(zip(row, widths, strict=True)))  # fmt: skip
        yield "  ".join(cells).rstrip()
