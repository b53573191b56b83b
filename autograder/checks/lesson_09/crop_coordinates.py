"""Where pixels and points of an image lie in a crop of it, and the images, boxes and points to ask about."""

from __future__ import annotations

import numpy as np

POINTS = 68
# left, top, width, height in pixels of the image.
Box = tuple[int, int, int, int]


def _corner_and_sides(box: Box) -> tuple[np.ndarray, np.ndarray]:
    return np.array(box[:2], float), np.array(box[2:], float)


def to_crop(points: np.ndarray, box: Box, size: int) -> np.ndarray:
    """Return where points of the image lie in the crop; a whole coordinate is the center of a pixel."""
    corner, sides = _corner_and_sides(box)
    return (points - corner + 0.5) * size / sides - 0.5


def to_image(points: np.ndarray, box: Box, size: int) -> np.ndarray:
    """Return where points of the crop lie in the image."""
    corner, sides = _corner_and_sides(box)
    return (points + 0.5) * sides / size - 0.5 + corner


def draw_points(rng: np.random.Generator, box: Box, low: float = 0.05, high: float = 0.95) -> np.ndarray:
    """Draw keypoints at these shares of the box: (68, 2) float32 pixels of the image."""
    return (np.array(box[:2]) + rng.uniform(low, high, (POINTS, 2)) * np.array(box[2:])).astype(np.float32)


def draw_box(rng: np.random.Generator, square: bool = False) -> Box:
    """Draw a box inside of a 120 x 160 image."""
    width, height = int(rng.integers(50, 70)), int(rng.integers(75, 95))
    return (int(rng.integers(10, 40)), int(rng.integers(5, 20)), width, width if square else height)


def draw_image(rng: np.random.Generator) -> np.ndarray:
    """Draw a noisy image, (120, 160) float32 in [0, 1]."""
    return rng.random((120, 160), dtype=np.float32)


def draw_blobs(centers: np.ndarray, spread: tuple[float, float]) -> np.ndarray:
    """Return an image, (120, 160) float32, black but for a bright blob at each center (x, y)."""
    rows, columns = np.mgrid[:120, :160]
    image = np.zeros((120, 160))
    for x, y in centers:
        image += np.exp(-0.5 * (((columns - x) / spread[0]) ** 2 + ((rows - y) / spread[1]) ** 2))
    return (0.9 * np.minimum(image, 1)).astype(np.float32)


def find_blob(crop: np.ndarray, near: np.ndarray, reach: int) -> np.ndarray:
    """Return the center of what is bright within ``reach`` pixels of a place, (x, y)."""
    column, row = np.round(near).astype(int)
    x0, y0 = max(column - reach, 0), max(row - reach, 0)
    part = np.clip(crop[y0 : row + reach + 1, x0 : column + reach + 1].astype(float), 0, None)
    rows, columns = np.mgrid[: part.shape[0], : part.shape[1]]
    total = max(float(part.sum()), 1e-9)
    return np.array([x0 + (part * columns).sum() / total, y0 + (part * rows).sum() / total])


def off_the_rim(box: Box, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return which pixels of the crop lie well inside of a 120 x 160 image, and which well outside; (size, size)."""
    grid = np.stack(np.meshgrid(np.arange(size), np.arange(size)), axis=-1).reshape(-1, 2)
    places = to_image(grid, box, size)
    # The widest interpolation looks four pixels around it, of the image or, where it shrinks, of the crop.
    rim = 5 * max(1.0, box[2] / size, box[3] / size)
    depth = np.minimum(places, (159, 119) - places)
    return (depth > rim).all(axis=1).reshape(size, size), (depth < -rim).any(axis=1).reshape(size, size)
