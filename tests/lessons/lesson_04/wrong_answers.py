"""Wrong answers of lesson 04, rarer mistakes than the catalogue's: each a change of the reference."""

from __future__ import annotations

from functools import partial
from typing import Any

import keras

from tests.lessons.answers import Answer
from tests.reference import reference_names

LESSON = "04_two_phase_cnn"
LEAKY = "keras.layers.LeakyReLU(negative_slope=0.3)"
POOL = "            keras.layers.MaxPooling2D(2),\n"
LAST = "keras.layers.Dense(30)"
LAST_UNPOOLED = "            *[keras.layers.MaxPooling2D(2)][filters // 128 :],\n"
DATA = 'data = {"x": x,'
FIT_2 = "phase2 = model.fit(**data, epochs=epochs[1], callbacks=callbacks).history"


def _wrong(exercise: str, id: str, old: str, new: str, said: str) -> Answer:
    """Return the reference with ``new`` for ``old``; one draw, for what it gets wrong depends on no hidden number."""
    return Answer(exercise, id, partial(reference_names, LESSON, (old, new)), said, seeds=1)


WRONG = [
    _wrong("build_cnn", "PReLU", LEAKY, "keras.layers.PReLU()", "weights of PReLU as well"),
    _wrong("build_cnn", "ELU", LEAKY, "keras.layers.ELU()", "LeakyReLU"),
    _wrong(
        "build_cnn",
        "leaky at the end",
        f"{LAST})",
        f"{LAST})\n    layers.append(keras.layers.LeakyReLU())",
        "a LeakyReLU of it",
    ),
    _wrong(
        "build_cnn",
        "cosine at the end",
        LAST,
        "keras.layers.Dense(30, activation=keras.ops.cos)",
        "something else made of it",
    ),
    _wrong("build_cnn", "filters", "(128, 0.15)", "(256, 0.15)", "conv 256"),
    _wrong("build_cnn", "pool 3", POOL, POOL.replace("2D(2)", "2D(3)"), "divided by 3"),
    _wrong("build_cnn", "pool overlapping", POOL, POOL.replace("2D(2)", "2D(2, strides=1)"), "a layer too large"),
    _wrong("build_cnn", "pool 3 by 2", POOL, POOL.replace("2D(2)", '2D(3, strides=2, padding="same")'), "2x2 pooling"),
    _wrong("build_cnn", "one pooling less", POOL, LAST_UNPOOLED, "the same height"),
    _wrong("build_cnn", "frozen", LAST, "keras.layers.Dense(30, trainable=False)", "frozen: dense 30"),
    _wrong(
        "build_cnn",
        "nothing returned",
        "return keras.Sequential(layers)",
        "keras.Sequential(layers)",
        "Return the model",
    ),
    _wrong("compile_phase", "5e-3", "5e-4", "5e-3", "learning rate"),
    _wrong("compile_phase", "delta", "keras.losses.Huber()", "keras.losses.Huber(delta=0.5)", "the loss of phase 1"),
    _wrong(
        "compile_phase", "sum", "keras.losses.Huber()", 'keras.losses.Huber(reduction="sum")', "the loss of phase 1"
    ),
    _wrong(
        "compile_phase",
        "weights reset",
        "    model.compile(",
        "    model.set_weights([0 * w for w in model.get_weights()])\n    model.compile(",
        "leave the weights",
    ),
    _wrong("phase_callbacks", "no list", "restore_best_weights=True)]", "restore_best_weights=True)][0]", "a list of"),
    _wrong("train_two_phase", "SGD twice", "compile_phase(model, 1)", "compile_phase(model, 2)", "SGD, then SGD"),
    _wrong(
        "train_two_phase",
        "phase 1's weights",
        "model.load_weights(checkpoint_path)",
        "model.set_weights(weights)",
        "validation loss",
    ),
    _wrong(
        "train_two_phase",
        "no callbacks",
        "callbacks = [*phase_callbacks(2, checkpoint_path), settled,",
        "callbacks = [",
        "validation loss",
    ),
    _wrong(
        "train_two_phase",
        "other defaults",
        "epochs: tuple[int, int] = (200, 500)",
        "epochs: tuple[int, int] = (20, 50)",
        "epochs=(200, 500)",
    ),
    _wrong("train_two_phase", "epochs ignored", "epochs=epochs[0]", "epochs=200", "no more epochs than 1"),
    _wrong(
        "train_two_phase",
        "endless",
        FIT_2,
        f"{FIT_2}\n    while True:\n        model.train_on_batch(x, y)",
        "a training that ends",
    ),
    _wrong(
        "train_two_phase",
        "compiled every epoch",
        FIT_2,
        "phase2 = {'loss': [], 'val_loss': []}\n    for _ in range(epochs[1]):\n        compile_phase(model, 2)\n"
        "        part = model.fit(**data, callbacks=callbacks).history\n"
        "        phase2 = {name: phase2[name] + part[name] for name in phase2}",
        "Adam, then SGD, then SGD",
    ),
    _wrong(
        "train_two_phase",
        "a network of its own",
        "    compile_phase(model, 1)\n",
        "    model = keras.models.clone_model(model)\n    compile_phase(model, 1)\n",
        "validation loss",
    ),
]


