"""A scorecard as a person reads it: harm, misses, figures, promises."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from jobs.listing.tests import MEASURES
from jobs.score.card import Scorecard
from jobs.score.gates import Gate
from jobs.score.missed import CLASSES, REASONS
from jobs.score.truth import KINDS

GRAVEST_FIRST = tuple(reversed(MEASURES))
BECAUSE = {
    "overdue": "left overdue by a silent recipient",
    "wrong_finding": "named by a finding or decision that was wrong",
    None: "NOTHING EXCUSES IT",
}


def render(card: Scorecard) -> str:
    """The whole report."""
    parts = [
        [
            f"night {card.on}: {card.n_listings:,} listings and {card.n_leads:,} leads, judged by the truth of the simulated world"
        ],
        _harm(card),
        _missed(card),
        _measures(card),
        ["what must hold", *(_gate(gate) for gate in card.gates)],
    ]
    return "\n\n".join("\n".join(lines) for lines in parts)


def _harm(card: Scorecard) -> list[str]:
    total = int(card.harm["n"].sum())
    lines = [f"harm: {total:,} listings of innocents"]
    counted = {(row["measure"], row["kind"]): row for row in card.harm.to_dicts()}
    rows = []
    for kind, words in KINDS.items():
        here = [counted.get((measure, kind)) for measure in GRAVEST_FIRST]
        bound = sum(row["n_bound"] for row in here if row)
        rows.append([words, *(f"{row['n'] if row else 0:,}" for row in here), f"{bound:,}"])
    lines += _table(["", *GRAVEST_FIRST, "of them bound to a fraud number"], rows)
    by_reason = {because: card.restricted.filter(_is("because", because)) for because in BECAUSE}
    for because, found in by_reason.items():
        if found.height:
            by = "administrator" if because == "overdue" else "kind"
            told = found.group_by(by).agg(pl.col("n").sum()).sort("n", by, descending=[True, False])
            who = ", ".join(
                f"{KINDS.get(name, name) if name else 'every carrier'} {n:,}" for name, n in told.iter_rows()
            )
            lines.append(f"  at restrict or above, {BECAUSE[because]}: {int(found['n'].sum()):,} ({who})")
    if card.not_judged.height:
        kinds = ", ".join(f"{row['n']:,} {row['type']}" for row in card.not_judged.to_dicts())
        lines.append(f"  not judged, the truth does not know whose they are: {kinds}")
    return lines


def _is(column: str, value: str | None) -> pl.Expr:
    return pl.col(column).is_null() if value is None else pl.col(column) == value


def _missed(card: Scorecard) -> list[str]:
    total = int(card.missed["n"].sum())
    lines = [f"missed: {total:,} of {card.n_guilty:,} guilty accounts that are still open are not listed"]
    counted = {(row["class"], row["reason"]): row["n"] for row in card.missed.to_dicts()}
    for name, words in CLASSES.items():
        mine = [(reason, counted[name, reason]) for reason in REASONS if (name, reason) in counted]
        if mine:
            lines.append(f"  {words}: {sum(n for _, n in mine):,}")
            lines += [f"    {n:>6,}  {REASONS[reason]}" for reason, n in mine]
    if card.n_not_arrived:
        lines.append(
            f"  of {card.n_bound:,} accounts bound to a fraud number {card.n_not_arrived:,} are not yet shown by records that have come, listed or not"
        )
    return lines


def _measures(card: Scorecard) -> list[str]:
    rows = [
        [
            row["measure"], f"{row['n']:,}", _share(row["n_right"], row["n_judged"]) if row["measure"] != "lead" else "",
            _share(row["n_should"], card.n_should), _share(row["n_guilty"], card.n_guilty),
        ]
        for row in card.measures.to_dicts()
    ]  # fmt: skip
    head = ["", "on it", "precision", "recall, it or graver", "of all guilty"]
    words = f"recall is of the {card.n_should:,} accounts that the evidence shows; all guilty are {card.n_guilty:,}"
    return ["precision and recall by measure", *_table(head, rows), f"  {words}"]


def _gate(gate: Gate) -> str:
    figure = f"{gate.n_good:,} of {gate.n_all:,}" if gate.n_all else "nothing to judge"
    share = "" if gate.share is None else f" ({_percent(gate.share)})"
    return f"  {'pass' if gate.passes else 'FAIL'}  {gate.says}: {figure}{share}"


def _share(part: int, whole: int) -> str:
    return _percent(part / whole) if whole else "-"


def _percent(share: float) -> str:
    """Cut, not rounded: 100% is said of all only."""
    return f"{int(share * 1000) / 10:.1f}%"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(line[column]) for line in (head, *rows)) for column in range(len(head))]
    return [
        "  " + "  ".join(cell.ljust(width) if not column else cell.rjust(width) for column, (cell, width) in enumerate(zip(line, widths, strict=True))).rstrip()
        for line in (head, *rows)
    ]  # fmt: skip
