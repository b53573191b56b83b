"""The course as data: the manifest ``course.yaml`` in frozen dataclasses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from . import fields
from .fields import read_fields
from .root import PACKAGE, ROOT, CourseError, shown_path
from .yaml_file import read_yaml

__all__ = [
    "ROOT",
    "Course",
    "CourseError",
    "Exercise",
    "Lesson",
    "find_exercise",
    "find_lesson",
    "find_notebook",
    "load_course",
]

MANIFEST = PACKAGE / "course.yaml"

_COURSE = {"title": fields.text, "version": fields.version, "lessons": fields.entries}
_UNGRADED = {
    "id": fields.lesson_id,
    "title": fields.text,
    "goal": fields.text,
    "minutes": fields.minutes,
    "frameworks": fields.modules,
}
_LESSON = {**_UNGRADED, "needs": fields.lesson_ids, "exercises": fields.entries}
_EXERCISE = {"names": fields.names, "points": fields.positive, "hint": fields.text}


@dataclass(frozen=True)
class Exercise:
    """One graded exercise. ``id`` is its number, such as ``"03.1"``; ``name`` the first of its ``names``.

    ``seconds`` is the processor time that grading it may take.
    """

    id: str
    lesson: str
    names: tuple[str, ...]
    points: float
    hint: str
    seconds: float

    @property
    def name(self) -> str:
        return self.names[0]

    @property
    def key(self) -> str:
        """``"<lesson>/<exercise>"``, the name in every report."""
        return f"{self.lesson}/{self.name}"

    @property
    def check_id(self) -> str:
        """nbgrader's name for the cell that holds the exercise's points."""
        return f"check-{self.name}"


@dataclass(frozen=True)
class Lesson:
    """One lesson. ``needs`` holds the ids of the lessons whose work it uses; ``demo``: whether the demo runs it.

    One without exercises is to be read, and not graded.
    """

    id: str
    title: str
    goal: str
    minutes: int
    frameworks: tuple[str, ...]
    needs: tuple[str, ...]
    exercises: tuple[Exercise, ...]
    demo: bool = True

    @property
    def number(self) -> str:
        return self.id.partition("_")[0]

    @property
    def topic(self) -> str:
        """The id without its number."""
        return self.id.partition("_")[2]

    @property
    def room(self) -> str:
        """What the lesson's folder of checks and its module of probes are called."""
        return f"lesson_{self.number}"

    @property
    def names(self) -> tuple[str, ...]:
        """Every name that the lesson's exercises define, in order."""
        return tuple(name for exercise in self.exercises for name in exercise.names)

    @property
    def points(self) -> float:
        return sum(exercise.points for exercise in self.exercises)


@dataclass(frozen=True)
class Course:
    """The whole manifest; ``version`` goes into every report. ``lessons`` are graded, ``ungraded`` ones are read."""

    title: str
    version: str
    lessons: tuple[Lesson, ...]
    ungraded: tuple[Lesson, ...] = ()

    @property
    def notebooks(self) -> tuple[Lesson, ...]:
        """All that is built and shown, graded or not, by number."""
        return tuple(sorted((*self.ungraded, *self.lessons), key=lambda lesson: lesson.number))


def _read_exercise(entry: Any, lesson_id: str, position: int, where: str) -> Exercise:
    known = entry.get("names") if isinstance(entry, dict) else None
    name = f" ({known[0]})" if isinstance(known, list) and known else ""
    read_fields(entry, f"{where}, exercise {position}{name}", _EXERCISE, {"seconds": fields.positive})
    return Exercise(
        id=f"{lesson_id.partition('_')[0]}.{position}",
        lesson=lesson_id,
        names=tuple(entry["names"]),
        points=float(entry["points"]),
        hint=entry["hint"],
        seconds=float(entry.get("seconds", 60)),
    )


