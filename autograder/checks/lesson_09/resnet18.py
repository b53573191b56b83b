"""Checks of resnet18: its weights by name and shape, and its answers beside those of NumPy (``torchvision_resnet``)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from autograder.checks.common.module_shapes import say_shape_problem, seed, shape_problem
from autograder.checks.common.shared import Shared
from autograder.checks.lesson_09.torchvision_resnet import (
    BLOCKS,
    Weights,
    draw_tile,
    gentle,
    one_block_twice,
    run_block_gently,
    run_gently,
    run_network,
    state_shapes,
    weights_of,
)
from autograder.ladder import expect
from autograder.ladder.ladder import Ladder
from autograder.ladder.student import Student, StudentError
from autograder.worker.plain import TensorValue

resnet18 = Ladder("resnet18")

# Of the network's answers, in shares of the largest: float32 through 18 layers beside float64.
ANSWERS = 1e-4
# The statistics of a small batch make of rounding what the single layers do not.
TRAINED = 1e-2
GENTLY = 1e-3
SHAPES = [[2, 1, 64, 64], [1, 1, 75, 100]]
# A network so small at both ends that its answers can be computed, and one that takes the published weights.
SMALL = {"outputs": 6, "in_channels": 2}
PUBLISHED = {"outputs": 1000, "in_channels": 3}
NAMES_HINT = (
    "Go through the table part by part and print the names of your state_dict beside it. Which layers have a bias, and "
    "in which blocks does a shortcut need weights?"
)


def _network(student: Student, rng: np.random.Generator, shapes: list[list[int]], **kwargs: int) -> dict[str, Any]:
    """Return what the student's network is and answers; raise Mismatch where its layers do not fit each other."""
    try:
        return student.probe("lesson_09.network", kwargs=kwargs, shapes=shapes, seed=seed(rng))
    except StudentError as error:
        problem = shape_problem(error)
        if problem is None:
            raise
        says = say_shape_problem(*problem, unequal="two maps that can't be added")
        given = ", ".join(f"{name}={value}" for name, value in kwargs.items())
        expected = f"resnet18({given}) answers images of the shapes {', '.join(str(tuple(shape)) for shape in shapes)}"
        hint = "Print the shape of x behind each part of forward, and compare it with the table."
        raise expect.Mismatch(expected, says, hint=hint, where=error.where) from None


default_network = Shared("resnet18()", lambda student, rng: _network(student, rng, []))


@dataclass(frozen=True)
class Task:
    """What a network of known weights is asked: an image, images of a pixel, and maps of a pixel for each block."""

    x: np.ndarray
    tile: np.ndarray
    pixels: np.ndarray
    blocks: dict[str, np.ndarray]

    @cached_property
    def weights(self) -> Weights:
        return weights_of(state_shapes(**SMALL), self.tile)

    @cached_property
    def gentle_weights(self) -> Weights:
        return gentle(self.weights)

    @cached_property
    def answer(self) -> np.ndarray:
        return run_network(self.x, self.weights)

    @cached_property
    def train_answer(self) -> np.ndarray:
        return run_network(np.concatenate([self.x, -self.x]), self.weights, train=True)


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


@resnet18.rung("values", points=2)
def has_the_names(student: Student, rng: np.random.Generator) -> None:
    """The state_dict has torchvision's names, all of them and no others."""
    _expect_names(default_network(student, rng)["state"], state_shapes())
    _expect_used(filled_network(student, rng), "names")


@resnet18.rung("values", points=2)
def has_the_shapes(student: Student, rng: np.random.Generator) -> None:
    """Under each name lies a weight of torchvision's shape."""
    wanted = state_shapes()
    found = {name: tuple(shape) for name, shape in default_network(student, rng)["state"]}
    wrong = [name for name, shape in wanted.items() if found.get(name) != shape]
    if wrong:
        first = wrong[0]
        came = f"shape {found[first]}" if first in found else "no such name"
        raise expect.Mismatch(f"{first}: shape {wanted[first]}", f"{came}; {len(wrong)} of {len(wanted)} shapes differ")
    _expect_used(filled_network(student, rng), "shapes")


def _expect_part(student: Student, rng: np.random.Generator, part: str, is_there: Callable[[str], bool]) -> None:
    """Expect the weights of a part of the network under their names, in their shapes, and no others."""
    state = {name: tuple(shape) for name, shape in default_network(student, rng)["state"]}
    wanted = {name: shape for name, shape in state_shapes().items() if is_there(name)}
    wrong = [name for name, shape in wanted.items() if state.get(name) != shape]
    odd = [name for name in state if is_there(name) and name not in wanted]
    came = f"{_say_names(wrong)} lacking or of another shape; not known there: {_say_names(odd)}"
    expect.true(not wrong and not odd, f"{part}: {len(wanted)} names and shapes", came, hint=NAMES_HINT)
    _expect_used(filled_network(student, rng), part)


def _is_shortcut(name: str) -> bool:
    return name.startswith("layer") and name.split(".")[2:3] not in (["conv1"], ["bn1"], ["conv2"], ["bn2"])


@resnet18.rung("values", points=1)
def has_stem_and_head(student: Student, rng: np.random.Generator) -> None:
    """First and last layers have torchvision's names and shapes, whatever the blocks have."""
    _expect_part(student, rng, "stem and head", lambda name: not name.startswith("layer"))


@resnet18.rung("values", points=2)
def has_the_blocks(student: Student, rng: np.random.Generator) -> None:
    """The convolutions and normalizations of the eight blocks have torchvision's names and shapes."""
    _expect_part(student, rng, "blocks", lambda name: name.startswith("layer") and not _is_shortcut(name))


