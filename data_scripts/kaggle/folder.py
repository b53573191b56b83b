"""Drawn faces as Kaggle's Facial Keypoints Detection files.

training.csv, test.csv, IdLookupTable.csv and SampleSubmission.csv are in Kaggle's format; truth.csv (RowId, Location)
is for scoring at home.
"""

import math
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from tqdm import tqdm

from data_scripts.drawing.shape import KEYPOINT_NAMES
from data_scripts.drawing.workers import Faces, draw_batches
from data_scripts.files.generated import keep_generated
from data_scripts.files.whole import whole_folder
from data_scripts.kaggle.labels import FULL_ROWS, TEST_IMAGES, asked_keypoints, missing_labels

FILE_NAMES = ("training.csv", "test.csv", "IdLookupTable.csv", "SampleSubmission.csv", "truth.csv")
GENERATOR_VERSION = 4  # another number makes `drawn_folder` draw anew
SEED = 0
_DIGITS = np.array([f"{value} ".encode() for value in range(256)])  # padded with zero bytes to four


def write_kaggle_folder(
    out: Path, n_train: int = FULL_ROWS, n_test: int = TEST_IMAGES, seed: int = SEED, workers: int | None = None
) -> None:
    """Write the five files of FILE_NAMES to the folder `out`, byte for byte the same for the same sizes and seed.

    `workers` processes draw (None: one a processor). The files are written beside `out` first, so an interruption
    leaves no half-written folder. ValueError for sizes below 1; FileExistsError where `out` is there and not empty.
    """
    if n_train < 1 or n_test < 1:
        raise ValueError(f"n_train and n_test must be 1 or more, got {n_train} and {n_test}; ask for some faces")
    train_seed, test_seed, pattern_seed = np.random.SeedSequence(seed).spawn(3)
    workers = workers or os.cpu_count() or 1
    with whole_folder(out) as unfinished:
        pattern_rng = np.random.default_rng(pattern_seed)
        missing, asked = missing_labels(n_train, pattern_rng), asked_keypoints(n_test, pattern_rng)
        with tqdm(total=n_train + n_test, unit="face", desc=f"Drawing {out.name}", disable=None) as progress:
            _write_training(unfinished, draw_batches(n_train, train_seed, workers), missing, progress)
            truth = _write_test(unfinished, draw_batches(n_test, test_seed, workers), progress)
        _write_lookup(unfinished, asked, truth)


def drawn_folder(folder: Path) -> Path:
    """Make sure that a folder holds the drawn faces of the present generator, as many as Kaggle's; return it.

    Raises:
        DataError: if they cannot be written, or the folder holds other files that are not a whole set of faces.
    """
    recipe = {
        "generator_version": GENERATOR_VERSION,
        "seed": SEED,
        "training_rows": FULL_ROWS,
        "test_rows": TEST_IMAGES,
    }

    def write(fresh: Path) -> None:
        write_kaggle_folder(fresh, n_train=FULL_ROWS, n_test=TEST_IMAGES, seed=SEED)

    return keep_generated(folder, recipe, FILE_NAMES, write)


def _columns() -> list[str]:
    return [f"{name}_{axis}" for name in KEYPOINT_NAMES for axis in "xy"]


def _number(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.4f}"


def _pixels(image: np.ndarray) -> str:
    return _DIGITS[image.ravel()].tobytes().translate(None, b"\0").decode("ascii").rstrip(" ")


def _write_training(folder: Path, drawn: Iterator[Faces], missing: np.ndarray, progress: tqdm) -> None:
    """Write training.csv; `missing` says which labels each row lacks, (N, 15) bool."""
    lacks = iter(missing)
    with open(folder / "training.csv", "w", encoding="ascii", newline="\n") as file:
        file.write(",".join([*_columns(), "Image"]) + "\n")
        for images, keypoints in drawn:
            for image, points in zip(images, keypoints, strict=True):
                labels = np.where(next(lacks)[:, None], np.nan, points).ravel().tolist()
                file.write(",".join([*map(_number, labels), _pixels(image)]) + "\n")
            progress.update(len(images))


def _write_test(folder: Path, drawn: Iterator[Faces], progress: tqdm) -> np.ndarray:
    """Write test.csv; -> its images' keypoints, (N, 15, 2) float32."""
    truth: list[np.ndarray] = []
    with open(folder / "test.csv", "w", encoding="ascii", newline="\n") as file:
        file.write("ImageId,Image\n")
        for images, keypoints in drawn:
            for image, points in zip(images, keypoints, strict=True):
                truth.append(points)
                file.write(f"{len(truth)},{_pixels(image)}\n")
            progress.update(len(images))
    return np.stack(truth)


def _write_lookup(folder: Path, asked: np.ndarray, truth: np.ndarray) -> None:
    columns = _columns()
    images, features = np.nonzero(np.repeat(asked, 2, axis=1))
    values = truth.reshape(len(truth), -1)[images, features]
    rows = range(1, len(images) + 1)
    tables = {
        "IdLookupTable.csv": ["RowId,ImageId,FeatureName,Location"]
        + [f"{r},{i + 1},{columns[f]}," for r, i, f in zip(rows, images, features, strict=True)],
        "SampleSubmission.csv": ["RowId,Location"] + [f"{r},0" for r in rows],
        "truth.csv": ["RowId,Location"] + [f"{r},{_number(v)}" for r, v in zip(rows, values, strict=True)],
    }
    for name, lines in tables.items():
        (folder / name).write_text("\n".join(lines) + "\n", encoding="ascii", newline="\n")