def _read_lesson(entry: Any, position: int, file: str, required: Mapping[str, fields.Kind]) -> Lesson:
    id = entry.get("id") if isinstance(entry, dict) else None
    where = f"{file}, lesson {id or position}"
    read_fields(entry, where, required, {"demo": fields.yes_or_no})
    return Lesson(
        id=entry["id"],
        title=entry["title"],
        goal=entry["goal"],
        minutes=int(entry["minutes"]),
        frameworks=tuple(entry["frameworks"]),
        needs=tuple(entry.get("needs", [])),
        exercises=tuple(
            _read_exercise(item, entry["id"], number, where)
            for number, item in enumerate(entry.get("exercises", []), start=1)
        ),
        demo=entry.get("demo", True),
    )


def _refuse_clashes(lessons: tuple[Lesson, ...], file: str) -> None:
    """Raise CourseError where two lessons share a number, two exercises a name, or a lesson needs a later one."""
    owners: dict[str, str] = {}
    earlier: dict[str, str] = {}
    for lesson in lessons:
        if lesson.number in earlier:
            raise CourseError(
                f"{file}, lesson {lesson.id}: id: {earlier[lesson.number]} has this number; give it another"
            )
        for exercise in lesson.exercises:
            for name in exercise.names:
                if name in owners:
                    raise CourseError(
                        f"{file}: two exercises are named {name} ({owners[name]}, {lesson.id}); rename one"
                    )
                owners[name] = lesson.id
        unknown = set(lesson.needs) - set(earlier.values())
        if unknown:
            raise CourseError(
                f"{file}, lesson {lesson.id}: needs: {', '.join(sorted(unknown))} must be lessons that come before it"
            )
        earlier[lesson.number] = lesson.id


def read_course(path: Path) -> Course:
    """Return the course that a manifest describes.

    Raises CourseError, in a line that names the file and the field, where something is missing or not what it must be,
    two exercises share a name or a lesson needs one that does not come before it.
    """
    file = shown_path(path)
    manifest = read_fields(read_yaml(path), file, _COURSE, {"ungraded": fields.entries})
    lessons, ungraded = (
        tuple(_read_lesson(entry, position, file, required) for position, entry in enumerate(entries, start=1))
        for entries, required in ((manifest["lessons"], _LESSON), (manifest.get("ungraded", []), _UNGRADED))
    )
    _refuse_clashes((*lessons, *ungraded), file)
    return Course(manifest["title"], str(manifest["version"]), lessons, ungraded)


@lru_cache(maxsize=1)
def load_course() -> Course:
    """Return the course that ``course.yaml`` describes; see ``read_course`` for its errors."""
    return read_course(MANIFEST)


def find_notebook(text: str) -> Lesson:
    """Return the lesson, graded or not, with this number or id (``"03"``, ``"3"`` or ``"03_residual_block"``)."""
    lessons = load_course().notebooks
    for lesson in lessons:
        if text in (lesson.id, lesson.number, str(int(lesson.number)), lesson.topic):
            return lesson
    known = ", ".join(lesson.id for lesson in lessons)
    raise CourseError(f"no lesson {text!r}; expected a number such as 03 or one of: {known}")


def find_lesson(text: str) -> Lesson:
    """Return the graded lesson with this number or id; see ``find_notebook``."""
    lesson = find_notebook(text)
    if not lesson.exercises:
        raise CourseError(f"{lesson.id} is there to be read: it has no exercises, so there is nothing to grade")
    return lesson


def find_exercise(name: str) -> Exercise:
    """Return the exercise that defines ``name``, or whose number it is (``"01.1"``, ``"1.1"``)."""
    for lesson in load_course().lessons:
        for exercise in lesson.exercises:
            if name in (*exercise.names, exercise.id, exercise.id.lstrip("0")):
                return exercise
    lessons = load_course().lessons
    number = name.partition(".")[0].zfill(2)
    asked = next((lesson for lesson in lessons if "." in name and lesson.number == number), None)
    if asked is not None:
        known = ", ".join(f"{exercise.id} {exercise.name}" for exercise in asked.exercises)
        raise CourseError(f"no exercise is named {name!r}; those of lesson {asked.number} are: {known}")
    known = ", ".join(exercise.name for lesson in lessons for exercise in lesson.exercises)
    raise CourseError(f"no exercise is named {name!r}; the exercises are: {known}")
