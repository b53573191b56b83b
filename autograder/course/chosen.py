"""Which lessons and exercises somebody asked for, and lessons that show those exercises alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from .manifest import CourseError, Exercise, Lesson, find_exercise, find_lesson, load_course


def choose(lessons: Sequence[str], exercises: Sequence[str]) -> tuple[tuple[Lesson, ...], tuple[Exercise, ...]]:
    """Return the lessons and exercises that these texts name, in the course's order; all where nothing is named.

    ``exercises`` chooses within ``lessons``, or within the whole course where no lesson is named. Raises CourseError
    where a text names nothing, or an exercise of another lesson than those.
    """
    named = {find_lesson(text).id for text in lessons}
    picked = {(exercise := find_exercise(text)).key: exercise for text in exercises}
    for exercise in picked.values():
        if named and exercise.lesson not in named:
            raise CourseError(
                f"--exercise {exercise.id} is of lesson {exercise.lesson}, "
                f"--lesson asks for {', '.join(sorted(named))}; leave --lesson out"
            )
    wanted = {exercise.lesson for exercise in picked.values()} or named
    found = tuple(lesson for lesson in load_course().lessons if not wanted or lesson.id in wanted)
    every = (exercise for lesson in found for exercise in lesson.exercises)
    return found, tuple(exercise for exercise in every if not picked or exercise.key in picked)


def narrowed(lesson: Lesson, exercises: Sequence[Exercise]) -> Lesson:
    """Return the lesson as a report on these exercises alone shows it. For reports: the engine grades whole lessons."""
    return replace(lesson, exercises=tuple(each for each in lesson.exercises if each in exercises))
