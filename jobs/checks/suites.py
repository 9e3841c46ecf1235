"""The suites of `expectations/`: rules over aggregates, each with a severity and the sentence that says why.

Rules over single rows are in the contracts, compiled to column expressions by silver; they are not said here again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from jobs.checks.measures import FEED_MEASURES, OF_COLUMN, TABLE_MEASURES
from jobs.core.contracts import CodeList, Column, Feed
from jobs.core.errors import UserError
from jobs.core.schema import TableSchema, silver_table
from jobs.core.yamlfile import Loc, Strict, fault, line_of, load_model

Expectation = Literal["expect_column_values_to_be_between", "expect_column_values_to_be_in_set"]
KWARGS: dict[str, frozenset[str]] = {
    "expect_column_values_to_be_between": frozenset({"min_value", "max_value", "strict_min", "strict_max"}),
    "expect_column_values_to_be_in_set": frozenset({"value_set"}),
}
EVERY_FEED = "every_feed"
MIN_WHY = 20  # characters: a sentence, not a word


class Rule(Strict):
    """One expectation of Great Expectations about one measure. `judged_from`: other measures and the least value that each must have for
    the rule to be judged at all: a share of three rows says nothing, and a first night has no history."""

    id: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    measure: str
    column: str | None = None
    codes: tuple[str, ...] = ()
    judged_from: dict[str, float] = Field(default_factory=dict)
    expectation: Expectation
    kwargs: dict[str, Any]
    severity: Literal["fail", "warn"]
    why: str = Field(min_length=MIN_WHY)

    @property
    def measured(self) -> str:
        """What is measured, by one name: `n_rows`, `share_of_codes(finding: confirmed)`."""
        codes = f": {'|'.join(self.codes)}" if self.codes else ""
        return f"{self.measure}({self.column}{codes})" if self.column else self.measure

    @property
    def expected(self) -> str:
        """In words, for a person."""
        if "value_set" in self.kwargs:
            return " or ".join(f"{value:g}" for value in self.kwargs["value_set"])
        least, most = self.kwargs.get("min_value"), self.kwargs.get("max_value")
        above = "more than" if self.kwargs.get("strict_min") else "at least"
        below = "less than" if self.kwargs.get("strict_max") else "at most"
        parts = [f"{word} {value:g}" for word, value in ((above, least), (below, most)) if value is not None]
        return " and ".join(parts)

    @model_validator(mode="after")
    def _kwargs_fit(self) -> Rule:
        known = KWARGS[self.expectation]
        for name, value in self.kwargs.items():
            if name not in known:
                raise fault(("kwargs", name), f"is not an argument of {self.expectation}; known are {_listed(known)}")
            if not _fits(name, value):
                raise fault(("kwargs", name), _WANTED.get(name, "must be a number"))
        if not self.kwargs.keys() & {"min_value", "max_value", "value_set"}:
            raise fault(("kwargs",), "sets no bound, so nothing could break it")
        return self

    @model_validator(mode="after")
    def _column_fits(self) -> Rule:
        wants = OF_COLUMN.get(self.measure)
        if (self.column is not None) != (wants is not None):
            raise fault(("measure",), f"'{self.measure}' {'needs' if wants else 'takes no'} 'column'")
        if bool(self.codes) != (wants == "codes"):
            raise fault(("measure",), f"'{self.measure}' {'needs' if wants == 'codes' else 'takes no'} 'codes'")
        return self


_WANTED = {"strict_min": "must be true or false", "strict_max": "must be true or false", "value_set": "must be a list of numbers"}  # fmt: skip


def _fits(name: str, value: Any) -> bool:
    if name.startswith("strict_"):
        return isinstance(value, bool)
    numbers = value if name == "value_set" else [value]
    return (
        isinstance(numbers, list)
        and bool(numbers)
        and all(isinstance(number, int | float) and not isinstance(number, bool) for number in numbers)
    )


class Suite(Strict):
    """The rules of one feed (`agency/feed`) or table. A broken `fail` of a feed holds the releases of those whose listings rest on its
    agency, or everyone's (`holds`); of a table, everyone's. `fed_by`: the tables without whose rows a table may be empty."""

    subject: str
    holds: Literal["agency", "everyone"] | None = None
    fed_by: tuple[str, ...] = ()
    rules: tuple[Rule, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _ids_differ(self) -> Suite:
        seen: set[str] = set()
        for index, rule in enumerate(self.rules):
            if rule.id in seen:
                raise fault(("rules", index, "id"), f"'{rule.id}' is the id of two rules")
            seen.add(rule.id)
        return self


class Suites(Strict):
    """All of them: of each active feed, and of each table that has one."""

    feeds: dict[str, Suite]
    tables: dict[str, Suite]

    @property
    def size(self) -> int:
        return sum(len(suite.rules) for suite in (*self.feeds.values(), *self.tables.values()))


def load_suites(
    folder: Path, contracts: Mapping[str, Feed], tables: Mapping[str, TableSchema], codes: Mapping[str, CodeList]
) -> Suites:
    """Every suite. Raises UserError naming file, line and rule for whatever is wrong."""
    base_path = folder / "feeds" / f"{EVERY_FEED}.yml"
    if not base_path.is_file():
        raise UserError(f"{base_path}: is not there; set 'expectations' in antifraud.toml or ANTIFRAUD_EXPECTATIONS")
    base = load_model(base_path, Suite)
    _check_feed(base_path, base, None, codes)
    own = {suite.subject: suite for suite in _load_feeds(folder / "feeds", contracts, codes)}
    active = [feed for feed in sorted(contracts) if contracts[feed].status == "active"]
    found = {suite.subject: suite for suite in _load_tables(folder / "tables", tables)}
    return Suites(feeds={feed: _joined(base, own.get(feed), feed) for feed in active}, tables=found)


def _joined(base: Suite, own: Suite | None, feed: str) -> Suite:
    """The rules of every feed, each in the feed's own wording where it has one of that id, then those that are only its own."""
    if own is None:
        return base.model_copy(update={"subject": feed})
    mine = {rule.id: rule for rule in own.rules}
    shared = {rule.id for rule in base.rules}
    rules = (*(mine.get(rule.id, rule) for rule in base.rules), *(rule for rule in own.rules if rule.id not in shared))
    return Suite(subject=feed, holds=own.holds or base.holds, rules=rules)


