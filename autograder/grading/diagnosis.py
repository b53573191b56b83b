"""Name the misconception behind a wrong answer by simulation.

Each mistake of the catalogue climbs the student's failed rung on the same hidden inputs. The one that fails as the
student failed, with the same answer, is the mistake that was made.
"""

from __future__ import annotations

import contextlib
import math
import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace

from ..checks.catalogue import Misconception, catalogue
from ..course.manifest import CourseError, find_lesson
from ..ladder.ladder import Problem, Rung, RungResult, try_rung
from ..ladder.student import Student
from ..ladder.verdict import DOUBTFUL, Result

# Opens the mistake's code as if a student had written it.
OpenMistake = Callable[[Misconception], AbstractContextManager[Student]]

_NUMBER = re.compile(r"(-?\d+(?:\.\d+)?(?:e[-+]?\d+)?)")
_ERROR = re.compile(r"\w*(Error|Exception)\b")
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


def _same_error(one: str, other: str) -> bool:
    """Return whether both texts say that code raised, and the same type of error."""
    error, other_error = _ERROR.match(one), _ERROR.match(other)
    return error is not None and other_error is not None and error[0] == other_error[0]


def likeness(one: Problem | None, other: Problem | None, ran_before: bool) -> float:
    """Return 1 where two answers failed a rung in the same way or both passed it, else 0.

    Half of that where code that ran on other inputs before raised the same type of error with other words: those are
    the student's own, or Python's, and differ from one way of writing to the next.
    """
    if one is None or other is None:
        return float(one is other)
    asked = ((one.expected, other.expected), (one.example or "", other.example or ""))
    if one.outcome != other.outcome or not all(_agree(*texts) for texts in asked):
        return 0.0
    if _agree(one.got, other.got):
        return 1.0
    return 0.5 if ran_before and _same_error(one.got, other.got) else 0.0


class _Simulated:
    """What mistakes answer on the hidden inputs of one seed.

    A class is graded on one seed, so each mistake climbs each rung once, however many students made it.
    """

    def __init__(self) -> None:
        self._seed: int | None = None
        self._known: dict[tuple[Misconception, str], Problem | None] = {}

    def problem(
        self, entry: Misconception, rung: Rung, seed: int, open_student: Callable[[], Student]
    ) -> Problem | None:
        """Return what is wrong with the mistake's answer to a rung; ``open_student`` is called the first time."""
        if seed != self._seed:
            self._seed = seed
            self._known.clear()
        key = entry, rung.name
        if key in self._known:
            return self._known[key]
        problem = try_rung(rung, entry.exercise, open_student(), seed)
        # What a busy machine may have caused says nothing about the next time.
        if problem is None or problem.outcome not in DOUBTFUL:
            self._known[key] = problem
        return problem


_simulated = _Simulated()


def _likeness_on_rungs(
    entry: Misconception, open_mistake: OpenMistake, rungs: list[RungResult], seed: int, ran_before: bool
) -> float:
    """Return on how many of ``rungs`` the mistake does as the student did.

    0 where the first differs, or where it ends in an error of other words, no error was asked for, and neither another
    rung fails in the same way nor all others agree.
    """
    with contextlib.ExitStack() as stack:
        opened: list[Student] = []

        def open_student() -> Student:
            if not opened:
                opened.append(stack.enter_context(open_mistake(entry)))
            return opened[0]

        def on(result: RungResult) -> float:
            problem = _simulated.problem(entry, result.rung, seed, open_student)
            return likeness(problem, result.problem, ran_before)

        first = on(rungs[0])
        if not first:
            return 0.0
        others = [on(result) for result in rungs[1:]]
        # The same type of error is what many mistakes end with: it takes another rung that fails alike, or all others.
        # Where an error is asked for, its type is the answer, and its words are free.
        asked = rungs[0].problem is not None and rungs[0].problem.outcome == "failed"
        failed = (like == 1 and result.problem for like, result in zip(others, rungs[1:], strict=True))
        told = first == 1 or asked or any(failed) or min(others, default=0) == 1
        return first + sum(others) if told else 0.0


def rank(result: Result, seed: int, open_mistake: OpenMistake) -> dict[Misconception, float]:
    """Return the mistakes that fail the first failed rung as the result did, with how many of its rungs they share.

    Empty where there is nothing to compare: the answer passed, never came, or the reference solutions are not there.
    """
    failed = result.failed_rung
    if failed is None or result.outcome not in ("failed", "error"):
        return {}
    rungs = [failed, *(rung for rung in result.rungs if rung.reached and rung is not failed)]
    ran_before = failed is not result.rungs[0]
    try:
        entries = catalogue(find_lesson(result.exercise.lesson))[result.exercise.name]
    except (CourseError, OSError):
        # Without the reference solutions there is nothing to simulate; the grade stands without a name.
        return {}
    alike: dict[Misconception, float] = {}
    for entry in entries:
        count = _likeness_on_rungs(entry, open_mistake, rungs, seed, ran_before)
        if count:
            alike[entry] = count
    return alike


def diagnose(result: Result, seed: int, open_mistake: OpenMistake) -> Result:
    """Return ``result`` with the misconception it shows and its hint, or as it is where none fits.

    Of several mistakes that fail the first failed rung alike, the one that agrees on most of the other rungs is
    named; where that is a tie, none is.
    """
    alike = rank(result, seed, open_mistake)
    best = [entry for entry, count in alike.items() if count == max(alike.values())]
    if result.problem is None or len(best) != 1:
        return result
    return replace(result, misconception=best[0].id, problem=replace(result.problem, hint=best[0].hint))
