"""Checks of lesson 05: one epoch of training, against a linear model in NumPy."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np

from autograder.checks.lesson_05 import tasks
from autograder.checks.lesson_05.simulated_training import epoch_loss, sgd_epoch
from autograder.checks.lesson_05.tasks import Task, expect_close
from autograder.ladder import expect
from autograder.ladder.ladder import Ladder
from autograder.ladder.student import Student

train_one_epoch = Ladder("train_one_epoch")

# Each mistaken step or average of these batches comes to another number than every other.
STEPS_BY_HAND = [[[4.0], [6.0]], [[math.nan], [7.0]], [[1.0]]]
STEPS_EXAMPLE = (
    f"images of one pixel, 1; a model w · pixel + b, where w = b = 0; SGD with rate 0.1; three batches, whose targets "
    f"are {tasks.say_batches(STEPS_BY_HAND)}"
)


def _train(
    student: Student, task: Task, training: bool = True, lr: float = 0.05, norm: dict[str, Any] | None = None
) -> dict[str, Any]:
    return student.probe("lesson_05.train", task=task.inputs(), lr=lr, training=training, norm=norm)


@train_one_epoch.rung("type", points=1)
def returns_a_float(student: Student, rng: np.random.Generator) -> None:
    """The answer is one number, a float."""
    tasks.expect_float(_train(student, tasks.draw_task(rng))["value"], "train_one_epoch(...)")


def _expect_steps(student: Student, task: Task, lr: float, example: str) -> None:
    answer = _train(student, task, lr=lr)
    _, want = sgd_epoch(task.model, task.batches, lr)
    hint = (
        "Go through one batch: which call clears the gradients, which computes them, which uses them, how often each?"
    )
    if np.array_equal(answer["weight"], task.model.weight):
        counts = f"gradients were computed {answer['backward']} times, step() was called {answer['steps']} times"
        # Also where there is a step for each backward(): it came first, and found nothing.
        if answer["backward"] and answer["too_early"]:
            counts += f", {answer['too_early']} times before the backward() of its batch"
        moved = f"weights that moved {len(task.batches)} times"
        raise expect.Mismatch(moved, f"the weights as they were: {counts}", example, hint)
    for name, got, wanted in (("weights", answer["weight"], want.weight), ("bias", answer["bias"], want.bias)):
        # A single number is shown without its place.
        what = f"the {name} after the epoch"
        expect_close(np.squeeze(got), np.squeeze(wanted), what=what, example=example, hint=hint)


@train_one_epoch.rung("values", points=3)
def steps_once_a_batch(student: Student, rng: np.random.Generator) -> None:
    """Every batch makes one gradient step, from the gradient of that batch alone."""
    _expect_steps(student, tasks.by_hand(STEPS_BY_HAND, says=0), 0.1, STEPS_EXAMPLE)
    task, lr = tasks.draw_task(rng), 0.05
    sizes = [len(rows) for rows, _ in task.batches]
    _expect_steps(student, task, lr, f"a linear model, SGD with rate {lr}, batches of {sizes} faces")


def _labeled(task: Task, rng: np.random.Generator) -> Task:
    """Return the task with a label for every coordinate."""
    return replace(task, targets=rng.normal(0, 2, task.targets.shape).astype(np.float32))


@train_one_epoch.rung("values", points=1)
def steps_where_all_is_labeled(student: Student, rng: np.random.Generator) -> None:
    """The same where no label is missing and no batch is smaller than the others."""
    task = replace(_labeled(tasks.draw_task(rng), rng), batch_size=4)
    _expect_steps(student, task, 0.05, "a linear model, SGD with rate 0.05, no label missing, batches of [4, 4] faces")


def _expect_epoch_loss(answer: dict[str, Any], task: Task, lr: float, example: str, hint: str) -> None:
    want = epoch_loss(sgd_epoch(task.model, task.batches, lr)[0])
    value = tasks.as_number(answer["value"], "train_one_epoch(...)")
    expect_close(value, want, what="the loss of the epoch", example=example, hint=hint)


def _expect_losses(student: Student, rng: np.random.Generator, rates: tuple[float, float], hint: str) -> None:
    """Expect the loss of an epoch by hand and of one that is drawn, each at its learning rate."""
    by_hand = (tasks.by_hand(STEPS_BY_HAND, says=0), STEPS_EXAMPLE.replace("rate 0.1", f"rate {rates[0]:g}"))
    drawn = (tasks.draw_task(rng), f"a linear model, SGD with rate {rates[1]:g}")
    for (task, example), lr in zip((by_hand, drawn), rates, strict=True):
        example = f"{example}; {tasks.say_steps(sgd_epoch(task.model, task.batches, lr)[0])}"
        _expect_epoch_loss(_train(student, task, lr=lr), task, lr, example, hint)


@train_one_epoch.rung("values", points=2)
def every_label_counts_once(student: Student, rng: np.random.Generator) -> None:
    """The squared error per labeled coordinate over the epoch, at a learning rate of 0: whatever the steps are."""
    hint = "How much may each batch count, when every labeled coordinate of the epoch counts the same?"
    _expect_losses(student, rng, (0.0, 0.0), hint)


@train_one_epoch.rung("values", points=2)
def loss_of_the_epoch(student: Student, rng: np.random.Generator) -> None:
    """The same while the model learns, each batch's error before its own step and after those before it."""
    hint = "When is a batch measured, before its step or after it? And does each batch see the steps of those before?"
    _expect_losses(student, rng, (0.1, 0.05), hint)


