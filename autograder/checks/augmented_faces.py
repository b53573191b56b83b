"""Checks of lesson 08: a data set that moves, turns and lights its faces anew each time an item is drawn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np

from autograder import expect
from autograder.checks import picture_motion as motion
from autograder.checks.moving_faces import PIXELS, TURNED_POINTS, TURNED_SPOT
from autograder.ladder import Ladder
from autograder.student import Student
from autograder.worker.plain import TensorValue

augmented_faces = Ladder("AugmentedFaces")

SHAPE = (10, 14)
# Of the sums that a data set computes in float32.
CLOSE = 1e-5
# Each of 25 shifts misses all of 500 draws with a chance of 3e-8; one of 5 values comes 100 times, with a standard
# deviation of 9.
DRAWS, FEWEST, MOST = 500, 45, 155


def _faces(rng: np.random.Generator, count: int, shape: tuple[int, int] = SHAPE) -> tuple[np.ndarray, np.ndarray]:
    images = rng.uniform(0.05, 0.95, (count, *shape)).astype(np.float32)
    return images, rng.uniform(0.2, 0.8, (count, 4, 2)).astype(np.float32)


def _seed(rng: np.random.Generator) -> int:
    return int(rng.integers(2**31))


def _call(options: dict[str, Any]) -> str:
    return ", ".join(["AugmentedFaces(images, keypoints", *(f"{key}={value}" for key, value in options.items())]) + ")"


def _draw(
    student: Student,
    faces: tuple[np.ndarray, np.ndarray],
    indices: list[int],
    seed: int | None = 0,
    **options: Any,
) -> dict[str, Any]:
    return student.probe(
        "full_keypoints.draw", images=faces[0], keypoints=faces[1], options=options, seed=seed, indices=indices
    )


def _plain(value: Any, what: str) -> np.ndarray:
    """Return the tensors or arrays that were drawn as one array."""
    found = value.array if isinstance(value, TensorValue) else value
    expect.true(isinstance(found, np.ndarray), f"{what}: a tensor of one shape for every item", expect.show(found))
    return found


def _items(found: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Return the pictures (N, 1, H, W) and the targets (N, 2K) that were drawn."""
    expect.true(found["sizes"] == [2], "items: pairs of a picture and its targets", "items of another kind")
    return _plain(found["pictures"], "pictures"), _plain(found["targets"], "targets")


def _drawn(
    student: Student, faces: tuple[np.ndarray, np.ndarray], indices: list[int], seed: int, **options: Any
) -> tuple[np.ndarray, np.ndarray]:
    """Return what was drawn as pictures (N, H, W) and keypoints (N, K, 2)."""
    pictures, targets = _items(_draw(student, faces, indices, seed, **options))
    count, (_, height, width), points = len(indices), faces[0].shape, faces[1].shape[1]
    same = pictures.shape == (count, 1, height, width) and targets.shape == (count, 2 * points)
    expected = f"items of shapes (1, {height}, {width}) and ({2 * points},)"
    expect.true(same, expected, f"shapes {pictures.shape[1:]} and {targets.shape[1:]}")
    return pictures[:, 0].astype(float), targets.reshape(count, points, 2).astype(float)


@augmented_faces.rung("type", points=1, gate=True)
def is_a_data_set(student: Student, rng: np.random.Generator) -> None:
    """The data set has a length, and its items are pairs."""
    faces = _faces(rng, 3)
    found = _draw(student, faces, [0, 1, 2], _seed(rng))
    expect.true(found["length"] == 3, "len(AugmentedFaces(3 images, keypoints)): 3", str(found["length"]))
    _items(found)


@augmented_faces.rung("shape", points=2, gate=True)
def items_have_their_shapes(student: Student, rng: np.random.Generator) -> None:
    """A picture is (1, H, W), its targets (2K,)."""
    faces = _faces(rng, 3)
    pictures, targets = _items(_draw(student, faces, [2, 0], _seed(rng), max_shift=2))
    hint = "A convolution wants an axis of channels first; the network answers with one row of numbers."
    expected = f"a picture of shape (1, {SHAPE[0]}, {SHAPE[1]}) and targets of shape (8,)"
    same = pictures.shape[1:] == (1, *SHAPE) and targets.shape[1:] == (8,)
    expect.true(same, expected, f"shapes {pictures.shape[1:]} and {targets.shape[1:]}", hint=hint)


@augmented_faces.rung("dtype", points=1)
def items_are_float32(student: Student, rng: np.random.Generator) -> None:
    """Picture and targets are float32, whatever is switched on."""
    faces = _faces(rng, 2)
    for options in ({"max_shift": 2}, {"max_shift": 2, "max_degrees": 10.0, "max_jitter": 0.2}):
        found = _draw(student, faces, [0, 1], _seed(rng), **options)
        for part, what in zip(_items(found), ("picture", "targets"), strict=True):
            expect.array(part, dtype="float32", what=f"{_call(options)}[0], {what}")


