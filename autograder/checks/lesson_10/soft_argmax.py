"""Checks of soft_argmax: FILL IN what it must do, in a line."""

from __future__ import annotations

import numpy as np

from autograder.ladder import expect
from autograder.ladder.form import Answers, Kept, form, kept
from autograder.ladder.ladder import Ladder
from autograder.ladder.student import Student

soft_argmax = Ladder("soft_argmax")


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
        student.call("soft_argmax", values),
        _right(values),
        what="soft_argmax(values)",
        example=example,
        hint="FILL IN a hint that helps whatever the mistake is.",
    )


@form(soft_argmax, "dtype", points=1, gate=True, shape=(5,), dtype="float32")
def soft_argmax_returns_float32(student: Student, rng: np.random.Generator) -> Answers:
    """It returns a float32 array of the same shape."""
    yield "soft_argmax(values)", student.call("soft_argmax", _draw(rng))


@soft_argmax.rung("values", points=6)
def soft_argmax_follows_the_rule(student: Student, rng: np.random.Generator) -> None:
    """FILL IN what it looks at, in a line."""
    _expect_right(student, np.array([0.5, -1], np.float32), example="soft_argmax([0.5, -1])")
    for n in (3, 7):
        _expect_right(student, _draw(rng, n))


@soft_argmax.rung("edge cases", points=2)
def soft_argmax_takes_no_values(student: Student, rng: np.random.Generator) -> None:
    """An empty array comes back empty."""
    _expect_right(student, np.empty(0, np.float32), example="soft_argmax([])")


@kept(soft_argmax, points=1)
def soft_argmax_leaves_its_input_alone(student: Student, rng: np.random.Generator) -> Kept:
    """The values given are as they were."""
    values = _draw(rng)
    _, (after,) = student.call_and_args("soft_argmax", values)
    yield "values", values, after
