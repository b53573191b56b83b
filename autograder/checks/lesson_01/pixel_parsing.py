"""Checks of lesson 01: strings to images, scaling, reading a file, splitting its rows."""

from __future__ import annotations

import numpy as np

from autograder.checks.common.recognize import hint_for
from autograder.checks.lesson_01.face_file import SIZE, draw_pixels, load_faces
from autograder.checks.lesson_01.row_split import split_rows
from autograder.ladder import expect
from autograder.ladder.ladder import Ladder
from autograder.ladder.student import Student

__all__ = ["load_faces", "parse_pixels", "scale_pixels", "split_rows"]

# A division by 255 in float32, or in float64 and then rounded, differs by at most one unit in the last place.
FLOAT32 = 1e-6

parse_pixels = Ladder("parse_pixels")
scale_pixels = Ladder("scale_pixels")


def _as_text(pixels: np.ndarray) -> str:
    return " ".join(map(str, pixels.ravel().tolist()))


def _draw_text(rng: np.random.Generator) -> str:
    """Return the string of an image without black and white: whoever refuses those stumbles over the values alone."""
    return _as_text(rng.integers(1, 255, (SIZE, SIZE)))


@parse_pixels.rung("type", points=1, gate=True)
def parse_returns_an_array(student: Student, rng: np.random.Generator) -> None:
    """It returns a NumPy array."""
    expect.array(student.call("parse_pixels", _draw_text(rng)), what="parse_pixels(...)")


@parse_pixels.rung("shape", points=1, gate=True)
def parse_shapes_an_image(student: Student, rng: np.random.Generator) -> None:
    """9,216 numbers become 96 rows of 96."""
    got = student.call("parse_pixels", _draw_text(rng))
    expect.array(got, shape=(SIZE, SIZE), what="parse_pixels(...)")


@parse_pixels.rung("dtype", points=1)
def parse_gives_float32(student: Student, rng: np.random.Generator) -> None:
    """The numbers are float32."""
    got = student.call("parse_pixels", _draw_text(rng))
    expect.array(got, dtype="float32", what="parse_pixels(...)")


@parse_pixels.rung("values", points=6)
def parse_puts_pixels_in_place(student: Student, rng: np.random.Generator) -> None:
    """Every pixel is in its row and column, with its value unchanged."""
    pixels = draw_pixels(rng, SIZE, SIZE)
    got = expect.array(student.call("parse_pixels", _as_text(pixels)), what="parse_pixels(...)")
    hint = hint_for(
        got,
        [
            (
                pixels.T,
                (
                    "The picture lies on its side: rows and columns are exchanged. Which of the two do the numbers of "
                    "the string fill first, and which one does your array fill first?"
                ),
            ),
            (
                pixels[::-1],
                ("The picture stands on its head. The first row of the string is the top row, and row 0 of the array."),
            ),
            (pixels[:, ::-1], "The picture is mirrored. The first number of each row is its leftmost pixel, column 0."),
            (
                pixels / 255,
                ("The values are scaled already. parse_pixels leaves them as they are; scaling is the next exercise."),
            ),
            (
                pixels / 256,
                ("The values are scaled already. parse_pixels leaves them as they are; scaling is the next exercise."),
            ),
            (
                pixels.astype(np.int8),
                (
                    "Values above 127 became negative: a signed byte holds only -128 to 127. Which type "
                    "do the numbers pass through?"
                ),
            ),
        ],
        "The number at position 0 belongs in row 0, column 0; the next one in row 0, column 1. Print a few pixels of "
        "your array beside the beginning of the string.",
    )
    example = f"the string begins {_as_text(pixels)[:30]}…"
    expect.close(got, pixels, rtol=0, atol=0, what="image[row, column]", example=example, hint=hint)


@parse_pixels.rung("edge cases", points=2)
def parse_refuses_another_count(student: Student, rng: np.random.Generator) -> None:
    """Too few or too many numbers raise ValueError."""
    count = SIZE * SIZE
    few = int(rng.integers(2, 9)) * SIZE
    for wrong in (count - 1, count + 1, count - few, count + few, 4 * count, 3, 0):
        expect.raises(
            student,
            ValueError,
            "parse_pixels",
            _as_text(rng.integers(0, 256, wrong)),
            example=f"a string of {wrong:,} numbers",
            hint="A row that was cut off, or two rows run together, must not become a picture. Look at how many "
            "numbers there are, whether or not they could be arranged as some table.",
        )


@parse_pixels.rung("edge cases", points=2)
def parse_refuses_values_out_of_range(student: Student, rng: np.random.Generator) -> None:
    """A value below 0 or above 255 raises ValueError."""
    count = SIZE * SIZE
    # The first one stands first, where an answer of which only the beginning is shown tells what became of it.
    for wrong, position in (
        (256, 0),
        (-1, 1),
        (int(rng.integers(257, 1000)), int(rng.integers(count))),
        (-int(rng.integers(2, 256)), int(rng.integers(count))),
        (int(rng.integers(1000, 10**6)), count - 1),
    ):
        pixels = draw_pixels(rng, SIZE, SIZE)
        pixels.flat[position] = wrong
        expect.raises(
            student,
            ValueError,
            "parse_pixels",
            _as_text(pixels),
            example=f"one of the 9,216 numbers is {wrong}",
            hint="A gray value lies from 0 to 255, both included, and anything else must raise ValueError. An "
            "8-bit type can't show you the problem: in it, the value has already gone round to another one, or "
            "NumPy raises an error of another kind.",
        )


