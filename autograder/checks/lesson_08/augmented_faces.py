"""Checks of lesson 08: a data set that moves, turns and lights its faces anew each time an item is drawn."""

from __future__ import annotations

import numpy as np

from autograder.checks.lesson_08 import picture_motion as motion
from autograder.checks.lesson_08.drawn_faces import (
    CLOSE,
    CORRELATION,
    DRAWS,
    PIXELS,
    SHAPE,
    UNIFORM_DRAWS,
    Faces,
    ask,
    call_text,
    draw_as_written,
    draw_items,
    draw_seed,
    items_of,
    noise_faces,
    say_picture,
    say_shifts,
    say_targets,
    say_uniform,
    shift_of,
)
from autograder.checks.lesson_08.moving_faces import TURNED_POINTS, TURNED_SPOT
from autograder.ladder import expect
from autograder.ladder.form import Answers, Kept, form, kept
from autograder.ladder.ladder import Ladder
from autograder.ladder.student import Student, StudentError

augmented_faces = Ladder("AugmentedFaces")
OWN = "Without a generator the data set makes one of its own, torch.Generator(); None asks PyTorch's global one."


@augmented_faces.rung("type", points=1)
def is_a_data_set(student: Student, rng: np.random.Generator) -> None:
    """The data set has a length, and its items are pairs."""
    faces = noise_faces(rng, 3)
    found = ask(student, faces, [0, 1, 2], draw_seed(rng))
    expect.true(found["length"] == 3, "len(AugmentedFaces(3 images, keypoints)): 3", str(found["length"]))
    items_of(found)


@augmented_faces.rung("shape", points=2)
def items_have_their_shapes(student: Student, rng: np.random.Generator) -> None:
    """A picture is (1, H, W), its targets (2K,)."""
    faces = noise_faces(rng, 3)
    pictures, targets = items_of(ask(student, faces, [2, 0], draw_seed(rng), max_shift=2))
    hint = "A convolution wants an axis of channels first; the network answers with one row of numbers."
    expected = f"a picture of shape (1, {SHAPE[0]}, {SHAPE[1]}) and targets of shape (8,)"
    same = pictures.shape[1:] == (1, *SHAPE) and targets.shape[1:] == (8,)
    expect.true(same, expected, f"shapes {pictures.shape[1:]} and {targets.shape[1:]}", hint=hint)


@form(augmented_faces, "dtype", points=1, dtype="float32")
def items_are_float32(student: Student, rng: np.random.Generator) -> Answers:
    """Picture and targets are float32, whatever is switched on."""
    faces = noise_faces(rng, 2)
    for options in ({"max_shift": 2}, {"max_shift": 2, "max_degrees": 10.0, "max_jitter": 0.2}):
        found = ask(student, faces, [0, 1], draw_seed(rng), **options)
        for part, what in zip(items_of(found), ("picture", "targets"), strict=True):
            yield f"{call_text(options)}[0], {what}", part


@augmented_faces.rung("values", points=4)
def points_move_with_the_pixels(student: Student, rng: np.random.Generator) -> None:
    """Picture and targets move by the same whole pixels; 0.5 is taken off the picture at the end."""
    images, points = noise_faces(rng, 4)
    indices = [0, 1, 2, 3, 1, 0, 1, 2]
    pictures, targets = draw_as_written(student, (images, points), indices, draw_seed(rng), max_shift=4)
    call, seen = call_text({"max_shift": 4}), set()
    hint = "Follow one item by hand: stored picture and points, one shift for both, then -0.5."
    for number, index in enumerate(indices):
        again = ", drawn again" if index in seen else ""
        seen.add(index)
        example = f"a picture of {SHAPE[0]}x{SHAPE[1]} pixels{again}"
        step = shift_of(targets[number], points[index], 4)
        if step is None:
            words = say_targets(targets[number], points[index], 4) or "targets that are no such shift of the points"
            expected = f"{call}: targets that moved by whole pixels, at most 4, in relative units"
            raise expect.Mismatch(expected, words, example, hint)
        if not np.allclose(pictures[number], motion.translated(images[index], *step) - 0.5, rtol=0, atol=PIXELS):
            words = say_picture(pictures[number], images[index], step, 4)
            if words.endswith(("all over", "makes it")):
                hint = "Without max_jitter the light stays as it is: jitter(image, brightness=0, contrast=1)."
            raise expect.Mismatch(f"{call}: the picture, moved as its points were, minus 0.5", words, example, hint)
    # Chance leaves eight faces in their places once in 10**15.
    moved = not np.allclose(targets, points[indices], rtol=0, atol=CLOSE)
    expect.true(moved, f"{call}: faces that moved", "eight items at the places of the stored faces", hint=hint)


