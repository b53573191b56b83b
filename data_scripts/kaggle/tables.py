"""Kaggle's facial keypoint files, read fast: parsed once, then from a compact cache beside each file."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

import numpy as np
from tqdm import tqdm

from data_scripts.files.errors import DataError
from data_scripts.kaggle.cache import fingerprint, load_cache, save_cache
from data_scripts.kaggle.lookup import check_lookup, read_lookup
from data_scripts.kaggle.rows import FaceTable, parse_faces, shorten

# Kaggle's own counts: https://www.kaggle.com/competitions/facial-keypoints-detection/data
KAGGLE_TRAINING_ROWS = 7049
KAGGLE_TEST_ROWS = 1783
KAGGLE_LOOKUP_ROWS = 27124
KAGGLE_KEYPOINTS = 15


@dataclass(frozen=True)
class TrainingSet:
    """The faces of ``training.csv``.

    Attributes:
        images: (N, 96, 96) float32 in [0, 1].
        keypoints: (N, K, 2) float32, x and y in pixels, NaN where unlabeled.
        names: the K keypoints in file order, without ``_x`` and ``_y``.
    """

    images: np.ndarray
    keypoints: np.ndarray
    names: tuple[str, ...]


@dataclass(frozen=True)
class TestSet:
    """The faces of ``test.csv``.

    Attributes:
        images: (N, 96, 96) float32 in [0, 1].
        image_ids: (N,) int64, the ``ImageId`` of each image: 1 to N in this order, whatever that of the file is.
    """

    # pytest collects classes whose name begins with "Test".
    __test__ = False

    images: np.ndarray
    image_ids: np.ndarray


@dataclass(frozen=True)
class FolderSummary:
    """What a folder in Kaggle's format holds: rows of each file, keypoints of a face, and complete rows."""

    training_rows: int
    complete_rows: int
    keypoints: int
    test_rows: int
    lookup_rows: int


def read_training(csv_path: Path | str) -> TrainingSet:
    """Read a ``training.csv``: pairs of columns ``NAME_x``, ``NAME_y`` and a column ``Image``.

    Args:
        csv_path: the file. Its cache is written beside it on the first reading; where that fails, the reason is
            printed to stderr and the faces come all the same.

    Returns:
        The faces, in new arrays that the caller may change.

    Raises:
        DataError: naming file and row, for anything that is not such a table.
    """
    table = _read_faces(Path(csv_path), _TRAINING)
    keypoints = table.values.astype(np.float32).reshape(len(table.images), -1, 2)
    return TrainingSet(_to_unit(table.images), keypoints, tuple(name[:-2] for name in table.columns[::2]))


def read_test(csv_path: Path | str) -> TestSet:
    """Read a ``test.csv``: the columns ``ImageId`` and ``Image``. See ``read_training`` for cache and errors.

    The faces come in the order of their ``ImageId``, which counts from 1 without a gap: the face at index i is that of
    ImageId i + 1, as whoever answers ``IdLookupTable.csv`` counts.
    """
    table = _read_faces(Path(csv_path), _TEST)
    image_ids = table.values[:, 0].astype(np.int64)
    order = np.argsort(image_ids)
    return TestSet(_to_unit(table.images[order]), image_ids[order])


