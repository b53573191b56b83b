"""Faces cut out of their pictures, and keypoints in each frame: units, pixels of the crop, pixels of the picture."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from data_scripts.files.errors import DataError
from data_scripts.ibug.photos import read_picture
from data_scripts.training import processes

Box = tuple[int, int, int, int]
Record = tuple[str, Box, np.ndarray | None]


@dataclass(frozen=True)
class Crops:
    """Faces cut out of their pictures.

    Attributes:
        images: (N, 1, size, size) float32 in [0, 1].
        points: (N, 68, 2) float32, pixels of the crop, or None.
        boxes: where each was cut out.
        truth: (N, 68, 2) float32, pixels of the picture, or None.
    """

    images: Tensor
    points: Tensor | None
    boxes: tuple[Box, ...]
    truth: np.ndarray | None

    @property
    def size(self) -> int:
        """Width and height of a crop, pixels."""
        return self.images.shape[-1]

    def targets(self) -> Tensor:
        """Return the points, (N, 68, 2) float32 pixels of the crop; ValueError where the faces carry none."""
        if self.points is None:
            raise ValueError("expected faces with points, got boxes alone; name a file of labels with points")
        return self.points


def with_points(records: Sequence[Record], say: Callable[[str], None] = print) -> list[Record]:
    """Return the records that have keypoints, and say how many boxes without any were left out.

    Raises:
        DataError: no record has keypoints.
    """
    labeled = [record for record in records if record[2] is not None]
    bare = [file for file, _, keypoints in records if keypoints is None]
    if not labeled:
        raise DataError(f"expected faces with points, got {len(bare)} boxes without any; name a file with points")
    if bare:
        say(f"{len(bare)} of {len(records)} boxes have no points and are left out, the first in {bare[0]}")
    return labeled


def cut_faces(records: Sequence[Record], folder: Path, crop_face: Callable, size: int) -> Crops:
    """Cut faces out of the pictures in ``folder``.

    Args:
        records: file, box and keypoints (or None) of each; all of them have keypoints, or none has.
        folder: where the pictures lie.
        crop_face: ``crop_face(image, box, keypoints, size)`` returns crop and keypoints, as in lesson 09.
        size: width and height of a crop.

    Raises:
        DataError: a picture cannot be read, or some records have keypoints and others none.
    """
    bare = [file for file, _, keypoints in records if keypoints is None]
    if bare and len(bare) < len(records):
        raise DataError(f"{bare[0]}: expected points as the other faces have them, got a box alone; leave it out")
    images = np.empty((len(records), 1, size, size), np.float32)
    points: list[np.ndarray | None] = []
    bar = tqdm(records, desc="cutting out faces", unit="face", file=sys.stdout, disable=processes.number() > 0)
    for row, (file, box, keypoints) in enumerate(bar):
        images[row, 0], moved = crop_face(read_picture(folder / file), box, keypoints, size)
        points.append(moved)
    moved_points = [found for found in points if found is not None]
    truth = [keypoints for _, _, keypoints in records if keypoints is not None]
    return Crops(
        torch.from_numpy(images),
        torch.from_numpy(np.stack(moved_points).astype(np.float32)) if moved_points else None,
        tuple(box for _, box, _ in records),
        np.stack(truth) if truth else None,
    )


def to_units(points: Tensor, size: int) -> Tensor:
    """(N, 68, 2) crop pixels -> (N, 136) from about -0.5 to 0.5: what the network learns to answer."""
    return (points / size - 0.5).flatten(1)


def to_crop_pixels(outputs: Tensor, size: int) -> Tensor:
    """(N, 136) answers of the network -> (N, 68, 2) crop pixels."""
    return (outputs.unflatten(1, (-1, 2)) + 0.5) * size


def pixel_error(predicted: np.ndarray, crops: Crops, uncrop: Callable, mean_absolute_error: Callable) -> float:
    """Return the error of predictions (N, 68, 2) in crop pixels as the contest counts it: in pixels of the pictures."""
    return float(mean_absolute_error(in_pictures(predicted, crops, uncrop), crops.truth))


def in_pictures(predicted: np.ndarray, crops: Crops, uncrop: Callable) -> np.ndarray:
    """Return predictions (N, 68, 2) in crop pixels as pixels of the pictures."""
    return np.stack([uncrop(points, box, crops.size) for points, box in zip(predicted, crops.boxes, strict=True)])


def error_by_eyes(found: np.ndarray, truth: np.ndarray | None) -> float:
    """Return the error as the 300-W challenge counts it: distances as a share of that between the outer eye corners.

    Args:
        found, truth: (N, 68, 2) in any unit that is the same in x and y, such as pixels of the pictures.

    Raises:
        ValueError: there is no truth.
    """
    if truth is None:
        raise ValueError("expected the true points of the faces, got none")
    distances = np.linalg.norm(found - truth, axis=2).mean(axis=1)
    return float((distances / np.linalg.norm(truth[:, 36] - truth[:, 45], axis=1)).mean())
