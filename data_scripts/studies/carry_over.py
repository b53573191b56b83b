"""What carries over from drawn faces to photographs: networks trained on drawn faces alone, scored on real ones."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from data_scripts.drawing.shape import KEYPOINT_NAMES
from data_scripts.drawing.workers import draw_faces
from data_scripts.files.errors import DataError
from data_scripts.heatmaps.disturbing import Disturbance
from data_scripts.heatmaps.faces import Faces, check_images, read_arrays
from data_scripts.heatmaps.training import Recipe


@dataclass(frozen=True)
class RealFaces:
    """Photographs to score on."""

    images: np.ndarray  # (N, 96, 96) uint8
    keypoints: np.ndarray  # (N, 15, 2) float32, pixels
    asked: np.ndarray  # (N, 15) bool
    mean_face: np.ndarray  # (15, 2) float32, pixels: the mean label of other photographs


def load_real(path: Path) -> RealFaces:
    """Read the photographs of an .npz file; DataError where it cannot be read or holds something else."""
    needed = ("test_images", "test_keypoints", "test_asked", "train_keypoints")
    images, keypoints, asked, others = read_arrays(path, needed).values()
    check_images(path, "test_images", images)
    count = len(KEYPOINT_NAMES)
    for name, array, shape in (
        ("test_keypoints", keypoints, (len(images), count, 2)),
        ("test_asked", asked, (len(images), count)),
        ("train_keypoints", others, (len(others), count, 2)),
    ):
        if array.shape != shape:
            raise DataError(f"{path}: {name}: expected {shape}, got {array.shape}")
    return RealFaces(images, keypoints, asked.astype(bool), np.nanmean(others, axis=0))


def asked_rmse(predicted: np.ndarray, real: RealFaces) -> float:
    """RMSE in pixels over the asked keypoints, as Kaggle scores; `predicted` is (N, 15, 2) or broadcasts to it."""
    errors = (np.broadcast_to(predicted, real.keypoints.shape) - real.keypoints)[real.asked]
    return float(np.sqrt(np.mean(errors**2)))


def carry_over_recipe(width: int) -> Recipe:
    """Lesson 10's recipe with more motion, and pictures disturbed as photographs may be.

    The faces have one source of labels, so there are no offsets to learn: the maps are bright where the points are.
    """
    return Recipe(
        width=width, degrees=8.0, scale=0.08, shift=2.5, gamma=0.3, offset_haste=0.0, disturbance=Disturbance()
    )


def lifelike_faces(count: int, seed: int) -> Faces:
    """Draw the faces to learn from, all 15 points labelled; the same for the same seed."""
    images, keypoints = draw_faces(count, seed, workers=os.cpu_count() or 1, lifelike=True)
    return Faces(images, keypoints, KEYPOINT_NAMES, np.zeros(count, np.int64), np.arange(count))
