"""What the gradebook holds of a lesson's submissions: marks, dates and penalties, read in one question."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from nbgrader.api import Assignment, BaseCell, Grade, Gradebook, Notebook, SubmittedAssignment, SubmittedNotebook
from nbgrader.utils import parse_utc
from sqlalchemy import Select, select

from ...course.manifest import Exercise, Lesson
from ..folders.settings import Settings
from ..results.submission_result import KeptResult, is_mark
from .gradebook import translated


@dataclass
class Standing:
    """What is held of one submission. ``automatic`` and ``by_hand`` are scores by the cell's name.

    ``notebook`` is the gradebook's own id of it. Times are UTC; ``due`` includes the student's extension.
    """

    notebook: str
    timestamp: datetime | None
    due: datetime | None
    penalty: float | None
    automatic: dict[str, float | None] = field(default_factory=dict)
    by_hand: dict[str, float | None] = field(default_factory=dict)

    @property
    def late(self) -> timedelta:
        """By how much it was late; nothing where it was not, or nobody set a date."""
        if self.timestamp is None or self.due is None:
            return timedelta(0)
        return max(timedelta(0), self.timestamp - self.due)

    def total(self, lesson: Lesson) -> float:
        """Return the points of a lesson, the penalty taken off."""
        return sum(self.mark(exercise) or 0.0 for exercise in lesson.exercises) - (self.penalty or 0.0)

    def mark(self, exercise: Exercise) -> float | None:
        """Return the mark that counts: a person's, else the engine's; None where there is none."""
        given = self.by_hand.get(exercise.check_id)
        return given if is_mark(given) else self.automatic.get(exercise.check_id)


_COLUMNS = (
    SubmittedAssignment.student_id,
    SubmittedNotebook.id,
    SubmittedAssignment.timestamp,
    Assignment.duedate,
    SubmittedAssignment.extension,
    SubmittedNotebook.late_submission_penalty,
    BaseCell.name,
    Grade.auto_score,
    Grade.manual_score,
)


def select_of_cells(kind: Any, *columns: Any) -> Select[Any]:
    """Return the question for these columns of everything of a ``kind``, marks or comments, in notebooks of lessons."""
    return (
        select(*columns)
        .select_from(SubmittedAssignment)
        .join(Assignment, Assignment.id == SubmittedAssignment.assignment_id)
        .join(SubmittedNotebook, SubmittedNotebook.assignment_id == SubmittedAssignment.id)
        .join(Notebook, Notebook.id == SubmittedNotebook.notebook_id)
        .join(kind, kind.notebook_id == SubmittedNotebook.id)
        .join(BaseCell, BaseCell.id == kind.cell_id)
        .where(Notebook.name == Assignment.name)
    )


def standings(
    gradebook: Gradebook, settings: Settings, lesson: Lesson, student: str | None = None
) -> dict[str, Standing]:
    """Return what the gradebook holds of a lesson, by student, or of one student alone. Raises GradebookTrouble."""
    query = select_of_cells(Grade, *_COLUMNS).where(Assignment.name == lesson.id)
    if student is not None:
        query = query.where(SubmittedAssignment.student_id == student)
    found: dict[str, Standing] = {}
    with translated(settings):
        for who, notebook, timestamp, due, extension, penalty, cell, automatic, by_hand in gradebook.db.execute(query):
            until = due + (extension or timedelta(0)) if due is not None else None
            held = found.setdefault(who, Standing(notebook, timestamp, until, penalty))
            held.automatic[cell], held.by_hand[cell] = automatic, by_hand
        gradebook.db.rollback()
    return found


def is_held(held: Standing | None, result: KeptResult, lesson: Lesson) -> bool:
    """Return whether the gradebook holds a result as it is."""
    if held is None or (result["timestamp"] and held.timestamp != parse_utc(result["timestamp"])):
        return False
    scores = {entry["name"]: entry["score"] for entry in result["exercises"]}
    return all(held.automatic.get(exercise.check_id) == scores[exercise.name] for exercise in lesson.exercises)
