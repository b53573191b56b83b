"""Checks of lesson 07: sweep, by what its table says and by the batches that its networks were trained on."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autograder.checks.common.shared import Shared
from autograder.ladder import expect
from autograder.ladder.ladder import Ladder
from autograder.ladder.student import Student
from autograder.worker.plain import TensorValue

sweep = Ladder("sweep")

COLUMNS = ("batch_size", "lr", "steps", "val_mse", "within_tolerance", "predictions")
SETTINGS = ((2, 1e-3), (4, 2e-3), (2, 1e-3), (1, 5e-4))
TRAIN, VAL, EPOCHS, MANY_EPOCHS = 6, 13, 2, 8
SIZE = np.array([80, 60])
LIMIT = 3.0
# How far the truth lies from the prediction, in pixels: near the limit along x, along y and aslant, so that every
# mistaken distance counts another number of faces.
OFFSETS = np.array(
    [(2.7, 0), (-3.4, 0), (0, 2.7), (0, 3.4), (2.5, -2.5), (2, 2), (2.9, 2.9), (1, 0.5), (0, -2.6)]
    + [(-12, 9), (20, 5), (-6, -14), (9, -7)]
)
# The same sums in another order, and predictions in batches of another size.
RTOL, ATOL = 1e-3, 1e-6
# Where all training tips are, and all validation tips: an untrained network, which answers about 0, is nearer to these.
WHERE, ELSEWHERE = (0.8, 0.4), (0.1, 0.2)
# Two networks alike but for the order of their sums differ by 1e-7, others by a hundredth.
SAME = 1e-4


def _images(rng: np.random.Generator, count: int) -> np.ndarray:
    """Return images whose first pixel is the image's number over 100, so that a pass tells which ones it saw."""
    images = rng.uniform(-0.5, 0.5, (count, 1, 60, 80)).astype(np.float32)
    images[:, 0, 0, 0] = np.arange(count) / 100
    return images


def _draw(rng: np.random.Generator) -> dict[str, np.ndarray]:
    images = _images(rng, TRAIN + VAL)
    targets = rng.uniform(0.3, 0.7, (TRAIN + VAL, 2)).astype(np.float32)
    train, val = slice(None, TRAIN), slice(TRAIN, None)
    arrays = {"images": images[train], "targets": targets[train]}
    return arrays | {"val_images": images[val], "val_targets": targets[val]}


def _ask(student: Student, rng: np.random.Generator) -> dict[str, Any]:
    """Sweep over four settings, with the truth at known distances from the first one's predictions."""
    offsets = OFFSETS[rng.permutation(VAL)] / SIZE
    settings = [list(setting) for setting in SETTINGS]
    return student.probe("lesson_07.sweep", **_draw(rng), settings=settings, epochs=EPOCHS, offsets=offsets)


_asked = Shared("sweep", _ask)
_SAID = ", ".join(f"({size}, {lr:g})" for size, lr in SETTINGS)
EXAMPLE = f"settings {_SAID}; {TRAIN} training images, {EPOCHS} epochs"


def _rows(found: dict[str, Any]) -> list[dict[str, Any]]:
    expect.true(found["type"] == "pandas.DataFrame", "a pandas.DataFrame", f"a {found['type']}")
    return found["rows"]


def _cell(row: dict[str, Any], column: str) -> Any:
    """Return a row's value; a column that is not there costs what is read from it, and nothing else."""
    expect.true(column in row, f"a column {column}", f"columns {', '.join(row)}")
    return row[column]


def _number(row: dict[str, Any], column: str) -> float:
    value = _cell(row, column)
    return expect.number(value.array if isinstance(value, TensorValue) else value, column)


def _predictions(row: dict[str, Any], count: int = VAL) -> np.ndarray:
    return expect.array(_cell(row, "predictions"), shape=(count, 2), what="predictions of a row")


@sweep.rung("type", points=1, gate=True)
def returns_a_table(student: Student, rng: np.random.Generator) -> None:
    """The answer is a DataFrame."""
    _rows(_asked(student, rng))


@sweep.rung("shape", points=1, gate=True)
def one_row_a_setting(student: Student, rng: np.random.Generator) -> None:
    """One row for each setting."""
    rows = _rows(_asked(student, rng))
    hint = "Which row is added where: once for each setting, or once for each epoch?"
    expect.true(len(rows) == len(SETTINGS), f"{len(SETTINGS)} rows", f"{len(rows)} rows", EXAMPLE, hint)


@sweep.rung("shape", points=1)
def columns_asked_for(student: Student, rng: np.random.Generator) -> None:
    """The table has the columns asked for, with the predictions as arrays (N, 2)."""
    found = _asked(student, rng)
    missing = [column for column in COLUMNS if column not in found["columns"]]
    expect.true(not missing, f"columns {', '.join(COLUMNS)}", f"no column {', '.join(missing)}", EXAMPLE)
    for row in _rows(found):
        _predictions(row)


