"""Draw faces and write them as Kaggle's Facial Keypoints Detection files.

    python -m data_scripts.synthetic_faces --out data/synthetic --seed 0 --train 7049 --test 1783

The folder then holds training.csv, test.csv, IdLookupTable.csv and SampleSubmission.csv in Kaggle's format, and
truth.csv (RowId, Location) for scoring at home.
"""

import argparse
import math
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from tqdm import tqdm

from data_scripts.face_shape import IMAGE_SIZE, KEYPOINT_NAMES
from data_scripts.face_workers import Faces, draw_batches
from data_scripts.label_pattern import asked_keypoints, missing_labels

FILE_NAMES = ("training.csv", "test.csv", "IdLookupTable.csv", "SampleSubmission.csv", "truth.csv")
GENERATOR_VERSION = 4  # another number makes `folders` draw the embedded faces anew
_DIGITS = np.array([f"{value} ".encode() for value in range(256)])  # padded with zero bytes to four


def draw_faces(n: int, seed: int | np.random.SeedSequence, workers: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Draw `n` faces: -> (n, 96, 96) uint8 and (n, 15, 2) float32 pixels, the same for the same seed.

    `workers` processes draw; 1 draws in this one. ValueError for a negative `n`.
    """
    if n < 0:
        raise ValueError(f"n must be 0 or more, got {n}; give the number of faces to draw")
    if n == 0:
        return np.zeros((0, IMAGE_SIZE, IMAGE_SIZE), np.uint8), np.zeros((0, len(KEYPOINT_NAMES), 2), np.float32)
    sequence = seed if isinstance(seed, np.random.SeedSequence) else np.random.SeedSequence(seed)
    drawn = list(draw_batches(n, sequence, workers))
    return np.concatenate([images for images, _ in drawn]), np.concatenate([points for _, points in drawn])


def write_kaggle_folder(
    out: Path, n_train: int = 7049, n_test: int = 1783, seed: int = 0, workers: int | None = None
) -> None:
    """Write the five files of FILE_NAMES to the folder `out`, byte for byte the same for the same sizes and seed.

    `workers` processes draw (None: one a processor). The files are written beside `out` first, so an interruption
    leaves no half-written folder. ValueError for sizes below 1; FileExistsError where `out` is there and not empty.
    """
    if n_train < 1 or n_test < 1:
        raise ValueError(f"n_train and n_test must be 1 or more, got {n_train} and {n_test}; ask for some faces")
    out = Path(out)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise FileExistsError(f"{out} is there and not empty; remove it, or name another folder")
    train_seed, test_seed, pattern_seed = np.random.SeedSequence(seed).spawn(3)
    workers = workers or os.cpu_count() or 1
    out.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    try:
        pattern_rng = np.random.default_rng(pattern_seed)
        missing, asked = missing_labels(n_train, pattern_rng), asked_keypoints(n_test, pattern_rng)
        with tqdm(total=n_train + n_test, unit="face", desc=f"Drawing {out.name}", disable=None) as progress:
            _write_training(unfinished, draw_batches(n_train, train_seed, workers), missing, progress)
            truth = _write_test(unfinished, draw_batches(n_test, test_seed, workers), progress)
        _write_lookup(unfinished, asked, truth)
        unfinished.chmod(0o755)
        if out.exists():
            out.rmdir()
        unfinished.rename(out)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise


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


def main(argv: list[str] | None = None) -> int:
    """Command line; -> exit status."""
    parser = argparse.ArgumentParser(description="Draw synthetic faces and write them in Kaggle's format.")
    parser.add_argument("--out", type=Path, required=True, help="folder to write; must not be there, or be empty")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--train", type=int, default=7049, help="labelled faces (default 7049)")
    parser.add_argument("--test", type=int, default=1783, help="faces to predict (default 1783)")
    parser.add_argument("--workers", type=int, default=None, help="processes (default: one a processor)")
    args = parser.parse_args(argv)
    started = time.perf_counter()
    try:
        write_kaggle_folder(args.out, args.train, args.test, args.seed, args.workers)
    except (ValueError, OSError) as error:
        print(f"synthetic_faces: {error}", file=sys.stderr)
        return 1
    seconds = time.perf_counter() - started
    print(f"{args.train} training faces and {args.test} test faces in {args.out}, drawn in {seconds:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
