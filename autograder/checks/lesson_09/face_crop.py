"""Checks of crop_face: a face is cut out with its points, and uncrop brings the points back."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from autograder.checks.lesson_09.blob_offsets import ENLARGED, Offsets, draw_centers
from autograder.checks.lesson_09.crop_coordinates import (
    POINTS,
    Box,
    draw_blobs,
    draw_box,
    draw_image,
    draw_points,
    find_blob,
    off_the_rim,
    to_crop,
    to_image,
)
from autograder.checks.lesson_09.opencv_words import raise_in_words
from autograder.ladder import expect
from autograder.ladder.form import Answers, Kept, form, kept
from autograder.ladder.ladder import Ladder
from autograder.ladder.student import Student, StudentError

crop_face = Ladder("crop_face")

# Coordinates: float32 keeps seven digits of numbers below 1000, and a formula takes some steps. The common mistakes are
# off by at least a tenth of a pixel somewhere.
close_points = partial(expect.close, rtol=1e-5, atol=1e-3)
FORMULA_HINT = "Follow one point by hand with the formula of the lesson, first its x, then its y. Compare each step."


def _crop(
    student: Student, image: np.ndarray, box: Box, keypoints: np.ndarray | None, size: int | None
) -> tuple[Any, Any]:
    """Return crop and keypoints as the student's crop_face makes them; ``size`` None is its default."""
    found = _ask(student, image, box, keypoints, size)
    came = f"a {found['type']}" + (f" of {found['count']}" if found["count"] is not None else "")
    expect.true(found["count"] == 2, "crop_face returns two things: crop, keypoints", came)
    return found["crop"], found["keypoints"]


def _ask(
    student: Student, image: np.ndarray, box: Box, keypoints: np.ndarray | None, size: int | None
) -> dict[str, Any]:
    try:
        return student.probe("lesson_09.crop", image=image, box=list(box), keypoints=keypoints, size=size)
    except StudentError as error:
        raise_in_words(error, "a crop of the box", _say(box, size or 224))
        raise


def _pixels(student: Student, image: np.ndarray, box: Box, points: np.ndarray, size: int) -> np.ndarray:
    """Return the crop, (size, size), as crop_face makes it with keypoints or, where that fails, without any.

    What is wrong with the keypoints costs the rungs about keypoints alone.
    """
    try:
        crop = _ask(student, image, box, points, size)["crop"]
    except StudentError:
        crop = _ask(student, image, box, None, size)["crop"]
    return expect.array(crop, shape=(size, size), what="the crop")


def _uncrop(student: Student, points: np.ndarray, box: Box, size: int | None) -> Any:
    return student.probe("lesson_09.uncrop", points=points, box=list(box), size=size)["value"]


def _say(box: Box, size: int) -> str:
    return f"box (left, top, width, height) {box}, size {size}"


def _a_crop(student: Student, rng: np.random.Generator, box: Box) -> Answers:
    crop, moved = _crop(student, draw_image(rng), box, draw_points(rng, box), 48)
    yield "the crop", crop
    yield "the keypoints", moved


@form(crop_face, "type", points=1)
def returns_crop_and_points(student: Student, rng: np.random.Generator) -> Answers:
    """crop_face returns two arrays, the crop and its keypoints; uncrop returns one."""
    box = draw_box(rng)
    yield from _a_crop(student, rng, box)
    points = to_crop(draw_points(rng, box), box, 48).astype(np.float32)
    yield "uncrop(...)", _uncrop(student, points, box, 48)


@form(crop_face, "shape", points=2)
def has_the_size(student: Student, rng: np.random.Generator) -> Answers:
    """The crop is (size, size), 224 by default; the keypoints stay (68, 2)."""
    image = draw_image(rng)
    for size in (48, 32, None):
        box = draw_box(rng)
        crop, moved = _crop(student, image, box, draw_points(rng, box), size)
        what = f"the crop at size {size}" if size else "the crop without a size"
        yield what, crop, (size or 224, size or 224)
        yield "the keypoints", moved, (POINTS, 2)
    yield "uncrop of 5 points", _uncrop(student, draw_points(rng, box)[:5], box, 48), (5, 2)


