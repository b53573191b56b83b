"""Write a folder of drawn faces in the format of the IMM Face Database: 40 persons six times, .jpg beside .asf."""

from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from data_scripts.files.generated import keep_generated
from data_scripts.files.pictures import jpeg
from data_scripts.files.whole import whole_folder
from data_scripts.imm.pictures import KINDS, draw_person, draw_picture

PERSONS = 40
WOMEN = frozenset({8, 12, 14, 15, 22, 30, 35})  # the numbers of the set's women
GENERATOR_VERSION = 2  # another number makes `drawn_folder` draw anew
_JPEG_QUALITY = 92
# The points of each part, first to last, and whether its line is closed: its last point leads to its first.
_PATHS = ((0, 12, 4), (13, 20, 0), (21, 28, 0), (29, 33, 4), (34, 38, 4), (39, 46, 0), (47, 57, 4))
# Every byte of a drawn file stays the same, its first comment too.
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
    names = iter(stems(persons))
    seeds = np.random.SeedSequence(seed).spawn(persons)
    with whole_folder(out) as unfinished:
        for number, child in enumerate(tqdm(seeds, unit="person", desc=f"Drawing {out.name}", disable=None), start=1):
            rng = np.random.default_rng(child)
            person = draw_person(rng, number in WOMEN)
            for kind in range(1, len(KINDS) + 1):
                _write_picture(unfinished, next(names), *draw_picture(person, kind, rng))


def _write_picture(folder: Path, stem: str, image: np.ndarray, points: np.ndarray) -> None:
    """Write one picture, (480, 640) uint8, and its points; the real pictures have three channels, so these do too."""
    colored = cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
    (folder / f"{stem}.jpg").write_bytes(jpeg(colored, _JPEG_QUALITY))
    (folder / f"{stem}.asf").write_text(asf_text(points, f"{stem}.jpg"), encoding="ascii", newline="\n")


def drawn_folder(folder: Path) -> Path:
    """Make sure that a folder holds the drawn faces of the present generator, of 40 persons; return it.

    Raises:
        DataError: if they cannot be written, or the folder holds other files that are not a whole set of faces.
    """
    files = [f"{stem}{ending}" for stem in stems() for ending in (".asf", ".jpg")]
    recipe = {"generator_version": GENERATOR_VERSION, "seed": 0, "persons": PERSONS}
    return keep_generated(folder, recipe, files, write_imm_folder)
