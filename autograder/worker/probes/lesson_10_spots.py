"""Pictures to learn from in lesson 10: a bright spot anywhere, and two keypoints beside it.

Training pictures are drawn in the worker, those that count on the other side.
"""

from __future__ import annotations

import numpy as np

# How far the keypoints are from the middle of the spot, in pixels: far enough that the spot itself is a bad answer.
APART = 11.0
BORDER, RADIUS = 22, 5.0
# Steps and highest rates of the trainings that are tried, one after the other; most networks need a part of the first.
TRIES = ((60, 3e-3), (120, 1e-3), (300, 1e-3))


def places_beside(rng: np.random.Generator) -> np.ndarray:
    """Return where the two keypoints lie, seen from the spot, (2, 2) pixels: each in a direction of its own.

    Only who learns from the pictures can know them.
    """
    angles = rng.uniform(0, 2 * np.pi, 2)
    return APART * np.stack([np.cos(angles), np.sin(angles)], axis=1)


def draw_spots(rng: np.random.Generator, count: int, beside: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return pictures (count, 1, 96, 96) in [0, 1] and keypoints (count, 2, 2), (x, y) in pixels, both float32.

    ``beside`` says where the keypoints lie, as ``places_beside`` draws it.
    """
    middles = rng.uniform(BORDER, 95 - BORDER, (count, 2))
    y, x = np.mgrid[:96, :96]
    apart = (x - middles[:, 0, None, None]) ** 2 + (y - middles[:, 1, None, None]) ** 2
    pictures = 0.3 + 0.03 * rng.standard_normal((count, 96, 96)) + 0.6 * np.exp(-apart / (2 * RADIUS**2))
    keypoints = middles[:, None] + beside
    return np.clip(pictures, 0, 1)[:, None].astype(np.float32), keypoints.astype(np.float32)
