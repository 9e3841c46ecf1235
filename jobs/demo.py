"""`antifraud demo`: a small world, its nights, and where to look: what `make run` shows a newcomer."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

from jobs.core.settings import Settings

FIRST = date(2026, 10, 1)
Say = Callable[[str], None]


def run_demo(settings: Settings, people: int, nights: int, say: Say, tell: Say) -> None:
    """Simulate (once), run every night that is not yet committed, and show the end."""
    from jobs.core.contracts import load_codes, load_contracts
    from jobs.core.runner import run_nights
    from jobs.simulate.job import simulate
    from jobs.world import WORLD

    world = Path(settings.landing).parent
    if not (world / "truth").is_dir():
        say(f"a world of {people:,} people and {nights} nights in {world}")
        schemas = settings.schemas_dir
        simulate(world, people, nights, 1, FIRST, contracts=load_contracts(schemas), codes=load_codes(schemas), say=say)
    else:
        say(f"the world in {world} is there already; remove the folder to begin anew")
    dates = [FIRST + timedelta(days=n) for n in range(nights)]
    results = run_nights(settings, dates, WORLD, say)
    for note in results[-1].notes:
        tell(f"  {note}")
    tell(where_things_are(settings))


def where_things_are(settings: Settings) -> str:
    """Where the listings, the releases and the worklists are."""
    lines = [
        f"listings   {settings.lake}/blacklist/listings   (Delta; events, leads, proposals and for_review beside it)",
        f"releases   {settings.releases}/<recipient>/<version>/   (latest.json names the version)",
    ]
    worklists = _worklists(Path(settings.releases)) if "://" not in settings.releases else []
    total = sum(count for _, count in worklists)
    if worklists:
        busiest = max(worklists, key=lambda item: item[1])
        lines.append(f"worklist   {busiest[0]}   ({busiest[1]} to verify; {total} in all releases)")
    else:
        lines.append("worklist   nothing has to be verified tonight")
    return "\n".join(lines)


def _worklists(releases: Path) -> list[tuple[Path, int]]:
    found = []
    for latest in sorted(releases.glob("*/latest.json")):
        version = json.loads(latest.read_text(encoding="utf-8"))["version"]
        folder = latest.parent / str(version)
        counts = json.loads((folder / "manifest.json").read_text(encoding="utf-8")).get("counts", {})
        if counts.get("worklist"):
            found.append((folder / "worklist.csv.gz", int(counts["worklist"])))
    return found
