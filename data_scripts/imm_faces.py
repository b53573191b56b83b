"""Read a folder in the format of the IMM Face Database: 640x480 pictures (.jpg) with 58 points each (.asf).

    python -m data_scripts.imm_faces                          # check the embedded faces; missing, they are drawn
    python -m data_scripts.imm_faces --root DIR               # check the real folder
    python -m data_scripts.imm_faces --sheet faces.png        # and show some of its faces with their points
    python -m data_scripts.imm_faces --make DIR --seed 3      # draw a folder

The six pictures of a person: neutral, happy, turned to the person's right, turned left, with a lamp at the person's
left, and any grimace. `COURSE_IMM` names the folder for lessons 07 and 08.
"""

from __future__ import annotations

import argparse
import math
import os
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from data_scripts.errors import DataError, explain_os_error
from data_scripts.imm_folder import PERSONS, synthetic_imm, write_imm_folder
from data_scripts.imm_points import IMM_POINTS

_NAME = re.compile(r"(\d\d)-([1-6])[mf]\.asf")
_GREEN = (0, 255, 0)


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
        return synthetic_imm()
    folder = Path(chosen).expanduser()
    if not folder.is_dir() or not any(folder.glob("*.asf")):
        raise DataError(f"{folder}: expected a folder with .asf and .jpg files, found none; name the IMM faces' folder")
    return folder


def asf_files(folder: Path) -> tuple[Path, ...]:
    """The .asf files of a folder, sorted by name; DataError for a name that is not like 01-1m.asf."""
    files = tuple(sorted(folder.glob("*.asf")))
    for path in files:
        if not _NAME.fullmatch(path.name):
            raise DataError(f"{path}: expected a name such as 01-1m.asf (person, picture 1 … 6, m or f); rename it")
    return files


def read_points(path: Path) -> np.ndarray:
    """Read the points of an .asf file: (58, 2) float32, relative to the image's width and height.

    Lines that begin with # are comments. The first other line is the number of points; then comes a line for each:
    path, type, x, y, its number, its neighbors, and in some files three fields more. DataError for another count, a
    missing field, a point out of order, or a coordinate that is no finite number.
    """
    try:
        text = Path(path).read_text(encoding="ascii", errors="replace")
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {explain_os_error(error)}") from error
    lines = [line.split() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    if not lines or lines[0] != [str(IMM_POINTS)]:
        got = " ".join(lines[0])[:40] if lines else "nothing"
        raise DataError(f"{path}: expected {IMM_POINTS}, the number of points, got {got}; copy the file again")
    # A point has seven fields or ten; the line after the last point names the picture.
    rows = [fields for fields in lines[1:] if len(fields) >= 4]
    if len(rows) != IMM_POINTS:
        raise DataError(f"{path}: expected {IMM_POINTS} points, got {len(rows)}; copy the file again")
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
    return points


def read_picture(path: Path, size: tuple[int, int]) -> np.ndarray:
    """Read a picture in gray and shrink it to `size`, (height, width): float32 in [0, 1]; DataError where it fails."""
    height, width = size
    try:
        coded = np.frombuffer(path.read_bytes(), np.uint8)
    except OSError as error:
        raise DataError(f"{path}: the picture cannot be read: {explain_os_error(error)}") from error
    picture = cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE) if len(coded) else None
    if picture is None:
        raise DataError(f"{path}: expected a JPEG picture, got something else; copy the file again")
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
        images=np.stack([read_picture(path.with_suffix(".jpg"), size) for path in files]),
        keypoints=np.stack([read_points(path) for path in files]),
        persons=np.array([int(path.name[:2]) for path in files]),
        files=files,
    )


def imm_sheet(faces: ImmFaces, persons: Sequence[int]) -> np.ndarray:
    """All pictures of some persons, a row for each, with their points: one picture, blue-green-red uint8."""
    rows: list[np.ndarray] = []
    height, width = faces.images.shape[1:]
    for person in persons:
        tiles: list[np.ndarray] = []
        for number in np.flatnonzero(faces.persons == person)[:6]:
            gray = np.round(faces.images[number] * 255).astype(np.uint8)
            tile = cv2.cvtColor(gray, cv2.COLOR_GRAY2BGR)
            for x, y in faces.keypoints[number].astype(float) * (width, height) - 0.5:
                cv2.circle(tile, (round(x * 16), round(y * 16)), 20, _GREEN, -1, cv2.LINE_AA, 4)
            tiles.append(tile)
        tiles += [np.zeros_like(tiles[0])] * (6 - len(tiles))
        rows.append(np.hstack(tiles))
    return np.vstack(rows)


def main(argv: list[str] | None = None) -> int:
    """Command line; -> exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m data_scripts.imm_faces",
        description="Check, show or draw a folder in the format of the IMM Face Database (.jpg and .asf).",
    )
    folder = parser.add_mutually_exclusive_group()
    folder.add_argument("--root", type=Path, default=None, metavar="DIR", help="check this folder (default: embedded)")
    folder.add_argument("--make", type=Path, default=None, metavar="DIR", help="draw faces into a folder")
    parser.add_argument("--seed", type=int, default=0, help="of the faces that --make draws (%(default)s)")
    parser.add_argument("--persons", type=int, default=PERSONS, help="that --make draws (%(default)s)")
    parser.add_argument(
        "--sheet", type=Path, default=None, metavar="FILE.png", help="show five persons and their points"
    )
    args = parser.parse_args(argv)
    try:
        if args.make is not None:
            write_imm_folder(args.make, args.seed, args.persons)
        root = imm_folder(args.make or args.root)
        faces = load_imm(root, (240, 320))
        if args.sheet is not None:
            picture = imm_sheet(faces, np.unique(faces.persons)[:: max(1, len(np.unique(faces.persons)) // 5)][:5])
            args.sheet.parent.mkdir(parents=True, exist_ok=True)
            args.sheet.write_bytes(cv2.imencode(".png", picture)[1].tobytes())
    except (ValueError, OSError) as error:
        print(f"imm_faces: {error}", file=sys.stderr)
        return 1
    persons, points = len(np.unique(faces.persons)), faces.keypoints.shape[1]
    print(f"{root}: {len(faces.files)} pictures of {persons} person{'s' * (persons != 1)} with {points} points each")
    return 0


if __name__ == "__main__":
    sys.exit(main())
