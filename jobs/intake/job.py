"""Intake of a night: look through the landing area, answer every delivery that is new, write the answers in
one append.
"""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

from jobs.bronze.source import Limits
from jobs.core.frames import of_rows, schema_of
from jobs.core.night import StageReport
from jobs.intake.agencies import load_agencies
from jobs.intake.answers import Answer, Desk, Ledger, notes_on
from jobs.intake.landing import Discovery, discover
from jobs.intake.staging import Staging

if TYPE_CHECKING:
    from jobs.core.night import Night

TABLE = "ops.deliveries"
NAMES = [field.name for field in fields(Answer)]
SHOWN = 5


def run(night: Night) -> StageReport:
    """Rows in: records that the night's new deliveries say they have; rows out: records taken."""
    seen = discover(night.settings.landing, night.on)
    staging = Staging(night.settings.lake)
    staging.sweep()
    desk = Desk(
        on=night.on,
        instant=night.instant,
        contracts=night.contracts,
        agencies=load_agencies(night.settings.schemas_dir),
        limits=Limits(),
        staging=staging,
        ledger=Ledger.of(night.lake.frame(TABLE).to_dicts()),
    )
    answers = desk.answer_all(seen.found)
    if answers:
        rows = [{name: getattr(answer, name) for name in NAMES} for answer in answers]
        night.lake.append(TABLE, of_rows(schema_of(night.lake.schema(TABLE).ddl), rows))
    taken = sum(answer.rows_in or 0 for answer in answers)
    return StageReport(rows_in=taken, rows_out=taken, notes=[*notes_on(answers), *_notes_on_folders(seen)])


def _notes_on_folders(seen: Discovery) -> list[str]:
    notes = []
    for paths, text in (
        (seen.waiting, "not there yet (no manifest.json)"),
        (seen.links, "links are not followed"),
        (seen.closed, "can't be looked into"),
    ):
        if paths:
            more = " …" if len(paths) > SHOWN else ""
            notes.append(f"{text}: {len(paths)}: {', '.join(paths[:SHOWN])}{more}")
    return notes
