"""What one run of the grader is: which lessons, what was found, and how to find the same again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..course.manifest import Exercise, Lesson
from ..isolation.sandbox import Sandbox
from ..ladder.verdict import Result


@dataclass(frozen=True)
class GradedRun:
    """What every report is made of.

    ``results`` holds the verdicts by the exercise's key, ``notes`` what was noticed about a notebook by the lesson's
    id; ``seed`` draws the same hidden inputs again, and ``sandbox`` is where the students' code ran.
    """

    lessons: tuple[Lesson, ...]
    results: Mapping[str, Result]
    notes: Mapping[str, Sequence[str]]
    seed: int
    sandbox: Sandbox

    def result(self, exercise: Exercise) -> Result | None:
        """Return the verdict on an exercise, or None where the run never reached it."""
        return self.results.get(exercise.key)

    def notes_of(self, lesson: Lesson) -> Sequence[str]:
        """Return what was noticed about a lesson's notebook."""
        return self.notes.get(lesson.id, ())

    def earned(self, lesson: Lesson) -> float:
        """Return the points that a lesson's notebook earned."""
        return sum(result.score for exercise in lesson.exercises if (result := self.result(exercise)) is not None)

    @property
    def points(self) -> float:
        """The points earned in all lessons."""
        return sum(self.earned(lesson) for lesson in self.lessons)

    @property
    def possible(self) -> float:
        """The points of all lessons."""
        return sum(lesson.points for lesson in self.lessons)

    def next_to_fix(self) -> Result | None:
        """Return the first result that needs work: what was tried before what was not."""
        found = [self.result(exercise) for lesson in self.lessons for exercise in lesson.exercises]
        needing = [result for result in found if result is not None and result.outcome != "passed"]
        return min(needing, key=lambda result: result.outcome == "not_attempted", default=None)
