"""Checks of lesson 02: counting and filling missing labels, the masked loss, errors over labeled coordinates."""

from __future__ import annotations

import numpy as np

from autograder.checks.common.recognize import hint_for
from autograder.checks.lesson_02.labeled_error import expect_several, per_keypoint_rmse, rmse
from autograder.checks.lesson_02.masked_loss import masked_loss
from autograder.ladder import expect
from autograder.ladder.ladder import Ladder
from autograder.ladder.student import Student

__all__ = ["count_labels", "forward_fill", "masked_loss", "per_keypoint_rmse", "rmse"]

NAN = np.nan

count_labels = Ladder("count_labels")
forward_fill = Ladder("forward_fill")


def _draw_keypoints(rng: np.random.Generator, n: int, k: int, missing: float) -> np.ndarray:
    """Return (n, k, 2) float32 in which whole keypoints and, more rarely, single coordinates are NaN."""
    keypoints = rng.uniform(0, 96, (n, k, 2)).astype(np.float32)
    keypoints[rng.random((n, k)) < missing] = NAN
    keypoints[rng.random((n, k, 2)) < missing / 4] = NAN
    return keypoints


@count_labels.rung("type", points=1, gate=True)
def count_returns_an_array(student: Student, rng: np.random.Generator) -> None:
    """It returns a NumPy array."""
    got = student.call("count_labels", _draw_keypoints(rng, 5, 4, 0.3))
    expect_several(got, "count_labels(...): one number for each face", "5 faces of 4 keypoints")
    expect.array(got, what="count_labels(...)")


@count_labels.rung("shape", points=1, gate=True)
def count_has_one_number_a_face(student: Student, rng: np.random.Generator) -> None:
    """One number for each face: (N, K, 2) becomes (N,)."""
    expect.array(
        student.call("count_labels", _draw_keypoints(rng, 7, 15, 0.3)),
        shape=(7,),
        what="count_labels of an array (7, 15, 2)",
    )


@count_labels.rung("dtype", points=1)
def count_gives_integers(student: Student, rng: np.random.Generator) -> None:
    """Counts are integers."""
    expect.array(
        student.call("count_labels", _draw_keypoints(rng, 5, 4, 0.3)), dtype="integer", what="count_labels(...)"
    )


def _expect_counts(student: Student, keypoints: np.ndarray, example: str | None) -> None:
    finite = np.isfinite(keypoints)
    got = student.call("count_labels", keypoints)
    hint = hint_for(
        got,
        [
            (finite.sum(axis=(1, 2)), "This counts coordinates. A keypoint has two, and is counted once."),
            (
                finite.any(axis=2).sum(axis=1),
                ("A keypoint of which only x, or only y, is known does not count: both must be there."),
            ),
            (
                finite.sum(axis=(1, 2)) // 2,
                (
                    "Halving the number of coordinates is not enough: an x of one keypoint and a y "
                    "of another do not make a keypoint."
                ),
            ),
            (finite[..., 0].sum(axis=1), "This looks at x alone. A keypoint needs its y, too."),
            (finite[..., 1].sum(axis=1), "This looks at y alone. A keypoint needs its x, too."),
            ((~finite).any(axis=2).sum(axis=1), "This counts the missing keypoints."),
        ],
        "Count the keypoints of each face, along the second axis, whose x and y are both finite.",
    )
    expect.equal(got, finite.all(axis=2).sum(axis=1), what="count_labels(...)", example=example, hint=hint)


@count_labels.rung("values", points=5)
def count_counts_keypoints(student: Student, rng: np.random.Generator) -> None:
    """Keypoints with x and y are counted."""
    _expect_counts(
        student,
        np.array([[[1, 2], [3, 4], [NAN, NAN]], [[NAN, NAN]] * 3], np.float32),
        "[[[1, 2], [3, 4], [nan, nan]], [[nan, nan], [nan, nan], [nan, nan]]]",
    )
    keypoints = rng.uniform(0, 96, (40, 15, 2)).astype(np.float32)
    keypoints[rng.random((40, 15)) < 0.5] = NAN
    _expect_counts(student, keypoints, None)


@count_labels.rung("edge cases", points=3)
def count_needs_both_coordinates(student: Student, rng: np.random.Generator) -> None:
    """Half a keypoint does not count, and 0 is a place like any other."""
    _expect_counts(
        student,
        np.array([[[1, NAN], [2, NAN], [3, 4]], [[NAN, 1], [NAN, NAN], [3, 4]]], np.float32),
        "[[[1, nan], [2, nan], [3, 4]], [[nan, 1], [nan, nan], [3, 4]]]",
    )
    _expect_counts(student, np.array([[[0, 0], [0, 5], [NAN, NAN]]], np.float32), "[[[0, 0], [0, 5], [nan, nan]]]")
    _expect_counts(student, _draw_keypoints(rng, 30, 15, 0.4), None)


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


def _one_row_up(targets: np.ndarray) -> np.ndarray:
    above = np.vstack([targets[:1], targets[:-1]])
    return np.where(np.isnan(targets), above, targets)


