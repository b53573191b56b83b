"""Checks of lesson 05: one epoch of training, against a linear model in NumPy."""

from __future__ import annotations

import math

import numpy as np

from autograder.checks.common import linear_training as linear
from autograder.checks.common.recognize import hint_for
from autograder.checks.lesson_05.epoch_tasks import (
    TOLERANCE,
    Task,
    as_number,
    by_hand,
    draw_task,
    loss_mistakes,
    say_batches,
    say_steps,
)
from autograder.ladder import expect
from autograder.ladder.ladder import Ladder
from autograder.ladder.student import Student
from autograder.worker.plain import TensorValue

train_one_epoch = Ladder("train_one_epoch")

# Each mistaken step or average of these batches comes to another number than every other.
STEPS_BY_HAND = [[[4.0], [6.0]], [[math.nan], [7.0]], [[1.0]]]
STEPS_EXAMPLE = (
    f"images of one pixel, 1; a model w · pixel + b, where w = b = 0; SGD with rate 0.1; three batches, whose targets "
    f"are {say_batches(STEPS_BY_HAND)}"
)


def _train(student: Student, task: Task, training: bool, lr: float = 0.05) -> dict:
    return student.probe("lesson_05.train", **task.inputs(), lr=lr, training=training)


@train_one_epoch.rung("type", points=1, gate=True)
def returns_a_float(student: Student, rng: np.random.Generator) -> None:
    """The answer is one number, a float."""
    answer = _train(student, draw_task(rng), training=True)
    hint = "The loss is a tensor that drags its graph along; item() takes the number out."
    tensor = isinstance(answer["value"], TensorValue)
    expect.true(not tensor, "a float", "a torch.Tensor", hint=hint)
    expect.number(answer["value"], "train_one_epoch(...)")


def _expect_steps(student: Student, task: Task, lr: float, example: str) -> None:
    answer = _train(student, task, training=True, lr=lr)
    _, want = linear.sgd_epoch(task.model, task.batches, lr)
    _, accumulated = linear.sgd_epoch(task.model, task.batches, lr, accumulate=True)
    _, once = linear.sgd_epoch(task.model, task.batches[:1], lr)
    _, last = linear.sgd_epoch(task.model, task.batches[:-1], lr)
    if np.array_equal(answer["weight"], task.model.weight):
        counts = f"gradients were computed {answer['backward']} times, step() was called {answer['steps']} times"
        hint = "backward() computes gradients, step() uses those that are there; what is in between?"
        want_steps = f"weights that moved {len(task.batches)} times"
        raise expect.Mismatch(want_steps, f"the weights as they were: {counts}", example, hint)
    hint = hint_for(
        answer["weight"],
        [
            (accumulated.weight, "The gradients of all batches so far add up, because nothing sets them back to zero."),
            (once.weight, "Only the first batch made a step. Is something indented too far, or a return too early?"),
            (last.weight, "The last, smaller batch made no step."),
        ],
        rtol=1e-4,
    )
    for name, got, wanted in (("weights", answer["weight"], want.weight), ("bias", answer["bias"], want.bias)):
        # A single number is shown without its place.
        what = f"the {name} after the epoch"
        expect.close(np.squeeze(got), np.squeeze(wanted), **TOLERANCE, what=what, example=example, hint=hint)


@train_one_epoch.rung("values", points=4)
def steps_once_a_batch(student: Student, rng: np.random.Generator) -> None:
    """Every batch makes one gradient step, from the gradient of that batch alone."""
    _expect_steps(student, by_hand(STEPS_BY_HAND, says=0), 0.1, STEPS_EXAMPLE)
    task, lr = draw_task(rng), 0.05
    sizes = [len(rows) for rows, _ in task.batches]
    _expect_steps(student, task, lr, f"a linear model, SGD with rate {lr}, batches of {sizes} faces")


def _expect_epoch_loss(student: Student, task: Task, lr: float, example: str) -> None:
    value = as_number(_train(student, task, training=True, lr=lr)["value"], "train_one_epoch(...)")
    steps, _ = linear.sgd_epoch(task.model, task.batches, lr)
    hint = hint_for(value, loss_mistakes(steps), rtol=1e-4)
    example = f"{example}; {say_steps(steps)}"
    expect.close(value, linear.epoch_loss(steps), **TOLERANCE, what="the loss of the epoch", example=example, hint=hint)


@train_one_epoch.rung("values", points=4)
def loss_of_the_epoch(student: Student, rng: np.random.Generator) -> None:
    """The squared error per labeled coordinate over the epoch, each batch's before its step."""
    _expect_epoch_loss(student, by_hand(STEPS_BY_HAND, says=0), 0.1, STEPS_EXAMPLE)
    _expect_epoch_loss(student, draw_task(rng), 0.05, "a linear model, SGD with rate 0.05")


@train_one_epoch.rung("edge cases", points=2)
def batch_without_labels(student: Student, rng: np.random.Generator) -> None:
    """A batch without a single label changes neither the weights nor the loss."""
    task, lr = draw_task(rng, empty_batch=True), 0.05
    answer = _train(student, task, training=True, lr=lr)
    steps, want = linear.sgd_epoch(task.model, task.batches, lr)
    example = "the second of three batches has no label"
    expect.close(answer["weight"], want.weight, **TOLERANCE, what="the weights after the epoch", example=example)
    value = as_number(answer["value"], "train_one_epoch(...)")
    hint = hint_for(value, loss_mistakes(steps), rtol=1e-4)
    expect.close(value, linear.epoch_loss(steps), **TOLERANCE, what="the loss of the epoch", example=example, hint=hint)


@train_one_epoch.rung("side effects", points=2)
def trains_in_train_mode(student: Student, rng: np.random.Generator) -> None:
    """The model is in train mode while it learns, also when it came in eval mode."""
    wrong = []
    for training, came in ((False, "eval mode"), (True, "train mode")):
        answer = _train(student, draw_task(rng), training=training)
        modes = [seen[0] for seen in answer["seen"] if seen[1]]
        if not modes or not all(modes):
            wrong.append(came)
    hint = "Whoever evaluated last may have left the model in eval mode; then batch normalization does not learn."
    got = "eval mode for a model that came in " + " and for one that came in ".join(wrong)
    expect.true(not wrong, "train mode at every step", got, hint=hint)
