"""What can be turned in the simulated world: rates only, so that one set of knobs fits every size."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields

from jobs.core.errors import UserError


@dataclass(frozen=True)
class Knobs:
    """Shares and rates, each from 0 to 1 unless it says otherwise."""

    fraud_share: float = 0.006
    """Share of the people who take part in fraud rings (organisers, mules of every kind)."""
    cases_per_person: float = 0.015
    """Fraud cases per person over the whole simulated time."""
    confirmed_share: float = 0.7
    """Share of the cases that an authority confirms."""
    false_report_rate: float = 0.04
    """Share of the cases that a colluder reports against an innocent; most of them end as unfounded."""
    recycled_share: float = 0.6
    """Share of the cancelled numbers that are issued again to somebody else."""
    family_share: float = 0.3
    """Share of the children whose accounts are bound to a parent's phone."""
    sim_box_share: float = 0.25
    """Share of the rings that run a SIM box."""
    wifi_share: float = 0.06
    """Share of the logins from a shop's Wi-Fi."""
    change_rate: float = 0.01
    """Share of the records of a big feed that are new or changed in one night (of each kind of change a
    part).
    """
    mess_rate: float = 0.08
    """Share of the values that are spelled otherwise than in their normal form, but can be read."""
    duplicate_rate: float = 0.002
    """Share of the records that are delivered again unchanged, in a night."""
    late_rate: float = 0.05
    """Share of the records of a night that come one to three nights late."""
    bad_record_rate: float = 0.002
    """Share of extra record versions that break their contract; half of them are sent again, repaired."""
    unknown_column_rate: float = 0.03
    """Share of the deliveries that carry a column which the contract does not know."""
    snapshot_rate: float = 0.05
    """Share of the deliveries of a small feed, after the first night, that are a snapshot instead of a
    delta.
    """
    broken_delivery_rate: float = 0.03
    """Share of the deliveries, after the first night, that something happens to: wrong hash, no manifest,
    repeated, a gap.
    """

    def __post_init__(self) -> None:
        for item in fields(self):
            value = getattr(self, item.name)
            if not 0 <= value <= 1:
                raise UserError(f"simulate: {item.name} must be from 0 to 1, not {value}")


def turn_knobs(turned: Iterable[str]) -> Knobs:
    """The usual knobs with these turned, each given as `name=value`. Raises UserError for a name or value that is none."""
    values: dict[str, float] = {}
    known = [item.name for item in fields(Knobs)]
    for text in turned:
        name, _, value = text.partition("=")
        if name not in known:
            raise UserError(f"--knob {text}: '{name}' is no knob; known are {', '.join(known)}")
        try:
            values[name] = float(value)
        except ValueError:
            raise UserError(f"--knob {text}: '{value}' is not a number; write it as {name}=0.5") from None
    return Knobs(**values)
