"""A small training of lesson 07: what a linear model is trained on, and what Adam makes of it, in NumPy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from autograder.checks.common.linear_training import Linear, batches, gradients
from autograder.ladder.student import Student


@dataclass(frozen=True)
class Task:
    """Small images and targets to train and validate on, and the linear model to start from."""

    images: np.ndarray
    targets: np.ndarray
    batch_size: int
    val_images: np.ndarray
    val_targets: np.ndarray
    val_batch_size: int
    model: Linear
    epochs: int
    lr: float

    def ask(self, student: Student, training: bool = True, modes: np.ndarray | None = None) -> dict[str, Any]:
        """Let the student do it, with a model whose answers tell its mode by what ``modes`` (2, 2) adds to them."""
        told = np.zeros((2, 2)) if modes is None else modes
        model = {"weight": self.model.weight, "bias": self.model.bias, "training": training, "modes": told}
        names = ("images", "targets", "batch_size", "val_images", "val_targets", "val_batch_size", "epochs", "lr")
        return student.probe("lesson_07.train", **{name: getattr(self, name) for name in names}, **model)

    @property
    def example(self) -> str:
        """What the student reads of the task."""
        return (
            f"a linear model, {len(self.images)} training images in batches of {self.batch_size}, "
            f"{len(self.val_images)} validation images in batches of {self.val_batch_size}, {self.epochs} epochs, "
            f"lr {self.lr:g}"
        )


@dataclass(frozen=True)
class Curve:
    """A simulated training: both curves, and the model at the end."""

    train_mse: list[float]
    val_mse: list[float]
    model: Linear


def simulate(task: Task) -> Curve:
    """Return the training as Adam does it, with the betas and the epsilon that PyTorch gives it."""
    model, count = task.model, 0
    train_mse: list[float] = []
    val_mse: list[float] = []
    moments = {name: [np.zeros(1), np.zeros(1)] for name in ("weight", "bias")}
    for _ in range(task.epochs):
        for images, targets in batches(task.images, task.targets, task.batch_size):
            step, slope = gradients(model, images, targets)
            train_mse.append(step.squared_error / step.labeled)
            count += 1
            values = {}
            for name, moment in moments.items():
                gradient = getattr(slope, name)
                moment[0] = 0.9 * moment[0] + 0.1 * gradient
                moment[1] = 0.999 * moment[1] + 0.001 * gradient**2
                first, second = moment[0] / (1 - 0.9**count), moment[1] / (1 - 0.999**count)
                values[name] = getattr(model, name) - task.lr * first / (np.sqrt(second) + 1e-8)
            model = Linear(**values)
        val_mse.append(float(np.mean((model.predict(task.val_images) - task.val_targets) ** 2)))
    return Curve(train_mse, val_mse, model)


def draw_task(rng: np.random.Generator, val_count: int = 6, epochs: int = 3) -> Task:
    """Draw a task; ``val_count`` images in batches of 3, the last of them far off."""
    while True:
        truth = rng.normal(0, 1, (2, 9))
        images, val_images = (rng.random((count, 1, 3, 3), dtype=np.float32) for count in (7, val_count))
        targets, val_targets = (
            (rows.reshape(len(rows), 9) @ truth.T + rng.normal(0, 0.5, (len(rows), 2))).astype(np.float32)
            for rows in (images, val_images)
        )
        val_targets[-1] += 4
        model = Linear(rng.normal(0, 0.3, (2, 9)).astype(np.float32), rng.normal(0, 0.3, 2).astype(np.float32))
        lr = round(float(rng.uniform(0.02, 0.06)), 3)
        task = Task(images, targets, 3, val_images, val_targets, 3, model, epochs, lr)
        _, slope = gradients(model, images[:3], targets[:3])
        # Adam's first step follows the sign of the gradient alone, which float32 can't settle near 0.
        if min(np.abs(slope.weight).min(), np.abs(slope.bias).min()) > 1e-3:
            return task


def mean_square(model: Linear, images: np.ndarray, targets: np.ndarray, added: float = 0.0) -> float:
    """Return the mean squared error of the model's answers with a number added to them."""
    return float(np.mean((model.predict(images) + added - targets) ** 2))
