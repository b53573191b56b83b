"""Small tasks for the loops of lesson 05, drawn or for a sum on paper, and what wrong averages make of them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from autograder.checks.common import linear_training as linear
from autograder.checks.common.linear_training import Linear, Step
from autograder.ladder import expect
from autograder.worker.plain import TensorValue

# float32 sums of some hundred terms beside float64. Measured over 2,000 draws, for the references and three other right
# answers each: the largest error is 0.01 of this for weights, 0.002 for losses and RMSEs.
TOLERANCE = {"rtol": 1e-4, "atol": 1e-5}


@dataclass(frozen=True)
class Task:
    """Small images, targets with gaps, and the linear model to start from; the last batch is smaller."""

    images: np.ndarray
    targets: np.ndarray
    model: Linear
    batch_size: int = 3

    @property
    def batches(self) -> list[tuple[np.ndarray, np.ndarray]]:
        return linear.batches(self.images, self.targets, self.batch_size)

    def inputs(self) -> dict[str, object]:
        """Return what a probe needs of the task."""
        weights = {"weight": self.model.weight, "bias": self.model.bias}
        return {"images": self.images, "targets": self.targets, "batch_size": self.batch_size, **weights}


def by_hand(batches: list[list[list[float]]], says: float) -> Task:
    """Batches of targets for a sum on paper: every image is one white pixel, so a model of weights 0 says its bias."""
    targets = np.array([row for batch in batches for row in batch], np.float32)
    model = Linear(np.zeros((targets.shape[1], 1), np.float32), np.full(targets.shape[1], says, np.float32))
    return Task(np.ones((len(targets), 1, 1, 1), np.float32), targets, model, len(batches[0]))


def say_batches(batches: list[list[list[float]]]) -> str:
    """Return the targets of each batch as a person writes them, one pair of parentheses a face."""
    return " | ".join(", ".join(f"({', '.join(f'{value:g}' for value in row)})" for row in rows) for rows in batches)


def say_steps(steps: list[Step]) -> str:
    """Return each batch's squared error and labels."""
    parts = [f"{step.squared_error:.4g} over {step.labeled} label{'s' * (step.labeled != 1)}" for step in steps]
    return f"squared errors of the batches: {', '.join(parts)}"


def draw_task(rng: np.random.Generator, empty_batch: bool = False) -> Task:
    """Draw a task of three batches; with ``empty_batch`` the second has no label."""
    images = rng.random((8, 1, 3, 3), dtype=np.float32)
    targets = rng.normal(0, 2, (8, 4)).astype(np.float32)
    # Batches with many and with few labels, of large and of small errors: then every wrong average shows.
    targets[3:6, 1:] = np.nan
    targets[3:6, 0] += 6
    targets[6, 2:] = np.nan
    if empty_batch:
        targets[3:6] = np.nan
    weight, bias = rng.normal(0, 0.5, (4, 9)).astype(np.float32), rng.normal(0, 0.5, 4).astype(np.float32)
    return Task(images, targets, Linear(weight, bias))


def as_number(value: object, what: str) -> float:
    """Expect one real number, also where it comes as a tensor."""
    return expect.number(value.array if isinstance(value, TensorValue) else value, what)


def loss_mistakes(steps: list[Step]) -> list[tuple[float, str]]:
    """Return what wrong averages make of an epoch."""
    means = [step.squared_error / max(step.labeled, 1) for step in steps]
    total, labeled = sum(step.squared_error for step in steps), sum(step.labeled for step in steps)
    rows = [step.rows for step in steps]
    by_rows = float(np.average(means, weights=rows))
    return [
        (
            float(np.mean(means)),
            "This is the mean of the batch means: a batch with one label counts as much as one with many.",
        ),
        (by_rows, "Each batch is weighted by its rows or targets, labeled or not; only labels count."),
        (total / sum(rows), "The squared errors are divided by the number of faces, not of labeled coordinates."),
        (total, "This is the sum of all squared errors; it still has to be divided."),
        (sum(means), "This is the sum of the batch means."),
        (means[-1], "This is the loss of the last batch alone."),
        (math.sqrt(total / labeled), "This is the root of the loss; here the squared error is asked for."),
    ]
