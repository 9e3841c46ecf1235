"""The policy owners' stories and our own, all played through the real pipeline in one lake, in one run."""

from pathlib import Path

import pytest

from jobs.core.settings import Settings
from jobs.rehearse.play import rehearse
from tests.conftest import SHARED

OURS = Path(__file__).parent
STORIES = sorted([*(SHARED / "cases").glob("*.yaml"), *OURS.glob("*.yaml")], key=lambda path: path.stem)


@pytest.fixture(scope="module")
def results(shared: Path, tmp_path_factory: pytest.TempPathFactory):
    keep = tmp_path_factory.mktemp("rehearsal") / "kept"
    return {result.path: result for result in rehearse(STORIES, Settings(), None, print, keep=keep)}


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("path", STORIES, ids=lambda path: path.stem)
def test_the_story_ends_as_its_owner_expects(results, path: Path) -> None:
    assert results[path].n_expected > 0
    assert results[path].differences == ()


def test_every_story_was_played(results) -> None:
    assert set(results) == set(STORIES)
    assert len(list((SHARED / "cases").glob("*.yaml"))) >= 14
    assert len(list(OURS.glob("*.yaml"))) >= 25
