"""The course as data: the manifest ``course.yaml`` in frozen dataclasses."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
MANIFEST = ROOT / "autograder" / "course.yaml"


class CourseError(Exception):
    """Something about the course or the request is wrong; the message says what to do."""


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
    """One lesson. ``needs`` holds the ids of the lessons whose work it uses; ``demo``: whether the demo runs it."""

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
    """The whole manifest; ``version`` goes into every report."""

    title: str
    version: str
    lessons: tuple[Lesson, ...]


def _read_lesson(entry: dict) -> Lesson:
    number = entry["id"].partition("_")[0]
    exercises = tuple(
        Exercise(
            id=f"{number}.{position}",
            lesson=entry["id"],
            names=tuple(item["names"]),
            points=float(item["points"]),
            hint=item["hint"],
            seconds=float(item.get("seconds", 60)),
        )
        for position, item in enumerate(entry["exercises"], start=1)
    )
    return Lesson(
        id=entry["id"],
        title=entry["title"],
        goal=entry["goal"],
        minutes=int(entry["minutes"]),
        frameworks=tuple(entry["frameworks"]),
        needs=tuple(entry["needs"]),
        exercises=exercises,
        demo=bool(entry.get("demo", True)),
    )


@lru_cache(maxsize=1)
def load_course() -> Course:
    """Return the course that ``course.yaml`` describes.

    Raises CourseError where two exercises share a name or a lesson needs one that does not come before it.
    """
    manifest = yaml.safe_load(MANIFEST.read_text(encoding="utf-8"))
    lessons = tuple(_read_lesson(entry) for entry in manifest["lessons"])
    names: set[str] = set()
    earlier: set[str] = set()
    for lesson in lessons:
        for name in lesson.names:
            if name in names:
                raise CourseError(f"{MANIFEST.name}: two exercises are named {name}; rename one")
            names.add(name)
        unknown = set(lesson.needs) - earlier
        if unknown:
            raise CourseError(f"{MANIFEST.name}: {lesson.id} needs {sorted(unknown)}, which must come before it")
        earlier.add(lesson.id)
    return Course(manifest["title"], str(manifest["version"]), lessons)


def find_lesson(text: str) -> Lesson:
    """Return the lesson with this number or id (``"03"``, ``"3"`` or ``"03_residual_block"``)."""
    lessons = load_course().lessons
    for lesson in lessons:
        if text in (lesson.id, lesson.number, lesson.number.lstrip("0"), lesson.topic):
            return lesson
    known = ", ".join(lesson.id for lesson in lessons)
    raise CourseError(f"no lesson {text!r}; expected a number such as 03 or one of: {known}")


def find_exercise(name: str) -> Exercise:
    """Return the exercise that defines ``name``; every name belongs to one exercise."""
    for lesson in load_course().lessons:
        for exercise in lesson.exercises:
            if name in exercise.names:
                return exercise
    known = ", ".join(exercise.name for lesson in load_course().lessons for exercise in lesson.exercises)
    raise CourseError(f"no exercise is named {name!r}; the exercises are: {known}")