def _load_feeds(folder: Path, contracts: Mapping[str, Feed], codes: Mapping[str, CodeList]) -> Iterable[Suite]:
    for path in sorted(folder.glob("*.yml")):
        if path.stem == EVERY_FEED:
            continue
        suite = _load(path, suite_of="feed", known=contracts)
        _must_be_called(path, suite, suite.subject.replace("/", "__"))
        _check_feed(path, suite, contracts[suite.subject], codes)
        yield suite


def _load_tables(folder: Path, tables: Mapping[str, TableSchema]) -> Iterable[Suite]:
    for path in sorted(folder.glob("*.yml")):
        suite = _load(path, suite_of="table", known=tables)
        _must_be_called(path, suite, suite.subject.replace(".", "__"))
        if suite.holds is not None:
            raise UserError(
                f"{path}:{line_of(path, ('holds',))}: holds: a table's failed rule holds everyone; leave it out"
            )
        for index, table in enumerate(suite.fed_by):
            if table not in tables:
                raise UserError(f"{path}:{line_of(path, ('fed_by', index))}: fed_by: there is no table '{table}'")
        names = set(tables[suite.subject].names)
        for index, rule in enumerate(suite.rules):
            _check_measures(path, index, rule, TABLE_MEASURES)
            if rule.column is not None and rule.column not in names:
                raise _wrong(path, index, "column", f"'{rule.column}' is not a column of {suite.subject}")
        yield suite


def _load(path: Path, suite_of: str, known: Mapping[str, object]) -> Suite:
    suite = load_model(path, Suite)
    if suite.subject not in known:
        raise UserError(f"{path}:{line_of(path, ('subject',))}: subject: there is no {suite_of} '{suite.subject}'")
    return suite


def _must_be_called(path: Path, suite: Suite, name: str) -> None:
    if path.stem != name:
        raise UserError(f"{path}:1: holds '{suite.subject}', so the file must be called {name}.yml")


def _check_feed(path: Path, suite: Suite, feed: Feed | None, codes: Mapping[str, CodeList]) -> None:
    if suite.fed_by:
        raise UserError(f"{path}:{line_of(path, ('fed_by',))}: fed_by: is for tables; a feed is fed by its agency")
    for index, rule in enumerate(suite.rules):
        _check_measures(path, index, rule, FEED_MEASURES)
        if rule.column is not None:
            column = None if feed is None else _column(feed, rule.column)
            if column is None:
                raise _wrong(path, index, "column", f"'{rule.column}' is not a column of {suite.subject} in silver")
            known = codes[column.codes].codes if column.codes else {"true": {}, "false": {}}
            for code in rule.codes:
                if code not in known:
                    raise _wrong(path, index, "codes", f"'{code}' is not a code of '{rule.column}'")


def _column(feed: Feed, name: str) -> Column | None:
    """The contract's column (`finding`, or `involved.role` inside an array) that silver keeps under that name."""
    head, _, inner = name.partition(".")
    if head not in silver_table(feed).names or head not in feed.columns:
        return None
    column = feed.columns[head]
    if not inner:
        return column if column.items is None else None
    return next((item for item in column.items.schema_ if item.name == inner), None) if column.items else None


def _check_measures(path: Path, index: int, rule: Rule, known: Mapping[str, str]) -> None:
    if rule.measure not in known:
        raise _wrong(path, index, "measure", f"'{rule.measure}' is not a measure; known are {_listed(known)}")
    for name in rule.judged_from:
        if name not in known or name in OF_COLUMN:
            plain = [measure for measure in known if measure not in OF_COLUMN]
            raise _wrong(path, index, "judged_from", f"'{name}' is not a measure; known are {_listed(plain)}", name)


def _wrong(path: Path, index: int, key: str, text: str, below: str | None = None) -> UserError:
    at: Loc = ("rules", index, key) if below is None else ("rules", index, key, below)
    return UserError(f"{path}:{line_of(path, at)}: rules.{index}.{key}: {text}")


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))
