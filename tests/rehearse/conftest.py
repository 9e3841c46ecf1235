"""Contracts, code lists, and a way to write a case as text."""

from collections.abc import Callable
from pathlib import Path

import pytest

from jobs.core.contracts import CodeList, Feed, load_codes, load_contracts
from jobs.core.settings import ROOT
from jobs.rehearse.model import load_cases
from jobs.rehearse.play import Player, prepare


@pytest.fixture(scope="session")
def contracts() -> dict[str, Feed]:
    return load_contracts(ROOT / "schemas")


@pytest.fixture(scope="session")
def codes() -> dict[str, CodeList]:
    return load_codes(ROOT / "schemas")


@pytest.fixture
def write_case(tmp_path: Path) -> Callable[[str, str], Path]:
    """A file with a case of that name and these nights."""

    def write(name: str, nights: str) -> Path:
        path = tmp_path / f"{name}.yaml"
        path.write_text(f"case: {name}\nsays: A story.\nnights:\n{nights}", encoding="utf-8")
        return path

    return write


@pytest.fixture
def prepared(
    write_case: Callable[[str, str], Path], contracts: dict[str, Feed], codes: dict[str, CodeList]
) -> Callable[..., dict[str, Player]]:
    """Cases given as name=nights, ready to be played."""

    def build(**nights: str) -> dict[str, Player]:
        paths = [write_case(name.replace("_", "-"), text) for name, text in nights.items()]
        return prepare(load_cases(paths, contracts), contracts, codes)

    return build
