"""What a students' repository keeps sealed: everything that spells an answer out, in one archive beside the engine.

``sealed.bin`` is a zip that Python imports from as it does from a folder (``zipimport``), and whose texts are
compressed: nobody comes upon an answer by opening a file or searching through all of them. It hides nothing from who
takes the archive apart; the teacher grades with the course's own files, never with these.
"""

from __future__ import annotations

import zipfile
from importlib.resources.abc import Traversable
from pathlib import Path

from .root import PACKAGE

# autograder/__init__.py and data_scripts/__init__.py look into it for what is in no folder of theirs.
SEALED = PACKAGE / "sealed.bin"


def folder_beside(module_file: str) -> Traversable:
    """Return the folder that a module's file lies in, which may be one of the archive's."""
    folder = Path(module_file).parent
    inside = folder.is_relative_to(SEALED)
    return zipfile.Path(SEALED, f"{folder.relative_to(SEALED).as_posix()}/") if inside else folder


def course_file(place: str) -> Traversable:
    """Return a file of the course by its place below the course's folder: the open one, else the sealed one.

    Where neither is there, the path that it would have.
    """
    path = PACKAGE.parent / place
    return zipfile.Path(SEALED, place) if SEALED.is_file() and not path.is_file() else path
