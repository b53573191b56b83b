"""Checks of lesson 08: the network of six convolutions, beside the same network in NumPy, and its first filters."""

from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache
from typing import Any

import numpy as np

from autograder import expect
from autograder.checks.numpy_layers import Conv, conv2d, max_pool, relu
from autograder.checks.residual_questions import PLAIN_LIST_HINT, shape_problem, shapes_text
from autograder.checks.shared import Shared
from autograder.ladder import Ladder
from autograder.student import Student, StudentError
from autograder.worker.plain import TensorValue

face_keypoint_net = Ladder("FaceKeypointNet")
first_layer_filters = Ladder("first_layer_filters")

KERNELS = ((16, 1, 5, 5), (32, 16, 5, 5), (32, 32, 3, 3), (64, 32, 3, 3), (64, 64, 3, 3), (64, 64, 3, 3))
LINEARS = ((512, 4224), (116, 512))
SHAPES = [shape for weight in (*KERNELS, *LINEARS) for shape in (weight, weight[:1])]
# In a batch.
PICTURES = 2
# float32 beside float64, where the outputs are of the size of 1.
TOLERANCE = {"rtol": 1e-4, "atol": 1e-4}
OUTPUT_HINT = "Compare your layers and their order with the table of the lesson, one by one."
INSTEAD = {
    "no relu": "a network without any ReLU, so that all of its layers together are one linear map",
    "no relu after the convolutions": "a network whose convolutions have no ReLU behind them",
    "no relu after 512": "a network without a ReLU behind the linear layer of 512",
    "no relu after the last convolution": "a network without a ReLU behind the sixth convolution",
    "average pooling": "a network that pools by the average",
    "relu at the end": "a ReLU behind the last layer",
    "sigmoid at the end": "a sigmoid behind the last layer",
    "tanh at the end": "a tanh behind the last layer",
    "softmax at the end": "a softmax behind the last layer",
}
_ENDS = {
    "relu at the end": relu,
    "sigmoid at the end": lambda out: 1 / (1 + np.exp(-out)),
    "tanh at the end": np.tanh,
    "softmax at the end": lambda out: np.exp(out) / np.exp(out).sum(axis=1, keepdims=True),
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


def _average_pool(x: np.ndarray) -> np.ndarray:
    height, width = x.shape[2] // 2, x.shape[3] // 2
    return x[:, :, : 2 * height, : 2 * width].reshape(*x.shape[:2], height, 2, width, 2).mean(axis=(3, 5))


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
            out = _average_pool(out) if mistake == "average pooling" else max_pool(out, 2, 2, 0)
    out = out.reshape(len(out), -1)
    for shape in LINEARS:
        out = out @ values[shape].T.astype(float) + values[shape[:1]]
        if shape[0] == 512 and mistake not in ("no relu", "no relu after 512"):
            out = relu(out)
    return _ENDS[mistake](out) if mistake in _ENDS else out


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
        found = student.probe("full_keypoints.network", x=x, values=list(values.values()), upstream=upstream)
    except StudentError as error:
        problem = shape_problem(error) or _view_problem(error)
        if problem is None:
            raise
        kind, one, other = problem
        takes = {
            "features": f"a linear layer made for {other:,} numbers is given {one:,}",
            "channels": f"a convolution made for {one} channels is given {other}",
            "unequal": f"two tensors that do not fit, of sizes {one} and {other}",
        }[kind]
        hint = "Print x.shape after each layer and compare it with the table. The first line that differs is the one."
        raise expect.Mismatch(expected, takes, hint=hint, where=error.where) from None
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
    output = _asked(student, rng)["train_output"]
    expect.array(output, dtype="float32", kind="torch", what="the network's answer")
    expect.true(output.requires_grad, "an answer with a gradient", "an answer cut off from the parameters")


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
    others = [tuple(shape) for shape in found["others"]]
    hint = "Running statistics and frozen weights are no part of this network."
    expect.true(not others, "nothing but trained parameters", f"kept besides: {shapes_text(others)}", hint=hint)


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
    found = _asked(student, rng)
    whole = found["output"].array
    hint = "The table has no dropout and no normalization."
    same = np.allclose(found["train_output"].array, whole, **TOLERANCE)
    expect.true(same, "the same answer in train and in eval mode", "another answer in train mode", hint=hint)
    same = np.allclose(found["alone"].array, whole[:1], **TOLERANCE)
    expect.true(same, "the first picture alone: the answer as beside the other", "another answer", hint=hint)


@face_keypoint_net.rung("gradients", points=1)
def trains_every_layer(student: Student, rng: np.random.Generator) -> None:
    """Every parameter gets a gradient."""
    found = _asked(student, rng)
    missing = found.get("without_grad")
    expect.true(missing is not None, "an answer that can be led back to the weights", "no gradient at all")
    hint = "A layer that __init__ creates is never used by forward, or another one is used twice in its place."
    got = f"none for {shapes_text([tuple(shape) for shape in missing])}"
    expect.true(not missing, "a gradient for every parameter", got, hint=hint)


@face_keypoint_net.rung("side effects", points=1)
def leaves_the_pictures(student: Student, rng: np.random.Generator) -> None:
    """The network does not change its input."""
    found = _asked(student, rng)
    kept = np.array_equal(found["x_after"].array, found["x"])
    hint = "An operation in place (-=, relu_, inplace=True) wrote into x itself."
    expect.true(kept, "pictures as they were", "pictures that were overwritten", hint=hint)


def _ask_filters(student: Student, rng: np.random.Generator) -> dict[str, Any]:
    kernel = rng.normal(0, 0.2, KERNELS[0]).astype(np.float32)
    found = student.probe("full_keypoints.filters", kernel=kernel)
    hint = "This exercise looks at your own FaceKeypointNet; mend that one first."
    expected = "a FaceKeypointNet with one parameter of shape (16, 1, 5, 5)"
    expect.true(found["found"] == 1, expected, f"{found['found'] or 'none'} of that shape", hint=hint)
    return {**found, "kernel": kernel}


# What the probe puts into all other layers.
OTHERS = 0.5
_asked_filters = Shared("first_layer_filters", _ask_filters)
_CALL = "first_layer_filters(model)"


@first_layer_filters.rung("type", points=0.5, gate=True)
def returns_an_array(student: Student, rng: np.random.Generator) -> None:
    """The filters are a NumPy array."""
    expect.array(_asked_filters(student, rng)["value"], what=_CALL)


@first_layer_filters.rung("shape", points=1, gate=True)
def sixteen_filters(student: Student, rng: np.random.Generator) -> None:
    """The shape is (16, 5, 5), without the axis of the one input channel."""
    expect.array(_asked_filters(student, rng)["value"], shape=(16, 5, 5), what=_CALL)


@first_layer_filters.rung("dtype", points=0.5)
def filters_in_float32(student: Student, rng: np.random.Generator) -> None:
    """The filters are float32, as the weights."""
    expect.array(_asked_filters(student, rng)["value"], dtype="float32", what=_CALL)


def _say_filters(got: np.ndarray, want: np.ndarray) -> str | None:
    """Return in words what the array is where a common mistake explains it."""
    low, high = want.min(), want.max()
    each = [want.min(axis=(1, 2), keepdims=True), want.max(axis=(1, 2), keepdims=True)]
    known = {
        "filters whose rows are columns": want.transpose(0, 2, 1),
        "filters turned upside down": want[:, ::-1, ::-1],
        "filters stretched to [0, 1], all alike": (want - low) / (high - low),
        "filters stretched to [0, 1], each by itself": (want - each[0]) / (each[1] - each[0]),
        "absolute values": np.abs(want),
        "the weights of another layer": np.full_like(want, OTHERS),
    }
    return next((words for words, array in known.items() if np.allclose(got, array, atol=1e-5)), None)


@first_layer_filters.rung("values", points=1.5)
def filters_of_the_first_layer(student: Student, rng: np.random.Generator) -> None:
    """The numbers are the weights of the model's first convolution, unchanged."""
    found = _asked_filters(student, rng)
    want = found["kernel"][:, 0]
    words = _say_filters(found["value"].astype(float), want)
    if words:
        raise expect.Mismatch(f"{_CALL}: the weights as they are", words)
    if not np.isin(np.float32(found["value"]), want).any():
        hint = "Is it the model that was handed in whose weights you return?"
        raise expect.Mismatch(
            f"{_CALL}: the weights as they are", "numbers that are no weights of the model", hint=hint
        )
    expect.close(found["value"], want, rtol=0, atol=1e-7, what=_CALL, hint="In the order of the output channels.")


@first_layer_filters.rung("side effects", points=1)
def filters_are_a_copy(student: Student, rng: np.random.Generator) -> None:
    """What happens to the model later does not change the filters."""
    found = _asked_filters(student, rng)
    hint = "numpy() hands out the tensor's own memory. Who trains on, changes your figure."
    expect.true(not found["shared"], "filters of their own", "filters that change with the model", hint=hint)


@first_layer_filters.rung("side effects", points=0.5)
def leaves_the_model(student: Student, rng: np.random.Generator) -> None:
    """The model's weights and their training stay as they were."""
    found = _asked_filters(student, rng)
    expect.equal(found["kept"], found["kernel"], what="the model's weights afterwards")
    expect.true(found["still_trained"], "weights that can be trained", "weights whose requires_grad was switched off")
