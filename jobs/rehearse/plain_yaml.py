"""YAML whose values stay the text that was written: `1.00` is not 1.0, `011000` is no octal number, a date stays a date."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

from jobs.core.yamlfile import read_yaml


class _Plain(yaml.SafeLoader):
    """Numbers are text; true and false are spelt so; a time with an offset is spelt as ISO 8601; null stays None."""


def _text(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> str:
    return str(loader.construct_scalar(node))


def _boolean(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> str:
    return "true" if loader.construct_yaml_bool(node) else "false"


def _timestamp(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> str:
    value = loader.construct_yaml_timestamp(node)
    return value.isoformat() if isinstance(value, datetime) and value.tzinfo else _text(loader, node)


for _tag in ("int", "float"):
    _Plain.add_constructor(f"tag:yaml.org,2002:{_tag}", _text)
_Plain.add_constructor("tag:yaml.org,2002:bool", _boolean)
_Plain.add_constructor("tag:yaml.org,2002:timestamp", _timestamp)


def read_plain_yaml(path: Path) -> Any:
    """The file's content with text for every scalar but null. Raises UserError with file and line when it isn't YAML."""
    read_yaml(path)
    return yaml.load(path.read_text(encoding="utf-8"), Loader=_Plain)
