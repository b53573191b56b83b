"""A lesson in the gradebook: entered where it is missing, brought up to date where it changed, marks kept."""

from __future__ import annotations

import shutil
import tempfile
from datetime import datetime
from pathlib import Path

from nbgrader.api import Comment, Grade, Gradebook, GradeCell, MissingEntry, Notebook, SolutionCell, SourceCell
from sqlalchemy.engine import make_url

from ...authoring.build import release
from ...course.manifest import Lesson
from ...report.words import number
from ..folders.settings import Settings
from .gradebook import translated
from .shown_notebook import GivenCell, given_cells


def _points(given: dict[str, GivenCell]) -> dict[str, float]:
    metadata = {grade_id: cell["metadata"]["nbgrader"] for grade_id, cell in given.items()}
    return {grade_id: float(found["points"]) for grade_id, found in metadata.items() if found["grade"]}


def _in_step(notebook: Notebook, given: dict[str, GivenCell]) -> bool:
    checksums = {grade_id: cell["metadata"]["nbgrader"]["checksum"] for grade_id, cell in given.items()}
    held = {cell.name: cell.checksum for cell in notebook.source_cells}
    points = {cell.name: cell.max_score for cell in notebook.grade_cells}
    return held == checksums and points == _points(given)


def _backup(settings: Settings) -> str:
    """Copy a gradebook that is a file; return what to say about it."""
    url = make_url(settings.coursedir.db_url)
    if url.get_backend_name() != "sqlite" or not url.database:
        return ""
    path = Path(url.database)
    copy = path.with_name(f"{path.name}.{datetime.now():%Y%m%d-%H%M%S}")
    shutil.copy2(path, copy)
    return f"; the gradebook as it was is kept as {copy.name}"


def _drop(gradebook: Gradebook, notebook: Notebook, given: dict[str, GivenCell], settings: Settings) -> list[str]:
    """Take out the cells that the lesson no longer has; return what to say about marks that go with them."""
    said = []
    for cell in [cell for cell in notebook.grade_cells if cell.name not in _points(given)]:
        marks = gradebook.db.query(Grade).filter(Grade.cell_id == cell.id)
        given_marks = marks.filter((Grade.auto_score.is_not(None)) | (Grade.manual_score.is_not(None))).count()
        if given_marks:
            said.append(f"{cell.name} is no longer in the lesson: {given_marks} marks taken out{_backup(settings)}")
        marks.delete()
        gradebook.db.delete(cell)
    for cell in [cell for cell in notebook.solution_cells if cell.name not in given]:
        gradebook.db.query(Comment).filter(Comment.cell_id == cell.id).delete()
        gradebook.db.delete(cell)
    for cell in [cell for cell in notebook.source_cells if cell.name not in given]:
        gradebook.db.delete(cell)
    return said


def _add(gradebook: Gradebook, notebook: Notebook, given: dict[str, GivenCell]) -> list[str]:
    """Add the cells that are not there, with an empty mark for everybody who handed the lesson in before."""
    said = []
    held = {kind: {cell.name for cell in cells} for kind, cells in _kinds(notebook).items()}
    for grade_id, cell in given.items():
        metadata = cell["metadata"]["nbgrader"]
        if metadata["grade"] and grade_id not in held["grade"]:
            new = GradeCell(
                name=grade_id, notebook=notebook, max_score=float(metadata["points"]), cell_type=cell["cell_type"]
            )
            gradebook.db.add(new)
            gradebook.db.flush()
            gradebook.db.add_all(Grade(cell_id=new.id, notebook=submission) for submission in notebook.submissions)
            said.append(f"{grade_id} was added")
        if metadata["solution"] and grade_id not in held["solution"]:
            new = SolutionCell(name=grade_id, notebook=notebook)
            gradebook.db.add(new)
            gradebook.db.flush()
            gradebook.db.add_all(Comment(cell_id=new.id, notebook=submission) for submission in notebook.submissions)
        if grade_id not in held["source"]:
            facts = {"cell_type": cell["cell_type"], "locked": metadata["locked"], "source": cell["source"]}
            gradebook.db.add(SourceCell(name=grade_id, notebook=notebook, checksum=metadata["checksum"], **facts))
    return said


def _kinds(notebook: Notebook) -> dict[str, list]:
    return {"grade": notebook.grade_cells, "solution": notebook.solution_cells, "source": notebook.source_cells}


def _changed_points(notebook: Notebook, given: dict[str, GivenCell]) -> list[str]:
    points = _points(given)
    return [
        f"{cell.name} is worth {number(points[cell.name])} points, {number(cell.max_score)} before"
        for cell in notebook.grade_cells
        if cell.name in points and points[cell.name] != cell.max_score
    ]


def enter_lesson(gradebook: Gradebook, settings: Settings, lesson: Lesson) -> list[str]:
    """Bring the gradebook's record of a lesson in step with what was released; return what changed, in words.

    Marks of exercises that are still there stay. Raises GradebookTrouble.
    """
    given = given_cells(lesson)
    said: list[str] = []
    with translated(settings):
        try:
            try:
                notebook = gradebook.find_notebook(lesson.id, lesson.id)
            except MissingEntry:
                said.append("entered into the gradebook")
            else:
                if _in_step(notebook, given):
                    return []
                said += _changed_points(notebook, given)
                if notebook.submissions:
                    # nbgrader itself refuses to add or remove cells once there are submissions.
                    said += _drop(gradebook, notebook, given, settings) + _add(gradebook, notebook, given)
                gradebook.db.commit()
        finally:
            gradebook.db.rollback()
    with tempfile.TemporaryDirectory() as folder:
        release(lesson, Path(folder), settings.coursedir.db_url, settings.coursedir.course_id)
    gradebook.db.expire_all()
    return said or ["brought up to date in the gradebook"]
