"""Checks of resnet18: its weights by name and shape, and its answers beside those of NumPy (``torchvision_resnet``)."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograder.checks.common.module_shapes import seed
from autograder.checks.common.shared import Shared
from autograder.checks.lesson_09.torchvision_resnet import draw_tile, run_network, state_shapes, weights_of
from autograder.ladder import expect
from autograder.ladder.ladder import Ladder
from autograder.ladder.student import Student

resnet18 = Ladder("resnet18")

# Of the network's answers, in shares of the largest: float32 through 18 layers beside float64.
ANSWERS = 1e-4
SHAPES = [[2, 1, 64, 64], [1, 1, 75, 100]]
# A network so small at both ends that its answers can be computed, and one that takes the published weights.
SMALL = {"outputs": 6, "in_channels": 2}
PUBLISHED = {"outputs": 1000, "in_channels": 3}
NAMES_HINT = (
    "Go through the table part by part and print the names of your state_dict beside it. Which layers have a bias, and "
    "in which blocks does a shortcut need weights?"
)


def _network(student: Student, rng: np.random.Generator, shapes: list[list[int]], **kwargs: int) -> dict[str, Any]:
    return student.probe("lesson_09.network", kwargs=kwargs, shapes=shapes, seed=seed(rng))


default_network = Shared("resnet18()", lambda student, rng: _network(student, rng, []))


@resnet18.rung("type", points=1, gate=True)
def is_a_module(student: Student, rng: np.random.Generator) -> None:
    """resnet18() returns an nn.Module."""
    found = default_network(student, rng)
    expect.true(found["is_module"], "an nn.Module", f"a {found['type']}", hint="Build the network and return it.")


@resnet18.rung("shape", points=2)
def answers_every_image(student: Student, rng: np.random.Generator) -> None:
    """Images of any size are answered by 136 numbers each; outputs and in_channels are heard."""
    found = _network(student, rng, SHAPES)
    for shape, output in zip(SHAPES, found["outputs"], strict=True):
        expect.equal(output, [shape[0], 136], what=f"shape of resnet18()(x), x of shape {tuple(shape)}")
    found = _network(student, rng, [[2, 3, 32, 32]], outputs=10, in_channels=3)
    what = "shape of resnet18(outputs=10, in_channels=3)(x), x of shape (2, 3, 32, 32)"
    expect.equal(found["outputs"][0], [2, 10], what=what)


def _say_names(names: list[str]) -> str:
    return f"{len(names)} names" + (f": {', '.join(names[:6])}" + (", …" if len(names) > 6 else "") if names else "")


def _expect_names(state: list, wanted: dict[str, tuple[int, ...]]) -> None:
    names = [name for name, _ in state]
    absent = [name for name in wanted if name not in names]
    odd = [name for name in names if name not in wanted]
    came = f"lacking {_say_names(absent)}; not known there: {_say_names(odd)}"
    expect.true(not absent and not odd, f"the {len(wanted)} names of torchvision's state_dict", came, hint=NAMES_HINT)


@resnet18.rung("values", points=4)
def has_the_names(student: Student, rng: np.random.Generator) -> None:
    """The state_dict has torchvision's names, all of them and no others."""
    _expect_names(default_network(student, rng)["state"], state_shapes())


@resnet18.rung("values", points=4)
def has_the_shapes(student: Student, rng: np.random.Generator) -> None:
    """Under each name lies a weight of torchvision's shape."""
    wanted = state_shapes()
    found = {name: tuple(shape) for name, shape in default_network(student, rng)["state"]}
    wrong = [name for name, shape in wanted.items() if found.get(name) != shape]
    if wrong:
        first = wrong[0]
        came = f"shape {found[first]}" if first in found else "no such name"
        raise expect.Mismatch(f"{first}: shape {wanted[first]}", f"{came}; {len(wrong)} of {len(wanted)} shapes differ")


def _answer(student: Student, rng: np.random.Generator) -> dict[str, Any]:
    wanted = list(state_shapes(**SMALL))
    x, tile = rng.standard_normal((1, 2, 38, 45)).astype(np.float32), draw_tile(rng)
    found = student.probe("lesson_09.answer", kwargs=SMALL, x=x, tile=tile, wanted=wanted, seed=seed(rng))
    expected = f"a network of {len(wanted)} weights and statistics, to be filled with known numbers"
    expect.true(found["filled"], expected, "another number of them", "resnet18(outputs=6, in_channels=2)")
    return {**found, "x": x, "tile": tile}


filled_network = Shared("resnet18 filled", _answer)


@resnet18.rung("values", points=5)
def answers_as_torchvision(student: Student, rng: np.random.Generator) -> None:
    """With known weights it gives the answers of torchvision's network."""
    found = filled_network(student, rng)
    want = run_network(found["x"], weights_of(state_shapes(**SMALL), found["tile"]))
    got = expect.array(found["output"], shape=(1, 6), kind="torch", what="the answer")
    example = f"resnet18(outputs=6, in_channels=2) in eval mode, known weights, x of shape {found['x'].shape}"
    hint = "Follow forward with the table: the order of the layers in stem, blocks and head, and which of them strides."
    expect.close(got, want, 0, ANSWERS * float(np.abs(want).max()), "the answer", example, hint)


@resnet18.rung("edge cases", points=2)
def takes_published_weights(student: Student, rng: np.random.Generator) -> None:
    """resnet18(outputs=1000, in_channels=3) has the names and shapes of the published weights."""
    state = _network(student, rng, [], **PUBLISHED)["state"]
    wanted = state_shapes(**PUBLISHED)
    _expect_names(state, wanted)
    for name, shape in state:
        expect.equal(list(shape), list(wanted[name]), what=f"shape of {name}, 1000 outputs and 3 channels")


@resnet18.rung("gradients", points=2)
def trains_every_weight(student: Student, rng: np.random.Generator) -> None:
    """Every parameter gets a gradient."""
    found = filled_network(student, rng)
    for kind, names in (("no gradient", found["without_grad"]), ("requires_grad False", found["frozen"])):
        expect.true(not names, "a gradient for every parameter", f"{kind} for {', '.join(names[:4])}")
