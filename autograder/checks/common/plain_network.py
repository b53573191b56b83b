"""What the networks that are given by a table of layers share: lessons 07 and 08, each beside itself in NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograder.checks.common.module_shapes import (
    shape_problem,
    shapes_text,
)
from autograder.checks.common.numpy_layers import relu
from autograder.ladder import expect
from autograder.ladder.student import StudentError

# float32 beside float64, where the outputs are of the size of 1; a mistake in a layer changes them by a hundredth.
TOLERANCE = {"rtol": 1e-4, "atol": 1e-4}
OUTPUT_HINT = "Compare your layers and their order with the table of the lesson, one by one."
# Mistakes that do not depend on the table, in words; those behind the last layer as ENDS has them.
COMMON = {
    "average pooling": "a network that pools by the average",
    "relu at the end": "a ReLU behind the last layer",
    "sigmoid at the end": "a sigmoid behind the last layer",
    "tanh at the end": "a tanh behind the last layer",
    "softmax at the end": "a softmax behind the last layer",
}
ENDS = {
    "relu at the end": relu,
    "sigmoid at the end": lambda out: 1 / (1 + np.exp(-out)),
    "tanh at the end": np.tanh,
    "softmax at the end": lambda out: np.exp(out) / np.exp(out).sum(axis=1, keepdims=True),
}


def average_pool(x: np.ndarray) -> np.ndarray:
    """Pool (B, C, H, W) by the average of 2×2 -> (B, C, H // 2, W // 2); what is left over at the edges is dropped."""
    height, width = x.shape[2] // 2, x.shape[3] // 2
    return x[:, :, : 2 * height, : 2 * width].reshape(*x.shape[:2], height, 2, width, 2).mean(axis=(3, 5))


def expect_fitting(error: StudentError, expected: str, problem: tuple[str, int, int] | None = None) -> None:
    """Raise Mismatch where the error, or ``problem`` as ``shape_problem`` has it, is one of layers that do not fit."""
    problem = shape_problem(error) or problem
    if problem is None:
        return
    kind, one, other = problem
    takes = {
        "features": f"a linear layer made for {other:,} numbers is given {one:,}",
        "channels": f"a convolution made for {one} channels is given {other}",
        "unequal": f"two tensors that do not fit, of sizes {one} and {other}",
    }[kind]
    hint = "Print x.shape after each layer and compare it with the table. The first line that differs is the one."
    raise expect.Mismatch(expected, takes, hint=hint, where=error.where) from None


def expect_float32(found: dict[str, Any]) -> None:
    """Raise Mismatch unless the answer in train mode is float32 and has a gradient."""
    output = found["train_output"]
    expect.array(output, dtype="float32", kind="torch", what="the network's answer")
    expect.true(output.requires_grad, "an answer with a gradient", "an answer cut off from the parameters")


def expect_nothing_else_kept(found: dict[str, Any]) -> None:
    """Raise Mismatch where the network keeps anything but what it trains."""
    others = [tuple(shape) for shape in found["others"]]
    hint = "Running statistics and frozen weights are no part of this network."
    expect.true(not others, "nothing but trained parameters", f"kept besides: {shapes_text(others)}", hint=hint)


def expect_same_in_train_mode(found: dict[str, Any], alone: str) -> None:
    """Raise Mismatch where train mode, or who shares the batch, changes the answer; ``alone`` says the latter."""
    whole = found["output"].array
    hint = "The table has no dropout and no normalization."
    same = np.allclose(found["train_output"].array, whole, **TOLERANCE)
    expect.true(same, "the same answer in train and in eval mode", "another answer in train mode", hint=hint)
    same = np.allclose(found["alone"].array, whole[:1], **TOLERANCE)
    expect.true(same, alone, "another answer", hint=hint)


def expect_gradients(found: dict[str, Any]) -> None:
    """Raise Mismatch unless every parameter gets a gradient."""
    missing = found.get("without_grad")
    expect.true(missing is not None, "an answer that can be led back to the weights", "no gradient at all")
    hint = "A layer that __init__ creates is never used by forward, or another one is used twice in its place."
    got = f"none for {shapes_text([tuple(shape) for shape in missing])}"
    expect.true(not missing, "a gradient for every parameter", got, hint=hint)


def expect_input_kept(found: dict[str, Any], images: str) -> None:
    """Raise Mismatch where the network wrote into its input, which the lesson calls ``images``."""
    kept = np.array_equal(found["x_after"].array, found["x"])
    hint = "An operation in place (-=, relu_, inplace=True) wrote into x itself."
    expect.true(kept, f"{images} as they were", f"{images} that were overwritten", hint=hint)
