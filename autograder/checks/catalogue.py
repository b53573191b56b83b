"""The catalogue: mistakes that students really make, each with an id, a hint, and the code that makes it.

``lesson_NN/mistakes.yaml`` lists them by exercise and id. An entry says what is wrong in one of two ways: ``change``, a
text of the reference and what the mistake has in its place (or several such pairs), or ``code``, definitions that take
the place of the reference's. So the catalogue holds no second copy of the solutions.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from ..course.manifest import CourseError, Exercise, Lesson
from ..course.released import solution_code
from ..course.root import shown_path
from ..course.sealed import folder_beside
from ..course.yaml_file import read_yaml

FOLDER = folder_beside(__file__)


@dataclass(frozen=True)
class Misconception:
    """One mistake. ``code`` is all of the lesson's reference solutions with this mistake put in."""

    id: str
    exercise: str
    hint: str
    code: str


def _pairs(change: Any, id: str) -> list[tuple[str, str]]:
    """Return old and new texts, which a change lists in turn, by themselves or in lists of their own."""
    parts = change if isinstance(change, list) else [change]
    texts = [text for part in parts for text in (part if isinstance(part, list) else [part])]
    if not texts or len(texts) % 2 or not all(isinstance(text, str) for text in texts):
        raise CourseError(f"misconception {id}: change: expected [old, new] or a list of such pairs; got {change!r}")
    return list(zip(texts[::2], texts[1::2], strict=True))


def _changed(reference: str, change: Any, id: str) -> str:
    for old, new in _pairs(change, id):
        if old not in reference:
            raise CourseError(f"misconception {id}: the reference does not hold {old!r}; adapt the change")
        reference = reference.replace(old, new)
    return reference


def _read_entry(exercise: Exercise, name: str, entry: Any, reference: str) -> Misconception:
    id = f"{exercise.name}/{name}"
    fields = set(entry) if isinstance(entry, dict) else entry
    if fields not in ({"hint", "change"}, {"hint", "code"}):
        got = sorted(map(str, fields)) if isinstance(fields, set) else repr(entry)
        raise CourseError(f"misconception {id}: expected hint and either change or code; got {got}")
    if not isinstance(entry["hint"], str):
        raise CourseError(f"misconception {id}: hint: expected a text; got {entry['hint']!r}")
    if "code" in entry:
        code = f"{reference}\n\n\n{entry['code']}"
    else:
        code = _changed(reference, entry["change"], id)
    try:
        compile(code, id, "exec")
    except (SyntaxError, ValueError) as error:
        raise CourseError(f"misconception {id}: what it makes of the reference is no Python: {error}") from None
    return Misconception(id, exercise.name, " ".join(entry["hint"].split()), code)


@cache
def catalogue(lesson: Lesson) -> dict[str, tuple[Misconception, ...]]:
    """Return the lesson's misconceptions by exercise name.

    Raises CourseError, with a line for each that names file and id, where entries are incomplete, an id is given twice,
    a change fits no text of the reference or what comes out is no Python.
    """
    path = FOLDER / lesson.room / "mistakes.yaml"
    if not path.is_file():
        return {exercise.name: () for exercise in lesson.exercises}
    listed = read_yaml(path) or {}
    unknown = set(listed) - {exercise.name for exercise in lesson.exercises}
    if unknown:
        raise CourseError(f"{shown_path(path)}: {sorted(unknown)} are no exercises of {lesson.id}")
    reference = solution_code(lesson)
    found: dict[str, list[Misconception]] = {exercise.name: [] for exercise in lesson.exercises}
    problems = []
    for exercise in lesson.exercises:
        for name, entry in (listed.get(exercise.name) or {}).items():
            try:
                found[exercise.name].append(_read_entry(exercise, name, entry, reference))
            except CourseError as error:
                problems.append(f"{shown_path(path)}: {error}")
    if problems:
        raise CourseError("\n".join(problems))
    return {name: tuple(entries) for name, entries in found.items()}
