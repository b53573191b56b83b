"""Checks of lesson 05: evaluation of a model with batch normalization and dropout."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from autograder.checks.common.linear_training import Step, errors_of
from autograder.checks.lesson_05 import tasks
from autograder.checks.lesson_05.simulated_training import epoch_loss
from autograder.checks.lesson_05.tasks import Task, expect_close
from autograder.ladder import expect
from autograder.ladder.form import Kept, kept
from autograder.ladder.ladder import Ladder
from autograder.ladder.student import Student

evaluate = Ladder("evaluate")

# Each mistaken average of these errors comes to another number than every other.
ERRORS_BY_HAND = [[[4.0, 6.0], [-2.0, math.nan]], [[math.nan, 8.0], [math.nan, math.nan]], [[3.0, 5.0]]]
ERRORS_EXAMPLE = f"a model that says 1 everywhere; three batches, whose targets are {tasks.say_batches(ERRORS_BY_HAND)}"
MODES = {True: "train mode", False: "eval mode"}


@dataclass(frozen=True)
class NormTask:
    """A task whose model normalizes its outputs by running statistics, and drops half of them in train mode."""

    task: Task
    mean: np.ndarray
    var: np.ndarray

    def errors(self) -> np.ndarray:
        """Return the error of every output in eval mode, (N, D); every coordinate is labeled."""
        scale = np.sqrt(self.var + 1e-5)
        return (self.task.model.predict(self.task.images) - self.mean) / scale - self.task.targets

    def steps(self) -> list[Step]:
        """Return each batch's squared error in eval mode."""
        scale, model = np.sqrt(self.var + 1e-5), self.task.model
        return [errors_of((model.predict(images) - self.mean) / scale, rows)[0] for images, rows in self.task.batches]

    def ask(self, student: Student, rng: np.random.Generator, training: bool) -> dict[str, Any]:
        """Let the student evaluate the model, which comes in train mode or not."""
        norm = {"mean": self.mean, "var": self.var, "seed": int(rng.integers(2**31))}
        return student.probe("lesson_05.evaluate", task=self.task.inputs(), **norm, training=training)


ONLY_LOOKS = "Evaluating only looks. In train mode batch normalization learns: its running statistics, of these rows."


def _draw_norm_task(rng: np.random.Generator, complete: bool = False) -> NormTask:
    """Draw a task; one that is ``complete`` has every label, and one batch."""
    task = tasks.draw_task(rng)
    if complete:
        task = replace(task, targets=rng.normal(0, 2, task.targets.shape).astype(np.float32), batch_size=8)
    return NormTask(task, rng.normal(0, 1, 4).astype(np.float32), rng.uniform(0.5, 2, 4).astype(np.float32))


def _measures(norm: NormTask) -> list[float]:
    """What a complete batch may be said to be off by: the RMSE, and what is wrong only in how errors are averaged."""
    errors = norm.errors()
    squares, points = (errors**2).sum(), (errors.reshape(len(errors), -1, 2) ** 2).sum(axis=2)
    averages = [squares / count for count in (errors.size, len(errors), points.size, 1)]
    sizes = [np.abs(errors).mean(), np.sqrt(points).mean(), abs(errors.mean()), abs(errors.sum())]
    # The root of the mean of each face, of each coordinate or of each point.
    roots = [np.sqrt((errors**2).mean(axis=axis)).mean() for axis in (0, 1)]
    roots += [np.sqrt((errors**2).sum(axis=1)).mean(), np.sqrt(points / 2).mean()]
    measures = [*averages, *np.sqrt(averages), *sizes, *np.sqrt(sizes), *roots]
    return [sign * measure for measure in measures for sign in (1, -1)]


