"""Climb the ladders of a lesson with answers written in other ways, right and wrong, in this process."""

from __future__ import annotations

from typing import Any

from autograder.checks import ladder_of
from autograder.course import find_exercise, find_lesson
from autograder.grading import Result, judge
from autograder.ladder import climb
from autograder.student import LiveStudent


def grade(exercise_name: str, names: dict[str, Any], seed: int) -> Result:
    """Return the verdict on an exercise as the names solve it, on the hidden inputs of the seed."""
    exercise = find_exercise(exercise_name)
    ladder = ladder_of(find_lesson(exercise.lesson), exercise)
    with LiveStudent(names) as student:
        return judge(exercise, climb(ladder, student, seed))


def story(result: Result) -> str:
    """Return what the result says is wrong, rung by rung, for the message of a failing test."""
    return "\n".join(f"{rung.rung.name}: {rung.problem}" for rung in result.rungs if not rung.passed)
