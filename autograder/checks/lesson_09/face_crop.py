"""Checks of lesson 09: a face is cut out with its points, and the points come back."""

from __future__ import annotations

import numpy as np

from autograder.checks.common.recognize import hint_for
from autograder.ladder import expect
from autograder.ladder.ladder import Ladder
from autograder.ladder.student import Student

crop_face = Ladder("crop_face")

POINTS = 68
Box = tuple[int, int, int, int]
# Of coordinates: float32 keeps seven digits of numbers below 1000, and a formula takes some steps. The common mistakes
# below are off by at least a tenth of a pixel somewhere.
PIXELS = {"rtol": 1e-5, "atol": 1e-3}


def to_crop(points: np.ndarray, box: Box, size: int) -> np.ndarray:
    """Return where points of the image lie in the crop; a whole coordinate is the center of a pixel."""
    corner, sides = np.array(box[:2], float), np.array(box[2:], float)
    return (points - corner + 0.5) * size / sides - 0.5


def to_image(points: np.ndarray, box: Box, size: int) -> np.ndarray:
    """Return where points of the crop lie in the image."""
    corner, sides = np.array(box[:2], float), np.array(box[2:], float)
    return (points + 0.5) * sides / size - 0.5 + corner


def draw_points(rng: np.random.Generator, box: Box, low: float = 0.05, high: float = 0.95) -> np.ndarray:
    """Draw keypoints at these shares of the box: (68, 2) float32 pixels of the image."""
    return (np.array(box[:2]) + rng.uniform(low, high, (POINTS, 2)) * np.array(box[2:])).astype(np.float32)


def draw_box(rng: np.random.Generator, square: bool = False) -> Box:
    """Draw a box inside of a 120 x 160 image."""
    width, height = int(rng.integers(50, 70)), int(rng.integers(75, 95))
    return (int(rng.integers(10, 40)), int(rng.integers(5, 20)), width, width if square else height)


def draw_image(rng: np.random.Generator) -> np.ndarray:
    """Draw a noisy image, (120, 160) float32 in [0, 1]."""
    return rng.random((120, 160), dtype=np.float32)


def ask(
    student: Student, image: np.ndarray, box: Box, keypoints: np.ndarray | None, size: int | None
) -> tuple[object, object]:
    """Return crop and keypoints as the student's crop_face makes them."""
    found = student.probe("lesson_09.crop", image=image, box=list(box), keypoints=keypoints, size=size)
    came = f"a {found['type']}" + (f" of {found['count']}" if found["count"] is not None else "")
    expect.true(found["count"] == 2, "crop_face returns two things: crop, keypoints", came)
    return found["crop"], found["keypoints"]


def say(box: Box, size: int) -> str:
    """Return the box and the size in words."""
    return f"box (left, top, width, height) {box}, size {size}"


@crop_face.rung("type", points=1, gate=True)
def returns_crop_and_points(student: Student, rng: np.random.Generator) -> None:
    """crop_face returns two arrays, the crop and its keypoints; uncrop returns one."""
    box = draw_box(rng)
    crop, moved = ask(student, draw_image(rng), box, draw_points(rng, box), 48)
    expect.array(crop, what="the crop")
    expect.array(moved, what="the keypoints")
    points = to_crop(draw_points(rng, box), box, 48).astype(np.float32)
    back = student.probe("lesson_09.uncrop", points=points, box=list(box), size=48)["value"]
    expect.array(back, what="uncrop(...)")


@crop_face.rung("shape", points=2)
def has_the_size(student: Student, rng: np.random.Generator) -> None:
    """The crop is (size, size), 224 by default; the keypoints stay (68, 2)."""
    image = draw_image(rng)
    for size in (48, 32, None):
        box = draw_box(rng)
        crop, moved = ask(student, image, box, draw_points(rng, box), size)
        side = size or 224
        what = f"the crop at size {size}" if size else "the crop without a size"
        expect.array(crop, shape=(side, side), what=what)
        expect.array(moved, shape=(POINTS, 2), what="the keypoints")
    found = student.probe("lesson_09.uncrop", points=draw_points(rng, box)[:5], box=list(box), size=48)
    expect.array(found["value"], shape=(5, 2), what="uncrop of 5 points")


