"""Checks of mean_absolute_error, the figure of the contest."""

from __future__ import annotations

import numpy as np

from autograder.ladder import expect
from autograder.ladder.form import Answers, form
from autograder.ladder.ladder import Ladder
from autograder.ladder.student import Student

mean_absolute_error = Ladder("mean_absolute_error")


@form(mean_absolute_error, "type", points=1, gate=True, of="number")
def is_a_float(student: Student, rng: np.random.Generator) -> Answers:
    """The answer is one number, a float."""
    pred, target = rng.uniform(0, 200, (2, 3, 68, 2)).astype(np.float32)
    yield "mean_absolute_error(...)", student.call("mean_absolute_error", pred, target)


def _expect_error(student: Student, pred: np.ndarray, target: np.ndarray, example: str) -> None:
    got = expect.number(student.call("mean_absolute_error", pred, target), "mean_absolute_error(...)")
    want = float(np.abs(pred.astype(float) - target.astype(float)).mean())
    hint = "What does 'absolute' say of each error, and how many errors are there in all?"
    expect.close(got, want, rtol=1e-4, what="mean_absolute_error(...)", example=example, hint=hint)


@mean_absolute_error.rung("values", points=6)
def averages_absolute_errors(student: Student, rng: np.random.Generator) -> None:
    """Errors count without their sign, each coordinate once."""
    target = np.array([[[10.0, 20.0], [30.0, 40.0], [50.0, 60.0]]], np.float32)
    # One number for each way to average: no two of them give the same.
    pred = target + np.array([[[-3.0, 4.0], [0.0, 0.0], [0.0, 1.0]]], np.float32)
    example = "three points; the first is off by 3 to the left and 4 down, the last by 1 down"
    _expect_error(student, pred, target, example)
    pred, target = rng.uniform(0, 200, (2, 5, 68, 2)).astype(np.float32)
    _expect_error(student, pred, target, "5 faces of 68 points")


@mean_absolute_error.rung("edge cases", points=1)
def takes_any_shape(student: Student, rng: np.random.Generator) -> None:
    """One face alone, rows of 136 numbers, no error at all, many faces."""
    for shape in ((68, 2), (7, 136), (4000, 68, 2)):
        pred, target = rng.uniform(0, 900, (2, *shape)).astype(np.float32)
        _expect_error(student, pred, target, f"arrays of shape {shape}")
    _expect_error(student, target, target, "prediction and truth are the same")


@mean_absolute_error.rung("edge cases", points=1)
def refuses_other_shapes(student: Student, rng: np.random.Generator) -> None:
    """Arrays of different shapes raise ValueError, also where NumPy would stretch one of them."""
    hint = "NumPy stretches a face over many, or a column over a table, without a word. Compare the shapes first."
    for one, other in (((4, 68, 2), (68, 2)), ((4, 68, 2), (4, 136)), ((4, 1), (4,)), ((3, 68, 2), (4, 68, 2))):
        arrays = rng.uniform(0, 200, one), rng.uniform(0, 200, other)
        example = f"shapes {one} and {other}"
        expect.raises(student, ValueError, "mean_absolute_error", *arrays, example=example, hint=hint)
