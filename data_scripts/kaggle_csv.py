"""Read Kaggle's facial keypoint files fast: parsed once, then from a compact cache beside each file.

    python -m data_scripts.kaggle_csv DIR

checks every file of a folder, caches it and prints what is in it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from data_scripts.errors import DataError, explain_os_error
from data_scripts.face_cache import fingerprint, load_cache, save_cache
from data_scripts.face_rows import FaceTable, parse_faces, shorten

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
        image_ids: (N,) int64, the ``ImageId`` of each row.
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
    return _training_set(_read_faces(Path(csv_path), _check_training_columns))


def read_test(csv_path: Path | str) -> TestSet:
    """Read a ``test.csv``: the columns ``ImageId`` and ``Image``. See ``read_training`` for cache and errors."""
    return _test_set(Path(csv_path), _read_faces(Path(csv_path), _check_test_columns))


def read_lookup(csv_path: Path | str) -> pd.DataFrame:
    """Read an ``IdLookupTable.csv``: which coordinate of which image each row of a submission asks for.

    Args:
        csv_path: the file; a column ``Location``, which Kaggle leaves empty, is ignored.

    Returns:
        Columns ``RowId`` (int64, unique), ``ImageId`` (int64, counts from 1) and ``FeatureName`` (str), in file order.

    Raises:
        DataError: for a missing column, a missing or repeated number, or a file that cannot be read.
    """
    path = Path(csv_path)
    wanted = ["RowId", "ImageId", "FeatureName"]
    try:
        # Everything as text first, so that the message can quote what stands in the file.
        table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {explain_os_error(error)}") from error
    except (ValueError, pd.errors.ParserError) as error:
        raise DataError(f"{path}: expected a CSV table with the columns {', '.join(wanted)}; pandas says: "
                        f"{shorten(' '.join(str(error).split()), 100)}; download or write the file again") from error
    missing = [name for name in wanted if name not in table.columns]
    if missing or table.empty:
        got = f"no column {', '.join(missing)}" if missing else "no rows"
        raise DataError(f"{path}: expected rows with the columns {', '.join(wanted)}, got {got}; "
                        "download or write the file again")
    table = table[wanted]
    for name in wanted[:2]:
        bad = np.flatnonzero(~table[name].str.fullmatch(r"[1-9][0-9]{0,8}").to_numpy(dtype=bool))
        if len(bad):
            raise DataError(_lookup_fault(path, bad[0], f"a whole number from 1 in column {name!r}", table[name]))
    nameless = np.flatnonzero((table["FeatureName"] == "").to_numpy(dtype=bool))
    if len(nameless):
        raise DataError(_lookup_fault(path, nameless[0], "a name in column 'FeatureName'", table["FeatureName"]))
    repeated = np.flatnonzero(table["RowId"].duplicated().to_numpy())
    if len(repeated):
        raise DataError(_lookup_fault(path, repeated[0], "every RowId once", table["RowId"]))
    return table.astype({"RowId": np.int64, "ImageId": np.int64})


def _lookup_fault(path: Path, index: int, expected: str, column: pd.Series) -> str:
    got = shorten(str(column.iloc[index]), 20)
    return (f"{path}, row {index + 1} (line {index + 2}): expected {expected}, got {got!r}; "
            "correct it or download the file again")


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
        raise DataError(f"{folder}: expected a folder with training.csv, test.csv and IdLookupTable.csv, "
                        f"got {'a file' if folder.exists() else 'nothing there'}; check the path")
    training_csv, test_csv, lookup_csv = (folder / f"{name}.csv" for name in ("training", "test", "IdLookupTable"))
    lookup = read_lookup(lookup_csv)
    training = _read_faces(training_csv, _check_training_columns, cache_needed=True)
    test = _read_faces(test_csv, _check_test_columns, cache_needed=True)
    image_ids = _test_set(test_csv, test).image_ids
    _check_lookup(lookup_csv, lookup, training.columns, image_ids)
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


def _read_faces(
    csv_path: Path, check_columns: Callable[[tuple[str, ...]], None], cache_needed: bool = False
) -> FaceTable:
    def check(columns: tuple[str, ...]) -> None:
        try:
            check_columns(columns)
        except DataError as error:
            raise DataError(f"{csv_path}: {error}") from None

    table = load_cache(csv_path)
    if table is not None:
        check(table.columns)
        return table
    try:
        before, size = fingerprint(csv_path), csv_path.stat().st_size
    except OSError:
        before, size = "", 0
    with tqdm(total=size, unit="B", unit_scale=True, desc=f"reading {csv_path.name}", delay=1, leave=False) as bar:
        table = parse_faces(csv_path, check, bar.update)
    try:
        save_cache(csv_path, table, before)
    except DataError as error:
        if cache_needed:
            raise
        print(f"{error} (the faces are read; without a cache each reading takes seconds)", file=sys.stderr)
    return table


def _check_training_columns(columns: tuple[str, ...]) -> None:
    """Refuse columns other than pairs ``NAME_x``, ``NAME_y`` that stand side by side."""
    if not columns:
        raise DataError("expected columns NAME_x and NAME_y beside 'Image', got none; is this a test.csv?")
    for x, y in zip(columns[::2], [*columns[1::2], ""], strict=False):
        if not (x.endswith("_x") and y == x[:-2] + "_y"):
            got = f"{x!r} before {y!r}" if y else f"{x!r} alone"
            raise DataError(f"expected pairs of columns NAME_x, NAME_y beside 'Image', got {got}; "
                            "a column is missing or misplaced: download or write the file again")


def _check_test_columns(columns: tuple[str, ...]) -> None:
    if columns != ("ImageId",):
        got = shorten(", ".join(columns)) or "none"
        raise DataError(f"expected the column 'ImageId' beside 'Image', got {got}; is this a test.csv?")


def _to_unit(images: np.ndarray) -> np.ndarray:
    return images / np.float32(255)


def _training_set(table: FaceTable) -> TrainingSet:
    keypoints = table.values.astype(np.float32).reshape(len(table.images), -1, 2)
    return TrainingSet(_to_unit(table.images), keypoints, tuple(name[:-2] for name in table.columns[::2]))


def _test_set(csv_path: Path, table: FaceTable) -> TestSet:
    numbers = table.values[:, 0]
    wrong = np.flatnonzero(~((numbers >= 1) & (numbers == np.floor(numbers))))
    if len(wrong):
        row = int(wrong[0]) + 1
        raise DataError(f"{csv_path}, row {row} (line {row + 1}): expected a whole number from 1 in column "
                        f"'ImageId', got {numbers[row - 1]}; correct it or download the file again")
    return TestSet(_to_unit(table.images), numbers.astype(np.int64))


def _check_lookup(path: Path, lookup: pd.DataFrame, columns: tuple[str, ...], image_ids: np.ndarray) -> None:
    for name, known, where in (("FeatureName", columns, "training.csv"), ("ImageId", image_ids, "test.csv")):
        unknown = np.flatnonzero(~lookup[name].isin(known).to_numpy())
        if len(unknown):
            raise DataError(_lookup_fault(path, unknown[0], f"a {name} that {where} has", lookup[name]))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return 0, or 1 after one line on stderr."""
    parser = argparse.ArgumentParser(
        prog="python -m data_scripts.kaggle_csv",
        description="Check the files of a folder in Kaggle's format, cache them, and print what is in it.",
    )
    parser.add_argument("folder", type=Path, metavar="DIR", help="holds training.csv, test.csv and IdLookupTable.csv")
    parser.add_argument("--expect-kaggle", action="store_true", help="demand the counts of Kaggle's own files")
    options = parser.parse_args(arguments)
    try:
        summary = verify_folder(options.folder, options.expect_kaggle)
    except DataError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{options.folder}: {summary.training_rows} training rows ({summary.complete_rows} with all "
          f"{summary.keypoints} keypoints), {summary.test_rows} test images, {summary.lookup_rows} look-up rows")
    return 0


if __name__ == "__main__":
    sys.exit(main())
