"""What everybody may have in an answer: the released text, the reference, and the well-known mistakes."""

from __future__ import annotations

import ast
import contextlib
from functools import cache

import numpy as np

from ...checks.catalogue import catalogue
from ...course.manifest import CourseError, Exercise, Lesson
from ...course.released import definitions, released_cells, solution_code
from .fingerprints import all_fingerprints
from .structure import tokens


def _named(code: str, exercise: Exercise) -> list[ast.AST]:
    found = definitions(ast.parse(code))
    return [found[name] for name in exercise.names if name in found]


@cache
def background_of(lesson: Lesson) -> dict[str, np.ndarray]:
    """Return for each exercise, by its name, the fingerprints that tell nothing: uint64, sorted.

    Where a catalogue is being edited or the reference is not there, what there is counts.
    """
    given = [all_fingerprints(tokens(ast.parse(cell["text"]).body)) for cell in released_cells(lesson)]
    codes: dict[str, list[str]] = {exercise.name: [] for exercise in lesson.exercises}
    with contextlib.suppress(CourseError, OSError):
        reference = solution_code(lesson)
        codes = {name: [reference] for name in codes}
    with contextlib.suppress(CourseError, OSError):
        for name, known in catalogue(lesson).items():
            codes[name] += [mistake.code for mistake in known]
    return {
        exercise.name: np.unique(
            np.concatenate(
                [*given, *(all_fingerprints(tokens(_named(code, exercise))) for code in codes[exercise.name])]
            )
        )
        for exercise in lesson.exercises
    }
