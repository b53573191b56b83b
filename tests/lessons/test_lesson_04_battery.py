"""The checks of lesson 04 against right answers in other styles: units, optimizers, callbacks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.lessons.battery import grade, story
from tests.reference import reference_names

LESSON = "04_two_phase_cnn"
REFERENCE = reference_names(LESSON)


def unit_by_loop(keypoints: np.ndarray) -> np.ndarray:
    rows = []
    for face in keypoints:
        rows.append([float(value) / 96 for x, y in face for value in (x, y)])
    return np.array(rows, dtype="float32")


def pixels_by_loop(outputs: np.ndarray) -> np.ndarray:
    return np.array([[[row[2 * k] * 96, row[2 * k + 1] * 96] for k in range(15)] for row in outputs], np.float64)


def unit_by_columns(keypoints: np.ndarray) -> np.ndarray:
    out = np.empty((keypoints.shape[0], 30), keypoints.dtype)
    out[:, 0::2] = keypoints[:, :, 0] / 96.0
    out[:, 1::2] = keypoints[:, :, 1] / 96.0
    return out


def pixels_by_columns(outputs: np.ndarray) -> np.ndarray:
    return np.stack([outputs[:, 0::2], outputs[:, 1::2]], axis=-1) * 96


def unit_by_tensorflow(keypoints: np.ndarray) -> np.ndarray:
    return tf.reshape(tf.constant(keypoints, tf.float32) / 96.0, (-1, 30)).numpy()


def pixels_by_tensorflow(outputs: np.ndarray) -> np.ndarray:
    return (tf.reshape(tf.constant(outputs, tf.float32), (-1, 15, 2)) * 96.0).numpy()


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


def callbacks_short(phase: int, checkpoint_path: str) -> list:
    if phase == 1:
        return [keras.callbacks.EarlyStopping(restore_best_weights=True)]
    saving = keras.callbacks.ModelCheckpoint(checkpoint_path, save_best_only=True)
    return [saving, keras.callbacks.ReduceLROnPlateau(patience=5, factor=0.5)]


def callbacks_many(phase: int, checkpoint_path: str) -> list:
    monitor = {"monitor": "val_loss", "mode": "min"}
    stopping = keras.callbacks.EarlyStopping(patience=25, restore_best_weights=True, min_delta=1e-5, **monitor)
    if phase == 1:
        return [keras.callbacks.TerminateOnNaN(), stopping]
    plateau = keras.callbacks.ReduceLROnPlateau(factor=0.5, patience=5, min_lr=1e-7, cooldown=0, **monitor)
    saving = keras.callbacks.ModelCheckpoint(filepath=Path(checkpoint_path), save_best_only=True, **monitor)
    return [keras.callbacks.TerminateOnNaN(), plateau, saving]


def callbacks_of_weights(phase: int, checkpoint_path: str) -> list:
    cb = keras.callbacks
    return {
        1: lambda: [cb.EarlyStopping("val_loss", 1e-6, 15, 0, "auto", restore_best_weights=True)],
        2: lambda: [
            cb.ModelCheckpoint(checkpoint_path, save_best_only=True, save_weights_only=True),
            cb.ReduceLROnPlateau("val_loss", 0.5, 5),
        ],
    }[phase]()


class QuietStopping(keras.callbacks.EarlyStopping):
    """Waits for a number of epochs before it begins to count."""

    def __init__(self) -> None:
        super().__init__(monitor="val_loss", start_from_epoch=10, patience=3, restore_best_weights=True, verbose=0)


def callbacks_with_extras(phase: int, checkpoint_path: str) -> list:
    """Subclasses, a progress bar, a log; phase 2 stops early, too."""
    cb = keras.callbacks
    if phase == 1:
        return [REFERENCE["EpochBar"]("phase 1"), QuietStopping(), cb.LambdaCallback(on_epoch_end=lambda e, logs: None)]
    return [
        cb.EarlyStopping(patience=20, restore_best_weights=True),
        cb.ReduceLROnPlateau(patience=5, factor=0.5, min_delta=0, cooldown=2, min_lr=1e-6, verbose=1),
        cb.ModelCheckpoint(str(checkpoint_path), monitor="val_loss", save_best_only=True, save_freq="epoch", verbose=1),
        REFERENCE["EpochBar"]("phase 2"),
    ]


def callbacks_patient(phase: int, checkpoint_path: str) -> list:
    """Waits longer than most trainings last: the best weights come back at the end."""
    if phase == 1:
        return [keras.callbacks.EarlyStopping(patience=150, restore_best_weights=True, mode="min")]
    lower = keras.callbacks.ReduceLROnPlateau(factor=0.5, patience=5, min_delta=1e-6)
    return [keras.callbacks.ModelCheckpoint(checkpoint_path, save_best_only=True, mode="min"), lower]


def callbacks_in_any_phase(phase: int, checkpoint_path: str) -> list:
    """All three in both phases: each phase has what it needs."""
    return [
        keras.callbacks.EarlyStopping(patience=12, restore_best_weights=True),
        keras.callbacks.ReduceLROnPlateau(patience=5, factor=0.5),
        keras.callbacks.ModelCheckpoint(checkpoint_path, save_best_only=True),
    ]


RIGHT: dict[str, list[dict[str, Callable]]] = {
    "to_unit_targets": [
        {"to_unit_targets": unit_by_loop, "to_pixels": pixels_by_loop},
        {"to_unit_targets": unit_by_columns, "to_pixels": pixels_by_columns},
        {"to_unit_targets": unit_by_tensorflow, "to_pixels": pixels_by_tensorflow},
    ],
    "compile_phase": [
        {"compile_phase": f}
        for f in (
            compile_with_words,
            compile_by_match,
            compile_by_config,
            compile_with_own_loss,
            compile_nesterov,
        )
    ],
    "phase_callbacks": [
        {"phase_callbacks": f}
        for f in (
            callbacks_short,
            callbacks_many,
            callbacks_of_weights,
        )
    ],
}
# What few will write: with some seeds.
UNUSUAL: dict[str, list[dict[str, Callable]]] = {
    "phase_callbacks": [
        {"phase_callbacks": f} for f in (callbacks_with_extras, callbacks_patient, callbacks_in_any_phase)
    ],
}
SEEDS, SOME_SEEDS = 20, 2


def _answers(listed: dict[str, list[dict[str, Callable]]], seeds: int) -> list[Any]:
    return [
        pytest.param(exercise, names, seeds, id=f"{exercise}-{names[exercise].__name__}")
        for exercise, answers in listed.items()
        for names in answers
    ]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("exercise", "names", "seeds"), [*_answers(RIGHT, SEEDS), *_answers(UNUSUAL, SOME_SEEDS)])
def test_right_answers_score_in_full_with_every_seed(exercise: str, names: dict[str, Callable], seeds: int) -> None:
    for seed in range(seeds):
        result = grade(exercise, {**REFERENCE, **names}, seed)
        assert result.outcome == "passed", f"seed {seed}: {story(result)}"
