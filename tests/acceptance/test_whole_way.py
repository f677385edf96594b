"""The three stories of the demo, on real processes."""

from __future__ import annotations

import pytest

from playground.scenarios import SCENARIOS

pytestmark = pytest.mark.acceptance


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_the_story_ends_as_it_must(scenario, stage):
    scenario.play(stage)

    assert stage.notes