@resnet18.rung("values", points=1)
def has_the_shortcuts(student: Student, rng: np.random.Generator) -> None:
    """Three blocks have a shortcut with weights, a convolution and a normalization under torchvision's names."""
    _expect_part(student, rng, "shortcuts", _is_shortcut)


@lru_cache(maxsize=2)
def _task(drawn: int) -> Task:
    """Return what a network is asked with the weights of one draw, and what it answers: the same for every student."""
    rng = np.random.default_rng(drawn)
    x, tile = rng.standard_normal((1, 2, 37, 43)).astype(np.float32), draw_tile(rng)
    pixels = rng.uniform(0.5, 1.5, (2, 2, 1, 1)).astype(np.float32)
    shapes = state_shapes(**SMALL)
    blocks = {
        name: rng.uniform(0.5, 1.5, (1, shapes[f"{name}.conv1.weight"][1], 1, 1)).astype(np.float32) for name in BLOCKS
    }
    return Task(x, tile, pixels, blocks)


def _answer(student: Student, rng: np.random.Generator) -> dict[str, Any]:
    wanted, drawn = list(state_shapes(**SMALL)), seed(rng)
    task = _task(drawn)
    asked = {"x": task.x, "tile": task.tile, "pixels": task.pixels, "blocks": task.blocks}
    found = student.probe("lesson_09.answer", kwargs=SMALL, wanted=wanted, seed=seed(rng), **asked)
    expected = f"a network of {len(wanted)} weights and statistics, to be filled with known numbers"
    expect.true(found["filled"], expected, "less than half of them", "resnet18(outputs=6, in_channels=2)")
    return {**found, "task": task}


def _expect_run(found: dict[str, Any]) -> None:
    """Expect that the network could be run on an image of a size that was not announced."""
    failed = found.get("failed")
    if failed is not None:
        # The rung about images of every size says what does not fit.
        known = shape_problem(StudentError("RuntimeError", [], failed, None)) is not None
        hint = "Images of any size are answered. Which layer was made for one size alone?"
        expected = f"an answer to an image of shape {found['task'].x.shape}"
        raise expect.Mismatch(
            expected, "layers that do not fit each other" if known else failed.strip().splitlines()[0][:200], hint=hint
        )


filled_network = Shared("resnet18 filled", _answer)


def _same(got: Any, want: np.ndarray, share: float = ANSWERS) -> bool:
    found = got.array if isinstance(got, TensorValue) else None
    return found is not None and found.shape == want.shape and np.allclose(found, want, 0, share * np.abs(want).max())


def _expect_used(found: dict[str, Any], what: str) -> None:
    """Expect that the network, or each of its blocks by itself, answers by the weights that were put in.

    What a network says of its weights proves nothing. Numbers that are not negative, in images of a single pixel, leave
    open what ReLUs, normalizations, strides and poolings do, so that only a network without its weights fails.
    """
    task = found["task"]
    weights = task.gentle_weights
    for mistake in (None, "no shortcut", "average pool", "sigmoid at the end"):
        if _same(found["gentle"], run_gently(task.pixels, weights, mistake), GENTLY):
            return
    if what != "blocks" and _same(found["gentle"], run_gently(task.pixels, one_block_twice(weights)), GENTLY):
        return
    blocks, maps = found["blocks"], task.blocks
    wants = {name: run_block_gently(maps[name][:, :, 0, 0], weights, name)[:, :, None, None] for name in BLOCKS}
    if all(_same(blocks.get(name), want, GENTLY) for name, want in wants.items()):
        return
    hint = "Does forward call every layer that __init__ makes, in the order of the table?"
    raise expect.Mismatch(
        f"an answer computed by the weights of these {what}", "an answer of something else", hint=hint
    )


@resnet18.rung("values", points=5)
def answers_as_torchvision(student: Student, rng: np.random.Generator) -> None:
    """With known weights it gives the answers of torchvision's network."""
    found = filled_network(student, rng)
    _expect_run(found)
    task = found["task"]
    got = expect.array(found["output"], shape=(1, 6), kind="torch", what="the answer")
    example = f"resnet18(outputs=6, in_channels=2) in eval mode, known weights, x of shape {task.x.shape}"
    hint = "Follow forward with the table: the order of the layers in stem, blocks and head, and which of them strides."
    if not np.allclose(got, task.answer, 0, ANSWERS * float(np.abs(task.answer).max())):
        # All numbers, so that two mistakes which agree in one of them are told apart.
        text, came = (", ".join(f"{value:.4g}" for value in values[0]) for values in (task.answer, got))
        raise expect.Mismatch(f"the answer: {text}", came, example, hint)


@resnet18.rung("edge cases", points=1)
def learns_as_torchvision(student: Student, rng: np.random.Generator) -> None:
    """In train mode the answers are those of its layers and of the batch's own statistics: nothing is dropped."""
    found = filled_network(student, rng)
    _expect_run(found)
    task = found["task"]
    if _same(found["still_output"], task.answer):
        return
    # Normalizations that are no layers of PyTorch's go by the mode of the whole network.
    got = expect.array(found["train_output"], shape=(2, 6), kind="torch", what="the answer in train mode")
    example = f"resnet18(outputs=6, in_channels=2) in train mode, known weights, two images of shape {task.x.shape[1:]}"
    hint = "torchvision's network has no dropout. What of yours is different in train mode, other than normalizations?"
    close = np.allclose(got, task.train_answer, 0, TRAINED * float(np.abs(task.train_answer).max()))
    # Which numbers are dropped is chance.
    expect.true(close, "answers of the table's layers in train mode, too", "other answers", example, hint)


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
    _expect_run(found)
    for kind, names in (("no gradient", found["without_grad"]), ("requires_grad False", found["frozen"])):
        expect.true(not names, "a gradient for every parameter", f"{kind} for {', '.join(names[:4])}")
