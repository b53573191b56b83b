"""What the layers of a network answer with weights that are drawn here, in NumPy.

A worker fills its layers from the same seed, in the same order (``lesson_04.build``). What it tells of a layer, its
kernel's shape and its padding, is a claim: the numbers that the next layer was given show whether it is true.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

# The largest layer that is computed here: the first dense layer behind one pooling less, and some more.
MOST_WEIGHTS = 40_000_000


@dataclass(frozen=True)
class DrawnLayer:
    """A layer as the worker told of it, with its weights: kernel, and bias or None."""

    told: dict[str, Any]
    kernel: np.ndarray
    bias: np.ndarray | None

    @cached_property
    def before_activation(self) -> np.ndarray:
        """What the layer computes of the input that it was given at prediction, before any activation."""
        return self._answer(np.asarray(self.told["input"], np.float32))

    @cached_property
    def before_activation_in_training(self) -> np.ndarray:
        """The same of the input that it was given in training."""
        return self._answer(np.asarray(self.told["train_input"], np.float32))

    def _answer(self, x: np.ndarray) -> np.ndarray:
        out = self._convolve(x) if self.kernel.ndim == 4 else x @ self.kernel
        return out if self.bias is None else out + self.bias

    def _convolve(self, x: np.ndarray) -> np.ndarray:
        steps, dilation = self.told["strides"], self.told["dilation"]
        if self.told["padding"] == "same":
            sides = []
            for size, kernel, step, spread in zip(x.shape[1:3], self.kernel.shape, steps, dilation, strict=False):
                missing = max((-(-size // step) - 1) * step + (kernel - 1) * spread + 1 - size, 0)
                sides.append((missing // 2, missing - missing // 2))
            x = np.pad(x, [(0, 0), *sides, (0, 0)])
        spans = tuple((kernel - 1) * spread + 1 for kernel, spread in zip(self.kernel.shape, dilation, strict=False))
        windows = np.lib.stride_tricks.sliding_window_view(x, spans, axis=(1, 2))
        windows = windows[:, :: steps[0], :: steps[1], :, :: dilation[0], :: dilation[1]]
        return np.tensordot(windows, self.kernel, axes=([4, 5, 3], [0, 1, 2]))


def _is_drawable(layer: dict[str, Any]) -> bool:
    """Return whether the claim is about a layer that takes its input and is of a modest size."""
    shape, inputs = layer["kernel"], np.shape(layer["input"])
    wanted = {"conv": 4, "dense": 2}[layer["kind"]]
    fits = len(shape) == wanted and all(isinstance(size, int) and size > 0 for size in shape) and len(inputs) >= 2
    if not fits or math.prod(shape) > MOST_WEIGHTS or inputs[-1] != shape[-2]:
        return False
    positive = all(isinstance(step, int) and step > 0 for step in (*layer["strides"], *layer["dilation"]))
    return layer["kind"] == "dense" or (
        len(inputs) == 4 and len(layer["strides"]) == len(layer["dilation"]) == 2 and positive
    )


def draw_layers(told: list[dict[str, Any]], seed: int) -> list[DrawnLayer | None]:
    """Return the layers with their weights, drawn as the worker draws them; None from one on that can't be so."""
    rng = np.random.default_rng(seed)
    # A prime number of draws, repeated: no two units of a layer get the same weights.
    draws = rng.uniform(-1, 1, 65_537).astype(np.float32)
    layers: list[DrawnLayer | None] = []
    for layer in told:
        if not _is_drawable(layer) or (layers and layers[-1] is None):
            layers.append(None)
            continue
        shape = tuple(layer["kernel"])
        size = np.float32(np.sqrt(6 / math.prod(shape[:-1])))
        kernel = np.resize(rng.permutation(draws) * size, shape)
        bias = rng.uniform(-0.1, 0.1, shape[-1]).astype(np.float32) if layer["bias"] else None
        layers.append(DrawnLayer(layer, kernel, bias))
    return layers
