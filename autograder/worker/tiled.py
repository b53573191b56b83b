"""Weights that both sides make from a few random numbers, so that millions of them need not cross the wire."""

from __future__ import annotations

import numpy as np


def tiled_weight(name: str, shape: tuple[int, ...], tile: np.ndarray, place: int) -> np.ndarray:
    """Return the weight number ``place`` of a network, named as PyTorch names them: float32 (int64 for counters).

    Args:
        name: such as ``layer1.0.bn1.running_var``; its ending says what kind of numbers make sense.
        shape: of the weight.
        tile: standard normal numbers; their number should be a prime, so that rows of a weight differ.
        place: each weight begins at another place of the tile.
    """
    if name.endswith("num_batches_tracked"):
        return np.zeros(shape, np.int64)
    drawn = np.resize(np.roll(tile, 997 * place), shape).astype(np.float32)
    if name.endswith("running_var"):
        return 1 + 0.5 * np.abs(drawn)
    if len(shape) > 1:
        return drawn * np.float32(np.sqrt(2 / np.prod(shape[1:])))
    if name == "bn1.bias":
        # So low that the pooling behind it, which takes the largest, does not hide what a ReLU does to the others.
        return 0.3 * drawn - np.float32(1.5)
    return 1 + 0.3 * np.clip(drawn, -2, 2) if name.endswith("weight") else 0.3 * drawn


def gentle_weight(name: str, weight: np.ndarray) -> np.ndarray:
    """Return a weight that is not negative, or of a normalization that does nothing; ``weight`` is a tiled one.

    With these a network answers the same whatever it has of ReLUs and normalizations, where no image is negative.
    """
    if weight.ndim > 1:
        size = np.abs(weight)
        # What comes in is handed on in the same size; each of eight blocks adds it to its shortcut.
        scale = size.mean(dtype=float) * weight.shape[1] * (256 if name.endswith("fc.weight") else 1)
        return (size / np.float32(scale)).astype(np.float32)
    if name.endswith("fc.bias"):
        return np.abs(weight)
    if name.endswith("running_var"):
        # The normalization adds 1e-5 itself.
        return np.full_like(weight, 1 - 1e-5)
    return np.ones_like(weight) if name.endswith("weight") else np.zeros_like(weight)
