"""docs/pull-the-blacklist.md is what recipients build on: its columns and its code are held to ours."""

import re
from collections.abc import Callable
from typing import Any

from jobs.core.settings import ROOT
from jobs.releases.cells import as_text
from jobs.releases.layout import Layout, describe_columns
from jobs.releases.recipients import Recipient
from jobs.releases.rows import project_rows
from jobs.releases.setdigest import digest_set

PAGE = (ROOT / "docs" / "pull-the-blacklist.md").read_text(encoding="utf-8")
SET_KEY = "5c" * 32


def test_the_page_describes_the_columns_of_the_layout(layout: Layout) -> None:
    assert describe_columns(layout) in PAGE


def test_the_pages_own_code_computes_our_set_digest(
    to_rows: Callable[..., Any],
    examples: list[dict[str, Any]],
    recipients: dict[str, Recipient],
    layout: Layout,
    key: bytes,
) -> None:
    code = re.search(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert code is not None
    scope: dict[str, Any] = {}
    exec(code.group(1), scope)
    snapshot = project_rows(to_rows(examples), recipients["cmcc"], layout, key)
    texts = [as_text(snapshot[name]).to_pylist() for name in snapshot.column_names]
    ours = digest_set(snapshot, SET_KEY)
    assert scope["set_digest"](list(zip(*texts, strict=True)), SET_KEY) == (ours.count, ours.xor)
