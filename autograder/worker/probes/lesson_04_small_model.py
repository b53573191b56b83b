"""A network so small that training it takes no time, and what a probe needs to run and read it."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np

from ..names import Names

# What is told of every batch of images that any small model is shown.
_LISTENERS: list[Callable[[np.ndarray, bool], None]] = []


# Taken before any notebook runs, so that a class of a student's own does not pass for one of Keras's by its name.
OPTIMIZERS = (
    ("AdamW", keras.optimizers.AdamW),
    ("Adam", keras.optimizers.Adam),
    ("SGD", keras.optimizers.SGD),
)


@keras.saving.register_keras_serializable("autograder")
class Constant(keras.layers.Layer):
    """Makes the number ``gain`` of every image, whatever it shows."""

    def __init__(self, gain: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.gain = gain

    def call(self, images: Any, training: bool | None = None) -> Any:
        """Answer (B, 1); where listeners wait, tell them which images came, by the first pixel of each."""
        if _LISTENERS and hasattr(images, "numpy"):
            first_pixels = images[:, 0, 0, 0].numpy()
            for listener in _LISTENERS:
                listener(first_pixels, bool(training))
        return keras.ops.mean(images, axis=(1, 2)) * 0.0 + self.gain

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "gain": self.gain}


def small_model(outputs: int, gain: float) -> keras.Model:
    """A network whose answer is ``gain`` times its ``outputs`` weights, all 0 at first, whatever the image shows."""
    dense = keras.layers.Dense(outputs, use_bias=False, kernel_initializer="zeros")
    return keras.Sequential([keras.Input((96, 96, 1)), Constant(gain), dense])


def kind_of_optimizer(optimizer: Any) -> str:
    """What kind of optimizer it is, by Keras's own classes; else what it is called."""
    kinds = [name for name, kind in OPTIMIZERS if isinstance(optimizer, kind)]
    return kinds[0] if kinds else f"{type(optimizer).__name__}"


def keep_traced(model: keras.Model) -> None:
    """Let a training function keep the optimizer that it was made with, as Keras's traced functions do.

    Without a new compile, ``model.optimizer = …`` changes nothing about a model that was trained before. Eagerly it
    would.
    """
    make = model.make_train_function

    def make_train_function(force: bool = False) -> Any:
        if model.train_function is not None and not force:
            return model.train_function
        make(force)
        made, own = model.train_function, model.optimizer

        def train_function(*args: Any, **kwargs: Any) -> Any:
            current = model.optimizer
            if current is own:
                return made(*args, **kwargs)
            model.optimizer = own
            try:
                return made(*args, **kwargs)
            finally:
                model.optimizer = current

        model.train_function = train_function
        return train_function

    model.make_train_function = make_train_function


def weights_of(model: keras.Model) -> np.ndarray:
    """The weights of a small model, in one dimension."""
    return np.array(model.get_weights()[0]).ravel()


def set_weights(model: keras.Model, values: np.ndarray) -> None:
    """Give a small model its weights."""
    model.set_weights([np.asarray(values, np.float32).reshape(1, -1)])


def saved_weights(path: str, reader: keras.Model) -> np.ndarray | None:
    """The weights in a checkpoint of a small model, read into ``reader``; None where there is none."""
    try:
        reader.load_weights(path)
    except (OSError, ValueError):
        return None
    return weights_of(reader)


@contextmanager
def listening(listener: Callable[[np.ndarray, bool], None]) -> Iterator[None]:
    """Call ``listener(first pixels, training)`` for each batch that a small model is shown."""
    _LISTENERS.append(listener)
    try:
        yield
    finally:
        _LISTENERS.remove(listener)


@contextmanager
def eager() -> Iterator[None]:
    """Run every step as plain Python: a few steps of a small model take less time than tracing one graph."""
    if keras.backend.backend() != "tensorflow":
        yield
        return
    import tensorflow as tf

    before = tf.config.functions_run_eagerly()
    tf.config.run_functions_eagerly(True)
    try:
        with warnings.catch_warnings():
            # TensorFlow warns that its data pipelines stay graphs, which is as it should be.
            warnings.simplefilter("ignore", UserWarning)
            yield
    finally:
        tf.config.run_functions_eagerly(before)


def with_checkpoint(names: Names, run: Callable[[str], dict[str, Any]]) -> dict[str, Any]:
    """``run`` with a path for a whole model or, where the student's callback keeps weights alone, with theirs."""
    # No name that a student would think of: a path of their own must not be this one.
    folder = names.scratch / "kept_here"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    try:
        return run(str(folder / "lowest.keras"))
    except ValueError as error:
        if ".weights.h5" not in str(error):
            raise
        return run(str(folder / "lowest.weights.h5"))
