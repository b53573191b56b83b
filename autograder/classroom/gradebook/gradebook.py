"""nbgrader's gradebook, written by one writer through nbgrader's own API."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from nbgrader.api import (
    Assignment,
    Comment,
    Course,
    Grade,
    Gradebook,
    InvalidEntry,
    SubmittedNotebook,
)
from sqlalchemy import create_engine, inspect, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SAWarning, SQLAlchemyError
from sqlalchemy.orm import Session

from ...course.manifest import Exercise, Lesson
from ...report.words import number
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
                    given = f"{number(grade.manual_score)} of {number(exercise.points)}, by hand"
                    worth = number(entry["score"])
                    look.append(f"{exercise.name}: the mark given by hand stands ({given}); graded anew it has {worth}")
            _comment(notebook, result)
            gradebook.db.commit()
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