def _fill_mistakes(targets: np.ndarray) -> list[tuple[object, str]]:
    """Return what common mistakes make of ``targets``; each hint names one."""
    missing = np.isnan(targets)
    right = _fill(targets)
    nothing_above = np.logical_and.accumulate(missing, axis=0)
    flat = targets.ravel()[:, None]
    mean = np.array([column[~np.isnan(column)].mean() if (~np.isnan(column)).any() else NAN for column in targets.T])
    top = "A NaN with nothing above it takes the first finite value below. "
    return [
        (targets, "Nothing was filled."),
        (
            _fill(targets.T).T,
            (
                "The gaps were filled along the rows: one coordinate of a face was copied into another. "
                "Go down the columns."
            ),
        ),
        (
            _fill(flat).reshape(targets.shape),
            ("A value was carried over into another column. Each column stands on its own."),
        ),
        (_fill(targets[::-1])[::-1], "This fills from below. Look up first, and below only where nothing is above."),
        (np.where(np.isnan(right), 0, right), "A column without any finite value stays NaN: there is nothing to copy."),
        (np.where(nothing_above, NAN, right), top + "At the top of a column, your result still has NaN."),
        (np.where(nothing_above, 0, right), top + "Your result has 0 there, which is a place in the picture."),
        (np.where(missing, 0, targets), "The gaps became 0, which is a place: the upper left corner of the picture."),
        (np.where(missing, mean, targets), "The gaps became the mean of the column. Forward fill copies one value."),
        (np.where(nothing_above, mean, right), top + "Your result has the mean of the column there."),
        (
            _one_row_up(targets),
            (
                "Only the row just above was looked at, as it was in the input. Where several rows in "
                "a column are missing, the last finite value may lie further up."
            ),
        ),
    ]


def _expect_filled(student: Student, targets: np.ndarray, example: str | None = None) -> None:
    targets = targets.astype(np.float32)
    got = expect.array(student.call("forward_fill", targets), shape=targets.shape, what="forward_fill(...)")
    hint = hint_for(
        got, _fill_mistakes(targets), "Go down one column by hand and say aloud which row each value is copied from."
    )
    # Values are copied, not calculated; the tolerance is for a way through float32.
    expect.close(got, _fill(targets), rtol=1e-6, atol=1e-6, what="forward_fill(...)", example=example, hint=hint)


def _draw_targets(rng: np.random.Generator, rows: int, columns: int, missing: float) -> np.ndarray:
    """Return (rows, columns) with NaN, whose first and last row are complete."""
    targets = rng.uniform(0, 96, (rows, columns))
    targets[1:-1][rng.random((rows - 2, columns)) < missing] = NAN
    return targets


@forward_fill.rung("type", points=1, gate=True)
def fill_returns_an_array(student: Student, rng: np.random.Generator) -> None:
    """It returns a NumPy array."""
    expect.array(student.call("forward_fill", _draw_targets(rng, 6, 4, 0.3)), what="forward_fill(...)")


@forward_fill.rung("shape", points=1, gate=True)
def fill_keeps_the_shape(student: Student, rng: np.random.Generator) -> None:
    """No row is dropped: (N, D) stays (N, D)."""
    got = student.call("forward_fill", _draw_targets(rng, 9, 30, 0.5))
    expect.array(got, shape=(9, 30), what="forward_fill of an array (9, 30)")


@forward_fill.rung("dtype", points=1)
def fill_gives_floats(student: Student, rng: np.random.Generator) -> None:
    """The result holds floating-point numbers."""
    expect.array(
        student.call("forward_fill", _draw_targets(rng, 6, 4, 0.3).astype(np.float32)),
        dtype="float",
        what="forward_fill(...)",
    )


@forward_fill.rung("values", points=6)
def fill_takes_the_value_above(student: Student, rng: np.random.Generator) -> None:
    """A NaN takes the last finite value above it in its column, however far up."""
    # Every way to go along the rows, from the left or from both sides, makes the same of it.
    _expect_filled(
        student, np.array([[10, 1], [20, NAN], [NAN, NAN], [40, 4]]), "[[10, 1], [20, nan], [nan, nan], [40, 4]]"
    )
    _expect_filled(student, _draw_targets(rng, 40, 30, 0.6))
    _expect_filled(student, rng.uniform(0, 96, (5, 3)), "an array without NaN")


@forward_fill.rung("edge cases", points=3)
def fill_starts_with_the_first_value_below(student: Student, rng: np.random.Generator) -> None:
    """At the top of a column, a NaN takes the first finite value below."""
    _expect_filled(student, np.array([[NAN, 1], [NAN, 2], [7, NAN], [8, 4]]), "[[nan, 1], [nan, 2], [7, nan], [8, 4]]")
    targets = _draw_targets(rng, 30, 6, 0.5)
    targets[: rng.integers(2, 6), ::2] = NAN
    _expect_filled(student, targets)


@forward_fill.rung("edge cases", points=2)
def fill_leaves_an_empty_column(student: Student, rng: np.random.Generator) -> None:
    """A column of NaN stays NaN, also where the table has a single row."""
    _expect_filled(
        student, np.array([[1, NAN, 3], [NAN, NAN, NAN], [5, NAN, 6]]), "[[1, nan, 3], [nan, nan, nan], [5, nan, 6]]"
    )
    _expect_filled(student, np.array([[5, NAN]]), "[[5, nan]]")


@forward_fill.rung("side effects", points=2)
def fill_leaves_its_input_alone(student: Student, rng: np.random.Generator) -> None:
    """The input is not changed, and the result is another array."""
    for missing in (0.5, 0.0):
        targets = _draw_targets(rng, 12, 5, missing).astype(np.float32)
        _, after = student.call_and_args("forward_fill", targets.copy())
        expect.close(
            after[0],
            targets,
            rtol=0,
            atol=0,
            what="the caller's array afterwards",
            hint="The function wrote into the array that it was given. The caller can no longer tell which "
            "labels were real.",
        )
        shared = student.probe("lesson_02.fill_shares_memory", targets=targets)
        expect.true(
            not shared,
            "a new array",
            "the result and the input share their memory",
            "an array without NaN" if missing == 0 else None,
            "Whoever changes the result changes the input as well. Return a copy, also where nothing needs "
            "to be filled.",
        )
