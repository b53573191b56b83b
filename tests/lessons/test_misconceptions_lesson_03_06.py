"""The diagnosis knows a mistake, not one spelling of it: mistakes of lesson 03, made in another style."""

from __future__ import annotations

from typing import Any

import pytest

from autograder.course.manifest import find_exercise
from tests.lessons import mistakes_block, mistakes_network
from tests.lessons.battery import MISTAKE_SEED, grade_and_diagnose, remembering, story
from tests.reference import reference_names

SPELLED = [
    pytest.param(
        exercise,
        id,
        names,
        id=f"{exercise}/{id}-{number}",
        marks=remembering(find_exercise(exercise).lesson),
    )
    for module in (mistakes_block, mistakes_network)
    for exercise, mistakes in module.SPELLED.items()
    for id, spellings in mistakes.items()
    for number, names in enumerate(spellings)
]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("exercise", "id", "names"), SPELLED)
def test_mistakes_in_another_style_are_named(exercise: str, id: str, names: dict[str, Any]) -> None:
    names = {**reference_names(find_exercise(exercise).lesson), **names}
    result = grade_and_diagnose(exercise, names, MISTAKE_SEED)
    assert result.score < result.exercise.points
    assert result.misconception == f"{exercise}/{id}", story(result)
