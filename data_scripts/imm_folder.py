"""Write a folder of drawn faces in the format of the IMM Face Database: 40 persons six times, .jpg beside .asf."""

import os
import shutil
import tempfile
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from data_scripts.folders import REPOSITORY, keep_generated
from data_scripts.imm_drawing import KINDS, draw_person, draw_picture

PERSONS = 40
WOMEN = frozenset({8, 12, 14, 15, 22, 30, 35})  # the numbers of the set's women
GENERATOR_VERSION = 2  # another number makes `synthetic_imm` draw the embedded faces anew
_JPEG_QUALITY = 92
# The points of each part, first to last, and whether its line is closed: its last point leads to its first.
_PATHS = ((0, 12, 4), (13, 20, 0), (21, 28, 0), (29, 33, 4), (34, 38, 4), (39, 46, 0), (47, 57, 4))
_HEAD = """######################################################################
#
#    AAM Shape File  -  drawn by data_scripts.imm_folder
#
######################################################################

#
# number of model points
#
58

#
# model points
#
# format: <path#> <type> <x rel.> <y rel.> <point#> <connects from> <connects to>
#
"""
_FOOT = """
#
# host image
#
"""


def stems(persons: int = PERSONS) -> tuple[str, ...]:
    """The names of the pictures without their endings, such as 01-1m: person, kind of picture, m or f; sorted."""
    return tuple(
        f"{person:02d}-{kind}{'f' if person in WOMEN else 'm'}"
        for person in range(1, persons + 1)
        for kind in range(1, len(KINDS) + 1)
    )


def asf_text(points: np.ndarray, picture: str) -> str:
    """The text of an .asf file: `points` (58, 2) relative to width and height, `picture` the .jpg's name."""
    lines: list[str] = []
    for path, (first, last, kind) in enumerate(_PATHS):
        is_closed = kind == 0
        for number in range(first, last + 1):
            before = number - 1 if number > first else (last if is_closed else first)
            after = number + 1 if number < last else (first if is_closed else last)
            x, y = points[number]
            lines.append(f"{path} \t{kind} \t{x:.8f} \t{y:.8f} \t{number} \t{before} \t{after}\n")
    return _HEAD + "".join(lines) + _FOOT + picture + "\n"


def write_imm_folder(out: Path, seed: int = 0, persons: int = PERSONS) -> None:
    """Draw the faces of `persons` persons into the folder `out`, byte for byte the same for the same seed.

    The files are written beside `out` first, so an interruption leaves no half-written folder. ValueError for fewer
    than 1 or more than 99 persons; FileExistsError where `out` is there and not empty.
    """
    if not 1 <= persons <= 99:
        raise ValueError(f"persons must be 1 … 99, got {persons}; file names have two digits for the person")
    out = Path(out)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise FileExistsError(f"{out} is there and not empty; remove it, or name another folder")
    out.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    names = iter(stems(persons))
    try:
        for number, child in enumerate(
            tqdm(np.random.SeedSequence(seed).spawn(persons), unit="person", desc=f"Drawing {out.name}", disable=None),
            start=1,
        ):
            rng = np.random.default_rng(child)
            person = draw_person(rng, number in WOMEN)
            for kind in range(1, len(KINDS) + 1):
                _write_picture(unfinished, next(names), *draw_picture(person, kind, rng))
        unfinished.chmod(0o755)
        if out.exists():
            out.rmdir()
        os.replace(unfinished, out)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise


def _write_picture(folder: Path, stem: str, image: np.ndarray, points: np.ndarray) -> None:
    """Write one picture, (480, 640) uint8, and its points; the real pictures have three channels, so these do too."""
    colored = cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
    _, coded = cv2.imencode(".jpg", colored, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    (folder / f"{stem}.jpg").write_bytes(coded.tobytes())
    (folder / f"{stem}.asf").write_text(asf_text(points, f"{stem}.jpg"), encoding="ascii", newline="\n")


def synthetic_imm() -> Path:
    """The embedded faces, `data/imm` in the repository; drawn when first asked for, which takes half a minute.

    DataError where they cannot be written, or the folder holds something else.
    """
    files = [f"{stem}{ending}" for stem in stems() for ending in (".asf", ".jpg")]
    recipe = {"generator_version": GENERATOR_VERSION, "seed": 0, "persons": PERSONS}
    return keep_generated(REPOSITORY / "data" / "imm", recipe, files, write_imm_folder)
