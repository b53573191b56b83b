"""What counts as correct: a room of ladders and mistakes for each lesson. Nothing here is visible to a worker."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pathlib import Path

from ..course.manifest import CourseError, Exercise, Lesson
from ..ladder.ladder import Ladder


@cache
def ladders(lesson: Lesson) -> dict[str, Ladder]:
    """Return the ladders in the lesson's room by exercise name, one for each exercise of the manifest."""
    modules = sorted(path.stem for path in (Path(__file__).parent / lesson.room).glob("[!_]*.py"))
    made = [value for name in modules for value in vars(import_module(f"{__name__}.{lesson.room}.{name}")).values()]
    found = {value.exercise: value for value in made if isinstance(value, Ladder)}
    wanted = {exercise.name for exercise in lesson.exercises}
    if set(found) != wanted:
        odd = ", ".join(sorted(set(found) ^ wanted))
        raise CourseError(f"checks/{lesson.room} and course.yaml disagree about: {odd}")
    return {exercise.name: found[exercise.name] for exercise in lesson.exercises}


def ladder_of(lesson: Lesson, exercise: Exercise) -> Ladder:
    """Return the ladder of one exercise."""
    return ladders(lesson)[exercise.name]
