"""Same seed, same bytes, in any process; another seed, another world."""

import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from jobs.core.contracts import CodeList, Feed
from jobs.core.errors import UserError
from jobs.core.settings import ROOT
from jobs.simulate import Knobs, simulate
from tests.simulate.reading import tree_hash

PROGRAM = """
import sys
from pathlib import Path
from jobs.core.contracts import load_codes, load_contracts
from jobs.simulate import simulate
root = Path(sys.argv[1])
simulate(
    Path(sys.argv[2]), 600, 3, int(sys.argv[3]), contracts=load_contracts(root / "schemas"),
    codes=load_codes(root / "schemas"),
    say=lambda text: None,
)
"""


def run(out: Path, seed: int, hash_seed: str) -> str:
    """The tree's digest after a simulation in a process of its own."""
    environment = {"PYTHONHASHSEED": hash_seed, "PATH": "/usr/bin:/bin", "TZ": "America/Lima"}
    command = [sys.executable, "-c", PROGRAM, str(ROOT), str(out), str(seed)]
    subprocess.run(command, check=True, cwd=ROOT, env=environment, timeout=120)
    return tree_hash(out)


def test_two_processes_write_the_same_bytes_for_one_seed_and_others_for_another(tmp_path: Path) -> None:
    first = run(tmp_path / "a", 3, "1")
    second = run(tmp_path / "b", 3, "2")
    other = run(tmp_path / "c", 4, "1")
    assert first == second
    assert first != other


def test_a_folder_that_holds_a_world_is_not_written_over(
    tmp_path: Path, contracts: dict[str, Feed], codes: dict[str, CodeList]
) -> None:
    (tmp_path / "landing" / "telecom").mkdir(parents=True)
    with pytest.raises(UserError, match="not empty"):
        simulate(tmp_path, 200, 1, 1, contracts=contracts, codes=codes)


@pytest.mark.parametrize(("people", "nights", "seed"), [(10, 1, 1), (200, 0, 1), (200, 1, -1)])
def test_sizes_that_make_no_world_are_refused_in_a_sentence(
    people: int,
    nights: int,
    seed: int,
    tmp_path: Path,
    contracts: dict[str, Feed],
    codes: dict[str, CodeList],
) -> None:
    with pytest.raises(UserError, match="at least 100 people"):
        simulate(tmp_path, people, nights, seed, contracts=contracts, codes=codes)


def test_a_missing_code_list_is_named(tmp_path: Path, contracts: dict[str, Feed], codes: dict[str, CodeList]) -> None:
    without = {name: codes[name] for name in codes if name != "platforms"}
    with pytest.raises(UserError, match="'platforms'"):
        simulate(tmp_path, 200, 1, 1, date(2026, 10, 1), contracts=contracts, codes=without)


def test_a_rate_above_one_is_refused() -> None:
    with pytest.raises(UserError, match="mess_rate"):
        Knobs(mess_rate=1.5)
