"""Name the misconception behind a wrong answer by simulation.

Each mistake of the catalogue climbs the student's failed rung on the same hidden inputs. The one that fails as the
student failed, with the same answer, is the mistake that was made.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace

from .course import CourseError, find_lesson
from .ladder import Problem, Rung, RungResult, try_rung
from .misconceptions import Misconception, catalogue
from .student import Student
from .verdict import Result

# Opens the mistake's code as if a student had written it.
OpenMistake = Callable[[Misconception], AbstractContextManager[Student]]

_NUMBER = re.compile(r"(-?\d+(?:\.\d+)?(?:e[-+]?\d+)?)")
# Two ways to write the same sum differ in the last digits of float32.
_RTOL, _ATOL = 1e-3, 1e-5


def _agree(one: str, other: str) -> bool:
    """Return whether two texts are the same but for the last digits of their numbers."""
    parts, others = _NUMBER.split(one), _NUMBER.split(other)
    if len(parts) != len(others):
        return False
    # Odd positions hold the numbers.
    words = parts[::2] == others[::2]
    numbers = zip(parts[1::2], others[1::2], strict=True)
    return words and all(math.isclose(float(a), float(b), rel_tol=_RTOL, abs_tol=_ATOL) for a, b in numbers)


def same_problem(one: Problem | None, other: Problem | None) -> bool:
    """Return whether two answers failed a rung in the same way, or both passed it."""
    if one is None or other is None:
        return one is other
    return (
        one.outcome == other.outcome
        and _agree(one.expected, other.expected)
        and _agree(one.got, other.got)
        and _agree(one.example or "", other.example or "")
    )


def _agreeing_rungs(mistake: Student, exercise: str, rungs: list[RungResult], seed: int) -> int:
    """Return on how many of ``rungs`` the mistake does as the student did; 0 where the first differs."""

    def climb(rung: Rung) -> Problem | None:
        return try_rung(rung, exercise, mistake, seed)

    if not same_problem(climb(rungs[0].rung), rungs[0].problem):
        return 0
    return 1 + sum(same_problem(climb(result.rung), result.problem) for result in rungs[1:])


def diagnose(result: Result, seed: int, open_mistake: OpenMistake) -> Result:
    """Return ``result`` with the misconception it shows and its hint, or as it is where none fits.

    Of several mistakes that fail the first failed rung alike, the one that agrees on most of the other rungs is
    named; where that is a tie, none is.
    """
    failed = result.failed_rung
    if failed is None or result.outcome not in ("failed", "error"):
        return result
    rungs = [failed, *(rung for rung in result.rungs if rung.reached and rung is not failed)]
    agreeing: dict[Misconception, int] = {}
    try:
        entries = catalogue(find_lesson(result.exercise.lesson))[result.exercise.name]
    except (CourseError, OSError):
        # Without the reference solutions there is nothing to simulate; the grade stands without a name.
        return result
    for entry in entries:
        with open_mistake(entry) as mistake:
            agreeing[entry] = _agreeing_rungs(mistake, result.exercise.name, rungs, seed)
    most = max(agreeing.values(), default=0)
    best = [entry for entry, count in agreeing.items() if count == most]
    if not most or len(best) > 1:
        return result
    return replace(result, misconception=best[0].id, problem=replace(result.problem, hint=best[0].hint))
