"""Checks of count_parameters, on small networks whose sizes are drawn here."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograder.ladder import expect
from autograder.ladder.ladder import Ladder
from autograder.ladder.student import Student
from autograder.worker.plain import TensorValue, type_name

count_parameters = Ladder("count_parameters")

COUNTED = ("conv.weight", "conv.bias", "inner.0.weight", "inner.0.bias", "linear.weight", "linear.bias")


def _count(student: Student, channels: int, features: int, frozen: tuple[str, ...], deeper: int = 0) -> float:
    """Return the student's count; that it is a tensor costs the rung of types alone."""
    inputs = {"channels": channels, "features": features, "frozen": list(frozen), "deeper": deeper}
    answer = student.probe("lesson_03.count", **inputs)
    if isinstance(answer, TensorValue) and answer.array.size == 1:
        answer = answer.array.reshape(())
    return _whole(answer)


def _whole(answer: Any) -> float:
    expected, hint = "count_parameters(model): a whole number", "Return one number, as Python's int."
    numbers = isinstance(answer, np.ndarray) and answer.ndim == 0 and answer.dtype.kind in "iuf"
    got = f"{type_name(answer)}: {expect.show(answer)}"
    expect.true(numbers or type(answer) in (int, float), expected, got, hint=hint)
    number = float(answer)
    expect.true(number.is_integer(), expected, f"{number:g}", hint=hint)
    return number


def _expect_count(student: Student, rng: np.random.Generator, *frozen: str) -> None:
    """Expect the count of two networks, of which the second has one convolution more.

    The count of one alone is soon that of another mistake as well.
    """
    channels, features, deeper = (int(n) for n in rng.integers(3, 20, 3))
    sizes = dict(zip(COUNTED, (9 * channels, *[channels] * 3, channels * features, features), strict=True))
    first = sum(size for name, size in sizes.items() if name not in frozen)
    wants = first, first + 9 * channels * deeper + deeper
    gots = [_count(student, channels, features, frozen, more) for more in (0, deeper)]
    example = f"Conv2d(1, {channels}, 3), BatchNorm2d({channels}), ReLU, Linear({channels}, {features})"
    if frozen:
        example += f" with {' and '.join(frozen)} frozen (requires_grad False)"
    example += f"; and the same with Conv2d({channels}, {deeper}, 3) behind it"
    hint = "Every number counts in each tensor of parameters() that requires a gradient, at any depth of the model."
    expected, got = (f"{one:.0f} and {other:.0f}" for one, other in (wants, gots))
    expect.true(expected == got, expected, got, example, hint)


@count_parameters.rung("type", points=1)
def is_an_integer(student: Student, rng: np.random.Generator) -> None:
    """The count is an int: a float16 would leave out every second number above 2048."""
    answer = student.probe("lesson_03.count", channels=4, features=3, frozen=[])
    _whole(answer)
    whole = type(answer) is int or (isinstance(answer, np.ndarray) and answer.dtype.kind in "iu")
    hint = "Return one number, as Python's int."
    expect.true(whole, "count_parameters(model): an int", expect.show_typed(answer), hint=hint)


@count_parameters.rung("values", points=3)
def counts_elements(student: Student, rng: np.random.Generator) -> None:
    """Weights and biases of every layer, at any depth; no buffers."""
    _expect_count(student, rng)


@count_parameters.rung("edge cases", points=2)
def leaves_out_frozen(student: Student, rng: np.random.Generator) -> None:
    """Frozen parameters do not count; a model all of whose parameters are frozen has 0."""
    _expect_count(student, rng, "conv.weight", "inner.0.bias")
    got = _count(student, 4, 3, COUNTED)
    expect.true(got == 0, "0", f"{got:.0f}", "a model all of whose parameters are frozen")
