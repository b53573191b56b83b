"""Checks of lesson 05: fit, beside a simulation of Adam, StepLR and early stopping on a linear model."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from autograder.checks.common.linear_training import Linear
from autograder.checks.lesson_05.fit_tasks import FitTask, draw_overfitting_task, draw_task
from autograder.checks.lesson_05.simulated_training import Recipe, Run, rmse
from autograder.checks.lesson_05.tasks import as_number
from autograder.ladder import expect
from autograder.ladder.form import Answers, form
from autograder.ladder.ladder import Ladder
from autograder.ladder.student import Student, StudentError

fit = Ladder("fit")

# float32 beside float64 over some tens of steps. Measured over 2,000 draws, for the reference and two other right fits
# (fused and foreach Adam): the largest error of a loss or an RMSE is 0.0002 of this, wide for who rounds what is noted.
# Of the final weights it is 9e-7.
TOLERANCE = 1e-3
expect_close = partial(expect.close, rtol=TOLERANCE, atol=TOLERANCE)


def _lists(answer: dict[str, Any]) -> dict[str, list]:
    hint = "fit ends with `return` and the history."
    expect.true(answer["type"] == "dict", "a dict", f"a {answer['type']}", hint=hint)
    missing = ", ".join(sorted({"train_loss", "val_rmse", "lr"} - set(answer["history"])))
    got = f"no list under {missing}; keys {answer['keys']}"
    expect.true(not missing, "lists train_loss, val_rmse and lr", got)
    return answer["history"]


def _history(answer: dict[str, Any]) -> dict[str, list[float]]:
    """Return the three lists as numbers, also where these came as tensors: that is another rung's."""
    return {key: [as_number(value, f"an entry of {key}") for value in values] for key, values in _lists(answer).items()}


@form(fit, "type", points=1, of="number")
def returns_three_lists(student: Student, rng: np.random.Generator) -> Answers:
    """The history is a dict of three lists of numbers."""
    history = _lists(draw_task(rng, Recipe(3, 0.05, 5, 0.5, 9, 4)).ask(student))
    yield from ((f"an entry of {key}", value) for key, values in history.items() for value in values)


@fit.rung("shape", points=1)
def one_entry_an_epoch(student: Student, rng: np.random.Generator) -> None:
    """Each list has one entry for each epoch."""
    for epochs in (1, 4):
        history = _history(draw_task(rng, Recipe(epochs, 0.05, 5, 0.5, 9, 4)).ask(student))
        lengths = {key: len(values) for key, values in history.items()}
        expected = f"entries in each list, and epochs: {epochs}"
        expect.true(set(lengths.values()) == {epochs}, expected, f"entries: {lengths}")


@fit.rung("values", points=2)
def learns_from_training_rows(student: Student, rng: np.random.Generator) -> None:
    """Training rows are learned from, once an epoch; validation rows are only looked at."""
    # A single batch: the loss of the first epoch is that of the rows it came from, whatever the steps are.
    task = draw_task(rng, Recipe(3, 0.05, 5, 0.5, 9, 12), gaps=True)
    answer = task.ask(student)
    rows = answer["rows"]
    (learned, _), (leaked, looked_at) = rows["training"], rows["validation"]

    def say(place: int) -> str:
        return " and ".join(kind for kind, counts in rows.items() if counts[place]) or "no"

    hint = "The two loaders have two tasks: one is learned from, the other only looked at."
    got = f"learned from: {say(0)} rows; only looked at: {say(1)} rows"
    expected = "learned from: training rows; only looked at: validation rows"
    expect.true(learned > 0 and not leaked and looked_at > 0, expected, got, hint=hint)
    expect.true(learned == 36, "3 epochs of 12 training rows: 36 rows learned from", f"{learned} rows", hint=hint)
    first, want = _history(answer)["train_loss"][:1], rmse(task.model, *task.train) ** 2
    words = f'history["train_loss"][0]: {want:.4g}, the loss of the training rows at first'
    # Its root is a mistake that another rung looks for.
    right = any(np.isclose(value, loss, rtol=TOLERANCE) for value in first for loss in (want, np.sqrt(want)))
    expect.true(right, words, expect.show(first), "12 training rows in one batch", hint)


