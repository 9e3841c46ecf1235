"""The form of a case (cases/README.md): nights of records or deliveries, and what is expected at the end of each."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, model_validator

from jobs.core.contracts import Column, Feed
from jobs.core.errors import UserError
from jobs.core.yamlfile import Strict, explain, line_of, one_of
from jobs.policy import EdgeKind
from jobs.rehearse.plain_yaml import read_plain_yaml

Record = dict[str, Any]
"""Column -> text as written, None where the case says null; an `array` column is a list of such records."""
LISTING_OF = "listing_of"
"""Stands in a record for the `listing_id` (and `recipient_id`) of an identifier's active listing."""
Fault = Literal[
    "file_missing", "hash", "row_count", "unknown_feed", "contract_version", "path", "archive", "too_large", "signature", "fork",
    "column_missing", "unreadable",
]  # fmt: skip
"""Reasons for which a delivery is refused (feeds.md)."""


def _as_list(value: Any) -> Any:
    return list(value) if isinstance(value, list | tuple) else [value]


def _as_subjects(value: Any) -> Any:
    """One or several; an identifier alone stands for {identifier: …}."""
    return [{"identifier": item} if isinstance(item, str) else item for item in _as_list(value)]


def _as_groups(value: Any) -> Any:
    """One group may stand without the outer brackets."""
    is_flat = isinstance(value, list) and bool(value) and not any(isinstance(item, list) for item in value)
    return [_as_subjects(group) for group in ([value] if is_flat else _as_list(value))]


def parse_time(text: str) -> datetime | date:
    """A date, or a time with its offset. Raises ValueError with a sentence."""
    try:
        moment = date.fromisoformat(text) if len(text) == 10 else datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"'{text}' is neither a date nor a time (ISO 8601)") from None
    if isinstance(moment, datetime) and moment.tzinfo is None:
        raise ValueError(f"'{text}' needs an offset, as in 2026-10-01T18:00:00+08:00")
    return moment


def _is_time(text: str | None) -> str | None:
    if text is not None:
        parse_time(text)
    return text


Time = Annotated[str | None, AfterValidator(_is_time)]


class Subject(Strict):
    """An identifier as a record would name it, and for a phone the tenure that is meant: null is the one open to the left."""

    identifier: str
    tenure_from: Time = None

    @property
    def is_any_tenure(self) -> bool:
        return "tenure_from" not in self.model_fields_set


class Listed(Subject):
    """An active listing; what is not named may be anything. `cites`: text in its human decision or its reasons."""

    measure: Literal["verify", "restrict", "suspend", "close"] | None = None
    reason: str | None = None
    due_on: date | None = None
    cites: str | None = None


class Released(Subject):
    """A listing that left since this case's night before."""

    reason: str | None = None


class Scored(Subject):
    """A score, to 6 places; 0 is that of what nothing influences."""

    is_: float = Field(alias="is", ge=0, le=1)


class Shared(Subject):
    """A shared mark, of one edge kind if that is named."""

    kind: Annotated[EdgeKind, one_of("an edge kind", get_args(EdgeKind))] | None = None


class Reviewed(Subject):
    """An open row for a human, for one reason if that is named."""

    reason: str | None = None


class Quarantined(Strict):
    """A record of this case in quarantine, or one element (its index) of its array. Without a record_id: any record of this case."""

    feed: str
    record_id: str | None = None
    reasons: Annotated[tuple[str, ...], BeforeValidator(_as_list)] = ()
    element: int | None = None

    def names(self, feed: str, record_id: str | None, element: int | None) -> bool:
        return self.feed == feed and self.record_id in (None, record_id) and self.element in (None, element)


class Refused(Strict):
    """A delivery of this case that was refused since the night before."""

    feed: str
    reason: Fault | None = None


Subjects = Annotated[tuple[Subject, ...], BeforeValidator(_as_subjects)]
Group = Annotated[tuple[Subject, ...], Field(min_length=2)]
Groups = Annotated[tuple[Group, ...], BeforeValidator(_as_groups)]
Quarantines = Annotated[tuple[Quarantined, ...], BeforeValidator(_as_list)]


class Release(Strict):
    """What a recipient's latest snapshot holds; one that never got a release lacks everything."""

    recipient: str
    contains: Subjects = ()
    lacks: Subjects = ()

    @model_validator(mode="after")
    def _says_something(self) -> Release:
        if not (self.contains or self.lacks):
            raise ValueError("a release names what it contains or lacks")
        return self


