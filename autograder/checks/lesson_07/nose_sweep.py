"""Checks of lesson 07: sweep, by what its table says and by the batches that its networks were trained on."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autograder.checks.lesson_07.sweep_task import (
    APART,
    ATOL,
    COLUMNS,
    EPOCHS,
    EXAMPLE,
    LIMIT,
    MANY,
    MANY_EPOCHS,
    RTOL,
    SAME,
    SETTINGS,
    SIZE,
    TRAIN,
    VAL,
    WHERE,
    ask_sweep,
    asked,
    asked_apart,
    batches_of,
    draw,
    expect_trained,
    learned_by,
    number_of,
    predictions_of,
    rows_of,
)
from autograder.ladder import expect
from autograder.ladder.ladder import Ladder
from autograder.ladder.student import Student, StudentError

sweep = Ladder("sweep")


@sweep.rung("type", points=1, gate=True)
def returns_a_table(student: Student, rng: np.random.Generator) -> None:
    """The answer is a DataFrame."""
    rows_of(asked(student, rng))


@sweep.rung("shape", points=1, gate=True)
def one_row_a_setting(student: Student, rng: np.random.Generator) -> None:
    """One row for each setting."""
    rows = rows_of(asked(student, rng))
    hint = "Which row is added where: once for each setting, or once for each epoch?"
    expect.true(len(rows) == len(SETTINGS), f"{len(SETTINGS)} rows", f"{len(rows)} rows", EXAMPLE, hint)


@sweep.rung("shape", points=1)
def columns_asked_for(student: Student, rng: np.random.Generator) -> None:
    """The table has the columns asked for, with the predictions as arrays (N, 2)."""
    found = asked(student, rng)
    missing = [column for column in COLUMNS if column not in found["columns"]]
    expect.true(not missing, f"columns {', '.join(COLUMNS)}", f"no column {', '.join(missing)}", EXAMPLE)
    for row in rows_of(found):
        predictions_of(row)


@sweep.rung("values", points=2)
def rows_name_their_settings(student: Student, rng: np.random.Generator) -> None:
    """batch_size and lr are those of the setting, in the order of the settings."""
    rows = rows_of(expect_trained(student, rng))
    got = [(number_of(row, "batch_size"), number_of(row, "lr")) for row in rows]
    hint = "Rows come in the order of settings; the batch size is the first number of a pair."
    expect.close(np.array(got), np.array(SETTINGS, float), what="batch_size and lr of the rows", hint=hint)


def _setting_batches(found: dict[str, Any]) -> list[list[np.ndarray]]:
    """Return the batches of each setting, as many as that setting needs."""
    passes, each = batches_of(found), []
    for size, _ in SETTINGS:
        count = EPOCHS * math.ceil(TRAIN / size)
        each.append(passes[:count])
        passes = passes[count:]
    return each


@sweep.rung("values", points=3)
def trains_on_all_training_images(student: Student, rng: np.random.Generator) -> None:
    """Every setting learns from the training images, each once in every epoch, in batches of its size."""
    found = expect_trained(student, rng)
    passes = batches_of(found)
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


@sweep.rung("values", points=1)
def shuffles_in_every_epoch(student: Student, rng: np.random.Generator) -> None:
    """The training images come in another order in every epoch."""
    expect_trained(student, rng)
    passes = batches_of(asked_apart(student, rng))
    order = [int(number) for numbers in passes for number in numbers][: MANY_EPOCHS * TRAIN]
    orders = {tuple(order[start : start + TRAIN]) for start in range(0, len(order), TRAIN)}
    hint = "A loader shuffles only when it is told to."
    # By chance, six images never come in the same order in all of these epochs.
    expect.true(len(orders) > 1, "another order in every epoch", "the same order in every epoch", hint=hint)


@sweep.rung("values", points=2)
def counts_the_steps(student: Student, rng: np.random.Generator) -> None:
    """steps is the number of gradient steps in all: over all epochs, the smaller last batch included."""
    rows = rows_of(expect_trained(student, rng))
    got = [number_of(row, "steps") for row in rows]
    want = [EPOCHS * math.ceil(TRAIN / size) for size, _ in SETTINGS]
    hint = "A step is a batch. How many batches does an epoch have, and how many epochs are there?"
    expect.close(got, want, what="steps of the rows", example=EXAMPLE, hint=hint)


@sweep.rung("values", points=3)
def measures_the_last_network(student: Student, rng: np.random.Generator) -> None:
    """val_mse is that of the predictions, which are in the order of val_set."""
    # With the tips apart the validation error grows while the network learns: its best epoch is not its last.
    expect_trained(student, rng)
    for found, example in ((asked_apart(student, rng), APART), (asked(student, rng), EXAMPLE)):
        for row in rows_of(found):
            got, predictions = expect.finite(number_of(row, "val_mse")), predictions_of(row)
            want = float(np.mean((predictions - found["task"]["val_targets"]) ** 2))
            hint = "Both come from the network after the last epoch. Is the order of the predictions that of val_set?"
            # The numbers depend on the first weights that the student's seed draws; which is larger does not.
            came = "a lower one" if got < want else "a higher one"
            relative = float(np.mean((predictions / SIZE - found["task"]["val_targets"]) ** 2))
            came = "that of predictions in pixels" if math.isclose(got, relative, rel_tol=RTOL) else came
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
    found = expect_trained(student, rng)
    for row in rows_of(found):
        offsets = predictions_of(row) - found["task"]["val_targets"]
        distances = np.linalg.norm(offsets * SIZE, axis=1)
        # A distance that rounding may take to either side of the limit tells nothing.
        least, most = int((distances <= LIMIT - 1e-3).sum()), int((distances <= LIMIT + 1e-3).sum())
        got = number_of(row, "within_tolerance")
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
    found = expect_trained(student, rng)
    hint = "All settings start from the same first weights. Is the same seed set before each network is made?"
    alike = len(set(found["start_of"])) == 1
    expect.true(alike, "the same first weights under every setting", "other weights", EXAMPLE, hint)
    rows = rows_of(found)
    first, again = rows[0], rows[2]
    apart = float(np.abs(predictions_of(first) - predictions_of(again)).max())
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
    expect_trained(student, rng)
    still, other, learned = (predictions_of(row) for row in rows_of(asked_apart(student, rng)))
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
    rows = rows_of(ask_sweep(student, draw(rng), ((10, 1e-3),), 1))
    expect.true(len(rows) == 1, "1 row", f"{len(rows)} rows", "settings (10, 0.001)")
    got = number_of(rows[0], "steps")
    hint = "The last batch of an epoch may be smaller than the batch size, and here it is the only one."
    expect.close(got, 1, what="steps", example=f"batch size 10, {TRAIN} training images, 1 epoch", hint=hint)


@sweep.rung("values", points=2)
def takes_many_validation_images(student: Student, rng: np.random.Generator) -> None:
    """Every image of val_set is predicted and counted, however many batches they come in."""
    task = draw(rng, MANY)
    example = f"{MANY} validation images"
    hint = "A loader hands out more images than fit into a batch one batch after the other. Which of them do you keep?"
    try:
        found = ask_sweep(student, task, ((3, 1e-3),), 1)
    except StudentError as error:
        if "broadcast" not in error.message and "must match" not in error.message:
            raise
        # Those of a batch beside those of all images.
        expected, came = f"as many predictions as there are images: {MANY}", "another number of them"
        raise expect.Mismatch(expected, came, example, hint, where=error.where) from None
    rows = rows_of(found)
    expect.true(len(rows) == 1, "1 row", f"{len(rows)} rows", "settings (3, 0.001)")
    try:
        predictions = predictions_of(rows[0], MANY)
    except expect.Mismatch as wrong:
        raise expect.Mismatch(wrong.expected, wrong.got, example, hint) from None
    expect.true(learned_by(found, 0) is not None, "predictions of the network that learned", "others", example, hint)
    errors = predictions - task["val_targets"]
    want = float(np.mean(errors**2))
    got = expect.finite(number_of(rows[0], "val_mse"))
    expected = "val_mse: the error of the row's own predictions"
    same = math.isclose(got, want, rel_tol=RTOL, abs_tol=ATOL)
    expect.true(same, expected, "a lower one" if got < want else "a higher one", example, hint)
    distances = np.linalg.norm(errors * SIZE, axis=1)
    least, most = (int((distances <= LIMIT + by).sum()) for by in (-1e-3, 1e-3))
    got = number_of(rows[0], "within_tolerance")
    expect.true(least <= got <= most, "within_tolerance: that of all predictions", "another number", example, hint)