@sweep.rung("values", points=2)
def rows_name_their_settings(student: Student, rng: np.random.Generator) -> None:
    """batch_size and lr are those of the setting, in the order of the settings."""
    rows = _rows(_asked(student, rng))
    got = [(_number(row, "batch_size"), _number(row, "lr")) for row in rows]
    hint = "Rows come in the order of settings; the batch size is the first number of a pair."
    expect.close(np.array(got), np.array(SETTINGS, float), what="batch_size and lr of the rows", hint=hint)


def _batches(found: dict[str, Any]) -> list[np.ndarray]:
    """Return the numbers of the images of every pass with gradients."""
    return [np.round(np.asarray(firsts, float) * 100).astype(int) for firsts in found["passes"]]


def _setting_batches(found: dict[str, Any]) -> list[list[np.ndarray]]:
    """Return the batches of each setting, as many as that setting needs."""
    passes, each = _batches(found), []
    for size, _ in SETTINGS:
        count = EPOCHS * math.ceil(TRAIN / size)
        each.append(passes[:count])
        passes = passes[count:]
    return each


@sweep.rung("values", points=3)
def trains_on_all_training_images(student: Student, rng: np.random.Generator) -> None:
    """Every setting learns from the training images, each once in every epoch, in batches of its size."""
    found = _asked(student, rng)
    passes = _batches(found)
    hint = "The two data sets have two tasks: one is learned from, the other only looked at."
    leaked = any((numbers >= TRAIN).any() for numbers in passes)
    expect.true(not leaked, "learned from: training images", "learned from: validation images", EXAMPLE, hint)
    want = [size for batch_size, _ in SETTINGS for _ in range(EPOCHS) for size in _sizes(batch_size)]
    sizes = [len(numbers) for numbers in passes]
    hint = "Each setting needs a loader of its own, with the batch size of the setting, over all of train_set."
    quarter = len(sizes) // len(SETTINGS)
    alike = bool(sizes) and sizes == sizes[:quarter] * len(SETTINGS)
    got = "the same batches for all settings" if alike else f"batches of {sizes} images"
    expect.true(sizes == want, f"batches of {want} images", got, EXAMPLE, hint)
    for (size, _), batches in zip(SETTINGS, _setting_batches(found), strict=True):
        per_epoch = len(batches) // EPOCHS
        for epoch in range(EPOCHS):
            seen = np.sort(np.concatenate(batches[epoch * per_epoch : (epoch + 1) * per_epoch]))
            every = np.array_equal(seen, np.arange(TRAIN))
            expect.true(every, "every image once in an epoch", "some twice, some never", f"batch size {size}")


def _sizes(batch_size: int) -> list[int]:
    return [min(batch_size, TRAIN - start) for start in range(0, TRAIN, batch_size)]


def _ask_apart(student: Student, rng: np.random.Generator) -> dict[str, Any]:
    """Sweep where all training tips are at one place and all validation tips at another."""
    task = _draw(rng)
    task["targets"] = np.tile(np.array(WHERE, np.float32), (TRAIN, 1))
    task["val_targets"] = np.tile(np.array(ELSEWHERE, np.float32), (VAL, 1))
    settings = [[2, 1e-7], [3, 1e-7], [2, 1e-3]]
    return student.probe("lesson_07.sweep", **task, settings=settings, epochs=MANY_EPOCHS, offsets=None)


_asked_apart = Shared("sweep, tips apart", _ask_apart)
_TIPS = f"whose tips are all at {WHERE}; the validation tips are all at {ELSEWHERE}"
APART = f"{MANY_EPOCHS} epochs of {TRAIN} images, {_TIPS}"


@sweep.rung("values", points=1)
def shuffles_in_every_epoch(student: Student, rng: np.random.Generator) -> None:
    """The training images come in another order in every epoch."""
    passes = _batches(_asked_apart(student, rng))
    order = [int(number) for numbers in passes for number in numbers][: MANY_EPOCHS * TRAIN]
    orders = {tuple(order[start : start + TRAIN]) for start in range(0, len(order), TRAIN)}
    hint = "A loader shuffles only when it is told to."
    # By chance, six images never come in the same order in all of these epochs.
    expect.true(len(orders) > 1, "another order in every epoch", "the same order in every epoch", hint=hint)


@sweep.rung("values", points=2)
def counts_the_steps(student: Student, rng: np.random.Generator) -> None:
    """steps is the number of gradient steps in all: over all epochs, the smaller last batch included."""
    rows = _rows(_asked(student, rng))
    got = [_number(row, "steps") for row in rows]
    want = [EPOCHS * math.ceil(TRAIN / size) for size, _ in SETTINGS]
    hint = "A step is a batch. How many batches does an epoch have, and how many epochs are there?"
    expect.close(got, want, what="steps of the rows", example=EXAMPLE, hint=hint)


