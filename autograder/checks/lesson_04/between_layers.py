"""What must lie between two layers of the lesson's CNN, in NumPy: a LeakyReLU of any slope, and 2x2 pooling.

A layer is judged by what it hands on, so that it does not matter how a student writes it: as a layer, as the
``activation`` of a convolution, or as a function.
"""

from __future__ import annotations

from dataclasses import dataclass

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


@dataclass(frozen=True)
class LeakyPool:
    """A LeakyReLU of this slope with 2x2 pooling: ``how`` it pools, whether it rounds ``up``, and which comes first."""

    slope: float
    how: str
    up: bool
    pools_first: bool

    def __call__(self, before: np.ndarray) -> np.ndarray:
        """Make of a convolution's answer what the next layer is given."""
        if self.pools_first:
            return leaky(pool(before, self.how, self.up), self.slope)
        return pool(leaky(before, self.slope), self.how, self.up)


def leaky_pool_between(before: np.ndarray, after: np.ndarray) -> LeakyPool | None:
    """The LeakyReLU and 2x2 pooling that make ``after`` of ``before``; None where none do."""
    for how in ("max", "mean"):
        for up in (False, True):
            pooled = pool(before, how, up)
            if pooled.shape != after.shape:
                continue
            slope = slope_between(pooled, after)
            if slope is not None:
                return LeakyPool(slope, how, up, pools_first=True)
            if how == "mean":
                # LeakyReLU before the mean: the answer is linear in the slope.
                positive, negative = pool(np.maximum(before, 0), how, up), pool(np.minimum(before, 0), how, up)
                energy = float(np.sum(negative**2))
                slope = float(np.sum((after - positive) * negative)) / energy if energy else float("nan")
                if np.allclose(positive + slope * negative, after, rtol=TOLERANCE, atol=TOLERANCE):
                    return LeakyPool(slope, how, up, pools_first=False)
    return None


# How exactly the scale of what dropout leaves is known: 0.01 is told from 0.
SCALE = 1e-3


def dropped_share(undropped: np.ndarray, given: np.ndarray) -> float | None:
    """The rate of the dropout that makes ``given`` of ``undropped``, by what it multiplies the rest with.

    None where it is no dropout: then the rest is not multiplied with one number.
    """
    if undropped.shape != given.shape:
        return None
    large = np.abs(undropped) > 0.05 * np.abs(undropped).max(initial=0)
    ratio = given[large] / undropped[large]
    left = ratio[np.abs(ratio) > SCALE]
    if not left.size:
        return None
    scale = float(np.median(left))
    # Dropout before the pooling makes another number of some windows, four times as often as it drops one.
    same = np.abs(left - scale) <= SCALE * abs(scale) + SCALE
    return 1 - 1 / scale if scale > 0 and same.mean() > 0.4 else None


def hangs_on(before: np.ndarray, after: np.ndarray) -> bool:
    """Return whether what follows goes up and down with a layer's answer, whatever is done to it in between."""
    forms = [before]
    if before.ndim == 4:
        forms += [pool(before, how, up) for how in ("max", "mean") for up in (False, True)]
        forms += [form.transpose(0, 3, 1, 2) for form in forms]
    alike = [form.ravel() for form in forms if form.size == after.size]
    return not alike or any(_goes_along(form, after.ravel()) for form in alike)


def _goes_along(before: np.ndarray, after: np.ndarray) -> bool:
    """Return whether numbers grow with others or, as those of a cosine, are alike where the others are alike."""
    in_order = after[np.argsort(before)]
    # 2 for numbers that have nothing to do with the others, near 0 for a function of them.
    jumps = float(np.mean(np.diff(in_order) ** 2)) / max(float(np.var(after)), 1e-12)
    return bool(np.corrcoef(before, after)[0, 1] > 0.3) or jumps < 0.5
