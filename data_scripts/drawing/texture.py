"""What a head's texture is made of: its size, noise, soft edges, and the curves of what is painted on it.

The texture has the rows and columns of the surface grid of `head`, twice as fine.
"""

from functools import cache

import cv2
import numpy as np

from data_scripts.drawing.head import GRID

TEXTURE = 2 * GRID
_TURN = np.linspace(0, 2 * np.pi, 20, endpoint=False)
_CIRCLE = np.stack([np.ones(len(_TURN)), np.cos(_TURN), np.sin(_TURN)], axis=1)
_GRAIN = np.random.default_rng(1).standard_normal((3 * TEXTURE, 3 * TEXTURE)).astype(np.float32)


def grain(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """(height, width) float32 of standard normal noise, cut from a fixed tile: far cheaper than drawing it anew."""
    row = rng.integers(0, _GRAIN.shape[0] - height)
    column = rng.integers(0, _GRAIN.shape[1] - width)
    return _GRAIN[row : row + height, column : column + width]


def step(x: np.ndarray) -> np.ndarray:
    """Smooth step: 0 far below zero, 1 far above, without overflow."""
    return 1 / (1 + cv2.exp(-x).reshape(x.shape))


def clouds(rng: np.random.Generator, height: int, width: int, cells_y: int, cells_x: int) -> np.ndarray:
    """(height, width) float32 of smooth noise of unit spread with that many cells down and across."""
    coarse = grain(rng, cells_y + 2, cells_x + 2)
    if max(cells_y, cells_x) < 24 and min(width, height) > 64:
        # Few cells need smooth steps between them; cubic ones over a quarter of the width cost a tenth.
        coarse = cv2.resize(coarse, (width // 4, height // 4), interpolation=cv2.INTER_CUBIC)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)


def soften(mask: np.ndarray, soft: float) -> np.ndarray:
    """The float32 mask, blurred by `soft` pixels. Floats blur several times faster than bytes with wide kernels."""
    if soft <= 0.3:
        return mask
    size = 2 * int(2.5 * soft + 0.5) + 1
    return cv2.GaussianBlur(mask, (size, size), soft)


def lay(canvas: np.ndarray, mask: np.ndarray, value: np.ndarray | float) -> None:
    """Lay `value` over the canvas where `mask` covers it."""
    canvas += mask * (value - canvas)


def reach(points: np.ndarray, margin: float, size: int, bits: int = 4) -> tuple[int, int, int, int]:
    """The part of a square canvas that is painted on: its first column and row, and the ends of both.

    `points`: (K, 2) int32, sixteenths of a pixel; `margin`: as many pixels more on each side; `size`: the canvas's,
    whose pixels are 2**(bits - 4) of these wide. The ends are not beyond the beginnings where all lies outside.
    """
    x, y, width, height = cv2.boundingRect(points)
    more = int(16 * margin)
    x0, x1 = max(x - more, 0) >> bits, min((x + width + more >> bits) + 1, size)
    y0, y1 = max(y - more, 0) >> bits, min((y + height + more >> bits) + 1, size)
    return x0, y0, x1, y1


def ellipse(cx: float, cy: float, rx: float, ry: float) -> np.ndarray:
    """Outline of an ellipse, (20, 2)."""
    return _CIRCLE @ np.array(((cx, cy), (rx, 0.0), (0.0, ry)))


def arc(x0: float, y0: float, x1: float, y1: float, bow: float, power: float = 1.0, steps: int = 11) -> np.ndarray:
    """Curve from (x0, y0) to (x1, y1) that swells by `bow` down in its middle, (steps, 2)."""
    return _bow(power, steps) @ np.array(((x0, y0), (x1 - x0, y1 - y0), (0.0, bow)))


def arc_between(start: np.ndarray, end: np.ndarray, bow: float, power: float = 1.0, steps: int = 11) -> np.ndarray:
    """The curve of `arc` from one point, (2,), to another: (steps, 2)."""
    return arc(float(start[0]), float(start[1]), float(end[0]), float(end[1]), bow, power, steps)


@cache
def _bow(power: float, steps: int) -> np.ndarray:
    """(steps, 3): one, the way along the chord, and how far the curve swells there."""
    t = np.linspace(0, 1, steps)
    return np.stack([np.ones(steps), t, np.sin(np.pi * t) ** power], axis=1)
