"""The policy owners' stories, played through the real pipeline in one lake."""

from pathlib import Path

import pytest

from jobs.core.settings import Settings
from jobs.rehearse.play import rehearse

PASSING = (
    "bad_records_are_named",
    "cancelled_number_live_accounts",
    "late_subscription_moves_a_binding",
    "rebinding_is_no_escape",
    "recycled_number",
)


@pytest.fixture(scope="module")
def results(spark, shared: Path, tmp_path_factory: pytest.TempPathFactory):
    paths = [shared / "cases" / f"{name}.yaml" for name in PASSING]
    keep = tmp_path_factory.mktemp("rehearsal") / "kept"
    return {result.path.stem: result for result in rehearse(paths, Settings(), None, print, keep=keep, spark=spark)}


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", PASSING)
def test_the_story_ends_as_its_owner_expects(results, name: str) -> None:
    assert results[name].n_expected > 0
    assert results[name].differences == ()


def test_every_story_was_played(results) -> None:
    assert set(results) == set(PASSING)
