"""A class's marks: the kept results, and over them what nbgrader's gradebook knows better."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from nbgrader.api import (
    Assignment,
    BaseCell,
    Grade,
    Student,
    SubmittedAssignment,
    SubmittedNotebook,
)
from sqlalchemy import create_engine, select
from sqlalchemy.engine import make_url
from sqlalchemy.orm import Session

from ...course.manifest import Exercise, Lesson, load_course
from ...ladder.verdict import reason_to_look
from ..folders.handed_in import find_submitted
from ..folders.settings import Settings
from ..results.store import Store
from ..results.submission_result import ExerciseEntry, KeptResult, is_mark
from .gradebook import GradebookTrouble, check_gradebook, translated
from .standing import select_of_cells

STALE = "graded by another version of the course; run: python -m autograder grade"
UNGRADED = "handed in, not graded yet; run: python -m autograder grade"


@dataclass(frozen=True)
class Person:
    """A student as the gradebook's table of students has them; ``id`` is the name of the folder."""

    id: str
    first_name: str = ""
    last_name: str = ""
    email: str = ""
    lms_user_id: str = ""

    @property
    def name(self) -> str:
        """``Last, First`` where it is known, else the folder's name."""
        return ", ".join(filter(None, (self.last_name, self.first_name))) or self.id


@dataclass(frozen=True)
class Mark:
    """The mark of one exercise. ``by_hand``: a person gave it, whatever the engine found."""

    exercise: Exercise
    score: float
    outcome: str
    misconception: str | None
    seconds: float
    by_hand: bool


@dataclass(frozen=True)
class Graded:
    """One graded submission. ``more`` is what the gradebook adds (extra credit) or takes (lateness).

    ``timestamp`` says when it was handed in, as nbgrader wrote it; ``isolation`` how its code ran.
    """

    student: str
    lesson: Lesson
    marks: tuple[Mark, ...]
    more: float
    look: tuple[str, ...]
    timestamp: str | None = None
    isolation: str = ""

    @property
    def points(self) -> float:
        return max(0.0, round(sum(mark.score for mark in self.marks) + self.more, 2))


@dataclass(frozen=True)
class ClassMarks:
    """All that is known. ``lessons`` were handed in by somebody; ``handed_in`` holds by whom, by the lesson's id.

    ``trouble`` says why the gradebook could not be read, where it could not.
    """

    people: dict[str, Person]
    lessons: tuple[Lesson, ...]
    handed_in: dict[str, list[str]]
    graded: dict[tuple[str, str], Graded]
    trouble: str | None = None

    def of(self, lesson: Lesson) -> list[Graded]:
        """Return the graded submissions of a lesson, by student."""
        found = (self.graded.get((student, lesson.id)) for student in self.handed_in[lesson.id])
        return [graded for graded in found if graded is not None]

    def absent(self, lesson: Lesson) -> list[str]:
        """Return who handed in nothing of a lesson."""
        return sorted(set(self.people) - set(self.handed_in[lesson.id]))

    def look(self) -> Iterator[tuple[str, Lesson, str]]:
        """Yield who needs a look, at which lesson, and why."""
        for lesson in self.lessons:
            for student in self.handed_in[lesson.id]:
                graded = self.graded.get((student, lesson.id))
                for reason in (UNGRADED,) if graded is None else graded.look:
                    yield student, lesson, reason

    def total(self, student: str) -> float | None:
        """Return a student's points in all lessons, or None where nothing of theirs was graded."""
        found = [self.graded[key] for lesson in self.lessons if (key := (student, lesson.id)) in self.graded]
        return round(sum(graded.points for graded in found), 2) if found else None


@dataclass
class _Entry:
    """What the gradebook holds of one submission; ``by_hand`` and ``waiting`` by the cell's name."""

    by_hand: dict[str, float] = field(default_factory=dict)
    waiting: set[str] = field(default_factory=set)
    extra: float = 0.0
    penalty: float = 0.0


_COLUMNS = (
    Assignment.name,
    SubmittedAssignment.student_id,
    SubmittedNotebook.late_submission_penalty,
    BaseCell.name,
    Grade.manual_score,
    Grade.extra_credit,
    Grade.needs_manual_grade,
)


def _read_entries(session: Session) -> dict[tuple[str, str], _Entry]:
    entries: dict[tuple[str, str], _Entry] = {}
    for lesson_id, student, penalty, cell, by_hand, extra, waiting in session.execute(
        select_of_cells(Grade, *_COLUMNS)
    ):
        entry = entries.setdefault((student, lesson_id), _Entry())
        entry.penalty = penalty if is_mark(penalty) else 0.0
        entry.extra += extra if is_mark(extra) else 0.0
        if is_mark(by_hand):
            entry.by_hand[cell] = by_hand
        # What is no number that a mark can be is as good as none.
        if waiting or (by_hand is not None and not is_mark(by_hand)):
            entry.waiting.add(cell)
    return entries


