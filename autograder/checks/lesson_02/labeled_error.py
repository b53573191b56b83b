"""Checks of rmse and per_keypoint_rmse: errors over the coordinates that are labeled."""

from __future__ import annotations

import math

import numpy as np

from autograder.checks.common.recognize import hint_for
from autograder.ladder import expect
from autograder.ladder.ladder import Ladder
from autograder.ladder.student import Student

NAN = np.nan
# Answers may be calculated in float32: a mean of a few hundred squares of differences of numbers up to 96.
FLOAT32 = 1e-4

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


def _squared(pred: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the squared errors, 0 where unlabeled, and where there are labels."""
    finite = np.isfinite(target)
    error = np.where(finite, pred.astype(float) - np.where(finite, target, 0).astype(float), 0)
    return error**2, finite


def _ratio(total: np.ndarray, count: np.ndarray) -> np.ndarray:
    return np.divide(total, count, out=np.full(np.shape(total), NAN), where=count > 0)


def _rmse_mistakes(pred: np.ndarray, target: np.ndarray) -> list[tuple[object, str]]:
    squared, finite = _squared(pred, target)
    mean = squared.sum() / finite.sum()
    zero = np.where(finite, squared, pred.astype(float) ** 2)
    mistakes: list[tuple[object, str]] = [
        (NAN, "The result is NaN although there are labels: a missing one took part in the mean."),
        (mean, "This is the mean of the squares. Its root is missing."),
        (np.sqrt(squared).sum() / finite.sum(), "This is the mean absolute error: the root was taken before the mean."),
        (
            np.sqrt(squared.sum() / finite.size),
            ("The sum was divided by the number of all coordinates, also the ones without a label."),
        ),
        (np.sqrt(zero.mean()), "Missing labels became 0, so their predictions count as errors."),
        (np.sqrt(squared.sum() / len(target)), "The sum was divided by the number of faces."),
        (np.sqrt(squared.sum()), "The sum of the squares was not divided by how many there are."),
    ]
    if target.ndim == 3:
        by_face = np.sqrt(_ratio(squared.sum(axis=(1, 2)), finite.sum(axis=(1, 2))))
        by_point = np.sqrt(_ratio(squared.sum(axis=(0, 2)), finite.sum(axis=(0, 2))))
        mistakes += [
            (
                np.nanmean(by_face),
                (
                    "This is the mean of the RMSEs of each face: a face with four labels weighs as much "
                    "as one with fifteen. Every coordinate has the same weight."
                ),
            ),
            (
                np.nanmean(by_point),
                ("This is the mean of the RMSEs of each keypoint. Every coordinate has the same weight."),
            ),
        ]
        distance = squared.sum(axis=2)[finite.all(axis=2)]
        if distance.size:
            mistakes += [
                (
                    np.sqrt(distance.mean()),
                    ("This divides by the number of keypoints. The mean is over coordinates: a keypoint has two."),
                ),
                (
                    np.sqrt(distance).mean(),
                    ("This is the mean distance between points. RMSE is over single coordinates."),
                ),
            ]
    return mistakes


def _expect_rmse(student: Student, pred: np.ndarray, target: np.ndarray, example: str | None = None) -> None:
    got = expect.number(student.call("rmse", pred, target), what="rmse(...)")
    squared, finite = _squared(pred, target)
    hint = hint_for(
        got,
        _rmse_mistakes(pred, target),
        "Square the errors of the labeled coordinates, take their mean, then the root.",
        rtol=FLOAT32,
    )
    expect.close(
        got, math.sqrt(squared.sum() / finite.sum()), rtol=FLOAT32, what="rmse(...)", example=example, hint=hint
    )


@rmse.rung("type", points=1, gate=True)
def rmse_returns_a_number(student: Student, rng: np.random.Generator) -> None:
    """It returns one number."""
    expect.number(student.call("rmse", *_draw(rng, 5, 4)), what="rmse(...)")


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
    expect.true(
        math.isnan(got),
        "NaN",
        expect.show(got),
        "a target that is all NaN",
        "Without a label nothing is known about the error. 0 would say that the model is perfect.",
    )
    got = expect.number(student.call("rmse", pred, pred.copy()), what="rmse(...)")
    expect.close(
        got,
        0.0,
        what="rmse(...)",
        example="pred equal to target",
        hint="Where every prediction is right, the error is 0.",
    )


@rmse.rung("side effects", points=1)
def rmse_leaves_its_inputs_alone(student: Student, rng: np.random.Generator) -> None:
    """Both arrays are the same afterwards."""
    _expect_unchanged(student, "rmse", rng)


def _expect_unchanged(student: Student, name: str, rng: np.random.Generator) -> None:
    pred, target = _draw(rng, 5, 4)
    _, after = student.call_and_args(name, pred.copy(), target.copy())
    hint = "The function wrote into its input: the next measurement with the same arrays comes out different."
    expect.close(after[0], pred, rtol=0, atol=0, what="pred afterwards", hint=hint)
    expect.close(after[1], target, rtol=0, atol=0, what="target afterwards", hint=hint)


def _keypoint_mistakes(pred: np.ndarray, target: np.ndarray) -> list[tuple[object, str]]:
    squared, finite = _squared(pred, target)
    total, count = squared.sum(axis=(0, 2)), finite.sum(axis=(0, 2))
    right = np.sqrt(_ratio(total, count))
    zero = np.where(finite, squared, pred.astype(float) ** 2)
    by_axis = np.sqrt(_ratio(squared.sum(axis=0), finite.sum(axis=0)))
    distance = np.sqrt(squared.sum(axis=2))
    return [
        (
            np.where(np.isfinite(target).all(axis=(0, 2)), right, NAN),
            "A keypoint that lacks a label in one face came out as NaN. Leave out the missing ones, and use the others.",
        ),
        (right**2, "These are means of squares. Their root is missing."),
        (
            np.nan_to_num(right),
            (
                "A keypoint that is never labeled got 0, which says that the model is perfect there. "
                "Nothing is known: NaN."
            ),
        ),
        (
            np.sqrt(total / (2 * len(target))),
            ("The sum was divided by the number of all faces, also the ones without the label."),
        ),
        (np.sqrt(zero.mean(axis=(0, 2))), "Missing labels became 0, so their predictions count as errors."),
        (
            by_axis.mean(axis=1),
            (
                "This is the mean of the RMSE in x and the RMSE in y. Take one mean over both "
                "coordinates, then the root."
            ),
        ),
        (
            right * math.sqrt(2),
            (
                "Each value is √2 times too large: this divides by the number of faces, and each "
                "labeled face has two coordinates."
            ),
        ),
        (
            _ratio(distance.sum(axis=0), count / 2),
            (
                "This is the mean distance between points. Square the errors, take "
                "the mean over faces and both coordinates, then the root."
            ),
        ),
        (_ratio(np.sqrt(squared).sum(axis=(0, 2)), count), "This is the mean absolute error: the root came too early."),
        (by_axis[:, 0], "This looks at x alone."),
        (by_axis[:, 1], "This looks at y alone."),
    ]


def _expect_by_keypoint(student: Student, pred: np.ndarray, target: np.ndarray, example: str | None = None) -> None:
    got = expect.array(
        student.call("per_keypoint_rmse", pred, target), shape=(target.shape[1],), what="per_keypoint_rmse(...)"
    )
    squared, finite = _squared(pred, target)
    want = np.sqrt(_ratio(squared.sum(axis=(0, 2)), finite.sum(axis=(0, 2))))
    hint = hint_for(
        got,
        _keypoint_mistakes(pred, target),
        "Each keypoint has its own mean, over the labeled faces and over x and y.",
        rtol=FLOAT32,
    )
    expect.close(got, want, rtol=FLOAT32, what="per_keypoint_rmse(...)", example=example, hint=hint)


def expect_several(got: object, expected: str, example: str) -> None:
    """Expect more than a single number, be it Python's or NumPy's."""
    single = isinstance(got, int | float) or (isinstance(got, np.ndarray) and got.ndim == 0)
    expect.true(not single, expected, f"a single number: {expect.show(got)}", example)


@per_keypoint_rmse.rung("type", points=1, gate=True)
def by_keypoint_returns_an_array(student: Student, rng: np.random.Generator) -> None:
    """It returns a NumPy array."""
    got = student.call("per_keypoint_rmse", *_draw(rng, 5, 4))
    expect_several(got, "per_keypoint_rmse(...): one number for each keypoint", "5 faces of 4 keypoints")
    expect.array(got, what="per_keypoint_rmse(...)")


@per_keypoint_rmse.rung("shape", points=1, gate=True)
def by_keypoint_has_one_number_each(student: Student, rng: np.random.Generator) -> None:
    """One number for each keypoint: (N, K, 2) becomes (K,)."""
    expect.array(
        student.call("per_keypoint_rmse", *_draw(rng, 6, 15)),
        shape=(15,),
        dtype="float",
        what="per_keypoint_rmse of arrays (6, 15, 2)",
    )


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


@per_keypoint_rmse.rung("side effects", points=1)
def by_keypoint_leaves_its_inputs_alone(student: Student, rng: np.random.Generator) -> None:
    """Both arrays are the same afterwards."""
    _expect_unchanged(student, "per_keypoint_rmse", rng)
