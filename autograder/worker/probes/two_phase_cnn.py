"""Build and train what a student's lesson 04 builds and trains, and say what happened."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np

from ..names import Names


@contextmanager
def _recorded_calls(calls: list[tuple[Any, Any, Any]]) -> Iterator[None]:
    """Append (layer, input, output) for every layer that is called, in the order in which the calls end."""
    original = keras.layers.Layer.__call__

    def record(layer: Any, *args: Any, **kwargs: Any) -> Any:
        output = original(layer, *args, **kwargs)
        calls.append((layer, args[0] if args else next(iter(kwargs.values()), None), output))
        return output

    keras.layers.Layer.__call__ = record
    try:
        yield
    finally:
        keras.layers.Layer.__call__ = original


class TooManyWeights(MemoryError):
    """A network is being built that no laptop could train."""


@contextmanager
def _weights_bounded(most: int) -> Iterator[None]:
    """Refuse a layer of more than ``most`` weights before it takes the memory: without pooling, one needs 2 GB."""
    original = keras.layers.Layer.add_weight

    def add_weight(layer: Any, shape: Any = None, *args: Any, **kwargs: Any) -> Any:
        count = math.prod(shape or ())
        if count > most:
            raise TooManyWeights(f"{count:,} weights in one layer, {' x '.join(map(str, shape))}")
        return original(layer, shape, *args, **kwargs)

    keras.layers.Layer.add_weight = add_weight
    try:
        yield
    finally:
        keras.layers.Layer.add_weight = original


def _before_activation(layer: Any, inputs: Any) -> np.ndarray:
    """What the layer computes before its own activation, from its kernel, bias and input."""
    if isinstance(layer, keras.layers.Dense):
        out = keras.ops.matmul(inputs, layer.kernel)
    else:
        out = keras.ops.conv(
            inputs,
            layer.kernel,
            strides=list(layer.strides),
            padding=layer.padding,
            data_format=layer.data_format,
            dilation_rate=layer.dilation_rate,
        )
    if layer.bias is not None:
        out = keras.ops.add(out, layer.bias)
    return keras.ops.convert_to_numpy(out)


def _describe(layer: Any, inputs: Any) -> dict[str, Any] | None:
    """A convolution or dense layer with its numbers, a dropout with its rate; None for any other layer."""
    if isinstance(layer, keras.layers.Conv2D | keras.layers.Dense):
        return {
            "kind": "conv" if isinstance(layer, keras.layers.Conv2D) else "dense",
            "kernel": list(layer.kernel.shape),
            "strides": list(getattr(layer, "strides", [])),
            "input": keras.ops.convert_to_numpy(inputs),
            "before_activation": _before_activation(layer, inputs),
        }
    if isinstance(layer, keras.layers.Dropout):
        return {"kind": "dropout", "rate": float(layer.rate)}
    return None


def build(names: Names, *, x: np.ndarray, seed: int, most: int) -> dict[str, Any]:
    """Build the network and follow the images ``x`` through its layers, at inference.

    Raises TooManyWeights where a layer has more than ``most`` weights.
    """
    keras.utils.set_random_seed(seed)
    with _weights_bounded(most):
        return _build(names["build_cnn"](), x)


def _build(model: Any, x: np.ndarray) -> dict[str, Any]:
    found: dict[str, Any] = {"type": type(model).__name__, "is_model": isinstance(model, keras.Model), "value": model}
    if not found["is_model"]:
        return found
    shape = getattr(model, "input_shape", None)
    found["input_shape"] = list(shape) if isinstance(shape, tuple) else None
    tensor = keras.ops.convert_to_tensor(x)
    model(tensor, training=False)
    calls: list[tuple[Any, Any, Any]] = []
    with _recorded_calls(calls):
        output = model(tensor, training=False)
    found["output"] = keras.ops.convert_to_numpy(output)
    found["layers"] = [told for layer, inputs, _ in calls if (told := _describe(layer, inputs)) is not None]
    found["weights"] = [list(weight.shape) for weight in model.trainable_weights]
    return found


def build_twice(names: Names, *, x: np.ndarray) -> dict[str, Any]:
    """Build two networks and zero the weights of the first; return what the second answers before and after."""
    first, second = names["build_cnn"](), names["build_cnn"]()
    tensor = keras.ops.convert_to_tensor(x)
    first(tensor)
    before = keras.ops.convert_to_numpy(second(tensor, training=False))
    first.set_weights([np.zeros_like(weight) for weight in first.get_weights()])
    return {"before": before, "after": keras.ops.convert_to_numpy(second(tensor, training=False))}


def _constant_model(outputs: int, gain: float) -> keras.Model:
    """A network whose answer is ``gain`` times its ``outputs`` weights, all 0 at first, whatever the image shows."""
    constant = keras.layers.Rescaling(scale=0.0, offset=gain)
    dense = keras.layers.Dense(outputs, use_bias=False, kernel_initializer="zeros")
    return keras.Sequential([keras.Input((96, 96, 1)), constant, keras.layers.GlobalAveragePooling2D(), dense])


def _weights_of(model: keras.Model) -> np.ndarray:
    return np.array(model.get_weights()[0]).ravel()


def _set_weights(model: keras.Model, values: np.ndarray) -> None:
    model.set_weights([np.asarray(values, np.float32).reshape(1, -1)])


def _optimizer(model: keras.Model) -> dict[str, Any]:
    optimizer = getattr(model, "optimizer", None)
    return {
        "type": type(optimizer).__name__,
        "learning_rate": float(keras.ops.convert_to_numpy(optimizer.learning_rate)) if optimizer is not None else None,
        "momentum": getattr(optimizer, "momentum", None),
    }


def compiled(names: Names, *, phases: list[int], weights: np.ndarray, target: np.ndarray) -> dict[str, Any]:
    """Compile a small model for each phase in turn; return its optimizer, its loss against ``target``, its weights."""
    model = _constant_model(len(weights), 1.0)
    _set_weights(model, weights)
    for phase in phases:
        names["compile_phase"](model, phase)
    image = np.zeros((len(target), 96, 96, 1), np.float32)
    found = _optimizer(model)
    loss = model.evaluate(image, target, verbose=0, return_dict=True)["loss"] if found["type"] != "NoneType" else None
    return {**found, "loss": loss, "weights": _weights_of(model)}


def _with_checkpoint(names: Names, run: Callable[[str], dict[str, Any]]) -> dict[str, Any]:
    """``run`` with a path for a whole model or, where the student's callback keeps weights alone, with theirs."""
    folder = names.scratch
    for old in folder.glob("best*"):
        old.unlink()
    try:
        return run(str(folder / "best.keras"))
    except ValueError as error:
        if ".weights.h5" not in str(error):
            raise
        return run(str(folder / "best.weights.h5"))


