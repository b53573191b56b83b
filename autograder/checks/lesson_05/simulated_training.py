"""What lesson 05's loops must do to a linear model, step by step: an epoch of SGD, and a whole training under Adam."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from autograder.checks.common.linear_training import Linear, Rows, Step, batches, gradients


def sgd_epoch(model: Linear, data: list[Rows], lr: float) -> tuple[list[Step], Linear]:
    """Return the steps of one epoch of plain SGD, and the model after it."""
    steps = []
    for images, targets in data:
        step, slope = gradients(model, images, targets)
        model = Linear(model.weight - lr * slope.weight, model.bias - lr * slope.bias)
        steps.append(step)
    return steps, model


def epoch_loss(steps: list[Step]) -> float:
    """Return the squared error per labeled coordinate over all steps."""
    return sum(step.squared_error for step in steps) / sum(step.labeled for step in steps)


def rmse(model: Linear, images: np.ndarray, targets: np.ndarray) -> float:
    """Return the root of the mean squared error over labeled coordinates."""
    return math.sqrt(epoch_loss([gradients(model, images, targets)[0]]))


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
        """The index of the best epoch."""
        return int(np.argmin(self.val_rmse))

    def judged_by(self, images: np.ndarray, targets: np.ndarray) -> Run:
        """Return the same training with the errors on other validation rows."""
        return replace(self, val_rmse=[rmse(model, images, targets) for model in self.models])

    def until(self, end: int) -> Run:
        """Return the first epochs of the training."""
        return Run(self.train_loss[:end], self.val_rmse[:end], self.lr[:end], self.models[:end])


def adam_run(model: Linear, train: Rows, val: Rows, recipe: Recipe) -> Run:
    """Adam (betas 0.9 and 0.999, epsilon 1e-8), StepLR and early stopping, as PyTorch's documentation defines them."""
    run, count, since_best = Run([], [], [], []), 0, 0
    moments = {name: (np.zeros(1), np.zeros(1)) for name in ("weight", "bias")}
    data = batches(*train, recipe.batch_size)
    for epoch in range(recipe.epochs):
        steps = []
        for position, (images, targets) in enumerate(data):
            step, slope = gradients(model, images, targets)
            steps.append(step)
            count += 1
            rate = recipe.rate(epoch, position, len(data))
            for name, (first, second) in moments.items():
                value = getattr(slope, name)
                moments[name] = (0.9 * first + 0.1 * value, 0.999 * second + 0.001 * value**2)
                first, second = moments[name][0] / (1 - 0.9**count), moments[name][1] / (1 - 0.999**count)
                model = replace(model, **{name: getattr(model, name) - rate * first / (np.sqrt(second) + 1e-8)})
        run.train_loss.append(epoch_loss(steps))
        run.val_rmse.append(rmse(model, *val))
        run.lr.append(recipe.rate(epoch, 0, len(data)))
        run.models.append(model)
        since_best = 0 if run.best == epoch else since_best + 1
        if since_best >= recipe.patience:
            break
    return run
