"""Checks of count_parameters, on small networks whose sizes are drawn here."""

from __future__ import annotations

import numpy as np

from autograder.ladder import expect
from autograder.ladder.ladder import Ladder
from autograder.ladder.student import Student

count_parameters = Ladder("count_parameters")

COUNTED = ("conv.weight", "conv.bias", "inner.0.weight", "inner.0.bias", "linear.weight", "linear.bias")


def _expect_count(student: Student, rng: np.random.Generator, *frozen: str) -> None:
    channels, features = (int(n) for n in rng.integers(3, 20, 2))
    sizes = dict(zip(COUNTED, (9 * channels, *[channels] * 3, channels * features, features), strict=True))
    want = sum(size for name, size in sizes.items() if name not in frozen)
    answer = student.probe("lesson_03.count", channels=channels, features=features, frozen=list(frozen))
    example = f"Conv2d(1, {channels}, 3), BatchNorm2d({channels}), ReLU, Linear({channels}, {features})"
    if frozen:
        example += f" with {' and '.join(frozen)} frozen (requires_grad False)"
    got = expect.number(answer, "count_parameters(model)")
    hint = "Every number counts in each tensor of parameters() that requires a gradient, at any depth of the model."
    expect.true(got == want, f"{want}", f"{got:g}", example, hint)


@count_parameters.rung("type", points=1, gate=True)
def is_an_integer(student: Student, rng: np.random.Generator) -> None:
    """The count is a whole number."""
    answer = student.probe("lesson_03.count", channels=4, features=3, frozen=[])
    count = expect.number(answer, "count_parameters(model)")
    expect.true(count == int(count), "a whole number", f"{count:g}")


@count_parameters.rung("values", points=3)
def counts_elements(student: Student, rng: np.random.Generator) -> None:
    """Weights and biases of every layer, at any depth; no buffers."""
    _expect_count(student, rng)


@count_parameters.rung("edge cases", points=2)
def leaves_out_frozen(student: Student, rng: np.random.Generator) -> None:
    """Frozen parameters do not count; a model all of whose parameters are frozen has 0."""
    _expect_count(student, rng, "conv.weight", "inner.0.bias")
    _expect_count(student, rng, *COUNTED)
