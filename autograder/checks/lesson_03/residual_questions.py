"""Questions that every check of lesson 03 asks: which kernels a module has, and what it answers on given arrays."""

from __future__ import annotations

from collections import Counter
from math import prod
from typing import Any

import numpy as np

from autograder.checks.common.module_shapes import expect_found, seed, shapes_text
from autograder.checks.lesson_03.residual_weights import TOLERANCE
from autograder.ladder import expect
from autograder.ladder.student import Student
from autograder.worker.probes.lesson_03_weights import EPS, draw_weights

COMPARE_HINT = "Compare your layers and their order with the picture, one by one."
# Small modules are asked for their values; a hundred times what any of them has.
MOST_NUMBERS = 1_000_000
# Of several modules that differ, so many are told.
MOST_TOLD = 2
MODULE_HINT = "Does every way through it end in a return, however many there are of everything?"
UNUSED_HINT = "A layer that __init__ creates is never used by forward, or its result is dropped."


def block_text(args: list[int]) -> str:
    """Return the call that builds the block, as a student would write it."""
    return f"ResidualBlock({args[0]}, {args[1]}, stride={args[2]})"


def _no_module(kind: str) -> str:
    return "None" if kind == "NoneType" else f"a {kind}"


def describe(
    student: Student, name: str, args: list[int], shape: list[int], rng: np.random.Generator, **kwargs: Any
) -> dict[str, Any]:
    """Build ``name(*args, **kwargs)`` for inputs of this shape; return its type and the shapes of its parameters."""
    return student.probe("lesson_03.describe", name=name, args=args, kwargs=kwargs, shape=shape, seed=seed(rng))


def run(
    student: Student, name: str, args: list[int], x: np.ndarray, rng: np.random.Generator, **more: Any
) -> dict[str, Any]:
    """Build the module, fill its weights, run it on ``x``; return its layers, output and more.

    The layers hold the weights that this side draws for what the module has to fill, see ``lesson_03_weights``.
    """
    inputs = {"kwargs": {}, "seed": seed(rng), "fill": "random", **more}
    answer = student.probe("lesson_03.run", name=name, args=args, x=x, **inputs)
    if "layers" not in answer:
        call = f"{name}({', '.join(map(str, args))})" if args else name
        raise expect.Mismatch(f"{call}: an nn.Module", _no_module(answer["type"]), hint=MODULE_HINT)
    return {**answer, "layers": _with_weights(answer["layers"], inputs["fill"], inputs["seed"])}


def _with_weights(layout: list[dict[str, Any]], fill: str, drawn_from: int) -> list[dict[str, Any]]:
    """Return the layers with their weights; of a module that keeps its own, with the shapes alone."""
    sizes = [prod(shape) for layer in layout for shape in layer["shapes"].values() if shape is not None]
    if fill == "own" or fill == "zero" or sum(sizes) > MOST_NUMBERS:
        return [{"kind": layer["kind"], "shapes": layer["shapes"]} for layer in layout]
    layers = []
    for layer, values in zip(layout, draw_weights(layout, fill, drawn_from), strict=True):
        weight = layer["shapes"].get("weight") or layer["shapes"].get("running_mean")
        channels = weight[0] if layer["kind"] == "norm" and weight else None
        layers.append({"kind": layer["kind"], "channels": channels, "eps": EPS, **values})
    return layers


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


def _kernels_of(found: dict[str, Any]) -> Counter:
    if "shapes" not in found:
        raise expect.Mismatch("an nn.Module", _no_module(found["type"]), hint=MODULE_HINT)
    # A kernel has 4 axes, and more than one channel out.
    return Counter(tuple(shape) for shape in found["shapes"] if len(shape) == 4 and shape[0] > 1)


def _difference(found: dict[str, Any], want: Counter) -> tuple[str, str] | None:
    """Return which kernels are due and which are there, as far as they differ; None where they do not."""
    got = _kernels_of(found)
    if got == want:
        return None
    # A network has many; those that fit say nothing.
    differing = sorted(shape for shape in got | want if got[shape] != want[shape])
    texts = [", ".join(f"{count[shape] or 'none'} of {shape}" for shape in differing) for count in (want, got)]
    return texts[0], texts[1] if got else "no kernel at all"


def expect_kernels_of_each(asked: list[tuple[dict[str, Any], Counter, str]], hint: str) -> None:
    """Expect of each ``(module described, kernels, what it is called)`` that it has these convolution kernels.

    All that differ are told: one alone would not tell one block too few from one that stands in several places.
    """
    wanted, came = [], []
    for found, want, what in asked:
        difference = _difference(found, want)
        if difference is not None:
            expect_found(found)
            wanted.append(f"{what}: convolution kernels {difference[0]}")
            came.append(difference[1] + (", and a layer in several places" if found["repeated"] else ""))
    if wanted:
        raise expect.Mismatch("; ".join(wanted[:MOST_TOLD]), "; ".join(came[:MOST_TOLD]), hint=hint)


def expect_kernels(found: dict[str, Any], want: Counter, what: str, hint: str) -> None:
    """Expect that the module described has these convolution kernels."""
    expect_kernels_of_each([(found, want, what)], hint)


def expect_own_output(
    answer: dict[str, Any], want: np.ndarray | None, what: str, hint: str, instead: str | None
) -> None:
    """Expect the output ``want``; None means that the weights found can not form such a module.

    ``instead`` says what the answer is the result of, where that is known.
    """
    expect_found(answer)
    example = "random images, and your own weights set to random values"
    if want is None and instead is not None:
        raise expect.Mismatch(what, f"the result of {instead}", example, hint)
    if want is None:
        found = [tuple(layer["weight"].shape) for layer in answer["layers"] if layer["weight"] is not None]
        got = f"weights that can't form it: {shapes_text(found)}"
        raise expect.Mismatch(f"{what}, from your own weights", got, example, hint)
    try:
        expect.close(answer["output"], want, TOLERANCE, TOLERANCE, what, example, hint)
    except expect.Mismatch as found:
        if instead is None:
            raise
        raise expect.Mismatch(what, f"the result of {instead}", example, hint, found.difference) from None


def expect_small(answer: dict[str, Any], what: str) -> None:
    """Expect a module of the sizes that were asked for: of a far larger one, weights are not drawn."""
    if any("weight" not in layer for layer in answer["layers"]):
        sizes = [prod(shape) for layer in answer["layers"] for shape in layer["shapes"].values() if shape is not None]
        hint = "Does every layer take its width from the arguments?"
        raise expect.Mismatch(f"{what}: a network of these widths", f"one of {sum(sizes):,} numbers", hint=hint)


def expect_gradients(answer: dict[str, Any], what: str) -> None:
    """Expect that every parameter got a gradient; ``what`` says so of the module."""
    missing = answer["without_grad"]
    expect.true(not missing, what, f"none for {', '.join(missing[:4])}", hint=UNUSED_HINT)
