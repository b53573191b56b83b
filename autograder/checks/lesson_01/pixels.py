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


def _blob(x: np.ndarray, y: np.ndarray, center: tuple[float, float], radii: tuple[float, float]) -> np.ndarray:
    """Return 1 within the ellipse, 0 outside, and a soft edge of about a pixel."""
    distance = np.hypot((x - center[0]) / radii[0], (y - center[1]) / radii[1])
    return np.clip((1 - distance) * min(radii) + 0.5, 0, 1)


def _draw_face(rng: np.random.Generator) -> np.ndarray:
    """Return one simple face, (96, 96) floats about 0 to 255: a reader sees at once where it was turned or cut."""
    y, x = np.mgrid[0:SIZE, 0:SIZE].astype(float)
    middle, chin = 48 + rng.uniform(-5, 5), rng.uniform(40, 44)
    # Light comes from one side and from above, so that no picture equals its mirror image or itself upside down.
    picture = rng.uniform(40, 80) + 0.4 * x + 0.2 * y
    parts = [
        ((middle, 50), (rng.uniform(29, 33), chin), rng.uniform(170, 200)),
        ((middle, 14), (rng.uniform(28, 32), rng.uniform(11, 14)), rng.uniform(15, 45)),
        ((middle - 13, 40), (6, 3), 240),
        ((middle + 13, 40), (6, 3), 240),
        ((middle - 12, 40), (2.5, 2.5), 20),
        ((middle + 14, 40), (2.5, 2.5), 20),
        ((middle + 1, 56), (3, 7), 140),
        ((middle - 3, 74), (rng.uniform(9, 13), 3.5), 80),
    ]
    for center, radii, gray in parts:
        inside = _blob(x, y, center, radii)
        picture = picture * (1 - inside) + (gray + 0.3 * (x - 48)) * inside
    return picture + rng.normal(0, 4, picture.shape)


def draw_faces(rng: np.random.Generator, count: int) -> np.ndarray:
    """Return (count, 96, 96) integers 0 to 255: simple faces, each with pixels of both ends."""
    faces = np.clip(np.rint([_draw_face(rng) for _ in range(count)]), 1, 254).astype(int)
    for face in faces:
        face.flat[rng.choice(face.size, 2, replace=False)] = (0, 255)
    return faces


def as_text(pixels: np.ndarray) -> str:
    """Return pixels as Kaggle's files hold them: one after the other, row by row."""
    return " ".join(map(str, pixels.ravel().tolist()))