def _say_rates(got: np.ndarray, recipe: Recipe) -> str | None:
    """Return in words how the rates of 6 epochs drop where a common mistake explains them, else None."""
    mistakes = {
        "a rate that never drops": replace(recipe, step_size=99),
        "a rate that drops as if every batch were an epoch": replace(recipe, lr_per="batch"),
        "a rate that drops after every epoch": replace(recipe, step_size=1),
    }
    if _drops_like(got, recipe, start=1):
        return "each drop stands one epoch too early"
    return next(
        (words for words, wrong in mistakes.items() if any(_drops_like(got, wrong, start) for start in (0, 1))), None
    )


def _drops_like(got: np.ndarray, recipe: Recipe, start: int = 0) -> bool:
    """Return whether these are the rates of 6 epochs of 3 batches, from the epoch ``start`` on."""
    used = [recipe.rate(epoch, 0, 3) for epoch in range(start, start + 6)]
    return got.shape == (6,) and np.allclose(got, used, rtol=1e-6)


def _expect_trained(answer: dict[str, Any], task: FitTask) -> None:
    """Expect weights that moved, and a validation error that is theirs: a list of rates alone trains nothing."""
    model = Linear(np.asarray(answer["weight"]), np.asarray(answer["bias"]))
    hint = (
        "Train the model that comes in, and note in each epoch what evaluate says of it. A mistake in your evaluate "
        "shows here too; mend that one first."
    )
    moved = model.weight.shape == task.model.weight.shape and not np.allclose(model.weight, task.model.weight)
    expect.true(moved, "a model that was trained", "the weights that it came with", hint=hint)
    # Which rows, and whether the root was taken, is asked elsewhere.
    theirs = [error**power for error in (rmse(model, *task.val), rmse(model, *task.train)) for power in (1, 2)]
    noted = _history(answer)["val_rmse"]
    known = any(np.isclose(value, error, rtol=TOLERANCE) for value in noted for error in theirs)
    own = f"{theirs[0]:.4g}, the RMSE of the weights it ends with"
    expect.true(known, f'history["val_rmse"]: an entry that is {own}', expect.show(noted), hint=hint)


def _noted_rates(student: Student, rng: np.random.Generator, epochs: int, step_size: int) -> tuple[Recipe, np.ndarray]:
    """Let the student train by a rate that halves after every ``step_size`` epochs; return what was noted of it."""
    recipe = Recipe(epochs, round(float(rng.uniform(0.01, 0.05)), 4), step_size, 0.5, 9, 4)
    task = draw_task(rng, recipe)
    answer = task.ask(student)
    got = np.array(_history(answer)["lr"], dtype=float)
    _expect_trained(answer, task)
    return recipe, got


@fit.rung("values", points=3)
def drops_the_learning_rate(student: Student, rng: np.random.Generator) -> None:
    """The learning rate drops by gamma after every step_size epochs; noted is the one that the epoch used."""
    recipe, got = _noted_rates(student, rng, epochs=6, step_size=2)
    if _drops_like(got, recipe):
        return
    example = f"lr {recipe.lr}, step_size 2, gamma 0.5, 6 epochs of 3 batches"
    hint = "A scheduler counts how often its step() is called. How often is that in an epoch, and when do you note?"
    if words := _say_rates(got, recipe):
        raise expect.Mismatch('history["lr"]: a rate that halves after every 2 epochs', words, example, hint)
    used = [recipe.rate(epoch, 0, 3) for epoch in range(6)]
    expect.close(got, used, rtol=1e-6, atol=0, what='history["lr"]', example=example, hint=hint)


@fit.rung("edge cases", points=1)
def drops_after_single_epochs(student: Student, rng: np.random.Generator) -> None:
    """With step_size 1 the learning rate drops after every epoch."""
    recipe, got = _noted_rates(student, rng, epochs=4, step_size=1)
    used = [recipe.rate(epoch, 0, 3) for epoch in range(4)]
    example = f"lr {recipe.lr}, step_size 1, gamma 0.5, 4 epochs of 3 batches"
    hint = "Do the rate, step_size and gamma of the scheduler come from the config?"
    expect.close(got, used, rtol=1e-6, atol=0, what='history["lr"]', example=example, hint=hint)


