"""A linear model in NumPy, float64: its errors and gradients, for the checks of training loops."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

Rows = tuple[np.ndarray, np.ndarray]


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


def batches(images: np.ndarray, targets: np.ndarray, size: int) -> list[Rows]:
    """Cut rows into batches in their order; the last one may be smaller."""
    return [(images[i : i + size], targets[i : i + size]) for i in range(0, len(images), size)]


def errors_of(outputs: np.ndarray, targets: np.ndarray) -> tuple[Step, np.ndarray]:
    """Return what the errors of (B, D) outputs amount to, and the errors, 0 where a target is NaN."""
    finite = np.isfinite(targets)
    errors = np.where(finite, outputs - np.where(finite, targets, 0.0), 0.0)
    return Step(float((errors**2).sum()), int(finite.sum()), len(outputs)), errors


def gradients(model: Linear, images: np.ndarray, targets: np.ndarray) -> tuple[Step, Linear]:
    """Return the batch's errors and the gradient of its mean squared error over labeled coordinates."""
    step, errors = errors_of(model.predict(images), targets)
    slope = 2 * errors / max(step.labeled, 1)
    return step, Linear(slope.T @ images.reshape(len(images), -1).astype(float), slope.sum(axis=0))
