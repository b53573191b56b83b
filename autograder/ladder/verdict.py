"""The verdict on one exercise, from what became of its rungs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..course.manifest import Exercise
from .ladder import Problem, RungResult

# Outcomes that say nothing about what a student understood, and may have been the machine's fault.
DOUBTFUL = {"timeout": "ran out of time", "crashed": "ended its process"}


def reason_to_look(exercise: str, outcome: str) -> str:
    """Return why a person should look at a doubtful verdict on an exercise."""
    return f"{exercise} {DOUBTFUL.get(outcome, 'has an answer that its check does not understand')}"


@dataclass(frozen=True)
class Result:
    """The verdict on one exercise. ``score`` is out of ``exercise.points``; ``problem`` is the first to fix."""

    exercise: Exercise
    outcome: str
    score: float
    rungs: tuple[RungResult, ...] = ()
    problem: Problem | None = None
    misconception: str | None = None
    notes: tuple[str, ...] = ()
    seconds: float = 0.0

    @property
    def doubt(self) -> str | None:
        """Why a person should look at the verdict: it may not be the student's mistake; None where nothing is odd."""
        told = next((rung.problem.doubt for rung in self.rungs if rung.problem and rung.problem.doubt), None)
        return told or DOUBTFUL.get(self.outcome)

    @property
    def withheld(self) -> bool:
        """Whether rungs were passed and none of them earns anything, because no rung of values was passed."""
        return any(rung.passed for rung in self.rungs) and not _has_substance(self.rungs)

    def earned(self, rung: RungResult) -> bool:
        """Return whether a rung of this result earns its points."""
        return rung.passed and not self.withheld

    @property
    def failed_rung(self) -> RungResult | None:
        return next((rung for rung in self.rungs if rung.problem is not None), None)


def _has_substance(rungs: Sequence[RungResult]) -> bool:
    """Return whether form pays: a rung of values was passed."""
    return any(rung.passed and rung.rung.kind == "values" for rung in rungs)


def judge(exercise: Exercise, rungs: list[RungResult], seconds: float = 0.0) -> Result:
    """Return the verdict that a climbed ladder amounts to: points in proportion to the rungs passed.

    Form pays only with substance: where no rung of values is passed, the others earn nothing either.
    """
    problem = next((rung.problem for rung in rungs if rung.problem is not None), None)
    if problem is None:
        return Result(exercise, "passed", exercise.points, tuple(rungs), seconds=seconds)
    possible = sum(rung.rung.points for rung in rungs)
    earned = sum(rung.rung.points for rung in rungs if rung.passed)
    outcome = problem.outcome
    if outcome == "not_attempted" and earned:
        outcome = "failed"
    if not _has_substance(rungs):
        earned = 0.0
    score = 0.0 if outcome in ("not_attempted", "missing") else round(exercise.points * earned / possible, 2)
    return Result(exercise, outcome, score, tuple(rungs), problem, seconds=seconds)


def without_running(exercise: Exercise, outcome: str, expected: str, got: str) -> Result:
    """Return the verdict on an exercise whose ladder was never climbed."""
    return Result(exercise, outcome, 0.0, problem=Problem(outcome, expected, got))