@fit.rung("values", points=4)
def trains_with_adam(student: Student, rng: np.random.Generator) -> None:
    """Loss and validation RMSE of every epoch, under Adam and StepLR."""
    task = draw_task(rng, Recipe(5, 0.05, 2, 0.5, 9, 4), gaps=True)
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
    task, want = draw_overfitting_task(rng)
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
    task, run = draw_overfitting_task(rng)
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


def _expect_all_put_back(answer: dict[str, Any], task: FitTask, run: Run) -> None:
    """Expect the buffers of the best epoch beside its weights: one counts the passes in train mode."""
    batches = -(-len(task.train[0]) // task.recipe.batch_size)
    # Who evaluates in train mode has lost the points of that exercise.
    known = [(run.best + 1) * passes for passes in (batches, batches + 1)]
    hint = "Normalization keeps averages that are no parameters. What holds all that a model has learned?"
    expected = f"buffers, such as the averages of a BatchNorm, of epoch {run.best + 1}, as the weights"
    expect.true(
        answer["steps"] in known, expected, "the weights of that epoch, and buffers of another moment", hint=hint
    )


@fit.rung("values", points=2)
def ends_with_the_best_weights_without_a_stop(student: Student, rng: np.random.Generator) -> None:
    """The best weights come back as well where the epochs run out before the patience does, and buffers with them."""
    task, run = draw_overfitting_task(rng)
    epochs = run.best + 3
    task = replace(task, recipe=replace(task.recipe, epochs=epochs, patience=50))
    answer = task.ask(student, counted=True)
    if _same(answer, run.models[run.best]):
        _expect_all_put_back(answer, task, run)
        return
    example = f"patience 50, {epochs} epochs, validation RMSE {[round(value, 3) for value in run.val_rmse[:epochs]]}"
    hint = "A training can end in several ways. On which of them are the best weights put back?"
    expected = f"the weights afterwards: those of epoch {run.best + 1}"
    words = _say_weights(answer, task, run) or f"others, [{expect.show(float(answer['weight'].flat[0]))}, …]"
    raise expect.Mismatch(expected, words, example, hint)


@fit.rung("side effects", points=1)
def an_interrupt_ends_the_training(student: Student, rng: np.random.Generator) -> None:
    """An interrupt (Ctrl-C) in the third epoch: two epochs are noted, and the better one's weights are there."""
    while True:
        task = draw_task(rng, Recipe(6, 0.05, 9, 0.5, 9, 4))
        run = task.simulate()
        # Which of the first two is better must be clear in float32.
        if abs(run.val_rmse[0] - run.val_rmse[1]) > 5e-3:
            break
    example, hint = "KeyboardInterrupt in the second batch of epoch 3", "An interrupt is an exception: who catches it?"
    try:
        answer = task.ask(student, interrupted_at=8)
    except StudentError as error:
        if "KeyboardInterrupt" not in error.bases:
            raise
        expected = "a training that ends, and returns its history"
        raise expect.Mismatch(expected, "KeyboardInterrupt", example, hint, where=error.where) from None
    for key, values in _history(answer).items():
        expect.true(len(values) == 2, f"{key}: the entries of 2 finished epochs", f"{len(values)}", example, hint)
    best = int(np.argmin(run.val_rmse[:2]))
    got = "others"
    if not _same(answer, run.models[best]):
        raise expect.Mismatch(f"the weights of epoch {best + 1}, the better one", got, example, hint)


@fit.rung("edge cases", points=1)
def waits_for_patience(student: Student, rng: np.random.Generator) -> None:
    """With more patience than epochs, every epoch is trained."""
    task, _ = draw_overfitting_task(rng)
    task = replace(task, recipe=replace(task.recipe, epochs=12, patience=50))
    epochs = len(_history(task.ask(student))["val_rmse"])
    expect.true(epochs == 12, "12 epochs with patience 50", f"{epochs} epochs", hint="patience comes from the config.")
