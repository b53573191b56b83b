"""Checks of count_labels: keypoints whose x and y are both there."""

from __future__ import annotations

import numpy as np

from autograder.ladder import expect
from autograder.ladder.form import Answers, form
from autograder.ladder.ladder import Ladder
from autograder.ladder.student import Student

NAN = np.nan

count_labels = Ladder("count_labels")


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
    expect.several(got, "count_labels(...): one number for each face", "5 faces of 4 keypoints")
    expect.array(got, what="count_labels(...)")


@form(count_labels, "shape", points=1, gate=True, shape=(7,))
def count_has_one_number_a_face(student: Student, rng: np.random.Generator) -> Answers:
    """One number for each face: (N, K, 2) becomes (N,)."""
    yield "count_labels of an array (7, 15, 2)", student.call("count_labels", _draw_keypoints(rng, 7, 15, 0.3))


@form(count_labels, "dtype", points=1, dtype="integer")
def count_gives_integers(student: Student, rng: np.random.Generator) -> Answers:
    """Counts are integers."""
    yield "count_labels(...)", student.call("count_labels", _draw_keypoints(rng, 5, 4, 0.3))


def _expect_counts(student: Student, keypoints: np.ndarray, example: str | None) -> None:
    got, want = student.call("count_labels", keypoints), np.isfinite(keypoints).all(axis=2).sum(axis=1)
    hint = "Count the keypoints of each face, along the second axis, whose x and y are both finite."
    expect.equal(got, want, "count_labels(...)", example, hint)


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