class Adam(keras.optimizers.SGD):
    """Adam by its name alone."""


def compile_by_name(model: keras.Model, phase: int) -> None:
    if phase not in (1, 2):
        raise ValueError(phase)
    chosen = Adam(5e-4) if phase == 1 else keras.optimizers.SGD(1e-3, momentum=0.9)
    model.compile(chosen, "huber")


def one_layer() -> keras.Model:
    """The right shapes and nothing else."""
    return keras.Sequential([keras.Input((96, 96, 1)), keras.layers.Flatten(), keras.layers.Dense(30)])


def train_nothing(
    model: keras.Model,
    x: Any,
    y: Any,
    x_val: Any,
    y_val: Any,
    epochs: tuple[int, int] = (200, 500),
    batch_size: int = 128,
    checkpoint_path: str = "cnn.keras",
) -> dict:
    """Histories without a training."""
    model.save(checkpoint_path)
    return {f"phase{n}": {"loss": [0.1] * count, "val_loss": [0.1] * count} for n, count in enumerate(epochs, start=1)}


WRONG += [
    Answer("compile_phase", "Adam by name", {"compile_phase": compile_by_name}, "Adam, a kind of SGD", seeds=1),
    Answer("build_cnn", "one layer", {"build_cnn": one_layer}, "conv 32, conv 64, conv 128", seeds=1),
    Answer("train_two_phase", "trains nothing", {"train_two_phase": train_nothing}, "no training", seeds=1),
    Answer("phase_callbacks", "no callbacks", {"phase_callbacks": lambda phase, path: []}, "none of", seeds=1),
    _wrong(
        "build_cnn",
        "five dropouts",
        f"layers += [keras.layers.Dense(500), {LEAKY}]",
        f"layers += [keras.layers.Dense(500), {LEAKY}, keras.layers.Dropout(0.2)]",
        "dropout behind dense layer 1",
    ),
    _wrong(
        "phase_callbacks",
        "phase 2 stops at 3",
        "            keras.callbacks.ReduceLROnPlateau(",
        "            keras.callbacks.EarlyStopping(patience=3),\n            keras.callbacks.ReduceLROnPlateau(",
        "training stops 3 epochs after",
    ),
    _wrong(
        "phase_callbacks",
        "never stops",
        "patience=10, restore",
        "patience=10**9, restore",
        "it goes on to the end",
    ),
    _wrong("train_two_phase", "one batch", DATA, f"x, y = x[:batch_size], y[:batch_size]\n    {DATA}", "16 of 32"),
    _wrong("train_two_phase", "half of the faces", DATA, f"x, y = x[::2], y[::2]\n    {DATA}", "16 of 32"),
    _wrong(
        "train_two_phase", "phase 1 for one epoch", "epochs=epochs[0]", "epochs=1", "phase 1, epochs=(2, 7): 2 epochs"
    ),
    _wrong("train_two_phase", "phase 2 cut short", "epochs=epochs[1]", "epochs=epochs[1] - 1", "it ends after 6"),
]
