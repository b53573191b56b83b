"""Checks of lesson 08: translate, rotate and jitter, whatever library moves the pixels."""

from __future__ import annotations

import numpy as np

from autograder.checks.lesson_08 import picture_motion as motion
from autograder.checks.lesson_08.asked_moves import PARTS, expect_size, moved, noise, pair
from autograder.checks.lesson_08.drawn_faces import CLOSE, PIXELS
from autograder.ladder import expect
from autograder.ladder.form import Answers, form
from autograder.ladder.ladder import Ladder
from autograder.ladder.student import Student

translate = Ladder("translate")

# In pixels. Who turns about the center of the middle pixel, and not of the picture, is off by at most 0.43 for the
# angles below.
TURNED_POINTS = 0.5
# The same, and what interpolation to the nearest pixel moves a spot by.
TURNED_SPOT = 0.8
SIDES = ((60, 100), (96, 64))
AXES_HINT = "x runs along the width, y along the height, downwards. One pixel is 1/W of x, but 1/H of y."


def _angle(rng: np.random.Generator, sign: int = 1) -> float:
    return sign * round(float(rng.uniform(20, 35)), 1)


@form(translate, "type", points=1)
def returns_pictures_and_points(student: Student, rng: np.random.Generator) -> Answers:
    """translate and rotate return a picture and keypoints, jitter a picture: NumPy arrays."""
    image, points = noise(rng, (8, 12))
    moved(student, "translate", image, points, 2, 1, what="translate(image, keypoints, 2, 1)")
    moved(student, "rotate", image, points, 30.0, what="rotate(image, keypoints, 30)")
    yield "jitter(image, 0.1, 1.2)", student.call("jitter", image, 0.1, 1.2)


@translate.rung("shape", points=2)
def keeps_the_shapes(student: Student, rng: np.random.Generator) -> None:
    """Picture and keypoints keep their shapes, also upright and for a quarter turn."""
    steps: dict[str, tuple[str, list[float]]] = {
        "translate(image, keypoints, 3, -2)": ("translate", [3, -2]),
        "rotate(image, keypoints, 30)": ("rotate", [30.0]),
        "rotate(image, keypoints, 90)": ("rotate", [90.0]),
    }
    for shape in ((8, 12), (14, 6)):
        image, points = noise(rng, shape, 3)
        for what, (name, more) in steps.items():
            picture, found = moved(student, name, image, points, *more)
            expect_size(picture, shape, what)
            expect.array(found, (3, 2), what=f"{what}, keypoints")
        expect.array(student.call("jitter", image, 0.1, 1.2), shape=shape, what="jitter(image, 0.1, 1.2)")


@form(translate, "dtype", points=1, dtype="float32")
def stays_float32(student: Student, rng: np.random.Generator) -> Answers:
    """Pictures and keypoints are float32."""
    image, points = noise(rng, (8, 12))
    steps: dict[str, list[float]] = {"translate": [2, 1], "rotate": [25.0]}
    for name, more in steps.items():
        for part, what in zip(moved(student, name, image, points, *more), ("picture", "points"), strict=True):
            yield f"{name}(image, keypoints, …), {what}", part
    yield "jitter(image, 0.1, 1.2)", student.call("jitter", image, 0.1, 1.2)


def _expect_moved(student: Student, image: np.ndarray, points: np.ndarray, dx: int, dy: int) -> None:
    picture, found = moved(student, "translate", image, points, dx, dy)
    call = f"translate(image, keypoints, {dx}, {dy})"
    example = f"a picture of {image.shape[0]}x{image.shape[1]} pixels (height, width)"
    want = points + np.array([dx / image.shape[1], dy / image.shape[0]])
    mistakes = motion.moved_points_mistakes(points, dx, dy, image.shape)
    expected = f"{call}: points that moved by dx / W and dy / H"
    motion.expect_near(found, want, CLOSE, mistakes, expected, f"{call}, keypoints", example, AXES_HINT)
    want, mistakes = motion.translated(image, dx, dy), motion.translating_mistakes(image, dx, dy)
    expected = f"{call}: a picture that moved, 0 in the gap"
    hint = "Let one bright pixel move on paper. Where does it go, and what comes in behind it?"
    motion.expect_near(picture, want, PIXELS, mistakes, expected, f"{call}, picture", example, hint)


def _steps(rng: np.random.Generator) -> tuple[int, int]:
    """Draw two different numbers of pixels."""
    dx, dy = rng.choice(np.arange(2, 9), 2, replace=False).tolist()
    return dx, dy


@translate.rung("values", points=5)
def moves_right_and_down(student: Student, rng: np.random.Generator) -> None:
    """Picture and points move together, dx pixels to the right and dy down; 0 comes in."""
    for shape in ((20, 32), (30, 18)):
        _expect_moved(student, *noise(rng, shape), *_steps(rng))


@translate.rung("edge cases", points=2)
def moves_in_every_direction(student: Student, rng: np.random.Generator) -> None:
    """Left and up, along one direction only, not at all, and out of the frame."""
    dx, dy = _steps(rng)
    for step in ((-dx, dy), (dx, -dy), (-dx, -dy), (dx, 0), (0, -dy), (0, 0), (40, 0), (0, -25)):
        image, points = noise(rng, (20, 32))
        _expect_moved(student, image, points, *step)


