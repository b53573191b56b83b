"""Checks of mirror_faces: FILL IN what it must do, in a line."""

from __future__ import annotations

import numpy as np

from autograder.ladder import expect
from autograder.ladder.form import Answers, Kept, form, kept
from autograder.ladder.ladder import Ladder
from autograder.ladder.student import Student

mirror_faces = Ladder("mirror_faces")


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
        student.call("mirror_faces", values),
        _right(values),
        what="mirror_faces(values)",
        example=example,
        hint="FILL IN a hint that helps whatever the mistake is.",
    )


@form(mirror_faces, "dtype", points=1, gate=True, shape=(5,), dtype="float32")
def mirror_faces_returns_float32(student: Student, rng: np.random.Generator) -> Answers:
    """It returns a float32 array of the same shape."""
    yield "mirror_faces(values)", student.call("mirror_faces", _draw(rng))


@mirror_faces.rung("values", points=6)
def mirror_faces_follows_the_rule(student: Student, rng: np.random.Generator) -> None:
    """FILL IN what it looks at, in a line."""
    _expect_right(student, np.array([0.5, -1], np.float32), example="mirror_faces([0.5, -1])")
    for n in (3, 7):
        _expect_right(student, _draw(rng, n))


@mirror_faces.rung("edge cases", points=2)
def mirror_faces_takes_no_values(student: Student, rng: np.random.Generator) -> None:
    """An empty array comes back empty."""
    _expect_right(student, np.empty(0, np.float32), example="mirror_faces([])")


@kept(mirror_faces, points=1)
def mirror_faces_leaves_its_input_alone(student: Student, rng: np.random.Generator) -> Kept:
    """The values given are as they were."""
    values = _draw(rng)
    _, (after,) = student.call_and_args("mirror_faces", values)
    yield "values", values, after
