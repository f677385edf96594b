"""How often a confidence has come true, and what is shown instead."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patchpilot.calibration import FEWEST, Known, brier, calibrated, reliability

KNOWN = st.builds(Known, st.integers(5, 99).map(lambda n: n / 100), st.booleans())


def drawn(count: int, truth: float, *, score: float = 0.9, seed: int = 1) -> list[Known]:
    chance = random.Random(seed)
    return [Known(score, chance.random() < truth) for _ in range(count)]


def test_the_formula_is_shown_while_too_little_is_known() -> None:
    few = calibrated(drawn(FEWEST - 1, 0.1))
    assert few.points == ()
    assert few(0.9) == 0.9
    assert few.outcomes == FEWEST - 1


def test_a_formula_that_says_too_much_is_taken_back_the_more_is_known() -> None:
    shown = [calibrated(drawn(count, 0.5))(0.9) for count in (25, 100, 1000)]
    assert 0.9 > shown[0] > 0.5
    assert shown[-1] == pytest.approx(0.5, abs=0.05)


def test_a_formula_that_is_right_is_left_alone() -> None:
    known = [one for score in (0.6, 0.75, 0.9) for one in drawn(400, score, score=score, seed=7)]
    shown = calibrated(known)
    assert all(abs(shown(score) - score) < 0.06 for score in (0.6, 0.75, 0.9))


def test_recalibration_betters_what_is_shown_on_outcomes_it_has_not_seen() -> None:
    def world(seed: int) -> list[Known]:
        chance = random.Random(seed)
        scores = [round(chance.uniform(0.4, 0.99), 2) for _ in range(300)]
        return [Known(score, chance.random() < score**3) for score in scores]

    shown = calibrated(world(1))
    fresh = world(2)
    before, after = brier(fresh), brier([Known(shown(one.score), one.held) for one in fresh])
    assert before is not None
    assert after is not None
    assert after < before - 0.02


@given(st.lists(KNOWN, min_size=FEWEST, max_size=80))
def test_a_higher_score_is_never_a_lower_confidence(known: list[Known]) -> None:
    shown = calibrated(known)
    values = [shown(number / 100) for number in range(1, 100)]
    assert values == sorted(values)
    assert all(0 < value < 1 for value in values)
    assert shown(0.0) == 0.0


@given(st.lists(KNOWN, max_size=60))
def test_every_outcome_is_in_one_row_of_the_table(known: list[Known]) -> None:
    rows = reliability(known)
    assert sum(row.count for row in rows) == len(known)
    assert sum(row.count * row.held for row in rows) == pytest.approx(sum(one.held for one in known))


def test_the_brier_score_is_the_mean_squared_distance() -> None:
    assert brier([Known(1.0, True), Known(0.5, False)]) == pytest.approx(0.125)
    assert brier([]) is None
