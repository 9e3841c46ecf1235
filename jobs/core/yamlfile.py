"""YAML files checked against a model, with errors that name file, line and rule."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, ValidationError
from pydantic_core import PydanticCustomError

from jobs.core.errors import UserError

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Strict(BaseModel):
    """A model in which an unknown key is an error: a typo must not become a silent default."""

    model_config = ConfigDict(extra="forbid", frozen=True)


Loc = tuple[int | str, ...]
N_SHOWN = 5
"""Of a file's faults, how many are said; those after them are counted."""
KEY = "[key]"
"""How pydantic ends the place of a fault of a key itself."""
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


def _timestamp(loader: Any, node: yaml.ScalarNode) -> Any:
    try:
        return loader.construct_yaml_timestamp(node)
    except ValueError:
        problem = f"{node.value} is no day or time that there is; in quotes it is a text"
        raise yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark) from None


_UniqueKeys.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)
_UniqueKeys.add_constructor("tag:yaml.org,2002:timestamp", _timestamp)


def read_yaml(path: Path) -> Any:
    """The file's content. Raises UserError with file and line when it isn't YAML."""
    try:
        return yaml.load(path.read_bytes().decode(), Loader=_UniqueKeys)
    except OSError as error:
        raise UserError(f"{path}: can't be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise UserError(f"{path}:{line}: is not UTF-8 text") from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise UserError(f"{path}:{line}: not valid YAML: {error.problem}") from None
    except (yaml.YAMLError, ValueError) as error:  # a control character, say
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


def one_of(what: str, known: Collection[str]) -> BeforeValidator:
    """For a text that must be one of these: anything else is said not to be `what`, with the nearest that is."""

    def check(value: Any) -> Any:
        if value not in known:
            raise fault((), f"'{value}' is not {what}; {hint(str(value), known)}")
        return value

    return BeforeValidator(check)


def with_every(what: str, names: Collection[str]) -> AfterValidator:
    """For a mapping or list that must have all of these."""

    def check(value: Any) -> Any:
        if missing := [f"'{name}'" for name in names if name not in value]:
            raise fault((), f"{what} {', '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing")
        return value

    return AfterValidator(check)


def nearest(text: str, known: Collection[str]) -> str | None:
    """Which of these was meant, if one is near: two letters swapped are nearer than another letter."""
    near = get_close_matches(text, known)
    return max(near, key=lambda word: sorted(word) == sorted(text), default=None)


def hint(text: str, known: Collection[str]) -> str:
    """What to say beside a word that is not known."""
    near = nearest(text, known)
    return f"did you mean '{near}'?" if near else f"known are {', '.join(known)}"


def explain(path: Path, error: ValidationError, in_file: Callable[[Loc], Loc] = lambda loc: loc) -> str:
    """A line for each fault, in the order of the file: where it is and which rule it breaks.

    `in_file` says where a place in the model stands in the file, when that is elsewhere.
    """
    root = _composed(path)
    found = []
    for loc, rule in _faults(error):
        place = in_file(loc)
        line = _line(root, place)
        where = ".".join(str(part) for part in place if part != KEY)
        found.append((line, f"{path}:{line}: {where or 'the file'}: {rule}"))
    found.sort(key=lambda one: one[0])
    rest = len(found) - N_SHOWN
    return "\n".join([*(text for _, text in found[:N_SHOWN]), *([f"and {rest} more"] if rest > 0 else [])])


def _faults(error: ValidationError) -> Iterator[tuple[Loc, str]]:
    """Place and rule of each. A misspelt key, which is an unknown one and a missing one beside it, is one fault, and so is a wrong item of a
    list that is too short without it."""
    faults = [((*one["loc"], *one.get("ctx", {}).get("at", ())), one) for one in error.errors()]
    missing = [loc for loc, one in faults if one["type"] == "missing"]
    for loc, one in faults:
        if one["type"] == "extra_forbidden":
            beside = [str(other[-1]) for other in missing if other[:-1] == loc[:-1]]
            if near := nearest(str(loc[-1]), beside):
                missing.remove((*loc[:-1], near))
            yield loc, "is not a known key" + (f"; did you mean '{near}'?" if near else "")
        elif one["type"] == "too_short" and any(other[: len(loc)] == loc != other for other, _ in faults):
            continue
        elif one["type"] != "missing":
            yield loc, one["msg"].removeprefix("Value error, ")
    yield from ((loc, "Field required") for loc in missing)


def line_of(path: Path, loc: Loc) -> int:
    """The line in which the key or item `loc` begins: as far down as the file follows it."""
    return _line(_composed(path), loc)


def texts_of(path: Path) -> Iterator[tuple[str, int]]:
    """Every key and value of the file as it is written, with the line in which it begins."""
    waiting = [_composed(path)]
    while waiting:
        node = waiting.pop()
        if isinstance(node, yaml.ScalarNode):
            yield node.value, node.start_mark.line + 1
        elif isinstance(node, yaml.MappingNode):
            waiting += [part for pair in reversed(node.value) for part in reversed(pair)]
        elif isinstance(node, yaml.SequenceNode):
            waiting += reversed(node.value)


def _composed(path: Path) -> Any:
    return yaml.compose(path.read_text(encoding="utf-8"), Loader=_Loader)


def _line(node: Any, loc: Loc) -> int:
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
