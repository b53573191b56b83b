"""What carries over from drawn faces to photographs: a network trained on drawn faces alone, scored on real ones."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader

import autograder
from data_scripts.drawing.workers import draw_faces
from data_scripts.files.generated import REPOSITORY
from data_scripts.kaggle.labels import missing_labels

RECIPE = REPOSITORY / "solutions" / "05_resnet_training" / "full.yaml"


@dataclasses.dataclass(frozen=True)
class RealFaces:
    """Photographs to score on."""

    images: np.ndarray  # (N, 96, 96) float32 in [0, 1]
    keypoints: np.ndarray  # (N, 15, 2) float32, pixels
    asked: np.ndarray  # (N, 15) bool
    mean_face: np.ndarray  # (15, 2) float32, pixels: the mean label of other photographs


def load_real(path: Path) -> RealFaces:
    """Read the photographs of an .npz file; ValueError where an array is missing, OSError where it cannot be read."""
    with np.load(path, allow_pickle=False) as arrays:
        needed = ("test_images", "test_keypoints", "test_asked", "train_keypoints")
        absent = [name for name in needed if name not in arrays]
        if absent:
            raise ValueError(f"{path} should hold {', '.join(needed)}; it lacks {', '.join(absent)}: name another file")
        images, keypoints, asked, others = (arrays[name] for name in needed)
    return RealFaces(images.astype(np.float32) / 255, keypoints, asked, np.nanmean(others, axis=0))


def asked_rmse(predicted: np.ndarray, real: RealFaces) -> float:
    """RMSE in pixels over the asked keypoints, as Kaggle scores; `predicted` is (N, 15, 2) or broadcasts to it."""
    errors = (np.broadcast_to(predicted, real.keypoints.shape) - real.keypoints)[real.asked]
    return float(np.sqrt(np.mean(errors**2)))


def train_on_synthetic(n_train: int, seed: int, epochs: int | None) -> tuple[nn.Module, np.ndarray]:
    """Train lesson 03's network by lesson 05's recipe on faces drawn here.

    -> the network, (B, 1, 96, 96) to (B, 30) pixels, and the mean of the training labels, (15, 2). `epochs` None takes
    the recipe's.
    """
    lesson = autograder.earlier("05_resnet_training")
    config = lesson.load_config(RECIPE)
    if epochs is not None:
        config = dataclasses.replace(config, epochs=epochs)
    face_seed, pattern_seed = np.random.SeedSequence(seed).spawn(2)
    images, keypoints = draw_faces(n_train, face_seed, workers=os.cpu_count() or 1)
    keypoints[missing_labels(n_train, np.random.default_rng(pattern_seed))] = np.nan
    train, val = autograder.earlier("01_pixel_parsing").split_rows(n_train, config.val_fraction, config.seed)
    order = torch.Generator().manual_seed(config.seed)
    loaders = [
        DataLoader(
            lesson.FaceDataset(images[rows].astype(np.float32) / 255, keypoints[rows]),
            batch_size=config.batch_size,
            shuffle=learns,
            generator=order if learns else None,
        )
        for rows, learns in ((train, True), (val, False))
    ]
    torch.manual_seed(config.seed)
    model = autograder.earlier("03_residual_block").KeypointResNet()
    history = lesson.fit(model, *loaders, config)
    best = int(np.argmin(history["val_rmse"]))
    print(f"{len(history['val_rmse'])} epochs; best on synthetic validation faces: {history['val_rmse'][best]:.3f} px")
    return model, np.nanmean(keypoints, axis=0)


def predict(model: nn.Module, images: np.ndarray) -> np.ndarray:
    """(N, 96, 96) float32 in [0, 1] -> (N, 15, 2) pixels."""
    model.eval()
    with torch.no_grad():
        parts = [model(batch.unsqueeze(1)) for batch in torch.from_numpy(images).split(256)]
    return torch.cat(parts).numpy().reshape(len(images), -1, 2)