class Expect(Strict):
    """What must hold at the end of a night."""

    listed: Annotated[tuple[Listed, ...], BeforeValidator(_as_subjects)] = ()
    not_listed: Subjects = ()
    leads: Subjects = ()
    not_leads: Subjects = ()
    released: Annotated[tuple[Released, ...], BeforeValidator(_as_subjects)] = ()
    score: Annotated[tuple[Scored, ...], BeforeValidator(_as_list)] = ()
    same_party: Groups = ()
    different_party: Groups = ()
    same_ring: Groups = ()
    shared: Annotated[tuple[Shared, ...], BeforeValidator(_as_subjects)] = ()
    not_shared: Annotated[tuple[Shared, ...], BeforeValidator(_as_subjects)] = ()
    contested: Subjects = ()
    ambiguous: Subjects = ()
    protected: Subjects = ()
    for_review: Annotated[tuple[Reviewed, ...], BeforeValidator(_as_subjects)] = ()
    not_for_review: Annotated[tuple[Reviewed, ...], BeforeValidator(_as_subjects)] = ()
    quarantined: Quarantines = ()
    not_quarantined: Quarantines = ()
    resolved: Quarantines = ()
    refused: Annotated[tuple[Refused, ...], BeforeValidator(_as_list)] = ()
    release: Annotated[tuple[Release, ...], BeforeValidator(_as_list)] = ()
    events: int | None = Field(default=None, ge=0)

    @property
    def size(self) -> int:
        """How many things are expected."""
        counted = (getattr(self, kind) for kind in type(self).model_fields if kind != "events")
        return sum(len(items) for items in counted) + (self.events is not None)

    def subjects(self) -> Iterator[Subject]:
        """Every identifier that is spoken of."""
        for kind in type(self).model_fields:
            for item in () if kind == "events" else getattr(self, kind):
                if isinstance(item, Subject):
                    yield item
                elif isinstance(item, Release):
                    yield from (*item.contains, *item.lacks)
                elif isinstance(item, tuple):
                    yield from item


class Delivery(Strict):
    """Records that come together. What is set here is made so; a list of records alone is a delivery that sets nothing."""

    records: tuple[Record, ...] = ()
    mode: Literal["delta", "snapshot"] = "delta"
    sequence: int | None = Field(default=None, ge=0)
    produced_at: Time = None
    faults: Annotated[tuple[Fault, ...], BeforeValidator(_as_list)] = ()

    @property
    def is_controlled(self) -> bool:
        return bool(self.model_fields_set - {"records"})


class NightPlan(Strict):
    """One night of a case: deliveries by feed, and what is expected at its end."""

    feeds: dict[str, tuple[Delivery, ...]]
    expect: Expect = Expect()

    @model_validator(mode="before")
    @classmethod
    def _sorted_out(cls, value: Any) -> Any:
        """`expect` apart from the feeds; every way to write deliveries becomes a list of them."""
        if value is None:
            value = {}
        if not isinstance(value, dict):
            raise ValueError("a night names feeds and what to expect")
        feeds: dict[str, list[Any]] = {}
        for name, content in value.items():
            if name == "deliveries":
                for feed, delivery in _by_feed(content):
                    feeds.setdefault(feed, []).append(delivery)
            elif name != "expect":
                feeds.setdefault(name, []).extend(_deliveries(content))
        return {"feeds": feeds, **({"expect": value["expect"]} if value.get("expect") is not None else {})}


def _deliveries(content: Any) -> list[Any]:
    """`[records]`, `[deliveries]`, `{deliveries: […]}` or one delivery."""
    if content is None:
        return []
    if isinstance(content, dict):
        return list(_as_list(content["deliveries"])) if set(content) == {"deliveries"} else [content]
    if not isinstance(content, list):
        raise ValueError("a feed has a list of records, or `deliveries`")
    if content and all(isinstance(item, dict) and _is_delivery(item) for item in content):
        return content
    return [{"records": content}]


def _is_delivery(item: dict[str, Any]) -> bool:
    return isinstance(item.get("records"), list) or (bool(item) and set(item) <= set(Delivery.model_fields))


def _by_feed(content: Any) -> Iterator[tuple[str, Any]]:
    """`deliveries: {agency/feed: …}`, or a list of deliveries that each name their `feed`."""
    if isinstance(content, dict) and "feed" not in content:
        for feed, inner in content.items():
            for delivery in _deliveries(inner):
                yield feed, delivery
        return
    for item in _as_list(content):
        if not isinstance(item, dict) or not isinstance(item.get("feed"), str):
            raise ValueError("each of the deliveries names its feed")
        yield item["feed"], {name: part for name, part in item.items() if name != "feed"}


