"""The policy: weights, bounds and terms as data, checked when loaded (`schemas/policy/*.yml`)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal, get_args

from pydantic import Field, field_validator, model_validator

from jobs.core.errors import UserError
from jobs.core.yamlfile import Strict, fault, load_model, one_of, with_every
from jobs.identifiers.rare import TYPES

EdgeKind = Literal[
    "holder", "bound_phone", "sim", "device", "login_device", "login_ip", "hosted_on", "part_of", "transfer"
]
Measure = Literal["verify", "restrict", "suspend", "close"]
Decided = Literal["restrict", "suspend"]
Level = Literal["county", "city", "province", "national"]
SignalKind = Literal[
    "case_confirmed", "case_reported", "person_convicted", "person_account_trading", "person_charged", "person_suspect",
    "person_account_trading_county", "control_freeze", "control_stop_payment", "subscription_fraud", "line_sim_box",
    "line_caller_id_spoofing", "line_high_frequency", "line_complaints", "transfer_linked_to_case", "transfer_other",
    "site_verified", "site_unverified",
]  # fmt: skip
AGENCIES = ("public_security", "finance", "telecom", "internet")
Type = Annotated[str, one_of("an identifier type", TYPES)]
# Numbers are strict: `yes` is not a weight of 1, and "730" is a text.
Share = Annotated[float, Field(gt=0, le=1, strict=True)]
Count = Annotated[int, Field(gt=0, strict=True)]
Days = Annotated[int, Field(ge=0, le=3650, strict=True)]
Term = Annotated[int, Field(gt=0, le=3650, strict=True)]


class Edge(Strict):
    """How much of a risk an edge of a kind passes on, and how long a sighting goes on after it was last seen."""

    weight: Share
    tail_days: int = Field(default=0, ge=0, le=365, strict=True)


class SharedBound(Strict):
    """Above how many distinct live neighbours a node of these types is shared, on one side of an edge kind."""

    kind: EdgeKind
    side: Literal["from", "to"]
    types: tuple[Type, ...]
    bound: Count
    lead: Literal["sim_box", "many_holdings"] | None = None


class Shared(Strict):
    off_below: Share
    bounds: tuple[SharedBound, ...]

    @model_validator(mode="after")
    def _one_bound_each(self) -> Shared:
        given: set[tuple[str, str, str]] = set()
        for index, bound in enumerate(self.bounds):
            for type_ in bound.types:
                if (bound.kind, bound.side, type_) in given:
                    raise fault(
                        ("bounds", index), f"a bound for {bound.kind}, side {bound.side}, of a {type_} is given above"
                    )
                given.add((bound.kind, bound.side, type_))
        return self


class Tenures(Strict):
    same_holder_gap_days: Days


class Signal(Strict):
    """What one kind of claim is worth, by which standard, for how long."""

    strength: Share
    standard: Literal["finding", "report", "indicator"]
    lives_days: Term
    at_most_days: Term | None = None


class Lineage(Strict):
    control_joins_case_days_before: Days
    control_joins_case_days_after: Days


class Score(Strict):
    max_edges: int = Field(ge=1, le=3, strict=True)
    min_influence: Share
    transfer_grace_days: Days
    agency_order: Annotated[tuple[Annotated[str, one_of("an agency", AGENCIES)], ...], with_every("agency", AGENCIES)]

    @model_validator(mode="after")
    def _agencies_differ(self) -> Score:
        for index, agency in enumerate(self.agency_order):
            if agency in self.agency_order[:index]:
                raise fault(("agency_order", index), f"'{agency}' is named twice")
        return self


class SameHolder(Strict):
    score: Share
    from_: Level = Field(alias="from")


class Proposal(Strict):
    score: Share
    lineages: Count
    agencies: Count


class Measures(Strict):
    finding_close_from: Level
    same_holder: SameHolder
    lead: Share
    propose_restrict: Proposal
    propose_suspend: Proposal
    decision_from: Annotated[dict[Decided, Level], with_every("measure", get_args(Decided))]
    terms: Annotated[
        dict[Annotated[Measure, one_of("a measure", get_args(Measure))], Term], with_every("measure", get_args(Measure))
    ]
    article_22_due_days: Count
    implicit_tenure_binding_days: Count
    human_due_days: Count

    @model_validator(mode="after")
    def _graver_needs_more(self) -> Measures:
        restrict, suspend = self.propose_restrict.score, self.propose_suspend.score
        if suspend < restrict:
            raise fault(
                ("propose_suspend", "score"),
                f"{suspend:g} is below that of propose_restrict, {restrict:g}: the graver measure would be proposed sooner",
            )
        return self


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
    edges: Annotated[
        dict[Annotated[EdgeKind, one_of("an edge kind", get_args(EdgeKind))], Edge],
        with_every("kind", get_args(EdgeKind)),
    ]
    shared: Shared
    tenures: Tenures
    signals: Annotated[
        dict[Annotated[SignalKind, one_of("a signal kind", get_args(SignalKind))], Signal],
        with_every("kind", get_args(SignalKind)),
    ]
    lineage: Lineage
    score: Score
    measures: Measures
    law: Text
    legal_basis: dict[Type, Text]
    due_process: DueProcess


def load_policy(schemas: Path, name: str) -> Policy:
    """The policy of that name, or in that file. Raises UserError naming file, line and rule."""
    own = schemas / "policy" / f"{name}.yml"
    path = Path(name) if name.endswith((".yml", ".yaml")) else own
    if not own.exists() and Path(name).is_dir():
        raise UserError(f"{name}: is a folder; a policy is one file")
    if not path.exists():
        known = ", ".join(sorted(item.stem for item in own.parent.glob("*.yml") if item.stem != "protected"))
        raise UserError(f"{path}: there is no such policy; known are {known}")
    return load_model(path, Policy)