def _say_targets(targets: np.ndarray, points: np.ndarray, most: int) -> str | None:
    """Return in words what is wrong with targets (K, 2) that can be no shift of the points; None where they can."""
    size = np.array(SHAPE[::-1])
    flat = targets.reshape(-1)
    for words, read in {
        "targets in pixels": targets / size,
        "targets with all x before all y": flat.reshape(2, -1).T,
        "targets with y before x": targets[:, ::-1],
        "targets in -0.5 … 0.5": targets + 0.5,
    }.items():
        if _shift_of(read, points, most) is not None:
            return words
    return None


def _shift_of(targets: np.ndarray, points: np.ndarray, most: int) -> tuple[int, int] | None:
    """Return the shift (dx, dy) in whole pixels that led from points to targets, both (K, 2); None where none did."""
    steps = (targets - points) * np.array(SHAPE[::-1])
    whole = np.round(steps[0])
    if np.abs(steps - whole).max() > 1e-3 or np.abs(whole).max() > most:
        return None
    return int(whole[0]), int(whole[1])


def _say_picture(picture: np.ndarray, image: np.ndarray, step: tuple[int, int], most: int) -> str:
    """Return in words what is wrong with a drawn picture whose points moved by ``step``."""
    right = motion.translated(image, *step)
    inside = motion.translated(np.ones_like(image), *step) > 0
    known = {
        "a picture in [0, 1]: 0.5 was not taken off": right,
        "a picture from which 0.5 was taken off twice": right - 1,
        "a gap of 0, where black is -0.5": np.where(inside, right - 0.5, 0),
        "a picture in -1 … 1": 2 * right - 1,
        "pixels that leave on one side and come in on the other": np.roll(image, step[::-1], (0, 1)) - 0.5,
    }
    words = motion.named(picture, known, PIXELS)
    if words:
        return words
    reach = range(-most, most + 1)
    moves = [(dx, dy) for dx in reach for dy in reach]
    for offset in (0.5, 0.0):
        for move in moves:
            if np.allclose(picture, motion.translated(image, *move) - offset, rtol=0, atol=PIXELS):
                if move == (0, 0):
                    return "points that moved, and a picture that stayed"
                if step == (0, 0):
                    return "a picture that moved, and points that stayed"
                opposite = move == (-step[0], -step[1])
                return "points that moved the other way" if opposite else "points that moved by another shift"
    return "a picture that is no shift of its own"


@augmented_faces.rung("values", points=4)
def points_move_with_the_pixels(student: Student, rng: np.random.Generator) -> None:
    """Picture and targets move by the same whole pixels; 0.5 is taken off the picture at the end."""
    images, points = _faces(rng, 4)
    indices = [0, 1, 2, 3, 1, 0, 1, 2]
    pictures, targets = _drawn(student, (images, points), indices, _seed(rng), max_shift=4)
    call, seen = _call({"max_shift": 4}), set()
    hint = "Follow one item by hand: stored picture and points, one shift for both, then -0.5."
    for number, index in enumerate(indices):
        again = ", drawn again" if index in seen else ""
        seen.add(index)
        example = f"a picture of {SHAPE[0]}x{SHAPE[1]} pixels{again}"
        step = _shift_of(targets[number], points[index], 4)
        if step is None:
            words = _say_targets(targets[number], points[index], 4) or "targets that are no such shift of the points"
            expected = f"{call}: targets that moved by whole pixels, at most 4, in relative units"
            raise expect.Mismatch(expected, words, example, hint)
        if not np.allclose(pictures[number], motion.translated(images[index], *step) - 0.5, rtol=0, atol=PIXELS):
            words = _say_picture(pictures[number], images[index], step, 4)
            raise expect.Mismatch(f"{call}: the picture, moved as its points were, minus 0.5", words, example, hint)


def _say_shifts(steps: list[tuple[int, int] | None], most: int) -> str | None:
    """Return in words what is wrong with the shifts of many draws, None where they are as they should be."""
    if None in steps:
        return "shifts beyond the largest one, or by parts of a pixel"
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
    counts = [*Counter(xs).values(), *Counter(ys).values()]
    if min(counts) < FEWEST or max(counts) > MOST:
        return "shifts of which some come much more often than others"
    return None


