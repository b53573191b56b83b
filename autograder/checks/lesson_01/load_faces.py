"""Checks of load_faces: images, keypoints and names of a file in Kaggle's format."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograder.checks.common.kaggle_names import KEYPOINTS
from autograder.checks.lesson_01.pixels import FLOAT32, SIZE, draw_pixels
from autograder.ladder import expect
from autograder.ladder.form import Answers, form
from autograder.ladder.ladder import Ladder
from autograder.ladder.student import Student

load_faces = Ladder("load_faces")


def _draw_file(rng: np.random.Generator, rows: int, names: list[str], missing: float = 0.0) -> dict[str, Any]:
    """Return the content of a file: keypoint_names, keypoints (rows, K, 2) with NaN, pixels (rows, 96, 96)."""
    # Two decimals survive the way through text and float32 unharmed enough for the tolerance below.
    keypoints = np.round(rng.uniform(1, 95, (rows, len(names), 2)), 2)
    keypoints[rng.random((rows, len(names))) < missing] = np.nan
    return {"keypoint_names": names, "keypoints": keypoints, "pixels": draw_pixels(rng, rows, SIZE, SIZE)}


def _load(student: Student, content: dict[str, Any]) -> dict[str, Any]:
    """Let the student read a file of that content; return images, keypoints and names."""
    got = student.probe("lesson_01.load_faces", **content)
    came = got["type"] + (f" of {got['count']}" if got["count"] is not None else "")
    hint = "End with: return images, keypoints, names"
    expect.true(got["count"] == 3, "load_faces returns three things: images, keypoints, names", came, hint=hint)
    return got


def _arrays(student: Student, rng: np.random.Generator) -> Answers:
    got = _load(student, _draw_file(rng, 3, list(KEYPOINTS)))
    yield from ((what, got[what]) for what in ("images", "keypoints"))


@form(load_faces, "type", points=1, gate=True)
def load_returns_three_things(student: Student, rng: np.random.Generator) -> Answers:
    """It returns images and keypoints as arrays, and names."""
    return _arrays(student, rng)


@load_faces.rung("shape", points=1, gate=True)
def load_shapes(student: Student, rng: np.random.Generator) -> None:
    """Images are (N, 96, 96), keypoints (N, K, 2), and there are K names."""
    content = _draw_file(rng, 4, list(KEYPOINTS), missing=0.3)
    # One row is complete, so that something is left where incomplete rows are dropped.
    content["keypoints"][1] = rng.uniform(1, 95, (15, 2)).round(2)
    content["keypoints"][2, 3] = np.nan
    got = _load(student, content)
    expect.array(got["images"], shape=(4, SIZE, SIZE), what="images of a file with 4 rows, some labels missing")
    expect.array(got["keypoints"], shape=(4, 15, 2), what="keypoints of a file with 4 rows, some labels missing")
    expect.equal(len(got["names"]), 15, what="number of names")


@form(load_faces, "dtype", points=1, dtype="float32")
def load_gives_float32(student: Student, rng: np.random.Generator) -> Answers:
    """Images and keypoints are float32."""
    return _arrays(student, rng)


@load_faces.rung("values", points=4)
def load_reads_images(student: Student, rng: np.random.Generator) -> None:
    """Every image is there, in file order, scaled to 0..1."""
    content = _draw_file(rng, 4, list(KEYPOINTS))
    got = expect.array(_load(student, content)["images"], what="images")
    hint = "Compare images[0] with the first row of the file, pixel by pixel."
    expect.close(got, content["pixels"] / 255, rtol=FLOAT32, atol=FLOAT32, what="images", hint=hint)


def _expect_keypoints(got: object, keypoints: np.ndarray, example: str) -> None:
    hint = "keypoints[n, k] is (x, y) of the k-th keypoint in the header, in row n."
    # float32 keeps seven digits of a number below 96.
    expect.close(got, keypoints, rtol=1e-6, atol=1e-4, what="keypoints", example=example, hint=hint)


@load_faces.rung("values", points=4)
def load_reads_keypoints(student: Student, rng: np.random.Generator) -> None:
    """Every keypoint is (x, y) of its face and its name."""
    content = _draw_file(rng, 5, list(KEYPOINTS))
    got = expect.array(_load(student, content)["keypoints"], what="keypoints")
    _expect_keypoints(got, content["keypoints"], "a file with 5 rows and all labels")


@load_faces.rung("values", points=2)
def load_reads_names(student: Student, rng: np.random.Generator) -> None:
    """The names are those of the header, in file order, without _x and _y."""
    got = _load(student, _draw_file(rng, 2, list(KEYPOINTS)))["names"]
    hint = (
        "One name for each pair of columns, in the order of the header. A name is what stands before the ending, and "
        "str.rstrip('_x') removes letters, not an ending."
    )
    expect.equal(got, list(KEYPOINTS), what="names", hint=hint)


@load_faces.rung("edge cases", points=3)
def load_keeps_missing_labels(student: Student, rng: np.random.Generator) -> None:
    """An empty cell is NaN, and its row is kept."""
    content = _draw_file(rng, 6, list(KEYPOINTS), missing=0.4)
    content["keypoints"][1:3, 4:] = np.nan
    got = expect.array(
        _load(student, content)["keypoints"], shape=(6, 15, 2), what="keypoints of 6 rows, some labels missing"
    )
    _expect_keypoints(got, content["keypoints"], "a file with 6 rows, some cells empty")


@load_faces.rung("edge cases", points=2)
def load_takes_names_from_the_header(student: Student, rng: np.random.Generator) -> None:
    """A file with fewer keypoints, in another order, is read as its header says."""
    names = [KEYPOINTS[k] for k in rng.permutation(len(KEYPOINTS))[: rng.integers(3, 8)]]
    if names == sorted(names):
        names = names[::-1]
    content = _draw_file(rng, 1, names)
    got = _load(student, content)
    hint = "K, the names and their order come from the header of the file, not from the lesson's text."
    shape = (1, len(names), 2)
    example = f"a file with one row and the keypoints {', '.join(names)}"
    fits = isinstance(got["keypoints"], np.ndarray) and got["keypoints"].shape == shape
    expect.true(fits, f"keypoints of shape {shape}", expect.show(got["keypoints"]), example, hint)
    expect.equal(got["names"], names, what="names", example=example, hint=hint)
    expect.close(got["keypoints"], content["keypoints"], 1e-6, 1e-4, "keypoints", example, hint)
    expect.array(got["images"], shape=(1, SIZE, SIZE), what="images of a file with one row")