class Case(Strict):
    """A small story with its expected end."""

    case: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$")
    says: str
    nights: dict[date, NightPlan] = Field(min_length=1)

    @model_validator(mode="after")
    def _expects_something(self) -> Case:
        if not any(night.expect.size for night in self.nights.values()):
            raise ValueError(
                "the case expects nothing, so it can't fail; say what must hold at the end of a night under 'expect'"
            )
        return self

    @property
    def dates(self) -> list[date]:
        return sorted(self.nights)

    def foresees(self, on: date, feed: str, record_id: str, element: int | None) -> bool:
        """Whether the case knows that this record is set aside on that night: some night expects it in quarantine or resolved, or this one or a
        later one expects it there no more."""
        named = (
            item
            for night, plan in self.nights.items()
            for item in (
                *plan.expect.quarantined,
                *plan.expect.resolved,
                *(plan.expect.not_quarantined if night >= on else ()),
            )
        )
        return any(item.names(feed, record_id, element) for item in named)


def load_case(path: Path, contracts: dict[str, Feed]) -> Case:
    """The case in this file. Raises UserError naming file, line and what is wrong."""
    data = read_plain_yaml(path)
    if not isinstance(data, dict):
        raise UserError(f"{path}:1: must be a mapping with case, says and nights")
    try:
        case = Case.model_validate(data)
    except ValidationError as error:
        raise UserError(explain(path, error)) from None
    for on, night in case.nights.items():
        for feed, deliveries in night.feeds.items():
            _check_feed(path, (str(on), feed), deliveries, contracts)
        _check_expected_feeds(path, on, night.expect, contracts)
    return case


def load_cases(paths: list[Path], contracts: dict[str, Feed]) -> list[tuple[Path, Case]]:
    """Every case, of folders every YAML file in order of name. Raises UserError also for two cases of one name."""
    files = [
        file
        for path in paths
        for file in (sorted([*path.glob("*.yaml"), *path.glob("*.yml")]) if path.is_dir() else [path])
    ]
    if not files:
        raise UserError("no case is given; name one or more CASE.yaml")
    cases = [(file, load_case(file, contracts)) for file in files]
    seen: dict[str, Path] = {}
    for file, case in cases:
        if case.case in seen:
            raise UserError(
                f"{file}:1: case '{case.case}' is also in {seen[case.case]}; each case needs a name of its own"
            )
        seen[case.case] = file
    return cases


def _check_feed(path: Path, at: tuple[str, str], deliveries: tuple[Delivery, ...], contracts: dict[str, Feed]) -> None:
    on, name = at
    feed = contracts.get(name)
    if feed is None:
        # A delivery of a feed that doesn't exist may itself be the story.
        if deliveries and all("unknown_feed" in delivery.faults for delivery in deliveries):
            return
        raise UserError(
            f"{path}:{line_of(path, ('nights', on, name))}: '{name}' is not a feed; known are {', '.join(sorted(contracts))}"
        )
    for number, delivery in enumerate(deliveries):
        for index, record in enumerate(delivery.records):
            if (wrong := _wrong_field(record, feed.columns)) is not None:
                own = record.get("record_id")
                label = f"record '{own}'" if isinstance(own, str) else f"record {index + 1}"
                raise UserError(f"{path}:{_record_line(path, at, number, index)}: {name}: {label} {wrong}")


def _wrong_field(record: Record, columns: dict[str, Column]) -> str | None:
    """What is wrong with the fields of a record, as the end of a sentence."""
    for name, value in record.items():
        if name == LISTING_OF and "listing_id" in columns:
            continue
        column = columns.get(name)
        if column is None:
            return f"has the field '{name}', which this feed does not have; known are {', '.join(columns)}"
        if column.items is None:
            if isinstance(value, list | dict):
                return f"has '{name}' as a list or mapping; it is one value"
            continue
        if value is not None and not (isinstance(value, list) and all(isinstance(i, dict) for i in value)):
            return f"has '{name}' as one value; it is a list of mappings"
        known = {item.name for item in column.items.schema_}
        for unknown in (key for element in value or () for key in element if key not in known):
            return f"has the field '{unknown}' in '{name}', which has {', '.join(sorted(known))}"
    return None


def _check_expected_feeds(path: Path, on: date, expect: Expect, contracts: dict[str, Feed]) -> None:
    for kind in ("quarantined", "not_quarantined", "resolved"):
        for index, item in enumerate(getattr(expect, kind)):
            if item.feed not in contracts:
                line = line_of(path, ("nights", str(on), "expect", kind, index))
                raise UserError(
                    f"{path}:{line}: {kind}: '{item.feed}' is not a feed; known are {', '.join(sorted(contracts))}"
                )


def _record_line(path: Path, at: tuple[str, str], number: int, index: int) -> int:
    """As near as the ways of writing deliveries let us tell."""
    on, feed = at
    plain = line_of(path, ("nights", on, feed, index))
    inside = line_of(path, ("nights", on, feed, "deliveries", number, "records", index))
    return max(plain, inside)
