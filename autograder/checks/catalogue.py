"""The catalogue: mistakes that students really make, each with an id, a hint, and the code that makes it.

``lesson_NN/mistakes.yaml`` lists them by exercise. An entry says what is wrong in one of two ways: ``change``, pairs of
a text of the reference and what the mistake has in its place, or ``code``, definitions that take the place of the
reference's. So the catalogue holds no second copy of the solutions.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from ..course.manifest import CourseError, Exercise, Lesson
from ..course.released import solution_code

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Misconception:
    """One mistake. ``code`` is all of the lesson's reference solutions with this mistake put in."""

    id: str
    exercise: str
    hint: str
    code: str


def _changed(reference: str, changes: list[list[str]], id: str) -> str:
    for old, new in changes:
        if old not in reference:
            raise CourseError(f"misconception {id}: the reference does not hold {old!r}; adapt the change")
        reference = reference.replace(old, new)
    return reference


def _read_entry(exercise: Exercise, entry: dict, reference: str) -> Misconception:
    id = f"{exercise.name}/{entry.get('id')}"
    expected = {"id", "hint", "change"}, {"id", "hint", "code"}
    if set(entry) not in expected:
        raise CourseError(f"misconception {id}: expected id, hint and either change or code; got {sorted(entry)}")
    if "code" in entry:
        code = f"{reference}\n\n\n{entry['code']}"
    else:
        code = _changed(reference, entry["change"], id)
    return Misconception(id, exercise.name, " ".join(entry["hint"].split()), code)


@cache
def catalogue(lesson: Lesson) -> dict[str, tuple[Misconception, ...]]:
    """Return the lesson's misconceptions by exercise name.

    Raises CourseError where an entry is incomplete, an id is given twice or a change fits no text of the reference.
    """
    path = FOLDER / lesson.room / "mistakes.yaml"
    if not path.is_file():
        return {exercise.name: () for exercise in lesson.exercises}
    listed = yaml.safe_load(path.read_text(encoding="utf-8"))
    unknown = set(listed) - {exercise.name for exercise in lesson.exercises}
    if unknown:
        raise CourseError(f"{path.name}: {sorted(unknown)} are no exercises of {lesson.id}")
    reference = solution_code(lesson)
    found = {}
    for exercise in lesson.exercises:
        entries = tuple(_read_entry(exercise, entry, reference) for entry in listed.get(exercise.name, []))
        ids = [entry.id for entry in entries]
        if len(set(ids)) != len(ids):
            raise CourseError(f"{path.name}: {exercise.name} gives an id twice: {sorted(ids)}")
        found[exercise.name] = entries
    return found
