"""``autograder extension``: more time for one student, kept where nbgrader keeps it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from nbgrader.api import Assignment, Gradebook, Student, SubmittedAssignment
from sqlalchemy import select

from ...course.manifest import CourseError, Lesson, find_lesson, load_course
from ...report.safe_text import safe_text
from ..folders.handed_in import find_submitted
from ..folders.known_students import did_you_mean
from ..folders.settings import Settings, load_settings
from .gradebook import GradebookTrouble, open_gradebook, translated
from .lesson_entry import enter_lesson
from .marks import gradebook_session

MOST_DAYS = 3660


@dataclass(frozen=True)
class ExtensionRequest:
    """What is asked for. Without ``time`` nothing is changed; a ``time`` of nothing takes an extension back.

    Without a student or a lesson, those of all are shown.
    """

    student: str | None = None
    lesson: str | None = None
    time: timedelta | None = None
    course: Path | None = None


@dataclass(frozen=True)
class Extension:
    """More time that a student has for a lesson; ``due`` is everybody's date in UTC, None where there is none."""

    student: str
    lesson_id: str
    time: timedelta
    due: datetime | None


def _said_time(time: timedelta) -> str:
    days, hours = time.days, round(time.seconds / 3600, 2)
    parts = [f"{days} day{'s' * (days != 1)}"] if days else []
    return " ".join([*parts, f"{hours:g} hour{'s' * (hours != 1)}"] if hours or not parts else parts)


def _line(found: Extension) -> str:
    due = "no due date yet" if found.due is None else f"due {found.due + found.time:%Y-%m-%d %H:%M} UTC"
    return f"{safe_text(found.student, 80, one_line=True)}, {found.lesson_id}: {_said_time(found.time)} more, {due}"


def read_extensions(settings: Settings) -> list[Extension]:
    """Return the extensions that the gradebook holds, by lesson and student. Raises GradebookTrouble."""
    columns = (SubmittedAssignment.student_id, Assignment.name, SubmittedAssignment.extension, Assignment.duedate)
    asked = select(*columns).join(Assignment, Assignment.id == SubmittedAssignment.assignment_id)
    with gradebook_session(settings) as session:
        rows = [] if session is None else session.execute(asked).all()
    return sorted((Extension(*row) for row in rows if row[2]), key=lambda each: (each.lesson_id, each.student))


def _known_student(gradebook: Gradebook, settings: Settings, student: str) -> str:
    """Return the name of a student's folder, as it is known. Raises CourseError where it is not."""
    known = set(gradebook.db.scalars(select(Student.id)))
    for lesson in load_course().lessons:
        known.update(each.student for each in find_submitted(settings.coursedir, lesson))
    if student in known:
        return student
    raise CourseError(
        f"no student {safe_text(student, 80, one_line=True)} in the gradebook or in submitted/"
        f"{did_you_mean(student, known) or '.'} "
        "Enter the class first: python -m autograder students import FILE.csv"
    )


def _grant(settings: Settings, student: str, lesson: Lesson, time: timedelta) -> Extension:
    """Write an extension, and the entry of a submission that has not come yet. Raises GradebookTrouble, CourseError."""
    with open_gradebook(settings) as gradebook, translated(settings):
        student = _known_student(gradebook, settings, student)
        enter_lesson(gradebook, settings, lesson)
        try:
            gradebook.update_or_create_student(student)
            # As nbgrader does at the first grading; an entry without a time and marks counts as nothing handed in.
            gradebook.update_or_create_submission(lesson.id, student)
            gradebook.grant_extension(lesson.id, student, hours=time.total_seconds() / 3600)
            due = gradebook.find_assignment(lesson.id).duedate
        except BaseException:
            gradebook.db.rollback()
            raise
    return Extension(student, lesson.id, time, due)


def extend(request: ExtensionRequest, say: Callable[[str], object] = print) -> int:
    """Grant or show extensions and return the exit status. Raises CourseError."""
    settings = load_settings(request.course)
    lesson = find_lesson(request.lesson) if request.lesson is not None else None
    try:
        if request.time is None:
            held = [
                each
                for each in read_extensions(settings)
                if request.student in (None, each.student) and (lesson is None or lesson.id == each.lesson_id)
            ]
            for each in held:
                say(_line(each))
            if not held:
                say("no extensions; grant one: python -m autograder extension STUDENT LESSON --days N")
            return 0
        if request.student is None or lesson is None:
            raise CourseError("--days and --hours need a student and a lesson: extension STUDENT LESSON --days N")
        if not timedelta(0) <= request.time <= timedelta(days=MOST_DAYS):
            raise CourseError(f"expected an extension of 0 to {MOST_DAYS} days; 0 takes one back")
        granted = _grant(settings, request.student, lesson, request.time)
    except GradebookTrouble as error:
        raise CourseError(f"{error}; no extension was changed") from None
    say(_line(granted) if granted.time else f"{_line(granted)}: taken back")
    if granted.due is None:
        say(f'set a due date: nbgrader db assignment add {lesson.id} --duedate "YYYY-MM-DD HH:MM UTC"')
    say(f"counts in the next: python -m autograder grade {lesson.number}")
    return 0
