"""Checks of lesson 05: evaluation of a model with batch normalization and dropout."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from autograder.checks.common import linear_training as linear
from autograder.checks.common.linear_training import Step
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

evaluate = Ladder("evaluate")

# Each mistaken average of these errors comes to another number than every other.
ERRORS_BY_HAND = [[[4.0, 6.0], [2.0, math.nan]], [[math.nan, 8.0], [math.nan, math.nan]], [[3.0, 5.0]]]
ERRORS_EXAMPLE = f"a model that says 1 everywhere; three batches, whose targets are {say_batches(ERRORS_BY_HAND)}"


@dataclass(frozen=True)
class NormTask:
    """A task whose model normalizes its outputs by running statistics, and drops half of them in train mode."""

    task: Task
    mean: np.ndarray
    var: np.ndarray

    def errors(self, batch_size: int) -> list[Step]:
        """Return each batch's squared error in eval mode."""
        steps = []
        for images, targets in linear.batches(self.task.images, self.task.targets, batch_size):
            outputs = (self.task.model.predict(images) - self.mean) / np.sqrt(self.var + 1e-5)
            finite = np.isfinite(targets)
            squared = (outputs - np.where(finite, targets, 0.0))[finite] ** 2
            steps.append(Step(float(squared.sum()), int(finite.sum()), len(images)))
        return steps

    def filled_rmse(self, batch_size: int) -> float:
        """Return the RMSE over labeled coordinates, the errors at 0-filled labels added to the sum."""
        filled = NormTask(replace(self.task, targets=np.nan_to_num(self.task.targets)), self.mean, self.var)
        squared = sum(step.squared_error for step in filled.errors(batch_size))
        return math.sqrt(squared / sum(step.labeled for step in self.errors(batch_size)))


def _evaluate(student: Student, norm: NormTask, rng: np.random.Generator, training: bool) -> dict:
    statistics = {"mean": norm.mean, "var": norm.var, "seed": int(rng.integers(2**31))}
    return student.probe("lesson_05.evaluate", **norm.task.inputs(), **statistics, training=training)


def _draw_norm_task(rng: np.random.Generator) -> NormTask:
    task = draw_task(rng)
    return NormTask(task, rng.normal(0, 1, 4).astype(np.float32), rng.uniform(0.5, 2, 4).astype(np.float32))


@evaluate.rung("type", points=1, gate=True)
def evaluates_to_a_float(student: Student, rng: np.random.Generator) -> None:
    """The answer is one number, a float."""
    answer = _evaluate(student, _draw_norm_task(rng), rng, training=False)
    hint = "Take the number out of the tensor with item()."
    expect.true(not isinstance(answer["value"], TensorValue), "a float", "a torch.Tensor", hint=hint)
    expect.number(answer["value"], "evaluate(...)")


def _expect_rmse(student: Student, norm: NormTask, rng: np.random.Generator, example: str) -> None:
    value = as_number(_evaluate(student, norm, rng, training=False)["value"], "evaluate(...)")
    steps = norm.errors(norm.task.batch_size)
    squared = linear.epoch_loss(steps)
    roots = [math.sqrt(step.squared_error / step.labeled) for step in steps]
    mistakes = [
        (
            float(np.mean(roots)),
            "This is the mean of the batches' RMSEs. Roots don't average: sum squares, divide, then root.",
        ),
        (squared, "This is the mean squared error; its root is in pixels."),
        (norm.filled_rmse(norm.task.batch_size), "Missing labels were taken for 0 and counted as errors."),
        *((math.sqrt(wrong), hint) for wrong, hint in loss_mistakes(steps)[:-1]),
    ]
    hint = hint_for(value, mistakes, rtol=1e-4)
    if math.isnan(value):
        hint = "NaN came through: a target without a label must not enter the sum."
    example = f"{example}; {say_steps(steps)}"
    expect.close(value, math.sqrt(squared), **TOLERANCE, what="evaluate(model, loader)", example=example, hint=hint)


@evaluate.rung("values", points=5)
def rmse_over_all_labels(student: Student, rng: np.random.Generator) -> None:
    """The root of the squared error per labeled coordinate over the whole loader, for a model in eval mode."""
    task = by_hand(ERRORS_BY_HAND, says=1)
    unchanged = NormTask(task, np.zeros(2, np.float32), np.ones(2, np.float32))
    _expect_rmse(student, unchanged, rng, ERRORS_EXAMPLE)
    _expect_rmse(student, _draw_norm_task(rng), rng, "a linear model behind batch normalization")


@evaluate.rung("values", points=4)
def evaluates_in_eval_mode(student: Student, rng: np.random.Generator) -> None:
    """A model that comes in train mode is put in eval mode: no dropout, running statistics."""
    norm = _draw_norm_task(rng)
    answer = _evaluate(student, norm, rng, training=True)
    modes = [seen[0] for seen in answer["seen"]]
    hint = "Without eval() dropout zeroes outputs at random, and batch normalization depends on who shares the batch."
    expect.true(not any(modes), "every batch in eval mode", "train mode", "the model comes in train mode", hint)


@evaluate.rung("gradients", points=2)
def without_gradients(student: Student, rng: np.random.Generator) -> None:
    """Nothing is recorded for a backward pass."""
    answer = _evaluate(student, _draw_norm_task(rng), rng, training=False)
    recorded = [seen[1] for seen in answer["seen"]]
    hint = (
        "Without no_grad PyTorch keeps every intermediate result of every batch for a backward pass that never comes."
    )
    expect.true(not any(recorded), "gradients switched off while predicting", "gradients on", hint=hint)


@evaluate.rung("side effects", points=2)
def restores_the_mode(student: Student, rng: np.random.Generator) -> None:
    """Afterwards the model is in the mode it came in."""
    for training in (True, False):
        answer = _evaluate(student, _draw_norm_task(rng), rng, training=training)
        names = {True: "train", False: "eval"}
        left = (
            "train mode" if all(answer["training"]) else "eval mode" if not any(answer["training"]) else "a mix of both"
        )
        hint = "model.training says in which mode the model came; train() takes a bool."
        example = f"the model came in {names[training]} mode"
        expect.true(left == f"{names[training]} mode", f"{names[training]} mode afterwards", left, example, hint)


@evaluate.rung("side effects", points=1)
def leaves_the_model(student: Student, rng: np.random.Generator) -> None:
    """Weights and running statistics are unchanged."""
    norm = _draw_norm_task(rng)
    answer = _evaluate(student, norm, rng, training=True)
    expect.close(answer["weight"], norm.task.model.weight, rtol=0, atol=0, what="the weights afterwards")
    hint = "In train mode batch normalization updates its running statistics, here with the validation rows."
    expect.close(answer["mean"], norm.mean, rtol=0, atol=0, what="the running mean afterwards", hint=hint)
