"""The columns of a release: `schemas/releases.yml`, as Arrow schemas."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
from pydantic import Field

from jobs.core.yamlfile import Strict, load_model
from jobs.releases.recipients import Kind

ARROW_TYPES: dict[str, Any] = {
    "string": pa.string(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us", "UTC"),
    "list": pa.list_(pa.string()),
}
# In front of the columns of a release where rows are changes.
CHANGE_FIELDS: tuple[Any, ...] = (pa.field("change", pa.string()), pa.field("release_reason", pa.string()))


class ReleaseColumn(Strict):
    """One column; `kinds` names the only kinds of recipient that get it."""

    name: str
    type: Literal["string", "date", "timestamp", "list"]
    description: str
    kinds: tuple[Kind, ...] = ()


class Layout(Strict):
    """What a row of a release holds; the version changes with the columns."""

    version: str = Field(pattern=r"^\d+\.\d+\.\d+$")
    purpose: str
    columns: tuple[ReleaseColumn, ...] = Field(min_length=1)

    def arrow_schema(self, kind: Kind) -> Any:
        """Schema of a snapshot for this kind of recipient."""
        return pa.schema([(c.name, ARROW_TYPES[c.type]) for c in self.columns if not c.kinds or kind in c.kinds])

    def change_schema(self, kind: Kind) -> Any:
        """Schema of the changes for this kind of recipient."""
        return pa.schema([*CHANGE_FIELDS, *self.arrow_schema(kind)])


def load_layout(schemas: Path) -> Layout:
    """The layout of every release. Raises UserError naming file and line."""
    return load_model(schemas / "releases.yml", Layout)


def describe_columns(layout: Layout) -> str:
    """The columns as a Markdown table: what docs/pull-the-blacklist.md holds (a test keeps it so)."""
    lines = ["| column | type | who gets it | what it says |", "| --- | --- | --- | --- |"]
    for column in layout.columns:
        who = ", ".join(kind.replace("_", " ") for kind in column.kinds) or "all"
        lines.append(f"| `{column.name}` | {column.type} | {who} | {column.description} |")
    return "\n".join(lines)
