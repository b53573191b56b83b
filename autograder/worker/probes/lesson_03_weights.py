"""The weights that a module of lesson 03 is filled with: drawn from a seed alone, in the worker and on the other side.

The deciding side is told only what there is to fill, in which order and of which shape, and draws the same numbers
again. So a module that reports other layers than it computes with gains nothing by it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

# What a layer owns, in the order in which it is drawn. All norms have this epsilon while they are asked.
NAMES = ("weight", "bias", "running_mean", "running_var")
EPS = 1e-5

# What a vector that belongs to no known layer holds to begin with: a scale, a shift, or something else.
ONES, ZEROS, DRAWN = "ones", "zeros", "drawn"


def _middle(kind: str, name: str) -> float:
    return 1.0 if kind == "norm" and name in ("weight", "running_var") else 0.0


def draw_weights(layout: list[dict[str, Any]], fill: str, seed: int) -> list[dict[str, np.ndarray | None]]:
    """Return float32 values for each layer of the layout, by name; None for what it does not own.

    A layer of the layout has a ``kind`` (conv, linear, norm, other), the ``shapes`` of what it owns and, where it is
    a vector of no known layer, what it ``holds``. ``fill`` is ``random``; ``plain``, in which norms are as new; or
    ``zero``, in which every parameter is 0 and running statistics are as new.
    """
    generator = np.random.default_rng(seed)
    drawn: list[dict[str, np.ndarray | None]] = []
    for layer in layout:
        values: dict[str, np.ndarray | None] = dict.fromkeys(NAMES)
        for name, shape in layer["shapes"].items():
            if shape is None:
                continue
            middle = _middle(layer["kind"], name)
            value = generator.random(shape, dtype=np.float32) - np.float32(0.5) + np.float32(middle)
            fresh = np.full(shape, middle, np.float32)
            if fill == "zero":
                value = np.zeros_like(fresh) if name in ("weight", "bias") else fresh
            elif layer["kind"] == "norm" and fill == "plain":
                value = fresh
            elif layer["kind"] == "other" and len(shape) == 1 and layer.get("holds", DRAWN) != DRAWN:
                value = np.full(shape, float(layer["holds"] == ONES), np.float32)
            values[name] = value
        drawn.append(values)
    return drawn