@form(crop_face, "dtype", points=1, dtype="float32")
def is_float32(student: Student, rng: np.random.Generator) -> Answers:
    """Crop and keypoints are float32."""
    return _a_crop(student, rng, draw_box(rng))


def _expect_points(student: Student, points: np.ndarray, box: Box, size: int, image: np.ndarray) -> None:
    _, moved = _crop(student, image, box, points, size)
    want = to_crop(points.astype(float), box, size)
    x, y = points[0]
    example = f"{_say(box, size)}; the first point ({x:.2f}, {y:.2f})"
    close_points(moved, want, what="the keypoints in the crop", example=example, hint=FORMULA_HINT)


@crop_face.rung("values", points=4)
def points_move_along(student: Student, rng: np.random.Generator) -> None:
    """Keypoints are moved and scaled as the pixels are, also where the box is not square."""
    image = draw_image(rng)
    # Twice as large, and at no place that rounding or a forgotten half makes the same of.
    points = np.full((POINTS, 2), (37.4, 29.85), np.float32)
    _expect_points(student, points, (30, 20, 60, 80), 120, image)
    for square, size in ((True, 48), (False, 48), (False, 100)):
        box = draw_box(rng, square)
        _expect_points(student, draw_points(rng, box), box, size, image)


def _expect_pixels(student: Student, image: np.ndarray, centers: np.ndarray, box: Box, size: int) -> None:
    """Expect a blob of the image at each place in the crop where its center belongs."""
    keypoints = np.tile(centers, (POINTS // len(centers) + 1, 1))[:POINTS].astype(np.float32)
    crop = _pixels(student, image, box, keypoints, size)
    # Taking the nearest pixel may be off by half of one, of the image and of the crop; the rest is for finding a blob.
    near = 0.5 * max(size / box[2], size / box[3]) + 0.5 + 0.25
    hint = "Rows are y and columns x: image[top : top + height, left : left + width]."
    for center, place in zip(centers, to_crop(centers, box, size), strict=True):
        found = find_blob(crop, place, size // 6)
        off = float(np.abs(found - place).max())
        bright = float(crop[tuple(np.round(place[::-1]).astype(int))])
        what = f"what lies at ({center[0]:.0f}, {center[1]:.0f}) of the image"
        expected = f"{what}: at ({place[0]:.1f}, {place[1]:.1f}) of the crop"
        around = f"what is bright around it centers on ({found[0]:.1f}, {found[1]:.1f})"
        came = f"not there; the pixel there is {bright:.2f}, and {around}"
        expect.true(off <= near and bright > 0.4, expected, came, _say(box, size), hint)


@crop_face.rung("values", points=4)
def pixels_lie_below_their_points(student: Student, rng: np.random.Generator) -> None:
    """What a keypoint points at in the image, it points at in the crop."""
    for size in (64, 160, 40):
        box = draw_box(rng)
        shares = np.array([(0.2, 0.25), (0.8, 0.2), (0.5, 0.55), (0.25, 0.8), (0.75, 0.85)])
        centers = np.array(box[:2]) + shares * np.array(box[2:])
        image = draw_blobs(centers, (max(2.0, box[2] / 24), max(2.0, box[3] / 24)))
        _expect_pixels(student, image, centers, box, size)


@crop_face.rung("values", points=3)
def pixels_keep_their_centers(student: Student, rng: np.random.Generator) -> None:
    """Pixels are scaled from their rims, as points are: no half of a pixel is lost anywhere in the crop."""
    offsets = Offsets()
    for _ in range(4):
        box = draw_box(rng)
        centers = draw_centers(rng, box)
        keypoints = np.tile(centers, (POINTS // len(centers) + 1, 1))[:POINTS].astype(np.float32)
        crop = _pixels(student, draw_blobs(centers, (1.8, 1.8)), box, keypoints, ENLARGED)
        offsets.add(crop, box, centers)
    hint = "How does your way of resizing count: from the centers of the outermost pixels, or from their rims?"
    expected = f"blobs of the image in crops of size {ENLARGED}: on average where they belong, also near the rims"
    found = offsets.say()
    expect.true(found is None, expected, found or "", "36 blobs in four crops", hint)


@crop_face.rung("values", points=2)
def grays_stay(student: Student, rng: np.random.Generator) -> None:
    """A gray area keeps its gray."""
    for size in (40, 160):
        grays = np.round(rng.permutation([0.25, 0.42, 0.6, 0.78]) + rng.uniform(-0.05, 0.05, 4), 2).reshape(2, 2)
        left, top, width, height = box = draw_box(rng)
        image = np.empty((120, 160), np.float32)
        row, column = top + height // 2, left + width // 2
        for (down, right), gray in np.ndenumerate(grays):
            image[slice(row, None) if down else slice(row), slice(column, None) if right else slice(column)] = gray
        found = _pixels(student, image, box, draw_points(rng, box), size)
        # Well inside of each quarter, whatever the interpolation takes in.
        inner, outer = size // 6, size // 3
        parts = [slice(inner, outer), slice(size - outer, size - inner)]
        means = np.array([[found[rows, columns].mean() for columns in parts] for rows in parts])
        example = f"an image of four grays that meet in the middle of the box: {grays.tolist()}; {_say(box, size)}"
        expect.close(means, grays, 0, 5e-3, "the grays of the crop's quarters", example)
        worst = np.abs(found[parts[0], parts[1]] - grays[0, 1]).max()
        expect.true(worst < 1e-2, "a quarter of one gray", "a quarter of several grays", example)


@crop_face.rung("edge cases", points=1)
def stays_between_black_and_white(student: Student, rng: np.random.Generator) -> None:
    """No gray of the crop leaves [0, 1], however sharp the edges of the image are."""
    for size in (40, 160):
        box, image = draw_box(rng), (rng.random((120, 160)) < 0.5).astype(np.float32)
        found = _pixels(student, image, box, draw_points(rng, box), size)
        low, high = float(found.min()), float(found.max())
        hint = "Cubic and Lanczos interpolation overshoot at an edge. What is beyond black or white can be cut off."
        inside = low >= -1e-4 and high <= 1 + 1e-4 and high - low > 0.1
        got = f"grays from {low:.3g} to {high:.3g}"
        expect.true(inside, "grays from 0 to 1", got, f"an image of black and white pixels, {_say(box, size)}", hint)


def _expect_uncropped(student: Student, points: np.ndarray, box: Box, size: int | None) -> None:
    side = size or 224
    got = _uncrop(student, points, box, size)
    x, y = points[0]
    example = f"{_say(box, side)}; the first point ({x:.2f}, {y:.2f}) of the crop"
    hint = "uncrop undoes the steps of crop_face, in the opposite order. Solve the formula of the lesson for x."
    want = to_image(points.astype(float), box, side)
    close_points(got, want, what="uncrop: the points in the image", example=example, hint=hint)


@crop_face.rung("values", points=4)
def uncrop_brings_points_back(student: Student, rng: np.random.Generator) -> None:
    """uncrop turns pixels of the crop into pixels of the image."""
    # No place that rounding or a forgotten half makes the same of.
    first = np.array([(10.3, 7.1), (0, 0), (101.7, 55.2)], np.float32)
    _expect_uncropped(student, first, (30, 20, 60, 80), 120)
    for square, size in ((True, 48), (False, 100), (False, None)):
        box = draw_box(rng, square)
        points = rng.uniform(0, size or 224, (POINTS, 2)).astype(np.float32)
        _expect_uncropped(student, points, box, size)


@crop_face.rung("values", points=2)
def there_and_back(student: Student, rng: np.random.Generator) -> None:
    """What crop_face does to keypoints, uncrop undoes exactly."""
    hint = "What was rounded, or moved to the rim of the crop, does not come back."
    image = draw_image(rng)
    for size in (48, 224):
        box = draw_box(rng)
        points = draw_points(rng, box, -0.2, 1.2)
        example = f"{_say(box, size)}; some points outside of the box"
        _, moved = _crop(student, image, box, points, size)
        there = expect.array(moved, shape=points.shape, what="the keypoints in the crop").astype(np.float32)
        # Who leaves the points where they are comes back as well, from nowhere.
        off = float(np.abs(there - to_crop(points.astype(float), box, size)).max())
        got = f"keypoints at other places of the crop, off by {off:.1f} pixels"
        expect.true(off < 0.1 * size, "keypoints that were moved into the crop, at least nearly", got, example, hint)
        back = _uncrop(student, there, box, size)
        close_points(back, points, what="uncrop of what crop_face answers", example=example, hint=hint)


@crop_face.rung("edge cases", points=2)
def boxes_reach_outside(student: Student, rng: np.random.Generator) -> None:
    """Where the box is outside of the image the crop is black, and everything else is in its place."""
    left, top = -int(rng.integers(20, 30)), -int(rng.integers(25, 35))
    cases: list[tuple[Box, int, float]] = [((left, top, 80, 100), 60, 0.65), ((110, 60, 90, 100), 120, 0.2)]
    for box, size, share in cases:
        centers = np.array([box[:2]]) + share * np.array([box[2:]])
        _expect_pixels(student, draw_blobs(centers, (3.0, 3.0)), centers, box, size)
        crop = _pixels(student, np.full((120, 160), 0.6, np.float32), box, draw_points(rng, box), size)
        inside, outside = off_the_rim(box, size)
        example = f"a 120 x 160 image that is 0.6 everywhere, {_say(box, size)}"
        what = "outside of the image the crop"
        expect.close(crop[outside], np.zeros(outside.sum()), atol=0.02, what=what, example=example)
        expect.close(crop[inside], np.full(inside.sum(), 0.6), atol=0.02, what="inside of it", example=example)


@crop_face.rung("edge cases", points=2)
def points_may_lie_outside(student: Student, rng: np.random.Generator) -> None:
    """Keypoints outside of the box stay where they are; a box reaching outside moves none."""
    box = draw_box(rng)
    _expect_points(student, draw_points(rng, box, -0.3, 1.3), box, 48, draw_image(rng))
    box = (-int(rng.integers(5, 30)), -int(rng.integers(31, 50)), 90, 110)
    _expect_points(student, draw_points(rng, box), box, 48, draw_image(rng))


@crop_face.rung("edge cases", points=1)
def without_points(student: Student, rng: np.random.Generator) -> None:
    """Without keypoints the face is cut out all the same, and None comes back."""
    box = draw_box(rng)
    crop, moved = _crop(student, draw_image(rng), box, None, 48)
    expect.array(crop, shape=(48, 48), what="the crop, keypoints None")
    expect.true(moved is None, "None for keypoints None", expect.show(moved))


@kept(crop_face, points=1)
def leaves_its_inputs_alone(student: Student, rng: np.random.Generator) -> Kept:
    """Image, keypoints and points of the caller are not changed."""
    box, image = draw_box(rng), draw_image(rng)
    points = draw_points(rng, box)
    # Who does nothing changes nothing.
    _expect_points(student, points, box, 48, image)
    found = student.probe("lesson_09.crop", image=image, box=list(box), keypoints=points, size=48)
    yield "the caller's image", image, found["image_after"]
    yield "the caller's keypoints", points, found["keypoints_after"]
    after = student.probe("lesson_09.uncrop", points=points, box=list(box), size=48)["after"]
    yield "the points given to uncrop", points, after
