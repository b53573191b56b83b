"""Small models whose answers to drawn images a check can compute, and the points of mirrored faces."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SQUARE, EPS = 24, 1e-5


@dataclass(frozen=True)
class Model:
    """Means over squares of the image, normalized by running statistics, then a linear layer; answers in pixels."""

    weight: np.ndarray
    bias: np.ndarray
    mean: np.ndarray
    var: np.ndarray

    def predict(self, images: np.ndarray) -> np.ndarray:
        """Return keypoints (N, K, 2) of images (N, 96, 96), as the model gives them in eval mode."""
        side = images.shape[1] // SQUARE
        means = images.astype(float).reshape(len(images), side, SQUARE, side, SQUARE).mean(axis=(2, 4))
        features = (means.reshape(len(images), -1) - self.mean) / np.sqrt(self.var + EPS)
        return (features @ self.weight.astype(float) + self.bias).reshape(len(images), -1, 2)


def draw_model(rng: np.random.Generator, keypoints: int) -> Model:
    """Draw a model of so many keypoints, whose answers lie inside the image."""
    weight = rng.normal(0, 2.5, (16, 2 * keypoints)).astype(np.float32)
    bias = rng.uniform(35, 60, 2 * keypoints).astype(np.float32)
    # Squares of drawn faces differ by about as much as these say, so that answers stay inside the image.
    mean, var = rng.normal(0.5, 0.05, 16).astype(np.float32), rng.uniform(0.04, 0.08, 16).astype(np.float32)
    return Model(weight, bias, mean, var)


def draw_images(rng: np.random.Generator, count: int) -> np.ndarray:
    """Draw images (count, 96, 96) in [0, 1] whose squares are of different brightness."""
    squares = rng.uniform(0.1, 0.8, (count, 4, 4)).repeat(SQUARE, axis=1).repeat(SQUARE, axis=2)
    return (squares + rng.uniform(0, 0.2, squares.shape)).astype(np.float32)


def partners(names: list[str]) -> list[int]:
    """Return for each name the index of the one with the other word."""
    other = {"left": "right", "right": "left"}
    return [names.index("_".join(other.get(word, word) for word in name.split("_"))) for name in names]


def mirrored(points: np.ndarray, axis: float) -> np.ndarray:
    """Return points with x mirrored about the axis, each in its place."""
    return np.stack([2 * axis - points[..., 0], points[..., 1]], axis=-1)