def _saved(path: str, outputs: int, gain: float) -> np.ndarray | None:
    """The weights in a checkpoint; None where there is none."""
    model = _constant_model(outputs, gain)
    try:
        model.load_weights(path)
    except (OSError, ValueError):
        return None
    return _weights_of(model)


def play(names: Names, *, phase: int, val_losses: list[float], losses: list[float]) -> dict[str, Any]:
    """Lead a phase's callbacks through scripted epochs; epoch ``e`` leaves the model with the weight ``e + 1``."""
    return _with_checkpoint(names, lambda path: _play(names, phase, val_losses, losses, path))


def _play(names: Names, phase: int, val_losses: list[float], losses: list[float], path: str) -> dict[str, Any]:
    callbacks = names["phase_callbacks"](phase, path)
    found: dict[str, Any] = {"type": type(callbacks).__name__, "kinds": None}
    if not isinstance(callbacks, list | tuple) or not all(isinstance(c, keras.callbacks.Callback) for c in callbacks):
        return {**found, "value": callbacks}
    found["kinds"] = [[base.__name__ for base in type(callback).__mro__] for callback in callbacks]
    model = _constant_model(1, 1.0)
    model.compile(optimizer=keras.optimizers.SGD(learning_rate=1e-3, momentum=0.9), loss="mse")
    model.stop_training = False
    together = keras.callbacks.CallbackList(list(callbacks), model=model)
    together.on_train_begin()
    rates, saved = [], []
    for epoch, (loss, val_loss) in enumerate(zip(losses, val_losses, strict=True)):
        together.on_epoch_begin(epoch)
        _set_weights(model, np.array([epoch + 1]))
        together.on_epoch_end(epoch, {"loss": loss, "val_loss": val_loss})
        rates.append(float(keras.ops.convert_to_numpy(model.optimizer.learning_rate)))
        weights = _saved(path, 1, 1.0) if phase == 2 else None
        saved.append(None if weights is None else float(weights[0]))
        if model.stop_training:
            break
    together.on_train_end()
    return {**found, "epochs": len(rates), "rates": rates, "saved": saved, "weight": float(_weights_of(model)[0])}


