"""The texture of a head: its reflectance over the surface, soft brushes to paint on it, and noise.

Shapes are given in the head frame of `face_shape` and land on a texture with the rows and columns of the surface grid,
twice as fine. Reflectance is linear: 0 swallows all light, 1 returns it.
"""

from functools import cache

import cv2
import numpy as np

from data_scripts.face_shape import GRID, Head

TEXTURE = 2 * GRID
SIXTEENTHS = 16 * (TEXTURE - 1) / (GRID - 1)
FAINT = 0.06  # what is less opaque than this would not be seen
_TURN = np.linspace(0, 2 * np.pi, 20, endpoint=False)
_CIRCLE = np.stack([np.cos(_TURN), np.sin(_TURN)], axis=1)
_GRAIN = np.random.default_rng(1).standard_normal((3 * TEXTURE, 3 * TEXTURE)).astype(np.float32)


def grain(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """(height, width) float32 of standard normal noise, cut from a fixed tile: far cheaper than drawing it anew."""
    row = rng.integers(0, _GRAIN.shape[0] - height)
    column = rng.integers(0, _GRAIN.shape[1] - width)
    return _GRAIN[row : row + height, column : column + width]


def step(x: np.ndarray) -> np.ndarray:
    """Smooth step: 0 far below zero, 1 far above, without overflow."""
    return 0.5 + 0.5 * np.tanh(0.5 * x)


def clouds(rng: np.random.Generator, height: int, width: int, cells_y: int, cells_x: int) -> np.ndarray:
    """(height, width) float32 of smooth noise of unit spread with that many cells down and across."""
    coarse = grain(rng, cells_y + 2, cells_x + 2)
    if max(cells_y, cells_x) < 24 and min(width, height) > 64:
        # Few cells need smooth steps between them; cubic ones over a quarter of the width cost a tenth.
        coarse = cv2.resize(coarse, (width // 4, height // 4), interpolation=cv2.INTER_CUBIC)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)


class Painter:
    """Paints soft areas and strokes, given in the head frame, on the texture of one head."""

    def __init__(self, head: Head, base: np.ndarray) -> None:
        """`base`: (TEXTURE, TEXTURE) float32, painted over in place."""
        self.head = head
        self.canvas = base

    def _pixels(self, xy: np.ndarray, soft: float) -> tuple[np.ndarray, tuple[slice, slice]] | None:
        # OpenCV draws at sixteenths of a pixel when points come as integers with 4 fractional bits.
        points = (self.head.to_grid(xy) * SIXTEENTHS).astype(np.int32)
        x, y, width, height = cv2.boundingRect(points.reshape(-1, 2))
        margin = int(16 * (2.5 * soft + 2))
        x0, x1 = max(x - margin, 0) >> 4, min((x + width + margin) >> 4, TEXTURE - 1) + 1
        y0, y1 = max(y - margin, 0) >> 4, min((y + height + margin) >> 4, TEXTURE - 1) + 1
        if x1 <= x0 or y1 <= y0:
            return None
        points -= (16 * x0, 16 * y0)
        return points, (slice(y0, y1), slice(x0, x1))

    def _paint(self, where: tuple[slice, slice], mask: np.ndarray, soft: float, value: float, alpha: float) -> None:
        if soft > 0.3:
            size = 2 * int(2.5 * soft + 0.5) + 1
            mask = cv2.GaussianBlur(mask, (size, size), soft)
        patch = self.canvas[where]
        weight = mask * np.float32(alpha / 255)
        patch += weight * (np.float32(value) - patch)

    def area(self, xy: np.ndarray, value: float, alpha: float = 1.0, soft: float = 1.0) -> None:
        """Fill the polygon `xy` (K, 2) with reflectance `value` at opacity `alpha`; `soft` in texture pixels."""
        placed = self._pixels(xy, soft) if alpha > FAINT else None
        if placed is None:
            return
        points, where = placed
        mask = np.zeros(self.canvas[where].shape, np.uint8)
        cv2.fillPoly(mask, [points], 255, cv2.LINE_AA, 4)
        self._paint(where, mask, soft, value, alpha)

    def stroke(self, xy: np.ndarray, width: int, value: float, alpha: float = 1.0, soft: float = 1.0) -> None:
        """Draw the line `xy` (K, 2), or lines (M, K, 2), `width` texture pixels wide."""
        placed = self._pixels(xy, soft + width) if alpha > FAINT else None
        if placed is None:
            return
        points, where = placed
        mask = np.zeros(self.canvas[where].shape, np.uint8)
        cv2.polylines(mask, points.reshape(-1, *points.shape[-2:]), False, 255, width, cv2.LINE_AA, 4)
        self._paint(where, mask, soft, value, alpha)


def ellipse(cx: float, cy: float, rx: float, ry: float) -> np.ndarray:
    """Outline of an ellipse, (20, 2)."""
    return _CIRCLE * (rx, ry) + (cx, cy)


def arc(x0: float, y0: float, x1: float, y1: float, bow: float, power: float = 1.0, steps: int = 11) -> np.ndarray:
    """Curve from (x0, y0) to (x1, y1) that swells by `bow` down in its middle, (steps, 2)."""
    t, swell = _bow(power, steps)
    curve = np.empty((steps, 2))
    curve[:, 0] = x0 + (x1 - x0) * t
    curve[:, 1] = y0 + (y1 - y0) * t + bow * swell
    return curve


@cache
def _bow(power: float, steps: int) -> tuple[np.ndarray, np.ndarray]:
    t = np.linspace(0, 1, steps)
    return t, np.sin(np.pi * t) ** power
