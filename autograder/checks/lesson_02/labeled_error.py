"""Checks of rmse and per_keypoint_rmse: errors over the coordinates that are labeled."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autograder.checks.common.lists import unlisted
from autograder.checks.common.small_examples import expect_numbers, expect_vector
from autograder.ladder import expect
from autograder.ladder.form import Answers, Kept, form, kept
from autograder.ladder.ladder import Ladder
from autograder.ladder.student import Student

NAN = np.nan
# Answers may be calculated in float32: a mean of a few hundred squares of differences of numbers up to 96.
FLOAT32 = 1e-4

RMSE_HINT = "Square the errors of the labeled coordinates, take their mean, then the root."
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


def _rmse(student: Student, pred: np.ndarray, target: np.ndarray) -> float:
    return expect.number(student.call("rmse", pred, target), what="rmse(...)")


def _expect_rmse(student: Student, pred: np.ndarray, target: np.ndarray, example: str | None = None) -> None:
    got, hint = _rmse(student, pred, target), RMSE_HINT
    want = _root_mean_square(pred, target)
    expect.close(got, want, rtol=FLOAT32, what="rmse(...)", example=example, hint=hint)


@form(rmse, "type", points=1, gate=True, of="number")
def rmse_returns_a_number(student: Student, rng: np.random.Generator) -> Answers:
    """It returns one number."""
    yield "rmse(...)", student.call("rmse", *_draw(rng, 5, 4))


@rmse.rung("values", points=5)
def rmse_is_over_labeled_coordinates(student: Student, rng: np.random.Generator) -> None:
    """The root of the mean squared error over all labeled coordinates."""
    errors = [np.array([[[3, -4], [9, 9]], [[1, 0], [0, 2]]]), np.array([[[1, -2], [3, 1]]])]
    targets = [np.array([[[30, 20], [NAN, NAN]], [[50, 40], [70, 60]]], np.float32), np.full((1, 2, 2), 10, np.float32)]
    preds = [(np.nan_to_num(t, nan=40) + e).astype(np.float32) for t, e in zip(targets, errors, strict=True)]
    pairs = list(zip(preds, targets, strict=True))
    got, want = [_rmse(student, *pair) for pair in pairs], [float(_root_mean_square(*pair)) for pair in pairs]
    examples = "errors (3, -4), (1, 0), (0, 2) and one keypoint unlabeled", "errors (1, -2), (3, 1), all labels there"
    expect_numbers(got, want, "rmse(...)", examples, FLOAT32, RMSE_HINT)
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


def _draw_low(rng: np.random.Generator, n: int, k: int) -> tuple[np.ndarray, np.ndarray]:
    """As ``_draw``, with negative targets and zeros among them: points that lie on the edge, or outside."""
    pred, target = _draw(rng, n, k, missing=0.3)
    pred, target = pred - 48, target - 48
    target[(rng.random(target.shape) < 0.2) & np.isfinite(target)] = 0
    return pred, target


@rmse.rung("edge cases", points=1)
def rmse_counts_zero_and_negative(student: Student, rng: np.random.Generator) -> None:
    """A target of 0, or a negative one, is a label like any other."""
    _expect_rmse(
        student,
        np.array([[[3, 4], [5, 9]]], np.float32),
        np.array([[[0, -2], [4, NAN]]], np.float32),
        "pred [[[3, 4], [5, 9]]], target [[[0, -2], [4, nan]]]",
    )
    _expect_rmse(student, *_draw_low(rng, 12, 5))


@rmse.rung("edge cases", points=2)
def rmse_is_nan_without_labels(student: Student, rng: np.random.Generator) -> None:
    """Without any label it is NaN; with perfect predictions it is 0."""
    pred, target = rng.uniform(0, 96, (3, 4, 2)).astype(np.float32), np.full((3, 4, 2), NAN, np.float32)
    got = expect.number(student.call("rmse", pred, target), what="rmse(...)")
    hint = "Without a label nothing is known about the error, and where every prediction is right it is 0."
    expect.true(math.isnan(got), "NaN", expect.show(got), "a target that is all NaN", hint)
    got = expect.number(student.call("rmse", pred, pred.copy()), what="rmse(...)")
    expect.close(got, 0.0, what="rmse(...)", example="pred equal to target", hint=hint)


def _by_keypoint(student: Student, pred: np.ndarray, target: np.ndarray) -> Any:
    """Return the student's answer, a list as an array: only the rung of types minds."""
    return unlisted(student.call("per_keypoint_rmse", pred, target))


def _expect_by_keypoint(student: Student, pred: np.ndarray, target: np.ndarray, example: str | None = None) -> None:
    what = "per_keypoint_rmse(...)"
    got = expect.array(_by_keypoint(student, pred, target), shape=(target.shape[1],), what=what)
    want = _root_mean_square(pred, target, axis=(0, 2))
    hint = "Each keypoint has its own mean, over the labeled faces and over x and y."
    if example is None:
        expect.close(got, want, rtol=FLOAT32, what=what, example=example, hint=hint)
    else:
        expect_vector(got, want, what, example, FLOAT32, hint)