@augmented_faces.rung("values", points=4)
def draws_a_fresh_shift_each_time(student: Student, rng: np.random.Generator) -> None:
    """Drawn again, an item is moved anew: every whole number of pixels from -max_shift to max_shift, equally often."""
    faces = noise_faces(rng, 2)
    # The other face at the end tells one shift for all faces from one for each of them.
    _, targets = draw_items(student, faces, [1] * DRAWS + [0] * 8, draw_seed(rng), max_shift=2)
    steps = [shift_of(moved, faces[1][index], 2) for moved, index in zip(targets, [1] * DRAWS + [0] * 8, strict=True)]
    words = say_shifts(steps[:DRAWS], 2)
    if words and len(set(steps[:DRAWS])) == 1 and steps[0] != (0, 0):
        words += ", and the same for every face" if len(set(steps)) == 1 else ", another one for another face"
        _, wide = draw_items(student, faces, [1], draw_seed(rng), max_shift=4)
        # Twice the largest one is no chance.
        if steps[0] is not None and shift_of(wide[0], faces[1][1], 4) == (2 * steps[0][0], 2 * steps[0][1]):
            words = "the largest shift each time" if set(map(abs, steps[0])) == {2} else words
    hint = "Where is the shift drawn, how often, from which numbers, and where does it start from?"
    drawn = f"{call_text({'max_shift': 2})}, one item drawn {DRAWS} times"
    expected = f"{drawn}: dx and dy of -2, -1, 0, 1 and 2, on their own"
    expect.true(words is None, expected, words or "", hint=hint)


@augmented_faces.rung("values", points=1)
def shifts_by_ten_pixels_unless_told(student: Student, rng: np.random.Generator) -> None:
    """Without options: shifts by up to 10 pixels, no rotation, no jitter."""
    images, points = noise_faces(rng, 1, (24, 30))
    pictures, targets = draw_items(student, (images, points), [0] * 200, draw_seed(rng))
    steps = np.round((targets - points[0]) * [30, 24])
    most = int(np.abs(steps).max())
    # Which one it is where it is always the same is chance.
    came = f"by up to {most}" if np.ptp(steps, axis=0).any() else "the same shift each time"
    expect.true(most == 10, "AugmentedFaces(images, keypoints): shifts by up to 10 pixels", came)
    for picture, step in zip(pictures[:20], steps[:20, 0].astype(int), strict=True):
        same = np.allclose(picture, motion.translated(images[0], *step.tolist()) - 0.5, rtol=0, atol=PIXELS)
        expect.true(same, "AugmentedFaces(images, keypoints): a shift and nothing else", "another picture")


