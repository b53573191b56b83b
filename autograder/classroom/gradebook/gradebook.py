"""nbgrader's gradebook, written by one writer through nbgrader's own API."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import nbformat
from nbgrader.api import (
    Assignment,
    BaseCell,
    Comment,
    Course,
    Grade,
    Gradebook,
    InvalidEntry,
    Notebook,
    SubmittedAssignment,
    SubmittedNotebook,
)
from nbgrader.preprocessors import AssignLatePenalties
from nbgrader.utils import parse_utc
from sqlalchemy import create_engine, inspect, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SAWarning, SQLAlchemyError
from sqlalchemy.orm import Session

from ...course.manifest import Exercise, Lesson
from ..folders.settings import Settings
from ..results.submission_result import KeptResult

# Seconds that another program may hold the gradebook: formgrader writes a mark in milliseconds.
PATIENCE = 15.0
DEFAULT_COURSE = "default_course"
NO_RESPONSE = "No response."
_SAID = (
    (("locked", "busy"), "is locked by another program; end whatever else is at work on it"),
    (("not a database", "malformed", "corrupt", "disk image"), "is damaged ({error}); put a backup in its place"),
    (("full",), "can't be written: the disk is full"),
    (("readonly", "read-only"), "can't be written: it is read-only"),
    (("unable to open",), "can't be opened: is its folder there, and may you write to it?"),
    (("no such",), "was made by another version of nbgrader; back it up, then run: nbgrader db upgrade"),
)


class GradebookTrouble(Exception):
    """The gradebook can't be used as it is; the message says why and what to do."""


def name_of(settings: Settings) -> str:
    """Return how messages name the gradebook; a database server's address may hold a password."""
    url = make_url(settings.coursedir.db_url)
    return f"the gradebook {Path(url.database).name if url.database else url.render_as_string(hide_password=True)}"


@contextmanager
def translated(settings: Settings) -> Iterator[None]:
    """Turn the database's errors into GradebookTrouble with a message for a teacher."""
    # nbgrader's API prints a traceback for each, and raises InvalidEntry in place of some.
    log = logging.getLogger("tornado.application")
    was, log.disabled = log.disabled, True
    try:
        with warnings.catch_warnings():
            # nbgrader's own order of adding rows, which works.
            warnings.simplefilter("ignore", SAWarning)
            yield
    except (SQLAlchemyError, InvalidEntry) as error:
        cause = str(getattr(error, "orig", None) or error)
        for words, said in _SAID:
            if any(word in cause.lower() for word in words):
                raise GradebookTrouble(f"{name_of(settings)} {said.format(error=cause)}") from None
        raise GradebookTrouble(f"{name_of(settings)} can't be used: {cause.splitlines()[0]}") from error
    finally:
        log.disabled = was


def _url(settings: Settings) -> str:
    url = make_url(settings.coursedir.db_url)
    if url.get_backend_name() == "sqlite" and url.database:
        url = url.update_query_dict({"timeout": str(PATIENCE)})
    return url.render_as_string(hide_password=False)


def _check_owner(session: Session, settings: Settings) -> None:
    """Raise GradebookTrouble where the gradebook is another course's."""
    own = {settings.coursedir.course_id, DEFAULT_COURSE, ""}
    # Whoever opens a gradebook enters the name of a course; who has assignments in it owns it.
    owners = set(session.scalars(select(Assignment.course_id))) or set(session.scalars(select(Course.id)))
    if owners and not owners & own:
        others = ", ".join(sorted(owners))
        raise GradebookTrouble(
            f"{name_of(settings)} belongs to the course {others}, and this is {settings.coursedir.course_id}; "
            "set CourseDirectory.db_url or course_id in nbgrader_config.py"
        )


def check_gradebook(settings: Settings) -> None:
    """Raise GradebookTrouble where the gradebook is damaged, locked or another course's. Nothing is changed."""
    url = make_url(settings.coursedir.db_url)
    if url.get_backend_name() == "sqlite" and url.database and not Path(url.database).exists():
        return
    with translated(settings):
        engine = create_engine(_url(settings))
        try:
            with Session(engine) as session:
                if url.get_backend_name() == "sqlite":
                    found = session.scalar(text("PRAGMA quick_check(1)"))
                    if found != "ok":
                        raise GradebookTrouble(f"{name_of(settings)} is damaged ({found}); put a backup in its place")
                if inspect(engine).get_table_names():
                    _check_owner(session, settings)
        finally:
            engine.dispose()


@contextmanager
def open_gradebook(settings: Settings) -> Iterator[Gradebook]:
    """Yield nbgrader's gradebook; it is made where there is none. Raises GradebookTrouble."""
    check_gradebook(settings)
    with translated(settings):
        gradebook = Gradebook(_url(settings), settings.coursedir.course_id)
    try:
        yield gradebook
    finally:
        gradebook.close()


@dataclass
class HeldMarks:
    """What the gradebook holds of one submission: its time stamp and, by the cell's name, the automatic scores."""

    timestamp: datetime | None
    scores: dict[str, float | None] = field(default_factory=dict)


