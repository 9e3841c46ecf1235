"""The policy: weights, bounds and terms as data, checked when loaded (`schemas/policy/*.yml`)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator

from jobs.core.errors import UserError
from jobs.core.yamlfile import Strict, load_model

EdgeKind = Literal[
    "holder", "bound_phone", "sim", "device", "login_device", "login_ip", "hosted_on", "part_of", "transfer"
]
Measure = Literal["verify", "restrict", "suspend", "close"]
Level = Literal["county", "city", "province", "national"]
SignalKind = Literal[
    "case_confirmed", "case_reported", "person_convicted", "person_account_trading", "person_charged", "person_suspect",
    "person_account_trading_county", "control_freeze", "control_stop_payment", "subscription_fraud", "line_sim_box",
    "line_caller_id_spoofing", "line_high_frequency", "line_complaints", "transfer_linked_to_case", "transfer_other",
    "site_verified", "site_unverified",
]  # fmt: skip
Share = Field(gt=0, le=1)
Days = Field(ge=0, le=3650)


class Edge(Strict):
    """How much of a risk an edge of a kind passes on, and how long a sighting goes on after it was last seen."""

    weight: float = Share
    tail_days: int = Field(default=0, ge=0, le=365)


class SharedBound(Strict):
    """Above how many distinct live neighbours a node of these types is shared, on one side of an edge kind."""

    kind: EdgeKind
    side: Literal["from", "to"]
    types: tuple[str, ...]
    bound: int = Field(gt=0)
    lead: Literal["sim_box", "many_holdings"] | None = None


class Shared(Strict):
    off_below: float = Share
    bounds: tuple[SharedBound, ...]


class Tenures(Strict):
    same_holder_gap_days: int = Days


class Signal(Strict):
    """What one kind of claim is worth, by which standard, for how long."""

    strength: float = Share
    standard: Literal["finding", "report", "indicator"]
    lives_days: int = Field(gt=0, le=3650)
    at_most_days: int | None = Field(default=None, gt=0)


class Lineage(Strict):
    control_joins_case_days_before: int = Days
    control_joins_case_days_after: int = Days


class Score(Strict):
    max_edges: int = Field(ge=1, le=3)
    min_influence: float = Share
    transfer_grace_days: int = Days
    agency_order: tuple[str, ...]


class SameHolder(Strict):
    score: float = Share
    from_: Level = Field(alias="from")


class Proposal(Strict):
    score: float = Share
    lineages: int = Field(ge=1)
    agencies: int = Field(ge=1)


class Measures(Strict):
    finding_close_from: Level
    same_holder: SameHolder
    lead: float = Share
    propose_restrict: Proposal
    propose_suspend: Proposal
    decision_from: dict[Literal["restrict", "suspend"], Level]
    terms: dict[Measure, int]
    article_22_due_days: int = Field(gt=0)
    implicit_tenure_binding_days: int = Field(gt=0)
    human_due_days: int = Field(gt=0)


class Text(Strict):
    """What stands in the sentence that a person gets, in English and in Chinese."""

    en: str
    zh: str

    @field_validator("en", "zh")
    @classmethod
    def _is_said(cls, value: str) -> str:
        if not value.strip():
            raise ValueError("must not be empty")
        return value

    @field_validator("zh")
    @classmethod
    def _is_chinese(cls, value: str) -> str:
        if re.search("[A-Za-z]", value) or not re.search("[\u4e00-\u9fff]", value):
            raise ValueError("must be Chinese, without Latin letters")
        return value


class DueProcess(Strict):
    remedy_channel: Text
    materials_required: Text
    review_owner: dict[str, str]


class Policy(Strict):
    """All of it, by version."""

    id: str
    version: str
    description: str
    edges: dict[EdgeKind, Edge]
    shared: Shared
    tenures: Tenures
    signals: dict[SignalKind, Signal]
    lineage: Lineage
    score: Score
    measures: Measures
    law: Text
    legal_basis: dict[str, Text]
    due_process: DueProcess


def load_policy(schemas: Path, name: str) -> Policy:
    """The policy of that name, or in that file. Raises UserError naming file, line and rule."""
    path = Path(name) if name.endswith((".yml", ".yaml")) else schemas / "policy" / f"{name}.yml"
    if not path.exists():
        known = ", ".join(sorted(item.stem for item in (schemas / "policy").glob("*.yml")))
        raise UserError(f"{path}: there is no such policy; known are {known}")
    policy = load_model(path, Policy)
    for kind in EdgeKind.__args__:  # type: ignore[attr-defined]
        if kind not in policy.edges:
            raise UserError(f"{path}: edges: kind '{kind}' is missing")
    for signal in SignalKind.__args__:  # type: ignore[attr-defined]
        if signal not in policy.signals:
            raise UserError(f"{path}: signals: kind '{signal}' is missing")
    return policy
