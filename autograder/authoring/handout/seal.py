"""Seal what spells an answer out. Alone on the standard library: a build of the wheel runs this without the course."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

ARCHIVE = "autograder/sealed.bin"
# The checks compute right answers and hold the catalogue of mistakes, which are references with one change. These rooms
# of data_scripts train, read and measure as the lessons ask a student to.
SEALED_ROOMS = (
    "autograder/checks",
    "data_scripts/heatmaps",
    "data_scripts/ibug",
    "data_scripts/imm",
    "data_scripts/kaggle",
    "data_scripts/studies",
    "data_scripts/training",
)
# Rooms and commands of who writes lessons and grades a class.
TEACHERS_ROOMS = (
    "autograder/authoring",
    "autograder/classroom",
    "autograder/commands/authoring.py",
    "autograder/commands/classroom.py",
    "autograder/commands/exports.py",
    "autograder/commands/extension.py",
    "autograder/commands/feedback.py",
    "autograder/commands/handout.py",
    "autograder/commands/students.py",
    "autograder/commands/site.py",
)
_KINDS = (".py", ".yaml", ".json")
# The same moment for every file, so that the same course gives the same archive.
_MOMENT = (2020, 1, 1, 0, 0, 0)


def files_below(root: Path, room: str) -> list[str]:
    """Return the places of a room's source files, from ``root`` on, sorted."""
    found = [path for path in (root / room).rglob("*") if path.suffix in _KINDS and "__pycache__" not in path.parts]
    return sorted(path.relative_to(root).as_posix() for path in found)


def lies_in(place: str, rooms: tuple[str, ...]) -> bool:
    """Return whether a place is one of the rooms or lies in one."""
    return any(place == room or place.startswith(f"{room}/") for room in rooms)


def seal(root: Path) -> bytes:
    """Return the archive of a course's folder: the sealed rooms, and the notebooks of the reference solutions."""
    places = [place for room in SEALED_ROOMS for place in files_below(root, room)]
    places += [path.relative_to(root).as_posix() for path in sorted((root / "solutions").glob("*/*.ipynb"))]
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for place in places:
            text = (root / place).read_bytes().replace(b"\r\n", b"\n")
            archive.writestr(zipfile.ZipInfo(place, _MOMENT), text, zipfile.ZIP_DEFLATED)
    return content.getvalue()
