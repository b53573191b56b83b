"""A ladder of checks for one exercise, and how it is climbed."""

from __future__ import annotations

import math
import time
import traceback
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..course.manifest import CourseError
from ..isolation.process import Crashed, OutOfTime
from .array_difference import ArrayDifference
from .error_hints import NOTHING_RETURNED, hint_of
from .expect import Mismatch, is_stub
from .student import Student, StudentError
from .time_limit import Overdue, in_time

KINDS = ("type", "shape", "dtype", "values", "edge cases", "gradients", "side effects")
OUTCOMES = ("passed", "failed", "not_attempted", "error", "timeout", "crashed", "missing")

LONGEST = 1200
ENDLESS = (
    "Which loop of yours never ends, or does far more than is asked for? "
    "An `except:` that names no error also takes what should end it."
)

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
    """Why a rung was not passed, in the words that the student reads; ``difference`` where two arrays differ.

    ``doubt`` says why a person should look at it: it may not be the student's mistake.
    """

    outcome: str
    expected: str
    got: str
    example: str | None = None
    hint: str | None = None
    where: str | None = None
    difference: ArrayDifference | None = field(default=None, compare=False, repr=False)
    doubt: str | None = None


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


def _cut(text: str) -> str:
    """Return a text of a length that a page can show, whatever the answer holds that it tells of."""
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def _own_error(rung: Rung, error: Exception) -> Problem:
    """Return the problem where a check itself raised: a form of answer that it was not written for, or its own bug."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{Path(frame.filename).parent.name}/{Path(frame.filename).name}, line {frame.lineno}"
    said = f"{type(error).__name__}: {error}"[:200]
    got = f"one that the check {rung.name} does not understand; it stopped at {place} ({said})"
    hint = (
        "Compare your answer's type, shapes and lengths with what the docstring says. If they are right, the check is "
        "wrong: show this line to your teacher."
    )
    return Problem("failed", "an answer of the form that the docstring describes", got, hint=hint, doubt=got)


def try_rung(rung: Rung, exercise: str, student: Student, seed: int, seconds: float = math.inf) -> Problem | None:
    """Let the student try one rung on the hidden inputs of the seed; return what went wrong, or None.

    ``seconds`` bounds the rung as a whole, with what is drawn, computed and compared here.
    """
    rng = rung_generator(seed, exercise, rung.name)
    try:
        in_time(seconds, lambda: rung.check(student, rng))
    except Mismatch as found:
        example = None if found.example is None else _cut(found.example)
        hint = found.hint or (NOTHING_RETURNED if found.got == "None" else None)
        return Problem("failed", _cut(found.expected), _cut(found.got), example, hint, found.where, found.difference)
    except StudentError as error:
        if is_stub(error):
            return Problem("not_attempted", "your code in place of the stub", str(error), where=error.where)
        if error.type == "MissingName":
            return Problem("missing", "a cell that defines it", error.message)
        expected = {"MemoryError": "an answer in the memory there is", "TooMuchData": "an answer of modest size"}
        wanted = expected.get(error.type, "no error")
        return Problem("error", wanted, str(error), hint=hint_of(error), where=error.where)
    except OutOfTime as late:
        return Problem("timeout", "an answer within the exercise's time", f"none: {late}; it was stopped", hint=ENDLESS)
    except Overdue:
        if math.isinf(seconds):
            # Not this rung's own limit: it is for whoever set it.
            raise
        return Problem("timeout", "an answer that can be checked in the exercise's time", "one that takes longer")
    except Crashed as error:
        return Problem("crashed", "an answer", str(error))
    except CourseError:
        raise
    except MemoryError:
        return Problem("error", "an answer in the memory there is", "one that takes more to check")
    except Exception as error:
        # A check compares what it was given; an answer it was not written for must not stop the grading.
        return _own_error(rung, error)
    return None


def climb(ladder: Ladder, student: Student, seed: int, seconds: float = math.inf) -> list[RungResult]:
    """Try every rung up to the first failed gate, timeout or crash; the rungs above it are not reached.

    ``seconds`` is the time of all rungs together.
    """
    ends = time.monotonic() + seconds
    results: list[RungResult] = []
    stopped = False
    for rung in ladder.rungs:
        if stopped:
            results.append(RungResult(rung, False, None))
            continue
        problem = try_rung(rung, ladder.exercise, student, seed, ends - time.monotonic())
        results.append(RungResult(rung, True, problem))
        lost = problem is not None and problem.outcome in ("timeout", "crashed", "missing")
        stopped = problem is not None and (rung.gate or lost)
    return results