@augmented_faces.rung("values", points=4)
def draws_a_fresh_shift_each_time(student: Student, rng: np.random.Generator) -> None:
    """Drawn again, an item is moved anew: every whole number of pixels from -max_shift to max_shift, equally often."""
    faces = _faces(rng, 2)
    _, targets = _drawn(student, faces, [1] * DRAWS, _seed(rng), max_shift=2)
    words = _say_shifts([_shift_of(drawn, faces[1][1], 2) for drawn in targets], 2)
    hint = "Where is the shift drawn, how often, from which numbers, and where does it start from?"
    expected = f"{_call({'max_shift': 2})}, one item drawn {DRAWS} times: dx and dy of -2, -1, 0, 1 and 2, on their own"
    expect.true(words is None, expected, words or "", hint=hint)


@augmented_faces.rung("values", points=1)
def shifts_by_ten_pixels_unless_told(student: Student, rng: np.random.Generator) -> None:
    """Without options: shifts by up to 10 pixels, no rotation, no jitter."""
    images, points = _faces(rng, 1, (24, 30))
    pictures, targets = _drawn(student, (images, points), [0] * 200, _seed(rng))
    steps = np.round((targets - points[0]) * [30, 24])
    most = int(np.abs(steps).max())
    expect.true(most == 10, f"AugmentedFaces(images, keypoints): shifts by up to 10 pixels", f"by up to {most}")
    for picture, step in zip(pictures[:20], steps[:20, 0].astype(int), strict=True):
        same = np.allclose(picture, motion.translated(images[0], *step.tolist()) - 0.5, rtol=0, atol=PIXELS)
        expect.true(same, "AugmentedFaces(images, keypoints): a shift and nothing else", "another picture")