@sweep.rung("values", points=3)
def measures_the_last_network(student: Student, rng: np.random.Generator) -> None:
    """val_mse is that of the predictions, which are in the order of val_set."""
    # With the tips apart the validation error grows while the network learns: its best epoch is not its last.
    for found, example in ((_asked_apart(student, rng), APART), (_asked(student, rng), EXAMPLE)):
        for row in _rows(found):
            got, predictions = expect.finite(_number(row, "val_mse")), _predictions(row)
            want = float(np.mean((predictions - found["val_targets"]) ** 2))
            hint = "Both come from the network after the last epoch. Is the order of the predictions that of val_set?"
            # The numbers depend on the first weights that the student's seed draws; which is larger does not.
            came = "a lower one" if got < want else "a higher one"
            expected = "val_mse: the error of the row's own predictions"
            expect.true(math.isclose(got, want, rel_tol=RTOL, abs_tol=ATOL), expected, came, example, hint)


def _say_counts(distances: np.ndarray, offsets: np.ndarray) -> dict[str, int]:
    """Return what mistaken counts come to, by what is mistaken."""
    far, relative = np.abs(offsets * SIZE), np.linalg.norm(offsets, axis=1)
    counted = {
        "faces within 3 pixels along each axis": (far <= LIMIT).all(axis=1),
        "faces beyond the tolerance": distances > LIMIT,
        "faces where the distance of relative numbers is at most 3": relative <= LIMIT,
        "faces of an image 80 pixels wide and high": 80 * relative <= LIMIT,
        "faces of an image 60 pixels wide and high": 60 * relative <= LIMIT,
        "faces of an image 60 pixels wide and 80 high": np.linalg.norm(offsets * SIZE[::-1], axis=1) <= LIMIT,
        "faces within 3 pixels, counting the sum along both axes": far.sum(axis=1) <= LIMIT,
    }
    return {words: int(faces.sum()) for words, faces in counted.items()}


@sweep.rung("values", points=3)
def counts_faces_within_tolerance(student: Student, rng: np.random.Generator) -> None:
    """within_tolerance is the number of faces found within 3 pixels."""
    found = _asked(student, rng)
    for row in _rows(found):
        offsets = _predictions(row) - found["val_targets"]
        distances = np.linalg.norm(offsets * SIZE, axis=1)
        # A distance that rounding may take to either side of the limit tells nothing.
        least, most = int((distances <= LIMIT - 1e-3).sum()), int((distances <= LIMIT + 1e-3).sum())
        got = _number(row, "within_tolerance")
        if least <= got <= most:
            continue
        text = ", ".join(f"{distance:.2f}" for distance in sorted(distances))
        example = f"{VAL} faces, whose distances in pixels are {text}"
        counts = _say_counts(distances, offsets)
        shares = {f"the share of the {words}": count / VAL for words, count in counts.items()}
        mistakes = {**counts, "the share of the faces": least / VAL, **shares}
        words = next((f": {words}" for words, count in mistakes.items() if math.isclose(got, count, rel_tol=1e-6)), "")
        hint = "Turn both differences into pixels first: the image is wider than it is high."
        came = f"{expect.show(got)}{words}"
        raise expect.Mismatch(f"within_tolerance: {most} faces", came, example, hint)


@sweep.rung("values", points=3)
def every_setting_starts_anew(student: Student, rng: np.random.Generator) -> None:
    """The same setting gives the same row, whatever was trained before."""
    rows = _rows(_asked(student, rng))
    first, again = rows[0], rows[2]
    apart = float(np.abs(_predictions(first) - _predictions(again)).max())
    hint = (
        "What does the third network share with the first? Nothing but the seed that its weights and the order of its "
        "images come from, set anew for every setting."
    )
    expected = "rows 0 and 2, the same setting: the same predictions"
    # How far apart they are is chance; that they are is not.
    expect.true(apart < SAME, expected, "other predictions", EXAMPLE, hint)


@sweep.rung("values", points=3)
def learns_at_the_rate_of_the_setting(student: Student, rng: np.random.Generator) -> None:
    """Networks learn where the training tips are, as fast as the setting's rate lets them."""
    still, other, learned = (_predictions(row) for row in _rows(_asked_apart(student, rng)))
    hint = "All settings start from the same first weights. Is the seed set before each network is made?"
    same = np.abs(still - other).max() < 1e-3
    expected = "the same predictions for two batch sizes at a rate of 1e-7, where nothing is learned"
    expect.true(same, expected, "other predictions", APART, hint)
    far, near = (float(np.abs(part - WHERE).mean()) for part in (still, learned))
    hint = "The rate of the setting must reach the optimizer, and the predictions come after the training."
    got = "no nearer than at a rate of 1e-7"
    expect.true(near < 0.5 * far, "predictions near the training tips at a rate of 1e-3", got, APART, hint)


@sweep.rung("edge cases", points=1)
def takes_a_single_setting(student: Student, rng: np.random.Generator) -> None:
    """One setting gives one row, also with a batch larger than the training set."""
    found = student.probe("lesson_07.sweep", **_draw(rng), settings=[[10, 1e-3]], epochs=1, offsets=None)
    rows = _rows(found)
    expect.true(len(rows) == 1, "1 row", f"{len(rows)} rows", "settings (10, 0.001)")
    got = _number(rows[0], "steps")
    hint = "The last batch of an epoch may be smaller than the batch size, and here it is the only one."
    expect.close(got, 1, what="steps", example=f"batch size 10, {TRAIN} training images, 1 epoch", hint=hint)
