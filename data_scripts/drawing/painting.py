"""Soft brushes: layers of areas and strokes, painted on the texture of a head.

Shapes are given in the head frame of `shape`. Reflectance is linear: 0 swallows all light, 1 returns it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np

from data_scripts.drawing.head import GRID, Head
from data_scripts.drawing.texture import TEXTURE, reach, soften

SIXTEENTHS = 16 * (TEXTURE - 1) / (GRID - 1)
FAINT = 0.06  # what is less opaque than this would not be seen


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
    unit = 4 + coarse
    x0, y0, x1, y1 = reach(points, 2.5 * layer.soft + 4, TEXTURE >> coarse, unit)
    if x1 <= x0 or y1 <= y0:
        return
    # The middle of a coarse pixel lies between those of the fine ones that it stands for.
    middle = (8 << coarse) - 8
    points[:, 0] -= (x0 << unit) + middle
    points[:, 1] -= (y0 << unit) + middle
    # Opacity, and reflectance times opacity; blurred so, a color does not mix with what is not painted. The third
    # channel is empty: where there are two, OpenCV draws edges as steps.
    drawn = np.zeros((y1 - y0, x1 - x0, 3), np.uint8)
    first = 0
    for mark in layer.marks:
        last = first + mark.outlines.size // 2
        outlines = list(points[first:last].reshape(mark.outlines.shape))
        first = last
        color = (255 * mark.alpha, 255 * mark.alpha * mark.value, 0)
        if mark.width:
            cv2.polylines(drawn, outlines, False, color, mark.width, cv2.LINE_AA, unit)
        else:
            cv2.fillPoly(drawn, outlines, color, cv2.LINE_AA, unit)
    soft = soften(drawn[..., :2] * np.float32(1 / 255), layer.soft / (1 << coarse))
    if coarse:
        soft = cv2.resize(soft, None, fx=1 << coarse, fy=1 << coarse, interpolation=cv2.INTER_LINEAR)
    patch = canvas[y0 << coarse : y1 << coarse, x0 << coarse : x1 << coarse]
    patch *= 1 - soft[..., 0]
    patch += soft[..., 1]
