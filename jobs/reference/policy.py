"""docs/reference/policy.md: the default policy and what it protects, as tables."""

from __future__ import annotations

import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from jobs.core.yamlfile import read_yaml
from jobs.policy import Policy, load_policy
from jobs.reference.markdown import code, page, table, text

HEAD = ("id", "version", "description")


def render_policy(schemas: Path) -> str:
    """The page. Raises UserError when the policy breaks a rule of its own."""
    load_policy(schemas, "default")
    policy = read_yaml(schemas / "policy" / "default.yml")
    about = [f"Policy `{policy['id']}`, version {policy['version']}. {text(policy['description'])}", ""]
    sections = [
        [f"## {name.replace('_', ' ').capitalize()}", "", *_meaning(name), *_render(value)]
        for name, value in policy.items()
        if name not in HEAD
    ]
    return page("Policy", about, *sections, _protected(schemas))


def _render(value: Any) -> list[str]:
    """Scalars of a mapping in one table; mappings and lists of mappings in one each."""
    if isinstance(value, list):
        return _wide([("", item) for item in value])
    if value and all(isinstance(item, dict) for item in value.values()):
        return _wide(list(value.items()))
    lists = {name: item for name, item in value.items() if _is_list_of_mappings(item)}
    flat = _flat({name: item for name, item in value.items() if name not in lists})
    lines = table(("what", "value"), ((code(name), text(item)) for name, item in flat))
    for name, item in lists.items():
        lines += [f"### {name.replace('_', ' ').capitalize()}", "", *_render(item)]
    return lines


def _is_list_of_mappings(value: Any) -> bool:
    return isinstance(value, list) and any(isinstance(item, dict) for item in value)


def _flat(value: dict[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    """What is inside a mapping goes by `outer.inner`."""
    for name, item in value.items():
        if isinstance(item, dict):
            yield from _flat(item, f"{before}{name}.")
        else:
            yield f"{before}{name}", item


def _wide(rows: list[tuple[str, dict[str, Any]]]) -> list[str]:
    columns = list(dict.fromkeys(name for _, row in rows for name in row))
    named = any(name for name, _ in rows)
    header = [*(["kind"] if named else []), *(name.replace("_", " ") for name in columns)]
    return table(
        header,
        ([*([code(name)] if named else []), *(_scalar(row.get(column)) for column in columns)] for name, row in rows),
    )


def _scalar(value: Any) -> str:
    return text([f"{name}: {item}" for name, item in value.items()] if isinstance(value, dict) else value)


def _meaning(section: str) -> list[str]:
    """What the policy's model says of this section: the sentence at its class."""
    field = Policy.model_fields.get(section)
    for kind in _models(field.annotation if field else None):
        if kind.__doc__ and kind.__doc__ != BaseModel.__doc__ and "__doc__" in vars(kind):
            return [text(kind.__doc__), ""]
    return []


def _models(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in typing.get_args(annotation) for model in _models(part)]


def _protected(schemas: Path) -> list[str]:
    protected = read_yaml(schemas / "policy" / "protected.yml")
    rows = (
        (code(group["id"]), code(group["type"]), text(group["reason"]), str(len(group.get("values", ()))))
        for group in protected["groups"]
    )
    return [
        "## Protected",
        "",
        text(protected["description"]),
        "",
        *table(("group", "type", "why", "how many"), rows),
    ]
