"""Checks of parse_pixels: from a string of numbers to an image, and what is no image."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from autograder.checks.common.lists import unlisted
from autograder.checks.lesson_01.pixels import SIZE, as_text, draw_faces, draw_pixels
from autograder.ladder import expect
from autograder.ladder.form import Answers, form
from autograder.ladder.ladder import Ladder
from autograder.ladder.student import Student, StudentError
from autograder.worker.plain import type_name

parse_pixels = Ladder("parse_pixels")


def _parsed(student: Student, rng: np.random.Generator) -> Iterator[tuple[str, Any]]:
    """Ask for an image without black and white: whoever refuses those stumbles over the values alone."""
    yield "parse_pixels(...)", student.call("parse_pixels", as_text(rng.integers(1, 255, (SIZE, SIZE))))


@form(parse_pixels, "type", points=1)
def parse_returns_an_array(student: Student, rng: np.random.Generator) -> Answers:
    """It returns a NumPy array."""
    return _parsed(student, rng)


@form(parse_pixels, "shape", points=1, gate=True, shape=(SIZE, SIZE))
def parse_shapes_an_image(student: Student, rng: np.random.Generator) -> Answers:
    """9,216 numbers become 96 rows of 96."""
    return ((what, unlisted(value)) for what, value in _parsed(student, rng))


@form(parse_pixels, "dtype", points=1, dtype="float32")
def parse_gives_float32(student: Student, rng: np.random.Generator) -> Answers:
    """The numbers are float32."""
    return _parsed(student, rng)


@parse_pixels.rung("values", points=6)
def parse_puts_pixels_in_place(student: Student, rng: np.random.Generator) -> None:
    """Every pixel is in its row and column, with its value unchanged."""
    (pixels,) = draw_faces(rng, 1)
    # Whoever refuses black or white pays for it in a rung of its own.
    _expect_in_place(student, np.clip(pixels, 1, 254))


def _expect_in_place(student: Student, pixels: np.ndarray) -> None:
    got = expect.array(unlisted(student.call("parse_pixels", as_text(pixels))), what="parse_pixels(...)")
    hint = (
        "The number at position 0 belongs in row 0, column 0; the next one in row 0, column 1. Print a few pixels of "
        "your array beside the beginning of the string."
    )
    example = f"the string begins {as_text(pixels)[:30]}…"
    expect.close(got, pixels, rtol=0, atol=0, what="image[row, column]", example=example, hint=hint)


@parse_pixels.rung("edge cases", points=2)
def parse_takes_black_and_white(student: Student, rng: np.random.Generator) -> None:
    """0 and 255 are gray values like any other."""
    (pixels,) = draw_faces(rng, 1)
    _expect_in_place(student, pixels)


def _expect_refused(student: Student, text: str, example: str, hint: str) -> None:
    expect.raises(student, ValueError, "parse_pixels", text, example=example, hint=hint)


def _expect_each_refused(student: Student, strings: list[tuple[str, str, int]], hint: str) -> None:
    """Expect an error for each ``(text, piece, position)``; where there is none, say what became of every piece.

    What became of one alone would not tell a value cut off at 255 from one that went round in a byte.
    """
    became, example = [], None
    for text, piece, position in strings:
        try:
            image = unlisted(student.call("parse_pixels", text))
        except StudentError as raised:
            if expect.is_stub(raised):
                raise
            refused, example = "ValueError" in raised.bases, f"one of the 9,216 pieces is {piece}"
            expect.true(refused, "parse_pixels raises ValueError", str(raised), example, hint)
            continue
        known = isinstance(image, np.ndarray) and image.size > position
        became.append(f"{piece} became {image.flat[position]:g}" if known else f"with {piece} came {type_name(image)}")
    example = "a piece of 9,216 that is no gray value"
    expect.true(not became, "parse_pixels raises ValueError", f"no error; {', '.join(became)}", example, hint)


@parse_pixels.rung("edge cases", points=2)
def parse_refuses_another_count(student: Student, rng: np.random.Generator) -> None:
    """Too few or too many numbers raise ValueError."""
    count = SIZE * SIZE
    few = int(rng.integers(2, 9)) * SIZE
    hint = (
        "A row that was cut off, or two rows run together, must not become a picture. Look at how many numbers there "
        "are, whether or not they could be arranged as some table."
    )
    for wrong in (count - 1, count + 1, count - few, count + few, 4 * count, 3, 0):
        _expect_refused(student, as_text(rng.integers(0, 256, wrong)), f"a string of {wrong:,} numbers", hint)


@parse_pixels.rung("edge cases", points=2)
def parse_refuses_values_out_of_range(student: Student, rng: np.random.Generator) -> None:
    """A value below 0 or above 255 raises ValueError."""
    count = SIZE * SIZE
    hint = "A gray value lies from 0 to 255, both included, and anything else must raise ValueError."
    strings = []
    for wrong in (256, int(rng.integers(300, 500)), int(rng.integers(1000, 10**6)), -1, -int(rng.integers(20, 120))):
        pixels, position = draw_pixels(rng, SIZE, SIZE), int(rng.integers(count))
        pixels.flat[position] = wrong
        strings.append((as_text(pixels), str(wrong), position))
    _expect_each_refused(student, strings, hint)


@parse_pixels.rung("edge cases", points=1)
def parse_refuses_what_is_no_number(student: Student, rng: np.random.Generator) -> None:
    """Something that is not a number raises ValueError."""
    hint = "Leaving out what can't be read, or putting a number in its place, hides a broken file."
    for wrong in ("x", "12a", "?", "pixel"):
        pieces = as_text(draw_pixels(rng, SIZE, SIZE)).split()
        # Behind the values that a message shows, so that it does not matter what was put in the piece's place.
        pieces[int(rng.integers(SIZE, len(pieces) - SIZE))] = wrong
        _expect_refused(student, " ".join(pieces), f"one of the 9,216 pieces is {wrong!r}", hint)


@parse_pixels.rung("edge cases", points=1)
def parse_refuses_what_is_no_integer(student: Student, rng: np.random.Generator) -> None:
    """NaN, or a number that is not whole, raises ValueError."""
    hint = "The string holds integers. float() and NumPy read more than that; what does int() say to such a piece?"
    strings = []
    for wrong in ("nan", "12.7"):
        pieces, position = as_text(draw_pixels(rng, SIZE, SIZE)).split(), int(rng.integers(SIZE * SIZE))
        pieces[position] = wrong
        strings.append((" ".join(pieces), wrong, position))
    _expect_each_refused(student, strings, hint)
