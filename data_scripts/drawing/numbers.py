"""Single numbers, bounded or drawn from a list: for these NumPy's functions on arrays take ten times as long."""

from bisect import bisect
from collections.abc import Sequence
from itertools import accumulate
from typing import TypeVar

import numpy as np

T = TypeVar("T")


def clamp(value: float, low: float, high: float) -> float:
    """The value, or the bound that it lies beyond."""
    return min(max(value, low), high)


def pick(rng: np.random.Generator, values: Sequence[T], weights: Sequence[float] | None = None) -> T:
    """One of the values, with the probabilities `weights`, or all alike: the one that `rng.choice` would draw."""
    if weights is None:
        return values[int(rng.integers(len(values)))]
    return values[bisect(list(accumulate(weights))[:-1], rng.random())]
