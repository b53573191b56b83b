"""Small tasks for the loops of lesson 05, drawn or for a sum on paper."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from autograder.checks.common.linear_training import Linear, Rows, Step, batches
from autograder.ladder import expect
from autograder.ladder.student import StudentError
from autograder.worker.plain import TensorValue

# float32 sums of some hundred terms beside float64. Measured over 2,000 draws, for the references and three other right
# answers each: the largest error is 0.01 of this for weights, 0.002 for losses and RMSEs.
expect_close = partial(expect.close, rtol=1e-4, atol=1e-5)


@dataclass(frozen=True)
class Task:
    """Small images, targets with gaps, and the linear model to start from; the last batch is smaller."""

    images: np.ndarray
    targets: np.ndarray
    model: Linear
    batch_size: int = 3

    @property
    def batches(self) -> list[Rows]:
        """The rows in batches."""
        return batches(self.images, self.targets, self.batch_size)

    def inputs(self) -> dict[str, Any]:
        """Return what a probe needs of the task."""
        return {**vars(self), "model": vars(self.model)}


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


def expect_float(value: object, what: str) -> None:
    """Expect one real number, and not in a tensor."""
    hint = "A tensor drags the graph of its batch along; item() takes the number out."
    expect.true(not isinstance(value, TensorValue), "a float", "a torch.Tensor", hint=hint)
    expect.number(value, what)


def as_number(value: object, what: str) -> float:
    """Expect one real number, also where it comes as a tensor."""
    return expect.number(value.array if isinstance(value, TensorValue) else value, what)


def expect_nan(ask: Callable[[], dict[str, Any]], what: str) -> dict[str, Any]:
    """Expect NaN of a loader in which nothing is labeled; return what came of asking."""
    example, hint = "a loader in which no coordinate is labeled", "Look at what you divide by where nothing is labeled."
    try:
        answer = ask()
    except StudentError as error:
        if expect.is_stub(error):
            raise
        raise expect.Mismatch(f"{what}: nan", str(error), example, hint, where=error.where) from None
    value = as_number(answer["value"], what)
    expect.true(math.isnan(value), f"{what}: nan", f"{value:.4g}", example, hint)
    return answer
