"""Checks of lesson 07: train_with_curve, beside Adam on a linear model in NumPy."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from autograder.checks.common.linear_training import Linear
from autograder.checks.common.shared import Shared
from autograder.checks.lesson_07.nose_task import Task, draw_task, mean_square, simulate
from autograder.ladder import expect
from autograder.ladder.form import Answers, form
from autograder.ladder.ladder import Ladder
from autograder.ladder.student import Student
from autograder.worker.plain import TensorValue

train_with_curve = Ladder("train_with_curve")

CURVES = ("step", "train_mse", "val_step", "val_mse")
# float32 beside float64 over some ten steps of Adam.
RTOL, ATOL = 1e-4, 1e-5


def _trained(task: Task, answer: dict[str, Any]) -> Linear:
    """Return the model afterwards; raise Mismatch where it has learned nothing: a curve of no training counts nothing.

    By any optimizer and at any rate the error on the training images is smaller by then.
    """
    shapes = (("weight", task.model.weight.shape), ("bias", task.model.bias.shape))
    parts = [expect.array(answer[name], shape, what=f"the model's {name} afterwards") for name, shape in shapes]
    model = Linear(*parts)
    before, after = (mean_square(part, task.images, task.targets) for part in (task.model, model))
    hint = "backward() finds the slopes, and the optimizer's step() follows them. Does each batch come to both?"
    expected = "a model whose error on the training images is smaller after the training"
    expect.true(after < before, expected, "the same error, or a larger one", task.example, hint)
    return model


def _lists(answer: dict[str, Any]) -> dict[str, list]:
    hint = "End with `return` and the dict."
    expect.true(answer["type"] == "dict", "a dict of four lists", f"a {answer['type']}", hint=hint)
    found = answer["curve"]
    missing = [key for key in CURVES if key not in found]
    expected = f"lists under {', '.join(CURVES)}"
    kinds = [f"{key}: {answer['types'].get(key, 'missing')}" for key in missing]
    expect.true(not missing, expected, ", ".join(kinds), f"the keys are {', '.join(answer['keys']) or 'none'}")
    return found


def _curve(answer: dict[str, Any]) -> dict[str, list]:
    """Return the four lists; a tensor in them counts as its number, so that it costs one rung and no more."""
    return {key: [_number(value) for value in values] for key, values in _lists(answer).items()}


def _number(value: Any) -> Any:
    single = isinstance(value, TensorValue) and value.array.size == 1
    return float(value.array.reshape(())) if single else value


def _ask(student: Student, rng: np.random.Generator) -> tuple[Task, dict[str, Any]]:
    task = draw_task(rng)
    return task, task.ask(student)


_asked = Shared("train_with_curve", _ask)


@form(train_with_curve, "type", points=2, of="number")
def returns_four_lists(student: Student, rng: np.random.Generator) -> Answers:
    """The answer is a dict of four lists of plain numbers."""
    _, answer = _asked(student, rng)
    lists = _lists(answer)
    kinds = [f"{key}: {kind}" for key, kind in answer["types"].items() if kind not in ("list", "tuple")]
    expect.true(not kinds, f"lists under {', '.join(CURVES)}", ", ".join(kinds))
    # A NumPy number, or one element of an array, will do; a tensor drags its graph along.
    yield from ((f"an entry of {key}", value) for key, values in lists.items() for value in values)


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
    # Who notes the right errors has trained, be it a copy.
    if not _agrees(curve["train_mse"], simulate(task).train_mse):
        _trained(task, answer)
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


def _agrees(got: Any, want: list[float]) -> bool:
    """Return whether a list holds these numbers."""
    try:
        expect.close(got, want, rtol=RTOL, atol=ATOL)
    except expect.Mismatch:
        return False
    return True


def _readings(error: float, numbers: int) -> list[float]:
    """Return a mean squared error over so many numbers, and what other rungs blame: its root, sums in its place."""
    return [error, 2 * error, error * numbers, error**0.5]


@dataclass(frozen=True)
class Modes:
    """A task whose model adds a number of its own to its answers in each mode, and the errors that come of it.

    ``added`` and ``errors`` are (2, 2), by whether the model is in train mode and whether gradients are on; ``errors``
    are those of the first weights, which a tiny rate leaves as they are.
    """

    task: Task
    added: np.ndarray
    errors: np.ndarray
    numbers: int

    def find(self, got: float, likely: tuple[bool, bool]) -> tuple[bool, bool] | None:
        """Return the mode that an error was measured in, the likely one first; None where none explains it."""
        modes = [likely, *((bool(training), bool(on)) for training, on in np.ndindex(2, 2))]
        for mode in modes:
            readings = _readings(float(self.errors[int(mode[0]), int(mode[1])]), self.numbers)
            if any(math.isclose(got, reading, rel_tol=0.03) for reading in readings):
                return mode
        return None


def _draw_modes(rng: np.random.Generator, validation: bool) -> Modes:
    """Draw a task with one batch of training and one of validation images, so that no averaging matters."""
    while True:
        drawn = draw_task(rng)
        task = replace(drawn, batch_size=len(drawn.images), val_batch_size=len(drawn.val_images), lr=1e-7)
        images, targets = (task.val_images, task.val_targets) if validation else (task.images, task.targets)
        added = rng.permutation([0.0, 2.0, 4.0, 6.0]).reshape(2, 2) + rng.uniform(-0.3, 0.3, (2, 2))
        errors = np.array([[mean_square(task.model, images, targets, more) for more in row] for row in added])
        readings = np.sort([reading for error in errors.flat for reading in _readings(float(error), targets.size)])
        # No error of one mode is taken for one of another.
        if (readings[1:] / readings[:-1]).min() > 1.07:
            return Modes(task, added, errors, targets.size)


@train_with_curve.rung("side effects", points=2)
def learns_in_train_mode(student: Student, rng: np.random.Generator) -> None:
    """Every step is taken in train mode, also for a model that comes in eval mode, and after each validation."""
    hint = "Whoever validates puts the model into eval mode. Who puts it back before the next epoch?"
    for training in (True, False):
        modes = _draw_modes(rng, validation=False)
        example = f"a model that comes in {'train' if training else 'eval'} mode; {modes.task.epochs} epochs"
        noted = _curve(modes.task.ask(student, training, modes.added))["train_mse"]
        got = [modes.find(expect.number(value, "an entry of train_mse"), (True, True)) for value in noted]
        expect.true(bool(got), "train mode in every step", "no step", example, hint)
        evaluated = [mode is not None and not mode[0] for mode in got]
        came = "eval mode in every step" if all(evaluated) else "eval mode in some steps"
        came = came if any(evaluated) else "errors of neither train nor eval mode"
        right = all(mode is not None and mode[0] for mode in got)
        expect.true(right, "train mode in every step", came, example, hint)


@train_with_curve.rung("side effects", points=2)
def measures_in_eval_mode(student: Student, rng: np.random.Generator) -> None:
    """Validation happens in eval mode and without gradients."""
    modes = _draw_modes(rng, validation=True)
    for value in _curve(modes.task.ask(student, True, modes.added))["val_mse"]:
        mode = modes.find(expect.number(value, "an entry of val_mse"), (False, False))
        expect.true(mode is not None, "the error of the validation images", "an error of something else")
        training, recorded = mode or (False, False)
        hint = (
            "Dropout and batch normalization behave differently in training. Which mode is the model in while you "
            "measure?"
        )
        expect.true(not training, "eval mode while it is measured", "train mode", hint=hint)
        hint = "Nobody needs the graph of a validation; it costs memory and time."
        expect.true(not recorded, "no gradients while it is measured", "gradients", hint=hint)
