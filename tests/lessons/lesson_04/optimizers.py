"""Right answers to ``compile_phase`` in other styles."""

from __future__ import annotations

from typing import Any

import keras

from tests.lessons.answers import Answer


def compile_with_words(model: keras.Model, phase: int) -> keras.Model:
    optimizers = {1: keras.optimizers.Adam(0.0005), 2: keras.optimizers.SGD(1e-3, momentum=0.9)}
    if phase not in optimizers:
        raise ValueError(phase)
    model.compile(optimizers[phase], "huber", metrics=["mae"])
    return model


def compile_by_match(model: keras.Model, phase: int) -> None:
    match phase:
        case 1:
            chosen = keras.optimizers.Adam(learning_rate=5e-4, beta_1=0.9)
        case 2:
            chosen = keras.optimizers.SGD(learning_rate=0.001, momentum=0.9, nesterov=False)
        case _:
            raise ValueError(f"phase {phase}")
    model.compile(loss=keras.losses.huber, optimizer=chosen)


def compile_by_config(model: keras.Model, phase: int) -> None:
    class WrongPhase(ValueError):
        pass

    if phase != 1 and phase != 2:
        raise WrongPhase("1 or 2")
    settings = {"learning_rate": 5e-4} if phase == 1 else {"learning_rate": 1e-3, "momentum": 0.9}
    optimizer = keras.optimizers.get({"class_name": "adam" if phase == 1 else "SGD", "config": settings})
    model.compile(optimizer=optimizer, loss=keras.losses.Huber(delta=1.0), run_eagerly=False)


def compile_with_own_loss(model: keras.Model, phase: int) -> None:
    """The loss as a function, the learning rate set afterwards."""

    def huber(wanted: Any, got: Any) -> Any:
        size = keras.ops.abs(wanted - got)
        return keras.ops.mean(keras.ops.where(size <= 1.0, 0.5 * size**2, size - 0.5), axis=-1)

    try:
        name, rate = {1: ("adam", 5e-4), 2: ("sgd", 1e-3)}[phase]
    except KeyError:
        raise ValueError(f"no phase {phase}") from None
    optimizer = keras.optimizers.get(name)
    optimizer.learning_rate = rate
    if phase == 2:
        optimizer.momentum = 0.9
    model.compile(optimizer, loss=huber, jit_compile=False)


def compile_nesterov(model: keras.Model, phase: int) -> None:
    """Options that the contract leaves open."""
    if phase not in (1, 2):
        raise ValueError("phase must be 1 or 2")
    adam = keras.optimizers.Adam(5e-4, clipnorm=1.0, epsilon=1e-8)
    sgd = keras.optimizers.SGD(1e-3, 0.9, nesterov=True)
    loss = keras.losses.Huber(reduction="mean", name="huber_loss")
    model.compile(sgd if phase == 2 else adam, loss, metrics=["mse"], run_eagerly=True)


RIGHT = [
    Answer("compile_phase", compiled.__name__, {"compile_phase": compiled})
    for compiled in (compile_with_words, compile_by_match, compile_by_config, compile_with_own_loss, compile_nesterov)
]