@crop_face.rung("dtype", points=1)
def is_float32(student: Student, rng: np.random.Generator) -> None:
    """Crop and keypoints are float32."""
    box = draw_box(rng)
    crop, moved = ask(student, draw_image(rng), box, draw_points(rng, box), 48)
    expect.array(crop, dtype="float32", what="the crop")
    expect.array(moved, dtype="float32", what="the keypoints")


def _point_mistakes(points: np.ndarray, box: Box, size: int) -> list[tuple[object, str]]:
    corner, sides = np.array(box[:2], float), np.array(box[2:], float)
    half = "Half a pixel is lost: a whole coordinate is the center of a pixel, not its corner. Compare the example."
    return [
        ((points - corner) * size / sides, half),
        (
            (points - corner) * (size - 1) / (sides - 1),
            "Corner pixels were laid on corner pixels. Compare the example.",
        ),
        (points - corner, "They were moved, but not scaled."),
        (points * size / sides, "They were scaled, but not moved."),
        ((points + 0.5) * size / sides - 0.5 - corner, "First move, then scale: the corner is in pixels of the image."),
        ((points - corner[::-1] + 0.5) * size / sides - 0.5, "Left and top are exchanged."),
        ((points - corner + 0.5) * size / sides[::-1] - 0.5, "Width and height are exchanged."),
        ((points - corner + 0.5) * size / sides[0] - 0.5, "Both were scaled by the width."),
        ((points - corner + 0.5) * size / sides[1] - 0.5, "Both were scaled by the height."),
        (np.clip(to_crop(points, box, size), 0, size - 1), "Points outside of the crop were moved to its rim."),
        (np.clip(to_crop(points, box, size), 0, size), "Points outside of the crop were moved to its rim."),
        (to_crop(points, box, size) / size, "These are shares of the crop; asked for are its pixels."),
        (np.round(to_crop(points, box, size)), "They were rounded to whole pixels."),
        (to_crop(points, box, size)[:, ::-1], "x and y are exchanged."),
    ]


def _expect_points(student: Student, points: np.ndarray, box: Box, size: int, image: np.ndarray) -> None:
    _, moved = ask(student, image, box, points, size)
    hint = hint_for(moved, _point_mistakes(points.astype(float), box, size), rtol=1e-4)
    want = to_crop(points.astype(float), box, size)
    x, y = points[0]
    example = f"{say(box, size)}; the first point ({x:.2f}, {y:.2f})"
    expect.close(moved, want, **PIXELS, what="the keypoints in the crop", example=example, hint=hint)


@crop_face.rung("values", points=4)
def points_move_along(student: Student, rng: np.random.Generator) -> None:
    """Keypoints are moved and scaled as the pixels are, also where the box is not square."""
    image = draw_image(rng)
    # Twice as large: a quarter of a pixel before the first center.
    points = np.full((POINTS, 2), (30.0, 20.0), np.float32)
    _expect_points(student, points, (30, 20, 60, 80), 120, image)
    for square, size in ((True, 48), (False, 48), (False, 100)):
        box = draw_box(rng, square)
        _expect_points(student, draw_points(rng, box), box, size, image)


def _blobs(centers: np.ndarray, spread: tuple[float, float], shape: tuple[int, int]) -> np.ndarray:
    """Return an image, black but for a bright blob at each center (x, y)."""
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    image = np.zeros(shape)
    for x, y in centers:
        image += np.exp(-0.5 * (((columns - x) / spread[0]) ** 2 + ((rows - y) / spread[1]) ** 2))
    return (0.9 * np.minimum(image, 1)).astype(np.float32)


