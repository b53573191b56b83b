"""What a sweep of lesson 07 is asked, how its table is read, and whether its predictions come of a training."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np

from autograder.checks.common.shared import Shared
from autograder.checks.lesson_07.nose_simulation import Adam, Plain, Rule, predict, sort_weights, train
from autograder.ladder import expect
from autograder.ladder.student import Student
from autograder.worker.plain import TensorValue

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
# More than a batch of validation images has in any recipe of this course.
MANY = 530
# As many predictions are computed anew.
SAMPLE = 8
APART_SETTINGS = ((2, 1e-7), (3, 1e-7), (2, 1e-3))
# The network that a sweep finds in the place of the student's own: one that takes little time, see ``SMALL_SHAPES`` of
# the simulation.
LAYERS: list[list] = [["pool", 4], ["flatten"], ["linear", 300, 64], ["relu"], ["linear", 64, 2]]
# The same sums in another order, and predictions in batches of another size.
RTOL, ATOL = 1e-3, 1e-6
# Where all training tips are, and all validation tips: an untrained network, which answers about 0, is nearer to these.
WHERE, ELSEWHERE = (0.8, 0.4), (0.1, 0.2)
# Two networks alike but for the order of their sums differ by 1e-7, others by a hundredth.
SAME = 1e-4


def _images(rng: np.random.Generator, count: int) -> np.ndarray:
    """Return images whose first pixel is the image's number over 1000, so that a pass tells which ones it saw."""
    images = rng.uniform(-0.5, 0.5, (count, 1, 60, 80)).astype(np.float32)
    images[:, 0, 0, 0] = np.arange(count) / 1000
    return images


def draw(rng: np.random.Generator, val: int = VAL) -> dict[str, np.ndarray]:
    """Draw images to train on, and ``val`` to measure on, with the tips of both."""
    images = _images(rng, TRAIN + val)
    targets = rng.uniform(0.3, 0.7, (TRAIN + val, 2)).astype(np.float32)
    train, held = slice(None, TRAIN), slice(TRAIN, None)
    arrays = {"images": images[train], "targets": targets[train]}
    return arrays | {"val_images": images[held], "val_targets": targets[held]}


def ask_sweep(student: Student, task: dict[str, np.ndarray], settings: Any, epochs: int) -> dict[str, Any]:
    """Let the student sweep; return the answer with what was asked."""
    pairs = [list(setting) for setting in settings]
    found = student.probe("lesson_07.sweep", **task, settings=pairs, epochs=epochs, layers=LAYERS)
    return {**found, "task": task, "settings": pairs, "epochs": epochs}


def _ask(student: Student, rng: np.random.Generator) -> dict[str, Any]:
    """Sweep over four settings, with the truth at known distances from the first one's predictions."""
    offsets, task = OFFSETS[rng.permutation(VAL)] / SIZE, draw(rng)
    alone = ask_sweep(student, task, SETTINGS[:1], EPOCHS)
    rows = alone.get("rows") or [{}]
    first = rows[0].get("predictions")
    if isinstance(first, np.ndarray) and first.shape == offsets.shape and np.isfinite(first).all():
        task = {**task, "val_targets": (first + offsets).astype(np.float32)}
    return ask_sweep(student, task, SETTINGS, EPOCHS)


asked = Shared("sweep", _ask)
_SAID = ", ".join(f"({size}, {lr:g})" for size, lr in SETTINGS)
EXAMPLE = f"settings {_SAID}; {TRAIN} training images, {EPOCHS} epochs"