def _expect_measured(student: Student, rng: np.random.Generator, came: str = "eval mode") -> None:
    """Expect a measure of the errors that a model makes in eval mode; how errors are averaged is another rung's."""
    norm = _draw_norm_task(rng, complete=True)
    answer = norm.ask(student, rng, training=came == "train mode")
    value = tasks.as_number(answer["value"], "evaluate(...)")
    if any(math.isclose(value, measure, rel_tol=1e-4, abs_tol=1e-5) for measure in _measures(norm)):
        return
    hint = "Without eval() dropout zeroes outputs at random, and batch normalization depends on who shares the batch."
    got = "train mode" if any(seen[0] for seen in answer["seen"]) else f"{value:.4g}, which measures no such errors"
    raise expect.Mismatch("every batch in eval mode", got, f"the model comes in {came}", hint)


@evaluate.rung("type", points=1)
def evaluates_to_a_float(student: Student, rng: np.random.Generator) -> None:
    """The answer is one number, a float."""
    tasks.expect_float(_draw_norm_task(rng).ask(student, rng, training=False)["value"], "evaluate(...)")


@evaluate.rung("values", points=5)
def rmse_over_all_labels(student: Student, rng: np.random.Generator) -> None:
    """The root of the squared error per labeled coordinate over the whole loader, for a model in eval mode."""

    def expect_rmse(norm: NormTask, example: str) -> None:
        value = tasks.as_number(norm.ask(student, rng, training=False)["value"], "evaluate(...)")
        example = f"{example}; {tasks.say_steps(norm.steps())}"
        hint = "Read the name RMSE from right to left, over the labeled coordinates of all batches: what comes last?"
        want = math.sqrt(epoch_loss(norm.steps()))
        expect_close(value, want, what="evaluate(model, loader)", example=example, hint=hint)

    unchanged = NormTask(tasks.by_hand(ERRORS_BY_HAND, says=1), np.zeros(2, np.float32), np.ones(2, np.float32))
    expect_rmse(unchanged, ERRORS_EXAMPLE)
    expect_rmse(_draw_norm_task(rng), "a linear model behind batch normalization")


@evaluate.rung("values", points=4)
def evaluates_in_eval_mode(student: Student, rng: np.random.Generator) -> None:
    """A model that comes in train mode is put in eval mode: no dropout, running statistics."""
    _expect_measured(student, rng, came="train mode")


@evaluate.rung("gradients", points=1)
def without_gradients(student: Student, rng: np.random.Generator) -> None:
    """Nothing is recorded for a backward pass."""
    _expect_measured(student, rng)
    recorded = [seen[1] for seen in _draw_norm_task(rng).ask(student, rng, training=False)["seen"]]
    hint = "Without no_grad PyTorch keeps every intermediate result for a backward pass that never comes."
    expect.true(not any(recorded), "gradients switched off while predicting", "gradients on", hint=hint)


@evaluate.rung("side effects", points=2)
def restores_the_mode(student: Student, rng: np.random.Generator) -> None:
    """Afterwards the model is in the mode it came in."""
    _expect_measured(student, rng)
    for training, came in MODES.items():
        answer = _draw_norm_task(rng).ask(student, rng, training=training)
        modes = {bool(mode) for mode in answer["training"]}
        left = MODES[modes.pop()] if len(modes) == 1 else "a mix of both"
        hint = "model.training says in which mode the model came; train() takes a bool."
        expect.true(left == came, f"{came} afterwards", left, f"the model came in {came}", hint)


@evaluate.rung("edge cases", points=1)
def nan_where_nothing_is_labeled(student: Student, rng: np.random.Generator) -> None:
    """Of a loader without a single label nothing can be said: NaN."""
    norm = _draw_norm_task(rng)
    empty = replace(norm, task=replace(norm.task, targets=np.full_like(norm.task.targets, np.nan)))
    tasks.expect_nan(lambda: empty.ask(student, rng, training=False), "evaluate(model, loader)")


@kept(evaluate, points=1, hint=ONLY_LOOKS)
def leaves_the_model(student: Student, rng: np.random.Generator) -> Kept:
    """Weights and running statistics are unchanged."""
    _expect_measured(student, rng)
    norm = _draw_norm_task(rng)
    answer = norm.ask(student, rng, training=True)
    yield "the weights", norm.task.model.weight, answer["weight"]
    yield "the running mean", norm.mean, answer["mean"]