def _read_people(session: Session) -> dict[str, Person]:
    columns = (Student.id, Student.first_name, Student.last_name, Student.email, Student.lms_user_id)
    return {row[0]: Person(*(value or "" for value in row)) for row in session.execute(select(*columns))}


@contextmanager
def gradebook_session(settings: Settings) -> Iterator[Session | None]:
    """Yield a session that only reads the gradebook, None where there is no gradebook. Raises GradebookTrouble."""
    url = make_url(settings.coursedir.db_url)
    if url.get_backend_name() == "sqlite" and url.database and not Path(url.database).exists():
        yield None
        return
    check_gradebook(settings)
    with translated(settings):
        engine = create_engine(url)
        try:
            with Session(engine) as session:
                yield session
        finally:
            engine.dispose()


def read_people(settings: Settings) -> dict[str, Person]:
    """Return the students that the gradebook holds, by the names of their folders. Raises GradebookTrouble."""
    with gradebook_session(settings) as session:
        return {} if session is None else _read_people(session)


def _read_gradebook(settings: Settings) -> tuple[dict[str, Person], dict[tuple[str, str], _Entry]]:
    """Return the gradebook's students and marks. Raises GradebookTrouble."""
    with gradebook_session(settings) as session:
        return ({}, {}) if session is None else (_read_people(session), _read_entries(session))


def _mark(exercise: Exercise, entry: ExerciseEntry | None, by_hand: float | None) -> Mark:
    mark = Mark(exercise, 0.0, "missing", None, 0.0, by_hand=False)
    if entry is not None:
        score, seconds = float(entry["score"]), float(entry["seconds"])
        mark = Mark(exercise, score, entry["outcome"], entry["misconception"], seconds, by_hand=False)
    return mark if by_hand is None else replace(mark, score=float(by_hand), by_hand=True)


def _settled(reason: str, marks: Sequence[Mark], waiting: set[str]) -> bool:
    """Return whether a person dealt with a doubtful verdict: the exercise has a mark by hand that no more waits."""
    return any(
        mark.by_hand
        and mark.exercise.check_id not in waiting
        and reason == reason_to_look(mark.exercise.name, mark.outcome)
        for mark in marks
    )


def _graded(lesson: Lesson, result: KeptResult, entry: _Entry) -> Graded:
    entries = {each["name"]: each for each in result["exercises"]}
    marks = tuple(
        _mark(exercise, entries.get(exercise.name), entry.by_hand.get(exercise.check_id))
        for exercise in lesson.exercises
    )
    look = [reason for reason in result.get("look", ()) if not _settled(reason, marks, entry.waiting)]
    if set(entries) != {exercise.name for exercise in lesson.exercises}:
        look.append(STALE)
    # A doubtful verdict is flagged in the gradebook as well; its reason is there already.
    doubtful = {name for name, each in entries.items() if each.get("doubtful")}
    look += [
        f"{exercise.name}: nbgrader waits for a mark given by hand"
        for exercise in lesson.exercises
        if exercise.check_id in entry.waiting and exercise.name not in doubtful
    ]
    more, when = entry.extra - entry.penalty, result["timestamp"]
    return Graded(result["student"], lesson, marks, more, tuple(look), when, result["isolation"])


def read_class(settings: Settings, lessons: Sequence[Lesson] = ()) -> ClassMarks:
    """Return what is known of a class, of all lessons or of some."""
    trouble = None
    try:
        people, entries = _read_gradebook(settings)
    except GradebookTrouble as error:
        trouble, people, entries = str(error), {}, {}
    store = Store(settings.coursedir)
    chosen = [lesson for lesson in load_course().lessons if not lessons or lesson in lessons]
    found = {lesson: [each.student for each in find_submitted(settings.coursedir, lesson)] for lesson in chosen}
    graded = {}
    for lesson in chosen:
        for result in store.results(lesson):
            key = result["student"], lesson.id
            graded[key] = _graded(lesson, result, entries.get(key, _Entry()))
    for student in sorted({student for students in found.values() for student in students} - set(people)):
        people[student] = Person(student)
    return ClassMarks(
        people=people,
        lessons=tuple(lesson for lesson in chosen if found[lesson]),
        handed_in={lesson.id: students for lesson, students in found.items()},
        graded=graded,
        trouble=trouble,
    )