@translate.rung("values", points=5)
def turns_the_points(student: Student, rng: np.random.Generator) -> None:
    """The points turn counterclockwise about the center of the picture, by the angle."""
    for shape, sign in zip((SIDES[0], SIDES[1], SIDES[0]), (1, 1, -1), strict=True):
        degrees = _angle(rng, sign)
        size = np.array(shape[::-1])
        # The last one leaves the frame.
        points = np.concatenate([motion.points_off_center(rng, shape), np.array([[0.98, 0.03]], np.float32)])
        image = motion.blob_picture(shape, points[0] * size)
        _, got = moved(student, "rotate", image, points, degrees)
        expect.array(got, points.shape, what="rotate(image, keypoints, …), keypoints")
        want = motion.turned_points(points, degrees, shape)
        off = np.hypot(*((got - want) * size).T)
        if off.max() <= TURNED_POINTS:
            continue
        call = f"rotate(image, keypoints, {degrees})"
        example = (
            f"a picture of {shape[0]}x{shape[1]} pixels (height, width), points at its upper left and one in a corner"
        )
        hint = "Turn one point by hand: from the center to pixels, a quarter turn, and back to relative units."
        # Some lie close to each other: a small turn, and none.
        mistakes = motion.turning_mistakes(points, degrees, shape)
        far = {words: float(np.abs((got - wrong) * size).max()) for words, wrong in mistakes.items()}
        nearest = min(far, key=far.__getitem__)
        if far[nearest] <= TURNED_POINTS:
            expected = f"{call}: points turned counterclockwise about the center, in pixels"
            raise expect.Mismatch(expected, nearest, example, hint)
        atol = TURNED_POINTS / max(shape)
        expect.close(got, want, rtol=0, atol=atol, what=f"{call}, keypoints", example=example, hint=hint)


def _say_spot(found: np.ndarray | None, place: np.ndarray, degrees: float, shape: tuple[int, int]) -> str:
    """Return in words where the spot of a turned picture went."""
    if found is None:
        return "a black picture"
    size, corner = np.array(shape[::-1]), np.zeros(2)
    places = {
        "a picture that did not turn, or by less than a degree": place,
        "a picture turned clockwise": motion.turned(place, -degrees, size / 2),
        "a picture turned about its upper left corner": motion.turned(place, degrees, corner),
        "a picture turned twice as far": motion.turned(place, 2 * degrees, size / 2),
        "a picture turned by so many radians": motion.turned(place, float(np.degrees(degrees)), size / 2),
        "a picture turned about (H / 2, W / 2)": motion.turned(place, degrees, size[::-1] / 2),
    }
    for words, where in places.items():
        if np.hypot(*(found - where)) <= TURNED_SPOT:
            return words
    return f"the spot at ({found[0]:.1f}, {found[1]:.1f})"


@translate.rung("values", points=5)
def turns_the_pixels(student: Student, rng: np.random.Generator) -> None:
    """The pixels turn with the points: a bright spot stays under its keypoint."""
    for shape, sign in zip((SIDES[0], SIDES[1], SIDES[0]), (1, -1, 1), strict=True):
        degrees, size = _angle(rng, sign), np.array(shape[::-1])
        direction, length = rng.uniform(0, 2 * np.pi), 0.33 * min(shape)
        place = size / 2 + length * np.array([np.cos(direction), np.sin(direction)])
        image = motion.blob_picture(shape, place)
        picture, _ = moved(student, "rotate", image, (place / size)[None].astype(np.float32), degrees)
        expect_size(picture, shape, f"rotate(image, keypoints, {degrees})")
        found, want = motion.center_of_mass(picture), motion.turned(place, degrees, size / 2)
        if found is not None and np.hypot(*(found - want)) <= TURNED_SPOT:
            continue
        call = f"rotate(image, keypoints, {degrees})"
        example = f"a picture of {shape[0]}x{shape[1]} pixels, black but for a spot at ({place[0]:.1f}, {place[1]:.1f})"
        words = _say_spot(found, place, degrees, shape)
        hint = "Which angle, in which unit and direction, and which center does your library expect?"
        where = f"({want[0]:.1f}, {want[1]:.1f})" if words.startswith("the spot") else "counterclockwise"
        raise expect.Mismatch(f"{call}: the spot turned about the center, to {where}", words, example, hint)


