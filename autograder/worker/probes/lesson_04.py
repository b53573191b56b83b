"""Build, compile and call back what a student's lesson 04 does, and say what happened."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

import keras
import numpy as np

from ..names import Names
from . import lesson_04_training
from .lesson_04_small_model import (
    eager,
    keep_traced,
    kind_of_optimizer,
    saved_weights,
    set_weights,
    small_model,
    weights_of,
    with_checkpoint,
)

# A worker finds probes in the module that has the lesson's name.
train, defaults = lesson_04_training.train, lesson_04_training.defaults


@contextmanager
def _each_call(note: Callable[[Any, Any, Any], None]) -> Iterator[None]:
    """Call ``note(layer, input, output)`` for every layer that is called, in the order in which the calls end."""
    original = keras.layers.Layer.__call__

    def call(layer: Any, *args: Any, **kwargs: Any) -> Any:
        output = original(layer, *args, **kwargs)
        note(layer, args[0] if args else next(iter(kwargs.values()), None), output)
        return output

    with patch.object(keras.layers.Layer, "__call__", call):
        yield


class TooManyWeights(MemoryError):
    """A network is being built that no laptop could train."""


# To draw the first weights of a layer takes longer than all that is done with it; from this size on they are zeros.
LARGE = 100_000


@contextmanager
def _cheap_weights(most: int) -> Iterator[None]:
    """Draw no weights for large layers, and refuse one of more than ``most``: without pooling, one needs 2 GB."""
    original = keras.layers.Layer.add_weight

    def add_weight(layer: Any, shape: Any = None, *args: Any, **kwargs: Any) -> Any:
        count = math.prod(shape or ())
        if count > most:
            raise TooManyWeights(f"{count:,} weights in one layer, {' x '.join(map(str, shape))}")
        if count >= LARGE and "initializer" in kwargs:
            kwargs["initializer"] = "zeros"
        return original(layer, shape, *args, **kwargs)

    with patch.object(keras.layers.Layer, "add_weight", add_weight):
        yield


def _kind(layer: Any) -> str | None:
    """What a layer counts as here; None for one that has no weights and drops nothing."""
    if isinstance(layer, keras.layers.Dropout):
        return "dropout"
    if isinstance(layer, keras.layers.Conv2D):
        return "conv"
    return "dense" if isinstance(layer, keras.layers.Dense) else None


def _describe(layer: Any, inputs: Any) -> dict[str, Any]:
    """A convolution or dense layer: the shape of its kernel, how it goes over its input, and the input."""
    return {
        "kind": _kind(layer),
        "kernel": list(layer.kernel.shape),
        "bias": layer.bias is not None,
        "trained": bool(layer.trainable_weights),
        "strides": list(getattr(layer, "strides", [])),
        "dilation": list(getattr(layer, "dilation_rate", [])),
        "padding": getattr(layer, "padding", None),
        "input": keras.ops.convert_to_numpy(inputs),
    }


@contextmanager
def _recorded_dropouts(found: list[dict[str, Any]]) -> Iterator[None]:
    """Append every dropout that is called as a function; a layer's own does not pass through here."""
    places: list[Any] = [keras.random]
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        places.append(tf.nn)

    def recording(original: Any) -> Any:
        def dropout(*args: Any, **kwargs: Any) -> Any:
            found.append({"kind": "dropout", "rate": float(kwargs["rate"] if "rate" in kwargs else args[1])})
            return original(*args, **kwargs)

        return dropout

    with ExitStack() as replaced:
        for place in places:
            replaced.enter_context(patch.object(place, "dropout", recording(place.dropout)))
        yield


def build(names: Names, *, x: np.ndarray, seed: int, most: int) -> dict[str, Any]:
    """Build the network, see the order of its layers in training, and follow an image through them at inference.

    The weights are drawn from the seed, layer by layer, so that they are the same however the network is written.
    Raises TooManyWeights where a layer has more than ``most`` weights.
    """
    with _cheap_weights(most):
        return _build(names["build_cnn"](), x, np.random.default_rng(seed))


