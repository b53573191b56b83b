"""Whether a training's steps are those of Adam or of SGD: by the weights they lead to, computed here.

The model of the checks answers ``gain`` times its weights, and every face has the same target. So the slope at any
weights is known, whatever faces a batch holds. Learning rate and momentum are another exercise's: they are taken from
the first steps. So is the loss: where errors are below 1, the slopes of many losses differ by a factor from Huber's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np

from autograder.checks.lesson_04.compiling import adam, sgd

DIRECTIONS: tuple[Callable[[np.ndarray], np.ndarray], ...] = (
    lambda error: error,
    np.sign,
    np.tanh,
    lambda error: np.clip(error, -0.5, 0.5),
)
# Weights are of the order of 1e-3, steps of 5e-4; float32 beside float64 over some ten of them.
ATOL, RTOL = 1e-6, 1e-3


def _walk(
    start: np.ndarray,
    count: int,
    steps: Callable[[Iterator[np.ndarray]], Iterator[np.ndarray]],
    slope: Callable[[np.ndarray], np.ndarray],
) -> np.ndarray:
    """Return the weights after each of so many steps."""
    here = [start]

    def slopes() -> Iterator[np.ndarray]:
        while True:
            yield slope(here[-1])

    for _, step in zip(range(count), steps(slopes()), strict=False):
        here.append(here[-1] + step)
    return np.array(here[1:])


def follows(path: np.ndarray, kind: str, gain: float, target: np.ndarray, most: int = 6) -> bool:
    """Return whether weights (1 + steps, D), of which the first are where it began, are passed by such an optimizer.

    At most the first ``most`` steps are looked at: later the rate may have been lowered.
    """
    path = path[: most + 1].astype(float)
    if len(path) < 2:
        return False
    moved, count = np.diff(path, axis=0), len(path) - 1

    def agrees(walked: np.ndarray) -> bool:
        return bool(np.allclose(walked, path[1:], rtol=RTOL, atol=ATOL))

    for direction in DIRECTIONS:

        def slope(weights: np.ndarray, direction: Callable[[np.ndarray], np.ndarray] = direction) -> np.ndarray:
            return gain * direction(gain * weights - target) / len(target)

        if kind == "Adam":
            rate = float(np.abs(moved[0]).mean())
            if agrees(_walk(path[0], count, partial(adam, rate=rate), slope)):
                return True
            continue
        first = slope(path[0])
        rate = float(-(moved[0] @ first) / (first @ first))
        momentum = 0.0
        if count > 1 and moved[0].any():
            momentum = float((moved[1] + rate * slope(path[1])) @ moved[0] / (moved[0] @ moved[0]))
        for by in (
            partial(sgd, rate=rate, momentum=momentum),
            partial(sgd, rate=rate / 1.9, momentum=0.9, nesterov=True),
        ):
            if rate > 0 and -0.01 <= momentum < 2 and agrees(_walk(path[0], count, by, slope)):
                return True
    return False


def same_weights(one: np.ndarray | None, other: np.ndarray | None) -> bool:
    """Return whether both are known and the same: Adam's steps are 5e-4 long, 500 times what may lie between."""
    return one is not None and other is not None and bool(np.allclose(one, other, rtol=0, atol=1e-6))
