"""nbgrader's feedback pages: made by its own command, and only where what they show has changed."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from pathlib import Path

from nbgrader.api import Assignment, BaseCell, Comment, Grade, SubmittedAssignment, SubmittedNotebook
from nbgrader.converters import GenerateFeedback
from nbgrader.coursedir import CourseDirectory
from nbgrader.utils import capture_log

from ...course.manifest import Lesson
from ...report.safe_text import safe_text
from ..folders.settings import Settings, autograded_path
from ..gradebook.marks import gradebook_session
from ..gradebook.standing import select_of_cells

# By student and lesson.
Key = tuple[str, str]


# Whose and which; what is asked of it comes behind.
_WHOSE = (SubmittedAssignment.student_id, Assignment.name, BaseCell.name)
_SHOWN = (
    (Grade, Grade.auto_score, Grade.manual_score, Grade.extra_credit, SubmittedNotebook.late_submission_penalty),
    (Comment, Comment.auto_comment, Comment.manual_comment),
)


def read_states(settings: Settings) -> dict[Key, str]:
    """Return all that the gradebook says of each submission, as a text to compare. Raises GradebookTrouble."""
    queries = [select_of_cells(kind, *_WHOSE, *asked).order_by(BaseCell.name) for kind, *asked in _SHOWN]
    found: dict[Key, list[str]] = defaultdict(list)
    with gradebook_session(settings) as session:
        rows = [row for query in queries for row in session.execute(query)] if session is not None else []
    for student, assignment, *rest in rows:
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
    if str(done.get("error", "")).rstrip().endswith(KeyboardInterrupt.__name__):
        # nbgrader takes it for an error like any other.
        raise KeyboardInterrupt
    said = str(done.get("log") or done.get("error") or "nbgrader made no page").strip().splitlines()
    # A traceback ends with its error; what nbgrader says behind it names the submission alone.
    errors = [line for line in said if line[:1].isalpha() and "Error" in line.partition(":")[0]]
    return safe_text((errors or said)[-1].strip(), 300, one_line=True)
