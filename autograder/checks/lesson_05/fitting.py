"""Checks of lesson 05: fit, beside a simulation of Adam, StepLR and early stopping on a linear model."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Any

import numpy as np

from autograder.checks.common.linear_training import Linear, Rows, gradients
from autograder.checks.lesson_05.simulated_training import Recipe, Run, adam_run, rmse
from autograder.checks.lesson_05.tasks import Task
from autograder.ladder import expect
from autograder.ladder.form import Answers, form
from autograder.ladder.ladder import Ladder
from autograder.ladder.student import Student

fit = Ladder("fit")

# float32 beside float64 over some tens of steps. Measured over 2,000 draws, for the reference and two other right fits
# (fused and foreach Adam): the largest error of a loss or an RMSE is 0.0002 of this, wide for who rounds what is noted.
# Of the final weights it is 9e-7.
TOLERANCE = 1e-3
expect_close = partial(expect.close, rtol=TOLERANCE, atol=TOLERANCE)


@dataclass(frozen=True)
class FitTask:
    """Rows to train and validate on, the linear model to start from, and what fit is told."""

    train: Rows
    val: Rows
    model: Linear
    recipe: Recipe

    def simulate(self, **changes: Any) -> Run:
        """Return the right training, or that of a changed recipe."""
        return adam_run(self.model, self.train, self.val, replace(self.recipe, **changes))

    def ask(self, student: Student) -> dict[str, Any]:
        """Let the student's fit do it."""
        settings = {key: value for key, value in vars(self.recipe).items() if key != "lr_per"}
        task = Task(*self.train, self.model, self.recipe.batch_size)
        images, targets = self.val
        val = {"val_images": images, "val_targets": targets}
        return student.probe("lesson_05.fit", task=task.inputs(), **val, settings=settings)


def _draw_rows(rng: np.random.Generator, count: int, truth: np.ndarray) -> Rows:
    images = rng.random((count, 1, 3, 3), dtype=np.float32)
    targets = images.reshape(count, 9) @ truth.T + rng.normal(0, 1, (count, 4))
    # One gap in every row: all batches hold as many labels, so a wrong average costs points in its own exercise only.
    targets[np.arange(count), rng.integers(0, 4, count)] = np.nan
    return images, targets.astype(np.float32)


def _draw_task(rng: np.random.Generator, recipe: Recipe) -> FitTask:
    while True:
        truth = rng.normal(0, 1, (4, 9))
        model = Linear(rng.normal(0, 0.3, (4, 9)).astype(np.float32), rng.normal(0, 0.3, 4).astype(np.float32))
        task = FitTask(_draw_rows(rng, 12, truth), _draw_rows(rng, 6, truth), model, recipe)
        first = slice(recipe.batch_size)
        _, slope = gradients(model, task.train[0][first], task.train[1][first])
        # Adam's first step follows the sign of the gradient alone, which float32 can't settle near 0.
        if min(np.abs(slope.weight).min(), np.abs(slope.bias).min()) > 1e-3:
            return task


def _draw_overfitting_task(rng: np.random.Generator) -> tuple[FitTask, Run]:
    """Return a task whose training stops early, and the right training."""
    return _overfitting_task(int(rng.integers(2**63)))


@lru_cache(maxsize=32)
def _overfitting_task(seed: int) -> tuple[FitTask, Run]:
    """Draw tasks until one stops early, under patience 5 too, with its best epoch neither first nor last.

    No two values are nearly equal, so that float32 and float64 agree on which is the best, and all of them are better
    than the untrained model, so that it makes no difference whether that one was measured too.
    """
    # Remembered, because a diagnosis sets every mistake of the catalogue the same task.
    rng = np.random.default_rng(seed)
    recipe = Recipe(epochs=30, lr=0.25, step_size=8, gamma=0.7, patience=3, batch_size=4)
    while True:
        task = _draw_task(rng, recipe)
        run, patient = task.simulate(), task.simulate(patience=5)
        gaps = np.diff(np.sort(run.val_rmse))
        learned = max(run.val_rmse) < rmse(task.model, *task.val)
        if len(patient.lr) < recipe.epochs and run.best > 0 and learned and gaps.min() > 5e-3:
            return task, run