@train_one_epoch.rung("edge cases", points=2)
def batch_without_labels(student: Student, rng: np.random.Generator) -> None:
    """A batch without a single label changes neither the weights nor the loss."""
    task, lr = tasks.draw_task(rng, empty_batch=True), 0.05
    answer = _train(student, task, lr=lr)
    _, want = sgd_epoch(task.model, task.batches, lr)
    example = "the second of three batches has no label"
    hint = "How many labels does this batch add to the epoch, and how much squared error?"
    expect_close(answer["weight"], want.weight, what="the weights after the epoch", example=example, hint=hint)
    _expect_epoch_loss(answer, task, lr, example, hint)


@train_one_epoch.rung("edge cases", points=1)
def nan_where_nothing_is_labeled(student: Student, rng: np.random.Generator) -> None:
    """Of a loader without a single label nothing can be said or learned: NaN, and the weights stay."""
    task = tasks.draw_task(rng)
    task = replace(task, targets=np.full_like(task.targets, np.nan))
    answer = tasks.expect_nan(lambda: _train(student, task), "train_one_epoch(...)")
    example = "a loader in which no coordinate is labeled"
    expect_close(answer["weight"], task.model.weight, what="the weights after the epoch", example=example)


# What batch normalization takes of each batch into its running statistics.
MOMENTUM = 0.1


def _statistics(task: Task, norm: dict[str, Any], looks: int) -> np.ndarray:
    """Return the running mean and variance after an epoch in train mode that looks so many times at each batch."""
    mean, var = norm["mean"].astype(float), norm["var"].astype(float)
    for images, _ in task.batches:
        outputs = task.model.predict(images)
        for _ in range(looks):
            mean = (1 - MOMENTUM) * mean + MOMENTUM * outputs.mean(axis=0)
            var = (1 - MOMENTUM) * var + MOMENTUM * outputs.var(axis=0, ddof=1)
    return np.stack([mean, var])


@train_one_epoch.rung("side effects", points=2)
def trains_in_train_mode(student: Student, rng: np.random.Generator) -> None:
    """The model is in train mode while it learns, also when it came in eval mode."""
    wrong = []
    for training, came in ((False, "eval mode"), (True, "train mode")):
        # What becomes of missing labels is another rung's.
        task = _labeled(tasks.draw_task(rng), rng)
        norm = {"mean": rng.normal(0, 1, 4).astype(np.float32), "var": rng.uniform(0.5, 2, 4).astype(np.float32)}
        # At rate 0 the weights stay, so that the running statistics are known: those of train mode alone move.
        answer = _train(student, task, training, lr=0.0, norm=norm)
        got = np.stack([np.asarray(answer["mean"], float), np.asarray(answer["var"], float)])
        # Whoever predicts once more, for the errors, shows each batch twice.
        if not any(np.allclose(got, _statistics(task, norm, looks), rtol=1e-4, atol=1e-5) for looks in (1, 2, 3)):
            wrong.append(came)
    hint = "Whoever evaluated last may have left the model in eval mode; then batch normalization does not learn."
    words = "eval mode for a model that came in " + " and for one that came in ".join(wrong)
    expect.true(not wrong, "train mode at every step", words, hint=hint)
