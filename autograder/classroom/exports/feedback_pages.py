"""nbgrader's feedback pages: made by its own command, and only where what they show has changed."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from pathlib import Path
from typing import Any

from nbgrader.api import Assignment, BaseCell, Comment, Grade, Notebook, SubmittedAssignment, SubmittedNotebook
from nbgrader.converters import GenerateFeedback
from nbgrader.coursedir import CourseDirectory
from nbgrader.utils import capture_log
from sqlalchemy import Select, select

from ...course.manifest import Lesson
from ...report.safe_text import safe_text
from ..folders.settings import Settings, autograded_path
from ..gradebook.marks import gradebook_session

# By student and lesson.
Key = tuple[str, str]


def _of_submissions(kind: Any, *columns: Any) -> Select[Any]:
    """Return the query for whose and which ``columns`` the gradebook holds of ``kind``: marks, or comments."""
    return (
        select(SubmittedAssignment.student_id, Assignment.name, BaseCell.name, *columns)
        .select_from(SubmittedAssignment)
        .join(Assignment, Assignment.id == SubmittedAssignment.assignment_id)
        .join(SubmittedNotebook, SubmittedNotebook.assignment_id == SubmittedAssignment.id)
        .join(Notebook, Notebook.id == SubmittedNotebook.notebook_id)
        .join(kind, kind.notebook_id == SubmittedNotebook.id)
        .join(BaseCell, BaseCell.id == kind.cell_id)
        .where(Notebook.name == Assignment.name)
        .order_by(BaseCell.name)
    )


def read_states(settings: Settings) -> dict[Key, str]:
    """Return all that the gradebook says of each submission, as a text to compare. Raises GradebookTrouble."""
    marks = _of_submissions(
        Grade, Grade.auto_score, Grade.manual_score, Grade.extra_credit, SubmittedNotebook.late_submission_penalty
    )
    comments = _of_submissions(Comment, Comment.auto_comment, Comment.manual_comment)
    found: dict[Key, list[str]] = defaultdict(list)
    with gradebook_session(settings) as session:
        for query in (marks, comments) if session is not None else ():
            for student, assignment, *rest in session.execute(query):
                found[student, assignment].append(repr(rest))
    return {key: "\n".join(lines) for key, lines in found.items()}


def stamp_of(settings: Settings, student: str, lesson: Lesson, state: str) -> str | None:
    """Return what tells whether a page is up to date, None where there is no graded notebook to make it of."""
    try:
        notebook = autograded_path(settings.coursedir, student, lesson).read_bytes()
    except OSError:
        return None
    return hashlib.sha256(notebook + b"\0" + state.encode("utf-8", "replace")).hexdigest()


def page_path(settings: Settings, student: str, lesson: Lesson) -> Path:
    """Return where nbgrader puts a student's page on a lesson."""
    coursedir = settings.coursedir
    folder = Path(coursedir.format_path(coursedir.feedback_directory, student, lesson.id))
    return folder / f"{lesson.id}.html"


class _OnePage(GenerateFeedback):
    """nbgrader's command for one submission, whose names it takes as they are: in them, ``[`` and ``*`` are signs."""

    def init_notebooks(self) -> None:
        folder = self._format_source(self.coursedir.assignment_id, self.coursedir.student_id)
        self.assignments = {folder: [str(Path(folder) / f"{self.coursedir.assignment_id}.ipynb")]}


def generate_page(settings: Settings, student: str, lesson: Lesson) -> str | None:
    """Do what ``nbgrader generate_feedback --force`` does for one submission; return why it could not, or None."""
    coursedir = CourseDirectory(config=settings.config)
    coursedir.assignment_id, coursedir.student_id = lesson.id, student
    command = _OnePage(coursedir=coursedir, config=settings.config)
    command.force = True
    done = capture_log(command)
    if done["success"] and page_path(settings, student, lesson).is_file():
        return None
    said = str(done.get("log") or done.get("error") or "nbgrader made no page").strip().splitlines()
    # A traceback ends with its error; what nbgrader says behind it names the submission alone.
    errors = [line for line in said if line[:1].isalpha() and "Error" in line.partition(":")[0]]
    return safe_text((errors or said)[-1].strip(), 300, one_line=True)
