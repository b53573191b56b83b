"""What fit is set to do: rows of a linear model, drawn so that right and wrong trainings come to different ends."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np

from autograder.checks.common.linear_training import Linear, Rows, gradients
from autograder.checks.lesson_05.simulated_training import Recipe, Run, adam_run, rmse
from autograder.checks.lesson_05.tasks import Task
from autograder.ladder.student import Student


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

    def ask(self, student: Student, interrupted_at: int | None = None, counted: bool = False) -> dict[str, Any]:
        """Let the student's fit do it, interrupted at so many-th batch or not, with a buffer that counts or without."""
        settings = {key: value for key, value in vars(self.recipe).items() if key != "lr_per"}
        task = Task(*self.train, self.model, self.recipe.batch_size)
        images, targets = self.val
        val = {"val_images": images, "val_targets": targets}
        how = {"settings": settings, "interrupted_at": interrupted_at, "counted": counted}
        return student.probe("lesson_05.fit", task=task.inputs(), **val, **how)


def _draw_rows(rng: np.random.Generator, count: int, truth: np.ndarray, gaps: bool) -> Rows:
    images = rng.random((count, 1, 3, 3), dtype=np.float32)
    targets = images.reshape(count, 9) @ truth.T + rng.normal(0, 1, (count, 4))
    # One gap in every row: all batches hold as many labels, so a wrong average costs points in its own exercise only.
    missing = rng.integers(0, 4, count)
    if gaps:
        targets[np.arange(count), missing] = np.nan
    return images, targets.astype(np.float32)


def draw_task(rng: np.random.Generator, recipe: Recipe, gaps: bool = False) -> FitTask:
    """Draw 12 rows to train on, 6 to validate on and a model whose first step under Adam is clear.

    With ``gaps`` one label is missing in every row: what becomes of these is asked for by itself.
    """
    while True:
        truth = rng.normal(0, 1, (4, 9))
        model = Linear(rng.normal(0, 0.3, (4, 9)).astype(np.float32), rng.normal(0, 0.3, 4).astype(np.float32))
        task = FitTask(_draw_rows(rng, 12, truth, gaps), _draw_rows(rng, 6, truth, gaps), model, recipe)
        first = slice(recipe.batch_size)
        _, slope = gradients(model, task.train[0][first], task.train[1][first])
        # Adam's first step follows the sign of the gradient alone, which float32 can't settle near 0.
        if min(np.abs(slope.weight).min(), np.abs(slope.bias).min()) > 1e-3:
            return task


def draw_overfitting_task(rng: np.random.Generator) -> tuple[FitTask, Run]:
    """Return a task whose training stops early, and the right training: one of each run, since few are fit."""
    seeds = rng.bit_generator.seed_seq
    assert isinstance(seeds, np.random.SeedSequence)
    # A rung's generator is made of the run's seed and the rung's name.
    return _overfitting_task(int(np.atleast_1d(np.asarray(seeds.entropy, dtype=object))[0]))


def _stop(values: list[float], patience: int = 3) -> int:
    """Return after how many of the values early stopping ends a training; all of them where it does not."""
    for count in range(1, len(values) + 1):
        if count - 1 - int(np.argmin(values[:count])) >= patience:
            return count
    return len(values)


@lru_cache(maxsize=32)
def _overfitting_task(seed: int) -> tuple[FitTask, Run]:
    """Draw tasks until one stops early, with its best epoch neither first nor last.

    The validation rows lie near what the model says after one of its epochs, so that which epoch is the best does not
    hang on the training loss.
    """
    # Remembered, because every rung, student and mistake of the catalogue is set the same task.
    rng = np.random.default_rng(seed)
    # The rate never drops: when it does is asked for by itself.
    recipe = Recipe(epochs=24, lr=0.5, step_size=99, gamma=0.5, patience=3, batch_size=2)
    while True:
        task = draw_task(rng, recipe)
        whole = task.simulate(patience=99)
        for best in range(1, 12):
            images, targets = task.val
            near = whole.models[best].predict(images) + rng.normal(0, 0.3, targets.shape)
            moved = replace(task, val=(images, np.where(np.isfinite(targets), near, np.nan).astype(np.float32)))
            run = whole.judged_by(*moved.val)
            if _tells_apart(moved, run):
                return moved, run.until(_stop(run.val_rmse))


def _tells_apart(task: FitTask, run: Run) -> bool:
    """Return whether a run without a stop shows what ends a training and which weights it ends with.

    No two values are nearly equal, so that float32 and float64 agree on which is the best, and the first of them is
    better than that of the untrained model, so that it makes no difference whether that was measured too. The lowest
    training loss is of a third epoch, who waits for that loss stops at another one, and the last epoch is worse than
    the one before: so whoever goes by something else comes to another end.
    """
    end, patient = _stop(run.val_rmse), _stop(run.val_rmse, patience=5)
    seen = run.until(end)
    if not (0 < seen.best == int(np.argmin(run.val_rmse[:patient])) and patient < task.recipe.epochs):
        return False
    clear = np.diff(np.sort(run.val_rmse[:patient])).min() > 5e-3
    learned = run.val_rmse[0] < rmse(task.model, *task.val)
    by_training_loss = int(np.argmin(seen.train_loss))
    falls = _stop(run.train_loss)
    elsewhere = by_training_loss not in (seen.best, end - 1) and end < falls < task.recipe.epochs and falls != patient
    return bool(clear and learned and elsewhere and run.val_rmse[end - 1] > run.val_rmse[end - 2])
