"""What must lie between two layers of the lesson's CNN, in NumPy: a LeakyReLU of any slope, and 2x2 pooling.

A layer is judged by what it hands on, so that it does not matter how a student writes it: as a layer, as the
``activation`` of a convolution, or as a function.
"""

from __future__ import annotations

import numpy as np

# float32 sums of up to 64 * 9 products, then a maximum or a mean; the values are of the order of 1. Measured over 100
# networks of five styles: right layers differ by 0.0012 of this at most.
TOLERANCE = 1e-4


def leaky(x: np.ndarray, slope: float) -> np.ndarray:
    """LeakyReLU: x where it is positive, else slope * x."""
    return np.where(x > 0, x, slope * x)


def pool(x: np.ndarray, how: str, up: bool) -> np.ndarray:
    """2x2 pooling of (B, H, W, C), ``max`` or ``mean``; an odd size is rounded ``up`` (padding "same") or down."""
    batch, height, width, channels = x.shape
    if up:
        pad = [(0, 0), (0, height % 2), (0, width % 2), (0, 0)]
        x = np.pad(x, pad, constant_values=np.nan)
    else:
        x = x[:, : height // 2 * 2, : width // 2 * 2]
    blocks = x.reshape(batch, x.shape[1] // 2, 2, x.shape[2] // 2, 2, channels)
    return (np.nanmax if how == "max" else np.nanmean)(blocks, axis=(2, 4))


def pooled_shapes(shape: tuple[int, ...]) -> list[tuple[int, ...]]:
    """The shapes that 2x2 pooling may give, with either padding."""
    batch, height, width, channels = shape
    return [(batch, height // 2, width // 2, channels), (batch, -(-height // 2), -(-width // 2), channels)]


def _slope(before: np.ndarray, after: np.ndarray) -> float:
    """The slope that fits best where ``before`` is negative."""
    negative = before < 0
    energy = float(np.sum(before[negative] ** 2))
    return float(np.sum(before[negative] * after[negative])) / energy if energy else float("nan")


def slope_between(before: np.ndarray, after: np.ndarray) -> float | None:
    """The slope of the LeakyReLU that makes ``after`` of ``before``; None where no slope does."""
    if before.shape != after.shape:
        return None
    slope = _slope(before, after)
    return slope if np.allclose(leaky(before, slope), after, rtol=TOLERANCE, atol=TOLERANCE) else None


def slope_and_pool_between(before: np.ndarray, after: np.ndarray) -> float | None:
    """The slope of the LeakyReLU that, with 2x2 pooling after or before it, makes ``after`` of ``before``."""
    for how in ("max", "mean"):
        for up in (False, True):
            pooled = pool(before, how, up)
            if pooled.shape != after.shape:
                continue
            slope = slope_between(pooled, after)
            if slope is not None:
                return slope
            if how == "mean":
                # LeakyReLU before the mean: the answer is linear in the slope.
                positive, negative = pool(np.maximum(before, 0), how, up), pool(np.minimum(before, 0), how, up)
                energy = float(np.sum(negative**2))
                slope = float(np.sum((after - positive) * negative)) / energy if energy else float("nan")
                if np.allclose(positive + slope * negative, after, rtol=TOLERANCE, atol=TOLERANCE):
                    return slope
    return None
