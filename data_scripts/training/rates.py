"""How the learning rate runs over a training: up to its peak, then down to almost nothing."""

from __future__ import annotations

import math


def one_cycle_rate(step: int, steps: int, peak: float, warmup: float = 0.25) -> float:
    """Return the learning rate of a step: from peak / 25 up to ``peak``, then down to peak / 250,000, along cosines.

    The first steps are short, because the first gradients of a fresh network say little; the last ones are short, so
    that the weights come to rest.

    Args:
        step: 0 … steps - 1.
        steps: of the whole training.
        peak: the highest rate.
        warmup: share of the steps until the peak, from 0 to 1.

    Raises:
        ValueError: there is no such step.
    """
    if not 0 <= step < steps:
        raise ValueError(f"step: expected 0 to {steps - 1}, got {step}")
    top = warmup * steps - 1
    if step <= top:
        return _cosine(peak / 25, peak, step / top if top > 0 else 1.0)
    return _cosine(peak, peak / 250_000, (step - top) / (steps - 1 - top))


def _cosine(start: float, end: float, share: float) -> float:
    """Return what lies this share of the way from ``start`` to ``end``, along half a wave of a cosine."""
    return end + (start - end) * (1 + math.cos(math.pi * share)) / 2
