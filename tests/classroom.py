"""A course folder of its own for tests of nbgrader: its settings, its lessons, and what students hand in."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from autograder.course import ROOT
from tests.notebooks import LESSON

CONFIG = """
load_subconfig({config!r})
c = get_config()
c.CourseDirectory.root = {root!r}
c.Exchange.root = {exchange!r}
c.Exchange.cache = {cache!r}
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
    names = {"root": folder, "exchange": folder / "exchange", "cache": folder / "cache"}
    config = CONFIG.format(config=str(ROOT / "nbgrader_config.py"), **{name: str(path) for name, path in names.items()})
    (folder / "nbgrader_config.py").write_text(f"{config}{more}\n", encoding="utf-8")
    for lesson in lessons or (LESSON,):
        shutil.copytree(ROOT / "solutions" / lesson, folder / "solutions" / lesson)
    return folder


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


def environment() -> dict[str, str]:
    """Return an environment in which nbgrader finds its programs, as an activated one would be."""
    folder = str(Path(sys.executable).parent)
    return os.environ | {"PATH": os.pathsep.join([folder, os.environ.get("PATH", "")])}


def run_grade(course: Path, *arguments: str) -> subprocess.CompletedProcess:
    """Run ``python -m autograder grade`` on a course folder."""
    command = [sys.executable, "-m", "autograder", "grade", "--course", str(course), *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)


def run_nbgrader(course: Path, *arguments: str) -> subprocess.CompletedProcess:
    """Run one of nbgrader's own commands in a course folder."""
    command = [str(Path(sys.executable).with_name("nbgrader")), *arguments]
    return subprocess.run(command, cwd=course, capture_output=True, text=True, timeout=600, env=environment())


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
