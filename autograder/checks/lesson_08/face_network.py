"""Checks of lesson 08: the network of six convolutions, beside the same network in NumPy."""

from __future__ import annotations

import re
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
from autograder.worker.plain import TensorValue

face_keypoint_net = Ladder("FaceKeypointNet")

KERNELS = ((16, 1, 5, 5), (32, 16, 5, 5), (32, 32, 3, 3), (64, 32, 3, 3), (64, 64, 3, 3), (64, 64, 3, 3))
LINEARS = ((512, 4224), (116, 512))
SHAPES = [shape for weight in (*KERNELS, *LINEARS) for shape in (weight, weight[:1])]
# In a batch.
PICTURES = 2
INSTEAD = {
    "no relu": "a network without any ReLU, so that all of its layers together are one linear map",
    "no relu after the convolutions": "a network whose convolutions have no ReLU behind them",
    "no relu after 512": "a network without a ReLU behind the linear layer of 512",
    "no relu after the last convolution": "a network without a ReLU behind the sixth convolution",
    **COMMON,
}


@lru_cache(maxsize=4)
def _task(seed: int) -> tuple[np.ndarray, dict[tuple[int, ...], np.ndarray]]:
    """Return two pictures, and for each shape of a parameter its value: layers of one shape share it."""
    rng = np.random.default_rng(seed)
    values = {}
    for shape in dict.fromkeys(SHAPES):
        # Wide enough that every layer's outputs are of the size of its inputs.
        limit = 0.3 if len(shape) == 1 else np.sqrt(6 / np.prod(shape[1:]))
        values[shape] = rng.uniform(-limit, limit, shape).astype(np.float32)
    return rng.uniform(-0.5, 0.5, (PICTURES, 1, 120, 160)).astype(np.float32), values


@lru_cache(maxsize=32)
def _run(seed: int, mistake: str | None = None) -> np.ndarray:
    """Return the network's answers to the seed's pictures, (2, 116), or what a mistake makes of them."""
    out, values = _task(seed)
    bare = mistake in ("no relu", "no relu after the convolutions")
    for number, shape in enumerate(KERNELS, start=1):
        out = conv2d(out, Conv(values[shape], values[shape[:1]]), padding=0)
        if not bare and not (number == 6 and mistake == "no relu after the last convolution"):
            out = relu(out)
        if number <= 3:
            out = average_pool(out) if mistake == "average pooling" else max_pool(out, 2, 2, 0)
    out = out.reshape(len(out), -1)
    for shape in LINEARS:
        out = out @ values[shape].T.astype(float) + values[shape[:1]]
        if shape[0] == 512 and mistake not in ("no relu", "no relu after 512"):
            out = relu(out)
    return ENDS[mistake](out) if mistake in ENDS else out


def _view_problem(error: StudentError) -> tuple[str, int, int] | None:
    """Return what does not fit where view(-1, 4224) or reshape fails; see ``shape_problem``."""
    found = re.search(r"shape '\[-?\d+, (\d+)\]' is invalid for input of size (\d+)", error.message)
    return ("features", int(found[2]) // PICTURES, int(found[1])) if found else None


def _ask(student: Student, rng: np.random.Generator) -> dict[str, Any]:
    seed = int(rng.integers(2**31))
    x, values = _task(seed)
    upstream = rng.normal(size=(2, 116)).astype(np.float32)
    expected = "FaceKeypointNet() maps (2, 1, 120, 160) to (2, 116)"
    try:
        found = student.probe("lesson_08.network", x=x, values=list(values.values()), upstream=upstream)
    except StudentError as error:
        expect_fitting(error, expected, _view_problem(error))
        raise
    return {**found, "seed": seed, "x": x}


_asked = Shared("FaceKeypointNet", _ask)


@face_keypoint_net.rung("type", points=1, gate=True)
def is_a_module(student: Student, rng: np.random.Generator) -> None:
    """FaceKeypointNet is an nn.Module that can be built and run."""
    found = _asked(student, rng)
    hint = "Derive it from nn.Module."
    expect.true(found["is_module"], "FaceKeypointNet() is an nn.Module", f"a {found['type']}", hint=hint)


@face_keypoint_net.rung("shape", points=2, gate=True)
def maps_pictures_to_116_numbers(student: Student, rng: np.random.Generator) -> None:
    """Pictures (B, 1, 120, 160) become (B, 116), one picture alone included."""
    found = _asked(student, rng)
    for pictures, key in ((2, "output"), (1, "alone")):
        what = f"FaceKeypointNet() maps ({pictures}, 1, 120, 160) to ({pictures}, 116)"
        shape = expect.array(found[key], kind="torch", what=what).shape
        hint = "Keep the axis of the batch: flatten from axis 1 on, and squeeze nothing away."
        expect.true(shape == (pictures, 116), what, f"shape {shape}", hint=hint)


@face_keypoint_net.rung("dtype", points=1)
def answers_in_float32(student: Student, rng: np.random.Generator) -> None:
    """The answer is float32 and can be trained."""
    expect_float32(_asked(student, rng))


@face_keypoint_net.rung("values", points=4)
def has_the_layers_of_the_table(student: Student, rng: np.random.Generator) -> None:
    """Six convolutions and two linear layers with the shapes of the table, and nothing else to learn."""
    found = _asked(student, rng)
    got, want = Counter(tuple(shape) for shape in found["shapes"]), Counter(SHAPES)
    differing = got | want
    texts = [
        shapes_text([shape for shape in differing for _ in range(count[shape]) if got[shape] != want[shape]])
        for count in (want, got)
    ]
    hint = "Count the channels, the sizes of the kernels, and one bias a layer. Normalizations bring parameters too."
    hint = PLAIN_LIST_HINT if sum(got.values()) < len(SHAPES) else hint
    expect.true(got == want, f"parameters: {texts[0]}", texts[1], "those shapes that differ from the table's", hint)
    expect_nothing_else_kept(found)


def _expect_answer(answer: TensorValue, seed: int, what: str) -> None:
    want, example = _run(seed), "random pictures, and random numbers for all of your weights"
    got = answer.array
    if got.shape == want.shape and np.allclose(got, want, **TOLERANCE):
        return
    for mistake, instead in INSTEAD.items():
        if got.shape == want.shape and np.allclose(got, _run(seed, mistake), **TOLERANCE):
            raise expect.Mismatch(what, f"the result of {instead}", example, OUTPUT_HINT)
    expect.close(answer, want, **TOLERANCE, what=what, example=example, hint=OUTPUT_HINT)


@face_keypoint_net.rung("values", points=4)
def computes_the_table(student: Student, rng: np.random.Generator) -> None:
    """The answer is that of the table's layers in their order, from the network's own weights."""
    found = _asked(student, rng)
    _expect_answer(found["output"], found["seed"], "the network's answer in eval mode")


@face_keypoint_net.rung("edge cases", points=1)
def answers_the_same_in_train_mode(student: Student, rng: np.random.Generator) -> None:
    """Train mode changes nothing, and neither does who shares the batch."""
    expect_same_in_train_mode(_asked(student, rng), "the first picture alone: the answer as beside the other")


@face_keypoint_net.rung("gradients", points=1)
def trains_every_layer(student: Student, rng: np.random.Generator) -> None:
    """Every parameter gets a gradient."""
    expect_gradients(_asked(student, rng))


@face_keypoint_net.rung("side effects", points=1)
def leaves_the_pictures(student: Student, rng: np.random.Generator) -> None:
    """The network does not change its input."""
    expect_input_kept(_asked(student, rng), "pictures")
