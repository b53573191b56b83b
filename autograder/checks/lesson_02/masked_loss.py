"""Checks of MSELossIgnoreNan: its value over finite targets, its gradient, and a batch without labels."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograder.checks.common.recognize import hint_for
from autograder.ladder import expect
from autograder.ladder.ladder import Ladder
from autograder.ladder.student import Student
from autograder.worker.plain import TensorValue

NAN = np.nan
# A float32 sum of a few hundred squares, added up in any order, is off by less than this.
FLOAT32 = 1e-4

TRAP = (
    "The value is free of NaN, and its gradient is not. On the way back, autograd multiplies the 0 that an unused "
    "branch receives with the derivative of that branch, and 0 · NaN is NaN. It is not enough to throw the NaN "
    "away at the end."
)

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


def _loss_mistakes(pred: np.ndarray, target: np.ndarray) -> list[tuple[object, str]]:
    """Return what common mistakes make of the loss; each hint names one."""
    finite = np.isfinite(target)
    error = np.where(finite, pred.astype(float) - np.where(finite, target, 0).astype(float), 0)
    squared, count = error**2, finite.sum()
    from_zero = np.where(finite, error, pred.astype(float)) ** 2
    mistakes: list[tuple[object, str]] = [
        (
            NAN,
            (
                "The loss is NaN: a missing target took part in the arithmetic. A NaN makes NaN of whatever it is added "
                "to or multiplied with, by 0 as well."
            ),
        ),
        (
            from_zero.mean(),
            ("Missing targets became 0, so the loss pulls their predictions into the corner of the picture."),
        ),
        (
            from_zero.sum() / count,
            ("Missing targets became 0, so the loss pulls their predictions into the corner of the picture."),
        ),
        (
            squared.sum() / target.size,
            (
                "The sum was divided by the number of all targets. The missing ones belong "
                "neither into the sum nor into the count."
            ),
        ),
        (squared.sum(), "This is the sum of the squared errors. Divide it by the number of finite targets."),
        (np.sqrt(squared.sum() / count), "This is the root of the mean. The loss is the mean itself."),
        (np.abs(error).sum() / count, "These are absolute errors. The loss squares them."),
        (squared.sum() / count / 2, "The loss is half of what it should be: there is no factor 1/2 here."),
    ]
    if target.ndim > 1:
        rows = len(target)
        by_row = squared.reshape(rows, -1).sum(axis=1)
        labels = finite.reshape(rows, -1).sum(axis=1)
        complete = labels == finite.reshape(rows, -1).shape[1]
        by_column = squared.reshape(rows, -1).sum(axis=0)
        column_labels = finite.reshape(rows, -1).sum(axis=0)
        mistakes += [
            (
                by_row.sum() / rows,
                ("The sum was divided by the number of faces. Divide by the number of finite targets."),
            ),
            (
                np.mean(by_row[labels > 0] / labels[labels > 0]),
                (
                    "This is the mean of the means of each face: a target counts more in a face with few labels. All finite "
                    "targets have the same weight."
                ),
            ),
            (
                np.sum(by_row[labels > 0] / labels[labels > 0]) / rows,
                (
                    "This is the mean of the means of each face: a target counts more in a face with few labels. All finite "
                    "targets have the same weight."
                ),
            ),
            (
                np.mean(by_column[column_labels > 0] / column_labels[column_labels > 0]),
                "This is the mean of the means of each column. All finite targets have the same weight.",
            ),
        ]
        if complete.any():
            mistakes.append(
                (
                    by_row[complete].sum() / labels[complete].sum(),
                    "Only complete rows were used. Each finite target counts, also in a row with gaps.",
                )
            )
    return mistakes


def _expect_loss(student: Student, pred: np.ndarray, target: np.ndarray, example: str | None) -> None:
    got = _value(student, pred, target)
    array = expect.array(got, shape=(), kind="torch", what="MSELossIgnoreNan()(pred, target)")
    hint = hint_for(
        array,
        _loss_mistakes(pred, target),
        "Write down which targets are finite, their squared errors, and how many there are.",
        rtol=FLOAT32,
    )
    expect.close(
        array, _loss(pred, target), rtol=FLOAT32, what="MSELossIgnoreNan()(pred, target)", example=example, hint=hint
    )


@masked_loss.rung("type", points=1, gate=True)
def loss_is_a_module(student: Student, rng: np.random.Generator) -> None:
    """It is an nn.Module whose forward(pred, target) returns a tensor."""
    pred, target = _draw(rng, 4, 6)
    answer = student.probe("lesson_02.masked_loss", pred=pred, target=target)
    expect.true(
        answer["is_module"],
        "MSELossIgnoreNan() is an nn.Module",
        "something else",
        hint="Keep the line: class MSELossIgnoreNan(nn.Module):",
    )
    expect.array(answer["value"], kind="torch", what="MSELossIgnoreNan()(pred, target)")


@masked_loss.rung("shape", points=1, gate=True)
def loss_is_a_scalar(student: Student, rng: np.random.Generator) -> None:
    """The loss is one number: a tensor of shape ()."""
    expect.array(_value(student, *_draw(rng, 4, 6)), shape=(), kind="torch", what="MSELossIgnoreNan()(pred, target)")


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
    expect.true(
        answer["error"] is None,
        "backward() works",
        str(answer["error"]),
        example,
        "Autograd can't follow the loss back to pred. Did the value leave PyTorch on its way, by item(), "
        "detach() or NumPy, or was it put into a new tensor?",
    )
    gradient = answer["gradient"]
    expect.true(
        isinstance(gradient, TensorValue),
        "pred.grad is a tensor",
        expect.show(gradient),
        example,
        "The loss does not depend on pred, as autograd sees it.",
    )
    return gradient.array


@masked_loss.rung("gradients", points=4)
def gradient_is_zero_at_masked_entries(student: Student, rng: np.random.Generator) -> None:
    """The gradient is exactly 0, never NaN, where there is no label."""
    small = (np.array([6, 6, 6], np.float32), np.array([5, NAN, 8], np.float32), "pred [6, 6, 6], target [5, nan, 8]")
    for pred, target, example in (small, (*_draw(rng, 8, 30), None), (*_draw(rng, 5, 15, 2), None)):
        gradient = _gradient(student, pred, target, example)
        masked = gradient[np.isnan(target)]
        hint = TRAP if np.isnan(masked).any() else "A prediction without a label must not be moved, not even a little."
        expect.close(
            masked,
            np.zeros(masked.shape),
            rtol=0,
            atol=0,
            what="pred.grad at the masked entries",
            example=example,
            hint=hint,
        )


@masked_loss.rung("gradients", points=3)
def gradient_is_right_at_labels(student: Student, rng: np.random.Generator) -> None:
    """Where there is a label, the gradient is that of the mean squared error."""
    for shape in ((3, 4), (16, 30), (5, 15, 2)):
        pred, target = _draw(rng, *shape)
        gradient = _gradient(student, pred, target, f"shape {shape}")
        finite = np.isfinite(target)
        want = 2 * (pred[finite].astype(float) - target[finite].astype(float)) / finite.sum()
        expect.close(
            gradient[finite],
            want,
            rtol=FLOAT32,
            atol=1e-6,
            what="pred.grad at the labeled entries",
            example=f"shape {shape}",
            hint="The derivative of the mean over n finite targets is 2 / n · (pred - target).",
        )


@masked_loss.rung("edge cases", points=3)
def loss_is_zero_without_labels(student: Student, rng: np.random.Generator) -> None:
    """Where no target is finite the loss is 0, and backward() works."""
    for shape in ((3,), (4, 30)):
        pred, target = rng.uniform(0, 96, shape).astype(np.float32), np.full(shape, NAN, np.float32)
        answer = student.probe("lesson_02.masked_gradient", pred=pred, target=target)
        example = f"target of shape {shape}, all NaN"
        number = isinstance(answer["value"], int | float)
        expect.true(
            not number,
            "the loss: a torch.Tensor",
            f"a Python number: {answer['value']}",
            example,
            "The training loop calls backward() for every batch, and a number has none.",
        )
        value = expect.array(answer["value"], shape=(), kind="torch", what="the loss")
        expect.close(
            value,
            0.0,
            what="the loss",
            example=example,
            hint="Without any finite target, the mean is 0 / 0, which is NaN. Such a batch happens, and it "
            "has nothing to teach: its loss is 0.",
        )
        expect.true(
            answer["error"] is None,
            "backward() works",
            str(answer["error"]),
            example,
            "The training loop calls backward() for every batch. A 0 that has nothing to do with pred, and "
            "does not require a gradient, cannot be followed back.",
        )
        if answer["gradient"] is not None:
            gradient = answer["gradient"].array
            hint = TRAP if np.isnan(gradient).any() else "A batch without labels must not move the weights."
            expect.close(gradient, np.zeros(shape), rtol=0, atol=0, what="pred.grad", example=example, hint=hint)


@masked_loss.rung("side effects", points=1)
def loss_leaves_its_inputs_alone(student: Student, rng: np.random.Generator) -> None:
    """Predictions and targets are the same afterwards, NaN included."""
    pred, target = _draw(rng, 6, 8)
    answer = student.probe("lesson_02.masked_loss", pred=pred, target=target)
    hint = "The function wrote into its input. In the next epoch, the missing labels would count as real ones."
    expect.close(answer["target"], target, rtol=0, atol=0, what="target afterwards", hint=hint)
    expect.close(answer["pred"], pred, rtol=0, atol=0, what="pred afterwards", hint=hint)
