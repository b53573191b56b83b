"""Train a small model as a student's ``train_two_phase`` does, and say what each step of it did.

Every step of an optimizer is told, whoever calls it: ``fit``, ``train_on_batch`` or a loop of the student's own.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import keras
import numpy as np

from ..names import Names
from .lesson_04_small_model import (
    eager,
    keep_traced,
    kind_of_optimizer,
    listening,
    saved_weights,
    small_model,
    weights_of,
    with_checkpoint,
)


class TooManySteps(RuntimeError):
    """The training goes on long after its epochs are over."""


ARRAYS = ("x", "y", "x_val", "y_val")
# An optimizer that goes on for so many times its share of steps obeys no `stop_training`.
PATIENCE = 4


class Diary:
    """The steps of a training, in order: the optimizer, the images it saw, the weights before and after.

    After ``most`` steps of one optimizer the model is told to stop, as an EarlyStopping would.
    """

    def __init__(self, model: keras.Model, outputs: int, most: int) -> None:
        self._model, self._outputs, self._most = model, outputs, most
        self._optimizers: list[Any] = []
        self._shown: tuple[np.ndarray, bool] | None = None
        self.steps: list[dict[str, Any]] = []

    def show(self, first_pixels: np.ndarray, training: bool) -> None:
        """Remember the batch a small model is shown; one shown in training counts before any other."""
        if training or self._shown is None or not self._shown[1]:
            self._shown = first_pixels, training

    def _weights(self, variables: list[Any]) -> np.ndarray | None:
        """The weights of a small model; None where the variables are those of another network."""
        if [tuple(variable.shape) for variable in variables] != [(1, self._outputs)]:
            return None
        return np.array(keras.ops.convert_to_numpy(variables[0])).ravel()

    def step(self, optimizer: Any, variables: list[Any], start: np.ndarray | None) -> None:
        """Enter a step of the optimizer that began at ``start``."""
        # Every compile brings an optimizer of its own.
        if not any(known is optimizer for known in self._optimizers):
            self._optimizers.append(optimizer)
        number = next(n for n, known in enumerate(self._optimizers) if known is optimizer)
        images = None if start is None or self._shown is None else self._shown[0]
        self._shown = None
        entry = {"optimizer": number, "type": kind_of_optimizer(optimizer), "images": images}
        self.steps.append({**entry, "start": start, "end": None if start is None else self._weights(variables)})
        taken = sum(step["optimizer"] == number for step in self.steps)
        if taken >= self._most:
            self._model.stop_training = True
        if taken >= PATIENCE * self._most:
            raise TooManySteps(f"{taken} steps of one optimizer, and no end")

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Keep the diary of everything that is trained meanwhile."""
        original = keras.optimizers.Optimizer.apply

        def apply(optimizer: Any, grads: Any, trainable_variables: Any = None) -> Any:
            given = optimizer._trainable_variables if trainable_variables is None else trainable_variables
            variables = list(given)
            start = self._weights(variables)
            result = original(optimizer, grads, None if trainable_variables is None else variables)
            self.step(optimizer, variables, start)
            return result

        with patch.object(keras.optimizers.Optimizer, "apply", apply), listening(self.show):
            yield


def _history(history: Any) -> Any:
    """The dict of lists that a history is or, as Keras's own History, holds; numbers as floats."""
    history = getattr(history, "history", history)
    if not isinstance(history, dict):
        return history
    return {
        str(key): [float(v) for v in values] if isinstance(values, list | tuple | np.ndarray) else values
        for key, values in history.items()
    }


def train(
    names: Names,
    *,
    x: np.ndarray,
    y: np.ndarray,
    x_val: np.ndarray,
    y_val: np.ndarray,
    epochs: list[int],
    batch_size: int,
    gain: float,
    most_steps: int,
    seed: int,
) -> dict[str, Any]:
    """Train a small model in both phases; return its histories, each step, its last weights, the checkpoint's.

    After ``most_steps`` of one optimizer the model is told to stop; TooManySteps is raised where it does not.
    """

    def run(path: str) -> dict[str, Any]:
        keras.utils.set_random_seed(seed)
        model = small_model(y.shape[1], gain)
        keep_traced(model)
        diary = Diary(model, y.shape[1], most_steps)
        arrays = [array.copy() for array in (x, y, x_val, y_val)]
        with eager(), diary.kept():
            result = names["train_two_phase"](
                model, *arrays, epochs=tuple(epochs), batch_size=batch_size, checkpoint_path=path
            )
        # Read before the checkpoint's are read into the same model.
        weights, told = weights_of(model), result if isinstance(result, dict) else {}
        return {
            "histories": {str(k): _history(v) for k, v in told.items()} if told is result else result,
            "kinds": {str(k): "dict" if isinstance(v, dict) else type(v).__name__ for k, v in told.items()},
            "steps": diary.steps,
            "optimizer": kind_of_optimizer(getattr(model, "optimizer", None)),
            "weights": weights,
            "saved": saved_weights(path, model),
            "spoiled": [name for name, array in zip(ARRAYS, arrays, strict=True) if not np.isfinite(array).all()],
        }

    return with_checkpoint(names, run)


def defaults(names: Names) -> dict[str, Any]:
    """The names and default values of the parameters of ``train_two_phase``."""
    parameters = inspect.signature(names["train_two_phase"]).parameters.values()
    return {p.name: "(none)" if p.default is inspect.Parameter.empty else p.default for p in parameters}
