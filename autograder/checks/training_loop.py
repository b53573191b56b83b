"""Checks of lesson 05: one epoch of training, and evaluation, against a linear model in NumPy."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from autograder import expect
from autograder.checks import linear_training as linear
from autograder.checks.linear_training import Linear, Step
from autograder.checks.recognize import hint_for
from autograder.ladder import Ladder
from autograder.student import Student
from autograder.worker.plain import TensorValue

train_one_epoch = Ladder("train_one_epoch")
evaluate = Ladder("evaluate")

# float32 sums of some hundred terms beside float64; every mistake that is named differs by far more.
TOLERANCE = {"rtol": 1e-4, "atol": 1e-5}


@dataclass(frozen=True)
class Task:
    """Small images, targets with gaps, and the linear model to start from; the last batch is smaller."""

    images: np.ndarray
    targets: np.ndarray
    model: Linear
    batch_size: int = 3

    @property
    def batches(self) -> list[tuple[np.ndarray, np.ndarray]]:
        return linear.batches(self.images, self.targets, self.batch_size)

    def inputs(self) -> dict[str, object]:
        """Return what a probe needs of the task."""
        weights = {"weight": self.model.weight, "bias": self.model.bias}
        return {"images": self.images, "targets": self.targets, "batch_size": self.batch_size, **weights}


def _draw_task(rng: np.random.Generator, empty_batch: bool = False) -> Task:
    images = rng.random((8, 1, 3, 3), dtype=np.float32)
    targets = rng.normal(0, 2, (8, 4)).astype(np.float32)
    # Batches with many and with few labels, of large and of small errors: then every wrong average shows.
    targets[3:6, 1:] = np.nan
    targets[3:6, 0] += 6
    targets[6, 2:] = np.nan
    if empty_batch:
        targets[3:6] = np.nan
    weight, bias = rng.normal(0, 0.5, (4, 9)).astype(np.float32), rng.normal(0, 0.5, 4).astype(np.float32)
    return Task(images, targets, Linear(weight, bias))


def _as_number(value: object, what: str) -> float:
    return expect.number(value.array if isinstance(value, TensorValue) else value, what)


def _loss_mistakes(steps: list[Step]) -> list[tuple[float, str]]:
    """Return what wrong averages make of an epoch."""
    means = [step.squared_error / max(step.labeled, 1) for step in steps]
    total, labeled = sum(step.squared_error for step in steps), sum(step.labeled for step in steps)
    rows = [step.rows for step in steps]
    by_rows = float(np.average(means, weights=rows))
    return [
        (
            float(np.mean(means)),
            "This is the mean of the batch means: a batch of 3 labels counts as much as one of 12.",
        ),
        (by_rows, "Each batch is weighted by its rows or targets, labeled or not; only labels count."),
        (total / sum(rows), "The squared errors are divided by the number of faces, not of labeled coordinates."),
        (total, "This is the sum of all squared errors; it still has to be divided."),
        (sum(means), "This is the sum of the batch means."),
        (means[-1], "This is the loss of the last batch alone."),
        (math.sqrt(total / labeled), "This is the root of the loss; here the squared error is asked for."),
    ]


def _train(student: Student, task: Task, training: bool, lr: float = 0.05) -> dict:
    return student.probe("resnet_training.train", **task.inputs(), lr=lr, training=training)


@train_one_epoch.rung("type", points=1, gate=True)
def returns_a_float(student: Student, rng: np.random.Generator) -> None:
    """The answer is one number, a float."""
    answer = _train(student, _draw_task(rng), training=True)
    hint = "The loss is a tensor that drags its graph along; item() takes the number out."
    tensor = isinstance(answer["value"], TensorValue)
    expect.true(not tensor, "a float", "a torch.Tensor", hint=hint)
    expect.number(answer["value"], "train_one_epoch(...)")


@train_one_epoch.rung("values", points=4)
def steps_once_a_batch(student: Student, rng: np.random.Generator) -> None:
    """Every batch makes one gradient step, from the gradient of that batch alone."""
    task, lr = _draw_task(rng), 0.05
    answer = _train(student, task, training=True, lr=lr)
    _, want = linear.sgd_epoch(task.model, task.batches, lr)
    _, accumulated = linear.sgd_epoch(task.model, task.batches, lr, accumulate=True)
    _, once = linear.sgd_epoch(task.model, task.batches[:1], lr)
    _, last = linear.sgd_epoch(task.model, task.batches[:-1], lr)
    hint = hint_for(
        answer["weight"],
        [
            (task.model.weight, "The weights did not move: backward() only computes gradients; who takes the step?"),
            (accumulated.weight, "The gradients of all batches so far add up, because nothing sets them back to zero."),
            (once.weight, "Only the first batch made a step. Is something indented too far, or a return too early?"),
            (last.weight, "The last, smaller batch made no step."),
        ],
        rtol=1e-4,
    )
    example = f"a linear model, SGD with rate {lr}, batches of {[len(rows) for rows, _ in task.batches]} faces"
    expect.close(
        answer["weight"], want.weight, **TOLERANCE, what="the weights after the epoch", example=example, hint=hint
    )
    expect.close(answer["bias"], want.bias, **TOLERANCE, what="the bias after the epoch", example=example, hint=hint)


@train_one_epoch.rung("values", points=4)
def loss_of_the_epoch(student: Student, rng: np.random.Generator) -> None:
    """The squared error per labeled coordinate over the epoch, each batch's before its step."""
    task, lr = _draw_task(rng), 0.05
    value = _as_number(_train(student, task, training=True, lr=lr)["value"], "train_one_epoch(...)")
    steps, _ = linear.sgd_epoch(task.model, task.batches, lr)
    hint = hint_for(value, _loss_mistakes(steps), rtol=1e-4)
    parts = ", ".join(f"{step.squared_error:.4g} over {step.labeled} labels" for step in steps)
    expect.close(value, linear.epoch_loss(steps), **TOLERANCE, what="the loss of the epoch", example=parts, hint=hint)