def _history(answer: dict[str, Any]) -> dict[str, list]:
    hint = "fit ends with `return` and the history."
    expect.true(answer["type"] == "dict", "a dict", f"a {answer['type']}", hint=hint)
    missing = ", ".join(sorted({"train_loss", "val_rmse", "lr"} - set(answer["history"])))
    got = f"no list under {missing}; keys {answer['keys']}"
    expect.true(not missing, "lists train_loss, val_rmse and lr", got)
    return answer["history"]


@form(fit, "type", points=1, gate=True, of="number")
def returns_three_lists(student: Student, rng: np.random.Generator) -> Answers:
    """The history is a dict of three lists of numbers."""
    history = _history(_draw_task(rng, Recipe(3, 0.05, 5, 0.5, 9, 4)).ask(student))
    yield from ((f"an entry of {key}", value) for key, values in history.items() for value in values)


@fit.rung("shape", points=1)
def one_entry_an_epoch(student: Student, rng: np.random.Generator) -> None:
    """Each list has one entry for each epoch."""
    for epochs in (1, 4):
        history = _history(_draw_task(rng, Recipe(epochs, 0.05, 5, 0.5, 9, 4)).ask(student))
        lengths = {key: len(values) for key, values in history.items()}
        expected = f"entries in each list, and epochs: {epochs}"
        expect.true(set(lengths.values()) == {epochs}, expected, f"entries: {lengths}")


@fit.rung("values", points=2)
def learns_from_training_rows(student: Student, rng: np.random.Generator) -> None:
    """Training rows are learned from, once an epoch; validation rows are only looked at."""
    rows = _draw_task(rng, Recipe(3, 0.05, 5, 0.5, 9, 4)).ask(student)["rows"]
    (learned, _), (leaked, looked_at) = rows["training"], rows["validation"]

    def say(place: int) -> str:
        return " and ".join(kind for kind, counts in rows.items() if counts[place]) or "no"

    hint = "The two loaders have two tasks: one is learned from, the other only looked at."
    got = f"learned from: {say(0)} rows; only looked at: {say(1)} rows"
    expected = "learned from: training rows; only looked at: validation rows"
    expect.true(learned > 0 and not leaked and looked_at > 0, expected, got, hint=hint)
    expect.true(learned == 36, "3 epochs of 12 training rows: 36 rows learned from", f"{learned} rows", hint=hint)


def _say_rates(got: np.ndarray, recipe: Recipe) -> str | None:
    """Return in words how the rates of 6 epochs drop where a common mistake explains them, else None."""
    mistakes = {
        "a rate that never drops": replace(recipe, step_size=99),
        "a rate that drops as if every batch were an epoch": replace(recipe, lr_per="batch"),
        "a rate that drops after every epoch": replace(recipe, step_size=1),
    }
    return next((words for words, wrong in mistakes.items() if _drops_like(got, wrong)), None)


def _drops_like(got: np.ndarray, recipe: Recipe) -> bool:
    """Return whether these are the rates of 6 epochs of 3 batches, noted before or after the scheduler's step."""
    used = [recipe.rate(epoch, 0, 3) for epoch in range(7)]
    return got.shape == (6,) and any(np.allclose(got, used[start : start + 6], rtol=1e-6) for start in (0, 1))


@fit.rung("values", points=3)
def drops_the_learning_rate(student: Student, rng: np.random.Generator) -> None:
    """The learning rate drops by gamma after every step_size epochs."""
    recipe = Recipe(6, round(float(rng.uniform(0.01, 0.05)), 4), 2, 0.5, 9, 4)
    got = np.array(_history(_draw_task(rng, recipe).ask(student))["lr"], dtype=float)
    if _drops_like(got, recipe):
        return
    example = f"lr {recipe.lr}, step_size 2, gamma 0.5, 6 epochs of 3 batches"
    hint = "A scheduler counts how often its step() is called. How often is that in an epoch?"
    if words := _say_rates(got, recipe):
        raise expect.Mismatch('history["lr"]: a rate that halves after every 2 epochs', words, example, hint)
    used = [recipe.rate(epoch, 0, 3) for epoch in range(6)]
    expect.close(got, used, rtol=1e-6, atol=0, what='history["lr"]', example=example, hint=hint)


