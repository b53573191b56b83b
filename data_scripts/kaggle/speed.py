"""How fast the reader is, against pandas and ``str.split``, on a file of random faces."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from data_scripts.kaggle.cache import cache_path
from data_scripts.kaggle.tables import KAGGLE_KEYPOINTS, read_training

PARSE_PROMISE = 5.0
CACHE_PROMISE = 50.0


@dataclass(frozen=True)
class ReaderTimes:
    """Seconds to read one file: with pandas and a split per row, with the reader, and from the reader's cache."""

    rows: int
    pandas_split: float
    parse: float
    cached: float

    @property
    def parse_ratio(self) -> float:
        """How many times faster than pandas the first reading is, writing the cache included."""
        return self.pandas_split / self.parse

    @property
    def cache_ratio(self) -> float:
        """How many times faster than pandas a later reading is, fresh float32 images included."""
        return self.pandas_split / self.cached


def write_random_faces(csv_path: Path, rows: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Write a ``training.csv`` of noise: every pixel level, and labels of which one in five is missing.

    Args:
        csv_path: the file to write.
        rows: the number of faces N.
        rng: where the numbers come from.

    Returns:
        The images, (N, 96, 96) uint8, and the keypoints, (N, 15, 2) float32 pixels with NaN.
    """
    images = rng.integers(0, 256, (rows, 96, 96), dtype=np.uint8)
    keypoints = rng.uniform(0, 96, (rows, KAGGLE_KEYPOINTS, 2)).astype(np.float32)
    keypoints[rng.random((rows, KAGGLE_KEYPOINTS)) < 0.2] = np.nan
    words = [str(level) for level in range(256)]
    with open(csv_path, "w", encoding="utf-8", newline="\n") as file:
        names = [f"point{number}_{axis}" for number in range(KAGGLE_KEYPOINTS) for axis in "xy"]
        file.write(",".join([*names, "Image"]) + "\n")
        for image, points in zip(
            tqdm(images, desc="writing faces", delay=1, leave=False, disable=None), keypoints, strict=True
        ):
            labels = ["" if np.isnan(value) else repr(float(value)) for value in points.ravel()]
            pixels = " ".join([words[level] for level in image.ravel().tolist()])
            file.write(",".join([*labels, pixels]) + "\n")
    return images, keypoints


def read_with_pandas(csv_path: Path) -> np.ndarray:
    """Read the images as a newcomer would: ``pandas.read_csv``, then one split and one array a row.

    Args:
        csv_path: a ``training.csv``.

    Returns:
        (N, 9216) float32, gray levels 0–255.
    """
    table = pd.read_csv(csv_path)
    return np.stack([np.array(text.split(), dtype=np.float32) for text in table["Image"]])


def measure(csv_path: Path, repeats: int = 3) -> ReaderTimes:
    """Time all three ways to read a file, one after the other.

    Args:
        csv_path: a ``training.csv``; its cache is removed and written again.
        repeats: how often the reader is timed, each way; its best time counts. pandas is timed once.

    Returns:
        The times in seconds.
    """

    def parse() -> None:
        cache_path(csv_path).unlink(missing_ok=True)
        read_training(csv_path)

    pandas_split = _seconds(lambda: read_with_pandas(csv_path))
    parsed = min(_seconds(parse) for _ in range(repeats))
    cached = min(_seconds(lambda: read_training(csv_path)) for _ in range(repeats))
    return ReaderTimes(len(read_training(csv_path).images), pandas_split, parsed, cached)


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
