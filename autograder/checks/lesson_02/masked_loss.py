"""Checks of MSELossIgnoreNan: its value over finite targets, its gradient, and a batch without labels."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograder.checks.common.small_examples import expect_numbers
from autograder.ladder import expect
from autograder.ladder.form import Answers, Kept, form, kept
from autograder.ladder.ladder import Ladder
from autograder.ladder.student import Student
from autograder.worker.plain import TensorValue, type_name

NAN, INF = np.nan, np.inf
# A float32 sum of a few hundred squares, added up in any order, is off by less than this.
FLOAT32 = 1e-4
CALL = "MSELossIgnoreNan()(pred, target)"
LOSS_HINT = "Write down which targets are finite, their squared errors, and how many there are."

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


def _number(value: Any, what: str) -> float:
    """Return the one number of a loss; that it is no tensor, or has an axis, costs the rungs of form alone."""
    array = value.array if isinstance(value, TensorValue) else value
    if isinstance(array, np.ndarray) and array.size == 1:
        array = array.reshape(())
    elif isinstance(value, TensorValue):
        raise expect.Mismatch(f"{what}: shape ()", f"shape {value.array.shape}")
    elif isinstance(array, np.ndarray) or type(array) not in (int, float):
        raise expect.Mismatch(f"{what}: a torch.Tensor", f"{type_name(value)}: {expect.show(value)}")
    if isinstance(array, np.ndarray) and array.dtype.kind not in "biuf":
        raise expect.Mismatch(f"{what}: a real number", f"{type_name(value)} of dtype {array.dtype}")
    return float(array)


def _expect_loss(student: Student, pred: np.ndarray, target: np.ndarray, example: str | None) -> None:
    got = _number(_value(student, pred, target), CALL)
    expect.close(got, _loss(pred, target), rtol=FLOAT32, what=CALL, example=example, hint=LOSS_HINT)


@masked_loss.rung("type", points=1)
def loss_is_a_module(student: Student, rng: np.random.Generator) -> None:
    """It is an nn.Module whose forward(pred, target) returns a tensor."""
    pred, target = _draw(rng, 4, 6)
    answer = student.probe("lesson_02.masked_loss", pred=pred, target=target)
    hint = "Keep the line: class MSELossIgnoreNan(nn.Module):"
    expect.true(answer["is_module"], "MSELossIgnoreNan() is an nn.Module", "something else", hint=hint)
    expect.array(answer["value"], kind="torch", what=CALL)


@form(masked_loss, "shape", points=1, of="torch", shape=())
def loss_is_a_scalar(student: Student, rng: np.random.Generator) -> Answers:
    """The loss is one number: a tensor of shape ()."""
    yield CALL, _value(student, *_draw(rng, 4, 6))


@masked_loss.rung("values", points=5)
def loss_averages_over_finite_targets(student: Student, rng: np.random.Generator) -> None:
    """The squared error is averaged over the finite targets alone."""
    # Small, and yet every mistake that is looked for comes out as another pair of numbers.
    pairs = [
        ([[6, 6, 6, 6], [1, 2, 3, 5]], [[5, NAN, 8, NAN], [3, 4, 3, 2]]),
        ([[1, 2], [3, 4], [5, 6]], [[3, NAN], [NAN, NAN], [4, 9]]),
    ]
    arrays = [(np.array(pred, np.float32), np.array(target, np.float32)) for pred, target in pairs]
    got = [_number(_value(student, *pair), CALL) for pair in arrays]
    examples = [f"pred {pred}, target {target}" for pred, target in pairs]
    expect_numbers(got, [_loss(*pair) for pair in arrays], CALL, examples, FLOAT32, LOSS_HINT)
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
    expect.array(answer["value"], kind="torch", what=CALL)
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
    pred, target = np.array([[6, 6, 6]], np.float32), np.array([[5, NAN, 8]], np.float32)
    small = pred, target, "pred [[6, 6, 6]], target [[5, nan, 8]]"
    for pred, target, example in (small, (*_draw(rng, 8, 30), None), (*_draw(rng, 16, 4), None)):
        gradient = _gradient(student, pred, target, example)
        # A loss that has nothing to do with pred has no gradient anywhere, and so none at masked entries.
        moved = bool(np.any(gradient[np.isfinite(target)]))
        expect.true(moved, "pred.grad: other than 0 at labeled entries", "0 everywhere", example, hint)
        masked = gradient[np.isnan(target)]
        expect.close(masked, np.zeros(masked.shape), 0, 0, "pred.grad at the masked entries", example, hint)


@masked_loss.rung("gradients", points=3)
def gradient_is_right_at_labels(student: Student, rng: np.random.Generator) -> None:
    """Where there is a label, the gradient is that of the mean squared error."""
    for shape in ((3, 4), (16, 30)):
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
    labeled = _number(_value(student, *_draw(rng, 4, 6)), CALL)
    expect.true(labeled != 0, "the loss of a batch with labels: not 0", "0", hint=LOSS_HINT)
    for shape in ((1, 3), (4, 30)):
        pred, target = rng.uniform(0, 96, shape).astype(np.float32), np.full(shape, NAN, np.float32)
        answer = student.probe("lesson_02.masked_gradient", pred=pred, target=target)
        example = f"target of shape {shape}, all NaN"
        number = isinstance(answer["value"], int | float)
        got = f"a Python number: {answer['value']}"
        expect.true(not number, "the loss: a torch.Tensor", got, example, hint)
        value = _number(answer["value"], "the loss")
        expect.close(value, 0.0, what="the loss", example=example, hint=hint)
        expect.true(answer["error"] is None, "backward() works", str(answer["error"]), example, hint)
        if answer["gradient"] is not None:
            expect.close(answer["gradient"].array, np.zeros(shape), 0, 0, "pred.grad", example, hint)


@kept(masked_loss, points=1, hint="The next epoch needs both as they were.")
def loss_leaves_its_inputs_alone(student: Student, rng: np.random.Generator) -> Kept:
    """Predictions and targets are the same afterwards, NaN included."""
    pred, target = _draw(rng, 6, 8)
    answer = student.probe("lesson_02.masked_loss", pred=pred, target=target)
    # Who does nothing changes nothing: the call must have measured.
    expect.close(_number(answer["value"], CALL), _loss(pred, target), rtol=FLOAT32, what=CALL, hint=LOSS_HINT)
    yield "target", target, answer["target"]
    yield "pred", pred, answer["pred"]


@masked_loss.rung("edge cases", points=2)
def loss_counts_zero_and_negative(student: Student, rng: np.random.Generator) -> None:
    """A target of 0, or a negative one, is finite like any other."""
    pairs = [
        ([[6, 6, 6], [1, 2, 3]], [[0, NAN, 8], [3, -4, 0]]),
        ([[1, -2], [3, 4]], [[-1, NAN], [NAN, 2]]),
    ]
    arrays = [(np.array(pred, np.float32), np.array(target, np.float32)) for pred, target in pairs]
    got = [_number(_value(student, *pair), CALL) for pair in arrays]
    examples = [f"pred {pred}, target {target}" for pred, target in pairs]
    expect_numbers(got, [_loss(*pair) for pair in arrays], CALL, examples, FLOAT32, LOSS_HINT)
    pred, target = _draw(rng, 12, 20)
    _expect_loss(student, pred - 48, target - 48, None)


@masked_loss.rung("edge cases", points=2)
def loss_leaves_out_infinite(student: Student, rng: np.random.Generator) -> None:
    """An infinite target is no label: it has no part in the mean, and its gradient is 0."""
    hint = "isnan finds NaN alone. What finds everything that is not finite?"
    pred, target = np.array([[6, 6, 6], [1, 2, 3]], np.float32), np.array([[5, INF, 8], [-INF, 4, NAN]], np.float32)
    small = pred, target, "pred [[6, 6, 6], [1, 2, 3]], target [[5, inf, 8], [-inf, 4, nan]]"
    drawn = _draw(rng, 10, 12)
    for infinite in (INF, -INF):
        drawn[1][rng.random(drawn[1].shape) < 0.1] = infinite
    drawn[1][0, 0] = 50
    for pred, target, example in (small, (*drawn, "some targets infinite")):
        got = _number(_value(student, pred, target), CALL)
        expect.close(got, _loss(pred, target), rtol=FLOAT32, what=CALL, example=example, hint=hint)
        masked = _gradient(student, pred, target, example)[~np.isfinite(target)]
        expect.close(masked, np.zeros(masked.shape), 0, 0, "pred.grad where the target is not finite", example, hint)
