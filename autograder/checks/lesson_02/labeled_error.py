"""Checks of rmse and per_keypoint_rmse: errors over the coordinates that are labeled."""

from __future__ import annotations

import math

import numpy as np

from autograder.ladder import expect
from autograder.ladder.form import Answers, Kept, form, kept
from autograder.ladder.ladder import Ladder
from autograder.ladder.student import Student

NAN = np.nan
# Answers may be calculated in float32: a mean of a few hundred squares of differences of numbers up to 96.
FLOAT32 = 1e-4

MEASURED_AGAIN = "The next measurement with the same arrays must not come out different."

rmse = Ladder("rmse")
per_keypoint_rmse = Ladder("per_keypoint_rmse")


def _draw(rng: np.random.Generator, n: int, k: int, missing: float = 0.4) -> tuple[np.ndarray, np.ndarray]:
    """Return (n, k, 2) float32 predictions and targets; whole keypoints are missing, none of them everywhere.

    Faces and keypoints differ in the size of their errors and in the number of their labels, so that means taken in
    another order come out different.
    """
    target = rng.uniform(10, 86, (n, k, 2))
    pred = target + rng.normal(0, 1, (n, k, 2)) * rng.uniform(1, 6, (n, 1, 1)) * rng.uniform(0.5, 2, (1, k, 1))
    gone = rng.random((n, k)) < missing * rng.uniform(0.3, 1.7, (n, 1))
    gone[rng.integers(n, size=k), np.arange(k)] = False
    target[gone] = NAN
    return pred.astype(np.float32), target.astype(np.float32)


def _root_mean_square(pred: np.ndarray, target: np.ndarray, axis: tuple[int, ...] | None = None) -> np.ndarray:
    """Return the root of the mean squared error over labeled coordinates along ``axis``, NaN where there is none."""
    finite = np.isfinite(target)
    error = np.where(finite, pred.astype(float) - np.where(finite, target, 0), 0)
    total, count = np.sum(error**2, axis=axis), finite.sum(axis=axis)
    return np.sqrt(np.divide(total, count, out=np.full(np.shape(total), NAN), where=count > 0))


def _expect_rmse(student: Student, pred: np.ndarray, target: np.ndarray, example: str | None = None) -> None:
    got = expect.number(student.call("rmse", pred, target), what="rmse(...)")
    hint = "Square the errors of the labeled coordinates, take their mean, then the root."
    want = _root_mean_square(pred, target)
    expect.close(got, want, rtol=FLOAT32, what="rmse(...)", example=example, hint=hint)


@form(rmse, "type", points=1, gate=True, of="number")
def rmse_returns_a_number(student: Student, rng: np.random.Generator) -> Answers:
    """It returns one number."""
    yield "rmse(...)", student.call("rmse", *_draw(rng, 5, 4))


@rmse.rung("values", points=5)
def rmse_is_over_labeled_coordinates(student: Student, rng: np.random.Generator) -> None:
    """The root of the mean squared error over all labeled coordinates."""
    _expect_rmse(
        student,
        np.array([[[3, 4], [9, 9]], [[1, 0], [0, 2]]], np.float32),
        np.array([[[0, 0], [NAN, NAN]], [[0, 0], [0, 0]]], np.float32),
        "errors (3, 4), (1, 0), (0, 2) and one keypoint unlabeled",
    )
    _expect_rmse(student, *_draw(rng, 20, 15))
    _expect_rmse(student, *_draw(rng, 6, 5, missing=0), "all labels there")


@rmse.rung("values", points=2)
def rmse_counts_coordinates(student: Student, rng: np.random.Generator) -> None:
    """Of a keypoint with only one coordinate, that one counts."""
    _expect_rmse(
        student,
        np.array([[[1, 2], [3, 4]]], np.float32),
        np.array([[[2, NAN], [NAN, 1]]], np.float32),
        "pred [[[1, 2], [3, 4]]], target [[[2, nan], [nan, 1]]]",
    )
    pred, target = _draw(rng, 12, 15)
    target[:, ::3, rng.integers(2)] = NAN
    _expect_rmse(student, pred, target)


