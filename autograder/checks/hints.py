"""What a student may ask for: three hints on each exercise, and a few words about its reference.

``lesson_NN/hints.yaml`` lists them by exercise: ``question`` asks, ``direction`` points, ``shape`` tells the form of
the code in words, ``about`` speaks to who has passed. No text holds a line of the reference; a test compares.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources.abc import Traversable
from typing import Any

from ..course.manifest import CourseError, Exercise, Lesson, find_lesson
from ..course.root import shown_path
from ..course.sealed import folder_beside
from ..course.yaml_file import read_yaml

FOLDER = folder_beside(__file__)
LEVELS = ("question", "direction", "shape")
_FIELDS = (*LEVELS, "about")


@dataclass(frozen=True)
class Guidance:
    """The texts on one exercise, a line each: ``hints``, the vaguest first, and ``about`` the reference."""

    hints: tuple[str, ...]
    about: str


def hints_path(lesson: Lesson) -> Traversable:
    """Return where the lesson's hints lie."""
    return FOLDER / lesson.room / "hints.yaml"


def _read_entry(name: str, entry: Any) -> Guidance:
    fields = set(entry) if isinstance(entry, dict) else set()
    if fields != set(_FIELDS):
        got = ", ".join(sorted(map(str, fields))) if fields else repr(entry)
        raise CourseError(f"{name}: expected {', '.join(_FIELDS)}; got {got}")
    for field in _FIELDS:
        if not isinstance(entry[field], str) or not entry[field].strip():
            raise CourseError(f"{name}: {field}: expected a text; got {entry[field]!r}")
    texts = {field: " ".join(entry[field].split()) for field in _FIELDS}
    return Guidance(tuple(texts[level] for level in LEVELS), texts["about"])


@cache
def read_hints(lesson: Lesson) -> dict[str, Guidance]:
    """Return the texts of the lesson's file by exercise name; exercises that it leaves out have none.

    Raises CourseError, with a line for each that names file and exercise, where an entry is incomplete or is of no
    exercise.
    """
    path = hints_path(lesson)
    if not path.is_file():
        return {}
    listed = read_yaml(path) or {}
    if not isinstance(listed, dict):
        raise CourseError(f"{shown_path(path)}: expected exercises with {', '.join(_FIELDS)}; got {listed!r}")
    known = {exercise.name for exercise in lesson.exercises}
    found, problems = {}, []
    for name, entry in listed.items():
        if name not in known:
            problems.append(f"{shown_path(path)}: {name} is no exercise of {lesson.id} in course.yaml")
            continue
        try:
            found[name] = _read_entry(name, entry)
        except CourseError as error:
            problems.append(f"{shown_path(path)}: {error}")
    if problems:
        raise CourseError("\n".join(problems))
    return found


def guidance_of(exercise: Exercise) -> Guidance:
    """Return the texts on one exercise. Raises CourseError where nobody wrote any."""
    lesson = find_lesson(exercise.lesson)
    found = read_hints(lesson).get(exercise.name)
    if found is None:
        raise CourseError(
            f"{shown_path(hints_path(lesson))} has nothing on {exercise.name}; expected {', '.join(_FIELDS)}"
        )
    return found