@translate.rung("values", points=2)
def keeps_the_brightness(student: Student, rng: np.random.Generator) -> None:
    """A turned picture is as bright as it was, and 0 in the corners that nothing comes to."""
    shape, degrees = SIDES[0], _angle(rng)
    y, x = np.mgrid[: shape[0], : shape[1]] + 0.5
    phase = rng.uniform(0, 2 * np.pi, 2)

    def smooth(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return 0.5 + 0.12 * np.sin(2 * np.pi * x / 50 + phase[0]) + 0.12 * np.sin(2 * np.pi * y / 40 + phase[1])

    center = np.full((1, 2), 0.5, np.float32)
    picture, _ = moved(student, "rotate", smooth(x, y).astype(np.float32), center, degrees)
    expect_size(picture, shape, f"rotate(image, keypoints, {degrees})")
    source = motion.turned(np.stack([x, y], axis=-1), -degrees, np.array(shape[::-1]) / 2)
    from_edge = np.minimum(source, np.array(shape[::-1]) - source).min(axis=-1)
    call = f"rotate(image, keypoints, {degrees})"
    inside, outside = from_edge > 2, from_edge < -2
    off = float(np.abs(picture - smooth(source[..., 0], source[..., 1]))[inside].mean())
    example = "a smooth picture between 0.26 and 0.74"
    hint = "Are the values still those of [0, 1], as float, and is each pixel's value that of the place it came from?"
    got = f"{off:.2g} apart on average; values from {picture.min():.3g} to {picture.max():.3g}"
    expect.true(off < 0.03, f"{call}: the values of the places that the pixels came from", got, example, hint)
    corners = float(np.abs(picture[outside]).mean())
    hint = "What comes in from outside the frame is unknown, and black here."
    expect.true(corners < 0.01, f"{call}: 0 in the empty corners", f"{corners:.3g} on average", example, hint)


@translate.rung("edge cases", points=1)
def turns_by_nothing(student: Student, rng: np.random.Generator) -> None:
    """A turn by 0 degrees changes nothing."""
    image, points = noise(rng, (20, 32))
    picture, turned = moved(student, "rotate", image, points, 0.0)
    expect.close(turned, points, rtol=0, atol=CLOSE, what="rotate(image, keypoints, 0), keypoints")
    expect.close(picture, image, rtol=0, atol=PIXELS, what="rotate(image, keypoints, 0), picture")


@translate.rung("values", points=4)
def changes_the_light(student: Student, rng: np.random.Generator) -> None:
    """Contrast about middle gray, then brightness, then a cut to [0, 1]."""
    image = np.linspace(0, 0.9, 24, dtype=np.float32).reshape(4, 6)
    hint = "Take one gray pixel and follow the formula of the docstring by hand."
    for brightness, contrast in ((0.1, 0.6), (-0.1, 1.5), (0.35, 1.0), (0.0, 1.8), (-0.25, 1.4)):
        brightness = round(brightness + float(rng.uniform(-0.02, 0.02)), 3) if brightness else 0.0
        call, example = f"jitter(image, {brightness}, {contrast})", "a picture of gray values from 0 to 0.9"
        found = expect.array(student.call("jitter", image, brightness, contrast), what=call)
        want = np.clip(0.5 + contrast * (image - 0.5) + brightness, 0, 1)
        mistakes = motion.jitter_mistakes(image, brightness, contrast)
        expected = f"{call}: 0.5 + contrast * (image - 0.5) + brightness in [0, 1]"
        motion.expect_near(found, want, CLOSE, mistakes, expected, call, example, hint)


@translate.rung("side effects", points=2)
def leaves_what_it_was_given(student: Student, rng: np.random.Generator) -> None:
    """None of the three changes its picture or its keypoints."""
    image, points = noise(rng, (10, 14))
    hint = "An assignment to a slice, += or out= writes into the array that the caller still needs."
    given: dict[str, tuple[list[np.ndarray], list[float]]] = {
        "translate": ([image, points], [2, -1]),
        "rotate": ([image, points], [20.0]),
        "jitter": ([image], [0.2, 1.5]),
    }
    for name, (arrays, numbers) in given.items():
        value, after = student.call_and_args(name, *arrays, *numbers)
        picture = pair(value, name)[0] if len(arrays) == 2 else expect.array(value, image.shape, what=name)
        # Who does nothing changes nothing.
        done = picture.shape == image.shape and not np.allclose(picture, image, rtol=0, atol=PIXELS)
        expect.true(done, f"{name}: another picture than the one it was given", "the same picture", hint=hint)
        for what, before, now in zip(PARTS, arrays, after, strict=False):
            same = np.array_equal(now, before)
            expected = f"{name}: the {what} left alone"
            expect.true(same, expected, f"the {what} that came in, overwritten", hint=hint)


@translate.rung("side effects", points=1)
def hands_out_new_arrays(student: Student, rng: np.random.Generator) -> None:
    """What comes back is new, also where nothing moves: whoever draws into it leaves the stored face alone."""
    image, points = noise(rng, (10, 14))
    hint = "Who has nothing to do returns a copy: image.copy(), keypoints.copy()."
    calls: dict[str, list[float]] = {"translate": [0, 0], "rotate": [0.0], "jitter": [0.0, 1.0]}
    for name, numbers in calls.items():
        arrays = [image] if name == "jitter" else [image, points]
        found = student.probe("lesson_08.shared", name=name, arrays=arrays, numbers=numbers)
        for what, given, (value, shares) in zip(PARTS, arrays, found, strict=False):
            call = f"{name}(…, {', '.join(map(str, numbers))})"
            expect.close(value, given, rtol=0, atol=PIXELS, what=f"{call}, {what}")
            expect.true(not shares, f"{call}: a new {what}", "the very array that came in", hint=hint)
