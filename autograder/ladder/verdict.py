"""The verdict on one exercise, from what became of its rungs."""

from __future__ import annotations

from dataclasses import dataclass

from ..course.manifest import Exercise
from .ladder import Problem, RungResult

# Outcomes that say nothing about what a student understood, and may have been the machine's fault.
DOUBTFUL = {"timeout": "ran out of time", "crashed": "ended its process"}


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
    def failed_rung(self) -> RungResult | None:
        return next((rung for rung in self.rungs if rung.problem is not None), None)


def judge(exercise: Exercise, rungs: list[RungResult], seconds: float = 0.0) -> Result:
    """Return the verdict that a climbed ladder amounts to: points in proportion to the rungs passed."""
    problem = next((rung.problem for rung in rungs if rung.problem is not None), None)
    if problem is None:
        return Result(exercise, "passed", exercise.points, tuple(rungs), seconds=seconds)
    possible = sum(rung.rung.points for rung in rungs)
    earned = sum(rung.rung.points for rung in rungs if rung.passed)
    outcome = problem.outcome
    if outcome == "not_attempted" and earned:
        outcome = "failed"
    score = 0.0 if outcome in ("not_attempted", "missing") else round(exercise.points * earned / possible, 2)
    return Result(exercise, outcome, score, tuple(rungs), problem, seconds=seconds)
