"""Checks of lesson 07: train_with_curve, beside Adam on a linear model in NumPy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from autograder.checks.common.linear_training import Linear, batches, gradients
from autograder.checks.common.shared import Shared
from autograder.ladder import expect
from autograder.ladder.form import Answers, form
from autograder.ladder.ladder import Ladder
from autograder.ladder.student import Student

train_with_curve = Ladder("train_with_curve")

CURVES = ("step", "train_mse", "val_step", "val_mse")
# float32 beside float64 over some ten steps of Adam.
RTOL, ATOL = 1e-4, 1e-5


@dataclass(frozen=True)
class Task:
    """Small images and targets to train and validate on, and the linear model to start from."""

    images: np.ndarray
    targets: np.ndarray
    batch_size: int
    val_images: np.ndarray
    val_targets: np.ndarray
    val_batch_size: int
    model: Linear
    epochs: int
    lr: float

    def ask(self, student: Student, training: bool = True) -> dict[str, Any]:
        """Let the student do it."""
        model = {"weight": self.model.weight, "bias": self.model.bias, "training": training}
        names = ("images", "targets", "batch_size", "val_images", "val_targets", "val_batch_size", "epochs", "lr")
        return student.probe("lesson_07.train", **{name: getattr(self, name) for name in names}, **model)

    @property
    def example(self) -> str:
        """What the student reads of the task."""
        return (
            f"a linear model, {len(self.images)} training images in batches of {self.batch_size}, "
            f"{len(self.val_images)} validation images in batches of {self.val_batch_size}, {self.epochs} epochs, "
            f"lr {self.lr:g}"
        )


@dataclass(frozen=True)
class Curve:
    """A simulated training: both curves, and the model at the end."""

    train_mse: list[float]
    val_mse: list[float]
    model: Linear


def simulate(task: Task) -> Curve:
    """Return the training as Adam does it, with the betas and the epsilon that PyTorch gives it."""
    model, count = task.model, 0
    train_mse: list[float] = []
    val_mse: list[float] = []
    moments = {name: [np.zeros(1), np.zeros(1)] for name in ("weight", "bias")}
    for _ in range(task.epochs):
        for images, targets in batches(task.images, task.targets, task.batch_size):
            step, slope = gradients(model, images, targets)
            train_mse.append(step.squared_error / step.labeled)
            count += 1
            values = {}
            for name, moment in moments.items():
                gradient = getattr(slope, name)
                moment[0] = 0.9 * moment[0] + 0.1 * gradient
                moment[1] = 0.999 * moment[1] + 0.001 * gradient**2
                first, second = moment[0] / (1 - 0.9**count), moment[1] / (1 - 0.999**count)
                values[name] = getattr(model, name) - task.lr * first / (np.sqrt(second) + 1e-8)
            model = Linear(**values)
        val_mse.append(float(np.mean((model.predict(task.val_images) - task.val_targets) ** 2)))
    return Curve(train_mse, val_mse, model)


def draw_task(rng: np.random.Generator, val_count: int = 6, epochs: int = 3) -> Task:
    """Draw a task; ``val_count`` images in batches of 3, the last of them far off."""
    while True:
        truth = rng.normal(0, 1, (2, 9))
        images, val_images = (rng.random((count, 1, 3, 3), dtype=np.float32) for count in (7, val_count))
        targets, val_targets = (
            (rows.reshape(len(rows), 9) @ truth.T + rng.normal(0, 0.5, (len(rows), 2))).astype(np.float32)
            for rows in (images, val_images)
        )
        val_targets[-1] += 4
        model = Linear(rng.normal(0, 0.3, (2, 9)).astype(np.float32), rng.normal(0, 0.3, 2).astype(np.float32))
        lr = round(float(rng.uniform(0.02, 0.06)), 3)
        task = Task(images, targets, 3, val_images, val_targets, 3, model, epochs, lr)
        _, slope = gradients(model, images[:3], targets[:3])
        # Adam's first step follows the sign of the gradient alone, which float32 can't settle near 0.
        if min(np.abs(slope.weight).min(), np.abs(slope.bias).min()) > 1e-3:
            return task


def _curve(answer: dict[str, Any]) -> dict[str, list]:
    hint = "End with `return` and the dict."
    expect.true(answer["type"] == "dict", "a dict of four lists", f"a {answer['type']}", hint=hint)
    found = answer["curve"]
    missing = [key for key in CURVES if key not in found]
    expected = f"lists under {', '.join(CURVES)}"
    kinds = [f"{key}: {answer['types'].get(key, 'missing')}" for key in missing]
    expect.true(not missing, expected, ", ".join(kinds), f"the keys are {', '.join(answer['keys']) or 'none'}")
    return found


def _ask(student: Student, rng: np.random.Generator) -> tuple[Task, dict[str, Any]]:
    task = draw_task(rng)
    return task, task.ask(student)


_asked = Shared("train_with_curve", _ask)


@form(train_with_curve, "type", points=1, gate=True, of="number")
def returns_four_lists(student: Student, rng: np.random.Generator) -> Answers:
    """The answer is a dict of four lists of plain numbers."""
    _, answer = _asked(student, rng)
    # A NumPy number, or one element of an array, will do; a tensor drags its graph along.
    yield from ((f"an entry of {key}", value) for key, values in _curve(answer).items() for value in values)


@train_with_curve.rung("shape", points=2)
def one_entry_a_step_and_an_epoch(student: Student, rng: np.random.Generator) -> None:
    """One entry for each step, one for each validation."""
    short = draw_task(rng, epochs=1)
    for epochs, (task, answer) in ((3, _asked(student, rng)), (1, (short, short.ask(student)))):
        got = {key: len(values) for key, values in _curve(answer).items()}
        want = {"step": 3 * epochs, "train_mse": 3 * epochs, "val_step": epochs, "val_mse": epochs}
        text = ", ".join(f"{count} in {key}" for key, count in want.items())
        came = ", ".join(f"{got[key]} in {key}" for key in want)
        hint = "A step is noted in the loop over batches, a validation in the loop over epochs, behind the batches."
        expect.true(got == want, f"entries: {text}", f"entries: {came}", task.example, hint)


@train_with_curve.rung("values", points=2)
def counts_the_steps(student: Student, rng: np.random.Generator) -> None:
    """Steps are counted from 1 over all epochs; val_step says how many were taken by then."""
    task, answer = _asked(student, rng)
    curve = _curve(answer)
    hint = "Count gradient steps on paper, over all epochs. How many were taken when a validation comes?"
    for key, want in (("step", list(range(1, 10))), ("val_step", [3, 6, 9])):
        expect.close(curve[key], want, what=key, example=task.example, hint=hint)


@train_with_curve.rung("values", points=4)
def error_of_every_step(student: Student, rng: np.random.Generator) -> None:
    """train_mse is the mean squared error of each batch before its step, under Adam."""
    task, answer = _asked(student, rng)
    got, want = _curve(answer)["train_mse"], simulate(task).train_mse
    hint = "Other steps were taken, or other errors noted: optimizer, rate, loss, order within a step."
    expect.close(got, want, rtol=RTOL, atol=ATOL, what="train_mse", example=task.example, hint=hint)


def _expect_validation(task: Task, answer: dict[str, Any]) -> None:
    got, want = _curve(answer)["val_mse"], simulate(task).val_mse
    hint = "Add up squared errors over all validation batches, add up coordinates, divide once."
    expect.close(got, want, rtol=RTOL, atol=ATOL, what="val_mse", example=task.example, hint=hint)


@train_with_curve.rung("values", points=3)
def error_of_every_epoch(student: Student, rng: np.random.Generator) -> None:
    """val_mse is the mean squared error over all validation images after each epoch."""
    _expect_validation(*_asked(student, rng))


@train_with_curve.rung("edge cases", points=2)
def smaller_last_batch(student: Student, rng: np.random.Generator) -> None:
    """A smaller last validation batch counts by its images."""
    task = draw_task(rng, val_count=7)
    _expect_validation(task, task.ask(student))


@train_with_curve.rung("values", points=2)
def trains_the_model_in_place(student: Student, rng: np.random.Generator) -> None:
    """The model ends with the weights of the last step."""
    task, answer = _asked(student, rng)
    want = simulate(task).model
    hint = "The model itself is to learn, not a copy of it, and every noted step is one that it took."
    for name in ("weight", "bias"):
        what, right = f"the model's {name} afterwards", getattr(want, name)
        expect.close(answer[name], right, rtol=RTOL, atol=ATOL, what=what, example=task.example, hint=hint)


@train_with_curve.rung("side effects", points=2)
def learns_in_train_mode(student: Student, rng: np.random.Generator) -> None:
    """Every step is taken in train mode, also for a model that comes in eval mode, and after each validation."""
    for training in (True, False):
        task = draw_task(rng)
        seen = task.ask(student, training)["seen"]["training"]
        wrong = sum(not mode for mode, gradients in seen if gradients)
        hint = "Whoever validates puts the model into eval mode. Who puts it back before the next epoch?"
        came = "train" if training else "eval"
        got = "eval mode in some steps" if wrong < len(seen) else "eval mode in every step"
        expect.true(wrong == 0, "train mode in every step", got, f"a model that comes in {came} mode; 3 epochs", hint)


@train_with_curve.rung("side effects", points=2)
def measures_in_eval_mode(student: Student, rng: np.random.Generator) -> None:
    """Validation happens in eval mode and without gradients."""
    _, answer = _asked(student, rng)
    seen = answer["seen"]["validation"]
    expect.true(bool(seen), "validation images that are looked at", "none")
    hint = (
        "Dropout and batch normalization behave differently in training. Which mode is the model in while you measure?"
    )
    expect.true(not any(mode for mode, _ in seen), "eval mode while it is measured", "train mode", hint=hint)
    hint = "Nobody needs the graph of a validation; it costs memory and time."
    expect.true(not any(on for _, on in seen), "no gradients while it is measured", "gradients", hint=hint)
