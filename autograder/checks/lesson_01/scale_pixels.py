"""Checks of scale_pixels: gray values from 0 to 1, on a scale that does not depend on the image."""

from __future__ import annotations

import numpy as np

from autograder.checks.common.lists import unlisted
from autograder.checks.lesson_01.pixels import FLOAT32, SIZE, draw_pixels
from autograder.ladder import expect
from autograder.ladder.form import Answers, Kept, form, kept
from autograder.ladder.ladder import Ladder
from autograder.ladder.student import Student

scale_pixels = Ladder("scale_pixels")


@form(scale_pixels, "type", points=1)
def scale_returns_an_array(student: Student, rng: np.random.Generator) -> Answers:
    """It returns a NumPy array."""
    yield "the result", student.call("scale_pixels", draw_pixels(rng, 2, SIZE, SIZE).astype(np.uint8))


@form(scale_pixels, "shape", points=1)
def scale_keeps_the_shape(student: Student, rng: np.random.Generator) -> Answers:
    """One image, many images, a row of pixels: the shape stays."""
    for shape in ((SIZE, SIZE), (3, SIZE, SIZE), (7,), (2, 1, 4, 5)):
        got = unlisted(student.call("scale_pixels", draw_pixels(rng, *shape).astype(np.uint8)))
        yield f"scale_pixels of an array {shape}", got, shape


@scale_pixels.rung("dtype", points=1)
def scale_gives_float32(student: Student, rng: np.random.Generator) -> None:
    """The result is float32, whether uint8, float32 or float64 came in."""
    for dtype in ("uint8", "float32", "float64"):
        got = expect.array(unlisted(student.call("scale_pixels", draw_pixels(rng, 4, 5).astype(dtype))))
        # The hint alone tells which type came in: one mistake, made in two ways, may show with one or with another.
        expected, came = "scale_pixels(...): dtype float32", f"dtype {got.dtype.name}"
        hint = f"That came of a {dtype} array. A calculation takes the largest type that goes into it."
        expect.true(got.dtype == np.float32, expected, came, hint=hint)


def _expect_scaled(student: Student, images: np.ndarray, example: str | None = None) -> None:
    got = expect.array(unlisted(student.call("scale_pixels", images)), what="scale_pixels(...)")
    hint = "0 stays 0, 255 becomes 1, and everything between in proportion."
    expect.close(got, images.astype(float) / 255, FLOAT32, FLOAT32, "scale_pixels(...)", example, hint)


@scale_pixels.rung("values", points=4)
def scale_divides_bytes(student: Student, rng: np.random.Generator) -> None:
    """uint8 images 0..255 come out as 0..1."""
    _expect_scaled(student, np.array([0, 1, 51, 127, 128, 254, 255], np.uint8), "uint8 [0, 1, 51, 127, 128, 254, 255]")
    _expect_scaled(student, draw_pixels(rng, 3, SIZE, SIZE).astype(np.uint8))


@scale_pixels.rung("values", points=3)
def scale_divides_floats(student: Student, rng: np.random.Generator) -> None:
    """Float images come out as 0..1, fractions kept."""
    for dtype in (np.float32, np.float64):
        _expect_scaled(student, np.array([0, 12.7, 100.25, 255], dtype), f"{dtype.__name__} [0, 12.7, 100.25, 255]")
        _expect_scaled(student, rng.uniform(0, 255, (2, 6, 5)).astype(dtype))


@scale_pixels.rung("edge cases", points=2)
def scale_is_the_same_for_dark_images(student: Student, rng: np.random.Generator) -> None:
    """A dark image stays dark: the scale does not depend on the image."""
    # First neither black nor white, where stretching from 0 and stretching from the minimum differ.
    _expect_scaled(student, np.array([[51, 102], [68, 51]], np.uint8), "uint8 [[51, 102], [68, 51]]")
    _expect_scaled(student, np.array([[0, 1], [1, 0]], np.uint8), "uint8 [[0, 1], [1, 0]]")
    _expect_scaled(student, np.array([[0, 0.5], [1, 0.25]], np.float32), "float32 [[0, 0.5], [1, 0.25]]")
    _expect_scaled(student, rng.integers(20, 130, (4, 4)).astype(np.uint8), "an image without white")
    _expect_scaled(student, np.zeros((2, 3), np.uint8), "an image that is all black")


@kept(
    scale_pixels, points=2, hint="Whoever calls the function twice with one array must get the same pixels both times."
)
def scale_leaves_its_input_alone(student: Student, rng: np.random.Generator) -> Kept:
    """The caller's array is not changed."""
    for dtype in ("uint8", "float32", "float64"):
        images = draw_pixels(rng, 5, 6).astype(dtype)
        scaled, after = student.call_and_args("scale_pixels", images.copy())
        yield f"the caller's {dtype} array", images, after[0]
        # Who does nothing changes nothing: the call must have scaled.
        expect.close(scaled, images.astype(float) / 255, FLOAT32, FLOAT32, f"scale_pixels of a {dtype} array")