@contextmanager
def _recorded_fits(fits: list[dict[str, Any]], given: keras.Model) -> Iterator[None]:
    """Append what each ``fit`` of any model starts from, passes through and ends with."""
    original = keras.Model.fit
    optimizers: list[Any] = []

    def fit(model: keras.Model, *args: Any, **kwargs: Any) -> Any:
        told: dict[str, Any] = {"given": model is given, **_optimizer(model), "epochs": [], "steps": []}
        # A phase may call fit more than once; every compile brings an optimizer of its own.
        if not any(known is model.optimizer for known in optimizers):
            optimizers.append(model.optimizer)
        told["compile"] = len(optimizers)
        if not told["given"]:
            fits.append(told)
            return original(model, *args, **kwargs)
        told["start"] = _weights_of(model)
        fits.append(told)
        done = [int(model.optimizer.iterations.numpy())]

        def keep(epoch: int, logs: dict | None = None) -> None:
            told["epochs"].append(_weights_of(model))
            done.append(int(model.optimizer.iterations.numpy()))

        watcher = keras.callbacks.LambdaCallback(on_epoch_end=keep)
        bound = inspect.signature(original).bind(model, *args, **kwargs)
        others = bound.arguments.get("callbacks") or []
        others = others.callbacks if isinstance(others, keras.callbacks.CallbackList) else others
        bound.arguments["callbacks"] = [watcher, *(others if isinstance(others, list | tuple) else [others])]
        result = original(*bound.args, **bound.kwargs)
        told["steps"] = [int(step) for step in np.diff(done)]
        told["end"] = _weights_of(model)
        return result

    keras.Model.fit = fit
    try:
        yield
    finally:
        # Model inherits its fit: without this attribute it does so again.
        del keras.Model.fit


def _plain_history(history: Any) -> Any:
    """The dict of lists in a Keras History, or the value itself; numbers as floats."""
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
    seed: int,
) -> dict[str, Any]:
    """Train a small model in both phases; return its histories, each ``fit``, its last weights, the checkpoint's."""

    def run(path: str) -> dict[str, Any]:
        keras.utils.set_random_seed(seed)
        model = _constant_model(y.shape[1], gain)
        fits: list[dict[str, Any]] = []
        arrays = [array.copy() for array in (x, y, x_val, y_val)]
        with _recorded_fits(fits, model):
            result = names["train_two_phase"](
                model, *arrays, epochs=tuple(epochs), batch_size=batch_size, checkpoint_path=path
            )
        histories = {str(k): _plain_history(v) for k, v in result.items()} if isinstance(result, dict) else result
        return {
            "histories": histories,
            "fits": fits,
            "weights": _weights_of(model),
            "saved": _saved(path, y.shape[1], gain),
            "arrays_after": arrays,
        }

    return _with_checkpoint(names, run)


def defaults(names: Names) -> dict[str, Any]:
    """The names and default values of the parameters of ``train_two_phase``."""
    parameters = inspect.signature(names["train_two_phase"]).parameters.values()
    return {p.name: "(none)" if p.default is inspect.Parameter.empty else p.default for p in parameters}
