"""Checks of forward_fill: each gap takes the last value above it."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograder.checks.common.lists import unlisted
from autograder.ladder import expect
from autograder.ladder.form import Answers, form
from autograder.ladder.ladder import Ladder
from autograder.ladder.student import Student

NAN = np.nan

forward_fill = Ladder("forward_fill")


def _fill(targets: np.ndarray) -> np.ndarray:
    """Return the forward-filled targets, row by row: this side's own answer."""
    filled = targets.astype(float)
    for column in filled.T:
        known = column[~np.isnan(column)]
        last = known[0] if len(known) else NAN
        for row, value in enumerate(column):
            last = last if np.isnan(value) else value
            column[row] = last
    return filled


def _filled(student: Student, targets: np.ndarray) -> Any:
    """Return the student's answer, a list as an array: only the rung of types minds."""
    return unlisted(student.call("forward_fill", targets))


def _expect_filled(student: Student, targets: np.ndarray, example: str | None = None) -> None:
    targets = targets.astype(np.float32)
    got = expect.array(_filled(student, targets), shape=targets.shape, what="forward_fill(...)")
    hint = "Go down one column by hand and say aloud which row each value is copied from."
    # Values are copied, not calculated; the tolerance is for a way through float32.
    expect.close(got, _fill(targets), rtol=1e-6, atol=1e-6, what="forward_fill(...)", example=example, hint=hint)


def _draw_targets(rng: np.random.Generator, rows: int, columns: int, missing: float) -> np.ndarray:
    """Return (rows, columns) with NaN, whose first and last row are complete."""
    targets = rng.uniform(0, 96, (rows, columns))
    targets[1:-1][rng.random((rows - 2, columns)) < missing] = NAN
    return targets


@form(forward_fill, "type", points=1)
def fill_returns_an_array(student: Student, rng: np.random.Generator) -> Answers:
    """It returns a NumPy array."""
    yield "forward_fill(...)", student.call("forward_fill", _draw_targets(rng, 6, 4, 0.3))


@form(forward_fill, "shape", points=1, gate=True, shape=(9, 30))
def fill_keeps_the_shape(student: Student, rng: np.random.Generator) -> Answers:
    """No row is dropped: (N, D) stays (N, D)."""
    yield "forward_fill of an array (9, 30)", _filled(student, _draw_targets(rng, 9, 30, 0.5))


@form(forward_fill, "dtype", points=1, dtype="float")
def fill_gives_floats(student: Student, rng: np.random.Generator) -> Answers:
    """The result holds floating-point numbers."""
    targets = _draw_targets(rng, 6, 4, 0.3).astype(np.float32)
    yield "forward_fill(...)", _filled(student, targets)


@forward_fill.rung("values", points=6)
def fill_takes_the_value_above(student: Student, rng: np.random.Generator) -> None:
    """A NaN takes the last finite value above it in its column, however far up."""
    # Every way to go along the rows, from the left or from both sides, makes the same of it.
    small = np.array([[10, 1], [20, NAN], [NAN, NAN], [40, 4]])
    _expect_filled(student, small, "[[10, 1], [20, nan], [nan, nan], [40, 4]]")
    _expect_filled(student, _draw_targets(rng, 40, 30, 0.6))
    _expect_filled(student, rng.uniform(0, 96, (5, 3)), "an array without NaN")
    targets = _draw_targets(rng, 12, 6, 0.4)
    targets[-1, ::2] = NAN
    _expect_filled(student, targets, "gaps in the last row as well")


@forward_fill.rung("edge cases", points=3)
def fill_starts_with_the_first_value_below(student: Student, rng: np.random.Generator) -> None:
    """At the top of a column, a NaN takes the first finite value below."""
    # The top of both columns, so that a value carried over from the end of the column before shows.
    # The last value, the last row, the largest and the mean are other numbers.
    small = np.array([[NAN, NAN], [NAN, 3], [7, NAN], [9, NAN], [4, NAN]])
    _expect_filled(student, small, "[[nan, nan], [nan, 3], [7, nan], [9, nan], [4, nan]]")
    targets = _draw_targets(rng, 30, 6, 0.5)
    targets[: rng.integers(2, 6), ::2] = NAN
    _expect_filled(student, targets)


@forward_fill.rung("edge cases", points=2)
def fill_leaves_an_empty_column(student: Student, rng: np.random.Generator) -> None:
    """A column of NaN stays NaN, also where the table has a single row."""
    small = np.array([[1, NAN, 3], [NAN, NAN, NAN], [5, NAN, 6]])
    _expect_filled(student, small, "[[1, nan, 3], [nan, nan, nan], [5, nan, 6]]")
    _expect_filled(student, np.array([[5, NAN]]), "[[5, nan]]")


@forward_fill.rung("edge cases", points=1)
def fill_keeps_zero_and_negative(student: Student, rng: np.random.Generator) -> None:
    """0 and negative numbers are values like any other: they stay, and are copied."""
    small = np.array([[10, 5], [0, -3], [NAN, NAN], [40, 4]])
    _expect_filled(student, small, "[[10, 5], [0, -3], [nan, nan], [40, 4]]")
    targets = _draw_targets(rng, 20, 6, 0.4) - 48
    targets[rng.random(targets.shape) < 0.2] = 0
    _expect_filled(student, targets)


@forward_fill.rung("side effects", points=2)
def fill_leaves_its_input_alone(student: Student, rng: np.random.Generator) -> None:
    """The input is not changed, and the result is another array."""
    for missing in (0.5, 0.0):
        targets = _draw_targets(rng, 12, 5, missing).astype(np.float32)
        filled, after = student.call_and_args("forward_fill", targets.copy())
        hint = "Return another array, and fill that one: the caller must still see which labels were real."
        expect.close(after[0], targets, rtol=0, atol=0, what="the caller's array afterwards", hint=hint)
        # Who does nothing changes nothing: the call must have filled.
        expect.close(unlisted(filled), _fill(targets), rtol=1e-6, atol=1e-6, what="forward_fill(...)", hint=hint)
        shared = student.probe("lesson_02.fill_shares_memory", targets=targets)
        example = "an array without NaN" if missing == 0 else None
        expect.true(not shared, "a new array", "the result and the input share their memory", example, hint)
