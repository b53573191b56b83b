"""Networks of lesson 07 and their training in NumPy, float64: what predictions come of first weights and batches."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

Array = np.ndarray
# Of each layer its weight and its bias, in the order of the table.
SHAPES = ((16, 1, 3, 3), (32, 16, 3, 3), (32, 32, 3, 3), (512, 1280), (2, 512))
# A network that is trained in no time: the largest of each 4×4 pixels, and two linear layers.
SMALL_SHAPES = ((64, 300), (64,), (2, 64), (2,))
# A step: the weights and their gradients in, the weights afterwards out.
Rule = Callable[[list[Array], list[Array]], list[Array]]


def sort_weights(found: list[Array]) -> list[list[Array]]:
    """Return the orders in which a network's parameters may be those of the table; none where they are others.

    Two of the biases are of the same shape. The first order takes them as they come.
    """
    by_shape: dict[tuple[int, ...], list[Array]] = {}
    for part in found:
        by_shape.setdefault(part.shape, []).append(part.astype(float))
    if sorted(part.shape for part in found) == sorted(SMALL_SHAPES):
        return [[next(part for part in found if part.shape == shape).astype(float) for shape in SMALL_SHAPES]]
    wanted = [part for shape in SHAPES for part in (shape, shape[:1])]
    if {shape: len(parts) for shape, parts in by_shape.items()} != {shape: wanted.count(shape) for shape in wanted}:
        return []
    twice = by_shape[32,]
    return [
        [pair.pop(0) if shape == (32,) else by_shape[shape][0] for shape in wanted] for pair in (twice[:], twice[::-1])
    ]


def _windows(x: Array) -> Array:
    return np.lib.stride_tricks.sliding_window_view(x, (3, 3), axis=(2, 3))


@dataclass
class _Conv:
    """A convolution without padding, its ReLU and its 2×2 pooling, and what was seen on the way there."""

    windows: Array
    chosen: Array
    shape: tuple[int, ...]
    kernel: Array

    @staticmethod
    def run(x: Array, kernel: Array, bias: Array) -> tuple[Array, _Conv]:
        """Return (B, C', H', W') for (B, C, H, W), and what the way back needs."""
        windows = _windows(x)
        out = np.tensordot(windows, kernel, ([1, 4, 5], [1, 2, 3])).transpose(0, 3, 1, 2) + bias[:, None, None]
        rows, columns = out.shape[2] // 2, out.shape[3] // 2
        cut = out[:, :, : 2 * rows, : 2 * columns].reshape(*out.shape[:2], rows, 2, columns, 2)
        most = cut.max(axis=(3, 5), keepdims=True)
        chosen = (cut == most) & (most > 0)
        return np.maximum(most[:, :, :, 0, :, 0], 0), _Conv(windows, chosen, out.shape, kernel)

    def back(self, slope: Array, deeper: bool) -> tuple[Array, Array, Array | None]:
        """Return the slopes of kernel and bias and, where it goes ``deeper``, of what came in."""
        spread = slope[:, :, :, None, :, None] * self.chosen
        whole = np.zeros(self.shape)
        rows, columns = 2 * spread.shape[2], 2 * spread.shape[4]
        whole[:, :, :rows, :columns] = spread.reshape(*self.shape[:2], rows, columns)
        kernel = np.tensordot(whole, self.windows, ([0, 2, 3], [0, 2, 3]))
        if not deeper:
            return kernel, whole.sum(axis=(0, 2, 3)), None
        padded = np.pad(whole, ((0, 0), (0, 0), (2, 2), (2, 2)))
        before = np.tensordot(_windows(padded), self.kernel[:, :, ::-1, ::-1], ([1, 4, 5], [0, 2, 3]))
        return kernel, whole.sum(axis=(0, 2, 3)), before.transpose(0, 3, 1, 2)


def predict(weights: list[Array], images: Array) -> Array:
    """Return (B, 2) for images (B, 1, 60, 80)."""
    return _forward(weights, images)[0]


def _forward(weights: list[Array], images: Array) -> tuple[Array, list[_Conv], Array, Array]:
    """Return the answers and, for the way back, the convolutions, what comes to the linear layers, and between them."""
    x, layers = images.astype(float), []
    if len(weights) == len(SMALL_SHAPES):
        x = x.reshape(len(x), 15, 4, 20, 4).max(axis=(2, 4))
    for number in range((len(weights) - 4) // 2):
        x, layer = _Conv.run(x, *weights[2 * number : 2 * number + 2])
        layers.append(layer)
    flat, (inner, inner_bias, outer, outer_bias) = x.reshape(len(x), -1), weights[-4:]
    hidden = np.maximum(flat @ inner.T + inner_bias, 0)
    return hidden @ outer.T + outer_bias, layers, flat, hidden


def slopes(weights: list[Array], images: Array, targets: Array) -> list[Array]:
    """Return the gradient of the mean squared error for each of the weights."""
    out, layers, flat, hidden = _forward(weights, images)
    slope = 2 * (out - targets) / out.size
    found = [slope.T @ hidden, slope.sum(axis=0)]
    slope = (slope @ weights[-2]) * (hidden > 0)
    found = [slope.T @ flat, slope.sum(axis=0), *found]
    if layers:
        slope = (slope @ weights[-4]).reshape(len(flat), 32, 5, 8)
    for number in reversed(range(len(layers))):
        kernel, bias, before = layers[number].back(slope, deeper=number > 0)
        found = [kernel, bias, *found]
        slope = slope if before is None else before
    return found


class Adam:
    """Adam as PyTorch has it; ``decay`` is that of AdamW, ``reset`` whether gradients are set back to zero."""

    def __init__(self, lr: float, decay: float = 0.0, reset: bool = True) -> None:
        self.lr, self.decay, self.reset = lr, decay, reset
        self.count = 0
        self.first: list[Array] = []
        self.second: list[Array] = []
        self.summed: list[Array] = []

    def __call__(self, weights: list[Array], gradients: list[Array]) -> list[Array]:
        """Return the weights after one more step."""
        if not self.count:
            self.first, self.second = ([np.zeros_like(part) for part in weights] for _ in range(2))
            self.summed = [np.zeros_like(part) for part in weights]
        self.count += 1
        if not self.reset:
            gradients = self.summed = [a + b for a, b in zip(self.summed, gradients, strict=True)]
        moved = []
        for place, (weight, gradient) in enumerate(zip(weights, gradients, strict=True)):
            self.first[place] += 0.1 * (gradient - self.first[place])
            self.second[place] += 0.001 * (gradient**2 - self.second[place])
            step = np.sqrt(self.second[place] / (1 - 0.999**self.count)) + 1e-8
            step = self.first[place] / step * (self.lr / (1 - 0.9**self.count))
            moved.append(weight * (1 - self.lr * self.decay) - step)
        return moved


class Plain:
    """Steps along the gradient."""

    def __init__(self, lr: float) -> None:
        self.lr = lr

    def __call__(self, weights: list[Array], gradients: list[Array]) -> list[Array]:
        """Return the weights after one more step."""
        return [weight - self.lr * gradient for weight, gradient in zip(weights, gradients, strict=True)]


def train(weights: list[Array], batches: Iterable[tuple[Array, Array]], rule: Rule) -> list[Array]:
    """Return the weights after one step for each batch (images, targets)."""
    for images, targets in batches:
        weights = rule(weights, slopes(weights, images, targets))
    return weights
