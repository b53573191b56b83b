"""Penalties of late submissions, brought in step with the due dates and extensions that the gradebook holds."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from nbgrader.api import Gradebook, SubmittedNotebook
from nbgrader.preprocessors import AssignLatePenalties

from ...course.manifest import Lesson
from ..folders.settings import Settings
from .gradebook import translated
from .standing import Standing, standings

# Asked with a student, what is held, and the penalty to be, whether it may be written.
Allowed = Callable[[str, Standing, float | None], bool]


class Penalties:
    """What nbgrader's plugin takes off, as the teacher's settings set it up."""

    def __init__(self, settings: Settings) -> None:
        self._step = AssignLatePenalties(config=settings.config)
        self._step.init_plugin()

    def of(self, student: str, score: float, late: timedelta) -> float | None:
        """Return the points taken off a score that is late by so much: between none and all; None for no penalty."""
        seconds = late.total_seconds()
        taken = self._step.plugin_inst.late_submission_penalty(student, score, seconds) if seconds > 0 else None
        return None if taken is None else min(max(0.0, taken), score)


def settle_penalties(
    gradebook: Gradebook,
    settings: Settings,
    lesson: Lesson,
    penalties: Penalties,
    allowed: Allowed,
    student: str | None = None,
) -> None:
    """Give every submission of a lesson, or that of one student, the penalty that it has by the dates of this moment.

    Raises GradebookTrouble; then all penalties are as they were.
    """
    held = standings(gradebook, settings, lesson, student)
    with translated(settings):
        try:
            for who, standing in held.items():
                if not standing.late and standing.penalty is None:
                    continue
                notebook = gradebook.db.get(SubmittedNotebook, standing.notebook)
                penalty = penalties.of(who, notebook.score, standing.late)
                if penalty != standing.penalty and allowed(who, standing, penalty):
                    notebook.late_submission_penalty = penalty
            gradebook.db.commit()
        except BaseException:
            gradebook.db.rollback()
            raise
