"""Checks of lesson 09: the network and the contest's error; files and crops have modules of their own."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograder.checks.common.recognize import hint_for
from autograder.checks.common.shared import Shared
from autograder.checks.lesson_09.face_crop import crop_face
from autograder.checks.lesson_09.ibug_xml import read_ibug_xml
from autograder.checks.lesson_09.torchvision_resnet import draw_tile, explain, run_network, state_shapes, weights_of
from autograder.ladder import expect
from autograder.ladder.ladder import Ladder
from autograder.ladder.student import Student

__all__ = ["crop_face", "mean_absolute_error", "read_ibug_xml", "resnet18"]

resnet18 = Ladder("resnet18")
mean_absolute_error = Ladder("mean_absolute_error")

# Of the network's answers, in shares of the largest: float32 through 18 layers beside float64.
ANSWERS = 1e-4
SHAPES = [[2, 1, 64, 64], [1, 1, 75, 100]]


def _seed(rng: np.random.Generator) -> int:
    return int(rng.integers(2**31))


def _describe(student: Student, rng: np.random.Generator) -> dict[str, Any]:
    return student.probe("lesson_09.network", kwargs={}, shapes=[], seed=_seed(rng))


default_network = Shared("resnet18()", _describe)


@resnet18.rung("type", points=1, gate=True)
def is_a_module(student: Student, rng: np.random.Generator) -> None:
    """resnet18() returns an nn.Module."""
    found = default_network(student, rng)
    expect.true(found["is_module"], "an nn.Module", f"a {found['type']}", hint="Build the network and return it.")


@resnet18.rung("shape", points=2)
def answers_every_image(student: Student, rng: np.random.Generator) -> None:
    """Images of any size are answered by 136 numbers each; outputs and in_channels are heard."""
    found = student.probe("lesson_09.network", kwargs={}, shapes=SHAPES, seed=_seed(rng))
    for shape, output in zip(SHAPES, found["outputs"], strict=True):
        expect.equal(output, [shape[0], 136], what=f"shape of resnet18()(x), x of shape {tuple(shape)}")
    kwargs = {"outputs": 10, "in_channels": 3}
    found = student.probe("lesson_09.network", kwargs=kwargs, shapes=[[2, 3, 32, 32]], seed=_seed(rng))
    what = "shape of resnet18(outputs=10, in_channels=3)(x), x of shape (2, 3, 32, 32)"
    expect.equal(found["outputs"][0], [2, 10], what=what)


def _say_names(names: list[str]) -> str:
    return f"{len(names)} names" + (f": {', '.join(names[:6])}" + (", …" if len(names) > 6 else "") if names else "")


def _expect_names(state: list, wanted: dict[str, tuple[int, ...]]) -> None:
    names = [name for name, _ in state]
    absent = [name for name in wanted if name not in names]
    odd = [name for name in names if name not in wanted]
    hint = None
    if all(name.endswith("bias") for name in odd) and not absent:
        hint = "torchvision's convolutions have no bias: the normalization behind each one shifts anyway."
    elif odd and not absent:
        hint = "You have weights that torchvision's network lacks. In which blocks does a shortcut need any?"
    elif not odd:
        hint = "Some of its weights are missing in yours. Which layers hold them?"
    expect.true(
        not absent and not odd,
        f"the {len(wanted)} names of torchvision's state_dict",
        f"lacking {_say_names(absent)}; not known there: {_say_names(odd)}",
        hint=hint,
    )


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
    wanted = state_shapes(outputs=6, in_channels=2)
    x, tile = rng.standard_normal((1, 2, 38, 45)).astype(np.float32), draw_tile(rng)
    kwargs = {"outputs": 6, "in_channels": 2}
    found = student.probe("lesson_09.answer", kwargs=kwargs, x=x, tile=tile, wanted=list(wanted), seed=_seed(rng))
    expect.true(
        found["filled"],
        f"a network of {len(wanted)} weights and statistics, to be filled with known numbers",
        "another number of them",
        "resnet18(outputs=6, in_channels=2)",
    )
    return {**found, "x": x, "tile": tile}


filled_network = Shared("resnet18 filled", _answer)


@resnet18.rung("values", points=5)
def answers_as_torchvision(student: Student, rng: np.random.Generator) -> None:
    """With known weights it gives the answers of torchvision's network."""
    found = filled_network(student, rng)
    weights = weights_of(state_shapes(outputs=6, in_channels=2), found["tile"])
    want = run_network(found["x"], weights)
    got = expect.array(found["output"], shape=(1, 6), kind="torch", what="the answer")
    tolerance = ANSWERS * float(np.abs(want).max())
    hint = None
    if not np.allclose(got, want, rtol=0, atol=tolerance):
        hint = explain(got, found["x"], weights)
    example = f"resnet18(outputs=6, in_channels=2) in eval mode, known weights, x of shape {found['x'].shape}"
    expect.close(got, want, rtol=0, atol=tolerance, what="the answer", example=example, hint=hint)


