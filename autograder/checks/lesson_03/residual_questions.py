"""Questions that every check of lesson 03 asks: which kernels a module has, and what it answers on given arrays."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from autograder.checks.common.module_shapes import PLAIN_LIST_HINT, expect_found, seed, shapes_text
from autograder.ladder import expect
from autograder.ladder.student import Student

COMPARE_HINT = "Compare your layers and their order with the picture, one by one."


def block_text(args: list) -> str:
    """Return the call that builds the block, as a student would write it."""
    return f"ResidualBlock({args[0]}, {args[1]}, stride={args[2]})"


def describe(student: Student, name: str, args: list, kwargs: dict, shape: list[int], rng: np.random.Generator) -> dict:
    """Build the module; return its type and the shapes of its parameters."""
    return student.probe("lesson_03.describe", name=name, args=args, kwargs=kwargs, shape=shape, seed=seed(rng))


def run(
    student: Student, name: str, args: list, x: np.ndarray, rng: np.random.Generator, **more: Any
) -> dict[str, Any]:
    """Build the module, fill its weights, run it on ``x``; return its layers, output and more."""
    inputs = {"kwargs": {}, "seed": seed(rng), **more}
    return student.probe("lesson_03.run", name=name, args=args, x=x, **inputs)


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
