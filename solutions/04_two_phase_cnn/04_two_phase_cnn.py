# %% [markdown]
# # 04 · A CNN in two phases

# %% tags=["setup"]
import sys
from pathlib import Path

ROOT = next(p for p in [Path.cwd(), *Path.cwd().parents] if (p / "autograder" / "course.yaml").is_file())
sys.path.insert(0, str(ROOT))

import autograder

import json
import os
import time
from dataclasses import dataclass

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow writes its start-up notes to stderr otherwise

import keras
import matplotlib.pyplot as plt
import numpy as np
import yaml
from tqdm import tqdm

split_rows = autograder.earlier("01_pixel_parsing").split_rows
forward_fill = autograder.earlier("02_nan_masking").forward_fill
rmse = autograder.earlier("02_nan_masking").rmse
per_keypoint_rmse = autograder.earlier("02_nan_masking").per_keypoint_rmse

IMAGE_SIZE = 96  # pixels along each side of an image
MIN_DELTA = 1e-6  # a smaller gain of the loss counts as none: about 0.004 px where the RMSE is 2.5 px


class EpochBar(keras.callbacks.Callback):
    """One progress bar for a whole `fit`: a tick an epoch, with the loss on both parts."""

    def __init__(self, title: str) -> None:
        super().__init__()
        self.title = title

    def on_train_begin(self, logs: dict | None = None) -> None:
        self.bar = tqdm(total=self.params["epochs"], desc=self.title, unit="epoch")

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        shown = {name: f"{logs[name]:.2e}" for name in ("loss", "val_loss") if name in (logs or {})}
        self.bar.set_postfix(shown, refresh=False)
        self.bar.update()

    def on_train_end(self, logs: dict | None = None) -> None:
        self.bar.close()


@dataclass(frozen=True)
class TwoPhaseConfig:
    """What one run of this lesson needs to know; the values stand in quick.yaml and full.yaml."""

    rows: int | None  # training rows to read; None for all
    val_fraction: float
    epochs: tuple[int, int]  # at most so many in phase 1 and in phase 2
    batch_size: int
    seed: int

    @classmethod
    def from_yaml(cls, path: Path) -> "TwoPhaseConfig":
        fields = yaml.safe_load(path.read_text())
        return cls(**{**fields, "epochs": tuple(fields["epochs"])})


# %%
def to_unit_targets(keypoints: np.ndarray) -> np.ndarray:
    """Keypoints as the CNN learns them.

    keypoints: (N, 15, 2) float, (x, y) in pixels, 0 to 96; NaN where unlabelled.
    Returns a new (N, 30) float32 array x0, y0, x1, y1, ... in [0, 1]; NaN stays NaN.
    """
    ### BEGIN SOLUTION
    return (keypoints.reshape(len(keypoints), -1) / IMAGE_SIZE).astype(np.float32)
    ### END SOLUTION


def to_pixels(outputs: np.ndarray) -> np.ndarray:
    """The way back: the exact inverse of `to_unit_targets`.

    outputs: (N, 30) float, x0, y0, x1, y1, ... in units of 96 pixels; NaN where unlabelled.
    Returns a new (N, 15, 2) float32 array, (x, y) in pixels; NaN stays NaN.
    """
    ### BEGIN SOLUTION
    return (outputs.reshape(len(outputs), -1, 2) * IMAGE_SIZE).astype(np.float32)
    ### END SOLUTION


# %%
autograder.check("to_unit_targets")


# %%
def build_cnn() -> keras.Model:
    """A plain CNN for (96, 96, 1) images in [0, 1] that answers (30,) numbers in units of 96 pixels.

    Three blocks of convolution (32, 64, 128 filters), LeakyReLU, 2x2 pooling and dropout (0.05, 0.01, 0.15);
    then dense layers of 500 and 500 (each with LeakyReLU) and a linear one of 30. Not compiled.
    """
    ### BEGIN SOLUTION
    layers = [keras.Input((IMAGE_SIZE, IMAGE_SIZE, 1))]
    for filters, dropped in ((32, 0.05), (64, 0.01), (128, 0.15)):
        layers += [
            keras.layers.Conv2D(filters, 3, padding="same"),
            keras.layers.LeakyReLU(negative_slope=0.1),
            keras.layers.MaxPooling2D(2),
            keras.layers.Dropout(dropped),
        ]
    layers.append(keras.layers.Flatten())
    for _ in range(2):
        layers += [keras.layers.Dense(500), keras.layers.LeakyReLU(negative_slope=0.1)]
    layers.append(keras.layers.Dense(30))
    return keras.Sequential(layers)
    ### END SOLUTION


# %%
autograder.check("build_cnn")


# %%
def compile_phase(model: keras.Model, phase: int) -> None:
    """Compile `model` for a phase, with the Huber loss: 1 is Adam at 5e-4, 2 is SGD at 1e-3 with momentum 0.9.

    Compiling changes how the weights will be trained; the weights themselves stay as they are.
    Raises ValueError for any other phase.
    """
    ### BEGIN SOLUTION
    if phase == 1:
        optimizer = keras.optimizers.Adam(learning_rate=5e-4)
    elif phase == 2:
        optimizer = keras.optimizers.SGD(learning_rate=1e-3, momentum=0.9)
    else:
        raise ValueError(f"expected phase 1 or 2, got {phase!r}")
    model.compile(optimizer=optimizer, loss=keras.losses.Huber())
    ### END SOLUTION


