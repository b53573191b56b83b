"""Read faces with 68 points in the format of the iBUG 300-W contest: XML files that name pictures, boxes and points.

    python -m data_scripts.ibug_faces                 # the drawn folder, made at first use: what is in it
    python -m data_scripts.ibug_faces --root DIR      # the same of a real folder

A folder holds the pictures and three files: labels_ibug_300W_train.xml and labels_ibug_300W_test_truth.xml with boxes
and points, labels_ibug_300W_test.xml with boxes alone.

Pictures count from 0: (x, y) is the center of the pixel in column x and row y.
"""

from __future__ import annotations

import argparse
import math
import os
import re
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from data_scripts.errors import DataError, explain_os_error
from data_scripts.folders import REPOSITORY

TRAIN, TEST, TEST_TRUTH = (f"labels_ibug_300W_{name}.xml" for name in ("train", "test", "test_truth"))
POINTS = 68
FOLDER_VARIABLE = "COURSE_IBUG"
_SIDES = ("left", "top", "width", "height")
# helen__trainset__2908549_1, afw__18489332_10 and ibug__image_003_1 end in the number of a face in its photo;
# lfpw__trainset__image_0476 does not.
_FACE_NUMBER = re.compile(r"(?<=\d)_\d{1,2}$")


@dataclass(frozen=True)
class IbugFace:
    """One face of a file of labels.

    Attributes:
        file: name of the picture, which lies beside the file of labels.
        box: left, top, width, height in pixels.
        keypoints: (68, 2) float32 pixels, (x, y), or None where the file gives the box alone.
    """

    file: str
    box: tuple[int, int, int, int]
    keypoints: np.ndarray | None


def read_labels(path: Path) -> list[IbugFace]:
    """Read the faces of one XML file, in its order.

    Raises:
        DataError: if the file cannot be read or is broken; the message names the picture and what is wrong.
    """
    try:
        root = ElementTree.parse(path).getroot()
    except FileNotFoundError:
        raise DataError(f"{path}: there is no such file; name the folder that holds it with --root") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {explain_os_error(error)}") from error
    except (ElementTree.ParseError, ValueError) as error:
        raise DataError(f"{path}: expected XML, got {error}; download the file again") from None
    faces = []
    for image in root.iter("image"):
        file = image.get("file")
        if not file:
            raise DataError(f"{path}: an image without the name of its file; download the file again")
        faces += [_read_box(box, file, f"{path}, {file}") for box in image.iter("box")]
    if not faces:
        raise DataError(f"{path}: expected boxes of faces, got none; name a file of labels")
    return faces


def _read_box(box: ElementTree.Element, file: str, where: str) -> IbugFace:
    sides = tuple(round(_number(box, side, where)) for side in _SIDES)
    if min(sides[2:]) < 1:
        raise DataError(f"{where}: expected a box of at least 1 pixel, got width {sides[2]} and height {sides[3]}")
    parts = box.findall("part")
    if not parts:
        return IbugFace(file, sides, None)
    found = {part.get("name"): (_number(part, "x", where), _number(part, "y", where)) for part in parts}
    names = [f"{number:02d}" for number in range(POINTS)]
    if len(parts) != POINTS or set(found) != set(names):
        raise DataError(f"{where}: expected {POINTS} points named 00 to {POINTS - 1}, each once, got {len(parts)}")
    return IbugFace(file, sides, np.array([found[name] for name in names], np.float32))


def _number(element: ElementTree.Element, name: str, where: str) -> float:
    text = element.get(name)
    try:
        value = float(text) if text is not None else math.nan
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        came = "none" if text is None else repr(text)
        raise DataError(f"{where}: expected a number for {name} of a {element.tag}, got {came}; download it again")
    return value


def read_picture(path: Path) -> np.ndarray:
    """Read a picture in shades of gray: (H, W) float32 in [0, 1]; DataError where it cannot be read."""
    try:
        coded = np.frombuffer(Path(path).read_bytes(), np.uint8)
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {explain_os_error(error)}") from error
    picture = cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE) if len(coded) else None
    if picture is None:
        raise DataError(f"{path}: expected a picture such as a .jpg, got something else; download it again")
    return picture.astype(np.float32) / 255


def photo_of(file: str) -> str:
    """Name the photo that a face was cut from: ``afw__18489332_10.jpg`` is face 10 of ``afw__18489332``."""
    return _FACE_NUMBER.sub("", Path(file).stem)


def split_by_photo(files: Sequence[str], val_fraction: float = 0.2, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Split faces into training and validation; the faces of one photo all go to the same side.

    Args:
        files: names of the N pictures.
        val_fraction: share of the photos that validate.
        seed: of the shuffling; the global random state is left alone.

    Returns:
        Two sorted arrays of row numbers, disjoint, together all of 0 … N-1.
    """
    photos = np.array([photo_of(file) for file in files])
    shuffled = np.random.default_rng(seed).permutation(np.unique(photos))
    validates = np.isin(photos, shuffled[: round(len(shuffled) * val_fraction)])
    return np.flatnonzero(~validates), np.flatnonzero(validates)


def ibug_folder(root: Path | None = None) -> Path:
    """Return the folder of the 68-point faces: ``root``, else ``$COURSE_IBUG``, else the drawn one.

    The drawn folder lies in ``data/ibug_synthetic`` and is made when it is first asked for.

    Raises:
        DataError: if the folder lacks a file of labels, or the drawn one cannot be written.
    """
    chosen = root or os.environ.get(FOLDER_VARIABLE)
    if not chosen:
        # Imported here: drawing needs more than reading.
        from data_scripts.ibug_drawing import drawn_folder

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


def main(argv: list[str] | None = None) -> int:
    """Command line; -> exit status."""
    parser = argparse.ArgumentParser(description="Check a folder of 68-point faces and say what is in it.")
    parser.add_argument("--root", type=Path, metavar="DIR", help="a real folder (default: the drawn one)")
    args = parser.parse_args(argv)
    try:
        folder = ibug_folder(args.root)
        print("\n".join(summary(folder)))
    except DataError as error:
        print(f"ibug_faces: {error}", file=sys.stderr)
        return 1
    print(f"All pictures can be read: {folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