@parse_pixels.rung("edge cases", points=1)
def parse_refuses_what_is_no_number(student: Student, rng: np.random.Generator) -> None:
    """Something that is not a number raises ValueError."""
    for wrong in ("x", "12a", "?", "pixel"):
        pieces = _as_text(draw_pixels(rng, SIZE, SIZE)).split()
        # Behind the values that a message shows, so that it does not matter what was put in the piece's place.
        pieces[int(rng.integers(SIZE, len(pieces) - SIZE))] = wrong
        expect.raises(
            student,
            ValueError,
            "parse_pixels",
            " ".join(pieces),
            example=f"one of the 9,216 pieces is {wrong!r}",
            hint="Leaving out what can't be read, or putting a number in its place, hides a broken file.",
        )


@scale_pixels.rung("type", points=1, gate=True)
def scale_returns_an_array(student: Student, rng: np.random.Generator) -> None:
    """It returns a NumPy array."""
    expect.array(student.call("scale_pixels", draw_pixels(rng, 2, SIZE, SIZE).astype(np.uint8)))


@scale_pixels.rung("shape", points=1)
def scale_keeps_the_shape(student: Student, rng: np.random.Generator) -> None:
    """One image, many images, a row of pixels: the shape stays."""
    for shape in ((SIZE, SIZE), (3, SIZE, SIZE), (7,), (2, 1, 4, 5)):
        got = student.call("scale_pixels", draw_pixels(rng, *shape).astype(np.uint8))
        expect.array(got, shape=shape, what=f"scale_pixels of an array {shape}")


@scale_pixels.rung("dtype", points=1)
def scale_gives_float32(student: Student, rng: np.random.Generator) -> None:
    """The result is float32, whether uint8, float32 or float64 came in."""
    for dtype in ("uint8", "float32", "float64"):
        got = expect.array(student.call("scale_pixels", draw_pixels(rng, 4, 5).astype(dtype)))
        expect.true(
            got.dtype == np.float32,
            "scale_pixels(...): dtype float32",
            f"dtype {got.dtype.name}",
            hint=f"That came of a {dtype} array. A calculation takes the largest type that goes into it.",
        )


def _scaling_mistakes(images: np.ndarray) -> list[tuple[object, str]]:
    """Return what common mistakes make of ``images``; each hint names one."""
    values = images.astype(float)
    low, high = values.min(), values.max()
    dimmer = (
        "The result depends on the brightest pixel of the input, so a dim picture comes out bright. The scale is "
        "fixed: the same gray value always becomes the same number."
    )
    mistakes: list[tuple[object, str]] = [
        (
            values / 256,
            ("White does not become 1. The largest gray value is 255: there are 256 values, but one of them is 0."),
        ),
        (values // 255, "Nearly everything is 0: a whole-number division throws the fraction away."),
        (
            np.trunc(values) / 255,
            (
                "Fractions were cut off before the division: a float image passed through an integer "
                "type. Gray values such as 12.7 are allowed."
            ),
        ),
        (np.round(values) / 255, "Values were rounded before the division. Gray values such as 12.7 are allowed."),
        (
            values,
            (
                "The values were left as they are. Does your code believe that they are scaled already? By contract "
                "they are always 0 to 255, however dark the picture is."
            ),
        ),
        (values / 127.5 - 1, "The result runs from -1 to 1. Black becomes 0 here, and white 1."),
        (1 - values / 255, "Black and white are exchanged: 0 stays 0."),
    ]
    if high > 0:
        mistakes.append((values / high, dimmer))
    if high > low:
        mistakes.append(((values - low) / (high - low), dimmer))
    return mistakes


def _expect_scaled(student: Student, images: np.ndarray, example: str | None = None) -> None:
    got = expect.array(student.call("scale_pixels", images), what="scale_pixels(...)")
    hint = hint_for(got, _scaling_mistakes(images), "0 stays 0, 255 becomes 1, and everything between in proportion.")
    expect.close(
        got,
        images.astype(float) / 255,
        rtol=FLOAT32,
        atol=FLOAT32,
        what="scale_pixels(...)",
        example=example,
        hint=hint,
    )


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


@scale_pixels.rung("side effects", points=2)
def scale_leaves_its_input_alone(student: Student, rng: np.random.Generator) -> None:
    """The caller's array is not changed."""
    for dtype in (np.uint8, np.float32, np.float64):
        images = draw_pixels(rng, 5, 6).astype(dtype)
        _, after = student.call_and_args("scale_pixels", images.copy())
        expect.equal(
            after[0],
            images,
            what=f"the caller's {np.dtype(dtype).name} array afterwards",
            hint="The function wrote into the array that it was given: operators such as /= work in place. "
            "Whoever calls it twice gets pixels that are nearly black.",
        )