@train_one_epoch.rung("edge cases", points=2)
def batch_without_labels(student: Student, rng: np.random.Generator) -> None:
    """A batch without a single label changes neither the weights nor the loss."""
    task, lr = _draw_task(rng, empty_batch=True), 0.05
    answer = _train(student, task, training=True, lr=lr)
    steps, want = linear.sgd_epoch(task.model, task.batches, lr)
    example = "the second of three batches has no label"
    expect.close(answer["weight"], want.weight, **TOLERANCE, what="the weights after the epoch", example=example)
    value = _as_number(answer["value"], "train_one_epoch(...)")
    hint = hint_for(value, _loss_mistakes(steps), rtol=1e-4)
    expect.close(value, linear.epoch_loss(steps), **TOLERANCE, what="the loss of the epoch", example=example, hint=hint)


@train_one_epoch.rung("side effects", points=2)
def trains_in_train_mode(student: Student, rng: np.random.Generator) -> None:
    """The model is in train mode while it learns, also when it came in eval mode."""
    for training in (False, True):
        answer = _train(student, _draw_task(rng), training=training)
        modes = [seen[0] for seen in answer["seen"] if seen[1]]
        hint = "Whoever evaluated last may have left the model in eval mode; then batch normalization does not learn."
        example = f"the model comes in {'train' if training else 'eval'} mode"
        expect.true(bool(modes) and all(modes), "train mode at every step", "eval mode", example, hint)


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
    return student.probe("resnet_training.evaluate", **norm.task.inputs(), **statistics, training=training)


def _draw_norm_task(rng: np.random.Generator) -> NormTask:
    task = _draw_task(rng)
    return NormTask(task, rng.normal(0, 1, 4).astype(np.float32), rng.uniform(0.5, 2, 4).astype(np.float32))


@evaluate.rung("type", points=1, gate=True)
def evaluates_to_a_float(student: Student, rng: np.random.Generator) -> None:
    """The answer is one number, a float."""
    answer = _evaluate(student, _draw_norm_task(rng), rng, training=False)
    hint = "Take the number out of the tensor with item()."
    expect.true(not isinstance(answer["value"], TensorValue), "a float", "a torch.Tensor", hint=hint)
    expect.number(answer["value"], "evaluate(...)")


@evaluate.rung("values", points=5)
def rmse_over_all_labels(student: Student, rng: np.random.Generator) -> None:
    """The root of the squared error per labeled coordinate over the whole loader, for a model in eval mode."""
    norm = _draw_norm_task(rng)
    value = _as_number(_evaluate(student, norm, rng, training=False)["value"], "evaluate(...)")
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
        *((math.sqrt(wrong), hint) for wrong, hint in _loss_mistakes(steps)[:-1]),
    ]
    hint = hint_for(value, mistakes, rtol=1e-4)
    if math.isnan(value):
        hint = "NaN came through: a target without a label must not enter the sum."
    parts = ", ".join(f"{step.squared_error:.4g} over {step.labeled} labels" for step in steps)
    expect.close(value, math.sqrt(squared), **TOLERANCE, what="evaluate(model, loader)", example=parts, hint=hint)


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
