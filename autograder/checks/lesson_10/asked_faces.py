"""Ask the student's move_faces, and expect where points went and which old places the pictures show."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograder.checks.lesson_10.moved_places import Moves, Size, grid, inside, off_by, ramps, read_ramps
from autograder.ladder import expect
from autograder.ladder.student import Student
from autograder.worker.plain import TensorValue, type_name

PARTS = ("images", "keypoints")
CALL = "move_faces(…)"
# Pixels in float32 after a few sums and products.
POINTS = 2e-3
# Pixels. Who turns or scales about another centre by half a pixel is off by more; a library that counts places in
# parts of 32, by less.
PLACES = 0.1
SQUARE, WIDE, HIGH = (31, 31), (22, 36), (34, 20)
POINT_HINT = "Take a single point and follow it on paper: from the centre, turned, scaled, back again, then shifted."
PICTURE_HINT = "The picture asks the way back: which old place does this new pixel show? What is undone first?"


def ask(student: Student, images: np.ndarray, keypoints: np.ndarray, moves: Moves) -> dict[str, Any]:
    """Let the student's code move faces; return what it answered."""
    return student.probe("lesson_10.move", images=images, keypoints=keypoints, **vars(moves))


def parts(value: Any) -> list[Any]:
    """Expect two things, images and keypoints."""
    got = f"{len(value)} values" if isinstance(value, list) else type_name(value)
    expect.true(isinstance(value, list) and len(value) == 2, f"{CALL}: images and keypoints, two tensors", got)
    return value


def part(value: Any, index: int, shape: tuple[int, ...]) -> np.ndarray:
    """Return images or keypoints of this shape.

    That an array came in place of a tensor, or images without their axis of channels, costs the rungs of form alone.
    """
    given = parts(value)[index]
    found = given.array if isinstance(given, TensorValue) else given
    if isinstance(found, np.ndarray) and index == 0 and found.shape == (shape[0], *shape[2:]):
        found = found[:, None]
    return expect.array(found, shape, ("float", "integer"), what=f"{CALL}, {PARTS[index]}").astype(float)


def draw_faces(
    rng: np.random.Generator, faces: int, size: Size = SQUARE, count: int = 4
) -> tuple[np.ndarray, np.ndarray]:
    """Draw noisy images (faces, 1, H, W) between 0.2 and 0.8, and keypoints (faces, count, 2), float32."""
    images = rng.uniform(0.2, 0.8, (faces, 1, *size)).astype(np.float32)
    share = rng.uniform(0.1, 0.9, (faces, count, 2))
    return images, (share * (np.array(size[::-1]) - 1)).astype(np.float32)


def say_moves(moves: Moves, face: int, size: Size) -> str:
    """Return in words how one face is moved."""
    x, y = moves.shift[face] + 0.0
    turn = f"degrees {moves.degrees[face] + 0.0:.4g}, scale {moves.scale[face]:.4g}, shift ({x:.4g}, {y:.4g})"
    return f"{turn}, an image of {size[0]} rows and {size[1]} columns"


def say(points: np.ndarray) -> str:
    """Return points as a reader wants them."""
    # To hundredths: what float32 leaves of 0 has no digits that count.
    return ", ".join(f"({x:.2f}, {y:.2f})" for x, y in np.round(points, 2) + 0.0)


def _say_shown(places: np.ndarray, pixels: np.ndarray) -> str:
    """Return which old places (H, W, 2) these pixels (n, 2) of a moved picture show."""
    return " and ".join(f"pixel ({x}, {y}) shows the old place {say(places[y, x][None])}" for x, y in pixels)


def expect_points(student: Student, rng: np.random.Generator, moves: Moves, size: Size = SQUARE) -> None:
    """Expect moved keypoints; where a face's differ, all of its points are told."""
    images, keypoints = draw_faces(rng, len(moves.degrees), size)
    got = part(ask(student, images, keypoints, moves)["value"], 1, keypoints.shape)
    want = moves.move(keypoints, size)
    right = np.isclose(got, want, rtol=0, atol=POINTS).all(axis=(1, 2))
    if not right.all():
        face = int(np.argmin(right))
        example = f"points {say(keypoints[face])}; {say_moves(moves, face, size)}"
        raise expect.Mismatch(f"{CALL}, keypoints: {say(want[face])}", say(got[face]), example, POINT_HINT)


def expect_pictures(student: Student, rng: np.random.Generator, moves: Moves, size: Size = SQUARE) -> None:
    """Expect moved pictures, by the old places that their pixels show; how they interpolate is another rung's."""
    faces = len(moves.degrees)
    images = np.tile(ramps(size), (faces, 1, 1, 1))
    keypoints = draw_faces(rng, 2 * faces, size)[1]
    got = read_ramps(part(ask(student, images, keypoints, moves.repeated(2))["value"], 0, images.shape), size)
    want = moves.come_from(size)
    for face in range(faces):
        if off_by(got[face], want[face], size) < PLACES:
            continue
        # Two pixels off the centre, of those that come from within.
        pixels = grid(size)[inside(want[face], size)].astype(int)
        shown = pixels[[len(pixels) // 4, (5 * len(pixels)) // 8]]
        expected, came = (_say_shown(places[face], shown) for places in (want, got))
        example = f"{say_moves(moves, face, size)}, whose values say where each pixel is"
        raise expect.Mismatch(f"{CALL}, images: {expected}", came, example, PICTURE_HINT)


def expect_moved(value: Any, images: np.ndarray, keypoints: np.ndarray) -> None:
    """Expect other pictures and points than came in: who does nothing changes nothing."""
    for index, given in enumerate((images, keypoints)):
        got = part(value, index, given.shape)
        same = np.allclose(got, given, rtol=0, atol=1e-3)
        expect.true(not same, f"{CALL}: {PARTS[index]} that moved", f"the {PARTS[index]} that came in")
