"""The checks of lesson 04 against right answers written in other styles."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from tests.battery import grade, story
from tests.reference import reference_names

LESSON = "04_two_phase_cnn"
REFERENCE = reference_names(LESSON)
RATES = (0.05, 0.01, 0.15)


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


def cnn_functional() -> keras.Model:
    inputs = keras.Input(shape=(96, 96, 1))
    x = inputs
    for filters, rate in zip((32, 64, 128), RATES, strict=True):
        x = layers.Conv2D(filters, (3, 3), activation="leaky_relu")(x)
        x = layers.MaxPool2D((2, 2))(x)
        x = layers.Dropout(rate)(x)
    x = layers.Flatten()(x)
    x = layers.Dense(500, activation=layers.LeakyReLU())(x)
    x = layers.Dense(500, activation=keras.activations.leaky_relu)(x)
    return keras.Model(inputs, layers.Dense(30, activation="linear")(x))


def cnn_pooled_first() -> keras.Model:
    model = keras.models.Sequential()
    model.add(layers.InputLayer(shape=(96, 96, 1)))
    for filters, rate in zip((32, 64, 128), RATES, strict=True):
        model.add(layers.Conv2D(filters, 5, padding="same", use_bias=False, kernel_initializer="he_normal"))
        model.add(layers.MaxPooling2D(strides=2, padding="same"))
        model.add(layers.Activation("leaky_relu"))
        model.add(layers.Dropout(rate=rate, seed=1))
    model.add(layers.Permute((3, 1, 2)))
    model.add(layers.Reshape((-1,)))
    for _ in range(2):
        model.add(layers.Dense(500, kernel_initializer="he_uniform"))
        model.add(layers.LeakyReLU(negative_slope=0.01))
    model.add(layers.Dense(30))
    return model


class SubclassedCnn(keras.Model):
    """Layers created out of order, activations as functions, no activation layer anywhere."""

    def __init__(self) -> None:
        super().__init__()
        self.out = layers.Dense(30)
        self.dense = [layers.Dense(500), layers.Dense(500)]
        self.drops = [layers.Dropout(rate) for rate in RATES]
        self.convs = [layers.Conv2D(filters, 3, padding="valid") for filters in (32, 64, 128)]
        self.pool = layers.AveragePooling2D(2)

    def call(self, x: Any, training: bool | None = None) -> Any:
        for conv, drop in zip(self.convs, self.drops, strict=True):
            x = drop(self.pool(keras.ops.leaky_relu(conv(x), 0.2)), training=training)
        x = keras.ops.reshape(x, (keras.ops.shape(x)[0], -1))
        for dense in self.dense:
            x = tf.nn.leaky_relu(dense(x), alpha=0.3)
        return self.out(x)


def cnn_nested() -> keras.Model:
    def block(filters: int, rate: float) -> keras.Sequential:
        return keras.Sequential(
            [layers.Conv2D(filters, 3), layers.LeakyReLU(), layers.MaxPooling2D(), layers.Dropout(rate)]
        )

    head = keras.Sequential([layers.Dense(500), layers.LeakyReLU(), layers.Dense(500), layers.LeakyReLU()])
    blocks = [block(filters, rate) for filters, rate in zip((32, 64, 128), RATES, strict=True)]
    return keras.Sequential([*blocks, layers.Flatten(), head, layers.Dense(30)])


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


def train_plainly(
    model: keras.Model,
    x: np.ndarray,
    y: np.ndarray,
    x_val: np.ndarray,
    y_val: np.ndarray,
    epochs: tuple[int, int] = (200, 500),
    batch_size: int = 128,
    checkpoint_path: str = "best.keras",
) -> dict:
    histories = {}
    for phase in (1, 2):
        REFERENCE["compile_phase"](model, phase)
        histories[f"phase{phase}"] = model.fit(
            x,
            y,
            batch_size,
            epochs[phase - 1],
            verbose=0,
            validation_data=(x_val, y_val),
            callbacks=REFERENCE["phase_callbacks"](phase, checkpoint_path),
        )
    model.load_weights(checkpoint_path)
    return histories


def train_on_datasets(
    model: keras.Model,
    x: np.ndarray,
    y: np.ndarray,
    x_val: np.ndarray,
    y_val: np.ndarray,
    epochs: tuple[int, int] = (200, 500),
    batch_size: int = 128,
    checkpoint_path: str = "best.keras",
) -> dict:
    train = tf.data.Dataset.from_tensor_slices((x, y)).shuffle(len(x)).batch(batch_size)
    val = tf.data.Dataset.from_tensor_slices((x_val, y_val)).batch(batch_size)
    REFERENCE["compile_phase"](model, 1)
    one = model.fit(
        train,
        validation_data=val,
        epochs=epochs[0],
        verbose=0,
        callbacks=REFERENCE["phase_callbacks"](1, checkpoint_path),
    )
    model.save(checkpoint_path)
    REFERENCE["compile_phase"](model, 2)
    two = model.fit(
        train,
        validation_data=val,
        initial_epoch=one.epoch[-1] + 1,
        epochs=one.epoch[-1] + 1 + epochs[1],
        verbose=0,
        callbacks=REFERENCE["phase_callbacks"](2, checkpoint_path),
    )
    model.set_weights(keras.models.load_model(checkpoint_path).get_weights())
    return {"phase1": dict(one.history), "phase2": dict(two.history)}


def train_stopping_twice(
    model: keras.Model,
    x: np.ndarray,
    y: np.ndarray,
    x_val: np.ndarray,
    y_val: np.ndarray,
    epochs: tuple[int, int] = (200, 500),
    batch_size: int = 128,
    checkpoint_path: str = "best.keras",
) -> dict:
    def one_phase(phase: int) -> dict:
        REFERENCE["compile_phase"](model, phase)
        extra = [keras.callbacks.EarlyStopping(patience=2, restore_best_weights=True)] * (phase == 2)
        return model.fit(
            x=x,
            y=y,
            validation_data=[x_val, y_val],
            epochs=epochs[phase - 1],
            batch_size=batch_size,
            callbacks=REFERENCE["phase_callbacks"](phase, checkpoint_path) + extra,
            verbose=0,
        ).history

    first = one_phase(1)
    return {"phase2": one_phase(2), "phase1": first}


RIGHT: dict[str, list[dict[str, Callable]]] = {
    "to_unit_targets": [
        {"to_unit_targets": unit_by_loop, "to_pixels": pixels_by_loop},
        {"to_unit_targets": unit_by_columns, "to_pixels": pixels_by_columns},
        {"to_unit_targets": unit_by_tensorflow, "to_pixels": pixels_by_tensorflow},
    ],
    "build_cnn": [{"build_cnn": build} for build in (cnn_functional, cnn_pooled_first, SubclassedCnn, cnn_nested)],
    "compile_phase": [{"compile_phase": f} for f in (compile_with_words, compile_by_match, compile_by_config)],
    "phase_callbacks": [{"phase_callbacks": f} for f in (callbacks_short, callbacks_many, callbacks_of_weights)],
    "train_two_phase": [{"train_two_phase": f} for f in (train_plainly, train_on_datasets, train_stopping_twice)],
}
# Building and training take seconds; what varies with the seed there is the data, not the arithmetic.
SEEDS = {"to_unit_targets": 20, "build_cnn": 3, "compile_phase": 5, "phase_callbacks": 5, "train_two_phase": 2}


@pytest.mark.slow
@pytest.mark.parametrize(("exercise", "names"), [(name, names) for name, answers in RIGHT.items() for names in answers])
def test_right_answers_score_in_full_with_every_seed(exercise: str, names: dict[str, Callable]) -> None:
    for seed in range(SEEDS[exercise]):
        result = grade(exercise, {**REFERENCE, **names}, seed)
        assert result.outcome == "passed", f"seed {seed}: {story(result)}"
