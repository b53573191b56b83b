"""Checks of lesson 07: NoseTipNet, beside the same network in NumPy."""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
from typing import Any

import numpy as np

from autograder.checks.common.module_shapes import (
    PLAIN_LIST_HINT,
    shapes_text,
)
from autograder.checks.common.numpy_layers import Conv, conv2d, max_pool, relu
from autograder.checks.common.plain_network import (
    COMMON,
    ENDS,
    OUTPUT_HINT,
    TOLERANCE,
    average_pool,
    expect_fitting,
    expect_float32,
    expect_gradients,
    expect_input_kept,
    expect_nothing_else_kept,
    expect_same_in_train_mode,
)
from autograder.checks.common.shared import Shared
from autograder.ladder import expect
from autograder.ladder.ladder import Ladder
from autograder.ladder.student import Student, StudentError

nose_tip_net = Ladder("NoseTipNet")

KERNELS = ((16, 1, 3, 3), (32, 16, 3, 3), (32, 32, 3, 3))
LINEARS = ((512, 1280), (2, 512))
WEIGHTS = (*KERNELS, *LINEARS)
INSTEAD = {
    "no relu": "a network without any ReLU, so that all of its layers together are nearly one linear map",
    "no relu after the convolutions": "a network whose convolutions have no ReLU behind them",
    "no relu after the last convolution": "a network without a ReLU behind the third convolution",
    "no relu after 512": "a network without a ReLU behind the linear layer of 512",
    **COMMON,
}


@lru_cache(maxsize=4)
def _task(seed: int) -> tuple[np.ndarray, dict[tuple[int, ...], np.ndarray]]:
    """Return three images, and for each shape of a parameter its value: biases of one shape share it."""
    rng = np.random.default_rng(seed)
    values: dict[tuple[int, ...], np.ndarray] = {}
    for weight in WEIGHTS:
        # Wide enough that every layer's outputs are of the size of its inputs.
        limit = np.sqrt(6 / np.prod(weight[1:]))
        values[weight] = rng.uniform(-limit, limit, weight).astype(np.float32)
        values[weight[:1]] = rng.uniform(-0.3, 0.3, weight[:1]).astype(np.float32)
    # One answer below 0 and one above 1, so that whatever bends or clips the answer shows.
    values[(2,)] = np.array([-1.0, 2.0], np.float32)
    return rng.uniform(-0.5, 0.5, (3, 1, 60, 80)).astype(np.float32), values


@lru_cache(maxsize=32)
def _run(seed: int, biased: tuple[bool, ...], mistake: str | None = None) -> np.ndarray:
    """Return the network's answers, (3, 2), or what a mistake makes of them; ``biased`` says which layers have one."""
    out, values = _task(seed)
    bare = mistake in ("no relu", "no relu after the convolutions")
    for number, shape in enumerate(KERNELS):
        bias = values[shape[:1]] if biased[number] else None
        out = conv2d(out, Conv(values[shape], bias), padding=0)
        if not bare and not (number == 2 and mistake == "no relu after the last convolution"):
            out = relu(out)
        out = average_pool(out) if mistake == "average pooling" else max_pool(out, 2, 2, 0)
    out = out.reshape(len(out), -1)
    for number, shape in enumerate(LINEARS, start=3):
        out = out @ values[shape].T.astype(float) + (values[shape[:1]] if biased[number] else 0)
        if number == 3 and mistake not in ("no relu", "no relu after 512"):
            out = relu(out)
    return ENDS[mistake](out) if mistake in ENDS else out


def _ask(student: Student, rng: np.random.Generator) -> dict[str, Any]:
    seed = int(rng.integers(2**31))
    x, values = _task(seed)
    upstream = rng.normal(size=(3, 2)).astype(np.float32)
    try:
        found = student.probe("lesson_07.network", x=x, values=list(values.values()), upstream=upstream)
    except StudentError as error:
        expect_fitting(error, "NoseTipNet() maps (3, 1, 60, 80) to (3, 2)")
        raise
    return {**found, "seed": seed, "x": x}


_asked = Shared("NoseTipNet", _ask)


