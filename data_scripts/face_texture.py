"""The texture of a head: its reflectance over the surface, soft brushes to paint on it, and noise.

Shapes are given in the head frame of `face_shape` and land on a texture with the rows and columns of the surface grid,
twice as fine. Reflectance is linear: 0 swallows all light, 1 returns it.
"""

from bisect import bisect
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import accumulate
from typing import TypeVar

import cv2
import numpy as np

from data_scripts.face_shape import GRID, Head

T = TypeVar("T")
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


def pick(rng: np.random.Generator, values: Sequence[T], weights: Sequence[float] | None = None) -> T:
    """One of the values, with probabilities `weights`, all alike if None; a tenth of `rng.choice`'s time."""
    if weights is None:
        return values[rng.integers(len(values))]
    return values[bisect(list(accumulate(weights))[:-1], rng.random())]


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


@dataclass(frozen=True)
class _Mark:
    """One area or stroke, with reflectance `value` at opacity `alpha`; `width` 0 marks an area."""

    outlines: np.ndarray  # (M, K, 2) head frame
    width: int  # pixels of the layer
    value: float
    alpha: float


@dataclass(frozen=True)
class Layer:
    """Marks that are painted together. A later one covers an earlier one, then the edges of all are softened."""

    soft: float  # texture pixels
    marks: list[_Mark] = field(default_factory=list)

    def area(self, xy: np.ndarray, value: float, alpha: float = 1.0) -> None:
        """Fill the polygon `xy` (K, 2), in the head frame, with reflectance `value` at opacity `alpha`."""
        if alpha > FAINT:
            self.marks.append(_Mark(xy[None], 0, value, alpha))

    def stroke(self, xy: np.ndarray, width: int, value: float, alpha: float = 1.0) -> None:
        """Draw the line `xy` (K, 2), or lines (M, K, 2), in the head frame, `width` texture pixels wide."""
        if alpha > FAINT:
            self.marks.append(_Mark(xy.reshape(-1, *xy.shape[-2:]), width, value, alpha))


def paint(head: Head, canvas: np.ndarray, layers: Sequence[Layer]) -> None:
    """Paint the layers, in their order, on the texture of a head: (TEXTURE, TEXTURE) float32, changed in place."""
    layers = [layer for layer in layers if layer.marks]
    if not layers:
        return
    # Points are placed on the texture all at once: a call for each mark would take most of the time.
    points = np.concatenate([mark.outlines.reshape(-1, 2) for layer in layers for mark in layer.marks])
    # OpenCV draws at sixteenths of a pixel when points come as integers with 4 fractional bits.
    points = (head.to_grid(points) * SIXTEENTHS).astype(np.int32)
    first = 0
    for layer in layers:
        last = first + sum(mark.outlines.size for mark in layer.marks) // 2
        _paint_layer(canvas, layer, points[first:last])
        first = last


def _paint_layer(canvas: np.ndarray, layer: Layer, points: np.ndarray) -> None:
    """Paint one layer; `points` are those of its marks, (n, 2) int32 in sixteenths of a texture pixel; they change."""
    # What is very soft is drawn on a grid four times as coarse.
    coarse = 2 if layer.soft > 3 else 0
    unit, end = 4 + coarse, TEXTURE >> coarse
    x, y, width, height = cv2.boundingRect(points)
    margin = int(16 * (2.5 * layer.soft + 4))
    x0, x1 = max(x - margin, 0) >> unit, min((x + width + margin >> unit) + 1, end)
    y0, y1 = max(y - margin, 0) >> unit, min((y + height + margin >> unit) + 1, end)
    if x1 <= x0 or y1 <= y0:
        return
    # The middle of a coarse pixel lies between those of the fine ones that it stands for.
    middle = (8 << coarse) - 8
    points -= ((x0 << unit) + middle, (y0 << unit) + middle)
    # Two channels: opacity, and reflectance times opacity; blurred so, a color does not mix with what is not painted.
    drawn = np.zeros((y1 - y0, x1 - x0, 2), np.uint8)
    first = 0
    for mark in layer.marks:
        last = first + mark.outlines.size // 2
        outlines = points[first:last].reshape(mark.outlines.shape)
        first = last
        color = (255 * mark.alpha, 255 * mark.alpha * mark.value)
        if mark.width:
            cv2.polylines(drawn, outlines, False, color, mark.width, cv2.LINE_AA, unit)
        else:
            cv2.fillPoly(drawn, outlines, color, cv2.LINE_AA, unit)
    soft = soften(drawn * np.float32(1 / 255), layer.soft / (1 << coarse))
    if coarse:
        soft = cv2.resize(soft, None, fx=1 << coarse, fy=1 << coarse, interpolation=cv2.INTER_LINEAR)
    patch = canvas[y0 << coarse : y1 << coarse, x0 << coarse : x1 << coarse]
    patch *= 1 - soft[..., 0]
    patch += soft[..., 1]


def soften(mask: np.ndarray, soft: float) -> np.ndarray:
    """The float32 mask, blurred by `soft` pixels. Floats blur several times faster than bytes with wide kernels."""
    if soft <= 0.3:
        return mask
    size = 2 * int(2.5 * soft + 0.5) + 1
    return cv2.GaussianBlur(mask, (size, size), soft)


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