# %%
autograder.check("compile_phase")


# %%
def phase_callbacks(phase: int, checkpoint_path: str | Path) -> list:
    """The callbacks of a phase, all watching `val_loss`.

    1: EarlyStopping that restores the best weights.
    2: ReduceLROnPlateau (patience 5, factor 0.5) and ModelCheckpoint (best only, to `checkpoint_path`, a .keras file).
    Raises ValueError for any other phase.
    """
    ### BEGIN SOLUTION
    if phase == 1:
        return [keras.callbacks.EarlyStopping(monitor="val_loss", patience=10, restore_best_weights=True)]
    if phase == 2:
        return [
            keras.callbacks.ReduceLROnPlateau(
                monitor="val_loss", patience=5, factor=0.5, min_delta=MIN_DELTA, min_lr=1e-6
            ),
            keras.callbacks.ModelCheckpoint(str(checkpoint_path), monitor="val_loss", save_best_only=True),
        ]
    raise ValueError(f"expected phase 1 or 2, got {phase!r}")
    ### END SOLUTION


# %%
autograder.check("phase_callbacks")


# %%
def train_two_phase(
    model: keras.Model,
    x: np.ndarray,
    y: np.ndarray,
    x_val: np.ndarray,
    y_val: np.ndarray,
    epochs: tuple[int, int] = (200, 500),
    batch_size: int = 128,
    checkpoint_path: str | Path = "cnn.keras",
) -> dict:
    """Train `model` in both phases; it ends with the weights of the lowest validation loss of either phase.

    x, x_val: (N, 96, 96, 1) float32 in [0, 1]; y, y_val: (N, 30) float32 in units of 96 pixels, without NaN.
    epochs: at most so many in phase 1 and in phase 2. Phase 2 starts from phase 1's best weights.
    Returns {"phase1": history, "phase2": history}, each a dict of lists with one value an epoch:
    "loss", "val_loss" and, in phase 2, "learning_rate". The best weights also lie in `checkpoint_path`.
    """
    ### BEGIN SOLUTION
    data = {"x": x, "y": y, "validation_data": (x_val, y_val), "batch_size": batch_size, "verbose": 0}
    keep_best = keras.callbacks.ModelCheckpoint(str(checkpoint_path), save_best_only=True)

    compile_phase(model, 1)
    callbacks = [*phase_callbacks(1, checkpoint_path), keep_best, EpochBar("phase 1")]
    phase1 = model.fit(**data, epochs=epochs[0], callbacks=callbacks).history
    weights, lowest = model.get_weights(), min(phase1["val_loss"])

    compile_phase(model, 2)
    settled = keras.callbacks.EarlyStopping(monitor="val_loss", min_delta=MIN_DELTA, patience=15)
    callbacks = [*phase_callbacks(2, checkpoint_path), settled, EpochBar("phase 2")]
    phase2 = model.fit(**data, epochs=epochs[1], callbacks=callbacks).history
    if min(phase2["val_loss"]) < lowest:
        model.load_weights(checkpoint_path)
    else:
        model.set_weights(weights)
        model.save(checkpoint_path)
    return {"phase1": phase1, "phase2": phase2}
    ### END SOLUTION


# %%
autograder.check("train_two_phase")

# %% [markdown]
# ## Train

# %%
from data_scripts.folders import data_folder, output_folder, scale
from data_scripts.kaggle_csv import read_training

config = TwoPhaseConfig.from_yaml(ROOT / "solutions" / "04_two_phase_cnn" / f"{scale()}.yaml")
faces = read_training(data_folder() / "training.csv")
images, keypoints = faces.images[: config.rows], faces.keypoints[: config.rows]
train, val = split_rows(len(images), config.val_fraction, config.seed)
complete = val[np.isfinite(keypoints[val]).all(axis=(1, 2))]

x, y = images[train][..., None], forward_fill(to_unit_targets(keypoints[train]))
x_val, y_val = images[complete][..., None], to_unit_targets(keypoints[complete])

# %%
out = output_folder("04_two_phase_cnn")
keras.utils.set_random_seed(config.seed)
model = build_cnn()
started = time.perf_counter()
history = train_two_phase(model, x, y, x_val, y_val, config.epochs, config.batch_size, out / "cnn.keras")
seconds = time.perf_counter() - started
model.save(out / "cnn.keras")

predicted = to_pixels(model.predict(images[val][..., None], verbose=0))
metrics = {
    "framework": "Keras",
    "parameters": int(sum(np.prod(w.shape) for w in model.trainable_weights)),
    "val_rmse": float(rmse(predicted, keypoints[val])),
    "seconds": seconds,
    "epochs": [len(history["phase1"]["loss"]), len(history["phase2"]["loss"])],
}
(out / "history.json").write_text(json.dumps(history))
(out / "metrics.json").write_text(json.dumps(metrics, indent=2))
metrics
