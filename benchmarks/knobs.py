"""Do the simulator's knobs move the figures the right way? Small worlds that differ in one knob, through the real nights, judged by their truth.

    .venv/bin/python benchmarks/knobs.py [--people 2000] [--out benchmarks/results/knobs.json]

One Spark application at a time; about a minute a world on two cores. Ends with exit code 1 when a figure moves the wrong way.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

ANTIFRAUD = str(Path(sys.executable).with_name("antifraud"))
NIGHTS = ("2026-10-01", "2026-10-02")
Card = dict[str, Any]


def main() -> int:
    """Play every world and hold pairs of them against each other."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--people", type=int, default=2_000)
    arguments.add_argument("--out", type=Path)
    given = arguments.parse_args()
    cards = {name: play(given.people, knobs) for name, knobs in WORLDS.items()}
    verdicts = [(sentence, bool(holds(cards))) for sentence, holds in EXPECTED]
    for sentence, is_so in verdicts:
        print(f"{'ok  ' if is_so else 'FAIL'}  {sentence}")
    if given.out:
        machine = {"machine": platform.platform(), "python": platform.python_version()} | {
            name: version(name) for name in ("pyspark", "delta-spark", "polars", "deltalake")
        }
        given.out.parent.mkdir(parents=True, exist_ok=True)
        given.out.write_text(
            json.dumps(
                {**machine, "people": given.people, "verdicts": verdicts, "cards": cards}, indent=1, default=str
            ),
            encoding="utf-8",
        )
    return 0 if all(is_so for _, is_so in verdicts) else 1


WORLDS: dict[str, list[str]] = {
    "usual": [],
    "few confirmed": ["confirmed_share=0.2"],
    "many false reports": ["false_report_rate=0.4"],
    "much fraud": ["fraud_share=0.03"],
    "all recycled": ["recycled_share=1"],
}


def play(people: int, knobs: list[str]) -> Card:
    """The score card of one world after its nights."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        turned = [part for knob in knobs for part in ("--knob", knob)]
        run(
            "simulate",
            "--out",
            str(root / "world"),
            "--people",
            str(people),
            "--nights",
            str(len(NIGHTS)),
            *turned,
            root=root,
        )
        run("night", "--from", NIGHTS[0], "--date", NIGHTS[-1], root=root)
        run("score", "--truth", str(root / "world" / "truth"), "--json", str(root / "card.json"), root=root)
        card: Card = json.loads((root / "card.json").read_text(encoding="utf-8"))
        return card


def run(*words: str, root: Path) -> None:
    """One command over a lake of its own. Raises CalledProcessError when it fails."""
    places = {
        "LANDING": "world/landing",
        "LAKE": "lake",
        "RELEASES": "releases",
        "FEEDBACK": "feedback",
        "KEY_FILE": "key",
    }
    environment = {f"ANTIFRAUD_{name}": str(root / place) for name, place in places.items()}
    subprocess.run([ANTIFRAUD, *words], check=True, env={**os.environ, **environment}, stdout=subprocess.DEVNULL)


def harmed(card: Card, kind: str, *measures: str) -> int:
    """Listings of innocents of a kind, at these measures or at any."""
    return sum(row["n"] for row in card["harm"] if row["kind"] == kind and (not measures or row["measure"] in measures))


def listed_gravely(card: Card) -> int:
    return sum(row["n"] for row in card["measures"]["rows"] if row["measure"] in ("close", "suspend"))


def unlisted(card: Card) -> float:
    """Share of the guilty accounts that are open and not listed."""
    return sum(row["n"] for row in card["missed"]["unlisted"]) / max(1, card["missed"]["guilty_accounts"])


Holds = Callable[[dict[str, Card]], bool]
EXPECTED: list[tuple[str, Holds]] = [
    ("more fraud, more listings", lambda c: c["much fraud"]["listings"] > c["usual"]["listings"]),
    (
        "fewer confirmed cases, fewer grave listings",
        lambda c: listed_gravely(c["few confirmed"]) < listed_gravely(c["usual"]),
    ),
    (
        "fewer confirmed cases, more guilty accounts unlisted",
        lambda c: unlisted(c["few confirmed"]) > unlisted(c["usual"]),
    ),
    (
        "more false reports, no fewer falsely accused named",
        lambda c: harmed(c["many false reports"], "falsely_accused") >= harmed(c["usual"], "falsely_accused"),
    ),
    (
        "every number recycled, and still no new holder listed",
        lambda c: harmed(c["all recycled"], "new_holder_of_recycled") == 0,
    ),
    (
        "no victim and nobody impersonated is listed in any world",
        lambda c: all(harmed(card, kind) == 0 for card in c.values() for kind in ("victim", "impersonated")),
    ),
]

if __name__ == "__main__":
    sys.exit(main())
