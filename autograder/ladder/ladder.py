"""A ladder of checks for one exercise, and how it is climbed."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from ..isolation.process import Crashed, OutOfTime
from .array_difference import ArrayDifference
from .expect import Mismatch, is_stub
from .student import Student, StudentError

KINDS = ("type", "shape", "dtype", "values", "edge cases", "gradients", "side effects")
OUTCOMES = ("passed", "failed", "not_attempted", "error", "timeout", "crashed", "missing")

Check = Callable[[Student, np.random.Generator], None]


@dataclass(frozen=True)
class Rung:
    """One rung. ``looked_at`` says in a line what it looks at; a failed ``gate`` ends the climb."""

    kind: str
    points: float
    gate: bool
    name: str
    looked_at: str
    check: Check


@dataclass(frozen=True)
class Problem:
    """Why a rung was not passed, in the words that the student reads; ``difference`` where two arrays differ."""

    outcome: str
    expected: str
    got: str
    example: str | None = None
    hint: str | None = None
    where: str | None = None
    difference: ArrayDifference | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class RungResult:
    """What became of one rung: not reached, passed, or the problem that was found."""

    rung: Rung
    reached: bool
    problem: Problem | None

    @property
    def passed(self) -> bool:
        return self.reached and self.problem is None


class Ladder:
    """The rungs of one exercise, in the order in which they are climbed."""

    def __init__(self, exercise: str) -> None:
        self.exercise = exercise
        self.rungs: list[Rung] = []

    def add(self, rung: Rung) -> None:
        """Add the next rung. Raises ValueError where it says too little about itself to be read or paid."""
        if rung.kind not in KINDS:
            raise ValueError(f"{self.exercise}: a rung of kind {rung.kind!r}; expected one of {', '.join(KINDS)}")
        if rung.points <= 0:
            raise ValueError(f"{self.exercise}: a rung worth {rung.points} points; every rung must be worth something")
        if not rung.looked_at:
            raise ValueError(f"{self.exercise}: {rung.name} needs a docstring that says what it looks at")
        self.rungs.append(rung)

    def rung(self, kind: str, points: float, gate: bool = False) -> Callable[[Check], Check]:
        """Add the decorated ``check(student, rng)`` as the next rung; its docstring says what it looks at."""

        def add(check: Check) -> Check:
            looked_at = (check.__doc__ or "").strip().partition("\n")[0]
            self.add(Rung(kind, points, gate, check.__name__, looked_at, check))
            return check

        return add


def rung_generator(seed: int, exercise: str, rung: str) -> np.random.Generator:
    """Return the generator of a rung's hidden inputs: it depends on nothing but the run's seed and the names."""
    return np.random.default_rng([seed, zlib.crc32(f"{exercise}/{rung}".encode())])


def try_rung(rung: Rung, exercise: str, student: Student, seed: int) -> Problem | None:
    """Let the student try one rung on the hidden inputs of the seed; return what went wrong, or None."""
    rng = rung_generator(seed, exercise, rung.name)
    try:
        rung.check(student, rng)
    except Mismatch as found:
        return Problem("failed", found.expected, found.got, found.example, found.hint, found.where, found.difference)
    except StudentError as error:
        if is_stub(error):
            return Problem("not_attempted", "your code in place of the stub", str(error), where=error.where)
        if error.type == "MissingName":
            return Problem("missing", "a cell that defines it", error.message)
        expected = {"MemoryError": "an answer in the memory there is", "TooMuchData": "an answer of modest size"}
        return Problem("error", expected.get(error.type, "no error"), str(error), where=error.where)
    except OutOfTime as late:
        return Problem("timeout", "an answer within the exercise's time", f"none: {late}; the process was stopped")
    except Crashed as error:
        return Problem("crashed", "an answer", str(error))
    except Exception as error:
        # A check compares what it was given; an answer it was not written for must not stop the grading.
        return Problem("failed", "an answer of the expected kind", f"one that can't be compared ({error!r})"[:300])
    return None


def climb(ladder: Ladder, student: Student, seed: int) -> list[RungResult]:
    """Try every rung up to the first failed gate, timeout or crash; the rungs above it are not reached."""
    results: list[RungResult] = []
    stopped = False
    for rung in ladder.rungs:
        if stopped:
            results.append(RungResult(rung, False, None))
            continue
        problem = try_rung(rung, ladder.exercise, student, seed)
        results.append(RungResult(rung, True, problem))
        lost = problem is not None and problem.outcome in ("timeout", "crashed", "missing")
        stopped = problem is not None and (rung.gate or lost)
    return results
