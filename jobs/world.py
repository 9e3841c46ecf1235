"""What the runner is told of this product: its policy, its recipients, its stages, and how releases become visible."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jobs.core.runner import World
from jobs.core.settings import Settings
from jobs.pipeline import load_stages
from jobs.policy import load_policy


def _recipients(schemas: Path) -> Any:
    from jobs.releases.recipients import load_recipients

    return load_recipients(schemas)


def _publish(settings: Settings, releases: dict[str, int]) -> None:
    from jobs.releases.publish import publish_pending

    publish_pending(settings, releases)


def _begin_import() -> None:
    from jobs.checks.gate import start_import

    start_import()


WORLD = World(
    policy=load_policy, recipients=_recipients, stages=load_stages, publish=_publish, prepare={"checks": _begin_import}
)