def _turned_faces(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return one picture with a bright spot under its first keypoint, and four points around the center."""
    shape = (48, 72)
    size, start = np.array(shape[::-1]), rng.uniform(0, 2 * np.pi)
    angles = start + np.arange(4) * np.pi / 2
    points = 0.5 + 14 * np.stack([np.cos(angles), np.sin(angles)], axis=1) / size
    return motion.blob_picture(shape, points[0] * size)[None], points[None].astype(np.float32)


def _expect_spots(pictures: np.ndarray, targets: np.ndarray, what: str) -> None:
    """Expect the bright spot of every picture under its first keypoint."""
    size = np.array(pictures.shape[:0:-1])
    for picture, points in zip(pictures, targets, strict=True):
        found = motion.center_of_mass(picture - np.median(picture))
        off = np.inf if found is None else float(np.hypot(*(found - points[0] * size)))
        hint = "Do the pixels and the points get the same angle and the same shift, in the same order?"
        expected = f"{what}: the bright spot under its keypoint"
        expect.true(off <= TURNED_SPOT, expected, "a spot that its keypoint has left", hint=hint)


@augmented_faces.rung("values", points=2)
def turns_when_asked(student: Student, rng: np.random.Generator) -> None:
    """max_degrees: a fresh angle each time, to both sides, for pixels and points."""
    images, points = _turned_faces(rng)
    options = {"max_shift": 0, "max_degrees": 20.0}
    pictures, targets = _drawn(student, (images, points), [0] * 80, _seed(rng), **options)
    size, call = np.array(images.shape[:0:-1]), _call(options)
    before, after = (points[0] - 0.5) * size, (targets - 0.5) * size
    cross = (before[:, 0] * -after[..., 1] + before[:, 1] * after[..., 0]).sum(axis=1)
    angles = np.degrees(np.arctan2(cross, (before * after).sum(axis=(1, 2))))
    expected = f"{call}, drawn 80 times: angles from -20 to 20 degrees"
    back = np.stack([motion.turned(place, angle, np.zeros(2)) for place, angle in zip(np.broadcast_to(before, after.shape), angles, strict=True)])
    off = float(np.abs(back - after).max())
    expect.true(off <= TURNED_POINTS, f"{call}: points turned about the center", "points that moved in another way")
    words = None
    if np.ptp(angles) < 1e-3:
        words = "no rotation" if abs(angles[0]) < 1e-3 else "the same angle each time"
    elif np.abs(angles).max() > 20.5:
        words = "larger angles"
    elif angles.min() > -8 or angles.max() < 8:
        words = "angles to one side only, or far smaller ones"
    expect.true(words is None, expected, words or "", hint="Angles are drawn as shifts are: to both sides, and anew.")
    _expect_spots(pictures, targets, call)


@augmented_faces.rung("values", points=2)
def jitters_when_asked(student: Student, rng: np.random.Generator) -> None:
    """max_jitter: a fresh brightness and contrast each time; the points stay."""
    images, points = _faces(rng, 1)
    images = (0.4 + 0.2 * images).astype(np.float32)  # so that nothing is cut off
    options = {"max_shift": 0, "max_jitter": 0.2}
    pictures, targets = _drawn(student, (images, points), [0] * 80, _seed(rng), **options)
    call, gray = _call(options), images[0].astype(float).ravel() - 0.5
    same = np.allclose(targets, points[0], rtol=0, atol=CLOSE)
    expect.true(same, f"{call}: points that stay", "points that moved")
    design = np.stack([gray, np.ones_like(gray)], axis=1)
    fits = [np.linalg.lstsq(design, picture.ravel(), rcond=None)[0] for picture in pictures]
    contrast, brightness = np.array(fits).T
    left = max(float(np.abs(design @ fit - picture.ravel()).max()) for fit, picture in zip(fits, pictures, strict=True))
    hint = "One brightness and one contrast for the whole picture, drawn anew for each item, to both sides."
    expected = f"{call}, drawn 80 times: "
    got = "a picture whose pixels changed each in its own way"
    expect.true(left < 1e-4, f"{expected}0.5 + contrast * (image - 0.5) + brightness - 0.5", got, hint=hint)
    for values, middle, name in ((contrast, 1.0, "contrast"), (brightness, 0.0, "brightness")):
        low, high = float(values.min()) - middle, float(values.max()) - middle
        words = None
        if high - low < 1e-4:
            words = f"the same {name} each time"
        elif max(-low, high) > 0.2 + 1e-3:
            words = f"a {name} beyond that"
        elif low > -0.05 or high < 0.05:
            words = f"a {name} that changes to one side only, or hardly at all"
        wanted = f"{expected}{name} from {middle - 0.2:.1f} to {middle + 0.2:.1f}"
        expect.true(words is None, wanted, words or "", hint=hint)


@augmented_faces.rung("values", points=1)
def does_all_at_once(student: Student, rng: np.random.Generator) -> None:
    """With everything switched on the points still move with the pixels, and pictures stay in [-0.5, 0.5]."""
    images, points = _turned_faces(rng)
    options = {"max_shift": 5, "max_degrees": 15.0, "max_jitter": 0.3}
    pictures, targets = _drawn(student, (images, points), [0] * 20, _seed(rng), **options)
    _expect_spots(pictures, targets, _call(options))
    low, high = float(pictures.min()), float(pictures.max())
    kept = low >= -0.5 - CLOSE and high <= 0.5 + CLOSE
    expect.true(kept, f"{_call(options)}: pictures in [-0.5, 0.5]", f"values from {low:.3g} to {high:.3g}")


@augmented_faces.rung("edge cases", points=1)
def leaves_out_what_is_zero(student: Student, rng: np.random.Generator) -> None:
    """With all maxima 0 the items are the faces themselves."""
    images, points = _faces(rng, 3)
    options = {"max_shift": 0, "max_degrees": 0.0, "max_jitter": 0.0}
    pictures, targets = _drawn(student, (images, points), [2, 0, 1], _seed(rng), **options)
    what = f"{_call(options)}"
    expect.close(pictures, images[[2, 0, 1]] - 0.5, rtol=0, atol=PIXELS, what=f"{what}, pictures")
    expect.close(targets, points[[2, 0, 1]], rtol=0, atol=CLOSE, what=f"{what}, targets")


def _differ(rng: np.random.Generator, student: Student) -> Callable[[int, int], bool]:
    faces = _faces(rng, 2)
    indices = [0, 1] * 15

    def differ(one: int, other: int) -> bool:
        drawn = [_drawn(student, faces, indices, seed, max_shift=4)[1] for seed in (one, other)]
        return not np.array_equal(*drawn)

    return differ


@augmented_faces.rung("side effects", points=2)
def draws_from_the_generator(student: Student, rng: np.random.Generator) -> None:
    """The same seed gives the same items, another one others; the global random states are left alone."""
    differ, seed = _differ(rng, student), _seed(rng)
    hint = "Every random number comes from the generator that is handed in: generator=self.generator."
    expect.true(not differ(seed, seed), "the same seed: the same 30 items", "other items", hint=hint)
    expect.true(differ(seed, seed + 1), "another seed: other items", "the same 30 items", hint=hint)
    for given in (seed, None):
        found = _draw(student, _faces(rng, 2), [0, 1, 0], given, max_shift=3)
        example = "a generator handed in" if given is not None else "generator=None"
        expected = "the global random states of torch, NumPy and random as they were"
        expect.true(found["states_kept"], expected, "one that was used", example, hint)


@augmented_faces.rung("side effects", points=1)
def leaves_the_faces(student: Student, rng: np.random.Generator) -> None:
    """The arrays that were handed in stay as they are."""
    images, points = _faces(rng, 2)
    found = _draw(student, (images, points), [0, 1, 0, 1], _seed(rng), max_shift=3, max_jitter=0.2)
    hint = "An assignment to a slice, -= or += writes into the stored pictures, for all epochs to come."
    same = np.array_equal(found["images"], images) and np.array_equal(found["keypoints"], points)
    expect.true(same, "pictures and keypoints as they were", "arrays that were overwritten", hint=hint)
