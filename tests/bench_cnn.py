"""What the CNN of lesson 04 reaches on photographs with lesson 10's care.

The start at the mean face, mirrored copies, a rate that warms up and falls, and a loss that passes over missing labels.

    python -m tests.bench_cnn --real real_faces.npz --held-out      # to choose: a fifth of the groups is kept back
    python -m tests.bench_cnn --real real_faces.npz                 # learn from all faces, score the test faces

``real_faces.npz`` holds what ``data_scripts.carry_over`` and ``data_scripts.train_heatmaps`` read. RMSE in pixels;
held-out faces are scored on all their labels, test faces on those that a look-up table asks for.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

from data_scripts.heatmaps.faces import SIZE, Faces, hold_out, read_faces
from data_scripts.heatmaps.geometry import partners
from data_scripts.studies.carry_over import asked_rmse, load_real
from tests.reference import reference_names


def masked_huber(truth: Any, guess: Any) -> Any:
    """Return Huber's loss over the labelled coordinates, (B, 30) in units of 96 pixels; NaN marks the others."""
    known = ops.logical_not(ops.isnan(truth))
    error = ops.where(known, guess - ops.where(known, truth, 0.0), 0.0)
    return ops.sum(0.5 * error**2) / ops.maximum(ops.sum(ops.cast(known, "float32")), 1.0)  # below 1 it is a square


class Batches(keras.utils.PyDataset):
    """Shuffled batches of faces, each of them mirrored with chance 1/2."""

    def __init__(self, faces: Faces, batch_size: int, mirror: bool, seed: int) -> None:
        super().__init__()
        self.images = faces.images[..., None].astype(np.float32) / 255  # (N, 96, 96, 1)
        self.keypoints = faces.keypoints
        self.order, self.batch_size, self.mirror = partners(faces.names), batch_size, mirror
        self.rng = np.random.default_rng(seed)
        self.on_epoch_end()

    def __len__(self) -> int:
        return len(self.images) // self.batch_size

    def on_epoch_end(self) -> None:
        self.rows = self.rng.permutation(len(self.images))

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        rows = self.rows[self.batch_size * index :][: self.batch_size]
        images, points = self.images[rows].copy(), self.keypoints[rows].copy()
        turned = self.rng.random(len(rows)) < (0.5 if self.mirror else 0)
        images[turned] = images[turned, :, ::-1]
        points[turned] = points[turned][:, self.order] * [-1, 1] + [SIZE - 1, 0]
        return images, points.reshape(len(rows), -1) / SIZE


def train(faces: Faces, epochs: int, peak: float, batch_size: int, mirror: bool, seed: int) -> keras.Model:
    """Train a fresh CNN; print how long it took."""
    keras.utils.set_random_seed(seed)
    model: keras.Model = reference_names("04_two_phase_cnn")["build_cnn"]()
    last = model.layers[-1]
    last.bias.assign(np.nanmean(faces.keypoints, axis=0).reshape(-1) / SIZE)
    last.kernel.assign(0.1 * last.kernel)
    batches = Batches(faces, batch_size, mirror, seed)
    steps = epochs * len(batches)
    rate = keras.optimizers.schedules.CosineDecay(
        peak / 25, steps * 7 // 10, warmup_target=peak, warmup_steps=steps * 3 // 10
    )
    model.compile(optimizer=keras.optimizers.Adam(rate), loss=masked_huber)
    started = time.monotonic()
    model.fit(batches, epochs=epochs, verbose=2)
    print(f"{steps * batch_size:,} image passes in {time.monotonic() - started:.0f} s")
    return model


def answers(model: keras.Model, images: np.ndarray, order: list[int] | None = None) -> np.ndarray:
    """Return (N, 15, 2) pixels; with ``order`` averaged with the answers for the mirrored pictures."""
    pixels = images[..., None].astype(np.float32) / 255
    found = SIZE * model.predict(pixels, verbose=0).reshape(len(images), -1, 2)
    if order is None:
        return found
    mirrored = SIZE * model.predict(pixels[:, :, ::-1], verbose=0).reshape(len(images), -1, 2)
    return (found + mirrored[:, order] * [-1, 1] + [SIZE - 1, 0]) / 2


def main() -> None:
    """Train once and print the scores."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench_cnn", description=__doc__)
    parser.add_argument("--real", type=Path, required=True, metavar="FILE.npz")
    parser.add_argument("--held-out", action="store_true", help="score a fifth of the training groups, no test face")
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--peak", type=float, default=1e-3, help="of the rate")
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--no-mirror", action="store_true")
    parser.add_argument("--complete", action="store_true", help="learn from faces with all labels alone")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    faces = read_faces(arguments.real)
    held: Faces | None = None
    if arguments.held_out:
        faces, held = hold_out(faces, 0.2, np.random.default_rng(0))
    if arguments.complete:
        faces = faces.rows(np.isfinite(faces.keypoints).all(axis=(1, 2)))
    print(f"{len(faces.images):,} faces to learn from")
    model = train(
        faces, arguments.epochs, arguments.peak, arguments.batch_size, not arguments.no_mirror, arguments.seed
    )
    order = partners(faces.names)
    for name, with_mirror in (("as it is", None), ("averaged with the mirrored copy", order)):
        if held is not None:
            found = answers(model, held.images, with_mirror)
            score = float(np.sqrt(np.nanmean((found - held.keypoints) ** 2)))
            constant = float(np.sqrt(np.nanmean((np.nanmean(faces.keypoints, axis=0) - held.keypoints) ** 2)))
        else:
            real = load_real(arguments.real)
            score = asked_rmse(answers(model, real.images, with_mirror), real)
            constant = asked_rmse(real.mean_face, real)
        print(f"{name:<32} RMSE {score:.2f} px, ratio {score / constant:.2f}")


if __name__ == "__main__":
    main()