@rmse.rung("edge cases", points=2)
def rmse_is_nan_without_labels(student: Student, rng: np.random.Generator) -> None:
    """Without any label it is NaN; with perfect predictions it is 0."""
    pred, target = rng.uniform(0, 96, (3, 4, 2)).astype(np.float32), np.full((3, 4, 2), NAN, np.float32)
    got = expect.number(student.call("rmse", pred, target), what="rmse(...)")
    hint = "Without a label nothing is known about the error, and where every prediction is right it is 0."
    expect.true(math.isnan(got), "NaN", expect.show(got), "a target that is all NaN", hint)
    got = expect.number(student.call("rmse", pred, pred.copy()), what="rmse(...)")
    expect.close(got, 0.0, what="rmse(...)", example="pred equal to target", hint=hint)


def _expect_by_keypoint(student: Student, pred: np.ndarray, target: np.ndarray, example: str | None = None) -> None:
    what = "per_keypoint_rmse(...)"
    got = expect.array(student.call("per_keypoint_rmse", pred, target), shape=(target.shape[1],), what=what)
    want = _root_mean_square(pred, target, axis=(0, 2))
    hint = "Each keypoint has its own mean, over the labeled faces and over x and y."
    expect.close(got, want, rtol=FLOAT32, what=what, example=example, hint=hint)


@per_keypoint_rmse.rung("type", points=1, gate=True)
def by_keypoint_returns_an_array(student: Student, rng: np.random.Generator) -> None:
    """It returns a NumPy array."""
    got = student.call("per_keypoint_rmse", *_draw(rng, 5, 4))
    expect.several(got, "per_keypoint_rmse(...): one number for each keypoint", "5 faces of 4 keypoints")
    expect.array(got, what="per_keypoint_rmse(...)")


@form(per_keypoint_rmse, "shape", points=1, gate=True, shape=(15,), dtype="float")
def by_keypoint_has_one_number_each(student: Student, rng: np.random.Generator) -> Answers:
    """One number for each keypoint: (N, K, 2) becomes (K,)."""
    yield "per_keypoint_rmse of arrays (6, 15, 2)", student.call("per_keypoint_rmse", *_draw(rng, 6, 15))


@per_keypoint_rmse.rung("values", points=5)
def by_keypoint_averages_faces_and_coordinates(student: Student, rng: np.random.Generator) -> None:
    """The root of the mean squared error over faces and both coordinates, all labels there."""
    # Means of roots, in whatever order they are taken, come out different from each other here.
    _expect_by_keypoint(
        student,
        np.array([[[3, 4]], [[0, 2]]], np.float32),
        np.zeros((2, 1, 2), np.float32),
        "one keypoint, errors (3, 4) and (0, 2) in two faces",
    )
    _expect_by_keypoint(student, *_draw(rng, 20, 15, missing=0))


@per_keypoint_rmse.rung("values", points=3)
def by_keypoint_skips_missing_labels(student: Student, rng: np.random.Generator) -> None:
    """Faces without the label are left out of sum and count."""
    _expect_by_keypoint(
        student,
        np.array([[[3, 0], [1, 1]], [[5, 5], [1, 1]]], np.float32),
        np.array([[[0, 0], [0, 0]], [[NAN, NAN], [0, 0]]], np.float32),
        "two keypoints; the first one is labeled only in the first face, with the error (3, 0)",
    )
    _expect_by_keypoint(student, *_draw(rng, 25, 15))


@per_keypoint_rmse.rung("edge cases", points=2)
def by_keypoint_is_nan_where_never_labeled(student: Student, rng: np.random.Generator) -> None:
    """A keypoint that is never labeled is NaN, and the others are not."""
    pred, target = _draw(rng, 10, 6)
    target[:, rng.choice(6, 2, replace=False)] = NAN
    _expect_by_keypoint(student, pred, target, "two of six keypoints are never labeled")


def _afterwards(student: Student, rng: np.random.Generator, name: str) -> Kept:
    given = _draw(rng, 5, 4)
    _, after = student.call_and_args(name, *(array.copy() for array in given))
    return zip(("pred", "target"), given, after, strict=True)


@kept(rmse, points=1, hint=MEASURED_AGAIN)
def rmse_leaves_its_inputs_alone(student: Student, rng: np.random.Generator) -> Kept:
    """Both arrays are the same afterwards."""
    return _afterwards(student, rng, "rmse")


@kept(per_keypoint_rmse, points=1, hint=MEASURED_AGAIN)
def by_keypoint_leaves_its_inputs_alone(student: Student, rng: np.random.Generator) -> Kept:
    """Both arrays are the same afterwards."""
    return _afterwards(student, rng, "per_keypoint_rmse")