def _fill(layers: list[Any], rng: np.random.Generator) -> None:
    """Give each layer weights whose answers are neither tiny nor huge, and biases that are not all 0."""
    # A prime number of draws, repeated: no two units of a layer get the same weights.
    draws = rng.uniform(-1, 1, 65_537).astype(np.float32)
    for layer in layers:
        shape = tuple(layer.kernel.shape)
        size = np.float32(np.sqrt(6 / math.prod(shape[:-1])))
        layer.kernel.assign(np.resize(rng.permutation(draws) * size, shape))
        if layer.bias is not None:
            layer.bias.assign(rng.uniform(-0.1, 0.1, shape[-1]).astype(np.float32))


def _build(model: Any, x: np.ndarray, rng: np.random.Generator) -> dict[str, Any]:
    found: dict[str, Any] = {"type": type(model).__name__, "is_model": isinstance(model, keras.Model), "value": model}
    if not found["is_model"]:
        return found
    shape = getattr(model, "input_shape", None)
    found["input_shape"] = list(shape) if isinstance(shape, tuple) else None
    weighted: list[Any] = []
    told_weights: set[int] = set()
    found["others"], found["order"] = [], []
    train_inputs: list[np.ndarray] = []

    def find_weights(layer: Any, inputs: Any, output: Any) -> None:
        # A subclassed network makes its weights in a first call on symbols.
        if not hasattr(output, "numpy"):
            return
        # What a layer consists of is called before its own call ends.
        own = {id(weight) for weight in layer.trainable_weights} - told_weights
        told_weights.update(own)
        if _kind(layer) in ("conv", "dense"):
            if not any(layer is known for known in weighted):
                weighted.append(layer)
        elif own:
            found["others"].append(type(layer).__name__)

    def note_order(layer: Any, inputs: Any, output: Any) -> None:
        kind = _kind(layer)
        if kind == "dropout":
            acts = bool(keras.ops.any(keras.ops.not_equal(output, inputs)))
            found["order"].append({"kind": kind, "rate": float(layer.rate) if acts else 0.0})
        elif kind is not None:
            found["order"].append({"kind": kind})
            train_inputs.append(keras.ops.convert_to_numpy(inputs))

    with _each_call(find_weights):
        found["shape_of_two"] = list(model(keras.ops.convert_to_tensor(x), training=False).shape)
    _fill(weighted, rng)
    one = keras.ops.convert_to_tensor(x[:1])
    with _each_call(note_order), _recorded_dropouts(found["order"]):
        model(one, training=True)
    layers: list[dict[str, Any]] = []

    def describe(layer: Any, inputs: Any, output: Any) -> None:
        if _kind(layer) in ("conv", "dense"):
            layers.append(_describe(layer, inputs))

    with _each_call(describe):
        output = model(one, training=False)
    for layer, inputs in zip(layers, train_inputs, strict=False):
        layer["train_input"] = inputs
    found["output"], found["layers"] = keras.ops.convert_to_numpy(output), layers
    return found


def build_twice(names: Names, *, x: np.ndarray, most: int) -> int:
    """Build two networks and return how many weights they share."""
    with _cheap_weights(most):
        models = names["build_cnn"](), names["build_cnn"]()
        for model in models:
            # A subclassed network has no weights before its first call.
            if not model.weights:
                model(keras.ops.convert_to_tensor(x))
    first, second = ({id(weight) for weight in model.weights} for model in models)
    return len(first & second)


# Taken before any notebook runs, as the optimizers are.
CALLBACKS = {name: getattr(keras.callbacks, name) for name in ("EarlyStopping", "ReduceLROnPlateau", "ModelCheckpoint")}