def held_marks(gradebook: Gradebook, settings: Settings, lesson: Lesson) -> dict[str, HeldMarks]:
    """Return what the gradebook holds of a lesson, by student. Raises GradebookTrouble."""
    query = (
        select(SubmittedAssignment.student_id, SubmittedAssignment.timestamp, BaseCell.name, Grade.auto_score)
        .select_from(SubmittedAssignment)
        .join(Assignment, Assignment.id == SubmittedAssignment.assignment_id)
        .join(SubmittedNotebook, SubmittedNotebook.assignment_id == SubmittedAssignment.id)
        .join(Notebook, Notebook.id == SubmittedNotebook.notebook_id)
        .join(Grade, Grade.notebook_id == SubmittedNotebook.id)
        .join(BaseCell, BaseCell.id == Grade.cell_id)
        .where(Assignment.name == lesson.id, Notebook.name == lesson.id)
    )
    found: dict[str, HeldMarks] = {}
    with translated(settings):
        for student, timestamp, cell, score in gradebook.db.execute(query):
            found.setdefault(student, HeldMarks(timestamp)).scores[cell] = score
        gradebook.db.rollback()
    return found


def _as_utc(timestamp: str | None) -> datetime | None:
    return parse_utc(timestamp) if timestamp else None


def is_held(held: HeldMarks | None, result: KeptResult, lesson: Lesson) -> bool:
    """Return whether the gradebook holds a result as it is."""
    if held is None or (result["timestamp"] and held.timestamp != _as_utc(result["timestamp"])):
        return False
    scores = {entry["name"]: entry["score"] for entry in result["exercises"]}
    return all(held.scores.get(exercise.check_id) == scores[exercise.name] for exercise in lesson.exercises)


def _grades(notebook: SubmittedNotebook) -> dict[str, Grade]:
    return {grade.cell.name: grade for grade in notebook.grades}


def write_marks(
    gradebook: Gradebook, settings: Settings, lesson: Lesson, result: KeptResult, anew: Collection[str] = ()
) -> list[str]:
    """Write a result into the gradebook; return why somebody should look at it there.

    ``anew`` names the exercises that were graded just now: a mark that a person gave stands, and is flagged. Raises
    GradebookTrouble; then the submission has its former marks, or none.
    """
    student, assignment = result["student"], result["assignment"]
    dates = {"timestamp": result["timestamp"]} if result["timestamp"] else {}
    look = []
    with translated(settings):
        try:
            gradebook.update_or_create_student(student)
            gradebook.update_or_create_submission(assignment, student, **dates)
            notebook = gradebook.find_submission_notebook(lesson.id, assignment, student)
            grades = {grade.cell.name: grade for grade in notebook.grades}
            for exercise, entry in zip(lesson.exercises, result["exercises"], strict=True):
                grade = grades.get(exercise.check_id) or _new_grade(gradebook, lesson, exercise, notebook)
                if exercise.name not in anew and grade.auto_score == entry["score"]:
                    continue
                grade.auto_score = entry["score"]
                by_hand = grade.manual_score is not None
                grade.needs_manual_grade = by_hand or entry["doubtful"]
                if by_hand:
                    look.append(f"{exercise.name}: the mark given by hand stands, though the exercise was graded anew")
            _comment(notebook, result)
            gradebook.db.commit()
            _penalize(gradebook, settings, assignment, student, notebook)
        except BaseException:
            gradebook.db.rollback()
            raise
    return look


def _new_grade(gradebook: Gradebook, lesson: Lesson, exercise: Exercise, notebook: SubmittedNotebook) -> Grade:
    """Return an empty mark of an exercise that came after the notebook was handed in."""
    cell = gradebook.find_grade_cell(exercise.check_id, lesson.id, lesson.id)
    grade = Grade(cell_id=cell.id, notebook=notebook)
    gradebook.db.add(grade)
    return grade


def _comment(notebook: SubmittedNotebook, result: KeptResult) -> None:
    outcomes = {entry["name"]: entry["outcome"] for entry in result["exercises"]}
    comments: list[Comment] = notebook.comments
    for comment in comments:
        untouched = outcomes.get(comment.cell.name) == "not_attempted"
        comment.auto_comment = NO_RESPONSE if untouched else None


def _penalize(
    gradebook: Gradebook, settings: Settings, assignment: str, student: str, notebook: SubmittedNotebook
) -> None:
    """Let nbgrader's own step assign the penalty of a late submission, as the teacher set it up."""
    late = notebook.assignment.total_seconds_late > 0
    penalty = notebook.late_submission_penalty
    gradebook.db.rollback()
    if late or penalty is not None:
        names = {"notebook": notebook.name, "assignment": assignment, "student": student}
        resources = {"nbgrader": {**names, "db_url": _url(settings)}}
        AssignLatePenalties(config=settings.config).preprocess(nbformat.v4.new_notebook(), resources)
        gradebook.db.expire_all()