def _angles(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Return by how many degrees points (K, 2) turned to become each of (N, K, 2), wherever their mean moved."""
    apart, moved = before - before.mean(axis=0), after - after.mean(axis=1, keepdims=True)
    cross = (apart[:, 0] * -moved[..., 1] + apart[:, 1] * moved[..., 0]).sum(axis=1)
    return np.degrees(np.arctan2(cross, (apart * moved).sum(axis=(1, 2))))


def _turned_faces(rng: np.random.Generator) -> Faces:
    """Return one picture with a bright spot under its first keypoint, and four points off its center."""
    # So large that the spot stays in the frame whatever it is turned and moved by.
    shape = (72, 96)
    points = motion.points_off_center(rng, shape, 4, 0.12)
    return motion.blob_picture(shape, points[0] * np.array(shape[::-1]))[None], points[None]


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
    pictures, targets = draw_items(student, (images, points), [0] * UNIFORM_DRAWS, draw_seed(rng), **options)
    size, call = np.array(images.shape[:0:-1]), call_text(options)
    before, after = (points[0] - 0.5) * size, (targets - 0.5) * size
    angles = _angles(before, after)
    expected = f"{call}, drawn {UNIFORM_DRAWS} times: angles from -20 to 20 degrees, all equally often"
    back = np.stack([motion.turned(before, angle, np.zeros(2)) for angle in angles])
    off = float(np.abs(back - after).max())
    expect.true(off <= TURNED_POINTS, f"{call}: points turned about the center", "points that moved in another way")
    words = say_uniform(angles, 20.0, "turn")
    if words == "no turn at all":
        still = bool(np.allclose(pictures, pictures[0], rtol=0, atol=PIXELS))
        words = "no turn at all, of pictures or points" if still else "pictures that turned, and points that did not"
    expect.true(words is None, expected, words or "", hint="Angles are drawn as shifts are: to both sides, and anew.")
    _expect_spots(pictures[:80], targets[:80], call)


@augmented_faces.rung("values", points=2)
def jitters_when_asked(student: Student, rng: np.random.Generator) -> None:
    """max_jitter: a fresh brightness and contrast each time; the points stay."""
    images, points = noise_faces(rng, 1)
    images = (0.4 + 0.2 * images).astype(np.float32)  # so that nothing is cut off
    options = {"max_shift": 0, "max_jitter": 0.2}
    pictures, targets = draw_items(student, (images, points), [0] * UNIFORM_DRAWS, draw_seed(rng), **options)
    call, gray = call_text(options), images[0].astype(float).ravel() - 0.5
    same = np.allclose(targets, points[0], rtol=0, atol=CLOSE)
    expect.true(same, f"{call}: points that stay", "points that moved")
    design = np.stack([gray, np.ones_like(gray)], axis=1)
    fits = [np.linalg.lstsq(design, picture.ravel(), rcond=None)[0] for picture in pictures]
    contrast, brightness = np.array(fits).T
    left = max(float(np.abs(design @ fit - picture.ravel()).max()) for fit, picture in zip(fits, pictures, strict=True))
    hint = "One brightness and one contrast for the whole picture, drawn anew for each item, to both sides."
    expected = f"{call}, drawn {UNIFORM_DRAWS} times: "
    got = "a picture whose pixels changed each in its own way"
    expect.true(left < 1e-4, f"{expected}0.5 + contrast * (image - 0.5) + brightness - 0.5", got, hint=hint)
    for values, middle, name in ((contrast, 1.0, "contrast"), (brightness, 0.0, "brightness")):
        words = say_uniform(values - middle, 0.2, f"change of the {name}")
        wanted = f"{expected}{name} from {middle - 0.2:.1f} to {middle + 0.2:.1f}, all equally often"
        expect.true(words is None, wanted, words or "", hint=hint)
    together = abs(float(np.corrcoef(contrast, brightness)[0, 1]))
    got = "a brightness that says what the contrast is: one number for both"
    expect.true(together < CORRELATION, f"{expected}brightness and contrast on their own", got, hint=hint)


@augmented_faces.rung("values", points=1)
def does_all_at_once(student: Student, rng: np.random.Generator) -> None:
    """With everything switched on the points still move with the pixels, and pictures stay in [-0.5, 0.5]."""
    images, points = _turned_faces(rng)
    options = {"max_shift": 5, "max_degrees": 15.0, "max_jitter": 0.3}
    pictures, targets = draw_items(student, (images, points), [0] * 20, draw_seed(rng), **options)
    _expect_spots(pictures, targets, call_text(options))
    moved = not np.allclose(targets, points[0], rtol=0, atol=CLOSE)
    expect.true(moved, f"{call_text(options)}: faces that moved", "20 items at the place of the stored face")
    low, high = float(pictures.min()), float(pictures.max())
    kept = low >= -0.5 - CLOSE and high <= 0.5 + CLOSE
    expect.true(kept, f"{call_text(options)}: pictures in [-0.5, 0.5]", f"values from {low:.3g} to {high:.3g}")


def _off_whole(steps: np.ndarray) -> float:
    """Return how far shifts (N, 2) in pixels are from whole numbers, at most."""
    return float(np.abs(steps - np.round(steps)).max())


@augmented_faces.rung("values", points=1)
def turns_before_it_moves(student: Student, rng: np.random.Generator) -> None:
    """With both switched on a face turns about the center first, and moves by whole pixels then."""
    images, points = _turned_faces(rng)
    options = {"max_shift": 6, "max_degrees": 20.0}
    _, targets = draw_items(student, (images, points), [0] * 24, draw_seed(rng), **options)
    size, call = np.array(images.shape[:0:-1]), call_text(options)
    before, after = (points[0] - 0.5) * size, (targets - 0.5) * size
    angles = _angles(before, after)
    still, half = np.zeros(2), np.full(2, 0.5)
    steps = np.stack(
        [a.mean(axis=0) - motion.turned(before, d, still).mean(axis=0) for a, d in zip(after, angles, strict=True)]
    )
    # Who turns about the center of the middle pixel is off by as much each time.
    turned = np.stack([motion.turned(np.zeros(2), d, -half) for d in angles])
    hint = "Write down the two steps of the docstring in their order. Does the first change what the second one does?"
    expected = f"{call}: points that turned about the center, and then moved by whole pixels"
    for values, what in ((angles, "turn"), (steps, "shift")):
        expect.true(np.ptp(values, axis=0).min() > 1, expected, f"no {what}, or the same each time", hint=hint)
    if min(_off_whole(steps), _off_whole(steps - turned), _off_whole(steps + turned)) < 0.03:
        return
    first = np.stack([motion.turned(step, -d, still) for step, d in zip(steps, angles, strict=True)])
    moved_first = "faces that moved first, and turned then about a center that they had left"
    came = moved_first if _off_whole(first) < 0.03 else "points that moved by parts of a pixel"
    raise expect.Mismatch(expected, came, hint=hint)


@augmented_faces.rung("edge cases", points=1)
def leaves_out_what_is_zero(student: Student, rng: np.random.Generator) -> None:
    """With all maxima 0 the items are the faces themselves."""
    images, points = noise_faces(rng, 3)
    options = {"max_shift": 0, "max_degrees": 0.0, "max_jitter": 0.0}
    pictures, targets = draw_as_written(student, (images, points), [2, 0, 1], draw_seed(rng), **options)
    what = call_text(options)
    expect.close(pictures, images[[2, 0, 1]] - 0.5, rtol=0, atol=PIXELS, what=f"{what}, pictures")
    expect.close(targets, points[[2, 0, 1]], rtol=0, atol=CLOSE, what=f"{what}, targets")


@augmented_faces.rung("side effects", points=2)
def draws_from_the_generator(student: Student, rng: np.random.Generator) -> None:
    """The same seed gives the same items, another one others; the global random states are left alone."""
    faces, seed = noise_faces(rng, 2), draw_seed(rng)
    hint = "Every random number comes from the generator that is handed in: generator=self.generator."
    for given in (seed, None):
        try:
            found = ask(student, noise_faces(rng, 2), [0, 1, 0], given, max_shift=3)
        except StudentError as error:
            if given is not None:
                raise
            raise expect.Mismatch(
                "AugmentedFaces(images, keypoints): a data set that draws", str(error), hint=OWN, where=error.where
            ) from None
        example = "a generator handed in" if given is not None else "generator=None"
        expected, got = "the global random states of torch, NumPy and random as they were", "one that was used"
        if given is not None and not found["states_kept"]:
            first, again = (draw_items(student, faces, [0, 1] * count, seed, max_shift=4)[1][:16] for count in (8, 9))
            got += ", for something else than the shifts" if np.array_equal(first, again) else ", also for the shifts"
        expect.true(found["states_kept"], expected, got, example, hint if given is not None else OWN)
    seeds, indices = (seed, seed, seed + 1), [0, 1] * 15
    first, again, other = (draw_items(student, faces, indices, given, max_shift=4)[1] for given in seeds)
    expect.true(np.array_equal(first, again), "the same seed: the same 30 items", "other items", hint=hint)
    got = "30 items that never move" if np.allclose(first, faces[1][indices], atol=CLOSE) else "the same 30 items"
    expect.true(not np.array_equal(first, other), "another seed: other items", got, hint=hint)


@kept(augmented_faces, points=1, hint="What an item changes in the stored pictures is there for all epochs to come.")
def leaves_the_faces(student: Student, rng: np.random.Generator) -> Kept:
    """The arrays that were handed in stay as they are."""
    images, points = noise_faces(rng, 2)
    options = {"max_shift": 3, "max_degrees": 10.0, "max_jitter": 0.2}
    found = ask(student, (images, points), [0, 1, 0, 1], draw_seed(rng), **options)
    pictures, _ = items_of(found)
    # Who does nothing changes nothing.
    moved = not np.allclose(pictures[0], pictures[2], rtol=0, atol=PIXELS)
    expect.true(moved, f"{call_text(options)}: another picture each time", "the same picture twice")
    yield "the pictures", images, found["images"]
    yield "the keypoints", points, found["keypoints"]
