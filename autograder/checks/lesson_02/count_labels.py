"""Checks of count_labels: keypoints whose x and y are both there."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograder.checks.common.lists import unlisted
from autograder.checks.common.small_examples import expect_vector
from autograder.ladder import expect
from autograder.ladder.form import Answers, form
from autograder.ladder.ladder import Ladder
from autograder.ladder.student import Student

NAN, INF = np.nan, np.inf

count_labels = Ladder("count_labels")


def _draw_keypoints(rng: np.random.Generator, n: int, k: int, missing: float) -> np.ndarray:
    """Return (n, k, 2) float32 in which whole keypoints and, more rarely, single coordinates are NaN."""
    keypoints = rng.uniform(0, 96, (n, k, 2)).astype(np.float32)
    keypoints[rng.random((n, k)) < missing] = NAN
    keypoints[rng.random((n, k, 2)) < missing / 4] = NAN
    return keypoints


def _count(student: Student, keypoints: np.ndarray) -> Any:
    """Return the student's answer, a list as an array: only the rung of types minds."""
    return unlisted(student.call("count_labels", keypoints))


@count_labels.rung("type", points=1)
def count_returns_an_array(student: Student, rng: np.random.Generator) -> None:
    """It returns a NumPy array."""
    got = student.call("count_labels", _draw_keypoints(rng, 5, 4, 0.3))
    expect.several(got, "count_labels(...): one number for each face", "5 faces of 4 keypoints")
    expect.array(got, what="count_labels(...)")


@form(count_labels, "shape", points=1, gate=True, shape=(7,))
def count_has_one_number_a_face(student: Student, rng: np.random.Generator) -> Answers:
    """One number for each face: (N, K, 2) becomes (N,)."""
    yield "count_labels of an array (7, 15, 2)", _count(student, _draw_keypoints(rng, 7, 15, 0.3))


@form(count_labels, "dtype", points=1, dtype="integer")
def count_gives_integers(student: Student, rng: np.random.Generator) -> Answers:
    """Counts are integers."""
    yield "count_labels(...)", _count(student, _draw_keypoints(rng, 5, 4, 0.3))


def _expect_counts(student: Student, keypoints: np.ndarray, example: str | None) -> None:
    got, want = _count(student, keypoints), np.isfinite(keypoints).all(axis=2).sum(axis=1)
    hint = "Count the keypoints of each face, along the second axis, whose x and y are both finite."
    if example is None:
        expect.equal(got, want, "count_labels(...)", example, hint)
        return
    got = expect.array(got, shape=want.shape, what="count_labels(...)")
    expect_vector(got, want, "count_labels(...)", example, rtol=0, hint=hint)


@count_labels.rung("values", points=5)
def count_counts_keypoints(student: Student, rng: np.random.Generator) -> None:
    """Keypoints with x and y are counted."""
    _expect_counts(
        student,
        np.array([[[1, 2], [3, 4], [NAN, NAN]], [[NAN, NAN]] * 3, [[5, 6], [7, 8], [9, 1]]], np.float32),
        "[[[1, 2], [3, 4], [nan, nan]], [[nan, nan], [nan, nan], [nan, nan]], [[5, 6], [7, 8], [9, 1]]]",
    )
    keypoints = rng.uniform(0, 96, (40, 15, 2)).astype(np.float32)
    keypoints[rng.random((40, 15)) < 0.5] = NAN
    _expect_counts(student, keypoints, None)


@count_labels.rung("edge cases", points=3)
def count_needs_both_coordinates(student: Student, rng: np.random.Generator) -> None:
    """Half a keypoint does not count, and 0 is a place like any other, and so is -1."""
    _expect_counts(
        student,
        np.array([[[1, NAN], [2, NAN], [3, 4]], [[NAN, 1], [NAN, NAN], [3, 4]]], np.float32),
        "[[[1, nan], [2, nan], [3, 4]], [[nan, 1], [nan, nan], [3, 4]]]",
    )
    _expect_counts(
        student,
        np.array([[[0, 0], [0, 5], [NAN, NAN]], [[0, 1], [2, 3], [4, 0]]], np.float32),
        "[[[0, 0], [0, 5], [nan, nan]], [[0, 1], [2, 3], [4, 0]]]",
    )
    _expect_counts(
        student,
        np.array([[[-1, 2], [3, -4], [NAN, NAN]], [[-1, -2], [3, 4], [5, 6]]], np.float32),
        "[[[-1, 2], [3, -4], [nan, nan]], [[-1, -2], [3, 4], [5, 6]]]",
    )
    _expect_counts(student, _draw_keypoints(rng, 30, 15, 0.4), None)


@count_labels.rung("edge cases", points=1)
def count_leaves_out_infinite(student: Student, rng: np.random.Generator) -> None:
    """An infinite coordinate is no label, be it positive or negative."""
    _expect_counts(
        student,
        np.array([[[1, INF], [2, 3], [3, 4]], [[-INF, 1], [INF, -INF], [3, 4]]], np.float32),
        "[[[1, inf], [2, 3], [3, 4]], [[-inf, 1], [inf, -inf], [3, 4]]]",
    )
    keypoints = _draw_keypoints(rng, 30, 15, 0.2)
    for infinite in (INF, -INF):
        keypoints[rng.random(keypoints.shape) < 0.05] = infinite
    _expect_counts(student, keypoints, None)
