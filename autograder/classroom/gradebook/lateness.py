"""Penalties of late submissions, brought in step with the due dates and extensions that the gradebook holds."""

from __future__ import annotations

from collections.abc import Callable

from nbgrader.api import Gradebook, SubmittedNotebook
from nbgrader.preprocessors import AssignLatePenalties

from ...course.manifest import Lesson
from ..folders.settings import Settings
from .gradebook import translated
from .standing import Standing, standings

# Asked with a student, what is held, and the penalty to be, whether it may be written.
Allowed = Callable[[str, Standing, float | None], bool]


def _penalty(step: AssignLatePenalties, student: str, score: float, held: Standing) -> float | None:
    """Return what nbgrader's plugin, as the teacher set it up, takes off; between nothing and the whole score."""
    late = held.late.total_seconds()
    taken = step.plugin_inst.late_submission_penalty(student, score, late) if late > 0 else None
    return None if taken is None else min(max(0.0, taken), score)


def settle_penalties(
    gradebook: Gradebook, settings: Settings, lesson: Lesson, allowed: Allowed, student: str | None = None
) -> None:
    """Give every submission of a lesson, or that of one student, the penalty that it has by the dates of this moment.

    Raises GradebookTrouble; then all penalties are as they were.
    """
    step = AssignLatePenalties(config=settings.config)
    step.init_plugin()
    held = standings(gradebook, settings, lesson, student)
    with translated(settings):
        try:
            for who, standing in held.items():
                if not standing.late and standing.penalty is None:
                    continue
                notebook = gradebook.db.get(SubmittedNotebook, standing.notebook)
                penalty = _penalty(step, who, notebook.score, standing)
                if penalty != standing.penalty and allowed(who, standing, penalty):
                    notebook.late_submission_penalty = penalty
            gradebook.db.commit()
        except BaseException:
            gradebook.db.rollback()
            raise
