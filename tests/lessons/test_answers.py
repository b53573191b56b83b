"""Right answers in any style earn full marks; wrong ones lose points, are told why, and are named where they can be."""

from __future__ import annotations

import pytest

from tests.lessons.answers import Answer, as_parameters, references
from tests.lessons.battery import MISTAKE_SEED, grade, grade_and_diagnose, story

pytestmark = [pytest.mark.filterwarnings("ignore")]


@pytest.mark.parametrize("answer", [*references("right answers"), *as_parameters("RIGHT", "right answers")])
def test_right_answers_earn_full_marks(answer: Answer, seeds: int) -> None:
    for seed in range(min(seeds, answer.seeds)):
        result = grade(answer.exercise, answer.all_names(), seed)
        assert result.outcome == "passed", f"seed {seed}\n{story(result)}"


@pytest.mark.parametrize("answer", as_parameters("WRONG", "wrong answers"))
def test_wrong_answers_lose_points_and_are_told_why(answer: Answer, seeds: int) -> None:
    for seed in range(min(seeds, answer.seeds)):
        result = grade(answer.exercise, answer.all_names(), seed)
        assert result.outcome != "passed", f"seed {seed}"
        assert result.score < result.exercise.points
        assert answer.said in str(result.problem), f"seed {seed}\n{story(result)}"


# The catalogue's own mistakes are named by test_misconceptions: the short run tries a sample of them in other hands.
@pytest.mark.slow
@pytest.mark.parametrize("answer", as_parameters("NAMED", "mistakes", short=40))
def test_mistakes_in_another_hand_are_named(answer: Answer) -> None:
    result = grade_and_diagnose(answer.exercise, answer.all_names(), MISTAKE_SEED)
    assert result.score < result.exercise.points
    assert result.misconception == answer.misconception, story(result)