@nose_tip_net.rung("type", points=1, gate=True)
def is_a_module(student: Student, rng: np.random.Generator) -> None:
    """NoseTipNet is an nn.Module that can be built and run."""
    found = _asked(student, rng)
    expect.true(
        found["is_module"], "NoseTipNet() is an nn.Module", f"a {found['type']}", hint="Derive it from nn.Module."
    )


@nose_tip_net.rung("shape", points=2, gate=True)
def maps_images_to_two_numbers(student: Student, rng: np.random.Generator) -> None:
    """Images (B, 1, 60, 80) become (B, 2), one image alone included."""
    found = _asked(student, rng)
    for count, key in ((3, "output"), (1, "alone")):
        what = f"NoseTipNet() maps ({count}, 1, 60, 80) to ({count}, 2)"
        shape = expect.array(found[key], kind="torch", what=what).shape
        hint = "Keep the axis of the batch: flatten from axis 1 on, and squeeze nothing away."
        expect.true(shape == (count, 2), what, f"shape {shape}", hint=hint)


@nose_tip_net.rung("dtype", points=1)
def answers_in_float32(student: Student, rng: np.random.Generator) -> None:
    """The answer is float32 and can be trained."""
    expect_float32(_asked(student, rng))


def _biased(found: dict[str, Any]) -> tuple[bool, ...]:
    """Return which of the five layers have a bias; of those with 32 channels both or, for a start, the second."""
    counts = Counter(tuple(shape) for shape in found["shapes"])
    return (counts[16,] > 0, counts[32,] > 1, counts[32,] > 0, counts[512,] > 0, counts[2,] > 0)


@nose_tip_net.rung("values", points=4)
def has_the_layers_of_the_table(student: Student, rng: np.random.Generator) -> None:
    """Three convolutions and two linear layers with the shapes of the table, and nothing else to learn."""
    found = _asked(student, rng)
    got = Counter(tuple(shape) for shape in found["shapes"])
    # A layer may do without its bias.
    least, most = Counter(WEIGHTS), Counter(shape for weight in WEIGHTS for shape in (weight, weight[:1]))
    wrong = [shape for shape in got | most if not least[shape] <= got[shape] <= most[shape]]
    texts = [shapes_text([shape for shape in wrong for _ in range(count[shape])]) for count in (most, got)]
    hint = "Count the channels, the sizes of the kernels, and one bias a layer. Normalizations bring parameters too."
    hint = PLAIN_LIST_HINT if sum(got.values()) < len(WEIGHTS) else hint
    expect.true(not wrong, f"parameters: {texts[0]}", texts[1], "those shapes that differ from the table's", hint)
    expect_nothing_else_kept(found)


@nose_tip_net.rung("values", points=5)
def computes_the_table(student: Student, rng: np.random.Generator) -> None:
    """The answer is that of the table's layers in their order, from the network's own weights."""
    found = _asked(student, rng)
    got, seed, biased = found["output"].array, found["seed"], _biased(found)
    # Where a single one of the two layers of 32 channels has a bias, either may be it.
    choices = {biased, (biased[0], biased[2], biased[1], *biased[3:])}
    if any(np.allclose(got, _run(seed, choice), **TOLERANCE) for choice in choices):
        return
    example, what = "random images, and random numbers for all of your weights", "the network's answer"
    for mistake, instead in INSTEAD.items():
        if np.allclose(got, _run(seed, biased, mistake), **TOLERANCE):
            raise expect.Mismatch(what, f"the result of {instead}", example, OUTPUT_HINT)
    expect.close(found["output"], _run(seed, biased), **TOLERANCE, what=what, example=example, hint=OUTPUT_HINT)


@nose_tip_net.rung("edge cases", points=1)
def answers_the_same_in_train_mode(student: Student, rng: np.random.Generator) -> None:
    """Train mode changes nothing, and neither does who shares the batch."""
    expect_same_in_train_mode(_asked(student, rng), "the first image alone: the answer as beside the others")


@nose_tip_net.rung("gradients", points=1)
def trains_every_layer(student: Student, rng: np.random.Generator) -> None:
    """Every parameter gets a gradient."""
    expect_gradients(_asked(student, rng))


@nose_tip_net.rung("side effects", points=1)
def leaves_the_images(student: Student, rng: np.random.Generator) -> None:
    """The network does not change its input."""
    expect_input_kept(_asked(student, rng), "images")
