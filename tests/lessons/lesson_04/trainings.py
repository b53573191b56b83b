"""Right answers to ``train_two_phase`` in other styles."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tests.lessons.answers import Answer
from tests.reference import reference_names

REFERENCE = reference_names("04_two_phase_cnn")
compile_phase, phase_callbacks = REFERENCE["compile_phase"], REFERENCE["phase_callbacks"]
Epochs = tuple[int, int]
Array = np.ndarray
Pair = tuple[Array, Array]


def answer(train: Callable[..., dict]) -> Callable[..., dict]:
    """Give a training, told the validation faces as a pair, the parameters of the exercise."""

    @functools.wraps(train)
    def train_two_phase(
        model: keras.Model,
        x: Array,
        y: Array,
        x_val: Array,
        y_val: Array,
        epochs: Epochs = (200, 500),
        batch_size: int = 128,
        checkpoint_path: str = "best.keras",
    ) -> dict:
        return train(model, x, y, (x_val, y_val), epochs, batch_size, checkpoint_path)

    # The checks read the parameters of this function, not of the one that it wraps.
    del train_two_phase.__wrapped__
    return train_two_phase


@answer
def train_plainly(
    model: keras.Model, x: Array, y: Array, val: Pair, epochs: Epochs, batch_size: int, path: str
) -> dict:
    """One loop over the phases, each with a file of its own; the better one is read."""
    histories = {}
    for phase in (1, 2):
        compile_phase(model, phase)
        histories[f"phase{phase}"] = model.fit(
            x,
            y,
            batch_size,
            epochs[phase - 1],
            verbose=0,
            validation_data=val,
            callbacks=[
                *phase_callbacks(phase, path),
                keras.callbacks.ModelCheckpoint(f"{path}{phase}.keras", save_best_only=True),
            ],
        ).history
    better = min((1, 2), key=lambda phase: min(histories[f"phase{phase}"]["val_loss"]))
    model.load_weights(f"{path}{better}.keras")
    return histories


@answer
def train_on_datasets(
    model: keras.Model, x: Array, y: Array, val: Pair, epochs: Epochs, batch_size: int, path: str
) -> dict:
    """Data sets, epochs counted on, the best model loaded whole; phase 1 saves into a file of its own."""
    train = tf.data.Dataset.from_tensor_slices((x, y)).shuffle(len(x)).batch(batch_size).prefetch(1)
    val = tf.data.Dataset.from_tensor_slices(val).batch(batch_size)
    compile_phase(model, 1)
    one = model.fit(
        train,
        validation_data=val,
        epochs=epochs[0],
        verbose=0,
        callbacks=[
            *phase_callbacks(1, path),
            keras.callbacks.ModelCheckpoint(f"{path}.first.keras", save_best_only=True),
        ],
    )
    compile_phase(model, 2)
    two = model.fit(
        train,
        validation_data=val,
        initial_epoch=one.epoch[-1] + 1,
        epochs=one.epoch[-1] + 1 + epochs[1],
        verbose=0,
        callbacks=phase_callbacks(2, path),
    )
    first_is_lower = min(one.history["val_loss"]) < min(two.history["val_loss"])
    model.set_weights(keras.models.load_model(f"{path}.first.keras" if first_is_lower else path).get_weights())
    return {"phase1": dict(one.history), "phase2": dict(two.history)}


@answer
def train_stopping_twice(
    model: keras.Model, x: Array, y: Array, val: Pair, epochs: Epochs, batch_size: int, path: str
) -> dict:
    """Phase 2 has an EarlyStopping of its own, which gives the best weights back."""

    def one_phase(phase: int) -> dict:
        compile_phase(model, phase)
        extra = [keras.callbacks.EarlyStopping(patience=20, restore_best_weights=True)] * (phase == 2)
        return model.fit(
            x=x,
            y=y,
            validation_data=list(val),
            epochs=epochs[phase - 1],
            batch_size=batch_size,
            callbacks=phase_callbacks(phase, path) + extra,
            verbose=0,
        ).history

    first, before = one_phase(1), model.get_weights()
    second = one_phase(2)
    if min(first["val_loss"]) <= min(second["val_loss"]):
        model.set_weights(before)
    return {"phase2": second, "phase1": first}


def _batches(x: Array, y: Array, size: int, rng: np.random.Generator) -> Iterator[tuple[Array, Array]]:
    order = rng.permutation(len(x))
    for start in range(0, len(x), size):
        chosen = order[start : start + size]
        yield x[chosen], y[chosen]


@answer
def train_batch_by_batch(
    model: keras.Model, x: Array, y: Array, val: Pair, epochs: Epochs, batch_size: int, path: str
) -> dict:
    """``train_on_batch`` in a loop; callbacks led by hand."""
    rng, histories = np.random.default_rng(0), {}
    lowest, best = np.inf, model.get_weights()
    for phase, most in enumerate(epochs, start=1):
        compile_phase(model, phase)
        model.stop_training = False
        together = keras.callbacks.CallbackList(phase_callbacks(phase, path), model=model)
        history = histories[f"phase{phase}"] = {"loss": [], "val_loss": [], "learning_rate": []}
        together.on_train_begin()
        for epoch in range(most):
            losses = [float(model.train_on_batch(*batch)) for batch in _batches(x, y, batch_size, rng)]
            logs = {"loss": losses[-1], "val_loss": float(model.evaluate(*val, verbose=0))}
            if logs["val_loss"] < lowest:
                lowest, best = logs["val_loss"], model.get_weights()
            together.on_epoch_end(epoch, logs)
            for name, value in (*logs.items(), ("learning_rate", float(model.optimizer.learning_rate))):
                if name in ("loss", "val_loss") or name not in logs:
                    history[name].append(value)
            if model.stop_training:
                break
        together.on_train_end()
    model.set_weights(best)
    model.save(path)
    return histories


@answer
def train_with_tape(
    model: keras.Model, x: Array, y: Array, val: Pair, epochs: Epochs, batch_size: int, path: str
) -> dict:
    """Gradients by hand, optimizers of its own, no ``fit`` and no callback anywhere."""
    loss_of, rng = keras.losses.Huber(), np.random.default_rng(1)
    best = (float("inf"), model.get_weights())
    optimizers = (keras.optimizers.Adam(5e-4), keras.optimizers.SGD(1e-3, momentum=0.9))
    histories = []
    for optimizer, most in zip(optimizers, epochs, strict=True):
        model.set_weights(best[1])
        history: dict[str, list[float]] = {"loss": [], "val_loss": []}

        @tf.function
        def step(images: Any, targets: Any, optimizer: Any = optimizer) -> Any:
            with tf.GradientTape() as tape:
                loss = loss_of(targets, model(images, training=True))
            optimizer.apply(tape.gradient(loss, model.trainable_variables), model.trainable_variables)
            return loss

        for _ in range(most):
            losses = [float(step(*map(tf.constant, batch))) for batch in _batches(x, y, batch_size, rng)]
            val_loss = float(loss_of(val[1], model.predict(val[0], verbose=0)))
            history["loss"].append(np.mean(losses))
            history["val_loss"].append(val_loss)
            if val_loss < best[0]:
                best = (val_loss, model.get_weights())
                model.save(path)
        histories.append(history)
    model.set_weights(best[1])
    return dict(zip(("phase1", "phase2"), histories, strict=True))


@answer
def train_epoch_by_epoch(
    model: keras.Model, x: Array, y: Array, val: Pair, epochs: Epochs, batch_size: int, path: str
) -> dict:
    """A ``fit`` for each epoch, its lists put together; validation faces as the last part of one array."""
    both = np.concatenate([x, val[0]]), np.concatenate([y, val[1]])
    histories: dict[str, dict[str, list]] = {}
    saving = keras.callbacks.ModelCheckpoint(path, save_best_only=True)
    for phase in (1, 2):
        compile_phase(model, phase)
        history = histories.setdefault(f"phase{phase}", {"loss": [], "val_loss": []})
        for _ in range(epochs[phase - 1]):
            part = model.fit(
                *both,
                validation_split=len(val[0]) / len(both[0]),
                batch_size=batch_size,
                verbose=0,
                callbacks=[saving],
            )
            for name in history:
                history[name] += part.history[name]
        model.load_weights(path)
    return histories


@answer
def train_a_copy_on(
    model: keras.Model, x: Array, y: Array, val: Pair, epochs: Epochs, batch_size: int, path: str
) -> dict:
    """Phase 2 trains the model that phase 1 has saved, and hands its weights back."""
    data = {"x": x, "y": y, "validation_data": val, "batch_size": batch_size, "verbose": 0}
    compile_phase(model, 1)
    one = model.fit(**data, epochs=epochs[0], callbacks=phase_callbacks(1, path)).history
    model.save(path)
    reached = model.evaluate(*val, verbose=0), model.get_weights()
    second = keras.models.load_model(path)
    compile_phase(second, 2)
    two = second.fit(**data, epochs=epochs[1], callbacks=phase_callbacks(2, path)).history
    second.load_weights(path)
    model.set_weights(second.get_weights() if min(two["val_loss"]) < reached[0] else reached[1])
    return {"phase1": one, "phase2": two, "best": min(two["val_loss"])}


class _Faces(keras.utils.PyDataset):
    """Batches one after the other, in the order of the rows."""

    def __init__(self, x: Array, y: Array, size: int) -> None:
        super().__init__()
        self.x, self.y, self.size = x, y, size

    def __len__(self) -> int:
        return -(-len(self.x) // self.size)

    def __getitem__(self, index: int) -> tuple[Array, Array]:
        part = slice(index * self.size, (index + 1) * self.size)
        return self.x[part], self.y[part]


class _Trainer(keras.Model):
    """Trains the network within it, step by step in a method of its own."""

    def __init__(self, network: keras.Model) -> None:
        super().__init__()
        self.network = network

    def call(self, x: Any, training: bool | None = None) -> Any:
        return self.network(x, training=training)

    def train_step(self, data: tuple[Any, Any]) -> dict[str, Any]:
        images, targets = data
        with tf.GradientTape() as tape:
            loss = self.compute_loss(y=targets, y_pred=self(images, training=True))
        self.optimizer.apply_gradients(
            zip(tape.gradient(loss, self.trainable_weights), self.trainable_weights, strict=True)
        )
        return {"loss": loss}


@answer
def train_wrapped(
    model: keras.Model, x: Array, y: Array, val: Pair, epochs: Epochs, batch_size: int, path: str
) -> dict:
    """A model around the model, with its own training step and PyDatasets; the best weights kept by a callback."""
    trainer, kept = _Trainer(model), {"lowest": float("inf")}

    def keep(epoch: int, logs: dict) -> None:
        if logs["val_loss"] < kept["lowest"]:
            kept.update(lowest=logs["val_loss"], weights=model.get_weights())
            model.save(path)

    histories = {}
    for phase in (1, 2):
        compile_phase(trainer, phase)
        histories[f"phase{phase}"] = trainer.fit(
            _Faces(x, y, batch_size),
            validation_data=_Faces(*val, 8),
            epochs=epochs[phase - 1],
            verbose=0,
            callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=keep)],
        ).history
    model.set_weights(kept["weights"])
    return histories


# The styles that students write in, with every seed; what few will write, with some.
USUAL = (train_plainly, train_on_datasets, train_with_tape)
UNUSUAL = (train_stopping_twice, train_batch_by_batch, train_epoch_by_epoch, train_a_copy_on, train_wrapped)
RIGHT = [
    Answer("train_two_phase", train.__name__, {"train_two_phase": train}, seeds=seeds)
    for styles, seeds in ((USUAL, 20), (UNUSUAL, 2))
    for train in styles
]
