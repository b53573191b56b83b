"""A course folder of its own for tests of nbgrader: its settings, its lessons, and what students hand in."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from jupyter_core.application import NoStart
from nbgrader.apps.nbgraderapp import NbGraderApp

from autograder.classroom.folders.settings import load_settings
from autograder.classroom.gradebook.gradebook import open_gradebook
from autograder.classroom.gradebook.lesson_entry import enter_lesson
from autograder.classroom.run.batch import GradeRequest, grade_class
from autograder.classroom.run.job import Job, release_worker
from autograder.classroom.run.pool import Outcome, attempt
from autograder.course.manifest import ROOT, find_lesson
from tests.notebooks import LESSON

# Names its own folder, so that a copy of a course folder is a course folder of its own.
CONFIG = """
from pathlib import Path

load_subconfig({config!r})
root = Path(__file__).resolve().parent
c = get_config()
c.CourseDirectory.root = str(root)
c.Exchange.root = str(root / "exchange")
c.Exchange.cache = str(root / "cache")
c.Exchange.assignment_dir = "."
"""
STAMP = "2026-03-01 10:00:00.000000 UTC"
# A class's marks as a person would compare them: names in place of the gradebook's random keys.
MARKS = """
select assignment.name, submitted_assignment.student_id, submitted_assignment.timestamp, base_cell.name,
       grade.auto_score, grade.manual_score, grade.extra_credit, grade.needs_manual_grade
from grade
join base_cell on base_cell.id = grade.cell_id
join submitted_notebook on submitted_notebook.id = grade.notebook_id
join submitted_assignment on submitted_assignment.id = submitted_notebook.assignment_id
join assignment on assignment.id = submitted_assignment.assignment_id
order by 1, 2, 4
"""
NOTEBOOK = """
select submitted_notebook.id from submitted_notebook
join submitted_assignment on submitted_assignment.id = submitted_notebook.assignment_id
where submitted_assignment.student_id = ?
"""
COMMENTS = """
select assignment.name, submitted_assignment.student_id, base_cell.name, comment.auto_comment, comment.manual_comment
from comment
join base_cell on base_cell.id = comment.cell_id
join submitted_notebook on submitted_notebook.id = comment.notebook_id
join submitted_assignment on submitted_assignment.id = submitted_notebook.assignment_id
join assignment on assignment.id = submitted_assignment.assignment_id
order by 1, 2, 3
"""


def make_course(folder: Path, *lessons: str, more: str = "") -> Path:
    """Make a course folder that uses the course's own settings; ``more`` is put at the end of them."""
    folder.mkdir(parents=True, exist_ok=True)
    config = CONFIG.format(config=str(ROOT / "nbgrader_config.py"))
    (folder / "nbgrader_config.py").write_text(f"{config}{more}\n", encoding="utf-8")
    for lesson in lessons or (LESSON,):
        shutil.copytree(ROOT / "solutions" / lesson, folder / "solutions" / lesson)
    return folder


def enter_lessons(course: Path, *lessons: str) -> Path:
    """Enter lessons into the course's gradebook, as the first run of a class does."""
    settings = load_settings(course)
    with open_gradebook(settings) as gradebook:
        for lesson in lessons or (LESSON,):
            enter_lesson(gradebook, settings, find_lesson(lesson))
    return course


def hand_in(
    course: Path, student: str, notebook: dict[str, Any] | bytes | None, lesson: str = LESSON, stamp: str | None = STAMP
) -> Path:
    """Put a notebook where ``nbgrader collect`` puts it; return the submission's folder."""
    folder = course / "submitted" / student / lesson
    folder.mkdir(parents=True, exist_ok=True)
    if notebook is not None:
        content = notebook if isinstance(notebook, bytes) else json.dumps(notebook).encode()
        (folder / f"{lesson}.ipynb").write_bytes(content)
    if stamp is not None:
        (folder / "timestamp.txt").write_text(stamp, encoding="utf-8")
    return folder


class Here:
    """An executor that grades in this process, one job after the other."""

    def __enter__(self) -> Here:
        return self

    def __exit__(self, *exc: object) -> None:
        release_worker()

    def run(self, jobs: Iterable[Job]) -> Iterator[tuple[Job, Outcome]]:
        """Yield each job with its outcome."""
        return ((job, attempt(job)) for job in jobs)


def grade_here(course: Path, *assignments: str, **options: Any) -> int:
    """Do in this process what ``python -m autograder grade`` does; return the exit status."""
    request = GradeRequest(assignments=assignments, course=course, **{"seed": 5, **options})
    return grade_class(request, Here())


def environment() -> dict[str, str]:
    """Return an environment in which nbgrader finds its programs, as an activated one would be."""
    folder = str(Path(sys.executable).parent)
    return os.environ | {"PATH": os.pathsep.join([folder, os.environ.get("PATH", "")])}


def run_grade(course: Path, *arguments: str) -> subprocess.CompletedProcess:
    """Run ``python -m autograder grade`` on a course folder."""
    command = [sys.executable, "-m", "autograder", "grade", "--course", str(course), *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)


def run_nbgrader(folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    """Run one of nbgrader's own commands in a folder."""
    command = [str(Path(sys.executable).with_name("nbgrader")), *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=600, env=environment())


def nbgrader_here(folder: Path, *arguments: str) -> str:
    """Do in this process what one of nbgrader's commands does in a folder, as nbgrader's own tests do; return its log.

    Raises AssertionError where it does not end well.
    """
    log = io.StringIO()
    app = NbGraderApp.instance()
    code: object = None
    try:
        with contextlib.chdir(folder):
            app.initialize(list(arguments))
            app.init_logging(logging.StreamHandler, [log], color=False, subapps=True)
            app.start()
    except NoStart:
        # How nbgrader says that one of its commands is done.
        pass
    except SystemExit as end:
        code = end.code
    finally:
        app.reset()
    assert not code, log.getvalue()
    return log.getvalue()


@contextmanager
def database(course: Path) -> Iterator[sqlite3.Connection]:
    """Yield the gradebook as a plain database."""
    connection = sqlite3.connect(course / "gradebook.db")
    try:
        yield connection
    finally:
        connection.close()


def marks(course: Path) -> list[tuple]:
    """Return every mark in the gradebook, row by row."""
    with database(course) as connection:
        return connection.execute(MARKS).fetchall()


def notebook_key(course: Path, student: str) -> str:
    """Return the key of a student's only notebook in the gradebook, by which formgrader's pages name it."""
    with database(course) as connection:
        return connection.execute(NOTEBOOK, [student]).fetchone()[0]


def comments(course: Path) -> list[tuple]:
    """Return every comment in the gradebook, row by row."""
    with database(course) as connection:
        return connection.execute(COMMENTS).fetchall()


def scores(course: Path, student: str, lesson: str = LESSON) -> dict[str, float]:
    """Return a student's automatic scores by exercise."""
    found = [row for row in marks(course) if row[:2] == (lesson, student)]
    return {row[3].removeprefix("check-"): row[4] for row in found}


def kept(course: Path, student: str, lesson: str = LESSON) -> dict[str, Any]:
    """Return what the grader keeps of a submission."""
    path = course / "grading" / student / lesson / "result.json"
    return json.loads(path.read_text(encoding="utf-8"))