@resnet18.rung("edge cases", points=2)
def takes_published_weights(student: Student, rng: np.random.Generator) -> None:
    """resnet18(outputs=1000, in_channels=3) has the names and shapes of the published weights."""
    kwargs = {"outputs": 1000, "in_channels": 3}
    state = student.probe("lesson_09.network", kwargs=kwargs, shapes=[], seed=_seed(rng))["state"]
    wanted = state_shapes(**kwargs)
    _expect_names(state, wanted)
    for name, shape in state:
        expect.equal(list(shape), list(wanted[name]), what=f"shape of {name}, 1000 outputs and 3 channels")


@resnet18.rung("gradients", points=2)
def trains_every_weight(student: Student, rng: np.random.Generator) -> None:
    """Every parameter gets a gradient."""
    found = filled_network(student, rng)
    for kind, names in (("no gradient", found["without_grad"]), ("requires_grad False", found["frozen"])):
        expect.true(not names, "a gradient for every parameter", f"{kind} for {', '.join(names[:4])}")


def _mean_mistakes(pred: np.ndarray, target: np.ndarray) -> list[tuple[object, str]]:
    errors = pred.astype(float) - target.astype(float)
    return [
        ((errors**2).mean(), "That is the mean squared error."),
        (np.sqrt((errors**2).mean()), "That is the root of the mean squared error."),
        (errors.mean(), "Errors to the left and to the right cancel each other. What does 'absolute' say?"),
        (-errors.mean(), "Errors to the left and to the right cancel each other. What does 'absolute' say?"),
        (np.linalg.norm(errors, axis=-1).mean(), "That is the mean distance of points; x and y count one by one here."),
        (np.abs(errors).sum(axis=-1).mean(), "You divided by the number of points; each has two coordinates."),
        (np.abs(errors).sum(), "The sum, not the mean."),
        (np.median(np.abs(errors)), "That is the median."),
        (np.abs(errors).sum() / len(errors), "You divided by the number of faces; each has many coordinates."),
    ]


def _expect_error(student: Student, pred: np.ndarray, target: np.ndarray, example: str) -> None:
    got = expect.number(student.call("mean_absolute_error", pred, target), "mean_absolute_error(...)")
    want = float(np.abs(pred.astype(float) - target.astype(float)).mean())
    hint = hint_for(got, _mean_mistakes(pred, target), rtol=1e-4)
    expect.close(got, want, rtol=1e-4, what="mean_absolute_error(...)", example=example, hint=hint)


@mean_absolute_error.rung("type", points=1, gate=True)
def is_a_float(student: Student, rng: np.random.Generator) -> None:
    """The answer is one number, a float."""
    pred, target = rng.uniform(0, 200, (2, 3, 68, 2)).astype(np.float32)
    expect.number(student.call("mean_absolute_error", pred, target), "mean_absolute_error(...)")


@mean_absolute_error.rung("values", points=3)
def averages_absolute_errors(student: Student, rng: np.random.Generator) -> None:
    """Errors count without their sign, each coordinate once."""
    target = np.array([[[10.0, 20.0], [30.0, 40.0], [50.0, 60.0]]], np.float32)
    # One number for each way to average: no two of them give the same.
    pred = target + np.array([[[-3.0, 4.0], [0.0, 0.0], [0.0, 1.0]]], np.float32)
    _expect_error(
        student, pred, target, "three points; the first is off by 3 to the left and 4 down, the last by 1 down"
    )
    pred, target = rng.uniform(0, 200, (2, 5, 68, 2)).astype(np.float32)
    _expect_error(student, pred, target, "5 faces of 68 points")


@mean_absolute_error.rung("edge cases", points=1)
def takes_any_shape(student: Student, rng: np.random.Generator) -> None:
    """One face alone, rows of 136 numbers, no error at all, many faces."""
    for shape in ((68, 2), (7, 136), (4000, 68, 2)):
        pred, target = rng.uniform(0, 900, (2, *shape)).astype(np.float32)
        _expect_error(student, pred, target, f"arrays of shape {shape}")
    _expect_error(student, target, target, "prediction and truth are the same")


@mean_absolute_error.rung("edge cases", points=1)
def refuses_other_shapes(student: Student, rng: np.random.Generator) -> None:
    """Arrays of different shapes raise ValueError, also where NumPy would stretch one of them."""
    for one, other in (((4, 68, 2), (68, 2)), ((4, 68, 2), (4, 136)), ((4, 1), (4,)), ((3, 68, 2), (4, 68, 2))):
        pred, target = rng.uniform(0, 200, one), rng.uniform(0, 200, other)
        hint = "NumPy stretches a face over many, or a column over a table, without a word. Compare the shapes first."
        expect.raises(
            student, ValueError, "mean_absolute_error", pred, target, example=f"shapes {one} and {other}", hint=hint
        )
