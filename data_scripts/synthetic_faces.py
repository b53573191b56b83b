"""Draw faces and write them as Kaggle's Facial Keypoints Detection files.

    python -m data_scripts.synthetic_faces --out data/synthetic --seed 0 --train 7049 --test 1783

The folder then holds training.csv, test.csv, IdLookupTable.csv and SampleSubmission.csv in Kaggle's format, and
truth.csv (RowId, Location) for scoring at home.
"""

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np
from tqdm import tqdm

from data_scripts import face_scene
from data_scripts.face_features import paint_face
from data_scripts.face_look import draw_look, grow_hair
from data_scripts.face_render import CANVAS, draw_light, rasterize, shade
from data_scripts.face_shape import IMAGE_SIZE, KEYPOINT_NAMES, build_head, draw_pose, draw_shape, frame_head, grow
from data_scripts.face_texture import TEXTURE
from data_scripts.label_pattern import asked_keypoints, missing_labels
from data_scripts.photo_effects import develop

FILE_NAMES = ("training.csv", "test.csv", "IdLookupTable.csv", "SampleSubmission.csv", "truth.csv")
GENERATOR_VERSION = 3  # another number makes `folders` draw the embedded faces anew
BATCH = 64  # faces a worker draws at a time
T = TypeVar("T")
_DIGITS = [str(value) for value in range(256)]


def draw_face(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draw one face: -> (96, 96) uint8 picture and (15, 2) float32 keypoints, x and y in pixels; `rng` is advanced.

    All 15 keypoints lie in the picture: faces that do not fit are drawn again.
    """
    while True:
        shape, pose, look, light = draw_shape(rng), draw_pose(rng), draw_look(rng), draw_light(rng)
        bare = build_head(shape)
        camera, keypoints = frame_head(bare, pose)
        if keypoints.min() >= 0.5 and keypoints.max() <= IMAGE_SIZE - 1.5:
            break
    cover, hair = grow_hair(rng, shape, look)
    head = grow(bare, hair)
    canvas = face_scene.background(rng)
    face_scene.behind_head(rng, canvas, head, camera, look, light)
    matte, glint, facing = shade(head, camera, light, cover)
    texture = paint_face(rng, head, look, cover)
    lit = texture * cv2.resize(matte, (TEXTURE, TEXTURE)) + cv2.resize(glint, (TEXTURE, TEXTURE))
    index, seen = rasterize(head, camera, facing)
    edge = cv2.GaussianBlur(seen.astype(np.float32), (3, 3), 0.7) * seen
    face_scene.lay(canvas, edge, lit.ravel()[index.ravel()].reshape(CANVAS, CANVAS))
    if look.hair_style == "hat" and rng.random() < 0.6:
        face_scene.brim(rng, canvas, head, camera, light)
    if rng.random() < 0.16:
        face_scene.glasses(rng, canvas, head, camera, light)
    if rng.random() < 0.1:
        face_scene.obstacle(rng, canvas)
    return develop(rng, canvas), keypoints.astype(np.float32)


def _draw_batch(seeds: list[np.random.SeedSequence]) -> tuple[np.ndarray, np.ndarray]:
    cv2.setNumThreads(1)
    faces = [draw_face(np.random.default_rng(seed)) for seed in seeds]
    return np.stack([image for image, _ in faces]), np.stack([points for _, points in faces])


def _draw_csv_batch(seeds: list[np.random.SeedSequence]) -> tuple[list[str], np.ndarray]:
    images, keypoints = _draw_batch(seeds)
    return [" ".join(map(_DIGITS.__getitem__, image.ravel().tolist())) for image in images], keypoints


def draw_faces(n: int, seed: int | np.random.SeedSequence, workers: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Draw `n` faces: -> (n, 96, 96) uint8 and (n, 15, 2) float32 pixels, the same for the same seed.

    `workers` processes draw; 1 draws in this one. ValueError for a negative `n`.
    """
    if n < 0:
        raise ValueError(f"n must be 0 or more, got {n}; give the number of faces to draw")
    if n == 0:
        return np.zeros((0, IMAGE_SIZE, IMAGE_SIZE), np.uint8), np.zeros((0, len(KEYPOINT_NAMES), 2), np.float32)
    drawn = list(_in_batches(_draw_batch, _face_seeds(n, seed), workers))
    return np.concatenate([images for images, _ in drawn]), np.concatenate([points for _, points in drawn])


def _face_seeds(n: int, seed: int | np.random.SeedSequence) -> list[np.random.SeedSequence]:
    """One seed a face, so that a face never depends on which process draws it, nor on how many are drawn."""
    sequence = seed if isinstance(seed, np.random.SeedSequence) else np.random.SeedSequence(seed)
    return sequence.spawn(n)


def _in_batches(
    draw: Callable[[list[np.random.SeedSequence]], T], seeds: list[np.random.SeedSequence], workers: int
) -> Iterator[T]:
    batches = [seeds[start : start + BATCH] for start in range(0, len(seeds), BATCH)]
    if workers == 1:
        yield from map(draw, batches)
        return
    # Spawned, not forked: a notebook's process may hold threads, which a fork would copy in an unknown state.
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        yield from pool.map(draw, batches)


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
            seeds = _face_seeds(n_train, train_seed) + _face_seeds(n_test, test_seed)
            truth = _write_images(unfinished, _in_batches(_draw_csv_batch, seeds, workers), missing, n_test, progress)
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
    return "" if np.isnan(value) else f"{value:.4f}"


def _write_images(
    folder: Path, drawn: Iterator[tuple[list[str], np.ndarray]], missing: np.ndarray, n_test: int, progress: tqdm
) -> np.ndarray:
    """Write training.csv and test.csv; -> the test images' keypoints, (n_test, 15, 2)."""
    truth = np.zeros((n_test, len(KEYPOINT_NAMES), 2))
    n_train = len(missing)
    with (
        open(folder / "training.csv", "w", encoding="ascii", newline="\n") as training,
        open(folder / "test.csv", "w", encoding="ascii", newline="\n") as test,
    ):
        training.write(",".join([*_columns(), "Image"]) + "\n")
        test.write("ImageId,Image\n")
        row = 0
        for pixels, keypoints in drawn:
            for text, points in zip(pixels, keypoints, strict=True):
                if row < n_train:
                    labels = np.where(missing[row][:, None], np.nan, points).ravel()
                    training.write(",".join([*map(_number, labels), text]) + "\n")
                else:
                    truth[row - n_train] = points
                    test.write(f"{row - n_train + 1},{text}\n")
                row += 1
            progress.update(len(pixels))
    return truth


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
    try:
        write_kaggle_folder(args.out, args.train, args.test, args.seed, args.workers)
    except (ValueError, OSError) as error:
        print(f"synthetic_faces: {error}", file=sys.stderr)
        return 1
    print(f"{args.train} training faces and {args.test} test faces in {args.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
