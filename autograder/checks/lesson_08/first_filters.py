"""Checks of lesson 08: the filters of the network's first layer."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograder.checks.common.shared import Shared
from autograder.checks.lesson_08.face_network import TABLE
from autograder.ladder import expect
from autograder.ladder.form import Answers, form
from autograder.ladder.ladder import Ladder
from autograder.ladder.student import Student
from autograder.worker.plain import TensorValue

first_layer_filters = Ladder("first_layer_filters")


def _ask_filters(student: Student, rng: np.random.Generator) -> dict[str, Any]:
    kernel = rng.normal(0, 0.2, TABLE.layers[0].weight).astype(np.float32)
    found = student.probe("lesson_08.filters", kernel=kernel)
    hint = "This exercise looks at your own FaceKeypointNet; mend that one first."
    expected = "a FaceKeypointNet with one parameter of shape (16, 1, 5, 5)"
    expect.true(found["found"] == 1, expected, f"{found['found'] or 'none'} of that shape", hint=hint)
    return {**found, "kernel": kernel}


# What the probe puts into all other layers.
OTHERS = 0.5
_asked_filters = Shared("first_layer_filters", _ask_filters)
_CALL = "first_layer_filters(model)"


def _as_array(value: Any) -> Any:
    """Return a tensor, or a list of arrays of one shape, as an array: what they are costs the rung of types alone."""
    if isinstance(value, TensorValue):
        return value.array
    arrays = isinstance(value, list) and value and all(isinstance(part, np.ndarray) for part in value)
    return np.stack(value) if arrays and len({part.shape for part in value}) == 1 else value


def _filters(student: Student, rng: np.random.Generator) -> Answers:
    yield _CALL, _as_array(_asked_filters(student, rng)["value"])


@form(first_layer_filters, "type", points=0.5)
def returns_an_array(student: Student, rng: np.random.Generator) -> Answers:
    """The filters are a NumPy array."""
    yield _CALL, _asked_filters(student, rng)["value"]


@form(first_layer_filters, "shape", points=1, shape=(16, 5, 5))
def sixteen_filters(student: Student, rng: np.random.Generator) -> Answers:
    """The shape is (16, 5, 5), without the axis of the one input channel."""
    return _filters(student, rng)


@form(first_layer_filters, "dtype", points=0.5, dtype="float32")
def filters_in_float32(student: Student, rng: np.random.Generator) -> Answers:
    """The filters are float32, as the weights."""
    return _filters(student, rng)


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


def _say_others(got: np.ndarray, want: np.ndarray) -> str:
    """Return in words what numbers are none of which is a weight."""
    if np.ptp(got) == 0:
        return "the same number everywhere"
    # Those of 400 independent numbers are less alike with a chance of 1 - 1e-6.
    alike = abs(float(np.corrcoef(got.ravel(), want.ravel())[0, 1])) > 0.25
    return (
        "numbers made of the model's weights" if alike else "numbers that have nothing to do with the model's weights"
    )


@first_layer_filters.rung("values", points=3)
def filters_of_the_first_layer(student: Student, rng: np.random.Generator) -> None:
    """The numbers are the weights of the model's first convolution, unchanged."""
    found = _asked_filters(student, rng)
    want = found["kernel"][:, 0]
    value = expect.array(_as_array(found["value"]), what=_CALL)
    if value.shape in (want[:, None].shape, (len(want), want[0].size)):
        # What the axes are costs points where shapes are asked, not here again.
        value = value.reshape(want.shape)
    expect.array(value, want.shape, what=_CALL)
    # Weights can hold nothing else.
    expect.true(value.dtype.kind in "iuf", f"{_CALL}: real numbers", f"dtype {value.dtype.name}")
    hint = "Return the weights of the model that was handed in, as they are, in the order of the output channels."
    words = _say_filters(value.astype(float), want)
    if words is None and not np.isin(np.float32(value), want).any():
        words = _say_others(value.astype(float), want)
    if words:
        raise expect.Mismatch(f"{_CALL}: the weights as they are", words, hint=hint)
    expect.close(value, want, rtol=0, atol=1e-7, what=_CALL, hint=hint)


@first_layer_filters.rung("side effects", points=1)
def filters_are_a_copy(student: Student, rng: np.random.Generator) -> None:
    """What happens to the model later does not change the filters."""
    found = _asked_filters(student, rng)
    expect.array(_as_array(found["value"]), what=_CALL)
    hint = "numpy() hands out the tensor's own memory. Who trains on, changes your figure."
    expect.true(not found["shared"], "filters of their own", "filters that change with the model", hint=hint)


@first_layer_filters.rung("side effects", points=0.5)
def leaves_the_model(student: Student, rng: np.random.Generator) -> None:
    """The model's weights and their training stay as they were."""
    found = _asked_filters(student, rng)
    expect.array(_as_array(found["value"]), what=_CALL)
    expect.equal(found["kept"], found["kernel"], what="the model's weights afterwards")
    expect.true(found["still_trained"], "weights that can be trained", "weights whose requires_grad was switched off")