@per_keypoint_rmse.rung("type", points=1)
def by_keypoint_returns_an_array(student: Student, rng: np.random.Generator) -> None:
    """It returns a NumPy array."""
    got = student.call("per_keypoint_rmse", *_draw(rng, 5, 4))
    expect.several(got, "per_keypoint_rmse(...): one number for each keypoint", "5 faces of 4 keypoints")
    expect.array(got, what="per_keypoint_rmse(...)")


@form(per_keypoint_rmse, "shape", points=1, gate=True, shape=(15,), dtype="float")
def by_keypoint_has_one_number_each(student: Student, rng: np.random.Generator) -> Answers:
    """One number for each keypoint: (N, K, 2) becomes (K,)."""
    yield "per_keypoint_rmse of arrays (6, 15, 2)", _by_keypoint(student, *_draw(rng, 6, 15))


@per_keypoint_rmse.rung("values", points=5)
def by_keypoint_averages_faces_and_coordinates(student: Student, rng: np.random.Generator) -> None:
    """The root of the mean squared error over faces and both coordinates, all labels there."""
    # Means of roots, in whatever order they are taken, come out different from each other here.
    _expect_by_keypoint(
        student,
        np.array([[[13, 14], [11, 15]], [[10, 12], [12, 12]]], np.float32),
        np.full((2, 2, 2), 10, np.float32),
        "two keypoints in two faces: errors (3, 4) and (0, 2) of the one, (1, 5) and (2, 2) of the other",
    )
    _expect_by_keypoint(student, *_draw(rng, 20, 15, missing=0))


@per_keypoint_rmse.rung("values", points=3)
def by_keypoint_skips_missing_labels(student: Student, rng: np.random.Generator) -> None:
    """Faces without the label are left out of sum and count."""
    _expect_by_keypoint(
        student,
        np.array([[[13, 10], [11, 11]], [[15, 15], [11, 11]]], np.float32),
        np.array([[[10, 10], [10, 10]], [[NAN, NAN], [10, 10]]], np.float32),
        "two keypoints; the first one is labeled only in the first face, with the error (3, 0)",
    )
    _expect_by_keypoint(student, *_draw(rng, 25, 15))


@per_keypoint_rmse.rung("edge cases", points=2)
def by_keypoint_is_nan_where_never_labeled(student: Student, rng: np.random.Generator) -> None:
    """A keypoint that is never labeled is NaN, and the others are not."""
    pred, target = _draw(rng, 10, 6)
    target[:, rng.choice(6, 2, replace=False)] = NAN
    _expect_by_keypoint(student, pred, target, "two of six keypoints are never labeled")
    pred, target = pred[:, :3], np.full((10, 3, 2), NAN, np.float32)
    _expect_by_keypoint(student, pred, target, "three keypoints, none of them ever labeled")


@per_keypoint_rmse.rung("edge cases", points=1)
def by_keypoint_counts_zero_and_negative(student: Student, rng: np.random.Generator) -> None:
    """A target of 0, or a negative one, is a label like any other."""
    _expect_by_keypoint(
        student,
        np.array([[[3, 4], [5, 9]], [[1, 1], [2, 2]]], np.float32),
        np.array([[[0, -2], [4, 7]], [[-3, 0], [NAN, NAN]]], np.float32),
        "pred [[[3, 4], [5, 9]], [[1, 1], [2, 2]]], target [[[0, -2], [4, 7]], [[-3, 0], [nan, nan]]]",
    )
    _expect_by_keypoint(student, *_draw_low(rng, 12, 5))


def _afterwards(student: Student, rng: np.random.Generator, name: str, axis: tuple[int, ...] | None) -> Kept:
    given = _draw(rng, 5, 4)
    value, after = student.call_and_args(name, *(array.copy() for array in given))
    # Who does nothing changes nothing: the call must have measured.
    expect.close(unlisted(value), _root_mean_square(*given, axis=axis), rtol=FLOAT32, what=f"{name}(...)")
    return zip(("pred", "target"), given, after, strict=True)


@kept(rmse, points=1, hint=MEASURED_AGAIN)
def rmse_leaves_its_inputs_alone(student: Student, rng: np.random.Generator) -> Kept:
    """Both arrays are the same afterwards."""
    return _afterwards(student, rng, "rmse", None)


@kept(per_keypoint_rmse, points=1, hint=MEASURED_AGAIN)
def by_keypoint_leaves_its_inputs_alone(student: Student, rng: np.random.Generator) -> Kept:
    """Both arrays are the same afterwards."""
    return _afterwards(student, rng, "per_keypoint_rmse", (0, 2))
