"""Answers that do none of the work earn next to nothing: under 3 % of all points, the best of each exercise counted.

The sum is held by the long run alone, which tries them on every exercise; the short run bounds each by itself.
"""

from __future__ import annotations

import sys

import pytest

from autograder.course.manifest import Exercise, load_course
from tests.lessons.answers import DEAR
from tests.lessons.battery import grade, names_after
from tests.lessons.trivial import IMPORTS, SPECIAL, trivial_answers

COURSE = load_course()
EXERCISES = [exercise for lesson in COURSE.lessons for exercise in lesson.exercises]
SHARE = 0.03


def earned(exercise: Exercise, seed: int) -> dict[str, float]:
    """Return what each trivial answer to an exercise earns, those that earn something."""
    found = {}
    for id, code in trivial_answers(exercise.names).items():
        result = grade(exercise.name, names_after(exercise.lesson, IMPORTS + code), seed)
        if result.score:
            found[id] = result.score
    return found


def best(seed: int) -> dict[str, tuple[float, str]]:
    """Return, by exercise, the most that a trivial answer earns and its id, where one earns something."""
    found = {exercise.name: earned(exercise, seed) for exercise in EXERCISES}
    return {name: max((score, id) for id, score in each.items()) for name, each in found.items() if each}


def test_every_exercise_has_trivial_answers_of_its_own() -> None:
    assert [exercise.name for exercise in EXERCISES if exercise.name not in SPECIAL] == []


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "exercise",
    [pytest.param(each, id=each.name, marks=[pytest.mark.long] * (each.name in DEAR)) for each in EXERCISES],
)
def test_trivial_answers_earn_next_to_nothing(exercise: Exercise) -> None:
    # What a single exercise may give away is more than its share of the whole; the long run sums up.
    assert max(earned(exercise, 1).values(), default=0) <= 0.25 * exercise.points


@pytest.mark.long
@pytest.mark.filterwarnings("ignore")
def test_trivial_answers_together_stay_under_three_percent() -> None:
    found = best(seed=2)
    possible = sum(lesson.points for lesson in COURSE.lessons)
    assert sum(score for score, _ in found.values()) < SHARE * possible, found


if __name__ == "__main__":
    found = best(int(sys.argv[1]) if len(sys.argv) > 1 else 1)
    for name, (score, id) in found.items():
        print(f"{name:24} {score:6.2f}  {id}")
    print(
        f"{sum(score for score, _ in found.values()):.1f} of {sum(lesson.points for lesson in COURSE.lessons):g} points"
    )
