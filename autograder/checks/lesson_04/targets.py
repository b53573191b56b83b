"""Checks of ``to_unit_targets`` and ``to_pixels``: keypoints in pixels, as the network learns them, and back."""

from __future__ import annotations

import numpy as np

from autograder.ladder import expect
from autograder.ladder.form import Answers, Kept, form, kept
from autograder.ladder.ladder import Ladder
from autograder.ladder.student import Student

to_unit_targets = Ladder("to_unit_targets")

# One division or multiplication in float32, whose error is 6e-8 of the value; measured in 2000 runs of three styles: 0.
EXACT = {"rtol": 1e-5, "atol": 1e-6}
IN_PIXELS = {"rtol": 1e-5, "atol": 1e-5}

UNIT = "The unit is the width of the image, 96 pixels; x and y of a keypoint stay neighbors: x0, y0, x1, y1, …"
KEEP_NAN = "An unlabeled coordinate must stay NaN, so that whoever reads the targets sees that the label is missing."
COMPUTE_ANEW = "The caller still needs the array that came in as it was: compute a new one."


def _keypoints(rng: np.random.Generator, faces: int) -> np.ndarray:
    """Draw (faces, 15, 2) float32 pixels."""
    return rng.uniform(1, 95, (faces, 15, 2)).astype(np.float32)


@form(to_unit_targets, "shape", points=1, dtype="float")
def turns_15_points_into_30_numbers(student: Student, rng: np.random.Generator) -> Answers:
    """(N, 15, 2) becomes (N, 30), and the way back gives (N, 15, 2)."""
    faces = int(rng.integers(2, 6))
    got = student.call("to_unit_targets", _keypoints(rng, faces))
    yield f"to_unit_targets of ({faces}, 15, 2)", got, (faces, 30)
    got = student.call("to_pixels", rng.random((faces, 30), np.float32))
    yield f"to_pixels of ({faces}, 30)", got, (faces, 15, 2)


@form(to_unit_targets, "dtype", points=1, dtype="float32")
def both_are_float32(student: Student, rng: np.random.Generator) -> Answers:
    """Of float32 comes float32, as the network's weights are."""
    yield "to_unit_targets of float32", student.call("to_unit_targets", _keypoints(rng, 2))
    yield "to_pixels of float32", student.call("to_pixels", rng.random((2, 30), np.float32))


@to_unit_targets.rung("values", points=3)
def divides_by_the_width(student: Student, rng: np.random.Generator) -> None:
    """to_unit_targets: pixels become parts of the image's width, in the order x0, y0, x1, y1, …"""
    keypoints = _keypoints(rng, 3)
    got = student.call("to_unit_targets", keypoints)
    want = keypoints.reshape(3, 30) / 96.0
    example = f"keypoints[0, 0] = [{keypoints[0, 0, 0]:.2f}, {keypoints[0, 0, 1]:.2f}]"
    expect.close(got, want, **EXACT, what="to_unit_targets(keypoints)", example=example, hint=UNIT)


@to_unit_targets.rung("values", points=3)
def multiplies_by_the_width(student: Student, rng: np.random.Generator) -> None:
    """to_pixels: parts of the image's width become pixels, as (x, y) pairs."""
    outputs = rng.uniform(0.01, 0.99, (3, 30)).astype(np.float32)
    got = student.call("to_pixels", outputs)
    want = outputs.reshape(3, 15, 2) * 96.0
    example = f"outputs[0, :2] = [{outputs[0, 0]:.4f}, {outputs[0, 1]:.4f}]"
    expect.close(got, want, **IN_PIXELS, what="to_pixels(outputs)", example=example, hint=UNIT)


def _faces_with_nan(rng: np.random.Generator, faces: int) -> tuple[np.ndarray, np.ndarray, str]:
    """Draw keypoints, some NaN; return them, their unit targets, and words for both."""
    keypoints = _keypoints(rng, faces)
    keypoints[rng.random((faces, 15)) < 0.5] = np.nan
    keypoints[0, 0], keypoints[0, 1] = np.nan, (12.0, 84.0)
    outputs = (keypoints.reshape(faces, 30) / np.float32(96)).astype(np.float32)
    return keypoints, outputs, f"{faces} face{'s' * (faces > 1)}, some keypoints NaN"


@to_unit_targets.rung("edge cases", points=1)
def keeps_nan_in_targets(student: Student, rng: np.random.Generator) -> None:
    """to_unit_targets: NaN stays NaN, and one face alone works as well."""
    for faces in (1, 5):
        keypoints, outputs, example = _faces_with_nan(rng, faces)
        got = student.call("to_unit_targets", keypoints)
        expect.close(got, outputs, **EXACT, what="to_unit_targets", example=example, hint=KEEP_NAN)


@to_unit_targets.rung("edge cases", points=1)
def keeps_nan_in_pixels(student: Student, rng: np.random.Generator) -> None:
    """to_pixels: NaN stays NaN, and one face alone works as well."""
    for faces in (1, 5):
        keypoints, outputs, example = _faces_with_nan(rng, faces)
        got = student.call("to_pixels", outputs)
        expect.close(got, keypoints, **IN_PIXELS, what="to_pixels", example=example, hint=KEEP_NAN)


def _afterwards(student: Student, name: str, given: np.ndarray) -> Kept:
    _, (after,) = student.call_and_args(name, given.copy())
    yield f"the input of {name}", given, after


@kept(to_unit_targets, points=0.5, hint=COMPUTE_ANEW)
def leaves_keypoints_alone(student: Student, rng: np.random.Generator) -> Kept:
    """The keypoints that come in are the same afterwards."""
    return _afterwards(student, "to_unit_targets", _keypoints(rng, 3))


@kept(to_unit_targets, points=0.5, hint=COMPUTE_ANEW)
def leaves_outputs_alone(student: Student, rng: np.random.Generator) -> Kept:
    """The outputs that come in are the same afterwards."""
    return _afterwards(student, "to_pixels", rng.random((3, 30), np.float32))
