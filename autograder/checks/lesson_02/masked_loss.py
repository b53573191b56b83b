"""Checks of MSELossIgnoreNan: its value over finite targets, its gradient, and a batch without labels."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograder.ladder import expect
from autograder.ladder.form import Answers, Kept, form, kept
from autograder.ladder.ladder import Ladder
from autograder.ladder.student import Student
from autograder.worker.plain import TensorValue

NAN = np.nan
# A float32 sum of a few hundred squares, added up in any order, is off by less than this.
FLOAT32 = 1e-4
CALL = "MSELossIgnoreNan()(pred, target)"

masked_loss = Ladder("MSELossIgnoreNan")


def _draw(rng: np.random.Generator, *shape: int, missing: float = 0.4) -> tuple[np.ndarray, np.ndarray]:
    """Return float32 predictions and targets; about ``missing`` of the targets NaN, at least one of them not."""
    target = rng.uniform(20, 76, shape)
    pred = target + rng.normal(0, 4, shape)
    keep = rng.integers(target.size)
    gone = rng.random(target.size) < missing
    gone[keep] = False
    target.reshape(-1)[gone] = NAN
    return pred.astype(np.float32), target.astype(np.float32)


def _loss(pred: np.ndarray, target: np.ndarray) -> float:
    finite = np.isfinite(target)
    error = pred[finite].astype(float) - target[finite].astype(float)
    return float(np.sum(error**2) / max(finite.sum(), 1))


def _value(student: Student, pred: np.ndarray, target: np.ndarray) -> Any:
    return student.probe("lesson_02.masked_loss", pred=pred, target=target)["value"]


def _expect_loss(student: Student, pred: np.ndarray, target: np.ndarray, example: str | None) -> None:
    array = expect.array(_value(student, pred, target), shape=(), kind="torch", what=CALL)
    hint = "Write down which targets are finite, their squared errors, and how many there are."
    expect.close(array, _loss(pred, target), rtol=FLOAT32, what=CALL, example=example, hint=hint)


@masked_loss.rung("type", points=1, gate=True)
def loss_is_a_module(student: Student, rng: np.random.Generator) -> None:
    """It is an nn.Module whose forward(pred, target) returns a tensor."""
    pred, target = _draw(rng, 4, 6)
    answer = student.probe("lesson_02.masked_loss", pred=pred, target=target)
    hint = "Keep the line: class MSELossIgnoreNan(nn.Module):"
    expect.true(answer["is_module"], "MSELossIgnoreNan() is an nn.Module", "something else", hint=hint)
    expect.array(answer["value"], kind="torch", what=CALL)


@form(masked_loss, "shape", points=1, gate=True, of="torch", shape=())
def loss_is_a_scalar(student: Student, rng: np.random.Generator) -> Answers:
    """The loss is one number: a tensor of shape ()."""
    yield CALL, _value(student, *_draw(rng, 4, 6))


@masked_loss.rung("values", points=5)
def loss_averages_over_finite_targets(student: Student, rng: np.random.Generator) -> None:
    """The squared error is averaged over the finite targets alone."""
    # Small, and yet every mistake that is looked for comes out as another number.
    _expect_loss(
        student,
        np.array([[6, 6, 6], [1, 2, 3]], np.float32),
        np.array([[5, NAN, 8], [3, 4, 3]], np.float32),
        "pred [[6, 6, 6], [1, 2, 3]], target [[5, nan, 8], [3, 4, 3]]",
    )
    _expect_loss(
        student,
        np.array([[1, 2], [3, 4], [5, 6]], np.float32),
        np.array([[3, NAN], [NAN, NAN], [4, 9]], np.float32),
        "pred [[1, 2], [3, 4], [5, 6]], target [[3, nan], [nan, nan], [4, 9]]",
    )
    _expect_loss(student, *_draw(rng, 16, 30), None)


@masked_loss.rung("values", points=2)
def loss_takes_any_shape(student: Student, rng: np.random.Generator) -> None:
    """Any equal shapes will do, with gaps or without."""
    for shape in ((7,), (5, 4, 2), (2, 3, 2, 2), (1, 1)):
        for missing in (0.0, 0.4):
            pred, target = _draw(rng, *shape, missing=missing)
            _expect_loss(student, pred, target, f"shape {shape}, {np.isnan(target).sum()} targets NaN")


def _gradient(student: Student, pred: np.ndarray, target: np.ndarray, example: str | None) -> np.ndarray:
    answer = student.probe("lesson_02.masked_gradient", pred=pred, target=target)
    hint = "Follow the loss back to pred, step by step: autograd must know each of them."
    expect.true(answer["error"] is None, "backward() works", str(answer["error"]), example, hint)
    gradient = answer["gradient"]
    known = isinstance(gradient, TensorValue)
    expect.true(known, "pred.grad is a tensor", expect.show(gradient), example, hint)
    return gradient.array


@masked_loss.rung("gradients", points=4)
def gradient_is_zero_at_masked_entries(student: Student, rng: np.random.Generator) -> None:
    """The gradient is exactly 0, never NaN, where there is no label."""
    hint = "A prediction without a label must not be moved: keep it out of the arithmetic from the start."
    small = (np.array([6, 6, 6], np.float32), np.array([5, NAN, 8], np.float32), "pred [6, 6, 6], target [5, nan, 8]")
    for pred, target, example in (small, (*_draw(rng, 8, 30), None), (*_draw(rng, 5, 15, 2), None)):
        masked = _gradient(student, pred, target, example)[np.isnan(target)]
        expect.close(masked, np.zeros(masked.shape), 0, 0, "pred.grad at the masked entries", example, hint)


@masked_loss.rung("gradients", points=3)
def gradient_is_right_at_labels(student: Student, rng: np.random.Generator) -> None:
    """Where there is a label, the gradient is that of the mean squared error."""
    for shape in ((3, 4), (16, 30), (5, 15, 2)):
        pred, target = _draw(rng, *shape)
        gradient = _gradient(student, pred, target, f"shape {shape}")
        finite = np.isfinite(target)
        want = 2 * (pred[finite].astype(float) - target[finite].astype(float)) / finite.sum()
        hint = "The derivative of the mean over n finite targets is 2 / n · (pred - target)."
        what = "pred.grad at the labeled entries"
        expect.close(gradient[finite], want, FLOAT32, 1e-6, what, f"shape {shape}", hint)


@masked_loss.rung("edge cases", points=3)
def loss_is_zero_without_labels(student: Student, rng: np.random.Generator) -> None:
    """Where no target is finite the loss is 0, and backward() works."""
    hint = "Such a batch happens, and has nothing to teach: its loss is a tensor, 0, that backward() can start from."
    for shape in ((3,), (4, 30)):
        pred, target = rng.uniform(0, 96, shape).astype(np.float32), np.full(shape, NAN, np.float32)
        answer = student.probe("lesson_02.masked_gradient", pred=pred, target=target)
        example = f"target of shape {shape}, all NaN"
        number = isinstance(answer["value"], int | float)
        got = f"a Python number: {answer['value']}"
        expect.true(not number, "the loss: a torch.Tensor", got, example, hint)
        value = expect.array(answer["value"], shape=(), kind="torch", what="the loss")
        expect.close(value, 0.0, what="the loss", example=example, hint=hint)
        expect.true(answer["error"] is None, "backward() works", str(answer["error"]), example, hint)
        if answer["gradient"] is not None:
            expect.close(answer["gradient"].array, np.zeros(shape), 0, 0, "pred.grad", example, hint)


@kept(masked_loss, points=1, hint="The next epoch needs both as they were.")
def loss_leaves_its_inputs_alone(student: Student, rng: np.random.Generator) -> Kept:
    """Predictions and targets are the same afterwards, NaN included."""
    pred, target = _draw(rng, 6, 8)
    answer = student.probe("lesson_02.masked_loss", pred=pred, target=target)
    yield "target", target, answer["target"]
    yield "pred", pred, answer["pred"]