@fit.rung("values", points=4)
def trains_with_adam(student: Student, rng: np.random.Generator) -> None:
    """Loss and validation RMSE of every epoch, under Adam and StepLR."""
    task = _draw_task(rng, Recipe(5, 0.05, 2, 0.5, 9, 4))
    history, want = _history(task.ask(student)), task.simulate()
    hint = (
        "Compare optimizer, rate, loss, the order within an epoch and what is noted of it with the docstring. A "
        "mistake in your train_one_epoch or evaluate shows here too; mend that one first."
    )
    example = "12 rows in batches of 4, lr 0.05, step_size 2, gamma 0.5, 5 epochs"
    for key in ("train_loss", "val_rmse"):
        expect_close(history[key], getattr(want, key), what=f'history["{key}"]', example=example, hint=hint)


@fit.rung("values", points=3)
def stops_early(student: Student, rng: np.random.Generator) -> None:
    """Training ends once patience epochs in a row brought no lower validation RMSE."""
    task, want = _draw_overfitting_task(rng)
    history = _history(task.ask(student))
    length, epochs = len(history["val_rmse"]), len(want.lr)
    hint = "What does step answer after each epoch? A mistake in your EarlyStopping shows here too."
    example = f"patience 3, RMSE {[round(value, 3) for value in want.val_rmse]}"
    # The last value tells a training that went on from one that went another way.
    got = f"{length} epochs, the last with RMSE {expect.show(history['val_rmse'][-1])}"
    expect.true(length == epochs, f"the end after {epochs} epochs", got, example, hint)


def _same(answer: dict[str, Any], model: Linear) -> bool:
    pairs = ((answer["weight"], model.weight), (answer["bias"], model.bias))
    return all(np.allclose(got, want, rtol=TOLERANCE, atol=TOLERANCE) for got, want in pairs)


def _say_weights(answer: dict[str, Any], task: FitTask, run: Run) -> str | None:
    """Return of which moment of the training the weights are, or None where they are of none."""
    moments = {"from before the training": task.model}
    moments |= {f"of epoch {number} of {len(run.models)}": model for number, model in enumerate(run.models, start=1)}
    put_back = "although some were put back" if answer["put_back"] else "and none were put back"
    return next(
        (f"those {moment}, {put_back} at the end" for moment, model in moments.items() if _same(answer, model)), None
    )


@fit.rung("values", points=4)
def ends_with_the_best_weights(student: Student, rng: np.random.Generator) -> None:
    """The model ends with the weights of its best epoch, not of its last."""
    task, run = _draw_overfitting_task(rng)
    answer = task.ask(student)
    want = run.models[run.best]
    if _same(answer, want):
        return
    example = f"validation RMSE {[round(value, 3) for value in run.val_rmse]}: epoch {run.best + 1} is the best"
    hint = "Which weights are put back at the end, and are they still those that were kept?"
    if words := _say_weights(answer, task, run):
        raise expect.Mismatch(f"the weights afterwards: those of epoch {run.best + 1}", words, example, hint)
    expect_close(answer["weight"], want.weight, what="the weights afterwards", example=example, hint=hint)
    expect_close(answer["bias"], want.bias, what="the bias afterwards", example=example, hint=hint)


@fit.rung("edge cases", points=1)
def waits_for_patience(student: Student, rng: np.random.Generator) -> None:
    """With more patience than epochs, every epoch is trained."""
    task, _ = _draw_overfitting_task(rng)
    task = replace(task, recipe=replace(task.recipe, epochs=12, patience=50))
    epochs = len(_history(task.ask(student))["val_rmse"])
    expect.true(epochs == 12, "12 epochs with patience 50", f"{epochs} epochs", hint="patience comes from the config.")
