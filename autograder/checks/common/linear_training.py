"""Training of a linear model in NumPy, float64: what lesson 05's loops must do to the student's model, step by step."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np


@dataclass(frozen=True)
class Linear:
    """``x @ weight.T + bias`` of flattened images; weight (D, P), bias (D,)."""

    weight: np.ndarray
    bias: np.ndarray

    def predict(self, images: np.ndarray) -> np.ndarray:
        """Return (B, D) predictions."""
        return images.reshape(len(images), -1).astype(float) @ self.weight.T.astype(float) + self.bias.astype(float)


@dataclass(frozen=True)
class Step:
    """What one batch did: its sum of squared errors, its labeled coordinates, its rows."""

    squared_error: float
    labeled: int
    rows: int


def batches(images: np.ndarray, targets: np.ndarray, size: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Cut rows into batches in their order; the last one may be smaller."""
    return [(images[i : i + size], targets[i : i + size]) for i in range(0, len(images), size)]


def gradients(model: Linear, images: np.ndarray, targets: np.ndarray) -> tuple[Step, Linear]:
    """Return the batch's errors and the gradient of its mean squared error over labeled coordinates."""
    finite = np.isfinite(targets)
    errors = np.where(finite, model.predict(images) - np.where(finite, targets, 0.0), 0.0)
    step = Step(float((errors**2).sum()), int(finite.sum()), len(images))
    slope = 2 * errors / max(step.labeled, 1)
    flat = images.reshape(len(images), -1).astype(float)
    return step, Linear(slope.T @ flat, slope.sum(axis=0))


def sgd_epoch(
    model: Linear, data: list[tuple[np.ndarray, np.ndarray]], lr: float, accumulate: bool = False
) -> tuple[list[Step], Linear]:
    """One epoch of plain SGD; ``accumulate`` adds up gradients as if they were never reset."""
    steps, total = [], Linear(np.zeros(model.weight.shape), np.zeros(model.bias.shape))
    for images, targets in data:
        step, slope = gradients(model, images, targets)
        if accumulate:
            total = slope = Linear(total.weight + slope.weight, total.bias + slope.bias)
        model = Linear(model.weight - lr * slope.weight, model.bias - lr * slope.bias)
        steps.append(step)
    return steps, model


def epoch_loss(steps: list[Step]) -> float:
    """Return the squared error per labeled coordinate over all steps."""
    return sum(step.squared_error for step in steps) / sum(step.labeled for step in steps)


def rmse(model: Linear, images: np.ndarray, targets: np.ndarray) -> float:
    """Return the root of the mean squared error over labeled coordinates."""
    step, _ = gradients(model, images, targets)
    return math.sqrt(step.squared_error / step.labeled)


@dataclass(frozen=True)
class Recipe:
    """What fit is told, and the mistakes it may make: ``lr_per`` is what the learning rate drops by: epoch or batch."""

    epochs: int
    lr: float
    step_size: int
    gamma: float
    patience: int
    batch_size: int
    lr_per: str = "epoch"

    def rate(self, epoch: int, batch: int, batches_per_epoch: int) -> float:
        """Return the learning rate of a batch."""
        steps = epoch if self.lr_per == "epoch" else epoch * batches_per_epoch + batch
        return self.lr * self.gamma ** (steps // self.step_size)


@dataclass(frozen=True)
class Run:
    """A simulated training: the three lists, and the model after every epoch."""

    train_loss: list[float]
    val_rmse: list[float]
    lr: list[float]
    models: list[Linear]

    @property
    def best(self) -> int:
        return int(np.argmin(self.val_rmse))


def adam_run(
    model: Linear, train: tuple[np.ndarray, np.ndarray], val: tuple[np.ndarray, np.ndarray], recipe: Recipe
) -> Run:
    """Adam (betas 0.9 and 0.999, epsilon 1e-8), StepLR and early stopping, as PyTorch's documentation defines them."""
    run, count, since_best = Run([], [], [], []), 0, 0
    moments = {name: [0.0, 0.0] for name in ("weight", "bias")}
    data = batches(*train, recipe.batch_size)
    for epoch in range(recipe.epochs):
        steps = []
        for position, (images, targets) in enumerate(data):
            step, slope = gradients(model, images, targets)
            steps.append(step)
            count += 1
            rate = recipe.rate(epoch, position, len(data))
            for name, moment in moments.items():
                value = getattr(slope, name)
                moment[0] = 0.9 * moment[0] + 0.1 * value
                moment[1] = 0.999 * moment[1] + 0.001 * value**2
                first, second = moment[0] / (1 - 0.9**count), moment[1] / (1 - 0.999**count)
                model = replace(model, **{name: getattr(model, name) - rate * first / (np.sqrt(second) + 1e-8)})
        run.train_loss.append(epoch_loss(steps))
        run.val_rmse.append(rmse(model, *val))
        run.lr.append(recipe.rate(epoch, 0, len(data)))
        run.models.append(model)
        since_best = 0 if run.best == epoch else since_best + 1
        if since_best >= recipe.patience:
            break
    return run
