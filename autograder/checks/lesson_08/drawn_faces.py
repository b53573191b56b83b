"""Draw items from the student's data set of lesson 08, and say in words what their shifts are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial
from itertools import product
from typing import Any

import numpy as np

from autograder.checks.lesson_08 import picture_motion as motion
from autograder.ladder import expect
from autograder.ladder.student import Student, StudentError
from autograder.worker.plain import TensorValue

SHAPE = (10, 14)
# The sums of a library that works with relative places in float32.
PIXELS = 1e-3
# The sums of float32 numbers of the size of 1.
CLOSE = 1e-5
# Each of 25 shifts misses all of 1,000 draws with a chance of 2e-18. Along both directions one of 5 values comes 400
# times, with a standard deviation of 18: five of them are taken for chance.
DRAWS, FEWEST, MOST = 1000, 310, 490
# Of 400 uniform numbers the distribution's largest distance to a straight line is beyond this with a chance of 1e-6;
# so is the correlation of two kinds of them.
UNIFORM_DRAWS, DISTANCE, CORRELATION = 400, 0.135, 0.25

# Pictures (N, H, W) and their keypoints (N, K, 2).
Faces = tuple[np.ndarray, np.ndarray]
# In words how something may be written, and what it is in the writing that is asked for.
Readings = dict[str, np.ndarray]


def noise_faces(rng: np.random.Generator, count: int, shape: tuple[int, int] = SHAPE) -> Faces:
    """Draw ``count`` pictures of noise (N, H, W) and four keypoints in each (N, 4, 2)."""
    images = rng.uniform(0.05, 0.95, (count, *shape)).astype(np.float32)
    return images, rng.uniform(0.2, 0.8, (count, 4, 2)).astype(np.float32)


def draw_seed(rng: np.random.Generator) -> int:
    """Draw the seed of a generator."""
    return int(rng.integers(2**31))


def call_text(options: dict[str, Any]) -> str:
    """Return the call that makes the data set, as a student would write it."""
    return (
        f"AugmentedFaces({', '.join(['images', 'keypoints', *(f'{key}={value}' for key, value in options.items())])})"
    )


def ask(student: Student, faces: Faces, indices: list[int], seed: int | None, **options: Any) -> dict[str, Any]:
    """Draw the items at ``indices`` from the student's data set; without a ``seed`` it is given no generator."""
    images, keypoints = faces
    given = {"images": images, "keypoints": keypoints, "options": options}
    return student.probe("lesson_08.draw", **given, seed=seed, indices=indices)


def _plain(value: Any, what: str) -> np.ndarray:
    """Return the tensors or arrays that were drawn as one array."""
    found = value.array if isinstance(value, TensorValue) else value
    expect.true(isinstance(found, np.ndarray), f"{what}: a tensor of one shape for every item", expect.show(found))
    return found


