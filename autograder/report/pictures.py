"""Small pictures of two arrays that differ: images beside each other, keypoints on one panel."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..ladder.array_difference import ArrayDifference

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MIN_IMAGE = 8
# Fewer points in a plain table (N, 2), or in a batch (B, K, 2), may be anything; so may what has more axes.
MIN_POINTS, MIN_POINTS_IN_BATCH = 5, 3
# Beyond it, the arithmetic of a picture's axes overflows.
MAX_VALUE = 1e30
DPI, PIXELS_PER_INCH = 144, 96


@dataclass(frozen=True)
class Picture:
    """A PNG image as a data URI, its width on the page, the text that stands for it, and the line below it."""

    uri: str
    width: int
    alternative: str
    caption: str


def _kind(difference: ArrayDifference) -> str | None:
    finite = difference.want[np.isfinite(difference.want)]
    if difference.want.ndim != 2 or not finite.size or np.abs(finite).max() > MAX_VALUE:
        return None
    rows, columns = difference.want.shape
    if len(difference.whole) <= 3 and difference.whole[-1] == 2:
        wanted = MIN_POINTS if len(difference.whole) == 2 else MIN_POINTS_IN_BATCH
        return "keypoints" if rows >= wanted else None
    return "image" if min(rows, columns) >= MIN_IMAGE else None


def _figure(width: float, height: float, panels: int) -> tuple[Figure, np.ndarray]:
    """Return a figure and its axes, free of whatever style the notebook has set."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=DPI, facecolor="white", layout="constrained")
    return figure, figure.subplots(1, panels, squeeze=False)[0]


def _picture(figure: Figure, alternative: str, caption: str) -> Picture:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    uri = "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
    return Picture(uri, round(figure.get_figwidth() * PIXELS_PER_INCH), alternative, caption)


def _span(array: np.ndarray) -> str:
    finite = array[np.isfinite(array)]
    odd = array.size - finite.size
    said = f"{finite.min():.4g} to {finite.max():.4g}" if finite.size else "no number"
    return said + (f" and {odd:,} × NaN or infinite" if odd else "")


def _draw_images(difference: ArrayDifference) -> Picture:
    finite = difference.want[np.isfinite(difference.want)]
    low, high = float(finite.min()), float(finite.max())
    high = high if high > low else low + 1
    figure, axes = _figure(4.8, 1.9, 3)
    for axis, array, title in zip(axes, (difference.want, difference.got), ("expected", "got"), strict=False):
        shown = np.ma.array(np.clip(array, low, high), mask=~np.isfinite(array))
        axis.set_facecolor("#e6a23c")
        axis.imshow(shown, cmap="gray", vmin=low, vmax=high, interpolation="nearest")
        axis.set_title(title)
    axes[2].imshow(difference.differs, cmap="gray_r", vmin=0, vmax=1, interpolation="nearest")
    axes[2].set_title("black: differs")
    for axis in axes:
        axis.set(xticks=[], yticks=[])
    caption = f"expected {_span(difference.want)}, got {_span(difference.got)}; "
    caption += f"both drawn from black {low:.4g} to white {high:.4g}"
    if not (np.isfinite(difference.want).all() and np.isfinite(difference.got).all()):
        caption += "; orange: no finite number"
    alternative = f"the expected image, the one that came, and where they differ: {_count(difference)}"
    return _picture(figure, alternative, caption)


def _count(difference: ArrayDifference) -> str:
    return f"{np.count_nonzero(difference.differs):,} of {difference.differs.size:,} values"


def _draw_points(difference: ArrayDifference) -> Picture:
    finite = difference.want[np.isfinite(difference.want).all(axis=1)]
    finite = finite if len(finite) else np.nan_to_num(difference.want)
    low, high = finite.min(axis=0), finite.max(axis=0)
    margin = 0.25 * max(float((high - low).max()), 1e-6)
    low, high = low - margin, high + margin
    # What lies far outside is drawn at the edge, so that it can't shrink the rest to a dot.
    got = np.clip(difference.got, low, high)
    outside = int(((difference.got < low) | (difference.got > high)).any(axis=1).sum())
    figure, (axis,) = _figure(3.0, 2.9, 1)
    for number in np.flatnonzero(difference.differs.any(axis=1)):
        axis.plot(*np.stack([difference.want[number], got[number]]).T, color="#777777", linewidth=0.7, linestyle=":")
    axis.plot(*difference.want.T, "o", color="#1a7f37", fillstyle="none", markersize=7, label="expected")
    axis.plot(*got.T, "x", color="#c62828", markersize=5, label="got")
    axis.set(xlim=(low[0], high[0]), ylim=(high[1], low[1]), aspect="equal", xlabel="x", ylabel="y")
    axis.tick_params(labelsize=7)
    figure.legend(loc="outside upper center", ncols=2, frameon=False)
    wrong = int(difference.differs.any(axis=1).sum())
    caption = f"circles: expected, crosses: got; {wrong} of {len(difference.want)} keypoints differ"
    caption += f"; {outside} lie outside and are drawn at the edge" if outside else ""
    missing = int(np.isnan(difference.got).any(axis=1).sum())
    caption += f"; {missing} that came have no place (NaN)" if missing else ""
    return _picture(figure, f"expected and got keypoints on one panel; {wrong} differ", caption)


def draw(difference: ArrayDifference) -> Picture | None:
    """Return a picture of both sides where they are images (from 8x8) or keypoints (..., K, 2), else None."""
    kind = _kind(difference)
    if kind is None:
        return None
    from matplotlib import style

    with style.context("default"), np.errstate(all="ignore"):
        return _draw_points(difference) if kind == "keypoints" else _draw_images(difference)
