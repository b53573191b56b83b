"""Read a folder in the format of the IMM Face Database: 640x480 pictures (.jpg) with 58 points each (.asf)."""

from __future__ import annotations

import math
import os
import re
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from data_scripts.files.errors import DataError, explain_os_error
from data_scripts.files.generated import REPOSITORY
from data_scripts.files.pictures import read_gray
from data_scripts.imm.folder import drawn_folder
from data_scripts.imm.points import IMM_POINTS

_NAME = re.compile(r"(\d\d)-([1-6])[mf]\.asf", re.IGNORECASE)
# A point may lie a little outside of the picture; pixels lie far beyond.
_FAR = 2.0


@dataclass(frozen=True)
class ImmFaces:
    """The faces of one folder, in the order of their file names."""

    images: np.ndarray  # (N, height, width) float32 in [0, 1]
    keypoints: np.ndarray  # (N, 58, 2) float32, x and y relative to the image's width and height
    persons: np.ndarray  # (N,) int, 1 … 40
    files: tuple[Path, ...]  # the N .asf files, sorted


def imm_folder(root: Path | None = None) -> Path:
    """The folder to read: `root`, else `$COURSE_IMM`, else the embedded faces, drawn when first asked for.

    DataError where it is no folder with .asf files, or the embedded faces cannot be written.
    """
    chosen = root if root is not None else os.environ.get("COURSE_IMM")
    if not chosen:
        return drawn_folder(REPOSITORY / "data" / "imm")
    folder = Path(chosen).expanduser()
    if not folder.is_dir() or not _asf(folder):
        raise DataError(f"{folder}: expected a folder with .asf and .jpg files, found none; name the IMM faces' folder")
    return folder


def _asf(folder: Path) -> list[Path]:
    """The files of a folder that end in .asf or .ASF; not those that macOS writes beside each, such as ._01-1m.asf."""
    return [path for path in folder.iterdir() if path.suffix.lower() == ".asf" and not path.name.startswith(".")]


def asf_files(folder: Path) -> tuple[Path, ...]:
    """The .asf files of a folder, sorted by name; DataError for a name that is not like 01-1m.asf."""
    files = tuple(sorted(_asf(folder)))
    for path in files:
        if not _NAME.fullmatch(path.name):
            raise DataError(f"{path}: expected a name such as 01-1m.asf (person, picture 1 … 6, m or f); rename it")
    return files


def read_points(path: Path) -> np.ndarray:
    """Read the points of an .asf file: (58, 2) float32, relative to the image's width and height.

    Lines that begin with # are comments. The first other line is the number of points; then comes a line for each:
    path, type, x, y, its number, its neighbors, and in some files three fields more; the picture's name may follow,
    with or without blanks. DataError for another count, a missing field, a point out of order, a coordinate that is no
    finite number, or coordinates in pixels.
    """
    try:
        # Some editors put a byte order mark before the first line.
        text = Path(path).read_text(encoding="utf-8-sig", errors="replace")
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {explain_os_error(error)}") from error
    lines = [line.split() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    if not lines or lines[0] != [str(IMM_POINTS)]:
        got = " ".join(lines[0])[:40] if lines else "nothing"
        raise DataError(f"{path}: expected {IMM_POINTS}, the number of points, got {got}; copy the file again")
    # The line behind the last point names the picture, in one word or more.
    rows = lines[1:]
    if len(rows) == IMM_POINTS + 1 and not _is_point(rows[-1]):
        rows = rows[:-1]
    if len(rows) != IMM_POINTS:
        raise DataError(f"{path}: expected {IMM_POINTS} points, got {len(rows)} lines; copy the file again")
    points = np.empty((IMM_POINTS, 2), np.float32)
    for number, fields in enumerate(rows):
        try:
            x, y, own_number = float(fields[2]), float(fields[3]), int(fields[4])
        except (ValueError, IndexError):
            x = y = math.nan
            own_number = number
        if not (math.isfinite(x) and math.isfinite(y)) or own_number != number:
            raise DataError(
                f"{path}: expected path, type, x, y and {number} for point {number}, got "
                f"{' '.join(fields)[:60]!r}; copy the file again"
            )
        points[number] = x, y
    if np.abs(points).max() > _FAR:
        x, y = points[np.abs(points).max(axis=1).argmax()]
        raise DataError(
            f"{path}: expected x and y relative to the picture's width and height, got ({x:g}, {y:g}); divide pixels "
            "by the picture's size"
        )
    return points


def _is_point(fields: list[str]) -> bool:
    """Whether a line's fields are those of a point, seven numbers or more."""
    try:
        return len(fields) >= 7 and all(math.isfinite(float(field)) for field in fields[:7])
    except ValueError:
        return False


def _picture_of(path: Path) -> Path:
    """The picture beside an .asf file, whose ending may be written in capitals; .jpg where there is none."""
    found = [path.with_suffix(ending) for ending in (".jpg", ".JPG", ".jpeg", ".JPEG")]
    return next((picture for picture in found if picture.is_file()), found[0])


def read_picture(path: Path, size: tuple[int, int]) -> np.ndarray:
    """Read a picture in gray and shrink it to `size`, (height, width): float32 in [0, 1]; DataError where it fails."""
    height, width = size
    picture = read_gray(path)
    if picture.shape != (height, width):
        picture = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
    return picture.astype(np.float32) / np.float32(255)


def load_imm(root: Path | None = None, size: tuple[int, int] = (60, 80)) -> ImmFaces:
    """Read all faces of a folder.

    Args:
        root: the folder; None takes `$COURSE_IMM` where it is set, else the embedded faces, drawn on first use.
        size: height and width of the images.

    Raises:
        DataError: a file is missing or broken; the message names it.
        ValueError: for a size below 1.
    """
    if min(size) < 1:
        raise ValueError(f"size: expected height and width of at least 1, got {size}")
    files = asf_files(imm_folder(root))
    return ImmFaces(
        images=np.stack([read_picture(_picture_of(path), size) for path in files]),
        keypoints=np.stack([read_points(path) for path in files]),
        persons=np.array([int(path.name[:2]) for path in files]),
        files=files,
    )
