"""Checks of load_faces: images, keypoints and names of a file in Kaggle's format."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograder.checks.common.kaggle_names import KEYPOINTS
from autograder.checks.common.lists import unlisted
from autograder.checks.lesson_01.pixels import FLOAT32, SIZE, as_text, draw_faces
from autograder.ladder import expect
from autograder.ladder.form import Answers, form
from autograder.ladder.ladder import Ladder
from autograder.ladder.student import Student, StudentError

load_faces = Ladder("load_faces")

THREE_THINGS = "load_faces returns three things: images, keypoints, names"


def _draw_file(rng: np.random.Generator, rows: int, names: list[str], missing: float = 0.0) -> dict[str, Any]:
    """Return the content of a file: keypoint_names, keypoints (rows, K, 2) with NaN, pixels (rows, 96, 96)."""
    # Two decimals survive the way through text and float32 unharmed enough for the tolerance below.
    keypoints = np.round(rng.uniform(1, 95, (rows, len(names), 2)), 2)
    keypoints[rng.random((rows, len(names))) < missing] = np.nan
    return {"keypoint_names": names, "keypoints": keypoints, "pixels": draw_faces(rng, rows)}


def _as_file(content: dict[str, Any], broken: dict[int, str]) -> np.ndarray:
    """Return the bytes of a training.csv of that content; ``broken`` are texts in place of the images of some rows."""
    lines = [",".join([*(f"{name}_{axis}" for name in content["keypoint_names"] for axis in "xy"), "Image"])]
    for row, (points, image) in enumerate(zip(content["keypoints"], content["pixels"], strict=True)):
        cells = ["" if np.isnan(value) else repr(float(value)) for value in points.ravel()]
        lines.append(",".join([*cells, broken.get(row) or as_text(image)]))
    return np.frombuffer(("\n".join(lines) + "\n").encode(), np.uint8)


def _load(student: Student, content: dict[str, Any], broken: dict[int, str] | None = None) -> dict[str, Any]:
    """Let the student read a file of that content; return what came of images, keypoints and names."""
    return student.probe("lesson_01.load_faces", file=_as_file(content, broken or {}))


def _part(got: dict[str, Any], what: str) -> Any:
    """Return images, keypoints or names of an answer; a missing one costs the rungs that look at it."""
    came = got["type"] + (f" of {got['count']}" if got["count"] is not None else "")
    expect.true(what in got, THREE_THINGS, came, hint="End with: return images, keypoints, names")
    return got[what]


def _array(got: dict[str, Any], what: str) -> Any:
    """Return images or keypoints; a list of arrays as one array."""
    return unlisted(_part(got, what))


@form(load_faces, "type", points=2)
def load_returns_three_things(student: Student, rng: np.random.Generator) -> Answers:
    """It returns images and keypoints as arrays, and names."""
    got = _load(student, _draw_file(rng, 3, list(KEYPOINTS)))
    _part(got, "names")
    yield from ((what, _part(got, what)) for what in ("images", "keypoints"))


@load_faces.rung("shape", points=1)
def load_shapes(student: Student, rng: np.random.Generator) -> None:
    """Images are (N, 96, 96), keypoints (N, K, 2), and there are K names."""
    content = _draw_file(rng, 5, list(KEYPOINTS), missing=0.3)
    # Two rows are complete: dropping incomplete rows leaves two, and reading the first row alone leaves one.
    content["keypoints"][[1, 3]] = rng.uniform(1, 95, (2, 15, 2)).round(2)
    content["keypoints"][[0, 2, 4], 3] = np.nan
    got = _load(student, content)
    example = "images of a file with 5 rows, some labels missing"
    expect.array(_array(got, "images"), shape=(5, SIZE, SIZE), what=example)
    example = "keypoints of a file with 5 rows, some labels missing"
    expect.array(_array(got, "keypoints"), shape=(5, 15, 2), what=example)
    expect.equal(len(_names(got)), 15, what="number of names")


def _names(got: dict[str, Any]) -> list:
    names = _part(got, "names")
    expect.true(isinstance(names, list), "names: a list of texts", expect.show(names))
    return names


@form(load_faces, "dtype", points=1, dtype="float32")
def load_gives_float32(student: Student, rng: np.random.Generator) -> Answers:
    """Images and keypoints are float32."""
    got = _load(student, _draw_file(rng, 3, list(KEYPOINTS)))
    yield from ((what, _array(got, what)) for what in ("images", "keypoints"))


@load_faces.rung("values", points=4)
def load_reads_images(student: Student, rng: np.random.Generator) -> None:
    """Every image is there, in file order, scaled to 0..1."""
    content = _draw_file(rng, 4, list(KEYPOINTS))
    got = expect.array(_array(_load(student, content), "images"), what="images")
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
    got = expect.array(_array(_load(student, content), "keypoints"), what="keypoints")
    _expect_keypoints(got, content["keypoints"], "a file with 5 rows and all labels")


def _draw_names(rng: np.random.Generator, count: int) -> list[str]:
    """Return so many of Kaggle's names, in an order that is neither the usual nor the alphabet's."""
    while True:
        names = [KEYPOINTS[k] for k in rng.permutation(len(KEYPOINTS))[:count]]
        if names != sorted(names) and names != list(KEYPOINTS)[:count]:
            return names


@load_faces.rung("edge cases", points=2)
def load_reads_names(student: Student, rng: np.random.Generator) -> None:
    """The names are those of the header, in file order, without _x and _y."""
    # In an order of its own, so that a list copied from the lesson's text does not serve.
    names = _draw_names(rng, len(KEYPOINTS))
    got = _names(_load(student, _draw_file(rng, 2, names)))
    hint = (
        "One name for each pair of columns, in the order of the header. A name is what stands before the ending, and "
        "str.rstrip('_x') removes letters, not an ending."
    )
    example = f"a file whose header begins {names[0]}_x,{names[0]}_y,{names[1]}_x"
    expect.equal(got, names, what="names", example=example, hint=hint)


@load_faces.rung("edge cases", points=3)
def load_keeps_missing_labels(student: Student, rng: np.random.Generator) -> None:
    """An empty cell is NaN, and its row is kept."""
    content = _draw_file(rng, 6, list(KEYPOINTS), missing=0.4)
    content["keypoints"][1:3, 4:] = np.nan
    got = expect.array(
        _array(_load(student, content), "keypoints"), shape=(6, 15, 2), what="keypoints of 6 rows, some labels missing"
    )
    _expect_keypoints(got, content["keypoints"], "a file with 6 rows, some cells empty")


@load_faces.rung("edge cases", points=2)
def load_takes_names_from_the_header(student: Student, rng: np.random.Generator) -> None:
    """A file with fewer keypoints, other names and another order is read as its header says."""
    names = _draw_names(rng, int(rng.integers(3, 8)))
    # No name of Kaggle's ends in a letter that stripping the letters of the ending would take away.
    names.insert(int(rng.integers(1, len(names))), "nose_apex")
    content = _draw_file(rng, 1, names)
    got = _load(student, content)
    hint = "K, the names and their order come from the header of the file, not from the lesson's text."
    shape = (1, len(names), 2)
    example = f"a file with one row and the keypoints {', '.join(names)}"
    keypoints = _array(got, "keypoints")
    fits = isinstance(keypoints, np.ndarray) and keypoints.shape == shape
    expect.true(fits, f"keypoints of shape {shape}", expect.show(keypoints), example, hint)
    expect.equal(_names(got), names, what="names", example=example, hint=hint)
    expect.close(keypoints, content["keypoints"], 1e-6, 1e-4, "keypoints", example, hint)
    expect.array(_array(got, "images"), shape=(1, SIZE, SIZE), what="images of a file with one row")


def _breakages(rng: np.random.Generator, pixels: np.ndarray) -> list[tuple[str, str]]:
    """Return broken strings of an image, each with what is wrong with it."""
    pieces = as_text(pixels).split()
    place = int(rng.integers(SIZE, len(pieces) - SIZE))

    def with_piece(piece: str) -> str:
        return " ".join([*pieces[:place], piece, *pieces[place + 1 :]])

    return [
        (" ".join(pieces[:-1]), "lacks its last number"),
        (" ".join([*pieces, "7"]), "has a number too many"),
        (with_piece("x"), "holds 'x' in place of a number"),
        (with_piece("256"), "holds the number 256"),
        (with_piece("-1"), "holds the number -1"),
    ]


def _parser_takes(student: Student, text: str) -> bool:
    """Return whether the student's own parse_pixels takes the string: that costs points there, and not here again."""
    try:
        student.call("parse_pixels", text)
    except StudentError:
        return False
    return True


@load_faces.rung("edge cases", points=2)
def load_refuses_broken_images(student: Student, rng: np.random.Generator) -> None:
    """A broken image string anywhere in the file raises ValueError; no row is dropped in silence."""
    content = _draw_file(rng, 2, list(KEYPOINTS))
    broken = _breakages(rng, content["pixels"][0])
    asked = [one for one in broken if not _parser_takes(student, one[0])] or broken
    hint = "parse_pixels raises a ValueError for such a string. Does every image of yours go through it unhindered?"
    for text, what in asked:
        row = int(rng.integers(2))
        example = f"a file with 2 rows, in one of which the image's string {what}"
        try:
            got = _load(student, content, {row: text})
        except StudentError as raised:
            if expect.is_stub(raised):
                raise
            refused = "ValueError" in raised.bases
            expect.true(refused, "load_faces raises ValueError", str(raised), example, hint)
            continue
        images = unlisted(got.get("images"))
        count = f"; it returned {len(images)} images" if isinstance(images, np.ndarray) and images.ndim else ""
        raise expect.Mismatch("load_faces raises ValueError", f"no error{count}", example, hint)
