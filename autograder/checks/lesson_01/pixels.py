"""Gray values that the checks of lesson 01 draw, and how closely an answer must meet them."""

from __future__ import annotations

import numpy as np

SIZE = 96
# A division by 255 in float32, or in float64 and then rounded, differs by at most one unit in the last place.
FLOAT32 = 1e-6


def draw_pixels(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Return integers 0 to 255, both ends among them."""
    pixels = rng.integers(0, 256, shape)
    ends = rng.choice(pixels.size, 2, replace=False)
    pixels.flat[ends] = (0, 255)
    return pixels


def as_text(pixels: np.ndarray) -> str:
    """Return pixels as Kaggle's files hold them: one after the other, row by row."""
    return " ".join(map(str, pixels.ravel().tolist()))
