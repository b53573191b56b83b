"""Questions that every check of lesson 03 asks: which kernels a module has, and what it answers on given arrays."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import numpy as np

from autograder import expect
from autograder.student import Student, StudentError

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


def expect_found(found: dict[str, Any]) -> None:
    """Expect that no plain list or dict hides layers from PyTorch."""
    got = "layers in a plain Python list, tuple or dict"
    expect.true(not found["hidden"], "layers that PyTorch finds", got, hint=PLAIN_LIST_HINT)


def expect_kernels(found: dict[str, Any], want: Counter, what: str, hint: str) -> None:
    """Expect that the module described has these convolution kernels."""
    got = kernels(found["shapes"])
    if got == want:
        return
    expect_found(found)
    # A network has many; those that fit say nothing.
    differing = sorted(shape for shape in got | want if got[shape] != want[shape])
    texts = [", ".join(f"{count[shape] or 'none'} of {shape}" for shape in differing) for count in (want, got)]
    expected = f"{what}: convolution kernels {texts[0]}"
    raise expect.Mismatch(expected, texts[1] if got else "no kernel at all", hint=hint if got else PLAIN_LIST_HINT)


def expect_own_output(
    answer: dict[str, Any], want: np.ndarray | None, tolerance: dict, what: str, hint: str, instead: str | None = None
) -> None:
    """Expect the output ``want``; None means that the weights found can not form such a module.

    ``instead`` says what the answer is the result of, where that is known.
    """
    expect_found(answer)
    example = "random images, and your own weights set to random values"
    if want is None:
        found = [tuple(layer["weight"].shape) for layer in answer["layers"] if layer["weight"] is not None]
        raise expect.Mismatch(
            f"{what}, from your own weights", f"weights that can't form it: {shapes_text(found)}", example, hint
        )
    try:
        expect.close(answer["output"], want, **tolerance, what=what, example=example, hint=hint)
    except expect.Mismatch as found:
        if instead is None:
            raise
        raise expect.Mismatch(what, f"the result of {instead}", example, hint, found.sides) from None


def expect_input_kept(answer: dict[str, Any], x: np.ndarray, what: str) -> None:
    """Expect that the module left its input as it was."""
    hint = "An operation in place (+=, relu_, inplace=True) wrote into x itself. Use one that returns a new tensor."
    kept = np.array_equal(answer["x_after"].array, x)
    expect.true(kept, f"x as it was before {what}(x)", "an x that was overwritten", hint=hint)


_PROBLEMS = (
    # A sum names its two sides in the order in which they are written.
    (re.compile(r"The size of tensor a \((\d+)\) must match the size of tensor b \((\d+)\)"), "unequal"),
    (re.compile(r"expected input.* to have (\d+) channels, but got (\d+) channels"), "channels"),
    (re.compile(r"shapes cannot be multiplied \(\d+x(\d+) and (\d+)x\d+\)"), "features"),
)


def shape_problem(error: StudentError) -> tuple[str, int, int] | None:
    """Return what does not fit in a module, and both sizes, from PyTorch's message; None for another error.

    ``unequal``: two tensors that can't be added, the smaller size first; ``channels``: those that a convolution
    takes, and those that it was given; ``features``: the numbers that came to a linear layer, and those it takes.
    """
    for pattern, kind in _PROBLEMS:
        found = pattern.search(error.message)
        if found:
            one, other = int(found[1]), int(found[2])
            return (kind, min(one, other), max(one, other)) if kind == "unequal" else (kind, one, other)
    return None


def raise_channels(error: StudentError, expected: str, hint: str | None = None) -> None:
    """Raise the mismatch of an error about a convolution's channels; return for any other error."""
    problem = shape_problem(error)
    if problem and problem[0] == "channels":
        got = f"a convolution made for {problem[1]} channels is given {problem[2]}"
        raise expect.Mismatch(expected, got, hint=hint, where=error.where) from None
