"""Shapes in a student's module: how they are named, and what does not fit by PyTorch's own message."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import numpy as np

from autograder.ladder import expect
from autograder.ladder.student import StudentError

PLAIN_LIST_HINT = (
    "Layers in a plain Python list or dict, or created in forward, are invisible to PyTorch: parameters() does not "
    "find them and no optimizer trains them. Make each one an attribute, or use nn.Sequential or nn.ModuleList."
)


def image(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Draw normal numbers, float32."""
    return rng.standard_normal(shape).astype(np.float32)


def seed(rng: np.random.Generator) -> int:
    """Draw a seed for the probe."""
    return int(rng.integers(2**31))


def shapes_text(shapes: list[tuple[int, ...]]) -> str:
    """Return how many there are of each shape."""
    counted = Counter(shapes)
    return ", ".join(f"{number} of {shape}" for shape, number in sorted(counted.items())) if counted else "none at all"


def expect_found(found: dict[str, Any]) -> None:
    """Expect that no plain list or dict hides layers from PyTorch."""
    got = "layers in a plain Python list, tuple or dict"
    expect.true(not found["hidden"], "layers that PyTorch finds", got, hint=PLAIN_LIST_HINT)


# What is made for a number of channels, by the kind of problem that it has with another.
LAYERS = {"channels": "convolution", "norm": "normalization"}

_PROBLEMS = (
    # A sum names its two sides in the order in which they are written.
    (re.compile(r"The size of tensor a \((\d+)\) must match the size of tensor b \((\d+)\)"), "unequal"),
    (re.compile(r"expected input[^\n]{0,200} to have (\d+) channels, but got (\d+) channels"), "channels"),
    (re.compile(r"running_mean should contain (\d+) elements not (\d+)"), "norm"),
    (re.compile(r"shapes cannot be multiplied \(\d+x(\d+) and (\d+)x\d+\)"), "features"),
)


def shape_problem(error: StudentError) -> tuple[str, int, int] | None:
    """Return what does not fit in a module, and both sizes, from PyTorch's message; None for another error.

    ``unequal``: two tensors that can't be added, the smaller size first; ``channels``: those that a convolution
    takes, and those that it was given; ``norm``: the same of a normalization; ``features``: the numbers that came to a
    linear layer, and those it takes.
    """
    for pattern, kind in _PROBLEMS:
        found = pattern.search(error.message)
        if found:
            one, other = int(found[1]), int(found[2])
            if kind == "norm":
                one, other = other, one
            return (kind, min(one, other), max(one, other)) if kind == "unequal" else (kind, one, other)
    return None


def say_shape_problem(kind: str, one: int, other: int, unequal: str) -> str:
    """Return in words what ``shape_problem`` found; ``unequal`` says what the two tensors of unequal sizes are."""
    if kind in LAYERS:
        return f"a {LAYERS[kind]} made for {one} channels is given {other}"
    if kind == "features":
        return f"a linear layer made for {other:,} numbers is given {one:,}"
    return f"{unequal}, of sizes {one} and {other}"


def raise_channels(error: StudentError, expected: str, hint: str | None = None) -> None:
    """Raise the mismatch of an error about a layer's channels; return for any other error."""
    problem = shape_problem(error)
    if problem and problem[0] in LAYERS:
        raise expect.Mismatch(expected, say_shape_problem(*problem, ""), hint=hint, where=error.where) from None
