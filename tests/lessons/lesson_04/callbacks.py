"""Right answers to ``phase_callbacks`` in other styles."""

from __future__ import annotations

from pathlib import Path

import keras

from tests.lessons.answers import Answer
from tests.reference import reference_names

EpochBar = reference_names("04_two_phase_cnn")["EpochBar"]


def callbacks_short(phase: int, checkpoint_path: str) -> list:
    if phase == 1:
        return [keras.callbacks.EarlyStopping(patience=5, restore_best_weights=True)]
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
        return [EpochBar("phase 1"), QuietStopping(), cb.LambdaCallback(on_epoch_end=lambda e, logs: None)]
    return [
        cb.EarlyStopping(patience=20, restore_best_weights=True),
        cb.ReduceLROnPlateau(patience=5, factor=0.5, min_delta=0, cooldown=2, min_lr=1e-6, verbose=1),
        cb.ModelCheckpoint(str(checkpoint_path), monitor="val_loss", save_best_only=True, save_freq="epoch", verbose=1),
        EpochBar("phase 2"),
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


# The styles that students write in, with every seed; what few will write, with some.
USUAL = (callbacks_short, callbacks_many, callbacks_of_weights)
UNUSUAL = (callbacks_with_extras, callbacks_patient, callbacks_in_any_phase)
RIGHT = [
    Answer("phase_callbacks", callbacks.__name__, {"phase_callbacks": callbacks}, seeds=seeds)
    for styles, seeds in ((USUAL, 20), (UNUSUAL, 2))
    for callbacks in styles
]
