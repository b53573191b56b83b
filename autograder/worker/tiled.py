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
    return 1 + 0.3 * np.clip(drawn, -2, 2) if name.endswith("weight") else 0.3 * drawn