def items_of(found: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Return the pictures (N, 1, H, W) and the targets (N, 2K) that were drawn."""
    expect.true(found["sizes"] == [2], "items: pairs of a picture and its targets", "items of another kind")
    return _plain(found["pictures"], "pictures"), _plain(found["targets"], "targets")


def draw_items(student: Student, faces: Faces, indices: list[int], seed: int, **options: Any) -> Faces:
    """Return what was drawn as pictures (N, H, W) and keypoints (N, K, 2).

    Another unit or order of the targets, and pictures that do not lie around 0, cost points where ``draw_as_written``
    is asked, not here again: all is read as the student writes a face that stays as it is.
    """
    drawn = draw_as_written(student, faces, indices, seed, **options)
    try:
        still = draw_as_written(student, faces, indices[:1], seed, max_shift=0, max_degrees=0.0, max_jitter=0.0)
    except (StudentError, expect.Mismatch):
        return drawn
    images, keypoints = (stored[indices[0]] for stored in faces)
    return (
        _read_alike(drawn[0], still[0], images - 0.5, read_pictures, PIXELS),
        _read_alike(drawn[1], still[1], keypoints, partial(read_targets, size=images.shape[::-1]), CLOSE),
    )


def _read_alike(
    drawn: np.ndarray, still: np.ndarray, want: np.ndarray, read: Callable[[np.ndarray], Readings], atol: float
) -> np.ndarray:
    """Return what was drawn in the reading by which what stayed as it was is right; as it came where none fits."""
    if np.allclose(still[0], want, rtol=0, atol=atol):
        return drawn
    fitting = (words for words, one in read(still).items() if np.allclose(one[0], want, rtol=0, atol=atol))
    words = next(fitting, None)
    return drawn if words is None else read(drawn)[words]


def read_pictures(pictures: np.ndarray) -> Readings:
    """Return in words in what other range pictures may lie, and what they are in -0.5 … 0.5."""
    return {
        "a picture in [0, 1]: 0.5 was not taken off": pictures - 0.5,
        "a picture from which 0.5 was taken off twice": pictures + 0.5,
        "a picture in -1 … 1": pictures / 2,
    }


def read_targets(targets: np.ndarray, size: tuple[int, ...]) -> Readings:
    """Return in words in what other unit or order targets (N, K, 2) may stand, and the relative keypoints they are.

    ``size`` is the picture's, (W, H).
    """
    return {
        "targets in pixels": targets / np.array(size),
        "targets with all x before all y": targets.reshape(len(targets), 2, -1).swapaxes(1, 2),
        "targets with y before x": targets[..., ::-1],
        "targets in -0.5 … 0.5": targets + 0.5,
    }


def draw_as_written(student: Student, faces: Faces, indices: list[int], seed: int, **options: Any) -> Faces:
    """Return what was drawn as pictures (N, H, W) and keypoints (N, K, 2), in whatever unit and order.

    A missing axis of channels, or targets that are no single row, cost points where shapes are asked, not here again.
    """
    pictures, targets = items_of(ask(student, faces, indices, seed, **options))
    count, (_, height, width), points = len(indices), faces[0].shape, faces[1].shape[1]
    fits = pictures.shape in ((count, 1, height, width), (count, height, width), (count, height, width, 1))
    same = fits and targets.shape in ((count, 2 * points), (count, points, 2))
    expected = f"items of shapes (1, {height}, {width}) and ({2 * points},)"
    expect.true(same, expected, f"shapes {pictures.shape[1:]} and {targets.shape[1:]}")
    return (
        pictures.reshape(count, height, width).astype(float),
        targets.reshape(count, points, 2).astype(float),
    )


def shift_of(targets: np.ndarray, points: np.ndarray, most: int) -> tuple[int, int] | None:
    """Return the shift (dx, dy) in whole pixels that led from points to targets, both (K, 2); None where none did."""
    steps = (targets - points) * np.array(SHAPE[::-1])
    whole = np.round(steps[0])
    if np.abs(steps - whole).max() > 1e-3 or np.abs(whole).max() > most:
        return None
    return int(whole[0]), int(whole[1])


def say_targets(targets: np.ndarray, points: np.ndarray, most: int) -> str | None:
    """Return in words what is wrong with targets (K, 2) that can be no shift of the points; None where they can."""
    size = np.array(SHAPE[::-1])
    for words, read in read_targets(targets[None], SHAPE[::-1]).items():
        if shift_of(read[0], points, most) is not None:
            return words
    steps = (targets - points) * size
    if np.ptp(steps, axis=0).max() < 1e-3:
        return "points that moved too far" if np.abs(steps).max() > most else "points that moved by parts of a pixel"
    return None


def say_picture(picture: np.ndarray, image: np.ndarray, step: tuple[int, int], most: int) -> str:
    """Return in words what is wrong with a drawn picture whose points moved by ``step``."""
    right = motion.translated(image, *step)
    inside = motion.translated(np.ones_like(image), *step) > 0
    known = {
        "a picture that is gray all over, as a contrast of 0 makes it": np.zeros_like(image),
        "a picture that is white all over": np.full_like(image, 0.5),
        "a picture that is black all over": np.full_like(image, -0.5),
        "a picture whose dark half is lost: 0.5 was taken off before values were cut to [0, 1]": np.clip(
            right - 0.5, 0, 1
        ),
        "a gap of 0, where black is -0.5": np.where(inside, right - 0.5, 0),
        "pixels that leave on one side and come in on the other": np.roll(image, step[::-1], (0, 1)) - 0.5,
    }
    if words := motion.named(picture, known, PIXELS):
        return words
    for words, read in read_pictures(picture).items():
        if np.allclose(read, right - 0.5, rtol=0, atol=PIXELS):
            return words
    reach = range(-most, most + 1)
    for offset, dx, dy in product((0.5, 0.0), reach, reach):
        if np.allclose(picture, motion.translated(image, dx, dy) - offset, rtol=0, atol=PIXELS):
            if (dx, dy) == (0, 0):
                return "points that moved, and a picture that stayed"
            if step == (0, 0):
                return "a picture that moved, and points that stayed"
            opposite = (dx, dy) == (-step[0], -step[1])
            return "points that moved the other way" if opposite else "points that moved by another shift"
    return "a picture that is no shift of its own"


def say_shifts(found: list[tuple[int, int] | None], most: int) -> str | None:
    """Return in words what is wrong with the shifts of many draws, None where they are as they should be."""
    steps = [step for step in found if step is not None]
    if len(steps) < len(found):
        return "shifts beyond the largest one, or by parts of a pixel"
    if set(steps) == {(0, 0)}:
        return "no shift at all"
    if len(set(steps)) == 1:
        return "the same shift each time"
    xs, ys = ([step[axis] for step in steps] for axis in (0, 1))
    if all(x == y for x, y in steps) or all(x == -y for x, y in steps):
        return "the same number of pixels in x and y: faces that move along a diagonal"
    if not any(xs) or not any(ys):
        return "shifts along one direction only"
    values = set(range(-most, most + 1))
    for got in (set(xs) | set(ys), set(xs), set(ys)):
        if got < values:
            never = sorted(values - got)
            return f"shifts that are never {' or '.join(f'{value:+d}' if value else '0' for value in never)}"
    if len(set(steps)) < len(values) ** 2:
        return "shifts in x that say what the shift in y is"
    counts = Counter(xs) + Counter(ys)
    if min(counts.values()) >= FEWEST and max(counts.values()) <= MOST:
        return None
    ends, others = [counts[-most], counts[most]], [counts[value] for value in range(1 - most, most)]
    middle = sum(others) / len(others)
    if all(0.35 < end / middle < 0.65 for end in ends) and all(0.85 < other / middle < 1.15 for other in others):
        return "largest shifts that come half as often as the others"
    return "shifts of which some come much more often than others"


def say_uniform(values: np.ndarray, most: float, name: str) -> str | None:
    """Return in words what is wrong with many draws of a number from [-most, most], None where they are uniform."""
    if np.ptp(values) < 1e-4 * most:
        if abs(values[0]) < 1e-4 * most:
            return f"no {name} at all"
        largest = abs(abs(values[0]) - most) < 1e-3 * most
        return f"the largest {name} each time" if largest else f"the same {name} each time"
    if np.abs(values).max() > 1.02 * most:
        return f"a larger {name}"
    if values.min() > -0.5 * most or values.max() < 0.5 * most:
        return f"a {name} to one side only, or far smaller ones"
    still = float((np.abs(values) < 1e-4 * most).mean())
    if still > 0.1:
        # How many exactly is chance.
        return f"no {name} in about half of the draws" if 0.35 < still < 0.65 else f"no {name} in many draws"
    # Of the 4,000 bins, 400 uniform numbers fall into 380 or so.
    different = len(np.unique(np.round(values / most * 2000)))
    if different < len(values) / 2:
        return f"a {name} of {different} different sizes only, as if drawn from whole numbers"
    ordered = np.sort(values)
    steps = np.arange(len(values) + 1) / len(values)
    line = (ordered + most) / (2 * most)
    if max(np.abs(line - steps[1:]).max(), np.abs(line - steps[:-1]).max()) > DISTANCE:
        return f"a {name} of which some values come much more often than others"
    return None
