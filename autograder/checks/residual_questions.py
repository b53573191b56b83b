"""Questions that every check of lesson 03 asks: which kernels a module has, and what it answers on given arrays."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from autograder import expect
from autograder.student import Student

COMPARE_HINT = "Compare your layers and their order with the picture, one by one."
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


def block_text(args: list) -> str:
    """Return the call that builds the block, as a student would write it."""
    return f"ResidualBlock({args[0]}, {args[1]}, stride={args[2]})"


def describe(student: Student, name: str, args: list, kwargs: dict, shape: list[int], rng: np.random.Generator) -> dict:
    """Build the module; return its type and the shapes of its parameters."""
    return student.probe("residual_block.describe", name=name, args=args, kwargs=kwargs, shape=shape, seed=seed(rng))


def run(
    student: Student, name: str, args: list, x: np.ndarray, rng: np.random.Generator, **more: Any
) -> dict[str, Any]:
    """Build the module, fill its weights, run it on ``x``; return its layers, output and more."""
    inputs = {"kwargs": {}, "seed": seed(rng), **more}
    return student.probe("residual_block.run", name=name, args=args, x=x, **inputs)


def shapes_text(shapes: list[tuple[int, ...]]) -> str:
    """Return how many there are of each shape."""
    counted = Counter(shapes)
    return ", ".join(f"{number} of {shape}" for shape, number in sorted(counted.items())) if counted else "none at all"


def kernels(shapes: list) -> Counter:
    """Count the kernels among parameter shapes: 4 axes, and more than one channel out."""
    return Counter(tuple(shape) for shape in shapes if len(shape) == 4 and shape[0] > 1)


def block_kernels(in_channels: int, out_channels: int, stride: int) -> Counter:
    """Count the kernels of one right block."""
    kernels = Counter([(out_channels, in_channels, 3, 3), (out_channels, out_channels, 3, 3)])
    if stride != 1 or in_channels != out_channels:
        kernels[out_channels, in_channels, 1, 1] += 1
    return kernels


def stage_kernels(in_channels: int, out_channels: int, blocks: int, stride: int) -> Counter:
    """Count the kernels of one right stage."""
    kernels = block_kernels(in_channels, out_channels, stride)
    for _ in range(blocks - 1):
        kernels += block_kernels(out_channels, out_channels, 1)
    return kernels


def network_kernels(channels: list[int], blocks: int) -> Counter:
    """Count the kernels of one right network."""
    kernels = Counter([(channels[0], 1, 7, 7)]) + stage_kernels(channels[0], channels[0], blocks, 1)
    for before, after in zip(channels, channels[1:], strict=False):
        kernels += stage_kernels(before, after, blocks, 2)
    return kernels


def expect_kernels(got: Counter, want: Counter, what: str, hint: str, hidden: bool = True) -> None:
    """Expect these kernels; a module without any keeps its layers where PyTorch does not see them."""
    expect.true(
        got == want,
        f"{what}: convolution kernels {shapes_text(list(want.elements()))}",
        shapes_text(list(got.elements())),
        # Kernels that are used but not found are hidden from PyTorch, except where blocks share them.
        hint=hint if got and not (got < want and hidden) else PLAIN_LIST_HINT,
    )


def expect_own_output(answer: dict[str, Any], want: np.ndarray | None, tolerance: dict, what: str, hint: str) -> None:
    """Expect the output ``want``; None means that the weights found can not form such a module."""
    example = "random images, and your own weights set to random values"
    if want is None:
        found = [tuple(layer["weight"].shape) for layer in answer["layers"] if layer["weight"] is not None]
        raise expect.Mismatch(
            f"{what} from its own weights", f"weights that can't form it: {shapes_text(found)}", example, hint
        )
    expect.close(answer["output"], want, **tolerance, what=what, example=example, hint=hint)