def verify_folder(folder: Path | str, expect_kaggle: bool = False) -> FolderSummary:
    """Check ``training.csv``, ``test.csv`` and ``IdLookupTable.csv`` of a folder, and cache the faces.

    Args:
        folder: a folder with the three files.
        expect_kaggle: also demand the counts of Kaggle's own files.

    Returns:
        What the folder holds.

    Raises:
        DataError: for the first thing that is wrong, also where a cache cannot be written.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise DataError(
            f"{folder}: expected a folder with training.csv, test.csv and IdLookupTable.csv, "
            f"got {'a file' if folder.exists() else 'nothing there'}; check the path"
        )
    training_csv, test_csv, lookup_csv = (folder / f"{name}.csv" for name in ("training", "test", "IdLookupTable"))
    lookup = read_lookup(lookup_csv)
    training = _read_faces(training_csv, _TRAINING, cache_needed=True)
    test = _read_faces(test_csv, _TEST, cache_needed=True)
    check_lookup(lookup_csv, lookup, training.columns, test.values[:, 0].astype(np.int64))
    summary = FolderSummary(
        training_rows=len(training.images),
        complete_rows=int(np.isfinite(training.values).all(axis=1).sum()),
        keypoints=len(training.columns) // 2,
        test_rows=len(test.images),
        lookup_rows=len(lookup),
    )
    if expect_kaggle:
        for path, what, want, got in (
            (training_csv, "rows", KAGGLE_TRAINING_ROWS, summary.training_rows),
            (training_csv, "keypoints", KAGGLE_KEYPOINTS, summary.keypoints),
            (test_csv, "rows", KAGGLE_TEST_ROWS, summary.test_rows),
            (lookup_csv, "rows", KAGGLE_LOOKUP_ROWS, summary.lookup_rows),
        ):
            if got != want:
                raise DataError(f"{path}: expected Kaggle's {want} {what}, got {got}; download the file again")
    return summary


def _read_faces(csv_path: Path, kind: _Kind, cache_needed: bool = False) -> FaceTable:
    """The table of a CSV file from its cache, else from the file itself, which is then cached."""

    def check_columns(columns: tuple[str, ...]) -> None:
        kind.check_columns(csv_path, columns)

    table = load_cache(csv_path)
    if table is not None:
        # The cache of a sound file may still be asked for as the wrong kind of file.
        check_columns(table.columns)
        return table
    try:
        before, size = fingerprint(csv_path), csv_path.stat().st_size
    except OSError:
        # parse_faces meets the same obstacle and explains it.
        before, size = "", 0
    with tqdm(
        total=size, unit="B", unit_scale=True, desc=f"reading {csv_path.name}", delay=1, leave=False, disable=None
    ) as bar:
        table = parse_faces(csv_path, check_columns, bar.update)
    kind.check_values(csv_path, table.values)
    try:
        save_cache(csv_path, table, before)
    except DataError as error:
        if cache_needed:
            raise
        print(f"{error} (the faces are read; without a cache each reading takes seconds)", file=sys.stderr)
    return table


def _check_training_columns(path: Path, columns: tuple[str, ...]) -> None:
    """Refuse columns other than pairs ``NAME_x``, ``NAME_y`` that stand side by side."""
    if not columns:
        raise DataError(
            f"{path}: expected columns NAME_x and NAME_y beside 'Image', got none; "
            "give a training.csv or download or write the file again"
        )
    for x, y in zip_longest(columns[::2], columns[1::2]):
        if not (x.endswith("_x") and y == x[:-2] + "_y"):
            got = shorten(f"{x!r} alone" if y is None else f"{x!r} before {y!r}", 100)
            raise DataError(
                f"{path}: expected pairs of columns NAME_x, NAME_y beside 'Image', got {got}; "
                "a column is missing or misplaced: download or write the file again"
            )


def _accept_values(path: Path, values: np.ndarray) -> None:
    """Any number may be a coordinate, and NaN is a missing label."""


def _check_test_columns(path: Path, columns: tuple[str, ...]) -> None:
    if columns != ("ImageId",):
        got = shorten(", ".join(columns)) or "none"
        raise DataError(
            f"{path}: expected the one column 'ImageId' beside 'Image', got {got}; "
            "give a test.csv or download or write the file again"
        )


def _check_image_ids(path: Path, values: np.ndarray) -> None:
    numbers = values[:, 0]
    first_seen = np.zeros(len(numbers), dtype=bool)
    first_seen[np.unique(numbers, return_index=True)[1]] = True
    # NaN, an empty field, is never at least 1.
    wrong = np.flatnonzero(~((numbers >= 1) & (numbers == np.floor(numbers)) & first_seen))
    if len(wrong):
        row = int(wrong[0]) + 1
        raise DataError(
            f"{path}, row {row} (line {row + 1}): expected a whole number from 1, each once, in column "
            f"'ImageId', got {numbers[row - 1]:g}; correct it or download the file again"
        )
    missing = np.setdiff1d(np.arange(1, len(numbers) + 1), numbers)
    if len(missing):
        raise DataError(
            f"{path}: expected every ImageId from 1 to {len(numbers)}, the number of rows, got none with {missing[0]}; "
            "rows are missing: download or write the file again"
        )


@dataclass(frozen=True)
class _Kind:
    """What tells one of Kaggle's face tables from the other."""

    check_columns: Callable[[Path, tuple[str, ...]], None]
    check_values: Callable[[Path, np.ndarray], None]


_TRAINING = _Kind(_check_training_columns, _accept_values)
_TEST = _Kind(_check_test_columns, _check_image_ids)


def _to_unit(images: np.ndarray) -> np.ndarray:
    return images / np.float32(255)