def rows_of(found: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the rows of the table; raise Mismatch where it is none."""
    expect.true(found["type"] == "pandas.DataFrame", "a pandas.DataFrame", f"a {found['type']}")
    return found["rows"]


def _cell(row: dict[str, Any], column: str) -> Any:
    """Return a row's value; a column that is not there costs what is read from it, and nothing else."""
    expect.true(column in row, f"a column {column}", f"columns {', '.join(row)}")
    return row[column]


def number_of(row: dict[str, Any], column: str) -> float:
    """Return the number in a column of the row."""
    value = _cell(row, column)
    return expect.number(value.array if isinstance(value, TensorValue) else value, column)


def predictions_of(row: dict[str, Any], count: int = VAL) -> np.ndarray:
    """Return the row's predictions, (count, 2)."""
    return expect.array(_cell(row, "predictions"), shape=(count, 2), what="predictions of a row")


def batches_of(found: dict[str, Any]) -> list[np.ndarray]:
    """Return the numbers of the images of every pass with gradients."""
    return [np.round(np.asarray(firsts, float) * 1000).astype(int) for firsts in found["passes"]]


def learned_by(found: dict[str, Any], row: int) -> np.ndarray | None:
    """Return what the row's network predicts after the batches that it learned from; None where that can't be said.

    Computed anew from the first weights, by Adam or in a way that the exercise before is to blame for.
    """
    networks = found["start_of"]
    images, targets = (np.concatenate([found["task"][k], found["task"][f"val_{k}"]]) for k in ("images", "targets"))
    held = found["task"]["val_images"]
    sample = np.arange(len(held)) if len(held) <= VAL else np.linspace(0, len(held) - 1, SAMPLE).astype(int)
    got = predictions_of(found["rows"][row], len(held))[sample]
    # Where there are not as many networks as settings, any may be the row's.
    for number in [row] if len(networks) == len(found["settings"]) else range(len(networks)):
        passes = [numbers for numbers, owner in zip(batches_of(found), found["owners"], strict=True) if owner == number]
        if not passes or any(numbers.max(initial=0) >= len(images) for numbers in passes):
            continue
        batches = [(images[numbers], targets[numbers]) for numbers in passes]
        # One network for all settings goes on from what it learned under the settings before.
        shared = len(networks) == 1
        parts = _share_out(batches, found, row) if shared else [(found["settings"][row][1], batches)]
        for rule, start in product(RULES, sort_weights(found["starts"][networks[number]])):
            weights = start
            for lr, steps in parts:
                weights = train(weights, steps, rule(lr))
            predictions = predict(weights, held[sample])
            if parts[-1][1] and _alike(got, predictions):
                return predictions
    return None


# The right one, and what the exercise before is to blame for.
RULES: tuple[Callable[[float], Rule], ...] = (
    Adam,
    lambda lr: Adam(1e-3),
    Plain,
    lambda lr: Adam(lr, decay=0.01),
    lambda lr: Adam(lr, reset=False),
)


def _share_out(batches: list, found: dict[str, Any], row: int) -> list[tuple[float, list]]:
    """Return the rate and the batches of each setting up to the row's, where one network learned from all of them."""
    parts, start = [], 0
    for size, lr in found["settings"][: row + 1]:
        end = start + found["epochs"] * math.ceil(TRAIN / size)
        parts.append((lr, batches[start:end]))
        start = end
    return parts


def _alike(got: np.ndarray, predictions: np.ndarray) -> bool:
    """Return whether these are the predictions, be it in another order or in pixels: other rungs ask for that."""
    for found in (got, got / SIZE):
        if np.abs(found - predictions).max() < SAME:
            return True
        if len(got) == VAL and np.abs(np.sort(found, axis=0) - np.sort(predictions, axis=0)).max() < SAME:
            return True
    return False


def expect_trained(student: Student, rng: np.random.Generator) -> dict[str, Any]:
    """Return the answer; raise Mismatch where predictions come of no training: what is made up counts nothing."""
    found = asked(student, rng)
    proven = _proven(student, rng)
    hint = "Each setting makes a network, trains it with train_with_curve, and lets this very network predict."
    expected = "predictions of networks that learned from these images"
    expect.true(proven, expected, "predictions that no such training gives", EXAMPLE, hint)
    return found


def _prove(student: Student, rng: np.random.Generator) -> bool:
    found = asked(student, rng)
    # Every setting that is not another's twin, so that nobody trains the first alone and copies its row.
    return len(rows_of(found)) == len(SETTINGS) and all(learned_by(found, row) is not None for row in (1, 0, 3))


_proven = Shared("sweep, proven", _prove)


def _ask_apart(student: Student, rng: np.random.Generator) -> dict[str, Any]:
    """Sweep where all training tips are at one place and all validation tips at another."""
    task = draw(rng)
    task["targets"] = np.tile(np.array(WHERE, np.float32), (TRAIN, 1))
    task["val_targets"] = np.tile(np.array(ELSEWHERE, np.float32), (VAL, 1))
    return ask_sweep(student, task, APART_SETTINGS, MANY_EPOCHS)


asked_apart = Shared("sweep, tips apart", _ask_apart)
_TIPS = f"whose tips are all at {WHERE}; the validation tips are all at {ELSEWHERE}"
APART = f"{MANY_EPOCHS} epochs of {TRAIN} images, {_TIPS}"