def _optimizer(model: keras.Model) -> dict[str, Any]:
    optimizer = getattr(model, "optimizer", None)
    kind, name = kind_of_optimizer(optimizer), type(optimizer).__name__
    return {
        "type": kind,
        "name": kind if name == kind else f"{name}, a kind of {kind}" if kind != "NoneType" else "none",
        "learning_rate": float(keras.ops.convert_to_numpy(optimizer.learning_rate)) if optimizer is not None else None,
        "momentum": getattr(optimizer, "momentum", None),
    }


def compiled(
    names: Names, *, phases: list[int], weights: np.ndarray, target: np.ndarray, steps: np.ndarray
) -> dict[str, Any]:
    """Compile a small model for each phase in turn; return its optimizer, its loss against ``target``, its weights.

    Then it is trained on the batches of targets ``steps``, (S, B, D); returned are the weights after each.
    """
    model = small_model(len(weights), 1.0)
    keep_traced(model)
    set_weights(model, weights)
    image, compiles = np.zeros((len(target), 96, 96, 1), np.float32), []
    compile_any = keras.Model.compile

    def counted(any_model: Any, *args: Any, **kwargs: Any) -> None:
        compiles.append(1)
        compile_any(any_model, *args, **kwargs)

    with eager():
        for phase in phases:
            with patch.object(keras.Model, "compile", counted):
                names["compile_phase"](model, phase)
            # As a fit would: a training function belongs to the optimizer that it was made with.
            if getattr(model, "optimizer", None) is not None:
                model.make_train_function()
        found, passed = {**_optimizer(model), "weights": weights_of(model), "loss": None}, []
        if found["type"] != "NoneType":
            found["loss"] = float(model.test_on_batch(image, target, return_dict=True)["loss"])
            for batch in steps:
                model.train_on_batch(np.zeros((len(batch), 96, 96, 1), np.float32), batch)
                passed.append(weights_of(model))
    return {**found, "passed": passed, "compiles": len(compiles)}


def play(names: Names, *, phase: int, val_losses: list[float], losses: list[float], read: bool) -> dict[str, Any]:
    """Lead a phase's callbacks through scripted epochs; epoch ``e`` leaves the model with the weight ``e + 1``.

    ``read`` says whether the checkpoint is to be read after each epoch.
    """
    return with_checkpoint(names, lambda path: _play(names, phase, val_losses, losses, path, read))


def _play(
    names: Names, phase: int, val_losses: list[float], losses: list[float], path: str, read: bool
) -> dict[str, Any]:
    callbacks = names["phase_callbacks"](phase, path)
    found: dict[str, Any] = {"type": type(callbacks).__name__, "kinds": None}
    if not isinstance(callbacks, list | tuple) or not all(isinstance(c, keras.callbacks.Callback) for c in callbacks):
        return {**found, "value": callbacks}
    found["kinds"] = [
        [name for name, kind in CALLBACKS.items() if isinstance(callback, kind)] for callback in callbacks
    ]
    model = small_model(1, 1.0)
    model.compile(optimizer=keras.optimizers.SGD(learning_rate=1e-3, momentum=0.9), loss="mse")
    model.stop_training = False
    told = {"epochs": len(val_losses), "steps": 1, "verbose": 0}
    together = keras.callbacks.CallbackList(list(callbacks), model=model, **told)
    together.on_train_begin()
    rates, saved, reader = [], [], small_model(1, 1.0)
    for epoch, (loss, val_loss) in enumerate(zip(losses, val_losses, strict=True)):
        together.on_epoch_begin(epoch)
        set_weights(model, np.array([epoch + 1]))
        together.on_epoch_end(epoch, {"loss": loss, "val_loss": val_loss})
        rates.append(float(keras.ops.convert_to_numpy(model.optimizer.learning_rate)))
        weights = saved_weights(path, reader) if read else None
        saved.append(None if weights is None else float(weights[0]))
        if model.stop_training:
            break
    together.on_train_end()
    return {**found, "epochs": len(rates), "rates": rates, "saved": saved, "weight": float(weights_of(model)[0])}
