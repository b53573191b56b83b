"""The folder of the 68-point faces: the drawn one, written, or the one that the user names, checked."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
from tqdm import tqdm

from data_scripts.files.errors import DataError
from data_scripts.files.generated import REPOSITORY, keep_generated
from data_scripts.files.pictures import jpeg
from data_scripts.files.whole import whole_folder
from data_scripts.ibug.labels import POINTS, TEST, TEST_TRUTH, TRAIN, IbugFace, labels_text, read_labels
from data_scripts.ibug.photos import photo_of, read_picture
from data_scripts.ibug.pictures import draw_faces

GENERATOR_VERSION = 3  # another number makes `drawn_folder` draw anew
SEED, TRAIN_FACES, TEST_FACES = 0, 400, 100


def write_folder(out: Path, train: int = TRAIN_FACES, test: int = TEST_FACES, seed: int = SEED) -> None:
    """Write pictures and labels to the folder `out`, byte for byte the same for the same sizes and seed.

    The files are written beside `out` first, so an interruption leaves no half-written folder. ValueError for sizes
    below 1; FileExistsError where `out` is there and not empty.
    """
    if min(train, test) < 1:
        raise ValueError(f"train and test: expected at least 1 face, got {train} and {test}; ask for some faces")
    train_seed, test_seed = np.random.SeedSequence(seed).spawn(2)
    with (
        whole_folder(out) as unfinished,
        tqdm(total=train + test, desc=f"Drawing {out.name}", unit="face", disable=None) as bar,
    ):
        for part, count, sequence in (("train", train, train_seed), ("test", test, test_seed)):
            labels = []
            for file, drawn in draw_faces(count, part, sequence):
                (unfinished / file).write_bytes(jpeg(drawn.picture, 90))
                labels.append((IbugFace(file, drawn.box, drawn.points), drawn.picture.shape))
                bar.update()
            bare = [(replace(face, keypoints=None), shape) for face, shape in labels]
            files = {TRAIN: labels} if part == "train" else {TEST: bare, TEST_TRUTH: labels}
            for name, listed in files.items():
                (unfinished / name).write_text(labels_text("drawn faces, 68 points", listed), encoding="iso-8859-1")


def drawn_folder(folder: Path) -> Path:
    """Make sure that a folder holds the drawn faces of the present generator, 400 and 100; return it.

    Raises:
        DataError: if they cannot be written, or the folder holds other files that are not a whole set of faces.
    """
    recipe = {"generator_version": GENERATOR_VERSION, "seed": SEED, "train": TRAIN_FACES, "test": TEST_FACES}
    return keep_generated(folder, recipe, (TRAIN, TEST, TEST_TRUTH), write_folder)


def ibug_folder(root: Path | None = None) -> Path:
    """Return the folder of the 68-point faces: ``root``, else ``$COURSE_IBUG``, else the drawn one.

    The drawn folder lies in ``data/ibug_synthetic`` and is made when it is first asked for.

    Raises:
        DataError: if the folder lacks a file of labels, or the drawn one cannot be written.
    """
    chosen = root or os.environ.get("COURSE_IBUG")
    if not chosen:
        return drawn_folder(REPOSITORY / "data" / "ibug_synthetic")
    folder = Path(chosen).expanduser()
    absent = [name for name in (TRAIN, TEST) if not (folder / name).is_file()]
    if absent:
        raise DataError(f"{folder}: expected a folder with {TRAIN} and {TEST}; it lacks {' and '.join(absent)}")
    return folder


def summary(folder: Path) -> list[str]:
    """Read a folder whole, each picture too; return a line for each file of labels. Raises DataError."""
    lines = []
    for name in (TRAIN, TEST, TEST_TRUTH):
        if name == TEST_TRUTH and not (folder / name).is_file():
            continue
        faces = read_labels(folder / name)
        outside = 0
        for face in faces:
            height, width = read_picture(folder / face.file).shape
            left, top = face.box[:2]
            outside += min(left, top) < 0 or left + face.box[2] > width or top + face.box[3] > height
        sides = sorted(face.box[2] for face in faces)
        labeled = sum(face.keypoints is not None for face in faces)
        photos = len({photo_of(face.file) for face in faces})
        lines.append(
            f"{name}: {len(faces)} faces of {photos} photos, {labeled} with {POINTS} points; boxes {sides[0]} to "
            f"{sides[-1]} pixels wide, {sides[len(sides) // 2]} in the middle; {outside} reach outside of their picture"
        )
    return lines
