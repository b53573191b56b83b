"""What counts as correct: one module of ladders a lesson. Nothing here is visible to a worker."""

from __future__ import annotations

from importlib import import_module

from ..course import CourseError, Exercise, Lesson
from ..ladder import Ladder


def ladders(lesson: Lesson) -> dict[str, Ladder]:
    """Return the lesson's ladders by exercise name, one for each exercise of the manifest."""
    module = import_module(f"{__name__}.{lesson.topic}")
    found = {value.exercise: value for value in vars(module).values() if isinstance(value, Ladder)}
    wanted = {exercise.name for exercise in lesson.exercises}
    if set(found) != wanted:
        odd = ", ".join(sorted(set(found) ^ wanted))
        raise CourseError(f"checks/{lesson.topic}.py and course.yaml disagree about: {odd}")
    return found


def ladder_of(lesson: Lesson, exercise: Exercise) -> Ladder:
    """Return the ladder of one exercise."""
    return ladders(lesson)[exercise.name]
