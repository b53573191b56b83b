"""Checks of one_cycle: FILL IN what it must do, in a line."""

from __future__ import annotations

import numpy as np

from autograder.ladder import expect
from autograder.ladder.form import Answers, Kept, form, kept
from autograder.ladder.ladder import Ladder
from autograder.ladder.student import Student

one_cycle = Ladder("one_cycle")


def _draw(rng: np.random.Generator, n: int = 5) -> np.ndarray:
    """Return (n,) float32 values to ask about, other ones in every run."""
    # FILL IN what is asked about.
    return rng.uniform(-1, 1, n).astype(np.float32)


def _right(values: np.ndarray) -> np.ndarray:
    """Return what is right: the checks compute it themselves and never ask the reference."""
    # FILL IN the rule.
    return 2 * values.astype(float)


def _expect_right(student: Student, values: np.ndarray, example: str | None = None) -> None:
    expect.close(
        student.call("one_cycle", values),
        _right(values),
        what="one_cycle(values)",
        example=example,
        hint="FILL IN a hint that helps whatever the mistake is.",
    )


@form(one_cycle, "dtype", points=1, gate=True, shape=(5,), dtype="float32")
def one_cycle_returns_float32(student: Student, rng: np.random.Generator) -> Answers:
    """It returns a float32 array of the same shape."""
    yield "one_cycle(values)", student.call("one_cycle", _draw(rng))


@one_cycle.rung("values", points=6)
def one_cycle_follows_the_rule(student: Student, rng: np.random.Generator) -> None:
    """FILL IN what it looks at, in a line."""
    _expect_right(student, np.array([0.5, -1], np.float32), example="one_cycle([0.5, -1])")
    for n in (3, 7):
        _expect_right(student, _draw(rng, n))


@one_cycle.rung("edge cases", points=2)
def one_cycle_takes_no_values(student: Student, rng: np.random.Generator) -> None:
    """An empty array comes back empty."""
    _expect_right(student, np.empty(0, np.float32), example="one_cycle([])")


@kept(one_cycle, points=1)
def one_cycle_leaves_its_input_alone(student: Student, rng: np.random.Generator) -> Kept:
    """The values given are as they were."""
    values = _draw(rng)
    _, (after,) = student.call_and_args("one_cycle", values)
    yield "values", values, after
