"""From measures to verdicts: which rules can be judged tonight, and what came of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from jobs.checks.measures import Share, Values
from jobs.checks.suites import Rule, Suite

Judge = Callable[[Sequence[tuple[Rule, float]]], list[bool]]
EVERYONE = "everyone"
FAILED = "check failed: "
"""How the sentence about a broken `fail` begins."""


@dataclass(frozen=True)
class Verdict:
    """What came of one rule. `is_ok` is None when it was not judged, and `unjudged` says why; an unjudged rule has not passed.
    `holds`: whose releases it holds if it is broken, None for nobody's."""

    subject: str
    rule: Rule
    observed: float | None
    is_ok: bool | None
    holds: str | None
    unjudged: str | None = None

    @property
    def is_broken(self) -> bool:
        return self.is_ok is False

    @property
    def expected(self) -> str:
        return f"{self.rule.expected}; not judged: {self.unjudged}" if self.unjudged else self.rule.expected

    def row(self, on: date) -> dict[str, Any]:
        """As `ops.checks` has it."""
        rule = self.rule
        return {
            "night_on": on, "subject": self.subject, "rule_id": rule.id, "measure": rule.measured, "severity": rule.severity,
            "is_ok": self.is_ok, "observed": self.observed, "expected": self.expected, "holds": self.holds, "why": rule.why,
        }  # fmt: skip


def shares_of(suite: Suite) -> list[Share]:
    """The shares that the suite's rules want measured."""
    return [Share(rule.measured, rule.column, rule.codes) for rule in suite.rules if rule.column is not None]


def give_verdicts(measured: Sequence[tuple[Suite, Values]], judge: Judge, may_hold: bool = True) -> list[Verdict]:
    """One verdict per rule, in the order of the suites. `judge` is asked once, for all rules that can be judged. Unless they `may_hold`
    releases, the rules tell and hold nobody's."""
    asked = [(suite, rule, values) for suite, values in measured for rule in suite.rules]
    waits = [_why_not(rule, values) for _, rule, values in asked]
    values_of = [values.get(rule.measured) for _, rule, values in asked]
    judged = [
        index
        for index, (wait, value) in enumerate(zip(waits, values_of, strict=True))
        if wait is None and value is not None
    ]
    answers = judge([(asked[index][1], float(values_of[index] or 0.0)) for index in judged])
    is_ok: Mapping[int, bool] = dict(zip(judged, answers, strict=True))
    return [
        Verdict(
            suite.subject, rule, values_of[index],
            None if waits[index] else is_ok.get(index, False),  # nothing to measure, and nothing said that this may be: broken
            holds_of(suite) if may_hold and rule.severity == "fail" else None, waits[index],
        )
        for index, (suite, rule, _) in enumerate(asked)
    ]  # fmt: skip


def holds_of(suite: Suite) -> str:
    """Whose releases a broken `fail` holds: the agency on which listings must not rest, or everyone's."""
    return suite.subject.split("/")[0] if suite.holds == "agency" else EVERYONE


def _why_not(rule: Rule, values: Values) -> str | None:
    for name, least in rule.judged_from.items():
        value = values.get(name)
        if value is None or value < least:
            return f"{name} is {'unknown' if value is None else f'{value:g}'}, judged from {least:g}"
    return None


def tell(verdicts: Sequence[Verdict]) -> list[str]:
    """What the person who watches should know: how many hold, then each that failed, then the warnings, a line for all that warn alike."""
    broken = sorted((one for one in verdicts if one.is_broken), key=lambda one: (one.rule.id, one.subject))
    fails = [one for one in broken if one.rule.severity == "fail"]
    warnings = [one for one in broken if one.rule.severity == "warn"]
    summary = (
        f"{sum(one.is_ok is True for one in verdicts)} checks hold, {len(fails)} failed, {len(warnings)} warn, "
        f"{sum(one.is_ok is None for one in verdicts)} not judged (too few rows or nights, or nothing came)"
    )
    alike: dict[str, list[str]] = {}
    for one in warnings:
        what = f"{one.rule.id}: {one.rule.measured} should be {one.expected}"
        alike.setdefault(what, []).append(f"{one.subject} {_number(one)}")
    failed = [
        f"{FAILED}{one.subject}: {one.rule.id}: {one.rule.measured} should be {one.expected}, is {_number(one)}; holds {_held(one)}"
        for one in fails
    ]
    return [summary, *failed, *(f"check warns: {what}: {', '.join(which)}" for what, which in alike.items())]


def _number(one: Verdict) -> str:
    return "nothing to measure" if one.observed is None else f"{one.observed:.4g}"


def _held(one: Verdict) -> str:
    if one.holds is None:
        return "nothing tonight"
    return "every release" if one.holds == EVERYONE else f"the releases with listings that rest on {one.holds}"