def _find_blob(crop: np.ndarray, near: np.ndarray, reach: int) -> np.ndarray:
    """Return the center of what is bright within ``reach`` pixels of a place, (x, y)."""
    column, row = np.round(near).astype(int)
    x0, y0 = max(column - reach, 0), max(row - reach, 0)
    part = np.clip(crop[y0 : row + reach + 1, x0 : column + reach + 1].astype(float), 0, None)
    rows, columns = np.mgrid[: part.shape[0], : part.shape[1]]
    total = max(float(part.sum()), 1e-9)
    return np.array([x0 + (part * columns).sum() / total, y0 + (part * rows).sum() / total])


def _expect_pixels(student: Student, image: np.ndarray, centers: np.ndarray, box: Box, size: int) -> None:
    """Expect a blob of the image at each place in the crop where its center belongs."""
    keypoints = np.tile(centers, (POINTS // len(centers) + 1, 1))[:POINTS].astype(np.float32)
    crop, _ = ask(student, image, box, keypoints, size)
    crop = expect.array(crop, shape=(size, size), what="the crop")
    want = to_crop(centers, box, size)
    # Taking the nearest pixel may be off by half of one, of the image and of the crop; the rest is for finding a blob.
    near = 0.5 * max(size / box[2], size / box[3]) + 0.5 + 0.25
    for center, place in zip(centers, want, strict=True):
        found = _find_blob(crop, place, size // 6)
        off = float(np.abs(found - place).max())
        bright = float(crop[tuple(np.round(place[::-1]).astype(int))])
        what = f"what lies at ({center[0]:.0f}, {center[1]:.0f}) of the image"
        expect.true(
            off <= near and bright > 0.4,
            f"{what}: at ({place[0]:.1f}, {place[1]:.1f}) of the crop",
            f"not there; the pixel there is {bright:.2f}, and what is bright around it centers on "
            f"({found[0]:.1f}, {found[1]:.1f})",
            say(box, size),
            "Rows are y and columns x: image[top : top + height, left : left + width].",
        )


@crop_face.rung("values", points=4)
def pixels_lie_below_their_points(student: Student, rng: np.random.Generator) -> None:
    """What a keypoint points at in the image, it points at in the crop."""
    for size in (64, 160, 40):
        box = draw_box(rng)
        shares = np.array([(0.2, 0.25), (0.8, 0.2), (0.5, 0.55), (0.25, 0.8), (0.75, 0.85)])
        centers = np.array(box[:2]) + shares * np.array(box[2:])
        image = _blobs(centers, (max(2.0, box[2] / 24), max(2.0, box[3] / 24)), (120, 160))
        _expect_pixels(student, image, centers, box, size)


@crop_face.rung("values", points=2)
def grays_stay(student: Student, rng: np.random.Generator) -> None:
    """A gray area keeps its gray."""
    for size in (40, 160):
        gray = float(np.round(rng.uniform(0.3, 0.7), 2))
        box = draw_box(rng)
        crop, _ = ask(student, np.full((120, 160), gray, np.float32), box, draw_points(rng, box), size)
        middle = expect.array(crop, shape=(size, size), what="the crop")[size // 4 : -size // 4, size // 4 : -size // 4]
        example = f"an image that is {gray} everywhere, {say(box, size)}"
        want = np.full(middle.shape, gray)
        expect.close(middle, want, rtol=1e-3, atol=1e-3, what="the middle of the crop", example=example)


def _expect_uncropped(student: Student, points: np.ndarray, box: Box, size: int | None) -> None:
    side = size or 224
    got = student.probe("lesson_09.uncrop", points=points, box=list(box), size=size)["value"]
    exact, corner, sides = points.astype(float), np.array(box[:2], float), np.array(box[2:], float)
    hint = hint_for(
        got,
        [
            (exact * sides / side + corner, "Half a pixel is lost: a whole coordinate is the center of a pixel."),
            (exact * (sides - 1) / (side - 1) + corner, "Corner pixels were laid on corner pixels."),
            (to_crop(exact, box, side), "That goes into the crop once more, not out of it."),
            ((exact + corner + 0.5) * sides / side - 0.5, "First scale, then move: the opposite order of crop_face."),
            ((exact + 0.5) * sides / side - 0.5, "They were scaled, but not moved back."),
            (exact + corner, "They were moved back, but not scaled."),
            ((exact + 0.5) * sides[0] / side - 0.5 + corner, "Both were scaled by the width."),
            ((exact + 0.5) * sides / 224 - 0.5 + corner, "They were scaled as if size were 224."),
        ],
        rtol=1e-4,
    )
    x, y = points[0]
    example = f"{say(box, side)}; the first point ({x:.2f}, {y:.2f}) of the crop"
    want = to_image(exact, box, side)
    expect.close(got, want, **PIXELS, what="uncrop: the points in the image", example=example, hint=hint)


@crop_face.rung("values", points=4)
def uncrop_brings_points_back(student: Student, rng: np.random.Generator) -> None:
    """uncrop turns pixels of the crop into pixels of the image."""
    _expect_uncropped(student, np.zeros((1, 2), np.float32), (30, 20, 60, 80), 120)
    for square, size in ((True, 48), (False, 100), (False, None)):
        box = draw_box(rng, square)
        points = rng.uniform(0, size or 224, (POINTS, 2)).astype(np.float32)
        _expect_uncropped(student, points, box, size)


@crop_face.rung("values", points=2)
def there_and_back(student: Student, rng: np.random.Generator) -> None:
    """What crop_face does to keypoints, uncrop undoes exactly."""
    image = draw_image(rng)
    for size in (48, 224):
        box = draw_box(rng)
        points = draw_points(rng, box, -0.2, 1.2)
        inputs = {"image": image, "box": list(box), "keypoints": points, "size": size}
        back = student.probe("lesson_09.there_and_back", **inputs)
        what = "uncrop of what crop_face answers"
        expect.close(back, points, **PIXELS, what=what, example=f"{say(box, size)}; some points outside of the box")


@crop_face.rung("edge cases", points=2)
def boxes_reach_outside(student: Student, rng: np.random.Generator) -> None:
    """Where the box is outside of the image the crop is black, and everything else is in its place."""
    left, top = -int(rng.integers(20, 30)), -int(rng.integers(25, 35))
    for box, size in (((left, top, 80, 100), 60), ((110, 60, 90, 100), 120)):
        shares = np.array([(0.65, 0.65)]) if box[0] < 0 else np.array([(0.2, 0.2)])
        centers = np.array(box[:2]) + shares * np.array(box[2:])
        _expect_pixels(student, _blobs(centers, (3.0, 3.0), (120, 160)), centers, box, size)
        crop, _ = ask(student, np.full((120, 160), 0.6, np.float32), box, draw_points(rng, box), size)
        crop = expect.array(crop, shape=(size, size), what="the crop")
        places = to_image(np.stack(np.meshgrid(np.arange(size), np.arange(size)), axis=-1).reshape(-1, 2), box, size)
        # The widest interpolation looks four pixels around it, of the image or, where it shrinks, of the crop.
        rim = 5 * max(1.0, box[2] / size, box[3] / size)
        inside = (np.minimum(places, (159, 119) - places) > rim).all(axis=1).reshape(size, size)
        outside = (np.minimum(places, (159, 119) - places) < -rim).any(axis=1).reshape(size, size)
        example = f"a 120 x 160 image that is 0.6 everywhere, {say(box, size)}"
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
    crop, moved = ask(student, draw_image(rng), box, None, 48)
    expect.array(crop, shape=(48, 48), what="the crop, keypoints None")
    expect.true(moved is None, "None for keypoints None", expect.show(moved))


@crop_face.rung("side effects", points=1)
def leaves_its_inputs_alone(student: Student, rng: np.random.Generator) -> None:
    """Image, keypoints and points of the caller are not changed."""
    box, image = draw_box(rng), draw_image(rng)
    points = draw_points(rng, box)
    found = student.probe("lesson_09.crop", image=image, box=list(box), keypoints=points, size=48)
    expect.equal(found["image_after"], image, what="the caller's image afterwards")
    expect.equal(found["keypoints_after"], points, what="the caller's keypoints afterwards")
    after = student.probe("lesson_09.uncrop", points=points, box=list(box), size=48)["after"]
    expect.equal(after, points, what="the caller's points after uncrop")
