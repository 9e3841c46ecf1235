"""YAML files checked against a model, with errors that name file, line and rule."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import PydanticCustomError

from jobs.core.errors import UserError

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Strict(BaseModel):
    """A model in which an unknown key is an error: a typo must not become a silent default."""

    model_config = ConfigDict(extra="forbid", frozen=True)


Loc = tuple[int | str, ...]
M = TypeVar("M", bound=BaseModel)


class _UniqueKeys(_Loader):  # type: ignore[misc]
    """A key given twice is a mistake, not a choice of the last."""


def _mapping(loader: Any, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
    seen: dict[Any, Any] = {}
    for key_node, value_node in node.value:
        key = loader.construct_object(key_node, deep=True)
        if not isinstance(key, Hashable):
            raise yaml.MarkedYAMLError(problem="a key must be a text or a number", problem_mark=key_node.start_mark)
        if key in seen:
            raise yaml.MarkedYAMLError(problem=f"key '{key}' is given twice", problem_mark=key_node.start_mark)
        seen[key] = loader.construct_object(value_node, deep=True)
    return seen


_UniqueKeys.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def read_yaml(path: Path) -> Any:
    """The file's content. Raises UserError with file and line when it isn't YAML."""
    try:
        return yaml.load(path.read_text(encoding="utf-8"), Loader=_UniqueKeys)
    except OSError as error:
        raise UserError(f"{path}: can't be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UserError(f"{path}: is not UTF-8 text") from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise UserError(f"{path}:{line}: not valid YAML: {error.problem}") from None
    except (yaml.YAMLError, ValueError) as error:  # a control character; a date that the calendar doesn't have
        raise UserError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from None


def load_model(path: Path, model: type[M], merge: dict[str, Any] | None = None) -> M:
    """The file as `model`; `merge` adds keys the file may not give itself (its name, say)."""
    data = read_yaml(path)
    if not isinstance(data, dict):
        raise UserError(f"{path}:1: must be a mapping of names to values")
    try:
        return model.model_validate({**data, **(merge or {})})
    except ValidationError as error:
        raise UserError(explain(path, error)) from None


def fault(at: Loc, text: str) -> PydanticCustomError:
    """What a model's validator raises for a fault that lies below the model, at `at` in the file."""
    return PydanticCustomError("fault", "{text}", {"text": text, "at": at})


def explain(path: Path, error: ValidationError, in_file: Callable[[Loc], Loc] = lambda loc: loc) -> str:
    """One sentence: where the first fault is and which rule it breaks; how many more there are.

    `in_file` says where a place in the model stands in the file, when that is elsewhere.
    """
    # A misspelt key is two faults, one unknown and one missing: the unknown one has the line to look at.
    first, *rest = sorted(error.errors(), key=lambda one: one["type"] != "extra_forbidden")
    loc = in_file((*first["loc"], *first.get("ctx", {}).get("at", ())))
    where = ".".join(str(part) for part in loc)
    rule = "is not a known key" if first["type"] == "extra_forbidden" else first["msg"].removeprefix("Value error, ")
    more = f" (and {len(rest)} more)" if rest else ""
    return f"{path}:{line_of(path, loc)}: {where or 'the file'}: {rule}{more}"


def line_of(path: Path, loc: Loc) -> int:
    """The line in which the key or item `loc` begins: as far down as the file follows it."""
    node = yaml.compose(path.read_text(encoding="utf-8"), Loader=_Loader)
    line = 1
    for part in loc:
        if isinstance(node, yaml.MappingNode):
            found = next(((k, v) for k, v in node.value if k.value == str(part)), None)
            if found is None:
                continue
            line, node = found[0].start_mark.line + 1, found[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and 0 <= part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line + 1
    return line
