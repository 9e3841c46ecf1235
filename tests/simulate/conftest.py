"""One small world that every test may read, and a way to make others."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from jobs.core.contracts import CodeList, Feed, load_codes, load_contracts
from jobs.core.settings import ROOT
from jobs.simulate import Knobs, Truth, simulate

Make = Callable[..., Truth]
START = date(2026, 10, 1)


@pytest.fixture(scope="session")
def contracts() -> dict[str, Feed]:
    return load_contracts(ROOT / "schemas")


@pytest.fixture(scope="session")
def codes() -> dict[str, CodeList]:
    return load_codes(ROOT / "schemas")


@pytest.fixture(scope="session")
def make_world(
    contracts: dict[str, Feed], codes: dict[str, CodeList], tmp_path_factory: pytest.TempPathFactory
) -> Make:
    """make_world(people=…, nights=…, seed=…, knob=…) in a fresh folder."""

    def make(people: int = 1500, nights: int = 3, seed: int = 5, **knobs: Any) -> Truth:
        out: Path = tmp_path_factory.mktemp("world")
        return simulate(
            out,
            people,
            nights,
            seed,
            START,
            contracts=contracts,
            codes=codes,
            knobs=Knobs(**knobs),
            say=lambda _: None,
        )

    return make


@pytest.fixture(scope="session")
def world(make_world: Make) -> Truth:
    """4,000 people, six nights, the default knobs."""
    return make_world(people=4000, nights=6, seed=11)
