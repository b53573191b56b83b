"""The faces that a network learns from: read from a file or a Kaggle folder, with the source of each face's labels."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from data_scripts.files.errors import DataError, explain_os_error
from data_scripts.heatmaps.geometry import partners
from data_scripts.kaggle.tables import read_training

SIZE = 96


@dataclass(frozen=True)
class Faces:
    """Faces to learn from.

    Attributes:
        images: (N, 96, 96) uint8.
        keypoints: (N, K, 2) float32 pixels, NaN where unlabelled.
        names: the K names.
        sources: (N,) int64, which source the labels of each face come from, counted from 0.
        groups: (N,) int64: faces of one person or photo share a number.
    """

    images: np.ndarray
    keypoints: np.ndarray
    names: tuple[str, ...]
    sources: np.ndarray
    groups: np.ndarray

    def labelled(self) -> np.ndarray:
        """Return which keypoints each source labels in more than a few faces: (sources, K) bool."""
        finite = np.isfinite(self.keypoints).all(2)
        return np.stack([finite[self.sources == source].mean(0) > 0.02 for source in range(self.sources.max() + 1)])

    def rows(self, chosen: np.ndarray) -> Faces:
        """Return some of the faces."""
        return Faces(self.images[chosen], self.keypoints[chosen], self.names, self.sources[chosen], self.groups[chosen])


def infer_sources(keypoints: np.ndarray) -> np.ndarray:
    """Tell label sources apart by what is labelled: (N, K, 2) -> (N,) int64, 0 for more than half of the points.

    One source labels (nearly) everything, another a few points; where all faces are of one kind, all are 0.
    """
    sparse = np.isfinite(keypoints).all(2).mean(1) <= 0.5
    return np.unique(sparse, return_inverse=True)[1].astype(np.int64)


def hold_out(faces: Faces, fraction: float, rng: np.random.Generator) -> tuple[Faces, Faces]:
    """Split faces into those to learn from and those to validate on; no group stands on both sides."""
    groups = np.unique(faces.groups)
    chosen = rng.permutation(groups)[: round(len(groups) * fraction)]
    held = np.isin(faces.groups, chosen)
    return faces.rows(~held), faces.rows(held)


def read_faces(path: Path) -> Faces:
    """Read the faces to learn from.

    Args:
        path: a ``.npz`` with ``train_images`` (N, 96, 96) uint8, ``train_keypoints`` (N, K, 2) float32 with NaN and
            ``names`` (K,), and where it has them ``train_source`` and ``train_group`` (N,); or a folder with Kaggle's
            ``training.csv``.

    Raises:
        DataError: in a line, for anything else.
    """
    if path.is_dir():
        table = read_training(path / "training.csv")
        arrays = {
            "train_images": np.round(table.images * 255).astype(np.uint8),
            "train_keypoints": table.keypoints,
            "names": np.array(table.names),
        }
    else:
        arrays = read_arrays(path, ("train_images", "train_keypoints", "names"), ("train_source", "train_group"))
    return _checked(path, arrays)


def read_arrays(path: Path, needed: tuple[str, ...], known: tuple[str, ...] = ()) -> dict[str, np.ndarray]:
    """Read arrays of a ``.npz``: those needed, and those known where they are there; DataError in a line."""
    try:
        loaded = np.load(path, allow_pickle=False)
        if not isinstance(loaded, np.lib.npyio.NpzFile):
            raise DataError(f"{path}: expected a .npz of several arrays, got a single one")
        with loaded as file:
            missing = [name for name in needed if name not in file]
            if missing:
                raise DataError(f"{path}: expected {', '.join(needed)}, found no {', '.join(missing)}")
            return {name: file[name] for name in (*needed, *known) if name in file}
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {explain_os_error(error)}") from error
    except DataError:
        raise
    except (ValueError, EOFError, KeyError, zipfile.BadZipFile) as error:
        raise DataError(f"{path}: expected a .npz, got something else or a damaged one ({error!s:.80})") from None


def check_images(path: Path, name: str, images: np.ndarray) -> None:
    """Raise DataError unless ``images`` is (N, 96, 96) uint8 with N of 1 or more."""
    if images.dtype != np.uint8 or images.ndim != 3 or images.shape[1:] != (SIZE, SIZE) or not len(images):
        raise DataError(f"{path}: {name}: expected (N, 96, 96) uint8, got {images.shape} {images.dtype}")


def _checked(path: Path, arrays: Mapping[str, np.ndarray]) -> Faces:
    images, keypoints, names = (arrays[name] for name in ("train_images", "train_keypoints", "names"))
    check_images(path, "train_images", images)
    if keypoints.shape != (len(images), len(names), 2) or not np.issubdtype(keypoints.dtype, np.floating):
        raise DataError(
            f"{path}: train_keypoints: expected ({len(images)}, {len(names)}, 2) floats for these images and names, "
            f"got {keypoints.shape} {keypoints.dtype}"
        )
    if np.isinf(keypoints).any():
        raise DataError(f"{path}: train_keypoints: expected pixels or NaN, got an infinite number")
    unlabelled = [
        str(name) for name, point in zip(names, keypoints.swapaxes(0, 1), strict=True) if np.isnan(point).all()
    ]
    if unlabelled:
        raise DataError(f"{path}: train_keypoints: {unlabelled[0]} is labelled in no face; leave it out")
    texts = tuple(str(name) for name in names)
    try:
        partners(texts)
    except ValueError as error:
        raise DataError(f"{path}: names: {error}") from None
    columns = {}
    for name in ("train_source", "train_group"):
        if name in arrays:
            if arrays[name].shape != (len(images),):
                raise DataError(f"{path}: {name}: expected ({len(images)},), got {arrays[name].shape}")
            columns[name] = np.unique(arrays[name], return_inverse=True)[1].astype(np.int64)
    return Faces(
        images,
        keypoints.astype(np.float32),
        texts,
        columns.get("train_source", infer_sources(keypoints)),
        columns.get("train_group", np.arange(len(images))),
    )
